//! Prometheus played by a server that answers as it does, and as what stands before it does.

use jiff::SignedDuration;
use rolldeck::domain::release::checklist::{Comparison, Operator, Prometheus, Task, Verdict};
use rolldeck::port::check::Found;
use serde_json::json;

use super::bench::{Bench, subject};
use super::server::{Server, answer};

const ONE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000.5,"0.25"]}]}}"#;

async fn asked(server: String, query: &str) -> Found {
    let limit = Comparison { operator: Operator::Less, value: json!(0.5) };
    let time_limit = SignedDuration::from_secs(5);
    let task = Task::Prometheus(Prometheus { server, query: query.into(), limit, headers: Vec::new(), time_limit });
    Bench::new().run_for(task, &subject(&["backend"])).await
}

#[tokio::test]
async fn a_query_is_sent_as_a_form_with_the_releases_texts() {
    let server = Server::start(|_| answer("200 OK", &[], ONE)).await;
    let found = asked(server.url("/prom/"), "rate(x{service=\"${service}\"}[5m]) + 1").await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Pass, "0.25 < 0.5"));
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/prom/api/v1/query"));
    assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(seen.body, "query=rate%28x%7Bservice%3D%22backend%22%7D%5B5m%5D%29+%2B+1&timeout=5000ms");
    let link = found.link.unwrap();
    assert!(link.starts_with(&server.url("/prom/graph?g0.expr=rate%28x")), "{link}");
}

#[tokio::test]
async fn where_only_get_is_let_through_the_query_goes_into_the_address() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => answer("200 OK", &[], ONE),
        _ => answer("405 Method Not Allowed", &[], ""),
    })
    .await;
    assert_eq!(asked(server.url(""), "up").await.verdict, Verdict::Pass);
    assert_eq!(server.seen()[1].target, "/api/v1/query?query=up&timeout=5000ms");
}

#[tokio::test]
async fn what_is_no_number_is_unknown_in_the_servers_own_words() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/bad/api/v1/query" => answer("400 Bad Request", &[], r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#),
        "/proxy/api/v1/query" => answer("502 Bad Gateway", &[], "<html>no upstream</html>"),
        _ => answer("200 OK", &[], r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
    })
    .await;
    for (path, words) in [
        ("/bad", "Prometheus says bad_data: 1:5: parse error"),
        ("/proxy", "502, and no answer as Prometheus gives it"),
        ("", "no data: nothing answers to the query"),
    ] {
        let found = asked(server.url(path), "up").await;
        assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, words));
    }
    let found = asked("http://127.0.0.1:1".into(), "up").await;
    assert!(found.verdict == Verdict::Unknown && found.evidence.starts_with("no connection"), "{found:?}");
}
