//! What moved under a decision: which field, when, and by which field manager.

use jiff::Timestamp;
use kube::Client;
use serde_json::Value;

use super::fresh::Fresh;
use super::patch::token;
use super::wire::{self, Reply};
use crate::adapter::kubernetes::convert::canary_place::{PLACE, Place};
use crate::domain::change::{ChangeError, Request};
use crate::domain::rollout::Rollout;
use crate::domain::verb::Refusal;

/// More fields than these say nothing: a whole object was applied.
const FIELDS_SHOWN: usize = 3;

/// Refuses where the object on the screen was deleted and another of its name made.
pub fn same_object(rollout: &Rollout, fresh: &Fresh) -> Result<(), ChangeError> {
    match rollout.object(&fresh.part) {
        Some(seen) if !seen.uid.as_str().is_empty() && seen.uid.as_str() != fresh.uid() => {
            let at = fresh.text("/metadata/creationTimestamp").parse().ok();
            Err(ChangeError::Moved { what: vec![format!("{} was deleted and made anew", fresh.title())], by: None, at })
        }
        _ => Ok(()),
    }
}

/// Refuses where a value that the decision rests on is not what the screen shows.
///
/// Where the screen has the very version that was read, nothing moved: then the two only word it differently (a held
/// Deployment's wish has no revision yet, so the screen shows the one before).
pub fn same_value(
    rollout: &Rollout,
    fresh: &Fresh,
    pointer: &str,
    word: &str,
    (seen, now): (Option<&str>, &str),
) -> Result<(), ChangeError> {
    let same_version = rollout.object(&fresh.part).is_some_and(|object| object.version == fresh.version());
    match seen {
        Some(seen) if seen != now && !same_version => {
            let (by, at) = writer(&fresh.value, pointer);
            Err(ChangeError::Moved { what: vec![format!("{word} is {}, was {}", or_none(now), or_none(seen))], by, at })
        }
        _ => Ok(()),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Turns a refusal by the server into what it means: a guard that failed is told from a request that was bad (both are 422)
/// by reading the object again.
pub async fn judge(client: &Client, request: &Request, reply: &Reply) -> ChangeError {
    let rejected = || ChangeError::Rejected { status: reply.status, message: reply.message() };
    // What is asked of a program behind a Service is no object that could be read again.
    if request.method == "POST" || !matches!(reply.status, 404 | 409 | 422) {
        return rejected();
    }
    let full = request.path.split('?').next().unwrap_or_default();
    // The object has its status too, and to read the status alone is a right of its own.
    let path = full.strip_suffix("/status").unwrap_or(full);
    let target = match wire::get(client, path).await {
        Ok(target) => target,
        Err(ChangeError::Refused(Refusal::Absent)) => {
            return ChangeError::Moved { what: vec![format!("{} is gone", request.object)], by: None, at: None };
        }
        Err(_) => return rejected(),
    };
    // A Scale does not say who wrote it; its object does.
    let object = match full.strip_suffix("/scale") {
        Some(parent) => wire::get(client, parent).await.unwrap_or_else(|_| target.clone()),
        None => target.clone(),
    };
    match failed_guards(&request.body, &target, &object) {
        Some((what, by, at)) => ChangeError::Moved { what, by, at },
        None if reply.status == 409 => {
            let (by, at) = writer(&object, "");
            ChangeError::Moved { what: vec![format!("{} was written at the same moment", request.object)], by, at }
        }
        None => rejected(),
    }
}

type Trace = (Vec<String>, Option<String>, Option<Timestamp>);

/// Evaluates the tests of a body against the object as it is now.
fn failed_guards(body: &str, target: &Value, object: &Value) -> Option<Trace> {
    let body: Value = serde_json::from_str(body).ok()?;
    if let Some(uid) = body.pointer("/preconditions/uid") {
        let other = target.pointer("/metadata/uid").is_some_and(|now| now != uid);
        return other.then(|| (vec!["another pod has its name now".into()], None, None));
    }
    let mut failed: Vec<(&str, &Value, &Value)> = body
        .as_array()?
        .iter()
        .filter(|op| op.get("op").and_then(Value::as_str) == Some("test"))
        .filter_map(|op| {
            let pointer = op.get("path")?.as_str()?;
            let (wanted, now) = (op.get("value").unwrap_or(&Value::Null), target.pointer(pointer).unwrap_or(&Value::Null));
            (wanted != now).then_some((pointer, wanted, now))
        })
        .collect();
    let gone = |pointer: &str| body.as_array().into_iter().flatten().any(|op| removes(op, pointer)) && target.pointer(pointer).is_none();
    if failed.is_empty() && gone(PAUSES) {
        return Some((vec!["its pause was left already".into()], None, None));
    }
    // Made anew, all the rest differs as well; and a field says more than the counter that it moved.
    if let Some(uid) = failed.iter().position(|(pointer, ..)| *pointer == "/metadata/uid") {
        let at = target.pointer("/metadata/creationTimestamp").and_then(Value::as_str).and_then(|at| at.parse().ok());
        failed.truncate(uid + 1);
        return Some((vec!["it was deleted and made anew".into()], None, at));
    }
    let field = |pointer: &str| pointer != "/metadata/generation" && !pointer.ends_with("/annotations");
    if failed.iter().any(|(pointer, ..)| field(pointer)) {
        failed.retain(|(pointer, ..)| field(pointer));
    }
    let (pointer, ..) = failed.first()?;
    let (by, at) = writer(object, pointer);
    let what = failed.iter().map(|(pointer, wanted, now)| worded(pointer, wanted, now, object)).collect();
    Some((what, by, at))
}

/// Where Argo keeps the pause that a promote takes away: one that is gone fails the request as a test would.
const PAUSES: &str = "/status/pauseConditions";

fn removes(operation: &Value, pointer: &str) -> bool {
    operation.get("op").and_then(Value::as_str) == Some("remove") && operation.get("path").and_then(Value::as_str) == Some(pointer)
}

fn worded(pointer: &str, wanted: &Value, now: &Value, object: &Value) -> String {
    let text = |value: &Value| match value {
        Value::Null if pointer == "/spec/replicas" => "0".to_owned(),
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (now, was) = (text(now), text(wanted));
    if pointer == "/metadata/generation" {
        let fields = last_fields(object);
        let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
        return format!("its wish is at generation {now}, was {was}{fields}");
    }
    if pointer.ends_with("/annotations") {
        return "it got annotations".into();
    }
    if pointer == "/spec/paused" {
        return if was == "true" { "it is not held any more".into() } else { "it is held now".into() };
    }
    match pointer {
        "/status/currentPodHash" => return "another version came in".into(),
        "/status/currentStepIndex" => {
            let step = |index: &str| index.parse::<u64>().map_or_else(|_| index.to_owned(), |index| (index + 1).to_string());
            return format!("it is at step {}, was at step {}", step(&now), step(&was));
        }
        "/status/abort" if now == "true" => return "it was aborted".into(),
        "/status/abort" => return "it is not aborted any more".into(),
        _ if pointer.starts_with(PAUSES) && now == "none" => return "its pause was left already".into(),
        PAUSES => return "it is paused now".into(),
        _ => {}
    }
    if pointer.ends_with(&token(PLACE)) {
        let word = |value: &str| Place::read(value).map_or_else(|_| value.to_owned(), |place| place.word());
        return format!("its place is {}, was {}", word(&now), word(&was));
    }
    if let Some(key) = pointer.strip_prefix("/spec/selector/") {
        return format!("selector {} is {now}, was {was}", unescaped(key));
    }
    match pointer.strip_suffix("/image") {
        Some(container) => {
            let name = object.pointer(&format!("{container}/name")).and_then(Value::as_str).unwrap_or("the container");
            format!("image of {name} is {now}, was {was}")
        }
        None => format!("{} is {now}, was {was}", pointer.rsplit('/').next().map(unescaped).unwrap_or_default()),
    }
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Returns who last wrote a field, and when, by the server's own record: the entry that owns the field most exactly, the
/// latest of those; where none owns it (it was taken away), the last one that wrote any part of the wish.
pub fn writer(object: &Value, pointer: &str) -> (Option<String>, Option<Timestamp>) {
    let path = managed_path(object, pointer);
    if pointer.starts_with("/status/") {
        return status_writer(object, &path);
    }
    let best = entries(object)
        .map(|entry| (depth(&entry["fieldsV1"], &path), time(entry), entry))
        .max_by_key(|(depth, time, _)| (if *depth > 1 { *depth } else { 0 }, *time));
    match best {
        Some((_, time, entry)) => (entry.get("manager").and_then(Value::as_str).map(ToOwned::to_owned), time),
        None => (None, None),
    }
}

/// What the controller writes all the time says nothing: only who owns the very field is named.
fn status_writer(object: &Value, path: &[String]) -> (Option<String>, Option<Timestamp>) {
    let list = object.pointer("/metadata/managedFields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let best = list.iter().filter(|entry| depth(&entry["fieldsV1"], path) > 1).max_by_key(|entry| time(entry));
    (best.and_then(|entry| Some(entry.get("manager")?.as_str()?.to_owned())), best.and_then(time))
}

/// The record's entries that tell of the wish: those that own only status are the controllers' own.
fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    let list = object.pointer("/metadata/managedFields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter(|entry| entry.pointer("/fieldsV1/f:spec").is_some())
}

fn time(entry: &Value) -> Option<Timestamp> {
    entry.get("time").and_then(Value::as_str)?.parse().ok()
}

fn depth(fields: &Value, path: &[String]) -> usize {
    let mut at = fields;
    let mut depth = 0;
    for key in path {
        match at.get(key) {
            Some(next) => (at, depth) = (next, depth + 1),
            None => break,
        }
    }
    depth
}

/// Turns `/spec/template/spec/containers/0/image` into the record's keys: `f:spec`, …, `k:{"name":"web"}`, `f:image`.
fn managed_path(object: &Value, pointer: &str) -> Vec<String> {
    let mut at = Some(object);
    pointer
        .split('/')
        .skip(1)
        .map(|token| {
            let token = unescaped(token);
            let list = at.is_some_and(Value::is_array);
            at = match at {
                Some(Value::Array(items)) => token.parse().ok().and_then(|index: usize| items.get(index)),
                Some(other) => other.get(&token),
                None => None,
            };
            match at.and_then(|item| item.get("name")).filter(|_| list) {
                Some(name) => format!("k:{{\"name\":{name}}}"),
                None => format!("f:{token}"),
            }
        })
        .collect()
}

/// Returns the fields of the last entry, where they are few enough to say something.
fn last_fields(object: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    if let Some(entry) = entries(object).max_by_key(|entry| time(entry)) {
        leaves(&entry["fieldsV1"]["f:spec"], &mut fields, None);
    }
    if fields.len() > FIELDS_SHOWN { Vec::new() } else { fields }
}

fn leaves(fields: &Value, out: &mut Vec<String>, key: Option<&str>) {
    let children = fields.as_object().into_iter().flatten().filter(|(key, _)| *key != ".");
    let mut any = false;
    for (child, below) in children {
        any = true;
        leaves(below, out, Some(child.strip_prefix("f:").unwrap_or(child)));
    }
    if let (false, Some(key)) = (any, key) {
        out.push(key.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({
            "metadata": {"uid": "u", "generation": 9, "managedFields": [
                {"manager": "kubectl-create", "time": "2026-01-02T03:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:strategy": {},
                    "f:paused": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:name": {}}}}}}}},
                {"manager": "kubectl-set", "time": "2026-01-02T03:05:00Z", "fieldsV1": {"f:spec": {"f:template": {"f:spec":
                    {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}},
                {"manager": "kube-controller-manager", "time": "2026-01-02T03:09:00Z", "fieldsV1": {"f:status": {"f:replicas": {}}}}]},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "image": "lab/web:1.2.0"}]}}}
        })
    }

    #[test]
    fn a_field_is_traced_to_the_manager_that_owns_it() {
        for (pointer, manager) in [
            ("/spec/template/spec/containers/0/image", "kubectl-set"),
            ("/spec/replicas", "kubectl-create"),
            ("/metadata/generation", "kubectl-set"),
        ] {
            assert_eq!(writer(&object(), pointer).0.as_deref(), Some(manager), "{pointer}");
        }
        assert_eq!(writer(&json!({}), "/spec/replicas"), (None, None));
    }

    #[test]
    fn a_rollout_that_moved_on_says_where_it_is() {
        let rollout = json!({
            "metadata": {"uid": "u", "managedFields": [
                {"manager": "rollouts-controller", "time": "2026-01-02T03:09:00Z", "fieldsV1": {"f:status": {"f:phase": {}}}},
                {"manager": "rolldeck", "time": "2026-01-02T03:05:00Z", "fieldsV1": {"f:status": {"f:currentStepIndex": {}}}}]},
            "status": {"currentPodHash": "b", "currentStepIndex": 4, "abort": true}
        });
        let test = |path: &str, value: Value| json!({"op": "test", "path": path, "value": value});
        let remove = json!({"op": "remove", "path": "/status/pauseConditions"});
        for (operation, words, by) in [
            (test("/status/currentStepIndex", json!(3)), "it is at step 5, was at step 4", Some("rolldeck")),
            (test("/status/currentPodHash", json!("a")), "another version came in", None),
            (test("/status/abort", Value::Null), "it was aborted", None),
            (test("/status/pauseConditions/0/reason", json!("BlueGreenPause")), "its pause was left already", None),
            (remove, "its pause was left already", None),
        ] {
            let (what, who, _) = failed_guards(&json!([operation]).to_string(), &rollout, &rollout).expect("it moved");
            assert_eq!((what.join("; ").as_str(), who.as_deref()), (words, by), "{operation}");
        }
    }

    #[test]
    fn a_failed_guard_says_field_manager_and_time() {
        let image = "/spec/template/spec/containers/0/image";
        let test = |path: &str, value: Value| json!({"op": "test", "path": path, "value": value});
        for (tests, wanted) in [
            (vec![test("/metadata/generation", json!(9))], None),
            (vec![test("/metadata/generation", json!(7))], Some("its wish is at generation 9, was 7 (image)")),
            (
                vec![test("/metadata/generation", json!(7)), test(image, json!("lab/web:1.0.0"))],
                Some("image of web is lab/web:1.2.0, was lab/web:1.0.0"),
            ),
            (vec![test("/metadata/uid", json!("other")), test("/spec/replicas", json!(1))], Some("it was deleted and made anew")),
            (vec![test("/spec/paused", json!(true))], Some("it is not held any more")),
            (vec![test("/spec/replicas", json!(5))], Some("replicas is 3, was 5")),
            (vec![test("/metadata/annotations", Value::Null)], None),
        ] {
            let body = Value::Array(tests.clone()).to_string();
            let what = failed_guards(&body, &object(), &object()).map(|(what, ..)| what.join("; "));
            assert_eq!(what.as_deref(), wanted, "{tests:?}");
        }
    }
}
