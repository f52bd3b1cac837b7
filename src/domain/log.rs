//! A log line in the engine-neutral form, and how its level, its text and its fields are read from what was written.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{ContainerName, InstanceName, RevisionId};

/// How grave a line says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Level {
    Trace,
    Debug,
    /// Also a line that does not say.
    #[default]
    Info,
    Warn,
    Error,
    Fatal,
}

/// Where lines come from: one run of one container. Shared by its lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub instance: InstanceName,
    pub container: ContainerName,
    pub revision: RevisionId,
    pub init: bool,
    /// The run before the present one.
    pub previous: bool,
}

/// What stands between lines, so that nothing is missing in silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The stream broke and goes on; lines may be missing between.
    Reconnected { after_ms: u64, gap: Gap },
    /// The container ended; its exit where it is known.
    Ended(String),
    /// A new source joined.
    Joined,
    /// It could not be read.
    Failed(String),
    /// So many lines were dropped because the console could not keep up.
    Dropped(u64),
}

/// Whether lines may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The last line before and the first after overlap.
    None,
    Possible,
}

/// One line, or a mark between lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Nanoseconds since 1970, by the node's clock.
    pub at: i64,
    pub source: Arc<Source>,
    pub body: LineBody,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineBody {
    /// As it was written, without the line end; control characters and all.
    Text(Box<str>),
    Mark(Mark),
}
