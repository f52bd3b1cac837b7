//! Applies a request's body to an object, as an API server would: JSON Patch with its tests, and merge patch.

use serde_json::Value;

/// Why a patch was not applied; nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// A `test` found something else.
    Test { path: String, expected: Value, found: Option<Value> },
    /// What should be removed or replaced is not there.
    Absent { path: String },
    /// It is no patch.
    Malformed(String),
}

/// Returns the object with a patch applied.
///
/// # Errors
///
/// The first operation that could not be done; then none was.
pub fn apply(object: &Value, content_type: &str, body: &str) -> Result<Value, Missed> {
    let body: Value = serde_json::from_str(body).map_err(|error| Missed::Malformed(error.to_string()))?;
    let mut object = object.clone();
    match content_type {
        "application/json-patch+json" => {
            let operations = body.as_array().ok_or_else(|| Missed::Malformed("a JSON patch is a list".into()))?;
            for operation in operations {
                one(&mut object, operation)?;
            }
        }
        "application/merge-patch+json" => merge(&mut object, &body),
        other => return Err(Missed::Malformed(format!("unsupported media type {other}"))),
    }
    Ok(object)
}

fn one(object: &mut Value, operation: &Value) -> Result<(), Missed> {
    let word = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
    let (op, path) = (word("op"), word("path"));
    let value = operation.get("value").cloned().unwrap_or(Value::Null);
    let absent = || Missed::Absent { path: path.to_owned() };
    if op == "test" {
        let found = object.pointer(path).cloned();
        // What is not there is null, as Kubernetes' own patches have it.
        return if found.as_ref().unwrap_or(&Value::Null) == &value {
            Ok(())
        } else {
            Err(Missed::Test { path: path.into(), expected: value, found })
        };
    }
    let (parent, key) = path.rsplit_once('/').ok_or_else(absent)?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match (object.pointer_mut(parent).ok_or_else(absent)?, op) {
        (Value::Object(map), "add") => drop(map.insert(key, value)),
        (Value::Object(map), "replace") => *map.get_mut(&key).ok_or_else(absent)? = value,
        (Value::Object(map), "remove") => drop(map.remove(&key).ok_or_else(absent)?),
        (Value::Array(list), "replace") => {
            let slot = key.parse::<usize>().ok().and_then(|at| list.get_mut(at));
            *slot.ok_or_else(absent)? = value;
        }
        _ => return Err(Missed::Malformed(format!("cannot {op} {path}"))),
    }
    Ok(())
}

fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(map) = object {
        for (key, value) in patch {
            if value.is_null() {
                map.remove(key);
            } else {
                merge(map.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missed_test_leaves_the_object_as_it_was_and_says_what_it_found() {
        let object = json!({"metadata": {"generation": 8}, "spec": {"paused": true}});
        let body = r#"[{"op":"remove","path":"/spec/paused"},{"op":"test","path":"/metadata/generation","value":7}]"#;
        let missed = apply(&object, "application/json-patch+json", body);
        assert_eq!(missed, Err(Missed::Test { path: "/metadata/generation".into(), expected: json!(7), found: Some(json!(8)) }));
    }

    #[test]
    fn the_operations_of_a_patch_are_done_in_turn() {
        let object = json!({"metadata": {"annotations": {}}, "spec": {"list": [{"image": "a"}], "paused": true}});
        let body = r#"[{"op":"replace","path":"/spec/list/0/image","value":"b"},{"op":"remove","path":"/spec/paused"},
                       {"op":"add","path":"/metadata/annotations/kubernetes.io~1change-cause","value":"why"}]"#;
        assert_eq!(
            apply(&object, "application/json-patch+json", body),
            Ok(json!({"metadata": {"annotations": {"kubernetes.io/change-cause": "why"}}, "spec": {"list": [{"image": "b"}]}}))
        );
        assert_eq!(
            apply(&object, "application/json-patch+json", r#"[{"op":"remove","path":"/spec/none"}]"#),
            Err(Missed::Absent { path: "/spec/none".into() })
        );
    }
}
