//! Abort, the way back in the middle of a rollout, and retry, its reverse. Held, nothing moves until the hold is gone: both
//! release it, after what they write, so that the candidate never takes another step in between.

use super::named;
use super::seen::Seen;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::patch::Patch;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::verb::Refusal;
use crate::domain::wayback;

/// Drafts the abort. A way back: it tests only that the object is the same.
pub fn abort(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    if seen.hash() == seen.stable() && !seen.hash().is_empty() {
        // Of a template that is not seen yet, the abort would be cleared when it is.
        return Err(if seen.observed() { Refusal::NothingUnderWay } else { Refusal::Unobserved }.into());
    }
    if seen.aborted() && !seen.held() {
        return Err(Refusal::Other("it was aborted already".into()).into());
    }
    let stable = wayback::before_change(scene.rollout);
    let to = named(stable, "the stable revision");
    let mut draft = Draft::toward(Expect::Aborted).between(named(scene.rollout.newest(), "the candidate"), to.clone());
    draft = draft.status("abort the rollout", Patch::on(seen.0).add("/status/abort", true), seen.0);
    if seen.held() {
        draft = seen.unhold_after(draft);
    }
    let wanted = scene.rollout.counts.wanted;
    let ready = stable.map_or(0, |stable| stable.counts.ready);
    draft = if seen.blue_green() {
        draft.leads(format!("The active Service stays with {to}, or goes back to it"))
    } else if ready >= wanted {
        draft.leads(format!("All users go back to {to} at once: {ready} of {wanted} are ready"))
    } else {
        draft.leads(format!("All users go back to {to}; {ready} of {wanted} are ready, the others are started"))
    };
    Ok(draft
        .leads("It starts again at its first step when it is retried")
        .warns(format!("It stays Degraded until it is retried, rolled back to {to}, or another version comes in")))
}

/// Drafts the retry. It brings the candidate in again, so it must be the one on the screen.
pub fn retry(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    if !seen.aborted() {
        return Err(ChangeError::Moved { what: vec!["it is not aborted any more".into()], by: None, at: None });
    }
    let patch = seen.release().test("/status/abort", true).replace("/status/abort", false);
    let mut draft = Draft::toward(Expect::UnderWay)
        .between(named(scene.rollout.serving_revision(), "the stable one"), named(scene.rollout.candidate(), "the candidate"))
        .status("retry the rollout", patch, seen.0);
    if seen.held() {
        let release = seen.release().test("/spec/paused", true).replace("/spec/paused", false).request("release the hold", seen.0);
        draft = draft.change(release, seen.0).leads("Releases the hold with the second request: it would stand still");
    }
    let candidate = named(scene.rollout.candidate(), "The candidate");
    Ok(match (seen.blue_green(), seen.steps()) {
        (true, _) => draft.leads(format!("{candidate} comes up again beside the active one, and waits for its switch as before")),
        (false, 0) => draft.leads(format!("{candidate} comes in again")),
        (false, all) => draft.leads(format!("{candidate} comes in again, from step 1 of {all}")),
    }
    .warns("What made it fail is still there, unless it was mended outside"))
}
