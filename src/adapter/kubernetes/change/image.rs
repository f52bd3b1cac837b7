//! Ship: one container of a template gets another image.

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::moved;
use super::patch::{CHANGE_CAUSE, Patch};
use super::wire::Kind;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::id::{ContainerName, Track, version_of};
use crate::domain::object::Part;
use crate::domain::revision::Revision;
use crate::domain::verb::Refusal;

/// What guards a ship besides uid, container and old image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The whole wish.
    Generation,
    /// Nothing more: an autoscaler, or a request before this one, moves the generation.
    Image,
}

/// Drafts the new image, and says what the workload's own controller makes of it.
pub fn ship(scene: &Scene<'_>, fresh: &Fresh, container: Option<&str>, image: &str, guard: Guard) -> Result<Draft, ChangeError> {
    Ok(takes_over(set(scene, fresh, container, image, guard)?, fresh))
}

/// Drafts the new image, for the container named by the order, by the plan, or the first.
pub fn set(scene: &Scene<'_>, fresh: &Fresh, container: Option<&str>, image: &str, guard: Guard) -> Result<Draft, ChangeError> {
    if image.is_empty() || image.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Refusal::Other(format!("'{image}' is not an image")).into());
    }
    let planned = container.or(scene.workload.container.as_deref()).or(scene.rollout.container.as_ref().map(ContainerName::as_str));
    let slot = fresh.slot(planned)?;
    let revision = shown(scene, &fresh.part);
    let seen = revision.and_then(|r| r.images.iter().find(|i| i.container.as_str() == slot.name)).map(|i| i.image.as_str());
    let pointer = format!("{}/image", slot.pointer);
    moved::same_value(scene.rollout, fresh, &pointer, &format!("image of {}", slot.name), (seen, &slot.image))?;
    if slot.image == image {
        return Err(Refusal::Other(format!("{} has {image} already", fresh.title())).into());
    }

    let mut patch = Patch::on(fresh);
    if guard == Guard::Generation && !scene.autoscaled() {
        patch = patch.same_generation(fresh);
    }
    let cause = format!("rolldeck: ship {}={image}", slot.name);
    let request = patch
        .test(&format!("{}/name", slot.pointer), slot.name.as_str())
        .test(&pointer, slot.image.as_str())
        .replace(&pointer, image)
        .annotate(fresh, "/metadata/annotations", &[(CHANGE_CAUSE, &cause)])
        .request(format!("set the image of {} to {image}", slot.name), fresh);
    // A sidecar's version is not the revision's.
    let was = version_of(&slot.image);
    let from = revision.filter(|revision| revision.version == was).map_or_else(|| was.to_owned(), Revision::label);
    let draft = Draft::toward(Expect::Image { image: image.to_owned(), track: track_of(&fresh.part) })
        .change(request, fresh)
        .between(from, version_of(image));
    Ok(draft)
}

/// Adds what a new template leads to, by kind and strategy.
pub fn takes_over(mut draft: Draft, fresh: &Fresh) -> Draft {
    let pods = match fresh.kind {
        Kind::DaemonSet => fresh.number("/status/desiredNumberScheduled"),
        _ => fresh.replicas(),
    };
    let strategy = match fresh.kind {
        Kind::Deployment => fresh.text("/spec/strategy/type"),
        _ => fresh.text("/spec/updateStrategy/type"),
    };
    if pods == 0 {
        return draft.leads("No pod runs, so none is replaced; the next one started is new");
    }
    let plural = if pods == 1 { "pod" } else { "pods" };
    draft = match (fresh.kind, strategy) {
        (_, "Recreate") => draft
            .leads(format!("Stops all {pods} {plural}, then starts {pods} new"))
            .warns("Strategy Recreate is a downtime: nothing serves from the first stop until the new pods are ready"),
        (_, "OnDelete") => {
            draft.leads("Changes the template only").warns("Strategy OnDelete: a pod keeps the old template until somebody deletes it")
        }
        (Kind::Deployment, _) => {
            let bound = |key: &str| {
                let value = fresh.value.pointer(&format!("/spec/strategy/rollingUpdate/{key}"));
                value.map_or_else(|| "25%".to_owned(), |value| value.to_string().replace('"', ""))
            };
            draft.leads(format!("Replaces {pods} {plural}, at most {} over and {} missing", bound("maxSurge"), bound("maxUnavailable")))
        }
        (Kind::StatefulSet, _) => draft.leads(format!("Replaces {pods} {plural} one by one, the highest number first")),
        _ => draft.leads(format!("Replaces {pods} {plural}, node by node")),
    };
    match fresh.number("/spec/updateStrategy/rollingUpdate/partition") {
        partition if fresh.kind == Kind::StatefulSet && partition > 0 => {
            draft = draft.warns(format!("Partition {partition}: pods numbered below {partition} keep the old template"));
        }
        _ => {}
    }
    if fresh.paused() {
        draft = draft.warns("It is held: nothing is replaced until it is resumed");
    }
    draft
}

/// Returns the revision that the screen shows as the wish of this part.
pub fn shown<'a>(scene: &Scene<'a>, part: &Part) -> Option<&'a Revision> {
    match part {
        Part::Track(track) => scene.rollout.side(track),
        _ => scene.rollout.newest(),
    }
}

/// Returns the side that a part is, where it is one.
pub fn track_of(part: &Part) -> Option<Track> {
    match part {
        Part::Track(track) => Some(track.clone()),
        _ => None,
    }
}
