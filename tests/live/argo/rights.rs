//! Who may do what with a Rollout, and what the server itself does with a write in the wrong place.

use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use rolldeck::adapter::kubernetes::access::{self, State};
use rolldeck::adapter::kubernetes::change::preview;
use rolldeck::domain::change::ChangeError;
use rolldeck::domain::verb::{Capabilities, Order, Refusal, Verb};
use serde_json::json;

use super::controller::{Controller, at, paused};
use crate::belief;
use crate::lab;

const VERBS: [Verb; 11] = [
    Verb::Ship,
    Verb::Advance,
    Verb::Finish,
    Verb::Hold,
    Verb::Resume,
    Verb::Abort,
    Verb::Retry,
    Verb::RollBack,
    Verb::Restart,
    Verb::Scale,
    Verb::Terminate,
];

/// Connects as somebody else, by the right of the tests' own user to do so.
async fn acting_as(user: &str) -> Client {
    let context = std::env::var("ROLLDECK_TEST_CONTEXT").ok();
    let mut config = Config::from_kubeconfig(&KubeConfigOptions { context, ..KubeConfigOptions::default() }).await.unwrap();
    config.default_retry = false;
    config.auth_info.impersonate = Some(user.into());
    Client::try_from(config).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_the_status_of_rollouts_and_a_viewer_lose_what_they_may_not() {
    let strategy = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}});
    let Some(controller) = Controller::start("argo-rights", &strategy).await else { return };
    let lab = &controller.lab;
    let rules = json!([
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts", "rollouts/scale", "analysisruns"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list", "watch"]}]);
    let rbac = "rbac.authorization.k8s.io/v1";
    lab.make(rbac, "roles", &json!({"apiVersion": rbac, "kind": "Role", "metadata": {"name": "half"}, "rules": rules})).await;
    let binding = json!({"apiVersion": rbac, "kind": "RoleBinding", "metadata": {"name": "half"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "half"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "half"}]});
    lab.make(rbac, "rolebindings", &binding).await;
    let half = acting_as("half").await;
    let web = belief::workload(&lab.namespace, Controller::target());
    let asked = [(web.clone(), State::default())];

    let mut capabilities = Capabilities::offering(&VERBS);
    // A new role reaches the authorizer a moment after it is made.
    for _ in 0..20 {
        capabilities = Capabilities::offering(&VERBS);
        access::ask(&half, &asked).await.refuse(&web, &State::default(), &mut capabilities);
        if capabilities.0[&Verb::Ship].is_none() {
            break;
        }
        super::controller::a_moment().await;
    }
    let right = format!("patch rollouts/status in {}", lab.namespace);
    for (verb, refusal) in &capabilities.0 {
        let needs = matches!(verb, Verb::Advance | Verb::Finish | Verb::Abort | Verb::Retry);
        assert_eq!(*refusal, needs.then(|| Refusal::NoRight { right: right.clone() }), "{verb}");
    }

    let Some(viewer) = lab::client("viewer").await else { return };
    let mut capabilities = Capabilities::offering(&VERBS);
    access::ask(&viewer, &asked).await.refuse(&web, &State::default(), &mut capabilities);
    for (verb, refusal) in &capabilities.0 {
        assert!(matches!(refusal, Some(Refusal::NoRight { .. })), "{verb}: {refusal:?}");
    }

    // Past the greyed key, the server refuses in the rehearsal.
    let mut state = at(1, paused("CanaryPauseStep"));
    for (key, value) in [("currentPodHash", "b"), ("stableRS", "a")] {
        state[key] = json!(value);
    }
    controller.set("b", 2, "lab/web:1.1.0").await;
    controller.status(state).await;
    let shown = belief::rollout(&lab.client, &web).await;
    let refused = preview(&half, &web, &shown, &Order::Advance).await.unwrap_err();
    assert!(matches!(&refused, ChangeError::Rejected { status: 403, message } if message.contains("rollouts/status")), "{refused}");
    assert!(preview(&half, &web, &shown, &Order::Hold).await.is_ok());

    // A status that is written beside the rest is accepted and does nothing: 200 is not done.
    let wrong = json!({"status": {"pauseConditions": null}});
    let answer = lab.patch(&controller.path(), &wrong).await;
    assert!(answer.pointer("/status/pauseConditions").is_some(), "{answer}");
    lab::close(&lab.namespace).await;
}
