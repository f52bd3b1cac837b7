//! A canary through every phase: what is shown, what may be ordered, what is refused, and what becomes of each order.

use rolldeck::domain::change::{ChangeError, Expect, Judgement};
use rolldeck::domain::rollout::Phase;
use rolldeck::domain::verb::{Order, Refusal, Verb};
use serde_json::{Value, json};

use super::controller::{Controller, a_moment, at, going, met, paused, shows};
use crate::lab;
use crate::orders::Console;

fn strategy() -> Value {
    let analysis = json!({"analysis": {"templates": [{"templateName": "errors"}]}});
    json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}, analysis, {"pause": {"duration": "30m"}}]}})
}

fn ship(image: &str) -> Order {
    Order::Ship { container: None, image: image.into() }
}

/// A canary of 1.1.0 that stands at its first pause, and the console that watches it.
async fn at_the_pause(name: &str) -> Option<(Controller, Console)> {
    let controller = Controller::start(name, &strategy()).await?;
    controller.status(at(4, json!({"phase": "Healthy", "message": "", "currentPodHash": "a", "stableRS": "a", "replicas": 1}))).await;
    let mut console = Console::open(&controller.lab, Controller::target());
    shows(&mut console, Phase::Done, "Healthy", &[Verb::Hold]).await;
    let preview = console.preview(&ship("lab/web:1.1.0")).await.unwrap();
    console.send(preview.requests).await.unwrap();
    controller.set("b", 2, "lab/web:1.1.0").await;
    let mut state = at(1, paused("CanaryPauseStep"));
    state["currentPodHash"] = json!("b");
    controller.status(state).await;
    Some((controller, console))
}

const AT_PAUSE: [Verb; 5] = [Verb::Advance, Verb::Finish, Verb::Hold, Verb::Abort, Verb::RollBack];

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_walked_by_key_held_aborted_retried_and_finished() {
    let Some(controller) = Controller::start("argo-canary", &strategy()).await else { return };
    let mut console = Console::open(&controller.lab, Controller::target());
    shows(&mut console, Phase::Unobserved, "", &[Verb::Hold]).await;
    controller.status(at(4, json!({"phase": "Healthy", "message": "", "currentPodHash": "a", "stableRS": "a", "replicas": 1}))).await;
    shows(&mut console, Phase::Done, "Healthy", &[Verb::Hold]).await;

    // Shipped: nobody has looked yet, then the first step, which a promote does not leave.
    let shipped = console.preview(&ship("lab/web:1.1.0")).await.unwrap();
    assert!(shipped.rehearsed && matches!(shipped.expect, Expect::Begun { .. }), "{shipped:?}");
    console.send(shipped.requests.clone()).await.unwrap();
    shows(&mut console, Phase::Unobserved, "waiting for rollout spec update to be observed", &[Verb::Hold]).await;
    controller.set("b", 2, "lab/web:1.1.0").await;
    let mut first = at(0, going("more replicas need to be updated"));
    first["currentPodHash"] = json!("b");
    controller.status(first).await;
    let weight = [Verb::Finish, Verb::Hold, Verb::Abort, Verb::RollBack];
    let seen = shows(&mut console, Phase::Progressing, "more replicas", &weight).await;
    assert!(matches!(shipped.expect.judge(&seen), Judgement::Met(_)), "a release that has begun is done as an order");

    // The pause, left once: the same request and another promote find nothing to leave.
    controller.status(at(1, paused("CanaryPauseStep"))).await;
    shows(&mut console, Phase::Waiting, "CanaryPauseStep", &AT_PAUSE).await;
    let promote = console.preview(&Order::Advance).await.unwrap();
    assert!(promote.rehearsed && promote.diff.len() > 1, "{promote:?}");
    console.send(promote.requests.clone()).await.unwrap();
    let unpausing =
        shows(&mut console, Phase::Unobserved, "waiting for rollout to unpause", &[Verb::Hold, Verb::Abort, Verb::RollBack]).await;
    assert_eq!(promote.expect.judge(&unpausing), Judgement::Pending, "200 is not done");
    let second = console.preview(&Order::Advance).await.unwrap_err();
    assert_eq!(second, ChangeError::Refused(Refusal::Unobserved));
    let twice = console.send(promote.requests).await.unwrap_err();
    assert!(matches!(&twice, ChangeError::Moved { what, .. } if what == &["its pause was left already"]), "{twice}");

    // The analysis: skipped only if asked for, stopped by its own object.
    controller.analysis("errors-2", 2).await;
    let mut measuring = at(2, going("more replicas need to be updated"));
    measuring["canary"] = json!({"currentStepAnalysisRunStatus": {"name": "errors-2", "status": "Running"}});
    controller.status(measuring).await;
    console.engine.shows("the analysis", |rollout| rollout.delivery.running().count() == 1).await;
    let verbs = [Verb::Advance, Verb::Finish, Verb::Hold, Verb::Abort, Verb::RollBack, Verb::Terminate];
    let seen = shows(&mut console, Phase::Progressing, "", &verbs).await;
    assert!(matches!(promote.expect.judge(&seen), Judgement::Met(_)));
    let skip = console.preview(&Order::Advance).await.unwrap();
    assert!(skip.warnings.iter().any(|line| line.starts_with("Skips 1 analysis")), "{:?}", skip.warnings);
    let stop = console.preview(&Order::Terminate { analysis: "errors-2".into() }).await.unwrap();
    console.send(stop.requests).await.unwrap();
    let run = controller.analysis_path("errors-2", "Successful").await;
    assert_eq!(controller.lab.read(&run).await.pointer("/spec/terminate"), Some(&json!(true)));
    met(&mut console, &stop.expect).await;

    // Held at a pause: a promote releases first, waits, then leaves the pause.
    controller.status(at(3, paused("CanaryPauseStep"))).await;
    shows(&mut console, Phase::Waiting, "CanaryPauseStep", &AT_PAUSE).await;
    let hold = console.preview(&Order::Hold).await.unwrap();
    console.send(hold.requests).await.unwrap();
    controller.status(json!({"phase": "Paused", "message": "manually paused"})).await;
    met(&mut console, &hold.expect).await;
    let held = [Verb::Advance, Verb::Finish, Verb::Resume, Verb::Abort, Verb::RollBack];
    shows(&mut console, Phase::Waiting, "manually paused", &held).await;
    let promote = console.preview(&Order::Advance).await.unwrap();
    assert_eq!(promote.requests.len(), 2);
    let (sent, ()) = tokio::join!(console.send(promote.requests.clone()), controller.take_in_the_release());
    sent.unwrap();
    let after = controller.rollout().await;
    assert_eq!((after.pointer("/spec/paused"), after.pointer("/status/pauseConditions")), (Some(&json!(false)), None));

    // Aborted from a hold: two writes, and not done before the candidate has gone.
    controller.status(at(3, going("waiting for all steps to complete"))).await;
    shows(&mut console, Phase::Progressing, "all steps", &weight).await;
    let hold = console.preview(&Order::Hold).await.unwrap();
    console.send(hold.requests).await.unwrap();
    controller.status(json!({"phase": "Paused", "message": "manually paused"})).await;
    met(&mut console, &hold.expect).await;
    let abort = console.preview(&Order::Abort).await.unwrap();
    let places: Vec<bool> = abort.requests.iter().map(|request| request.path.contains("/status?")).collect();
    assert_eq!(places, [true, false], "the abort, then the hold");
    console.send(abort.requests).await.unwrap();
    controller.status(at(0, json!({"phase": "Degraded", "message": "RolloutAborted: Rollout aborted update to revision 2"}))).await;
    let gone = [Verb::Retry, Verb::RollBack];
    let seen = shows(&mut console, Phase::RollingBack, "RolloutAborted", &gone).await;
    assert_eq!(abort.expect.judge(&seen), Judgement::Pending, "the candidate still has a pod");
    controller.stop("b").await;
    shows(&mut console, Phase::RolledBack, "RolloutAborted", &gone).await;
    met(&mut console, &abort.expect).await;

    // Retried, then promoted fully.
    let retry = console.preview(&Order::Retry).await.unwrap();
    console.send(retry.requests).await.unwrap();
    assert_eq!(controller.rollout().await.pointer("/status/abort"), Some(&json!(false)));
    controller.status(at(0, going("more replicas need to be updated"))).await;
    met(&mut console, &retry.expect).await;
    let finish = console.preview(&Order::Finish).await.unwrap();
    assert!(finish.warnings.iter().any(|line| line == "Skips 1 analysis, 1 manual pause and 1 timed pause"), "{:?}", finish.warnings);
    console.send(finish.requests).await.unwrap();
    assert_eq!(controller.rollout().await.pointer("/status/promoteFull"), Some(&json!(true)));
    let mut done = at(4, json!({"phase": "Healthy", "message": "", "promoteFull": null, "stableRS": "b", "abortedAt": null}));
    done["pauseConditions"] = Value::Null;
    controller.status(done).await;
    met(&mut console, &finish.expect).await;

    // Rolled back by the name of the set; a scale by its own subresource; a restart by the wish alone.
    shows(&mut console, Phase::Done, "Healthy", &[Verb::Hold, Verb::RollBack]).await;
    let back = console.preview(&Order::RollBack { to: "web-a".into() }).await.unwrap();
    assert!(back.leads_to.iter().any(|line| line.contains("Walks its 4 steps")), "{:?}", back.leads_to);
    for order in [Order::Scale { track: None, replicas: 2 }, Order::Restart { track: None }, Order::RollBack { to: "web-a".into() }] {
        let preview = console.preview(&order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        console.send(preview.requests).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        controller.status(json!({"phase": "Healthy"})).await;
        a_moment().await;
    }
    let rollout = controller.rollout().await;
    assert_eq!(rollout.pointer("/spec/replicas"), Some(&json!(2)));
    assert!(rollout.pointer("/spec/restartAt").is_some_and(Value::is_string));
    assert_eq!(rollout.pointer("/spec/template/spec/containers/0/image"), Some(&json!("lab/web:1.0.0")));
    assert_eq!(rollout.pointer("/spec/template/metadata/labels"), Some(&json!({"app": "web"})), "the hash stays out");
    lab::close(&controller.lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_consoles_that_promote_at_once_exactly_one_moves_one_step() {
    let Some((controller, mut one)) = at_the_pause("argo-race").await else { return };
    let mut two = Console::open(&controller.lab, Controller::target());
    for console in [&mut one, &mut two] {
        shows(console, Phase::Waiting, "CanaryPauseStep", &AT_PAUSE).await;
    }
    let (first, second) = tokio::join!(one.preview(&Order::Advance), two.preview(&Order::Advance));
    let (first, second) = tokio::join!(one.send(first.unwrap().requests), two.send(second.unwrap().requests));
    let moved = [&first, &second].into_iter().filter(|sent| matches!(sent, Err(ChangeError::Moved { .. }))).count();
    assert_eq!((moved, [&first, &second].into_iter().filter(|sent| sent.is_ok()).count()), (1, 1), "{first:?} {second:?}");
    let after = controller.rollout().await;
    assert_eq!(after.pointer("/status/currentStepIndex"), Some(&json!(1)), "the controller moves the step, once");
    assert_eq!(after.pointer("/status/pauseConditions"), None);

    // The step that measures is skipped by its index: that is written once as well.
    controller.status(at(2, going("more replicas need to be updated"))).await;
    for console in [&mut one, &mut two] {
        console.engine.shows("step 3", |rollout| rollout.steps.as_ref().is_some_and(|steps| steps.current == Some(2))).await;
    }
    let (first, second) = tokio::join!(one.preview(&Order::Advance), two.preview(&Order::Advance));
    let (first, second) = tokio::join!(one.send(first.unwrap().requests), two.send(second.unwrap().requests));
    assert_eq!([&first, &second].into_iter().filter(|sent| sent.is_ok()).count(), 1, "{first:?} {second:?}");
    assert_eq!(controller.rollout().await.pointer("/status/currentStepIndex"), Some(&json!(3)));
    lab::close(&controller.lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_under_the_dialog_is_said_and_nothing_is_done() {
    let Some((controller, mut console)) = at_the_pause("argo-moved").await else { return };
    shows(&mut console, Phase::Waiting, "CanaryPauseStep", &AT_PAUSE).await;
    let promote = console.preview(&Order::Advance).await.unwrap();
    let finish = console.preview(&Order::Finish).await.unwrap();
    let shipping = console.preview(&ship("lab/web:1.2.0")).await.unwrap();

    // Another tool ships, and the controller has begun with that.
    let image = json!([{"name": "web", "image": "lab/web:2.0.0"}]);
    controller.lab.patch(&controller.path(), &json!({"spec": {"template": {"spec": {"containers": image}}}})).await;
    controller.status(at(0, json!({"currentPodHash": "c", "phase": "Progressing", "message": "x", "pauseConditions": null}))).await;
    let before = controller.rollout().await;
    for (requests, words) in [
        (promote.requests, "another version came in"),
        (finish.requests, "another version came in"),
        (shipping.requests, "image of web is lab/web:2.0.0, was lab/web:1.1.0"),
    ] {
        let error = console.send(requests).await.unwrap_err();
        assert!(matches!(&error, ChangeError::Moved { what, .. } if what.iter().any(|line| line == words)), "{error}");
    }
    assert_eq!(controller.rollout().await["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    lab::close(&controller.lab.namespace).await;
}
