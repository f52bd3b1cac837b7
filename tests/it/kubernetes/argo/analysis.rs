//! Analyses and experiments at the moments that decide.

use rolldeck::domain::delivery::{AnalysisPhase, AnalysisRole, PauseKind};
use rolldeck::domain::revision::Proof;
use rolldeck::domain::rollout::{Phase, Rollout};

use super::{play, rail, shown, weights, when};
use crate::kubernetes::walk::at;

#[test]
fn a_failed_analysis_says_what_it_measured_and_against_what() {
    let moments = play("canary-analysis-fail");
    let failed = at(&moments, "plugin: retry rollout c-fail");
    let run = &failed.delivery.analyses[0];
    assert_eq!((run.role.clone(), run.phase), (AnalysisRole::Step(2), AnalysisPhase::Failed));
    assert_eq!(run.message, "Metric \"error-rate\" assessed Failed due to failed (1) > failureLimit (0)");
    assert!(run.started.is_some() && run.ended.is_some() && !run.stopping);
    let metric = &run.metrics[0];
    assert_eq!((metric.name.as_str(), metric.limit.as_str(), metric.planned), ("error-rate", "result[0] < 0.05", Some(3)));
    assert_eq!((metric.taken, metric.failed, metric.failure_limit), (1, 1, 0));
    assert_eq!((metric.measurements[0].value.as_str(), metric.measurements[0].phase), ("[0.42]", AnalysisPhase::Failed));
    let candidate = failed.candidate().unwrap();
    assert!(matches!(candidate.proof, Proof::Failed(_)), "an analysis spoke against it");
    assert_eq!(run.revision.as_ref(), Some(&candidate.id));
    // A second try is measured anew, and the first verdict is none on it.
    let tried = |now: &Rollout| now.delivery.aborted.is_none() && now.native.starts_with("Degraded");
    let retry = moments.iter().position(|moment| moment.now.as_ref().is_some_and(tried)).unwrap();
    let retried = when(&moments[retry..], |now| now.phase == Phase::Progressing);
    assert_eq!(retried.delivery.analyses[0].phase, AnalysisPhase::Failed);
    assert!(moments.iter().filter_map(|moment| moment.now.as_ref()).any(|now| now.delivery.analyses.len() == 2));
    let end = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    assert_eq!((end.phase, end.delivery.analyses.len()), (Phase::Done, 0), "finished ones of another revision are left out");
}

#[test]
fn an_inconclusive_analysis_is_a_pause_of_its_own() {
    let canary = play("canary-analysis-inconclusive");
    let now = at(&canary, "plugin: promote c-maybe");
    assert_eq!(now.delivery.pause.as_ref().unwrap().kind, PauseKind::InconclusiveAnalysis);
    assert_eq!((now.phase, rail(now).as_str()), (Phase::Waiting, "25 % [analysis] 50 % pause"));
    assert_eq!(now.delivery.analyses[0].phase, AnalysisPhase::Inconclusive);

    let pair = play("bluegreen-pre-inconclusive");
    let now = at(&pair, "plugin: promote b-inc");
    assert_eq!(now.delivery.pause.as_ref().unwrap().kind, PauseKind::InconclusiveAnalysis);
    assert_eq!(
        (now.delivery.analyses[0].role.clone(), rail(now).as_str()),
        (AnalysisRole::PrePromotion, "preview up [analysis] switch scale down")
    );
    // Each promotion is followed by the same pause, and never by a switch.
    let all = pair.iter().filter_map(|moment| moment.now.as_ref()).filter(|now| now.steps.is_some());
    assert_eq!(all.filter(|now| rail(now).contains("[switch]")).count(), 0);
}

#[test]
fn a_skipped_analysis_goes_on_and_a_stopped_one_passes() {
    let moments = play("canary-analysis-skip");
    let skipped = when(&moments, |now| now.steps.as_ref().is_some_and(|steps| steps.current == Some(2)));
    assert_eq!((rail(skipped).as_str(), skipped.delivery.running().count()), ("25 % analysis [50 %] analysis 75 % pause", 1));
    let stopped = at(&moments, "plugin: promote c-skip");
    assert_eq!(stopped.delivery.analyses.len(), 1);
    let passed = when(&moments, |now| now.steps.as_ref().is_some_and(|steps| steps.current == Some(4)));
    assert_eq!(
        passed.delivery.analyses.iter().map(|run| (run.role.clone(), run.phase)).collect::<Vec<_>>(),
        [(AnalysisRole::Step(3), AnalysisPhase::Successful), (AnalysisRole::Step(1), AnalysisPhase::Successful)]
    );
    assert_eq!(passed.delivery.analyses[0].metrics[0].planned, Some(30));
    let timed = &passed.steps.as_ref().unwrap().list[3];
    assert_eq!((timed.started, timed.ended), (passed.delivery.analyses[0].started, passed.delivery.analyses[0].ended));
}

#[test]
fn a_background_analysis_turns_bad_in_the_middle_of_a_pause() {
    let moments = play("canary-background");
    let bad = when(&moments, |now| now.delivery.analyses.iter().any(|run| run.metrics.iter().any(|metric| metric.failed == 2)));
    assert_eq!((bad.phase, bad.delivery.analyses[0].role.clone()), (Phase::Waiting, AnalysisRole::Background));
    assert!(moments.iter().filter_map(|moment| moment.now.as_ref()).any(|now| now.phase == Phase::Failing), "before the pause was there");
    let safe = at(&moments, "plugin: undo c-back");
    assert_eq!((safe.phase, weights(safe)[0].as_str()), (Phase::RolledBack, "Asked 0 %"));
    assert!(safe.delivery.aborted.as_ref().unwrap().why.ends_with("assessed Failed due to failed (3) > failureLimit (2)"));
}

#[test]
fn an_experiment_is_shown_and_its_instances_are_no_revisions() {
    let moments = play("canary-experiment");
    let now = when(&moments, |now| now.delivery.experiments.iter().any(|experiment| experiment.phase == AnalysisPhase::Running));
    let experiment = &now.delivery.experiments[0];
    let told: Vec<_> = experiment.templates.iter().map(|side| (side.name.as_str(), side.status.as_str(), side.available)).collect();
    assert_eq!(told, [("baseline", "Running", 1), ("candidate", "Running", 1)]);
    assert_eq!(experiment.lasts.map(|lasts| lasts.as_secs()), Some(8));
    assert_eq!((rail(now).as_str(), weights(now)), ("[experiment] 50 % pause", vec!["Asked 0 %".to_owned(), "Replicas 0 %".to_owned()]));
    assert_eq!(shown(now), ["#2 1.1.0 canary 0/0", "#1 1.0.0 stable 4/4"]);
    assert!(moments.iter().filter_map(|moment| moment.now.as_ref()).all(|now| now.revisions.len() <= 2));
}
