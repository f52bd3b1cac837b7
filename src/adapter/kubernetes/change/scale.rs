//! Scale: another number of pods, through the scale subresource, which has a right of its own.

use serde_json::json;

use super::draft::{Before, Draft, Scene, Step};
use super::fresh::Fresh;
use super::image::track_of;
use super::patch::Patch;
use crate::domain::change::{ChangeError, Expect, Request};
use crate::domain::verb::Refusal;

/// Drafts the new number.
pub fn scale(scene: &Scene<'_>, fresh: &Fresh, replicas: u32) -> Result<Draft, ChangeError> {
    let now = fresh.replicas();
    if now == replicas {
        return Err(Refusal::Other(format!("{} has {replicas} replicas already", fresh.title())).into());
    }
    let mut draft = Draft::toward(Expect::Replicas { track: track_of(&fresh.part), replicas })
        .step(step(fresh, replicas))
        .between(now.to_string(), replicas.to_string());
    draft = if replicas > now {
        draft.leads(format!("Starts {} more", replicas - now))
    } else {
        draft.leads(format!("Stops {} of {now}", now - replicas))
    };
    if replicas == 0 {
        draft = draft.warns("Nothing of it runs then");
    }
    if let Some(hpa) = &scene.rollout.autoscaler {
        draft = draft.warns(if replicas == 0 {
            format!("The autoscaler {} stands still at 0 replicas", hpa.name)
        } else {
            format!("The autoscaler {} ({} to {}) sets its own number again within seconds", hpa.name, hpa.min, hpa.max)
        });
    }
    Ok(draft)
}

/// Makes the request with its difference.
pub fn step(fresh: &Fresh, replicas: u32) -> Step {
    // A Scale is returned, so a Scale is compared.
    Step {
        request: request(fresh, replicas),
        before: Before::Object(json!({"spec": {"replicas": fresh.replicas()}})),
        spare: None,
        instead: None,
    }
}

/// The guard is the number itself: the resource version moves with every pod that gets ready.
fn request(fresh: &Fresh, replicas: u32) -> Request {
    // A Scale leaves its zero out, and has one where a custom resource says nothing: there is nothing to compare.
    let seen = Some(fresh.number("/spec/replicas")).filter(|replicas| *replicas > 0);
    Patch::on(fresh)
        .test("/spec/replicas", seen)
        .add("/spec/replicas", replicas)
        .request_scale(format!("scale {} from {} to {replicas}", fresh.name(), fresh.replicas()), fresh)
}
