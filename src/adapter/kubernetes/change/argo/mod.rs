//! Verbs on an Argo Rollout (api-semantics 2.4), each guarded on the controller's own place in its steps.
//!
//! Its plugin sends blind merge patches, so that two promotes leave two steps, and clears a pause before it releases a hold,
//! so that the pause begins again. Here every forward request tests what it leaves, and a hold goes first (2.9).

mod abort;
mod advance;
mod finish;
mod hold;
mod restart;
mod seen;
mod ship;
mod terminate;
mod undo;

use kube::Client;

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::scale;
use super::wire::Kind;
use crate::domain::change::ChangeError;
use crate::domain::id::ContainerName;
use crate::domain::object::Part;
use crate::domain::revision::Revision;
use crate::domain::rollout::Strategy;
use crate::domain::verb::{Order, Refusal, possible_at};
use seen::Seen;

/// Drafts an order on a Rollout.
pub async fn draft(client: &Client, scene: &Scene<'_>, name: &str) -> Result<Draft, ChangeError> {
    possible_at(scene.rollout, scene.order.verb(), scene.now)?;
    let fresh = scene.read(client, Kind::Rollout, Part::Workload, name).await?;
    let seen = Seen(&fresh);
    match scene.order {
        Order::Ship { container, image } => {
            let referenced = referenced(client, scene, seen).await?;
            ship::ship(scene, seen, referenced.as_ref(), container.as_ref().map(ContainerName::as_str), image)
        }
        Order::Advance => advance::advance(scene, seen),
        Order::Finish => finish::finish(scene, seen),
        Order::Hold => hold::hold(scene, seen),
        Order::Resume => hold::resume(scene, seen),
        Order::Abort => abort::abort(scene, seen),
        Order::Retry => abort::retry(scene, seen),
        Order::RollBack { to } => {
            let referenced = referenced(client, scene, seen).await?;
            undo::undo(client, scene, seen, referenced.as_ref(), to).await
        }
        Order::Restart { track: None } => Ok(restart::restart(scene, seen)),
        Order::Scale { track: None, replicas } => {
            let draft = scale::scale(scene, &fresh, *replicas)?;
            let both = scene.rollout.strategy == Strategy::BlueGreen && scene.rollout.candidate().is_some();
            Ok(if both { draft.leads("Scales both sides: the one with the users and the one beside it") } else { draft })
        }
        Order::Terminate { analysis } => terminate::terminate(client, scene, seen, analysis).await,
        _ => Err(super::not_offered(scene).into()),
    }
}

/// Reads the object that carries the template where the Rollout does not: image and template are edited there.
async fn referenced(client: &Client, scene: &Scene<'_>, seen: Seen<'_>) -> Result<Option<Fresh>, ChangeError> {
    let name = seen.0.text("/spec/workloadRef/name");
    if name.is_empty() {
        return Ok(None);
    }
    match seen.0.text("/spec/workloadRef/kind") {
        "Deployment" => Ok(Some(scene.read(client, Kind::Deployment, Part::Template, name).await?)),
        kind => Err(Refusal::Other(format!("its template is in the {kind} {name}: change it there")).into()),
    }
}

/// Returns a revision's label for a sentence, or the word where there is none.
fn named(revision: Option<&Revision>, word: &str) -> String {
    revision.map_or_else(|| word.to_owned(), Revision::label)
}
