//! A stable and a canary Deployment as one rollout that this console walks through the plan's steps (api-semantics 4).

use jiff::Timestamp;

use super::canary_place::{Course, PLACE, Place};
use super::canary_route;
use super::canary_stand::{Read, Stand};
use super::deployment::{Owned, serving, version_container, view};
use super::{changed, object_ref};
use crate::adapter::kubernetes::objects::custom::Custom;
use crate::domain::delivery::{Delivery, Pause, PauseKind, RoleService, Steering};
use crate::domain::id::RevisionId;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::plan::{Canary, Workload};
use crate::domain::revision::{Counts, Revision, Role, Roles};
use crate::domain::rollout::{Autoscaler, Held, Rollout, Strategy};
use crate::domain::step::{Step, StepKind, StepSource, Steps, Weight, WeightSource};
use crate::domain::verb::{Capabilities, Refusal, Verb};

const VERBS: [Verb; 9] =
    [Verb::Ship, Verb::Advance, Verb::Finish, Verb::Hold, Verb::Resume, Verb::Abort, Verb::RollBack, Verb::Restart, Verb::Scale];

/// The part that the canary Deployment plays; the stable one is the workload.
pub const CANARY: &str = "canary";

/// The objects as they are now.
#[derive(Debug)]
pub struct Parts<'a> {
    pub stable: Owned<'a>,
    pub canary: Option<Owned<'a>>,
    pub route: Option<&'a Custom>,
    pub autoscaler: Option<&'a Autoscaler>,
}

/// Returns the rollout of the two.
pub fn rollout(parts: Parts<'_>, plan: &Canary, workload: &Workload) -> Rollout {
    let Parts { stable, canary, route, autoscaler } = parts;
    let place = stable.deployment.metadata.annotation(PLACE).map(Place::read);
    let rules = plan.route.as_ref().map(|named| match route {
        Some(object) => canary_route::rules(&object.spec, named),
        None => Err(format!("httproute \"{}\" not found", named.name)),
    });
    let canary = canary.map(|owned| view(owned, workload, None));
    let read = Read { plan, stable: view(stable, workload, None), canary, place, route: rules, autoscaled: autoscaler.is_some() };
    let stand = read.stand();
    let steps = steps(&read, &stand);
    // None ends by itself: the time of a step only says when it should be promoted.
    let pause = stand.arrived.then(|| Pause { kind: PauseKind::Step, since: steps.now().and_then(|step| step.started), until: None });
    let capabilities = capabilities(&read, &stand);
    let (weights, conditions) = (weights(&read), conditions(&read, route, autoscaler));
    let stray = read.stray();

    let Read { stable, canary, place, .. } = read;
    let place = place.and_then(Result::ok);
    let both = || std::iter::once(&stable).chain(&canary);
    let sum = |count: fn(Counts) -> u32| both().map(|view| count(view.counts)).sum();
    let counts = Counts {
        wanted: place.as_ref().map_or(stable.counts.wanted, |place| place.total),
        total: sum(|counts| counts.total),
        ready: sum(|counts| counts.ready),
        available: sum(|counts| counts.available),
    };
    let part = |view: &super::deployment::View| ObjectRef { part: Part::Track(CANARY.into()), ..view.object.clone() };
    let objects = std::iter::once(stable.object.clone())
        .chain(canary.as_ref().map(part))
        .chain(route.map(|route| object_ref(Part::Router, "HTTPRoute", &route.metadata)))
        .collect();
    let writes = both().filter_map(|view| view.changed.clone()).chain(route.and_then(|route| changed(&route.metadata)));
    let changed = writes.max_by_key(|(_, at)| *at);
    let deadline = both().filter_map(|view| view.deadline).min();
    let owner = both().find_map(|view| view.owner.clone());
    let updated = canary.as_ref().filter(|_| place.is_some()).map_or(stable.updated, |canary| canary.updated);
    let container = stable.revisions.first().and_then(|revision| version_container(revision, workload));
    let (mut revisions, mut instances) = (Vec::new(), Vec::new());
    if let Some(canary) = canary {
        let candidate = canary.current.filter(|_| place.is_some() || stray);
        let up = canary.revisions.into_iter().filter(|revision| revision.counts.total > 0 || revision.counts.wanted > 0);
        revisions.extend(up.map(|revision| dressed(revision, candidate.as_ref())));
        instances.extend(canary.instances);
    }
    revisions.extend(stable.revisions);
    instances.extend(stable.instances);
    let service = |name: &String, role: Role| RoleService {
        name: name.clone(),
        role,
        selects: revisions.iter().find(|revision| revision.roles.has(role)).map(|revision| revision.id.clone()),
    };
    let services = plan.route.iter().flat_map(|route| [(&route.canary_service, Role::Canary), (&route.stable_service, Role::Stable)]);
    let delivery = Delivery {
        pause,
        services: services.map(|(name, role)| service(name, role)).collect(),
        promoting_fully: place.as_ref().is_some_and(|place| place.course == Course::Finish),
        ..Delivery::default()
    };
    Rollout {
        id: workload.id.clone(),
        kind: "canary".into(),
        strategy: Strategy::Canary,
        objects,
        phase: stand.phase,
        native: stand.native,
        serving: serving(counts.ready, counts.wanted),
        held: place.as_ref().and_then(|place| place.held).map(|since| Held { since: Some(since), by: None }),
        counts,
        updated,
        weights,
        steps: Some(steps),
        revisions,
        instances,
        events: Vec::new(),
        conditions,
        routing: None,
        container,
        started: place.as_ref().map(|place| place.started).or(stable.started),
        deadline,
        owner,
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Plan,
        delivery,
        changed,
        capabilities,
    }
}

/// The canary Deployment's revisions are the candidate while it is under way, whatever its own rolling update calls them.
fn dressed(revision: Revision, candidate: Option<&RevisionId>) -> Revision {
    let role = if Some(&revision.id) == candidate { Role::Canary } else { Role::Old };
    Revision { roles: Roles::of(&[role]), ..revision }
}

/// The plan's steps. The one under way is the weight until its share is reached, then the pause behind it.
fn steps(read: &Read<'_>, stand: &Stand) -> Steps {
    let mut list: Vec<Step> = read.plan.steps.iter().map(|kind| Step { kind: kind.clone(), started: None, ended: None }).collect();
    let current = read.at().map(|place| match place.course {
        Course::Finish => list.len(),
        Course::Step | Course::Abort => place.index(&read.plan.steps) + usize::from(stand.arrived),
    });
    let started = read.at().map(|place| if stand.arrived { arrived(read, place) } else { place.since });
    let mut resumes = None;
    if let Some(step) = current.and_then(|current| list.get_mut(current)) {
        step.started = started;
        if let (StepKind::Pause(Some(length)), Some(started)) = (&step.kind, started) {
            resumes = started.checked_add(*length).ok();
        }
    }
    Steps { source: StepSource::Plan, list, current, resumes }
}

/// When the share was reached: nobody writes it down, so the youngest ready instance of the canary tells. One that starts
/// again begins the time anew, and rightly so.
fn arrived(read: &Read<'_>, place: &Place) -> Timestamp {
    let ready = read.canary.iter().flat_map(|canary| &canary.instances).filter_map(|instance| instance.ready_since);
    ready.chain([place.since]).max().unwrap_or(place.since)
}

fn capabilities(read: &Read<'_>, stand: &Stand) -> Capabilities {
    let mut capabilities = Capabilities::offering(&VERBS);
    let mut refuse = |verbs: &[Verb], why: Refusal| verbs.iter().for_each(|verb| capabilities.refuse(*verb, why.clone()));
    let forward = [Verb::Advance, Verb::Finish];
    match (&read.place, &stand.stuck) {
        (_, Some(stuck)) => refuse(&forward, Refusal::Other(stuck.clone())),
        (None, None) => refuse(&forward, Refusal::NothingUnderWay),
        _ => {}
    }
    if let Some(place) = read.at() {
        match place.course {
            Course::Finish => refuse(&[Verb::Advance], Refusal::Other("it is being promoted fully".into())),
            Course::Abort => refuse(&[Verb::Hold, Verb::Resume, Verb::Scale], Refusal::Other("it is being given up".into())),
            Course::Step => {}
        }
        if place.held.is_some() {
            refuse(&forward, Refusal::HeldFirst);
        }
    } else {
        refuse(&[Verb::Hold, Verb::Resume], Refusal::NothingUnderWay);
    }
    if let Some(Err(why)) = &read.route {
        refuse(&[Verb::Ship, Verb::Advance, Verb::Finish], Refusal::Other(why.clone()));
    }
    if read.place.is_some() || read.stray() {
        refuse(&[Verb::Ship], Refusal::Other("a canary is under way: promote it fully or abort it first".into()));
    } else if let Some(stuck) = &stand.stuck {
        refuse(&[Verb::Ship], Refusal::Other(stuck.clone()));
    }
    capabilities
}

fn weights(read: &Read<'_>) -> Vec<Weight> {
    let asked = read.at().filter(|place| place.course == Course::Step);
    let mut weights: Vec<Weight> = asked.map(|place| Weight { share: place.share(), source: WeightSource::Asked }).into_iter().collect();
    let under_way = read.at().is_some() || read.stray();
    match (&read.route, &read.canary) {
        (Some(_), _) => {
            let observed = read.routed().filter(|share| under_way || share.permille() > 0);
            weights.extend(observed.map(|share| Weight { share, source: WeightSource::Observed }));
        }
        (None, Some(canary)) if under_way => {
            let ready = canary.counts.ready;
            let share = crate::domain::step::Share::ratio(ready, ready + read.stable.counts.ready);
            weights.push(Weight { share, source: WeightSource::Replicas });
        }
        (None, _) => {}
    }
    weights
}

fn conditions(read: &Read<'_>, route: Option<&Custom>, autoscaler: Option<&Autoscaler>) -> Vec<(String, String)> {
    let mut conditions: Vec<(String, String)> = read.canary.iter().chain([&read.stable]).flat_map(|view| view.conditions.clone()).collect();
    for view in read.canary.iter().chain([&read.stable]).filter(|view| view.held.is_some()) {
        let name = &view.object.name;
        conditions.push(("Paused".into(), format!("deployment {name} is held: kubectl rollout resume deployment {name}")));
    }
    if let Some(hpa) = autoscaler {
        conditions.push(("Autoscaler".into(), format!("{} sets the replicas itself, which breaks the canary's share", hpa.name)));
    }
    match (&read.route, route) {
        (Some(Err(why)), _) => conditions.push(("Route".into(), why.clone())),
        (Some(Ok(rules)), Some(route)) => {
            if read.routed().is_none() && !rules.is_empty() {
                conditions.push(("Route".into(), "the rules of the route do not give the canary the same share".into()));
            }
            conditions.extend(canary_route::complaints(&route.status, route.metadata.generation, &route.metadata.name));
        }
        _ => {}
    }
    conditions
}
