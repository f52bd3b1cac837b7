//! Stop an analysis that is under way. Which is no verdict: one that has not failed counts as passed.

use kube::Client;

use super::seen::Seen;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::fresh::Fresh;
use crate::adapter::kubernetes::change::patch::Patch;
use crate::adapter::kubernetes::change::wire::Kind;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::delivery::{AnalysisPhase, AnalysisRole};
use crate::domain::object::Part;
use crate::domain::verb::Refusal;

/// Drafts the stop. Its kind has no status of its own: the wish is written beside the rest.
pub async fn terminate(client: &Client, scene: &Scene<'_>, seen: Seen<'_>, name: &str) -> Result<Draft, ChangeError> {
    let run = Fresh::read(client, Kind::AnalysisRun, Part::Workload, seen.0.namespace(), name).await?;
    let shown = scene.rollout.delivery.analysis(name);
    if shown.is_some_and(|shown| shown.uid.as_str() != run.uid()) {
        return Err(ChangeError::Moved { what: vec![format!("{} was made anew", run.title())], by: None, at: None });
    }
    if AnalysisPhase::of(run.text("/status/phase")).over() {
        return Err(Refusal::NoAnalysis.into());
    }
    let request = Patch::on(&run).add("/spec/terminate", true).request(format!("stop the analysis {name}"), &run);
    let draft = Draft::toward(Expect::Terminated(name.to_owned())).change(request, &run).leads("Nothing more is measured");
    Ok(match shown.map(|shown| &shown.role) {
        Some(AnalysisRole::Step(_)) => {
            draft.warns("A stopped analysis that has not failed ends Successful: the rollout then moves on to its next step")
        }
        Some(AnalysisRole::PrePromotion) => {
            draft.warns("A stopped analysis that has not failed ends Successful: the switch then waits for it no more")
        }
        Some(AnalysisRole::PostPromotion) => {
            draft.warns("A stopped analysis that has not failed ends Successful: the new revision is then called stable")
        }
        _ => draft.warns("Nothing watches the candidate any more: it will not be aborted by itself"),
    })
}
