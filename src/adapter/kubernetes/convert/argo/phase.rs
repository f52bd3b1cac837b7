//! Where a Rollout stands: the words of Argo's own plugin to the letter (api-semantics 2.5), and what they mean.

use super::facts::Facts;
use crate::adapter::kubernetes::objects::custom::{list, number, text, truth};
use crate::domain::rollout::Phase;

/// Argo's phase and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub word: String,
    pub message: String,
    /// The controller has not seen the last wish.
    pub unseen: bool,
}

impl Words {
    /// Returns them as one: `Paused: CanaryPauseStep`.
    pub fn line(&self) -> String {
        if self.message.is_empty() { self.word.clone() } else { format!("{}: {}", self.word, self.message) }
    }
}

/// Returns what Argo's plugin would say: the first rule of 2.5 that matches.
pub fn words(facts: &Facts<'_>) -> Words {
    let said = |word: &str, message: String| Words { word: word.to_owned(), message, unseen: false };
    let unseen = |message: &str| Words { word: "Progressing".into(), message: message.to_owned(), unseen: true };
    let Facts { meta, status, .. } = facts;
    // Text, and not always a number: ages ago it was a hash.
    let observed = text(status, "/observedGeneration").parse::<i64>().ok().or_else(|| status.get("observedGeneration")?.as_i64());
    if observed.is_some_and(|observed| observed < meta.generation) {
        return unseen("waiting for rollout spec update to be observed");
    }
    if truth(status, "/controllerPause") && list(status, "/pauseConditions").is_empty() {
        return unseen("waiting for rollout to unpause");
    }
    let elsewhere = meta.annotation("rollout.argoproj.io/workload-generation").and_then(|number| number.parse::<u64>().ok());
    let seen = number(status, "/workloadObservedGeneration");
    if referenced(facts) && elsewhere.zip(seen).is_some_and(|(elsewhere, seen)| elsewhere != seen) {
        return unseen("waiting for rollout spec update to be observed for the reference workload");
    }
    let phase = text(status, "/phase");
    if !phase.is_empty() {
        return said(phase, text(status, "/message").to_owned());
    }
    let (word, message) = computed(facts);
    said(word, message)
}

/// Returns whether the template lives in another object.
pub fn referenced(facts: &Facts<'_>) -> bool {
    facts.spec.get("workloadRef").is_some_and(serde_json::Value::is_object)
}

/// What a controller before 1.0, or one that has not looked yet, leaves to be computed: rules 5 to 11.
fn computed(facts: &Facts<'_>) -> (&'static str, String) {
    let status = facts.status;
    if let Some(invalid) = facts.condition("InvalidSpec") {
        return ("Degraded", format!("InvalidSpec: {}", invalid.message.as_deref().unwrap_or_default()));
    }
    for condition in &facts.conditions {
        let reason = condition.reason.as_deref().unwrap_or_default();
        if matches!(reason, "RolloutAborted" | "ProgressDeadlineExceeded") {
            return ("Degraded", format!("{reason}: {}", condition.message.as_deref().unwrap_or_default()));
        }
    }
    if facts.held() {
        return ("Paused", "manually paused".into());
    }
    if let Some((reason, _)) = facts.pauses().next() {
        return ("Paused", reason.to_owned());
    }
    let progressing = |message: &str| ("Progressing", message.to_owned());
    if facts.restart().is_some() {
        return progressing("rollout is restarting");
    }
    let count = |pointer| number(status, pointer).unwrap_or(0);
    let updated = count("/updatedReplicas");
    if updated < u64::from(facts.wanted()) {
        return progressing("more replicas need to be updated");
    }
    if count("/availableReplicas") < updated {
        return progressing("updated replicas are still becoming available");
    }
    let promoted = facts.stable == facts.current;
    if facts.blue_green {
        if facts.active() != facts.current {
            return progressing("active service cutover pending");
        }
        if !promoted {
            let post = text(status, "/blueGreen/postPromotionAnalysisRunStatus/status");
            let measures =
                status.pointer("/blueGreen/postPromotionAnalysisRunStatus").is_some() && matches!(post, "" | "Pending" | "Running");
            return progressing(if measures {
                "waiting for analysis to complete"
            } else {
                "waiting for post-promotion verification to complete"
            });
        }
    } else {
        if !facts.routed() && count("/replicas") > updated {
            return progressing("old replicas are pending termination");
        }
        if !promoted {
            return progressing("waiting for all steps to complete");
        }
    }
    ("Healthy", String::new())
}

/// What the instances say beside the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// The stable side is whole, and nothing else has users.
    pub safe: bool,
    /// What is wished is the stable revision, and another one is on its way out before it was promoted.
    pub returning: bool,
    /// Something of what comes in keeps failing.
    pub troubled: bool,
}

/// Returns where it stands.
pub fn phase(facts: &Facts<'_>, words: &Words, sides: Sides) -> Phase {
    if words.unseen || ordered(facts, words) || facts.status.as_object().is_none_or(serde_json::Map::is_empty) {
        return Phase::Unobserved;
    }
    let gave_up = words.message.starts_with("RolloutAborted");
    match words.word.as_str() {
        "Degraded" if words.message.starts_with("InvalidSpec") => Phase::Failed,
        "Degraded" if facts.aborted() && sides.safe => Phase::RolledBack,
        "Degraded" if facts.aborted() && gave_up => Phase::RollingBack,
        "Degraded" => Phase::Failed,
        "Progressing" | "Paused" if sides.returning => Phase::RollingBack,
        "Paused" => Phase::Waiting,
        // Healthy with a message, or of a template that is not the stable one, is a moment between two looks (2.9).
        "Healthy" if words.message.is_empty() && facts.current == facts.stable => Phase::Done,
        _ if sides.troubled => Phase::Failing,
        _ => Phase::Progressing,
    }
}

/// Returns whether an order stands in the status that the controller has not looked at: the generation does not tell.
fn ordered(facts: &Facts<'_>, words: &Words) -> bool {
    let abort = facts.aborted() && words.word != "Degraded";
    // A retry leaves `abort: false` and the time; a controller that has seen it goes on to another message.
    let retry = facts.status.get("abort").is_some_and(|abort| abort == false)
        && facts.status.get("abortedAt").is_some_and(serde_json::Value::is_string)
        && words.message.starts_with("RolloutAborted");
    let finish = truth(facts.status, "/promoteFull") && facts.pauses().next().is_some() && !facts.held();
    abort || retry || finish
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::adapter::kubernetes::objects::custom::Custom;

    /// A canary of four at generation 3, with these fields changed.
    fn canary(spec: Value, status: Value) -> Custom {
        let mut object = Custom {
            spec: json!({"replicas": 4, "strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}]}}}),
            status: json!({"observedGeneration": "3", "currentPodHash": "b", "stableRS": "a"}),
            ..Default::default()
        };
        object.metadata.generation = 3;
        merge(&mut object.spec, spec);
        merge(&mut object.status, status);
        object
    }

    fn merge(into: &mut Value, from: Value) {
        let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
        for (key, value) in from {
            if value.is_null() {
                into.remove(&key);
            } else {
                into.insert(key, value);
            }
        }
    }

    #[test]
    fn the_first_rule_that_matches_speaks() {
        let full = |stable: &str| json!({"updatedReplicas": 4, "availableReplicas": 4, "replicas": 4, "stableRS": stable});
        for (spec, status, line, unseen) in [
            (
                json!({}),
                json!({"observedGeneration": "2", "phase": "Healthy"}),
                "Progressing: waiting for rollout spec update to be observed",
                true,
            ),
            // Argo takes a later generation, and one that is no number, for observed.
            (json!({}), json!({"observedGeneration": "4", "phase": "Healthy"}), "Healthy", false),
            (json!({}), json!({"observedGeneration": "7d4b", "phase": "Healthy"}), "Healthy", false),
            (
                json!({}),
                json!({"controllerPause": true, "phase": "Paused", "message": "CanaryPauseStep"}),
                "Progressing: waiting for rollout to unpause",
                true,
            ),
            (
                json!({"workloadRef": {"name": "web"}}),
                json!({"workloadObservedGeneration": "2", "phase": "Healthy"}),
                "Progressing: waiting for rollout spec update to be observed for the reference workload",
                true,
            ),
            (json!({}), json!({"phase": "Melted", "message": "who knows"}), "Melted: who knows", false),
            (
                json!({}),
                json!({"conditions": [{"type": "InvalidSpec", "status": "True", "message": "no"}]}),
                "Degraded: InvalidSpec: no",
                false,
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "late"}]}),
                "Degraded: ProgressDeadlineExceeded: late",
                false,
            ),
            (json!({"paused": true}), json!({}), "Paused: manually paused", false),
            (json!({}), json!({"pauseConditions": [{"reason": "CanaryPauseStep"}]}), "Paused: CanaryPauseStep", false),
            (json!({"restartAt": "2026-01-02T03:04:05Z"}), full("b"), "Progressing: rollout is restarting", false),
            (json!({}), json!({"updatedReplicas": 1}), "Progressing: more replicas need to be updated", false),
            (
                json!({}),
                json!({"updatedReplicas": 4, "availableReplicas": 3}),
                "Progressing: updated replicas are still becoming available",
                false,
            ),
            (
                json!({}),
                json!({"updatedReplicas": 4, "availableReplicas": 4, "replicas": 5}),
                "Progressing: old replicas are pending termination",
                false,
            ),
            (json!({}), full("a"), "Progressing: waiting for all steps to complete", false),
            (json!({}), full("b"), "Healthy", false),
            (
                json!({"strategy": {"blueGreen": {}}}),
                json!({"updatedReplicas": 4, "availableReplicas": 4, "blueGreen": {"activeSelector": "a"}}),
                "Progressing: active service cutover pending",
                false,
            ),
            (
                json!({"strategy": {"blueGreen": {}}}),
                json!({"updatedReplicas": 4, "availableReplicas": 4,
                       "blueGreen": {"activeSelector": "b", "postPromotionAnalysisRunStatus": {"name": "x", "status": "Running"}}}),
                "Progressing: waiting for analysis to complete",
                false,
            ),
        ] {
            let mut object = canary(spec.clone(), status.clone());
            if spec.get("workloadRef").is_some() {
                object.metadata.annotations.insert("rollout.argoproj.io/workload-generation".into(), "3".into());
            }
            let words = words(&Facts::of(&object));
            assert_eq!((words.line().as_str(), words.unseen), (line, unseen), "{spec} {status}");
        }
    }

    #[test]
    fn the_engines_word_and_what_it_means_to_the_users_are_two_things() {
        let calm = Sides::default();
        let safe = Sides { safe: true, ..calm };
        let aborted = json!({"phase": "Degraded", "message": "RolloutAborted: Rollout aborted update to revision 2", "abort": true,
                             "abortedAt": "2026-01-02T03:04:05Z"});
        let at_pause = json!({"phase": "Paused", "message": "CanaryPauseStep", "pauseConditions": [{"reason": "CanaryPauseStep"}], "controllerPause": true});
        let with = |base: &Value, more: Value| {
            let mut all = base.clone();
            merge(&mut all, more);
            all
        };
        for (what, spec, status, sides, expected) in [
            ("at a pause", json!({}), at_pause.clone(), calm, Phase::Waiting),
            ("held", json!({"paused": true}), json!({"phase": "Paused", "message": "manually paused"}), calm, Phase::Waiting),
            ("unpausing", json!({}), with(&at_pause, json!({"pauseConditions": null})), calm, Phase::Unobserved),
            ("abort not seen", json!({}), with(&at_pause, json!({"abort": true})), calm, Phase::Unobserved),
            ("full promotion not seen", json!({}), with(&at_pause, json!({"promoteFull": true})), calm, Phase::Unobserved),
            ("aborted, the candidate serves", json!({}), aborted.clone(), calm, Phase::RollingBack),
            ("aborted while held", json!({"paused": true}), aborted.clone(), calm, Phase::RollingBack),
            ("aborted and safe", json!({}), aborted.clone(), safe, Phase::RolledBack),
            ("retry not seen", json!({}), with(&aborted, json!({"abort": false})), safe, Phase::Unobserved),
            (
                "aborted, and the stable side does not come up",
                json!({}),
                with(&aborted, json!({"message": "ProgressDeadlineExceeded: late"})),
                calm,
                Phase::Failed,
            ),
            ("deadline", json!({}), json!({"phase": "Degraded", "message": "ProgressDeadlineExceeded: late"}), calm, Phase::Failed),
            ("invalid", json!({}), with(&aborted, json!({"message": "InvalidSpec: no"})), safe, Phase::Failed),
            ("on its way", json!({}), json!({"phase": "Progressing", "message": "x"}), calm, Phase::Progressing),
            ("in trouble", json!({}), json!({"phase": "Progressing"}), Sides { troubled: true, ..calm }, Phase::Failing),
            ("undone", json!({}), json!({"phase": "Progressing"}), Sides { returning: true, ..calm }, Phase::RollingBack),
            (
                "undone while held",
                json!({"paused": true}),
                json!({"phase": "Paused"}),
                Sides { returning: true, ..calm },
                Phase::RollingBack,
            ),
            ("healthy", json!({}), json!({"phase": "Healthy", "stableRS": "b"}), calm, Phase::Done),
            ("healthy too early", json!({}), json!({"phase": "Healthy"}), calm, Phase::Progressing),
            (
                "healthy with a doubt",
                json!({}),
                json!({"phase": "Healthy", "stableRS": "b", "message": "more replicas"}),
                calm,
                Phase::Progressing,
            ),
            ("a word of another version", json!({}), json!({"phase": "Melted"}), calm, Phase::Progressing),
        ] {
            let object = canary(spec, status);
            let facts = Facts::of(&object);
            assert_eq!(phase(&facts, &words(&facts), sides), expected, "{what}");
        }
        let unborn = Custom::default();
        let facts = Facts::of(&unborn);
        assert_eq!(phase(&facts, &words(&facts), calm), Phase::Unobserved);
    }
}
