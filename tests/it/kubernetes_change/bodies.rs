//! The exact body of every verb: what is shown is what is sent, and what it is guarded by.

use rolldeck::adapter::kubernetes::change::preview;
use rolldeck::domain::change::{Preview, Wait};
use rolldeck::domain::plan::Workload;
use rolldeck::domain::revision::{Role, Roles};
use rolldeck::domain::rollout::Autoscaler;
use rolldeck::domain::verb::Order;
use serde_json::{Value, json};

use super::fake::Fake;
use super::objects::{SERVICE, WEB, pair, set, single, template};
use crate::belief;

async fn ordered(fake: &Fake, workload: &Workload, order: Order) -> Preview {
    let client = fake.accepting();
    let rollout = belief::rollout(&client, workload).await;
    let preview = preview(&client, workload, &rollout, &order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
    assert_eq!(fake.written(), [], "a preview writes nothing");
    preview
}

fn body(preview: &Preview, index: usize) -> Value {
    serde_json::from_str(&preview.requests[index].body).unwrap()
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

fn ship(container: Option<&str>, image: &str) -> Order {
    Order::Ship { container: container.map(Into::into), image: image.into() }
}

const CAUSE: &str = "/metadata/annotations/kubernetes.io~1change-cause";

#[tokio::test]
async fn ship_tests_uid_generation_name_and_old_image_and_sets_the_cause_with_it() {
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        let (fake, web) = single(kind);
        let preview = ordered(&fake, &web, ship(Some("proxy"), "envoy:2")).await;
        assert_eq!(
            body(&preview, 0),
            json!([
                test("/metadata/uid", "uid-web"),
                test("/metadata/generation", 7),
                test("/spec/template/spec/containers/1/name", "proxy"),
                test("/spec/template/spec/containers/1/image", "envoy:1"),
                replace("/spec/template/spec/containers/1/image", "envoy:2"),
                add(CAUSE, "rolldeck: ship proxy=envoy:2"),
            ]),
            "{kind}"
        );
        let request = &preview.requests[0];
        assert_eq!((request.method.as_str(), request.content_type.as_str()), ("PATCH", "application/json-patch+json"));
        assert!(request.path.ends_with("/web?fieldManager=rolldeck"), "{}", request.path);
        assert_eq!((preview.from.as_deref(), preview.to.as_deref()), (Some("1"), Some("2")), "a sidecar's version is not the revision's");
    }
}

#[tokio::test]
async fn an_autoscaler_moves_the_generation_so_it_is_not_tested() {
    let (fake, web) = single("Deployment");
    let client = fake.accepting();
    let mut rollout = belief::rollout(&client, &web).await;
    rollout.autoscaler = Some(Autoscaler { name: "web".into(), min: 2, max: 9, ..Autoscaler::default() });
    for order in [ship(None, "lab/web:1.2.0"), Order::Restart { track: None }] {
        let preview = preview(&client, &web, &rollout, &order).await.unwrap();
        let body = body(&preview, 0);
        assert!(!body.to_string().contains("generation"), "{body}");
        assert!(body.as_array().unwrap().contains(&test("/spec/template/spec/containers/0/image", "lab/web:1.1.0")), "{body}");
    }
    let scale = preview(&client, &web, &rollout, &Order::Scale { track: None, replicas: 5 }).await.unwrap();
    assert!(scale.warnings.iter().any(|warning| warning.contains("autoscaler web (2 to 9)")), "{:?}", scale.warnings);
}

#[tokio::test]
async fn hold_tests_the_uid_alone_and_resume_the_wish_that_it_lets_roll() {
    let (fake, web) = single("Deployment");
    let hold = ordered(&fake, &web, Order::Hold).await;
    assert_eq!(body(&hold, 0), json!([test("/metadata/uid", "uid-web"), add("/spec/paused", true)]));
    set(&fake, WEB, "/spec/paused", json!(true));
    for order in [Order::Resume, Order::Advance, Order::Finish] {
        let resume = ordered(&fake, &web, order).await;
        let remove = json!({"op": "remove", "path": "/spec/paused"});
        assert_eq!(
            body(&resume, 0),
            json!([test("/metadata/uid", "uid-web"), test("/metadata/generation", 7), test("/spec/paused", true), remove])
        );
    }
}

#[tokio::test]
async fn restart_writes_kubectls_annotation_into_a_map_that_may_not_be_there() {
    let (fake, web) = single("StatefulSet");
    let preview = ordered(&fake, &web, Order::Restart { track: None }).await;
    let at = preview.read_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let map = "/spec/template/metadata/annotations";
    let guards = [test("/metadata/uid", "uid-web"), test("/metadata/generation", 7)];
    let cause = add(CAUSE, "rolldeck: restart");
    let absent = [test(map, Value::Null), add(map, json!({"kubectl.kubernetes.io/restartedAt": at}))];
    assert_eq!(body(&preview, 0), Value::from([&guards[..], &absent, std::slice::from_ref(&cause)].concat()));

    set(&fake, "/apis/apps/v1/namespaces/n/statefulsets/web", map, json!({"other": "1"}));
    let preview = ordered(&fake, &web, Order::Restart { track: None }).await;
    let at = preview.read_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let present = [add(&format!("{map}/kubectl.kubernetes.io~1restartedAt"), at)];
    assert_eq!(body(&preview, 0), Value::from([&guards[..], &present, &[cause]].concat()));
}

#[tokio::test]
async fn scale_tests_the_number_that_was_shown_and_a_zero_by_its_absence() {
    let (fake, web) = single("Deployment");
    let preview = ordered(&fake, &web, Order::Scale { track: None, replicas: 5 }).await;
    assert_eq!(preview.requests[0].path, format!("{WEB}/scale?fieldManager=rolldeck"));
    assert_eq!(body(&preview, 0), json!([test("/metadata/uid", "uid-web"), test("/spec/replicas", 3), add("/spec/replicas", 5)]));
    set(&fake, WEB, "/spec/replicas", json!(0));
    let preview = ordered(&fake, &web, Order::Scale { track: None, replicas: 2 }).await;
    assert_eq!(body(&preview, 0), json!([test("/metadata/uid", "uid-web"), test("/spec/replicas", Value::Null), add("/spec/replicas", 2)]));
}

#[tokio::test]
async fn undo_tests_the_uid_alone_and_releases_a_hold_in_the_same_patch() {
    for order in [Order::RollBack { to: "web-old".into() }, Order::Abort] {
        let (fake, web) = single("Deployment");
        set(&fake, WEB, "/spec/paused", json!(true));
        // The screen calls 1.0.0 the stable one while 1.1.0 comes in.
        let client = fake.accepting();
        let mut rollout = belief::rollout(&client, &web).await;
        rollout.revisions[0].roles = Roles::of(&[Role::Canary]);
        rollout.revisions[1].roles = Roles::of(&[Role::Stable]);
        let preview = preview(&client, &web, &rollout, &order).await.unwrap();
        assert_eq!(
            body(&preview, 0),
            json!([
                test("/metadata/uid", "uid-web"),
                replace("/spec/template", template("lab/web:1.0.0")),
                add("/spec/paused", false),
                add(CAUSE, "rolldeck: roll back to #1 1.0.0"),
            ])
        );
        assert_eq!((preview.from.as_deref(), preview.to.as_deref()), (Some("#2 1.1.0"), Some("#1 1.0.0")));
        assert!(preview.leads_to.contains(&"Releases the hold in the same request".to_owned()), "{:?}", preview.leads_to);
    }
}

#[tokio::test]
async fn the_undo_of_a_stateful_set_deletes_the_stuck_pod_and_no_other() {
    let (fake, web) = single("StatefulSet");
    let pod = |name: &str, hash: &str, ready: &str| {
        json!({"metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}"), "labels": {"controller-revision-hash": hash},
            "ownerReferences": [{"controller": true, "uid": "uid-web"}]}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
    };
    let mut stranger = pod("stranger-0", "web-new", "False");
    stranger["metadata"]["ownerReferences"][0]["uid"] = json!("other");
    let pods = [pod("web-0", "web-old", "False"), pod("web-1", "web-new", "True"), pod("web-2", "web-new", "False"), stranger];
    fake.put("/api/v1/namespaces/n/pods?labelSelector=app%3Dweb", json!({"items": pods}));
    let preview = ordered(&fake, &web, Order::RollBack { to: "web-old".into() }).await;
    let cause = add(CAUSE, "rolldeck: roll back to #1 1.0.0");
    assert_eq!(body(&preview, 0), json!([test("/metadata/uid", "uid-web"), replace("/spec/template", template("lab/web:1.0.0")), cause]));
    assert_eq!(preview.requests[0].then, Some(Wait::Observed), "else the pod would come back as it was");
    assert_eq!(preview.requests.len(), 2);
    assert_eq!((preview.requests[1].method.as_str(), preview.requests[1].path.as_str()), ("DELETE", "/api/v1/namespaces/n/pods/web-2"));
    assert_eq!(body(&preview, 1), json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "uid-web-2"}}));
}

#[tokio::test]
async fn a_switch_tests_the_colour_and_notes_what_it_left() {
    let (fake, web) = pair(3);
    let preview = ordered(&fake, &web, Order::Switch { to: "green".into() }).await;
    let at = preview.read_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let select = [test("/metadata/uid", "uid-service"), test("/spec/selector/color", "blue"), replace("/spec/selector/color", "green")];
    let map = "/metadata/annotations";
    let noted = [test(map, Value::Null), add(map, json!({"rolldeck.dev/switched-from": "blue", "rolldeck.dev/switched-at": at}))];
    assert_eq!(body(&preview, 0), Value::from([&select[..], &noted].concat()));
    assert!(preview.warnings.iter().any(|warning| warning.contains("stay on blue until they close")), "{:?}", preview.warnings);

    let back = ordered(&fake, &web, Order::SwitchBack { to: "green".into() }).await;
    assert_eq!(body(&back, 0), json!(select), "the way back carries no guard that it can do without");
    set(&fake, SERVICE, map, json!({"other": "1"}));
    let back = ordered(&fake, &web, Order::SwitchBack { to: "green".into() }).await;
    let at = back.read_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let noted = [add(&format!("{map}/rolldeck.dev~1switched-from"), "blue"), add(&format!("{map}/rolldeck.dev~1switched-at"), at)];
    assert_eq!(body(&back, 0), Value::from([&select[..], &noted].concat()));
}

#[tokio::test]
async fn a_pair_is_shipped_to_the_idle_side_which_is_scaled_first() {
    let (fake, web) = pair(3);
    set(&fake, "/apis/apps/v1/namespaces/n/deployments/web-green", "/spec/replicas", json!(1));
    let preview = ordered(&fake, &web, ship(None, "lab/web:1.2.0")).await;
    let paths: Vec<&str> = preview.requests.iter().map(|request| request.path.as_str()).collect();
    let green = "/apis/apps/v1/namespaces/n/deployments/web-green";
    assert_eq!(paths, [format!("{green}/scale?fieldManager=rolldeck"), format!("{green}?fieldManager=rolldeck")]);
    assert_eq!(body(&preview, 0), json!([test("/metadata/uid", "uid-web-green"), test("/spec/replicas", 1), add("/spec/replicas", 3)]));
    assert_eq!(
        body(&preview, 1),
        json!([
            test("/metadata/uid", "uid-web-green"),
            test("/spec/template/spec/containers/0/name", "web"),
            test("/spec/template/spec/containers/0/image", "lab/web:1.1.0"),
            replace("/spec/template/spec/containers/0/image", "lab/web:1.2.0"),
            add(CAUSE, "rolldeck: ship web=lab/web:1.2.0"),
        ])
    );
    assert!(preview.leads_to.contains(&"The users stay on blue until the switch".to_owned()), "{:?}", preview.leads_to);

    let same = ordered(&fake, &web, ship(None, "lab/web:1.1.0")).await;
    assert_eq!(same.requests.len(), 1, "the image is there: only the pods lack");
}

#[tokio::test]
async fn retire_makes_sure_of_the_users_right_before_it_stops_the_other_side() {
    let (fake, web) = pair(3);
    let preview = ordered(&fake, &web, Order::Retire { track: "green".into() }).await;
    assert_eq!(body(&preview, 0), json!([test("/metadata/uid", "uid-service"), test("/spec/selector/color", "blue")]));
    assert_eq!(body(&preview, 1), json!([test("/metadata/uid", "uid-web-green"), test("/spec/replicas", 3), add("/spec/replicas", 0)]));
}
