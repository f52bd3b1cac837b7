//! The objects of one namespace, each where it is found again at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::adapter::kubernetes::convert::argo;
use crate::adapter::kubernetes::convert::deployment::Owned;
use crate::adapter::kubernetes::convert::flagger::Parts;
use crate::adapter::kubernetes::convert::flagger::rail::Course;
use crate::adapter::kubernetes::convert::flagger::spec::Names;
use crate::adapter::kubernetes::objects::custom::Custom;
use crate::adapter::kubernetes::objects::{Deployment, HorizontalPodAutoscaler, Service};
use crate::adapter::kubernetes::record::{ControllerRevision, DaemonSet, Kind, Pod, ReplicaSet, Slice, StatefulSet};
use crate::domain::event::Event;
use crate::domain::id::{InstanceName, Track, Uid};
use crate::domain::instance::{Instance, Usage};
use crate::domain::plan::Target;
use crate::domain::rollout::Autoscaler;

/// Children by their owner's uid.
#[derive(Debug)]
pub struct Children<T> {
    by_owner: HashMap<Uid, HashMap<Uid, T>>,
    owner_of: HashMap<Uid, Uid>,
}

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self { by_owner: HashMap::new(), owner_of: HashMap::new() }
    }
}

impl<T: Child> Children<T> {
    /// Takes a child in, or its newer state.
    pub fn insert(&mut self, child: T) {
        let (owner, uid) = (child.owner().clone(), child.uid().clone());
        if let Some(former) = self.owner_of.insert(uid.clone(), owner.clone())
            && former != owner
        {
            self.forget(&former, &uid);
        }
        self.by_owner.entry(owner).or_default().insert(uid, child);
    }

    /// Lets a child go.
    pub fn remove(&mut self, uid: &Uid) {
        if let Some(owner) = self.owner_of.remove(uid) {
            self.forget(&owner, uid);
        }
    }

    fn forget(&mut self, owner: &Uid, uid: &Uid) {
        if let Some(children) = self.by_owner.get_mut(owner) {
            children.remove(uid);
            if children.is_empty() {
                self.by_owner.remove(owner);
            }
        }
    }

    /// Returns the children of an owner, in no order.
    pub fn of(&self, owner: &Uid) -> impl Iterator<Item = &T> {
        self.by_owner.get(owner).into_iter().flat_map(HashMap::values)
    }

    /// Returns all of them.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_owner.values_mut().flat_map(HashMap::values_mut)
    }
}

/// One namespace.
#[derive(Debug, Default)]
pub struct Space {
    pub deployments: HashMap<String, Deployment>,
    pub stateful_sets: HashMap<String, StatefulSet>,
    pub daemon_sets: HashMap<String, DaemonSet>,
    pub services: HashMap<String, Service>,
    pub autoscalers: HashMap<String, HorizontalPodAutoscaler>,
    /// By Service, then by name.
    pub slices: HashMap<String, HashMap<String, Slice>>,
    /// Objects of other controllers, by kind and name.
    pub custom: HashMap<Kind, HashMap<String, Custom>>,
    /// What Flagger's Canaries forget, by name.
    pub courses: HashMap<String, Course>,
    pub replica_sets: Children<ReplicaSet>,
    pub controller_revisions: Children<ControllerRevision>,
    pub pods: Children<Pod>,
    /// Newest first, by the index of the rollout, each with the uid of the API's event.
    pub events: HashMap<usize, Vec<(String, Event)>>,
    /// What pods used when it was last measured.
    pub usage: HashMap<InstanceName, Usage>,
    /// What has been listed since the watches began.
    pub listed: BTreeSet<Kind>,
}

impl Space {
    /// Returns a Deployment with its ReplicaSets and pods.
    pub fn owned<'a>(&'a self, deployment: &'a Deployment) -> Owned<'a> {
        let sets: Vec<&ReplicaSet> = self.replica_sets.of(&Uid::new(deployment.metadata.uid.as_str())).collect();
        let pods = sets.iter().map(|set| self.instances(&set.uid)).collect();
        Owned { deployment, sets, pods }
    }

    /// Returns a Flagger Canary with all that it steers.
    pub fn steered<'a>(&'a self, canary: &'a Custom, events: &'a [(String, Event)]) -> Parts<'a> {
        let names = Names::of(canary);
        let owned = |name: &str| self.deployments.get(name).map(|deployment| self.owned(deployment));
        // By its owner: where the routes' names follow another rule than this one, the Canary still is what made them.
        let route = self.owned_by(Kind::Route, &canary.metadata.uid).min_by_key(|route| &route.metadata.name);
        Parts {
            canary,
            target: owned(&names.target),
            primary: owned(&names.primary),
            route: route.or_else(|| self.custom(Kind::Route, &names.apex)),
            course: self.courses.get(&canary.metadata.name),
            events,
        }
    }

    /// Returns an Argo Rollout with its ReplicaSets, pods, analyses, experiments and the events about it.
    pub fn walked<'a>(&'a self, rollout: &'a Custom, index: usize) -> argo::Owned<'a> {
        let uid = rollout.metadata.uid.as_str();
        let sets: Vec<&ReplicaSet> = self.replica_sets.of(&Uid::new(uid)).collect();
        let pods = sets.iter().map(|set| self.instances(&set.uid)).collect();
        let experiments: Vec<&Custom> = self.owned_by(Kind::Experiment, uid).collect();
        let within = experiments.iter().flat_map(|experiment| self.owned_by(Kind::AnalysisRun, &experiment.metadata.uid));
        let analyses = self.owned_by(Kind::AnalysisRun, uid).chain(within).collect();
        let events = self.events.get(&index).into_iter().flatten().map(|(_, event)| event).collect();
        argo::Owned { rollout, sets, pods, analyses, experiments, events }
    }

    /// Returns an object of another controller.
    pub fn custom(&self, kind: Kind, name: &str) -> Option<&Custom> {
        self.custom.get(&kind)?.get(name)
    }

    /// Returns the objects of a kind that this one controls, in no order.
    pub fn owned_by<'a>(&'a self, kind: Kind, owner: &'a str) -> impl Iterator<Item = &'a Custom> {
        let all = self.custom.get(&kind).into_iter().flat_map(HashMap::values);
        all.filter(move |object| object.metadata.controller().is_some_and(|by| by.uid == owner))
    }

    /// Returns the pods of a controller.
    pub fn instances(&self, owner: &Uid) -> Vec<Arc<Instance>> {
        self.pods.of(owner).map(|pod| pod.instance.clone()).collect()
    }

    /// Returns the autoscaler that writes a target's replicas, of a pair that of the active side.
    pub fn autoscaler(&self, target: &Target, active: Option<&Track>) -> Option<Autoscaler> {
        let primary = match target {
            Target::Flagger { name } => self.custom(Kind::Canary, name).map(|canary| Names::of(canary).primary).unwrap_or_default(),
            _ => String::new(),
        };
        let (kind, name) = match target {
            Target::Deployment { name } => ("Deployment", name),
            Target::StatefulSet { name } => ("StatefulSet", name),
            Target::BlueGreen(pair) => ("Deployment", &pair.tracks.iter().find(|side| Some(&side.track) == active)?.deployment),
            Target::Rollout { name } => ("Rollout", name),
            // Flagger copies the target's autoscaler for the primary, which is the one that serves.
            Target::Flagger { .. } => ("Deployment", &primary),
            Target::Canary(canary) => ("Deployment", &canary.stable),
            Target::DaemonSet { .. } => return None,
        };
        // Either one of a plain canary's breaks its share.
        let other = match target {
            Target::Canary(canary) => &canary.canary,
            _ => name,
        };
        let of = |hpa: &&HorizontalPodAutoscaler| {
            let scaled = &hpa.spec.scale_target_ref;
            scaled.kind == kind && (scaled.name == *name || scaled.name == *other)
        };
        self.autoscalers.values().find(of).map(|hpa| Autoscaler {
            name: hpa.metadata.name.clone(),
            min: hpa.spec.min_replicas.unwrap_or(1),
            max: hpa.spec.max_replicas,
            current: hpa.status.current_replicas,
            desired: hpa.status.desired_replicas,
            complaints: hpa.complaints(),
        })
    }
}

/// An object that a plan names.
pub trait Named: Sized {
    const KIND: Kind;
    /// Returns its name.
    fn name(&self) -> &str;
    /// Returns where it is kept.
    fn slot(space: &mut Space) -> &mut HashMap<String, Self>;
}

macro_rules! named {
    ($($type:ty, $kind:ident, $($path:ident).+, $slot:ident;)*) => {$(
        impl Named for $type {
            const KIND: Kind = Kind::$kind;
            fn name(&self) -> &str {
                &self.$($path).+
            }
            fn slot(space: &mut Space) -> &mut HashMap<String, Self> {
                &mut space.$slot
            }
        }
    )*};
}
named! {
    Deployment, Deployment, metadata.name, deployments;
    StatefulSet, StatefulSet, object.metadata.name, stateful_sets;
    DaemonSet, DaemonSet, object.metadata.name, daemon_sets;
    Service, Service, metadata.name, services;
}

/// An object that belongs to one that a plan names.
pub trait Child: Sized {
    const KIND: Kind;
    fn owner(&self) -> &Uid;
    fn uid(&self) -> &Uid;
    /// Returns the name of the workload that it belongs to in the end, and the kinds that this may be.
    fn workload(&self) -> (&str, &'static [Kind]);
    /// Returns where it is kept.
    fn slot(space: &mut Space) -> &mut Children<Self>;
}

macro_rules! child {
    ($($type:ty, $kind:ident, $($owner:ident).+, $($workload:ident).+, $of:expr, $slot:ident;)*) => {$(
        impl Child for $type {
            const KIND: Kind = Kind::$kind;
            fn owner(&self) -> &Uid {
                &self.$($owner).+
            }
            fn uid(&self) -> &Uid {
                &self.uid
            }
            fn workload(&self) -> (&str, &'static [Kind]) {
                (&self.$($workload).+, $of)
            }
            fn slot(space: &mut Space) -> &mut Children<Self> {
                &mut space.$slot
            }
        }
    )*};
}
child! {
    ReplicaSet, ReplicaSet, owner.uid, owner.name, &[Kind::Deployment, Kind::Rollout], replica_sets;
    ControllerRevision, ControllerRevision, owner.uid, owner.name, &[Kind::StatefulSet, Kind::DaemonSet], controller_revisions;
    Pod, Pod, owner, workload, &[Kind::Deployment, Kind::Rollout, Kind::StatefulSet, Kind::DaemonSet], pods;
}
