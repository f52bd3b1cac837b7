//! What the console says to the stores of releases, and what they tell. ConfigMaps, a directory and the simulated engine's
//! memory speak these.
//!
//! A store serves environments. An append is atomic: the store reads what is there, takes the entry by the release machine,
//! writes under the lock of what it read, and begins anew where somebody else was first. So two consoles that tick at once
//! lose nothing, and what no longer fits is refused with why.

use super::Seq;
use crate::domain::id::{EnvironmentName, ReleaseId};
use crate::domain::release::policy::Keep;
use crate::domain::release::record::{Entry, Record};

/// What a store serves: one environment of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// The plan's name. Plans that share a namespace or a directory keep their releases apart by it.
    pub product: String,
    pub environment: EnvironmentName,
    pub keep: Keep,
}

/// What a store is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Keep a new release; answered with [`Event::Appended`]. `entries` begin with its brief.
    Create { seq: Seq, environment: EnvironmentName, release: ReleaseId, entries: Vec<Entry> },
    /// Add entries in this order, all or none; answered with [`Event::Appended`].
    Append { seq: Seq, environment: EnvironmentName, release: ReleaseId, entries: Vec<Entry> },
}

/// Whether a store of an environment can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It was not read yet.
    Loading,
    Writable,
    /// It is read, and may not be written: `you may not update configmaps in booking`.
    ReadOnly(String),
    /// It cannot be read: the gate does not know, and says so.
    Unreadable(String),
}

/// What a store tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// How the store of an environment can be used; told again whenever that moves.
    Access { environment: EnvironmentName, access: Access },
    /// A record as it is now, whole. Told at the start for each that is kept, and whenever one changes.
    Record { environment: EnvironmentName, record: Box<Record> },
    /// A record was there and is gone: pruned, or deleted from outside.
    Gone { environment: EnvironmentName, release: ReleaseId },
    /// What became of a request. `Err`: a sentence; nothing was written, unless `in_doubt`.
    Appended { seq: Seq, release: ReleaseId, result: Result<(), Failure> },
    /// Ended releases were removed by the policy: so many.
    Pruned { environment: EnvironmentName, count: u32 },
}

/// Why an entry was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub message: String,
    /// It may have been written all the same.
    pub in_doubt: bool,
}
