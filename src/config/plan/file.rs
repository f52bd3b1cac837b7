//! `rolldeck.toml` as it is written: the serde structs, and with their doc lines the JSON Schema for editors.
//!
//! Every field is optional to serde: `config::document` reports what is missing by the schema, and the checks in `build`
//! go on with the rest.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::approval::{ApprovalFile, RolesFile};
use super::calendar::{FreezeFile, WindowFile};
use super::checklist::ChecklistFile;
use super::notify::NotifyFile;
use super::policy::ReleaseFile;
use crate::domain::announcement::Occasion;
use crate::domain::plan::{Colour, EngineKind, MailSecurity, Protection};
use crate::domain::release::Kind;
use crate::domain::release::checklist::Stage;
use crate::domain::release::policy::OnClose;

/// A deployment plan: environments in promotion order, and the services that are released to them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    /// The product's name, as the top line shows it. Default: the name of the plan's directory.
    #[schemars(with = "Option<String>")]
    pub name: Option<Spanned<String>>,
    /// The environments, in promotion order: the first is released to first, production stands last.
    #[schemars(with = "Vec<EnvironmentFile>", length(min = 1))]
    pub environment: Option<Vec<Spanned<EnvironmentFile>>>,
    /// The services that the deck shows, in this order.
    #[schemars(with = "Vec<ServiceFile>", length(min = 1))]
    pub service: Option<Vec<Spanned<ServiceFile>>>,
    /// The time zone of windows and dates that name none, and that times are said in. Default: each names its own.
    #[schemars(with = "Option<String>", example = &"Europe/Berlin")]
    pub zone: Option<Spanned<String>>,
    /// Who approves as what: each role with its holders, as the cluster or the system says their names.
    #[schemars(with = "Option<BTreeMap<String, Vec<String>>>", example = serde_json::json!({ "technical": ["ana"] }))]
    pub roles: Option<RolesFile>,
    /// How releases are made, where an environment does not say otherwise.
    #[schemars(with = "Option<ReleaseFile>")]
    pub release: Option<Spanned<ReleaseFile>>,
    /// The approvals that releases need.
    #[serde(default)]
    #[schemars(with = "Vec<ApprovalFile>")]
    pub approval: Vec<Spanned<ApprovalFile>>,
    /// The times in which releases may begin.
    #[serde(default)]
    #[schemars(with = "Vec<WindowFile>")]
    pub window: Vec<Spanned<WindowFile>>,
    /// The times in which nothing may begin.
    #[serde(default)]
    #[schemars(with = "Vec<FreezeFile>")]
    pub freeze: Vec<Spanned<FreezeFile>>,
    /// What is asked of a release beside the shipped checklists, or in their place.
    #[serde(default)]
    #[schemars(with = "Vec<ChecklistFile>")]
    pub checklist: Vec<Spanned<ChecklistFile>>,
    /// Who is told of releases, and how.
    #[serde(default)]
    #[schemars(with = "Vec<NotifyFile>")]
    pub notify: Vec<Spanned<NotifyFile>>,
}

/// One environment: where its workloads run, and how carefully they are touched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentFile {
    /// The environment's name: lower-case letters, digits and `-`.
    #[schemars(with = "String", example = &"production")]
    pub name: Option<Spanned<String>>,
    /// What runs it: a Kubernetes cluster, or the simulated one of the demo. Default: kubernetes.
    #[serde(default)]
    #[schemars(schema_with = "engines")]
    pub engine: Option<Spanned<EngineKind>>,
    /// The kubeconfig context that reaches its cluster. Default: the current context of whoever opens the plan, so name it
    /// where it matters.
    #[schemars(with = "Option<String>", example = &"prod-eu")]
    pub context: Option<Spanned<String>>,
    /// The Kubernetes namespace. Default: the environment's name.
    #[schemars(with = "Option<String>", example = &"booking")]
    pub namespace: Option<Spanned<String>>,
    /// How a change is confirmed. `open`: one key. `guarded`: a dialog that opens on Cancel. `protected`: the service's name is
    /// typed. Default: protected where the name says production (prod, production, prd, live) and for the last of several;
    /// open where it says development (dev, development, test, local, sandbox); guarded otherwise.
    #[serde(default)]
    #[schemars(schema_with = "protections")]
    pub protection: Option<Spanned<Protection>>,
    /// Its colour on screen. Default by position: green first, red last and for whatever is protected, yellow before the last,
    /// blue, cyan, magenta between.
    #[serde(default)]
    #[schemars(schema_with = "colours")]
    pub colour: Option<Spanned<Colour>>,
    /// How releases to it are made, where that differs from the plan's [release].
    #[schemars(with = "Option<ReleaseFile>")]
    pub release: Option<Spanned<ReleaseFile>>,
}

/// One service: what is shipped to it, and the workloads that run it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceFile {
    /// The service's name: lower-case letters, digits and `-`.
    #[schemars(with = "String", example = &"backend")]
    pub name: Option<Spanned<String>>,
    /// The image repository, without a version: a shipped version is put behind it. Default: that of the running image.
    #[schemars(with = "Option<String>", example = &"trixtech/backend")]
    pub image: Option<Spanned<String>>,
    /// The container that carries the service's version, where a pod has several. Default: the first one.
    #[schemars(with = "Option<String>", example = &"backend")]
    pub container: Option<Spanned<String>>,
    /// What runs the service. Default: a Deployment of the service's name in every environment.
    #[serde(default)]
    #[schemars(with = "Vec<WorkloadFile>")]
    pub workload: Vec<Spanned<WorkloadFile>>,
}

/// One workload of a service, in all or some environments. At most one of deployment, statefulset, daemonset, blue-green,
/// canary, rollout and flagger; default: a Deployment of the workload's name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WorkloadFile {
    /// Tells the workloads of one service apart. Default: the service's name.
    #[schemars(with = "Option<String>", example = &"worker")]
    pub name: Option<Spanned<String>>,
    /// Where it runs so. Default: in every environment that no other entry of the same name lists.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub environments: Option<Spanned<Vec<Spanned<String>>>>,
    /// The kubeconfig context, where it is not the environment's.
    #[schemars(with = "Option<String>", example = &"prod-eu")]
    pub context: Option<Spanned<String>>,
    /// The namespace, where it is not the environment's.
    #[schemars(with = "Option<String>", example = &"booking")]
    pub namespace: Option<Spanned<String>>,
    /// The name of a Deployment.
    #[schemars(with = "Option<String>", example = &"trixtech-backend")]
    pub deployment: Option<Spanned<String>>,
    /// The name of a StatefulSet.
    #[schemars(with = "Option<String>", example = &"ledger")]
    pub statefulset: Option<Spanned<String>>,
    /// The name of a DaemonSet.
    #[schemars(with = "Option<String>", example = &"node-agent")]
    pub daemonset: Option<Spanned<String>>,
    /// Two Deployments, one of which a Service selects by a label.
    #[schemars(with = "Option<BlueGreenFile>")]
    pub blue_green: Option<Spanned<BlueGreenFile>>,
    /// Two Deployments behind one Service, or behind an HTTPRoute, which this console walks through steps, each by key.
    #[schemars(with = "Option<CanaryFile>")]
    pub canary: Option<Spanned<CanaryFile>>,
    /// The name of an Argo Rollout, canary or blue/green. With engine simulated: of a canary that the engine walks by itself.
    #[schemars(with = "Option<String>", example = &"backend")]
    pub rollout: Option<Spanned<String>>,
    /// The name of a Flagger Canary.
    #[schemars(with = "Option<String>", example = &"backend")]
    pub flagger: Option<Spanned<String>>,
}

/// A blue/green pair.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlueGreenFile {
    /// The Service whose selector is switched.
    #[schemars(with = "String", example = &"trixtech-backend")]
    pub service: Option<Spanned<String>>,
    /// The key in the Service's selector, and on the pods of both Deployments, that tells the two apart.
    #[schemars(with = "String", example = &"color")]
    pub label: Option<Spanned<String>>,
    /// The label's two values, each with its Deployment: `{ blue = "backend-blue", green = "backend-green" }`.
    #[schemars(with = "BTreeMap<String, String>", example = serde_json::json!({ "blue": "backend-blue", "green": "backend-green" }))]
    pub tracks: Option<BTreeMap<Spanned<String>, Spanned<String>>>,
}

/// A plain canary, for a cluster without a controller that knows canaries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CanaryFile {
    /// The Deployment that the users have when nothing is under way.
    #[schemars(with = "String", example = &"backend")]
    pub stable: Option<Spanned<String>>,
    /// The Deployment that a new version comes in by, with 0 replicas otherwise. The Service selects the pods of both.
    #[schemars(with = "String", example = &"backend-canary")]
    pub canary: Option<Spanned<String>>,
    /// Weights that rise, from `1 %` to `99 %`, each followed by `pause`, or by the time that it should run at least (`10m`)
    /// before it is promoted. Every step waits for a person, so a `pause` may be left out. Promoting the last one is 100 %.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["25 %", "10m", "50 %"])]
    pub steps: Option<Spanned<Vec<Spanned<String>>>>,
    /// The HTTPRoute whose weights share the users out. Default: none; the Service shares them out by ready pods.
    #[schemars(with = "Option<RouteFile>")]
    pub route: Option<Spanned<RouteFile>>,
}

/// An HTTPRoute of the Gateway API, and its two backends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteFile {
    /// The HTTPRoute's name.
    #[schemars(with = "String", example = &"backend")]
    pub name: Option<Spanned<String>>,
    /// The Service of the stable pods alone.
    #[schemars(with = "String", example = &"backend")]
    pub stable: Option<Spanned<String>>,
    /// The Service of the canary's pods alone.
    #[schemars(with = "String", example = &"backend-canary")]
    pub canary: Option<Spanned<String>>,
}

fn engines(_: &mut schemars::SchemaGenerator) -> Schema {
    words(&EngineKind::ALL)
}

fn protections(_: &mut schemars::SchemaGenerator) -> Schema {
    words(&Protection::ALL)
}

fn colours(_: &mut schemars::SchemaGenerator) -> Schema {
    words(&Colour::ALL)
}

/// The strategies by which an approval may be told apart, as a plan names them.
const STRATEGIES: [&str; 4] = ["rolling", "recreate", "canary", "blue-green"];

pub(super) fn kinds(_: &mut schemars::SchemaGenerator) -> Schema {
    list(&Kind::ALL)
}

pub(super) fn strategies(_: &mut schemars::SchemaGenerator) -> Schema {
    list(&STRATEGIES)
}

pub(super) fn protection_list(_: &mut schemars::SchemaGenerator) -> Schema {
    list(&Protection::ALL)
}

pub(super) fn occasions(_: &mut schemars::SchemaGenerator) -> Schema {
    list(&Occasion::ALL)
}

pub(super) fn stages(_: &mut schemars::SchemaGenerator) -> Schema {
    words(&Stage::ALL)
}

pub(super) fn on_close(_: &mut schemars::SchemaGenerator) -> Schema {
    words(&OnClose::ALL)
}

pub(super) fn mail_securities(_: &mut schemars::SchemaGenerator) -> Schema {
    words(&MailSecurity::ALL)
}

/// Returns a schema of a list of such words.
fn list<T: Serialize>(all: &[T]) -> Schema {
    json_schema!({ "type": "array", "items": words(all), "minItems": 1 })
}

/// Returns a schema of the words that serde takes, in the domain's own order.
fn words<T: Serialize>(all: &[T]) -> Schema {
    let words: Vec<_> = all.iter().filter_map(|word| serde_json::to_value(word).ok()).collect();
    json_schema!({ "type": "string", "enum": words })
}
