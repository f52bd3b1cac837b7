//! AnalysisRuns: what is measured, against which limit, and what it means so far (api-semantics 2.7).

use jiff::Timestamp;
use serde_json::Value;

use super::facts::Facts;
use crate::adapter::kubernetes::objects::custom::{Custom, list, number, text, time, truth};
use crate::domain::delivery::{Analysis, AnalysisPhase, AnalysisRole, Measurement, Metric};
use crate::domain::id::{RevisionId, Uid};

/// Measurements that are kept of a metric; Argo itself keeps ten of most providers, and more where it is told to.
const MEASUREMENTS: usize = 20;

/// Returns the analyses of a Rollout, newest first: what is wished now, and what still measures.
pub fn read(facts: &Facts<'_>, runs: &[&Custom], revision: impl Fn(&str) -> Option<RevisionId>) -> Vec<Analysis> {
    let mut read: Vec<(&Custom, Analysis)> = runs
        .iter()
        .map(|run| (*run, analysis(facts, run, revision(hash(run)))))
        .filter(|(run, analysis)| hash(run) == facts.current || !analysis.phase.over())
        .collect();
    // Runs of one second are told apart by the name: a second try is called `….1`.
    read.sort_by(|(a, _), (b, _)| {
        b.metadata.creation_timestamp.cmp(&a.metadata.creation_timestamp).then_with(|| b.metadata.name.cmp(&a.metadata.name))
    });
    read.into_iter().map(|(_, analysis)| analysis).collect()
}

/// Returns when an analysis last spoke against a template, by its hash.
pub fn condemned(runs: &[&Custom], hash_of: &str) -> Option<Timestamp> {
    let bad = runs.iter().filter(|run| hash(run) == hash_of && AnalysisPhase::of(run.told("/phase")).bad());
    bad.filter_map(|run| time(&run.status, "/completedAt").or(run.metadata.creation_timestamp)).max()
}

/// The template that it judges.
pub fn hash(run: &Custom) -> &str {
    run.metadata.labels.get("rollouts-pod-template-hash").map_or("", String::as_str)
}

fn analysis(facts: &Facts<'_>, run: &Custom, revision: Option<RevisionId>) -> Analysis {
    let phase = AnalysisPhase::of(run.told("/phase"));
    let metrics = metrics(run);
    let last = metrics.iter().flat_map(|metric| &metric.measurements).filter_map(|measurement| measurement.at).max();
    Analysis {
        name: run.metadata.name.clone(),
        uid: Uid::new(run.metadata.uid.as_str()),
        role: role(facts, run),
        phase,
        message: run.told("/message").to_owned(),
        started: time(&run.status, "/startedAt").or(run.metadata.creation_timestamp),
        // `completedAt` is younger than the rest of the status; before it, the last measurement tells.
        ended: time(&run.status, "/completedAt").or(last).filter(|_| phase.over()),
        metrics,
        revision,
        stopping: truth(&run.spec, "/terminate"),
    }
}

/// By the labels; where another tool took them away, by the status of the Rollout, which names the runs.
fn role(facts: &Facts<'_>, run: &Custom) -> AnalysisRole {
    if let Some(owner) = run.metadata.controller().filter(|owner| owner.kind == "Experiment") {
        return AnalysisRole::Experiment(owner.name.clone());
    }
    let label = |key: &str| run.metadata.labels.get(key).map(String::as_str);
    let named = |pointer: &str| text(facts.status, pointer) == run.metadata.name;
    match label("rollout-type") {
        Some("Step") => label("step-index").and_then(|index| index.parse().ok()).map_or(AnalysisRole::Other, AnalysisRole::Step),
        Some("Background") => AnalysisRole::Background,
        Some("PrePromotion") => AnalysisRole::PrePromotion,
        Some("PostPromotion") => AnalysisRole::PostPromotion,
        _ if named("/canary/currentStepAnalysisRunStatus/name") => facts.index().map_or(AnalysisRole::Other, AnalysisRole::Step),
        _ if named("/canary/currentBackgroundAnalysisRunStatus/name") => AnalysisRole::Background,
        _ if named("/blueGreen/prePromotionAnalysisRunStatus/name") => AnalysisRole::PrePromotion,
        _ if named("/blueGreen/postPromotionAnalysisRunStatus/name") => AnalysisRole::PostPromotion,
        _ => AnalysisRole::Other,
    }
}

/// In the order of the spec; what only the status knows comes last.
fn metrics(run: &Custom) -> Vec<Metric> {
    let wished = list(&run.spec, "/metrics");
    let told = list(&run.status, "/metricResults");
    let named = |metrics: &'_ [Value], name: &str| metrics.iter().any(|metric| text(metric, "/name") == name);
    let mut all: Vec<Metric> = wished
        .iter()
        .map(|wish| metric(run, wish, told.iter().find(|result| text(result, "/name") == text(wish, "/name")).unwrap_or(&Value::Null)))
        .collect();
    all.extend(told.iter().filter(|result| !named(wished, text(result, "/name"))).map(|result| metric(run, &Value::Null, result)));
    all
}

fn metric(run: &Custom, wish: &Value, result: &Value) -> Metric {
    let name = [text(wish, "/name"), text(result, "/name")].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let count = |pointer: &str| number(result, pointer).map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX));
    let wished = |pointer: &str| {
        let found = wish.pointer(pointer)?;
        let number = found.as_u64().or_else(|| resolved(run, found.as_str()?).parse().ok())?;
        u32::try_from(number).ok()
    };
    let measurements = list(result, "/measurements");
    let last = measurements.get(measurements.len().saturating_sub(MEASUREMENTS)..).unwrap_or_default();
    Metric {
        name: name.to_owned(),
        phase: AnalysisPhase::of(text(result, "/phase")),
        limit: limit(run, wish),
        // Without a count it measures once, or for ever where it has an interval.
        planned: wished("/count").or_else(|| wish.get("interval").is_none().then_some(1)),
        taken: count("/count"),
        successful: count("/successful"),
        failed: count("/failed"),
        inconclusive: count("/inconclusive"),
        errors: count("/error"),
        failure_limit: wished("/failureLimit").unwrap_or(0),
        dry_run: truth(result, "/dryRun") || list(&run.spec, "/dryRun").iter().any(|dry| text(dry, "/metricName") == name),
        message: text(result, "/message").to_owned(),
        measurements: last.iter().map(measurement).collect(),
    }
}

fn measurement(measured: &Value) -> Measurement {
    let value = text(measured, "/value");
    Measurement {
        phase: AnalysisPhase::of(text(measured, "/phase")),
        // Where the provider did not answer, what it said instead.
        value: if value.is_empty() { text(measured, "/message") } else { value }.to_owned(),
        at: time(measured, "/finishedAt").or_else(|| time(measured, "/startedAt")),
    }
}

fn limit(run: &Custom, wish: &Value) -> String {
    let success = resolved(run, text(wish, "/successCondition"));
    let failure = resolved(run, text(wish, "/failureCondition"));
    match (success.is_empty(), failure.is_empty()) {
        (_, true) => success,
        (true, false) => format!("fails if {failure}"),
        (false, false) => format!("{success}, fails if {failure}"),
    }
}

/// Puts the run's arguments in place of `{{args.name}}`; a secret one has no value here and stays as it is written.
fn resolved(run: &Custom, template: &str) -> String {
    let mut text_of = template.to_owned();
    for argument in list(&run.spec, "/args") {
        let (name, value) = (text(argument, "/name"), text(argument, "/value"));
        if !value.is_empty() {
            text_of = text_of.replace(&format!("{{{{args.{name}}}}}"), value).replace(&format!("{{{{ args.{name} }}}}"), value);
        }
    }
    text_of
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(spec: Value, status: Value) -> Custom {
        let mut run = Custom { spec, status, ..Default::default() };
        run.metadata.name = "web-1-2".into();
        run
    }

    fn first(spec: Value, status: Value) -> Metric {
        metrics(&run(spec, status)).into_iter().next().unwrap()
    }

    #[test]
    fn a_limit_is_the_condition_with_its_arguments() {
        let args = json!([{"name": "limit", "value": "0.05"}, {"name": "token", "valueFrom": {"secretKeyRef": {}}}]);
        for (metric, limit) in [
            (json!({"successCondition": "result[0] < {{args.limit}}"}), "result[0] < 0.05"),
            (json!({"failureCondition": "result[0] >= {{ args.limit }}"}), "fails if result[0] >= 0.05"),
            (json!({"successCondition": "a", "failureCondition": "b"}), "a, fails if b"),
            (json!({"successCondition": "{{args.token}}"}), "{{args.token}}"),
            (json!({"successCondition": 5}), ""),
        ] {
            assert_eq!(first(json!({"metrics": [metric], "args": args}), json!({})).limit, limit);
        }
    }

    #[test]
    fn a_metric_without_a_count_measures_once_or_for_ever() {
        for (metric, planned) in [
            (json!({"count": 3, "interval": "2s"}), Some(3)),
            (json!({"count": "5", "interval": "2s"}), Some(5)),
            (json!({"count": "{{args.n}}"}), Some(4)),
            (json!({}), Some(1)),
            (json!({"interval": "2s"}), None),
        ] {
            assert_eq!(first(json!({"metrics": [metric], "args": [{"name": "n", "value": "4"}]}), json!({})).planned, planned, "{metric}");
        }
    }

    #[test]
    fn only_the_last_measurements_are_kept_and_an_unanswered_one_says_why() {
        let many: Vec<Value> = (0..50).map(|n| json!({"phase": "Successful", "value": n.to_string()})).collect();
        let kept = first(json!({}), json!({"metricResults": [{"name": "a", "count": 50, "measurements": many}]}));
        assert_eq!((kept.measurements.len(), kept.measurements[0].value.as_str(), kept.taken), (20, "30", 50));
        let lost = first(json!({}), json!({"metricResults": [{"measurements": [{"phase": "Error", "message": "no such host"}]}]}));
        assert_eq!((lost.measurements[0].value.as_str(), lost.measurements[0].phase), ("no such host", AnalysisPhase::Error));
    }

    #[test]
    fn what_an_analysis_is_for_stands_in_its_labels_or_in_the_status() {
        let rollout = Custom {
            spec: json!({"strategy": {"canary": {"steps": [{"analysis": {}}, {"pause": {}}]}}}),
            status: json!({"currentStepIndex": 0, "canary": {"currentStepAnalysisRunStatus": {"name": "web-1-2"}}}),
            ..Default::default()
        };
        let facts = Facts::of(&rollout);
        let of = |labels: &[(&str, &str)]| {
            let mut run = run(json!({}), json!({}));
            run.metadata.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            role(&facts, &run)
        };
        assert_eq!(of(&[("rollout-type", "Step"), ("step-index", "7")]), AnalysisRole::Step(7));
        assert_eq!(of(&[("rollout-type", "Background")]), AnalysisRole::Background);
        assert_eq!(of(&[("rollout-type", "PrePromotion")]), AnalysisRole::PrePromotion);
        assert_eq!(of(&[]), AnalysisRole::Step(0), "the status names it");
        let mut stranger = run(json!({}), json!({}));
        stranger.metadata.name = "other".into();
        assert_eq!(role(&facts, &stranger), AnalysisRole::Other);
    }
}
