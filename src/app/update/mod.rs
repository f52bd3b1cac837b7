//! How the model changes: one message in, effects out. Routes each message to the file of its concern; no I/O, no clock.

mod confirm;
mod driver;
mod engine;
mod input;
mod jobs;
mod logs;
mod mouse;
mod nav;
mod order;
mod palette;
mod prompt;
mod release;
mod tick;

use super::effect::Effect;
use super::model::Model;
use super::model::notices::Tone;
use super::msg::Msg;

pub use order::label as order_label;

/// How soon the screen must follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redraw {
    /// Nothing that is shown changed.
    #[default]
    No,
    /// More of what streams by: often enough for the eye to follow.
    Later,
    /// Something changed by itself: within a frame or two.
    Soon,
    /// A person acted: at once.
    Now,
}

/// What an update comes to.
#[derive(Debug, Default)]
pub struct Turn {
    pub effects: Vec<Effect>,
    pub redraw: Redraw,
}

impl Turn {
    fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn redraw(&mut self, redraw: Redraw) {
        self.redraw = self.redraw.max(redraw);
    }
}

/// Takes one message. `model.now` was set by the loop.
pub fn update(model: &mut Model, msg: Msg) -> Turn {
    let mut turn = Turn::default();
    match msg {
        Msg::Input(input) => input::take(model, input, &mut turn),
        Msg::Engine(kind, event) => engine::take(model, kind, event, &mut turn),
        Msg::Logs(batch) => logs::take(model, &batch, &mut turn),
        Msg::Filter => logs::advance(model, &mut turn),
        Msg::Records(event) => jobs::take(model, event, &mut turn),
        Msg::Releases(event) => release::take(model, event, &mut turn),
        Msg::Check(event) => release::checked(model, event, &mut turn),
        Msg::Notify(event) => release::notified(model, event, &mut turn),
        Msg::Busy(kind) => {
            model.notices.add(model.now, Tone::Bad, None, format!("{} is busy: not sent, try again", kind.word()));
            turn.redraw(Redraw::Soon);
        }
        Msg::Saved { path, result } => {
            match result {
                Ok(lines) => model.notices.add(model.now, Tone::Good, None, format!("saved {lines} lines to {}", path.display())),
                Err(why) => model.notices.add(model.now, Tone::Bad, None, format!("not saved to {}: {why}", path.display())),
            }
            turn.redraw(Redraw::Soon);
        }
        Msg::Tick => tick::take(model, &mut turn),
        Msg::Shutdown => quit(model, &mut turn),
    }
    turn
}

/// Leaves, whatever the backends do (safety rule 9).
fn quit(model: &mut Model, turn: &mut Turn) {
    model.quitting = true;
    turn.push(Effect::Quit);
}
