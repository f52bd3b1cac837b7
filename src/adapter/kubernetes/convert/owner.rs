//! Who else writes an object: the traces that Argo CD, Flux and Helm leave on it (api-semantics 8.6), and what becomes
//! of a change made by hand.

use crate::adapter::kubernetes::gitops::State;
use crate::adapter::kubernetes::objects::Meta;
use crate::domain::object::Owner;

/// Returns the tool that deploys the object, by its strong traces only: `app.kubernetes.io/instance` is set by charts too.
pub fn detect(meta: &Meta) -> Option<Owner> {
    let owner = |tool: &str, (kind, namespace, name): (&str, &str, &str), consequence: &str| {
        Some(Owner {
            tool: tool.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            consequence: consequence.to_owned(),
        })
    };
    let label = |key: &str| meta.labels.get(key).map(String::as_str);
    if let Some(tracking) = meta.annotation("argocd.argoproj.io/tracking-id") {
        let app = tracking.split(':').next().unwrap_or(tracking);
        // An Application outside of Argo CD's own namespace is written with its namespace before it.
        let (namespace, name) = app.split_once('_').unwrap_or(("", app));
        return owner(
            "Argo CD",
            ("Application", namespace, name),
            "Argo CD sets image and replicas back to what Git says: within seconds where self-heal is on, else with the next commit.",
        );
    }
    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        let namespace = label("kustomize.toolkit.fluxcd.io/namespace").unwrap_or_default();
        if label("kustomize.toolkit.fluxcd.io/reconcile")
            .or(meta.annotation("kustomize.toolkit.fluxcd.io/reconcile"))
            .is_some_and(|v| v == "disabled")
        {
            let consequence = "Flux is told to leave this object alone; the change stays until that is taken back.";
            return owner("Flux", ("left alone", namespace, name), consequence);
        }
        let consequence = "Flux sets it back to what Git says at its next interval, unless the Kustomization is suspended.";
        return owner("Flux", ("Kustomization", namespace, name), consequence);
    }
    if let Some(name) = label("helm.toolkit.fluxcd.io/name") {
        let namespace = label("helm.toolkit.fluxcd.io/namespace").unwrap_or_default();
        let consequence = "Flux sets it back with the next Helm upgrade, at once where drift detection is on.";
        return owner("Flux", ("HelmRelease", namespace, name), consequence);
    }
    if let Some(name) = meta.annotation("meta.helm.sh/release-name") {
        let namespace = meta.annotation("meta.helm.sh/release-namespace").unwrap_or_default();
        let consequence = "The next Helm upgrade sets it back, and Helm's own history does not know of the change.";
        return owner("Helm", ("release", namespace, name), consequence);
    }
    let foreign = meta.owner_references.iter().find(|owner| owner.controller == Some(true));
    foreign.and_then(|by| {
        let consequence = format!("The {} {} writes this object and sets it back when it next looks.", by.kind, by.name);
        owner(&by.kind, (&by.kind, &meta.namespace, &by.name), &consequence)
    })
}

/// Returns what becomes of a change made by hand, from what the owner is set to do; where that could not be read, `general`
/// and why.
///
/// A hold and a restart are fields that Git does not name, and both tools leave those alone.
pub fn consequence(state: &State, general: &str) -> String {
    match state {
        State::Application { self_heal: true, .. } => {
            "it syncs by itself with self-heal: image, template and replicas are put back within seconds; a hold and a restart survive."
                .into()
        }
        State::Application { automated: true, .. } => {
            "it syncs by itself, without self-heal: the change stays, as OutOfSync, until the next commit puts image, template and \
             replicas back; a hold and a restart survive."
                .into()
        }
        State::Application { .. } => "it does not sync by itself: the change stays, as OutOfSync, until somebody syncs it.".into(),
        State::Kustomization { suspended: true, .. } => "the Kustomization is suspended: the change stays until it is resumed.".into(),
        State::Kustomization { interval, .. } => {
            format!("image, template and replicas are put back within {}; a hold and a restart survive.", or_interval(interval))
        }
        State::HelmRelease { suspended: true, .. } => "the HelmRelease is suspended: the change stays until it is resumed.".into(),
        State::HelmRelease { interval, drift, .. } if drift == "enabled" => {
            format!("drift detection is on: it is put back within {}.", or_interval(interval))
        }
        State::HelmRelease { drift, .. } if drift == "warn" => {
            "drift is reported and not put back: the change stays until the next Helm upgrade.".into()
        }
        State::HelmRelease { .. } => "drift detection is off: the change stays until the next Helm upgrade.".into(),
        State::Unknown(why) => format!("{general} How it is set is not known: {why}."),
    }
}

fn or_interval(interval: &str) -> &str {
    if interval.is_empty() { "its interval" } else { interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(json: serde_json::Value) -> Meta {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn each_tool_is_known_by_its_trace() {
        for (json, expected) in [
            (
                serde_json::json!({"annotations": {"argocd.argoproj.io/tracking-id": "booking:apps/Deployment:ns/web"}}),
                Some(("Argo CD", "Application", "", "booking")),
            ),
            (
                serde_json::json!({"annotations": {"argocd.argoproj.io/tracking-id": "teams_booking:apps/Deployment:ns/web"}}),
                Some(("Argo CD", "Application", "teams", "booking")),
            ),
            (
                serde_json::json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}}),
                Some(("Flux", "Kustomization", "flux", "apps")),
            ),
            (
                serde_json::json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
                    "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}),
                Some(("Flux", "left alone", "", "apps")),
            ),
            (serde_json::json!({"labels": {"helm.toolkit.fluxcd.io/name": "web"}}), Some(("Flux", "HelmRelease", "", "web"))),
            (
                serde_json::json!({"annotations": {"meta.helm.sh/release-name": "web"}, "labels": {"app.kubernetes.io/managed-by": "Helm"}}),
                Some(("Helm", "release", "", "web")),
            ),
            (
                serde_json::json!({"ownerReferences": [{"kind": "Canary", "name": "web", "controller": true}]}),
                Some(("Canary", "Canary", "", "web")),
            ),
            (serde_json::json!({"labels": {"app.kubernetes.io/instance": "web"}}), None),
        ] {
            let found = detect(&meta(json.clone()));
            let words = |owner: &Owner| [&owner.tool, &owner.kind, &owner.namespace, &owner.name].map(String::clone);
            let expected = expected.map(|(tool, kind, namespace, name)| [tool, kind, namespace, name].map(str::to_owned));
            assert_eq!(found.as_ref().map(words), expected, "{json}");
        }
    }

    #[test]
    fn what_becomes_of_a_change_is_what_the_owner_is_set_to_do() {
        let application = |automated, self_heal| State::Application { automated, self_heal };
        let kustomization = |suspended, interval: &str| State::Kustomization { suspended, interval: interval.into() };
        let release = |suspended, drift: &str| State::HelmRelease { suspended, interval: "5m".into(), drift: drift.into() };
        for (state, word) in [
            (application(true, true), "put back within seconds; a hold and a restart survive"),
            (application(true, false), "stays, as OutOfSync, until the next commit"),
            (application(false, false), "does not sync by itself"),
            (kustomization(false, "10m"), "put back within 10m"),
            (kustomization(false, ""), "put back within its interval"),
            (kustomization(true, "10m"), "the Kustomization is suspended"),
            (release(false, "enabled"), "put back within 5m"),
            (release(false, "warn"), "reported and not put back"),
            (release(false, ""), "drift detection is off"),
            (release(true, "enabled"), "the HelmRelease is suspended"),
            (
                State::Unknown("Application booking may not be read by you".into()),
                "As ever. How it is set is not known: Application booking",
            ),
        ] {
            let sentence = consequence(&state, "As ever.");
            assert!(sentence.contains(word), "{state:?}: {sentence}");
        }
    }
}
