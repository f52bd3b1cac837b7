//! Roll back: the template of a kept revision comes back as a new wish. Whether it walks the steps again is the first thing
//! that a person must know of it.

use kube::Client;
use serde_json::{Value, json};

use super::seen::Seen;
use super::ship;
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::fresh::Fresh;
use crate::adapter::kubernetes::change::image;
use crate::adapter::kubernetes::change::patch::{CHANGE_CAUSE, Patch};
use crate::adapter::kubernetes::change::undo::{controlled_by, images};
use crate::adapter::kubernetes::change::wire::Kind;
use crate::domain::change::{ChangeError, Expect};
use crate::domain::delivery::Shortcut;
use crate::domain::id::{RevisionId, version_of};
use crate::domain::object::Part;
use crate::domain::revision::{Proof, Revision};
use crate::domain::verb::Refusal;

/// The label that tells a Rollout's `ReplicaSet`s apart; in a template it would poison it.
const HASH: &str = "rollouts-pod-template-hash";

/// Labels and annotations that the controller puts on the pods of a role, and writes into the kept template.
const EPHEMERAL: &str = "/metadata/annotations/rollout.argoproj.io~1ephemeral-metadata";

/// Drafts the way back to a revision by its `ReplicaSet`: numbers move when a revision comes back. It tests only that the
/// object is the same.
pub async fn undo(
    client: &Client,
    scene: &Scene<'_>,
    seen: Seen<'_>,
    referenced: Option<&Fresh>,
    to: &RevisionId,
) -> Result<Draft, ChangeError> {
    let set = kept(client, seen, to).await?;
    let target = referenced.unwrap_or(seen.0);
    let template = restored(&set);
    let images = images(&template);
    let shown = scene.rollout.revision(to);
    let label = shown.map_or_else(|| images.first().map_or("", |image| version_of(image)).to_owned(), Revision::label);
    let hash = set.text(&format!("/metadata/labels/{HASH}"));
    let wished = seen.observed() && hash == seen.hash();
    if wished || target.value.pointer("/spec/template").is_some_and(|now| within(now, &template)) {
        return Err(Refusal::Other(format!("the template is that of {label} already")).into());
    }

    let mut patch = Patch::on(target).replace("/spec/template", template);
    if referenced.is_none() {
        // Also where it is not held: a hold that comes between dialog and request would keep the candidate.
        patch = patch.add("/spec/paused", false);
    }
    if target.value.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        patch = patch.annotate(target, "/metadata/annotations", &[(CHANGE_CAUSE, &format!("rolldeck: roll back to {label}"))]);
    }
    let request = patch.request(format!("bring the template of {label} back"), target);
    let from = image::shown(scene, &Part::Workload).map(Revision::label);
    let shortcut = shortcut(scene, seen, &set, hash, shown);
    let expect = match shortcut {
        Some(_) => Expect::Template { revision: to.clone(), images: images.clone(), track: None },
        None => ship::begins(seen, images.clone()),
    };
    let mut draft = Draft::toward(expect).change(request, target).leads(format!("Brings {} back", images.join(", ")));
    (draft.from, draft.to) = (from, Some(label.clone()));
    draft = match (shortcut, seen.blue_green()) {
        (Some(Shortcut::Warm), _) => draft.warns("Switches at once, no pause and no analysis: its instances are still up"),
        (Some(Shortcut::Stable), true) => draft.leads("It is what users have: no pause, and what came in is stopped"),
        (Some(Shortcut::Stable), false) => draft.leads("It is the stable one: no steps, its users come back at once"),
        (Some(Shortcut::Window), _) => draft.leads("It is within the rollback window: no steps, no pause and no analysis"),
        (None, _) => ship::walks(draft, seen).warns("It is a release like any other: it is not back at once"),
    };
    if seen.held() {
        draft = match referenced {
            None => draft.leads("Releases the hold in the same request: the candidate serves until then"),
            Some(_) => seen.unhold_after(draft),
        };
    }
    if seen.aborted() {
        draft = draft.leads("Ends the abort: it is Degraded no more");
    }
    draft = draft.warns(format!(
        "Restores the pod template alone: not the replicas ({} now), nor the steps, nor what ConfigMaps and Secrets hold, nor the database",
        seen.0.replicas()
    ));
    match shown.map(|revision| revision.proof) {
        Some(Proof::Failed(at)) => draft = draft.warns(format!("{label} failed at {}", at.strftime("%Y-%m-%d %H:%MZ"))),
        Some(Proof::Unknown) => draft = draft.warns(format!("{label} is not known to have served")),
        _ => {}
    }
    Ok(draft)
}

/// Reads the set of a revision.
async fn kept(client: &Client, seen: Seen<'_>, to: &RevisionId) -> Result<Fresh, ChangeError> {
    let set = match Fresh::read(client, Kind::ReplicaSet, Part::Template, seen.0.namespace(), to.as_str()).await {
        Err(ChangeError::Refused(Refusal::Absent)) => {
            return Err(Refusal::Other(format!("revision {to} is not kept any more")).into());
        }
        other => other?,
    };
    if !controlled_by(&set.value, seen.0.uid()) || !set.value.pointer("/spec/template").is_some_and(Value::is_object) {
        return Err(Refusal::Other(format!("revision {to} is not one of {}", seen.0.title())).into());
    }
    Ok(set)
}

/// Returns why the return takes no steps: from what was just read, and the window from the screen, which has counted it.
fn shortcut(scene: &Scene<'_>, seen: Seen<'_>, set: &Fresh, hash: &str, shown: Option<&Revision>) -> Option<Shortcut> {
    if hash == seen.stable() && !hash.is_empty() {
        return Some(Shortcut::Stable);
    }
    // The bare key: an FAQ of the project gives a longer one.
    let cools = set.text("/metadata/annotations/scale-down-deadline").parse::<jiff::Timestamp>().ok();
    if seen.blue_green() && cools.is_some_and(|cools| cools > scene.now) {
        return Some(Shortcut::Warm);
    }
    shown.and_then(|shown| shown.shortcut).filter(|shortcut| *shortcut == Shortcut::Window)
}

/// Returns a kept template as it goes back: without the hash, and without what the controller put on the pods of a role.
fn restored(set: &Fresh) -> Value {
    let mut template = set.value.pointer("/spec/template").cloned().unwrap_or_else(|| json!({}));
    let injected: Value = serde_json::from_str(set.text(EPHEMERAL)).unwrap_or(Value::Null);
    for map in ["labels", "annotations"] {
        let keys = injected.get(map).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str());
        if let Some(own) = template.pointer_mut(&format!("/metadata/{map}")).and_then(Value::as_object_mut) {
            keys.for_each(|key| drop(own.remove(key)));
            own.remove(HASH);
        }
    }
    // Written as null by the API server; a Rollout's schema would not take it.
    if let Some(metadata) = template.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
    }
    template
}

/// Returns whether all that one template says is said by the other, which the server has filled with its defaults.
fn within(sparse: &Value, full: &Value) -> bool {
    match (sparse, full) {
        (Value::Object(sparse), Value::Object(full)) => {
            sparse.iter().all(|(key, value)| value.is_null() || full.get(key).is_some_and(|other| within(value, other)))
        }
        (Value::Array(sparse), Value::Array(full)) => sparse.len() == full.len() && sparse.iter().zip(full).all(|(a, b)| within(a, b)),
        _ => sparse == full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(annotations: &Value) -> Fresh {
        let template = json!({
            "metadata": {"creationTimestamp": null, "annotations": {"scrape": "true", "weather": "fair"},
                         "labels": {"app": "web", "rollouts-pod-template-hash": "abc", "role": "stable"}},
            "spec": {"containers": [{"name": "web", "image": "lab/web:1.0.0", "imagePullPolicy": "IfNotPresent"}]}});
        let value = json!({"metadata": {"annotations": annotations}, "spec": {"template": template}});
        Fresh { kind: Kind::ReplicaSet, part: Part::Template, value }
    }

    #[test]
    fn neither_the_hash_nor_the_metadata_of_a_role_goes_back_into_a_template() {
        let bare = restored(&set(&json!({})));
        assert_eq!(
            bare["metadata"],
            json!({"annotations": {"scrape": "true", "weather": "fair"}, "labels": {"app": "web", "role": "stable"}})
        );
        let injected =
            json!({"rollout.argoproj.io/ephemeral-metadata": r#"{"labels":{"role":"stable"},"annotations":{"weather":"fair"}}"#});
        assert_eq!(restored(&set(&injected))["metadata"], json!({"annotations": {"scrape": "true"}, "labels": {"app": "web"}}));
    }

    #[test]
    fn a_template_is_found_again_in_one_that_the_server_has_filled() {
        let full =
            json!({"spec": {"containers": [{"name": "web", "image": "a", "imagePullPolicy": "Always"}], "dnsPolicy": "ClusterFirst"}});
        for (sparse, same) in [
            (json!({"spec": {"containers": [{"name": "web", "image": "a"}]}}), true),
            (json!({"spec": {"containers": [{"name": "web", "image": "b"}]}}), false),
            (json!({"spec": {"containers": [{"name": "web", "image": "a"}, {"name": "proxy"}]}}), false),
            (json!({"spec": {"containers": [{"name": "web", "image": "a"}], "hostNetwork": true}}), false),
        ] {
            assert_eq!(within(&sparse, &full), same, "{sparse}");
        }
    }
}
