//! A blue/green Rollout: its pause has no index, an analysis that cannot decide leaves no promote, a warm way back asks nobody.

use rolldeck::domain::change::{ChangeError, Judgement};
use rolldeck::domain::rollout::Phase;
use rolldeck::domain::verb::{Order, Verb};
use serde_json::{Value, json};

use super::controller::{Controller, going, paused, shows};
use crate::lab;
use crate::orders::Console;

fn strategy() -> Value {
    json!({"blueGreen": {"activeService": "web", "previewService": "web-preview", "autoPromotionEnabled": false}})
}

fn sides(active: &str, preview: &str, status: Value) -> Value {
    let mut status = status;
    status["blueGreen"] = json!({"activeSelector": active, "previewSelector": preview});
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blue_green_rollout_is_switched_by_key_and_comes_back_warm() {
    let Some(controller) = Controller::start("argo-bluegreen", &strategy()).await else { return };
    let healthy = json!({"phase": "Healthy", "message": "", "currentPodHash": "a", "stableRS": "a", "replicas": 1});
    controller.status(sides("a", "a", healthy)).await;
    let mut console = Console::open(&controller.lab, Controller::target());
    shows(&mut console, Phase::Done, "Healthy", &[Verb::Hold]).await;

    let shipped = console.preview(&Order::Ship { container: None, image: "lab/web:1.1.0".into() }).await.unwrap();
    assert!(shipped.leads_to.iter().any(|line| line == "The switch waits for promote"), "{:?}", shipped.leads_to);
    console.send(shipped.requests).await.unwrap();
    controller.set("b", 2, "lab/web:1.1.0").await;
    let mut coming = sides("a", "b", going("active service cutover pending"));
    coming["currentPodHash"] = json!("b");
    controller.status(coming).await;
    let coming = [Verb::Finish, Verb::Hold, Verb::Abort, Verb::RollBack];
    let seen = shows(&mut console, Phase::Progressing, "cutover pending", &coming).await;
    assert!(matches!(shipped.expect.judge(&seen), Judgement::Met(_)));

    // An analysis that could not decide pauses it again after each promote: none is offered.
    controller.status(paused("InconclusiveAnalysisRun")).await;
    shows(&mut console, Phase::Waiting, "InconclusiveAnalysisRun", &coming).await;
    let refused = console.preview(&Order::Advance).await.unwrap_err();
    assert!(refused.to_string().contains("promote fully, abort, or ship"), "{refused}");

    // Its own pause is left once.
    controller.status(paused("BlueGreenPause")).await;
    let waiting = [Verb::Advance, Verb::Finish, Verb::Hold, Verb::Abort, Verb::RollBack];
    shows(&mut console, Phase::Waiting, "BlueGreenPause", &waiting).await;
    let promote = console.preview(&Order::Advance).await.unwrap();
    console.send(promote.requests.clone()).await.unwrap();
    let twice = console.send(promote.requests).await.unwrap_err();
    assert!(matches!(twice, ChangeError::Moved { .. }), "{twice}");

    // Switched, and not called stable yet: the way back is open.
    controller.status(sides("b", "b", going("waiting for post-promotion verification to complete"))).await;
    let seen = shows(&mut console, Phase::Progressing, "post-promotion", &coming).await;
    assert!(matches!(promote.expect.judge(&seen), Judgement::Met(_)), "{seen:?}");
    controller.status(sides("b", "b", json!({"phase": "Healthy", "message": "", "stableRS": "b"}))).await;
    shows(&mut console, Phase::Done, "Healthy", &[Verb::Hold, Verb::RollBack]).await;

    // Warm, the way back switches at once; cold, it is a release with its pause.
    for (deadline, words) in
        [("2126-01-01T00:00:00Z", "Switches at once, no pause"), ("2026-01-01T00:00:00Z", "It is a release like any other")]
    {
        let set = controller.lab.apps("replicasets", "web-a");
        controller.lab.patch(&set, &json!({"metadata": {"annotations": {"scale-down-deadline": deadline}}})).await;
        let back = console.preview(&Order::RollBack { to: "web-a".into() }).await.unwrap();
        assert!(back.warnings.iter().any(|line| line.contains(words)), "{:?}", back.warnings);
    }
    lab::close(&controller.lab.namespace).await;
}
