//! Orders on their way, and the operations that the journal tells of.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

use crate::domain::change::{Answer, Expect, Request};
use crate::domain::history::History;
use crate::domain::id::{OpId, ReleaseId, RolloutId};
use crate::domain::journal::{Entry, Operation, OutcomeKind, fold};
use crate::domain::verb::{Order, Verb};
use crate::port::Seq;

/// How many operations are kept for the timeline.
const KEPT: usize = 2_000;

/// How far an order is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Its intent is on its way to the disk; nothing is sent.
    Recording { seq: Seq, since: Timestamp, intent: Box<Entry> },
    /// Its intent is on disk; the release's record is to take that it begins. Nothing is sent.
    Beginning { seq: Seq, since: Timestamp, intent: Box<Entry> },
    /// Sent; so many of its requests were answered.
    Sending { since: Timestamp, answered: usize },
    /// Accepted; the observed state is awaited.
    Watching { since: Timestamp },
}

/// One order on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub op: OpId,
    pub rollout: RolloutId,
    pub order: Order,
    pub requests: Vec<Request>,
    pub expect: Expect,
    /// What it does, as part of a sentence: `roll back to #41 2.1.0`.
    pub label: String,
    pub stage: Stage,
    pub answers: Vec<Answer>,
    /// It was sent without its intent on disk (a way back with an unwritable journal).
    pub unrecorded: bool,
    /// The release that it is of.
    pub release: Option<ReleaseId>,
}

/// Orders on their way, and operations as the journal tells them.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    pub list: Vec<Job>,
    /// Counts the orders of this console.
    pub counter: u64,
    /// Numbers previews and journal entries.
    pub seq: Seq,
    entries: VecDeque<Entry>,
    operations: Vec<Operation>,
    history: History,
    /// Operations that were open when this console started and whose console is gone.
    doubtful: BTreeSet<OpId>,
}

impl Jobs {
    /// Returns whether an order for this rollout is being recorded or sent.
    pub fn sending(&self, rollout: &RolloutId) -> bool {
        self.list.iter().any(|job| job.rollout == *rollout && !matches!(job.stage, Stage::Watching { .. }))
    }

    /// Returns the orders of a rollout that are on their way.
    pub fn of<'a>(&'a self, rollout: &'a RolloutId) -> impl Iterator<Item = &'a Job> {
        self.list.iter().filter(move |job| job.rollout == *rollout)
    }

    /// Returns an order by its operation.
    pub fn get_mut(&mut self, op: &OpId) -> Option<&mut Job> {
        self.list.iter_mut().find(|job| job.op == *op)
    }

    /// Takes what the journal held at the start. Operations without outcome whose console no longer lives are in doubt.
    pub fn load(&mut self, entries: Vec<Entry>, live: &[String]) {
        self.entries = entries.into();
        self.refold();
        self.doubtful = self
            .operations
            .iter()
            .filter(|operation| operation.open() && !live.contains(&operation.console))
            .map(|operation| operation.op.clone())
            .collect();
    }

    /// Takes one more entry.
    pub fn add(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        // An entry without its intent is left out by the fold, so cutting the oldest is safe.
        while self.entries.len() > KEPT * 4 {
            self.entries.pop_front();
        }
        self.refold();
    }

    fn refold(&mut self) {
        self.operations = fold(self.entries.iter());
        self.history = History::of(&self.operations);
        let operations = &self.operations;
        self.doubtful.retain(|op| operations.iter().any(|operation| operation.op == *op && operation.open()));
    }

    /// Returns how long changes took.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the newest order of this console that began what goes on in a rollout, and whose end is not noted.
    pub fn begun(&self, rollout: &RolloutId, console: &str) -> Option<&Operation> {
        let begins = |operation: &&Operation| matches!(operation.intent.order.verb(), Verb::Ship | Verb::RollBack | Verb::Retry);
        let newest = self.operations.iter().rev().filter(|operation| operation.intent.rollout == *rollout).find(begins)?;
        let met = matches!(newest.outcome, Some((_, OutcomeKind::Met, _))) && matches!(newest.intent.expect, Expect::Begun { .. });
        (met && newest.ended.is_none() && newest.console == console).then_some(newest)
    }

    /// Returns the operations, newest first.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().rev().take(KEPT)
    }

    /// Returns the operations of which it is not known what became, newest first.
    pub fn in_doubt(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().rev().filter(|operation| self.doubtful.contains(&operation.op))
    }
}
