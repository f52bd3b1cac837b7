//! A pod template as images and as text lines, so that two revisions can be compared.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::id::version_of;
use crate::domain::revision::ContainerImage;

/// The annotation that `kubectl rollout restart` writes.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// What is kept of a template; the rest is in the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pub images: Vec<ContainerImage>,
    pub restarted: Option<Timestamp>,
    /// `path: value`, sorted. Lists of named things are addressed by name, so that an insertion is one line and not ten.
    pub lines: Vec<String>,
}

impl Template {
    /// Reads a pod template.
    pub fn read(template: &Value) -> Self {
        let images = |list: &str, init: bool| {
            let of = template.pointer(list).and_then(Value::as_array).into_iter().flatten();
            of.map(move |container| ContainerImage {
                container: text(container, "name").into(),
                init,
                image: text(container, "image").to_owned(),
            })
            .collect::<Vec<_>>()
        };
        let mut all = images("/spec/containers", false);
        all.extend(images("/spec/initContainers", true));
        let restarted = template.pointer("/metadata/annotations").and_then(|annotations| annotations.get(RESTARTED));
        let mut lines = Vec::new();
        flatten("", template, &mut lines);
        lines.sort_unstable();
        Self { images: all, restarted: restarted.and_then(Value::as_str).and_then(|at| at.parse().ok()), lines }
    }

    /// Returns the container that carries the version: the plan's, else the one with the plan's image, else the first.
    pub fn container(&self, container: Option<&str>, image: Option<&str>) -> Option<&ContainerImage> {
        let main = || self.images.iter().filter(|candidate| !candidate.init);
        container
            .and_then(|name| main().find(|candidate| candidate.container.as_str() == name))
            .or_else(|| image.and_then(|image| main().find(|candidate| crate::domain::id::repository_of(&candidate.image) == image)))
            .or_else(|| main().next())
    }

    /// Returns the version as a person says it.
    pub fn version(&self, container: Option<&str>, image: Option<&str>) -> String {
        self.container(container, image).map_or("", |found| version_of(&found.image)).to_owned()
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                // The hash is the controller's, and differs between any two revisions.
                if key == "pod-template-hash" || key == "creationTimestamp" || key == "$patch" {
                    continue;
                }
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, inner, lines);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                let named = ["name", "mountPath", "containerPort"].iter().find_map(|key| inner.get(key));
                let by = named.map_or_else(|| index.to_string(), scalar);
                flatten(&format!("{path}[{by}]"), inner, lines);
            }
        }
        Value::Null => {}
        _ => lines.push(format!("{path}: {}", scalar(value))),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Template {
        Template::read(&serde_json::json!({
            "metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "abc"},
                         "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"}},
            "spec": {"initContainers": [{"name": "migrate", "image": "lab/migrate:3"}],
                     "containers": [{"name": "proxy", "image": "envoy:1.30"}, {"name": "web", "image": "lab/web:1.0.0", "env": [{"name": "A", "value": "1"}]}]}
        }))
    }

    #[test]
    fn lines_leave_the_hash_out_and_name_list_members() {
        let lines = sample().lines;
        assert!(lines.contains(&"spec.containers[web].env[A].value: 1".to_owned()), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("hash")));
    }

    #[test]
    fn the_version_is_that_of_the_plans_container() {
        let template = sample();
        for (container, image, version) in
            [(None, None, "1.30"), (Some("web"), None, "1.0.0"), (None, Some("lab/web"), "1.0.0"), (Some("gone"), Some("gone"), "1.30")]
        {
            assert_eq!(template.version(container, image), version, "{container:?} {image:?}");
        }
        assert_eq!(template.restarted, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    }
}
