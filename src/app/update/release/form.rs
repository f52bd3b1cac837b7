//! The form of a release: from the deck to a draft, and from a draft to another.

use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::update::Turn;

/// Opens the form for a new release of the selected service.
pub(super) fn create(_model: &mut Model) {}

/// Opens the form of the draft that is open.
pub(super) fn edit(_model: &mut Model) {}

/// Does what is asked for in the form.
pub(in crate::app::update) fn perform(model: &mut Model, action: Action, _turn: &mut Turn) {
    if matches!(action, Action::Cancel | Action::Back) {
        model.overlay = None;
    }
}
