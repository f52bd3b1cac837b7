//! The ways back. During an analysis a former image alone does not bring the users back: Flagger takes it for no change and
//! goes on shifting to it. The rollback gate does; where there is none, Flagger is suspended first (api-semantics 5).

use kube::Client;

use super::{Steered, bring, gate, hold, serving, share};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::patch::Patch;
use crate::adapter::kubernetes::change::undo;
use crate::adapter::kubernetes::convert::flagger::spec;
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::id::RevisionId;
use crate::domain::revision::Revision;
use crate::domain::step::Share;
use crate::domain::verb::Refusal;

/// Drafts the giving up of the change under way.
pub(super) async fn abort(client: &Client, scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    match steered.phase() {
        "Promoting" | "Finalising" => {
            return Err(Refusal::Other("the primary has it already: roll back, which begins an analysis of the former one".into()).into());
        }
        "Progressing" | "WaitingPromotion" if spec::hook(&steered.spec, spec::ROLLBACK_HOOK).is_some() => {
            match by_gate(client, scene, steered).await {
                Ok(draft) => return Ok(draft),
                Err(ChangeError::Refused(why)) => {
                    let draft = by_revert(client, scene, steered).await?;
                    return Ok(draft.warns(format!("The rollback gate is not taken: {why}")));
                }
                Err(error) => return Err(error),
            }
        }
        _ => {}
    }
    by_revert(client, scene, steered).await
}

/// The gate takes everyone back to the primary at the next beat, and ends the change.
async fn by_gate(client: &Client, scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    // Flagger looks at the candidate's pods first, and asks no gate while they are not ready.
    if !steered.target.settled() {
        return Err(Refusal::Other("Flagger asks it only once the candidate's pods are ready".into()).into());
    }
    let gate = gate::find(client, steered, spec::ROLLBACK_HOOK).await?;
    let open = gate::ask(steered, &gate, "open", "open the rollback gate".into());
    let mut draft = Draft::toward(Expect::Aborted);
    draft = if steered.suspended() {
        let release = Patch::on(&steered.canary).add("/spec/suspend", false).request("release the hold", &steered.canary);
        let mut held = Draft::toward(Expect::Aborted).change(release, &steered.canary);
        held.steps = held.steps.into_iter().map(|step| gate::awaiting(step, Wait::Ended)).collect();
        draft.step(open).and(held).leads("Releases the hold: suspended, Flagger asks no gate")
    } else {
        draft.step(gate::awaiting(open, Wait::Ended))
    };
    let stable = serving(scene).map_or_else(String::new, Revision::label);
    Ok(draft
        .step(gate::ask(steered, &gate, "close", "close the rollback gate again".into()))
        .leads(format!("Flagger takes all users back to {stable} {}, stops the candidate and ends Failed", steered.next(scene)))
        .leads("Then closes the gate again: left open, it would take the next version back as well")
        .warns("The gate is a program in the cluster: opening it cannot be rehearsed"))
}

/// Flagger is suspended, so that no more users are shifted, and the target gets the template that the users had.
async fn by_revert(client: &Client, scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    let stable = serving(scene).ok_or(Refusal::NoRevision)?;
    let wished = scene.rollout.newest().map(|newest| &newest.id);
    let mut kept = scene.rollout.revisions.iter().filter(|kept| kept.track.is_none() && Some(&kept.id) != wished);
    let to = kept
        .find(|kept| kept.images == stable.images)
        .ok_or_else(|| Refusal::Other(format!("the target keeps no revision with the images of {}: ship them instead", stable.label())))?;
    let revert = undo::undo(client, scene, &steered.target, &to.id).await?;
    let (from, label) = (revert.from.clone(), revert.to.clone());
    if !steered.under_way() {
        let draft =
            Draft { from, to: label, ..Draft::toward(Expect::Template { revision: to.id.clone(), images: images(to), track: None }) };
        return Ok(draft.and(revert).leads("Flagger has not begun: there is no traffic to bring back"));
    }
    let mut draft = Draft::toward(Expect::Aborted);
    if !steered.suspended() {
        draft = draft.change(hold::suspend(steered), &steered.canary).leads("Suspends Flagger first, so that it shifts no more users");
    }
    let mut draft = Draft { from, to: label, ..draft.and(revert) };
    let share = share(scene);
    if share > Share::default() {
        draft = draft
            .leads(format!("The route goes on sending {share} of the users to the target; they are safe once its pods have rolled"))
            .warns("A former image alone does not bring the traffic back: no weight is moved");
    }
    Ok(draft.warns(format!(
        "It stays suspended, and Flagger's phase {}. Resumed, Flagger walks on with {}, which the users have then already",
        steered.phase(),
        stable.version
    )))
}

/// Drafts the way back to a revision of the target.
pub(super) async fn roll_back(client: &Client, scene: &Scene<'_>, steered: &Steered, to: &RevisionId) -> Result<Draft, ChangeError> {
    let chosen = scene.rollout.revision(to).ok_or(Refusal::NoRevision)?;
    let served = serving(scene).is_some_and(|serving| serving.images == chosen.images);
    if served && matches!(steered.phase(), "Waiting" | "Progressing" | "WaitingPromotion") {
        return abort(client, scene, steered).await;
    }
    let mut draft = undo::undo(client, scene, &steered.target, to).await?;
    draft.leads_to = vec![format!("Brings {} back to the target", images(chosen).join(", "))];
    draft.expect = Expect::Begun { images: images(chosen) };
    Ok(bring::begins(draft, scene, steered))
}

fn images(revision: &Revision) -> Vec<String> {
    revision.images.iter().map(|image| image.image.clone()).collect()
}
