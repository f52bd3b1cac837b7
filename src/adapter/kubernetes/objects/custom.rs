//! Objects of other controllers (Argo Rollouts, Flagger, the Gateway API), kept as they come: their fields come and go between
//! versions, so nothing of them may break a watch. What is read of them is read by JSON pointer.

use serde::Deserialize;
use serde_json::Value;

use super::{Decode, Meta, lenient};

/// A custom resource: metadata, and the rest as JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Custom {
    pub metadata: Meta,
    #[serde(deserialize_with = "lenient")]
    pub spec: Value,
    #[serde(deserialize_with = "lenient")]
    pub status: Value,
}

impl Decode for Custom {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

impl Custom {
    /// Returns a text of the spec by JSON pointer; empty where there is none.
    pub fn wished(&self, pointer: &str) -> &str {
        text(&self.spec, pointer)
    }

    /// Returns a text of the status by JSON pointer; empty where there is none.
    pub fn told(&self, pointer: &str) -> &str {
        text(&self.status, pointer)
    }
}

/// Returns the text at a JSON pointer; empty where there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the count at a JSON pointer: a number, or a number in quotes, as some controllers write them.
pub fn number(value: &Value, pointer: &str) -> Option<u64> {
    let found = value.pointer(pointer)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok())
}

/// Returns whether there is a `true` at a JSON pointer.
pub fn truth(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the list at a JSON pointer; empty where there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Returns the time at a JSON pointer.
pub fn time(value: &Value, pointer: &str) -> Option<jiff::Timestamp> {
    value.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse().ok())
}
