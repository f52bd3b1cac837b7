//! The verbs of a Flagger canary, drafted on the objects of a recording as they stood at a note.

use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::domain::change::{Answer, ChangeError, Preview, Wait};
use rolldeck::domain::plan::{Target, Workload};
use rolldeck::domain::rollout::Rollout;
use rolldeck::domain::verb::{Order, Refusal};
use serde_json::{Value, json};

use super::fake::{Do, Fake};
use crate::kubernetes::walk;

/// What the server has, what the screen shows, at the first note that begins so.
struct Scene {
    fake: Fake,
    workload: Workload,
    rollout: Rollout,
}

fn path(object: &Value) -> Option<String> {
    let name = object.pointer("/metadata/name")?.as_str()?;
    let root = match object["kind"].as_str()? {
        "Canary" => "/apis/flagger.app/v1beta1/namespaces/recorded/canaries",
        "Deployment" => "/apis/apps/v1/namespaces/recorded/deployments",
        "ReplicaSet" => "/apis/apps/v1/namespaces/recorded/replicasets",
        _ => return None,
    };
    Some(format!("{root}/{name}"))
}

fn scene(recording: &str, canary: &str, note: &str) -> Scene {
    let fake = Fake::default();
    for line in walk::lines(recording) {
        if line["note"].as_str().is_some_and(|text| text.starts_with(note)) {
            break;
        }
        if let Some(path) = path(&line["object"]) {
            fake.put(&path, line["object"].clone());
        }
    }
    let target = Target::Flagger { name: canary.into() };
    let moments = walk::walk(recording, target.clone());
    Scene { fake, workload: walk::workload(target), rollout: walk::at(&moments, note).clone() }
}

impl Scene {
    fn canary(&self) -> String {
        let Target::Flagger { name } = &self.workload.target else { unreachable!() };
        format!("/apis/flagger.app/v1beta1/namespaces/recorded/canaries/{name}")
    }

    /// Changes the Canary on the server.
    fn set(&self, pointer: &str, value: Value) {
        super::objects::set(&self.fake, &self.canary(), pointer, value);
    }

    /// Adds a webhook to the Canary, whose gate is a Service that is there.
    fn hook(&self, kind: &str) {
        self.set("/spec/analysis/webhooks", json!([{"name": kind, "type": kind, "url": format!("http://gates.test/{}/check", if kind == "rollback" { "rollback" } else { "gate" })}]));
        self.fake.put("/api/v1/namespaces/test/services/gates", json!({}));
    }

    async fn look(&self, order: &Order) -> Result<Preview, ChangeError> {
        preview(&self.fake.accepting(), &self.workload, &self.rollout, order).await
    }

    async fn ordered(&self, order: Order) -> Preview {
        let preview = self.look(&order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        assert_eq!(self.fake.written(), [], "a preview writes nothing, and opens no gate");
        preview
    }

    async fn refused(&self, order: Order) -> String {
        self.look(&order).await.unwrap_err().to_string()
    }
}

/// `PATCH canaries/f-gates: suspend the canary` for each request.
fn sent(preview: &Preview) -> Vec<String> {
    let short = |path: &str| {
        path.split("/namespaces/").nth(1).and_then(|rest| rest.split_once('/')).map_or(String::new(), |(_, path)| path.to_owned())
    };
    preview.requests.iter().map(|request| format!("{} {}: {}", request.method, short(&request.path), request.purpose)).collect()
}

fn body(preview: &Preview, index: usize) -> Value {
    serde_json::from_str(&preview.requests[index].body).unwrap()
}

fn uid(scene: &Scene) -> Value {
    scene.fake.objects.lock().unwrap()[&scene.canary()]["metadata"]["uid"].clone()
}

fn test(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "test", "path": path, "value": value.into()})
}

#[tokio::test]
async fn hold_tests_the_uid_alone_and_resume_the_whole_wish() {
    let scene_ = scene("flagger-suspend", "f-hold", "status of f-hold: Progressing");
    let hold = scene_.ordered(Order::Hold).await;
    assert_eq!(body(&hold, 0), json!([test("/metadata/uid", uid(&scene_)), {"op": "add", "path": "/spec/suspend", "value": true}]));
    assert!(hold.leads_to.contains(&"Flagger skips its beats: 20 % of the users stay on the candidate".to_owned()), "{:?}", hold.leads_to);
    assert_eq!(scene_.refused(Order::Resume).await, "it is not held");
    let held = scene("flagger-suspend", "f-hold", "answer: canary.flagger.app/f-hold patched");
    let resume = held.ordered(Order::Resume).await;
    assert_eq!(
        body(&resume, 0),
        json!([
            test("/metadata/uid", uid(&held)),
            test("/metadata/generation", 2),
            test("/spec/suspend", true),
            {"op": "replace", "path": "/spec/suspend", "value": false},
        ])
    );
    assert_eq!(held.refused(Order::Hold).await, "it is held already");
}

#[tokio::test]
async fn ship_sets_the_targets_image_and_says_when_flagger_will_see_it() {
    let scene_ = scene("flagger-gates", "f-gates", "status of f-gates: Initialized");
    let order = || Order::Ship { container: None, image: "lab/web:1.1.0".into() };
    let ship = scene_.ordered(order()).await;
    assert_eq!(sent(&ship), ["PATCH deployments/f-gates?fieldManager=rolldeck: set the image of web to lab/web:1.1.0"]);
    assert!(!body(&ship, 0).to_string().contains("/metadata/generation"), "Flagger moves it by scaling");
    assert_eq!(ship.leads_to[1], "It goes confirm-rollout, start, 20 %, 40 %, 60 %, confirm-promotion, promotion, finalising");
    scene_.set("/spec/skipAnalysis", json!(true));
    let ship = scene_.ordered(order()).await;
    assert!(ship.warnings.contains(&"spec.skipAnalysis is true: it goes to everyone without analysis".to_owned()), "{:?}", ship.warnings);
    // What the users had is no new revision to Flagger.
    let during = scene("flagger-suspend", "f-hold", "status of f-hold: Progressing");
    let back = during.ordered(Order::Ship { container: None, image: "lab/web:1.0.0".into() }).await;
    assert!(back.warnings.iter().any(|warning| warning.contains("goes on shifting to it")), "{:?}", back.warnings);
}

#[tokio::test]
async fn promote_fully_takes_the_skipping_back_in_the_same_order() {
    let scene_ = scene("flagger-skip", "f-skip", "status of f-skip: Progressing");
    let finish = scene_.ordered(Order::Finish).await;
    assert_eq!(finish.requests[0].then, Some(Wait::Ended));
    assert_eq!(
        [body(&finish, 0), body(&finish, 1)],
        [
            json!([
                test("/metadata/uid", uid(&scene_)),
                test("/metadata/generation", 1),
                test("/status/phase", "Progressing"),
                test("/status/lastAppliedSpec", "79b7f89849"),
                {"op": "add", "path": "/spec/skipAnalysis", "value": true},
            ]),
            json!([test("/metadata/uid", uid(&scene_)), {"op": "add", "path": "/spec/skipAnalysis", "value": false}]),
        ]
    );
    assert_eq!(finish.leads_to[1], "Skips 10 %, 15 %, 20 %, 25 %, 30 %, 35 %, 40 %, 45 %, 50 %, 55 %, 60 %");
    let waiting = scene("flagger-gates", "f-gates", "status of f-gates: Waiting");
    assert_eq!(waiting.refused(Order::Finish).await, "Flagger asks the gate confirm-rollout before it skips anything: open it first");
    // Left over, it is taken back by itself.
    let left = scene("flagger-skip", "f-skip", "status of f-skip: Succeeded");
    let back = left.ordered(Order::Resume).await;
    assert_eq!(body(&back, 0)[3], json!({"op": "replace", "path": "/spec/skipAnalysis", "value": false}));
}

#[tokio::test]
async fn abort_suspends_before_it_reverts_and_says_that_no_traffic_comes_back_by_itself() {
    let scene_ = scene("flagger-suspend", "f-hold", "status of f-hold: Progressing");
    let abort = scene_.ordered(Order::Abort).await;
    assert_eq!(
        sent(&abort),
        [
            "PATCH canaries/f-hold?fieldManager=rolldeck: suspend the canary",
            "PATCH deployments/f-hold?fieldManager=rolldeck: bring the template of #1 1.0.0 back",
        ]
    );
    let told = abort.leads_to.join("; ");
    assert!(told.contains("The route goes on sending 20 % of the users to the target"), "{told}");
    assert!(abort.warnings.iter().any(|warning| warning.contains("It stays suspended")), "{:?}", abort.warnings);
    assert_eq!((abort.from.as_deref(), abort.to.as_deref()), (Some("#2 1.1.0"), Some("#1 1.0.0")));
    let promoting = scene("flagger-gates", "f-gates", "status of f-gates: Promoting");
    assert!(promoting.refused(Order::Abort).await.contains("the primary has it already"));
    // Before Flagger has looked nothing is to be suspended.
    let seen = scene("flagger-gates", "f-gates", "set image of deployment f-gates");
    assert_eq!(sent(&seen.ordered(Order::Abort).await).len(), 1);
}

#[tokio::test]
async fn abort_takes_the_rollback_gate_where_there_is_one_and_closes_it_behind() {
    let scene_ = scene("flagger-suspend", "f-hold", "status of f-hold: Progressing");
    scene_.hook("rollback");
    let abort = scene_.ordered(Order::Abort).await;
    assert_eq!(
        sent(&abort),
        [
            "POST services/gates:80/proxy/rollback/open: open the rollback gate",
            "POST services/gates:80/proxy/rollback/close: close the rollback gate again",
        ]
    );
    assert_eq!(body(&abort, 0), json!({"name": "f-hold", "namespace": "recorded"}));
    assert_eq!((abort.requests[0].then, abort.rehearsed), (Some(Wait::Ended), false));
    scene_.set("/spec/suspend", json!(true));
    let held = scene_.ordered(Order::Abort).await;
    assert_eq!(sent(&held)[1], "PATCH canaries/f-hold?fieldManager=rolldeck: release the hold");
    assert_eq!(held.requests.iter().map(|request| request.then).collect::<Vec<_>>(), [None, Some(Wait::Ended), None]);
    // Flagger asks no gate while the candidate's pods are not ready.
    let early = scene("flagger-fail", "f-fail", "status of f-fail: Progressing");
    early.hook("rollback");
    let abort = early.ordered(Order::Abort).await;
    assert!(abort.warnings.iter().any(|warning| warning.contains("only once the candidate's pods are ready")), "{:?}", abort.warnings);
    assert!(sent(&abort)[0].starts_with("PATCH canaries/f-fail"));
}

#[tokio::test]
async fn a_gate_is_opened_once_flagger_still_stands_at_it_and_closed_behind_it() {
    let scene_ = scene("flagger-gates", "f-gates", "status of f-gates: WaitingPromotion");
    let refusal = scene_.refused(Order::Advance).await;
    assert_eq!(
        refusal,
        "the gate confirm-promotion is at http://127.0.0.1:18085/gate/check, which is no Service of the cluster: open it there"
    );
    scene_.hook("confirm-promotion");
    let pass = scene_.ordered(Order::Advance).await;
    assert_eq!(
        sent(&pass),
        [
            "PATCH canaries/f-gates?fieldManager=rolldeck: make sure that f-gates still waits at confirm-promotion",
            "POST services/gates:80/proxy/gate/open: open the gate confirm-promotion",
            "POST services/gates:80/proxy/gate/close: close the gate confirm-promotion behind it",
        ]
    );
    assert_eq!(body(&pass, 0)[2], test("/status/phase", "WaitingPromotion"));
    // Flagger passes it while the first request is answered.
    let canary = scene_.canary();
    let fake = scene_.fake.clone();
    let client = scene_.fake.client(move |asked| {
        if asked.path.ends_with("/gate/open") {
            super::objects::set(&fake, &canary, "/status/phase", json!("Promoting"));
        }
        Do::Answer(if asked.method == "POST" { 202 } else { 200 }, json!({}))
    });
    let mut answers: Vec<Result<Answer, ChangeError>> = Vec::new();
    execute(&client, &pass.requests, |_, answer, _| answers.push(answer)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    let asked: Vec<String> = scene_.fake.written().into_iter().map(|asked| asked.path).collect();
    assert!(asked[2].ends_with("/gate/close"), "{asked:?}");
    scene_.fake.objects.lock().unwrap().remove("/api/v1/namespaces/test/services/gates");
    scene_.set("/status/phase", json!("WaitingPromotion"));
    assert!(scene_.refused(Order::Advance).await.ends_with("and there is no Service gates in test"));
}

#[tokio::test]
async fn retry_and_roll_back_begin_an_analysis() {
    let failed = scene("flagger-fail", "f-fail", "status of f-fail: Failed");
    let retry = failed.ordered(Order::Retry).await;
    assert!(body(&retry, 0).to_string().contains("restartedAt"));
    assert!(retry.leads_to[1].starts_with("Flagger begins the analysis at its next beat"), "{:?}", retry.leads_to);
    let done = scene("flagger-gates", "f-gates", "status of f-gates: Succeeded");
    let to = rolldeck::domain::wayback::proposed(&done.rollout).unwrap().id.clone();
    let back = done.ordered(Order::RollBack { to }).await;
    assert_eq!(sent(&back), ["PATCH deployments/f-gates?fieldManager=rolldeck: bring the template of #1 1.0.0 back"]);
    assert!(matches!(done.look(&Order::Retry).await, Err(ChangeError::Refused(Refusal::NothingUnderWay))));
}
