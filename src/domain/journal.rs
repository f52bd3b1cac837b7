//! The journal's words and its fold: what was meant, what was answered, what was seen.
//!
//! An entry is written before the request it tells of. Folding the entries gives the operations; one with an intent and
//! no outcome, whose console is gone, is in doubt. Nothing is sent again by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::{Answer, Expect, Request};
use super::id::{Actor, OpId, RolloutId};
use super::verb::Order;

/// One line of the journal, without the chain that the store adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub actor: Actor,
    /// The console that wrote it: `host:pid`.
    pub console: String,
    pub op: OpId,
    #[serde(flatten)]
    pub body: Body,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Body {
    /// About to be sent.
    Intent(Box<Intent>),
    /// One request was answered, or certainly or perhaps not.
    Answered { index: usize, result: Result<Answer, Failure> },
    /// What was observed in the end.
    Outcome { result: OutcomeKind, seen: String },
}

/// What was meant, and on what grounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub rollout: RolloutId,
    pub order: Order,
    /// `#42 2.2.0`: from and to, where the order moves between revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub requests: Vec<Request>,
    pub expect: Expect,
    /// A typed reason, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub message: String,
    /// It may have happened all the same.
    pub in_doubt: bool,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The observed state is as ordered.
    Met,
    /// It is not, and will not be by itself.
    Missed,
    /// Nothing was sent, or the server refused.
    Refused,
    /// Something else was wished before it could be seen.
    Superseded,
}

/// An operation as the entries tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub op: OpId,
    pub actor: Actor,
    pub console: String,
    pub at: Timestamp,
    pub intent: Intent,
    pub answers: Vec<(usize, Result<Answer, Failure>)>,
    pub outcome: Option<(Timestamp, OutcomeKind, String)>,
}

impl Operation {
    /// Returns whether it is not known what became of it.
    pub fn open(&self) -> bool {
        self.outcome.is_none()
    }

    /// Returns how many of its requests were accepted.
    pub fn accepted(&self) -> usize {
        self.answers.iter().filter(|(_, result)| result.is_ok()).count()
    }

    /// Returns what is known of an operation that has no outcome, as part of a sentence.
    pub fn doubt(&self) -> String {
        let all = self.intent.requests.len();
        match (self.answers.last(), self.accepted()) {
            (None, _) => format!("no answer is recorded; {all} request{} may have been sent", if all == 1 { "" } else { "s" }),
            (Some((_, Err(failure))), _) => failure.message.clone(),
            (Some(_), accepted) if accepted < all => format!("{accepted} of {all} requests were accepted"),
            _ => "accepted, outcome not seen".into(),
        }
    }
}

/// Folds entries, oldest first, into operations in the order of their intents. An answer or outcome without an intent
/// (the start of the file is gone) is left out.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Operation> {
    let mut at: BTreeMap<OpId, usize> = BTreeMap::new();
    let mut operations: Vec<Operation> = Vec::new();
    for entry in entries {
        match &entry.body {
            Body::Intent(intent) => {
                if at.contains_key(&entry.op) {
                    continue;
                }
                at.insert(entry.op.clone(), operations.len());
                operations.push(Operation {
                    op: entry.op.clone(),
                    actor: entry.actor.clone(),
                    console: entry.console.clone(),
                    at: entry.at,
                    intent: (**intent).clone(),
                    answers: Vec::new(),
                    outcome: None,
                });
            }
            Body::Answered { index, result } => {
                if let Some(operation) = at.get(&entry.op).and_then(|at| operations.get_mut(*at)) {
                    operation.answers.push((*index, result.clone()));
                }
            }
            Body::Outcome { result, seen } => {
                if let Some(operation) = at.get(&entry.op).and_then(|at| operations.get_mut(*at)) {
                    operation.outcome.get_or_insert((entry.at, *result, seen.clone()));
                }
            }
        }
    }
    operations
}
