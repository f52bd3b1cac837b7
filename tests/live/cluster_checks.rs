//! What a real cluster answers for checklists: each check with objects that pass it and objects that do not, and what is
//! said where a right is missing.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use rolldeck::adapter::kubernetes::check::spawn_with;
use rolldeck::adapter::kubernetes::{self, change};
use rolldeck::domain::change::{Expect, Judgement};
use rolldeck::domain::id::EnvironmentName;
use rolldeck::domain::plan::{Target, Workload};
use rolldeck::domain::release::checklist::{Kubernetes, Subject, SubjectService, Task, Verdict};
use rolldeck::domain::release::{Bound, binding};
use rolldeck::domain::rollout::Rollout;
use rolldeck::domain::verb::Order;
use rolldeck::port::check::{Command, Event};
use rolldeck::port::{Seq, engine};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::belief;
use crate::lab::{self, Lab};

fn deployment(name: &str, image: &str, replicas: u32, cpu: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "web", "image": image, "imagePullPolicy": "IfNotPresent", "resources": {"requests": {"cpu": cpu}},
                "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}}}})
}

fn workload(lab: &Lab, environment: &str, service: &str, name: &str) -> Workload {
    let mut workload = belief::workload(&lab.namespace, Target::Deployment { name: name.into() });
    workload.id.environment = environment.into();
    workload.id.service = service.into();
    workload.id.workload = service.into();
    workload
}

fn subject(services: &[(&str, &str)]) -> Arc<Subject> {
    let of = |(service, version): &(&str, &str)| SubjectService {
        service: (*service).into(),
        version: (*version).into(),
        image: format!("lab/web:{version}"),
        digest: None,
    };
    Arc::new(Subject { release: "r1".into(), environment: "production".into(), services: services.iter().map(of).collect() })
}

/// A checker over a plan.
struct Checks {
    plan: Vec<Workload>,
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
}

impl Checks {
    fn over(client: Client, plan: Vec<Workload>) -> Self {
        let (commands, asked) = mpsc::channel(16);
        let (found, events) = mpsc::channel(64);
        spawn_with(client, plan.clone(), asked, found);
        Self { plan, commands, events }
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(60), self.events.recv()).await.expect("an answer").expect("the checker lives")
    }

    async fn run(&mut self, subject: &Arc<Subject>, environment: &str, task: Task) -> (Verdict, String) {
        let environment = EnvironmentName::new(environment);
        let of = |workload: &&Workload| {
            workload.id.environment == environment && subject.services.iter().any(|one| one.service == workload.id.service)
        };
        let workloads = self.plan.iter().filter(of).cloned().collect();
        let run = Command::Run { seq: Seq(1), item: "item".into(), task: Box::new(task), subject: subject.clone(), workloads };
        self.commands.send(run).await.expect("it takes it");
        loop {
            if let Event::Finished { found, .. } = self.event().await {
                return (found.verdict, found.evidence);
            }
        }
    }

    async fn kubernetes(&mut self, subject: &Arc<Subject>, check: Kubernetes) -> (Verdict, String) {
        self.run(subject, "production", Task::Kubernetes(check)).await
    }

    async fn bind(&mut self, subject: &Arc<Subject>) -> Vec<Bound> {
        let bind = Command::Bind { seq: Seq(2), subject: subject.clone(), workloads: self.plan.clone() };
        self.commands.send(bind).await.expect("it takes it");
        loop {
            if let Event::Bound { bound, .. } = self.event().await {
                return bound;
            }
        }
    }

    /// Asks again until a check is so: what a controller has not seen yet comes.
    async fn until(&mut self, subject: &Arc<Subject>, check: Kubernetes, verdict: Verdict) -> String {
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let (found, evidence) = self.kubernetes(subject, check.clone()).await;
            if found == verdict {
                return evidence;
            }
            assert!(tokio::time::Instant::now() < end, "{check:?} is {found:?}: {evidence}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

#[track_caller]
fn assert_found((verdict, evidence): &(Verdict, String), wanted: Verdict, words: &str) {
    assert!(*verdict == wanted && evidence.contains(words), "{verdict:?} {evidence:?}, wanted {wanted:?} {words:?}");
}

fn healthy(seconds: i64) -> Kubernetes {
    Kubernetes::Healthy { for_: SignedDuration::from_secs(seconds) }
}

#[tokio::test]
async fn what_runs_is_healthy_alone_and_can_go_back_until_it_is_not() {
    let Some(lab) = Lab::open("checks-health").await else { return };
    lab.create("deployments", &deployment("web", "lab/web:1.0.0", 2, "10m")).await;
    lab.create("deployments", &deployment("api", "lab/web:1.0.0", 1, "10m")).await;
    let plan = vec![workload(&lab, "production", "web", "web"), workload(&lab, "production", "api", "api")];
    let mut checks = Checks::over(lab.client.clone(), plan);
    let web = subject(&[("web", "1.1.0")]);

    let evidence = checks.until(&web, healthy(1), Verdict::Pass).await;
    assert!(evidence.starts_with("1.0.0: 2 of 2 ready for ") && evidence.contains("youngest"), "{evidence}");
    assert_found(&checks.kubernetes(&web, healthy(3600)).await, Verdict::Pending, "healthy for 0 of 60 min");
    checks.until(&web, Kubernetes::Quiet, Verdict::Pass).await;
    assert_found(&checks.kubernetes(&web, Kubernetes::Rollback).await, Verdict::Pass, "#1 1.0.0 stays to go back to, 10 are kept");
    assert_found(&checks.kubernetes(&web, Kubernetes::Capacity).await, Verdict::Pass, "room for 1 web (each 0.01 cores) more on");

    lab.set_image("api", "lab/web:bad", "kubectl").await;
    let evidence = checks.until(&web, Kubernetes::Quiet, Verdict::Fail).await;
    assert!(evidence.starts_with("api is under way: 1.0.0 → bad"), "{evidence}");
    // A release never fails by its own rollouts.
    let both = subject(&[("web", "1.1.0"), ("api", "bad")]);
    assert_found(&checks.kubernetes(&both, Kubernetes::Quiet).await, Verdict::Pass, "production has no other rollout");
    let api = subject(&[("api", "bad")]);
    let found = checks.kubernetes(&api, healthy(1)).await;
    assert!(matches!(found.0, Verdict::Fail | Verdict::Pending), "{found:?}");

    lab.scale("web", &json!({"spec": {"revisionHistoryLimit": 0}})).await;
    assert_found(&checks.kubernetes(&web, Kubernetes::Rollback).await, Verdict::Fail, "revisionHistoryLimit is 0: #1 1.0.0 is gone");
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn nodes_and_budgets_say_when_there_is_no_room() {
    let Some(lab) = Lab::open("checks-room").await else { return };
    lab.create("deployments", &deployment("web", "lab/web:1.0.0", 2, "10m")).await;
    lab.create("deployments", &deployment("big", "lab/web:1.0.0", 1, "512")).await;
    let plan = vec![workload(&lab, "production", "web", "web"), workload(&lab, "production", "big", "big")];
    let mut checks = Checks::over(lab.client.clone(), plan);
    let (web, big) = (subject(&[("web", "1.1.0")]), subject(&[("big", "1.1.0")]));
    checks.until(&web, healthy(0), Verdict::Pass).await;

    assert_found(&checks.kubernetes(&big, Kubernetes::Capacity).await, Verdict::Fail, "0 of 1 more big fit: each needs 512 cores");
    assert_found(&checks.kubernetes(&web, Kubernetes::Disruption).await, Verdict::Pass, "no budget");
    // Served by every cluster up to 1.24, and v1 from 1.21 on.
    let path = if lab.serves_old_budgets().await { "policy/v1beta1" } else { "policy/v1" };
    let budget = json!({"apiVersion": path, "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}});
    lab.make(path, "poddisruptionbudgets", &budget).await;
    let evidence = checks.until(&web, Kubernetes::Disruption, Verdict::Fail).await;
    assert!(evidence.starts_with("budget web allows 0 evictions: "), "{evidence}");
    let budget = format!("/apis/{path}/namespaces/{}/poddisruptionbudgets/web", lab.namespace);
    lab.patch(&budget, &json!({"spec": {"minAvailable": 1}})).await;
    let evidence = checks.until(&web, Kubernetes::Disruption, Verdict::Pass).await;
    assert_eq!(evidence, "budget web allows 1 eviction: 2 healthy, 1 needed");
    lab::close(&lab.namespace).await;
}

fn certificate(years: i32) -> String {
    let mut params = rcgen::CertificateParams::new(vec!["shop.example".into()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020 + years, 1, 1);
    params.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate").pem()
}

#[tokio::test]
async fn config_maps_secrets_certificates_and_jobs_are_looked_at() {
    let Some(lab) = Lab::open("checks-objects").await else { return };
    let mut checks = Checks::over(lab.client.clone(), vec![workload(&lab, "production", "web", "web")]);
    let web = subject(&[("web", "1.1.0")]);
    let map = || Kubernetes::ConfigMap { name: "settings".into() };
    let secret = || Kubernetes::Secret { name: "tls".into() };
    let tls = |name: &str| Kubernetes::Certificate { secret: name.into(), days: 14 };
    let job = |name: &str| Kubernetes::Job { name: name.into() };

    assert_found(&checks.kubernetes(&web, map()).await, Verdict::Fail, "no config map settings in checks-objects");
    assert_found(&checks.kubernetes(&web, secret()).await, Verdict::Fail, "no secret tls in");
    assert_found(&checks.kubernetes(&web, tls("tls")).await, Verdict::Fail, "no secret tls in");
    assert_found(&checks.kubernetes(&web, job("migrate")).await, Verdict::Fail, "no job migrate in");
    lab.create_core("configmaps", &json!({"metadata": {"name": "settings"}, "data": {"a": "1"}})).await;
    for (name, years) in [("tls", 60), ("old", 1)] {
        let data = json!({"tls.crt": certificate(years), "tls.key": "hunter2"});
        lab.create_core("secrets", &json!({"metadata": {"name": name}, "type": "kubernetes.io/tls", "stringData": data})).await;
    }
    lab.create_core("secrets", &json!({"metadata": {"name": "plain"}, "stringData": {"password": "hunter2"}})).await;
    assert_found(&checks.kubernetes(&web, map()).await, Verdict::Pass, "config map settings is in");
    assert_found(&checks.kubernetes(&web, secret()).await, Verdict::Pass, "secret tls is in");
    assert_found(&checks.kubernetes(&web, tls("tls")).await, Verdict::Pass, "the certificate expires 2080-01-01, in ");
    assert_found(&checks.kubernetes(&web, tls("old")).await, Verdict::Fail, "the certificate expired 2021-01-01");
    assert_found(&checks.kubernetes(&web, tls("plain")).await, Verdict::Fail, "secret plain has no tls.crt");

    for (name, ends, version) in [("migrate", "exit 0", "1.1.0"), ("broken", "exit 3", "1.1.0"), ("former", "exit 0", "1.0.0")] {
        let container = json!({"name": "job", "image": "lab/web:1.0.0", "command": ["/bin/sh", "-c", ends]});
        let spec = json!({"restartPolicy": "Never", "containers": [container]});
        let labels = json!({"app.kubernetes.io/version": version});
        let object = json!({"metadata": {"name": name, "labels": labels}, "spec": {"backoffLimit": 0, "template": {"spec": spec}}});
        lab.make("batch/v1", "jobs", &object).await;
    }
    let evidence = checks.until(&web, job("migrate"), Verdict::Pass).await;
    assert!(evidence.starts_with("job migrate succeeded ") && evidence.ends_with(", of 1.1.0"), "{evidence}");
    let evidence = checks.until(&web, job("broken"), Verdict::Fail).await;
    assert!(evidence.contains("BackoffLimitExceeded, 1 tries, of 1.1.0"), "{evidence}");
    assert_found(&checks.kubernetes(&web, job("former")).await, Verdict::Fail, "job former is of 1.0.0");
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn what_runs_in_staging_is_compared_with_the_release() {
    let Some(lab) = Lab::open("checks-staging").await else { return };
    lab.create("deployments", &deployment("web-staging", "lab/web:1.1.0", 1, "10m")).await;
    lab.create("deployments", &deployment("web", "lab/web:1.0.0", 1, "10m")).await;
    let plan = vec![workload(&lab, "staging", "web", "web-staging"), workload(&lab, "production", "web", "web")];
    let mut checks = Checks::over(lab.client.clone(), plan);
    let (next, other) = (subject(&[("web", "1.1.0")]), subject(&[("web", "1.2.0")]));
    let settled = |seconds| Task::Environment { environment: "staging".into(), healthy_for: SignedDuration::from_secs(seconds) };
    let same = || Kubernetes::SameDigest { environment: "staging".into() };

    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while checks.run(&next, "staging", settled(1)).await.0 != Verdict::Pass {
        assert!(tokio::time::Instant::now() < end, "staging does not settle");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_found(&checks.run(&next, "staging", settled(1800)).await, Verdict::Pending, "healthy for 0 of 30 min");
    assert_found(&checks.run(&other, "staging", settled(1)).await, Verdict::Fail, "staging runs 1.1.0");

    // Built where they run, the images have an id and no digest of a registry.
    assert_found(&checks.kubernetes(&next, same()).await, Verdict::Unknown, "it has no digest to compare");
    assert_found(&checks.kubernetes(&other, same()).await, Verdict::Fail, "it does not run in staging");
    let bound = checks.bind(&next).await;
    assert_eq!((bound.len(), bound[0].digest.as_deref(), bound[0].shipped().as_str()), (1, None, "lab/web:1.1.0"));
    assert_eq!(bound[0].source, "runs in staging, built there: it has no digest that a registry knows");
    assert_eq!(checks.bind(&other).await[0].source, "1.2.0 runs nowhere yet");
    lab.set_image("web", "lab/web:1.1.0", "kubectl").await;
    let evidence = checks.until(&next, same(), Verdict::Pass).await;
    assert!(evidence.contains(" here and in staging, weak: built there, not pulled"), "{evidence}");
    lab::close(&lab.namespace).await;
}

/// A client of a person with no role of their own.
async fn stranger(context: &str, name: &str) -> Client {
    let options = KubeConfigOptions { context: Some(context.into()), ..KubeConfigOptions::default() };
    let mut config = Config::from_kubeconfig(&options).await.expect("the context is there");
    config.auth_info.impersonate = Some(name.into());
    Client::try_from(config).expect("a client")
}

#[tokio::test]
async fn a_missing_right_is_named_and_makes_a_check_unknown() {
    let Some(lab) = Lab::open("checks-rights").await else { return };
    lab.create("deployments", &deployment("web", "lab/web:1.0.0", 1, "10m")).await;
    let web = subject(&[("web", "1.1.0")]);
    let plan = vec![workload(&lab, "production", "web", "web"), workload(&lab, "production", "api", "api")];
    let context = std::env::var("ROLLDECK_TEST_CONTEXT").expect("the lab is open");
    let mut nobody = Checks::over(stranger(&context, "rolldeck-nobody").await, plan.clone());
    for (check, right) in [
        (healthy(1), "in checks-rights"),
        (Kubernetes::Capacity, "no right to get deployments in"),
        (Kubernetes::Quiet, "in checks-rights"),
        (Kubernetes::ConfigMap { name: "settings".into() }, "no right to get configmaps in"),
        (Kubernetes::Secret { name: "tls".into() }, "no right to get secrets in"),
        (Kubernetes::Certificate { secret: "tls".into(), days: 1 }, "no right to get secrets in"),
        (Kubernetes::Job { name: "migrate".into() }, "no right to get jobs in"),
        (Kubernetes::SameDigest { environment: "production".into() }, "no right to list"),
    ] {
        let found = nobody.kubernetes(&web, check.clone()).await;
        assert!(found.0 == Verdict::Unknown && found.1.contains("no right to ") && found.1.contains(right), "{check:?}: {found:?}");
    }

    // Whoever may read the namespace may not look at the nodes.
    let rules = json!([{"apiGroups": ["", "apps", "autoscaling"], "resources": ["*"], "verbs": ["get", "list"]}]);
    let rbac = "rbac.authorization.k8s.io/v1";
    lab.make(rbac, "roles", &json!({"metadata": {"name": "reader"}, "rules": rules})).await;
    let subjects = json!([{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "rolldeck-reader"}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"});
    lab.make(rbac, "rolebindings", &json!({"metadata": {"name": "reader"}, "roleRef": role, "subjects": subjects})).await;
    let mut reader = Checks::over(stranger(&context, "rolldeck-reader").await, plan);
    reader.until(&web, healthy(1), Verdict::Pass).await;
    assert_found(&reader.kubernetes(&web, Kubernetes::Capacity).await, Verdict::Unknown, "no right to list nodes");
    assert_found(&reader.kubernetes(&web, Kubernetes::Disruption).await, Verdict::Unknown, "no right to list poddisruptionbudgets in");
    lab::close(&lab.namespace).await;
}

/// Waits until the engine shows a rollout by which an order is met, and returns it.
async fn met(client: Client, workload: &Workload, expect: &Expect) -> Rollout {
    let (_commands, orders) = mpsc::channel(8);
    let (tell, mut told) = mpsc::channel(256);
    let (lines, _logs) = mpsc::channel(8);
    let engine = kubernetes::spawn_with(client, vec![workload.clone()], orders, tell, lines);
    let wait = async {
        loop {
            if let engine::Event::Rollout(rollout) = told.recv().await.expect("the engine lives")
                && matches!(expect.judge(&rollout), Judgement::Met(_))
            {
                return Rollout::clone(&rollout);
            }
        }
    };
    let rollout = tokio::time::timeout(Duration::from_secs(90), wait).await.expect("the order is met");
    engine.abort();
    rollout
}

/// Needs a registry with `lab/web:1.0.0` and `lab/web:1.1.0` that the nodes pull from, as `ROLLDECK_TEST_REGISTRY` names it:
/// the lab's own images have no digest.
#[tokio::test]
async fn what_staging_pulled_is_shipped_by_its_digest_and_shown_by_its_tag() {
    let Ok(registry) = std::env::var("ROLLDECK_TEST_REGISTRY") else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: a live test: ROLLDECK_TEST_REGISTRY names no registry");
        return;
    };
    let Some(lab) = Lab::open("checks-pinned").await else { return };
    let image = |version: &str| format!("{registry}/lab/web:{version}");
    lab.create("deployments", &deployment("web-staging", &image("1.1.0"), 1, "10m")).await;
    lab.create("deployments", &deployment("web", &image("1.0.0"), 1, "10m")).await;
    let production = workload(&lab, "production", "web", "web");
    let plan = vec![workload(&lab, "staging", "web", "web-staging"), production.clone()];
    let mut checks = Checks::over(lab.client.clone(), plan);
    let mut next = Subject::clone(&subject(&[("web", "1.1.0")]));
    next.services[0].image = image("1.1.0");
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    let bound = loop {
        let bound = checks.bind(&Arc::new(next.clone())).await.remove(0);
        if !bound.weak() {
            break bound;
        }
        assert!(tokio::time::Instant::now() < end, "{bound:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert_eq!(bound.source, "runs in staging");
    let digest = bound.digest.clone().expect("it is strong");
    assert_eq!(bound.shipped(), format!("{}@{digest}", image("1.1.0")));
    next.services[0].digest = Some(digest.clone());
    let next = Arc::new(next);
    let same = || Kubernetes::SameDigest { environment: "staging".into() };
    assert_found(&checks.kubernetes(&next, same()).await, Verdict::Pass, "as it runs in staging");

    let order = Order::Ship { container: None, image: bound.shipped() };
    let before = belief::rollout(&lab.client, &production).await;
    let preview = change::preview(&lab.client, &production, &before, &order).await.expect("a preview");
    assert_eq!(preview.to.as_deref(), Some("1.1.0"));
    change::execute(&lab.client, &preview.requests, |_, answer, _| drop(answer.expect("it is accepted"))).await;
    let after = met(lab.client.clone(), &production, &preview.expect).await;
    let serving = after.serving_revision().expect("it serves");
    assert_eq!((serving.version.as_str(), serving.images[0].image.as_str()), ("1.1.0", bound.shipped().as_str()));
    assert_eq!(checks.until(&next, same(), Verdict::Pass).await, format!("{} here and in staging", binding::short(&digest)));
    lab::close(&lab.namespace).await;
}
