//! Restart: new pods of the same template, by kubectl's own annotation so that both tell the same story.

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::image;
use super::patch::{CHANGE_CAUSE, Patch};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::verb::Refusal;

/// kubectl's key; kube's own `restart` writes another.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Drafts the restart.
pub fn restart(scene: &Scene<'_>, fresh: &Fresh) -> Result<Draft, ChangeError> {
    if fresh.paused() {
        return Err(Refusal::HeldFirst.into());
    }
    let patch = Patch::on(fresh);
    let patch = if scene.autoscaled() { patch.same_images(fresh) } else { patch.same_generation(fresh) };
    // The annotation has whole seconds.
    let at = scene.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let request = patch
        .annotate(fresh, "/spec/template/metadata/annotations", &[(RESTARTED_AT, &at)])
        .annotate(fresh, "/metadata/annotations", &[(CHANGE_CAUSE, "rolldeck: restart")])
        .request(format!("restart {}", fresh.name()), fresh);
    let draft = Draft::toward(Expect::Restarted { at: scene.now, track: image::track_of(&fresh.part) })
        .change(request, fresh)
        .leads("Makes a new revision with the same image");
    Ok(image::takes_over(draft, fresh))
}
