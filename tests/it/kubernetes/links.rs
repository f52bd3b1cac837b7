//! The link as a state: lost connections, silence, 403, 410, and the way back to live without anyone's help.

use std::time::Duration;

use rolldeck::adapter::kubernetes::spawn_with;
use rolldeck::domain::id::{RolloutId, Scope};
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::port::Link;
use rolldeck::port::engine::{Command, Event};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::api::Api;

struct Engine {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    seen: Vec<String>,
}

impl Engine {
    fn start(api: &Api) -> Self {
        let workload = Workload {
            id: RolloutId { environment: "lab".into(), service: "web".into(), workload: "web".into() },
            engine: EngineKind::Kubernetes,
            context: Some("fake".into()),
            namespace: "shop".into(),
            target: Target::Deployment { name: "web".into() },
            image: None,
            container: None,
        };
        let (commands, orders) = mpsc::channel(64);
        let (tell, events) = mpsc::channel(1024);
        let (logs, _) = mpsc::channel(8);
        drop(spawn_with(api.client(), vec![workload], orders, tell, logs));
        Self { commands, events, seen: Vec::new() }
    }

    async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        // Paused time: an hour passes at once when nothing else is to be done.
        let end = tokio::time::Instant::now() + Duration::from_secs(3600);
        loop {
            match tokio::time::timeout_at(end, self.events.recv()).await {
                Ok(Some(event)) => {
                    if let Some(found) = wanted(&event) {
                        return found;
                    }
                    self.seen.push(format!("{event:.200?}"));
                    let keep = self.seen.len().saturating_sub(20);
                    self.seen.drain(..keep);
                }
                _ => panic!("waited in vain for {what}; seen last: {:#?}", self.seen),
            }
        }
    }

    async fn up(&mut self) {
        self.until("the link", |event| matches!(event, Event::Link { link: Link::Up, .. }).then_some(())).await;
    }

    async fn lost(&mut self) -> String {
        self.until("the loss", |event| match event {
            Event::Link { link: Link::Retrying { why, .. }, .. } => Some(why.clone()),
            _ => None,
        })
        .await
    }

    async fn rollout(&mut self, what: &str, wanted: impl Fn(&Rollout) -> bool) -> Rollout {
        self.until(what, |event| match event {
            Event::Rollout(rollout) if wanted(rollout) => Some(Rollout::clone(rollout)),
            _ => None,
        })
        .await
    }
}

fn deployment(replicas: u32) -> Value {
    json!({"metadata": {"name": "web", "uid": "d", "generation": replicas, "annotations": {"deployment.kubernetes.io/revision": "1"}},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": replicas, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}})
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "uid": name, "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1a", "uid": "r", "controller": true}]},
        "spec": {"nodeName": "n", "containers": [{"name": "web"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "web", "ready": true, "state": {"running": {}}}]}})
}

fn api() -> Api {
    let api = Api::default();
    api.put("deployments", deployment(1));
    let owner = json!([{"kind": "Deployment", "name": "web", "uid": "d", "controller": true}]);
    let template = json!({"spec": {"containers": [{"name": "web", "image": "lab/web:1.0.0"}]}});
    api.put(
        "replicasets",
        json!({"metadata": {"name": "web-1a", "uid": "r", "ownerReferences": owner, "annotations": {"deployment.kubernetes.io/revision": "1"}},
               "spec": {"replicas": 1, "template": template}, "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}}),
    );
    api.put("pods", pod("web-1a-x"));
    api
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_and_what_did_not_change_is_not() {
    let api = api();
    let mut engine = Engine::start(&api);
    let first = engine.rollout("the first", |_| true).await;
    assert_eq!((first.phase, first.instances.len(), first.revisions[0].version.as_str()), (Phase::Done, 1, "1.0.0"));
    engine.up().await;
    // The same state under another version is no news.
    api.put("pods", pod("web-1a-x"));
    api.put("deployments", deployment(3));
    let next = engine.rollout("the next", |_| true).await;
    assert_eq!(next.counts.wanted, 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_killed_and_comes_back_is_live_again_within_a_second() {
    let api = api();
    let mut engine = Engine::start(&api);
    engine.up().await;
    api.down(true);
    let why = engine.lost().await;
    assert!(why.contains("refused"), "{why}");
    api.lose("pods", "web-1a-x");
    tokio::time::sleep(Duration::from_secs(20)).await;
    api.down(false);
    let back = tokio::time::Instant::now();
    engine.rollout("the pod to be gone", |rollout| rollout.instances.is_empty()).await;
    engine.up().await;
    assert!(back.elapsed() < Duration::from_millis(1500), "{:?}", back.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_found_out_and_the_silence_ends_in_fresh_lists() {
    let api = api();
    let mut engine = Engine::start(&api);
    engine.up().await;
    let before = api.lists("pods");
    api.silent(true);
    let since = tokio::time::Instant::now();
    let why = engine.lost().await;
    assert!(since.elapsed() < Duration::from_secs(10) && why.contains("no answer"), "{why} after {:?}", since.elapsed());
    // Told to nobody: the old watch is open and dead.
    api.put("deployments", deployment(5));
    api.silent(false);
    engine.rollout("what happened in silence", |rollout| rollout.counts.wanted == 5).await;
    engine.up().await;
    assert!(api.lists("pods") > before);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_too_old_leads_to_a_new_list_and_no_lost_link() {
    let api = api();
    let mut engine = Engine::start(&api);
    engine.up().await;
    api.lose("pods", "web-1a-x");
    api.expire(1);
    api.expire(16);
    engine.rollout("the pod to be gone", |rollout| rollout.instances.is_empty()).await;
    assert!(!engine.seen.iter().any(|seen| seen.contains("Retrying")), "{:#?}", engine.seen);
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_to_what_is_needed_is_down_with_a_sentence() {
    let api = api();
    api.forbid("pods");
    let mut engine = Engine::start(&api);
    let why = engine
        .until("it down", |event| match event {
            Event::Link { link: Link::Down { why }, .. } => Some(why.clone()),
            _ => None,
        })
        .await;
    assert_eq!(why, "no right to list pods in shop");
    engine.commands.send(Command::Reconnect(Scope::new("fake"))).await.unwrap();
    engine.until("it to be tried again", |event| matches!(event, Event::Link { link: Link::Connecting, .. }).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn what_can_be_done_without_is_said_once_and_done_without() {
    let api = api();
    api.forbid("horizontalpodautoscalers");
    api.forbid("events");
    let mut engine = Engine::start(&api);
    let missing = |event: &Event| match event {
        Event::Missing { what, .. } => Some(what.clone()),
        _ => None,
    };
    assert_eq!(engine.until("the autoscalers", missing).await, "no right to list horizontalpodautoscalers in shop");
    engine.up().await;
    let id = RolloutId { environment: "lab".into(), service: "web".into(), workload: "web".into() };
    engine.commands.send(Command::Focus(Some(id))).await.unwrap();
    let told = engine.until("the events", missing).await;
    assert!(told.starts_with("no right to list events in shop"), "{told}");
}
