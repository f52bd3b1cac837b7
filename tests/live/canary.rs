//! Plain canaries with real pods behind a real Service: what the users get at each step, and what a console leaves that dies.

use std::collections::BTreeMap;
use std::time::Duration;

use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::domain::change::{ChangeError, Judgement, Preview, Request};
use rolldeck::domain::plan::{Canary, Route, Target, Workload};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::step::{Share, StepKind};
use rolldeck::domain::verb::Order;
use serde_json::{Value, json};

use crate::lab::{self, Lab};
use crate::{belief, seen};

/// Requests that a share is measured by: at 240 and a quarter, three of four standard deviations are 11 percent points.
const ASKED: u32 = 240;

fn workload(lab: &Lab, route: bool) -> Workload {
    let weight = |percent| StepKind::Weight(Share::percent(percent));
    let route = route.then(|| Route { name: "web".into(), stable_service: "web-stable".into(), canary_service: "web-canary".into() });
    let steps = vec![weight(25), StepKind::Pause(None), weight(50), StepKind::Pause(None)];
    belief::workload(&lab.namespace, Target::Canary(Canary { stable: "web".into(), canary: "web-canary".into(), route, steps }))
}

async fn made(lab: &Lab, replicas: u32) {
    for (name, replicas) in [("web", replicas), ("web-canary", 0)] {
        let labels = json!({"app": "web", "side": name});
        lab.create(
            "deployments",
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "web", "image": "lab/web:1.0.0", "imagePullPolicy": "IfNotPresent",
                        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}}}}),
        )
        .await;
    }
    lab.create_core(
        "services",
        &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}),
    )
    .await;
    lab.until("web to be ready", &lab.apps("deployments", "web"), |object| object["status"]["readyReplicas"] == json!(replicas)).await;
}

async fn looked(lab: &Lab, workload: &Workload) -> Rollout {
    let items = |list: Value| list["items"].as_array().cloned().unwrap_or_default();
    let (deployments, sets) = (items(lab.read(&lab.apps("deployments", "")).await), items(lab.read(&lab.apps("replicasets", "")).await));
    let pods = items(lab.read(&format!("/api/v1/namespaces/{}/pods", lab.namespace)).await);
    let routes = items(lab.read(&routes(lab)).await);
    seen::rollout(workload, [&deployments, &sets, &pods, &routes])
}

fn routes(lab: &Lab) -> String {
    format!("/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes", lab.namespace)
}

async fn drafted(lab: &Lab, workload: &Workload, order: &Order) -> Preview {
    let rollout = looked(lab, workload).await;
    let preview = preview(&lab.client, workload, &rollout, order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
    assert!(preview.rehearsed, "{order:?} was not rehearsed: {:?}", preview.warnings);
    preview
}

async fn send(lab: &Lab, requests: &[Request]) -> Vec<Result<(), ChangeError>> {
    let mut answers = Vec::new();
    execute(&lab.client, requests, |_, result, _| answers.push(result.map(|_| ()))).await;
    answers
}

/// Orders, and waits until the outcome is observed.
async fn ordered(lab: &Lab, workload: &Workload, order: &Order) -> Rollout {
    let preview = drafted(lab, workload, order).await;
    for answer in send(lab, &preview.requests).await {
        answer.unwrap_or_else(|error| panic!("{order:?}: {error}"));
    }
    outcome(lab, workload, &preview).await
}

/// Waits until the outcome of an order is observed.
async fn outcome(lab: &Lab, workload: &Workload, preview: &Preview) -> Rollout {
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let rollout = looked(lab, workload).await;
        match preview.expect.judge(&rollout) {
            Judgement::Met(_) => return rollout,
            judged => assert!(tokio::time::Instant::now() < end, "{:?}: {judged:?}, {}", preview.order, rollout.native),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Asks the Service and returns how many percent of the answers are of this version.
async fn share(lab: &Lab, version: &str) -> f64 {
    // Endpoints follow the pods within a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let path = format!("/api/v1/namespaces/{}/services/web:http/proxy/version", lab.namespace);
    let mut answers: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..ASKED {
        let answer = lab.client.request_text(http::Request::get(&path).body(Vec::new()).unwrap()).await.unwrap();
        *answers.entry(answer.trim().to_owned()).or_default() += 1;
    }
    f64::from(answers.get(version).copied().unwrap_or(0)) * 100.0 / f64::from(ASKED)
}

fn near(measured: f64, wanted: f64) {
    assert!((measured - wanted).abs() < 12.0, "{measured} % of the answers, where {wanted} % are meant");
}

fn ship() -> Order {
    Order::Ship { container: None, image: "lab/web:1.1.0".into() }
}

fn stand(rollout: &Rollout) -> (Phase, Option<usize>, Vec<(String, u32)>) {
    let live = rollout.revisions.iter().filter(|revision| revision.counts.wanted > 0);
    let live = live.map(|revision| (revision.version.clone(), revision.counts.wanted)).collect();
    (rollout.phase, rollout.steps.as_ref().and_then(|steps| steps.current), live)
}

fn pods(list: &[(&str, u32)]) -> Vec<(String, u32)> {
    list.iter().map(|(version, number)| ((*version).to_owned(), *number)).collect()
}

#[tokio::test]
async fn real_users_follow_25_50_and_all() {
    let Some(lab) = Lab::open("plain-steps").await else { return };
    made(&lab, 8).await;
    let web = workload(&lab, false);
    let at = ordered(&lab, &web, &ship()).await;
    assert_eq!(stand(&at), (Phase::Waiting, Some(1), pods(&[("1.1.0", 2), ("1.0.0", 6)])));
    near(share(&lab, "1.1.0").await, 25.0);
    let at = ordered(&lab, &web, &Order::Advance).await;
    assert_eq!(stand(&at), (Phase::Waiting, Some(3), pods(&[("1.1.0", 4), ("1.0.0", 4)])));
    near(share(&lab, "1.1.0").await, 50.0);
    let done = ordered(&lab, &web, &Order::Advance).await;
    assert_eq!(stand(&done), (Phase::Done, None, pods(&[("1.1.0", 8)])));
    assert!((share(&lab, "1.1.0").await - 100.0).abs() < f64::EPSILON);
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn a_console_that_dies_at_50_is_taken_over_and_given_up_by_another() {
    let Some(lab) = Lab::open("plain-cut").await else { return };
    made(&lab, 4).await;
    let web = workload(&lab, false);
    ordered(&lab, &web, &ship()).await;
    // Noted, and the canary grown and ready: then it dies.
    let advance = drafted(&lab, &web, &Order::Advance).await;
    let sent = send(&lab, &advance.requests[..2]).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    lab.until("the canary to be ready", &lab.apps("deployments", "web-canary"), |object| object["status"]["readyReplicas"] == json!(2))
        .await;

    let left = looked(&lab, &web).await;
    assert_eq!(stand(&left), (Phase::Waiting, Some(2), pods(&[("1.1.0", 2), ("1.0.0", 3)])), "{}", left.native);
    assert!(left.native.starts_with("between two requests: web has 3 and is to have 2"), "{}", left.native);
    let on = ordered(&lab, &web, &Order::Advance).await;
    assert_eq!(stand(&on), (Phase::Waiting, Some(3), pods(&[("1.1.0", 2), ("1.0.0", 2)])));
    // The list of the dead one, should it come back, does nothing any more.
    let late = send(&lab, &advance.requests[2..]).await;
    assert!(matches!(late.as_slice(), [Err(ChangeError::Moved { .. })]), "{late:?}");

    let back = ordered(&lab, &web, &Order::Abort).await;
    assert_eq!(stand(&back), (Phase::Done, None, pods(&[("1.0.0", 4)])));
    assert!(share(&lab, "1.1.0").await.abs() < f64::EPSILON);
    let left = lab.read(&lab.apps("deployments", "web")).await;
    assert_eq!(left.pointer("/metadata/annotations/rolldeck.dev~1canary"), None);
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn two_consoles_that_promote_at_the_same_moment_move_one_step() {
    let Some(lab) = Lab::open("plain-race").await else { return };
    made(&lab, 4).await;
    let web = workload(&lab, false);
    ordered(&lab, &web, &ship()).await;
    let (one, other) = (drafted(&lab, &web, &Order::Advance).await, drafted(&lab, &web, &Order::Advance).await);
    let (first, second) = tokio::join!(send(&lab, &one.requests), send(&lab, &other.requests));
    let whole = |answers: &[Result<(), ChangeError>]| answers.iter().all(Result::is_ok);
    assert!(whole(&first) != whole(&second), "{first:?} {second:?}");
    let lost = if whole(&first) { second } else { first };
    let Err(error) = &lost[0] else { panic!("{lost:?}") };
    assert!(error.to_string().contains("its place is 50 % of 4, was 25 % of 4"), "{error}");
    let moved = outcome(&lab, &web, &one).await;
    assert_eq!(stand(&moved), (Phase::Waiting, Some(3), pods(&[("1.1.0", 2), ("1.0.0", 2)])));
    ordered(&lab, &web, &Order::Finish).await;
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn a_bad_image_stays_away_from_the_users_and_is_given_up() {
    let Some(lab) = Lab::open("plain-bad").await else { return };
    made(&lab, 2).await;
    let web = workload(&lab, false);
    let bad = drafted(&lab, &web, &Order::Ship { container: None, image: "lab/web:no-such-tag".into() }).await;
    // Without the wait for ready, which it never gets.
    let sent = send(&lab, std::slice::from_ref(&bad.requests[0])).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mut second = bad.requests[1].clone();
    second.then = None;
    let sent = send(&lab, &[second]).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    let failing = loop {
        let rollout = looked(&lab, &web).await;
        if rollout.phase == Phase::Failing {
            break rollout;
        }
        assert!(tokio::time::Instant::now() < end, "{:?} {}", rollout.phase, rollout.native);
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(stand(&failing).2, pods(&[("no-such-tag", 1), ("1.0.0", 2)]), "the stable side is whole");
    let back = ordered(&lab, &web, &Order::Abort).await;
    assert_eq!(stand(&back), (Phase::Done, None, pods(&[("1.0.0", 2)])));
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn the_weights_of_a_real_route_are_written_in_one_patch_and_go_back_first() {
    let Some(lab) = Lab::open("plain-route").await else { return };
    made(&lab, 4).await;
    let backend = |name: &str, weight: Option<u32>| match weight {
        Some(weight) => json!({"name": name, "port": 80, "weight": weight}),
        None => json!({"name": name, "port": 80}),
    };
    let route = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web"},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [backend("web-stable", None), backend("web-canary", Some(0))]}]}});
    lab.post(&routes(&lab), &route).await;
    let web = workload(&lab, true);
    let path = format!("{}/web", routes(&lab));
    let weights = async || {
        let route = lab.read(&path).await;
        [0, 1].map(|at| route.pointer(&format!("/spec/rules/0/backendRefs/{at}/weight")).and_then(Value::as_u64))
    };
    let at = ordered(&lab, &web, &ship()).await;
    assert_eq!(weights().await, [Some(75), Some(25)]);
    assert_eq!(stand(&at), (Phase::Waiting, Some(1), pods(&[("1.1.0", 1), ("1.0.0", 4)])), "the stable side stays whole");
    assert!(at.conditions.iter().any(|(_, words)| words.starts_with("no gateway has accepted")), "{:?}", at.conditions);
    ordered(&lab, &web, &Order::Advance).await;
    assert_eq!(weights().await, [Some(50), Some(50)]);
    let abort = drafted(&lab, &web, &Order::Abort).await;
    assert!(abort.requests[0].path.contains("/httproutes/web?"), "{:?}", abort.requests[0]);
    let back = ordered(&lab, &web, &Order::Abort).await;
    assert_eq!((weights().await, stand(&back)), ([Some(100), Some(0)], (Phase::Done, None, pods(&[("1.0.0", 4)]))));
    lab::close(&lab.namespace).await;
}
