//! The reading half against a real cluster: what the console would be told while kubectl works.

use rolldeck::domain::id::RolloutId;
use rolldeck::domain::instance::InstanceState;
use rolldeck::domain::plan::{BlueGreen, EngineKind, Target, TrackTarget, Workload};
use rolldeck::domain::revision::Role;
use rolldeck::domain::rollout::{Phase, Serving};
use rolldeck::port::Link;
use rolldeck::port::engine::{Command, Event};
use serde_json::json;

use crate::engine::Engine;
use crate::lab::{self, Lab};

fn id(name: &str) -> RolloutId {
    RolloutId { environment: "lab".into(), service: name.into(), workload: name.into() }
}

fn workload(lab: &Lab, name: &str, target: Target, context: &str) -> Workload {
    Workload {
        id: id(name),
        engine: EngineKind::Kubernetes,
        context: Some(context.to_owned()),
        namespace: lab.namespace.clone(),
        target,
        image: None,
        container: None,
    }
}

fn deployment(name: &str, image: &str, replicas: u32, labels: &serde_json::Value) -> serde_json::Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent",
            "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}}}})
}

fn context() -> String {
    std::env::var("ROLLDECK_TEST_CONTEXT").unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_seen_from_creation_through_an_update_that_cannot_finish() {
    let Some(lab) = Lab::open("watch").await else { return };
    let mut engine = Engine::start(vec![workload(&lab, "web", Target::Deployment { name: "web".into() }, &context())]);
    engine.rollout("that it is not there", |rollout| rollout.phase == Phase::Absent).await;
    engine.until("the link", |event| matches!(event, Event::Link { link: Link::Up, .. }).then_some(())).await;
    engine.commands.send(Command::Focus(Some(id("web")))).await.unwrap();

    lab.create("deployments", &deployment("web", "lab/web:1.0.0", 2, &json!({"app": "web"}))).await;
    let done = engine.rollout("it done", |rollout| rollout.phase == Phase::Done && rollout.instances.len() == 2).await;
    assert_eq!(done.native, "deployment \"web\" successfully rolled out");
    assert_eq!(done.serving, Serving::Full);
    assert!(done.instances.iter().all(|instance| instance.state == InstanceState::Ready && instance.word == "Running"));
    assert!(done.revisions[0].roles.has(Role::Stable) && done.revisions[0].version == "1.0.0", "{:?}", done.revisions);
    assert!(done.changed.is_some());

    lab.set_image("web", "lab/web:gone", "kubectl-set").await;
    let stuck = engine.rollout("the pull to fail", |rollout| rollout.phase == Phase::Failing).await;
    assert_eq!(stuck.versions(), (Some("1.0.0"), Some("gone")));
    assert_eq!(stuck.changed.as_ref().map(|(by, _)| by.as_str()), Some("kubectl-set"));
    let broken = stuck.instances.iter().find(|instance| instance.state == InstanceState::Failed).unwrap();
    assert!(broken.word.contains("Image"), "{broken:?}");
    engine.rollout("its events", |rollout| rollout.events.iter().any(|event| event.reason == "ScalingReplicaSet")).await;
    lab::close(&lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_tells_whom_the_service_reaches() {
    let Some(lab) = Lab::open("watch-pair").await else { return };
    for (side, image) in [("blue", "lab/web:1.0.0"), ("green", "lab/web:1.1.0")] {
        lab.create("deployments", &deployment(&format!("web-{side}"), image, 2, &json!({"app": "web", "color": side}))).await;
    }
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web", "color": "blue"}, "ports": [{"port": 80, "targetPort": 8080}]}});
    lab.create_core("services", &service).await;
    let side = |name: &str| TrackTarget { track: name.into(), deployment: format!("web-{name}") };
    let target = Target::BlueGreen(BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] });
    let mut engine = Engine::start(vec![workload(&lab, "web", target, &context())]);
    let pair = engine
        .rollout("both sides up and blue reached", |rollout| {
            let routing = rollout.routing.as_ref();
            routing.is_some_and(|routing| routing.endpoints[0].1 == 2)
                && rollout.instances.iter().filter(|i| i.state == InstanceState::Ready).count() == 4
        })
        .await;
    let routing = pair.routing.as_ref().unwrap();
    assert_eq!((routing.active.as_ref().map(ToString::to_string), routing.strangers), (Some("blue".into()), 0));
    assert_eq!(pair.idle().map(|idle| idle.version.as_str()), Some("1.1.0"));
    assert_eq!((pair.serving, pair.serving_revision().map(|revision| revision.version.as_str())), (Serving::Full, Some("1.0.0")));
    lab::close(&lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_is_not_there_is_down_and_holds_up_no_other() {
    let Some(lab) = Lab::open("watch-down").await else { return };
    let target = || Target::Deployment { name: "web".into() };
    let mut engine = Engine::start(vec![workload(&lab, "web", target(), &context()), workload(&lab, "lost", target(), "no-such-context")]);
    let mut why = None;
    let mut up = false;
    while why.is_none() || !up {
        match engine
            .until("both links", |event| match event {
                Event::Link { scope, link } => Some((scope.to_string(), link.clone())),
                _ => None,
            })
            .await
        {
            (scope, Link::Down { why: reason }) if scope == "no-such-context" => why = Some(reason),
            (_, Link::Up) => up = true,
            _ => {}
        }
    }
    assert!(why.as_ref().is_some_and(|why| why.contains("no context \"no-such-context\"") && why.contains(&context())), "{why:?}");
    lab::close(&lab.namespace).await;
}
