//! Hold and resume: two verbs, because the dialog fixes which one a toggle is.

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::moved;
use super::patch::Patch;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::verb::Refusal;

/// Drafts the hold. A way back: it tests only that the object is the same; twice is as good as once.
pub fn hold(scene: &Scene<'_>, fresh: &Fresh) -> Result<Draft, ChangeError> {
    same_hold(scene, fresh)?;
    if fresh.paused() {
        return Err(Refusal::AlreadyHeld.into());
    }
    let request = Patch::on(fresh).add("/spec/paused", true).request("hold the rollout", fresh);
    Ok(Draft::toward(Expect::Held(true))
        .change(request, fresh)
        .leads("No further pod is replaced; those that run keep serving, old and new")
        .warns("Held, it can still be scaled, and its progress deadline does not run"))
}

/// Drafts the resume. It rolls whatever template is wished then, so that must be the one on the screen.
pub fn resume(scene: &Scene<'_>, fresh: &Fresh) -> Result<Draft, ChangeError> {
    same_hold(scene, fresh)?;
    if !fresh.paused() {
        return Err(Refusal::NotHeld.into());
    }
    let patch = Patch::on(fresh);
    let patch = if scene.autoscaled() { patch.same_images(fresh) } else { patch.same_generation(fresh) };
    let request = patch.test("/spec/paused", true).remove("/spec/paused").request("resume the rollout", fresh);
    let images: Vec<String> = fresh.slots().into_iter().map(|slot| slot.image).collect();
    Ok(Draft::toward(Expect::Held(false)).change(request, fresh).leads(format!("The rollout goes on to {}", images.join(", "))))
}

fn same_hold(scene: &Scene<'_>, fresh: &Fresh) -> Result<(), ChangeError> {
    let word = |held: bool| if held { "on" } else { "off" };
    let seen = word(scene.rollout.held.is_some());
    moved::same_value(scene.rollout, fresh, "/spec/paused", "hold", (Some(seen), word(fresh.paused())))
}
