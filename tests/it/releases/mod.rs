//! The stores of releases: consoles that meet on one record, on paused time over a server in the same process.

mod directory;
mod race;
mod server;
mod simulated;

use std::time::Duration;

use rolldeck::domain::release::record::{Body, Record};
use rolldeck::domain::release::{Phase, machine};
use rolldeck::port::releases::{Access, Event};
use serde_json::json;
use tokio::time::sleep;

use crate::store_support::{Console, announced, begun, ended, entry, note};
use server::{Loss, Server};

/// Lets the tasks do what they have to.
async fn settle() {
    sleep(Duration::from_millis(100)).await;
}

/// A server with the release `r1`, and two consoles that see it.
async fn two() -> (Server, Console, Console) {
    let server = Server::default();
    let (mut ana, mut bea) = (Console::start(server.client(), "booking"), Console::start(server.client(), "booking"));
    settle().await;
    ana.create("r1", begun(0)).await.unwrap();
    settle().await;
    bea.listen();
    assert_eq!((ana.access(), bea.access()), (Access::Writable, Access::Writable));
    assert_eq!(ana.record("r1"), bea.record("r1"));
    (server, ana, bea)
}

#[tokio::test(start_paused = true)]
async fn two_consoles_that_tick_at_once_lose_nothing_and_see_each_other() {
    let (server, mut ana, mut bea) = two().await;
    for second in 10..20 {
        let (one, other) = (ana.ask("r1", vec![note("ana", second)]), bea.ask("r1", vec![note("bea", second)]));
        assert_eq!((ana.answer(one).await, bea.answer(other).await), (Ok(()), Ok(())));
    }
    settle().await;
    ana.listen();
    bea.listen();
    assert_eq!(ana.record("r1"), bea.record("r1"));
    assert_eq!(ana.record("r1").unwrap().entries.len(), 2 + 20);
    let summary = server.map("r1").unwrap()["data"]["summary"].clone();
    assert_eq!(summary, "backend 2.2.0 → production: checking, by ana");
}

#[tokio::test(start_paused = true)]
async fn of_two_that_do_not_fit_together_the_second_is_refused_with_why() {
    let (_server, mut ana, mut bea) = two().await;
    let (one, other) = (ana.ask("r1", vec![ended(10)]), bea.ask("r1", vec![ended(11)]));
    let mut answers = [ana.answer(one).await, bea.answer(other).await];
    answers.sort_by_key(Result::is_err);
    assert_eq!(answers[0], Ok(()));
    let refused = answers[1].clone().unwrap_err();
    assert_eq!((refused.message.as_str(), refused.in_doubt), ("it has begun or ended: it is aborted", false));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_one_release_is_written_at_once_and_each_is_answered() {
    let (server, mut ana, _bea) = two().await;
    let before = server.written().len();
    server.delay([Duration::from_millis(200)]);
    let first = ana.ask("r1", vec![note("ana", 10)]);
    let others: Vec<_> = (11..30).map(|second| ana.ask("r1", vec![note("ana", second)])).collect();
    let misfit = ana.ask("r1", vec![entry("ana", 31, Body::Finished)]);
    assert_eq!(ana.answer(first).await, Ok(()));
    for seq in others {
        assert_eq!(ana.answer(seq).await, Ok(()));
    }
    assert_eq!(ana.answer(misfit).await.unwrap_err().message, "it is not being verified: it is checking");
    assert!(server.written().len() - before <= 2, "{:?}", server.written());
    assert_eq!(ana.record("r1").unwrap().entries.len(), 22);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_got_lost_is_looked_for_and_the_entry_is_there_once() {
    for loss in [Loss::Request, Loss::Answer, Loss::Late(Duration::from_millis(5200)), Loss::Late(Duration::from_secs(60))] {
        let (server, mut ana, mut bea) = two().await;
        server.lose([loss]);
        assert_eq!(ana.append("r1", vec![note("ana", 10)]).await, Ok(()), "{loss:?}");
        bea.append("r1", vec![note("bea", 11)]).await.unwrap();
        sleep(Duration::from_secs(90)).await;
        bea.listen();
        let record = bea.record("r1").unwrap();
        let notes: Vec<_> = record.entries.iter().filter(|entry| matches!(entry.body, Body::Noted { .. })).collect();
        assert_eq!(notes.len(), 2, "{loss:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_got_lost_is_made_once() {
    for loss in [Loss::Request, Loss::Answer, Loss::Late(Duration::from_millis(5200))] {
        let server = Server::default();
        let mut ana = Console::start(server.client(), "booking");
        settle().await;
        server.lose([loss]);
        assert_eq!(ana.create("r1", begun(0)).await, Ok(()), "{loss:?}");
        sleep(Duration::from_secs(10)).await;
        ana.listen();
        assert_eq!(server.written(), ["POST"], "{loss:?}");
        assert_eq!(ana.create("r1", vec![begun(5).remove(0)]).await.unwrap_err().message, "there is a release r1 already");
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_answer_ever_comes_it_is_in_doubt_and_what_was_seen_stays() {
    let (server, mut ana, _bea) = two().await;
    let before = ana.record("r1");
    let seq = ana.ask("r1", vec![note("ana", 10)]);
    server.lose([Loss::Request; 30]);
    server.silent(false);
    let failure = ana.answer(seq).await.unwrap_err();
    assert!(failure.in_doubt, "{failure:?}");
    assert_eq!(failure.message, "no answer: nothing within 5 s");
    server.silent(true);
    sleep(Duration::from_secs(15)).await;
    ana.listen();
    assert_eq!(ana.access(), Access::Unreadable("no answer within 4 s".into()));
    assert_eq!(ana.record("r1"), before);
    let refused = ana.append("r1", vec![note("ana", 11)]).await.unwrap_err();
    assert_eq!((refused.message.as_str(), refused.in_doubt), ("no answer within 4 s", false));
    server.silent(false);
    sleep(Duration::from_secs(5)).await;
    ana.listen();
    assert_eq!(ana.access(), Access::Writable);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_write_reads_on_and_is_told_which_right_is_missing() {
    let (server, ana, _bea) = two().await;
    server.forbid(&["update"], false);
    let mut viewer = Console::start(server.client(), "booking");
    settle().await;
    viewer.listen();
    assert_eq!(viewer.access(), Access::ReadOnly("you may not update configmaps in booking".into()));
    assert_eq!(viewer.record("r1"), ana.record("r1"));
    let refused = viewer.append("r1", vec![note("viewer", 10)]).await.unwrap_err();
    assert_eq!((refused.message.as_str(), refused.in_doubt), ("you may not update configmaps in booking", false));
    server.forbid(&[], false);
    sleep(Duration::from_secs(31)).await;
    viewer.listen();
    assert_eq!(viewer.access(), Access::Writable);
}

#[tokio::test(start_paused = true)]
async fn a_right_that_turns_out_to_be_missing_makes_the_store_read_only() {
    let (server, mut ana, _bea) = two().await;
    server.forbid(&["update"], true);
    assert!(ana.append("r1", vec![note("ana", 10)]).await.is_err());
    settle().await;
    ana.listen();
    assert_eq!(ana.access(), Access::ReadOnly("you may not update configmaps in booking".into()));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_list_knows_nothing_and_says_so() {
    let server = Server::default();
    server.forbid(&["list", "watch"], false);
    let mut viewer = Console::start(server.client(), "booking");
    sleep(Duration::from_secs(5)).await;
    viewer.listen();
    assert_eq!(viewer.access(), Access::Unreadable("you may not list or watch configmaps in booking".into()));
}

#[tokio::test(start_paused = true)]
async fn a_record_deleted_from_outside_is_told_and_can_be_written_again_whole() {
    let (server, mut ana, mut bea) = two().await;
    ana.append("r1", vec![note("ana", 10)]).await.unwrap();
    let kept = ana.record("r1").unwrap();
    server.delete("r1");
    settle().await;
    for console in [&mut ana, &mut bea] {
        console.listen();
        assert_eq!(console.record("r1"), None);
        assert!(console.heard.iter().any(|event| matches!(event, Event::Gone { release, .. } if release.as_str() == "r1")));
    }
    let refused = ana.append("r1", vec![note("ana", 11)]).await.unwrap_err();
    assert_eq!(refused.message, "its record is gone: there is no ConfigMap rolldeck-release-r1");
    ana.create("r1", kept.entries.clone()).await.unwrap();
    settle().await;
    bea.listen();
    assert_eq!(bea.record("r1"), Some(kept));
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_no_watch_ran_is_gone_after_the_next_list() {
    let (server, mut ana, mut bea) = two().await;
    ana.create("r2", begun(5)).await.unwrap();
    sleep(Duration::from_secs(40)).await;
    server.delete_in_a_gap("r1");
    sleep(Duration::from_secs(40)).await;
    for console in [&mut ana, &mut bea] {
        console.listen();
        assert_eq!((console.record("r1").is_some(), console.record("r2").is_some()), (false, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_version_is_shown_and_never_written() {
    let (server, mut ana, mut bea) = two().await;
    server.edit("r1", |map| {
        map["data"]["format"] = json!("2");
        let lines = map["data"]["record"].as_str().unwrap().to_owned() + "{\"entry\":\"blessed\",\"by\":\"bea\"}\n";
        map["data"]["record"] = json!(lines);
    });
    settle().await;
    let before = server.map("r1");
    bea.listen();
    let record = bea.record("r1").unwrap();
    assert_eq!((record.format, record.entries.len(), record.problems.len()), (2, 2, 2));
    let refused = ana.append("r1", vec![note("ana", 10)]).await.unwrap_err();
    assert!(refused.message.contains("newer version"), "{refused}");
    assert_eq!(server.map("r1"), before);
}

#[tokio::test(start_paused = true)]
async fn what_a_hand_wrote_into_a_record_is_told_and_kept_as_it_was() {
    let (server, mut ana, _bea) = two().await;
    let by_hand = "approved by bea on the phone!!";
    server.edit("r1", |map| {
        let lines = map["data"]["record"].as_str().unwrap().to_owned() + by_hand;
        map["data"]["record"] = json!(lines);
        map["data"]["mine"] = json!("kept");
    });
    ana.append("r1", vec![note("ana", 10)]).await.unwrap();
    let map = server.map("r1").unwrap();
    let lines: Vec<&str> = map["data"]["record"].as_str().unwrap().lines().collect();
    assert_eq!((lines.len(), lines[2]), (4, by_hand));
    assert_eq!(map["data"]["mine"], "kept");
    let record = ana.record("r1").unwrap();
    assert_eq!((record.entries.len(), record.problems.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_record_never_grows_beyond_what_a_config_map_holds() {
    let (server, mut ana, _bea) = two().await;
    let mut refusal = None;
    for page in 1..20 {
        let text = || Body::Noted { text: "n".repeat(4000), log: true };
        if let Err(failure) = ana.append("r1", (0..40).map(|second| entry("ana", 100 * page + second, text())).collect()).await {
            refusal = Some(failure);
            break;
        }
    }
    let refusal = refusal.expect("a refusal");
    assert!(refusal.message.starts_with("the record of this release is full ("), "{refusal}");
    assert!(!refusal.in_doubt);
    ana.append("r1", vec![ended(7000)]).await.unwrap();
    assert!(server.largest() < 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn ended_releases_beyond_the_policy_go_and_none_that_has_not_ended() {
    let (server, mut ana, mut bea) = two().await;
    // The console's policy keeps two.
    for (id, second) in [("a", 10), ("b", 20), ("c", 30)] {
        ana.create(id, vec![begun(second).remove(0), announced(second + 1)]).await.unwrap();
        ana.append(id, vec![ended(second + 2)]).await.unwrap();
        settle().await;
    }
    ana.listen();
    bea.listen();
    let there: Vec<bool> = ["r1", "a", "b", "c"].iter().map(|id| server.map(id).is_some()).collect();
    assert_eq!(there, [true, false, true, true]);
    assert!(ana.heard.iter().any(|event| matches!(event, Event::Pruned { count: 1, .. })));
    assert_eq!((ana.record("a"), bea.record("a")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_console_that_goes_leaves_nothing_unwritten_that_was_asked_for() {
    let (server, mut ana, mut bea) = two().await;
    server.delay([Duration::from_millis(300)]);
    ana.ask("r1", vec![note("ana", 10)]);
    ana.ask("r1", vec![note("ana", 11)]);
    ana.go().await;
    settle().await;
    bea.listen();
    assert_eq!(bea.record("r1").unwrap().entries.len(), 4);
}

#[test]
fn a_record_that_was_only_read_and_written_folds_to_the_same_state() {
    let record = Record::new("r1".into(), begun(0));
    let again = Record::parse("r1".into(), 1, &record.lines().unwrap());
    assert_eq!(machine::fold(&again).map(|release| release.phase), Ok(Phase::Checking));
}
