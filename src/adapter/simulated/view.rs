//! The world's objects as normalised rollouts: what the console sees.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;

use super::delivery;
use super::object::{Deployment, Set};
use super::rolling::bounds;
use super::world::Managed;
use crate::domain::delivery::{Delivery, Steering};
use crate::domain::event::Event;
use crate::domain::id::{ContainerName, RevisionId, Track, version_of};
use crate::domain::instance::Instance;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::revision::{ContainerImage, Counts, Proof, Revision, Role, Roles};
use crate::domain::rollout::{Phase, Rollout, Routing, Serving, Strategy};
use crate::domain::verb::{Capabilities, Verb};

/// How many engine's events a rollout shows.
const EVENTS: usize = 40;

/// Returns a rollout as it is now.
pub fn rollout(managed: &Managed) -> Rollout {
    let (phase, native) = phase(managed);
    let mut revisions = revisions(managed);
    revisions.sort_by_key(|revision| {
        let alive = revision.counts.wanted + revision.counts.total > 0 || revision.roles.serves() || revision.roles.candidate();
        (Reverse(alive), Reverse(revision.created), Reverse(revision.number))
    });
    let first = managed.deployments.first();
    let serving_replicas = match &managed.router {
        Some(router) => managed.side_of(&router.selected).and_then(|at| managed.deployments.get(at)),
        None => first,
    };
    let mut counts = Counts { wanted: serving_replicas.map_or(0, |deployment| deployment.replicas), ..Counts::default() };
    let side = managed.router.as_ref().map(|router| Track::new(router.selected.as_str()));
    for revision in revisions.iter().filter(|revision| side.is_none() || revision.track == side) {
        counts.total += revision.counts.total;
        counts.ready += revision.counts.ready;
        counts.available += revision.counts.available;
    }
    Rollout {
        id: managed.workload.id.clone(),
        kind: managed.workload.target.word().into(),
        strategy: strategy(managed),
        objects: objects(managed),
        phase,
        native,
        serving: serving(managed),
        held: managed.deployments.iter().find_map(|deployment| deployment.held.clone()),
        counts,
        updated: first.and_then(Deployment::current).map_or(0, Set::total),
        weights: first.map(delivery::weights).unwrap_or_default(),
        steps: first.and_then(delivery::steps),
        instances: instances(managed, &revisions),
        revisions,
        events: events(managed),
        conditions: conditions(managed),
        routing: routing(managed),
        container: first.map(|deployment| ContainerName::new(deployment.template.container.as_str())),
        started: managed.deployments.iter().filter_map(|deployment| deployment.started).max(),
        deadline: deadline(managed),
        owner: None,
        autoscaler: None,
        budgets: Vec::new(),
        steering: steering(managed),
        delivery: first.map_or_else(Delivery::default, delivery::delivery),
        changed: managed
            .deployments
            .iter()
            .filter_map(|deployment| deployment.changed.clone())
            .chain(managed.router.as_ref().and_then(|router| router.changed.clone()))
            .max_by_key(|(_, at)| *at),
        capabilities: capabilities(managed),
    }
}

fn steering(managed: &Managed) -> Steering {
    match managed.deployments.first() {
        _ if managed.router.is_some() => Steering::Pair,
        Some(deployment) if deployment.argo.is_some() => Steering::Steps,
        _ => Steering::Workload,
    }
}

fn strategy(managed: &Managed) -> Strategy {
    match managed.deployments.first().and_then(|deployment| deployment.argo.as_ref()) {
        _ if managed.router.is_some() => Strategy::BlueGreen,
        Some(argo) if argo.switch.is_some() => Strategy::BlueGreen,
        Some(_) => Strategy::Canary,
        None => Strategy::Rolling { surge: "25 %".into(), unavailable: "25 %".into() },
    }
}

fn capabilities(managed: &Managed) -> Capabilities {
    use Verb::{Abort, Advance, Finish, Hold, Restart, Resume, Retire, Retry, RollBack, Scale, Ship, Switch, SwitchBack, Terminate};
    match steering(managed) {
        Steering::Pair => Capabilities::offering(&[Ship, Abort, Switch, SwitchBack, RollBack, Restart, Scale, Retire]),
        Steering::Workload => Capabilities::offering(&[Ship, Hold, Resume, Abort, RollBack, Restart, Scale]),
        _ => Capabilities::offering(&[Ship, Advance, Finish, Hold, Resume, Abort, Retry, RollBack, Restart, Scale, Terminate]),
    }
}

/// Returns the objects of a rollout, each with what its guard rests on.
pub fn objects(managed: &Managed) -> Vec<ObjectRef> {
    let mut objects: Vec<ObjectRef> = managed.deployments.iter().map(object).collect();
    if let Some(router) = &managed.router {
        objects.push(ObjectRef {
            part: Part::Router,
            kind: "Service".into(),
            namespace: router.namespace.clone(),
            name: router.name.clone(),
            uid: router.uid.clone(),
            version: format!("resourceVersion {}", router.version),
        });
    }
    objects
}

/// Returns a deployment's reference.
pub fn object(deployment: &Deployment) -> ObjectRef {
    ObjectRef {
        part: deployment.track.as_ref().map_or(Part::Workload, |(_, track)| Part::Track(track.clone())),
        kind: if deployment.argo.is_some() { "Rollout" } else { "Deployment" }.into(),
        namespace: deployment.namespace.clone(),
        name: deployment.name.clone(),
        uid: deployment.uid.clone(),
        version: format!("generation {}", deployment.generation),
    }
}

/// Returns the phase and the engine's own words for it. Of a pair: those of the side that something happens on.
fn phase(managed: &Managed) -> (Phase, String) {
    let of = |deployment: &Deployment| {
        if deployment.argo.is_some() { delivery::phase(deployment, troubled(deployment)) } else { deployment_phase(deployment) }
    };
    let all = managed.deployments.iter().map(of);
    // The gravest first; a pair's sides are never both under way by one hand.
    let weight = |phase: Phase| match phase {
        Phase::Failed => 0,
        Phase::Failing => 1,
        Phase::Unobserved => 2,
        Phase::Progressing | Phase::RollingBack => 3,
        Phase::Waiting => 4,
        Phase::RolledBack => 5,
        Phase::Done | Phase::Absent => 6,
    };
    let side = managed.router.as_ref().and_then(|router| managed.side_of(&router.selected)).and_then(|at| managed.deployments.get(at));
    all.min_by_key(|(phase, _)| weight(*phase)).map_or((Phase::Absent, "not found".into()), |(phase, native)| match phase {
        Phase::Done => side.map_or((phase, native), of),
        _ => (phase, native),
    })
}

/// The algorithm of `kubectl rollout status` (api-semantics 1.1), with hold and trouble told apart.
fn deployment_phase(deployment: &Deployment) -> (Phase, String) {
    let name = &deployment.name;
    let wanted = deployment.replicas;
    let updated = deployment.current().map_or(0, Set::total);
    let total: u32 = deployment.sets.iter().map(Set::total).sum();
    let available: u32 = deployment.sets.iter().map(Set::ready).sum();
    let wait = |rest: &str| format!("Waiting for deployment \"{name}\" rollout to finish: {rest}");
    if !deployment.observed() {
        return (Phase::Unobserved, "Waiting for deployment spec update to be observed...".into());
    }
    if deployment.exceeded {
        return (Phase::Failed, format!("deployment \"{name}\" exceeded its progress deadline"));
    }
    let moving = if deployment.held.is_some() {
        Phase::Waiting
    } else if troubled(deployment) {
        Phase::Failing
    } else if deployment.reverting {
        Phase::RollingBack
    } else {
        Phase::Progressing
    };
    if updated < wanted {
        return (moving, wait(&format!("{updated} out of {wanted} new replicas have been updated...")));
    }
    if total > updated {
        return (moving, wait(&format!("{} old replicas are pending termination...", total - updated)));
    }
    if available < updated {
        return (moving, wait(&format!("{available} of {updated} updated replicas are available...")));
    }
    (Phase::Done, format!("deployment \"{name}\" successfully rolled out"))
}

/// Returns whether an instance of the wished revision fails, or one of the stable one does.
fn troubled(deployment: &Deployment) -> bool {
    use crate::domain::instance::InstanceState::{Failed, Pending, Unready};
    deployment.sets.iter().flat_map(|set| &set.pods).any(|pod| match pod.instance.state {
        Failed => true,
        Pending | Unready => !pod.instance.message.is_empty(),
        _ => false,
    })
}

fn serving(managed: &Managed) -> Serving {
    let side = match &managed.router {
        Some(router) => match managed.side_of(&router.effective) {
            Some(at) => managed.deployments.get(at),
            None => return Serving::Down,
        },
        None => managed.deployments.first(),
    };
    let Some(deployment) = side else { return Serving::Unknown };
    let wanted = deployment.replicas;
    let ready = match &deployment.argo {
        Some(argo) => {
            let ready = |id: Option<&RevisionId>| deployment.sets.iter().find(|set| Some(&set.id) == id).map_or(0, Set::ready);
            let stable = ready(deployment.stable.as_ref());
            match &argo.switch {
                // Who is not selected has no users.
                Some(switch) => ready(switch.active.as_ref()),
                // The routed share must find its instances: those of the candidate count only as far as they have users.
                None if argo.observed == 0 => stable,
                None => match ready(argo.routed.as_ref()) {
                    0 => stable.min(wanted.saturating_sub(1)),
                    candidate => stable + candidate,
                },
            }
        }
        None => deployment.sets.iter().map(Set::ready).sum(),
    };
    match ready {
        _ if wanted == 0 => Serving::Idle,
        0 => Serving::Down,
        ready if ready < wanted.saturating_sub(bounds(wanted).1) => Serving::Reduced,
        ready if ready < wanted && deployment.started.is_none() => Serving::Reduced,
        _ => Serving::Full,
    }
}

fn revisions(managed: &Managed) -> Vec<Revision> {
    managed.deployments.iter().flat_map(|deployment| deployment.sets.iter().map(move |set| revision(managed, deployment, set))).collect()
}

fn revision(managed: &Managed, deployment: &Deployment, set: &Set) -> Revision {
    let current = deployment.current().is_some_and(|current| current.id == set.id);
    let stable = Some(&set.id) == deployment.stable.as_ref();
    let mut roles = Roles::default();
    match (&managed.router, &deployment.track) {
        (Some(router), Some((_, track))) if current => {
            roles.insert(if track.as_str() == router.selected { Role::Active } else { Role::Preview });
        }
        (Some(_), _) => roles.insert(Role::Old),
        (None, _) if deployment.argo.as_ref().is_some_and(|argo| argo.switch.is_some()) => {
            let active = deployment.argo.as_ref().and_then(|argo| argo.switch.as_ref()).and_then(|switch| switch.active.as_ref());
            let active = active == Some(&set.id);
            let of = [(stable, Role::Stable), (active, Role::Active), (current && !active, Role::Preview)];
            of.into_iter().filter(|(plays, _)| *plays).for_each(|(_, role)| roles.insert(role));
            if !stable && !active && !current {
                roles.insert(Role::Old);
            }
        }
        (None, _) => {
            if stable {
                roles.insert(Role::Stable);
            }
            if current && !stable {
                roles.insert(Role::Canary);
            }
            if !current && !stable {
                roles.insert(Role::Old);
            }
        }
    }
    let ready = set.ready();
    Revision {
        id: set.id.clone(),
        number: Some(set.number),
        former_numbers: set.former.clone(),
        version: version_of(&set.template.image).to_owned(),
        images: vec![ContainerImage {
            container: ContainerName::new(set.template.container.as_str()),
            init: false,
            image: set.template.image.clone(),
        }],
        roles,
        track: deployment.track.as_ref().map(|(_, track)| track.clone()),
        counts: Counts { wanted: set.wanted, total: set.total(), ready, available: ready },
        created: Some(set.created),
        cause: set.cause.clone(),
        restarted: set.template.restarted.as_ref().and_then(|text| text.parse().ok()),
        cools: set.cools,
        shortcut: deployment.shortcut(set).filter(|_| !current),
        proof: proof(deployment, set, stable),
        template: template_lines(set),
    }
}

fn proof(deployment: &Deployment, set: &Set, stable: bool) -> Proof {
    match (set.served, set.failed) {
        _ if stable && deployment.argo.is_some() => Proof::Stable,
        _ if stable && set.ready() > 0 => Proof::ReadyNow,
        (served, Some(failed)) if served.is_none_or(|served| served < failed) => Proof::Failed(failed),
        (Some(served), _) => Proof::Recorded(served),
        _ if stable => Proof::Stable,
        _ if set.ready() > 0 && set.ready() == set.wanted => Proof::ReadyNow,
        _ => Proof::Unknown,
    }
}

fn template_lines(set: &Set) -> Vec<String> {
    let template = &set.template;
    let container = &template.container;
    let mut lines = vec![
        format!("containers.{container}.image: {}", template.image),
        format!("containers.{container}.resources.limits.cpu: 500m"),
        format!("containers.{container}.resources.limits.memory: {}", template.memory),
    ];
    lines.extend(template.env.iter().map(|(key, value)| format!("containers.{container}.env.{key}: {value}")));
    if let Some(at) = &template.restarted {
        lines.push(format!("metadata.annotations.kubectl.kubernetes.io/restartedAt: {at}"));
    }
    lines.sort();
    lines
}

/// Sorted by revision, then name, as the revisions stand.
fn instances(managed: &Managed, revisions: &[Revision]) -> Vec<Arc<Instance>> {
    let mut instances = Vec::new();
    for revision in revisions {
        let sets = managed.deployments.iter().flat_map(|deployment| &deployment.sets);
        let from = instances.len();
        instances.extend(sets.filter(|set| set.id == revision.id).flat_map(|set| &set.pods).map(|pod| Arc::clone(&pod.instance)));
        if let Some(own) = instances.get_mut(from..) {
            own.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }
    instances
}

fn events(managed: &Managed) -> Vec<Event> {
    let mut events: Vec<Event> = managed.deployments.iter().flat_map(|deployment| deployment.events.iter().cloned()).collect();
    events.sort_by_key(|event| Reverse(event.at));
    events.truncate(EVENTS);
    events
}

fn conditions(managed: &Managed) -> Vec<(String, String)> {
    let mut conditions = Vec::new();
    for deployment in &managed.deployments {
        if deployment.exceeded {
            let id = deployment.current().map(|set| set.id.to_string()).unwrap_or_default();
            conditions.push(("ProgressDeadlineExceeded".into(), format!("ReplicaSet \"{id}\" has timed out progressing.")));
        }
        let ready: u32 = deployment.sets.iter().map(Set::ready).sum();
        let least = deployment.replicas.saturating_sub(bounds(deployment.replicas).1);
        if ready < least {
            conditions.push(("MinimumReplicasUnavailable".into(), "Deployment does not have minimum availability.".into()));
        }
    }
    conditions
}

fn routing(managed: &Managed) -> Option<Routing> {
    let router = managed.router.as_ref()?;
    let known = managed.side_of(&router.selected).is_some();
    let ready = |deployment: &Deployment| deployment.sets.iter().map(Set::ready).sum::<u32>();
    let endpoints = managed.deployments.iter().filter_map(|deployment| {
        let (_, track) = deployment.track.as_ref()?;
        Some((track.clone(), if track.as_str() == router.effective { ready(deployment) } else { 0 }))
    });
    Some(Routing {
        router: router.name.clone(),
        active: known.then(|| Track::new(router.selected.as_str())),
        selector: format!("app={},{}={}", router.app, router.label, router.selected),
        endpoints: endpoints.collect(),
        strangers: 0,
        locked: None,
        previous: router.previous.clone(),
        switched: router.switched,
    })
}

fn deadline(managed: &Managed) -> Option<Timestamp> {
    managed.deployments.iter().filter_map(delivery::deadline).min()
}
