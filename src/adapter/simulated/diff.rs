//! What a write changes in an object, as lines for the dialog.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::change::{DiffLine, Sign};

/// Returns the lines under the object's title; none where nothing differs. The server's own fields are left out.
pub fn between(title: &str, before: &Value, after: &Value) -> Vec<DiffLine> {
    let (before, after) = (leaves(before), leaves(after));
    let line = |sign, path: &str, value: &str| DiffLine { sign, text: format!("{path}: {value}") };
    let mut lines = vec![DiffLine { sign: Sign::Object, text: title.to_owned() }];
    for (path, old) in &before {
        if after.get(path) != Some(old) {
            lines.push(line(Sign::Removed, path, old));
        }
        if let Some(new) = after.get(path).filter(|new| *new != old) {
            lines.push(line(Sign::Added, path, new));
        }
    }
    lines.extend(after.iter().filter(|(path, _)| !before.contains_key(*path)).map(|(path, new)| line(Sign::Added, path, new)));
    if lines.len() == 1 { Vec::new() } else { lines }
}

fn leaves(object: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for part in ["spec", "status"] {
        if let Some(value) = object.get(part) {
            walk(part.to_owned(), value, &mut out);
        }
    }
    if let Some(value) = object.pointer("/metadata/annotations") {
        walk("metadata.annotations".into(), value, &mut out);
    }
    // What follows from the rest says nothing of its own.
    out.remove("status.currentPodHash");
    out
}

fn walk(path: String, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| walk(format!("{path}.{key}"), value, out)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| walk(format!("{path}[{at}]"), value, out)),
        Value::String(text) => drop(out.insert(path, text.clone())),
        other => drop(out.insert(path, other.to_string())),
    }
}
