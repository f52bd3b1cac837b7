//! Whether a Job has succeeded, such as a migration.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::adapter::kubernetes::objects::{Condition, lenient};
use crate::domain::id::version_of;
use crate::domain::release::finding::{Finding, span};

/// What of a Job tells how it went.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Job {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(deserialize_with = "lenient")]
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    completions: Option<u32>,
    suspend: bool,
    #[serde(deserialize_with = "lenient")]
    template: Template,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    #[serde(deserialize_with = "lenient")]
    spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodSpec {
    #[serde(deserialize_with = "lenient")]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    image: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    succeeded: u32,
    failed: u32,
    active: u32,
    start_time: Option<Timestamp>,
    completion_time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient")]
    conditions: Vec<Condition>,
}

impl Job {
    /// Returns the version that it says it is of.
    fn version(&self) -> Option<&str> {
        ["app.kubernetes.io/version", "version"].iter().find_map(|key| self.metadata.labels.get(*key)).map(String::as_str)
    }
}

/// Judges a Job by its controller's conditions. `versions`: those of the release; a Job that says whose it is must be of one.
pub fn judge(job: &Job, name: &str, versions: &[&str], now: Timestamp) -> Finding {
    if let Some(version) = job.version().filter(|version| !versions.contains(version)) {
        return Finding::fail(format!("job {name} is of {version}"));
    }
    let images: Vec<&str> = job.spec.template.spec.containers.iter().map(|container| container.image.as_str()).collect();
    let of = job.version().or_else(|| images.iter().map(|image| version_of(image)).find(|tag| versions.contains(tag)));
    let of = of.map_or_else(|| ", of no version that it names".to_owned(), |version| format!(", of {version}"));
    let told = |kind: &str| job.status.conditions.iter().find(|condition| condition.r#type == kind && condition.status == "True");
    let status = &job.status;
    let ago = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(" {} ago", span(now.duration_since(at))));
    if let Some(failed) = told("Failed") {
        let why = failed.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("it gives no reason");
        return Finding::fail(format!("job {name} failed{}: {why}, {} tries{of}", ago(failed.last_transition_time), status.failed));
    }
    if told("Complete").is_some() {
        let ended = ago(status.completion_time);
        let took = match (status.start_time, status.completion_time) {
            (Some(start), Some(end)) => format!(" in {}", span(end.duration_since(start))),
            _ => String::new(),
        };
        return Finding::pass(format!("job {name} succeeded{ended}{took}{of}"));
    }
    if job.spec.suspend || told("Suspended").is_some() {
        return Finding::pending(format!("job {name} is suspended{of}"));
    }
    let wanted = job.spec.completions.unwrap_or(1);
    Finding::pending(format!(
        "job {name} runs: {} of {wanted} done, {} active, {} failed{of}",
        status.succeeded, status.active, status.failed
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::release::checklist::Verdict;

    fn told(labels: &Value, status: &Value) -> (Verdict, String) {
        let containers = json!([{"name": "migrate", "image": "shop/web:2.2.0"}]);
        let job = json!({"metadata": {"labels": labels}, "spec": {"template": {"spec": {"containers": containers}}}, "status": status});
        let finding = judge(
            &serde_json::from_value(job).expect("a job"),
            "migrate",
            &["2.2.0", "5.1.0"],
            "2026-03-02T22:05:00Z".parse().expect("a time"),
        );
        (finding.verdict, finding.evidence)
    }

    #[test]
    fn a_job_has_succeeded_when_its_controller_says_so() {
        let condition = |kind: &str, reason: &str| json!([{"type": kind, "status": "True", "reason": reason, "lastTransitionTime": "2026-03-02T22:00:00Z"}]);
        let done = json!({"succeeded": 1, "startTime": "2026-03-02T22:02:00Z", "completionTime": "2026-03-02T22:02:40Z",
            "conditions": condition("Complete", "")});
        let of = |version: &str| json!({"app.kubernetes.io/version": version});
        for (labels, status, verdict, words) in [
            (json!({}), done.clone(), Verdict::Pass, "job migrate succeeded 2 min ago in 40 s, of 2.2.0"),
            (of("5.1.0"), done.clone(), Verdict::Pass, "job migrate succeeded 2 min ago in 40 s, of 5.1.0"),
            (json!({"version": "2.1.0"}), done, Verdict::Fail, "job migrate is of 2.1.0"),
            (
                Value::Null,
                json!({"failed": 4, "conditions": condition("Failed", "BackoffLimitExceeded")}),
                Verdict::Fail,
                "job migrate failed 5 min ago: BackoffLimitExceeded, 4 tries, of 2.2.0",
            ),
            (json!({}), json!({"active": 1}), Verdict::Pending, "job migrate runs: 0 of 1 done, 1 active, 0 failed, of 2.2.0"),
            (json!({}), json!({"conditions": condition("Suspended", "")}), Verdict::Pending, "job migrate is suspended, of 2.2.0"),
        ] {
            assert_eq!(told(&labels, &status), (verdict, words.to_owned()));
        }
    }
}
