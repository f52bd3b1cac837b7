//! What the console says to an engine, and what an engine tells. Kubernetes, Docker and the simulated cluster speak these.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Link, Seq};
use crate::domain::change::{Answer, ChangeError, Preview, Request};
use crate::domain::driver::{Seat, Standing};
use crate::domain::id::{Actor, ContainerName, InstanceName, OpId, RolloutId, Scope};
use crate::domain::log::Lines;
use crate::domain::release::Voucher;
use crate::domain::rollout::Rollout;
use crate::domain::verb::Order;

/// How far back a log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The last so many lines of each source.
    Tail(u32),
    Since(SignedDuration),
}

/// Whose logs to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    pub rollout: RolloutId,
    pub range: Range,
    /// This instance alone; none: every instance of the rollout, candidates first up to the engine's cap.
    pub instance: Option<InstanceName>,
    /// This container alone; none: all, init containers as well.
    pub container: Option<ContainerName>,
    /// The run before the present one, which has ended.
    pub previous: bool,
}

/// What an engine is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Read afresh, rehearse, and answer with [`Event::Previewed`]. Writes nothing.
    Preview { seq: Seq, rollout: RolloutId, order: Order },
    /// Send these, one after the other, each guarded; answer each with [`Event::Answered`]; stop at the first failure.
    /// `note` is what the engine may record on the object for others to read, best effort.
    /// `driving`: each needs the driver's lock at the moment it leaves, where there is one; a way back never does.
    Execute { op: OpId, rollout: RolloutId, requests: Vec<Request>, note: Note, driving: bool },
    /// Leave something on the lock for its holder to read, best effort.
    Tell { seat: Seat, telling: Telling },
    /// The rollout on screen: its usage and events are wanted. None: no rollout is open.
    Focus(Option<RolloutId>),
    /// Follow logs; replaces what was followed before.
    Follow { seq: Seq, query: LogQuery },
    /// Follow nothing.
    Unfollow,
    /// Try a lost link now.
    Reconnect(Scope),
}

/// What a console says to whoever drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It would like to drive.
    Ask,
    /// It did this, which no lock forbids: `bea aborted`.
    Did(String),
}

/// What is left on the object for others to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub actor: Actor,
    /// `rolled back to #41 2.1.0`.
    pub text: String,
    /// CamelCase: `RolledBack`.
    pub reason: String,
}

/// What an engine tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// The link's state moved.
    Link {
        scope: Scope,
        link: Link,
    },
    /// Something proved at this time that the scope's data is live: an event, a bookmark, a probe that was answered.
    Proof {
        scope: Scope,
        at: Timestamp,
    },
    /// Who the engine takes the operator for.
    Identity {
        scope: Scope,
        actor: Actor,
        voucher: Voucher,
    },
    /// One rollout as it is now. Whole, not a difference. While a re-list runs none comes.
    Rollout(Arc<Rollout>),
    /// A part that cannot be had, as a sentence: `no right to list events in booking`. Once each.
    Missing {
        scope: Scope,
        what: String,
    },
    Previewed {
        seq: Seq,
        result: Result<Box<Preview>, ChangeError>,
    },
    /// One request of an operation was answered; `last` ends the operation's sending.
    Answered {
        op: OpId,
        index: usize,
        result: Result<Answer, ChangeError>,
        last: bool,
    },
    /// How the driver's lock of a seat stands; told again whenever it moves.
    Lock {
        seat: Seat,
        standing: Standing,
    },
    /// The follow list changed: how many sources of how many are followed.
    Following {
        seq: Seq,
        followed: u32,
        of: u32,
    },
}

/// Log lines travel apart from events, in batches, so that a flood never delays a state.
#[derive(Clone, Debug)]
pub struct LogBatch {
    pub seq: Seq,
    pub lines: Lines,
    /// Lines that were dropped before this batch because the channel was full.
    pub dropped: u64,
}
