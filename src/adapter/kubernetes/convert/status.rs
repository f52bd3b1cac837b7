//! `kubectl rollout status`, to the letter: api-semantics 1.1, read in kubectl's `polymorphichelpers/rollout_status.go`.

use crate::adapter::kubernetes::objects::{Condition, DaemonSet, Deployment, StatefulSet};

/// What kubectl concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Unobserved,
    Waiting,
    Done,
    Failed,
}

/// The sentence that kubectl prints, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub verdict: Verdict,
    pub text: String,
}

fn status(verdict: Verdict, text: String) -> Status {
    Status { verdict, text }
}

/// Returns a condition by its type.
pub fn condition<'a>(conditions: &'a [Condition], name: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.r#type == name)
}

/// Returns the Progressing condition's reason.
pub fn progress(deployment: &Deployment) -> Option<&str> {
    condition(&deployment.status.conditions, "Progressing")?.reason.as_deref()
}

/// The status of a Deployment. Paused plays no part in it.
pub fn deployment(deployment: &Deployment) -> Status {
    let name = &deployment.metadata.name;
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let now = &deployment.status;
    let (updated, available, total) = (now.updated_replicas, now.available_replicas, now.replicas);
    let waiting = |rest: String| status(Verdict::Waiting, format!("Waiting for deployment \"{name}\" rollout to finish: {rest}..."));
    if deployment.metadata.generation > now.observed_generation {
        return status(Verdict::Unobserved, "Waiting for deployment spec update to be observed...".into());
    }
    if progress(deployment) == Some("ProgressDeadlineExceeded") {
        return status(Verdict::Failed, format!("deployment \"{name}\" exceeded its progress deadline"));
    }
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
    }
    if total > updated {
        return waiting(format!("{} old replicas are pending termination", total - updated));
    }
    if available < updated {
        return waiting(format!("{available} of {updated} updated replicas are available"));
    }
    status(Verdict::Done, format!("deployment \"{name}\" successfully rolled out"))
}

/// What kubectl says where pods change only when they are deleted.
const ROLLING_ONLY: &str = "rollout status is only available for RollingUpdate strategy type";

/// The status of a StatefulSet.
pub fn stateful_set(set: &StatefulSet) -> Status {
    let now = &set.status;
    let wanted = set.spec.replicas.unwrap_or(1);
    let observed = now.observed_generation != 0 && set.metadata.generation <= now.observed_generation;
    if set.spec.update_strategy.r#type.as_deref() == Some("OnDelete") {
        let done = observed && now.ready_replicas >= wanted && now.updated_replicas >= wanted;
        return status(
            if !observed {
                Verdict::Unobserved
            } else if done {
                Verdict::Done
            } else {
                Verdict::Waiting
            },
            ROLLING_ONLY.into(),
        );
    }
    if !observed {
        return status(Verdict::Unobserved, "Waiting for statefulset spec update to be observed...".into());
    }
    if now.ready_replicas < wanted {
        return status(Verdict::Waiting, format!("Waiting for {} pods to be ready...", wanted - now.ready_replicas));
    }
    if let Some(rolling) = &set.spec.update_strategy.rolling_update {
        if let Some(partition) = rolling.partition {
            let due = wanted - partition;
            if now.updated_replicas < due {
                let text = format!(
                    "Waiting for partitioned roll out to finish: {} out of {due} new pods have been updated...",
                    now.updated_replicas
                );
                return status(Verdict::Waiting, text);
            }
        }
        return status(Verdict::Done, format!("partitioned roll out complete: {} new pods have been updated...", now.updated_replicas));
    }
    if now.update_revision != now.current_revision {
        let text = format!(
            "waiting for statefulset rolling update to complete {} pods at revision {}...",
            now.updated_replicas, now.update_revision
        );
        return status(Verdict::Waiting, text);
    }
    status(
        Verdict::Done,
        format!("statefulset rolling update complete {} pods at revision {}...", now.current_replicas, now.current_revision),
    )
}

/// The status of a DaemonSet.
pub fn daemon_set(set: &DaemonSet) -> Status {
    let (name, now) = (&set.metadata.name, &set.status);
    let (wanted, updated, available) = (now.desired_number_scheduled, now.updated_number_scheduled, now.number_available);
    let observed = set.metadata.generation <= now.observed_generation;
    if set.spec.update_strategy.r#type.as_deref() == Some("OnDelete") {
        let done = observed && updated >= wanted && available >= wanted;
        return status(
            if !observed {
                Verdict::Unobserved
            } else if done {
                Verdict::Done
            } else {
                Verdict::Waiting
            },
            ROLLING_ONLY.into(),
        );
    }
    if !observed {
        return status(Verdict::Unobserved, "Waiting for daemon set spec update to be observed...".into());
    }
    let waiting = |rest: String| status(Verdict::Waiting, format!("Waiting for daemon set \"{name}\" rollout to finish: {rest}..."));
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new pods have been updated"));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods are available"));
    }
    status(Verdict::Done, format!("daemon set \"{name}\" successfully rolled out"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deploy(generation: i64, observed: i64, numbers: [i64; 4], reason: &str) -> Deployment {
        let [wanted, updated, available, total] = numbers;
        serde_json::from_value(json!({
            "metadata": {"name": "web", "generation": generation},
            "spec": {"replicas": wanted},
            "status": {"observedGeneration": observed, "updatedReplicas": updated, "availableReplicas": available, "replicas": total,
                       "conditions": [{"type": "Progressing", "status": "True", "reason": reason}]}
        }))
        .unwrap()
    }

    #[test]
    fn a_deployment_is_judged_in_kubectls_order() {
        for (generation, observed, numbers, reason, text) in [
            (2, 1, [4, 0, 0, 0], "", "Waiting for deployment spec update to be observed..."),
            (2, 2, [4, 1, 4, 5], "ProgressDeadlineExceeded", "deployment \"web\" exceeded its progress deadline"),
            (2, 2, [4, 2, 4, 5], "", "Waiting for deployment \"web\" rollout to finish: 2 out of 4 new replicas have been updated..."),
            (2, 2, [4, 4, 4, 5], "", "Waiting for deployment \"web\" rollout to finish: 1 old replicas are pending termination..."),
            (2, 2, [4, 4, 3, 4], "", "Waiting for deployment \"web\" rollout to finish: 3 of 4 updated replicas are available..."),
            (2, 2, [4, 4, 4, 4], "", "deployment \"web\" successfully rolled out"),
        ] {
            assert_eq!(super::deployment(&deploy(generation, observed, numbers, reason)).text, text);
        }
    }

    #[test]
    fn an_on_delete_set_has_kubectls_sentence_and_a_verdict_of_its_own() {
        let set: DaemonSet = serde_json::from_value(json!({
            "metadata": {"name": "agent", "generation": 2}, "spec": {"updateStrategy": {"type": "OnDelete"}},
            "status": {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 1, "numberAvailable": 3}
        }))
        .unwrap();
        assert_eq!(daemon_set(&set), Status { verdict: Verdict::Waiting, text: ROLLING_ONLY.into() });
    }
}
