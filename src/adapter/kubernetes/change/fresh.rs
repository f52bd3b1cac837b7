//! An object as the API server has it at this moment, and what a decision reads from it.

use kube::Client;
use serde_json::Value;

use super::wire::{self, Kind};
use crate::domain::change::ChangeError;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::verb::Refusal;

/// A freshly read object, raw.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub kind: Kind,
    pub part: Part,
    pub value: Value,
}

/// A container of a template by its place in the list, which a JSON Patch addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// `/spec/template/spec/containers/0`.
    pub pointer: String,
    pub name: String,
    pub image: String,
}

impl Fresh {
    /// Reads an object.
    pub async fn read(client: &Client, kind: Kind, part: Part, namespace: &str, name: &str) -> Result<Self, ChangeError> {
        Ok(Self { kind, part, value: wire::get(client, &kind.path(namespace, name)).await? })
    }

    /// Returns the text at a JSON pointer, empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the number at a JSON pointer, 0 where there is none (as the API leaves zeros out).
    pub fn number(&self, pointer: &str) -> u32 {
        self.value.pointer(pointer).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
    }

    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// Returns the number that moves with the wish; a Service has none.
    pub fn generation(&self) -> Option<u64> {
        self.value.pointer("/metadata/generation").and_then(Value::as_u64)
    }

    /// Returns whether a Deployment is held.
    pub fn paused(&self) -> bool {
        self.value.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns how many pods are wanted; a missing number means one.
    pub fn replicas(&self) -> u32 {
        match self.value.pointer("/spec/replicas") {
            Some(_) => self.number("/spec/replicas"),
            None => 1,
        }
    }

    /// Returns the version that is shown, journalled and compared with the screen's.
    pub fn version(&self) -> String {
        match self.generation() {
            Some(generation) => format!("generation {generation}"),
            None => format!("version {}", self.text("/metadata/resourceVersion")),
        }
    }

    /// Returns the object as the shared words name it.
    pub fn object(&self) -> ObjectRef {
        ObjectRef {
            part: self.part.clone(),
            kind: self.kind.word().into(),
            namespace: self.namespace().into(),
            name: self.name().into(),
            uid: self.uid().into(),
            version: self.version(),
        }
    }

    /// Returns `Deployment booking/web`.
    pub fn title(&self) -> String {
        format!("{} {}/{}", self.kind.word(), self.namespace(), self.name())
    }

    /// Returns the containers of the template, those that serve first, then those that only start it.
    pub fn slots(&self) -> Vec<Slot> {
        let list = |pointer: &'static str| {
            let containers = self.value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            containers.iter().enumerate().map(move |(at, container)| {
                let text = |key: &str| container.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                Slot { pointer: format!("{pointer}/{at}"), name: text("name"), image: text("image") }
            })
        };
        list("/spec/template/spec/containers").chain(list("/spec/template/spec/initContainers")).collect()
    }

    /// Returns the container of that name, or the first where none is named.
    ///
    /// A patch that names a container which is not there would add it (api-semantics 0): so it is refused here.
    pub fn slot(&self, wanted: Option<&str>) -> Result<Slot, Refusal> {
        let slots = self.slots();
        let names = || slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>().join(", ");
        match wanted {
            Some(name) => {
                let found = slots.iter().find(|slot| slot.name == name).cloned();
                found.ok_or_else(|| Refusal::Other(format!("{} has no container {name}: it has {}", self.title(), names())))
            }
            None => slots.first().cloned().ok_or_else(|| Refusal::Other(format!("{} has no container", self.title()))),
        }
    }

    /// Returns whether the controller has looked at the wish.
    pub fn observed(&self) -> bool {
        let seen = self.value.pointer("/status/observedGeneration");
        if self.kind == Kind::Rollout {
            // A string; what is no number, and a later one, Argo takes for observed (api-semantics 2.5).
            let seen = seen.and_then(Value::as_str).and_then(|seen| seen.parse::<u64>().ok());
            return seen.is_none_or(|seen| self.generation().is_none_or(|generation| seen >= generation));
        }
        let seen = seen.and_then(Value::as_u64);
        self.generation().is_none_or(|generation| seen.is_some_and(|seen| seen >= generation))
    }

    /// Returns ready and wanted pods of the present template: the last steps of `kubectl rollout status` (api-semantics 1.1).
    pub fn progress(&self) -> (u32, u32) {
        if self.kind == Kind::DaemonSet {
            let wanted = self.number("/status/desiredNumberScheduled");
            return (self.number("/status/numberAvailable").min(self.number("/status/updatedNumberScheduled")), wanted);
        }
        let updated = self.number("/status/updatedReplicas");
        // Available counts old pods too: only when there are none besides is it a word about the new ones.
        let old = self.number("/status/replicas").saturating_sub(updated);
        let ready = match self.kind {
            Kind::StatefulSet => self.number("/status/readyReplicas"),
            _ => self.number("/status/availableReplicas"),
        };
        (updated.min(ready.saturating_sub(old)), self.replicas())
    }

    /// Returns whether every wanted pod is of the present template and ready.
    pub fn settled(&self) -> bool {
        let (ready, wanted) = self.progress();
        let only = self.kind == Kind::DaemonSet || self.number("/status/replicas") == wanted;
        self.observed() && ready >= wanted && only
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(status: &Value) -> Fresh {
        let value = json!({
            "metadata": {"name": "web", "namespace": "n", "uid": "u", "generation": 4},
            "spec": {"replicas": 3, "template": {"spec": {
                "containers": [{"name": "web", "image": "lab/web:1.0.0"}, {"name": "proxy", "image": "envoy:1"}],
                "initContainers": [{"name": "migrate", "image": "lab/migrate:1"}]}}},
            "status": status,
        });
        Fresh { kind: Kind::Deployment, part: Part::Workload, value }
    }

    #[test]
    fn old_pods_do_not_pass_for_ready_new_ones() {
        for (status, settled, ready) in [
            (json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}), true, 3),
            (json!({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}), false, 3),
            (json!({"observedGeneration": 4, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3}), false, 2),
            (json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 3}), false, 1),
            (json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 3}), false, 0),
        ] {
            let fresh = deployment(&status);
            assert_eq!((fresh.settled(), fresh.progress()), (settled, (ready, 3)), "{status}");
        }
    }

    #[test]
    fn a_rollouts_controller_says_in_a_string_what_it_has_seen() {
        for (seen, observed) in [(json!("3"), false), (json!("4"), true), (json!("5"), true), (json!("7d4b9"), true), (Value::Null, true)] {
            let fresh = Fresh { kind: Kind::Rollout, ..deployment(&json!({"observedGeneration": seen})) };
            assert_eq!(fresh.observed(), observed, "{seen}");
        }
    }

    #[test]
    fn a_container_is_found_by_name_and_a_missing_one_is_refused_with_the_names_there_are() {
        let fresh = deployment(&json!({}));
        assert_eq!(fresh.slot(None).map(|slot| slot.name), Ok("web".into()));
        assert_eq!(fresh.slot(Some("migrate")).map(|slot| slot.pointer), Ok("/spec/template/spec/initContainers/0".into()));
        let refusal = fresh.slot(Some("wbe")).expect_err("there is none");
        assert_eq!(refusal.to_string(), "Deployment n/web has no container wbe: it has web, proxy, migrate");
    }
}
