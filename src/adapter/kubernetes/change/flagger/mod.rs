//! A Flagger canary: only its spec, its target's template and its gates are written, never its status, its primary or the
//! weights (api-semantics 5). Flagger follows at its next beat.

mod back;
mod bring;
mod gate;
mod hold;
mod skip;

use jiff::SignedDuration;
use kube::Client;

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::wire::Kind;
use super::{image, not_offered};
use crate::adapter::kubernetes::convert::flagger::spec;
use crate::adapter::kubernetes::objects::custom::Custom;
use crate::domain::change::ChangeError;
use crate::domain::delivery::Beat;
use crate::domain::id::ContainerName;
use crate::domain::object::Part;
use crate::domain::revision::{Revision, Role};
use crate::domain::step::{Share, WeightSource};
use crate::domain::verb::{Order, Refusal};

/// A Canary and its target, read afresh.
#[derive(Debug)]
struct Steered {
    canary: Fresh,
    spec: Custom,
    target: Fresh,
}

impl Steered {
    async fn read(client: &Client, scene: &Scene<'_>, name: &str) -> Result<Self, ChangeError> {
        let canary = scene.read(client, Kind::Canary, Part::Workload, name).await?;
        let spec = custom(&canary)?;
        let target = scene.read(client, Kind::Deployment, Part::Template, &spec::Names::of(&spec).target).await?;
        Ok(Self { canary, spec, target })
    }

    fn phase(&self) -> &str {
        spec::phase(&self.spec)
    }

    fn under_way(&self) -> bool {
        spec::under_way(self.phase())
    }

    fn suspended(&self) -> bool {
        spec::suspended(&self.spec)
    }

    /// Returns `at its next beat, in at most 8 s`.
    fn next(&self, scene: &Scene<'_>) -> String {
        let beat = Beat { every: spec::interval(&self.spec), last: spec::acted(&self.spec) };
        let wait = beat.next_in(scene.now).max(SignedDuration::from_secs(1));
        format!("at its next beat, in at most {} s", wait.as_secs())
    }
}

fn custom(canary: &Fresh) -> Result<Custom, ChangeError> {
    serde_json::from_value(canary.value.clone())
        .map_err(|error| Refusal::Other(format!("{} cannot be read: {error}", canary.title())).into())
}

/// Returns whether Flagger has passed the gate that it stood at.
pub fn passed(canary: &Fresh) -> bool {
    !matches!(canary.text("/status/phase"), "Waiting" | "WaitingPromotion")
}

/// Returns whether Flagger has brought a change to its end.
pub fn ended(canary: &Fresh) -> bool {
    matches!(canary.text("/status/phase"), "Initialized" | "Succeeded" | "Failed")
}

/// Returns the revision that the primary runs.
fn serving<'a>(scene: &Scene<'a>) -> Option<&'a Revision> {
    scene.rollout.revisions.iter().find(|revision| revision.roles.has(Role::Stable))
}

/// Returns what of the users the candidate has, by the best source.
fn share(scene: &Scene<'_>) -> Share {
    let of = |source| scene.rollout.weights.iter().find(move |weight| weight.source == source);
    of(WeightSource::Observed).or_else(|| of(WeightSource::Asked)).map_or(Share::default(), |weight| weight.share)
}

/// Drafts an order on a Canary.
pub async fn draft(client: &Client, scene: &Scene<'_>, name: &str) -> Result<Draft, ChangeError> {
    let steered = Steered::read(client, scene, name).await?;
    match scene.order {
        Order::Ship { container, image } => bring::ship(scene, &steered, container.as_ref().map(ContainerName::as_str), image),
        Order::Retry => bring::retry(scene, &steered),
        Order::RollBack { to } => back::roll_back(client, scene, &steered, to).await,
        Order::Abort => back::abort(client, scene, &steered).await,
        Order::Hold => hold::hold(scene, &steered),
        Order::Resume => hold::resume(scene, &steered),
        Order::Finish => skip::finish(scene, &steered),
        Order::Advance => gate::pass(client, scene, &steered).await,
        _ => Err(not_offered(scene).into()),
    }
}
