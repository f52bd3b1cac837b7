//! A check against the Prometheus that `PROMETHEUS_URL` names: what a real one says where a fake one says what we think.

use std::sync::Arc;

use jiff::SignedDuration;
use rolldeck::adapter::check::{Options, spawn};
use rolldeck::domain::release::checklist::{Comparison, Http, Operator, Prometheus, Subject, SubjectService, Task, Verdict};
use rolldeck::port::Seq;
use rolldeck::port::check::{Command, Event, Found};
use serde_json::json;
use tokio::sync::mpsc;

use super::lab::skipped;

async fn run(task: Task) -> Found {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (commands, received) = mpsc::channel(4);
    let (sender, mut events) = mpsc::channel(16);
    let _checker = spawn(Options { folder: ".".into(), at_once: [].into() }, received, sender);
    let service = SubjectService { service: "backend".into(), version: "2.2.0".into(), image: "team/backend:2.2.0".into(), digest: None };
    let subject = Arc::new(Subject { release: "r1".into(), environment: "production".into(), services: vec![service] });
    commands.send(Command::Run { seq: Seq(1), item: "item".into(), task: Box::new(task), subject, workloads: Vec::new() }).await.unwrap();
    loop {
        if let Event::Finished { found, .. } = events.recv().await.unwrap() {
            return found;
        }
    }
}

#[tokio::test]
async fn a_real_prometheus_answers_as_the_check_understands_it() {
    let Ok(server) = std::env::var("PROMETHEUS_URL") else {
        skipped("PROMETHEUS_URL names no Prometheus");
        return;
    };
    let two = |b: &str| {
        format!("label_replace(vector(0.1), \"pod\", \"a\", \"\", \"\") or label_replace(vector({b}), \"pod\", \"b\", \"\", \"\")")
    };
    let mut link = None;
    for (query, verdict, words) in [
        ("vector(0.25)".to_owned(), Verdict::Pass, "0.25 < 0.5"),
        ("scalar(vector(0.75))".into(), Verdict::Fail, "0.75, wanted < 0.5"),
        (two("0.2"), Verdict::Pass, "0.2 < 0.5 in {pod=\"b\"}, the worst of 2"),
        (two("0.7"), Verdict::Fail, "0.7 in {pod=\"b\"}, the worst of 2, wanted < 0.5"),
        ("vector(0) / vector(0)".into(), Verdict::Unknown, "no number (NaN): there was nothing to compute it from"),
        ("vector(1) / vector(0)".into(), Verdict::Fail, "+Inf, wanted < 0.5"),
        ("no_such_metric{service=\"${service}\"}".into(), Verdict::Unknown, "no data: nothing answers to the query"),
        ("up[5m]".into(), Verdict::Unknown, "the query gives a matrix, and no number: it must be an instant vector or a scalar"),
        ("sum(".into(), Verdict::Unknown, "Prometheus says bad_data: "),
        // Longer than any address may be.
        (format!("vector(0.1) + {}vector(0)", "vector(0) + ".repeat(1_500)), Verdict::Pass, "0.1 < 0.5"),
    ] {
        let limit = Comparison { operator: Operator::Less, value: json!(0.5) };
        let time_limit = SignedDuration::from_secs(20);
        let task = Prometheus { server: server.clone(), query: query.clone(), limit, headers: Vec::new(), time_limit };
        let found = run(Task::Prometheus(task)).await;
        assert_eq!(found.verdict, verdict, "{query}: {}", found.evidence);
        assert!(found.evidence.starts_with(words), "{query}: {}", found.evidence);
        link = link.or(found.link);
    }
    let shown = Http {
        url: link.unwrap(),
        method: "GET".into(),
        headers: Vec::new(),
        status: 200,
        header: None,
        json: None,
        time_limit: SignedDuration::from_secs(20),
    };
    let found = run(Task::Http(shown)).await;
    assert_eq!(found.verdict, Verdict::Pass, "the page that the link leads to: {}", found.evidence);
}
