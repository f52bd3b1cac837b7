//! What can be the matter, and whether it is trouble or only a wait.

/// What is wrong, or what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It was given up by the controller: an analysis failed, or the deadline passed.
    Aborted,
    /// Given up, and held: the candidate serves on.
    AbortedHeld,
    /// It waits for measurements.
    Analysis,
    /// An autoscaler limits it, or will undo what was scaled.
    Autoscaler,
    /// The controller does not answer.
    Away,
    /// A PodDisruptionBudget keeps instances from being replaced.
    Budget,
    /// Checks of a controller on its own beat fail.
    Checks,
    Config,
    CrashLoop,
    Deadline,
    Downtime,
    Held,
    ImagePull,
    /// The controller refuses what is wished.
    Invalid,
    NoEndpoints,
    NodeLost,
    /// It stands at a pause, a gate or a decision.
    Paused,
    Quota,
    /// The former version is wished again, and the controller goes on shifting the users all the same.
    Reverted,
    Sandbox,
    /// The next change will not be analysed.
    Unanalysed,
    Unready,
    Unschedulable,
}

impl Cause {
    /// Returns whether nothing is wrong: it stands because someone or something is waited for.
    pub fn calm(self) -> bool {
        matches!(self, Self::Analysis | Self::Autoscaler | Self::Held | Self::Paused | Self::Unanalysed)
    }
}
