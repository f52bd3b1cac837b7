//! The driver's lock on screen: what its moves mean to the person here.

use super::{Redraw, Turn};
use crate::app::model::Model;
use crate::domain::driver::{Seat, Standing};

/// Takes how a lock stands now.
pub(super) fn take(model: &mut Model, seat: Seat, standing: Standing, turn: &mut Turn) {
    model.drivers.set(seat, standing);
    turn.redraw(Redraw::Soon);
}
