//! The API's objects, cut down to the fields that are used: 10,000 pods must fit in a few megabytes, and a full
//! `k8s_openapi` pod alone takes several kilobytes. What is not named here is skipped while decoding.
//!
//! Everything is lenient: an absent or null field is the empty value, because one undecodable object would break the
//! whole watch.

pub mod custom;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicResourceScope;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

type Map = BTreeMap<String, String>;

/// Reads null as the empty value, as Go clients write unset maps and lists.
pub(in crate::adapter::kubernetes) fn lenient<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// How a kind is addressed on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Served {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
}

/// An object as the watch machinery of kube-runtime wants it: of the metadata it reads the resource version alone.
#[derive(Clone, Debug)]
pub struct Lean<T> {
    meta: ObjectMeta,
    pub object: T,
}

/// What every object here can tell for [`Lean`].
pub trait Decode: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// Returns the resource version, for the watch to resume from.
    fn resource_version(&self) -> &str;
}

impl<'de, T: Decode> Deserialize<'de> for Lean<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let object = T::deserialize(from)?;
        let meta = ObjectMeta { resource_version: Some(object.resource_version().to_owned()), ..ObjectMeta::default() };
        Ok(Self { meta, object })
    }
}

impl<T: Decode> kube::Resource for Lean<T> {
    type DynamicType = Served;
    type Scope = DynamicResourceScope;

    fn kind(served: &Served) -> Cow<'_, str> {
        served.kind.into()
    }
    fn group(served: &Served) -> Cow<'_, str> {
        served.group.into()
    }
    fn version(served: &Served) -> Cow<'_, str> {
        served.version.into()
    }
    fn plural(served: &Served) -> Cow<'_, str> {
        served.plural.into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

macro_rules! decode {
    ($($name:ident),*) => {$(
        impl Decode for $name {
            fn resource_version(&self) -> &str {
                &self.metadata.resource_version
            }
        }
    )*};
}
decode!(
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    Pod,
    Service,
    EndpointSlice,
    Endpoints,
    Event,
    HorizontalPodAutoscaler
);

/// Metadata of an object whose writers and owners are shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub creation_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub labels: Map,
    #[serde(deserialize_with = "lenient")]
    pub annotations: Map,
    #[serde(deserialize_with = "lenient")]
    pub owner_references: Vec<OwnerReference>,
    #[serde(deserialize_with = "lenient")]
    pub managed_fields: Vec<ManagedFields>,
}

impl Meta {
    /// Returns the owner that controls the object: a label match is not ownership (api-semantics 1.3).
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }

    /// Returns an annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }
}

/// Metadata of a pod: neither annotations nor writers, which are half of its size.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodMeta {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub creation_timestamp: Option<Timestamp>,
    pub deletion_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    pub labels: PodLabels,
    #[serde(deserialize_with = "lenient")]
    pub owner_references: Vec<OwnerReference>,
}

/// The one label of a pod that is read: which ControllerRevision it runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodLabels {
    #[serde(rename = "controller-revision-hash")]
    pub controller_revision: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    pub kind: String,
    pub name: String,
    pub uid: String,
    pub controller: Option<bool>,
}

/// Which manager wrote which fields, of those that are shown (api-semantics 8.4).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedFields {
    pub manager: String,
    pub time: Option<Timestamp>,
    #[serde(rename = "fieldsV1", deserialize_with = "lenient")]
    pub fields: FieldsV1,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldsV1 {
    #[serde(rename = "f:spec")]
    pub spec: Option<SpecFields>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SpecFields {
    #[serde(rename = "f:paused")]
    pub paused: Option<IgnoredAny>,
    /// Flagger's.
    #[serde(rename = "f:suspend")]
    pub suspend: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Deployment {
    pub metadata: Meta,
    pub spec: DeploymentSpec,
    pub status: DeploymentStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeploymentSpec {
    pub replicas: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub selector: LabelSelector,
    pub paused: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub strategy: DeploymentStrategy,
    pub progress_deadline_seconds: Option<i64>,
}

/// Which pods are meant; expressions are left out, which may name too many and never too few.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LabelSelector {
    #[serde(deserialize_with = "lenient")]
    pub match_labels: Map,
}

impl LabelSelector {
    /// Returns it as the API takes it in a query: `app=web,color=blue`.
    pub fn query(&self) -> String {
        self.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeploymentStrategy {
    pub r#type: Option<String>,
    pub rolling_update: Option<RollingUpdate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollingUpdate {
    pub max_surge: Option<IntOrText>,
    pub max_unavailable: Option<IntOrText>,
    pub partition: Option<i64>,
}

/// A number, or a percentage as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum IntOrText {
    Int(i64),
    Text(String),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeploymentStatus {
    pub observed_generation: i64,
    pub replicas: i64,
    pub updated_replicas: i64,
    pub ready_replicas: i64,
    pub available_replicas: i64,
    #[serde(deserialize_with = "lenient")]
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    pub r#type: String,
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub last_update_time: Option<Timestamp>,
    pub last_transition_time: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReplicaSet {
    pub metadata: Meta,
    pub spec: ReplicaSetSpec,
    pub status: ReplicaSetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReplicaSetSpec {
    pub replicas: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub template: serde_json::Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReplicaSetStatus {
    pub replicas: i64,
    pub ready_replicas: i64,
    pub available_replicas: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StatefulSet {
    pub metadata: Meta,
    pub spec: SetSpec,
    pub status: StatefulSetStatus,
}

/// The spec of a StatefulSet or a DaemonSet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetSpec {
    pub replicas: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub selector: LabelSelector,
    #[serde(deserialize_with = "lenient")]
    pub update_strategy: DeploymentStrategy,
    #[serde(deserialize_with = "lenient")]
    pub template: serde_json::Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatefulSetStatus {
    pub observed_generation: i64,
    pub replicas: i64,
    pub ready_replicas: i64,
    /// Beta since 1.22; where it is absent, ready stands for it.
    pub available_replicas: Option<i64>,
    pub updated_replicas: i64,
    pub current_replicas: i64,
    pub current_revision: String,
    pub update_revision: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DaemonSet {
    pub metadata: Meta,
    pub spec: SetSpec,
    pub status: DaemonSetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonSetStatus {
    pub observed_generation: i64,
    pub desired_number_scheduled: i64,
    pub current_number_scheduled: i64,
    pub updated_number_scheduled: i64,
    pub number_ready: i64,
    pub number_available: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ControllerRevision {
    pub metadata: Meta,
    pub revision: i64,
    #[serde(deserialize_with = "lenient")]
    pub data: serde_json::Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    pub metadata: PodMeta,
    pub spec: PodSpec,
    pub status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    pub node_name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "lenient")]
    pub init_containers: Vec<ContainerSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerSpec {
    pub name: String,
    /// `Always` on an init container makes it a sidecar (1.29).
    pub restart_policy: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub resources: Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    pub limits: Option<Limits>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub cpu: Option<String>,
    pub memory: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    pub phase: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub conditions: Vec<Condition>,
    #[serde(deserialize_with = "lenient")]
    pub container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "lenient")]
    pub init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStatus {
    pub name: String,
    pub ready: bool,
    pub started: Option<bool>,
    pub restart_count: u32,
    #[serde(deserialize_with = "lenient")]
    pub state: State,
    #[serde(deserialize_with = "lenient")]
    pub last_state: State,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct State {
    pub waiting: Option<Waiting>,
    pub running: Option<Running>,
    pub terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    pub reason: Option<String>,
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Running {
    pub started_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminated {
    pub exit_code: i32,
    pub signal: Option<i32>,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    pub metadata: Meta,
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    #[serde(deserialize_with = "lenient")]
    pub selector: Map,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointSlice {
    pub metadata: SliceMeta,
    #[serde(deserialize_with = "lenient")]
    pub endpoints: Vec<SliceEndpoint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SliceMeta {
    pub name: String,
    pub resource_version: String,
    #[serde(deserialize_with = "lenient")]
    pub labels: SliceLabels,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SliceLabels {
    #[serde(rename = "kubernetes.io/service-name")]
    pub service: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SliceEndpoint {
    #[serde(deserialize_with = "lenient")]
    pub conditions: SliceConditions,
    pub target_ref: Option<TargetRef>,
    #[serde(deserialize_with = "lenient")]
    pub addresses: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SliceConditions {
    pub ready: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    pub kind: String,
    pub name: String,
    pub uid: String,
}

/// The older form, on servers without slices.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    pub metadata: SliceMeta,
    #[serde(deserialize_with = "lenient")]
    pub subsets: Vec<Subset>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Subset {
    #[serde(deserialize_with = "lenient")]
    pub addresses: Vec<Address>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Address {
    pub ip: String,
    pub target_ref: Option<TargetRef>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    pub metadata: EventMeta,
    #[serde(deserialize_with = "lenient")]
    pub involved_object: TargetRef,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub r#type: Option<String>,
    pub count: Option<u32>,
    pub first_timestamp: Option<Timestamp>,
    pub last_timestamp: Option<Timestamp>,
    pub event_time: Option<Timestamp>,
    pub series: Option<Series>,
    #[serde(deserialize_with = "lenient")]
    pub source: EventSource,
    pub reporting_component: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EventMeta {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub creation_timestamp: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Series {
    pub count: Option<u32>,
    pub last_observed_time: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EventSource {
    pub component: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HorizontalPodAutoscaler {
    pub metadata: Meta,
    pub spec: AutoscalerSpec,
    #[serde(deserialize_with = "lenient")]
    pub status: AutoscalerStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoscalerStatus {
    pub current_replicas: u32,
    pub desired_replicas: u32,
}

impl HorizontalPodAutoscaler {
    /// Returns what limits or stops it: reason and message. autoscaling/v1, which every server serves, keeps the
    /// conditions of the later versions as JSON in an annotation.
    pub fn complaints(&self) -> Vec<(String, String)> {
        let text = self.metadata.annotation("autoscaling.alpha.kubernetes.io/conditions").unwrap_or("[]");
        let conditions: Vec<Condition> = serde_json::from_str(text).unwrap_or_default();
        let bad = |condition: &Condition| {
            matches!(
                (condition.r#type.as_str(), condition.status.as_str()),
                ("AbleToScale" | "ScalingActive", "False") | ("ScalingLimited", "True")
            )
        };
        let complaints = conditions.into_iter().filter(bad);
        complaints.map(|condition| (condition.reason.unwrap_or_default(), condition.message.unwrap_or_default())).collect()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoscalerSpec {
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    #[serde(deserialize_with = "lenient")]
    pub scale_target_ref: TargetRef,
}
