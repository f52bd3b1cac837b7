//! Answers over HTTP, good and bad.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use rolldeck::domain::release::checklist::{Comparison, Http, Operator, Secret, Task, Verdict};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::bench::Bench;
use super::server::{Server, answer};

fn get(url: String, seconds: i64) -> Http {
    Http {
        url,
        method: "GET".into(),
        headers: Vec::new(),
        status: 200,
        header: None,
        json: None,
        time_limit: SignedDuration::from_secs(seconds),
    }
}

fn status_is_ok() -> (String, Comparison) {
    ("/status".into(), Comparison { operator: Operator::Equal, value: json!("ok") })
}

async fn told(http: Http) -> (Verdict, String, String) {
    let found = Bench::new().run(Task::Http(http)).await;
    (found.verdict, found.evidence, found.output)
}

#[tokio::test]
async fn an_answer_is_compared_in_its_status_its_header_and_its_json() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/health" => answer("200 OK", &[("X-Version", "2.2.0")], r#"{"status": "ok", "checks": {"db": 3}}"#),
        "/text" => answer("200 OK", &[], "all is well"),
        "/sick" => answer("503 Service Unavailable", &[], "no database \u{1b}[31mtoken=abcdefgh"),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let health = get(server.url("/health"), 5);
    let version = |value: &str| Http { header: Some(("x-version".into(), value.into())), ..health.clone() };
    let compared = |pointer: &str, operator, value| Http { json: Some((pointer.into(), Comparison { operator, value })), ..health.clone() };
    for (http, verdict, words) in [
        (health.clone(), Verdict::Pass, "200 in "),
        (version("${version}"), Verdict::Pass, ", x-version: 2.2.0"),
        (version("2.3.0"), Verdict::Fail, ", but x-version is 2.2.0, not 2.3.0"),
        (Http { header: Some(("x-none".into(), "1".into())), ..health.clone() }, Verdict::Fail, ", but x-none is not there, not 1"),
        (Http { json: Some(status_is_ok()), ..health.clone() }, Verdict::Pass, ", /status = \"ok\""),
        (compared("/checks/db", Operator::Less, json!(3)), Verdict::Fail, ", but /checks/db = 3, wanted < 3"),
        (compared("/checks/cache", Operator::Less, json!(3)), Verdict::Fail, "there is db at /checks"),
        (
            Http { json: Some(status_is_ok()), ..get(server.url("/text"), 5) },
            Verdict::Fail,
            ", but no JSON: expected value at line 1 column 1",
        ),
        (get(server.url("/sick"), 5), Verdict::Fail, "503, not 200"),
        (Http { status: 404, ..get(server.url("/away"), 5) }, Verdict::Pass, "404 in "),
        (get("ftp://127.0.0.1/".into(), 5), Verdict::Unknown, "ftp: is no scheme that a check speaks"),
        (get("no address".into(), 5), Verdict::Unknown, "its address cannot be read"),
        (get(server.url("/${home}"), 5), Verdict::Unknown, "it names ${home}, which no check knows"),
        (get("http://127.0.0.1:1/".into(), 5), Verdict::Unknown, "no connection: Connection refused"),
        (get("http://name.invalid/".into(), 5), Verdict::Unknown, "no connection: "),
    ] {
        let (found, evidence, _) = told(http.clone()).await;
        assert_eq!(found, verdict, "{evidence}");
        assert!(evidence.contains(words), "{evidence:?} has no {words:?}");
    }
    let (.., output) = told(get(server.url("/sick"), 5)).await;
    assert_eq!(output, "no database token=[redacted]");
    let (verdict, ..) = told(get(server.url("/${service}/${image}"), 5)).await;
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(server.seen().last().unwrap().target, "/backend/team%2Fbackend%3A2.2.0");
}

#[tokio::test]
async fn a_secret_is_sent_to_its_host_and_told_to_nobody() {
    let other = Server::start(|seen| answer("200 OK", &[], &format!("{:?}", seen.headers))).await;
    let there = other.url("/");
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/away" => answer("302 Found", &[("location", &there)], ""),
        _ => answer("401 Unauthorized", &[], &format!("who is {}?", seen.headers["x-key"])),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "correct-horse\n").unwrap();
    let headers =
        vec![("X-Key".to_owned(), Secret::File(file.to_str().unwrap().into())), ("X-Open".into(), Secret::Plain("${version}".into()))];
    let (verdict, evidence, output) = told(Http { headers: headers.clone(), ..get(server.url("/"), 5) }).await;
    assert_eq!((verdict, output.as_str()), (Verdict::Fail, "who is [redacted]?"));
    assert!(!evidence.contains("horse"));
    assert_eq!(server.seen()[0].headers["x-key"], "correct-horse", "it was sent");
    assert_eq!(server.seen()[0].headers["x-open"], "2.2.0");
    let (verdict, evidence, _) = told(Http { headers, ..get(server.url("/away"), 5) }).await;
    assert_eq!(verdict, Verdict::Pass);
    assert!(evidence.contains(&format!(", from http://{}/", other.host)), "{evidence}");
    assert!(other.seen()[0].headers.contains_key("x-open") && !other.seen()[0].headers.contains_key("x-key"), "not to another host");

    for (secret, words) in [
        (Secret::Variable("ROLLDECK_TEST_UNSET".into()), "header X-Key: the variable ROLLDECK_TEST_UNSET is not set"),
        (Secret::File("/not/there".into()), "header X-Key: /not/there: No such file"),
        (Secret::File("/dev/zero".into()), "header X-Key: /dev/zero is no file of a secret's size"),
    ] {
        let (verdict, evidence, _) = told(Http { headers: vec![("X-Key".into(), secret)], ..get(server.url("/"), 5) }).await;
        assert_eq!(verdict, Verdict::Unknown);
        assert!(evidence.starts_with(words), "{evidence}");
    }
}

#[tokio::test]
async fn redirects_are_followed_five_times_and_only_to_the_web() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/ftp" => answer("302 Found", &[("location", "ftp://127.0.0.1/")], ""),
        "/file" => answer("302 Found", &[("location", "file:///etc/passwd")], ""),
        "/0" => answer("200 OK", &[], "here"),
        "/for/ever" => answer("302 Found", &[("location", "/for/ever?again")], ""),
        target => match target.trim_start_matches('/').parse::<u32>() {
            Ok(left) => answer("301 Moved Permanently", &[("location", &format!("/{}", left - 1))], ""),
            Err(_) => answer("307 Temporary Redirect", &[("location", "/for/ever")], ""),
        },
    })
    .await;
    for (path, verdict, words) in [
        ("/5", Verdict::Pass, "200 in "),
        ("/6", Verdict::Fail, "it leads on after 5 redirects"),
        ("/for/ever", Verdict::Fail, "it leads on after 5 redirects, to http://127.0.0.1:"),
        ("/ftp", Verdict::Fail, "302 leads to ftp:, which is not followed"),
        ("/file", Verdict::Fail, "302 leads to file:, which is not followed"),
    ] {
        let (found, evidence, _) = told(get(server.url(path), 5)).await;
        assert!(found == verdict && evidence.contains(words), "{path}: {found:?} {evidence}");
    }
    let (found, evidence, _) = told(Http { status: 302, ..get(server.url("/ftp"), 5) }).await;
    assert_eq!(found, Verdict::Pass, "a redirect that is wanted is not followed: {evidence}");
}

#[tokio::test]
async fn a_server_that_drips_is_cut_off_by_the_time_limit() {
    let server = Server::raw(|mut stream, seen| {
        tokio::spawn(async move {
            let head = if seen.target == "/head" { "" } else { "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" };
            if stream.write_all(head.as_bytes()).await.is_err() {
                return;
            }
            let drops = if seen.target == "/head" { "HTTP/1.1 200 OK".repeat(9) } else { "{\"status\": \"".repeat(9) };
            for byte in drops.bytes() {
                tokio::time::sleep(Duration::from_millis(200)).await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        });
    })
    .await;
    for (path, words) in [("/body", "200 came, and its body had not ended after 1 s ("), ("/head", "no answer within 1 s")] {
        let began = Instant::now();
        let (verdict, evidence, _) = told(Http { json: Some(status_is_ok()), ..get(server.url(path), 1) }).await;
        assert_eq!(verdict, Verdict::Unknown);
        assert!(evidence.starts_with(words), "{evidence}");
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    }
    let (verdict, evidence, _) = told(get(server.url("/body"), 5)).await;
    assert_eq!(verdict, Verdict::Pass, "a status needs no body: {evidence}");
    let (verdict, evidence, _) = told(Http { status: 204, ..get(server.url("/body"), 5) }).await;
    assert!(verdict == Verdict::Fail && evidence.starts_with("200, not 204"), "{evidence}");
}

#[tokio::test]
async fn an_answer_is_read_to_its_bound() {
    let ten = "x".repeat(10 << 20);
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/told" => answer("200 OK", &[], &ten),
        "/untold" => format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{ten}"),
        "/early" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\": ".into(),
        "/headers" => format!("HTTP/1.1 200 OK\r\nx: {ten}\r\n\r\n"),
        "/garbage" => "\u{0}\u{1}\u{2} this is no HTTP\r\n\r\n".into(),
        _ => String::new(),
    })
    .await;
    for (path, words) in [
        ("/told", "the answer is longer than 1.0 MiB"),
        ("/untold", "the answer is longer than 1.0 MiB"),
        ("/early", "the answer broke off after 11 bytes: "),
        ("/headers", "no answer: "),
        ("/garbage", "no answer: "),
        ("/nothing", "no answer: "),
    ] {
        let (verdict, evidence, _) = told(Http { json: Some(status_is_ok()), ..get(server.url(path), 5) }).await;
        assert_eq!(verdict, Verdict::Unknown, "{path}: {evidence}");
        assert!(evidence.contains(words), "{path}: {evidence}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_as_such() {
    let server = Server::start(|_| answer("200 OK", &[], "")).await;
    let (verdict, evidence, _) = told(get(format!("https://{}/", server.host), 3)).await;
    assert_eq!(verdict, Verdict::Unknown);
    assert!(evidence.starts_with("TLS: "), "{evidence}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_as_such() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = versions.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // It is the client that refuses.
            let _refused = acceptor.accept(stream).await;
        }
    });
    let (verdict, evidence, _) = told(get(format!("https://localhost:{port}/"), 5)).await;
    assert_eq!(verdict, Verdict::Unknown);
    assert!(evidence.starts_with("TLS: invalid peer certificate: UnknownIssuer"), "{evidence}");
}
