//! A guarded JSON Patch: tests first, then what it writes. Only this patch type can compare and set (api-semantics 0).

use serde_json::{Value, json};

use super::fresh::Fresh;
use super::wire::Kind;
use crate::domain::change::{Request, Wait};

/// The manager under which the server records our fields.
pub const FIELD_MANAGER: &str = "rolldeck";

/// Where `kubectl rollout history` finds what a revision was for.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// Operations in the order in which they are sent.
#[derive(Clone, Debug)]
pub struct Patch(Vec<Value>);

impl Patch {
    /// Begins with the test that the object is still the same one, not deleted and made anew.
    pub fn on(object: &Fresh) -> Self {
        Self(vec![json!({"op": "test", "path": "/metadata/uid", "value": object.uid()})])
    }

    /// Tests that the wish as a whole has not moved. Not for ways back, nor where an autoscaler moves it all the time.
    pub fn same_generation(self, object: &Fresh) -> Self {
        match object.generation() {
            Some(generation) => self.test("/metadata/generation", generation),
            None => self,
        }
    }

    /// Tests the images of all containers: what a decision rests on where the generation moves by itself.
    pub fn same_images(self, object: &Fresh) -> Self {
        object.slots().into_iter().fold(self, |patch, slot| {
            patch.test(&format!("{}/name", slot.pointer), slot.name).test(&format!("{}/image", slot.pointer), slot.image)
        })
    }

    /// Tests one value. `null` tests that there is none.
    pub fn test(self, path: &str, value: impl Into<Value>) -> Self {
        self.op("test", path, &value.into())
    }

    pub fn add(self, path: &str, value: impl Into<Value>) -> Self {
        self.op("add", path, &value.into())
    }

    pub fn replace(self, path: &str, value: impl Into<Value>) -> Self {
        self.op("replace", path, &value.into())
    }

    /// Takes a value away; it must be there.
    pub fn remove(mut self, path: &str) -> Self {
        self.0.push(json!({"op": "remove", "path": path}));
        self
    }

    /// Sets annotations under a map that may not be there. JSON Patch cannot add to a missing map, and adding the map would
    /// wipe one that came into being meanwhile: a test that there is none keeps that from happening.
    pub fn annotate(self, object: &Fresh, map: &str, pairs: &[(&str, &str)]) -> Self {
        if object.value.pointer(map).is_some_and(Value::is_object) {
            pairs.iter().fold(self, |patch, (key, value)| patch.add(&format!("{map}/{}", token(key)), *value))
        } else {
            let all: serde_json::Map<String, Value> = pairs.iter().map(|(key, value)| ((*key).into(), Value::from(*value))).collect();
            self.test(map, Value::Null).add(map, all)
        }
    }

    fn op(mut self, op: &str, path: &str, value: &Value) -> Self {
        self.0.push(json!({"op": op, "path": path, "value": value}));
        self
    }

    /// Makes the request on the object itself.
    pub fn request(self, purpose: impl Into<String>, object: &Fresh) -> Request {
        self.at(purpose.into(), object, "")
    }

    /// Makes the request on the object's scale.
    pub fn request_scale(self, purpose: impl Into<String>, object: &Fresh) -> Request {
        self.at(purpose.into(), object, "/scale")
    }

    /// Makes the request on the object's status.
    pub fn request_status(self, purpose: impl Into<String>, object: &Fresh) -> Request {
        self.at(purpose.into(), object, "/status")
    }

    fn at(self, purpose: String, object: &Fresh, sub: &str) -> Request {
        Request {
            purpose,
            method: "PATCH".into(),
            path: format!("{}{sub}?fieldManager={FIELD_MANAGER}", object.kind.path(object.namespace(), object.name())),
            content_type: "application/json-patch+json".into(),
            body: Value::Array(self.0).to_string(),
            object: object.object(),
            then: None,
        }
    }
}

/// Makes the request that deletes exactly this pod, and no other of its name.
pub fn delete_pod(purpose: impl Into<String>, pod: &Fresh) -> Request {
    Request {
        purpose: purpose.into(),
        method: "DELETE".into(),
        path: Kind::Pod.path(pod.namespace(), pod.name()),
        content_type: "application/json".into(),
        body: json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": pod.uid()}}).to_string(),
        object: pod.object(),
        then: None,
    }
}

/// Adds what the engine waits for before the next request.
pub fn then(mut request: Request, wait: Wait) -> Request {
    request.then = Some(wait);
    request
}

/// Escapes a key for a JSON pointer.
pub fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
