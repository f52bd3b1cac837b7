//! A Flagger canary on a real API server with the CRD and no Flagger: its status is written here as Flagger writes it.

use std::time::Duration;

use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::adapter::kubernetes::objects::custom::Custom;
use rolldeck::adapter::kubernetes::objects::{self, Lean};
use rolldeck::adapter::kubernetes::record::{self, Change, Kind, Names, Record, Update};
use rolldeck::adapter::kubernetes::store::Store;
use rolldeck::domain::change::{Answer, ChangeError, Expect, Judgement, Preview, Request};
use rolldeck::domain::plan::{Target, Workload};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::verb::{Order, Verb, possible};
use serde_json::{Value, json};

use crate::belief;
use crate::lab::{self, Lab};

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent"}]}}}
    })
}

struct Stage {
    lab: Lab,
    web: Workload,
}

impl Stage {
    fn path(&self) -> String {
        format!("/apis/flagger.app/v1beta1/namespaces/{}/canaries/shop", self.lab.namespace)
    }

    async fn write(&self, path: &str, patch: &Value) -> Value {
        let request =
            http::Request::patch(path).header("content-type", "application/merge-patch+json").body(patch.to_string().into_bytes()).unwrap();
        self.lab.client.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What Flagger would write at its beat.
    async fn beat(&self, phase: &str, weight: u32) {
        let condition = json!({"type": "Promoted", "status": "Unknown", "reason": phase, "message": format!("in {phase}"),
            "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let status = json!({"status": {"phase": phase, "canaryWeight": weight, "iterations": 0, "failedChecks": 0,
            "lastAppliedSpec": "new", "lastPromotedSpec": "old", "lastTransitionTime": lab::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "conditions": [condition]}});
        self.write(&format!("{}/status", self.path()), &status).await;
    }

    async fn list<R: Record>(&self, store: &mut Store, path: &str) {
        let mut names = Names::default();
        let list = self.lab.read(path).await;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let read = |item| R::read(serde_json::from_value::<Lean<R::Raw>>(item).unwrap().object, &mut names);
        store.apply(&self.lab.namespace, R::change(Update::Listed(items.into_iter().filter_map(read).collect())));
    }

    /// Reads everything as the console does.
    async fn see(&self) -> Rollout {
        let namespace = &self.lab.namespace;
        let mut store = Store::new(vec![self.web.clone()]);
        self.list::<objects::Deployment>(&mut store, &format!("/apis/apps/v1/namespaces/{namespace}/deployments")).await;
        self.list::<record::ReplicaSet>(&mut store, &format!("/apis/apps/v1/namespaces/{namespace}/replicasets")).await;
        self.list::<record::Pod>(&mut store, &format!("/api/v1/namespaces/{namespace}/pods")).await;
        for (kind, path) in [
            (Kind::Canary, format!("/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries")),
            (Kind::Route, format!("/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes")),
        ] {
            let list = self.lab.read(&path).await;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let all = items.into_iter().map(|item| serde_json::from_value::<Lean<Custom>>(item).unwrap().object).collect();
            store.apply(namespace, Change::Custom(kind, Update::Listed(all)));
        }
        for kind in [Kind::Autoscaler, Kind::Budget] {
            store.bar(namespace, kind);
        }
        store.build(0).expect("all was read")
    }

    async fn look(&self, order: &Order) -> Result<Preview, ChangeError> {
        preview(&self.lab.client, &self.web, &self.see().await, order).await
    }

    async fn send(&self, requests: &[Request]) -> Vec<Result<Answer, ChangeError>> {
        let mut answers = Vec::new();
        execute(&self.lab.client, requests, |_, answer, _| answers.push(answer)).await;
        answers
    }

    async fn order(&self, order: &Order) -> Expect {
        let preview = self.look(order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        assert!(preview.rehearsed, "{order:?}: {:?}", preview.warnings);
        for answer in self.send(&preview.requests).await {
            answer.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        }
        preview.expect
    }

    async fn met(&self, expect: &Expect) {
        let judged = expect.judge(&self.see().await);
        assert!(matches!(judged, Judgement::Met(_)), "{expect:?}: {judged:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flagger_canary_is_held_resumed_skipped_and_given_up_and_a_gate_needs_its_server() {
    let Some(lab) = Lab::open("flagger").await else { return };
    let namespace = lab.namespace.clone();
    // The Canary's name is not its target's.
    let web = belief::workload(&namespace, Target::Flagger { name: "shop".into() });
    for name in ["web", "web-primary"] {
        lab.create("deployments", &deployment(name, "lab/web:1.0.0")).await;
    }
    lab.create_core(
        "services",
        &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gates"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "nobody"}}}),
    )
    .await;
    let canary = json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "shop"}, "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "service": {"port": 80},
        "analysis": {"interval": "10s", "threshold": 2, "maxWeight": 50, "stepWeight": 20, "webhooks": [
            {"name": "go", "type": "confirm-promotion", "url": format!("http://gates.{namespace}/gate/check")}]}}});
    let path = format!("/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries");
    let request = http::Request::post(&path).header("content-type", "application/json").body(canary.to_string().into_bytes()).unwrap();
    let _: Value = lab.client.request(request).await.unwrap();
    let stage = Stage { lab, web };
    stage.beat("Initialized", 0).await;
    for name in ["web", "web-primary"] {
        stage.lab.until(name, &stage.lab.apps("deployments", name), |object| object["status"]["readyReplicas"] == 1).await;
    }
    assert_eq!(stage.see().await.phase, Phase::Done);

    let begun = stage.order(&Order::Ship { container: None, image: "lab/web:1.1.0".into() }).await;
    stage
        .lab
        .until("the new image", &stage.lab.apps("deployments", "web"), |object| {
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && object["status"]["updatedReplicas"] == 1
                && object["status"]["replicas"] == 1
                && object["status"]["readyReplicas"] == 1
        })
        .await;
    assert_eq!(stage.see().await.phase, Phase::Unobserved, "Flagger has not looked");
    stage.beat("Progressing", 20).await;
    stage.met(&begun).await;

    let held = stage.order(&Order::Hold).await;
    stage.met(&held).await;
    let seen = stage.see().await;
    assert_eq!((seen.phase, seen.native.as_str()), (Phase::Waiting, "Progressing: in Progressing; suspended"));
    assert_eq!(possible(&seen, Verb::Hold).unwrap_err().to_string(), "it is held already");
    assert_eq!(stage.look(&Order::Advance).await.unwrap_err().to_string(), "it is held: resume first");
    let resumed = stage.order(&Order::Resume).await;
    stage.met(&resumed).await;

    // Nothing stands behind the gate's Service: the test passes, the gate does not open, nothing more is sent.
    stage.beat("WaitingPromotion", 0).await;
    let pass = stage.look(&Order::Advance).await.unwrap();
    let answers = stage.send(&pass.requests).await;
    assert!(answers[0].is_ok() && matches!(answers[1], Err(ChangeError::Rejected { status: 503, .. })), "{answers:?}");
    assert_eq!(answers.len(), 2);

    // The phase moves under the dialog.
    let stale = stage.look(&Order::Finish).await.unwrap();
    stage.beat("Promoting", 20).await;
    assert!(matches!(stage.send(&stale.requests).await[0], Err(ChangeError::Moved { .. })));
    assert_eq!(stage.look(&Order::Finish).await.unwrap_err().to_string(), "Flagger promotes it already");

    stage.beat("Progressing", 20).await;
    let finish = stage.look(&Order::Finish).await.unwrap();
    let flagger = async {
        stage.lab.until("skipAnalysis", &stage.path(), |canary| canary["spec"]["skipAnalysis"] == true).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        stage.beat("Succeeded", 0).await;
    };
    let (answers, ()) = tokio::join!(stage.send(&finish.requests), flagger);
    assert!(answers.iter().all(Result::is_ok) && answers.len() == 2, "{answers:?}");
    assert_eq!(stage.lab.read(&stage.path()).await["spec"]["skipAnalysis"], false);

    stage.beat("Progressing", 20).await;
    let aborted = stage.order(&Order::Abort).await;
    stage
        .lab
        .until("the old image", &stage.lab.apps("deployments", "web"), |object| {
            object["spec"]["template"]["spec"]["containers"][0]["image"] == "lab/web:1.0.0"
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await;
    assert_eq!(stage.lab.read(&stage.path()).await["spec"]["suspend"], true);
    stage.met(&aborted).await;
    lab::close(&namespace).await;
}
