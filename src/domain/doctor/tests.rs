//! One table line a cause, and what must not flicker or be said too early.

mod delivery;
mod steady;

use super::*;
use crate::domain::instance::{ContainerState, Instance};
use crate::domain::rollout::Held;
use crate::domain::sample::{
    ago, canary, counts, event, exit, halfway, instance, now, pair, revision, rolling, rollout, switched, waiting, with,
};
use crate::domain::step::{Share, Weight, WeightSource};

fn says(rollout: &Rollout) -> (Cause, String) {
    let finding = diagnose(rollout, now()).expect("a finding");
    (finding.cause, finding.sentence)
}

fn ready(of: &str, name: &str) -> Instance {
    instance(of, name, InstanceState::Ready, "Running")
}

fn crashed(name: &str, code: i32, reason: &str) -> Instance {
    let mut crashed = waiting("r2", name, "CrashLoopBackOff", "back-off 40s restarting failed container");
    crashed.containers[0].restarts = 4;
    crashed.containers[0].last_exit = Some(exit(code, reason, 40));
    crashed
}

const PULL: &str = "Failed to pull image \"lab/web:1.1.0\": rpc error: code = NotFound desc = failed to pull and unpack image \"lab/web:1.1.0\": not found";

#[test]
fn each_cause_has_its_sentence_with_counts_role_and_evidence() {
    let pulling = {
        let mut rollout =
            with(halfway(), vec![waiting("r2", "a", "ImagePullBackOff", "Back-off pulling image \"lab/web:1.1.0\""), ready("r2", "b")]);
        rollout.events.push(event("Failed", "Pod web-r2-a", PULL));
        rollout
    };
    let unready = {
        let mut rollout = with(canary(Phase::Failing), vec![instance("r2", "a", InstanceState::Unready, "Running"), ready("r2", "b")]);
        rollout.events.push(event("Unhealthy", "Pod web-r2-a", "Readiness probe failed: HTTP probe failed with statuscode: 503"));
        rollout
    };
    let unplaced = {
        let mut pod = instance("r2", "a", InstanceState::Pending, "Pending");
        (pod.node, pod.message) = (None, "0/6 nodes are available: 6 Insufficient memory.".into());
        with(halfway(), vec![pod])
    };
    let creating = |told: &[(&str, &str)]| {
        let mut pod = waiting("r2", "a", "ContainerCreating", "");
        pod.state = InstanceState::Starting;
        let mut rollout = with(halfway(), vec![pod]);
        rollout.events.extend(told.iter().map(|(reason, words)| event(reason, "Pod web-r2-a", words)));
        rollout
    };
    let sandbox = creating(&[("FailedCreatePodSandBox", "Failed to create pod sandbox: network is not ready")]);
    // The second says no more what is missing.
    let volume = creating(&[
        ("FailedMount", "MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found"),
        ("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[tls]: timed out waiting for the condition"),
    ]);
    let quota = {
        let mut rollout = halfway();
        rollout.revisions[0].counts = counts(2, 0, 0);
        rollout
            .conditions
            .push(("FailedCreate".into(), "pods \"web-x\" is forbidden: exceeded quota: pods, used: pods=6, limited: pods=6".into()));
        rollout
    };
    let deadline = {
        let mut rollout = halfway();
        rollout.phase = Phase::Failed;
        rollout.conditions.push(("ProgressDeadlineExceeded".into(), "ReplicaSet \"web-r2\" has timed out progressing.".into()));
        rollout
    };
    let unreached = {
        let mut rollout = pair();
        rollout.routing.as_mut().expect("routing").endpoints = vec![("blue".into(), 0), ("green".into(), 0)];
        rollout
    };
    let held = {
        let mut rollout = halfway();
        rollout.held = Some(Held { since: Some(ago(300)), by: Some("kubectl-rollout".into()) });
        rollout
    };
    let lost = with(halfway(), vec![instance("r2", "a", InstanceState::Terminating, "Unknown"), ready("r2", "b")]);
    let down = rollout(Strategy::Recreate, Phase::Progressing, vec![revision(2, "1.1.0", &[Role::Canary], counts(3, 3, 0))]);
    let config = with(halfway(), vec![waiting("r2", "a", "CreateContainerConfigError", "secret \"ledger\" not found")]);
    for (rollout, cause, sentence) in [
        (pulling, Cause::ImagePull, "1 of 2 new pods cannot pull lab/web:1.1.0: not found"),
        (
            with(canary(Phase::Failing), vec![crashed("a", 1, "Error"), ready("r2", "b")]),
            Cause::CrashLoop,
            "1 of 2 canary pods crashes again and again: exit 1, restarted 4 times",
        ),
        (
            with(halfway(), vec![crashed("a", 137, "OOMKilled"), crashed("b", 137, "OOMKilled")]),
            Cause::CrashLoop,
            "2 of 2 new pods are killed for memory, limit 256Mi, restarted 4 times",
        ),
        (config, Cause::Config, "1 of 1 new pod cannot start web: secret \"ledger\" not found"),
        (unready, Cause::Unready, "1 of 2 canary pods is not ready: HTTP probe failed with statuscode: 503"),
        (unplaced, Cause::Unschedulable, "1 of 1 new pod finds no node: 0/6 nodes are available: 6 Insufficient memory"),
        (volume, Cause::Config, "1 of 1 new pod cannot mount a volume: secret \"web-tls\" not found"),
        (sandbox, Cause::Sandbox, "1 of 1 new pod cannot start: no sandbox, network is not ready"),
        (quota, Cause::Quota, "0 of 2 new pods could be made: the quota is exhausted"),
        (deadline, Cause::Deadline, "no progress within the deadline: 1 of 4 new pods ready"),
        (unreached, Cause::NoEndpoints, "service web reaches no pod, though 3 blue pods are ready"),
        (held, Cause::Held, "held by kubectl-rollout since 22:13:00Z, 1 of 4 on 1.1.0"),
        (lost, Cause::NodeLost, "1 of 2 new pods is on a lost node: node-1 does not answer"),
        (down, Cause::Downtime, "down until 1.1.0 starts: Recreate stops all old pods before a new one starts"),
    ] {
        assert_eq!(says(&rollout), (cause, sentence.to_owned()));
    }
}

#[test]
fn nothing_is_wrong_with_what_is_well_or_has_just_begun() {
    let young = |mut pod: Instance| {
        pod.created = Some(ago(3));
        if let ContainerState::Running { since } = &mut pod.containers[0].state {
            *since = Some(ago(2));
        }
        pod
    };
    let mut unplaced = young(instance("r2", "a", InstanceState::Pending, "Pending"));
    (unplaced.node, unplaced.message) = (None, "0/6 nodes are available".into());
    let mut old_crash = ready("r2", "a");
    old_crash.containers[0].restarts = 1;
    old_crash.containers[0].last_exit = Some(exit(1, "Error", 100_000));
    for (what, rollout) in [
        ("all ready", with(halfway(), vec![ready("r2", "a"), ready("r1", "b")])),
        ("starting", with(halfway(), vec![young(instance("r2", "a", InstanceState::Unready, "Running"))])),
        ("one failed pull", with(halfway(), vec![young(waiting("r2", "a", "ErrImagePull", "not found"))])),
        ("no node for three seconds", with(halfway(), vec![unplaced])),
        ("one crash long ago", with(halfway(), vec![old_crash])),
        ("a pair", pair()),
        ("a stopping pod", with(halfway(), vec![instance("r1", "a", InstanceState::Terminating, "Terminating")])),
    ] {
        assert_eq!(diagnose(&rollout, now()), None, "{what}");
    }
}

#[test]
fn a_crash_leaves_its_last_words_in_the_evidence() {
    let mut pod = crashed("a", 1, "Error");
    pod.containers[0].last_exit = Some(crate::domain::instance::Exit { message: "no ledger".into(), ..exit(1, "Error", 40) });
    let finding = diagnose(&with(halfway(), vec![pod]), now()).expect("a finding");
    assert_eq!(finding.evidence, "web exit 1 Error: no ledger");
    assert_eq!((finding.instance, finding.container), (Some("web-r2-a".into()), Some("web".into())));
}

#[test]
fn a_flapping_pull_and_a_flapping_crash_keep_their_sentence() {
    let pull = |reason: &str, message: &str| {
        let mut rollout = with(halfway(), vec![waiting("r2", "a", reason, message)]);
        rollout.events.push(event("Failed", "Pod web-r2-a", PULL));
        says(&rollout)
    };
    assert_eq!(pull("ErrImagePull", "rpc error: not found"), pull("ImagePullBackOff", "Back-off pulling image \"lab/web:1.1.0\""));

    let mut runs = instance("r2", "a", InstanceState::Ready, "Running");
    runs.containers[0].restarts = 4;
    runs.containers[0].last_exit = Some(exit(1, "Error", 40));
    assert_eq!(says(&with(halfway(), vec![crashed("a", 1, "Error")])), says(&with(halfway(), vec![runs])));
}

#[test]
fn the_candidates_trouble_comes_before_that_of_the_stable_ones() {
    let mut old = waiting("r1", "a", "CreateContainerConfigError", "secret not found");
    old.revision = "r1".into();
    let rollout = with(canary(Phase::Failing), vec![old, crashed("b", 1, "Error")]);
    let finding = diagnose(&rollout, now()).expect("a finding");
    assert_eq!((finding.cause, finding.instance), (Cause::CrashLoop, Some("web-r2-b".into())));
}

#[test]
fn a_root_cause_comes_before_the_deadline_that_follows_from_it() {
    let mut rollout = with(halfway(), vec![crashed("a", 1, "Error")]);
    rollout.phase = Phase::Failed;
    rollout.conditions.push(("ProgressDeadlineExceeded".into(), "timed out".into()));
    assert_eq!(says(&rollout).0, Cause::CrashLoop);
}

#[test]
fn endpoints_may_follow_a_switch_for_a_moment() {
    let mut rollout = switched();
    let routing = rollout.routing.as_mut().expect("routing");
    routing.endpoints.clear();
    routing.switched = Some(ago(3));
    assert_eq!(diagnose(&rollout, now()), None);
    rollout.routing.as_mut().expect("routing").switched = Some(ago(30));
    assert_eq!(says(&rollout).0, Cause::NoEndpoints);
}

#[test]
fn an_aborted_canary_that_is_held_still_serves_the_candidate() {
    let mut rollout = canary(Phase::RollingBack);
    rollout.held = Some(Held { since: None, by: None });
    rollout.weights = vec![Weight { share: Share::percent(25), source: WeightSource::Observed }];
    assert_eq!(says(&rollout), (Cause::AbortedHeld, "aborted, but still held: the candidate serves with 5 of 25 pods".into()));
    rollout.held = None;
    assert_eq!(diagnose(&rollout, now()), None);
}

#[test]
fn an_admission_refusal_is_told_in_its_own_words() {
    let mut rollout = rollout(rolling(), Phase::Failing, vec![revision(2, "1.1.0", &[Role::Canary], counts(2, 0, 0))]);
    let words = "admission webhook \"policy.example\" denied the request: no latest tag";
    rollout.conditions.push(("FailedCreate".into(), words.into()));
    let finding = diagnose(&rollout, now()).expect("a finding");
    assert_eq!(finding.sentence, "0 of 2 pods could be made: an admission webhook refuses it");
    assert_eq!(finding.evidence, words);
}
