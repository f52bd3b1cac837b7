//! The mouse: click selects, a second click on the same opens, the wheel scrolls. Never a way to confirm by accident:
//! a click on a dialog's button is a click on the button that is drawn there.

use super::{Turn, input, nav};
use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::model::dialog::Overlay;
use crate::app::regions::Hit;
use crate::port::terminal::MouseKind;

/// Takes a click or a turn of the wheel.
pub(super) fn take(model: &mut Model, kind: MouseKind, column: u16, row: u16, turn: &mut Turn) {
    let hit = model.regions.at(column, row).cloned();
    match kind {
        MouseKind::ScrollUp | MouseKind::ScrollDown => {
            let action = if kind == MouseKind::ScrollUp { Action::Up } else { Action::Down };
            nav::focus_hit(model, hit.as_ref());
            for _ in 0..3 {
                input::perform(model, action, turn);
            }
        }
        MouseKind::Click => clicked(model, hit, turn),
    }
}

fn clicked(model: &mut Model, hit: Option<Hit>, turn: &mut Turn) {
    match hit {
        Some(Hit::Action(action)) => input::perform(model, action, turn),
        Some(Hit::ListRow(at)) => {
            let again = nav::select_row(model, at);
            if again && !matches!(model.overlay, Some(Overlay::Confirm(_))) {
                input::perform(model, Action::Accept, turn);
            }
        }
        Some(hit) if model.overlay.is_none() => {
            if nav::focus_hit(model, Some(&hit)) {
                input::perform(model, Action::Open, turn);
            }
        }
        _ => {}
    }
}
