//! The ReplicaSets of a Rollout as revisions with their roles, and which of them can be had back without steps
//! (api-semantics 2.4, 2.6).

use std::cmp::Reverse;

use jiff::Timestamp;

use super::facts::Facts;
use crate::adapter::kubernetes::convert::deployment;
use crate::adapter::kubernetes::objects::custom::{number, text};
use crate::adapter::kubernetes::record::ReplicaSet;
use crate::domain::delivery::Shortcut;
use crate::domain::event::Event;
use crate::domain::id::RevisionId;
use crate::domain::plan::Workload;
use crate::domain::revision::{Proof, Revision, Role, Roles};

/// Returns the order in which revisions stand: the wished one, those with instances, then the kept ones, newest first.
pub fn order(facts: &Facts<'_>, sets: &[&ReplicaSet]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sets.len()).collect();
    order.sort_by_key(|&index| {
        let set = sets[index];
        (set.hash != facts.current, !live(set), Reverse(set.number), set.name.clone())
    });
    order
}

/// Returns whether a revision has instances, or is to have some.
pub fn live(set: &ReplicaSet) -> bool {
    set.counts.total > 0 || set.counts.wanted > 0
}

/// Returns the roles of a template's hash.
pub fn roles(facts: &Facts<'_>, hash: &str) -> Roles {
    let mut roles = Roles::default();
    if hash.is_empty() {
        roles.insert(Role::Old);
        return roles;
    }
    if hash == facts.stable {
        roles.insert(Role::Stable);
    }
    if facts.blue_green {
        if hash == facts.active() {
            roles.insert(Role::Active);
        } else if hash != facts.stable && (hash == text(facts.status, "/blueGreen/previewSelector") || hash == facts.current) {
            // A preview Service is not required, and what is wished is a candidate without one too.
            roles.insert(Role::Preview);
        }
    } else if hash == facts.current && hash != facts.stable {
        roles.insert(Role::Canary);
    }
    if roles == Roles::default() {
        roles.insert(Role::Old);
    }
    roles
}

/// Makes the revision of a ReplicaSet. `condemned` is when an analysis spoke against it.
pub fn revision(
    facts: &Facts<'_>,
    set: &ReplicaSet,
    sets: &[&ReplicaSet],
    workload: &Workload,
    condemned: Option<Timestamp>,
    events: &[&Event],
) -> Revision {
    let roles = roles(facts, &set.hash);
    Revision {
        id: RevisionId::new(set.name.as_str()),
        number: set.number,
        former_numbers: set.former.clone(),
        version: set.template.version(workload.container.as_deref(), workload.image.as_deref()),
        images: set.template.images.clone(),
        roles,
        track: None,
        counts: set.counts,
        created: set.created,
        cause: set.cause.clone(),
        restarted: set.template.restarted,
        // The annotation stays when the instances have gone.
        cools: set.cools.filter(|_| live(set)),
        shortcut: shortcut(facts, set, sets),
        proof: match (deployment::proof(set.counts), condemned) {
            (_, Some(at)) if !roles.has(Role::Stable) => Proof::Failed(at),
            (Proof::Unknown, _) if roles.has(Role::Stable) => Proof::Stable,
            (Proof::Unknown, _) => recorded(&set.hash, events),
            (proof, _) => proof,
        },
        template: set.template.lines.clone(),
    }
}

/// `Rollout completed update to revision 2 (6d7c88f77): Completed all 2 canary steps`: the controller's own record.
fn recorded(hash: &str, events: &[&Event]) -> Proof {
    let completed = |event: &&&Event| event.reason == "RolloutCompleted" && event.message.contains(&format!("({hash})"));
    events.iter().filter(completed).map(|event| event.at).max().map_or(Proof::Unknown, Proof::Recorded)
}

fn shortcut(facts: &Facts<'_>, set: &ReplicaSet, sets: &[&ReplicaSet]) -> Option<Shortcut> {
    if set.hash == facts.current || set.hash.is_empty() {
        return None;
    }
    if set.hash == facts.stable {
        return Some(Shortcut::Stable);
    }
    // While the deadline stands, the controller switches at once and asks nobody (2.9).
    if facts.blue_green && set.cools.is_some() && live(set) && set.hash != facts.active() {
        return Some(Shortcut::Warm);
    }
    let window = number(facts.spec, "/rollbackWindow/revisions").unwrap_or(0);
    let stable = sets.iter().find(|other| other.hash == facts.stable)?.created?;
    let created = set.created?;
    let between = sets.iter().filter(|other| other.created.is_some_and(|at| created < at && at < stable)).count();
    (created < stable && u64::try_from(between).is_ok_and(|between| between < window)).then_some(Shortcut::Window)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::adapter::kubernetes::objects::custom::Custom;
    use crate::adapter::kubernetes::record::{Names, Record};

    fn set(hash: &str, minute: u32, replicas: u32, deadline: bool) -> ReplicaSet {
        let mut annotations = json!({"rollout.argoproj.io/revision": minute.to_string()});
        if deadline {
            annotations["scale-down-deadline"] = json!("2026-01-02T03:59:00Z");
        }
        let raw = json!({
            "metadata": {"name": format!("web-{hash}"), "uid": hash, "labels": {"rollouts-pod-template-hash": hash}, "annotations": annotations,
                         "creationTimestamp": format!("2026-01-02T03:{minute:02}:00Z"),
                         "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": "u", "controller": true}]},
            "spec": {"replicas": replicas}, "status": {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}
        });
        ReplicaSet::read(serde_json::from_value(raw).unwrap(), &mut Names::default()).unwrap()
    }

    fn rollout(strategy: &Value, status: Value, window: Option<u32>) -> Custom {
        Custom { spec: json!({"strategy": strategy, "rollbackWindow": {"revisions": window}}), status, ..Default::default() }
    }

    #[test]
    fn roles_follow_the_status_and_one_may_have_two() {
        let canary = rollout(&json!({"canary": {}}), json!({"currentPodHash": "b", "stableRS": "a"}), None);
        let blue = |active: &str, stable: &str, preview: &str| {
            let status =
                json!({"currentPodHash": "b", "stableRS": stable, "blueGreen": {"activeSelector": active, "previewSelector": preview}});
            rollout(&json!({"blueGreen": {}}), status, None)
        };
        let words = |object: &Custom, hash: &str| roles(&Facts::of(object), hash).iter().map(Role::word).collect::<Vec<_>>().join("+");
        for (what, object, told) in [
            ("a canary", canary, [("a", "stable"), ("b", "canary"), ("c", "old")]),
            ("before the switch", blue("a", "a", "b"), [("a", "active+stable"), ("b", "preview"), ("c", "old")]),
            ("without a preview Service", blue("a", "a", ""), [("a", "active+stable"), ("b", "preview"), ("c", "old")]),
            ("switched, not yet trusted", blue("b", "a", "b"), [("a", "stable"), ("b", "active"), ("c", "old")]),
            ("promoted", blue("b", "b", "b"), [("a", "old"), ("b", "active+stable"), ("", "old")]),
        ] {
            for (hash, roles) in told {
                assert_eq!(words(&object, hash), roles, "{what}: {hash}");
            }
        }
    }

    #[test]
    fn a_return_takes_no_steps_to_the_stable_one_within_the_window_and_while_it_is_warm() {
        let sets = [set("a", 1, 0, false), set("b", 2, 0, false), set("c", 3, 0, false), set("d", 4, 4, false), set("e", 5, 1, false)];
        let sets: Vec<&ReplicaSet> = sets.iter().collect();
        let object = rollout(&json!({"canary": {}}), json!({"currentPodHash": "e", "stableRS": "d"}), Some(2));
        let facts = Facts::of(&object);
        let all: Vec<_> = sets.iter().map(|set| shortcut(&facts, set, &sets)).collect();
        assert_eq!(all, [None, Some(Shortcut::Window), Some(Shortcut::Window), Some(Shortcut::Stable), None]);

        let sets = [set("a", 1, 3, true), set("b", 2, 3, false), set("c", 0, 0, true)];
        let sets: Vec<&ReplicaSet> = sets.iter().collect();
        let status = json!({"currentPodHash": "b", "stableRS": "b", "blueGreen": {"activeSelector": "b"}});
        let object = rollout(&json!({"blueGreen": {}}), status, None);
        let facts = Facts::of(&object);
        let all: Vec<_> = sets.iter().map(|set| shortcut(&facts, set, &sets)).collect();
        assert_eq!(all, [Some(Shortcut::Warm), None, None], "a deadline without instances warms nothing");
    }
}
