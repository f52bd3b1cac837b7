//! The mouse: click selects, a second click on the same opens, the wheel scrolls. Never a way to confirm by accident:
//! a click on a dialog's button is a click on the button that is drawn there.

use super::{Turn, input, nav, release};
use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::model::dialog::Overlay;
use crate::app::model::nav::{Pane, Screen};
use crate::app::regions::Hit;
use crate::port::terminal::MouseKind;

/// Rows that one turn of the wheel moves.
const WHEEL: isize = 3;

/// Takes a click or a turn of the wheel.
pub(super) fn take(model: &mut Model, kind: MouseKind, column: u16, row: u16, turn: &mut Turn) {
    let hit = model.regions.at(column, row).cloned();
    match kind {
        MouseKind::ScrollUp | MouseKind::ScrollDown => {
            let up = kind == MouseKind::ScrollUp;
            nav::focus_hit(model, hit.as_ref());
            let over_logs = matches!(hit, Some(Hit::LogRow(_) | Hit::Pane(Pane::Logs)));
            if model.overlay.is_none() && (over_logs || matches!(model.nav.screen(), Screen::Logs(_))) {
                model.logs.slide(if up { -WHEEL } else { WHEEL });
                return;
            }
            for _ in 0..WHEEL {
                input::perform(model, if up { Action::Up } else { Action::Down }, turn);
            }
        }
        MouseKind::Click => clicked(model, hit, turn),
    }
}

fn clicked(model: &mut Model, hit: Option<Hit>, turn: &mut Turn) {
    match hit {
        Some(Hit::Action(action)) => input::perform(model, action, turn),
        Some(Hit::ListRow(at)) => {
            if let Some(Overlay::Form(form)) = &mut model.overlay {
                return release::form::clicked(form, at);
            }
            let again = nav::select_row(model, at);
            match &model.overlay {
                Some(Overlay::Confirm(_)) => {}
                Some(_) if again => input::perform(model, Action::Accept, turn),
                None if again => input::perform(model, Action::Open, turn),
                _ => {}
            }
        }
        Some(Hit::LogRow(line)) if model.overlay.is_none() => {
            nav::focus_hit(model, Some(&Hit::LogRow(line)));
            model.logs.point(usize::from(line));
        }
        Some(hit) if model.overlay.is_none() => {
            if nav::focus_hit(model, Some(&hit)) {
                input::perform(model, Action::Open, turn);
            }
        }
        _ => {}
    }
}
