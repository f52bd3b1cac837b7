//! The candidate's share by every source that tells one: the step, the router, the instances (api-semantics 2.3).

use super::facts::Facts;
use crate::adapter::kubernetes::objects::custom::number;
use crate::domain::revision::Counts;
use crate::domain::step::{Share, Weight, WeightSource};

/// What a router's whole is: 100, unless the spec says otherwise.
pub fn whole(facts: &Facts<'_>) -> u32 {
    let whole = number(facts.strategy(), "/trafficRouting/maxTrafficWeight").and_then(|whole| u32::try_from(whole).ok());
    whole.filter(|whole| *whole > 0).unwrap_or(100)
}

/// Returns the shares of a candidate beside all others. There are none where nothing comes in.
pub fn read(facts: &Facts<'_>, candidate: Option<Counts>, available: u32) -> Vec<Weight> {
    let Some(candidate) = candidate.filter(|_| !facts.blue_green && !facts.stable.is_empty()) else { return Vec::new() };
    let whole = whole(facts);
    let mut weights = vec![Weight { share: asked(facts, whole), source: WeightSource::Asked }];
    if facts.routed() {
        let observed = facts.weight().map(|weight| Weight { share: Share::ratio(weight, whole), source: WeightSource::Observed });
        weights.extend(observed);
    } else {
        weights.push(Weight { share: Share::ratio(candidate.available, available), source: WeightSource::Replicas });
    }
    weights
}

/// The last weight at or before the step; nothing when it was given up, all when the steps are done or there are none.
fn asked(facts: &Facts<'_>, whole: u32) -> Share {
    let steps = facts.steps();
    let index = facts.index().unwrap_or(0);
    if facts.aborted() {
        return Share::default();
    }
    if index >= steps.len() {
        return Share::percent(100);
    }
    let weight = steps.iter().take(index + 1).rev().find_map(|step| number(step, "/setWeight"));
    Share::ratio(weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(0), whole)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::adapter::kubernetes::objects::custom::Custom;

    fn told(canary: &Value, status: Value) -> Vec<String> {
        let mut status = status;
        status["stableRS"] = json!("a");
        let object = Custom { spec: json!({"strategy": {"canary": canary}}), status, ..Default::default() };
        let counts = Counts { wanted: 1, total: 1, ready: 1, available: 1 };
        read(&Facts::of(&object), Some(counts), 4).into_iter().map(|weight| format!("{:?} {}", weight.source, weight.share)).collect()
    }

    #[test]
    fn the_weight_is_the_last_one_at_or_before_the_step() {
        let steps = json!([{"pause": {}}, {"setWeight": 25}, {"pause": {}}, {"setWeight": 50}]);
        for (status, asked) in [
            (json!({"currentStepIndex": 0}), "Asked 0 %"),
            (json!({"currentStepIndex": 1}), "Asked 25 %"),
            (json!({"currentStepIndex": 2}), "Asked 25 %"),
            (json!({"currentStepIndex": 4}), "Asked 100 %"),
            (json!({"currentStepIndex": 2, "abort": true}), "Asked 0 %"),
            (json!({"currentStepIndex": null}), "Asked 0 %"),
            (json!({"currentStepIndex": "x"}), "Asked 0 %"),
        ] {
            assert_eq!(told(&json!({"steps": steps}), status.clone()), [asked, "Replicas 25 %"], "{status}");
        }
        assert_eq!(told(&json!({}), json!({})), ["Asked 100 %", "Replicas 25 %"], "no steps");
    }

    #[test]
    fn a_router_tells_what_it_does_and_instances_then_tell_nothing() {
        let canary = json!({"steps": [{"setWeight": 5}], "trafficRouting": {"nginx": {}}});
        let weights = json!({"canary": {"weights": {"canary": {"weight": 3}}}, "currentStepIndex": 0});
        assert_eq!(told(&canary, weights.clone()), ["Asked 5 %", "Observed 3 %"]);
        assert_eq!(told(&canary, json!({"currentStepIndex": 0})), ["Asked 5 %"]);
        let fine = json!({"steps": [{"setWeight": 5}], "trafficRouting": {"maxTrafficWeight": 1000}});
        assert_eq!(told(&fine, weights), ["Asked 0.5 %", "Observed 0.3 %"]);
    }
}
