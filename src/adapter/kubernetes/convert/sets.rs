//! StatefulSets and DaemonSets as rollouts: their revisions are ControllerRevisions, which carry no counts of their own.

use std::sync::Arc;

use super::deployment::{failing, proof, serving, version_container};
use super::status::{self, Status, Verdict};
use super::{bound, changed, count, object_ref, owner};
use crate::adapter::kubernetes::convert::template::Template;
use crate::adapter::kubernetes::objects::{DeploymentStrategy, Meta};
use crate::adapter::kubernetes::record::{ControllerRevision, DaemonSet, StatefulSet};
use crate::domain::delivery::{Delivery, Steering};
use crate::domain::id::RevisionId;
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::object::Part;
use crate::domain::plan::Workload;
use crate::domain::revision::{Counts, Revision, Role, Roles};
use crate::domain::rollout::{Phase, Rollout, Strategy};
use crate::domain::step::{Share, Weight, WeightSource};
use crate::domain::verb::{Capabilities, Verb};

/// What the two kinds share.
struct Set<'a> {
    kind: &'static str,
    object: &'static str,
    meta: &'a Meta,
    strategy: Strategy,
    status: Status,
    counts: Counts,
    updated: u32,
    /// The name of the revision that is wished, and of the one before, where the status tells them.
    wished: Option<RevisionId>,
    former: Option<RevisionId>,
    template: &'a Template,
    verbs: &'static [Verb],
}

/// Returns the rollout of a StatefulSet.
pub fn stateful(set: &StatefulSet, revisions: &[&ControllerRevision], pods: Vec<Arc<Instance>>, workload: &Workload) -> Rollout {
    let now = &set.object.status;
    let named = |name: &str| (!name.is_empty()).then(|| RevisionId::new(name));
    let rolling = set.object.spec.update_strategy.rolling_update.as_ref();
    let partition = rolling.and_then(|rolling| rolling.partition).unwrap_or(0);
    let strategy = match strategy(&set.object.spec.update_strategy) {
        Strategy::Rolling { unavailable, .. } if partition > 0 => {
            Strategy::Rolling { surge: format!("0, partition {partition}"), unavailable }
        }
        other => other,
    };
    build(
        &Set {
            kind: "statefulset",
            object: "StatefulSet",
            meta: &set.object.metadata,
            strategy,
            status: status::stateful_set(&set.object),
            counts: Counts {
                wanted: count(set.object.spec.replicas.unwrap_or(1)),
                total: count(now.replicas),
                ready: count(now.ready_replicas),
                available: count(now.available_replicas.unwrap_or(now.ready_replicas)),
            },
            updated: count(now.updated_replicas),
            wished: named(&now.update_revision),
            former: named(&now.current_revision),
            template: &set.template,
            verbs: &[Verb::Ship, Verb::RollBack, Verb::Restart, Verb::Scale],
        },
        revisions,
        pods,
        workload,
    )
}

/// Returns the rollout of a DaemonSet.
pub fn daemon(set: &DaemonSet, revisions: &[&ControllerRevision], pods: Vec<Arc<Instance>>, workload: &Workload) -> Rollout {
    let now = &set.object.status;
    // A DaemonSet's status names no revision; the highest number is what is wished.
    let mut numbers: Vec<_> = revisions.iter().map(|revision| (revision.number, revision.name.as_str())).collect();
    numbers.sort_unstable();
    build(
        &Set {
            kind: "daemonset",
            object: "DaemonSet",
            meta: &set.object.metadata,
            strategy: strategy(&set.object.spec.update_strategy),
            status: status::daemon_set(&set.object),
            counts: Counts {
                wanted: count(now.desired_number_scheduled),
                total: count(now.current_number_scheduled),
                ready: count(now.number_ready),
                available: count(now.number_available),
            },
            updated: count(now.updated_number_scheduled),
            wished: numbers.last().map(|(_, name)| RevisionId::new(*name)),
            former: None,
            template: &set.template,
            verbs: &[Verb::Ship, Verb::RollBack, Verb::Restart],
        },
        revisions,
        pods,
        workload,
    )
}

fn strategy(strategy: &DeploymentStrategy) -> Strategy {
    if strategy.r#type.as_deref() == Some("OnDelete") {
        return Strategy::OnDelete;
    }
    let rolling = strategy.rolling_update.as_ref();
    Strategy::Rolling {
        surge: bound(rolling.and_then(|rolling| rolling.max_surge.as_ref()), "0"),
        unavailable: bound(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), "1"),
    }
}

fn build(set: &Set<'_>, kept: &[&ControllerRevision], mut pods: Vec<Arc<Instance>>, workload: &Workload) -> Rollout {
    let finished = set.status.verdict == Verdict::Done;
    let of = |id: &RevisionId| pods.iter().filter(|pod| pod.revision == *id).count();
    // Where the status says that what is wished is what was, it came back: the pods of another revision are on their way
    // out, and have not served (the broken pod that an undo leaves behind, 1.5).
    let came_back = set.former.is_some() && set.former == set.wished;
    let ready = |id: &RevisionId| pods.iter().filter(|pod| pod.revision == *id && pod.state == InstanceState::Ready).count();
    let former = set.former.clone().or_else(|| {
        let others = kept.iter().map(|revision| RevisionId::new(revision.name.as_str())).filter(|id| Some(id) != set.wished.as_ref());
        others.filter(|id| of(id) > 0).max_by_key(|id| ready(id))
    });
    let former = former.filter(|former| Some(former) != set.wished.as_ref());
    // A partition that is reached is done, and holds two revisions for as long as it stands.
    let halfway = former.as_ref().is_some_and(|former| of(former) > 0);
    let counts_of = |id: &RevisionId| {
        let list = || pods.iter().filter(|pod| pod.revision == *id && pod.state != InstanceState::Terminating);
        let ready = list().filter(|pod| pod.state == InstanceState::Ready).count() as u32;
        Counts { wanted: list().count() as u32, total: list().count() as u32, ready, available: ready }
    };
    let roles = |id: &RevisionId| {
        let wished = Some(id) == set.wished.as_ref();
        let under_way = !finished || halfway;
        let role = if wished && under_way && former.is_some() {
            Role::Canary
        } else if wished || (under_way && Some(id) == former.as_ref()) {
            Role::Stable
        } else {
            Role::Old
        };
        Roles::of(&[role])
    };
    let (container, image) = (workload.container.as_deref(), workload.image.as_deref());
    let mut revisions: Vec<Revision> = kept
        .iter()
        .map(|revision| {
            let id = RevisionId::new(revision.name.as_str());
            let counts = counts_of(&id);
            Revision {
                number: Some(revision.number),
                former_numbers: Vec::new(),
                version: revision.template.version(container, image),
                images: revision.template.images.clone(),
                roles: roles(&id),
                track: None,
                counts,
                created: revision.created,
                cause: revision.cause.clone(),
                restarted: revision.template.restarted,
                cools: None,
                shortcut: None,
                proof: proof(counts),
                template: revision.template.lines.clone(),
                id,
            }
        })
        .collect();
    if revisions.is_empty() {
        // Without the right to read ControllerRevisions the template itself is all there is.
        let id = set.wished.clone().unwrap_or_else(|| RevisionId::new(set.meta.name.as_str()));
        revisions.push(Revision {
            number: None,
            former_numbers: Vec::new(),
            version: set.template.version(container, image),
            images: set.template.images.clone(),
            roles: Roles::of(&[if finished { Role::Stable } else { Role::Canary }]),
            track: None,
            counts: Counts { wanted: set.counts.wanted, ..counts_of(&id) },
            created: set.meta.creation_timestamp,
            cause: None,
            restarted: set.template.restarted,
            cools: None,
            shortcut: None,
            proof: proof(set.counts),
            template: set.template.lines.clone(),
            id,
        });
    }
    revisions.sort_by_key(|revision| {
        (Some(&revision.id) != set.wished.as_ref(), revision.counts.total == 0, std::cmp::Reverse(revision.number))
    });
    let rank = |id: &RevisionId| revisions.iter().position(|revision| revision.id == *id).unwrap_or(usize::MAX);
    pods.sort_by_cached_key(|pod| (rank(&pod.revision), ordinal(pod), pod.name.clone()));
    let troubled =
        set.wished.as_ref().is_some_and(|wished| failing(&pods, wished)) || pods.iter().any(|pod| pod.state == InstanceState::Failed);
    let candidate = revisions.iter().find(|revision| revision.roles.has(Role::Canary));
    let stable = revisions.iter().find(|revision| revision.roles.has(Role::Stable));
    let weights = match (candidate, stable) {
        (Some(candidate), Some(stable)) => {
            let ready = candidate.counts.ready;
            vec![Weight { share: Share::ratio(ready, ready + stable.counts.ready), source: WeightSource::Replicas }]
        }
        _ => Vec::new(),
    };
    let started = candidate.and_then(|candidate| candidate.created);
    let changed = changed(set.meta);
    Rollout {
        id: workload.id.clone(),
        kind: set.kind.into(),
        strategy: set.strategy.clone(),
        objects: vec![object_ref(Part::Workload, set.object, set.meta)],
        phase: match set.status.verdict {
            Verdict::Unobserved => Phase::Unobserved,
            Verdict::Failed => Phase::Failed,
            Verdict::Done => Phase::Done,
            Verdict::Waiting if set.strategy == Strategy::OnDelete => Phase::Waiting,
            Verdict::Waiting if came_back && pods.iter().any(|pod| Some(&pod.revision) != set.wished.as_ref()) => Phase::RollingBack,
            Verdict::Waiting if troubled => Phase::Failing,
            Verdict::Waiting => Phase::Progressing,
        },
        native: set.status.text.clone(),
        serving: serving(set.counts.ready, set.counts.wanted),
        held: None,
        counts: set.counts,
        updated: set.updated,
        weights,
        steps: None,
        container: revisions.first().and_then(|revision| version_container(revision, workload)),
        revisions,
        instances: pods,
        events: Vec::new(),
        conditions: Vec::new(),
        routing: None,
        started,
        deadline: None,
        owner: owner::detect(set.meta),
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Workload,
        delivery: Delivery::default(),
        changed,
        capabilities: Capabilities::offering(set.verbs),
    }
}

/// `db-10` stands behind `db-9`.
fn ordinal(pod: &Instance) -> u32 {
    pod.short().parse().unwrap_or(0)
}
