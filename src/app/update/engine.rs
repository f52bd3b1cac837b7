//! What the engines tell: links, rollouts as they are now, answers.

use super::{Redraw, Turn, confirm, driver, jobs, logs, release};
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::fleet::Turn as RolloutTurn;
use crate::app::model::nav::Screen;
use crate::app::model::notices::Tone;
use crate::domain::id::RolloutId;
use crate::domain::plan::EngineKind;
use crate::port::Link;
use crate::port::engine::Event;
use crate::port::terminal;

/// Takes one event.
pub(super) fn take(model: &mut Model, _kind: EngineKind, event: Event, turn: &mut Turn) {
    match event {
        // The age stands on screen in seconds; the clock's tick draws it.
        Event::Proof { scope, at } => {
            let was_grey = model.links.grey(&scope, model.now);
            model.links.prove(&scope, at);
            if was_grey {
                turn.redraw(Redraw::Soon);
            }
        }
        Event::Link { scope, link } => {
            let sentence = match &link {
                Link::Up => format!("{scope}: live"),
                Link::Connecting => format!("{scope}: connecting"),
                Link::Retrying { why, .. } | Link::Down { why } => format!("{scope}: {why}"),
            };
            let tone = if link.is_up() { Tone::Good } else { Tone::Bad };
            let first = model.links.get(&scope).is_some_and(|link| link.state == Link::Connecting);
            let fatal = matches!(link, Link::Down { .. });
            let turned = model.links.set(scope, link, model.now);
            // The first connection is what everybody expects.
            if (turned && !(first && tone == Tone::Good)) || fatal {
                model.notices.add(model.now, tone, None, sentence);
            }
            turn.redraw(Redraw::Soon);
        }
        Event::Identity { scope, actor, voucher } => {
            model.identities.insert(scope, (actor, voucher));
        }
        Event::Missing { scope, what } => {
            model.notices.add(model.now, Tone::Warn, None, format!("{scope}: {what}"));
            model.links.miss(&scope, what);
            turn.redraw(Redraw::Soon);
        }
        Event::Rollout(rollout) => {
            let id = rollout.id.clone();
            let turns = model.fleet.take(rollout, model.now);
            let finished = turns.contains(&RolloutTurn::Finished);
            for happened in turns {
                tell(model, &id, happened, turn);
            }
            confirm::check_moved(model, &id);
            jobs::judge(model, &id, turn);
            if finished {
                jobs::ended(model, &id, turn);
            }
            release::moves::told(model, &id, turn);
            logs::rollout_changed(model, &id);
            if shown(model, &id) {
                turn.redraw(Redraw::Soon);
            }
        }
        Event::Previewed { seq, result } => {
            // What runs by itself was asked for without a dialog.
            if !release::schedule::previewed(model, seq, &result, turn) && !release::close::previewed(model, seq, &result, turn) {
                confirm::previewed(model, seq, result);
            }
            turn.redraw(Redraw::Now);
        }
        Event::Answered { op, index, result, last } => {
            jobs::answered(model, &op, index, result, last, turn);
            turn.redraw(Redraw::Now);
        }
        Event::Lock { seat, standing } => driver::take(model, &seat, standing, turn),
        Event::Following { seq, followed, of } => {
            logs::following(model, seq, followed, of);
            turn.redraw(Redraw::Soon);
        }
    }
}

/// Returns whether anything of a rollout is on the screen.
fn shown(model: &Model, id: &RolloutId) -> bool {
    match model.nav.screen() {
        Screen::Deck | Screen::Release(_) => true,
        Screen::Releases | Screen::Chronicle(_) => false,
        Screen::Timeline(about) => about.as_ref().is_none_or(|about| about == id),
        Screen::Rollout(open) | Screen::Logs(open) | Screen::Revisions(open) => open == id,
    }
}

/// Tells a turn: a line on screen, and, where the window has not the focus, a bell or a notification.
fn tell(model: &mut Model, id: &RolloutId, happened: RolloutTurn, turn: &mut Turn) {
    let (tone, text, call) = match happened {
        RolloutTurn::Began => (Tone::Info, "a rollout began".to_owned(), false),
        RolloutTurn::Finished => (Tone::Good, "finished".to_owned(), false),
        RolloutTurn::Recovered => (Tone::Good, "recovered".to_owned(), false),
        RolloutTurn::NeedsYou => (Tone::Warn, "waits for you".to_owned(), true),
        RolloutTurn::Failed(why) => (Tone::Bad, why, true),
        RolloutTurn::Trouble(what) => (Tone::Bad, what, true),
        RolloutTurn::Down => (Tone::Bad, "nothing answers: users get errors".to_owned(), true),
    };
    model.notices.add(model.now, tone, Some(id.clone()), text.clone());
    if call && !model.focused {
        if model.look.bell {
            turn.push(Effect::Terminal(terminal::Command::Bell));
        }
        if model.look.notify {
            turn.push(Effect::Terminal(terminal::Command::Notify(format!("{id}: {text}"))));
        }
    }
}
