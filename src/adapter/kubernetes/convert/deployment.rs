//! A Deployment as a rollout: api-semantics 1.1 to 1.4.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::status::{self, Status, Verdict, condition};
use super::{bound, changed, count, held, object_ref, owner};
use crate::adapter::kubernetes::objects::{Condition, Deployment};
use crate::adapter::kubernetes::record::ReplicaSet;
use crate::domain::delivery::{Delivery, Steering};
use crate::domain::id::{RevisionId, Track};
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::object::{ObjectRef, Owner, Part};
use crate::domain::plan::Workload;
use crate::domain::revision::{Counts, Proof, Revision, Role, Roles};
use crate::domain::rollout::{Held, Phase, Rollout, Serving, Strategy};
use crate::domain::step::{Share, Weight, WeightSource};
use crate::domain::verb::{Capabilities, Refusal, Verb};

/// The verbs of a Deployment. Advancing is resuming, and resuming is offered by its own name.
const VERBS: [Verb; 7] = [Verb::Ship, Verb::Hold, Verb::Resume, Verb::Abort, Verb::RollBack, Verb::Restart, Verb::Scale];

/// A Deployment with all that belongs to it.
#[derive(Debug)]
pub struct Owned<'a> {
    pub deployment: &'a Deployment,
    pub sets: Vec<&'a ReplicaSet>,
    /// The pods of a ReplicaSet, by its place in `sets`.
    pub pods: Vec<Vec<Arc<Instance>>>,
}

/// What one Deployment tells, for a rollout of its own or as a side of a pair.
#[derive(Debug)]
pub struct View {
    pub status: Status,
    pub phase: Phase,
    /// Newest first; those with instances, then the kept ones.
    pub revisions: Vec<Revision>,
    pub instances: Vec<Arc<Instance>>,
    pub counts: Counts,
    pub updated: u32,
    pub conditions: Vec<(String, String)>,
    pub held: Option<Held>,
    pub started: Option<Timestamp>,
    pub deadline: Option<Timestamp>,
    pub changed: Option<(String, Timestamp)>,
    pub owner: Option<Owner>,
    pub object: ObjectRef,
    /// What the Deployment's own revision is; none before the controller has made one.
    pub current: Option<RevisionId>,
}

/// Returns the strategy as the object has it.
pub fn strategy(deployment: &Deployment) -> Strategy {
    let spec = &deployment.spec.strategy;
    if spec.r#type.as_deref() == Some("Recreate") {
        return Strategy::Recreate;
    }
    let rolling = spec.rolling_update.as_ref();
    Strategy::Rolling {
        surge: bound(rolling.and_then(|rolling| rolling.max_surge.as_ref()), "25 %"),
        unavailable: bound(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), "25 %"),
    }
}

/// Reads a Deployment and what belongs to it, as the whole of a rollout or as one side.
pub fn view(owned: Owned<'_>, workload: &Workload, track: Option<&Track>) -> View {
    let Owned { deployment, sets, pods } = owned;
    let meta = &deployment.metadata;
    let status = status::deployment(deployment);
    let reason = status::progress(deployment);
    // By the annotation: comparing defaulted templates is awkward, and says the same once the spec is observed (1.3).
    let number: Option<u64> = meta.annotation("deployment.kubernetes.io/revision").and_then(|number| number.parse().ok());
    let current = sets.iter().position(|set| number.is_some() && set.number == number);
    // Once available, pods that fail later never reopen the rollout (1.2). While held, the reason is overwritten.
    let finished = status.verdict == Verdict::Done || reason == Some("NewReplicaSetAvailable");
    let under_way = current.is_some() && !finished;
    let stable = if under_way { served(&sets, current) } else { current.or_else(|| served(&sets, None)) };

    let mut order: Vec<usize> = (0..sets.len()).collect();
    let live = |index: usize| sets[index].counts.total > 0 || sets[index].counts.wanted > 0;
    order.sort_by_key(|&index| (Some(index) != current, !live(index), std::cmp::Reverse(sets[index].number), sets[index].name.clone()));
    let role = |index: usize| {
        let mut roles = Roles::default();
        if Some(index) == current && under_way {
            roles.insert(Role::Canary);
        } else if Some(index) == stable {
            roles.insert(Role::Stable);
        } else {
            roles.insert(Role::Old);
        }
        roles
    };
    let revisions: Vec<Revision> = order.iter().map(|&index| revision(sets[index], role(index), workload, track)).collect();
    let mut instances = Vec::with_capacity(pods.iter().map(Vec::len).sum());
    let mut pods = pods;
    for &index in &order {
        if let Some(list) = pods.get_mut(index) {
            list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            instances.append(list);
        }
    }

    let counts = Counts {
        wanted: count(deployment.spec.replicas.unwrap_or(1)),
        total: count(deployment.status.replicas),
        ready: count(deployment.status.ready_replicas),
        available: count(deployment.status.available_replicas),
    };
    let paused = deployment.spec.paused == Some(true);
    let newest = current.map(|index| sets[index]);
    let came_back = newest.is_some_and(|set| !set.former.is_empty());
    let troubled = wrong(&deployment.status.conditions, "ReplicaFailure", "True")
        || newest.is_some_and(|set| failing(&instances, &RevisionId::new(set.name.as_str())));
    let phase = match status.verdict {
        Verdict::Unobserved => Phase::Unobserved,
        Verdict::Failed => Phase::Failed,
        Verdict::Done => Phase::Done,
        Verdict::Waiting if paused => Phase::Waiting,
        Verdict::Waiting if troubled => Phase::Failing,
        Verdict::Waiting if under_way && came_back => Phase::RollingBack,
        Verdict::Waiting => Phase::Progressing,
    };
    let changed = changed(meta);
    // A revision that came back was created long ago; then the last change of the wish began it.
    let started = newest.filter(|_| under_way).and_then(|set| {
        let written = changed.as_ref().map(|(_, at)| *at);
        if came_back { written } else { set.created }
    });
    View {
        phase,
        revisions,
        instances,
        counts,
        updated: count(deployment.status.updated_replicas),
        conditions: complaints(&deployment.status.conditions),
        held: paused.then(|| held(meta, &deployment.status.conditions)),
        started,
        deadline: if paused || finished || status.verdict == Verdict::Failed { None } else { deadline(deployment) },
        changed,
        owner: owner::detect(meta),
        object: object_ref(track.map_or(Part::Workload, |track| Part::Track(track.clone())), "Deployment", meta),
        current: newest.map(|set| RevisionId::new(set.name.as_str())),
        status,
    }
}

/// Returns the rollout of a Deployment that stands alone.
pub fn rollout(owned: Owned<'_>, workload: &Workload) -> Rollout {
    let strategy = strategy(owned.deployment);
    let view = view(owned, workload, None);
    let mut capabilities = Capabilities::offering(&VERBS);
    let candidate = view.revisions.iter().find(|revision| revision.roles.candidate());
    if candidate.is_none() {
        capabilities.refuse(Verb::Abort, Refusal::NothingUnderWay);
    }
    let stable = view.revisions.iter().find(|revision| revision.roles.has(Role::Stable));
    let weights = match (candidate, stable) {
        (Some(candidate), Some(stable)) => {
            let ready = candidate.counts.ready;
            vec![Weight { share: Share::ratio(ready, ready + stable.counts.ready), source: WeightSource::Replicas }]
        }
        _ => Vec::new(),
    };
    let container = view.revisions.first().and_then(|revision| version_container(revision, workload));
    Rollout {
        id: workload.id.clone(),
        kind: "deployment".into(),
        strategy,
        objects: vec![view.object],
        phase: view.phase,
        native: view.status.text,
        serving: serving(view.counts.ready, view.counts.wanted),
        held: view.held,
        counts: view.counts,
        updated: view.updated,
        weights,
        steps: None,
        revisions: view.revisions,
        instances: view.instances,
        events: Vec::new(),
        conditions: view.conditions,
        routing: None,
        container,
        started: view.started,
        deadline: view.deadline,
        owner: view.owner,
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Workload,
        delivery: Delivery::default(),
        changed: view.changed,
        capabilities,
    }
}

/// Returns the name of the container that carries the version.
pub fn version_container(revision: &Revision, workload: &Workload) -> Option<crate::domain::id::ContainerName> {
    let template = super::template::Template { images: revision.images.clone(), ..Default::default() };
    template.container(workload.container.as_deref(), workload.image.as_deref()).map(|found| found.container.clone())
}

/// Returns what so many ready instances mean to the users.
pub fn serving(ready: u32, wanted: u32) -> Serving {
    match (ready, wanted) {
        (_, 0) => Serving::Idle,
        (0, _) => Serving::Down,
        (ready, wanted) if ready < wanted => Serving::Reduced,
        _ => Serving::Full,
    }
}

/// Returns whether any instance of the revision keeps failing.
pub fn failing(instances: &[Arc<Instance>], revision: &RevisionId) -> bool {
    instances.iter().any(|instance| instance.state == InstanceState::Failed && instance.revision == *revision)
}

/// Returns the revision that had served before `current`: the one with most ready instances, so that a bad release over
/// which a bad fix is rolled is not taken for it; where none has any (Recreate), the one before.
fn served(sets: &[&ReplicaSet], current: Option<usize>) -> Option<usize> {
    let others = || sets.iter().enumerate().filter(move |(index, _)| Some(*index) != current);
    let live = others().filter(|(_, set)| set.counts.total > 0);
    live.max_by_key(|(_, set)| (set.counts.ready, set.counts.available, set.number))
        .or_else(|| others().max_by_key(|(_, set)| set.number))
        .map(|(index, _)| index)
}

fn revision(set: &ReplicaSet, roles: Roles, workload: &Workload, track: Option<&Track>) -> Revision {
    Revision {
        id: RevisionId::new(set.name.as_str()),
        number: set.number,
        former_numbers: set.former.clone(),
        version: set.template.version(workload.container.as_deref(), workload.image.as_deref()),
        images: set.template.images.clone(),
        roles,
        track: track.cloned(),
        counts: set.counts,
        created: set.created,
        cause: set.cause.clone(),
        restarted: set.template.restarted,
        cools: None,
        shortcut: None,
        proof: proof(set.counts),
        template: set.template.lines.clone(),
    }
}

/// Returns what can be said of a revision from its instances alone; the journal knows more.
pub fn proof(counts: Counts) -> Proof {
    if counts.ready > 0 && counts.ready >= counts.wanted { Proof::ReadyNow } else { Proof::Unknown }
}

fn wrong(conditions: &[Condition], name: &str, bad: &str) -> bool {
    condition(conditions, name).is_some_and(|condition| condition.status == bad)
}

/// Returns the conditions that say something is wrong.
fn complaints(conditions: &[Condition]) -> Vec<(String, String)> {
    [("ReplicaFailure", "True"), ("Progressing", "False"), ("Available", "False")]
        .into_iter()
        .filter(|(name, bad)| wrong(conditions, name, bad))
        .filter_map(|(name, _)| condition(conditions, name))
        .map(|condition| (condition.reason.clone().unwrap_or_default(), condition.message.clone().unwrap_or_default()))
        .collect()
}

/// The controller gives up this long after the last progress. The largest number stands for never (1.2).
fn deadline(deployment: &Deployment) -> Option<Timestamp> {
    let seconds = deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds < i64::from(i32::MAX))?;
    let since = condition(&deployment.status.conditions, "Progressing")?.last_update_time?;
    since.checked_add(SignedDuration::from_secs(seconds)).ok()
}
