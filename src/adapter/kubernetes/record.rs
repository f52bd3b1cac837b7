//! What is kept of each object, made from it once when it comes in.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::convert::template::Template;
use super::convert::{count, event, pod};
use super::objects;
use super::objects::custom::Custom;
use crate::domain::id::{ContainerName, RevisionId, Uid};
use crate::domain::instance::Instance;
use crate::domain::revision::Counts;

/// Names that thousands of pods share, kept once.
#[derive(Debug, Default)]
pub struct Names(HashSet<Arc<str>>);

impl Names {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        // What has gone stays known; a table of names that no longer occur must not grow for ever.
        if self.0.len() >= 4096 {
            self.0.retain(|name| Arc::strong_count(name) > 1);
        }
        let name: Arc<str> = text.into();
        self.0.insert(name.clone());
        name
    }

    /// Returns a container's name, shared.
    pub fn container(&mut self, text: &str) -> ContainerName {
        ContainerName::new(self.shared(text))
    }
}

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    Pod,
    Service,
    /// Slices, or the older Endpoints.
    Endpoints,
    Autoscaler,
    /// PodDisruptionBudgets.
    Budget,
    /// Argo's Rollouts.
    Rollout,
    AnalysisRun,
    Experiment,
    /// Flagger's.
    Canary,
    Route,
}

impl Kind {
    /// Returns the plural, as it stands in a sentence about rights.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::ReplicaSet => "replicasets",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::ControllerRevision => "controllerrevisions",
            Self::Pod => "pods",
            Self::Service => "services",
            Self::Endpoints => "endpointslices",
            Self::Autoscaler => "horizontalpodautoscalers",
            Self::Budget => "poddisruptionbudgets",
            Self::Rollout => "rollouts",
            Self::AnalysisRun => "analysisruns",
            Self::Experiment => "experiments",
            Self::Canary => "canaries",
            Self::Route => "httproutes",
        }
    }

    /// Returns whether a rollout cannot be told without it.
    pub fn required(self) -> bool {
        !matches!(self, Self::Autoscaler | Self::ControllerRevision | Self::Budget | Self::AnalysisRun | Self::Experiment | Self::Route)
    }
}

/// A change of one kind's objects: the whole list, or one object.
#[derive(Clone, Debug)]
pub enum Update<T> {
    Listed(Vec<T>),
    Applied(T),
    Deleted(T),
}

impl<T> Update<T> {
    fn map<U>(self, with: impl Fn(T) -> U) -> Update<U> {
        match self {
            Self::Listed(all) => Update::Listed(all.into_iter().map(with).collect()),
            Self::Applied(one) => Update::Applied(with(one)),
            Self::Deleted(one) => Update::Deleted(with(one)),
        }
    }
}

/// A change of any kind.
#[derive(Clone, Debug)]
pub enum Change {
    Deployment(Update<objects::Deployment>),
    ReplicaSet(Update<ReplicaSet>),
    StatefulSet(Update<StatefulSet>),
    DaemonSet(Update<DaemonSet>),
    ControllerRevision(Update<ControllerRevision>),
    Pod(Update<Pod>),
    Service(Update<objects::Service>),
    Endpoints(Update<Slice>),
    Autoscaler(Update<objects::HorizontalPodAutoscaler>),
    Custom(Kind, Update<Custom>),
}

/// Something that is watched: how it is decoded, and what of it is kept.
pub trait Record: Sized + Send + 'static {
    type Raw: objects::Decode;
    /// Makes the record; none for an object that nothing here needs.
    fn read(raw: Self::Raw, names: &mut Names) -> Option<Self>;
    /// Wraps a change of this kind.
    fn change(update: Update<Self>) -> Change;
}

macro_rules! kept_whole {
    ($($raw:ident => $variant:ident),*) => {$(
        impl Record for objects::$raw {
            type Raw = Self;
            fn read(raw: Self, _: &mut Names) -> Option<Self> {
                Some(raw)
            }
            fn change(update: Update<Self>) -> Change {
                Change::$variant(update)
            }
        }
    )*};
}
kept_whole!(Deployment => Deployment, Service => Service, HorizontalPodAutoscaler => Autoscaler);

/// A controller's identity, as its children name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    pub uid: Uid,
    pub name: String,
}

fn controller(owners: &[objects::OwnerReference], kind: &[&str]) -> Option<Controller> {
    let owner = owners.iter().find(|owner| owner.controller == Some(true) && kind.contains(&owner.kind.as_str()))?;
    Some(Controller { uid: Uid::new(owner.uid.as_str()), name: owner.name.clone() })
}

/// A revision of a Deployment or of an Argo Rollout.
#[derive(Clone, Debug)]
pub struct ReplicaSet {
    pub uid: Uid,
    pub name: String,
    pub owner: Controller,
    pub created: Option<Timestamp>,
    pub number: Option<u64>,
    pub former: Vec<u64>,
    pub cause: Option<String>,
    pub template: Template,
    pub counts: Counts,
    /// Argo's hash of the template, by which its status names revisions; empty under a Deployment.
    pub hash: String,
    /// When Argo will scale it down.
    pub cools: Option<Timestamp>,
}

impl Record for ReplicaSet {
    type Raw = objects::ReplicaSet;

    fn read(raw: Self::Raw, _: &mut Names) -> Option<Self> {
        let meta = raw.metadata;
        let owner = controller(&meta.owner_references, &["Deployment", "Rollout"])?;
        let by =
            if meta.controller().is_some_and(|owner| owner.kind == "Rollout") { "rollout.argoproj.io" } else { "deployment.kubernetes.io" };
        let number = meta.annotation(&format!("{by}/revision")).and_then(|number| number.parse().ok());
        let former = meta.annotation(&format!("{by}/revision-history")).unwrap_or_default();
        Some(Self {
            hash: meta.labels.get("rollouts-pod-template-hash").cloned().unwrap_or_default(),
            // The bare key is the one in the controller's code (api-semantics 2.6).
            cools: meta.annotation("scale-down-deadline").and_then(|at| at.parse().ok()),
            owner,
            created: meta.creation_timestamp,
            number,
            former: former.split(',').filter_map(|number| number.trim().parse().ok()).collect(),
            cause: meta.annotation("kubernetes.io/change-cause").map(str::to_owned),
            template: Template::read(&raw.spec.template),
            counts: Counts {
                wanted: count(raw.spec.replicas.unwrap_or(1)),
                total: count(raw.status.replicas),
                ready: count(raw.status.ready_replicas),
                available: count(raw.status.available_replicas),
            },
            uid: Uid::new(meta.uid),
            name: meta.name,
        })
    }

    fn change(update: Update<Self>) -> Change {
        Change::ReplicaSet(update)
    }
}

/// A StatefulSet with its template read.
#[derive(Clone, Debug)]
pub struct StatefulSet {
    pub object: objects::StatefulSet,
    pub template: Template,
}

impl Record for StatefulSet {
    type Raw = objects::StatefulSet;

    fn read(mut raw: Self::Raw, _: &mut Names) -> Option<Self> {
        let template = Template::read(&raw.spec.template.take());
        Some(Self { object: raw, template })
    }

    fn change(update: Update<Self>) -> Change {
        Change::StatefulSet(update)
    }
}

/// A DaemonSet with its template read.
#[derive(Clone, Debug)]
pub struct DaemonSet {
    pub object: objects::DaemonSet,
    pub template: Template,
}

impl Record for DaemonSet {
    type Raw = objects::DaemonSet;

    fn read(mut raw: Self::Raw, _: &mut Names) -> Option<Self> {
        let template = Template::read(&raw.spec.template.take());
        Some(Self { object: raw, template })
    }

    fn change(update: Update<Self>) -> Change {
        Change::DaemonSet(update)
    }
}

/// A revision of a StatefulSet or DaemonSet.
#[derive(Clone, Debug)]
pub struct ControllerRevision {
    pub uid: Uid,
    pub name: String,
    pub owner: Controller,
    pub created: Option<Timestamp>,
    pub number: u64,
    pub cause: Option<String>,
    pub template: Template,
}

impl Record for ControllerRevision {
    type Raw = objects::ControllerRevision;

    fn read(raw: Self::Raw, _: &mut Names) -> Option<Self> {
        let meta = raw.metadata;
        Some(Self {
            owner: controller(&meta.owner_references, &["StatefulSet", "DaemonSet"])?,
            created: meta.creation_timestamp,
            number: raw.revision.max(0).unsigned_abs(),
            cause: meta.annotation("kubernetes.io/change-cause").map(str::to_owned),
            template: raw.data.pointer("/spec/template").map(Template::read).unwrap_or_default(),
            uid: Uid::new(meta.uid),
            name: meta.name,
        })
    }

    fn change(update: Update<Self>) -> Change {
        Change::ControllerRevision(update)
    }
}

/// A pod that a workload's controller made.
#[derive(Clone, Debug)]
pub struct Pod {
    pub uid: Uid,
    /// The ReplicaSet, StatefulSet or DaemonSet.
    pub owner: Uid,
    /// The Deployment, Rollout, StatefulSet or DaemonSet, by name: a ReplicaSet of a Deployment is called `deployment-hash`.
    pub workload: Arc<str>,
    pub instance: Arc<Instance>,
}

impl Record for Pod {
    type Raw = objects::Pod;

    fn read(raw: Self::Raw, names: &mut Names) -> Option<Self> {
        let owner = raw.metadata.owner_references.iter().find(|owner| owner.controller == Some(true))?;
        let hash = raw.metadata.labels.controller_revision.as_deref();
        let (workload, revision) = match owner.kind.as_str() {
            "ReplicaSet" => (owner.name.rsplit_once('-')?.0, names.shared(&owner.name)),
            // The label of a StatefulSet's pod is the revision's name, that of a DaemonSet's only the hash in it.
            "StatefulSet" => (owner.name.as_str(), names.shared(hash.unwrap_or_default())),
            "DaemonSet" => (owner.name.as_str(), names.shared(&format!("{}-{}", owner.name, hash.unwrap_or_default()))),
            _ => return None,
        };
        let workload = names.shared(workload);
        let owner = Uid::new(names.shared(&owner.uid));
        let instance = Arc::new(pod::instance(&raw, RevisionId::new(revision), names));
        Some(Self { uid: Uid::new(raw.metadata.uid), owner, workload, instance })
    }

    fn change(update: Update<Self>) -> Change {
        Change::Pod(update)
    }
}

/// The ready addresses of a Service, or a part of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub name: String,
    pub service: String,
    /// The pods' names; the address where no pod stands behind it.
    pub ready: Vec<String>,
}

impl Record for Slice {
    type Raw = objects::EndpointSlice;

    fn read(raw: Self::Raw, _: &mut Names) -> Option<Self> {
        let service = raw.metadata.labels.service?;
        // No word on readiness means ready (API reference, EndpointConditions).
        let ready = raw.endpoints.into_iter().filter(|endpoint| endpoint.conditions.ready != Some(false));
        let ready = ready.map(|endpoint| behind(endpoint.target_ref, endpoint.addresses.into_iter().next())).collect();
        Some(Self { name: raw.metadata.name, service, ready })
    }

    fn change(update: Update<Self>) -> Change {
        Change::Endpoints(update)
    }
}

/// The same, read from the older Endpoints, which are named as their Service.
#[derive(Clone, Debug)]
pub struct Older(pub Slice);

impl Record for Older {
    type Raw = objects::Endpoints;

    fn read(raw: Self::Raw, _: &mut Names) -> Option<Self> {
        let addresses = raw.subsets.into_iter().flat_map(|subset| subset.addresses);
        let ready = addresses.map(|address| behind(address.target_ref, Some(address.ip))).collect();
        Some(Self(Slice { service: raw.metadata.name.clone(), name: raw.metadata.name, ready }))
    }

    fn change(update: Update<Self>) -> Change {
        Change::Endpoints(update.map(|older| older.0))
    }
}

fn behind(target: Option<objects::TargetRef>, address: Option<String>) -> String {
    target.filter(|target| target.kind == "Pod").map(|target| target.name).or(address).unwrap_or_default()
}

/// An event about an object, by kind and name.
#[derive(Clone, Debug)]
pub struct Reported {
    pub uid: String,
    pub kind: String,
    pub name: String,
    pub event: crate::domain::event::Event,
}

impl Reported {
    /// Reads an event; none for one without a time.
    pub fn read(raw: objects::Event) -> Option<Self> {
        Some(Self {
            uid: raw.metadata.uid.clone(),
            kind: raw.involved_object.kind.clone(),
            name: raw.involved_object.name.clone(),
            event: event::read(raw)?,
        })
    }
}
