//! What runs in a namespace: what `rolldeck init` writes down, and what opens where there is no plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Service};
use kube::api::{Api, ListParams, ObjectMeta};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::client;
use super::convert::flagger::spec::Names;
use super::convert::template::Template;
use super::error::{self, Error};
use super::objects::custom::Custom;
use super::objects::{Lean, Served};
use crate::config::draft::{Found, Survey};
use crate::domain::id::{Track, repository_of};
use crate::domain::plan::{BlueGreen, Target, TrackTarget};

/// Labels that say what a thing is, not which of two it is: a frontend and a backend of one product differ by them, and are
/// no blue/green pair.
const IDENTITY: [&str; 6] = ["app", "k8s-app", "name", "component", "app.kubernetes.io/name", "app.kubernetes.io/component"];

/// Why nothing was found out, and where.
#[derive(Debug, Error)]
#[error("context {context}, namespace {namespace}: {source}")]
pub struct DiscoverError {
    context: String,
    namespace: String,
    source: Error,
}

/// Lists the workloads and pairs of a namespace.
///
/// # Errors
///
/// The context does not work, there is no such namespace, the server does not answer, or the user may list none of the kinds.
pub async fn survey(context: &str, namespace: &str) -> Result<Survey, DiscoverError> {
    let listed = ask(context, namespace).await;
    let (listed, mut left_out) =
        listed.map_err(|source| DiscoverError { context: context.to_owned(), namespace: namespace.to_owned(), source })?;
    let found = found(&listed, &mut left_out);
    Ok(Survey { context: context.to_owned(), namespace: namespace.to_owned(), found, left_out })
}

async fn ask(context: &str, namespace: &str) -> Result<(Listed, Vec<String>), Error> {
    let client = client::connect(Some(context.to_owned()), None).await?.client;
    let argo = Served { group: "argoproj.io", version: "v1alpha1", kind: "Rollout", plural: "rollouts" };
    let flagger = Served { group: "flagger.app", version: "v1beta1", kind: "Canary", plural: "canaries" };
    let (deployments, stateful_sets, daemon_sets, services, rollouts, canaries) = tokio::join!(
        list::<Deployment>(&client, namespace),
        list::<StatefulSet>(&client, namespace),
        list::<DaemonSet>(&client, namespace),
        list::<Service>(&client, namespace),
        custom(&client, namespace, argo),
        custom(&client, namespace, flagger),
    );
    let mut left_out = Vec::new();
    let listed = Listed {
        deployments: allowed(deployments?, "Deployments", &mut left_out),
        stateful_sets: allowed(stateful_sets?, "StatefulSets", &mut left_out),
        daemon_sets: allowed(daemon_sets?, "DaemonSets", &mut left_out),
        services: allowed(services?, "Services (so no blue/green pair can be known)", &mut left_out),
        rollouts: rollouts?,
        canaries: canaries?,
    };
    // Where nothing at all may be read, an empty plan would be a lie.
    if left_out.len() == 4 {
        return Err(Error::Forbidden { verb: "list", what: "workloads or Services", namespace: namespace.to_owned() });
    }
    let nothing = listed.deployments.is_empty()
        && listed.stateful_sets.is_empty()
        && listed.daemon_sets.is_empty()
        && listed.services.is_empty()
        && listed.rollouts.is_empty();
    if nothing && !client::has_namespace(&client, namespace).await? {
        return Err(Error::NoNamespace(namespace.to_owned()));
    }
    Ok((listed, left_out))
}

/// Lists one kind; none where the user may not.
async fn list<K>(client: &Client, namespace: &str) -> Result<Option<Vec<K>>, Error>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    match tokio::time::timeout(client::CALL, api.list(&ListParams::default())).await {
        Err(_) => Err(Error::Timeout(client::CALL.as_secs())),
        Ok(Ok(list)) => Ok(Some(list.items)),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Ok(None),
        Ok(Err(failed)) => Err(error::of_request(&failed)),
    }
}

/// Lists a kind of another controller; nothing where the cluster has no such kind. Where the user may not list it, a role says
/// no before it is known whether there is such a kind: what its controller owns is left out and said all the same.
async fn custom(client: &Client, namespace: &str, kind: Served) -> Result<Vec<Custom>, Error> {
    let api: Api<Lean<Custom>> = Api::namespaced_with(client.clone(), namespace, &kind);
    match tokio::time::timeout(client::CALL, api.list(&ListParams::default())).await {
        Err(_) => Err(Error::Timeout(client::CALL.as_secs())),
        Ok(Ok(list)) => Ok(list.items.into_iter().map(|lean| lean.object).collect()),
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 403 | 404) => Ok(Vec::new()),
        Ok(Err(failed)) => Err(error::of_request(&failed)),
    }
}

fn allowed<K>(answer: Option<Vec<K>>, kinds: &str, left_out: &mut Vec<String>) -> Vec<K> {
    answer.unwrap_or_else(|| {
        left_out.push(format!("{kinds}: the user may not list them"));
        Vec::new()
    })
}

/// What a namespace holds.
#[derive(Debug, Default)]
struct Listed {
    deployments: Vec<Deployment>,
    stateful_sets: Vec<StatefulSet>,
    daemon_sets: Vec<DaemonSet>,
    services: Vec<Service>,
    /// Argo's.
    rollouts: Vec<Custom>,
    /// Flagger's.
    canaries: Vec<Custom>,
}

fn found(listed: &Listed, left_out: &mut Vec<String>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut paired = BTreeSet::new();
    let deployment = |name: &str| listed.deployments.iter().find(|one| one.name_any() == name);
    // Deployments that a controller steers are released through its own object.
    let mut steered = BTreeSet::new();
    for rollout in &listed.rollouts {
        let name = rollout.metadata.name.clone();
        let reference = rollout.wished("/workloadRef/name");
        let containers =
            if reference.is_empty() { rollout.spec.get("template").map(Template::read).unwrap_or_default().images } else { Vec::new() };
        let mut of: Vec<_> =
            containers.into_iter().filter(|one| !one.init).map(|one| (one.container.as_str().to_owned(), one.image)).collect();
        if let Some(workload) = deployment(reference) {
            steered.insert(workload.name_any());
            of = self::containers(template(workload));
        }
        found.push(Found { name: name.clone(), containers: of, target: Target::Rollout { name } });
    }
    for canary in &listed.canaries {
        let name = canary.metadata.name.clone();
        let names = Names::of(canary);
        let containers = containers(deployment(&names.target).and_then(template));
        found.push(Found { name: name.clone(), containers, target: Target::Flagger { name } });
        steered.extend([names.target, names.primary]);
    }
    let unsteered = listed.deployments.iter().filter(|one| !steered.contains(&one.name_any()));
    let own: Vec<&Deployment> = unsteered.filter(|one| free("Deployment", &one.metadata, left_out)).collect();
    for pair in pairs(&listed.services, &own) {
        if pair.tracks.iter().any(|track| paired.contains(&track.deployment)) {
            continue;
        }
        paired.extend(pair.tracks.iter().map(|track| track.deployment.clone()));
        let template = own.iter().find(|one| one.name_any() == pair.tracks[0].deployment).and_then(|one| template(one));
        found.push(Found { name: stem(&pair), containers: containers(template), target: Target::BlueGreen(pair) });
    }
    for one in own.iter().filter(|one| !paired.contains(&one.name_any())) {
        let name = one.name_any();
        found.push(Found { name: name.clone(), containers: containers(template(one)), target: Target::Deployment { name } });
    }
    for one in listed.stateful_sets.iter().filter(|one| free("StatefulSet", &one.metadata, left_out)) {
        let name = one.name_any();
        let template = one.spec.as_ref().map(|spec| &spec.template);
        found.push(Found { name: name.clone(), containers: containers(template), target: Target::StatefulSet { name } });
    }
    for one in listed.daemon_sets.iter().filter(|one| free("DaemonSet", &one.metadata, left_out)) {
        let name = one.name_any();
        let template = one.spec.as_ref().map(|spec| &spec.template);
        found.push(Found { name: name.clone(), containers: containers(template), target: Target::DaemonSet { name } });
    }
    found
}

/// Returns whether nothing owns an object; what an operator owns is released through the operator's own object.
fn free(kind: &str, meta: &ObjectMeta, left_out: &mut Vec<String>) -> bool {
    let owner = meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    if let Some(owner) = owner {
        left_out.push(format!("{kind} {}: {} {} owns it", meta.name.as_deref().unwrap_or_default(), owner.kind, owner.name));
    }
    owner.is_none()
}

/// Finds each Service that selects one of exactly two Deployments by the value of one label: the rest of its selector is on the
/// pods of both, and both run the same images apart from the version.
fn pairs(services: &[Service], deployments: &[&Deployment]) -> Vec<BlueGreen> {
    let mut pairs = Vec::new();
    let mut services: Vec<&Service> = services.iter().collect();
    // A pair may have a second Service for the preview; the one that users come by has the shorter name as a rule.
    services.sort_by_key(|service| (service.name_any().len(), service.name_any()));
    for service in services {
        let Some(selector) = service.spec.as_ref().and_then(|spec| spec.selector.as_ref()) else { continue };
        for key in selector.keys().filter(|key| !IDENTITY.contains(&key.as_str())) {
            let rest = |labels: &BTreeMap<String, String>| selector.iter().all(|(k, v)| k == key || labels.get(k) == Some(v));
            let mut sides: Vec<(&str, &Deployment)> = deployments
                .iter()
                .filter_map(|one| {
                    let labels = template(one)?.metadata.as_ref()?.labels.as_ref()?;
                    rest(labels).then_some(())?;
                    Some((labels.get(key)?.as_str(), *one))
                })
                .collect();
            sides.sort_by_key(|(value, _)| *value);
            let [(first, one), (second, two)] = sides.as_slice() else { continue };
            if first != second && repositories(one) == repositories(two) && (selector.len() > 1 || otherwise_alike(one, two, key)) {
                let side = |value: &str, one: &Deployment| TrackTarget { track: Track::new(value), deployment: one.name_any() };
                pairs.push(BlueGreen { service: service.name_any(), label: key.clone(), tracks: [side(first, one), side(second, two)] });
                break;
            }
        }
    }
    pairs
}

/// A Service that selects by the one label only says nothing of the rest: then the pods' other labels must agree, and there
/// must be some.
fn otherwise_alike(one: &Deployment, two: &Deployment, key: &str) -> bool {
    let rest = |one: &Deployment| -> BTreeMap<String, String> {
        let labels = template(one).and_then(|template| template.metadata.as_ref()?.labels.clone());
        labels.into_iter().flatten().filter(|(name, _)| name != key).collect()
    };
    let (one, two) = (rest(one), rest(two));
    !one.is_empty() && one == two
}

fn template(one: &Deployment) -> Option<&PodTemplateSpec> {
    one.spec.as_ref().map(|spec| &spec.template)
}

fn containers(template: Option<&PodTemplateSpec>) -> Vec<(String, String)> {
    let spec = template.and_then(|template| template.spec.as_ref());
    spec.into_iter().flat_map(|spec| &spec.containers).map(|one| (one.name.clone(), one.image.clone().unwrap_or_default())).collect()
}

fn repositories(one: &Deployment) -> BTreeSet<(String, String)> {
    containers(template(one)).into_iter().map(|(name, image)| (name, repository_of(&image).to_owned())).collect()
}

/// Names a pair by what its Deployments share without the track: `backend` of `backend-blue` and `backend-green`; else by its
/// Service.
fn stem(pair: &BlueGreen) -> String {
    let [one, two] = pair.tracks.each_ref().map(|side| {
        let name = side.deployment.as_str();
        let ending = format!("-{}", side.track);
        let beginning = format!("{}-", side.track);
        name.strip_suffix(&ending).or_else(|| name.strip_prefix(&beginning)).unwrap_or(name).to_owned()
    });
    if one == two { one } else { pair.service.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(name: &str, labels: &[(&str, &str)], image: &str) -> Deployment {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": {
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "web", "image": image }] } },
            },
        }))
        .unwrap()
    }

    fn service(name: &str, selector: &[(&str, &str)]) -> Service {
        let selector: BTreeMap<_, _> = selector.iter().copied().collect();
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": { "selector": selector } })).unwrap()
    }

    fn shown(deployments: Vec<Deployment>, services: Vec<Service>) -> Vec<String> {
        let listed = Listed { deployments, services, ..Listed::default() };
        found(&listed, &mut Vec::new())
            .into_iter()
            .map(|found| match found.target {
                Target::BlueGreen(pair) => {
                    let [one, two] = pair.tracks;
                    format!(
                        "{}: {} by {} {}={} {}={}",
                        found.name, pair.service, pair.label, one.track, one.deployment, two.track, two.deployment
                    )
                }
                target => format!("{}: {}", found.name, target.word()),
            })
            .collect()
    }

    #[test]
    fn a_service_that_selects_one_of_two_by_a_label_makes_a_pair() {
        let track = |track: &str, image: &str| deployment(&format!("backend-{track}"), &[("app", "backend"), ("color", track)], image);
        let two = || vec![track("green", "lab/web:1.1.0"), track("blue", "lab/web:1.0.0")];
        let wanted = "backend: backend by color blue=backend-blue green=backend-green";
        let selector = [("app", "backend"), ("color", "blue")];
        assert_eq!(shown(two(), vec![service("backend-preview", &selector), service("backend", &selector)]), [wanted]);
        assert_eq!(shown(two(), vec![service("backend", &[("color", "blue")])]), [wanted], "by one label, with the rest alike");
        assert_eq!(
            shown(two(), vec![service("backend", &[("app", "backend"), ("color", "gone")])]),
            [wanted],
            "the live side is not there"
        );
        let singles = ["backend-green: deployment", "backend-blue: deployment"];
        assert_eq!(shown(two(), vec![service("backend", &[("app", "backend")])]), singles, "the Service selects both");
        let other = vec![track("green", "lab/web:1.1.0"), track("blue", "lab/other:1.0.0")];
        assert_eq!(shown(other, vec![service("backend", &selector)]), singles, "two images");
        let three = vec![track("green", "lab/web:1"), track("blue", "lab/web:1"), track("red", "lab/web:1")];
        assert_eq!(shown(three, vec![service("backend", &selector)]).len(), 3, "three tracks are no pair");
    }

    #[test]
    fn two_parts_of_one_product_are_no_pair() {
        let part =
            |name: &str| deployment(name, &[("app.kubernetes.io/name", name), ("app.kubernetes.io/instance", "booking")], "lab/web:1");
        let selector = |name| [("app.kubernetes.io/name", name), ("app.kubernetes.io/instance", "booking")];
        let services = vec![service("frontend", &selector("frontend")), service("backend", &selector("backend"))];
        assert_eq!(shown(vec![part("frontend"), part("backend")], services), ["frontend: deployment", "backend: deployment"]);
        let plain = |name: &str| deployment(name, &[("run", name)], "lab/web:1");
        assert_eq!(shown(vec![plain("a"), plain("b")], vec![service("a", &[("run", "a")])]).len(), 2);
    }

    #[test]
    fn what_an_operator_owns_is_left_out_and_said() {
        let mut owned = deployment("web", &[("app", "web")], "lab/web:1");
        owned.metadata.owner_references = serde_json::from_value(json!([
            { "apiVersion": "x/v1", "kind": "WebApp", "name": "shop", "uid": "1", "controller": true }
        ]))
        .unwrap();
        let mut left_out = Vec::new();
        let listed = Listed { deployments: vec![owned], ..Listed::default() };
        assert_eq!(found(&listed, &mut left_out), []);
        assert_eq!(left_out, ["Deployment web: WebApp shop owns it"]);
    }

    #[test]
    fn what_argo_and_flagger_steer_is_found_by_their_own_objects_alone() {
        let rollout: Custom = serde_json::from_value(json!({"metadata": {"name": "backend"}, "spec": {"template": {"spec": {
            "containers": [{"name": "web", "image": "lab/web:1.0.0"}]}}}}))
        .unwrap();
        let by_reference: Custom = serde_json::from_value(
            json!({"metadata": {"name": "search"}, "spec": {"workloadRef": {"kind": "Deployment", "name": "search-app"}}}),
        )
        .unwrap();
        let canary: Custom = serde_json::from_value(
            json!({"metadata": {"name": "shop"}, "spec": {"targetRef": {"kind": "Deployment", "name": "shop-app"}}}),
        )
        .unwrap();
        let deployments = ["shop-app", "shop-app-primary", "search-app", "worker"];
        let deployments = deployments.map(|name| deployment(name, &[("app", name)], "lab/web:1.0.0")).to_vec();
        let listed = Listed { deployments, rollouts: vec![rollout, by_reference], canaries: vec![canary], ..Listed::default() };
        let mut left_out = Vec::new();
        let all: Vec<String> = found(&listed, &mut left_out)
            .into_iter()
            .map(|found| {
                format!(
                    "{}: {} {}",
                    found.name,
                    found.target.word(),
                    found.containers.iter().map(|(_, image)| image.as_str()).collect::<String>()
                )
            })
            .collect();
        assert_eq!(
            all,
            [
                "backend: rollout lab/web:1.0.0",
                "search: rollout lab/web:1.0.0",
                "shop: flagger lab/web:1.0.0",
                "worker: deployment lab/web:1.0.0"
            ]
        );
        assert!(left_out.is_empty(), "{left_out:?}");
    }
}
