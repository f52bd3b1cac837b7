//! A rail for a blue/green Rollout, which has no steps of its own: what its controller does, in the order it does it, with
//! the place derived from the status.

use jiff::SignedDuration;

use super::facts::{Facts, duration};
use super::steps::names;
use crate::adapter::kubernetes::objects::custom::{text, truth};
use crate::domain::revision::Counts;
use crate::domain::step::{Step, StepKind, StepSource, Steps};

/// The places of the rail, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Preview,
    Before,
    Pause,
    Switch,
    After,
    ScaleDown,
}

/// Returns the pause before the switch, where there is one.
pub fn pause(facts: &Facts<'_>) -> Option<StepKind> {
    let spec = facts.strategy();
    let time = spec.get("autoPromotionSeconds").and_then(duration).filter(SignedDuration::is_positive);
    let by_hand = spec.get("autoPromotionEnabled").is_some_and(|enabled| enabled == false);
    (time.is_some() || by_hand).then_some(StepKind::Pause(time))
}

/// Returns the rail. `candidate` is what comes in; `others` whether any other revision has instances.
pub fn read(facts: &Facts<'_>, candidate: Option<Counts>, others: bool) -> Steps {
    let analysis = |key: &str| {
        let wish = facts.strategy().get(key).filter(|wish| wish.is_object())?;
        Some(StepKind::Analysis(names(wish, "/templates", "/templateName")))
    };
    let (before, after) = (analysis("prePromotionAnalysis"), analysis("postPromotionAnalysis"));
    let places = [
        Some((Place::Preview, StepKind::Scale("preview up".into()))),
        before.map(|kind| (Place::Before, kind)),
        pause(facts).map(|kind| (Place::Pause, kind)),
        Some((Place::Switch, StepKind::Switch)),
        after.map(|kind| (Place::After, kind)),
        Some((Place::ScaleDown, StepKind::Scale("scale down".into()))),
    ];
    let places: Vec<(Place, StepKind)> = places.into_iter().flatten().collect();
    let at = place(facts, candidate, others);
    // Where the spec has no such place, the next one that it has.
    let current = at.map_or(places.len(), |at| places.iter().position(|(place, _)| *place as u8 >= at as u8).unwrap_or(places.len()));
    let list = places.into_iter().map(|(_, kind)| Step { kind, started: None, ended: None }).collect();
    Steps { source: StepSource::Engine, list, current: Some(current), resumes: None }
}

/// The place under way; none when all are done.
fn place(facts: &Facts<'_>, candidate: Option<Counts>, others: bool) -> Option<Place> {
    // The very first deployment has nothing to switch from.
    if facts.stable.is_empty() {
        return None;
    }
    if facts.stable == facts.current {
        return others.then_some(Place::ScaleDown);
    }
    if facts.aborted() {
        return Some(Place::Preview);
    }
    if facts.active() == facts.current {
        return Some(Place::After);
    }
    let run = |which: &str| text(facts.status, &format!("/blueGreen/{which}/status"));
    if let Some((reason, _)) = facts.pauses().next() {
        return Some(if reason == "BlueGreenPause" { Place::Pause } else { Place::Before });
    }
    let up = candidate.is_some_and(|counts| counts.wanted > 0 && counts.available >= counts.wanted);
    let full = truth(facts.status, "/promoteFull");
    // Once the pause is left the flag stands until the switch.
    let left = full || truth(facts.status, "/controllerPause");
    Some(if !up {
        Place::Preview
    } else if facts.strategy().get("prePromotionAnalysis").is_some() && !full && run("prePromotionAnalysisRunStatus") != "Successful" {
        Place::Before
    } else if pause(facts).is_some() && !left {
        Place::Pause
    } else {
        Place::Switch
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::adapter::kubernetes::objects::custom::Custom;

    const FULL: [&str; 6] = ["preview up", "analysis", "pause", "switch", "analysis", "scale down"];

    fn full() -> Value {
        json!({"autoPromotionEnabled": false, "prePromotionAnalysis": {"templates": [{"templateName": "smoke"}]}, "postPromotionAnalysis": {}})
    }

    fn at(spec: &Value, status: Value, candidate: Option<Counts>, others: bool) -> (Vec<String>, String) {
        let object = Custom { spec: json!({"strategy": {"blueGreen": spec}}), status, ..Default::default() };
        let steps = read(&Facts::of(&object), candidate, others);
        let now = steps.now().map_or_else(|| "done".to_owned(), |step| step.kind.label());
        let index = steps.current.unwrap();
        (steps.list.iter().map(|step| step.kind.label()).collect(), format!("{index} {now}"))
    }

    #[test]
    fn the_rail_has_what_the_spec_asks_for() {
        for (spec, labels) in [
            (full(), FULL.to_vec()),
            (json!({}), vec!["preview up", "switch", "scale down"]),
            (json!({"autoPromotionSeconds": 6}), vec!["preview up", "6s", "switch", "scale down"]),
            (json!({"autoPromotionEnabled": false, "autoPromotionSeconds": 30}), vec!["preview up", "30s", "switch", "scale down"]),
            (json!({"autoPromotionEnabled": true}), vec!["preview up", "switch", "scale down"]),
        ] {
            assert_eq!(at(&spec, json!({}), None, false).0, labels, "{spec}");
        }
    }

    #[test]
    fn the_place_is_where_the_controller_is() {
        let up = Some(Counts { wanted: 3, total: 3, ready: 3, available: 3 });
        let status = |current: &str, stable: &str, active: &str, more: Value| {
            let mut status = json!({"currentPodHash": current, "stableRS": stable, "blueGreen": {"activeSelector": active}});
            for (key, value) in more.as_object().unwrap() {
                match key.as_str() {
                    "pre" => status["blueGreen"]["prePromotionAnalysisRunStatus"] = json!({"status": value}),
                    _ => status[key] = value.clone(),
                }
            }
            status
        };
        for (what, status, candidate, others, expected) in [
            ("the first deployment", status("a", "", "", json!({})), None, false, "6 done"),
            ("nothing comes in", status("a", "a", "a", json!({})), None, false, "6 done"),
            ("promoted, the old one is warm", status("b", "b", "b", json!({})), None, true, "5 scale down"),
            (
                "starting",
                status("b", "a", "a", json!({})),
                Some(Counts { wanted: 3, total: 3, ready: 1, available: 1 }),
                true,
                "0 preview up",
            ),
            ("measured", status("b", "a", "a", json!({"pre": "Running"})), up, true, "1 analysis"),
            ("about to be measured", status("b", "a", "a", json!({})), up, true, "1 analysis"),
            (
                "cannot decide",
                status("b", "a", "a", json!({"pre": "Inconclusive", "pauseConditions": [{"reason": "InconclusiveAnalysisRun"}]})),
                up,
                true,
                "1 analysis",
            ),
            ("passed", status("b", "a", "a", json!({"pre": "Successful"})), up, true, "2 pause"),
            (
                "waits",
                status("b", "a", "a", json!({"pauseConditions": [{"reason": "BlueGreenPause"}], "controllerPause": true})),
                up,
                true,
                "2 pause",
            ),
            ("let go", status("b", "a", "a", json!({"controllerPause": true, "pre": "Successful"})), up, true, "3 switch"),
            (
                "let go without a verdict",
                status("b", "a", "a", json!({"controllerPause": true, "pre": "Inconclusive"})),
                up,
                true,
                "1 analysis",
            ),
            ("promoted fully", status("b", "a", "a", json!({"promoteFull": true})), up, true, "3 switch"),
            ("switched", status("b", "a", "b", json!({})), None, true, "4 analysis"),
            ("aborted", status("b", "a", "a", json!({"abort": true})), up, true, "0 preview up"),
        ] {
            assert_eq!(at(&full(), status, candidate, others).1, expected, "{what}");
        }
        assert_eq!(at(&json!({}), status("b", "a", "b", json!({})), None, true).1, "2 scale down", "no analysis after the switch");
    }
}
