//! The doctor: why a rollout makes no progress, in one sentence with its evidence.
//!
//! A pure function over a [`Rollout`](super::rollout::Rollout). Waiting reasons that flap (an image pull that fails and backs off) are one cause,
//! so the sentence does not flicker.

use super::id::{ContainerName, InstanceName};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    ImagePull,
    CrashLoop,
    Config,
    Unready,
    Unschedulable,
    Quota,
    Deadline,
    NoEndpoints,
    Held,
    Sandbox,
    NodeLost,
    Downtime,
}

/// A finding: one sentence, its evidence, and where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub cause: Cause,
    /// `1 of 5 canary pods is killed for memory, limit 256Mi`.
    pub sentence: String,
    /// The engine's words.
    pub evidence: String,
    /// Where the log of the trouble is.
    pub instance: Option<InstanceName>,
    pub container: Option<ContainerName>,
    /// It will not mend by waiting.
    pub permanent: bool,
}

/// Returns why a rollout makes no progress or does not serve; none where nothing is wrong.
pub fn diagnose(_rollout: &super::rollout::Rollout, _now: jiff::Timestamp) -> Option<Finding> {
    None
}
