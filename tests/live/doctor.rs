//! What the doctor says of a real cluster's troubles, each within its time, and that it does not take it back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use rolldeck::domain::doctor::{Cause, Finding, diagnose};
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::port::engine::{Command, Event};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::lab::{self, Lab, now};

/// One trouble: a Deployment that has it, and what is to be said of it.
struct Case {
    name: &'static str,
    /// Merged into the Deployment's spec and into its container.
    spec: Value,
    container: Value,
    cause: Cause,
    says: &'static [&'static str],
    /// Seconds from its creation.
    within: u64,
}

fn case(name: &'static str, cause: Cause, within: u64, says: &'static [&'static str], container: Value) -> Case {
    Case { name, spec: json!({}), container, cause, says, within }
}

fn cases() -> Vec<Case> {
    let web = "lab/web:1.0.0";
    vec![
        case("pull", Cause::ImagePull, 30, &["cannot pull lab/web:gone: "], json!({"image": "lab/web:gone"})),
        case(
            "crash",
            Cause::CrashLoop,
            40,
            &["crash", "exit 1"],
            json!({"image": "lab/web:crash", "terminationMessagePolicy": "FallbackToLogsOnError"}),
        ),
        case(
            "leak",
            Cause::CrashLoop,
            60,
            &["killed for memory, limit 32Mi"],
            json!({"image": "lab/web:leak", "resources": {"limits": {"memory": "32Mi"}}}),
        ),
        case(
            "unready",
            Cause::Unready,
            40,
            &["is not ready: HTTP probe failed with statuscode: 404"],
            json!({"image": "lab/web:bad", "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}),
        ),
        case(
            "huge",
            Cause::Unschedulable,
            30,
            &["finds no node: 0/1 nodes are available: 1 Insufficient cpu"],
            json!({"image": web, "resources": {"requests": {"cpu": "1000"}}}),
        ),
        case(
            "card",
            Cause::Quota,
            20,
            &["0 of 1 pod could be made: the quota is exhausted"],
            json!({"image": web, "resources": {"requests": {"lab.example/card": "1"}, "limits": {"lab.example/card": "1"}}}),
        ),
        case(
            "env",
            Cause::Config,
            30,
            &["cannot start web: configmap \"ledger\" not found"],
            json!({"image": web, "envFrom": [{"configMapRef": {"name": "ledger"}}]}),
        ),
        Case {
            spec: json!({"volumes": [{"name": "tls", "secret": {"secretName": "web-tls"}}]}),
            ..case(
                "volume",
                Cause::Config,
                30,
                &["cannot mount a volume: secret \"web-tls\" not found"],
                json!({"image": web, "volumeMounts": [{"name": "tls", "mountPath": "/tls"}]}),
            )
        },
        Case {
            spec: json!({"progressDeadlineSeconds": 5}),
            ..case(
                "late",
                Cause::Deadline,
                40,
                &["no progress within the deadline: 0 of 1 pod ready"],
                json!({"image": web, "readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 600}}),
            )
        },
        case("held", Cause::Held, 20, &["held by kubectl since "], json!({"image": web})),
        case("scaled", Cause::Autoscaler, 40, &["1 pod is wanted, and the autoscaler scaled will put back 2"], json!({"image": web})),
    ]
}

fn id(name: &str) -> RolloutId {
    RolloutId { environment: "lab".into(), service: name.into(), workload: name.into() }
}

fn deployment(case: &Case) -> Value {
    let mut container = json!({"name": "web", "imagePullPolicy": "IfNotPresent"});
    let mut pod = json!({"terminationGracePeriodSeconds": 0});
    let mut spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": case.name}}});
    let (of_pod, of_spec): (Vec<_>, Vec<_>) = case.spec.as_object().unwrap().iter().partition(|(key, _)| *key == "volumes");
    container.as_object_mut().unwrap().extend(case.container.as_object().unwrap().clone());
    pod.as_object_mut().unwrap().extend(of_pod.into_iter().map(|(key, value)| (key.clone(), value.clone())));
    pod["containers"] = json!([container]);
    spec.as_object_mut().unwrap().extend(of_spec.into_iter().map(|(key, value)| (key.clone(), value.clone())));
    spec["template"] = json!({"metadata": {"labels": {"app": case.name}}, "spec": pod});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": case.name}, "spec": spec})
}

#[tokio::test(flavor = "multi_thread")]
async fn each_trouble_is_told_within_its_time_and_stays_told() {
    let Some(lab) = Lab::open("doctor").await else { return };
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "cards"}, "spec": {"hard": {"requests.lab.example/card": "0"}}});
    lab.create_core("resourcequotas", &quota).await;
    let path = format!("/api/v1/namespaces/{}/resourcequotas/cards", lab.namespace);
    lab.until("the quota", &path, |quota| quota.pointer("/status/hard").is_some()).await;
    let cases = cases();
    let workload = |case: &Case| Workload {
        id: id(case.name),
        engine: EngineKind::Kubernetes,
        context: std::env::var("ROLLDECK_TEST_CONTEXT").ok(),
        namespace: lab.namespace.clone(),
        target: Target::Deployment { name: case.name.into() },
        image: None,
        container: None,
    };
    let mut engine = Engine::start(cases.iter().map(workload).collect());
    engine.commands.send(Command::Focus(Some(id("pull")))).await.unwrap();
    for case in &cases {
        lab.create("deployments", &deployment(case)).await;
    }
    lab.scale("held", &json!({"spec": {"paused": true}})).await;
    // It must be above what is wanted for the moment in which it has not acted.
    let scaler = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "scaled"},
        "spec": {"minReplicas": 2, "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}}});
    lab.create_in("autoscaling/v1", "horizontalpodautoscalers", &scaler).await;

    let began = Instant::now();
    let mut rollouts: BTreeMap<String, Rollout> = BTreeMap::new();
    let mut said: BTreeMap<String, Finding> = BTreeMap::new();
    let mut told: BTreeMap<String, (Duration, String)> = BTreeMap::new();
    while told.len() < cases.len() || began.elapsed() < Duration::from_secs(35) {
        if let Some(Event::Rollout(rollout)) = engine.next(Duration::from_millis(250)).await {
            rollouts.insert(rollout.id.service.to_string(), Rollout::clone(&rollout));
        }
        for case in &cases {
            let Some(rollout) = rollouts.get(case.name) else { continue };
            let finding = diagnose(rollout, now()).map(|finding| finding.steadied(said.get(case.name)));
            let fits = |finding: &Finding| {
                finding.cause == case.cause && case.says.iter().all(|part| finding.sentence.contains(part)) && !finding.evidence.is_empty()
            };
            match (&finding, told.get(case.name)) {
                (Some(finding), None) if fits(finding) => {
                    told.insert(case.name.into(), (began.elapsed(), finding.sentence.clone()));
                }
                // What an autoscaler puts back is over when it has.
                (now, Some(before)) if case.cause != Cause::Autoscaler => {
                    assert!(
                        now.as_ref().is_some_and(|now| now.cause == case.cause),
                        "{}: {before:?} became {now:?}: {:#?}",
                        case.name,
                        rollout.instances
                    );
                }
                _ => {}
            }
            assert!(
                told.contains_key(case.name) || began.elapsed().as_secs() < case.within,
                "{}: not told in {} s, but {finding:?} of {rollout:#?}",
                case.name,
                case.within
            );
            match finding {
                Some(finding) => said.insert(case.name.into(), finding),
                None => said.remove(case.name),
            };
        }
    }
    for name in ["pull", "crash", "leak", "unready", "env"] {
        let finding = &said[name];
        assert!(finding.instance.is_some() && finding.container.as_ref().is_some_and(|name| name.as_str() == "web"), "{finding:?}");
    }
    let words = &said["crash"].evidence;
    assert!(words.contains("exit 1 Error: ") && words.contains("panic: nil pointer"), "{words}");
    lab::close(&lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_known_and_holds_a_restart_by_eviction() {
    let Some(lab) = Lab::open("doctor-budget").await else { return };
    let web = case("web", Cause::Budget, 0, &[], json!({"image": "lab/web:1.0.0"}));
    lab.create("deployments", &deployment(&web)).await;
    let budget = |name: &str, app: &str| {
        json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}}})
    };
    lab.create_in("policy/v1beta1", "poddisruptionbudgets", &budget("web", "web")).await;
    lab.create_in("policy/v1beta1", "poddisruptionbudgets", &budget("other", "other")).await;
    let workload = Workload {
        id: id("web"),
        engine: EngineKind::Kubernetes,
        context: std::env::var("ROLLDECK_TEST_CONTEXT").ok(),
        namespace: lab.namespace.clone(),
        target: Target::Deployment { name: "web".into() },
        image: None,
        container: None,
    };
    let mut engine = Engine::start(vec![workload]);
    let mut rollout = engine
        .rollout("the budget over a healthy pod", |rollout| {
            rollout.phase == Phase::Done && rollout.budgets.iter().any(|budget| budget.healthy == 1)
        })
        .await;
    assert_eq!(rollout.budgets.len(), 1, "{:?}", rollout.budgets);
    let name = rollout.instances[0].name.to_string();
    let eviction = json!({"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name, "namespace": lab.namespace}});
    let path = format!("/api/v1/namespaces/{}/pods/{name}/eviction", lab.namespace);
    let request = http::Request::post(path).header("content-type", "application/json").body(eviction.to_string().into_bytes()).unwrap();
    let refused = lab.client.request::<Value>(request).await.unwrap_err().to_string();
    assert!(refused.contains("disruption budget"), "{refused}");
    // As Argo's controller restarts: it evicts what is older than this, and asks again when it is refused.
    let later = |seconds| now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    rollout.delivery.restart = Some(later(1));
    let finding = diagnose(&rollout, later(20)).unwrap();
    assert_eq!(
        (finding.cause, finding.sentence.as_str()),
        (Cause::Budget, "1 of 1 pod may not be evicted: budget web allows 0 of 1 healthy")
    );
    lab::close(&lab.namespace).await;
}
