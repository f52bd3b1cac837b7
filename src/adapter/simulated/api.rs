//! The simulated API server: objects as JSON, and writes to them by path and body, guarded as the real ones are.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::analysis::Run;
use super::argo::{self, Argo};
use super::object::{Deployment, Template, lag};
use super::pace::Pace;
use super::patch::{self, Missed};
use super::router::Router;
use super::world::{Managed, World};
use crate::domain::change::{Answer, ChangeError, Request};
use crate::domain::rollout::Held;
use crate::domain::verb::Refusal;

/// Which object of a rollout a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Deployment(usize),
    /// Of the first deployment, by its place among the runs.
    Analysis(usize),
    Router,
}

/// The annotation that `kubectl rollout history` shows.
pub const CAUSE: &str = "kubernetes.io/change-cause";
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Returns the path of an object, as the real API has it.
pub fn path(managed: &Managed, place: Place, part: &str) -> String {
    match place {
        Place::Router => managed
            .router
            .as_ref()
            .map_or_else(String::new, |router| format!("/api/v1/namespaces/{}/services/{}{part}", router.namespace, router.name)),
        Place::Analysis(at) => run(managed, at).map_or_else(String::new, |(deployment, run)| {
            format!("/apis/argoproj.io/v1alpha1/namespaces/{}/analysisruns/{}{part}", deployment.namespace, run.name)
        }),
        Place::Deployment(at) => managed.deployments.get(at).map_or_else(String::new, |deployment| {
            let (group, plural) = if deployment.argo.is_some() { ("argoproj.io/v1alpha1", "rollouts") } else { ("apps/v1", "deployments") };
            format!("/apis/{group}/namespaces/{}/{plural}/{}{part}", deployment.namespace, deployment.name)
        }),
    }
}

/// Returns an object as its API would show it.
pub fn object(managed: &Managed, place: Place) -> Value {
    match place {
        Place::Router => managed.router.as_ref().map_or(Value::Null, service),
        Place::Analysis(at) => run(managed, at).map_or(Value::Null, |(deployment, run)| analysis(deployment, run)),
        Place::Deployment(at) => managed.deployments.get(at).map_or(Value::Null, deployment),
    }
}

fn run(managed: &Managed, at: usize) -> Option<(&Deployment, &Run)> {
    let deployment = managed.deployments.first()?;
    Some((deployment, deployment.argo.as_ref()?.runs.get(at)?))
}

fn analysis(deployment: &Deployment, run: &Run) -> Value {
    let mut spec = json!({});
    if let Some(spec) = spec.as_object_mut().filter(|_| run.stopping) {
        spec.insert("terminate".into(), json!(true));
    }
    json!({
        "metadata": {"name": run.name, "namespace": deployment.namespace, "uid": run.uid, "resourceVersion": run.version.to_string(), "annotations": {}},
        "spec": spec,
        "status": {"phase": format!("{:?}", run.phase)},
    })
}

fn service(router: &Router) -> Value {
    json!({
        "metadata": {"name": router.name, "namespace": router.namespace, "uid": router.uid, "resourceVersion": router.version.to_string(), "annotations": {}},
        "spec": {"selector": {"app": router.app, router.label.as_str(): router.selected}},
    })
}

fn deployment(deployment: &Deployment) -> Value {
    let mut annotations = json!({});
    if let (Some(map), Some(cause)) = (annotations.as_object_mut(), &deployment.cause) {
        map.insert(CAUSE.into(), json!(cause));
    }
    let mut value = json!({
        "metadata": {
            "name": deployment.name, "namespace": deployment.namespace, "uid": deployment.uid,
            "generation": deployment.generation, "resourceVersion": deployment.version.to_string(), "annotations": annotations,
        },
        "spec": {"replicas": deployment.replicas, "template": template(deployment, &deployment.template)},
    });
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        if deployment.held.is_some() {
            spec.insert("paused".into(), json!(true));
        }
        if let Some(at) = deployment.argo.as_ref().and_then(|argo| argo.restart_at) {
            spec.insert("restartAt".into(), json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
        }
    }
    if let (Some(argo), Some(object)) = (&deployment.argo, value.as_object_mut()) {
        object.insert("status".into(), status(deployment, argo));
    }
    value
}

fn status(deployment: &Deployment, argo: &Argo) -> Value {
    let mut status = json!({
        "currentPodHash": deployment.current_hash(), "stableRS": deployment.stable_set().map(|set| set.hash.clone()),
        "controllerPause": argo.controller_pause, "abort": argo.abort, "promoteFull": argo.full,
    });
    if let Some(map) = status.as_object_mut() {
        // A blue/green rollout has no steps, and no index.
        if argo.switch.is_none() {
            map.insert("currentStepIndex".into(), json!(argo.index));
        }
        if let Some(halt) = &argo.halt {
            map.insert(
                "pauseConditions".into(),
                json!([{"reason": argo::reason(&halt.kind), "startTime": halt.since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}]),
            );
        }
    }
    status
}

/// Returns a template as JSON, as it would stand in the object.
pub fn template(deployment: &Deployment, template: &Template) -> Value {
    let mut labels = json!({"app": deployment.app});
    if let (Some(map), Some((label, track))) = (labels.as_object_mut(), &deployment.track) {
        map.insert(label.clone(), json!(track));
    }
    let mut annotations = json!({});
    if let (Some(map), Some(at)) = (annotations.as_object_mut(), &template.restarted) {
        map.insert(RESTARTED.into(), json!(at));
    }
    let env: Vec<Value> = template.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": [{
            "name": template.container, "image": template.image, "env": env,
            "resources": {"limits": {"cpu": "500m", "memory": template.memory}},
        }]},
    })
}

/// Takes over what a patched object says. Returns whether the wish moved.
fn adopt(target: &mut Deployment, value: &Value, manager: &str, now: Timestamp) -> bool {
    let before = deployment(target);
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
    let flag = |pointer: &str| value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
    if let Some(replicas) = value.pointer("/spec/replicas").and_then(Value::as_u64) {
        target.replicas = u32::try_from(replicas).unwrap_or(u32::MAX).min(10_000);
    }
    target.held = match (flag("/spec/paused"), target.held.take()) {
        (false, _) => None,
        (true, held @ Some(_)) => held,
        (true, None) => Some(Held { since: Some(now), by: Some(manager.into()) }),
    };
    let container = "/spec/template/spec/containers/0";
    if let Some(image) = text(&format!("{container}/image")) {
        target.template.image = image;
    }
    if let Some(memory) = text(&format!("{container}/resources/limits/memory")) {
        target.template.memory = memory;
    }
    if let Some(env) = value.pointer(&format!("{container}/env")).and_then(Value::as_array) {
        let pair = |item: &Value| Some((item.get("name")?.as_str()?.to_owned(), item.get("value")?.as_str()?.to_owned()));
        target.template.env = env.iter().filter_map(pair).collect();
    }
    let annotation = |map: &str, key: &str| value.pointer(map)?.get(key)?.as_str().map(ToOwned::to_owned);
    target.template.restarted = annotation("/spec/template/metadata/annotations", RESTARTED);
    target.cause = annotation("/metadata/annotations", CAUSE);
    if let Some(argo) = &mut target.argo {
        argo.restart_at = text("/spec/restartAt").and_then(|at| at.parse().ok());
        argo.abort = flag("/status/abort");
        argo.full = flag("/status/promoteFull");
        if value.pointer("/status/pauseConditions").is_none() {
            argo.halt = None;
        }
        if !flag("/status/controllerPause") {
            argo.controller_pause = false;
        }
        let index = value.pointer("/status/currentStepIndex").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
        if let Some(index) = index.filter(|index| *index != argo.index) {
            argo.enter(index, now);
            argo.stop_step_runs();
        }
    }
    let after = deployment(target);
    before.get("spec") != after.get("spec") || before.get("metadata") != after.get("metadata")
}

/// Applies a request to the object that it names. Returns the object as it was and as it is.
///
/// # Errors
///
/// The object has moved, is not there, the patch is no patch, or nothing would change.
pub fn write(
    managed: &mut Managed,
    request: &Request,
    manager: &str,
    now: Timestamp,
    rng: &mut fastrand::Rng,
    pace: &Pace,
) -> Result<(Place, Value, Value), ChangeError> {
    let bare = request.path.split('?').next().unwrap_or_default();
    let runs = managed.deployments.first().and_then(|deployment| deployment.argo.as_ref()).map_or(0, |argo| argo.runs.len());
    let places = (0..managed.deployments.len()).map(Place::Deployment).chain(managed.router.iter().map(|_| Place::Router));
    let places = places.chain((0..runs).map(Place::Analysis));
    let found = places.into_iter().find(|place| {
        let own = path(managed, *place, "");
        bare.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let place = found.ok_or(ChangeError::Refused(Refusal::Absent))?;
    let before = object(managed, place);
    let after = patch::apply(&before, &request.content_type, &request.body).map_err(|missed| refused(managed, place, &missed))?;
    if after == before {
        let tests_alone = !["\"add\"", "\"replace\"", "\"remove\""].iter().any(|op| request.body.contains(op));
        if tests_alone {
            return Ok((place, before.clone(), before));
        }
        return Err(Refusal::Other("it is as ordered already: nothing was left to change".into()).into());
    }
    match place {
        Place::Router => {
            if let Some(router) = &mut managed.router {
                let side = after.pointer("/spec/selector").and_then(|selector| selector.get(&router.label)).and_then(Value::as_str);
                router.select(side.unwrap_or_default(), manager, now, rng);
            }
        }
        Place::Analysis(at) => {
            let argo = managed.deployments.first_mut().and_then(|deployment| deployment.argo.as_mut());
            if let Some(run) = argo.and_then(|argo| argo.runs.get_mut(at)) {
                run.stopping = after.pointer("/spec/terminate").and_then(Value::as_bool).unwrap_or(false);
                run.version += rng.u64(1..20);
            }
        }
        Place::Deployment(at) => {
            if let Some(target) = managed.deployments.get_mut(at) {
                let back = target.sets.iter().any(|set| {
                    Some(set.template.image.as_str()) == after.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str)
                        && set.template.image != target.template.image
                });
                let image = target.template.image.clone();
                if adopt(target, &after, manager, now) {
                    target.touch(manager, now, rng, pace);
                } else {
                    target.version += rng.u64(1..20);
                    let lag = lag(rng, pace);
                    if let Some(argo) = &mut target.argo {
                        argo.written(now, lag);
                    }
                    target.changed = Some((manager.to_owned(), now));
                }
                if target.template.image != image {
                    target.reverting = back;
                }
            }
        }
    }
    let now_is = object(managed, place);
    Ok((place, before, now_is))
}

/// Returns what a missed guard means, with who moved it.
fn refused(managed: &Managed, place: Place, missed: &Missed) -> ChangeError {
    let changed = match place {
        Place::Router => managed.router.as_ref().and_then(|router| router.changed.clone()),
        Place::Analysis(_) => None,
        Place::Deployment(at) => managed.deployments.get(at).and_then(|deployment| deployment.changed.clone()),
    };
    let (by, at) = changed.map_or((None, None), |(by, at)| (Some(by), Some(at)));
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    match missed {
        Missed::Test { path, expected, found } => {
            let word = match path.rsplit('/').next().unwrap_or_default() {
                "currentStepIndex" => "step index",
                "currentPodHash" => "pod hash",
                last => last,
            };
            let found = found.as_ref().map_or_else(|| "nothing".into(), shown);
            ChangeError::Moved { what: vec![format!("{word} {} → {found}", shown(expected))], by, at }
        }
        Missed::Absent { path } if path.ends_with("pauseConditions") => {
            ChangeError::Moved { what: vec!["the pause is over".into()], by, at }
        }
        Missed::Absent { path } => ChangeError::Moved { what: vec![format!("{path} is not there any more")], by, at },
        Missed::Malformed(words) => ChangeError::Rejected { status: 400, message: words.clone() },
    }
}

impl World {
    /// Writes one request of an operation. Returns the answer without the time it took.
    ///
    /// # Errors
    ///
    /// As the API server would refuse it.
    pub fn write(&mut self, at: usize, request: &Request, manager: &str, now: Timestamp) -> Result<Answer, ChangeError> {
        let Self { services, rng, pace, .. } = self;
        let managed = services.get_mut(at).ok_or(ChangeError::Refused(Refusal::Absent))?;
        let (_, _, after) = write(managed, request, manager, now, rng, pace)?;
        let version = after.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Answer { status: 200, version, took_ms: 0 })
    }
}
