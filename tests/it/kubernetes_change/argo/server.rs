//! An API server with one Rollout: its status is served by itself or not, tests are tested, what is not there cannot be removed.

use kube::Client;
use rolldeck::domain::plan::{Target, Workload};
use serde_json::{Value, json};

use crate::belief;
use crate::kubernetes_change::fake::{Asked, Do, Fake};

const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/n/rollouts";
pub const WEB: &str = "/apis/argoproj.io/v1alpha1/namespaces/n/rollouts/web";
pub const SETS: &str = "/apis/apps/v1/namespaces/n/replicasets";
pub const RUNS: &str = "/apis/argoproj.io/v1alpha1/namespaces/n/analysisruns";

/// Steps of every kind: 0 weight, 1 pause, 2 analysis, 3 timed pause, 4 experiment, 5 weight.
pub fn steps() -> Value {
    json!([{"setWeight": 25}, {"pause": {}}, {"analysis": {"templates": [{"templateName": "errors"}]}}, {"pause": {"duration": "5m"}},
           {"experiment": {"templates": [{"name": "candidate", "specRef": "canary"}]}}, {"setWeight": 75}])
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

/// `1.1.0` (hash b) over the stable `1.0.0` (hash a), four wanted; with this strategy and these fields of the status.
pub fn rollout(strategy: &Value, status: &Value) -> Value {
    let mut all = json!({"observedGeneration": "7", "currentPodHash": "b", "stableRS": "a", "phase": "Progressing", "message": "more replicas need to be updated",
        "replicas": 4, "HPAReplicas": 4, "updatedReplicas": 1, "readyReplicas": 4, "availableReplicas": 4, "selector": "app=web"});
    for (key, value) in status.as_object().unwrap() {
        all[key] = value.clone();
    }
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "n", "uid": "uid-web", "generation": 7, "resourceVersion": "70", "annotations": {"rollout.argoproj.io/revision": "3"}},
        "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "strategy": strategy, "template": template("lab/web:1.1.0")},
        "status": all})
}

/// A canary at this step.
pub fn canary(index: usize, status: Value) -> Value {
    let mut all = status;
    all["currentStepIndex"] = json!(index);
    rollout(&json!({"canary": {"steps": steps()}}), &all)
}

/// What a status has at a pause.
pub fn paused(reason: &str) -> Value {
    json!({"phase": "Paused", "message": reason, "controllerPause": true,
           "pauseConditions": [{"reason": reason, "startTime": "2026-01-02T03:04:05Z"}]})
}

/// A blue/green rollout that waits for its switch.
pub fn bluegreen(status: Value) -> Value {
    let strategy = json!({"blueGreen": {"activeService": "web", "previewService": "web-preview", "autoPromotionEnabled": false}});
    let mut all = status;
    all["blueGreen"] = json!({"activeSelector": "a", "previewSelector": "b"});
    rollout(&strategy, &all)
}

pub fn held(mut rollout: Value) -> Value {
    rollout["spec"]["paused"] = json!(true);
    rollout
}

fn set(hash: &str, revision: u32, image: &str, replicas: u32) -> Value {
    let mut template = template(image);
    template["metadata"]["labels"]["rollouts-pod-template-hash"] = json!(hash);
    template["metadata"]["creationTimestamp"] = Value::Null;
    template["spec"]["dnsPolicy"] = json!("ClusterFirst");
    json!({"metadata": {"name": format!("web-{hash}"), "namespace": "n", "uid": hash, "creationTimestamp": format!("2026-01-0{revision}T00:00:00Z"),
            "labels": {"app": "web", "rollouts-pod-template-hash": hash}, "annotations": {"rollout.argoproj.io/revision": revision.to_string()},
            "ownerReferences": [{"controller": true, "kind": "Rollout", "name": "web", "apiVersion": "argoproj.io/v1alpha1", "uid": "uid-web"}]},
        "spec": {"replicas": replicas, "template": template},
        "status": {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas, "observedGeneration": 1}})
}

pub struct Server {
    pub fake: Fake,
    /// Whether the CRD serves the status by itself.
    pub status: bool,
    pub web: Workload,
}

impl Server {
    pub fn with(rollout: Value) -> Self {
        let fake = Fake::default();
        let sets = [set("z", 1, "lab/web:0.9.0", 0), set("a", 2, "lab/web:1.0.0", 3), set("b", 3, "lab/web:1.1.0", 1)];
        for set in &sets {
            fake.put(&format!("{SETS}/{}", set["metadata"]["name"].as_str().unwrap()), set.clone());
        }
        fake.put(SETS, json!({"items": sets}));
        for plural in ["analysisruns", "experiments"] {
            fake.put(&format!("/apis/argoproj.io/v1alpha1/namespaces/n/{plural}"), json!({"items": []}));
        }
        keep(&fake, rollout);
        Self { fake, status: true, web: belief::workload("n", Target::Rollout { name: "web".into() }) }
    }

    /// Changes the Rollout behind everyone's back.
    pub fn change(&self, change: impl Fn(&mut Value)) {
        let mut rollout = self.rollout();
        change(&mut rollout);
        keep(&self.fake, rollout);
    }

    pub fn rollout(&self) -> Value {
        self.fake.objects.lock().unwrap()[WEB].clone()
    }

    pub fn client(&self) -> Client {
        let (fake, status) = (self.fake.clone(), self.status);
        self.fake.client(move |asked| patch(&fake, status, asked))
    }
}

fn keep(fake: &Fake, rollout: Value) {
    fake.put(ROLLOUTS, json!({"items": [rollout]}));
    fake.put(WEB, rollout);
}

/// Takes a JSON Patch as an API server does.
fn patch(fake: &Fake, served: bool, asked: &Asked) -> Do {
    let path = asked.path.split('?').next().unwrap();
    let (path, sub) = match (path.strip_suffix("/status"), path.strip_suffix("/scale")) {
        (Some(path), _) if served => (path, "/status"),
        (Some(_), _) => return Do::status(404, "the server could not find the requested resource"),
        (_, Some(path)) => (path, "/scale"),
        _ => (path, ""),
    };
    let Some(before) = fake.objects.lock().unwrap().get(path).cloned() else { return Do::status(404, "not found") };
    let mut after = before.clone();
    for operation in asked.body.as_array().unwrap() {
        if !done(&mut after, operation) {
            return Do::status(422, "the server rejected our request due to an error in our request");
        }
    }
    match sub {
        "/status" => after["spec"] = before["spec"].clone(),
        "" if served && path == WEB => after["status"] = before["status"].clone(),
        _ => {}
    }
    if after["spec"] != before["spec"] {
        after["metadata"]["generation"] = json!(before["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
    }
    if !asked.dry() {
        if path == WEB {
            keep(fake, after.clone());
        } else {
            fake.put(path, after.clone());
        }
    }
    Do::Answer(200, if sub == "/scale" { json!({"spec": {"replicas": after["spec"]["replicas"]}}) } else { after })
}

/// Does one operation; false where a test fails, or where there is nothing to take away.
fn done(object: &mut Value, operation: &Value) -> bool {
    let path = operation["path"].as_str().unwrap();
    if operation["op"] == "test" {
        return object.pointer(path).unwrap_or(&Value::Null) == &operation["value"];
    }
    let (parent, key) = path.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let Some(parent) = object.pointer_mut(parent) else { return false };
    match (operation["op"].as_str().unwrap(), parent) {
        ("remove", Value::Object(map)) => map.remove(&key).is_some(),
        ("replace", Value::Object(map)) if !map.contains_key(&key) => false,
        (_, Value::Object(map)) => {
            map.insert(key, operation["value"].clone());
            true
        }
        (_, Value::Array(list)) => {
            list[key.parse::<usize>().unwrap()] = operation["value"].clone();
            true
        }
        _ => false,
    }
}
