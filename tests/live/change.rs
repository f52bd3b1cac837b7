//! Changes against a real cluster: what the server accepts, what its controllers make of it, and what the guards refuse.

use std::future::Future;
use std::time::Duration;

use kube::Client;
use rolldeck::adapter::kubernetes::access;
use rolldeck::adapter::kubernetes::change::{execute, preview};
use rolldeck::adapter::kubernetes::note;
use rolldeck::domain::change::{Answer, ChangeError, DiffLine, Preview, Request, Sign};
use rolldeck::domain::plan::{BlueGreen, Target, TrackTarget, Workload};
use rolldeck::domain::rollout::Rollout;
use rolldeck::domain::verb::{Capabilities, Order, Refusal, Verb};
use rolldeck::port::engine::Note;
use serde_json::{Value, json};

use crate::belief;
use crate::lab::{self, Lab};

fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    workload("Deployment", name, image, replicas, &json!({"app": name}))
}

fn workload(kind: &str, name: &str, image: &str, replicas: u32, labels: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent",
                "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}}}
    });
    if kind != "DaemonSet" {
        object["spec"]["replicas"] = json!(replicas);
    }
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = json!(name);
    }
    object
}

fn web(lab: &Lab, target: Target) -> Workload {
    belief::workload(&lab.namespace, target)
}

fn plain(lab: &Lab) -> Workload {
    web(lab, Target::Deployment { name: "web".into() })
}

fn ship(image: &str) -> Order {
    Order::Ship { container: None, image: image.into() }
}

async fn send(client: &Client, requests: &[Request]) -> Vec<(usize, Result<Answer, ChangeError>, bool)> {
    let mut answers = Vec::new();
    execute(client, requests, |index, result, last| answers.push((index, result, last))).await;
    answers
}

async fn look(lab: &Lab, workload: &Workload, order: &Order) -> Result<Preview, ChangeError> {
    let rollout = belief::rollout(&lab.client, workload).await;
    preview(&lab.client, workload, &rollout, order).await
}

/// Previews, sends, and asserts that every request was accepted.
async fn order(lab: &Lab, workload: &Workload, order: &Order) -> Preview {
    let preview = look(lab, workload, order).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
    assert!(preview.rehearsed, "{order:?} was not rehearsed: {:?}", preview.warnings);
    for (index, answer, _) in send(&lab.client, &preview.requests).await {
        answer.unwrap_or_else(|error| panic!("{order:?}, request {index}: {error}"));
    }
    preview
}

async fn settled(lab: &Lab, plural: &str, name: &str) -> Value {
    lab.until(&format!("{plural}/{name} to settle"), &lab.apps(plural, name), |object| {
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let wanted = number("/spec/replicas");
        number("/status/observedGeneration") >= number("/metadata/generation")
            && number("/status/replicas") == wanted
            && (number("/status/updatedReplicas") == wanted || plural == "statefulsets")
            && number("/status/readyReplicas") == wanted
            && (plural != "statefulsets" || object["status"]["updateRevision"] == object["status"]["currentRevision"])
    })
    .await
}

fn lines(diff: &[DiffLine]) -> Vec<String> {
    let sign = |sign| match sign {
        Sign::Object => '@',
        Sign::Same => ' ',
        Sign::Removed => '-',
        Sign::Added => '+',
    };
    diff.iter().map(|line| format!("{} {}", sign(line.sign), line.text)).collect()
}

fn moved(result: &Result<Answer, ChangeError>) -> String {
    match result {
        Err(error @ ChangeError::Moved { .. }) => error.to_string(),
        other => panic!("expected that it moved: {other:?}"),
    }
}

async fn with<F: Future<Output = ()>>(context: &str, test: impl FnOnce(Lab) -> F) {
    if let Some(lab) = Lab::open(context).await {
        let namespace = lab.namespace.clone();
        test(lab).await;
        lab::close(&namespace).await;
    }
}

#[tokio::test]
async fn ship_names_image_and_cause_and_the_second_enter_does_nothing() {
    with("change-ship", |lab| async move {
        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 2)).await;
        settled(&lab, "deployments", "web").await;
        let web = plain(&lab);
        let preview = look(&lab, &web, &ship("lab/web:1.1.0")).await.unwrap();
        let cause = "+ annotation kubernetes.io/change-cause  rolldeck: ship web=lab/web:1.1.0";
        let title = format!("@ Deployment {}/web", lab.namespace);
        assert_eq!(lines(&preview.diff), [title.as_str(), "- image  lab/web:1.0.0", "+ image  lab/web:1.1.0", cause]);
        assert_eq!((preview.from.as_deref(), preview.to.as_deref()), (Some("#1 1.0.0"), Some("1.1.0")));

        let first = send(&lab.client, &preview.requests).await;
        assert!(matches!(first.as_slice(), [(0, Ok(Answer { status: 200, .. }), true)]), "{first:?}");
        let second = send(&lab.client, &preview.requests).await;
        assert!(moved(&second[0].1).contains("image of web is lab/web:1.1.0, was lab/web:1.0.0, by rolldeck at "), "{second:?}");
        let object = settled(&lab, "deployments", "web").await;
        assert_eq!(object["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2", "one effect");
        let sets = lab.read(&lab.apps("replicasets", "")).await;
        let mut history: Vec<(&str, Option<&str>)> = sets["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|set| {
                let note = |key: &str| set["metadata"]["annotations"][key].as_str();
                (note("deployment.kubernetes.io/revision").unwrap(), note("kubernetes.io/change-cause"))
            })
            .collect();
        history.sort_unstable();
        assert_eq!(history, [("1", None), ("2", Some("rolldeck: ship web=lab/web:1.1.0"))], "as `kubectl rollout history` prints it");

        let again = look(&lab, &web, &ship("lab/web:1.1.0")).await.unwrap_err();
        assert!(again.to_string().ends_with("has lab/web:1.1.0 already"), "{again}");
        let missing = look(&lab, &web, &Order::Ship { container: Some("wbe".into()), image: "lab/web:1.2.0".into() }).await.unwrap_err();
        assert!(missing.to_string().ends_with("has no container wbe: it has web"), "{missing}");
    })
    .await;
}

#[tokio::test]
async fn a_bad_ship_is_undone_by_the_name_of_its_revision() {
    with("change-undo", |lab| async move {
        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 2)).await;
        settled(&lab, "deployments", "web").await;
        let web = plain(&lab);
        let good = belief::rollout(&lab.client, &web).await.revisions[0].id.clone();
        order(&lab, &web, &ship("lab/web:bad")).await;
        lab.until("the bad revision", &lab.apps("deployments", "web"), |o| {
            o["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
        })
        .await;
        lab.annotate("web", "team", "booking").await;

        let preview = order(&lab, &web, &Order::RollBack { to: good.clone() }).await;
        assert_eq!(preview.to.as_deref(), Some("#1 1.0.0"));
        assert!(preview.warnings.iter().any(|warning| warning.contains("not the replicas (2 now)")), "{:?}", preview.warnings);
        assert!(!preview.requests[0].body.contains("pod-template-hash"), "{}", preview.requests[0].body);
        let object = settled(&lab, "deployments", "web").await;
        assert_eq!(object.pointer("/spec/template/spec/containers/0/image"), Some(&json!("lab/web:1.0.0")));
        assert_eq!(object["metadata"]["annotations"]["team"], "booking", "other tools' annotations stay");
        assert_eq!(object["metadata"]["annotations"]["kubernetes.io/change-cause"], "rolldeck: roll back to #1 1.0.0");
        assert_eq!(belief::rollout(&lab.client, &web).await.revisions[0].id, good, "the kept ReplicaSet came back");

        let already = look(&lab, &web, &Order::RollBack { to: good }).await.unwrap_err();
        assert_eq!(already.to_string(), "the template is that of #3 1.0.0 already");
        let gone = look(&lab, &web, &Order::RollBack { to: "web-0000000000".into() }).await.unwrap_err();
        assert_eq!(gone.to_string(), "revision web-0000000000 is not kept any more");
    })
    .await;
}

#[tokio::test]
async fn hold_resume_and_the_undo_of_a_held_one_in_one_patch() {
    with("change-hold", |lab| async move {
        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 3)).await;
        settled(&lab, "deployments", "web").await;
        let web = plain(&lab);
        let good = belief::rollout(&lab.client, &web).await.revisions[0].id.clone();
        order(&lab, &web, &ship("lab/web:1.1.0")).await;
        let hold = order(&lab, &web, &Order::Hold).await;
        assert_eq!(lines(&hold.diff)[1..], ["+ paused  true"]);
        assert_eq!(look(&lab, &web, &Order::Hold).await.unwrap_err(), Refusal::AlreadyHeld.into());
        assert_eq!(look(&lab, &web, &Order::Restart { track: None }).await.unwrap_err(), Refusal::HeldFirst.into());
        order(&lab, &web, &Order::Resume).await;
        assert_eq!(look(&lab, &web, &Order::Resume).await.unwrap_err(), Refusal::NotHeld.into());
        settled(&lab, "deployments", "web").await;

        order(&lab, &web, &ship("lab/web:1.2.0")).await;
        order(&lab, &web, &Order::Hold).await;
        let back = order(&lab, &web, &Order::RollBack { to: good }).await;
        assert_eq!(back.requests.len(), 1, "restores and releases at once");
        assert!(lines(&back.diff).contains(&"- paused  true".to_owned()), "{:?}", back.diff);
        let object = settled(&lab, "deployments", "web").await;
        assert_eq!(object["spec"].get("paused"), None);
        assert_eq!(object.pointer("/spec/template/spec/containers/0/image"), Some(&json!("lab/web:1.0.0")));
    })
    .await;
}

#[tokio::test]
async fn restart_makes_new_pods_and_scale_goes_through_its_subresource() {
    with("change-restart", |lab| async move {
        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 1)).await;
        settled(&lab, "deployments", "web").await;
        let web = plain(&lab);
        let before = lab.pods("app=web").await;
        order(&lab, &web, &Order::Restart { track: None }).await;
        settled(&lab, "deployments", "web").await;
        let after = lab.pods("app=web").await;
        assert!(!after.is_empty() && after.iter().all(|pod| !before.contains(pod)), "{before:?} {after:?}");

        let scale = order(&lab, &web, &Order::Scale { track: None, replicas: 3 }).await;
        assert!(scale.requests[0].path.contains("/scale?"), "{}", scale.requests[0].path);
        assert_eq!(lines(&scale.diff)[1..], ["- replicas  1", "+ replicas  3"]);
        settled(&lab, "deployments", "web").await;
        assert!(moved(&send(&lab.client, &scale.requests).await[0].1).contains("replicas is 3, was 1"));
    })
    .await;
}

#[tokio::test]
async fn a_change_by_someone_else_between_dialog_and_enter_is_refused_and_named() {
    with("change-moved", |lab| async move {
        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 1)).await;
        settled(&lab, "deployments", "web").await;
        let web = plain(&lab);
        let belief = belief::rollout(&lab.client, &web).await;
        let ready = look(&lab, &web, &ship("lab/web:1.1.0")).await.unwrap();
        lab.set_image("web", "lab/web:1.2.0", "kubectl-set").await;
        let refused = send(&lab.client, &ready.requests).await;
        assert!(moved(&refused[0].1).contains("image of web is lab/web:1.2.0, was lab/web:1.0.0, by kubectl-set at "), "{refused:?}");

        let stale = preview(&lab.client, &web, &belief, &ship("lab/web:1.1.0")).await.unwrap_err();
        assert!(stale.to_string().contains("image of web is lab/web:1.2.0, was lab/web:1.0.0, by kubectl-set at "), "{stale}");

        settled(&lab, "deployments", "web").await;
        let belief = belief::rollout(&lab.client, &web).await;
        lab.delete("deployments", "web").await;
        lab.create("deployments", &deployment("web", "lab/web:1.2.0", 1)).await;
        let other = preview(&lab.client, &web, &belief, &Order::Hold).await.unwrap_err();
        assert!(other.to_string().contains("was deleted and made anew"), "{other}");
    })
    .await;
}

#[tokio::test]
async fn the_viewer_is_told_the_missing_right_of_every_verb_and_the_deployer_of_none() {
    with("change-rights", |lab| async move {
        let side = |track: &str| TrackTarget { track: track.into(), deployment: format!("web-{track}") };
        let pair = BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] };
        let targets = [
            Target::Deployment { name: "web".into() },
            Target::StatefulSet { name: "db".into() },
            Target::DaemonSet { name: "agent".into() },
            Target::BlueGreen(pair),
        ];
        let workloads = targets.map(|target| web(&lab, target));
        let asked = workloads.clone().map(|workload| (workload, access::State::default()));
        let Some(viewer) = lab::client("viewer").await else { return };
        let rights = access::ask(&viewer, &asked).await;
        for (workload, verbs) in workloads.iter().zip(offered()) {
            let mut capabilities = Capabilities::offering(&verbs);
            rights.refuse(workload, &access::State::default(), &mut capabilities);
            for (verb, refusal) in capabilities.0 {
                assert!(matches!(refusal, Some(Refusal::NoRight { .. })), "{verb} on {:?}: {refusal:?}", workload.target);
            }
        }
        let Some(deployer) = lab::client("deployer").await else { return };
        let rights = access::ask(&deployer, &asked).await;
        for (workload, verbs) in workloads.iter().zip(offered()) {
            let mut capabilities = Capabilities::offering(&verbs);
            rights.refuse(workload, &access::State::default(), &mut capabilities);
            assert!(capabilities.0.values().all(Option::is_none), "{:?}: {capabilities:?}", workload.target);
        }

        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 1)).await;
        settled(&lab, "deployments", "web").await;
        let belief = belief::rollout(&lab.client, &workloads[0]).await;
        let refused = preview(&viewer, &workloads[0], &belief, &ship("lab/web:1.1.0")).await.unwrap_err();
        assert!(matches!(&refused, ChangeError::Rejected { status: 403, message } if message.contains("viewer")), "{refused:?}");
        let allowed = preview(&deployer, &workloads[0], &belief, &ship("lab/web:1.1.0")).await.unwrap();
        assert!(send(&viewer, &allowed.requests).await[0].1.as_ref().is_err_and(|error| error.to_string().contains("(403)")));
        assert!(send(&deployer, &allowed.requests).await[0].1.is_ok());
    })
    .await;
}

fn offered() -> [Vec<Verb>; 4] {
    use Verb::{Abort, Hold, Restart, Resume, Retire, RollBack, Scale, Ship, Switch, SwitchBack};
    [
        vec![Ship, Hold, Resume, Abort, RollBack, Restart, Scale],
        vec![Ship, RollBack, Restart, Scale],
        vec![Ship, RollBack, Restart],
        vec![Ship, Switch, SwitchBack, Restart, Scale, Retire],
    ]
}

#[tokio::test]
async fn blue_green_ships_to_the_idle_side_switches_when_it_is_ready_and_goes_back() {
    with("change-pair", |lab| async move {
        for (track, replicas) in [("blue", 2), ("green", 0)] {
            let labels = json!({"app": "web", "color": track});
            lab.create("deployments", &workload("Deployment", &format!("web-{track}"), "lab/web:1.0.0", replicas, &labels)).await;
        }
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web", "color": "blue"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
        lab.create_core("services", &service).await;
        settled(&lab, "deployments", "web-blue").await;
        let side = |track: &str| TrackTarget { track: track.into(), deployment: format!("web-{track}") };
        let pair = BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] };
        let web = web(&lab, Target::BlueGreen(pair));
        let green = || Order::Switch { to: "green".into() };

        let empty = look(&lab, &web, &green()).await.unwrap_err();
        assert_eq!(empty, Refusal::IdleEmpty { track: "green".into() }.into());
        order(&lab, &web, &ship("lab/web:bad")).await;
        let refused = look(&lab, &web, &green()).await.unwrap_err();
        assert_eq!(refused, Refusal::IdleNotReady { track: "green".into(), ready: 0, wanted: 2 }.into());
        let shipped = order(&lab, &web, &ship("lab/web:1.1.0")).await;
        assert_eq!(shipped.requests.len(), 1, "it has the size already");
        settled(&lab, "deployments", "web-green").await;

        let before = belief::rollout(&lab.client, &web).await;
        let switch = order(&lab, &web, &green()).await;
        assert_eq!((switch.from.as_deref(), switch.to.as_deref()), (Some("blue 1.0.0"), Some("green 1.1.0")));
        lab.serves("web:http", "1.1.0").await;
        let twice = send(&lab.client, &switch.requests).await;
        assert!(moved(&twice[0].1).contains("selector color is green, was blue, by rolldeck at "), "{twice:?}");
        let stale = preview(&lab.client, &web, &before, &Order::Retire { track: "green".into() }).await.unwrap_err();
        assert!(stale.to_string().contains("selector color is green, was blue"), "{stale}");

        let soon = look(&lab, &web, &Order::Retire { track: "blue".into() }).await.unwrap_err();
        assert!(matches!(soon, ChangeError::Refused(Refusal::TooSoon { .. })), "{soon}");
        let users = look(&lab, &web, &Order::Retire { track: "green".into() }).await.unwrap_err();
        assert_eq!(users.to_string(), "the users are on green");
        let held = look(&lab, &web, &Order::Hold).await.unwrap_err();
        assert!(matches!(held, ChangeError::Refused(Refusal::NotOffered { .. })), "{held}");

        order(&lab, &web, &Order::SwitchBack { to: "blue".into() }).await;
        lab.serves("web:http", "1.0.0").await;
        let service: Value = lab.read(&format!("/api/v1/namespaces/{}/services/web", lab.namespace)).await;
        assert_eq!(service["metadata"]["annotations"]["rolldeck.dev/switched-from"], "green");
        order(&lab, &web, &Order::Scale { track: Some("green".into()), replicas: 0 }).await;
        let retired = look(&lab, &web, &Order::Retire { track: "green".into() }).await.unwrap_err();
        assert_eq!(retired, Refusal::AlreadyRetired { track: "green".into() }.into());
        let grown = look(&lab, &web, &ship("lab/web:1.2.0")).await.unwrap();
        assert_eq!(grown.requests.len(), 2, "scaled first, then set");
        assert!(grown.requests[0].path.contains("/scale?") && !grown.requests[1].body.contains("generation"), "{grown:?}");
    })
    .await;
}

#[tokio::test]
async fn a_stateful_set_is_undone_together_with_its_stuck_pod() {
    with("change-set", |lab| async move {
        lab.create("statefulsets", &workload("StatefulSet", "db", "lab/web:1.0.0", 2, &json!({"app": "db"}))).await;
        settled(&lab, "statefulsets", "db").await;
        let db = web(&lab, Target::StatefulSet { name: "db".into() });
        let good = belief::rollout(&lab.client, &db).await.revisions[0].id.clone();
        order(&lab, &db, &ship("lab/web:bad")).await;
        let pod = format!("/api/v1/namespaces/{}/pods/db-1", lab.namespace);
        lab.until("the bad pod", &pod, |pod| {
            pod.pointer("/spec/containers/0/image") == Some(&json!("lab/web:bad")) && pod["status"]["phase"] == "Running"
        })
        .await;

        let back = Order::RollBack { to: good };
        if let Some(deployer) = lab::client("deployer").await {
            let belief = belief::rollout(&lab.client, &db).await;
            let spared = preview(&deployer, &db, &belief, &back).await.unwrap();
            assert_eq!(spared.requests.len(), 1, "the deployer may not delete, and is not locked out");
            assert!(spared.warnings.iter().any(|warning| warning.contains("db-1 stays as it is")), "{:?}", spared.warnings);
        }
        let preview = order(&lab, &db, &back).await;
        assert_eq!(preview.requests.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), ["PATCH", "DELETE"]);
        let set = settled(&lab, "statefulsets", "db").await;
        assert_eq!(set.pointer("/spec/template/spec/containers/0/image"), Some(&json!("lab/web:1.0.0")));
        order(&lab, &db, &Order::Scale { track: None, replicas: 1 }).await;
        settled(&lab, "statefulsets", "db").await;
        order(&lab, &db, &Order::Restart { track: None }).await;
        settled(&lab, "statefulsets", "db").await;
        let held = look(&lab, &db, &Order::Hold).await.unwrap_err();
        assert!(matches!(held, ChangeError::Refused(Refusal::NotOffered { .. })), "{held}");
    })
    .await;
}

#[tokio::test]
async fn a_daemon_set_is_shipped_and_undone_by_its_controller_revision() {
    with("change-daemon", |lab| async move {
        lab.create("daemonsets", &workload("DaemonSet", "agent", "lab/web:1.0.0", 0, &json!({"app": "agent"}))).await;
        let agent = web(&lab, Target::DaemonSet { name: "agent".into() });
        let done = |object: &Value| {
            let status = &object["status"];
            status["observedGeneration"] == object["metadata"]["generation"]
                && status["updatedNumberScheduled"] == 1
                && status["numberReady"] == 1
        };
        lab.until("the daemon", &lab.apps("daemonsets", "agent"), done).await;
        let good = belief::rollout(&lab.client, &agent).await.revisions[0].id.clone();
        order(&lab, &agent, &ship("lab/web:bad")).await;
        order(&lab, &agent, &Order::RollBack { to: good }).await;
        let object = lab.until("the daemon's return", &lab.apps("daemonsets", "agent"), done).await;
        assert_eq!(object.pointer("/spec/template/spec/containers/0/image"), Some(&json!("lab/web:1.0.0")));
        let scale = look(&lab, &agent, &Order::Scale { track: None, replicas: 2 }).await.unwrap_err();
        assert!(matches!(scale, ChangeError::Refused(Refusal::NotOffered { .. })), "{scale}");
    })
    .await;
}

#[tokio::test]
async fn the_note_is_an_event_on_the_object_and_a_viewer_gets_a_sentence_instead() {
    with("change-note", |lab| async move {
        lab.create("deployments", &deployment("web", "lab/web:1.0.0", 1)).await;
        let rollout: Rollout = belief::rollout(&lab.client, &plain(&lab)).await;
        let object = &rollout.objects[0];
        let text = Note { actor: "ana".into(), text: "rolled back to #1 1.0.0".into(), reason: "RolledBack".into() };
        note::leave(&lab.client, object, &text, lab::now()).await.unwrap();
        let events: Value =
            lab.read(&format!("/api/v1/namespaces/{}/events?fieldSelector=involvedObject.name=web,reason=RolledBack", lab.namespace)).await;
        assert_eq!(events["items"][0]["message"], "ana rolled back to #1 1.0.0");
        assert_eq!(events["items"][0]["involvedObject"]["uid"], object.uid.as_str());
        if let Some(viewer) = lab::client("viewer").await {
            let refused = note::leave(&viewer, object, &text, lab::now()).await.unwrap_err();
            assert!(refused.starts_with("no Event was left on Deployment ") && refused.contains("viewer"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_where_nothing_listens() {
    let mut config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
    config.default_retry = false;
    let client = Client::try_from(config).unwrap();
    let request = Request {
        purpose: "try".into(),
        method: "PATCH".into(),
        path: "/apis/apps/v1/namespaces/n/deployments/web".into(),
        content_type: "application/json-patch+json".into(),
        body: "[]".into(),
        object: belief::object("Deployment", "n", "web"),
        then: None,
    };
    let answers = tokio::time::timeout(Duration::from_secs(5), send(&client, &[request.clone(), request])).await.unwrap();
    assert!(matches!(answers.as_slice(), [(0, Err(ChangeError::NotSent(_)), true)]), "{answers:?}");
}
