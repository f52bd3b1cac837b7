//! Both halves together: an order is drafted on what the engine shows, and its outcome is found in what the engine then sees.

use rolldeck::domain::change::{Answer, ChangeError, Expect, Judgement, Preview, Request};
use rolldeck::domain::id::OpId;
use rolldeck::domain::plan::{BlueGreen, Target, TrackTarget, Workload};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::verb::{Order, Verb, possible};
use rolldeck::domain::wayback;
use rolldeck::port::Seq;
use rolldeck::port::engine::{Command, Event, Note};
use serde_json::json;

use crate::belief;
use crate::engine::Engine;
use crate::lab::{self, Lab};

/// The engine, and the orders that a console would give it.
pub struct Console {
    pub engine: Engine,
    pub workload: Workload,
    seq: Seq,
}

impl Console {
    pub fn open(lab: &Lab, target: Target) -> Self {
        let mut workload = belief::workload(&lab.namespace, target);
        workload.context = std::env::var("ROLLDECK_TEST_CONTEXT").ok();
        Self { engine: Engine::start(vec![workload.clone()]), workload, seq: Seq::default() }
    }

    pub async fn preview(&mut self, order: &Order) -> Result<Preview, ChangeError> {
        let seq = self.seq.advance();
        self.engine.commands.send(Command::Preview { seq, rollout: self.workload.id.clone(), order: order.clone() }).await.unwrap();
        let answered = |event: &Event| match event {
            Event::Previewed { seq: of, result } if *of == seq => Some(result.clone()),
            _ => None,
        };
        self.engine.until("the preview", answered).await.map(|preview| *preview)
    }

    pub async fn send(&mut self, requests: Vec<Request>) -> Result<Answer, ChangeError> {
        let op = OpId::new(format!("op-{}", self.seq.advance().0));
        let note = Note { actor: "ana".into(), text: "tested it".into(), reason: "Tested".into() };
        let rollout = self.workload.id.clone();
        self.engine.commands.send(Command::Execute { op: op.clone(), rollout, requests, note, driving: false }).await.unwrap();
        let answered = |event: &Event| match event {
            Event::Answered { op: of, result, last: true, .. } if *of == op => Some(result.clone()),
            _ => None,
        };
        self.engine.until("the answer", answered).await
    }

    /// Waits until the engine shows what was ordered.
    pub async fn met(&mut self, expect: &Expect) -> Rollout {
        self.engine.rollout(&format!("{expect:?}"), |rollout| matches!(expect.judge(rollout), Judgement::Met(_))).await
    }

    async fn order(&mut self, order: Order) -> (Preview, Rollout) {
        let preview = self.preview(&order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        self.send(preview.requests.clone()).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        let rollout = self.met(&preview.expect).await;
        (preview, rollout)
    }
}

fn deployment(name: &str, image: &str, replicas: u32, labels: &serde_json::Value) -> serde_json::Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "terminationGracePeriodSeconds": 1, "containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent",
            "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}}}})
}

fn ship(image: &str) -> Order {
    Order::Ship { container: None, image: image.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_out_a_bad_one_is_held_and_the_proven_one_comes_back() {
    let Some(lab) = Lab::open("orders").await else { return };
    lab.create("deployments", &deployment("web", "lab/web:1.0.0", 2, &json!({"app": "web"}))).await;
    let mut console = Console::open(&lab, Target::Deployment { name: "web".into() });
    console.engine.rollout("the start", |rollout| rollout.phase == Phase::Done && rollout.counts.ready == 2).await;

    let (shipped, _) = console.order(ship("lab/web:1.1.0")).await;
    let again = console.send(shipped.requests).await.unwrap_err();
    assert!(matches!(again, ChangeError::Moved { .. }), "{again}");

    let bad = console.preview(&ship("lab/web:bad")).await.unwrap();
    console.send(bad.requests).await.unwrap();
    console.engine.rollout("the bad one", |rollout| rollout.versions() == (Some("1.1.0"), Some("bad"))).await;
    let (_, held) = console.order(Order::Hold).await;
    assert_eq!(possible(&held, Verb::RollBack), Ok(()));
    let target = wayback::proposed(&held).unwrap().clone();
    let label = target.label();
    assert_eq!(target.version, "1.1.0");
    let (back, rollout) = console.order(Order::RollBack { to: target.id }).await;
    assert_eq!(back.to, Some(label));
    assert_eq!((rollout.held, rollout.counts.ready), (None, 2));

    console.order(Order::Scale { track: None, replicas: 3 }).await;
    console.order(Order::Restart { track: None }).await;
    lab::close(&lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_shipped_switched_and_switched_back() {
    let Some(lab) = Lab::open("orders-pair").await else { return };
    for (side, replicas) in [("blue", 2), ("green", 0)] {
        let labels = json!({"app": "web", "color": side});
        lab.create("deployments", &deployment(&format!("web-{side}"), "lab/web:1.0.0", replicas, &labels)).await;
    }
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web", "color": "blue"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    lab.create_core("services", &service).await;
    let side = |name: &str| TrackTarget { track: name.into(), deployment: format!("web-{name}") };
    let target = Target::BlueGreen(BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] });
    let mut console = Console::open(&lab, target);
    let up = |rollout: &Rollout| rollout.routing.as_ref().is_some_and(|routing| routing.endpoints.iter().any(|(_, ready)| *ready == 2));
    console.engine.rollout("blue", up).await;

    let (shipped, seen) = console.order(ship("lab/web:1.1.0")).await;
    // The Deployment's own status follows its pods by a moment, and the switch goes by it.
    let finished = |rollout: &Rollout| rollout.native.contains("\"web-green\" successfully rolled out");
    if !finished(&seen) {
        console.engine.rollout("green's own word", finished).await;
    }
    assert_eq!(shipped.requests.len(), 2);
    let (_, switched) = console.order(Order::Switch { to: "green".into() }).await;
    lab.serves("web:http", "1.1.0").await;
    assert_eq!(wayback::former_side(&switched).map(ToString::to_string), Some("blue".into()));
    console.order(Order::SwitchBack { to: "blue".into() }).await;
    lab.serves("web:http", "1.0.0").await;
    lab::close(&lab.namespace).await;
}
