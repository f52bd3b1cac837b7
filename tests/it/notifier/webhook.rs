//! Webhooks: what is posted, what is tried again, and what of a secret is never said.

use std::time::{Duration, Instant};

use rolldeck::adapter::notifier::Options;
use rolldeck::domain::plan::{Channel, Means};
use rolldeck::domain::release::checklist::Secret;
use rolldeck::port::Seq;
use rolldeck::port::notify::Event;
use tokio::net::TcpListener;

use super::web::{Answer, Server};
use super::{Notifier, channel, course, news, options};

const OK: Answer = Answer::Status(200, "", "ok");

fn hook(url: String, slack: bool) -> Channel {
    channel("chat", Means::Webhook { url: Secret::Plain(url), slack, headers: Vec::new() })
}

async fn tell(answers: Vec<Answer>) -> (Vec<Event>, usize, Duration) {
    let server = Server::start(answers).await;
    let mut notifier = Notifier::start(options(), vec![hook(server.url("/services/T1/x9x9"), true)]);
    let begin = Instant::now();
    let told = notifier.tell("it begins").await;
    (told, server.requests().len(), begin.elapsed())
}

#[tokio::test]
async fn slack_gets_a_text_and_others_the_announcement_whole() {
    let server = Server::start(vec![OK]).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "Bearer s3cr3t\n").unwrap();
    let headers = vec![("X-Token".to_owned(), Secret::File(token.display().to_string()))];
    let whole = channel("whole", Means::Webhook { url: Secret::Plain(server.url("/whole")), slack: false, headers });
    let mut made = hook(server.url("/made"), false);
    made.template = Some(r#"{"alert": {{ sentence }}, "of": {{ ticket }}}"#.into());
    let text = "backend 2.2.0 → production: <it> begins (Booking 2.2, CHG-7, by ana)";
    let escaped = text.replace("<it>", "&lt;it&gt;");
    for (channel, head, body) in [
        (hook(server.url("/slack"), true), "POST /slack HTTP/1.1", serde_json::json!({ "text": escaped })),
        (
            whole,
            "x-token: Bearer s3cr3t",
            serde_json::json!({
                "occasion": "started", "at": "2026-01-02T03:04:05Z", "release": "20260102-0304-backend-7f3a", "environment": "production",
                "route": "backend 2.2.0 → production", "title": "Booking 2.2", "sentence": "<it> begins", "actor": "ana", "ticket": "CHG-7",
                "text": text,
            }),
        ),
        (made, "content-type: application/json", serde_json::json!({ "alert": "<it> begins", "of": "CHG-7" })),
    ] {
        let told = Notifier::start(options(), vec![channel]).tell("<it> begins").await;
        assert_eq!(course(&told).0, ["sent"], "{told:?}");
        let request = server.requests().pop().unwrap();
        assert!(request.head.contains(head), "{}", request.head);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&request.body).unwrap(), body);
    }
}

#[tokio::test]
async fn a_server_s_fault_is_tried_again_and_a_refusal_is_not() {
    let five = |status| vec![Answer::Status(status, "", ""); 9];
    for (answers, words, said, requests) in [
        (vec![Answer::Status(500, "", "oops"), OK], vec!["again", "sent"], "500 Internal Server Error: oops", 2),
        (vec![Answer::Hangup, OK], vec!["again", "sent"], "", 2),
        (five(503), vec!["again", "again", "again", "again", "failed"], "503 Service Unavailable; given up after 5 tries", 5),
        (vec![Answer::Status(404, "", "no_service")], vec!["failed"], "404 Not Found: no_service", 1),
        (vec![Answer::Status(302, "location: http://127.0.0.1:9/\r\n", "")], vec!["failed"], "a redirect is not followed", 1),
        (vec![Answer::Status(429, "retry-after: 600\r\n", "")], vec!["failed"], "given up: the next try would be in 600 s", 1),
    ] {
        let (told, asked, _) = tell(answers).await;
        let (course, why) = course(&told);
        assert_eq!((course, asked), (words, requests), "{told:?}");
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test]
async fn a_busy_server_s_wait_is_kept() {
    let (told, asked, took) = tell(vec![Answer::Status(429, "retry-after: 1\r\n", "slow down"), OK]).await;
    assert_eq!((course(&told).0, asked), (vec!["again", "sent"], 2));
    assert!(took >= Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_slow_server_is_given_a_second_and_a_dead_one_none() {
    let (told, asked, _) = tell(vec![Answer::Hang, OK]).await;
    let (words, why) = course(&told);
    assert_eq!((words, asked), (vec!["again", "sent"], 2));
    assert!(why.contains("timed out"), "{why}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut notifier = Notifier::start(options(), vec![hook(format!("http://127.0.0.1:{port}/services/x9x9"), true)]);
    let told = notifier.tell("it begins").await;
    let (words, why) = course(&told);
    assert_eq!(words, ["again", "again", "again", "again", "failed"]);
    assert!(why.contains("refused") && !why.contains("x9x9"), "{why}");
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused_at_once() {
    let server = super::smtp::tls_echo().await;
    for (roots, said) in [(Vec::new(), "certificate"), (options().roots, "")] {
        let trusted = !roots.is_empty();
        let mut notifier =
            Notifier::start(Options { roots, tries: 2, ..options() }, vec![hook(format!("https://localhost:{server}/x9x9"), true)]);
        let (words, why) = course(&notifier.tell("it begins").await);
        // The trusted one speaks no HTTP: that passes, for all that is known.
        assert_eq!(words, if trusted { vec!["again", "failed"] } else { vec!["failed"] }, "{why}");
        assert!(why.contains(said) && !why.contains("x9x9"), "{why}");
    }
}

#[tokio::test]
async fn a_secret_is_missed_by_its_name_and_never_said() {
    let by = |url, headers| channel("chat", Means::Webhook { url, slack: true, headers });
    let unset = || Secret::Variable("ROLLDECK_TEST_UNSET".into());
    let server = Server::start(vec![Answer::Status(403, "", "bad key k3yk3y for /hook/x9x9")]).await;
    let plain = |text: &str| Secret::Plain(text.into());
    for (channel, said) in [
        (by(unset(), Vec::new()), "the variable ROLLDECK_TEST_UNSET is not set"),
        (by(Secret::Plain(server.url("/hook/x9x9")), vec![("X-Key".into(), unset())]), "the variable ROLLDECK_TEST_UNSET is not set"),
        (by(plain("no address x9x9"), Vec::new()), "the address is no URL"),
        (by(Secret::Plain(server.url("/hook/x9x9")), vec![("X-Key".into(), plain("k3yk3y"))]), "403 Forbidden: bad key [redacted]"),
        (by(Secret::Plain(server.url("/hook/x9x9")), vec![("X-Key".into(), plain("k3yk3y\nX: y"))]), "no value that can be sent"),
    ] {
        let told = Notifier::start(options(), vec![channel]).tell("it begins").await;
        let (words, why) = course(&told);
        assert_eq!(words, ["failed"], "{why}");
        assert!(why.contains(said), "{why}");
        assert!(!why.contains("x9x9") && !why.contains("k3yk3y"), "{why}");
    }
}

#[tokio::test]
async fn order_is_kept_and_what_is_too_much_is_dropped_from_the_old_end_and_said() {
    let server = Server::start(vec![Answer::Hang, OK]).await;
    let limits = Options { waiting: 3, ..options() };
    let mut notifier = Notifier::start(limits, vec![hook(server.url("/x"), true)]);
    for at in 1..=6 {
        notifier.announce(news(&format!("news {at}"))).await;
    }
    let mut sent = Vec::new();
    let mut lost = Vec::new();
    while sent.len() + lost.len() < 6 {
        match notifier.next().await {
            Event::Sent { seq: Seq(seq), .. } => sent.push(seq),
            Event::Failed { seq: Seq(seq), why, .. } => lost.push((seq, why)),
            _ => {}
        }
    }
    assert_eq!(sent, [1, 4, 5, 6]);
    let dropped = |seq| (seq, "dropped: 3 newer ones wait".to_owned());
    assert_eq!(lost, [dropped(2), dropped(3)]);
    let bodies: Vec<String> = server.requests().into_iter().map(|request| request.body).collect();
    let order: Vec<char> = bodies.iter().filter_map(|body| body.split("news ").nth(1)?.chars().next()).collect();
    assert_eq!(order, ['1', '1', '4', '5', '6']);
}

#[tokio::test]
async fn one_channel_that_hangs_holds_no_other_up() {
    let hanging = Server::start(vec![Answer::Hang]).await;
    let quick = Server::start(vec![OK]).await;
    let mut slow = hook(hanging.url("/slow"), true);
    slow.name = "slow".into();
    let mut notifier = Notifier::start(options(), vec![slow, hook(quick.url("/quick"), true)]);
    notifier.announce(news("it begins")).await;
    let first = notifier.next().await;
    assert_eq!(first, Event::Sent { seq: Seq(1), channel: "chat".into() });
}

#[tokio::test]
async fn what_waits_when_the_console_ends_is_tried_once_more() {
    let server = Server::start(vec![Answer::Status(500, "", ""), Answer::Status(500, "", ""), OK]).await;
    let limits = Options { pace: 20, ..options() };
    let mut notifier = Notifier::start(limits, vec![hook(server.url("/x"), true)]);
    notifier.announce(news("one")).await;
    notifier.announce(news("two")).await;
    assert!(matches!(notifier.next().await, Event::Retrying { attempt: 2, .. }));
    drop(notifier.commands);
    tokio::time::timeout(Duration::from_secs(5), notifier.task).await.expect("it ends").expect("well");
    let mut told = Vec::new();
    while let Ok(event) = notifier.events.try_recv() {
        told.push(event);
    }
    let (words, why) = course(&told);
    assert_eq!(words, ["failed", "sent"], "{told:?}");
    assert!(why.ends_with("the console ended"), "{why}");
}
