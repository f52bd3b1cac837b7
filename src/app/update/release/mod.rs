//! Releases: what their stores, checks and the notifier tell, and what their keys ask for.

mod announce;
mod append;
pub(super) mod begin;
mod check;
pub(super) mod chronicle;
pub(super) mod close;
mod decide;
pub(super) mod form;
mod keys;
pub(super) mod moves;
mod phase;
pub(super) mod schedule;
mod start;
mod store;

pub(super) use announce::take as notified;
pub(super) use check::take as checked;
pub(super) use decide::{answered, perform_list};
pub(super) use keys::{open, perform, step};
pub(super) use store::take;

use jiff::Timestamp;

use super::Turn;
use crate::app::model::Model;
use crate::app::model::releases::{Bond, bond};
use crate::domain::id::{RolloutId, ServiceName, repository_of};
use crate::domain::release::Release;
use crate::domain::release::policy::OnClose;
use crate::domain::verb::Order;

/// A second passed.
pub(super) fn tick(model: &mut Model, turn: &mut Turn) {
    phase::tick(model, turn);
    schedule::tick(model, turn);
}

/// Returns what an order leads to that nobody presses a key for any more, for the dialog that arms it (safety rule 1).
pub(super) fn by_itself(model: &Model, id: &RolloutId, order: &Order, at: Option<Timestamp>) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(at) = at {
        let at = at.to_zoned(model.zone.clone()).strftime("%a %H:%M:%S %Z");
        said.push(format!("it is sent by itself at {at}, while this console is open and the gate holds; no key is asked for then"));
    }
    let begins = matches!(bond(order.verb()), Bond::Begins | Bond::GoesOn) && model.bound_by(id, order).0.is_some();
    match model.policy(&id.environment).map(|policy| policy.on_close) {
        Some(OnClose::Hold) if begins => {
            said.push("should the gate shut meanwhile, this console holds it by itself, as `space` does".into());
        }
        Some(OnClose::Back) if begins => said.push("should the gate shut meanwhile, this console aborts it by itself, as `x` does".into()),
        _ => {}
    }
    said
}

/// Returns the image with the digest that the release which binds a rollout was approved for, where it is of that version.
pub(super) fn pinned(model: &Model, id: &RolloutId, image: String) -> String {
    let order = Order::Ship { container: None, image };
    let meant = model.bound_by(id, &order).0.and_then(|release| {
        let bound = release.bound.iter().find(|bound| bound.service == id.service)?;
        let Order::Ship { image, .. } = &order else { return None };
        (*image == bound.image).then(|| bound.shipped())
    });
    let Order::Ship { image, .. } = order else { return String::new() };
    meant.unwrap_or(image)
}

/// Returns the image that a release brings to a service: as it is bound, else of the plan's repository, else of what runs.
fn image_of(model: &Model, release: &Release, service: &ServiceName) -> Option<String> {
    let version = release.brief.version(service)?;
    if version.contains(['/', '@', ':']) {
        return Some(version.to_owned());
    }
    if let Some(bound) = release.bound.iter().find(|bound| bound.service == *service && bound.image.contains(':')) {
        return Some(bound.image.clone());
    }
    let planned = model.plan.service(service).and_then(|service| service.image.clone());
    let running = || {
        let workload = model.plan.cell(service, &release.brief.environment).next()?;
        let rollout = model.rollout(&workload.id)?;
        let revision = rollout.newest()?;
        let own = rollout.container.as_ref().and_then(|container| revision.images.iter().find(|image| image.container == *container));
        Some(repository_of(&own.or_else(|| revision.images.iter().find(|image| !image.init))?.image).to_owned())
    };
    Some(format!("{}:{version}", planned.or_else(running)?))
}
