//! Hold and resume: `spec.suspend`, by which Flagger skips whole beats. Its phase does not tell of it.

use super::{Steered, share};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::patch::Patch;
use crate::adapter::kubernetes::convert::flagger::spec;
use crate::domain::change::{ChangeError, Expect, Request};
use crate::domain::verb::Refusal;

/// Makes the request that suspends. A way back: it tests the uid alone.
pub(super) fn suspend(steered: &Steered) -> Request {
    Patch::on(&steered.canary).add("/spec/suspend", true).request("suspend the canary", &steered.canary)
}

/// Drafts the hold.
pub(super) fn hold(scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    if steered.suspended() {
        return Err(Refusal::AlreadyHeld.into());
    }
    let draft = Draft::toward(Expect::Held(true)).change(suspend(steered), &steered.canary);
    Ok(if steered.under_way() {
        draft
            .leads(format!("Flagger skips its beats: {} of the users stay on the candidate", share(scene)))
            .warns(format!("Flagger's phase goes on saying {}", steered.phase()))
            .warns("Its checks stand still too: a candidate that gets worse is not taken back until it is resumed")
    } else {
        draft.leads("Flagger skips its beats: a new image begins no analysis until it is resumed")
    })
}

/// Drafts the resume; of a canary that is not held, taking back that it skips its analysis.
pub(super) fn resume(scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    let patch = Patch::on(&steered.canary).same_generation(&steered.canary);
    let skipping = spec::skipping(&steered.spec);
    if !steered.suspended() {
        if !skipping {
            return Err(Refusal::NotHeld.into());
        }
        let patch = patch.test("/spec/skipAnalysis", true).replace("/spec/skipAnalysis", false);
        return Ok(Draft::toward(Expect::Skipping(false))
            .change(patch.request("analyse the next revision again", &steered.canary), &steered.canary)
            .leads("The next revision is analysed again, before it goes to everyone"));
    }
    let patch = patch.test("/spec/suspend", true).replace("/spec/suspend", false);
    let mut draft = Draft::toward(Expect::Held(false))
        .change(patch.request("resume the canary", &steered.canary), &steered.canary)
        .leads(format!("Flagger goes on {}", steered.next(scene)));
    if steered.under_way() {
        draft = draft.leads(format!("{} of the users are on the candidate now", share(scene)));
        if scene.rollout.conditions.iter().any(|(reason, _)| reason == "Reverted") {
            draft = draft.leads("It walks its steps with what the users had already, and ends Succeeded");
        }
    }
    if skipping {
        draft = draft.warns("spec.skipAnalysis is true: Flagger promotes at once, without analysis");
    }
    Ok(draft)
}
