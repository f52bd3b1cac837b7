//! Which bytes run: the digests that the kubelets tell of the containers of a version.

use serde::Deserialize;

use super::read::{Blind, Reader};
use super::snapshot::Snapshot;
use crate::adapter::kubernetes::change::{Kind, escaped};
use crate::adapter::kubernetes::objects::lenient;
use crate::domain::id::{repository_of, version_of};
use crate::domain::plan::Workload;
use crate::domain::release::binding::Seen;
use crate::domain::release::checklist::SubjectService;

/// A pod's images, as they were asked for and as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    spec: Spec,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "lenient")]
    containers: Vec<Asked>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    name: String,
    image: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "lenient")]
    container_statuses: Vec<Running>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Running {
    name: String,
    /// Empty before the container has started once.
    #[serde(rename = "imageID")]
    image_id: String,
}

/// Reads what runs of a service's version on a workload. Pods of other versions are left out.
pub async fn seen(reader: &Reader, snapshot: &Snapshot, workload: &Workload, service: &SubjectService) -> Result<Vec<Seen>, Blind> {
    let container = snapshot.rollout(&workload.id)?.container;
    let namespace = &workload.namespace;
    let mut all = Vec::new();
    for selector in snapshot.selectors(&workload.id)? {
        let path = format!("{}?labelSelector={}", Kind::Pod.collection(namespace), escaped(&selector));
        let pods: Vec<Pod> = reader.list(&path, &format!("list pods in {namespace}")).await?;
        let named = container.as_ref().map(crate::domain::id::ContainerName::as_str);
        all.extend(pods.iter().filter_map(|pod| of(pod, named, service)).map(|(digest, id)| Seen {
            environment: workload.id.environment.clone(),
            digest,
            id,
        }));
    }
    Ok(all)
}

/// Returns the digest, where there is one, and the kubelet's name for the bytes, of a pod that runs this version.
fn of(pod: &Pod, container: Option<&str>, service: &SubjectService) -> Option<(Option<String>, String)> {
    let asked = pod.spec.containers.iter().find(|asked| container.is_none_or(|name| asked.name == name))?;
    let repository = repository_of(&service.image);
    if version_of(&asked.image) != service.version || !same_repository(repository_of(&asked.image), repository) {
        return None;
    }
    let running = pod.status.container_statuses.iter().find(|running| running.name == asked.name)?;
    let (named, id) = parse(&running.image_id)?;
    // Asked for by digest it is of that one, whatever else the node calls it.
    let asked_for = asked.image.split_once('@').map(|(_, digest)| digest.to_owned());
    let pulled = named.filter(|name| same_repository(name, repository)).map(|_| id.to_owned());
    let digest = asked_for.or(pulled);
    let id = digest.clone().unwrap_or_else(|| id.to_owned());
    Some((digest, id))
}

/// Takes a kubelet's `imageID` apart: `docker-pullable://shop/web@sha256:…` and containerd's `docker.io/shop/web@sha256:…`
/// were pulled; `docker://sha256:…` and a bare `sha256:…` are the id of a configuration, which no registry knows.
fn parse(id: &str) -> Option<(Option<&str>, &str)> {
    let rest = id.split_once("://").map_or(id, |(_, rest)| rest);
    let (repository, digest) = match rest.rsplit_once('@') {
        Some((repository, digest)) => (Some(repository), digest),
        None => (None, rest),
    };
    digest.contains(':').then_some((repository, digest))
}

/// Docker's hub has three names for one repository.
fn same_repository(one: &str, other: &str) -> bool {
    fn full(name: &str) -> &str {
        let name = name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("index.docker.io/")).unwrap_or(name);
        name.strip_prefix("library/").unwrap_or(name)
    }
    full(one) == full(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef";

    fn service(image: &str) -> SubjectService {
        SubjectService { service: "web".into(), version: version_of(image).into(), image: image.into(), digest: None }
    }

    fn read(asked: &str, id: &str, wanted: &str) -> Option<(Option<String>, String)> {
        let containers = json!([{"name": "proxy", "image": "envoy:1"}, {"name": "web", "image": asked}]);
        let statuses = json!([{"name": "web", "imageID": id}, {"name": "proxy", "imageID": "envoy@sha256:eeee"}]);
        let pod: Pod =
            serde_json::from_value(json!({"spec": {"containers": containers}, "status": {"containerStatuses": statuses}})).unwrap();
        of(&pod, Some("web"), &service(wanted))
    }

    #[test]
    fn every_runtimes_form_is_read() {
        let digest = Some(DIGEST.to_owned());
        for (asked, id, wanted, found) in [
            ("shop/web:2.2.0", "docker-pullable://shop/web@sha256:0123456789abcdef", "shop/web:2.2.0", Some((digest.clone(), DIGEST))),
            ("shop/web:2.2.0", "docker.io/shop/web@sha256:0123456789abcdef", "shop/web:2.2.0", Some((digest.clone(), DIGEST))),
            ("nginx:1", "docker.io/library/nginx@sha256:0123456789abcdef", "nginx:1", Some((digest.clone(), DIGEST))),
            ("shop/web:2.2.0", "docker://sha256:0123456789abcdef", "shop/web:2.2.0", Some((None, DIGEST))),
            ("shop/web:2.2.0", "sha256:0123456789abcdef", "shop/web:2.2.0", Some((None, DIGEST))),
            // The same bytes are known by another repository: that digest cannot be pulled from this one.
            ("shop/web:2.2.0", "mirror/web@sha256:0123456789abcdef", "shop/web:2.2.0", Some((None, DIGEST))),
            ("shop/web:2.2.0@sha256:0123456789abcdef", "docker://sha256:ffff", "shop/web:2.2.0", Some((digest, DIGEST))),
            ("shop/web:2.1.0", "shop/web@sha256:0123456789abcdef", "shop/web:2.2.0", None),
            ("fork/web:2.2.0", "fork/web@sha256:0123456789abcdef", "shop/web:2.2.0", None),
            ("shop/web:2.2.0", "", "shop/web:2.2.0", None),
        ] {
            let wished = found.map(|(digest, id)| (digest, id.to_owned()));
            assert_eq!(read(asked, id, wanted), wished, "{asked} {id}");
        }
    }
}
