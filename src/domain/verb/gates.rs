//! When a verb is possible on a rollout whose controller acts on its own beat, by checks and gates (api-semantics 5).

use crate::domain::rollout::{Phase, Rollout};
use crate::domain::verb::{Refusal, Verb};

/// Returns the verdict where the gates have a say.
///
/// A controller on its own beat is not moved step by step: a gate is all that a person opens. What lets it skip its analysis
/// stays set when it is done, and would let the next version skip it too.
pub(super) fn possible(rollout: &Rollout, verb: Verb) -> Option<Result<(), Refusal>> {
    let held = rollout.held.is_some();
    let skips = rollout.delivery.promoting_fully;
    let left = skips && !held && matches!(rollout.phase, Phase::Done | Phase::RolledBack | Phase::Unobserved);
    match verb {
        Verb::Resume if left => Some(Ok(())),
        Verb::Hold if left && rollout.phase == Phase::Done => {
            Some(Err(Refusal::Other("the analysis is still set to be skipped: take that back first".into())))
        }
        Verb::Advance if held => Some(Err(Refusal::HeldFirst)),
        Verb::Advance if rollout.delivery.pause.is_none() => Some(Err(Refusal::NotPaused)),
        Verb::Finish if skips && !held => Some(Err(Refusal::Other("what is left is skipped already".into()))),
        _ => None,
    }
}
