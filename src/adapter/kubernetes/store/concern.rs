//! Which rollouts an object concerns, by its kind and name.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::adapter::kubernetes::record::Kind;
use crate::domain::plan::{Target, Workload};

/// The rollouts of a scope by the objects that they rest on.
#[derive(Debug)]
pub struct Concern {
    /// By namespace and kind, then by name.
    by_object: HashMap<(String, Kind), HashMap<String, Vec<usize>>>,
    /// Which kinds each namespace needs.
    kinds: HashMap<String, BTreeSet<Kind>>,
    /// Namespaces in which a plan's object names others, so that any may be one of a rollout.
    open: HashSet<String>,
}

impl Concern {
    /// Indexes these workloads.
    pub fn of(workloads: &[Workload]) -> Self {
        let mut by_object: HashMap<(String, Kind), HashMap<String, Vec<usize>>> = HashMap::new();
        let mut kinds: HashMap<String, BTreeSet<Kind>> = HashMap::new();
        let mut open = HashSet::new();
        for (index, workload) in workloads.iter().enumerate() {
            if matches!(workload.target, Target::Flagger { .. }) {
                open.insert(workload.namespace.clone());
            }
            kinds.entry(workload.namespace.clone()).or_default().extend(needs(&workload.target));
            for (kind, name) in objects(&workload.target) {
                let by_name = by_object.entry((workload.namespace.clone(), kind)).or_default();
                by_name.entry(name.to_owned()).or_default().push(index);
            }
        }
        Self { by_object, kinds, open }
    }

    /// Learns that the rollouts of one object rest on others too.
    pub fn learn(&mut self, namespace: &str, (kind, name): (Kind, &str), others: &[(Kind, &str)]) {
        let rollouts = self.rollouts(namespace, kind, name).to_vec();
        for (kind, name) in others {
            let by_name = self.by_object.entry((namespace.to_owned(), *kind)).or_default();
            let known = by_name.entry((*name).to_owned()).or_default();
            known.extend(rollouts.iter().filter(|rollout| !known.contains(rollout)).copied().collect::<Vec<_>>());
        }
    }

    /// Returns whether an object is kept: some rollout rests on it, or may, once the object that names it is seen.
    pub fn keeps(&self, namespace: &str, kind: Kind, name: &str) -> bool {
        !self.rollouts(namespace, kind, name).is_empty() || (kind == Kind::Deployment && self.open.contains(namespace))
    }

    /// Returns each namespace with the kinds that are needed of it.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &BTreeSet<Kind>)> {
        self.kinds.iter().map(|(namespace, kinds)| (namespace.as_str(), kinds))
    }

    /// Returns the rollouts that rest on an object.
    pub fn rollouts(&self, namespace: &str, kind: Kind, name: &str) -> &[usize] {
        let by_name = self.by_object.get(&(namespace.to_owned(), kind));
        by_name.and_then(|by_name| by_name.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Returns the rollouts that an event about this object is about. Pods and ReplicaSets are called after their
    /// workload: `web-6d4b-x2k9f`, `web-6d4b`, `db-0`.
    pub fn reported(&self, namespace: &str, kind: &str, name: &str) -> Vec<usize> {
        let parent = |dashes: usize| name.rsplitn(dashes + 1, '-').nth(dashes);
        let candidates = match kind {
            "Deployment" | "HorizontalPodAutoscaler" => vec![(Kind::Deployment, Some(name))],
            "Rollout" => vec![(Kind::Rollout, Some(name))],
            "Canary" => vec![(Kind::Canary, Some(name))],
            "HTTPRoute" => vec![(Kind::Route, Some(name))],
            "StatefulSet" => vec![(Kind::StatefulSet, Some(name))],
            "DaemonSet" => vec![(Kind::DaemonSet, Some(name))],
            "Service" => vec![(Kind::Service, Some(name))],
            "ReplicaSet" => vec![(Kind::Deployment, parent(1)), (Kind::Rollout, parent(1))],
            "Pod" => vec![
                (Kind::Deployment, parent(2)),
                (Kind::Rollout, parent(2)),
                (Kind::StatefulSet, parent(1)),
                (Kind::DaemonSet, parent(1)),
            ],
            _ => Vec::new(),
        };
        let found = candidates.into_iter().filter_map(|(kind, name)| Some((kind, name?)));
        found.flat_map(|(kind, name)| self.rollouts(namespace, kind, name)).copied().collect()
    }
}

/// Returns the kinds that a target is told by.
pub fn needs(target: &Target) -> &'static [Kind] {
    match target {
        Target::Deployment { .. } => &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod, Kind::Autoscaler, Kind::Budget],
        Target::StatefulSet { .. } => &[Kind::StatefulSet, Kind::ControllerRevision, Kind::Pod, Kind::Autoscaler, Kind::Budget],
        Target::DaemonSet { .. } => &[Kind::DaemonSet, Kind::ControllerRevision, Kind::Pod],
        Target::BlueGreen(_) => &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod, Kind::Service, Kind::Endpoints, Kind::Autoscaler],
        Target::Rollout { .. } => {
            &[Kind::Rollout, Kind::ReplicaSet, Kind::Pod, Kind::AnalysisRun, Kind::Experiment, Kind::Autoscaler, Kind::Budget]
        }
        Target::Flagger { .. } => &[Kind::Canary, Kind::Deployment, Kind::ReplicaSet, Kind::Pod, Kind::Route, Kind::Autoscaler],
        Target::Canary(canary) if canary.route.is_some() => {
            &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod, Kind::Route, Kind::Autoscaler, Kind::Budget]
        }
        Target::Canary(_) => &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod, Kind::Autoscaler, Kind::Budget],
    }
}

/// Returns the objects that a target names.
pub fn objects(target: &Target) -> Vec<(Kind, &str)> {
    match target {
        Target::Deployment { name } => vec![(Kind::Deployment, name)],
        Target::StatefulSet { name } => vec![(Kind::StatefulSet, name)],
        Target::DaemonSet { name } => vec![(Kind::DaemonSet, name)],
        Target::BlueGreen(pair) => {
            let mut objects = vec![(Kind::Service, pair.service.as_str())];
            objects.extend(pair.tracks.iter().map(|side| (Kind::Deployment, side.deployment.as_str())));
            objects
        }
        Target::Rollout { name } => vec![(Kind::Rollout, name)],
        // The Deployments and the route are named by the Canary itself, which may be seen after them.
        Target::Flagger { name } => vec![(Kind::Canary, name)],
        Target::Canary(canary) => {
            let mut objects = vec![(Kind::Deployment, canary.stable.as_str()), (Kind::Deployment, canary.canary.as_str())];
            objects.extend(canary.route.iter().map(|route| (Kind::Route, route.name.as_str())));
            objects
        }
    }
}
