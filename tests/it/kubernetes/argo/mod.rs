//! What Argo's real controller did, event by event, against its own status and plugin at the time (notes in the recordings).

mod analysis;
mod blue_green;
mod canary;
mod mutated;
mod status;
mod verbs;

use rolldeck::domain::plan::Target;
use rolldeck::domain::revision::{Revision, Role};
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::step::Step;

use super::walk::{Moment, walk};

/// Every recording of Argo's, with the Rollout's name.
const ALL: [(&str, &str); 26] = [
    ("bluegreen", "b-plain"),
    ("bluegreen-abort", "b-abort"),
    ("bluegreen-auto", "b-auto"),
    ("bluegreen-pre-fail", "b-pre"),
    ("bluegreen-pre-inconclusive", "b-inc"),
    ("canary-abort-retry", "c-abort"),
    ("canary-analysis-fail", "c-fail"),
    ("canary-analysis-inconclusive", "c-maybe"),
    ("canary-analysis-pass", "c-pass"),
    ("canary-analysis-skip", "c-skip"),
    ("canary-background", "c-back"),
    ("canary-bad-image", "c-bad"),
    ("canary-experiment", "c-exp"),
    ("canary-hold-promote", "c-hold3"),
    ("canary-manual-pause", "c-hold"),
    ("canary-manual-pause-promote", "c-hold2"),
    ("canary-race", "c-race"),
    ("canary-scale-restart", "c-size"),
    ("canary-steps", "c-steps"),
    ("canary-undo", "c-undo"),
    ("canary-weights", "c-traffic"),
    ("canary-window", "c-win"),
    ("guarded-bluegreen", "b-guard"),
    ("guarded-verbs", "c-guard"),
    ("invalid", "i-spec"),
    ("workload-ref", "w-ref"),
];

fn play(recording: &str) -> Vec<Moment> {
    let (_, name) = ALL.iter().find(|(known, _)| *known == recording).unwrap();
    walk(recording, Target::Rollout { name: (*name).into() })
}

/// `#2 1.1.0 canary 1/2` for each revision with instances or a role other than old.
fn shown(rollout: &Rollout) -> Vec<String> {
    let of_interest = rollout.revisions.iter().filter(|revision| revision.counts.total > 0 || !revision.roles.has(Role::Old));
    let words = |revision: &Revision| revision.roles.iter().map(Role::word).collect::<Vec<_>>().join("+");
    of_interest
        .map(|revision| format!("{} {} {}/{}", revision.label(), words(revision), revision.counts.ready, revision.counts.wanted))
        .collect()
}

/// `Asked 25 %`.
fn weights(rollout: &Rollout) -> Vec<String> {
    rollout.weights.iter().map(|weight| format!("{:?} {}", weight.source, weight.share)).collect()
}

/// The rail's labels, the step under way marked.
fn rail(rollout: &Rollout) -> String {
    let steps = rollout.steps.as_ref().unwrap();
    let mark = |(index, step): (usize, &Step)| {
        let label = step.kind.label();
        if steps.current == Some(index) { format!("[{label}]") } else { label }
    };
    steps.list.iter().enumerate().map(mark).collect::<Vec<_>>().join(" ")
}

/// The phases in their order, each named once in a row.
fn phases(moments: &[Moment]) -> Vec<Phase> {
    let mut phases: Vec<Phase> = moments.iter().filter_map(|moment| moment.now.as_ref()).map(|now| now.phase).collect();
    phases.dedup();
    phases
}

/// The first rollout of which this is so.
fn when(moments: &[Moment], so: impl Fn(&Rollout) -> bool) -> &Rollout {
    moments.iter().filter_map(|moment| moment.now.as_ref()).find(|now| so(now)).expect("a moment")
}
