//! What is told to people who have no console open.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{Actor, EnvironmentName, ReleaseId};

/// What gave rise to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A release is announced beforehand.
    Announced,
    ApprovalAsked,
    GateOpened,
    GateClosed,
    Overridden,
    Started,
    /// A rollout of it reached a step.
    Step,
    Failed,
    RolledBack,
    Aborted,
    Done,
}

impl Occasion {
    /// All of them, for checks and schema.
    pub const ALL: [Self; 11] = [
        Self::Announced,
        Self::ApprovalAsked,
        Self::GateOpened,
        Self::GateClosed,
        Self::Overridden,
        Self::Started,
        Self::Step,
        Self::Failed,
        Self::RolledBack,
        Self::Aborted,
        Self::Done,
    ];

    /// Returns its name in the plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::ApprovalAsked => "approval-asked",
            Self::GateOpened => "gate-opened",
            Self::GateClosed => "gate-closed",
            Self::Overridden => "overridden",
            Self::Started => "started",
            Self::Step => "step",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
            Self::Aborted => "aborted",
            Self::Done => "done",
        }
    }

    /// Returns whether it is bad news.
    pub fn bad(self) -> bool {
        matches!(self, Self::GateClosed | Self::Overridden | Self::Failed | Self::RolledBack | Self::Aborted)
    }
}

/// One piece of news about a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    pub occasion: Occasion,
    pub at: Timestamp,
    pub release: ReleaseId,
    pub environment: EnvironmentName,
    /// `backend 2.2.0 → production`.
    pub route: String,
    pub title: String,
    /// One sentence.
    pub sentence: String,
    pub actor: Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}
