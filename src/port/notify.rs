//! What the console says to the notifier, and what it tells.

use super::Seq;
use crate::domain::announcement::Announcement;

/// What the notifier is asked to do: tell every channel that wants this occasion. Never waited for.
#[derive(Clone, Debug)]
pub enum Command {
    Announce { seq: Seq, announcement: Box<Announcement> },
}

/// What the notifier tells, a channel each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Sent {
        seq: Seq,
        channel: String,
    },
    /// It is tried again.
    Retrying {
        seq: Seq,
        channel: String,
        why: String,
        attempt: u32,
    },
    /// It is given up.
    Failed {
        seq: Seq,
        channel: String,
        why: String,
    },
    /// A terminal channel: ring, or notify the desktop, with this text.
    Terminal {
        seq: Seq,
        bell: bool,
        text: String,
    },
}
