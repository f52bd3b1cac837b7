//! Promote: leaves the pause that it stands at, or skips the one step that measures. Exactly one, whoever else presses.

use super::seen::{Seen, left_out};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::step::{StepKind, Steps};
use crate::domain::verb::Refusal;

const PAUSES: &str = "/status/pauseConditions";
const INDEX: &str = "/status/currentStepIndex";

/// Drafts the promote.
pub fn advance(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    seen.looked_at(scene)?;
    seen.same_step(scene)?;
    if seen.aborted() {
        return Err(Refusal::Other("it was aborted: retry it, or bring another version in".into()).into());
    }
    let Some(reason) = seen.pause() else { return skip(scene, seen) };
    if seen.blue_green() && reason == "InconclusiveAnalysisRun" {
        return Err(Refusal::Other("its analysis is inconclusive and pauses it again at once: promote fully, abort, or ship".into()).into());
    }

    let expect = seen.index().map_or(Expect::PauseLeft, Expect::PastStep);
    let mut draft = Draft::toward(expect);
    if seen.held() {
        draft = seen.unhold_first(draft).leads("Releases the hold first: a pause that is cleared while it is held begins again");
    }
    let inconclusive = seen.0.text("/status/canary/currentStepAnalysisRunStatus/status") == "Inconclusive" && seen.controller_paused();
    draft = match seen.index() {
        Some(index) if inconclusive => {
            let next = (index + 1).min(seen.steps());
            let patch = seen.not_aborted(seen.place()).remove(PAUSES).add("/status/controllerPause", false).replace(INDEX, next);
            draft
                .status(&format!("leave step {}, which could not decide", index + 1), patch, seen.0)
                .warns("The analysis is inconclusive: nothing says that the candidate is good")
        }
        // A timed pause that is over ends with the hold: then there is nothing left to clear.
        _ if seen.held() && over(scene, seen) => draft.leads("The pause is over: it moves on as soon as the hold is released"),
        Some(index) => draft.status(&format!("leave the pause at step {}", index + 1), seen.place().remove(PAUSES), seen.0),
        None => draft.status(&format!("leave the pause {reason}"), seen.place().remove(PAUSES), seen.0),
    };
    if let (Some(until), false) = (scene.rollout.delivery.pause.as_ref().and_then(|pause| pause.until), over(scene, seen)) {
        let left = until.duration_since(scene.now).as_secs();
        draft = draft.warns(format!("Skips the rest of a timed pause: {:02}:{:02} are left", left / 60, left % 60));
    }
    Ok(next(draft, scene, seen))
}

/// Skips the one step under way, which measures.
fn skip(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    if seen.held() {
        return Err(Refusal::HeldFirst.into());
    }
    let step = seen.index().filter(|index| *index < seen.steps());
    let (Some(index), false) = (step, seen.blue_green()) else { return Err(Refusal::NotPaused.into()) };
    // Were it to pause meanwhile, the pause would outlive the step.
    let patch = seen.not_aborted(seen.place()).test(PAUSES, serde_json::Value::Null).replace(INDEX, index + 1);
    let what = scene.rollout.steps.as_ref().and_then(Steps::now).map_or_else(|| "the step".to_owned(), |step| step.kind.label());
    let skipped = scene.rollout.steps.as_ref().map(|steps| steps.skipped(false)).unwrap_or_default();
    let words = left_out(&skipped).unwrap_or_else(|| what.clone());
    let draft = Draft::toward(Expect::PastStep(index))
        .status(&format!("skip step {}, {what}", index + 1), patch, seen.0)
        .warns(format!("Skips {words}: it is stopped, whatever it has measured"));
    Ok(next(draft, scene, seen))
}

/// Adds where it goes on to.
fn next(draft: Draft, scene: &Scene<'_>, seen: Seen<'_>) -> Draft {
    if seen.blue_green() {
        let to = super::named(scene.rollout.candidate(), "the new one");
        return draft.leads(format!("The active Service is switched to {to}: all users at once"));
    }
    let Some(index) = seen.index() else { return draft.leads("The rollout goes on") };
    let steps = scene.rollout.steps.as_ref().map(|steps| steps.list.as_slice()).unwrap_or_default();
    match steps.get(index + 1).map(|step| &step.kind) {
        Some(kind) => draft.leads(format!("Goes on to step {} of {}, {}", index + 2, steps.len(), worded(kind))),
        None => draft.leads("It was the last step: all users get the candidate"),
    }
}

fn worded(kind: &StepKind) -> String {
    match kind {
        StepKind::Weight(share) => format!("{share} of the users"),
        StepKind::Analysis(name) => format!("the analysis {name}"),
        StepKind::Experiment(name) => format!("the experiment {name}"),
        other => other.label(),
    }
}

/// Returns whether a timed pause has run out; it does so while it is held as well.
fn over(scene: &Scene<'_>, seen: Seen<'_>) -> bool {
    let until = scene.rollout.delivery.pause.as_ref().filter(|pause| pause.since == seen.paused_since()).and_then(|pause| pause.until);
    until.is_some_and(|until| until <= scene.now)
}
