//! What the console says to those who run checks, and what they tell. Programs, HTTP and Prometheus are one adapter's;
//! the engines answer for the cluster and for other environments.

use std::sync::Arc;

use jiff::Timestamp;

use super::Seq;
use crate::domain::id::ItemId;
use crate::domain::plan::Workload;
use crate::domain::release::Bound;
use crate::domain::release::checklist::{Subject, Task, Verdict};

/// What a checker is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Run one check; answered with [`Event::Finished`], whatever happens. `workloads` are those of the release's services in
    /// the environment that the task is about.
    Run { seq: Seq, item: ItemId, task: Box<Task>, subject: Arc<Subject>, workloads: Vec<Workload> },
    /// Stop one that runs, with all it started; it is answered as unknown.
    Cancel { seq: Seq },
    /// Read the digests of a release's images, from `workloads` that run the version (the environments before, and this one) or
    /// from the registry; answered with [`Event::Bound`].
    Bind { seq: Seq, subject: Arc<Subject>, workloads: Vec<Workload> },
}

/// What a checker tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// It has begun: it waited for its turn until now.
    Started {
        seq: Seq,
        at: Timestamp,
    },
    Finished {
        seq: Seq,
        found: Found,
    },
    Bound {
        seq: Seq,
        bound: Vec<Bound>,
    },
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub verdict: Verdict,
    pub at: Timestamp,
    /// One line.
    pub evidence: String,
    /// More, bounded: what a program printed.
    pub output: String,
    pub link: Option<String>,
}
