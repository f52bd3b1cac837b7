//! What is known of one scope, indexed so that a change costs what its own rollout costs and never what all cost.
//!
//! The children of an object are found by the owner's uid; which rollouts a change concerns, by names. A re-list is
//! swapped in whole: what it does not name is gone.

mod budget;
mod concern;
mod space;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::convert::flagger::spec::Names;
use super::convert::{argo, bluegreen, canary, deployment, flagger, owner, sets};
use super::gitops;
use super::objects::custom::Custom;
use super::objects::{HorizontalPodAutoscaler, LabelSelector};
use super::record::{Change, Kind, Pod, Reported, Slice, Update};
use super::usage::Sample;
use crate::domain::delivery::{Delivery, Steering};
use crate::domain::id::Uid;
use crate::domain::plan::{Target, Workload};
use crate::domain::revision::Counts;
use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::domain::verb::Capabilities;
pub use budget::among as budgets;
use concern::Concern;
use space::{Child, Children, Named, Space};

/// How many events a rollout keeps.
const EVENTS: usize = 50;

/// The objects of one scope, and which rollouts have changed since they were last taken.
#[derive(Debug)]
pub struct Store {
    workloads: Vec<Workload>,
    concern: Concern,
    spaces: HashMap<String, Space>,
    /// Kinds that may not be read, or are not served.
    barred: HashSet<(String, Kind)>,
    dirty: BTreeSet<usize>,
    /// What the owners of objects are set to do.
    owners: HashMap<gitops::Key, gitops::State>,
}

impl Store {
    /// Makes an empty store for these workloads.
    pub fn new(workloads: Vec<Workload>) -> Self {
        let concern = Concern::of(&workloads);
        let spaces = concern.kinds().map(|(namespace, _)| (namespace.to_owned(), Space::default())).collect();
        Self { workloads, concern, spaces, barred: HashSet::new(), dirty: BTreeSet::new(), owners: HashMap::new() }
    }

    /// Returns what is to be watched: each namespace with its kinds.
    pub fn wanted(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.concern.kinds().flat_map(|(namespace, kinds)| kinds.iter().map(move |kind| (namespace, *kind)))
    }

    /// Returns the workloads of the scope.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// Forgets what was listed, but not the objects: until a kind is listed again nothing is told that rests on it.
    pub fn begin(&mut self) {
        for space in self.spaces.values_mut() {
            space.listed.clear();
        }
        self.barred.clear();
    }

    /// Notes that a kind cannot be had, so that nothing waits for it.
    pub fn bar(&mut self, namespace: &str, kind: Kind) {
        self.barred.insert((namespace.to_owned(), kind));
        self.touch_namespace(namespace);
    }

    /// Returns whether everything that can be had has been listed.
    pub fn complete(&self) -> bool {
        self.wanted().all(|(namespace, kind)| self.listed(namespace, kind) || self.is_barred(namespace, kind))
    }

    /// Returns whether some namespace can be read in all that it needs.
    pub fn any_readable(&self) -> bool {
        self.concern.kinds().any(|(namespace, kinds)| !kinds.iter().any(|kind| kind.required() && self.is_barred(namespace, *kind)))
    }

    fn is_barred(&self, namespace: &str, kind: Kind) -> bool {
        self.barred.contains(&(namespace.to_owned(), kind))
    }

    fn listed(&self, namespace: &str, kind: Kind) -> bool {
        self.spaces.get(namespace).is_some_and(|space| space.listed.contains(&kind))
    }

    fn touch(&mut self, namespace: &str, kind: Kind, name: &str) {
        self.dirty.extend(self.concern.rollouts(namespace, kind, name));
    }

    fn touch_namespace(&mut self, namespace: &str) {
        let of = self.workloads.iter().enumerate().filter(|(_, workload)| workload.namespace == namespace);
        self.dirty.extend(of.map(|(index, _)| index));
    }

    /// Marks every rollout as changed, where something outside of the objects has.
    pub fn touch_all(&mut self) {
        self.dirty.extend(0..self.workloads.len());
    }

    /// Takes in what the owners of objects are set to do.
    pub fn own(&mut self, owners: HashMap<gitops::Key, gitops::State>) {
        if self.owners != owners {
            self.owners = owners;
            self.touch_all();
        }
    }

    /// Takes a change in.
    pub fn apply(&mut self, namespace: &str, change: Change) {
        match change {
            Change::Deployment(update) => self.named(namespace, update),
            Change::StatefulSet(update) => self.named(namespace, update),
            Change::DaemonSet(update) => self.named(namespace, update),
            Change::Service(update) => self.named(namespace, update),
            Change::ReplicaSet(update) => self.children(namespace, update),
            Change::ControllerRevision(update) => self.children(namespace, update),
            Change::Pod(update) => {
                let update = self.measured(namespace, update);
                self.children(namespace, update);
            }
            Change::Autoscaler(update) => self.autoscalers(namespace, update),
            Change::Endpoints(update) => self.slices(namespace, update),
            Change::Custom(kind, update) => self.custom(namespace, kind, update),
        }
    }

    /// Objects that the plan names: others are not kept.
    fn named<T: Named>(&mut self, namespace: &str, update: Update<T>) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        let concern = &self.concern;
        let concerned = |object: &T| concern.keeps(namespace, T::KIND, object.name());
        match update {
            Update::Listed(all) => {
                *T::slot(space) = all.into_iter().filter(concerned).map(|object| (object.name().to_owned(), object)).collect();
                space.listed.insert(T::KIND);
                self.touch_namespace(namespace);
            }
            Update::Applied(object) => {
                if concerned(&object) {
                    let name = object.name().to_owned();
                    T::slot(space).insert(name.clone(), object);
                    self.touch(namespace, T::KIND, &name);
                }
            }
            Update::Deleted(object) => {
                T::slot(space).remove(object.name());
                self.touch(namespace, T::KIND, object.name());
            }
        }
    }

    /// Objects that belong to one that the plan names.
    fn children<T: Child>(&mut self, namespace: &str, update: Update<T>) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        let concern = &self.concern;
        let concerned = |child: &T| {
            let (name, kinds) = child.workload();
            kinds.iter().any(|kind| concern.keeps(namespace, *kind, name))
        };
        let changed = match update {
            Update::Listed(all) => {
                let mut children = Children::default();
                all.into_iter().filter(concerned).for_each(|child| children.insert(child));
                *T::slot(space) = children;
                space.listed.insert(T::KIND);
                None
            }
            Update::Applied(child) if !concerned(&child) => return,
            Update::Applied(child) => {
                let (name, kinds) = child.workload();
                let changed = Some((name.to_owned(), kinds));
                T::slot(space).insert(child);
                changed
            }
            Update::Deleted(child) => {
                T::slot(space).remove(child.uid());
                let (name, kinds) = child.workload();
                Some((name.to_owned(), kinds))
            }
        };
        match changed {
            Some((name, kinds)) => kinds.iter().for_each(|kind| self.touch(namespace, *kind, &name)),
            None => self.touch_namespace(namespace),
        }
    }

    fn slices(&mut self, namespace: &str, update: Update<Slice>) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        match update {
            Update::Listed(all) => {
                space.listed.insert(Kind::Endpoints);
                space.slices.clear();
                for slice in all {
                    space.slices.entry(slice.service.clone()).or_default().insert(slice.name.clone(), slice);
                }
                self.touch_namespace(namespace);
            }
            Update::Applied(slice) => {
                let service = slice.service.clone();
                space.slices.entry(service.clone()).or_default().insert(slice.name.clone(), slice);
                self.touch(namespace, Kind::Service, &service);
            }
            Update::Deleted(slice) => {
                if let Some(slices) = space.slices.get_mut(&slice.service) {
                    slices.remove(&slice.name);
                }
                self.touch(namespace, Kind::Service, &slice.service);
            }
        }
    }

    fn autoscalers(&mut self, namespace: &str, update: Update<HorizontalPodAutoscaler>) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        match update {
            Update::Listed(all) => {
                space.listed.insert(Kind::Autoscaler);
                space.autoscalers = all.into_iter().map(|object| (object.metadata.name.clone(), object)).collect();
                self.touch_namespace(namespace);
            }
            Update::Applied(object) => {
                let target = object.spec.scale_target_ref.name.clone();
                space.autoscalers.insert(object.metadata.name.clone(), object);
                self.touch_scaled(namespace, &target);
            }
            Update::Deleted(object) => {
                space.autoscalers.remove(&object.metadata.name);
                self.touch_scaled(namespace, &object.spec.scale_target_ref.name);
            }
        }
    }

    /// All of a namespace are kept: which of them a rollout needs, its own fields tell.
    fn custom(&mut self, namespace: &str, kind: Kind, update: Update<Custom>) {
        let one = !matches!(update, Update::Listed(_));
        if kind == Kind::Budget
            && let Update::Applied(object) | Update::Deleted(object) = &update
        {
            self.touch_under(namespace, object);
        }
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        if kind == Kind::Canary {
            follow(space, &mut self.concern, namespace, &update);
        }
        let objects = space.custom.entry(kind).or_default();
        let changed = match update {
            Update::Listed(all) => {
                *objects = all.into_iter().map(|object| (object.metadata.name.clone(), object)).collect();
                space.listed.insert(kind);
                None
            }
            Update::Applied(object) => {
                let concerned = concerned(kind, &object);
                objects.insert(object.metadata.name.clone(), object);
                concerned
            }
            Update::Deleted(object) => {
                objects.remove(&object.metadata.name);
                concerned(kind, &object)
            }
        };
        match changed {
            Some((kind, name)) => self.touch(namespace, kind, &name),
            None if kind == Kind::Budget && one => {}
            None => self.touch_namespace(namespace),
        }
    }

    /// A budget's status moves with every pod that becomes ready: only the rollouts that it may be over are built anew.
    fn touch_under(&mut self, namespace: &str, object: &Custom) {
        let under = |index: &usize| {
            let selectors = self.selectors(*index);
            selectors.is_empty() || selectors.iter().any(|selector| budget::may_concern(object, selector))
        };
        let of = self.workloads.iter().enumerate().filter(|(_, workload)| workload.namespace == namespace).map(|(index, _)| index);
        let touched: Vec<usize> = of.filter(under).collect();
        self.dirty.extend(touched);
    }

    fn touch_scaled(&mut self, namespace: &str, name: &str) {
        for kind in [Kind::Deployment, Kind::Rollout, Kind::StatefulSet] {
            self.touch(namespace, kind, name);
        }
    }

    /// Takes an event in, for the rollouts that it is about.
    pub fn report(&mut self, namespace: &str, reported: &Reported) {
        let concerned = self.concern.reported(namespace, &reported.kind, &reported.name);
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        for index in concerned {
            let events = space.events.entry(index).or_default();
            events.retain(|(uid, _)| *uid != reported.uid);
            let at = events.partition_point(|(_, event)| event.at > reported.event.at);
            if at < EVENTS {
                events.insert(at, (reported.uid.clone(), reported.event.clone()));
                events.truncate(EVENTS);
                self.dirty.insert(index);
            }
        }
    }

    /// Takes in what pods use, until the next time it is measured.
    pub fn measure(&mut self, namespace: &str, samples: Vec<Sample>) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        space.usage = samples.into_iter().map(|sample| (sample.pod, sample.usage)).collect();
        let mut touched = HashSet::new();
        for pod in space.pods.all_mut() {
            let now = space.usage.get(&pod.instance.name).copied();
            if now.is_some() && pod.instance.usage != now {
                Arc::make_mut(&mut pod.instance).usage = now;
                touched.insert(pod.workload.clone());
            }
        }
        for name in touched {
            for kind in [Kind::Deployment, Kind::Rollout, Kind::StatefulSet, Kind::DaemonSet] {
                self.touch(namespace, kind, &name);
            }
        }
    }

    /// A pod that changes keeps what was measured of it.
    fn measured(&self, namespace: &str, mut update: Update<Pod>) -> Update<Pod> {
        if let Some(space) = self.spaces.get(namespace).filter(|space| !space.usage.is_empty()) {
            let known = |pod: &mut Pod| {
                if let Some(usage) = space.usage.get(&pod.instance.name) {
                    Arc::make_mut(&mut pod.instance).usage = Some(*usage);
                }
            };
            match &mut update {
                Update::Listed(all) => all.iter_mut().for_each(known),
                Update::Applied(pod) => known(pod),
                Update::Deleted(_) => {}
            }
        }
        update
    }

    /// Returns the selectors of the pods of a rollout, as the API takes them in a query.
    pub fn selectors(&self, index: usize) -> Vec<String> {
        let Some(workload) = self.workloads.get(index) else { return Vec::new() };
        let Some(space) = self.spaces.get(&workload.namespace) else { return Vec::new() };
        let steered = match &workload.target {
            Target::Flagger { name } => space.custom(Kind::Canary, name).map(Names::of),
            _ => None,
        };
        let steered = steered.iter().flat_map(|names| [(Kind::Deployment, names.primary.as_str()), (Kind::Deployment, &names.target)]);
        let named = concern::objects(&workload.target).into_iter().chain(steered).filter_map(|(kind, name)| match kind {
            Kind::Deployment => space.deployments.get(name).map(|object| object.spec.selector.query()),
            Kind::StatefulSet => space.stateful_sets.get(name).map(|set| set.object.spec.selector.query()),
            Kind::DaemonSet => space.daemon_sets.get(name).map(|set| set.object.spec.selector.query()),
            Kind::Rollout => {
                let spec = &space.custom(kind, name)?.spec;
                LabelSelector::deserialize(spec.get("selector")?).ok().map(|selector| selector.query())
            }
            _ => None,
        });
        named.filter(|selector| !selector.is_empty()).collect()
    }

    /// Returns the rollouts that changed since the last call.
    pub fn take_dirty(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.dirty)
    }

    /// Builds a rollout; none while something that it rests on has not been listed, or may not be read.
    pub fn build(&self, index: usize) -> Option<Rollout> {
        let workload = self.workloads.get(index)?;
        let space = self.spaces.get(&workload.namespace)?;
        let had = |kind: &Kind| self.listed(&workload.namespace, *kind) || (!kind.required() && self.is_barred(&workload.namespace, *kind));
        if !concern::needs(&workload.target).iter().all(had) {
            return None;
        }
        let mut rollout = match &workload.target {
            Target::Deployment { name } => match space.deployments.get(name) {
                Some(object) => deployment::rollout(space.owned(object), workload),
                None => absent(workload, "deployment", format!("deployment \"{name}\" not found")),
            },
            Target::StatefulSet { name } => match space.stateful_sets.get(name) {
                Some(set) => {
                    let uid = Uid::new(set.object.metadata.uid.as_str());
                    let revisions: Vec<_> = space.controller_revisions.of(&uid).collect();
                    sets::stateful(set, &revisions, space.instances(&uid), workload)
                }
                None => absent(workload, "statefulset", format!("statefulset \"{name}\" not found")),
            },
            Target::DaemonSet { name } => match space.daemon_sets.get(name) {
                Some(set) => {
                    let uid = Uid::new(set.object.metadata.uid.as_str());
                    let revisions: Vec<_> = space.controller_revisions.of(&uid).collect();
                    sets::daemon(set, &revisions, space.instances(&uid), workload)
                }
                None => absent(workload, "daemonset", format!("daemonset \"{name}\" not found")),
            },
            Target::BlueGreen(pair) => match space.services.get(&pair.service) {
                Some(service) => {
                    let slices: Vec<&Slice> = space.slices.get(&pair.service).into_iter().flat_map(HashMap::values).collect();
                    let sides =
                        pair.tracks.each_ref().map(|side| space.deployments.get(&side.deployment).map(|object| space.owned(object)));
                    bluegreen::rollout(service, &slices, sides, pair, workload)
                }
                None => absent(workload, "blue/green", format!("service \"{}\" not found", pair.service)),
            },
            Target::Rollout { name } => match space.custom(Kind::Rollout, name) {
                Some(object) => argo::rollout(space.walked(object, index), workload),
                None => absent(workload, "rollout", format!("rollout \"{name}\" not found")),
            },
            Target::Flagger { name } => match space.custom(Kind::Canary, name) {
                Some(canary) => {
                    let events = space.events.get(&index).map(Vec::as_slice).unwrap_or_default();
                    flagger::rollout(space.steered(canary, events), workload)
                }
                None => absent(workload, "canary", format!("canary \"{name}\" not found")),
            },
            Target::Canary(plan) => match space.deployments.get(&plan.stable) {
                Some(stable) => {
                    let canary = space.deployments.get(&plan.canary).map(|object| space.owned(object));
                    let route = plan.route.as_ref().and_then(|route| space.custom(Kind::Route, &route.name));
                    let autoscaler = space.autoscaler(&workload.target, None);
                    let parts = canary::Parts { stable: space.owned(stable), canary, route, autoscaler: autoscaler.as_ref() };
                    canary::rollout(parts, plan, workload)
                }
                None => absent(workload, "canary", format!("deployment \"{}\" not found", plan.stable)),
            },
        };
        if let Some(owner) = &mut rollout.owner
            && let Some(state) = self.owners.get(&gitops::key(owner))
        {
            owner.consequence = owner::consequence(state, &owner.consequence);
        }
        let active = rollout.routing.as_ref().and_then(|routing| routing.active.as_ref());
        rollout.autoscaler = space.autoscaler(&workload.target, active);
        rollout.budgets = budget::over(space, &rollout);
        rollout.events = space.events.get(&index).into_iter().flatten().map(|(_, event)| event.clone()).collect();
        Some(rollout)
    }
}

/// Notes what a Canary forgets, and learns the names of what it steers.
fn follow(space: &mut Space, concern: &mut Concern, namespace: &str, update: &Update<Custom>) {
    let seen = match update {
        Update::Listed(all) => all.as_slice(),
        Update::Applied(one) => std::slice::from_ref(one),
        Update::Deleted(one) => {
            space.courses.remove(&one.metadata.name);
            return;
        }
    };
    for canary in seen {
        space.courses.entry(canary.metadata.name.clone()).or_default().note(canary);
        let names = Names::of(canary);
        let steered = [(Kind::Deployment, names.target.as_str()), (Kind::Deployment, &names.primary), (Kind::Route, &names.apex)];
        concern.learn(namespace, (Kind::Canary, &canary.metadata.name), &steered);
    }
}

/// Returns the object of the plan that a custom one belongs to: itself, or the Rollout that controls it. None where that
/// takes more than a look at it.
fn concerned(kind: Kind, object: &Custom) -> Option<(Kind, String)> {
    match kind {
        Kind::Rollout | Kind::Canary => Some((kind, object.metadata.name.clone())),
        Kind::Route => {
            let owner = object.metadata.controller().filter(|owner| owner.kind == "Canary")?;
            Some((Kind::Canary, owner.name.clone()))
        }
        Kind::AnalysisRun | Kind::Experiment => {
            let owner = object.metadata.controller().filter(|owner| owner.kind == "Rollout")?;
            Some((Kind::Rollout, owner.name.clone()))
        }
        _ => None,
    }
}

fn absent(workload: &Workload, kind: &str, native: String) -> Rollout {
    Rollout {
        id: workload.id.clone(),
        kind: kind.to_owned(),
        strategy: Strategy::Rolling { surge: String::new(), unavailable: String::new() },
        objects: Vec::new(),
        phase: Phase::Absent,
        native,
        serving: Serving::Down,
        held: None,
        counts: Counts::default(),
        updated: 0,
        weights: Vec::new(),
        steps: None,
        revisions: Vec::new(),
        instances: Vec::new(),
        events: Vec::new(),
        conditions: Vec::new(),
        routing: None,
        container: None,
        started: None,
        deadline: None,
        owner: None,
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Workload,
        delivery: Delivery::default(),
        changed: None,
        capabilities: Capabilities::default(),
    }
}
