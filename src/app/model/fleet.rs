//! The rollouts as they were last told, each with what the console adds: the doctor's finding, what the journal knows
//! of its revisions, and what just changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::doctor::{Finding, diagnose};
use crate::domain::id::RolloutId;
use crate::domain::revision::Proof;
use crate::domain::rollout::{Phase, Rollout, Serving};

/// What is known about an image of a rollout from the journal: the last time that it took over, or failed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    Served(Timestamp),
    Failed(Timestamp),
}

/// One rollout with what the console adds.
#[derive(Clone, Debug)]
pub struct Seen {
    pub rollout: Arc<Rollout>,
    pub finding: Option<Finding>,
    /// Since when this cause is found.
    pub finding_since: Timestamp,
    /// Since when it is in its present phase, as far as this console saw.
    pub phase_since: Option<Timestamp>,
}

/// A turn in a rollout that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    Began,
    Finished,
    Failed(String),
    NeedsYou,
    Trouble(String),
    Recovered,
    Down,
}

/// All rollouts.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    seen: BTreeMap<RolloutId, Seen>,
    records: BTreeMap<(RolloutId, String), Record>,
}

impl Fleet {
    /// Returns a rollout.
    pub fn get(&self, id: &RolloutId) -> Option<&Arc<Rollout>> {
        self.seen.get(id).map(|seen| &seen.rollout)
    }

    /// Returns a rollout with what the console adds.
    pub fn seen(&self, id: &RolloutId) -> Option<&Seen> {
        self.seen.get(id)
    }

    /// Returns all.
    pub fn iter(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values()
    }

    /// Notes what the journal knows about an image; the latest word counts.
    pub fn record(&mut self, id: &RolloutId, image: &str, record: Record) {
        self.records.insert((id.clone(), image.to_owned()), record);
        let Some(told) = self.seen.get(id).map(|seen| Arc::clone(&seen.rollout)) else { return };
        let rollout = self.proven(told);
        if let Some(seen) = self.seen.get_mut(id) {
            seen.rollout = rollout;
        }
    }

    /// Takes a rollout as it is now, and returns what turned since.
    pub fn take(&mut self, rollout: Arc<Rollout>, now: Timestamp) -> Vec<Turn> {
        let rollout = self.proven(rollout);
        let id = rollout.id.clone();
        let finding = diagnose(&rollout, now);
        let Some(before) = self.seen.get(&id) else {
            self.seen.insert(id, Seen { rollout, finding, finding_since: now, phase_since: None });
            return Vec::new();
        };
        let mut turns = Vec::new();
        if before.rollout.phase != rollout.phase {
            match rollout.phase {
                Phase::Done if before.rollout.phase.under_way() => turns.push(Turn::Finished),
                Phase::Failed => turns.push(Turn::Failed(rollout.native.clone())),
                Phase::Waiting => turns.push(Turn::NeedsYou),
                Phase::Progressing | Phase::Unobserved if !before.rollout.phase.under_way() => turns.push(Turn::Began),
                _ => {}
            }
        }
        if rollout.serving == Serving::Down && before.rollout.serving != Serving::Down {
            turns.push(Turn::Down);
        }
        let finding = finding.map(|finding| finding.steadied(before.finding.as_ref()));
        let cause = |finding: &Option<Finding>| finding.as_ref().map(|finding| finding.cause);
        let same = cause(&finding) == cause(&before.finding);
        let trouble = |finding: &Option<Finding>| finding.as_ref().is_some_and(|finding| !finding.calm());
        match &finding {
            Some(finding) if !same && !finding.calm() => turns.push(Turn::Trouble(finding.sentence.clone())),
            now if !trouble(now) && trouble(&before.finding) && rollout.serving == Serving::Full => turns.push(Turn::Recovered),
            _ => {}
        }
        let finding_since = if same { before.finding_since } else { now };
        let phase_since = if before.rollout.phase == rollout.phase { before.phase_since } else { Some(now) };
        self.seen.insert(id, Seen { rollout, finding, finding_since, phase_since });
        turns
    }

    /// Looks again at what time alone changes: a dwell that is over, a deadline. Returns whether a finding changed.
    pub fn age(&mut self, now: Timestamp) -> bool {
        let mut changed = false;
        for seen in self.seen.values_mut().filter(|seen| seen.finding.is_some() || seen.rollout.phase.under_way()) {
            let finding = diagnose(&seen.rollout, now).map(|finding| finding.steadied(seen.finding.as_ref()));
            if finding != seen.finding {
                if finding.as_ref().map(|finding| finding.cause) != seen.finding.as_ref().map(|finding| finding.cause) {
                    seen.finding_since = now;
                }
                seen.finding = finding;
                changed = true;
            }
        }
        changed
    }

    /// Adds what the journal knows to revisions of which the engine knows nothing.
    fn proven(&self, mut rollout: Arc<Rollout>) -> Arc<Rollout> {
        let known = |image: &str| self.records.get(&(rollout.id.clone(), image.to_owned())).copied();
        let proofs: Vec<(usize, Proof)> = rollout
            .revisions
            .iter()
            .enumerate()
            .filter(|(_, revision)| revision.proof == Proof::Unknown)
            .filter_map(|(at, revision)| {
                let record = revision.images.iter().find_map(|image| known(&image.image))?;
                Some((
                    at,
                    match record {
                        Record::Served(when) => Proof::Recorded(when),
                        Record::Failed(when) => Proof::Failed(when),
                    },
                ))
            })
            .collect();
        if !proofs.is_empty() {
            let owned = Arc::make_mut(&mut rollout);
            for (at, proof) in proofs {
                if let Some(revision) = owned.revisions.get_mut(at) {
                    revision.proof = proof;
                }
            }
        }
        rollout
    }
}
