//! A plain canary's lists on a server whose controllers are quick: each is cut between any two requests, and each cut is gone
//! on from and gone back from. At no moment do the users have less than they had.

use std::sync::Arc;

use kube::Client;
use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::domain::change::{ChangeError, Preview, Request};
use rolldeck::domain::plan::{Canary, Route, Target, Workload};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::step::{Share, StepKind};
use rolldeck::domain::verb::Order;
use serde_json::{Value, json};

use super::fake::{Asked, Do, Fake};
use super::objects::set;
use crate::{belief, seen};

const WEB: &str = "/apis/apps/v1/namespaces/n/deployments/web";
const CANARY: &str = "/apis/apps/v1/namespaces/n/deployments/web-canary";
const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/n/httproutes/web";
const TOTAL: u64 = 8;

/// Two Deployments and, if asked for, a route, on a server that does as it is told.
struct World {
    fake: Fake,
    client: Client,
    workload: Workload,
}

impl World {
    fn new(routed: bool) -> Self {
        let route = routed.then(|| Route { name: "web".into(), stable_service: "web".into(), canary_service: "web-canary".into() });
        let steps = vec![
            StepKind::Weight(Share::percent(25)),
            StepKind::Pause(None),
            StepKind::Weight(Share::percent(50)),
            StepKind::Pause(Some(jiff::SignedDuration::from_mins(10))),
        ];
        let target = Target::Canary(Canary { stable: "web".into(), canary: "web-canary".into(), route, steps });
        let deployment = |name: &str, replicas: u64| {
            settled(json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}"), "generation": 1, "annotations": {"deployment.kubernetes.io/revision": "1"}},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                    "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": "lab/web:1.0.0"}]}}}}))
        };
        let backend = |name: &str, weight: u64| json!({"name": name, "port": 80, "weight": weight});
        let route = json!({"metadata": {"name": "web", "namespace": "n", "uid": "uid-route", "generation": 1},
            "spec": {"rules": [{"backendRefs": [backend("web", 1), backend("web-canary", 0)]}]}});
        let fake = Fake::with(&[(WEB, deployment("web", TOTAL)), (CANARY, deployment("web-canary", 0)), (ROUTE, route)]);
        let client = obedient(&fake);
        Self { fake, client, workload: belief::workload("n", target) }
    }

    /// A world of its own that is as this one is now.
    fn copy(&self) -> Self {
        let fake = Fake::default();
        *fake.objects.lock().unwrap() = self.fake.objects.lock().unwrap().clone();
        Self { client: obedient(&fake), fake, workload: self.workload.clone() }
    }

    fn get(&self, path: &str) -> Value {
        self.fake.objects.lock().unwrap()[path].clone()
    }

    fn seen(&self) -> Rollout {
        let deployments = [self.get(WEB), self.get(CANARY)];
        let sets: Vec<Value> = deployments.iter().map(set_of).collect();
        seen::rollout(&self.workload, [&deployments, &sets, &[], &[self.get(ROUTE)]])
    }

    async fn preview(&self, order: &Order) -> Result<Preview, ChangeError> {
        preview(&self.client, &self.workload, &self.seen(), order).await
    }

    async fn send(&self, requests: &[Request]) -> Vec<Result<(), ChangeError>> {
        let mut answers = Vec::new();
        execute(&self.client, requests, |_, result, _| answers.push(result.map(|_| ()))).await;
        answers
    }

    async fn order(&self, order: &Order) -> Preview {
        let preview = self.preview(order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        for answer in self.send(&preview.requests).await {
            answer.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        }
        preview
    }

    fn replicas(&self, path: &str) -> u64 {
        self.get(path)["spec"]["replicas"].as_u64().unwrap()
    }

    fn image(&self, path: &str) -> String {
        self.get(path).pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap().to_owned()
    }

    fn weights(&self) -> (u64, u64) {
        let route = self.get(ROUTE);
        let weight = |at: usize| route.pointer(&format!("/spec/rules/0/backendRefs/{at}/weight")).unwrap().as_u64().unwrap();
        (weight(0), weight(1))
    }

    fn noted(&self) -> Option<String> {
        self.get(WEB).pointer("/metadata/annotations/rolldeck.dev~1canary").map(|text| text.as_str().unwrap().to_owned())
    }

    /// `8 web:1.0.0, 0, 100/0`, and whether a place is noted.
    fn state(&self, routed: bool) -> (String, bool) {
        let (stable, canary) = self.weights();
        let weights = if routed && stable + canary > 1 { format!(", {stable}/{canary}") } else { String::new() };
        (format!("{} {}, {}{weights}", self.replicas(WEB), &self.image(WEB)[4..], self.replicas(CANARY)), self.noted().is_some())
    }

    /// What the users must have at every moment.
    fn served(&self, routed: bool, what: &str) {
        let (stable, canary) = (self.replicas(WEB), self.replicas(CANARY));
        if routed {
            let (to_stable, to_canary) = self.weights();
            assert!(to_stable + to_canary > 0, "{what}: weights of nothing");
            let least = |weight: u64| (TOTAL * weight).div_ceil(to_stable + to_canary);
            assert!(stable >= least(to_stable) && canary >= least(to_canary), "{what}: {stable}+{canary} for {to_stable}/{to_canary}");
        } else {
            assert!(stable + canary >= TOTAL, "{what}: {stable}+{canary} of {TOTAL}");
        }
    }
}

fn settled(mut object: Value) -> Value {
    if object["kind"] == "Deployment" {
        let (replicas, generation) = (object["spec"]["replicas"].clone(), object["metadata"]["generation"].clone());
        object["status"] = json!({"observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas});
    }
    object
}

fn set_of(deployment: &Value) -> Value {
    let name = deployment["metadata"]["name"].as_str().unwrap();
    json!({"metadata": {"name": format!("{name}-a"), "uid": format!("{name}-a"), "annotations": {"deployment.kubernetes.io/revision": "1"},
        "ownerReferences": [{"kind": "Deployment", "name": name, "uid": deployment["metadata"]["uid"], "controller": true}]},
        "spec": {"replicas": deployment["spec"]["replicas"], "template": deployment["spec"]["template"]},
        "status": {"replicas": deployment["spec"]["replicas"], "readyReplicas": deployment["spec"]["replicas"], "availableReplicas": deployment["spec"]["replicas"]}})
}

/// Plays JSON patches as the API server does: all of one or nothing, and nothing of a rehearsal.
fn obedient(fake: &Fake) -> Client {
    let objects = Arc::clone(&fake.objects);
    fake.client(move |asked: &Asked| {
        let path = asked.path.split('?').next().unwrap();
        let (path, scale) = path.strip_suffix("/scale").map_or((path, false), |path| (path, true));
        let mut objects = objects.lock().unwrap();
        let Some(before) = objects.get(path) else { return Do::status(404, "not found") };
        match patched(before.clone(), asked.body.as_array().unwrap()) {
            Err(op) => Do::status(422, &format!("the server rejected our request: {op}")),
            Ok(after) => {
                let mut after = after;
                let generation = after["metadata"]["generation"].as_u64().unwrap() + 1;
                after["metadata"]["generation"] = json!(generation);
                let after = settled(after);
                if !asked.dry() {
                    objects.insert(path.to_owned(), after.clone());
                }
                Do::Answer(200, if scale { json!({"spec": after["spec"]}) } else { after })
            }
        }
    })
}

fn patched(mut object: Value, ops: &[Value]) -> Result<Value, String> {
    for op in ops {
        let path = op["path"].as_str().unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let now = object.pointer(path).cloned();
        let Some(slot) = object.pointer_mut(parent) else { return Err(op.to_string()) };
        match (op["op"].as_str().unwrap(), &now) {
            ("test", now) if now.as_ref().unwrap_or(&Value::Null) == &op["value"] => {}
            ("add", _) | ("replace", Some(_)) => slot[key.as_str()] = op["value"].clone(),
            ("remove", Some(_)) => drop(slot.as_object_mut().unwrap().remove(&key)),
            _ => return Err(op.to_string()),
        }
    }
    Ok(object)
}

fn ship() -> Order {
    Order::Ship { container: None, image: "lab/web:1.1.0".into() }
}

fn phase(world: &World) -> (Phase, Option<usize>) {
    let rollout = world.seen();
    (rollout.phase, rollout.steps.and_then(|steps| steps.current))
}

#[tokio::test(start_paused = true)]
async fn a_canary_goes_by_its_steps_to_the_end() {
    for (routed, states) in [
        (false, ["6 web:1.0.0, 2", "4 web:1.0.0, 4", "8 web:1.1.0, 0"]),
        (true, ["8 web:1.0.0, 2, 75/25", "8 web:1.0.0, 4, 50/50", "8 web:1.1.0, 0, 100/0"]),
    ] {
        let world = World::new(routed);
        for (order, state, stand) in [
            (ship(), (states[0], true), (Phase::Waiting, Some(1))),
            (Order::Advance, (states[1], true), (Phase::Waiting, Some(3))),
            (Order::Advance, (states[2], false), (Phase::Done, None)),
        ] {
            let preview = world.order(&order).await;
            assert!(preview.rehearsed, "{order:?}");
            assert_eq!(world.state(routed), (state.0.to_owned(), state.1), "{order:?}");
            assert_eq!(phase(&world), stand, "{order:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_cut_between_any_two_requests_is_gone_on_from_and_gone_back_from() {
    let mut cuts = 0;
    for routed in [false, true] {
        let back = (if routed { "8 web:1.0.0, 0, 100/0" } else { "8 web:1.0.0, 0" }).to_owned();
        let world = World::new(routed);
        for order in [ship(), Order::Advance, Order::Finish] {
            let requests = world.preview(&order).await.unwrap().requests;
            let whole = world.copy();
            whole.order(&order).await;
            for cut in 0..requests.len() {
                let what = format!("{order:?}, routed {routed}, cut after {cut} of {}", requests.len());
                let left = world.copy();
                for request in &requests[..cut] {
                    left.send(std::slice::from_ref(request)).await.pop().unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
                    left.served(routed, &what);
                }
                let rollout = left.seen();
                assert!(cut == 0 || rollout.phase == Phase::Waiting, "{what}: {:?} {}", rollout.phase, rollout.native);
                assert!(cut == 0 || rollout.native.contains("between two requests"), "{what}: {}", rollout.native);

                // Another console goes on, request by request.
                let on = left.copy();
                let again = match (&order, on.noted()) {
                    (Order::Ship { .. }, Some(_)) => Order::Advance,
                    _ => order.clone(),
                };
                for request in on.preview(&again).await.unwrap_or_else(|error| panic!("{what}: {error}")).requests {
                    on.send(&[request]).await.pop().unwrap().unwrap_or_else(|error| panic!("{what}, going on: {error}"));
                    on.served(routed, &format!("{what}, going on"));
                }
                assert_eq!(on.state(routed), whole.state(routed), "{what}, gone on");
                assert_eq!(phase(&on), phase(&whole), "{what}, gone on");
                // Or goes back, and is cut as well.
                if left.noted().is_none() {
                    continue;
                }
                let aborting = left.preview(&Order::Abort).await.unwrap_or_else(|error| panic!("{what}: {error}")).requests;
                for second in 0..=aborting.len() {
                    cuts += 1;
                    let what = format!("{what}, abort cut after {second} of {}", aborting.len());
                    let world = left.copy();
                    for request in &aborting[..second] {
                        world.send(std::slice::from_ref(request)).await.pop().unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
                        world.served(routed, &what);
                    }
                    if second < aborting.len() {
                        for request in world.preview(&Order::Abort).await.unwrap_or_else(|error| panic!("{what}: {error}")).requests {
                            world.send(&[request]).await.pop().unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
                            world.served(routed, &what);
                        }
                    }
                    let state = world.state(routed).0.replace(", 1/0", "");
                    assert!(state == back || (routed && back.starts_with(&state)), "{what}: {state}");
                    assert_eq!((world.noted(), phase(&world).0), (None, Phase::Done), "{what}");
                }
            }
            world.order(&order).await;
        }
    }
    assert!(cuts > 40, "only {cuts} cuts");
}

#[tokio::test(start_paused = true)]
async fn two_consoles_that_promote_at_once_move_one_step_and_the_other_is_told_where() {
    let world = World::new(false);
    world.order(&ship()).await;
    let (one, other) = (world.preview(&Order::Advance).await.unwrap(), world.preview(&Order::Advance).await.unwrap());
    assert!(world.send(&one.requests).await.iter().all(Result::is_ok));
    let refused = world.send(&other.requests).await;
    assert_eq!(refused.len(), 1, "nothing after the first: {refused:?}");
    let error = refused[0].as_ref().unwrap_err().to_string();
    assert!(error.starts_with("it moved under you: its place is 50 % of 8, was 25 % of 8"), "{error}");
    assert_eq!(world.state(false), ("4 web:1.0.0, 4".into(), true));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_an_abort_or_a_hold_overtakes_takes_no_stable_pod_away() {
    for (by, stable) in [(Order::Abort, "8 web:1.0.0, 0"), (Order::Hold, "6 web:1.0.0, 4")] {
        let world = World::new(false);
        world.order(&ship()).await;
        let advance = world.preview(&Order::Advance).await.unwrap().requests;
        assert!(world.send(&advance[..2]).await.iter().all(Result::is_ok), "the canary has grown");
        world.order(&by).await;
        let rest = world.send(&advance[2..]).await;
        assert!(matches!(rest.as_slice(), [Err(ChangeError::Moved { .. })]), "{by:?}: {rest:?}");
        assert_eq!(world.state(false).0, stable, "{by:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_a_word_to_every_console_and_a_resume_takes_it_back() {
    let world = World::new(false);
    world.order(&ship()).await;
    world.order(&Order::Hold).await;
    assert!(world.seen().held.is_some());
    for order in [Order::Advance, Order::Finish] {
        assert_eq!(world.preview(&order).await.unwrap_err().to_string(), "it is held: resume first");
    }
    assert_eq!(world.preview(&Order::Hold).await.unwrap_err().to_string(), "it is held already");
    world.order(&Order::Resume).await;
    world.order(&Order::Hold).await;
    world.order(&Order::Abort).await;
    assert_eq!(world.state(false), ("8 web:1.0.0, 0".into(), false), "the way back is not held");
}

#[tokio::test(start_paused = true)]
async fn another_number_in_all_keeps_the_share() {
    let world = World::new(false);
    world.order(&ship()).await;
    world.order(&Order::Scale { track: None, replicas: 16 }).await;
    assert_eq!(world.state(false), ("12 web:1.0.0, 4".into(), true));
    world.order(&Order::Scale { track: None, replicas: 4 }).await;
    assert_eq!((world.state(false), phase(&world)), (("3 web:1.0.0, 1".into(), true), (Phase::Waiting, Some(1))));
    world.order(&Order::Abort).await;
    assert_eq!(world.state(false), ("4 web:1.0.0, 0".into(), false));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_with_the_reason() {
    let image = "/spec/template/spec/containers/0/image";
    let refused = async |world: &World, order: Order| world.preview(&order).await.unwrap_err().to_string();
    let idle = World::new(false);
    assert_eq!(refused(&idle, Order::Advance).await, "nothing is under way");
    assert_eq!(refused(&idle, Order::Abort).await, "nothing is under way");
    assert_eq!(
        refused(&idle, Order::Ship { container: None, image: "lab/web:1.0.0".into() }).await,
        "Deployment n/web has lab/web:1.0.0 already"
    );
    set(&idle.fake, WEB, "/spec/paused", json!(true));
    assert_eq!(refused(&idle, ship()).await, "web is held by another tool: kubectl rollout resume deployment web");

    let under_way = World::new(false);
    under_way.order(&ship()).await;
    assert_eq!(refused(&under_way, ship()).await, "a canary is under way: promote it fully or abort it first");
    set(&under_way.fake, CANARY, "/status/availableReplicas", json!(1));
    assert_eq!(refused(&under_way, Order::Advance).await, "web-canary is not ready: 1 of 2");
    assert_eq!(refused(&under_way, Order::Finish).await, "web-canary is not ready: 1 of 2");

    // A canary of another version that nobody noted is taken away without a note.
    let stray = World::new(false);
    set(&stray.fake, CANARY, image, json!("lab/web:1.1.0"));
    set(&stray.fake, CANARY, "/spec/replicas", json!(1));
    stray.fake.objects.lock().unwrap().entry(CANARY.into()).and_modify(|object| *object = settled(object.clone()));
    assert_eq!(refused(&stray, ship()).await, "a canary is under way: promote it fully or abort it first");
    stray.order(&Order::Abort).await;
    assert_eq!(stray.state(false), ("8 web:1.0.0, 0".into(), false));

    let spoilt = World::new(false);
    spoilt.order(&ship()).await;
    let mut objects = spoilt.fake.objects.lock().unwrap().clone();
    objects.get_mut(WEB).unwrap()["metadata"]["annotations"]["rolldeck.dev/canary"] = json!("{}");
    *spoilt.fake.objects.lock().unwrap() = objects;
    assert!(refused(&spoilt, Order::Advance).await.starts_with("the annotation rolldeck.dev/canary cannot be read: missing field"));
    spoilt.order(&Order::Abort).await;
    assert_eq!(spoilt.state(false), ("8 web:1.0.0, 0".into(), false), "a note that cannot be read does not lock the way back");
}

#[tokio::test(start_paused = true)]
async fn the_bodies_of_a_ship_are_guarded_by_what_was_read_and_noted() {
    let world = World::new(false);
    let preview = world.preview(&ship()).await.unwrap();
    let bodies: Vec<Value> = preview.requests.iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect();
    let place = bodies[0].as_array().unwrap().last().unwrap()["value"].clone();
    let test = |path: &str, value: Value| json!({"op": "test", "path": path, "value": value});
    let (pointer, container) = ("/metadata/annotations/rolldeck.dev~1canary", "/spec/template/spec/containers/0");
    assert_eq!(
        bodies[0],
        json!([
            test("/metadata/uid", json!("uid-web")),
            test(pointer, Value::Null),
            test(&format!("{container}/name"), json!("web")),
            test(&format!("{container}/image"), json!("lab/web:1.0.0")),
            {"op": "add", "path": pointer, "value": place},
        ])
    );
    assert_eq!(
        bodies[1],
        json!([
            test("/metadata/uid", json!("uid-web-canary")),
            test("/spec/replicas", json!(0)),
            test(&format!("{container}/name"), json!("web")),
            test(&format!("{container}/image"), json!("lab/web:1.0.0")),
            {"op": "replace", "path": format!("{container}/image"), "value": "lab/web:1.1.0"},
            {"op": "add", "path": "/spec/replicas", "value": 2},
            {"op": "add", "path": "/metadata/annotations/kubernetes.io~1change-cause", "value": "rolldeck: ship web=lab/web:1.1.0"},
        ])
    );
    assert_eq!(
        bodies[2],
        json!([
            test("/metadata/uid", json!("uid-web")),
            test(pointer, place),
            test("/spec/replicas", json!(8)),
            {"op": "add", "path": "/spec/replicas", "value": 6},
        ])
    );
    assert_eq!((preview.from.as_deref(), preview.to.as_deref()), (Some("#1 1.0.0"), Some("1.1.0")));
}
