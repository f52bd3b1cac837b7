//! Whom a Service sends users to: its selector, and the pods behind its ready endpoints.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::adapter::kubernetes::change::{SWITCHED_AT, SWITCHED_FROM};
use crate::adapter::kubernetes::objects::Service;
use crate::adapter::kubernetes::record::Slice;
use crate::domain::id::Track;
use crate::domain::plan::BlueGreen;
use crate::domain::rollout::Routing;

/// Reads the routing of a pair. `side` tells by pod name whose it is.
pub fn routing(service: &Service, slices: &[&Slice], pair: &BlueGreen, side: &BTreeMap<&str, &Track>) -> Routing {
    let selector = &service.spec.selector;
    let selected = selector.get(&pair.label);
    let active = pair.tracks.iter().map(|side| &side.track).find(|track| selected.is_some_and(|selected| selected == track.as_str()));
    // The same pod stands in the slices of both address families.
    let ready: BTreeSet<&str> = slices.iter().flat_map(|slice| slice.ready.iter().map(String::as_str)).collect();
    let mut endpoints: Vec<(Track, u32)> = pair.tracks.iter().map(|side| (side.track.clone(), 0)).collect();
    let mut strangers = 0;
    for pod in ready {
        let of = side.get(pod).and_then(|track| endpoints.iter_mut().find(|(candidate, _)| candidate == *track));
        match of {
            Some((_, number)) => *number += 1,
            None => strangers += 1,
        }
    }
    let meta = &service.metadata;
    Routing {
        router: meta.name.clone(),
        active: active.cloned(),
        selector: selector.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","),
        endpoints,
        strangers,
        locked: locked(service),
        previous: meta.annotation(SWITCHED_FROM).map(Track::from),
        switched: meta.annotation(SWITCHED_AT).and_then(|at| at.parse::<Timestamp>().ok()),
    }
}

/// Returns why the selector is not ours to write (api-semantics 3, step 1).
fn locked(service: &Service) -> Option<String> {
    let meta = &service.metadata;
    if let Some(by) = meta.annotation("argo-rollouts.argoproj.io/managed-by-rollouts") {
        return Some(format!("Argo Rollouts manages it for {by}"));
    }
    if let Some(owner) = meta.controller() {
        return Some(format!("the {} {} owns it", owner.kind, owner.name));
    }
    service.spec.selector.is_empty().then(|| "it has no selector".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::plan::TrackTarget;

    fn pair() -> BlueGreen {
        let side = |name: &str| TrackTarget { track: name.into(), deployment: format!("web-{name}") };
        BlueGreen { service: "web".into(), label: "color".into(), tracks: [side("blue"), side("green")] }
    }

    fn service(json: serde_json::Value) -> Service {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_selector_names_the_active_side_and_nothing_else_does() {
        for (selector, active) in
            [(json!({"app": "web", "color": "blue"}), Some("blue")), (json!({"app": "web"}), None), (json!({"color": "red"}), None)]
        {
            let service = service(json!({"metadata": {"name": "web"}, "spec": {"selector": selector}}));
            let routing = routing(&service, &[], &pair(), &BTreeMap::new());
            assert_eq!(routing.active.as_ref().map(Track::as_str), active, "{selector}");
        }
    }

    #[test]
    fn endpoints_are_counted_once_by_pod_and_side() {
        let (blue, green) = (Track::from("blue"), Track::from("green"));
        let side = BTreeMap::from([("b1", &blue), ("b2", &blue), ("g1", &green)]);
        let slice = |name: &str, ready: &[&str]| Slice {
            name: name.into(),
            service: "web".into(),
            ready: ready.iter().map(ToString::to_string).collect(),
        };
        let (four, six) = (slice("v4", &["b1", "b2", "x"]), slice("v6", &["b1", "b2"]));
        let service = service(json!({"metadata": {"name": "web"}, "spec": {"selector": {"color": "blue"}}}));
        let routing = routing(&service, &[&four, &six], &pair(), &side);
        assert_eq!(routing.endpoints, vec![(blue.clone(), 2), (green.clone(), 0)]);
        assert_eq!(routing.strangers, 1);
    }

    #[test]
    fn a_service_that_another_controller_writes_is_locked() {
        for (meta, selector, word) in [
            (json!({"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}}), json!({"a": "b"}), "Argo"),
            (json!({"ownerReferences": [{"kind": "Canary", "name": "web", "controller": true}]}), json!({"a": "b"}), "Canary"),
            (json!({}), json!(null), "no selector"),
        ] {
            let service = service(json!({"metadata": meta, "spec": {"selector": selector}}));
            assert!(locked(&service).is_some_and(|why| why.contains(word)), "{word}");
        }
    }
}
