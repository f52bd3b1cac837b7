//! What is refused at the dialog, with which sentence, and what is let through because it is a way back.

use rolldeck::adapter::kubernetes::change::preview;
use rolldeck::domain::change::{ChangeError, Preview};
use rolldeck::domain::object::Owner;
use rolldeck::domain::plan::Workload;
use rolldeck::domain::verb::{Order, Refusal, Verb, possible};
use serde_json::{Value, json};

use super::fake::{Do, Fake};
use super::objects::{SERVICE, WEB, pair, set, single};
use crate::belief;

async fn ordered(fake: &Fake, workload: &Workload, order: &Order) -> Result<Preview, ChangeError> {
    let client = fake.accepting();
    let rollout = belief::rollout(&client, workload).await;
    preview(&client, workload, &rollout, order).await
}

fn switch() -> Order {
    Order::Switch { to: "green".into() }
}

fn ship() -> Order {
    Order::Ship { container: None, image: "lab/web:1.2.0".into() }
}

#[tokio::test]
async fn a_service_that_another_controls_or_that_selects_nothing_is_not_switched() {
    let owner = json!([{"controller": true, "kind": "Canary", "name": "web"}]);
    let managed = json!({"argo-rollouts.argoproj.io/managed-by-rollouts": "web"});
    for (pointer, value, sentence) in [
        ("/metadata/ownerReferences", owner, "the selector is not ours to write: the Canary web controls it"),
        ("/metadata/annotations", managed, "the selector is not ours to write: the Rollout web writes it"),
        ("/spec/selector", Value::Null, "the selector is not ours to write: the Service web has no selector"),
    ] {
        let (fake, web) = pair(3);
        set(&fake, SERVICE, pointer, value);
        let error = ordered(&fake, &web, &switch()).await.unwrap_err();
        assert_eq!(error.to_string(), sentence);
    }
}

#[tokio::test]
async fn forward_the_other_side_must_be_whole_and_back_any_of_it_will_do() {
    let back = Order::SwitchBack { to: "green".into() };
    for (ready, order, refused) in [(3, switch(), false), (2, switch(), true), (2, back.clone(), false), (0, back, true)] {
        let (fake, web) = pair(ready);
        let result = ordered(&fake, &web, &order).await;
        assert_eq!(result.is_err(), refused, "{ready} ready, {order:?}: {result:?}");
        if let Ok(preview) = result {
            let warned = preview.warnings.iter().any(|warning| warning == &format!("Only {ready} of 3 of green are ready"));
            assert_eq!(warned, ready < 3, "{:?}", preview.warnings);
        }
    }
}

#[tokio::test]
async fn the_screen_offers_the_switch_back_to_a_side_that_is_partly_ready() {
    let (fake, web) = pair(3);
    let mut rollout = belief::rollout(&fake.accepting(), &web).await;
    for (ready, forward, back) in [(3, true, true), (1, false, true), (0, false, false)] {
        let green = rollout.revisions.iter_mut().find(|revision| revision.track == Some("green".into())).unwrap();
        (green.counts.ready, green.counts.available) = (ready, ready);
        let offered = [Verb::Switch, Verb::SwitchBack].map(|verb| possible(&rollout, verb).is_ok());
        assert_eq!(offered, [forward, back], "{ready} of 3 ready");
    }
}

#[tokio::test]
async fn forward_the_other_side_must_be_of_one_revision() {
    let green = "/apis/apps/v1/namespaces/n/deployments/web-green";
    for (pointer, value, sentence) in [
        ("/status/updatedReplicas", json!(2), "green is not ready: 2 of 3"),
        ("/status/observedGeneration", json!(6), "the rollout of green is not finished"),
    ] {
        let (fake, web) = pair(3);
        set(&fake, green, pointer, value);
        assert_eq!(ordered(&fake, &web, &switch()).await.unwrap_err().to_string(), sentence);
        assert!(ordered(&fake, &web, &Order::SwitchBack { to: "green".into() }).await.is_ok());
    }
}

#[tokio::test]
async fn a_held_wish_that_has_no_revision_yet_did_not_move_while_its_generation_stands() {
    let (fake, web) = single("Deployment");
    let client = fake.accepting();
    set(&fake, WEB, "/spec/paused", json!(true));
    set(&fake, WEB, "/spec/template/spec/containers/0/image", json!("lab/web:1.3.0"));
    let rollout = belief::rollout(&client, &web).await;
    assert_eq!(rollout.revisions[0].version, "1.1.0", "the controller makes no revision of a held wish");
    assert!(preview(&client, &web, &rollout, &ship()).await.is_ok());
    set(&fake, WEB, "/metadata/generation", json!(8));
    let moved = preview(&client, &web, &rollout, &ship()).await.unwrap_err();
    assert!(moved.to_string().contains("image of web is lab/web:1.3.0, was lab/web:1.1.0"), "{moved}");
}

#[tokio::test]
async fn pods_that_the_selector_would_miss_are_not_ready_for_it() {
    let (fake, web) = pair(3);
    fake.put("/api/v1/namespaces/n/pods?labelSelector=app%3Dweb%2Ccolor%3Dgreen", json!({"items": []}));
    let error = ordered(&fake, &web, &switch()).await.unwrap_err();
    assert_eq!(error, Refusal::IdleNotReady { track: "green".into(), ready: 0, wanted: 3 }.into());
}

#[tokio::test]
async fn a_side_is_not_retired_within_half_a_minute_of_the_switch_as_the_server_recorded_it() {
    let (fake, web) = pair(3);
    let client = fake.accepting();
    let rollout = belief::rollout(&client, &web).await;
    let retire = Order::Retire { track: "green".into() };
    let now = preview(&client, &web, &rollout, &switch()).await.unwrap().read_at;
    let before = |seconds: i64| (now - jiff::SignedDuration::from_secs(seconds)).to_string();
    for (noted, written, too_soon) in [(5, None, true), (40, None, false), (600, Some(5), true), (600, Some(40), false)] {
        set(&fake, SERVICE, "/metadata/annotations", json!({"rolldeck.dev/switched-at": before(noted)}));
        let record: Vec<Value> = written
            .map(|seconds| json!({"manager": "rolldeck", "time": before(seconds), "fieldsV1": {"f:spec": {"f:selector": {"f:color": {}}}}}))
            .into_iter()
            .collect();
        set(&fake, SERVICE, "/metadata/managedFields", json!(record));
        let result = preview(&client, &web, &rollout, &retire).await;
        let refused = matches!(result, Err(ChangeError::Refused(Refusal::TooSoon { .. })));
        assert_eq!(refused, too_soon, "noted {noted} s, written {written:?} s ago: {result:?}");
    }
    assert!(ordered(&fake, &web, &Order::Retire { track: "blue".into() }).await.unwrap_err().to_string().contains("the users are on blue"));
}

#[tokio::test]
async fn what_the_screen_does_not_show_yet_has_moved() {
    let (fake, web) = single("Deployment");
    let client = fake.accepting();
    let rollout = belief::rollout(&client, &web).await;
    set(&fake, WEB, "/metadata/generation", json!(8));
    set(&fake, WEB, "/spec/paused", json!(true));
    let record = json!([{"manager": "kubectl-rollout", "time": "2026-01-02T03:04:05Z", "fieldsV1": {"f:spec": {"f:paused": {}}}}]);
    set(&fake, WEB, "/metadata/managedFields", record);
    let error = preview(&client, &web, &rollout, &Order::Hold).await.unwrap_err();
    assert_eq!(error.to_string(), "it moved under you: hold is on, was off, by kubectl-rollout at 03:04:05Z. It was not done.");
    // Only ways back may go on over it, and resume is none.
    assert!(matches!(preview(&client, &web, &rollout, &Order::Resume).await, Err(ChangeError::Moved { .. })));
    assert!(preview(&client, &web, &rollout, &Order::RollBack { to: "web-old".into() }).await.is_ok());

    set(&fake, WEB, "/metadata/uid", json!("another"));
    let error = preview(&client, &web, &rollout, &Order::RollBack { to: "web-old".into() }).await.unwrap_err();
    assert!(error.to_string().contains("Deployment n/web was deleted and made anew"), "{error}");
}

#[tokio::test]
async fn an_object_that_is_gone_and_a_revision_of_another_are_refused() {
    let (fake, web) = single("Deployment");
    let client = fake.accepting();
    let rollout = belief::rollout(&client, &web).await;
    let path = "/apis/apps/v1/namespaces/n/replicasets/web-old";
    set(&fake, path, "/metadata/ownerReferences", json!([{"controller": true, "uid": "other"}]));
    let error = preview(&client, &web, &rollout, &Order::RollBack { to: "web-old".into() }).await.unwrap_err();
    assert_eq!(error.to_string(), "revision web-old is not one of Deployment n/web");
    fake.objects.lock().unwrap().clear();
    assert_eq!(preview(&client, &web, &rollout, &Order::Hold).await.unwrap_err(), Refusal::Absent.into());
}

#[tokio::test]
async fn a_webhook_that_cannot_rehearse_is_a_warning_and_a_slow_server_locks_no_way_back() {
    let webhook = "admission webhook \"w\" does not support dry run";
    let back = Order::RollBack { to: "web-old".into() };
    for (status, message, order, passes) in [
        (400, webhook, ship(), true),
        (400, webhook, back.clone(), true),
        (503, "overloaded", ship(), false),
        (503, "overloaded", back.clone(), true),
        (403, "user may not", back, false),
    ] {
        let (fake, web) = single("Deployment");
        let rollout = belief::rollout(&fake.accepting(), &web).await;
        let client = fake.client(move |_| Do::status(status, message));
        match preview(&client, &web, &rollout, &order).await {
            Ok(preview) => {
                assert!(passes && !preview.rehearsed, "{status} {order:?}");
                assert!(preview.warnings.contains(&format!("not rehearsed: {message}")), "{:?}", preview.warnings);
            }
            Err(error) => {
                assert!(!passes, "{status} {order:?}: {error}");
                assert_eq!(error, ChangeError::Rejected { status, message: message.into() });
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_without_an_answer_sent_nothing_and_locks_no_way_back() {
    let (fake, web) = single("Deployment");
    let rollout = belief::rollout(&fake.accepting(), &web).await;
    let client = fake.client(|_| Do::Silence);
    assert!(matches!(preview(&client, &web, &rollout, &ship()).await, Err(ChangeError::NotSent(_))));
    assert!(!preview(&client, &web, &rollout, &Order::Hold).await.unwrap().rehearsed);
}

#[tokio::test]
async fn downtime_partition_and_the_owners_revert_are_said_before() {
    let (fake, web) = single("Deployment");
    set(&fake, WEB, "/spec/strategy", json!({"type": "Recreate"}));
    let client = fake.accepting();
    let mut rollout = belief::rollout(&client, &web).await;
    let consequence = "it is put back within seconds".to_owned();
    rollout.owner =
        Some(Owner { tool: "Argo CD".into(), kind: "Application".into(), namespace: String::new(), name: "booking".into(), consequence });
    let preview = preview(&client, &web, &rollout, &ship()).await.unwrap();
    for wanted in ["Strategy Recreate is a downtime", "Argo CD booking owns it: it is put back within seconds"] {
        assert!(preview.warnings.iter().any(|warning| warning.starts_with(wanted)), "{wanted}: {:?}", preview.warnings);
    }
    let (fake, web) = single("StatefulSet");
    set(&fake, "/apis/apps/v1/namespaces/n/statefulsets/web", "/spec/updateStrategy", json!({"rollingUpdate": {"partition": 2}}));
    let preview = ordered(&fake, &web, &ship()).await.unwrap();
    assert!(preview.warnings.iter().any(|warning| warning.starts_with("Partition 2:")), "{:?}", preview.warnings);
}
