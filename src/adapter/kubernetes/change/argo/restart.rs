//! Restart: the controller evicts what is older, one after the other. The template is the same, so no new revision is made.

use super::seen::Seen;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::domain::change::Expect;

/// Drafts the restart.
pub fn restart(scene: &Scene<'_>, seen: Seen<'_>) -> Draft {
    // The API's times have whole seconds.
    let at = scene.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let request = seen.release().add("/spec/restartAt", at).request(format!("restart {}", seen.0.name()), seen.0);
    let total = scene.rollout.counts.total;
    let mut draft = Draft::toward(Expect::Restarted { at: scene.now, track: None })
        .change(request, seen.0)
        .leads(format!("Evicts {total} instances one after the other, at most as many at once as may be missing; no new revision"));
    for budget in scene.rollout.budgets.iter().filter(|budget| budget.allowed == 0) {
        draft = draft.warns(format!("The PodDisruptionBudget {} allows no eviction now", budget.name));
    }
    draft
}
