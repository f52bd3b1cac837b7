//! The difference between an object as it was read and as the server returned it, in lines that fit a dialog.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::change::{DiffLine, Sign};

/// Longer values are cut: an environment variable can hold a whole file.
const VALUE_LIMIT: usize = 160;

/// Returns the lines of one object's difference under its title; none where nothing differs.
pub fn between(title: &str, before: &Value, after: &Value) -> Vec<DiffLine> {
    let (before, after) = (leaves(before), leaves(after));
    let mut lines = Vec::new();
    for (path, old) in &before {
        match after.get(path) {
            Some(new) if new == old => {}
            Some(new) => {
                lines.push(line(Sign::Removed, path, old));
                lines.push(line(Sign::Added, path, new));
            }
            None => lines.push(line(Sign::Removed, path, old)),
        }
    }
    lines.extend(after.iter().filter(|(path, _)| !before.contains_key(*path)).map(|(path, new)| line(Sign::Added, path, new)));
    if !lines.is_empty() {
        lines.insert(0, DiffLine { sign: Sign::Object, text: title.to_owned() });
    }
    lines
}

/// Returns the places that a JSON Patch writes.
pub fn written(body: &str) -> Vec<String> {
    let operations: Vec<Value> = serde_json::from_str(body).unwrap_or_default();
    let writes = operations.iter().filter(|operation| operation.get("op").and_then(Value::as_str) != Some("test"));
    writes.filter_map(|operation| operation.get("path")?.as_str().map(ToOwned::to_owned)).collect()
}

/// Returns the lines of the difference at these places alone: all the rest of a status is its controller's.
pub fn at(title: &str, before: &Value, after: &Value, pointers: &[String]) -> Vec<DiffLine> {
    let mut lines = vec![DiffLine { sign: Sign::Object, text: title.to_owned() }];
    for pointer in pointers {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
        before.pointer(pointer).into_iter().for_each(|value| walk(path.clone(), value, &mut old));
        after.pointer(pointer).into_iter().for_each(|value| walk(path.clone(), value, &mut new));
        lines.extend(old.iter().filter(|(path, value)| new.get(*path) != Some(value)).map(|(path, old)| line(Sign::Removed, path, old)));
        lines.extend(new.iter().filter(|(path, value)| old.get(*path) != Some(value)).map(|(path, new)| line(Sign::Added, path, new)));
    }
    if lines.len() > 1 { lines } else { Vec::new() }
}

fn line(sign: Sign, path: &str, value: &str) -> DiffLine {
    let shown: String = if secretive(path) {
        "(not shown)".into()
    } else if value.chars().count() > VALUE_LIMIT {
        value.chars().take(VALUE_LIMIT - 1).chain(['…']).collect()
    } else {
        value.into()
    };
    DiffLine { sign, text: format!("{path}  {shown}") }
}

/// A literal in the environment may be a password; safety rule 10.
fn secretive(path: &str) -> bool {
    let Some((_, variable)) = path.split_once("env ") else { return false };
    let variable = variable.to_ascii_uppercase();
    ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "DSN", "_URL"].iter().any(|word| variable.contains(word))
}

/// Flattens the wish and the labels and annotations; what the server keeps for itself is left out.
fn leaves(object: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (map, word) in [("annotations", "annotation"), ("labels", "label")] {
        for (key, value) in entries(object.pointer(&format!("/metadata/{map}"))) {
            // kubectl's copy of the whole object never follows a patch; the controller's numbers move by themselves, also
            // between the read and the rehearsal.
            if key != "kubectl.kubernetes.io/last-applied-configuration" && !key.starts_with("deployment.kubernetes.io/") {
                out.insert(format!("{word} {key}"), scalar(value));
            }
        }
        for (key, value) in entries(object.pointer(&format!("/spec/template/metadata/{map}"))) {
            out.insert(format!("pod {word} {key}"), scalar(value));
        }
    }
    for (key, value) in entries(object.get("spec")) {
        if key != "template" {
            walk(key.clone(), value, &mut out);
        }
    }
    let alone = object.pointer("/spec/template/spec/containers").and_then(Value::as_array).is_some_and(|list| list.len() == 1);
    for (key, value) in entries(object.pointer("/spec/template/spec")) {
        match (key.as_str(), value.as_array()) {
            ("containers", Some(list)) if alone => {
                list.iter().flat_map(|container| entries(Some(container))).for_each(|(key, value)| walk(key.clone(), value, &mut out));
            }
            ("containers", Some(list)) => {
                list.iter().enumerate().for_each(|(at, container)| walk(named(container, at), container, &mut out));
            }
            _ => walk(key.clone(), value, &mut out),
        }
    }
    out
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn walk(path: String, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if map.is_empty() => {}
        Value::Object(map) => map.iter().for_each(|(key, value)| walk(format!("{path}.{key}"), value, out)),
        Value::Array(list) if list.iter().all(|item| !item.is_object()) => {
            out.insert(path, list.iter().map(scalar).collect::<Vec<_>>().join(" "));
        }
        Value::Array(list) => list.iter().enumerate().for_each(|(at, item)| {
            let path = format!("{path} {}", named(item, at));
            match (item.get("name"), item.get("value")) {
                (Some(_), Some(value)) => drop(out.insert(path, scalar(value))),
                _ => walk(path, item, out),
            }
        }),
        // The server writes an empty creation time into templates.
        Value::Null => {}
        scalar_value => drop(out.insert(path, scalar(scalar_value))),
    }
}

/// Returns an item's own name, so that an insertion does not renumber all that follow.
fn named(item: &Value, at: usize) -> String {
    item.get("name").and_then(Value::as_str).map_or_else(|| at.to_string(), ToOwned::to_owned)
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(lines: &[DiffLine]) -> Vec<String> {
        let sign = |line: &DiffLine| match line.sign {
            Sign::Object => "@",
            Sign::Same => " ",
            Sign::Removed => "-",
            Sign::Added => "+",
        };
        lines.iter().map(|line| format!("{} {}", sign(line), line.text)).collect()
    }

    fn object(containers: &Value, annotations: &Value) -> Value {
        json!({"metadata": {"resourceVersion": "1", "generation": 1, "annotations": annotations},
               "spec": {"replicas": 3, "template": {"metadata": {"creationTimestamp": null, "labels": {"app": "web"}},
                        "spec": {"containers": containers}}}, "status": {"replicas": 3}})
    }

    #[test]
    fn an_image_and_its_cause_are_three_short_lines() {
        let before = object(&json!([{"name": "web", "image": "lab/web:1.0.0"}]), &json!({}));
        let mut after = object(&json!([{"name": "web", "image": "lab/web:1.1.0"}]), &json!({"kubernetes.io/change-cause": "why"}));
        after["status"] = json!({"replicas": 9});
        after["metadata"]["resourceVersion"] = json!("2");
        assert_eq!(
            text(&between("Deployment n/web", &before, &after)),
            ["@ Deployment n/web", "- image  lab/web:1.0.0", "+ image  lab/web:1.1.0", "+ annotation kubernetes.io/change-cause  why"]
        );
    }

    #[test]
    fn nothing_but_the_servers_own_fields_is_no_difference() {
        let before = object(&json!([{"name": "web", "image": "a"}]), &json!({}));
        let mut after = before.clone();
        after["metadata"]["generation"] = json!(2);
        after["metadata"]["managedFields"] = json!([{"manager": "x"}]);
        after["status"] = json!({});
        assert_eq!(between("x", &before, &after), []);
    }

    #[test]
    fn several_containers_are_told_apart_and_a_password_is_not_shown() {
        let env = |value: &str| json!([{"name": "DB_PASSWORD", "value": value}, {"name": "MODE", "value": value}]);
        let side = json!({"name": "proxy", "image": "envoy:1"});
        let before = object(&json!([{"name": "web", "image": "a", "env": env("1")}, side]), &json!({}));
        let after = object(&json!([{"name": "web", "image": "b", "env": env("2")}, side]), &json!({}));
        assert_eq!(
            text(&between("x", &before, &after)),
            [
                "@ x",
                "- web.env DB_PASSWORD  (not shown)",
                "+ web.env DB_PASSWORD  (not shown)",
                "- web.env MODE  1",
                "+ web.env MODE  2",
                "- web.image  a",
                "+ web.image  b"
            ]
        );
    }
}
