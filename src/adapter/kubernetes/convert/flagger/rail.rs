//! The steps that Flagger will walk, worked out from the analysis as its scheduler does, and the place among them.

use jiff::Timestamp;
use serde_json::Value;

use super::spec::{self, PROMOTION_GATE, ROLLOUT_GATE, TRAFFIC_GATE};
use crate::adapter::kubernetes::objects::custom::{Custom, list, number};
use crate::domain::step::{Share, Step, StepKind, StepSource, Steps};

/// The candidate's pods start, and nobody gets it yet.
const START: &str = "start";
/// The template is copied to the primary, which rolls.
const PROMOTION: &str = "promotion";
/// The users are on the primary, and the target is scaled to nothing.
const FINALISING: &str = "finalising";

/// A rail with more stops than this is no rail; Flagger itself has at most one a percent.
const MOST: usize = 100;

/// With provider kubernetes Flagger sets this many checks where the Canary asks for none.
const CHECKS: u64 = 10;

/// Returns the steps in the order in which they come.
pub fn kinds(canary: &Custom) -> Vec<StepKind> {
    let gate = |kind: &str| spec::hook(canary, kind).map(|_| StepKind::Gate(kind.to_owned()));
    let mut kinds: Vec<StepKind> = gate(ROLLOUT_GATE).into_iter().collect();
    kinds.push(StepKind::Scale(START.into()));
    let checks = checks(canary);
    if checks > 0 {
        kinds.extend((1..=checks.min(MOST as u64)).map(|check| StepKind::Other(format!("check {check}"))));
    } else {
        for weight in weights(spec::analysis(canary)) {
            kinds.extend(gate(TRAFFIC_GATE));
            kinds.push(StepKind::Weight(Share::percent(weight)));
        }
    }
    kinds.extend(gate(PROMOTION_GATE));
    if checks > 0 && !spec::weightless(canary) && list(spec::analysis(canary), "/match").is_empty() {
        kinds.push(StepKind::Weight(Share::percent(100)));
    }
    kinds.extend([PROMOTION, FINALISING].map(|word| StepKind::Other(word.into())));
    kinds
}

/// Returns how many checks are made where the traffic is not shifted by and by; 0 where it is.
fn checks(canary: &Custom) -> u64 {
    let asked = number(spec::analysis(canary), "/iterations").unwrap_or(0);
    if asked == 0 && spec::weightless(canary) { CHECKS } else { asked }
}

/// Returns the weights in percent: the limit is tested before a step is added and not after, so that 20, 40, 60 is the way
/// to 50 by 20.
fn weights(analysis: &Value) -> Vec<u32> {
    let percent = |value: u64| u32::try_from(value.min(100)).unwrap_or(100);
    let listed: Vec<u32> = list(analysis, "/stepWeights").iter().filter_map(Value::as_u64).map(percent).collect();
    let step = number(analysis, "/stepWeight").map_or(0, percent);
    let limit = listed.last().copied().or_else(|| number(analysis, "/maxWeight").map(percent).filter(|limit| *limit > 0)).unwrap_or(100);
    let mut weights = Vec::new();
    let mut at = 0;
    while at < limit && weights.len() < MOST {
        let next = match (step, listed.first()) {
            (0, None) => break,
            (0, Some(first)) if at == 0 => *first,
            (0, Some(_)) => listed.iter().position(|weight| *weight == at).and_then(|place| listed.get(place + 1)).copied().unwrap_or(100),
            (step, _) => (at + step).min(100),
        };
        if next <= at {
            break;
        }
        at = next;
        weights.push(at);
    }
    weights
}

/// Returns the place: the step under way, past the last when all are done, none before the first.
///
/// `share` is what the users get. `halted` says that Flagger waits for more traffic to be allowed.
pub fn place(canary: &Custom, kinds: &[StepKind], share: Share, halted: bool) -> Option<usize> {
    let named = |wanted: &str| {
        kinds.iter().position(|kind| match kind {
            StepKind::Gate(word) | StepKind::Scale(word) | StepKind::Other(word) => word == wanted,
            _ => false,
        })
    };
    match spec::phase(canary) {
        "Waiting" => named(ROLLOUT_GATE),
        "WaitingPromotion" => named(PROMOTION_GATE).or_else(|| named(PROMOTION)),
        "Promoting" => named(PROMOTION),
        "Finalising" => named(FINALISING),
        "Succeeded" => Some(kinds.len()),
        "Progressing" => {
            let checks = checks(canary);
            let made = number(&canary.status, "/iterations").unwrap_or(0);
            let there = if checks > 0 {
                match made {
                    0 => None,
                    made if made > checks => named(PROMOTION),
                    made => named(&format!("check {made}")),
                }
            } else {
                let reached = |kind: &StepKind| matches!(kind, StepKind::Weight(weight) if *weight <= share);
                kinds.iter().rposition(reached).filter(|_| share > Share::default())
            };
            let there = there.or_else(|| named(START))?;
            let gated = matches!(kinds.get(there + 1), Some(StepKind::Gate(word)) if word == TRAFFIC_GATE);
            Some(if halted && gated { there + 1 } else { there })
        }
        _ => None,
    }
}

/// What a Canary forgets, noted as it goes by: when each step was reached, and how many checks had failed before the count
/// was set back.
#[derive(Debug, Default)]
pub struct Course {
    marks: Vec<(usize, Option<Timestamp>)>,
    failed: u64,
    over: bool,
}

impl Course {
    /// Takes in the Canary as it is now.
    pub fn note(&mut self, canary: &Custom) {
        let under_way = spec::under_way(spec::phase(canary));
        if under_way && self.over {
            *self = Self::default();
        }
        self.over = !under_way;
        let kinds = kinds(canary);
        let told = number(&canary.status, "/canaryWeight").and_then(|weight| u32::try_from(weight).ok()).unwrap_or(0);
        if under_way {
            self.failed = spec::failed_checks(canary);
            let place = place(canary, &kinds, Share::percent(told), false);
            match (place, self.marks.last().map(|(last, _)| *last)) {
                // Another revision came in: it begins anew.
                (Some(place), Some(last)) if place < last => self.marks = vec![(place, spec::acted(canary))],
                (Some(place), last) if last != Some(place) => self.marks.push((place, spec::acted(canary))),
                _ => {}
            }
        } else if spec::phase(canary) == "Succeeded" && !self.marks.is_empty() && self.marks.last().is_some_and(|(at, _)| *at < kinds.len())
        {
            self.marks.push((kinds.len(), spec::acted(canary)));
        }
    }

    /// Returns how many checks had failed when the change ended; none where that was not seen.
    pub fn failed(&self) -> Option<u64> {
        (self.over && !self.marks.is_empty()).then_some(self.failed)
    }

    /// Returns the step at which the change ended, where that was seen.
    fn last(&self) -> Option<usize> {
        self.marks.last().map(|(at, _)| *at)
    }

    /// Returns when a step was reached.
    fn reached(&self, step: usize) -> Option<Timestamp> {
        self.marks.iter().find(|(at, _)| *at == step).and_then(|(_, when)| *when)
    }

    /// Returns when a step was left: when the next one that was seen was reached.
    fn left(&self, step: usize) -> Option<Timestamp> {
        self.marks.iter().find(|(at, _)| *at > step).and_then(|(_, when)| *when)
    }
}

/// Returns the rail.
pub fn steps(canary: &Custom, course: &Course, share: Share, halted: bool) -> Steps {
    let kinds = kinds(canary);
    let current = match spec::phase(canary) {
        "Failed" => course.last(),
        _ => place(canary, &kinds, share, halted),
    };
    let step = |(at, kind): (usize, StepKind)| Step { kind, started: course.reached(at), ended: course.left(at) };
    Steps { source: StepSource::Engine, list: kinds.into_iter().enumerate().map(step).collect(), current, resumes: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_weights_are_those_that_flagger_sets() {
        for (analysis, expected) in [
            (json!({"maxWeight": 50, "stepWeight": 20}), vec![20, 40, 60]),
            (json!({"maxWeight": 50, "stepWeight": 10}), vec![10, 20, 30, 40, 50]),
            (json!({"stepWeight": 40}), vec![40, 80, 100]),
            (json!({"stepWeights": [1, 2, 10, 80]}), vec![1, 2, 10, 80]),
            (json!({"stepWeights": [10, 120]}), vec![10, 100]),
            (json!({"maxWeight": 50}), vec![]),
            (json!({}), vec![]),
        ] {
            assert_eq!(weights(&analysis), expected, "{analysis}");
        }
    }

    #[test]
    fn gates_and_checks_stand_where_flagger_asks_for_them() {
        let labels = |spec: Value| {
            let canary: Custom = serde_json::from_value(json!({"spec": spec})).unwrap();
            kinds(&canary).iter().map(StepKind::label).collect::<Vec<_>>().join(" ")
        };
        let hooks = json!([{"type": "confirm-traffic-increase"}, {"type": "confirm-promotion"}]);
        for (spec, rail) in [
            (
                json!({"analysis": {"stepWeight": 50, "webhooks": hooks}}),
                "start confirm-traffic-increase 50 % confirm-traffic-increase 100 % confirm-promotion promotion finalising",
            ),
            (json!({"provider": "kubernetes", "analysis": {"iterations": 2}}), "start check 1 check 2 promotion finalising"),
            (json!({"provider": "istio", "analysis": {"iterations": 1}}), "start check 1 100 % promotion finalising"),
            (json!({"provider": "istio", "analysis": {"iterations": 1, "match": [{}]}}), "start check 1 promotion finalising"),
        ] {
            assert_eq!(labels(spec.clone()), rail, "{spec}");
        }
    }

    #[test]
    fn a_weight_between_two_steps_stands_at_the_lower_one() {
        for (weight, halted, place_) in [(0, false, 0), (0, true, 1), (20, false, 2), (20, true, 3), (30, false, 2), (60, true, 6)] {
            let canary: Custom = serde_json::from_value(json!({
                "spec": {"analysis": {"stepWeight": 20, "maxWeight": 50, "webhooks": [{"type": "confirm-traffic-increase"}]}},
                "status": {"phase": "Progressing"}
            }))
            .unwrap();
            assert_eq!(place(&canary, &kinds(&canary), Share::percent(weight), halted), Some(place_), "{weight} {halted}");
        }
    }
}
