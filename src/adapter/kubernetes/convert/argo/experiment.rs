//! Experiments: short-lived sets of instances that a step runs side by side (api-semantics 2.7).

use super::analysis::hash;
use super::facts::{Facts, duration};
use crate::adapter::kubernetes::objects::custom::{Custom, list, number, text, time};
use crate::domain::delivery::{AnalysisPhase, Experiment, ExperimentTemplate};
use crate::domain::id::Uid;

/// Returns the experiments of a Rollout, newest first: what is wished now, and what still runs.
pub fn read(facts: &Facts<'_>, objects: &[&Custom]) -> Vec<Experiment> {
    let mut read: Vec<(&Custom, Experiment)> = objects
        .iter()
        .map(|object| (*object, experiment(object)))
        .filter(|(object, experiment)| hash(object) == facts.current || !experiment.phase.over())
        .collect();
    read.sort_by(|(a, _), (b, _)| {
        b.metadata.creation_timestamp.cmp(&a.metadata.creation_timestamp).then_with(|| b.metadata.name.cmp(&a.metadata.name))
    });
    read.into_iter().map(|(_, experiment)| experiment).collect()
}

fn experiment(object: &Custom) -> Experiment {
    let templates = list(&object.status, "/templateStatuses").iter().map(|told| {
        let count = |pointer: &str| number(told, pointer).map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX));
        ExperimentTemplate {
            name: text(told, "/name").to_owned(),
            status: text(told, "/status").to_owned(),
            replicas: count("/replicas"),
            available: count("/availableReplicas"),
            message: text(told, "/message").to_owned(),
        }
    });
    Experiment {
        name: object.metadata.name.clone(),
        uid: Uid::new(object.metadata.uid.as_str()),
        phase: AnalysisPhase::of(object.told("/phase")),
        message: object.told("/message").to_owned(),
        // Its time runs from when all its instances were there.
        started: time(&object.status, "/availableAt").or(object.metadata.creation_timestamp),
        lasts: object.spec.get("duration").and_then(duration),
        templates: templates.collect(),
    }
}
