//! Entries on their way to the store: written once, shown as pending until it answers, and told of where it refuses.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::notices::Tone;
use crate::app::model::releases::Pending;
use crate::app::update::Turn;
use crate::domain::id::ReleaseId;
use crate::domain::release::machine;
use crate::domain::release::record::{Body, Entry};
use crate::port::{Seq, releases};

/// Hands entries to the store of their release, all or none. `asked`: somebody pressed a key for it, and is told why where it
/// cannot be. The same again while it is on its way is nothing.
pub(in crate::app::update) fn append(model: &mut Model, id: &ReleaseId, bodies: Vec<Body>, asked: bool, turn: &mut Turn) -> Option<Seq> {
    match ready(model, id, &bodies) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(why) => {
            if asked {
                model.notices.add(model.now, Tone::Bad, None, format!("not recorded: {why}"));
            }
            return None;
        }
    }
    let lost = model.releases.lost.contains(id);
    if lost && !asked {
        return None;
    }
    let whole = std::sync::Arc::clone(model.releases.get(id)?);
    let environment = whole.brief.environment.clone();
    let (actor, voucher) = model.person(&environment);
    let (at, console) = (model.now, model.console.clone());
    let entry = |body| Entry { at, actor: actor.clone(), voucher, console: console.clone(), body };
    let entries: Vec<Entry> = bodies.iter().cloned().map(entry).collect();
    let seq = model.releases.seq.advance();
    model.releases.pending.insert(seq, Pending { release: id.clone(), bodies, since: at, asked });
    let release = id.clone();
    turn.push(Effect::Releases(if lost {
        let entries = whole.entries.iter().cloned().chain(entries).collect();
        releases::Command::Create { seq, environment, release, entries }
    } else {
        releases::Command::Append { seq, environment, release, entries }
    }));
    Some(seq)
}

/// Returns whether entries may be sent: false where they are on their way already.
///
/// # Errors
///
/// Why the store would not take them, as far as is known here.
fn ready(model: &Model, id: &ReleaseId, bodies: &[Body]) -> Result<bool, String> {
    let release = model.releases.get(id).ok_or("the release is not there any more")?;
    if bodies.is_empty() || bodies.iter().all(|body| model.releases.sent(id).any(|sent| same(sent, body))) {
        return Ok(false);
    }
    if let Some(why) = model.unwritable(&release.brief.environment) {
        return Err(why);
    }
    let (actor, voucher) = model.person(&release.brief.environment);
    let mut ahead = (**release).clone();
    let entry = |body: &Body| Entry { at: model.now, actor: actor.clone(), voucher, console: model.console.clone(), body: body.clone() };
    for sent in model.releases.sent(id) {
        // What is on its way may be refused by the store; then this is judged by what is there.
        drop(machine::take(&mut ahead, entry(sent)));
    }
    bodies.iter().try_for_each(|body| machine::take(&mut ahead, entry(body)))?;
    Ok(true)
}

/// Whether two entries say the same, whenever each was said.
fn same(one: &Body, other: &Body) -> bool {
    match (one, other) {
        (Body::Checked { item: a, outcome: x, .. }, Body::Checked { item: b, outcome: y, .. }) => a == b && x.verdict == y.verdict,
        (Body::Decided { decision: a }, Body::Decided { decision: b }) => a.role == b.role && a.choice == b.choice,
        (Body::Shut { .. }, Body::Shut { .. })
        | (Body::RolledBack { .. }, Body::RolledBack { .. })
        | (Body::Aborted { .. }, Body::Aborted { .. })
        | (Body::Overridden { .. }, Body::Overridden { .. }) => true,
        _ => one == other,
    }
}

/// Takes the store's answer, and returns what it took.
pub(super) fn answered(model: &mut Model, seq: Seq, failure: Option<&releases::Failure>) -> Option<Pending> {
    let pending = model.releases.pending.remove(&seq)?;
    let Some(failure) = failure else { return Some(pending) };
    let what = pending.bodies.first().map_or("it", said);
    if failure.in_doubt {
        let text = format!("{what} may be recorded or not: {failure}; the record will tell");
        model.notices.add(model.now, Tone::Bad, None, text);
    } else if pending.asked {
        model.notices.add(model.now, Tone::Bad, None, format!("{what} is not recorded: {failure}"));
    }
    None
}

/// Returns what an entry is, as the subject of a sentence.
fn said(body: &Body) -> &'static str {
    match body {
        Body::Drafted { .. } => "the brief",
        Body::Bound { .. } => "what it is bound to",
        Body::Announced => "the announcement",
        Body::Checked { .. } => "the outcome",
        Body::Cleared { .. } => "the tick's removal",
        Body::Decided { .. } => "the decision",
        Body::Opened | Body::Shut { .. } => "the gate's turn",
        Body::Overridden { .. } => "the override",
        Body::Scheduled { .. } => "the schedule",
        Body::Began { .. } => "the begin",
        Body::Moved { .. } | Body::Ordered { .. } | Body::Outcome { .. } | Body::Alert { .. } => "what happened",
        Body::Verifying | Body::Finished => "the end",
        Body::RolledBack { .. } => "the roll back",
        Body::Aborted { .. } => "the giving up",
        Body::Noted { .. } => "the note",
    }
}
