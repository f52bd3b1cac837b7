//! What the controller of a progressive delivery says, or fails to say: away, refused, given up, checks that fail.

use jiff::{SignedDuration, Timestamp};

use super::waits::{acts, by_whom, measured};
use super::{Cause, Finding, cut};
use crate::domain::delivery::{Analysis, Metric, Steering};
use crate::domain::event::Event;
use crate::domain::rollout::{Phase, Rollout, Strategy};
use crate::domain::step::WeightSource;

/// A wish is observed within 20 to 150 ms, on a busy controller in seconds; after this it is away (api-semantics 2.9).
const AWAY: SignedDuration = SignedDuration::from_secs(10);

/// Returns what the console calls the controller.
fn controller(rollout: &Rollout) -> &'static str {
    match rollout.steering {
        Steering::Steps => "the Argo controller",
        Steering::Gates => "Flagger",
        Steering::Workload | Steering::Pair | Steering::Plan => "the controller",
    }
}

/// Nothing that is asked will happen.
pub(super) fn away(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    let lasts = now.duration_since(rollout.delivery.unobserved_since?);
    if lasts < AWAY {
        return None;
    }
    let sentence = format!("{} does not answer: the last change is not observed for {} s", controller(rollout), lasts.as_secs());
    Some(Finding::of(Cause::Away, sentence, rollout.native.as_str()))
}

/// The API server took it, the controller does not; the former pods go on serving.
pub(super) fn invalid(rollout: &Rollout) -> Option<Finding> {
    let condition = rollout.conditions.iter().find(|(reason, _)| reason == "InvalidSpec").map(|(_, words)| words.as_str());
    let words = condition.or_else(|| rollout.native.strip_prefix("InvalidSpec: "))?;
    // `The Rollout "web" is invalid: spec.strategy.steps[0].setWeight: …`
    let what = words.split_once(" is invalid: ").map_or(words, |(_, what)| what);
    let sentence = format!("{} refuses the spec: {}", controller(rollout), cut(what));
    Some(Finding { permanent: true, ..Finding::of(Cause::Invalid, sentence, words) })
}

/// Seen on the real controller (api-semantics 2.9): the status says aborted, and nothing moves until the hold is gone.
pub(super) fn aborted_and_held(rollout: &Rollout) -> Option<Finding> {
    let given_up = rollout.delivery.aborted.is_some() || matches!(rollout.phase, Phase::RollingBack | Phase::RolledBack);
    let held = rollout.held.as_ref().filter(|_| given_up)?;
    let candidate = rollout.candidate().filter(|candidate| candidate.counts.ready > 0 && rollout.strategy == Strategy::Canary)?;
    let observed = rollout.weights.iter().find(|weight| weight.source == WeightSource::Observed);
    if observed.is_some_and(|weight| weight.share.permille() == 0) {
        return None;
    }
    let sentence =
        format!("aborted, but still held: the candidate serves with {} of {} pods", candidate.counts.ready, rollout.counts.total);
    Some(Finding { permanent: true, ..Finding::of(Cause::AbortedHeld, sentence, by_whom(held)) })
}

/// An analysis gave the rollout up: what its pods do is no longer the matter.
pub(super) fn failed_analysis(rollout: &Rollout) -> Option<Finding> {
    let aborted = rollout.delivery.aborted.as_ref().filter(|_| rollout.steering != Steering::Gates)?;
    if !aborted.why.contains("nalysis") && !aborted.why.contains("Metric \"") {
        return None;
    }
    let bad = |analysis: &&Analysis| analysis.phase.bad();
    let of_metric = rollout.delivery.analyses.iter().filter(bad).find_map(|analysis| {
        let metric = analysis.metrics.iter().find(|metric| metric.phase.bad() && !metric.dry_run)?;
        let value = measured(metric);
        let ended = if value.is_empty() { metric.phase.word().to_owned() } else { format!("{}:{value}", metric.phase.word()) };
        let allowed = match (metric.failed, metric.errors) {
            (0, 0) => String::new(),
            (0, errors) => format!(", {errors} could not be measured"),
            (failed, _) => format!(", {failed} failed of {} allowed", metric.failure_limit),
        };
        Some(format!("the metric {} {ended}{allowed}", metric.name))
    });
    let what = of_metric.unwrap_or_else(|| cut(reason(&aborted.why)));
    Some(Finding { permanent: true, ..Finding::of(Cause::Aborted, format!("aborted: {what}"), aborted.why.as_str()) })
}

/// Given up for another reason than an analysis. By a person is no trouble: it is what was ordered.
pub(super) fn aborted(rollout: &Rollout) -> Option<Finding> {
    let why = rollout.delivery.aborted.as_ref().filter(|_| rollout.steering != Steering::Gates)?.why.as_str();
    let reason = reason(why);
    (!reason.is_empty()).then(|| {
        let sentence = format!("aborted: {}", cut(reason));
        Finding { permanent: true, ..Finding::of(Cause::Aborted, sentence, why) }
    })
}

/// Returns what follows `RolloutAborted: Rollout aborted update to revision 2: `; nothing where a person aborted.
fn reason(why: &str) -> &str {
    match why.split_once("aborted update to revision ") {
        Some((_, rest)) => rest.split_once(": ").map_or("", |(_, reason)| reason),
        None => why.strip_prefix("RolloutAborted: ").unwrap_or(why),
    }
}

/// Flagger's checks: counted until it gives up, and why it did.
pub(super) fn checks(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    if rollout.steering != Steering::Gates {
        return None;
    }
    let told = rollout.events.iter().find(|event| says_why(event));
    let words = told.map_or(rollout.native.as_str(), |event| event.message.as_str());
    if let Some(aborted) = &rollout.delivery.aborted {
        let why = told.map_or(aborted.why.as_str(), |event| why_of(&event.message));
        let sentence = if why.is_empty() { "Flagger gave up".into() } else { format!("Flagger gave up: {}", cut(why)) };
        let words = if aborted.why.is_empty() { words.to_owned() } else { format!("{}; {words}", aborted.why.trim_end_matches('.')) };
        return Some(Finding { permanent: true, ..Finding::of(Cause::Checks, sentence, words) });
    }
    let failing = |metric: &&Metric| metric.failed > 0;
    let metric = rollout.delivery.running().flat_map(|analysis| &analysis.metrics).find(failing)?;
    let why = told.map(|event| format!(": {}", cut(why_of(&event.message)))).unwrap_or_default();
    let (failed, most) = (metric.failed, metric.failure_limit + 1);
    let checks = if failed == 1 { "check" } else { "checks" };
    let sentence = format!("{failed} {checks} failed, Flagger gives up at {most}{why}{}", acts(rollout, now));
    Some(Finding::of(Cause::Checks, sentence, words))
}

/// Seen on the real controller (api-semantics 5): a reverted image is shifted to as any other.
pub(super) fn reverted(rollout: &Rollout) -> Option<Finding> {
    let (_, words) = rollout.conditions.iter().find(|(reason, _)| reason == "Reverted" && rollout.steering == Steering::Gates)?;
    Some(Finding { permanent: true, ..Finding::of(Cause::Reverted, words.clone(), rollout.native.as_str()) })
}

fn says_why(event: &Event) -> bool {
    event.about.starts_with("Canary ") && (event.message.starts_with("Halt ") || event.message.starts_with("Rolling back "))
}

/// Leaves out whom it is about: `Halt web.booking advancement success rate 69.17% < 99%`.
fn why_of(words: &str) -> &str {
    match words.split_once(" advancement ") {
        Some((_, why)) => why,
        None => words.strip_prefix("Rolling back ").and_then(|rest| rest.split_once(' ')).map_or(words, |(_, why)| why),
    }
}
