//! Argo's controller as far as a test needs it: sets of pods for each revision, and the status of the moment.

use std::time::Duration;

use rolldeck::domain::change::{Expect, Judgement};
use rolldeck::domain::plan::Target;
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::verb::{Verb, possible};
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::orders::Console;

const ARGO: &str = "argoproj.io/v1alpha1";

pub struct Controller {
    pub lab: Lab,
    uid: String,
}

impl Controller {
    /// Makes the Rollout `web` with this strategy and its first revision, healthy; none where the cluster has no Rollouts.
    pub async fn start(name: &str, strategy: &Value) -> Option<Self> {
        let lab = Lab::open(name).await?;
        if !lab.serves_kind(ARGO, "rollouts").await {
            return None;
        }
        let rollout = json!({"apiVersion": ARGO, "kind": "Rollout",
            "metadata": {"name": "web", "annotations": {"rollout.argoproj.io/revision": "1"}},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "strategy": strategy, "template": template("lab/web:1.0.0")}});
        let made = lab.make(ARGO, "rollouts", &rollout).await;
        let uid = made["metadata"]["uid"].as_str().unwrap().to_owned();
        let controller = Self { lab, uid };
        controller.set("a", 1, "lab/web:1.0.0").await;
        Some(controller)
    }

    pub fn target() -> Target {
        Target::Rollout { name: "web".into() }
    }

    pub fn path(&self) -> String {
        format!("/apis/{ARGO}/namespaces/{}/rollouts/web", self.lab.namespace)
    }

    pub async fn rollout(&self) -> Value {
        self.lab.read(&self.path()).await
    }

    /// Makes the set of a revision with one pod, and waits for that.
    pub async fn set(&self, hash: &str, revision: u32, image: &str) {
        let mut template = template(image);
        template["metadata"]["labels"]["rollouts-pod-template-hash"] = json!(hash);
        let labels = json!({"app": "web", "rollouts-pod-template-hash": hash});
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": format!("web-{hash}"), "labels": labels, "annotations": {"rollout.argoproj.io/revision": revision.to_string()},
                "ownerReferences": [{"apiVersion": ARGO, "kind": "Rollout", "name": "web", "uid": self.uid, "controller": true}]},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}});
        self.lab.create("replicasets", &set).await;
        let path = self.lab.apps("replicasets", &format!("web-{hash}"));
        self.lab.until("the pod", &path, |set| set.pointer("/status/availableReplicas") == Some(&json!(1))).await;
    }

    /// Stops the pods of a revision.
    pub async fn stop(&self, hash: &str) {
        let path = self.lab.apps("replicasets", &format!("web-{hash}"));
        self.lab.patch(&path, &json!({"spec": {"replicas": 0}})).await;
        self.lab.until("no pod", &path, |set| set.pointer("/status/replicas") == Some(&json!(0))).await;
    }

    /// Writes the status with the wish that is there taken in.
    pub async fn status(&self, status: Value) {
        let mut status = status;
        status["observedGeneration"] = json!(self.rollout().await["metadata"]["generation"].to_string());
        self.lab.patch(&format!("{}/status", self.path()), &json!({"status": status})).await;
    }

    /// Takes in the next release of a hold, as the controller does within milliseconds.
    pub async fn take_in_the_release(&self) {
        self.lab.until("the release", &self.path(), |rollout| rollout.pointer("/spec/paused") == Some(&json!(false))).await;
        self.status(json!({"phase": "Paused"})).await;
    }

    pub async fn analysis(&self, name: &str, step: usize) {
        let run = json!({"apiVersion": ARGO, "kind": "AnalysisRun",
            "metadata": {"name": name, "labels": {"rollouts-pod-template-hash": "b", "rollout-type": "Step", "step-index": step.to_string()},
                "ownerReferences": [{"apiVersion": ARGO, "kind": "Rollout", "name": "web", "uid": self.uid, "controller": true}]},
            "spec": {"metrics": [{"name": "errors", "provider": {"prometheus": {"query": "vector(0)", "address": "http://prometheus"}}}]},
            "status": {"phase": "Running"}});
        self.lab.make(ARGO, "analysisruns", &run).await;
    }

    pub async fn analysis_path(&self, name: &str, phase: &str) -> String {
        let path = format!("/apis/{ARGO}/namespaces/{}/analysisruns/{name}", self.lab.namespace);
        if !phase.is_empty() {
            self.lab.patch(&path, &json!({"status": {"phase": phase}})).await;
        }
        path
    }
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "web", "image": image,
        "imagePullPolicy": "IfNotPresent", "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}})
}

/// A pause under way, and what a merge patch needs to end one.
pub fn paused(reason: &str) -> Value {
    let since = crate::lab::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({"phase": "Paused", "message": reason, "controllerPause": true, "pauseConditions": [{"reason": reason, "startTime": since}]})
}

pub fn going(message: &str) -> Value {
    json!({"phase": "Progressing", "message": message, "controllerPause": null, "pauseConditions": null})
}

pub fn at(index: usize, status: Value) -> Value {
    let mut status = status;
    status["currentStepIndex"] = json!(index);
    status
}

/// Waits until the engine shows this phase in these words, and asserts exactly which of the verbs that move it are possible.
pub async fn shows(console: &mut Console, phase: Phase, native: &str, verbs: &[Verb]) -> Rollout {
    let what = format!("{phase:?} {native}");
    let rollout = console.engine.shows(&what, |rollout| rollout.phase == phase && rollout.native.contains(native)).await;
    let moving = [Verb::Advance, Verb::Finish, Verb::Hold, Verb::Resume, Verb::Abort, Verb::Retry, Verb::RollBack, Verb::Terminate];
    let open: Vec<Verb> = moving.into_iter().filter(|verb| possible(&rollout, *verb).is_ok()).collect();
    assert_eq!(open, verbs, "{what}");
    rollout
}

/// Waits until the engine shows what was ordered.
pub async fn met(console: &mut Console, expect: &Expect) {
    console.engine.shows(&format!("{expect:?}"), |rollout| matches!(expect.judge(rollout), Judgement::Met(_))).await;
}

/// The link between a write and what the engine shows of it is short; this is for what must not come.
pub async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}
