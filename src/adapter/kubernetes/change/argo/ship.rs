//! Ship: another image, in the Rollout or in the Deployment that carries its template. A new wish that walks the steps.

use jiff::SignedDuration;

use super::seen::Seen;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::fresh::Fresh;
use crate::adapter::kubernetes::change::image::{self, Guard};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::revision::Role;

/// Drafts the new image. The image is its guard: a canary's generation moves with every hold and scale.
pub fn ship(
    scene: &Scene<'_>,
    seen: Seen<'_>,
    referenced: Option<&Fresh>,
    container: Option<&str>,
    image: &str,
) -> Result<Draft, ChangeError> {
    let mut draft = image::set(scene, referenced.unwrap_or(seen.0), container, image, Guard::Image)?;
    draft.expect = begins(seen, vec![image.to_owned()]);
    if let Some(deployment) = referenced {
        draft = draft.leads(format!("Its template is in {}, which is what is changed", deployment.title()));
    }
    let stable = scene.rollout.revisions.iter().find(|revision| revision.roles.has(Role::Stable));
    let back = stable.is_some_and(|stable| stable.images.iter().any(|other| other.image == image));
    if let Some(candidate) = scene.rollout.candidate().filter(|_| seen.hash() != seen.stable()) {
        draft = draft.warns(format!("Gives {} up where it stands", candidate.label()));
    }
    draft = if back { draft.leads("It is what is stable: if nothing else differs, no step is taken") } else { walks(draft, seen) };
    if seen.held() {
        draft = draft.warns("It is held: nothing starts until it is resumed");
    }
    Ok(draft)
}

/// Returns what a new wish leads to first: a canary without steps takes over in one go, everything else may stand for hours.
pub fn begins(seen: Seen<'_>, images: Vec<String>) -> Expect {
    match images.as_slice() {
        [image] if !seen.blue_green() && seen.steps() == 0 => Expect::Image { image: image.clone(), track: None },
        _ => Expect::Begun { images },
    }
}

/// Adds how a new template comes in.
pub fn walks(draft: Draft, seen: Seen<'_>) -> Draft {
    if !seen.blue_green() {
        return match seen.steps() {
            0 => draft.leads("It has no steps: the instances are replaced in one go"),
            all => draft.leads(format!("Walks its {all} steps from the first; users move as the steps say")),
        };
    }
    let strategy = seen.strategy("blueGreen");
    let own = seen.0.replicas();
    let beside = strategy.get("previewReplicaCount").and_then(serde_json::Value::as_u64).unwrap_or_else(|| u64::from(own));
    let draft = draft.leads(format!("Starts {beside} beside the active ones; users stay where they are until the switch"));
    let automatic = strategy.get("autoPromotionEnabled").and_then(serde_json::Value::as_bool).unwrap_or(true);
    let seconds = strategy.get("autoPromotionSeconds").and_then(serde_json::Value::as_i64).filter(|seconds| *seconds > 0);
    match (automatic, seconds) {
        (_, Some(seconds)) => draft.warns(format!("Switches by itself after {:#}", SignedDuration::from_secs(seconds))),
        (true, None) => draft.warns("Switches by itself as soon as they are ready: it asks nobody"),
        (false, None) => draft.leads("The switch waits for promote"),
    }
}
