//! A canary's steps: weights, pauses, analysis, abort and the full promotion, with traffic routing (the stable set keeps
//! its size until the candidate has taken over, so an abort is instant).

use jiff::{SignedDuration, Timestamp};

use super::fault::Fate;
use super::object::{Deployment, Set};
use super::pace::{Pace, later};
use super::pod::{WARM, event};
use crate::domain::step::StepKind;

/// How long an analysis step measures.
const ANALYSIS: SignedDuration = SignedDuration::from_secs(60);

/// Goes one turn further. Returns whether anything moved that the sets' sizes do not show.
pub fn step(deployment: &mut Deployment, now: Timestamp, pace: &Pace) -> bool {
    if !deployment.observed() || deployment.held.is_some() {
        // Held: neither sizes nor routing move, even when it was aborted meanwhile. Timed pauses run on.
        return false;
    }
    deployment.sized = deployment.replicas;
    let replicas = deployment.replicas;
    let hash = deployment.current_hash().to_owned();
    let stable = deployment.stable.clone();
    let Some(current) = deployment.current() else { return false };
    let to_stable = Some(&current.id) == stable.as_ref();
    let (ready, total) = (current.ready(), current.total());
    let fated = current.pods.iter().find(|pod| pod.fate != Fate::Healthy).map(|pod| pod.fate);
    let restarted = deployment.canary.as_mut().is_some_and(|canary| canary.restart_at.is_some()) && evict(deployment, now, pace);
    let Some(canary) = &mut deployment.canary else { return false };
    let before = (canary.index, canary.pause, canary.aborted.is_some(), canary.asked, canary.observed);
    let last = canary.steps.len();
    let mut wanted = 0;
    let mut done = false;
    if to_stable || canary.aborted.is_some() {
        canary.asked = 0;
        canary.observed = 0;
        canary.pause = None;
        if to_stable && canary.index < last {
            canary.enter(last, now);
        }
        done = to_stable;
    } else {
        if canary.full {
            canary.enter(last, now);
        }
        if canary.cleared {
            let next = canary.index + 1;
            canary.enter(next, now);
        }
        let began = canary.times.get(canary.index).and_then(|time| time.0).unwrap_or(now);
        match canary.steps.get(canary.index) {
            None => {
                canary.asked = 100;
                wanted = replicas;
                if ready >= replicas && total == replicas {
                    canary.observed = 100;
                    done = true;
                }
            }
            Some(StepKind::Weight(share)) => {
                canary.asked = u32::from(share.permille()) / 10;
                wanted = portion(replicas, canary.asked);
                if ready >= wanted && total == wanted && now >= later(began, pace.seconds(1.0)) {
                    canary.observed = canary.asked;
                    let next = canary.index + 1;
                    canary.enter(next, now);
                }
            }
            Some(StepKind::Pause(duration)) => {
                let ends = duration.map(|duration| later(began, duration));
                canary.pause.get_or_insert(began);
                wanted = portion(replicas, canary.asked);
                if ends.is_some_and(|ends| now >= ends) {
                    let next = canary.index + 1;
                    canary.enter(next, now);
                }
            }
            Some(StepKind::Analysis(name)) => {
                wanted = portion(replicas, canary.asked);
                if now >= later(began, pace.scaled(ANALYSIS)) {
                    if fated.is_some() {
                        canary.aborted = Some(format!(
                            "Step-based analysis phase error/failed: Metric \"error-rate\" of {name} assessed Failed due to failed (2) > failureLimit (1)"
                        ));
                    } else {
                        let next = canary.index + 1;
                        canary.enter(next, now);
                    }
                }
            }
            Some(_) => {
                wanted = portion(replicas, canary.asked);
                let next = canary.index + 1;
                canary.enter(next, now);
            }
        }
    }
    let after = (canary.index, canary.pause, canary.aborted.is_some(), canary.asked, canary.observed);
    let aborted = canary.aborted.is_some();
    let asked = canary.asked;
    let moved = before != after || restarted;
    if done && !to_stable {
        if let Some(canary) = &mut deployment.canary {
            canary.full = false;
            canary.asked = 0;
            canary.observed = 0;
        }
        deployment.stable = deployment.current().map(|set| set.id.clone());
    }
    let stable = deployment.stable.clone();
    for set in &mut deployment.sets {
        let is_stable = Some(&set.id) == stable.as_ref();
        if is_stable {
            set.wanted = replicas;
            set.cools = None;
        } else if set.hash == hash && !aborted && !done {
            // A candidate that has users is never made smaller by a step; it goes by abort or takes over.
            set.wanted = wanted;
            set.cools = None;
        } else if set.wanted > 0 {
            let cools = *set.cools.get_or_insert_with(|| later(now, pace.scaled(WARM)));
            if now >= cools {
                set.wanted = 0;
                set.cools = None;
            }
        }
    }
    if before.3 != asked || before.2 != aborted {
        let about = format!("Rollout {}", deployment.name);
        let words =
            if aborted { "Rollout aborted, traffic weight 0 to canary".into() } else { format!("Traffic weight updated to {asked}") };
        let reason = if aborted { "RolloutAborted" } else { "TrafficWeightUpdated" };
        deployment.report(vec![event(now, aborted, reason, &about, &words, "rollouts-controller")]);
    }
    moved || done != to_stable
}

/// Returns how many instances a weight asks for: at least one for any weight above 0.
pub fn portion(replicas: u32, weight: u32) -> u32 {
    (replicas * weight.min(100)).div_ceil(100)
}

/// Stops one pod after another that is older than the restart asked for, each when all others are ready.
fn evict(deployment: &mut Deployment, now: Timestamp, pace: &Pace) -> bool {
    let Some(at) = deployment.canary.as_ref().and_then(|canary| canary.restart_at) else { return false };
    let whole = deployment.sets.iter().all(|set| set.ready() == set.wanted && set.total() == set.wanted);
    let old = |set: &Set| set.pods.iter().position(|pod| pod.live() && pod.instance.created.is_some_and(|created| created < at));
    // Which one goes needs no chance: the first.
    let mut rng = fastrand::Rng::with_seed(at.as_second() as u64);
    let found = deployment.sets.iter_mut().find_map(|set| old(set).and_then(|at| set.pods.get_mut(at)));
    match found {
        Some(pod) if whole => {
            pod.stop(now, &mut rng, pace);
            true
        }
        Some(_) => false,
        None => {
            if let Some(canary) = &mut deployment.canary {
                canary.restart_at = None;
            }
            true
        }
    }
}
