//! One pod, task or container as every engine can tell it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{ContainerName, InstanceName, RevisionId};

/// An instance's place in its life. `Ready` alone serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// No place to run yet.
    Pending,
    /// Has a place; image, init containers or first start under way.
    Starting,
    /// Runs, and is not ready to serve.
    Unready,
    Ready,
    /// Told to stop.
    Terminating,
    /// Ended and will not come back by itself, or keeps failing.
    Failed,
    /// Ended well (a job's pod).
    Succeeded,
}

/// How a container last ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: i32,
    /// The engine's word: `OOMKilled`, `Error`, `Completed`.
    pub reason: String,
    /// What it left behind to say why (a termination message); mostly empty.
    pub message: String,
    pub at: Option<Timestamp>,
}

/// What a container is doing now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerState {
    /// The engine's reason and words: `ImagePullBackOff`, `Back-off pulling image …`.
    Waiting {
        reason: String,
        message: String,
    },
    Running {
        since: Option<Timestamp>,
    },
    Ended(Exit),
}

/// One container of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub name: ContainerName,
    /// Runs to its end before the others start.
    pub init: bool,
    pub ready: bool,
    pub restarts: u32,
    pub state: ContainerState,
    /// How the run before this one ended.
    pub last_exit: Option<Exit>,
}

/// What an instance uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Thousandths of a core.
    pub cpu_millis: u32,
    pub memory_bytes: u64,
}

/// A pod, task or container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub name: InstanceName,
    pub revision: RevisionId,
    pub state: InstanceState,
    /// The one word an engineer knows it by, as `kubectl get pods` prints it: `Running`, `CrashLoopBackOff`, `Init:0/1`.
    pub word: String,
    /// Why it is not ready, in the engine's words; empty where there is nothing to say.
    pub message: String,
    pub created: Option<Timestamp>,
    /// Since when it is ready.
    pub ready_since: Option<Timestamp>,
    pub restarts: u32,
    pub node: Option<String>,
    /// Limits over all containers; none where any container has none.
    pub memory_limit: Option<u64>,
    pub cpu_limit_millis: Option<u32>,
    pub containers: Vec<Container>,
    pub usage: Option<Usage>,
}

impl Instance {
    /// Returns the part of the name that tells instances of one revision apart: `x2k9f` of `backend-6d4b75cb6d-x2k9f`,
    /// `0` of `db-0`.
    pub fn short(&self) -> &str {
        short_name(self.name.as_str())
    }
}

/// Returns the last dash-separated part of an instance's name.
pub fn short_name(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(_, last)| last)
}
