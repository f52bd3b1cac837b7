//! Checks over an API server in this process: what they share, and what is said when it forbids, is silent, or knows digests.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use rolldeck::adapter::kubernetes::check::spawn_with;
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::domain::release::checklist::{Kubernetes, Subject, SubjectService, Task, Verdict};
use rolldeck::port::Seq;
use rolldeck::port::check::{Command, Event, Found};
use serde_json::json;
use tokio::sync::mpsc;

use super::api::Api;

const DIGEST: &str = "sha256:0123456789abcdef";

fn workload() -> Workload {
    Workload {
        id: RolloutId { environment: "staging".into(), service: "web".into(), workload: "web".into() },
        engine: EngineKind::Kubernetes,
        context: Some("fake".into()),
        namespace: "shop".into(),
        target: Target::Deployment { name: "web".into() },
        image: None,
        container: None,
    }
}

fn subject() -> Arc<Subject> {
    let web = SubjectService { service: "web".into(), version: "1.0.0".into(), image: "shop/web:1.0.0".into(), digest: None };
    Arc::new(Subject { release: "r1".into(), environment: "staging".into(), services: vec![web] })
}

/// A Deployment with one pod, which was pulled.
fn shop() -> Api {
    let api = Api::default();
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "shop/web:1.0.0"}]}});
    let owner = |kind: &str, name: &str, uid: &str| json!([{"kind": kind, "name": name, "uid": uid, "controller": true}]);
    let revision = json!({"deployment.kubernetes.io/revision": "1"});
    api.put(
        "deployments",
        json!({"metadata": {"name": "web", "uid": "d", "generation": 1, "annotations": revision},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}}),
    );
    api.put(
        "replicasets",
        json!({"metadata": {"name": "web-1", "uid": "rs", "annotations": revision, "ownerReferences": owner("Deployment", "web", "d")},
            "spec": {"replicas": 1, "template": template}, "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}}),
    );
    let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let status =
        json!([{"name": "web", "ready": true, "imageID": format!("docker-pullable://shop/web@{DIGEST}"), "state": {"running": {}}}]);
    api.put(
        "pods",
        json!({"metadata": {"name": "web-1-abcde", "uid": "p", "ownerReferences": owner("ReplicaSet", "web-1", "rs")},
            "spec": {"nodeName": "n", "containers": [{"name": "web", "image": "shop/web:1.0.0"}]},
            "status": {"phase": "Running", "conditions": ready, "containerStatuses": status}}),
    );
    api
}

struct Checks {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
}

impl Checks {
    fn over(api: &Api) -> Self {
        let (commands, asked) = mpsc::channel(16);
        let (found, events) = mpsc::channel(64);
        spawn_with(api.client(), vec![workload()], asked, found);
        Self { commands, events }
    }

    async fn ask(&self, seq: u64, check: Kubernetes) {
        let task = Box::new(Task::Kubernetes(check));
        let run = Command::Run { seq: Seq(seq), item: "item".into(), task, subject: subject(), workloads: vec![workload()] };
        self.commands.send(run).await.expect("it takes it");
    }

    async fn found(&mut self) -> Found {
        loop {
            match self.events.recv().await.expect("the checker lives") {
                Event::Finished { found, .. } => return found,
                Event::Started { .. } | Event::Bound { .. } => {}
            }
        }
    }
}

fn healthy() -> Kubernetes {
    Kubernetes::Healthy { for_: SignedDuration::from_mins(5) }
}

#[tokio::test]
async fn checks_that_begin_together_list_once() {
    let api = shop();
    let mut checks = Checks::over(&api);
    for seq in 0..4 {
        checks.ask(seq, healthy()).await;
    }
    for _ in 0..4 {
        let found = checks.found().await;
        assert_eq!(found.verdict, Verdict::Pass, "{}", found.evidence);
        assert!(found.evidence.starts_with("1.0.0: 1 of 1 ready for ") && found.evidence.ends_with("youngest abcde"), "{}", found.evidence);
    }
    assert_eq!(api.lists("pods"), 1);
}

#[tokio::test]
async fn a_digest_that_a_node_pulled_is_what_ships() {
    let mut checks = Checks::over(&shop());
    checks.commands.send(Command::Bind { seq: Seq(1), subject: subject(), workloads: vec![workload()] }).await.expect("it takes it");
    let Some(Event::Bound { seq: Seq(1), bound }) = checks.events.recv().await else { panic!("not bound") };
    assert_eq!((bound[0].digest.as_deref(), bound[0].source.as_str()), (Some(DIGEST), "runs in staging"));
    assert_eq!(bound[0].shipped(), format!("shop/web:1.0.0@{DIGEST}"));
}

#[tokio::test]
async fn what_is_forbidden_is_named() {
    let api = shop();
    api.forbid("pods");
    let mut checks = Checks::over(&api);
    checks.ask(1, healthy()).await;
    let found = checks.found().await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, "no right to list pods in shop"));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_silent_or_gone_leaves_a_check_unknown() {
    let api = shop();
    let mut checks = Checks::over(&api);
    api.silent(true);
    checks.ask(1, healthy()).await;
    let found = checks.found().await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, "no answer within 10 s"));
    api.silent(false);
    api.down(true);
    checks.ask(2, healthy()).await;
    let found = checks.found().await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, "no connection: connection refused"));
    api.down(false);
    checks.ask(3, healthy()).await;
    assert_eq!(checks.found().await.verdict, Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_stopped_is_unknown_and_answered_once() {
    let api = shop();
    api.silent(true);
    let mut checks = Checks::over(&api);
    checks.ask(1, healthy()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..2 {
        checks.commands.send(Command::Cancel { seq: Seq(1) }).await.expect("it takes it");
    }
    let found = checks.found().await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, "stopped before its end"));
    let more = tokio::time::timeout(Duration::from_secs(60), checks.events.recv()).await;
    assert!(more.is_err(), "{more:?}");
}
