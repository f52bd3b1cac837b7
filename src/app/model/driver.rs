//! The driver's locks as the engines tell them: who drives what.

use std::collections::BTreeMap;

use crate::domain::driver::{Seat, Standing};
use crate::domain::id::RolloutId;

/// The locks by seat.
#[derive(Clone, Debug, Default)]
pub struct Drivers(BTreeMap<Seat, Standing>);

impl Drivers {
    /// Returns how the lock of a rollout's seat stands.
    pub fn of(&self, rollout: &RolloutId) -> &Standing {
        self.at(&Seat::of(rollout))
    }

    /// Returns how the lock of a seat stands.
    pub fn at(&self, seat: &Seat) -> &Standing {
        const UNKNOWN: &Standing = &Standing::Unknown;
        self.0.get(seat).unwrap_or(UNKNOWN)
    }

    /// Takes a lock's new standing, and returns the one before.
    pub fn set(&mut self, seat: Seat, standing: Standing) -> Standing {
        self.0.insert(seat, standing).unwrap_or_default()
    }

    /// Returns the locks in the order of their seats.
    pub fn iter(&self) -> impl Iterator<Item = (&Seat, &Standing)> {
        self.0.iter()
    }
}
