//! How the console sees what only a Rollout of Argo has: phase and words, steps, weights, pauses, analyses, roles' Services.

use jiff::Timestamp;

use super::analysis::Run;
use super::argo::{Argo, Switch, reason};
use super::object::{Deployment, Set};
use super::pace::later;
use crate::domain::delivery::{Analysis, AnalysisPhase, AnalysisRole, Delivery, Pause, PauseKind, RoleService};
use crate::domain::revision::Role;
use crate::domain::rollout::Phase;
use crate::domain::step::{Share, Step, StepKind, StepSource, Steps, Weight, WeightSource};

/// Returns what a progressive delivery tells beside what every rollout has.
pub fn delivery(deployment: &Deployment) -> Delivery {
    let Some(argo) = &deployment.argo else { return Delivery::default() };
    let current = deployment.current().map(|set| &set.id);
    let shown = |run: &&Run| !run.phase.over() || Some(&run.revision) == current;
    Delivery {
        rollback_gate: false,
        pause: argo.halt.as_ref().filter(|_| argo.aborted.is_none()).map(|halt| Pause {
            kind: halt.kind.clone(),
            since: Some(halt.since),
            until: argo.resumes(),
        }),
        aborted: argo.aborted.clone(),
        analyses: argo.runs.iter().rev().filter(shown).map(analysis).collect(),
        experiments: Vec::new(),
        services: services(deployment, argo),
        restart: argo.restart_at.filter(|at| Some(*at) != argo.restarted_at),
        unobserved_since: argo.pending,
        beat: None,
        window: argo.window,
        promoting_fully: argo.full,
    }
}

fn analysis(run: &Run) -> Analysis {
    Analysis {
        name: run.name.clone(),
        uid: run.uid.clone(),
        role: run.role.clone(),
        phase: run.phase,
        message: run.message.clone(),
        started: Some(run.started),
        ended: run.ended,
        metrics: run.metrics().cloned().collect(),
        revision: Some(run.revision.clone()),
        stopping: run.stopping && !run.phase.over(),
    }
}

/// The Services that the controller points at a role: of a canary both at the stable revision while nothing is under way.
fn services(deployment: &Deployment, argo: &Argo) -> Vec<RoleService> {
    let service = |suffix: &str, role, selects| RoleService { name: format!("{}{suffix}", deployment.name), role, selects };
    let current = deployment.current().map(|set| set.id.clone());
    if let Some(switch) = &argo.switch {
        return vec![service("-active", Role::Active, switch.active.clone()), service("-preview", Role::Preview, current)];
    }
    let wished = current.filter(|_| argo.aborted.is_none());
    let candidate = argo.routed.clone().or(wished).or_else(|| deployment.stable.clone());
    vec![service("-stable", Role::Stable, deployment.stable.clone()), service("-canary", Role::Canary, candidate)]
}

/// Argo's phase and message (api-semantics 2.5), in the unified words.
pub fn phase(deployment: &Deployment, troubled: bool) -> (Phase, String) {
    let Some(argo) = &deployment.argo else { return (Phase::Absent, String::new()) };
    if !deployment.observed() {
        return (Phase::Unobserved, "Progressing: waiting for rollout spec update to be observed".into());
    }
    if argo.unpausing() {
        return (Phase::Unobserved, "Progressing: waiting for rollout to unpause".into());
    }
    let (phase, native) = observed(deployment, argo, troubled);
    // An order that stands in the status and that the controller has not looked at: its words are of before.
    (if argo.pending.is_some() { Phase::Unobserved } else { phase }, native)
}

fn observed(deployment: &Deployment, argo: &Argo, troubled: bool) -> (Phase, String) {
    let current = deployment.current();
    if let Some(aborted) = &argo.aborted {
        let native = format!("Degraded: RolloutAborted: {}", aborted.why);
        let safe = argo.observed == 0 && argo.switch.as_ref().is_none_or(|switch| switch.active == deployment.stable);
        return (if safe { Phase::RolledBack } else { Phase::RollingBack }, native);
    }
    if deployment.exceeded {
        let id = current.map(|set| set.id.to_string()).unwrap_or_default();
        return (Phase::Failed, format!("Degraded: ProgressDeadlineExceeded: ReplicaSet \"{id}\" has timed out progressing."));
    }
    if deployment.held.is_some() {
        return (Phase::Waiting, "Paused: manually paused".into());
    }
    let moving = if troubled { Phase::Failing } else { Phase::Progressing };
    if let Some(halt) = &argo.halt {
        return (Phase::Waiting, format!("Paused: {}", reason(&halt.kind)));
    }
    if argo.restart_at != argo.restarted_at && argo.restart_at.is_some() {
        return (moving, "Progressing: rollout is restarting".into());
    }
    if deployment.complete() {
        return (Phase::Done, "Healthy".into());
    }
    let moving = if moving == Phase::Progressing && deployment.reverting && argo.shortcut.is_some() { Phase::RollingBack } else { moving };
    (moving, format!("Progressing: {}", waits(deployment, argo, current)))
}

fn waits(deployment: &Deployment, argo: &Argo, current: Option<&Set>) -> &'static str {
    let stable = current.map(|set| &set.id) == deployment.stable.as_ref();
    let (updated, ready) = current.map_or((0, 0), |set| (set.total(), set.ready()));
    let all = argo.switch.is_some() || argo.index >= argo.steps.len();
    if all && updated < deployment.replicas {
        return "more replicas need to be updated";
    }
    if ready < updated {
        return "updated replicas are still becoming available";
    }
    match &argo.switch {
        Some(switch) if switch.active.as_ref() != current.map(|set| &set.id) => "active service cutover pending",
        Some(_) if !stable && argo.runs.iter().any(|run| !run.phase.over()) => "waiting for analysis to complete",
        Some(_) if !stable => "waiting for post-promotion verification to complete",
        _ => "waiting for all steps to complete",
    }
}

/// Returns the candidate's share by every source that tells one; nothing where all users have the stable revision for good.
pub fn weights(deployment: &Deployment) -> Vec<Weight> {
    let Some(argo) = deployment.argo.as_ref().filter(|argo| argo.switch.is_none()) else { return Vec::new() };
    let candidate = deployment.current().filter(|set| Some(&set.id) != deployment.stable.as_ref());
    if candidate.is_none() && argo.observed == 0 {
        return Vec::new();
    }
    let asked = if candidate.is_some() { argo.asked() } else { 0 };
    vec![
        Weight { share: Share::percent(asked), source: WeightSource::Asked },
        Weight { share: Share::percent(argo.observed), source: WeightSource::Observed },
    ]
}

/// Returns the steps of a canary, or what stands for them in a blue/green rollout.
pub fn steps(deployment: &Deployment) -> Option<Steps> {
    let argo = deployment.argo.as_ref()?;
    if let Some(switch) = &argo.switch {
        return Some(rail(deployment, argo, switch));
    }
    let list =
        argo.steps.iter().zip(&argo.times).map(|(kind, (started, ended))| Step { kind: kind.clone(), started: *started, ended: *ended });
    Some(Steps { source: StepSource::Engine, list: list.collect(), current: Some(argo.index), resumes: argo.resumes() })
}

/// What the controller of a blue/green rollout does, in its order, with the place that the status tells.
fn rail(deployment: &Deployment, argo: &Argo, switch: &Switch) -> Steps {
    let analysis = || StepKind::Analysis("error-rate".into());
    let places = [
        Some(StepKind::Scale("preview up".into())),
        switch.pre.then(analysis),
        (!switch.auto).then_some(StepKind::Pause(None)),
        Some(StepKind::Switch),
        switch.post.then(analysis),
        Some(StepKind::Scale("scale down".into())),
    ];
    let current = deployment.current().map(|set| &set.id);
    let stable = current == deployment.stable.as_ref();
    let others = deployment.sets.iter().any(|set| Some(&set.id) != current && set.wanted > 0);
    let up = deployment.current().is_some_and(|set| set.ready() >= deployment.replicas);
    let passed = |role| current.and_then(|id| argo.run(&role, id)).is_some_and(|run| run.phase == AnalysisPhase::Successful);
    let at = if stable {
        if others { 5 } else { 6 }
    } else if switch.active.as_ref() == current {
        4
    } else if argo.aborted.is_some() || !up {
        0
    } else if argo.halt.as_ref().is_some_and(|halt| halt.kind == PauseKind::BlueGreen) {
        2
    } else if argo.controller_pause || argo.full || argo.shortcut.is_some() {
        3
    } else if switch.pre && !passed(AnalysisRole::PrePromotion) {
        1
    } else {
        2
    };
    // Where there is no such place, the next one that there is.
    let place = places.iter().take(at).filter(|place| place.is_some()).count();
    let list = places.into_iter().flatten().map(|kind| Step { kind, started: None, ended: None }).collect();
    Steps { source: StepSource::Engine, list, current: Some(place), resumes: None }
}

/// Returns when the controller will give up, if nothing moves; it does not while it waits for something else than instances.
pub fn deadline(deployment: &Deployment) -> Option<Timestamp> {
    let argo = deployment.argo.as_ref();
    let runs = deployment.started.is_some() && deployment.held.is_none();
    let waits =
        |argo: &Argo| argo.halt.is_some() || argo.aborted.is_some() || matches!(argo.steps.get(argo.index), Some(StepKind::Analysis(_)));
    (runs && !argo.is_some_and(waits)).then(|| later(deployment.progressed, deployment.deadline))
}
