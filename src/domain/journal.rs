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
    /// What the order began is over: what was wished is what runs. For an order that is met when it has begun.
    Ended { seen: String },
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
    /// When what it began was over, where that is told apart from its outcome.
    pub ended: Option<Timestamp>,
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
                    ended: None,
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
            Body::Ended { .. } => {
                if let Some(operation) = at.get(&entry.op).and_then(|at| operations.get_mut(*at)) {
                    operation.ended.get_or_insert(entry.at);
                }
            }
        }
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::{ObjectRef, Part};

    fn entry(op: &str, body: Body) -> Entry {
        Entry { at: "2026-01-02T03:04:05Z".parse().unwrap(), actor: "ana".into(), console: "host:1".into(), op: op.into(), body }
    }

    fn request(purpose: &str) -> Request {
        Request {
            purpose: purpose.into(),
            method: "PATCH".into(),
            path: "/x".into(),
            content_type: "application/json".into(),
            body: "{}".into(),
            object: ObjectRef {
                part: Part::Workload,
                kind: "Deployment".into(),
                namespace: "booking".into(),
                name: "backend".into(),
                uid: "4f1c".into(),
                version: "generation 7".into(),
            },
            then: None,
        }
    }

    fn intent(requests: &[&str]) -> Body {
        Body::Intent(Box::new(Intent {
            rollout: RolloutId { environment: "production".into(), service: "backend".into(), workload: "backend".into() },
            order: Order::Hold,
            from: None,
            to: None,
            requests: requests.iter().map(|purpose| request(purpose)).collect(),
            expect: Expect::Held(true),
            reason: None,
        }))
    }

    fn accepted(index: usize) -> Body {
        Body::Answered { index, result: Ok(Answer { status: 200, version: "8".into(), took_ms: 3 }) }
    }

    fn outcome(result: OutcomeKind, seen: &str) -> Body {
        Body::Outcome { result, seen: seen.into() }
    }

    #[test]
    fn what_is_known_of_an_operation_without_outcome_is_said() {
        let failed = Body::Answered { index: 1, result: Err(Failure { message: "no answer came".into(), in_doubt: true }) };
        for (bodies, doubt) in [
            (vec![intent(&["hold"])], "no answer is recorded; 1 request may have been sent"),
            (vec![intent(&["scale", "switch"])], "no answer is recorded; 2 requests may have been sent"),
            (vec![intent(&["scale", "switch"]), accepted(0)], "1 of 2 requests were accepted"),
            (vec![intent(&["scale", "switch"]), accepted(0), failed], "no answer came"),
            (vec![intent(&["hold"]), accepted(0)], "accepted, outcome not seen"),
        ] {
            let entries: Vec<Entry> = bodies.into_iter().map(|body| entry("1", body)).collect();
            let operations = fold(&entries);
            assert_eq!(operations.len(), 1);
            assert!(operations[0].open());
            assert_eq!(operations[0].doubt(), doubt);
        }
    }

    #[test]
    fn an_outcome_closes_and_the_first_one_counts() {
        let entries = [
            entry("1", intent(&["hold"])),
            entry("1", accepted(0)),
            entry("1", outcome(OutcomeKind::Met, "held")),
            entry("1", outcome(OutcomeKind::Missed, "later")),
        ];
        let operations = fold(&entries);
        assert!(!operations[0].open());
        assert_eq!(operations[0].outcome.as_ref().map(|(_, kind, seen)| (*kind, seen.as_str())), Some((OutcomeKind::Met, "held")));
    }

    #[test]
    fn operations_stand_in_the_order_of_their_intents_and_keep_their_own_answers() {
        let entries = [
            entry("b", intent(&["x", "y"])),
            entry("a", intent(&["x"])),
            entry("a", accepted(0)),
            entry("b", accepted(0)),
            entry("b", accepted(1)),
            entry("a", outcome(OutcomeKind::Met, "done")),
        ];
        let operations = fold(&entries);
        let told: Vec<(&str, usize, bool)> = operations.iter().map(|o| (o.op.as_str(), o.accepted(), o.open())).collect();
        assert_eq!(told, [("b", 2, true), ("a", 1, false)]);
    }

    #[test]
    fn what_has_no_intent_is_left_out_and_a_second_intent_changes_nothing() {
        let entries = [
            entry("gone", accepted(0)),
            entry("gone", outcome(OutcomeKind::Met, "")),
            entry("1", intent(&["x"])),
            entry("1", intent(&["x", "y"])),
        ];
        let operations = fold(&entries);
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].intent.requests.len(), 1);
    }

    #[test]
    fn an_entry_survives_the_journal_s_words() {
        let ended = Body::Ended { seen: "finished".into() };
        for body in [intent(&["x"]), accepted(0), outcome(OutcomeKind::Superseded, "…"), ended] {
            let entry = entry("1", body);
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry, "{text}");
        }
    }
}
