//! An Argo Rollout as a rollout (api-semantics 2): what its plugin says of it, and what users have.

mod analysis;
mod experiment;
mod facts;
mod phase;
mod rail;
mod revisions;
mod steps;
mod times;
mod weights;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::deployment::{failing, serving, version_container};
use super::{changed, object_ref, owner};
use crate::adapter::kubernetes::objects::custom::{Custom, number, text, time, truth};
use crate::adapter::kubernetes::record::ReplicaSet;
use crate::domain::delivery::{Aborted, Analysis, Delivery, Metric, Pause, PauseKind, RoleService, Steering};
use crate::domain::event::Event;
use crate::domain::id::{RevisionId, Uid};
use crate::domain::instance::Instance;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::plan::Workload;
use crate::domain::revision::{Counts, Role};
use crate::domain::rollout::{Held, Phase, Rollout, Strategy};
use crate::domain::step::{StepKind, Steps};
use crate::domain::verb::{Capabilities, Verb};
use facts::Facts;
use phase::Sides;

const VERBS: [Verb; 11] = [
    Verb::Ship,
    Verb::Advance,
    Verb::Finish,
    Verb::Hold,
    Verb::Resume,
    Verb::Abort,
    Verb::Retry,
    Verb::RollBack,
    Verb::Restart,
    Verb::Scale,
    Verb::Terminate,
];

/// The controller's own default.
const DEADLINE_SECONDS: u64 = 600;

/// A Rollout with all that belongs to it.
#[derive(Debug)]
pub struct Owned<'a> {
    pub rollout: &'a Custom,
    pub sets: Vec<&'a ReplicaSet>,
    /// The pods of a ReplicaSet, by its place in `sets`.
    pub pods: Vec<Vec<Arc<Instance>>>,
    /// Of the Rollout and of its experiments.
    pub analyses: Vec<&'a Custom>,
    pub experiments: Vec<&'a Custom>,
    pub events: Vec<&'a Event>,
}

/// Returns the rollout.
pub fn rollout(owned: Owned<'_>, workload: &Workload) -> Rollout {
    let Owned { rollout: object, sets, mut pods, analyses, experiments, events } = owned;
    let facts = Facts::of(object);
    let words = phase::words(&facts);
    let named = |hash: &str| sets.iter().find(|set| !hash.is_empty() && set.hash == hash).map(|set| RevisionId::new(set.name.as_str()));

    let order = revisions::order(&facts, &sets);
    let mut instances = Vec::with_capacity(pods.iter().map(Vec::len).sum());
    for &index in &order {
        if let Some(list) = pods.get_mut(index) {
            list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            instances.append(list);
        }
    }
    let revisions: Vec<_> = order
        .iter()
        .filter_map(|&index| sets.get(index))
        .map(|set| revisions::revision(&facts, set, &sets, workload, analysis::condemned(&analyses, &set.hash), &events))
        .collect();
    let counts = counts(&facts, &sets);
    let analyses = analysis::read(&facts, &analyses, named);
    let started = started(&facts, &sets);
    // The verdict of a former try is none on this one.
    let judges = |analysis: &&Analysis| analysis.revision == named(facts.current) && analysis.started >= started;
    let sides = sides(&facts, &sets, &instances, analyses.iter().filter(judges).any(speaks_against));
    let phase = phase::phase(&facts, &words, sides);

    let comes_in = sets.iter().find(|set| set.hash == facts.current && facts.current != facts.stable).map(|set| set.counts);
    let others = sets.iter().any(|set| set.hash != facts.current && revisions::live(set));
    let mut steps = if facts.blue_green { Some(rail::read(&facts, comes_in, others)) } else { steps::read(&facts) };
    let pause = pause(&facts, steps.as_ref());
    if let Some(steps) = &mut steps {
        steps.resumes = pause.as_ref().and_then(|pause| pause.until);
        let paused = pause.as_ref().and_then(|pause| pause.since);
        // One that was given up stands at the first step and walks none.
        if !facts.aborted() {
            times::write(steps, &times::Known { started, paused, analyses: &analyses, events: &events });
        }
    }
    let available = sets.iter().fold(0_u32, |sum, set| sum.saturating_add(set.counts.available));
    let updated = sets.iter().find(|set| set.hash == facts.current).map_or(0, |set| set.counts.total);

    Rollout {
        id: workload.id.clone(),
        kind: "rollout".into(),
        strategy: if facts.blue_green { Strategy::BlueGreen } else { Strategy::Canary },
        objects: objects(&facts),
        phase,
        native: words.line(),
        serving: serving(counts.ready, counts.wanted),
        held: facts.held().then(|| held(&facts)),
        counts,
        updated,
        weights: weights::read(&facts, comes_in, available),
        steps,
        container: revisions.first().and_then(|revision| version_container(revision, workload)),
        revisions,
        instances,
        events: Vec::new(),
        conditions: complaints(&facts),
        routing: None,
        started: started.filter(|_| phase.under_way()),
        deadline: deadline(&facts, phase),
        owner: owner::detect(facts.meta),
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Steps,
        delivery: Delivery {
            rollback_gate: false,
            pause,
            aborted: facts.aborted().then(|| aborted(&facts, &words.message)),
            analyses,
            experiments: experiment::read(&facts, &experiments),
            services: services(&facts, named),
            restart: facts.restart(),
            unobserved_since: None,
            beat: None,
            window: number(facts.spec, "/rollbackWindow/revisions").and_then(|revisions| u32::try_from(revisions).ok()),
            promoting_fully: truth(facts.status, "/promoteFull") && facts.current != facts.stable,
        },
        changed: changed(facts.meta),
        capabilities: Capabilities::offering(&VERBS),
    }
}

/// An analysis that has failed, or has measured what it does not take, while the controller has not acted on it.
fn speaks_against(analysis: &Analysis) -> bool {
    let measures = |metric: &Metric| !metric.dry_run && (metric.failed > 0 || metric.errors > 0);
    analysis.phase.bad() || (!analysis.phase.over() && analysis.metrics.iter().any(measures))
}

fn objects(facts: &Facts<'_>) -> Vec<ObjectRef> {
    let mut objects = vec![object_ref(Part::Workload, "Rollout", facts.meta)];
    if phase::referenced(facts) {
        let generation = facts.meta.annotation("rollout.argoproj.io/workload-generation").unwrap_or("unknown");
        objects.push(ObjectRef {
            part: Part::Template,
            kind: text(facts.spec, "/workloadRef/kind").to_owned(),
            namespace: facts.meta.namespace.clone(),
            name: text(facts.spec, "/workloadRef/name").to_owned(),
            // Not watched: whoever writes to it reads it first.
            uid: Uid::new(""),
            version: format!("generation {generation}"),
        });
    }
    objects
}

/// Over all revisions; of a blue/green rollout those that users get, as the idle side is another whole.
fn counts(facts: &Facts<'_>, sets: &[&ReplicaSet]) -> Counts {
    let active = facts.active();
    let counted = sets.iter().filter(|set| !facts.blue_green || active.is_empty() || set.hash == active);
    counted.fold(Counts { wanted: facts.wanted(), ..Counts::default() }, |sum, set| Counts {
        wanted: sum.wanted,
        total: sum.total.saturating_add(set.counts.total),
        ready: sum.ready.saturating_add(set.counts.ready),
        available: sum.available.saturating_add(set.counts.available),
    })
}

fn sides(facts: &Facts<'_>, sets: &[&ReplicaSet], instances: &[Arc<Instance>], accused: bool) -> Sides {
    let stable = sets.iter().find(|set| set.hash == facts.stable && !set.hash.is_empty());
    let whole = stable.is_some_and(|stable| stable.counts.available >= facts.wanted());
    let others = || sets.iter().filter(|set| set.hash != facts.stable);
    let gone = if facts.blue_green {
        facts.active() == facts.stable
    } else {
        match facts.weight().filter(|_| facts.routed()) {
            Some(weight) => weight == 0,
            None => others().all(|set| set.counts.total == 0),
        }
    };
    // `FastRolledBack` is younger than the rest of the status; before it, the renumbered stable set tells.
    let undone =
        text(facts.status, "/duration/completionStatus") == "FastRolledBack" && time(facts.status, "/duration/finishedAt").is_none();
    let came_back = stable.is_some_and(|stable| !stable.former.is_empty()) && others().any(|set| set.counts.total > 0);
    let newest = sets.iter().find(|set| set.hash == facts.current);
    let refused = facts.condition("ReplicaFailure").is_some_and(|condition| condition.status == "True");
    Sides {
        safe: whole && gone,
        returning: facts.current == facts.stable && facts.restart().is_none() && (undone || came_back),
        troubled: refused || accused || newest.is_some_and(|set| failing(instances, &RevisionId::new(set.name.as_str()))),
    }
}

fn pause(facts: &Facts<'_>, steps: Option<&Steps>) -> Option<Pause> {
    let (reason, since) = facts.pauses().next()?;
    let lasts = match reason {
        "CanaryPauseStep" => steps.and_then(Steps::now).map(|step| step.kind.clone()),
        "BlueGreenPause" => rail::pause(facts),
        _ => None,
    };
    let lasts = lasts.and_then(|kind| if let StepKind::Pause(time) = kind { time } else { None });
    Some(Pause {
        kind: match reason {
            "CanaryPauseStep" => PauseKind::Step,
            "BlueGreenPause" => PauseKind::BlueGreen,
            "InconclusiveAnalysisRun" => PauseKind::InconclusiveAnalysis,
            "InconclusiveExperiment" => PauseKind::InconclusiveExperiment,
            other => PauseKind::Gate(other.to_owned()),
        },
        since,
        until: since.zip(lasts).and_then(|(since, lasts)| since.checked_add(lasts).ok()),
    })
}

fn aborted(facts: &Facts<'_>, message: &str) -> Aborted {
    let told = facts.conditions.iter().find(|condition| condition.reason.as_deref() == Some("RolloutAborted"));
    let why = told.and_then(|condition| condition.message.clone());
    Aborted {
        at: time(facts.status, "/abortedAt"),
        // Until the controller has seen it, the message is that of what went before.
        why: why.unwrap_or_else(|| message.strip_prefix("RolloutAborted: ").unwrap_or_default().to_owned()),
    }
}

/// Who holds it: the manager of `spec.paused`. The condition is of any pause, so it dates this one only where there is no other.
fn held(facts: &Facts<'_>) -> Held {
    let mut held = super::held(facts.meta, &[]);
    if facts.pauses().next().is_none()
        && let Some(seen) = facts.condition("Paused").filter(|condition| condition.status == "True")
    {
        held.since = seen.last_transition_time.or(held.since);
    }
    held
}

/// Since when what is wished now is brought in.
fn started(facts: &Facts<'_>, sets: &[&ReplicaSet]) -> Option<Timestamp> {
    let newest = sets.iter().find(|set| set.hash == facts.current && set.former.is_empty()).and_then(|set| set.created);
    // Younger controllers say it; a retry begins anew.
    time(facts.status, "/duration/rolloutStartedAt").or_else(|| newest.max(changed(facts.meta).map(|(_, at)| at)))
}

/// When the controller gives up, if nothing moves; its time stands still while it waits for a person.
fn deadline(facts: &Facts<'_>, phase: Phase) -> Option<Timestamp> {
    if facts.held() || facts.pauses().next().is_some() || !matches!(phase, Phase::Progressing | Phase::Failing) {
        return None;
    }
    let seconds = number(facts.spec, "/progressDeadlineSeconds").unwrap_or(DEADLINE_SECONDS);
    let since = facts.condition("Progressing").filter(|condition| condition.status == "True")?.last_update_time?;
    since.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

/// The conditions that say something is wrong.
fn complaints(facts: &Facts<'_>) -> Vec<(String, String)> {
    [("InvalidSpec", "True"), ("ReplicaFailure", "True"), ("Progressing", "False"), ("Available", "False")]
        .into_iter()
        .filter_map(|(name, bad)| facts.condition(name).filter(|condition| condition.status == bad))
        .map(|condition| (condition.reason.clone().unwrap_or_default(), condition.message.clone().unwrap_or_default()))
        .collect()
}

/// The Services that the controller points at a role, and what it says that they select.
fn services(facts: &Facts<'_>, named: impl Fn(&str) -> Option<RevisionId>) -> Vec<RoleService> {
    let spec = facts.strategy();
    let mut services = Vec::new();
    let mut add = |name: &str, role: Role, hash: &str| {
        if !name.is_empty() {
            services.push(RoleService { name: name.to_owned(), role, selects: named(hash) });
        }
    };
    if facts.blue_green {
        add(text(spec, "/activeService"), Role::Active, facts.active());
        add(text(spec, "/previewService"), Role::Preview, text(facts.status, "/blueGreen/previewSelector"));
        return services;
    }
    let (mut stable, mut canary) = (text(spec, "/stableService"), text(spec, "/canaryService"));
    if spec.get("pingPong").is_some_and(Value::is_object) {
        // They change places with every release; the status says which is which.
        let (ping, pong) = (text(spec, "/pingPong/pingService"), text(spec, "/pingPong/pongService"));
        (stable, canary) = if text(facts.status, "/canary/stablePingPong") == "pong" { (pong, ping) } else { (ping, pong) };
    }
    let routed = |side: &str, otherwise: &'static str| {
        let hash = text(facts.status, &format!("/canary/weights/{side}/podTemplateHash"));
        if hash.is_empty() { text(facts.status, otherwise) } else { hash }
    };
    add(stable, Role::Stable, routed("stable", "/stableRS"));
    add(canary, Role::Canary, routed("canary", "/currentPodHash"));
    services
}
