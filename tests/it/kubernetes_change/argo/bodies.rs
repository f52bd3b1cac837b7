//! The exact requests of every verb on a Rollout, in their order, and what the dialog says of them.

use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::domain::change::{ChangeError, Expect, Preview, Sign, Wait};
use rolldeck::domain::rollout::Autoscaler;
use rolldeck::domain::verb::Order;
use serde_json::{Value, json};

use super::server::{RUNS, SETS, Server, WEB, bluegreen, canary, held, paused};
use crate::belief;

async fn ordered(server: &Server, order: Order) -> Preview {
    let client = server.client();
    let rollout = belief::rollout(&client, &server.web).await;
    let preview = preview(&client, &server.web, &rollout, &order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
    assert_eq!(server.fake.written(), [], "a preview writes nothing");
    preview
}

/// `/status` or nothing, with the body, of each request.
fn requests(preview: &Preview) -> Vec<(String, Value)> {
    let sub = |path: &str| path.split('?').next().unwrap().trim_start_matches(WEB).to_owned();
    preview.requests.iter().map(|request| (sub(&request.path), serde_json::from_str(&request.body).unwrap())).collect()
}

fn test(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "test", "path": path, "value": value.into()})
}

fn add(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "add", "path": path, "value": value.into()})
}

fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": path, "value": value.into()})
}

fn uid() -> Value {
    test("/metadata/uid", "uid-web")
}

fn hash() -> Value {
    test("/status/currentPodHash", "b")
}

fn index(index: usize) -> Value {
    test("/status/currentStepIndex", index)
}

fn leave() -> Value {
    json!({"op": "remove", "path": "/status/pauseConditions"})
}

fn status(body: Value) -> (String, Value) {
    ("/status".into(), body)
}

fn main(body: Value) -> (String, Value) {
    (String::new(), body)
}

fn said(lines: &[String], words: &str) -> bool {
    lines.iter().any(|line| line.contains(words))
}

#[tokio::test]
async fn promote_leaves_exactly_the_pause_that_it_stands_at() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    let preview = ordered(&server, Order::Advance).await;
    assert_eq!(requests(&preview), [status(json!([uid(), hash(), index(1), leave()]))]);
    assert_eq!(preview.expect, Expect::PastStep(1));
    assert!(said(&preview.leads_to, "Goes on to step 3 of 6, the analysis errors"), "{:?}", preview.leads_to);
    let lines: Vec<_> = preview.diff.iter().filter(|line| line.sign != Sign::Object).map(|line| line.text.as_str()).collect();
    assert!(lines.contains(&"status.pauseConditions 0.reason  CanaryPauseStep"), "{lines:?}");
    assert!(preview.rehearsed);

    // The same request again finds no pause: the second of two moves nothing.
    let mut answers = Vec::new();
    for _ in 0..2 {
        execute(&server.client(), &preview.requests, |_, result, _| answers.push(result)).await;
    }
    assert!(answers[0].is_ok(), "{answers:?}");
    assert!(matches!(&answers[1], Err(ChangeError::Moved { what, .. }) if what == &["its pause was left already"]), "{answers:?}");
}

#[tokio::test]
async fn promote_skips_a_step_that_measures_and_says_so() {
    for (at, words, next) in [
        (2, "Skips 1 analysis: it is stopped", "Goes on to step 4 of 6, 5m"),
        (4, "Skips 1 experiment: it is stopped", "Goes on to step 6 of 6, 75 % of the users"),
    ] {
        let server = Server::with(canary(at, json!({})));
        let preview = ordered(&server, Order::Advance).await;
        let no_pause = test("/status/pauseConditions", Value::Null);
        let skip = replace("/status/currentStepIndex", at + 1);
        let body = json!([uid(), hash(), index(at), test("/status/abort", Value::Null), no_pause, skip]);
        assert_eq!(requests(&preview), [status(body)]);
        assert!(said(&preview.warnings, words) && said(&preview.leads_to, next), "{preview:?}");
    }
}

#[tokio::test]
async fn promote_leaves_a_step_that_could_not_decide_with_its_index() {
    let mut state = paused("InconclusiveAnalysisRun");
    state["canary"] = json!({"currentStepAnalysisRunStatus": {"name": "run", "status": "Inconclusive"}});
    state["abort"] = json!(false);
    let server = Server::with(canary(2, state));
    let preview = ordered(&server, Order::Advance).await;
    let write = [leave(), add("/status/controllerPause", false), replace("/status/currentStepIndex", 3)];
    let [pause, controller, step] = write;
    assert_eq!(requests(&preview), [status(json!([uid(), hash(), index(2), test("/status/abort", false), pause, controller, step]))]);
    assert!(said(&preview.warnings, "inconclusive"), "{:?}", preview.warnings);
}

#[tokio::test]
async fn promote_from_a_hold_releases_it_first_and_waits_until_that_is_seen() {
    let server = Server::with(held(canary(1, paused("CanaryPauseStep"))));
    let preview = ordered(&server, Order::Advance).await;
    let release = json!([uid(), hash(), index(1), test("/spec/paused", true), replace("/spec/paused", false)]);
    assert_eq!(requests(&preview), [main(release), status(json!([uid(), hash(), index(1), leave()]))]);
    assert_eq!(preview.requests.iter().map(|request| request.then).collect::<Vec<_>>(), [Some(Wait::Observed), None]);
}

#[tokio::test]
async fn a_timed_pause_that_is_over_ends_with_the_hold_alone() {
    let over = Server::with(held(canary(3, paused("CanaryPauseStep"))));
    let preview = ordered(&over, Order::Advance).await;
    assert_eq!(preview.requests.len(), 1, "{:?}", preview.requests);
    assert!(said(&preview.leads_to, "The pause is over"), "{:?}", preview.leads_to);
}

#[tokio::test]
async fn a_blue_green_promote_tests_the_pause_as_no_index_counts_its_steps() {
    let server = Server::with(bluegreen(paused("BlueGreenPause")));
    let preview = ordered(&server, Order::Advance).await;
    let reason = test("/status/pauseConditions/0/reason", "BlueGreenPause");
    assert_eq!(requests(&preview), [status(json!([uid(), hash(), reason, leave()]))]);
    assert_eq!(preview.expect, Expect::PauseLeft);
    assert!(said(&preview.leads_to, "switched to #3 1.1.0: all users at once"), "{:?}", preview.leads_to);
}

#[tokio::test]
async fn promote_fully_says_what_it_skips_and_never_revives_an_abort() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    let preview = ordered(&server, Order::Finish).await;
    let stable = test("/status/stableRS", "a");
    let body = json!([uid(), hash(), stable, test("/status/abort", Value::Null), add("/status/promoteFull", true)]);
    assert_eq!(requests(&preview), [status(body.clone())]);
    assert!(said(&preview.warnings, "Skips 1 analysis, 1 experiment, 1 manual pause and 1 timed pause"), "{:?}", preview.warnings);
    assert!(said(&preview.warnings, "ALL analysis is skipped"), "{:?}", preview.warnings);
    assert_eq!((preview.from.as_deref(), preview.to.as_deref()), (Some("#2 1.0.0"), Some("#3 1.1.0")));

    server.change(|rollout| rollout["spec"]["paused"] = json!(true));
    let preview = ordered(&server, Order::Finish).await;
    let release = json!([uid(), hash(), index(1), test("/spec/paused", true), replace("/spec/paused", false)]);
    assert_eq!(requests(&preview), [main(release), status(body)]);
}

#[tokio::test]
async fn hold_and_resume_write_the_hold_alone() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    let preview = ordered(&server, Order::Hold).await;
    assert_eq!(requests(&preview), [main(json!([uid(), add("/spec/paused", true)]))]);
    assert!(said(&preview.warnings, "A timed pause runs on"), "{:?}", preview.warnings);
    server.change(|rollout| rollout["spec"]["paused"] = json!(true));
    let preview = ordered(&server, Order::Resume).await;
    assert_eq!(requests(&preview), [main(json!([uid(), hash(), test("/spec/paused", true), replace("/spec/paused", false)]))]);
    assert!(said(&preview.leads_to, "only promote leaves that"), "{:?}", preview.leads_to);
}

#[tokio::test]
async fn abort_tests_the_object_alone_and_releases_a_hold_after_it() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    let abort = json!([uid(), add("/status/abort", true)]);
    assert_eq!(requests(&ordered(&server, Order::Abort).await), [status(abort.clone())]);
    server.change(|rollout| rollout["spec"]["paused"] = json!(true));
    let preview = ordered(&server, Order::Abort).await;
    assert_eq!(requests(&preview), [status(abort), main(json!([uid(), add("/spec/paused", false)]))]);
    assert!(said(&preview.leads_to, "keeps serving until the second request"), "{:?}", preview.leads_to);
    assert_eq!(preview.expect, Expect::Aborted);
}

#[tokio::test]
async fn retry_tests_the_release_and_the_abort_that_it_clears() {
    let aborted = json!({"phase": "Degraded", "message": "RolloutAborted: by hand", "abort": true, "abortedAt": "2026-01-02T03:04:05Z"});
    let server = Server::with(canary(0, aborted));
    let retry = json!([uid(), hash(), test("/status/abort", true), replace("/status/abort", false)]);
    assert_eq!(requests(&ordered(&server, Order::Retry).await), [status(retry.clone())]);
    server.change(|rollout| rollout["spec"]["paused"] = json!(true));
    let release = json!([uid(), hash(), test("/spec/paused", true), replace("/spec/paused", false)]);
    assert_eq!(requests(&ordered(&server, Order::Retry).await), [status(retry), main(release)]);
}

#[tokio::test]
async fn undo_brings_a_kept_template_back_and_says_whether_it_takes_steps() {
    let back = |image: &str| json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}], "dnsPolicy": "ClusterFirst"}});
    let server = Server::with(held(canary(1, paused("CanaryPauseStep"))));
    for (to, image, label, words) in [
        ("web-a", "lab/web:1.0.0", "#2 1.0.0", "It is the stable one: no steps"),
        ("web-z", "lab/web:0.9.0", "#1 0.9.0", "Walks its 6 steps from the first"),
    ] {
        let preview = ordered(&server, Order::RollBack { to: to.into() }).await;
        let cause = add("/metadata/annotations/kubernetes.io~1change-cause", format!("rolldeck: roll back to {label}"));
        let body = json!([uid(), replace("/spec/template", back(image)), add("/spec/paused", false), cause]);
        assert_eq!(requests(&preview), [main(body)]);
        assert!(said(&preview.leads_to, words) && said(&preview.leads_to, "Releases the hold"), "{:?}", preview.leads_to);
        assert!(said(&preview.warnings, "nor the database"), "{:?}", preview.warnings);
    }
}

#[tokio::test]
async fn a_warm_blue_green_undo_says_that_it_switches_at_once() {
    let server = Server::with(bluegreen(json!({"stableRS": "b", "phase": "Healthy", "message": ""})));
    server.change(|rollout| rollout["status"]["blueGreen"] = json!({"activeSelector": "b", "previewSelector": "b"}));
    for (deadline, warm) in [("2126-01-01T00:00:00Z", true), ("2026-01-01T00:00:00Z", false)] {
        let path = format!("{SETS}/web-a");
        let mut set = server.fake.objects.lock().unwrap()[&path].clone();
        set["metadata"]["annotations"]["scale-down-deadline"] = json!(deadline);
        server.fake.put(&path, set);
        let preview = ordered(&server, Order::RollBack { to: "web-a".into() }).await;
        assert_eq!(said(&preview.warnings, "Switches at once, no pause and no analysis"), warm, "{:?}", preview.warnings);
        assert_eq!(said(&preview.leads_to, "The switch waits for promote"), !warm, "{:?}", preview.leads_to);
        assert_eq!(matches!(preview.expect, Expect::Template { .. }), warm);
    }
}

#[tokio::test]
async fn ship_and_undo_go_to_the_deployment_that_carries_the_template() {
    let server = Server::with(held(canary(1, paused("CanaryPauseStep"))));
    server.change(|rollout| {
        let template = rollout["spec"].as_object_mut().unwrap().remove("template").unwrap();
        rollout["spec"]["workloadRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-template"});
        rollout["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"] = json!("4");
        rollout["status"]["workloadObservedGeneration"] = json!("4");
        let deployment = json!({"metadata": {"name": "web-template", "namespace": "n", "uid": "uid-template", "generation": 4, "annotations": {"a": "b"}},
            "spec": {"replicas": 0, "template": template}});
        server.fake.put("/apis/apps/v1/namespaces/n/deployments/web-template", deployment);
    });
    let preview = ordered(&server, Order::Ship { container: None, image: "lab/web:1.2.0".into() }).await;
    let image = "/spec/template/spec/containers/0/image";
    let cause = add("/metadata/annotations/kubernetes.io~1change-cause", "rolldeck: ship web=lab/web:1.2.0");
    let name = test("/spec/template/spec/containers/0/name", "web");
    let owner = test("/metadata/uid", "uid-template");
    let ship = json!([owner, name, test(image, "lab/web:1.1.0"), replace(image, "lab/web:1.2.0"), cause]);
    assert_eq!(serde_json::from_str::<Value>(&preview.requests[0].body).unwrap(), ship);
    assert!(preview.requests[0].path.contains("/deployments/web-template?"), "{}", preview.requests[0].path);
    assert!(said(&preview.warnings, "It is held: nothing starts"), "{:?}", preview.warnings);

    let preview = ordered(&server, Order::RollBack { to: "web-a".into() }).await;
    let kinds: Vec<_> = preview.requests.iter().map(|request| request.object.kind.as_str()).collect();
    assert_eq!(kinds, ["Deployment", "Rollout"], "the template, then the hold");
    assert!(said(&preview.leads_to, "keeps serving until the second request"), "{:?}", preview.leads_to);
}

#[tokio::test]
async fn ship_is_guarded_by_the_image_and_is_done_when_the_release_has_begun() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    let preview = ordered(&server, Order::Ship { container: None, image: "lab/web:1.2.0".into() }).await;
    let (name, image) = ("/spec/template/spec/containers/0/name", "/spec/template/spec/containers/0/image");
    let cause = add("/metadata/annotations/kubernetes.io~1change-cause", "rolldeck: ship web=lab/web:1.2.0");
    let body = json!([uid(), test(name, "web"), test(image, "lab/web:1.1.0"), replace(image, "lab/web:1.2.0"), cause]);
    assert_eq!(requests(&preview), [main(body)]);
    assert_eq!(preview.expect, Expect::Begun { images: vec!["lab/web:1.2.0".into()] });
    assert!(said(&preview.warnings, "Gives #3 1.1.0 up"), "{:?}", preview.warnings);
}

#[tokio::test]
async fn restart_scale_and_stop_are_one_small_request_each() {
    let run = json!({"metadata": {"name": "run", "namespace": "n", "uid": "uid-run", "generation": 1,
            "labels": {"rollouts-pod-template-hash": "b", "rollout-type": "Step", "step-index": "2"},
            "ownerReferences": [{"controller": true, "kind": "Rollout", "name": "web", "apiVersion": "argoproj.io/v1alpha1", "uid": "uid-web"}]},
        "spec": {"metrics": []}, "status": {"phase": "Running"}});
    let server = Server::with(canary(2, json!({"canary": {"currentStepAnalysisRunStatus": {"name": "run", "status": "Running"}}})));
    server.fake.put(RUNS, json!({"items": [run]}));
    server.fake.put(&format!("{RUNS}/run"), run);

    let preview = ordered(&server, Order::Restart { track: None }).await;
    let at = preview.read_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert_eq!(requests(&preview), [main(json!([uid(), hash(), add("/spec/restartAt", at)]))]);

    let preview = ordered(&server, Order::Terminate { analysis: "run".into() }).await;
    assert_eq!(requests(&preview)[0].1, json!([test("/metadata/uid", "uid-run"), add("/spec/terminate", true)]));
    assert!(preview.requests[0].path.contains("/analysisruns/run?"), "{}", preview.requests[0].path);
    assert!(said(&preview.warnings, "ends Successful: the rollout then moves on"), "{:?}", preview.warnings);

    let client = server.client();
    let mut rollout = belief::rollout(&client, &server.web).await;
    rollout.autoscaler = Some(Autoscaler { name: "web".into(), min: 2, max: 9, current: 4, desired: 4, complaints: Vec::new() });
    let preview = preview_of(&server, &rollout, Order::Scale { track: None, replicas: 8 }).await;
    assert_eq!(requests(&preview), [("/scale".into(), json!([uid(), test("/spec/replicas", 4), add("/spec/replicas", 8)]))]);
    assert!(said(&preview.warnings, "autoscaler web (2 to 9)"), "{:?}", preview.warnings);
}

async fn preview_of(server: &Server, rollout: &rolldeck::domain::rollout::Rollout, order: Order) -> Preview {
    preview(&server.client(), &server.web, rollout, &order).await.unwrap()
}

#[tokio::test]
async fn a_status_that_is_not_served_by_itself_is_written_beside_the_rest() {
    let mut server = Server::with(canary(1, paused("CanaryPauseStep")));
    server.status = false;
    for order in [Order::Advance, Order::Finish, Order::Abort] {
        let preview = ordered(&server, order).await;
        assert_eq!(requests(&preview)[0].0, "", "{:?}", preview.requests);
        assert!(preview.rehearsed && !preview.diff.is_empty());
    }
    let preview = ordered(&server, Order::Advance).await;
    execute(&server.client(), &preview.requests, |_, result, _| drop(result.unwrap())).await;
    assert_eq!(server.rollout().pointer("/status/pauseConditions"), None);
    assert_eq!(server.fake.written()[0].path, preview.requests[0].path, "what is shown is what is sent");
}
