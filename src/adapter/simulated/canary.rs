//! A canary's steps: weights, pauses, analyses, with traffic routing (the stable set keeps its size until the candidate
//! has taken over, so an abort is instant).

use super::argo::{Argo, Look, cool};
use super::object::Deployment;
use super::pace::later;
use crate::domain::delivery::{AnalysisPhase, AnalysisRole, PauseKind};
use crate::domain::step::StepKind;

/// What a look of the controller does to a canary.
///
/// Held by hand neither sizes nor routing nor the index move, even where it was aborted or undone meanwhile, while timed
/// pauses and analyses run on (api-semantics 2.9).
pub fn look(deployment: &mut Deployment, argo: &mut Argo, look: &mut Look<'_>) {
    let last = argo.steps.len();
    if look.to_stable {
        if argo.index < last {
            argo.enter(last, look.now);
        }
        argo.full = false;
    } else if argo.aborted.is_none() {
        if argo.full && argo.index < last {
            argo.enter(last, look.now);
            argo.stop_runs();
        }
        background(argo, look);
        walk(argo, look);
    }
    if look.held {
        return;
    }
    route(argo, look);
    size(deployment, argo, look);
}

fn background(argo: &mut Argo, look: &mut Look<'_>) {
    if argo.background.is_some_and(|from| argo.index >= from) && argo.index < argo.steps.len() {
        look.verdict(argo, AnalysisRole::Background);
    }
}

/// Goes through the present step, as far as it is through.
fn walk(argo: &mut Argo, look: &mut Look<'_>) {
    let began = argo.times.get(argo.index).and_then(|time| time.0).unwrap_or(look.now);
    let Some(step) = argo.steps.get(argo.index).cloned() else { return };
    let through = match &step {
        StepKind::Weight(_) => {
            let wanted = portion(look.replicas, argo.asked());
            look.ready >= wanted && look.total == wanted && look.now >= later(began, look.pace.seconds(1.0))
        }
        StepKind::Pause(_) => match &argo.halt {
            Some(_) => argo.resumes().is_some_and(|at| look.now >= at),
            // Whoever takes the pause away while it is held has the controller forget that it was served.
            None if look.held => {
                argo.controller_pause = false;
                false
            }
            None if argo.controller_pause => true,
            None => {
                look.pause(argo, PauseKind::Step);
                false
            }
        },
        StepKind::Analysis(_) => match look.verdict(argo, AnalysisRole::Step(argo.index)) {
            AnalysisPhase::Inconclusive => {
                // Taken away without the index it comes back at once.
                if argo.halt.is_none() && !look.held {
                    look.pause(argo, PauseKind::InconclusiveAnalysis);
                }
                false
            }
            verdict => verdict == AnalysisPhase::Successful,
        },
        _ => true,
    };
    if through && !look.held {
        if matches!(step, StepKind::Weight(_)) && argo.observed != argo.asked() {
            look.tell(false, "TrafficWeightUpdated", &format!("Traffic weight updated from {} to {}", argo.observed, argo.asked()));
            argo.observed = argo.asked();
            argo.routed = Some(look.current.clone());
        }
        look.tell(
            false,
            "RolloutStepCompleted",
            &format!("Rollout step {}/{} completed ({})", argo.index + 1, argo.steps.len(), step.label()),
        );
        let next = argo.index + 1;
        argo.enter(next, look.now);
    }
}

/// The router follows: nothing to what is not the wished revision, all to the stable one after an abort.
fn route(argo: &mut Argo, look: &mut Look<'_>) {
    let other = argo.routed.as_ref().is_some_and(|routed| *routed != look.current);
    if (argo.aborted.is_some() || look.to_stable || other) && argo.observed > 0 {
        look.tell(false, "TrafficWeightUpdated", &format!("Traffic weight updated from {} to 0", argo.observed));
        argo.observed = 0;
    }
    if argo.observed == 0 {
        argo.routed = None;
    }
    if !look.to_stable && argo.aborted.is_none() && argo.index >= argo.steps.len() && look.whole() {
        argo.observed = 100;
        argo.routed = Some(look.current.clone());
    }
}

/// Sizes the sets, and makes the candidate the stable one once it has taken over.
fn size(deployment: &mut Deployment, argo: &mut Argo, look: &mut Look<'_>) {
    deployment.sized = look.replicas;
    let done = argo.observed == 100 && argo.routed.as_ref() == Some(&look.current);
    if done {
        let why = match (argo.full, argo.shortcut) {
            (true, _) => "Full promotion requested".to_owned(),
            (_, Some(_)) => "Rollback within window".to_owned(),
            _ => format!("Completed all {} canary steps", argo.steps.len()),
        };
        look.tell(false, "RolloutCompleted", &format!("Rollout completed update to revision {} ({}): {why}", look.number, look.hash));
        argo.full = false;
        argo.observed = 0;
        argo.routed = None;
        argo.stop_runs();
        deployment.stable = Some(look.current.clone());
    }
    let candidate = !look.to_stable && argo.aborted.is_none() && !done;
    let wanted = portion(look.replicas, argo.asked());
    for set in &mut deployment.sets {
        if Some(&set.id) == deployment.stable.as_ref() {
            set.wanted = look.replicas;
            set.cools = None;
        } else if set.id == look.current && candidate {
            set.wanted = wanted;
            set.cools = None;
        } else {
            cool(set, look);
        }
    }
}

/// Returns how many instances a weight asks for: at least one for any weight above 0.
pub fn portion(replicas: u32, weight: u32) -> u32 {
    (replicas * weight.min(100)).div_ceil(100)
}
