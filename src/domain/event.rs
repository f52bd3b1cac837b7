//! What an engine reports about an object in passing. Explains; the state tells.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An engine's event, newest occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it last happened.
    pub at: Timestamp,
    pub warning: bool,
    /// The engine's reason: `ScalingReplicaSet`, `BackOff`.
    pub reason: String,
    /// The object it is about: `Pod backend-6d4b-x2k9f`.
    pub about: String,
    pub message: String,
    /// How often it happened.
    pub count: u32,
    /// Who reported it: `kubelet`, `deployment-controller`, `rolldeck`.
    pub source: String,
}
