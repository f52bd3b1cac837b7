//! A release's record: what happened to it, in order, as it is kept and shared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::Decision;
use super::checklist::{Outcome, Stage};
use super::{Bound, Brief, Override, Schedule, Voucher};
use crate::domain::id::{Actor, ItemId, OpId, ReleaseId, RolloutId};

/// The format that this console writes. A record of a newer one is shown as far as it can be read, and never written.
pub const FORMAT: u32 = 1;

/// One thing that happened to a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub actor: Actor,
    pub voucher: Voucher,
    /// The console that wrote it: `host:pid`.
    pub console: String,
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Body {
    /// The brief, at first or changed. Only a draft's can be changed.
    Drafted { brief: Box<Brief> },
    /// The digests were read. Others than before void ticks and approvals.
    Bound { bound: Vec<Bound> },
    /// It is announced: draft to checking.
    Announced,
    /// An item came to an outcome.
    Checked { item: ItemId, stage: Stage, outcome: Box<Outcome> },
    /// A tick was taken back.
    Cleared { item: ItemId },
    /// Somebody approved, refused or withdrew.
    Decided { decision: Box<Decision> },
    /// The gate opened: checking to ready.
    Opened,
    /// The gate shut: ready to checking; later it only is told.
    Shut { sentence: String },
    /// It was opened with a typed reason against what it said: checking to ready.
    Overridden { over: Box<Override> },
    /// A start was armed, or disarmed.
    Scheduled { schedule: Option<Box<Schedule>> },
    /// The first order of it was confirmed: ready to in progress. Later ones are told alike.
    Began { rollout: RolloutId, op: OpId },
    /// Something moved on a rollout of it: a phase, a step, a weight. `25 %`, `waits for you`.
    Moved { rollout: RolloutId, what: String },
    /// A key was pressed and confirmed: `promote`.
    Ordered { rollout: RolloutId, op: OpId, what: String },
    /// What came of it.
    Outcome { rollout: RolloutId, op: OpId, met: bool, seen: String },
    /// Its rollouts are done: in progress to verifying.
    Verifying,
    /// Verifying to done.
    Finished,
    /// It was taken back: to rolled back.
    RolledBack { reason: String },
    /// It was given up before it began.
    Aborted { reason: String },
    /// An alert fires or is over.
    Alert { name: String, firing: bool, text: String },
    /// Somebody's note, or a log line that somebody chose.
    Noted { text: String, log: bool },
}

/// A release's entries with the format they were written in.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub format: u32,
    pub id: ReleaseId,
    pub entries: Vec<Entry>,
    /// What could not be read of it: line and why.
    pub problems: Vec<String>,
}
