//! Promote fully: everything that is left is skipped, all analysis with it.

use super::named;
use super::seen::{Seen, left_out};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::verb::Refusal;

/// Drafts the full promotion.
///
/// It tests the release and that it was not aborted, which a full promotion would take back; not the step: one that ends
/// meanwhile is one less to skip.
pub fn finish(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    seen.looked_at(scene)?;
    if seen.aborted() {
        return Err(Refusal::Other("it was aborted: retry it, or bring another version in".into()).into());
    }
    if seen.hash() == seen.stable() {
        return Err(Refusal::NothingUnderWay.into());
    }
    let (stable, candidate) = (scene.rollout.serving_revision(), scene.rollout.candidate().or_else(|| scene.rollout.newest()));
    let mut draft = Draft::toward(Expect::Done).between(named(stable, "the stable one"), named(candidate, "the candidate"));
    if seen.held() {
        draft = seen.unhold_first(draft).leads("Releases the hold first, at the place where it stands");
    }
    let patch = seen.not_aborted(seen.release().test("/status/stableRS", seen.stable())).add("/status/promoteFull", true);
    draft = draft.status("promote fully", patch, seen.0);

    let to = named(candidate, "the candidate");
    draft = if seen.blue_green() {
        draft.leads(format!("The active Service is switched to {to} as soon as its instances are ready: all users at once"))
    } else {
        draft.leads(format!("All users get {to} as soon as its instances are ready"))
    };
    let skipped = scene.rollout.steps.as_ref().map(|steps| steps.skipped(true)).unwrap_or_default();
    if let Some(words) = left_out(&skipped) {
        draft = draft.warns(format!("Skips {words}"));
    }
    if measures(seen) {
        draft = draft.warns("ALL analysis is skipped, and what measures now is stopped: nothing will abort it but you");
    }
    let unready = candidate.filter(|candidate| candidate.counts.ready < candidate.counts.wanted);
    Ok(match unready {
        Some(candidate) => {
            draft.warns(format!("{} is not ready: {} of {}", candidate.label(), candidate.counts.ready, candidate.counts.wanted))
        }
        None => draft,
    })
}

/// Returns whether anything of the strategy measures: beside the steps, in them, or around the switch.
fn measures(seen: Seen<'_>) -> bool {
    let (canary, blue_green) = (seen.strategy("canary"), seen.strategy("blueGreen"));
    let steps = canary.get("steps").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    canary.get("analysis").is_some()
        || steps.iter().any(|step| step.get("analysis").is_some() || step.get("experiment").is_some())
        || blue_green.get("prePromotionAnalysis").is_some()
        || blue_green.get("postPromotionAnalysis").is_some()
}
