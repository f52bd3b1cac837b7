//! From the API's objects to the domain's words. Pure: tables at the foot of each file, recordings in `tests/it/kubernetes`.

pub mod argo;
pub mod bluegreen;
pub mod canary;
pub mod canary_place;
pub mod canary_route;
pub mod canary_stand;
pub mod deployment;
pub mod endpoints;
pub mod event;
pub mod flagger;
pub mod owner;
pub mod pod;
pub mod quantity;
pub mod sets;
pub mod status;
pub mod template;

use jiff::Timestamp;

use super::objects::{Condition, IntOrText, Meta};
use crate::domain::id::Uid;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::rollout::Held;

/// Reads a count that the API types as signed.
pub fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// Names an object with its guard: the generation moves with the spec.
pub fn object_ref(part: Part, kind: &str, meta: &Meta) -> ObjectRef {
    let version =
        if meta.generation > 0 { format!("generation {}", meta.generation) } else { format!("version {}", meta.resource_version) };
    ObjectRef {
        part,
        kind: kind.to_owned(),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: Uid::new(meta.uid.as_str()),
        version,
    }
}

/// Returns the manager that last wrote the wish, and when.
pub fn changed(meta: &Meta) -> Option<(String, Timestamp)> {
    let wish = meta.managed_fields.iter().filter(|entry| entry.fields.spec.is_some());
    wish.filter_map(|entry| entry.time.map(|time| (entry.manager.clone(), time))).max_by_key(|(_, time)| *time)
}

/// Returns who holds a paused object, and since when: the manager of `spec.paused`, else the controller's condition.
pub fn held(meta: &Meta, conditions: &[Condition]) -> Held {
    let owner = meta
        .managed_fields
        .iter()
        .filter(|entry| entry.fields.spec.as_ref().is_some_and(|spec| spec.paused.is_some()))
        .max_by_key(|entry| entry.time);
    let seen = conditions.iter().find(|condition| condition.reason.as_deref() == Some("DeploymentPaused"));
    Held {
        // A manager's time moves with any of its fields, so the condition is nearer where there is one.
        since: seen
            .and_then(|condition| condition.last_transition_time.or(condition.last_update_time))
            .or(owner.and_then(|entry| entry.time)),
        by: owner.map(|entry| entry.manager.clone()),
    }
}

/// Words a bound of a rolling update: `25 %`, `1`.
pub fn bound(value: Option<&IntOrText>, default: &str) -> String {
    match value {
        Some(IntOrText::Int(number)) => number.to_string(),
        Some(IntOrText::Text(text)) => text.strip_suffix('%').map_or_else(|| text.clone(), |percent| format!("{percent} %")),
        None => default.to_owned(),
    }
}
