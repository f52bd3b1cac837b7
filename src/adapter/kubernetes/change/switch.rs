//! Switch and switch back: the Service selects the other side. One write moves the users.

use jiff::Timestamp;
use kube::Client;
use serde_json::Value;

use super::draft::{Draft, Scene};
use super::fresh::Fresh;
use super::moved;
use super::pair::Pair;
use super::patch::{Patch, token};
use super::undo;
use super::wire::{self, Kind};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::id::{Track, version_of};
use crate::domain::verb::{Refusal, Verb};

/// The side that the last switch left.
pub const SWITCHED_FROM: &str = "rolldeck.dev/switched-from";

/// When the dialog of the last switch was opened. The write itself is in the server's record: see [`switched`].
pub const SWITCHED_AT: &str = "rolldeck.dev/switched-at";

/// Drafts the selection of a side.
pub async fn switch(client: &Client, scene: &Scene<'_>, pair: &Pair, to: &Track) -> Result<Draft, ChangeError> {
    let back = scene.order.verb() != Verb::Switch;
    if let Some(why) = locked(&pair.service) {
        return Err(Refusal::RouterLocked { why }.into());
    }
    let side = pair.side(to)?;
    let from = pair.selected();
    if from == to.as_str() {
        let seen = scene.rollout.routing.as_ref().and_then(|routing| routing.active.as_ref()).map(Track::as_str);
        moved::same_value(scene.rollout, &pair.service, &pair.pointer(), &format!("selector {}", pair.label), (seen, from))?;
        return Err(Refusal::Other(format!("the users are on {to} already")).into());
    }
    if from.is_empty() {
        return Err(Refusal::NoActiveSide.into());
    }
    let (ready, wanted) = serving(client, pair, side, to).await?;
    if wanted == 0 {
        return Err(Refusal::IdleEmpty { track: to.clone() }.into());
    }
    // Forward, the other side must be whole and of one revision. Back, any of it may be better than what the users have now.
    let fit = if back { ready } else { ready.min(side.progress().0) };
    let whole = fit >= wanted;
    if !whole && (!back || ready == 0) {
        return Err(Refusal::IdleNotReady { track: to.clone(), ready: fit, wanted }.into());
    }
    if !back && !side.settled() {
        return Err(Refusal::Other(format!("the rollout of {to} is not finished")).into());
    }

    let at = scene.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut patch = Patch::on(&pair.service).test(&pair.pointer(), from).replace(&pair.pointer(), to.as_str());
    // Back, a guard on the annotations must not stand in the way; after a switch of ours they are there.
    if !back || pair.service.value.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        patch = patch.annotate(&pair.service, "/metadata/annotations", &[(SWITCHED_FROM, from), (SWITCHED_AT, &at)]);
    }
    let request = patch.request(format!("let {} select {to}", pair.service.name()), &pair.service);
    let version = |side: &Fresh| side.slot(scene.workload.container.as_deref()).map(|slot| version_of(&slot.image).to_owned());
    let label = |track: &str| {
        let side = pair.sides.iter().find(|(name, _)| name.as_str() == track).map(|(_, side)| side);
        side.and_then(|side| version(side).ok()).map_or_else(|| track.to_owned(), |version| format!("{track} {version}"))
    };
    let mut draft = Draft::toward(Expect::Active(to.clone()))
        .change(request, &pair.service)
        .between(label(from), label(to.as_str()))
        .leads(format!("New connections go to {} at once ({ready} of {wanted} ready); {from} stays as it is", label(to.as_str())))
        .warns(format!("Open connections (keep-alive, websockets) stay on {from} until they close"));
    if !whole {
        draft = draft.warns(format!("Only {ready} of {wanted} of {to} are ready"));
    }
    if pair.service.text("/spec/sessionAffinity") == "ClientIP" {
        draft = draft.warns(format!("Session affinity: known clients stay on {from} while it runs"));
    }
    if pair.service.value.pointer("/spec/publishNotReadyAddresses").and_then(Value::as_bool) == Some(true) {
        draft = draft.warns("The Service publishes pods that are not ready too");
    }
    Ok(draft)
}

/// Returns why a Service's selector is another's to write.
fn locked(service: &Fresh) -> Option<String> {
    let managed = service.text("/metadata/annotations/argo-rollouts.argoproj.io~1managed-by-rollouts");
    if !managed.is_empty() {
        return Some(format!("the Rollout {managed} writes it"));
    }
    let owners = service.value.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let controller = owners.into_iter().flatten().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true));
    if let Some(owner) = controller {
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        return Some(format!("the {} {} controls it", text("kind"), text("name")));
    }
    let empty = service.value.pointer("/spec/selector").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    empty.then(|| format!("the Service {} has no selector", service.name()))
}

/// Counts the pods that the Service would select: a side can be ready and yet lack a label that the selector asks for.
async fn serving(client: &Client, pair: &Pair, side: &Fresh, to: &Track) -> Result<(u32, u32), ChangeError> {
    let wanted = side.replicas();
    let selector: Vec<String> = pair
        .service
        .value
        .pointer("/spec/selector")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(
            |(key, value)| if *key == pair.label { format!("{key}={to}") } else { format!("{key}={}", value.as_str().unwrap_or_default()) },
        )
        .collect();
    let pods = wire::get(client, &Kind::Pod.selected(side.namespace(), &selector.join(","))).await?;
    let pods = pods.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ready = pods.iter().filter(|pod| undo::ready(pod) && pod.pointer("/metadata/deletionTimestamp").is_none()).count();
    Ok((u32::try_from(ready).unwrap_or(u32::MAX), wanted))
}

/// Returns when a Service was last switched: as the server recorded the selector's write, or as our annotation says, whichever
/// is later. None where nothing says that it ever was.
pub fn switched(service: &Value, label: &str) -> Option<Timestamp> {
    let noted = service.pointer(&format!("/metadata/annotations/{}", token(SWITCHED_AT))).and_then(Value::as_str)?.parse().ok()?;
    let (by, at) = moved::writer(service, &format!("/spec/selector/{}", token(label)));
    let written = at.filter(|_| by.as_deref() == Some(super::FIELD_MANAGER));
    Some(written.map_or(noted, |written| written.max(noted)))
}
