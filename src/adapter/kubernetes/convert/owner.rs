//! Who else writes an object: the traces that Argo CD, Flux and Helm leave on it (api-semantics 8.6), and what becomes
//! of a change made by hand.

use crate::adapter::kubernetes::objects::Meta;
use crate::domain::object::Owner;

/// Returns the tool that deploys the object, by its strong traces only: `app.kubernetes.io/instance` is set by charts too.
pub fn detect(meta: &Meta) -> Option<Owner> {
    let owner = |tool: &str, name: &str, consequence: &str| {
        Some(Owner { tool: tool.to_owned(), name: name.to_owned(), consequence: consequence.to_owned() })
    };
    if let Some(tracking) = meta.annotation("argocd.argoproj.io/tracking-id") {
        let name = tracking.split(':').next().unwrap_or(tracking);
        return owner(
            "Argo CD",
            name,
            "Argo CD sets image and replicas back to what Git says: within seconds where self-heal is on, else with the next commit.",
        );
    }
    let label = |key: &str| meta.labels.get(key);
    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        if label("kustomize.toolkit.fluxcd.io/reconcile")
            .or(meta.annotations.get("kustomize.toolkit.fluxcd.io/reconcile"))
            .is_some_and(|v| v == "disabled")
        {
            return owner("Flux", name, "Flux is told to leave this object alone; the change stays until that is taken back.");
        }
        return owner("Flux", name, "Flux sets it back to what Git says at its next interval, unless the Kustomization is suspended.");
    }
    if let Some(name) = label("helm.toolkit.fluxcd.io/name") {
        return owner("Flux", name, "Flux sets it back with the next Helm upgrade, at once where drift detection is on.");
    }
    if let Some(name) = meta.annotation("meta.helm.sh/release-name") {
        return owner("Helm", name, "The next Helm upgrade sets it back, and Helm's own history does not know of the change.");
    }
    let foreign = meta.owner_references.iter().find(|owner| owner.controller == Some(true));
    foreign.and_then(|by| {
        owner(&by.kind, &by.name, &format!("The {} {} writes this object and sets it back when it next looks.", by.kind, by.name))
    })
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
                Some(("Argo CD", "booking")),
            ),
            (serde_json::json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}), Some(("Flux", "apps"))),
            (serde_json::json!({"labels": {"helm.toolkit.fluxcd.io/name": "web"}}), Some(("Flux", "web"))),
            (
                serde_json::json!({"annotations": {"meta.helm.sh/release-name": "web"}, "labels": {"app.kubernetes.io/managed-by": "Helm"}}),
                Some(("Helm", "web")),
            ),
            (serde_json::json!({"ownerReferences": [{"kind": "Canary", "name": "web", "controller": true}]}), Some(("Canary", "web"))),
            (serde_json::json!({"labels": {"app.kubernetes.io/instance": "web"}}), None),
        ] {
            let found = detect(&meta(json.clone()));
            assert_eq!(found.as_ref().map(|owner| (owner.tool.as_str(), owner.name.as_str())), expected, "{json}");
        }
    }
}
