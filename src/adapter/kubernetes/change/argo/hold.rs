//! Hold and resume: `spec.paused` alone. To clear the pause with it, as some tools do, would be a promote.

use super::seen::Seen;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::moved;
use crate::adapter::kubernetes::change::patch::Patch;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::verb::Refusal;

/// Drafts the hold. It stops what may do harm: it tests only that the object is the same; twice is as good as once.
pub fn hold(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    same_hold(scene, seen)?;
    if seen.held() {
        return Err(Refusal::AlreadyHeld.into());
    }
    let request = Patch::on(seen.0).add("/spec/paused", true).request("hold the rollout", seen.0);
    let mut draft = Draft::toward(Expect::Held(true))
        .change(request, seen.0)
        .leads("No further step is taken, no instance replaced and no Service switched; users stay where they are")
        .warns("A timed pause runs on, and once it is over, to resume moves on at once");
    if scene.rollout.delivery.running().next().is_some() {
        draft = draft.warns("An analysis goes on measuring; if it fails, the abort takes no effect before the hold is released");
    }
    Ok(draft)
}

/// Drafts the resume. It lets go on whatever is wished then, so that must be the one on the screen.
pub fn resume(scene: &Scene<'_>, seen: Seen<'_>) -> Result<Draft, ChangeError> {
    same_hold(scene, seen)?;
    if !seen.held() {
        return Err(Refusal::NotHeld.into());
    }
    // Not of a release that the controller has not looked at: its hash is not that of the template.
    let patch = if seen.observed() { seen.release() } else { Patch::on(seen.0).same_generation(seen.0) };
    let request = patch.test("/spec/paused", true).replace("/spec/paused", false).request("resume the rollout", seen.0);
    let draft = Draft::toward(Expect::Held(false)).change(request, seen.0);
    if seen.aborted() {
        return Ok(draft.leads("It was aborted: with the hold gone the users go back to the stable revision"));
    }
    let pause = scene.rollout.delivery.pause.as_ref();
    Ok(match (seen.pause(), pause.and_then(|pause| pause.until)) {
        (Some(_), Some(until)) if until <= scene.now => draft.leads("Its timed pause is over: it moves on at once"),
        (Some(_), Some(until)) => {
            let left = until.duration_since(scene.now).as_secs();
            draft.leads(format!("Its timed pause goes on for {:02}:{:02}", left / 60, left % 60))
        }
        (Some(_), None) => draft.leads("It stays at its pause: only promote leaves that"),
        (None, _) => draft.leads("The rollout goes on from where it stands"),
    })
}

fn same_hold(scene: &Scene<'_>, seen: Seen<'_>) -> Result<(), ChangeError> {
    let word = |held: bool| if held { "on" } else { "off" };
    let shown = word(scene.rollout.held.is_some());
    moved::same_value(scene.rollout, seen.0, "/spec/paused", "hold", (Some(shown), word(seen.held())))
}
