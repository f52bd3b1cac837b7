//! What a rollout waits for while nothing is wrong: a hold, a pause, a gate, an analysis.

use jiff::Timestamp;

use super::{Cause, Counts, Finding, cut};
use crate::domain::delivery::{Analysis, AnalysisPhase, AnalysisRole, Metric, Pause, PauseKind, Steering};
use crate::domain::rollout::{Held, Phase, Rollout};
use crate::domain::step::StepKind;

/// A hold by hand.
pub(super) fn held(rollout: &Rollout) -> Option<Finding> {
    let words = by_whom(rollout.held.as_ref()?);
    let place = match (rollout.phase, rollout.candidate()) {
        (Phase::Done, _) | (_, None) => String::new(),
        (_, Some(new)) => {
            let Counts { ready, wanted } = Counts::of(rollout, new);
            format!(", {ready} of {wanted} on {}", new.version)
        }
    };
    Some(Finding { permanent: true, ..Finding::of(Cause::Held, format!("{words}{place}"), rollout.native.as_str()) })
}

/// `held by kubectl-rollout since 22:13:05Z`.
pub(super) fn by_whom(held: &Held) -> String {
    let by = held.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let since = held.since.map(|since| format!(" since {}", clock(since))).unwrap_or_default();
    format!("held{by}{since}")
}

/// Since or until when, not for how long: the sentence stands still.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// A plain canary whose console did not live to send the next request: nothing moves, and it stands at no pause.
pub(super) fn between(rollout: &Rollout) -> Option<Finding> {
    let left = rollout.steering == Steering::Plan && rollout.phase == Phase::Waiting;
    if !left || rollout.delivery.pause.is_some() || rollout.held.is_some() {
        return None;
    }
    Some(Finding { permanent: true, ..Finding::of(Cause::Paused, cut(&rollout.native), rollout.native.as_str()) })
}

/// A pause of the rollout's own: of a step, before the switch, at a gate, or because an analysis could not decide.
pub(super) fn paused(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    if !rollout.phase.under_way() {
        return None;
    }
    let pause = rollout.delivery.pause.clone().or_else(|| of_steps(rollout))?;
    let ends = match pause.until {
        Some(until) => format!(" until {}, then it goes on by itself", clock(until)),
        None => ": waits for you".into(),
    };
    let version = rollout.candidate().map_or("the new version", |candidate| candidate.version.as_str());
    let (sentence, evidence) = match &pause.kind {
        PauseKind::Step => (format!("paused{}{ends}", place(rollout)), rollout.native.clone()),
        PauseKind::BlueGreen => (format!("{version} is up, paused before the switch{ends}"), rollout.native.clone()),
        PauseKind::InconclusiveAnalysis => {
            let found = rollout.delivery.analyses.iter().find(|analysis| analysis.phase == AnalysisPhase::Inconclusive);
            let metric = found.and_then(|analysis| analysis.metrics.iter().find(|metric| metric.phase == AnalysisPhase::Inconclusive));
            let what = metric.map(|metric| format!(" {}{}", metric.name, measured(metric))).unwrap_or_default();
            // Seen on the real controller: each promote is followed by the same pause (api-semantics 2.9).
            let leave = match found {
                Some(analysis) if analysis.role == AnalysisRole::PrePromotion => {
                    "only promoting fully, an abort or another version leaves it"
                }
                _ => "waits for you",
            };
            let words = found.map(|analysis| analysis.message.clone()).filter(|words| !words.is_empty());
            (format!("paused: the analysis{what} could not decide: {leave}"), words.unwrap_or_else(|| rollout.native.clone()))
        }
        PauseKind::InconclusiveExperiment => ("paused: the experiment could not decide: waits for you".into(), rollout.native.clone()),
        PauseKind::Gate(gate) => (format!("held by the gate {gate}{}", acts(rollout, now)), rollout.native.clone()),
    };
    Some(Finding { permanent: pause.until.is_none(), ..Finding::of(Cause::Paused, sentence, evidence) })
}

/// Where the engine tells no pause, the step under way does.
fn of_steps(rollout: &Rollout) -> Option<Pause> {
    let steps = rollout.steps.as_ref().filter(|_| rollout.phase == Phase::Waiting)?;
    let step = steps.now()?;
    match &step.kind {
        StepKind::Pause(_) => Some(Pause { kind: PauseKind::Step, since: step.started, until: steps.resumes }),
        StepKind::Gate(gate) => Some(Pause { kind: PauseKind::Gate(gate.clone()), since: step.started, until: None }),
        _ => None,
    }
}

/// ` at step 3 of 8`.
fn place(rollout: &Rollout) -> String {
    let steps = rollout.steps.as_ref().filter(|steps| !steps.list.is_empty());
    let at = steps.and_then(|steps| Some((steps.current?.min(steps.list.len() - 1) + 1, steps.list.len())));
    at.map(|(at, all)| format!(" at step {at} of {all}")).unwrap_or_default()
}

/// `; Flagger acts next in 8 s at most`, where the controller works on a beat.
pub(super) fn acts(rollout: &Rollout, now: Timestamp) -> String {
    let Some(beat) = rollout.delivery.beat.filter(|_| rollout.steering == Steering::Gates) else { return String::new() };
    format!("; Flagger acts next in {} s at most", beat.next_in(now).as_secs())
}

/// Measurements that what comes next depends on. One beside the steps holds nothing up.
pub(super) fn analysis(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    if !rollout.phase.under_way() {
        return None;
    }
    if rollout.steering == Steering::Gates {
        let running = rollout.delivery.running().next().filter(|_| rollout.phase == Phase::Progressing)?;
        let sentence = format!("no check has failed so far{}", acts(rollout, now));
        return Some(Finding::of(Cause::Analysis, sentence, format!("{}, {}", running.role.word(), rollout.native)));
    }
    let holds = |analysis: &&Analysis| analysis.role != AnalysisRole::Background;
    if let Some(analysis) = rollout.delivery.running().find(holds) {
        let deciding = || analysis.metrics.iter().filter(|metric| !metric.dry_run);
        let metric = deciding().find(|metric| !metric.phase.over()).or_else(|| deciding().next());
        let what = metric.map_or(analysis.name.as_str(), |metric| metric.name.as_str());
        let far = metric.map(progress).unwrap_or_default();
        let sentence = format!("waits for the analysis {what}{far}{}", acts(rollout, now));
        let words = metric.map(|metric| metric.message.as_str()).filter(|words| !words.is_empty());
        let words = words.map_or_else(|| format!("{}, {}", analysis.role.word(), analysis.name), str::to_owned);
        return Some(Finding::of(Cause::Analysis, sentence, words));
    }
    let experiment = rollout.delivery.experiments.iter().find(|experiment| !experiment.phase.over())?;
    let up = experiment.templates.iter().filter(|template| template.available >= template.replicas).count();
    // Its time begins to count when all its sets are up.
    let runs = experiment.phase == AnalysisPhase::Running;
    let ends = experiment.started.zip(experiment.lasts).filter(|_| runs).and_then(|(started, lasts)| started.checked_add(lasts).ok());
    let until = ends.map(|ends| format!(", until {}", clock(ends))).unwrap_or_default();
    let sentence = format!("waits for the experiment {}: {up} of {} sets are up{until}", experiment.name, experiment.templates.len());
    Some(Finding::of(Cause::Analysis, sentence, experiment.message.as_str()))
}

/// `: 2 of 5 measured, last 0.97 against result[0] >= 0.95, 1 failed of 2 allowed`.
fn progress(metric: &Metric) -> String {
    use std::fmt::Write as _;
    let mut words = match metric.planned {
        Some(planned) => format!(": {} of {planned} measured", metric.taken),
        None => format!(": {} measured", metric.taken),
    };
    let last = measured(metric);
    if !last.is_empty() {
        words.push_str(", last");
        words.push_str(&last);
    }
    if metric.failed > 0 {
        let _ = write!(words, ", {} failed of {} allowed", metric.failed, metric.failure_limit);
    }
    if metric.errors > 0 {
        let _ = write!(words, ", {} could not be measured", metric.errors);
    }
    words
}

/// ` 0.97 against result[0] >= 0.95`, of the measurement that tells: the last of the metric's own phase, else the last.
pub(super) fn measured(metric: &Metric) -> String {
    let newest = || metric.measurements.iter().rev();
    let telling = newest().find(|measurement| measurement.phase == metric.phase).or_else(|| newest().next());
    let value = telling.map(|measurement| measurement.value.as_str()).filter(|value| !value.is_empty());
    match (value, metric.limit.as_str()) {
        (Some(value), "") => format!(" {value}"),
        (Some(value), limit) => format!(" {value} against {limit}"),
        (None, _) => String::new(),
    }
}

/// Flagger's switch that leaves the analysis out stays on until it is taken back (api-semantics 5).
pub(super) fn unanalysed(rollout: &Rollout) -> Option<Finding> {
    let left = rollout.steering == Steering::Gates && rollout.delivery.promoting_fully && !rollout.phase.under_way();
    left.then(|| {
        let sentence = "skipAnalysis is still true: the next version goes out without any analysis".into();
        Finding { permanent: true, ..Finding::of(Cause::Unanalysed, sentence, rollout.native.as_str()) }
    })
}

/// An autoscaler that limits the rollout, or that will undo a scale by hand.
pub(super) fn autoscaler(rollout: &Rollout) -> Option<Finding> {
    let scaler = rollout.autoscaler.as_ref()?;
    let (name, wanted) = (&scaler.name, rollout.counts.wanted);
    let told = |reasons: &[&str]| scaler.complaints.iter().find(|(reason, _)| reasons.contains(&reason.as_str()));
    // At 0 replicas an autoscaler stands aside.
    if wanted > 0 && scaler.max > 0 && !(scaler.min..=scaler.max).contains(&wanted) {
        let are = if wanted == 1 { "pod is" } else { "pods are" };
        let sentence = format!("{wanted} {are} wanted, and the autoscaler {name} will put back {}", wanted.clamp(scaler.min, scaler.max));
        return Some(Finding::of(Cause::Autoscaler, sentence, format!("min {} max {}", scaler.min, scaler.max)));
    }
    if !rollout.phase.under_way() {
        return None;
    }
    if let Some((_, words)) = told(&["TooManyReplicas"]) {
        let sentence = format!("the autoscaler {name} is at its maximum of {} and would have more", scaler.max);
        return Some(Finding::of(Cause::Autoscaler, sentence, words.as_str()));
    }
    let (reason, words) = scaler.complaints.iter().find(|(reason, _)| reason.starts_with("Failed") || reason.starts_with("Invalid"))?;
    let sentence = format!("the autoscaler {name} cannot act: {}", super::cut(words));
    Some(Finding::of(Cause::Autoscaler, sentence, format!("{reason}: {words}")))
}
