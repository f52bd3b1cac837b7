//! What is told to people who have no console open, by the one console whose entry the store took.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::notices::Tone;
use crate::app::update::{Redraw, Turn};
use crate::domain::announcement::{Announcement, Occasion};
use crate::domain::id::ReleaseId;
use crate::domain::release::record::Body;
use crate::domain::release::{Kind, Phase, Release, approval};
use crate::port::notify::{Command, Event};
use crate::port::terminal;

/// The store took entries of this console: what they are worth to others is announced.
pub(super) fn accepted(model: &mut Model, id: &ReleaseId, bodies: &[Body], turn: &mut Turn) {
    let Some(release) = model.releases.get(id).cloned() else { return };
    for body in bodies {
        if let Some((occasion, sentence)) = news(&release, body) {
            announce(model, &release, occasion, sentence, turn);
        }
        let asks = match body {
            Body::Announced => true,
            // Those who had approved are asked once more.
            Body::Bound { .. } => !release.decisions.is_empty() && matches!(release.phase, Phase::Checking | Phase::Ready),
            _ => false,
        };
        if asks && let Some(sentence) = asked(model, &release) {
            announce(model, &release, Occasion::ApprovalAsked, sentence, turn);
        }
    }
}

/// Returns what an entry is to people far away.
fn news(release: &Release, body: &Body) -> Option<(Occasion, String)> {
    let expected = || release.brief.duration.map_or_else(String::new, |length| format!(", about {} min", length.as_mins()));
    Some(match body {
        Body::Announced if release.brief.kind == Kind::Emergency => {
            let why = release.brief.criterion.as_deref().unwrap_or("no criterion named");
            (Occasion::Announced, format!("an emergency: {why}"))
        }
        Body::Announced => (Occasion::Announced, format!("announced by {}{}", release.brief.author, expected())),
        Body::Opened => (Occasion::GateOpened, "the gate is open".into()),
        Body::Shut { sentence } => (Occasion::GateClosed, format!("the gate is shut: {sentence}")),
        Body::Overridden { over } => (Occasion::Overridden, format!("{} overrode the gate: {}", over.by, over.reason)),
        Body::Began { rollout, .. } => (Occasion::Started, format!("{rollout} began{}", expected())),
        Body::Moved { rollout, what } if what.starts_with("failed") => (Occasion::Failed, format!("{rollout}: {what}")),
        Body::Moved { rollout, what } => (Occasion::Step, format!("{rollout}: {what}")),
        Body::Outcome { rollout, met: false, seen, .. } => (Occasion::Failed, format!("{rollout}: {seen}")),
        Body::Verifying => (Occasion::Step, "its rollouts are done: it is being validated".into()),
        Body::RolledBack { reason } => (Occasion::RolledBack, format!("rolled back: {reason}")),
        Body::Aborted { reason } => (Occasion::Aborted, format!("given up: {reason}")),
        Body::Finished => (Occasion::Done, "done".into()),
        _ => return None,
    })
}

/// Returns which approvals are asked for, where some are.
fn asked(model: &Model, release: &Release) -> Option<String> {
    let policy = model.policy(&release.brief.environment)?;
    let open = approval::standing(policy, release, model.now).into_iter().filter(|rule| !rule.met());
    let open: Vec<String> = open.map(|rule| format!("{} {}/{}", rule.rule.role, rule.counted.len(), rule.rule.count)).collect();
    (!open.is_empty()).then(|| format!("approval is asked for: {}", open.join(", ")))
}

fn announce(model: &mut Model, release: &Release, occasion: Occasion, sentence: String, turn: &mut Turn) {
    if model.plan.channels.is_empty() {
        return;
    }
    let (actor, _) = model.person(&release.brief.environment);
    let announcement = Announcement {
        occasion,
        at: model.now,
        release: release.id.clone(),
        environment: release.brief.environment.clone(),
        route: release.brief.route(),
        title: release.brief.title.clone(),
        sentence,
        actor,
        ticket: release.brief.ticket.clone(),
    };
    let seq = model.releases.seq.advance();
    turn.push(Effect::Notify(Command::Announce { seq, announcement: Box::new(announcement) }));
}

/// Takes what the notifier tells: what was not told is said here.
pub(in crate::app::update) fn take(model: &mut Model, event: Event, turn: &mut Turn) {
    match event {
        Event::Sent { .. } => return,
        Event::Retrying { channel, why, attempt, .. } => {
            let text = format!("{channel}: not told yet, attempt {attempt}: {why}");
            model.notices.add(model.now, Tone::Warn, None, text);
        }
        Event::Failed { channel, why, .. } => model.notices.add(model.now, Tone::Bad, None, format!("{channel}: nobody was told: {why}")),
        Event::Terminal { bell, text, .. } => {
            if bell && model.look.bell {
                turn.push(Effect::Terminal(terminal::Command::Bell));
            }
            if model.look.notify {
                turn.push(Effect::Terminal(terminal::Command::Notify(text)));
            }
        }
    }
    turn.redraw(Redraw::Soon);
}

/// What somebody must know who looks elsewhere: a bell or a notification where the window has not the focus.
pub(super) fn call(model: &Model, text: String, turn: &mut Turn) {
    if model.focused {
        return;
    }
    if model.look.bell {
        turn.push(Effect::Terminal(terminal::Command::Bell));
    }
    if model.look.notify {
        turn.push(Effect::Terminal(terminal::Command::Notify(text)));
    }
}
