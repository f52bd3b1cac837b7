//! Sequences as a kubelet plays them: a cause that was found stays until it is over.

use super::{exit, halfway, now, says, waiting, with};
use crate::domain::doctor::{Cause, Finding, diagnose};
use crate::domain::instance::{ContainerState, Instance, InstanceState};
use crate::domain::rollout::Rollout;
use crate::domain::sample::{ago, event, instance};

/// Follows a sequence as the console does, and returns what it says at each.
fn follow(sequence: impl IntoIterator<Item = Rollout>) -> Vec<Option<Finding>> {
    let mut before: Option<Finding> = None;
    sequence
        .into_iter()
        .map(|rollout| {
            before = diagnose(&rollout, now()).map(|finding| finding.steadied(before.as_ref()));
            before.clone()
        })
        .collect()
}

fn runs(restarts: u32, crashed: i64, since: i64, ready: bool) -> Instance {
    let mut pod = instance("r2", "a", if ready { InstanceState::Ready } else { InstanceState::Unready }, "Running");
    pod.containers[0].restarts = restarts;
    pod.containers[0].last_exit = Some(exit(1, "Error", crashed));
    pod.containers[0].state = ContainerState::Running { since: Some(ago(since)) };
    pod
}

fn ended(restarts: u32) -> Instance {
    let mut pod = instance("r2", "a", InstanceState::Failed, "Error");
    pod.containers[0].restarts = restarts;
    pod.containers[0].state = ContainerState::Ended(exit(1, "Error", 1));
    pod
}

/// Made again and not yet started: the kubelet calls it ended, with 0.
fn made_again() -> Instance {
    let mut pod = ended(1);
    pod.containers[0].last_exit = Some(exit(137, "OOMKilled", 1));
    pod.containers[0].state = ContainerState::Ended(exit(0, "Completed", 0));
    pod
}

/// The dead container is cleared away, and with it how it ended.
fn forgotten(restarts: u32) -> Instance {
    let mut pod = runs(restarts, 0, 2, true);
    pod.containers[0].last_exit = None;
    pod
}

fn backs_off(restarts: u32) -> Instance {
    let mut pod = waiting("r2", "a", "CrashLoopBackOff", "back-off 10s restarting failed container");
    pod.containers[0].restarts = restarts;
    pod.containers[0].last_exit = Some(exit(1, "Error", 5));
    pod
}

#[test]
fn a_crash_loop_is_one_cause_through_its_runs_and_waits() {
    // The last run begins after the kubelet's longest wait: the crash before it is five minutes old.
    let sequence = [
        ended(0),
        made_again(),
        forgotten(1),
        runs(1, 2, 1, true),
        runs(1, 4, 3, false),
        ended(1),
        backs_off(1),
        runs(2, 14, 2, true),
        ended(2),
        backs_off(2),
        forgotten(3),
        runs(9, 310, 5, true),
    ];
    for (at, finding) in follow(sequence.map(|pod| with(halfway(), vec![pod]))).into_iter().enumerate() {
        let finding = finding.unwrap_or_else(|| panic!("nothing at {at}"));
        assert_eq!(finding.cause, Cause::CrashLoop, "at {at}");
        assert!(finding.sentence.contains(": exit 1") || finding.sentence.contains("memory"), "at {at}: {}", finding.sentence);
    }
}

#[test]
fn a_crash_loop_is_over_when_it_has_run_for_long_enough() {
    for (what, pod, over) in [
        ("one crash, ready for half a minute", runs(1, 31, 30, true), false),
        ("one crash, ready for two minutes", runs(1, 121, 120, true), true),
        ("several, ready for two minutes", runs(4, 121, 120, true), false),
        ("several, ready for six minutes", runs(4, 361, 360, true), true),
    ] {
        assert_eq!(diagnose(&with(halfway(), vec![pod]), now()).is_none(), over, "{what}");
    }
}

#[test]
fn a_service_that_ends_well_again_and_again_is_told_and_an_init_container_that_did_at_last_is_not() {
    let mut ends = backs_off(3);
    ends.containers[0].last_exit = Some(exit(0, "Completed", 5));
    assert_eq!(says(&with(halfway(), vec![ends])).1, "1 of 1 new pod ends again and again: exit 0, restarted 3 times");
    let mut init = made_again();
    init.containers[0].init = true;
    init.state = InstanceState::Ready;
    assert_eq!(diagnose(&with(halfway(), vec![init]), now()), None);
}

#[test]
fn one_crash_is_not_called_a_loop() {
    assert_eq!(says(&with(halfway(), vec![ended(0)])).1, "1 of 1 new pod crashed once: exit 1");
    assert_eq!(says(&with(halfway(), vec![runs(1, 3, 2, true)])).1, "1 of 1 new pod crashed once: exit 1");
    assert_eq!(says(&with(halfway(), vec![backs_off(1)])).1, "1 of 1 new pod crashes again and again: exit 1, restarted once");
}

#[test]
fn a_pull_keeps_the_registrys_words_through_the_waits_between_two_tries() {
    let failed = || waiting("r2", "a", "ErrImagePull", "rpc error: code = Unknown desc = Error response from daemon: manifest unknown");
    let waits = || waiting("r2", "a", "ImagePullBackOff", "Back-off pulling image \"lab/web:1.1.0\"");
    let said: Vec<_> = follow([failed(), waits(), failed(), waits()].map(|pod| with(halfway(), vec![pod]))).into_iter().flatten().collect();
    assert_eq!(said.len(), 4);
    for finding in &said {
        assert_eq!(finding.sentence, "1 of 1 new pod cannot pull lab/web:1.1.0: manifest unknown");
        assert!(finding.evidence.contains("Error response from daemon"), "{}", finding.evidence);
    }
}

#[test]
fn what_mends_is_not_held_on_to() {
    let mut told = with(halfway(), vec![waiting("r2", "a", "ImagePullBackOff", "")]);
    told.events.push(event("Failed", "Pod web-r2-a", "Failed to pull image \"lab/web:1.1.0\": no route to host"));
    let mended = with(halfway(), vec![instance("r2", "a", InstanceState::Ready, "Running")]);
    let said = follow([told, mended]);
    assert!(said[0].is_some() && said[1].is_none(), "{said:?}");
}
