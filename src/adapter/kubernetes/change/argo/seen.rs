//! A Rollout as it was read for a change: where its controller stands, and the guards that hold it there.

use jiff::Timestamp;
use serde_json::Value;

use crate::adapter::kubernetes::change::draft::{Before, Draft, Scene, Step};
use crate::adapter::kubernetes::change::fresh::Fresh;
use crate::adapter::kubernetes::change::patch::{Patch, then};
use crate::domain::change::{ChangeError, Wait};
use crate::domain::step::StepKind;
use crate::domain::verb::{AWAY, Refusal};

const HASH: &str = "/status/currentPodHash";
const INDEX: &str = "/status/currentStepIndex";

/// A freshly read Rollout.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a>(pub &'a Fresh);

impl<'a> Seen<'a> {
    pub fn blue_green(self) -> bool {
        self.strategy("blueGreen").is_object()
    }

    /// Returns the part of the spec that is of this strategy; null where it has another.
    pub fn strategy(self, name: &str) -> &'a Value {
        self.0.value.pointer(&format!("/spec/strategy/{name}")).unwrap_or(&Value::Null)
    }

    /// Returns how many steps a canary has.
    pub fn steps(self) -> usize {
        self.strategy("canary").get("steps").and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// Returns the step that it stands at; none where nothing counts steps, the number of steps when all are done.
    pub fn index(self) -> Option<usize> {
        let index = self.0.value.pointer(INDEX).and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
        index.filter(|_| self.steps() > 0)
    }

    /// Returns the hash of the template that is wished.
    pub fn hash(self) -> &'a str {
        self.0.text(HASH)
    }

    pub fn stable(self) -> &'a str {
        self.0.text("/status/stableRS")
    }

    pub fn held(self) -> bool {
        self.0.paused()
    }

    pub fn aborted(self) -> bool {
        self.0.value.pointer("/status/abort").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns the reason of the pause that it stands at.
    pub fn pause(self) -> Option<&'a str> {
        self.0.value.pointer("/status/pauseConditions/0").map(|_| self.0.text("/status/pauseConditions/0/reason"))
    }

    /// Returns since when it stands there.
    pub fn paused_since(self) -> Option<Timestamp> {
        self.0.text("/status/pauseConditions/0/startTime").parse().ok()
    }

    /// A pause was cleared and the controller has not gone on: what the second of two promotes would find.
    fn unpausing(self) -> bool {
        self.controller_paused() && self.pause().is_none()
    }

    pub fn controller_paused(self) -> bool {
        self.0.value.pointer("/status/controllerPause").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns whether the controller has seen the last wish, in the Rollout and where its template is.
    pub fn observed(self) -> bool {
        let number = |pointer: &str| self.0.text(pointer).parse::<u64>().ok();
        let wished = number("/metadata/annotations/rollout.argoproj.io~1workload-generation");
        let referenced = self.0.value.pointer("/spec/workloadRef").is_none() || number("/status/workloadObservedGeneration") == wished;
        self.0.observed() && referenced
    }

    /// Refuses to go forward from a state that the controller has not taken in.
    pub fn looked_at(self, scene: &Scene<'_>) -> Result<(), Refusal> {
        if self.observed() && !self.unpausing() {
            return Ok(());
        }
        match scene.rollout.delivery.unobserved_since.map(|since| scene.now.duration_since(since)) {
            Some(ago) if ago >= AWAY => Err(Refusal::ControllerAway { ago }),
            _ => Err(Refusal::Unobserved),
        }
    }

    /// Refuses where it is not at the step that the screen shows.
    pub fn same_step(self, scene: &Scene<'_>) -> Result<(), ChangeError> {
        let shown = scene.rollout.steps.as_ref().and_then(|steps| steps.current).filter(|_| !self.blue_green());
        match (shown, self.index()) {
            (Some(shown), Some(now)) if shown != now => {
                let what = vec![format!("it is at step {}, was at step {}", now + 1, shown + 1)];
                Err(ChangeError::Moved { what, by: None, at: None })
            }
            _ => Ok(()),
        }
    }

    /// Begins a patch that holds for this very release.
    pub fn release(self) -> Patch {
        Patch::on(self.0).test(HASH, self.hash())
    }

    /// Begins a patch that holds for this release at this place: a step, or a pause where nothing counts steps.
    pub fn place(self) -> Patch {
        match (self.index(), self.pause()) {
            (Some(index), _) => self.release().test(INDEX, index),
            (None, Some(reason)) => self.release().test("/status/pauseConditions/0/reason", reason),
            (None, None) => self.release(),
        }
    }

    /// Adds the test that it was not aborted meanwhile: `false` after a retry, absent before.
    pub fn not_aborted(self, patch: Patch) -> Patch {
        patch.test("/status/abort", self.0.value.pointer("/status/abort").cloned().unwrap_or(Value::Null))
    }

    /// Adds the request that lets a hold go before one that moves on, which waits until the controller has seen it: a pause
    /// that is cleared while it is held begins again.
    pub fn unhold_first(self, draft: Draft) -> Draft {
        let patch = self.place().test("/spec/paused", true).replace("/spec/paused", false);
        let request = then(patch.request("release the hold", self.0), Wait::Observed);
        draft.step(Step { request, before: Before::Object(self.0.value.clone()), spare: None, instead: None })
    }

    /// Adds the request that lets a hold go after a way back.
    pub fn unhold_after(self, draft: Draft) -> Draft {
        let request = Patch::on(self.0).add("/spec/paused", false).request("release the hold", self.0);
        draft.change(request, self.0).leads("It is held: the candidate keeps serving until the second request has released the hold")
    }
}

/// Returns what a move leaves out, as `1 analysis, 1 manual pause and 2 timed pauses`; nothing where it leaves out nothing.
pub fn left_out(kinds: &[&StepKind]) -> Option<String> {
    let count = |wanted: fn(&StepKind) -> bool| kinds.iter().filter(|kind| wanted(kind)).count();
    let parts: Vec<String> = [
        (count(|kind| matches!(kind, StepKind::Analysis(_))), "analysis", "analyses"),
        (count(|kind| matches!(kind, StepKind::Experiment(_))), "experiment", "experiments"),
        (count(|kind| matches!(kind, StepKind::Pause(None))), "manual pause", "manual pauses"),
        (count(|kind| matches!(kind, StepKind::Pause(Some(_)))), "timed pause", "timed pauses"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
    .collect();
    match parts.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        [most @ .., last] => Some(format!("{} and {last}", most.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn what_is_left_out_is_counted_by_its_kind() {
        let (analysis, manual) = (StepKind::Analysis("errors".into()), StepKind::Pause(None));
        let timed = StepKind::Pause(Some(SignedDuration::from_mins(5)));
        for (kinds, words) in [
            (vec![], None),
            (vec![&manual], Some("1 manual pause")),
            (vec![&analysis, &manual], Some("1 analysis and 1 manual pause")),
            (vec![&timed, &analysis, &manual, &timed, &analysis], Some("2 analyses, 1 manual pause and 2 timed pauses")),
        ] {
            assert_eq!(left_out(&kinds).as_deref(), words);
        }
    }
}
