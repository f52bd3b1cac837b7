//! A blue/green rollout: the new revision comes up in full beside the active one, waits, and takes all users at once; what
//! they had stays warm for a while, and within that an undo switches back at once (api-semantics 2.9).

use super::argo::{Argo, Look, cool};
use super::object::Deployment;
use crate::domain::delivery::{AnalysisPhase, AnalysisRole, PauseKind, Shortcut};

/// What a look of the controller does to a blue/green rollout. Held by hand nothing is sized and nothing switched.
pub fn look(deployment: &mut Deployment, argo: &mut Argo, look: &mut Look<'_>) {
    let Some(mut switch) = argo.switch.clone() else { return };
    let switched = switch.active.as_ref() == Some(&look.current);
    let ready_to_switch = argo.aborted.is_none() && !switched && look.whole() && goes(argo, look, switch.pre, switch.auto);
    if look.held {
        return;
    }
    let target = if argo.aborted.is_some() || look.to_stable { deployment.stable.clone() } else { Some(look.current.clone()) };
    let back = target.is_some() && target == deployment.stable;
    if switch.active != target && (ready_to_switch || back && look_ready(deployment)) {
        look.tell(false, "SwitchService", &format!("Switched selector for service to '{}'", look.hash));
        switch.active.clone_from(&target);
        argo.halt = None;
        argo.controller_pause = false;
    }
    let now_active = switch.active.as_ref() == Some(&look.current);
    if now_active && !look.to_stable && argo.aborted.is_none() {
        let skips = argo.full || argo.shortcut.is_some() || !switch.post;
        if skips || look.verdict(argo, AnalysisRole::PostPromotion) == AnalysisPhase::Successful {
            let why = match (argo.full, argo.shortcut) {
                (true, _) => "Full promotion requested",
                (_, Some(Shortcut::Warm)) => "Fast rollback",
                (_, Some(_)) => "Rollback within window",
                _ => "Completed blue-green update",
            };
            look.tell(false, "RolloutCompleted", &format!("Rollout completed update to revision {} ({}): {why}", look.number, look.hash));
            argo.full = false;
            argo.stop_runs();
            deployment.stable = Some(look.current.clone());
        }
    }
    if look.to_stable {
        argo.full = false;
    }
    deployment.sized = look.replicas;
    for set in &mut deployment.sets {
        let serves = Some(&set.id) == switch.active.as_ref() || Some(&set.id) == deployment.stable.as_ref() && !now_active;
        if serves || set.id == look.current && argo.aborted.is_none() {
            set.wanted = look.replicas;
            set.cools = None;
        } else {
            cool(set, look);
        }
    }
    argo.switch = Some(switch);
}

/// Returns whether nothing stands before the switch any more: the analysis, then the pause.
fn goes(argo: &mut Argo, look: &mut Look<'_>, pre: bool, auto: bool) -> bool {
    if argo.full || argo.shortcut.is_some() {
        return true;
    }
    if pre {
        match look.verdict(argo, AnalysisRole::PrePromotion) {
            AnalysisPhase::Successful => {}
            AnalysisPhase::Inconclusive => {
                // Whoever takes this pause away gets it back at once: only a full promotion, an abort or another template
                // leaves it.
                if argo.halt.is_none() && !look.held {
                    look.pause(argo, PauseKind::InconclusiveAnalysis);
                }
                return false;
            }
            _ => return false,
        }
    }
    if auto {
        return true;
    }
    match &argo.halt {
        Some(_) => false,
        None if look.held => {
            argo.controller_pause = false;
            false
        }
        None if argo.controller_pause => true,
        None => {
            look.pause(argo, PauseKind::BlueGreen);
            false
        }
    }
}

/// Returns whether the stable revision can take the users back.
fn look_ready(deployment: &Deployment) -> bool {
    deployment.stable_set().is_some_and(|set| set.ready() > 0)
}
