//! What a screen would show of a workload: the least of a rollout that a change is compared with.

use kube::Client;
use rolldeck::adapter::kubernetes::objects::Lean;
use rolldeck::adapter::kubernetes::objects::custom::Custom;
use rolldeck::adapter::kubernetes::record::{Change, Kind, Names, Record as _, ReplicaSet, Update};
use rolldeck::adapter::kubernetes::store::Store;
use rolldeck::domain::delivery::{Delivery, Steering};
use rolldeck::domain::id::{RolloutId, Track, version_of};
use rolldeck::domain::object::{ObjectRef, Part};
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::domain::revision::{ContainerImage, Counts, Proof, Revision, Role, Roles};
use rolldeck::domain::rollout::{Held, Phase, Rollout, Routing, Serving, Strategy};
use rolldeck::domain::verb::{Capabilities, Verb};
use serde_json::Value;

pub fn workload(namespace: &str, target: Target) -> Workload {
    Workload {
        id: RolloutId { environment: "lab".into(), service: "web".into(), workload: "web".into() },
        engine: EngineKind::Kubernetes,
        context: None,
        namespace: namespace.into(),
        target,
        image: None,
        container: None,
    }
}

pub fn object(kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        part: Part::Workload,
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
        uid: "u".into(),
        version: String::new(),
    }
}

async fn read(client: &Client, path: &str) -> Value {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn reference(value: &Value, kind: &str, part: Part) -> ObjectRef {
    let version = match value.pointer("/metadata/generation") {
        Some(generation) => format!("generation {generation}"),
        None => format!("version {}", text(value, "/metadata/resourceVersion")),
    };
    let uid = text(value, "/metadata/uid").into();
    ObjectRef { part, kind: kind.into(), namespace: text(value, "/metadata/namespace"), name: text(value, "/metadata/name"), uid, version }
}

fn number(value: &Value, pointer: &str) -> u32 {
    value.pointer(pointer).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// Reads what `workload` is now.
pub async fn rollout(client: &Client, workload: &Workload) -> Rollout {
    let namespace = &workload.namespace;
    let apps = |plural: &str, name: &str| format!("/apis/apps/v1/namespaces/{namespace}/{plural}/{name}");
    let (kind, plural, kept, name) = match &workload.target {
        Target::Deployment { name } => ("Deployment", "deployments", "replicasets", name),
        Target::StatefulSet { name } => ("StatefulSet", "statefulsets", "controllerrevisions", name),
        Target::DaemonSet { name } => ("DaemonSet", "daemonsets", "controllerrevisions", name),
        Target::BlueGreen(pair) => {
            let service = read(client, &format!("/api/v1/namespaces/{namespace}/services/{}", pair.service)).await;
            let mut objects = vec![reference(&service, "Service", Part::Router)];
            let mut revisions = Vec::new();
            for side in &pair.tracks {
                let deployment = read(client, &apps("deployments", &side.deployment)).await;
                objects.push(reference(&deployment, "Deployment", Part::Track(side.track.clone())));
                revisions.push(revision(&deployment, "/spec/template", side.deployment.clone(), None, Some(side.track.clone())));
            }
            let active = Some(text(&service, &format!("/spec/selector/{}", pair.label))).filter(|s| !s.is_empty()).map(Track::from);
            let routing = Routing {
                router: pair.service.clone(),
                active,
                selector: String::new(),
                endpoints: Vec::new(),
                strangers: 0,
                locked: None,
                previous: None,
                switched: None,
            };
            return Rollout {
                routing: Some(routing),
                strategy: Strategy::BlueGreen,
                steering: Steering::Pair,
                ..made(workload, "blue/green", objects, revisions)
            };
        }
        Target::Rollout { .. } => return argo(client, workload).await,
        Target::Flagger { .. } | Target::Canary(_) => panic!("read by tests of their own"),
    };
    let object = read(client, &apps(plural, name)).await;
    let list = read(client, &format!("/apis/apps/v1/namespaces/{namespace}/{kept}")).await;
    let uid = &object["metadata"]["uid"];
    let mut revisions: Vec<Revision> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item.pointer("/metadata/ownerReferences/0/uid") == Some(uid))
        .map(|item| {
            let (pointer, number) = if kept == "replicasets" {
                ("/spec/template", text(item, "/metadata/annotations/deployment.kubernetes.io~1revision").parse().ok())
            } else {
                ("/data/spec/template", item["revision"].as_u64())
            };
            revision(item, pointer, text(item, "/metadata/name"), number, None)
        })
        .collect();
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    if let Some(newest) = revisions.first_mut() {
        newest.roles = Roles::of(&[Role::Stable]);
    }
    let held = object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or(false).then_some(Held { since: None, by: None });
    let kind_word = kind.to_lowercase();
    Rollout { held, ..made(workload, &kind_word, vec![reference(&object, kind, Part::Workload)], revisions) }
}

/// Reads what an Argo Rollout is now, as the engine itself would.
async fn argo(client: &Client, workload: &Workload) -> Rollout {
    let namespace = &workload.namespace;
    let list = |api: &'static str, plural: &'static str| async move {
        let list = read(client, &format!("/apis/{api}/namespaces/{namespace}/{plural}")).await;
        list["items"].as_array().cloned().unwrap()
    };
    let argo = "argoproj.io/v1alpha1";
    let mut store = Store::new(vec![workload.clone()]);
    let mut names = Names::default();
    let mut listed = vec![Change::Pod(Update::Listed(vec![]))];
    for (kind, plural) in [(Kind::Rollout, "rollouts"), (Kind::AnalysisRun, "analysisruns"), (Kind::Experiment, "experiments")] {
        let objects = list(argo, plural).await.into_iter().map(|object| serde_json::from_value::<Lean<Custom>>(object).unwrap().object);
        listed.push(Change::Custom(kind, Update::Listed(objects.collect())));
    }
    let sets = list("apps/v1", "replicasets").await.into_iter().map(|object| serde_json::from_value::<Lean<_>>(object).unwrap().object);
    listed.push(Change::ReplicaSet(Update::Listed(sets.filter_map(|set| ReplicaSet::read(set, &mut names)).collect())));
    for change in listed {
        store.apply(namespace, change);
    }
    store.bar(namespace, Kind::Autoscaler);
    store.bar(namespace, Kind::Budget);
    store.build(0).unwrap()
}

fn revision(object: &Value, template: &str, id: String, number_: Option<u64>, track: Option<Track>) -> Revision {
    let containers = object.pointer(&format!("{template}/spec/containers")).and_then(Value::as_array).cloned().unwrap_or_default();
    let images: Vec<ContainerImage> =
        containers.iter().map(|c| ContainerImage { container: text(c, "/name").into(), init: false, image: text(c, "/image") }).collect();
    Revision {
        id: id.into(),
        number: number_,
        former_numbers: Vec::new(),
        version: images.first().map(|image| version_of(&image.image).to_owned()).unwrap_or_default(),
        images,
        roles: Roles::default(),
        track,
        counts: Counts { wanted: number(object, "/spec/replicas"), ..Counts::default() },
        created: None,
        cause: None,
        restarted: None,
        cools: None,
        shortcut: None,
        proof: Proof::Unknown,
        template: Vec::new(),
    }
}

fn made(workload: &Workload, kind: &str, objects: Vec<ObjectRef>, revisions: Vec<Revision>) -> Rollout {
    Rollout {
        id: workload.id.clone(),
        kind: kind.into(),
        strategy: Strategy::Rolling { surge: "25 %".into(), unavailable: "25 %".into() },
        objects,
        phase: Phase::Done,
        native: String::new(),
        serving: Serving::Full,
        held: None,
        counts: Counts::default(),
        updated: 0,
        weights: Vec::new(),
        steps: None,
        revisions,
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
        capabilities: Capabilities::offering(&Verb::ALL),
    }
}
