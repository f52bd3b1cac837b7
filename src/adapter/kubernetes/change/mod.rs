//! Changes: a preview made from a fresh read and a rehearsal on the server, then exactly those requests, each guarded.
//!
//! ```text
//! order ─▶ read afresh ─▶ compare with the screen ─▶ draft (one file a verb) ─▶ rehearse (dryRun=All) ─▶ Preview
//! Preview.requests ─▶ execute: each as shown, once, until one fails
//! ```

mod argo;
mod canary;
mod diff;
mod draft;
mod flagger;
mod fresh;
mod hold;
mod image;
mod moved;
mod pair;
mod patch;
mod rehearse;
mod restart;
mod scale;
mod send;
mod switch;
mod undo;
mod wire;

use kube::Client;

pub use patch::{CHANGE_CAUSE, FIELD_MANAGER};
pub use send::{execute, execute_through};
pub use switch::{SWITCHED_AT, SWITCHED_FROM, switched};
pub use wire::{Kind, Lost, Reply, call, escaped};

use crate::adapter::clock;
use crate::domain::change::{ChangeError, Preview};
use crate::domain::id::ContainerName;
use crate::domain::object::Part;
use crate::domain::plan::{Target, Workload};
use crate::domain::rollout::Rollout;
use crate::domain::verb::{Order, Refusal};
use crate::domain::wayback;
use draft::{Draft, Scene};

/// Reads every object involved afresh, refuses or drafts, and rehearses on the server. Writes nothing.
///
/// # Errors
///
/// [`ChangeError::Moved`] where what the decision rests on is not as the screen shows it; [`ChangeError::Refused`] where it
/// cannot be done in this state; [`ChangeError::Rejected`] in the server's words; [`ChangeError::NotSent`] without an answer.
pub async fn preview(client: &Client, workload: &Workload, rollout: &Rollout, order: &Order) -> Result<Preview, ChangeError> {
    let scene = Scene { workload, rollout, order, now: clock::now() };
    let draft = match &workload.target {
        Target::Deployment { name } => single(client, &scene, Kind::Deployment, name).await?,
        Target::StatefulSet { name } => single(client, &scene, Kind::StatefulSet, name).await?,
        Target::DaemonSet { name } => single(client, &scene, Kind::DaemonSet, name).await?,
        Target::BlueGreen(pair) => pair::draft(client, &scene, pair).await?,
        Target::Rollout { name } => argo::draft(client, &scene, name).await?,
        Target::Flagger { name } => flagger::draft(client, &scene, name).await?,
        Target::Canary(plan) => canary::draft(client, &scene, plan).await?,
    };
    rehearse::rehearse(client, &scene, draft).await
}

/// Drafts an order on a workload that is one object.
async fn single(client: &Client, scene: &Scene<'_>, kind: Kind, name: &str) -> Result<Draft, ChangeError> {
    let fresh = scene.read(client, kind, Part::Workload, name).await?;
    let holds = kind == Kind::Deployment;
    match scene.order {
        Order::Ship { container, image } => {
            image::ship(scene, &fresh, container.as_ref().map(ContainerName::as_str), image, image::Guard::Generation)
        }
        Order::Hold if holds => hold::hold(scene, &fresh),
        // Where the engine knows no steps, to go on and to finish are to let a hold go (product.md, the verb table).
        Order::Resume | Order::Advance | Order::Finish if holds => hold::resume(scene, &fresh),
        Order::Abort if holds => {
            let target = wayback::before_change(scene.rollout).ok_or(Refusal::NoRevision)?;
            undo::undo(client, scene, &fresh, &target.id).await
        }
        Order::RollBack { to } => undo::undo(client, scene, &fresh, to).await,
        Order::Restart { track: None } => restart::restart(scene, &fresh),
        Order::Scale { track: None, replicas } if kind != Kind::DaemonSet => scale::scale(scene, &fresh, *replicas),
        _ => Err(not_offered(scene).into()),
    }
}

fn not_offered(scene: &Scene<'_>) -> Refusal {
    Refusal::NotOffered { what: scene.rollout.kind.clone(), verb: scene.order.verb() }
}
