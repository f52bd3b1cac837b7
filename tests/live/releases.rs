//! Releases in ConfigMaps of a real cluster: consoles that meet on one record, one that may only look, and a hand with kubectl.

use std::time::{Duration, Instant};

use rolldeck::port::releases::Access;
use serde_json::Value;
use tokio::time::sleep;

use super::lab::{self, Lab};
use crate::store_support::{Console, begun, ended, note};

/// What the other console may take to see it.
const SOON: Duration = Duration::from_secs(1);

async fn console(lab: &Lab, context: &str) -> Option<Console> {
    let mut console = Console::start(lab::client(context).await?, &lab.namespace);
    let end = Instant::now() + Duration::from_secs(20);
    while console.access() == Access::Loading || matches!(console.access(), Access::Unreadable(_)) {
        assert!(Instant::now() < end, "{:?}", console.access());
        sleep(Duration::from_millis(20)).await;
        console.listen();
    }
    Some(console)
}

/// Waits until a console sees so many entries, and returns how long it took.
async fn sees(console: &mut Console, id: &str, entries: usize) -> Duration {
    let begun = Instant::now();
    loop {
        console.listen();
        if console.record(id).is_some_and(|record| record.entries.len() == entries) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", console.record(id).map(|record| record.entries.len()));
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn two_consoles_tick_at_once_and_see_each_other_within_a_second() {
    let Some(lab) = Lab::open("releases-two").await else { return };
    let (Some(mut ana), Some(mut bea)) = (console(&lab, "deployer").await, console(&lab, "admin").await) else { return };
    ana.create("r1", begun(0)).await.unwrap();
    sees(&mut bea, "r1", 2).await;
    for second in 10..20 {
        let (one, other) = (ana.ask("r1", vec![note("ana", second)]), bea.ask("r1", vec![note("bea", second)]));
        assert_eq!((ana.answer(one).await, bea.answer(other).await), (Ok(()), Ok(())));
    }
    sees(&mut ana, "r1", 22).await;
    sees(&mut bea, "r1", 22).await;
    assert_eq!(ana.record("r1"), bea.record("r1"));
    let mut slowest = Duration::ZERO;
    for (n, second) in (30..40).enumerate() {
        ana.append("r1", vec![note("ana", second)]).await.unwrap();
        slowest = slowest.max(sees(&mut bea, "r1", 23 + n).await);
    }
    assert!(slowest < SOON, "{slowest:?}");
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn who_may_only_look_is_told_which_right_is_missing_and_sees_all() {
    let Some(lab) = Lab::open("releases-viewer").await else { return };
    let (Some(mut ana), Some(mut viewer)) = (console(&lab, "deployer").await, console(&lab, "viewer").await) else { return };
    ana.create("r1", begun(0)).await.unwrap();
    sees(&mut viewer, "r1", 2).await;
    let sentence = format!("you may not create or update configmaps in {}", lab.namespace);
    assert_eq!(viewer.access(), Access::ReadOnly(sentence));
    let refused = viewer.append("r1", vec![note("viewer", 5)]).await.unwrap_err();
    assert_eq!((refused.message, refused.in_doubt), (format!("you may not update configmaps in {}", lab.namespace), false));
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn a_record_that_a_hand_deleted_is_gone_everywhere_and_can_be_written_again() {
    let Some(lab) = Lab::open("releases-gone").await else { return };
    let (Some(mut ana), Some(mut bea)) = (console(&lab, "deployer").await, console(&lab, "admin").await) else { return };
    ana.create("r1", begun(0)).await.unwrap();
    sees(&mut bea, "r1", 2).await;
    let kept = ana.record("r1").unwrap();
    let path = format!("/api/v1/namespaces/{}/configmaps/rolldeck-release-r1", lab.namespace);
    let _: Value = lab.client.request(http::Request::delete(&path).body(Vec::new()).unwrap()).await.unwrap();
    let deleted = Instant::now();
    while ana.record("r1").is_some() || bea.record("r1").is_some() {
        assert!(deleted.elapsed() < SOON, "still there");
        sleep(Duration::from_millis(5)).await;
        ana.listen();
        bea.listen();
    }
    let refused = ana.append("r1", vec![note("ana", 5)]).await.unwrap_err();
    assert!(refused.message.contains("its record is gone"), "{refused}");
    ana.create("r1", kept.entries.clone()).await.unwrap();
    sees(&mut bea, "r1", 2).await;
    assert_eq!(bea.record("r1"), Some(kept));
    lab::close(&lab.namespace).await;
}

#[tokio::test]
async fn a_console_that_is_killed_while_it_writes_leaves_a_whole_record() {
    let Some(lab) = Lab::open("releases-killed").await else { return };
    let Some(mut bea) = console(&lab, "admin").await else { return };
    bea.create("r1", begun(0)).await.unwrap();
    for round in 0..5 {
        let Some(mut ana) = console(&lab, "deployer").await else { return };
        for second in 0..20 {
            ana.ask("r1", vec![note("ana", 100 * (round + 1) + second)]);
        }
        sleep(Duration::from_millis(3 * u64::try_from(round).unwrap())).await;
        ana.kill();
    }
    bea.append("r1", vec![ended(900)]).await.unwrap();
    sleep(SOON).await;
    bea.listen();
    let record = bea.record("r1").unwrap();
    assert_eq!(record.problems, Vec::<String>::new());
    // What a round has written is the start of what it asked for.
    for round in 1..=5 {
        let of_round = record.entries.iter().map(|entry| entry.at.as_second() - 1_780_000_000).filter(|second| second / 100 == round);
        let seconds: Vec<i64> = of_round.collect();
        assert_eq!(seconds, (0..i64::try_from(seconds.len()).unwrap()).map(|n| 100 * round + n).collect::<Vec<_>>());
    }
    lab::close(&lab.namespace).await;
}
