//! Objects as an API server would return them, and where it keeps them.

use rolldeck::domain::plan::{BlueGreen, Target, TrackTarget, Workload};
use serde_json::{Value, json};

use super::fake::Fake;
use crate::belief;

pub const WEB: &str = "/apis/apps/v1/namespaces/n/deployments/web";
pub const SERVICE: &str = "/api/v1/namespaces/n/services/web";

pub fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}, {"name": "proxy", "image": "envoy:1"}]}})
}

/// A settled object with three pods.
pub fn object(kind: &str, name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}"), "generation": 7, "resourceVersion": "70", "annotations": {"a": "b"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)},
        "status": {"observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    })
}

fn kept(name: &str, owner: &str, image: &str, number: u64) -> Value {
    let mut kept = template(image);
    kept["metadata"]["labels"]["pod-template-hash"] = json!(name);
    let metadata = json!({"name": name, "namespace": "n", "uid": name, "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
        "ownerReferences": [{"controller": true, "kind": "x", "uid": owner}]});
    let mut data = template(image);
    data["$patch"] = json!("replace");
    json!({"metadata": metadata, "revision": number, "spec": {"replicas": 0, "template": kept}, "data": {"spec": {"template": data}}})
}

/// A workload `web` of this kind at 1.1.0, with 1.0.0 kept as `web-old`.
pub fn single(kind: &str) -> (Fake, Workload) {
    let (plural, revisions, target) = match kind {
        "Deployment" => ("deployments", "replicasets", Target::Deployment { name: "web".into() }),
        "StatefulSet" => ("statefulsets", "controllerrevisions", Target::StatefulSet { name: "web".into() }),
        _ => ("daemonsets", "controllerrevisions", Target::DaemonSet { name: "web".into() }),
    };
    let list = [kept("web-new", "uid-web", "lab/web:1.1.0", 2), kept("web-old", "uid-web", "lab/web:1.0.0", 1)];
    let fake = Fake::with(&[
        (&format!("/apis/apps/v1/namespaces/n/{plural}/web"), object(kind, "web", "lab/web:1.1.0")),
        (&format!("/apis/apps/v1/namespaces/n/{revisions}"), json!({"items": list})),
        ("/api/v1/namespaces/n/pods?labelSelector=app%3Dweb", json!({"items": []})),
    ]);
    for revision in list {
        let name = revision["metadata"]["name"].as_str().unwrap().to_owned();
        fake.put(&format!("/apis/apps/v1/namespaces/n/{revisions}/{name}"), revision);
    }
    (fake, belief::workload("n", target))
}

/// A pair at 1.0.0 (blue, with the users) and 1.1.0 (green, with so many ready pods of three).
pub fn pair(ready: usize) -> (Fake, Workload) {
    let pods: Vec<Value> = (0..3)
        .map(|at| json!({"metadata": {"name": at.to_string()}, "status": {"conditions": [{"type": "Ready", "status": if at < ready { "True" } else { "False" }}]}}))
        .collect();
    let mut green = object("Deployment", "web-green", "lab/web:1.1.0");
    green["status"]["availableReplicas"] = json!(ready);
    let service = json!({"metadata": {"name": "web", "namespace": "n", "uid": "uid-service", "resourceVersion": "5"},
        "spec": {"selector": {"app": "web", "color": "blue"}}});
    let fake = Fake::with(&[
        (SERVICE, service),
        ("/apis/apps/v1/namespaces/n/deployments/web-blue", object("Deployment", "web-blue", "lab/web:1.0.0")),
        ("/apis/apps/v1/namespaces/n/deployments/web-green", green),
        ("/api/v1/namespaces/n/pods?labelSelector=app%3Dweb%2Ccolor%3Dgreen", json!({"items": pods})),
        ("/api/v1/namespaces/n/pods?labelSelector=app%3Dweb%2Ccolor%3Dblue", json!({"items": pods})),
    ]);
    let side = |track: &str| TrackTarget { track: track.into(), deployment: format!("web-{track}") };
    let target = BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] };
    (fake, belief::workload("n", Target::BlueGreen(target)))
}

/// Changes one value of a kept object.
pub fn set(fake: &Fake, path: &str, pointer: &str, value: Value) {
    let mut objects = fake.objects.lock().unwrap();
    let object = objects.get_mut(path).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value;
}
