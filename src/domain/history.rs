//! How long a rollout's changes took, as the journal tells them: what stands behind "≈ 3 min" and "usually 34 min".

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::change::Expect;
use super::id::RolloutId;
use super::journal::{Operation, OutcomeKind};
use super::verb::Verb;

/// How many of the latest changes count: an estimate follows the workload as it grows.
const LATEST: usize = 20;

/// Which way a change went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Forward,
    Back,
}

/// A time learnt from past changes, and from how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub median: SignedDuration,
    /// Changes of this rollout in the journal that it rests on.
    pub of: usize,
}

/// What the journal knows of how long changes took, from the order to the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    took: BTreeMap<(RolloutId, Way), Vec<SignedDuration>>,
}

impl History {
    /// Learns from operations, oldest first.
    pub fn of(operations: &[Operation]) -> Self {
        let mut history = Self::default();
        for (at, operation) in operations.iter().enumerate() {
            let way = match operation.intent.order.verb() {
                Verb::Ship => Way::Forward,
                Verb::RollBack => Way::Back,
                // Where users are sent back to what is up, that is no measure of a start.
                Verb::Abort if !matches!(operation.intent.expect, Expect::Aborted) => Way::Back,
                _ => continue,
            };
            let later = operations.get(at + 1..).unwrap_or_default();
            if let Some(end) = end(operation, later) {
                let took = history.took.entry((operation.intent.rollout.clone(), way)).or_default();
                took.push(end.duration_since(operation.at));
            }
        }
        history
    }

    /// Returns how long a new version usually takes, with its steps and pauses.
    pub fn forward(&self, id: &RolloutId) -> Option<Estimate> {
        self.estimate(id, Way::Forward)
    }

    /// Returns how long the way back usually takes where instances must start.
    pub fn back(&self, id: &RolloutId) -> Option<Estimate> {
        self.estimate(id, Way::Back)
    }

    fn estimate(&self, id: &RolloutId, way: Way) -> Option<Estimate> {
        let took = self.took.get(&(id.clone(), way))?;
        let mut latest: Vec<SignedDuration> = took.iter().rev().take(LATEST).copied().collect();
        latest.sort_unstable();
        let (low, high) = (latest.get((latest.len().checked_sub(1)?) / 2)?, latest.get(latest.len() / 2)?);
        Some(Estimate { median: (*low + *high) / 2, of: latest.len() })
    }
}

/// Returns when what an order began was over. An order of a stepped rollout is met when it has begun; its end is noted
/// apart, or is the outcome of the order that finished it.
fn end(operation: &Operation, later: &[Operation]) -> Option<Timestamp> {
    if operation.ended.is_some() {
        return operation.ended;
    }
    let met = |operation: &Operation| match &operation.outcome {
        Some((at, OutcomeKind::Met, _)) => Some(*at),
        _ => None,
    };
    let began = met(operation)?;
    if !operation.intent.expect.begins() {
        return Some(began);
    }
    let replaces = |verb: Verb| matches!(verb, Verb::Ship | Verb::RollBack | Verb::Abort | Verb::Retry | Verb::Switch | Verb::SwitchBack);
    let mut of_it = later.iter().filter(|other| other.intent.rollout == operation.intent.rollout);
    of_it
        .by_ref()
        .take_while(|other| !replaces(other.intent.order.verb()))
        .find(|other| matches!(other.intent.expect, Expect::Done))
        .and_then(met)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::Intent;
    use crate::domain::sample::now;
    use crate::domain::verb::Order;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(now().as_second() + minute * 60).expect("a time")
    }

    fn id(service: &str) -> RolloutId {
        RolloutId { environment: "production".into(), service: service.into(), workload: service.into() }
    }

    /// An order at a minute that was met so many minutes later.
    fn done(order: Order, expect: Expect, began: i64, took: i64, kind: OutcomeKind) -> Operation {
        Operation {
            op: format!("{began}").into(),
            actor: "ana".into(),
            console: "host:1".into(),
            at: at(began),
            intent: Intent { rollout: id("web"), order, from: None, to: None, requests: Vec::new(), expect, reason: None },
            answers: Vec::new(),
            outcome: Some((at(began + took), kind, String::new())),
            ended: None,
        }
    }

    fn ship(began: i64, took: i64) -> Operation {
        let image = "lab/web:1".to_owned();
        done(Order::Ship { container: None, image: image.clone() }, Expect::Image { image, track: None }, began, took, OutcomeKind::Met)
    }

    fn begun(began: i64) -> Operation {
        Operation { intent: Intent { expect: Expect::Begun { images: Vec::new() }, ..ship(began, 1).intent }, ..ship(began, 1) }
    }

    fn told(estimate: Option<Estimate>) -> Option<(i64, usize)> {
        estimate.map(|estimate| (estimate.median.as_secs() / 60, estimate.of))
    }

    #[test]
    fn the_median_of_what_was_met_is_told_with_its_number() {
        let failed = Operation { outcome: Some((at(900), OutcomeKind::Missed, String::new())), ..ship(600, 1) };
        let open = Operation { outcome: None, ..ship(700, 1) };
        for (operations, forward) in [
            (vec![], None),
            (vec![ship(0, 30)], Some((30, 1))),
            (vec![ship(0, 30), ship(100, 34), ship(200, 480)], Some((34, 3))),
            (vec![ship(0, 30), ship(100, 34)], Some((32, 2))),
            (vec![ship(0, 30), failed, open], Some((30, 1))),
        ] {
            let history = History::of(&operations);
            assert_eq!(told(history.forward(&id("web"))), forward);
            assert_eq!(told(history.back(&id("web"))), None);
            assert_eq!(told(history.forward(&id("api"))), None, "of another service");
        }
    }

    #[test]
    fn a_stepped_release_ends_when_it_is_noted_or_finished_and_not_when_it_began() {
        let finish = |began| done(Order::Finish, Expect::Done, began, 4, OutcomeKind::Met);
        let aborted = done(Order::Abort, Expect::Aborted, 20, 1, OutcomeKind::Met);
        for (operations, forward) in [
            (vec![begun(0)], None),
            (vec![Operation { ended: Some(at(34)), ..begun(0) }], Some((34, 1))),
            (vec![begun(0), finish(30)], Some((34, 1))),
            (vec![begun(0), aborted, finish(60)], None),
            (vec![begun(0), begun(100), finish(130)], Some((34, 1))),
        ] {
            assert_eq!(told(History::of(&operations).forward(&id("web"))), forward, "{operations:?}");
        }
    }

    #[test]
    fn a_plain_canary_that_stands_at_its_first_step_is_no_release_that_took_seconds() {
        let arrived = Operation { intent: Intent { expect: Expect::Arrived(1), ..ship(0, 1).intent }, ..ship(0, 1) };
        let step = done(Order::Advance, Expect::Arrived(3), 10, 1, OutcomeKind::Met);
        let last = done(Order::Advance, Expect::Done, 30, 4, OutcomeKind::Met);
        let known = |operations: &[Operation]| told(History::of(operations).forward(&id("web")));
        assert_eq!(known(&[arrived.clone(), step.clone()]), None);
        assert_eq!(known(&[arrived, step, last]), Some((34, 1)));
    }

    #[test]
    fn only_ways_back_that_start_instances_are_a_measure_of_one() {
        let template = || Expect::Template { revision: "r1".into(), images: Vec::new(), track: None };
        let back = done(Order::RollBack { to: "r1".into() }, template(), 0, 3, OutcomeKind::Met);
        let undone = done(Order::Abort, template(), 10, 5, OutcomeKind::Met);
        let instant = done(Order::Abort, Expect::Aborted, 20, 0, OutcomeKind::Met);
        assert_eq!(told(History::of(&[back, undone, instant]).back(&id("web"))), Some((4, 2)));
    }

    #[test]
    fn only_the_latest_count() {
        let mut operations: Vec<Operation> = (0..30).map(|n| ship(n * 100, 60)).collect();
        operations.extend((30..50).map(|n| ship(n * 100, 10)));
        assert_eq!(told(History::of(&operations).forward(&id("web"))), Some((10, LATEST)));
    }
}
