//! Roll back and abort: the template of a kept revision comes back, and a hold is released in the same request.

use kube::Client;
use serde_json::Value;

use super::draft::{Before, Draft, Scene, Step};
use super::fresh::Fresh;
use super::image;
use super::patch::{CHANGE_CAUSE, Patch, delete_pod, then};
use super::wire::{self, Kind};
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::id::{RevisionId, version_of};
use crate::domain::object::Part;
use crate::domain::revision::{Proof, Revision};
use crate::domain::verb::Refusal;

/// The label that tells `ReplicaSet`s apart. Left in a template it poisons it (api-semantics 1.5).
const HASH: &str = "pod-template-hash";

/// Drafts the way back to a revision by its object's name. Tests only that the object is the same one.
pub async fn undo(client: &Client, scene: &Scene<'_>, fresh: &Fresh, to: &RevisionId) -> Result<Draft, ChangeError> {
    let template = kept(client, fresh, to).await?;
    let images = images(&template);
    let shown = scene.rollout.revision(to);
    let label = shown.map_or_else(|| images.first().map_or("", |image| version_of(image)).to_owned(), Revision::label);
    if same_template(&template, fresh.value.pointer("/spec/template")) {
        return Err(Refusal::Other(format!("the template is that of {label} already")).into());
    }

    let mut patch = Patch::on(fresh).replace("/spec/template", template);
    if fresh.kind == Kind::Deployment {
        // Also where it is not held: a hold that comes between dialog and request would keep the bad revision.
        patch = patch.add("/spec/paused", false);
    }
    if fresh.value.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        patch = patch.annotate(fresh, "/metadata/annotations", &[(CHANGE_CAUSE, &format!("rolldeck: roll back to {label}"))]);
    }
    let request = patch.request(format!("bring the template of {label} back"), fresh);
    let from = image::shown(scene, &fresh.part);
    let expect = Expect::Template { revision: to.clone(), images: images.clone(), track: image::track_of(&fresh.part) };
    let mut draft = Draft::toward(expect).leads(format!("Brings {} back", images.join(", ")));
    if let Some(from) = from {
        draft = draft.between(from.label(), label.clone());
    } else {
        draft.to = Some(label.clone());
    }
    if fresh.paused() {
        draft = draft.leads("Releases the hold in the same request");
    }
    draft = released(draft, fresh).warns(format!(
        "Restores the pod template alone: not the replicas ({} now), nor what ConfigMaps and Secrets hold, nor the database",
        fresh.replicas()
    ));
    match shown.map(|revision| revision.proof) {
        Some(Proof::Failed(at)) => draft = draft.warns(format!("{label} failed at {}", at.strftime("%Y-%m-%d %H:%MZ"))),
        Some(Proof::Unknown) => draft = draft.warns(format!("{label} is not known to have served")),
        _ => {}
    }
    let stuck = if fresh.kind == Kind::StatefulSet { stuck(client, fresh, to).await? } else { Vec::new() };
    let wait = if stuck.is_empty() { request } else { then(request, Wait::Observed) };
    draft = draft.change(wait, fresh);
    for pod in stuck {
        let name = pod.name().to_owned();
        draft = draft.leads(format!("Deletes {name}, which is not ready: a StatefulSet waits for it for ever"));
        let spare = Some(format!("{name} stays as it is until somebody deletes it: the StatefulSet waits for it"));
        draft = draft.step(Step {
            request: delete_pod(format!("delete the stuck pod {name}"), &pod),
            before: Before::Deleted,
            spare,
            instead: None,
        });
    }
    Ok(draft)
}

/// Adds what the template leads to, as if the hold were gone already.
fn released(draft: Draft, fresh: &Fresh) -> Draft {
    let mut free = fresh.clone();
    if let Some(paused) = free.value.pointer_mut("/spec/paused") {
        *paused = Value::Bool(false);
    }
    image::takes_over(draft, &free)
}

/// Reads the template that a revision keeps.
async fn kept(client: &Client, fresh: &Fresh, to: &RevisionId) -> Result<Value, ChangeError> {
    let (kind, pointer) = match fresh.kind {
        Kind::Deployment => (Kind::ReplicaSet, "/spec/template"),
        // The data is a strategic merge patch that replaces the template.
        _ => (Kind::ControllerRevision, "/data/spec/template"),
    };
    let gone = || Refusal::Other(format!("revision {to} is not kept any more"));
    let revision = match Fresh::read(client, kind, Part::Template, fresh.namespace(), to.as_str()).await {
        Err(ChangeError::Refused(Refusal::Absent)) => return Err(gone().into()),
        other => other?,
    };
    if !controlled_by(&revision.value, fresh.uid()) {
        return Err(Refusal::Other(format!("revision {to} is not one of {}", fresh.title())).into());
    }
    Ok(restored(revision.value.pointer(pointer).ok_or_else(gone)?))
}

/// Returns a kept template as it goes back into its workload.
fn restored(kept: &Value) -> Value {
    let mut template = kept.clone();
    if let Some(template) = template.as_object_mut() {
        template.remove("$patch");
    }
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    template
}

fn same_template(kept: &Value, now: Option<&Value>) -> bool {
    let bare = |template: &Value| {
        let mut template = restored(template);
        // Written as null by some, left out by others.
        if let Some(metadata) = template.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("creationTimestamp");
        }
        template
    };
    now.is_some_and(|now| bare(now) == bare(kept))
}

/// Returns the images of a template, those that serve alone.
pub fn images(template: &Value) -> Vec<String> {
    let containers = template.pointer("/spec/containers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    containers.iter().filter_map(|container| container.get("image")?.as_str()).map(ToOwned::to_owned).collect()
}

/// Returns the pods of other revisions that are not ready: with `OrderedReady` the controller goes no further than them.
async fn stuck(client: &Client, set: &Fresh, to: &RevisionId) -> Result<Vec<Fresh>, ChangeError> {
    let labels = set.value.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> =
        labels.into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    let pods = wire::get(client, &Kind::Pod.selected(set.namespace(), &selector.join(","))).await?;
    let pods = pods.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let other = |pod: &&Value| {
        controlled_by(pod, set.uid())
            && pod.pointer("/metadata/labels/controller-revision-hash").and_then(Value::as_str) != Some(to.as_str())
            && pod.pointer("/metadata/deletionTimestamp").is_none()
            && !ready(pod)
    };
    Ok(pods.iter().filter(other).map(|pod| Fresh { kind: Kind::Pod, part: Part::Workload, value: pod.clone() }).collect())
}

/// Returns whether an object is made by the one with this uid.
pub fn controlled_by(object: &Value, uid: &str) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    owners.iter().any(|owner| {
        owner.get("controller").and_then(Value::as_bool) == Some(true) && owner.get("uid").and_then(Value::as_str) == Some(uid)
    })
}

/// Returns whether a pod's own condition says that it serves.
pub fn ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    conditions.iter().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some("Ready") && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_label_never_goes_back_into_a_template() {
        let kept = json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "abc"}},
                          "spec": {"containers": [{"name": "web", "image": "lab/web:1.0.0"}]}});
        let back = restored(&kept);
        assert_eq!(back.pointer("/metadata/labels"), Some(&json!({"app": "web"})));
        assert!(same_template(&kept, Some(&json!({"metadata": {"labels": {"app": "web"}}, "spec": kept["spec"]}))));
        assert!(!same_template(&kept, Some(&json!({"metadata": {"labels": {"app": "web"}}, "spec": {}}))));
    }

    #[test]
    fn a_controller_revision_is_a_patch_whose_directive_is_not_part_of_the_template() {
        let data = json!({"$patch": "replace", "metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}});
        assert_eq!(restored(&data), json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}}));
    }
}
