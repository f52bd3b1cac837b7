//! One table line a cause that only a progressive delivery has.

use jiff::SignedDuration;

use super::{says, with};
use crate::domain::delivery::{
    Aborted, Analysis, AnalysisPhase, AnalysisRole, Beat, Budget, Measurement, Metric, Pause, PauseKind, Steering,
};
use crate::domain::doctor::{Cause, diagnose};
use crate::domain::instance::InstanceState;
use crate::domain::rollout::{Autoscaler, Held, Phase, Rollout};
use crate::domain::sample::{ago, canary, event, halfway, instance, now};

fn metric(phase: AnalysisPhase, values: &[(AnalysisPhase, &str)]) -> Metric {
    let count = |of: AnalysisPhase| values.iter().filter(|(phase, _)| *phase == of).count() as u32;
    Metric {
        name: "error-rate".into(),
        phase,
        limit: "result[0] < 0.05".into(),
        planned: Some(5),
        taken: values.len() as u32,
        successful: count(AnalysisPhase::Successful),
        failed: count(AnalysisPhase::Failed),
        inconclusive: count(AnalysisPhase::Inconclusive),
        errors: count(AnalysisPhase::Error),
        failure_limit: 1,
        dry_run: false,
        message: String::new(),
        measurements: values.iter().map(|(phase, value)| Measurement { phase: *phase, value: (*value).into(), at: None }).collect(),
    }
}

fn analysis(role: AnalysisRole, phase: AnalysisPhase, metric: Metric) -> Analysis {
    Analysis {
        name: "web-6d4b-2".into(),
        uid: "a".into(),
        role,
        phase,
        message: String::new(),
        started: Some(ago(60)),
        ended: None,
        metrics: vec![metric],
        revision: None,
        stopping: false,
    }
}

fn paused(kind: PauseKind, until: Option<i64>) -> Rollout {
    let mut rollout = canary(Phase::Waiting);
    rollout.delivery.pause = Some(Pause { kind, since: Some(ago(60)), until: until.map(|seconds| ago(-seconds)) });
    rollout
}

fn gave_up(why: &str) -> Rollout {
    let mut rollout = canary(Phase::RolledBack);
    rollout.delivery.aborted = Some(Aborted { at: Some(ago(60)), why: why.into() });
    rollout
}

fn gates(phase: Phase) -> Rollout {
    let mut rollout = canary(phase);
    (rollout.steering, rollout.steps) = (Steering::Gates, None);
    rollout.delivery.beat = Some(Beat { every: SignedDuration::from_secs(10), last: Some(ago(2)) });
    rollout
}

const FAILED: &str = "Rollout aborted update to revision 2: Step-based analysis phase error/failed: Metric \"error-rate\" assessed Failed due to failed (1) > failureLimit (0)";

#[test]
fn what_the_controller_says_or_fails_to_say() {
    let away = |seconds| {
        let mut rollout = canary(Phase::Unobserved);
        rollout.delivery.unobserved_since = Some(ago(seconds));
        rollout
    };
    let invalid = {
        let mut rollout = canary(Phase::Failed);
        let words =
            "The Rollout \"web\" is invalid: spec.strategy.steps[0].setWeight: Invalid value: 250: SetWeight needs to be between 0 and 100";
        rollout.conditions.push(("InvalidSpec".into(), words.into()));
        rollout
    };
    let measured = {
        let mut rollout = gave_up(FAILED);
        let values = [(AnalysisPhase::Successful, "[0.01]"), (AnalysisPhase::Failed, "[0.42]"), (AnalysisPhase::Failed, "[0.44]")];
        rollout.delivery.analyses = vec![analysis(AnalysisRole::Step(1), AnalysisPhase::Failed, metric(AnalysisPhase::Failed, &values))];
        rollout
    };
    let gave_up_by_flagger = {
        let mut rollout = gates(Phase::RolledBack);
        rollout.delivery.aborted = Some(Aborted { at: None, why: "Canary analysis failed, Deployment scaled to zero.".into() });
        rollout.events.push(event("Synced", "Canary web", "Rolling back web.booking failed checks threshold reached 2"));
        rollout
    };
    let checks = {
        let mut rollout = gates(Phase::Failing);
        rollout.events.push(event("Synced", "Canary web", "Halt web.booking advancement success rate 69.17% < 99%"));
        let failing = metric(AnalysisPhase::Running, &[(AnalysisPhase::Failed, ""), (AnalysisPhase::Failed, "")]);
        rollout.delivery.analyses =
            vec![analysis(AnalysisRole::Background, AnalysisPhase::Running, Metric { failure_limit: 4, ..failing })];
        rollout
    };
    let reverted = {
        let mut rollout = gates(Phase::Progressing);
        let words = "the target is back on what the users had, and Flagger goes on shifting to it all the same";
        rollout.conditions.push(("Reverted".into(), words.into()));
        rollout
    };
    let deadline = {
        let mut rollout = canary(Phase::Failed);
        rollout.native = "ProgressDeadlineExceeded: ReplicaSet \"web-6d4b\" has timed out progressing.".into();
        rollout
    };
    for (rollout, cause, sentence) in [
        (away(14), Cause::Away, "the Argo controller does not answer: the last change is not observed for 14 s"),
        (
            invalid,
            Cause::Invalid,
            "the Argo controller refuses the spec: spec.strategy.steps[0].setWeight: Invalid value: 250: SetWeight needs to be between 0 and 100",
        ),
        (measured, Cause::Aborted, "aborted: the metric error-rate failed: [0.44] against result[0] < 0.05, 2 failed of 1 allowed"),
        (
            gave_up(FAILED),
            Cause::Aborted,
            "aborted: Step-based analysis phase error/failed: Metric \"error-rate\" assessed Failed due to failed (1) > failureLimit (0)",
        ),
        (
            gave_up("Rollout aborted update to revision 2: ReplicaSet \"web-6d4b\" has timed out progressing."),
            Cause::Aborted,
            "aborted: ReplicaSet \"web-6d4b\" has timed out progressing",
        ),
        (gave_up_by_flagger, Cause::Checks, "Flagger gave up: failed checks threshold reached 2"),
        (checks, Cause::Checks, "2 checks failed, Flagger gives up at 5: success rate 69.17% < 99%; Flagger acts next in 8 s at most"),
        (reverted, Cause::Reverted, "the target is back on what the users had, and Flagger goes on shifting to it all the same"),
        (deadline, Cause::Deadline, "no progress within the deadline: 5 of 5 canary pods ready"),
    ] {
        assert_eq!(says(&rollout), (cause, sentence.to_owned()));
        assert!(!cause.calm());
    }
    let mut observed_late = away(4);
    observed_late.steps = None;
    assert_eq!(diagnose(&observed_late, now()), None, "four seconds are no absence");
    assert_eq!(diagnose(&gave_up("Rollout aborted update to revision 2"), now()), None, "a person aborted it");
}

#[test]
fn what_it_waits_for_is_said_calmly() {
    let held_by_hand = {
        let mut rollout = paused(PauseKind::Step, Some(120));
        rollout.held = Some(Held { since: Some(ago(300)), by: Some("rolldeck".into()) });
        rollout
    };
    let inconclusive = |role: AnalysisRole| {
        let mut rollout = paused(PauseKind::InconclusiveAnalysis, None);
        let of = metric(AnalysisPhase::Inconclusive, &[(AnalysisPhase::Inconclusive, "[NaN]")]);
        rollout.delivery.analyses = vec![analysis(role, AnalysisPhase::Inconclusive, of)];
        rollout
    };
    let gate = {
        let mut rollout = gates(Phase::Waiting);
        rollout.delivery.pause = Some(Pause { kind: PauseKind::Gate("confirm-promotion".into()), since: None, until: None });
        rollout
    };
    let measuring = |role: AnalysisRole| {
        let mut rollout = canary(Phase::Progressing);
        let values = [(AnalysisPhase::Successful, "[0.01]"), (AnalysisPhase::Failed, "[0.09]"), (AnalysisPhase::Successful, "[0.02]")];
        let mut of = metric(AnalysisPhase::Running, &values);
        of.failure_limit = 2;
        rollout.delivery.analyses = vec![analysis(role, AnalysisPhase::Running, of)];
        rollout
    };
    let flagger = {
        let mut rollout = gates(Phase::Progressing);
        let of = metric(AnalysisPhase::Running, &[]);
        rollout.delivery.analyses = vec![analysis(AnalysisRole::Background, AnalysisPhase::Running, of)];
        rollout
    };
    let unanalysed = {
        let mut rollout = gates(Phase::Done);
        rollout.delivery.promoting_fully = true;
        rollout
    };
    let scaled = |wanted: u32, complaint: Option<(&str, &str)>| {
        let mut rollout = halfway();
        rollout.counts.wanted = wanted;
        let complaints = complaint.into_iter().map(|(reason, words)| (reason.into(), words.into())).collect();
        rollout.autoscaler = Some(Autoscaler { name: "web".into(), min: 2, max: 5, current: 5, desired: 5, complaints });
        rollout
    };
    for (rollout, cause, sentence) in [
        (paused(PauseKind::Step, None), Cause::Paused, "paused at step 1 of 3: waits for you"),
        (canary(Phase::Waiting), Cause::Paused, "paused at step 1 of 3: waits for you"),
        (paused(PauseKind::Step, Some(120)), Cause::Paused, "paused at step 1 of 3 until 22:20:00Z, then it goes on by itself"),
        (paused(PauseKind::BlueGreen, None), Cause::Paused, "1.1.0 is up, paused before the switch: waits for you"),
        (held_by_hand, Cause::Held, "held by rolldeck since 22:13:00Z, 5 of 5 on 1.1.0"),
        (
            inconclusive(AnalysisRole::Step(1)),
            Cause::Paused,
            "paused: the analysis error-rate [NaN] against result[0] < 0.05 could not decide: waits for you",
        ),
        (
            inconclusive(AnalysisRole::PrePromotion),
            Cause::Paused,
            "paused: the analysis error-rate [NaN] against result[0] < 0.05 could not decide: only promoting fully, an abort or another version leaves it",
        ),
        (gate, Cause::Paused, "held by the gate confirm-promotion; Flagger acts next in 8 s at most"),
        (
            measuring(AnalysisRole::Step(1)),
            Cause::Analysis,
            "waits for the analysis error-rate: 3 of 5 measured, last [0.02] against result[0] < 0.05, 1 failed of 2 allowed",
        ),
        (flagger, Cause::Analysis, "no check has failed so far; Flagger acts next in 8 s at most"),
        (unanalysed, Cause::Unanalysed, "skipAnalysis is still true: the next version goes out without any analysis"),
        (scaled(8, None), Cause::Autoscaler, "8 pods are wanted, and the autoscaler web will put back 5"),
        (
            scaled(5, Some(("TooManyReplicas", "the desired replica count is more than the maximum replica count"))),
            Cause::Autoscaler,
            "the autoscaler web is at its maximum of 5 and would have more",
        ),
        (
            scaled(4, Some(("FailedGetResourceMetric", "the HPA was unable to compute the replica count: no metrics"))),
            Cause::Autoscaler,
            "the autoscaler web cannot act: the HPA was unable to compute the replica count: no metrics",
        ),
    ] {
        assert_eq!(says(&rollout), (cause, sentence.to_owned()));
        assert!(cause.calm());
    }
    assert_eq!(diagnose(&measuring(AnalysisRole::Background), now()), None, "it runs beside the steps");
    assert_eq!(diagnose(&scaled(4, Some(("DesiredWithinRange", ""))), now()), None);
}

#[test]
fn a_budget_holds_a_restart_only_when_nothing_else_is_on_its_way() {
    let restarting = |allowed: u32, new: Option<i64>| {
        let old = instance("r2", "a", InstanceState::Ready, "Running");
        let mut fresh = instance("r2", "b", InstanceState::Ready, "Running");
        fresh.created = Some(ago(100));
        fresh.ready_since = new.map(ago);
        if new.is_none() {
            fresh.state = InstanceState::Unready;
        }
        let mut rollout = with(canary(Phase::Progressing), vec![old, fresh]);
        rollout.delivery.restart = Some(ago(120));
        rollout.budgets = vec![Budget { name: "web".into(), allowed, healthy: 3, desired: 3 }];
        rollout
    };
    assert_eq!(
        says(&restarting(0, Some(60))),
        (Cause::Budget, "1 of 2 pods may not be evicted: budget web allows 0 of 3 healthy".to_owned())
    );
    assert_eq!(diagnose(&restarting(1, Some(60)), now()), None);
    assert_eq!(diagnose(&restarting(0, Some(3)), now()), None, "the budget has just seen the new one ready");
    let starting = diagnose(&restarting(0, None), now());
    assert_ne!(starting.map(|finding| finding.cause), Some(Cause::Budget));
}

#[test]
fn a_long_reason_is_cut_in_the_sentence_and_whole_in_the_evidence() {
    let long = format!("Rollout aborted update to revision 2: Background analysis phase error/failed: {}", "é".repeat(400));
    let finding = diagnose(&gave_up(&long), now()).expect("a finding");
    assert!(finding.sentence.chars().count() < 140 && finding.sentence.ends_with('…'), "{}", finding.sentence);
    assert_eq!(finding.evidence, long);
}

#[test]
fn a_failed_analysis_comes_before_what_its_pods_do_and_a_deadline_after_it() {
    let unready = || vec![instance("r2", "a", InstanceState::Unready, "Running")];
    let probe = event("Unhealthy", "Pod web-r2-a", "Readiness probe failed: HTTP probe failed with statuscode: 503");
    let mut failed = with(gave_up(FAILED), unready());
    failed.events.push(probe.clone());
    assert_eq!(says(&failed).0, Cause::Aborted);
    let mut late = with(gave_up("Rollout aborted update to revision 2: ReplicaSet \"web\" has timed out progressing."), unready());
    late.events.push(probe);
    assert_eq!(says(&late).0, Cause::Unready);
}
