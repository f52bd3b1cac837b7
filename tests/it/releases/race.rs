//! Many writers, in every order and with every kind of lost answer: what was accepted is there once, in an order that folds.

use std::time::Duration;

use proptest::prelude::*;
use rolldeck::domain::release::machine;
use rolldeck::domain::release::record::{Entry, Record};
use rolldeck::port::releases::Failure;
use tokio::time::sleep;

use super::server::{Loss, Server};
use crate::store_support::{Console, begun, ended, note};

/// What one writer does: after a pause, one entry more; none: it ends the release.
#[derive(Clone, Debug)]
struct Step {
    pause: u64,
    ends: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0..400_u64, prop::bool::weighted(0.04)).prop_map(|(pause, ends)| Step { pause, ends })
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        12 => Just(Loss::None),
        1 => Just(Loss::Request),
        1 => Just(Loss::Answer),
        1 => (4900..5600_u64).prop_map(|millis| Loss::Late(Duration::from_millis(millis))),
    ]
}

async fn write(mut console: Console, name: String, steps: Vec<Step>) -> Vec<(Entry, Result<(), Failure>)> {
    let mut done = Vec::new();
    for (second, step) in (10..).zip(steps) {
        sleep(Duration::from_millis(step.pause)).await;
        let entry = if step.ends { Entry { actor: name.as_str().into(), ..ended(second) } } else { note(&name, second) };
        done.push((entry.clone(), console.append("r1", vec![entry]).await));
    }
    done
}

async fn race(writers: Vec<Vec<Step>>, losses: Vec<Loss>, delays: Vec<u64>) -> (Record, Vec<Vec<(Entry, Result<(), Failure>)>>) {
    let server = Server::default();
    let mut first = Console::start(server.client(), "booking");
    sleep(Duration::from_millis(50)).await;
    first.create("r1", begun(0)).await.unwrap();
    let mut tasks = Vec::new();
    for (n, steps) in writers.into_iter().enumerate() {
        let name = format!("w{n}");
        tasks.push(tokio::spawn(write(Console::start(server.client(), "booking"), name, steps)));
    }
    sleep(Duration::from_millis(50)).await;
    server.delay(delays.into_iter().map(Duration::from_millis));
    server.lose(losses);
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    // What was late has come by now.
    sleep(Duration::from_secs(60)).await;
    first.listen();
    (first.record("r1").unwrap(), done)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_accepted_entry_is_there_once_and_in_an_order_that_folds(
        writers in prop::collection::vec(prop::collection::vec(step(), 1..7), 2..5),
        losses in prop::collection::vec(loss(), 0..40),
        delays in prop::collection::vec(0..300_u64, 0..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (record, done) = runtime.block_on(race(writers, losses, delays));
        let count = |entry: &Entry| record.entries.iter().filter(|kept| *kept == entry).count();
        for (entry, answer) in done.iter().flatten() {
            match answer {
                Ok(()) => prop_assert_eq!(count(entry), 1, "{:?}", entry),
                Err(Failure { in_doubt: true, .. }) => prop_assert!(count(entry) <= 1, "{:?}", entry),
                Err(failure) => prop_assert_eq!(count(entry), 0, "{:?} {}", entry, failure),
            }
        }
        for own in &done {
            let accepted: Vec<&Entry> = own.iter().filter(|(_, answer)| answer.is_ok()).map(|(entry, _)| entry).collect();
            let kept: Vec<&Entry> = record.entries.iter().filter(|entry| accepted.contains(entry)).collect();
            prop_assert_eq!(kept, accepted, "a writer's entries stay in its order");
        }
        prop_assert_eq!(&record.problems, &Vec::<String>::new());
        prop_assert_eq!(machine::fold(&record).unwrap().rejected, vec![]);
    }
}
