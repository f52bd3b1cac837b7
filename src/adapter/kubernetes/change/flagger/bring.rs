//! Ship and retry: another template on the target, which Flagger takes for a new revision at its next beat.

use super::{Steered, image, serving};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::restart;
use crate::adapter::kubernetes::convert::flagger::spec;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::step::StepKind;
use crate::domain::verb::Refusal;

/// Drafts the new image. Flagger and its autoscaler move the target's generation, so it guards nothing here.
pub(super) fn ship(scene: &Scene<'_>, steered: &Steered, container: Option<&str>, image: &str) -> Result<Draft, ChangeError> {
    let mut draft = image::ship(scene, &steered.target, container, image, image::Guard::Image)?;
    draft.expect = Expect::Begun { images: vec![image.to_owned()] };
    draft.leads_to.clear();
    let served = serving(scene).is_some_and(|serving| serving.images.iter().any(|has| has.image == image));
    if served && steered.under_way() {
        return Ok(draft
            .warns("It is what the users had: Flagger takes it for no change, goes on shifting to it, and ends Succeeded")
            .warns("abort is what brings the users back"));
    }
    Ok(begins(draft, scene, steered))
}

/// Drafts another try of what failed: a mark in the template makes it a new revision.
pub(super) fn retry(scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    if steered.phase() != "Failed" {
        return Err(Refusal::NothingUnderWay.into());
    }
    let mut draft = restart::restart(scene, &steered.target)?;
    draft.expect = Expect::UnderWay;
    draft.leads_to = vec!["Marks the template as restarted, which makes a new revision of the same image".into()];
    Ok(begins(draft, scene, steered))
}

/// Adds what a new revision leads to.
pub(super) fn begins(draft: Draft, scene: &Scene<'_>, steered: &Steered) -> Draft {
    let next = steered.next(scene);
    let draft = match steered.phase() {
        _ if steered.suspended() => draft.warns("Flagger is suspended: nothing begins until it is resumed"),
        "Progressing" | "WaitingPromotion" => {
            draft.leads(format!("Flagger takes the users back to the primary {next}, and begins the analysis anew"))
        }
        "Promoting" | "Finalising" => draft.leads("Flagger ends the promotion under way, then begins an analysis of it"),
        _ => draft.leads(format!("Flagger begins the analysis {next}")),
    };
    if spec::skipping(&steered.spec) {
        return draft.warns("spec.skipAnalysis is true: it goes to everyone without analysis");
    }
    let steps: Vec<_> = scene.rollout.steps.iter().flat_map(|steps| steps.list.iter().map(|step| step.kind.label())).collect();
    let gates = scene.rollout.steps.iter().flat_map(|steps| &steps.list).any(|step| matches!(step.kind, StepKind::Gate(_)));
    let draft = if steps.is_empty() { draft } else { draft.leads(format!("It goes {}", steps.join(", "))) };
    if gates { draft.leads("At a gate it waits until someone opens it") } else { draft }
}
