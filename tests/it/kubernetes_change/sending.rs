//! Sending: each request as shown, once, until one fails; and what each failure is called.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kube::Client;
use rolldeck::adapter::kubernetes::change::execute;
use rolldeck::domain::change::{Answer, ChangeError, Request, Wait};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::fake::{Do, Fake};
use super::objects::{WEB, object, set};
use crate::belief;

fn request(then: Option<Wait>) -> Request {
    let mut object = belief::object("Deployment", "n", "web");
    object.uid = "uid-web".into();
    Request {
        purpose: "try".into(),
        method: "PATCH".into(),
        path: format!("{WEB}?fieldManager=rolldeck"),
        content_type: "application/json-patch+json".into(),
        body: json!([{"op": "test", "path": "/metadata/generation", "value": 7}]).to_string(),
        object,
        then,
    }
}

fn server() -> Fake {
    Fake::with(&[(WEB, object("Deployment", "web", "lab/web:1.0.0"))])
}

async fn send(client: &Client, requests: &[Request]) -> Vec<(usize, Result<Answer, ChangeError>, bool)> {
    let mut answers = Vec::new();
    execute(client, requests, |index, result, last| answers.push((index, result, last))).await;
    answers
}

#[tokio::test]
async fn each_request_is_sent_as_shown_and_the_last_answer_says_so() {
    let fake = server();
    let answers = send(&fake.accepting(), &[request(None), request(None)]).await;
    let shown: Vec<(usize, bool)> = answers.iter().map(|(index, _, last)| (*index, *last)).collect();
    assert_eq!(shown, [(0, false), (1, true)]);
    assert!(
        answers.iter().all(|(_, answer, _)| answer.as_ref().is_ok_and(|a| a.status == 200 && a.version == "generation 7")),
        "{answers:?}"
    );
    for asked in fake.written() {
        assert_eq!((asked.method.as_str(), asked.path, asked.body.to_string()), ("PATCH", request(None).path, request(None).body));
    }
}

#[tokio::test(start_paused = true)]
async fn every_failure_has_its_name_is_not_tried_again_and_stops_the_rest() {
    let rejected = |status, message: &str| ChangeError::Rejected { status, message: message.into() };
    let table: [(fn() -> Do, ChangeError); 6] = [
        (|| Do::status(403, "User \"v\" cannot patch"), rejected(403, "User \"v\" cannot patch")),
        (|| Do::status(429, "later"), rejected(429, "later")),
        (|| Do::status(503, "down"), rejected(503, "down")),
        // The guard holds, so it is the change itself that is bad.
        (|| Do::status(422, "spec.replicas: must be positive"), rejected(422, "spec.replicas: must be positive")),
        (|| Do::Cut, ChangeError::InDoubt("connection reset".into())),
        (|| Do::Silence, ChangeError::InDoubt("nothing within 10 s".into())),
    ];
    for (does, wanted) in table {
        let fake = server();
        let answers = send(&fake.client(move |_| does()), &[request(None), request(None)]).await;
        assert_eq!(answers, [(0, Err(wanted.clone()), true)]);
        assert_eq!(fake.written().len(), 1, "{wanted}");
    }
}

#[tokio::test]
async fn a_connection_cut_after_the_request_leaves_it_in_doubt_and_is_not_used_to_send_it_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 4096];
            if stream.read(&mut bytes).await.unwrap_or(0) > 0 {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let mut config = kube::Config::new(server.parse().unwrap());
    config.default_retry = false;
    let answers = send(&Client::try_from(config).unwrap(), &[request(None), request(None)]).await;
    assert!(matches!(answers.as_slice(), [(0, Err(ChangeError::InDoubt(_)), true)]), "{answers:?}");
    assert_eq!(arrived.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_guard_is_read_again_and_says_what_moved() {
    for status in [409, 422] {
        let fake = server();
        set(&fake, WEB, "/metadata/generation", json!(9));
        let record = json!([{"manager": "kubectl-scale", "time": "2026-01-02T03:04:05Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
        set(&fake, WEB, "/metadata/managedFields", record);
        let answers = send(&fake.client(move |_| Do::status(status, "no")), &[request(None)]).await;
        let wanted = ChangeError::Moved {
            what: vec!["its wish is at generation 9, was 7 (replicas)".into()],
            by: Some("kubectl-scale".into()),
            at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        };
        assert_eq!(answers, [(0, Err(wanted), true)]);
    }
    let fake = Fake::default();
    let answers = send(&fake.client(|_| Do::status(404, "not found")), &[request(None)]).await;
    assert!(matches!(&answers[0].1, Err(ChangeError::Moved { what, .. }) if what == &["Deployment n/web is gone"]), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_request_waits_until_the_change_is_seen_and_for_no_longer_than_it_may() {
    for (wait, pointer, value, limit) in [
        (Wait::Observed, "/status/observedGeneration", json!(6), "was not seen by its controller within 30 s"),
        (Wait::Ready, "/status/availableReplicas", json!(1), "was not ready within 300 s"),
    ] {
        let fake = server();
        let right: Value = fake.objects.lock().unwrap()[WEB].pointer(pointer).unwrap().clone();
        set(&fake, WEB, pointer, value.clone());
        let client = fake.accepting();
        let answers = send(&client, &[request(Some(wait)), request(None)]).await;
        assert!(matches!(&answers[1], (1, Err(ChangeError::NotSent(why)), true) if why.contains(limit)), "{answers:?}");
        assert_eq!(fake.written().len(), 1, "the second was never sent");

        let order = Arc::new(Mutex::new(Vec::new()));
        let (later, seen) = (fake.clone(), Arc::clone(&order));
        let waiting = async {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            seen.lock().unwrap().push("ready");
            set(&later, WEB, pointer, right.clone());
        };
        let sent = Arc::clone(&order);
        let requests = [request(Some(wait)), request(None)];
        let sending = execute(&client, &requests, |index, result, _| {
            result.unwrap();
            sent.lock().unwrap().push(["first", "second"][index]);
        });
        tokio::join!(sending, waiting);
        assert_eq!(*order.lock().unwrap(), ["first", "ready", "second"]);
    }
}
