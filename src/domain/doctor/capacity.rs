//! What keeps instances from being made or replaced though nothing is wrong with them: quota, admission, budgets.

use jiff::{SignedDuration, Timestamp};

use super::{Cause, Finding, noun};
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::rollout::Rollout;

/// Between two evictions a budget allows none for as long as the new instance starts.
const EVICTING: SignedDuration = SignedDuration::from_secs(10);

/// Quota and admission: no pod exists, so the status of the workload is all there is.
pub(super) fn quota(rollout: &Rollout) -> Option<Finding> {
    let refused = |reason: &str| matches!(reason, "FailedCreate" | "ReplicaSetCreateError");
    let (_, words) = rollout.conditions.iter().find(|(reason, _)| refused(reason))?;
    let candidate = rollout.newest();
    let (has, wanted) = candidate.map_or((0, 0), |revision| (revision.counts.total, revision.counts.wanted));
    let what = match words {
        words if words.contains("exceeded quota") => "the quota is exhausted",
        words if words.contains("must specify") => "the quota wants limits that the pods do not name",
        words if words.contains("admission webhook") => "an admission webhook refuses it",
        words if words.contains("PodSecurity") => "the pod security standard forbids it",
        _ => "the API server refuses it",
    };
    let who = candidate.map_or_else(|| "pods".into(), |revision| noun(rollout, revision, wanted));
    let sentence = format!("{has} of {wanted} {who} could be made: {what}");
    Some(Finding::of(Cause::Quota, sentence, words.as_str()))
}

/// A restart by eviction, as Argo's controller does it, that a PodDisruptionBudget does not let through. While one
/// instance is being replaced a budget rightly allows no other, so all that are new must be up.
pub(super) fn budget(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    let at = rollout.delivery.restart.filter(|at| now.duration_since(*at) >= EVICTING)?;
    let budget = rollout.budgets.iter().find(|budget| budget.allowed == 0)?;
    let older = |instance: &Instance| instance.created.is_none_or(|created| created.as_second() < at.as_second());
    let (old, new): (Vec<&Instance>, Vec<&Instance>) = rollout.instances.iter().map(AsRef::as_ref).partition(|instance| older(instance));
    let settled = |instance: &&Instance| {
        instance.state == InstanceState::Ready && instance.ready_since.is_none_or(|since| now.duration_since(since) >= EVICTING)
    };
    if old.is_empty() || old.iter().any(|instance| instance.state == InstanceState::Terminating) || !new.iter().all(settled) {
        return None;
    }
    let (left, all) = (old.len(), old.len() + new.len());
    let pods = if all == 1 { "pod" } else { "pods" };
    let sentence = format!(
        "{left} of {all} {pods} may not be evicted: budget {} allows {} of {} healthy",
        budget.name, budget.allowed, budget.healthy
    );
    Some(Finding::of(Cause::Budget, sentence, format!("budget {} wants {} healthy pods", budget.name, budget.desired)))
}
