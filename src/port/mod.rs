//! The words spoken across the boundary, in domain types. An adapter is a task that reads commands and writes events;
//! the live engines, the simulated one and a scripted test speak the same enums, so nothing is mocked.
//!
//! Every channel is bounded. Commands: 64, `try_send`; full means "busy, not sent" on screen. Events: 1,024, the adapter
//! waits. Logs have a channel of their own, in batches: full means the adapter drops the oldest and counts.

pub mod check;
pub mod engine;
pub mod notify;
pub mod records;
pub mod releases;
pub mod terminal;

use jiff::Timestamp;

/// The number of a request. The asker counts up; an answer with an older number is stale and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Returns the number after this one and keeps it as the latest.
    pub fn advance(&mut self) -> Self {
        self.0 += 1;
        *self
    }
}

/// How an engine's link stands. What was last seen stays on screen, greyed with its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nothing has answered yet.
    Connecting,
    Up,
    /// Lost; the next try is at this time.
    Retrying {
        why: String,
        next: Timestamp,
    },
    /// It will not come back by itself: no such context, not authorised.
    Down {
        why: String,
    },
}

impl Link {
    /// Returns whether data is flowing.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }
}
