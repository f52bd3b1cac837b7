//! What the stores of releases tell: records, access, and what became of entries.

use std::sync::Arc;

use super::{announce, append, begin, check, phase};
use crate::app::model::Model;
use crate::app::model::notices::Tone;
use crate::app::update::{Redraw, Turn};
use crate::domain::id::{EnvironmentName, ReleaseId};
use crate::domain::release::approval::Choice;
use crate::domain::release::record::{Body, Entry, FORMAT, Record};
use crate::domain::release::{Release, machine};
use crate::port::releases::{Access, Event};

/// Takes what a store tells.
pub(in crate::app::update) fn take(model: &mut Model, event: Event, turn: &mut Turn) {
    match event {
        Event::Access { environment, access } => accessed(model, &environment, access),
        Event::Record { record, .. } => recorded(model, *record, turn),
        Event::Gone { release, .. } => gone(model, &release, turn),
        Event::Appended { seq, release, result } => {
            begin::answered(model, seq, result.as_ref().err(), turn);
            if let Some(pending) = append::answered(model, seq, result.as_ref().err()) {
                announce::accepted(model, &release, &pending.bodies, turn);
            }
            // The record may have come before the answer: what waited for either goes on.
            check::recorded(model, &release, turn);
        }
        Event::Pruned { environment, count } => {
            let noun = if count == 1 { "release was" } else { "releases were" };
            model.notices.add(model.now, Tone::Info, None, format!("{count} ended {noun} removed from {environment}, as the plan says"));
        }
    }
    turn.redraw(Redraw::Soon);
}

/// A store that can be used is what everybody expects: only what is less, or comes back, is said.
fn accessed(model: &mut Model, environment: &EnvironmentName, access: Access) {
    let before = model.releases.access.insert(environment.clone(), access.clone());
    if before.as_ref() == Some(&access) {
        return;
    }
    let (tone, text) = match access {
        Access::ReadOnly(why) => (Tone::Warn, format!("releases of {environment}: read-only: {why}")),
        Access::Unreadable(why) => (Tone::Bad, format!("releases of {environment} cannot be read: {why}")),
        Access::Writable if matches!(before, Some(Access::ReadOnly(_) | Access::Unreadable(_))) => {
            (Tone::Good, format!("releases of {environment}: writable again"))
        }
        Access::Writable | Access::Loading => return,
    };
    model.notices.add(model.now, tone, None, text);
}

fn recorded(model: &mut Model, mut record: Record, turn: &mut Turn) {
    let id = record.id.clone();
    if record.format > FORMAT {
        record.problems.push(format!("written by a newer console: format {}, this one knows {FORMAT}", record.format));
    }
    model.releases.lost.remove(&id);
    let folded = machine::fold(&record);
    let told = model.releases.problems.insert(id.clone(), record.problems.clone());
    if !record.problems.is_empty() && told.as_ref() != Some(&record.problems) {
        let more = record.problems.len();
        let first = record.problems.first().cloned().unwrap_or_default();
        model.notices.add(model.now, Tone::Bad, None, format!("release {id}: {first} ({more} in all): its gate stays shut"));
    }
    let release = match folded {
        Ok(release) => Arc::new(release),
        Err(why) => {
            model.releases.remove(&id);
            model.notices.add(model.now, Tone::Bad, None, format!("release {id}: {why}"));
            return;
        }
    };
    let before = model.releases.get(&id).cloned();
    model.releases.set(Arc::clone(&release));
    if let Some(before) = before {
        tell(model, &before, &release);
    }
    begin::recorded(model, &release, turn);
    check::recorded(model, &id, turn);
    phase::settle(model, &id, turn);
}

/// Tells what other consoles did since: what was done here one has seen oneself.
fn tell(model: &mut Model, before: &Release, now: &Release) {
    let fresh = now.entries.iter().skip(before.entries.len());
    let mut told = Vec::new();
    for entry in fresh {
        if let Some((tone, text)) = words(entry, model.console == entry.console) {
            told.push((tone, format!("{}: {text}", now.brief.route())));
        }
    }
    for (tone, text) in told {
        model.notices.add(model.now, tone, None, text);
    }
}

/// Returns what is said in passing of an entry.
fn words(entry: &Entry, own: bool) -> Option<(Tone, String)> {
    let who = &entry.actor;
    Some(match &entry.body {
        Body::Opened => (Tone::Good, "the gate is open".into()),
        Body::Shut { sentence } => (Tone::Bad, format!("the gate is shut: {sentence}")),
        Body::Overridden { over } => (Tone::Bad, format!("{who} overrode the gate: {}", over.reason)),
        Body::Verifying => (Tone::Good, "its rollouts are done: validate it".into()),
        Body::RolledBack { reason } => (Tone::Bad, format!("rolled back: {reason}")),
        Body::Finished => (Tone::Good, "done".into()),
        Body::Bound { .. } if own => return None,
        Body::Bound { .. } => (Tone::Warn, "bound to other bytes: ticks and approvals before are void".into()),
        _ if own => return None,
        Body::Announced => (Tone::Info, format!("{who} announced it")),
        Body::Decided { decision } => match decision.choice {
            Choice::Approve => (Tone::Good, format!("{who} approved ({})", decision.role)),
            Choice::Refuse => (Tone::Bad, format!("{who} refused ({}): {}", decision.role, decision.reason)),
            Choice::Withdraw => (Tone::Warn, format!("{who} withdrew ({})", decision.role)),
        },
        Body::Scheduled { schedule: Some(schedule) } => {
            (Tone::Warn, format!("{who} armed its start for {} on {}", schedule.at.strftime("%H:%M:%SZ"), schedule.console))
        }
        Body::Scheduled { schedule: None } => (Tone::Info, "its start is armed no longer".into()),
        Body::Began { rollout, .. } => (Tone::Info, format!("{who} began {rollout}")),
        Body::Aborted { reason } => (Tone::Warn, format!("{who} gave it up: {reason}")),
        Body::Alert { name, firing: true, text } => (Tone::Bad, format!("alert {name}: {text}")),
        Body::Noted { text, log: false } => (Tone::Info, format!("{who}: {text}")),
        _ => return None,
    })
}

/// A record that goes away while its release is not over was deleted by somebody. It stays here as it was last seen, with its
/// gate shut; the next key that somebody presses on it writes it anew, whole.
fn gone(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    check::forget(model, id, turn);
    model.releases.armed.remove(id);
    let Some(release) = model.releases.get(id).cloned() else { return };
    if release.phase.ended() {
        model.releases.remove(id);
        return;
    }
    let why = "its record was deleted from outside: what is done here next writes it again".to_owned();
    model.notices.add(model.now, Tone::Bad, None, format!("{}: {why}", release.brief.route()));
    model.releases.problems.insert(id.clone(), vec![why]);
    model.releases.lost.insert(id.clone());
}
