//! The steps of a canary as a rail, in the words of the spec, and the place in them (api-semantics 2.2, 2.3).

use serde_json::Value;

use super::facts::{Facts, duration};
use super::weights::whole;
use crate::adapter::kubernetes::objects::custom::{list, number, text, truth};
use crate::domain::step::{Share, Step, StepKind, StepSource, Steps};

/// Returns the rail of a canary; none for one without steps.
pub fn read(facts: &Facts<'_>) -> Option<Steps> {
    let whole = whole(facts);
    let list: Vec<Step> = facts.steps().iter().map(|step| Step { kind: kind(step, whole), started: None, ended: None }).collect();
    (!list.is_empty()).then(|| Steps { source: StepSource::Engine, list, current: facts.index(), resumes: None })
}

/// Each step has exactly one key; one of a later version is shown by it.
fn kind(step: &Value, whole: u32) -> StepKind {
    let key = step.as_object().and_then(|step| step.keys().next()).map_or("", String::as_str);
    let body = step.get(key).unwrap_or(&Value::Null);
    match key {
        "setWeight" => match number(step, "/setWeight").and_then(|weight| u32::try_from(weight).ok()) {
            Some(weight) if weight <= whole => StepKind::Weight(Share::ratio(weight, whole)),
            // More than all: the controller calls the whole spec invalid.
            Some(weight) => StepKind::Other(format!("{weight} %")),
            None => StepKind::Other(format!("weight {body}")),
        },
        "pause" => match body.get("duration") {
            None | Some(Value::Null) => StepKind::Pause(None),
            // Not a pause that waits for a person: the controller calls the whole spec invalid.
            Some(value) => duration(value).map_or_else(|| StepKind::Other(format!("pause {value}")), |time| StepKind::Pause(Some(time))),
        },
        "setCanaryScale" => StepKind::Scale(scale(body)),
        "analysis" => StepKind::Analysis(names(body, "/templates", "/templateName")),
        "experiment" => StepKind::Experiment(names(body, "/templates", "/name")),
        "setHeaderRoute" => StepKind::Other(route("header", body)),
        "setMirrorRoute" => StepKind::Other(route("mirror", body)),
        "plugin" => StepKind::Other(format!("plugin {}", text(body, "/name"))),
        "" => StepKind::Other("step".into()),
        key => StepKind::Other(key.to_owned()),
    }
}

fn scale(body: &Value) -> String {
    if truth(body, "/matchTrafficWeight") {
        return "scale by weight".into();
    }
    match (number(body, "/replicas"), number(body, "/weight")) {
        (Some(replicas), _) => format!("scale {replicas}"),
        (None, Some(weight)) => format!("scale {weight} %"),
        (None, None) => "scale".into(),
    }
}

/// A route without a match is taken away.
fn route(what: &str, body: &Value) -> String {
    let name = text(body, "/name");
    if list(body, "/match").is_empty() {
        return format!("{what} {name} off");
    }
    match number(body, "/percentage") {
        Some(percentage) => format!("{what} {name} {percentage} %"),
        None => format!("{what} {name}"),
    }
}

/// Returns the names of the templates that an analysis or experiment is made of.
pub fn names(body: &Value, at: &str, name: &str) -> String {
    list(body, at).iter().map(|template| text(template, name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_step_has_its_label_and_an_unknown_one_its_key() {
        for (step, label) in [
            (json!({"setWeight": 25}), "25 %"),
            (json!({"setWeight": 250}), "250 %"),
            (json!({"setWeight": "a lot"}), "weight \"a lot\""),
            (json!({"pause": {}}), "pause"),
            (json!({"pause": null}), "pause"),
            (json!({"pause": {"duration": 6}}), "6s"),
            (json!({"pause": {"duration": "10m"}}), "10m"),
            (json!({"pause": {"duration": "soon"}}), "pause \"soon\""),
            (json!({"setCanaryScale": {"replicas": 3}}), "scale 3"),
            (json!({"setCanaryScale": {"weight": 25}}), "scale 25 %"),
            (json!({"setCanaryScale": {"matchTrafficWeight": true}}), "scale by weight"),
            (json!({"setCanaryScale": 4}), "scale"),
            (json!({"analysis": {"templates": [{"templateName": "errors"}]}}), "analysis"),
            (json!({"experiment": {"templates": [{"name": "baseline"}]}}), "experiment"),
            (json!({"setHeaderRoute": {"name": "beta", "match": [{"headerName": "x"}]}}), "header beta"),
            (json!({"setHeaderRoute": {"name": "beta"}}), "header beta off"),
            (json!({"setMirrorRoute": {"name": "m", "match": [{}], "percentage": 35}}), "mirror m 35 %"),
            (json!({"plugin": {"name": "org/check"}}), "plugin org/check"),
            (json!({"danceAround": {}}), "danceAround"),
            (json!({}), "step"),
            (json!("pause"), "step"),
        ] {
            assert_eq!(kind(&step, 100).label(), label, "{step}");
        }
        assert_eq!(
            kind(&json!({"analysis": {"templates": [{"templateName": "a"}, {"templateName": "b"}]}}), 100),
            StepKind::Analysis("a, b".into())
        );
    }
}
