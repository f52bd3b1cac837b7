//! A registry played by a server: with and without a token, with and without the digest's header.

use std::sync::Arc;

use rolldeck::domain::release::Bound;
use rolldeck::domain::release::checklist::{Subject, SubjectService};
use rolldeck::port::Seq;
use rolldeck::port::check::{Command, Event};

use super::bench::Bench;
use super::server::{Seen, Server, answer};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

async fn bound(images: &[String]) -> Vec<Bound> {
    let service = |image: &String| SubjectService { service: "backend".into(), version: "1".into(), image: image.clone(), digest: None };
    let services = images.iter().map(service).collect();
    let subject = Arc::new(Subject { release: "r1".into(), environment: "production".into(), services });
    let mut bench = Bench::new();
    bench.commands.send(Command::Bind { seq: Seq(7), subject, workloads: Vec::new() }).await.unwrap();
    match bench.events.recv().await.unwrap() {
        Event::Bound { seq: Seq(7), bound } => bound,
        other => panic!("{other:?}"),
    }
}

fn manifest(seen: &Seen) -> String {
    let digest = [("docker-content-digest", DIGEST)];
    match seen.target.as_str() {
        "/v2/team/app/manifests/2.2.0" => answer("200 OK", &digest, ""),
        "/v2/team/bare/manifests/1" => answer("200 OK", &[], if seen.method == "GET" { "{}" } else { "" }),
        "/v2/team/odd/manifests/1" => answer("200 OK", &[("docker-content-digest", "sha256:1")], ""),
        "/v2/team/sick/manifests/1" => answer("500 Internal Server Error", &[], ""),
        _ => answer("404 Not Found", &[], ""),
    }
}

#[tokio::test]
async fn a_tag_is_bound_to_the_digest_that_the_registry_tells() {
    let server = Server::start(manifest).await;
    let host = server.host.clone();
    let image = |name: &str| format!("{host}/team/{name}");
    let found =
        bound(&[image("app:2.2.0"), image("bare:1"), image("none:1"), image("odd:1"), image("sick:1"), format!("x/y:1@{DIGEST}")]).await;
    let told: Vec<(Option<&str>, &str)> = found.iter().map(|one| (one.digest.as_deref(), one.source.as_str())).collect();
    let empty_object = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let registry = format!("the registry {host}");
    let silent = |why: &str| format!("{registry} does not tell: {why}");
    assert_eq!(told[0], (Some(DIGEST), registry.as_str()));
    assert_eq!(told[1], (Some(empty_object), registry.as_str()), "the digest of the bytes, where none is told");
    assert_eq!(told[2], (None, silent("there is no team/none:1").as_str()));
    assert_eq!(told[3], (None, silent("what it gives is no digest").as_str()));
    assert_eq!(told[4], (None, silent("it answers 500").as_str()));
    assert_eq!(told[5], (Some(DIGEST), "the image's own name"));
    let asked = server.seen().into_iter().find(|seen| seen.target.contains("app/")).unwrap();
    assert_eq!(asked.method, "HEAD");
    assert!(asked.headers["accept"].contains("image.index.v1") && asked.headers["accept"].contains("manifest.list.v2"));
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_wants_one() {
    let server = Server::start(|seen| {
        let here = &seen.headers["host"];
        if seen.target.starts_with("/token") {
            return answer("200 OK", &[], r#"{"token": "t0ken", "access_token": "t0ken", "expires_in": 300}"#);
        }
        if seen.headers.get("authorization").is_some_and(|value| value == "Bearer t0ken") {
            return manifest(seen);
        }
        let challenge = format!(r#"Bearer realm="http://{here}/token",service="here",scope="repository:team/app:pull""#);
        answer("401 Unauthorized", &[("www-authenticate", &challenge)], "")
    })
    .await;
    let found = bound(&[format!("{}/team/app:2.2.0", server.host)]).await;
    assert_eq!(found[0].digest.as_deref(), Some(DIGEST), "{found:?}");
    let token = server.seen().into_iter().find(|seen| seen.target.starts_with("/token")).unwrap();
    assert_eq!(token.target, "/token?service=here&scope=repository%3Ateam%2Fapp%3Apull");
}

#[tokio::test]
async fn where_nothing_answers_it_is_bound_to_the_tag_and_told_why() {
    let locked = Server::start(|_| answer("401 Unauthorized", &[("www-authenticate", "Basic realm=\"here\"")], "")).await;
    let found = bound(&["127.0.0.1:1/team/app:1".into(), format!("{}/team/app:1", locked.host), "no name at all".into()]).await;
    assert!(found.iter().all(Bound::weak));
    for (bound, words) in found.iter().zip([
        "does not tell: no connection: ",
        "does not tell: 401 (it wants a login",
        "its name is none that a registry knows",
    ]) {
        assert!(bound.source.contains(words), "{}", bound.source);
    }
}
