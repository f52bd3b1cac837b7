//! A plain canary's verbs: lists of guarded requests over two Deployments and perhaps a route, which may stop between any two.
//!
//! ```text
//! ship, promote   note the place ─▶ canary grows ─▶ ready ─▶ (route: weights) ─▶ stable shrinks, if the place is still noted
//! promote fully   note it ─▶ stable gets the image ─▶ ready ─▶ stable grows ─▶ ready ─▶ canary to 0 ─▶ take the note away
//!   with a route  note it ─▶ canary grows to all ─▶ ready ─▶ weights 0/100 ─▶ drained ─▶ stable gets the image, without
//!                 users ─▶ ready ─▶ weights 100/0 ─▶ drained ─▶ canary to 0 ─▶ take the note away
//! abort           (route: weights 100/0 at once) ─▶ note it, stable whole again ─▶ ready ─▶ canary to 0 ─▶ take the note away
//! ```
//!
//! The side that grows is always ready before the other shrinks, so that the users never have less than they had. The note is
//! written first and in one patch with the stable Deployment's own change; each later write of that object tests it. So a
//! list that another console has overtaken (by an abort, a hold) stops at its next write that could hurt.

mod abort;
mod advance;
mod duo;
mod finish;
mod hold;
mod script;
mod ship;

use kube::Client;

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::{not_offered, restart, scale, undo};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::id::ContainerName;
use crate::domain::plan::Canary;
use crate::domain::verb::{Order, Refusal};
use duo::Duo;

/// Drafts an order on a plain canary.
pub async fn draft(client: &Client, scene: &Scene<'_>, plan: &Canary) -> Result<Draft, ChangeError> {
    let duo = Duo::read(client, scene, plan).await?;
    match scene.order {
        Order::Ship { container, image } => ship::ship(scene, &duo, container.as_ref().map(ContainerName::as_str), image),
        Order::Advance => advance::advance(scene, &duo),
        Order::Finish => finish::finish(scene, &duo),
        Order::Hold => hold::hold(scene, &duo),
        Order::Resume => hold::resume(scene, &duo),
        Order::Abort => abort::abort(client, scene, &duo).await,
        Order::RollBack { to } => {
            // To what the users had before the canary: that is to give the canary up.
            let stable = scene.rollout.serving_revision().is_some_and(|stable| stable.id == *to);
            if stable && duo.under_way() {
                return abort::abort(client, scene, &duo).await;
            }
            let draft = undo::undo(client, scene, &duo.stable, to).await?;
            Ok(if duo.under_way() { draft.warns(format!("{} stays as it is: abort takes it away", plan.canary)) } else { draft })
        }
        Order::Restart { track: None } => {
            let mut draft = restart::restart(scene, &duo.stable)?;
            if duo.canary.replicas() > 0 {
                // The canary first: if its image cannot start any more, most users do not feel it.
                draft = restart::restart(scene, &duo.canary)?.and(draft);
            }
            draft.expect = Expect::Restarted { at: scene.now, track: None };
            Ok(draft)
        }
        Order::Scale { track: None, replicas } if duo.under_way() => advance::resize(scene, &duo, *replicas),
        Order::Scale { track: None, replicas } => scale::scale(scene, &duo.stable, *replicas),
        _ => Err(not_offered(scene).into()),
    }
}

/// Refuses where another tool has stopped a Deployment's controller: what a list waits for would never come.
fn running(duo: &Duo<'_>) -> Result<(), Refusal> {
    match [&duo.stable, &duo.canary].into_iter().find(|side| side.paused()).map(Fresh::name) {
        Some(name) => Err(Refusal::Other(format!("{name} is held by another tool: kubectl rollout resume deployment {name}"))),
        None => Ok(()),
    }
}
