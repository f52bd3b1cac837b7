//! Promote fully: `spec.skipAnalysis` for this one revision. Flagger leaves the flag set, so it is taken back in the same order.

use super::Steered;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::patch::{Patch, then};
use crate::adapter::kubernetes::convert::flagger::spec;
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::step::StepKind;
use crate::domain::verb::Refusal;

/// Drafts it. What it promotes must be what was analysed so far: the images and the phase are tested.
pub(super) fn finish(scene: &Scene<'_>, steered: &Steered) -> Result<Draft, ChangeError> {
    match steered.phase() {
        "Progressing" | "WaitingPromotion" => {}
        "Waiting" => {
            return Err(Refusal::Other("Flagger asks the gate confirm-rollout before it skips anything: open it first".into()).into());
        }
        "Promoting" | "Finalising" => return Err(Refusal::Other("Flagger promotes it already".into()).into()),
        _ => return Err(Refusal::NothingUnderWay.into()),
    }
    let mut patch = Patch::on(&steered.canary)
        .same_generation(&steered.canary)
        .test("/status/phase", steered.phase())
        .test("/status/lastAppliedSpec", steered.canary.text("/status/lastAppliedSpec"))
        .add("/spec/skipAnalysis", true);
    if steered.suspended() {
        patch = patch.replace("/spec/suspend", false);
    }
    let skip = then(patch.request("skip what is left of the analysis", &steered.canary), Wait::Ended);
    let back = Patch::on(&steered.canary).add("/spec/skipAnalysis", false).request("analyse the next revision again", &steered.canary);
    let mut draft = Draft::toward(Expect::Done).change(skip, &steered.canary).change(back, &steered.canary).leads(format!(
        "Flagger copies the template to the primary and sends everyone there {}, once the candidate's pods are ready",
        steered.next(scene)
    ));
    let left: Vec<String> = scene.rollout.steps.as_ref().map_or_else(Vec::new, |steps| {
        let from = steps
            .current
            .map_or(0, |current| current + usize::from(!matches!(steps.now().map(|step| &step.kind), Some(StepKind::Gate(_)))));
        let own = |kind: &&StepKind| !matches!(kind, StepKind::Other(word) if word == "promotion" || word == "finalising");
        steps.list.get(from..).unwrap_or_default().iter().map(|step| &step.kind).filter(own).map(StepKind::label).collect()
    });
    if !left.is_empty() {
        draft = draft.leads(format!("Skips {}", left.join(", ")));
    }
    if steered.suspended() {
        draft = draft.leads("Releases the hold in the same request");
    }
    let failed = spec::failed_checks(&steered.spec);
    if failed > 0 {
        draft = draft.warns(format!("{failed} of its checks failed"));
    }
    Ok(draft
        .leads("Then takes the skipping back: left as it is, the next revision would go to everyone without analysis")
        .warns("Where this console goes before Flagger has ended, spec.skipAnalysis stays true; the screen says so"))
}
