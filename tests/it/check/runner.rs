//! Turns, answers, and the end of all that runs.

use std::sync::Arc;
use std::time::Duration;

use rolldeck::adapter::check::Options;
use rolldeck::domain::release::checklist::{Task, Verdict};
use rolldeck::port::check::{Command, Event};

use super::bench::{Bench, living, shell, subject, unheard_of};

#[tokio::test]
async fn no_more_run_at_once_than_the_policy_says_and_each_is_answered_once() {
    let mut bench = Bench::with(Options { folder: ".".into(), at_once: [("production".into(), 2)].into() });
    for _ in 0..6 {
        bench.ask(shell("sleep 0.2", 10), &subject(&["backend"])).await;
    }
    let (mut running, mut most, mut answered) = (0_u32, 0, Vec::new());
    while answered.len() < 6 {
        match bench.events.recv().await.unwrap() {
            Event::Started { .. } => running += 1,
            Event::Finished { seq, found } => {
                assert_eq!(found.verdict, Verdict::Pass);
                running -= 1;
                answered.push(seq);
            }
            Event::Bound { .. } => panic!("nobody asked for digests"),
        }
        most = most.max(running);
    }
    // A turn is free a moment before its answer is told.
    assert!((2..=4).contains(&most), "{most}");
    answered.sort();
    answered.dedup();
    assert_eq!(answered.len(), 6);
}

#[tokio::test]
async fn a_check_that_is_cancelled_is_answered_as_unknown_and_killed_with_its_children() {
    let mut bench = Bench::with(Options { folder: ".".into(), at_once: [("production".into(), 1)].into() });
    let seconds = unheard_of();
    let first = bench.ask(shell(&format!("setsid sleep {seconds} & sleep {seconds}"), 60), &subject(&["backend"])).await;
    let waiting = bench.ask(shell("true", 60), &subject(&["backend"])).await;
    while living(&seconds) < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for seq in [waiting, first] {
        bench.commands.send(Command::Cancel { seq }).await.unwrap();
        let (answered, found) = bench.finished().await;
        assert_eq!((answered, found.verdict, found.evidence.as_str()), (seq, Verdict::Unknown, "cancelled"));
    }
    assert_eq!(living(&seconds), 0);
    bench.commands.send(Command::Cancel { seq: first }).await.unwrap();
    assert_eq!(bench.run(shell("true", 10)).await.verdict, Verdict::Pass, "what is over cannot be cancelled, and the turn is free");
}

#[tokio::test]
async fn all_that_runs_ends_with_the_console() {
    let mut bench = Bench::new();
    let seconds = unheard_of();
    bench.ask(shell(&format!("trap '' TERM; setsid sleep {seconds} & sleep {seconds}"), 60), &subject(&["backend"])).await;
    while living(&seconds) < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Bench { commands, checker, .. } = bench;
    drop(commands);
    tokio::time::timeout(Duration::from_secs(2), checker).await.expect("the checker ends").unwrap();
    assert_eq!(living(&seconds), 0);
}

#[test]
fn all_that_runs_ends_with_a_runtime_that_is_torn_down() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let seconds = unheard_of();
    let bench = runtime.block_on(async {
        let mut bench = Bench::new();
        bench.ask(shell(&format!("setsid sleep {seconds} & sleep {seconds}"), 60), &subject(&["backend"])).await;
        while living(&seconds) < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bench
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    assert_eq!(living(&seconds), 0);
    drop(bench);
}

#[tokio::test]
async fn what_is_not_for_this_checker_is_unknown() {
    let mut bench = Bench::new();
    assert_eq!(bench.run(Task::Manual).await.verdict, Verdict::Unknown);
    let nobody = subject(&[]);
    assert_eq!(bench.run_for(shell("echo ${service}", 5), &nobody).await.evidence, "the release names no service that it could run for");
    let (seq, subject) = (rolldeck::port::Seq(99), Arc::new(nobody));
    bench.commands.send(Command::Bind { seq, subject, workloads: Vec::new() }).await.unwrap();
    assert!(matches!(bench.events.recv().await, Some(Event::Bound { seq: answered, bound }) if answered == seq && bound.is_empty()));
}
