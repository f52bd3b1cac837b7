//! Nodes, and what pods take of them: requests against allocatable, cordons and taints (pure).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::adapter::kubernetes::convert::quantity;
use crate::adapter::kubernetes::objects::{Condition, lenient};

type Map = BTreeMap<String, String>;

/// Amounts by resource: `cpu` in thousandths of a core, everything else in its own unit; a pod itself takes one of `pods`.
pub type Amounts = BTreeMap<String, u64>;

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    pub metadata: Named,
    spec: NodeSpec,
    status: NodeStatus,
}

/// Name and labels.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: String,
    #[serde(deserialize_with = "lenient")]
    labels: Map,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    unschedulable: bool,
    #[serde(deserialize_with = "lenient")]
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Taint {
    key: String,
    value: Option<String>,
    effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    #[serde(deserialize_with = "lenient")]
    allocatable: Map,
    #[serde(deserialize_with = "lenient")]
    conditions: Vec<Condition>,
}

/// A pod, or a template of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    pub spec: PodSpec,
    status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

/// What of a pod decides where it can be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    node_name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    node_selector: Map,
    #[serde(deserialize_with = "lenient")]
    tolerations: Vec<Toleration>,
    affinity: Option<IgnoredAny>,
    topology_spread_constraints: Option<IgnoredAny>,
    #[serde(deserialize_with = "lenient")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "lenient")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "lenient")]
    overhead: Map,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Toleration {
    key: Option<String>,
    operator: Option<String>,
    value: Option<String>,
    effect: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    restart_policy: Option<String>,
    #[serde(deserialize_with = "lenient")]
    resources: Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    #[serde(deserialize_with = "lenient")]
    requests: Map,
    #[serde(deserialize_with = "lenient")]
    limits: Map,
}

/// Why a node takes a pod in no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    NotReady,
    Cordoned,
    Tainted,
    /// The pod's node selector names others.
    NotSelected,
}

impl Bar {
    /// Returns it as it is counted: `2 cordoned`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotReady => "not ready",
            Self::Cordoned => "cordoned",
            Self::Tainted => "tainted",
            Self::NotSelected => "not selected",
        }
    }
}

impl Node {
    /// Returns what pods may take of it.
    pub fn allocatable(&self) -> Amounts {
        amounts(&self.status.allocatable)
    }

    /// Returns why it takes no such pod, whatever is free.
    pub fn bar(&self, pod: &PodSpec) -> Option<Bar> {
        let ready = self.status.conditions.iter().find(|condition| condition.r#type == "Ready");
        // The node controller taints what it cordons or loses; this is for the moment before, and for clusters without it.
        let cordon = Taint { key: "node.kubernetes.io/unschedulable".into(), value: None, effect: "NoSchedule".into() };
        let repels = |taint: &Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute") && !pod.tolerates(taint);
        match () {
            () if ready.is_some_and(|ready| ready.status != "True") => Some(Bar::NotReady),
            () if self.spec.unschedulable && !pod.tolerates(&cordon) => Some(Bar::Cordoned),
            () if self.spec.taints.iter().any(repels) => Some(Bar::Tainted),
            () if pod.node_selector.iter().any(|(key, value)| self.metadata.labels.get(key) != Some(value)) => Some(Bar::NotSelected),
            () => None,
        }
    }
}

impl Pod {
    /// Returns the node that it takes from; none where it has none, or has ended.
    pub fn node(&self) -> Option<&str> {
        self.spec.node_name.as_deref().filter(|_| !matches!(self.status.phase.as_str(), "Succeeded" | "Failed"))
    }

    /// Returns whether it waits for a node.
    pub fn waits(&self) -> bool {
        self.spec.node_name.is_none() && self.status.phase == "Pending"
    }
}

impl PodSpec {
    /// Returns whether rules decide where it can be that are not weighed here.
    pub fn ruled(&self) -> bool {
        self.affinity.is_some() || self.topology_spread_constraints.is_some()
    }

    /// Returns what the scheduler counts for it: all containers together, or an init container that needs more, and the
    /// overhead of its runtime.
    pub fn requests(&self) -> Amounts {
        let sidecar = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
        let mut sum = Amounts::from([("pods".to_owned(), 1)]);
        for container in self.containers.iter().chain(self.init_containers.iter().filter(sidecar)) {
            add(&mut sum, &container.requests());
        }
        for first in self.init_containers.iter().filter(|container| !sidecar(container)) {
            for (resource, amount) in first.requests() {
                let counted = sum.entry(resource).or_default();
                *counted = amount.max(*counted);
            }
        }
        add(&mut sum, &amounts(&self.overhead));
        sum
    }

    fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerations.iter().any(|toleration| {
            let effect = toleration.effect.as_deref().filter(|effect| !effect.is_empty()).is_none_or(|effect| effect == taint.effect);
            let exists = toleration.operator.as_deref() == Some("Exists");
            let key = toleration.key.as_deref().unwrap_or_default();
            let same = || toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
            effect && ((key.is_empty() && exists) || (key == taint.key && (exists || same())))
        })
    }
}

impl Container {
    /// A limit without a request is the request.
    fn requests(&self) -> Amounts {
        let mut all = amounts(&self.resources.limits);
        all.extend(amounts(&self.resources.requests));
        all
    }
}

/// Adds amounts to others.
pub fn add(to: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let sum = to.entry(resource.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
}

fn amounts(quantities: &Map) -> Amounts {
    let read = |(resource, text): (&String, &String)| {
        let amount = if resource == "cpu" { quantity::cpu_millis(text).map(u64::from) } else { quantity::bytes(text) };
        amount.map(|amount| (resource.clone(), amount))
    };
    quantities.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(spec: &Value) -> PodSpec {
        serde_json::from_value(spec.clone()).expect("a pod")
    }

    #[test]
    fn a_pod_takes_what_the_scheduler_counts() {
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}});
        let sidecar = json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}});
        let limited = json!({"resources": {"limits": {"cpu": "2", "nvidia.com/gpu": "1"}, "requests": {"cpu": "1"}}});
        for (spec, cpu) in [
            (json!({"containers": [container("250m"), container("100m")]}), Some(350)),
            (json!({"containers": [container("250m")], "initContainers": [container("1")]}), Some(1000)),
            (json!({"containers": [container("250m")], "initContainers": [sidecar]}), Some(300)),
            (json!({"containers": [container("250m")], "overhead": {"cpu": "10m"}}), Some(260)),
            (json!({"containers": [limited]}), Some(1000)),
            (json!({"containers": [{"resources": null}]}), None),
        ] {
            let requests = pod(&spec).requests();
            assert_eq!(requests.get("cpu").copied(), cpu, "{spec}");
            assert_eq!(requests.get("pods"), Some(&1));
        }
        assert_eq!(pod(&json!({"containers": [limited]})).requests().get("nvidia.com/gpu"), Some(&1));
    }

    #[test]
    fn a_node_is_barred_to_pods_that_do_not_tolerate_it() {
        let node = |spec: Value| -> Node {
            let status = json!({"conditions": [{"type": "Ready", "status": "True"}]});
            serde_json::from_value(json!({"metadata": {"name": "n", "labels": {"disk": "ssd"}}, "spec": spec, "status": status}))
                .expect("a node")
        };
        let tainted = json!({"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]});
        let soft = json!({"taints": [{"key": "gpu", "effect": "PreferNoSchedule"}]});
        let cordoned = json!({"unschedulable": true});
        let tolerates = |toleration: Value| json!({"tolerations": [toleration]});
        for (spec, of, bar) in [
            (json!({}), json!({}), None),
            (tainted.clone(), json!({}), Some(Bar::Tainted)),
            (soft, json!({}), None),
            (cordoned.clone(), json!({}), Some(Bar::Cordoned)),
            (tainted.clone(), tolerates(json!({"key": "gpu", "value": "yes"})), None),
            (tainted.clone(), tolerates(json!({"key": "gpu", "value": "no"})), Some(Bar::Tainted)),
            (tainted.clone(), tolerates(json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"})), Some(Bar::Tainted)),
            (tainted, tolerates(json!({"operator": "Exists"})), None),
            (cordoned, tolerates(json!({"operator": "Exists"})), None),
            (json!({}), json!({"nodeSelector": {"disk": "hdd"}}), Some(Bar::NotSelected)),
            (json!({}), json!({"nodeSelector": {"disk": "ssd"}}), None),
        ] {
            assert_eq!(node(spec.clone()).bar(&pod(&of)), bar, "{spec} {of}");
        }
        let lost: Node =
            serde_json::from_value(json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})).expect("a node");
        assert_eq!(lost.bar(&PodSpec::default()), Some(Bar::NotReady));
    }

    #[test]
    fn a_pod_that_has_ended_takes_nothing() {
        for (phase, node) in [("Running", Some("n")), ("Succeeded", None), ("Failed", None)] {
            let pod: Pod = serde_json::from_value(json!({"spec": {"nodeName": "n"}, "status": {"phase": phase}})).expect("a pod");
            assert_eq!(pod.node(), node, "{phase}");
        }
    }
}
