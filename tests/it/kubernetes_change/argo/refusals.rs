//! What is not sent: states that allow no such verb, what moved between screen and server, and a write that would be ignored.

use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::domain::change::ChangeError;
use rolldeck::domain::rollout::Rollout;
use rolldeck::domain::verb::{Order, Refusal};
use serde_json::{Value, json};

use super::server::{Server, bluegreen, canary, held, paused};
use crate::belief;
use crate::kubernetes_change::fake::Do;

/// What somebody else does to the Rollout.
type Behind = dyn Fn(&mut Value);

async fn refused(server: &Server, rollout: &Rollout, order: Order) -> String {
    let error = preview(&server.client(), &server.web, rollout, &order).await.expect_err("refused");
    assert_eq!(server.fake.written(), []);
    error.to_string()
}

async fn seen(server: &Server) -> Rollout {
    belief::rollout(&server.client(), &server.web).await
}

#[tokio::test]
async fn a_promote_that_the_server_knows_better_than_the_screen_is_refused() {
    let unpausing = |rollout: &mut Value| drop(rollout["status"].as_object_mut().unwrap().remove("pauseConditions"));
    let elsewhere = |rollout: &mut Value| rollout["status"]["currentStepIndex"] = json!(3);
    let shipped = |rollout: &mut Value| rollout["metadata"]["generation"] = json!(8);
    let aborted = |rollout: &mut Value| rollout["status"]["abort"] = json!(true);
    let changes: [(&Behind, &str); 4] = [
        (&unpausing, "the last change is not observed yet"),
        (&elsewhere, "it moved under you: it is at step 4, was at step 2. It was not done."),
        (&shipped, "the last change is not observed yet"),
        (&aborted, "it was aborted: retry it, or bring another version in"),
    ];
    for (change, sentence) in changes {
        let server = Server::with(canary(1, paused("CanaryPauseStep")));
        let shown = seen(&server).await;
        server.change(change);
        assert_eq!(refused(&server, &shown, Order::Advance).await, sentence);
    }
}

#[tokio::test]
async fn a_controller_that_is_away_gets_no_second_promote() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    server.change(|rollout| drop(rollout["status"].as_object_mut().unwrap().remove("pauseConditions")));
    let mut shown = seen(&server).await;
    shown.delivery.unobserved_since = Some("2026-01-02T03:04:05Z".parse().unwrap());
    for order in [Order::Advance, Order::Finish] {
        let error = preview(&server.client(), &server.web, &shown, &order).await.expect_err("refused");
        assert!(matches!(error, ChangeError::Refused(Refusal::ControllerAway { .. })), "{error}");
    }
    let abort = preview(&server.client(), &server.web, &shown, &Order::Abort).await;
    assert!(abort.is_ok(), "the way back stays open: {abort:?}");
}

#[tokio::test]
async fn each_state_refuses_what_would_do_something_else() {
    let inconclusive = || bluegreen(paused("InconclusiveAnalysisRun"));
    let done = || canary(6, json!({"currentPodHash": "b", "stableRS": "b", "phase": "Healthy", "message": ""}));
    for (what, state, order, sentence) in [
        (
            "a blue/green analysis that could not decide",
            inconclusive(),
            Order::Advance,
            "its pre-promotion analysis is inconclusive and pauses it again at once: promote fully, abort, or ship",
        ),
        (
            "at a weight",
            canary(0, json!({})),
            Order::Advance,
            "step 1 of 6 ends by itself when its instances are ready; promote fully skips it",
        ),
        ("held at an analysis", held(canary(2, json!({}))), Order::Advance, "it is held: resume first"),
        ("done", done(), Order::Advance, "nothing is under way"),
        ("done", done(), Order::Finish, "nothing is under way"),
        ("done", done(), Order::Abort, "nothing is under way"),
        ("at a pause", canary(1, paused("CanaryPauseStep")), Order::Retry, "nothing is under way"),
        ("at a pause", canary(1, paused("CanaryPauseStep")), Order::Resume, "it is not held"),
        (
            "at a pause",
            canary(1, paused("CanaryPauseStep")),
            Order::RollBack { to: "web-b".into() },
            "the template is that of #3 1.1.0 already",
        ),
        ("at a pause", canary(1, paused("CanaryPauseStep")), Order::RollBack { to: "web-9".into() }, "revision web-9 is not kept any more"),
        ("at a pause", canary(1, paused("CanaryPauseStep")), Order::Terminate { analysis: "run".into() }, "no analysis is under way"),
    ] {
        let server = Server::with(state);
        let shown = seen(&server).await;
        assert_eq!(refused(&server, &shown, order.clone()).await, sentence, "{what}: {order:?}");
    }
}

#[tokio::test]
async fn a_template_in_something_else_than_a_deployment_is_changed_there() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    server.change(|rollout| rollout["spec"]["workloadRef"] = json!({"kind": "PodTemplate", "name": "web"}));
    let shown = seen(&server).await;
    let ship = Order::Ship { container: None, image: "lab/web:1.2.0".into() };
    assert_eq!(refused(&server, &shown, ship).await, "its template is in the PodTemplate web: change it there");
}

#[tokio::test]
async fn what_moved_between_dialog_and_request_is_said_and_nothing_is_done() {
    let aborted = |rollout: &mut Value| rollout["status"]["abort"] = json!(true);
    let other = |rollout: &mut Value| rollout["status"]["currentPodHash"] = json!("c");
    let moved = |rollout: &mut Value| rollout["status"]["currentStepIndex"] = json!(4);
    let cases: [(Order, &Behind, &str); 3] = [
        (Order::Finish, &aborted, "it was aborted"),
        (Order::Finish, &other, "another version came in"),
        (Order::Advance, &moved, "it is at step 5, was at step 2"),
    ];
    for (order, change, words) in cases {
        let server = Server::with(canary(1, paused("CanaryPauseStep")));
        let shown = seen(&server).await;
        let preview = preview(&server.client(), &server.web, &shown, &order).await.unwrap();
        server.change(change);
        let before = server.rollout();
        let mut answers = Vec::new();
        execute(&server.client(), &preview.requests, |_, result, _| answers.push(result)).await;
        assert!(matches!(&answers[0], Err(ChangeError::Moved { what, .. }) if what == &[words]), "{answers:?}");
        assert_eq!(server.rollout(), before);
    }
}

#[tokio::test]
async fn a_write_that_the_server_accepts_and_ignores_is_no_rehearsal() {
    let server = Server::with(canary(1, paused("CanaryPauseStep")));
    let shown = seen(&server).await;
    let object = server.rollout();
    // The status is said to be missing, and what is written beside the rest does nothing: 200 all the same.
    let client = server
        .fake
        .client(move |asked| if asked.path.contains("/status") { Do::status(404, "not found") } else { Do::Answer(200, object.clone()) });
    let error = preview(&client, &server.web, &shown, &Order::Advance).await.expect_err("ignored");
    assert!(matches!(&error, ChangeError::Rejected { status: 200, message } if message.contains("would ignore")), "{error}");
}
