//! The checklist: what must be ticked or fill itself, with evidence and age.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::domain::id::{Actor, EnvironmentName, ItemId, ServiceName};

/// When an item is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Before the release begins: the gate asks it.
    Before,
    /// After its rollouts are done: it is verified by these.
    After,
    /// After it was taken back.
    Back,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Back];

    /// Returns the heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Before => "Pre-deployment",
            Self::After => "Post-deployment validation",
            Self::Back => "Rollback validation",
        }
    }
}

/// One item of a checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub id: ItemId,
    pub title: String,
    /// The heading it stands under: `Code quality`.
    pub category: String,
    pub stage: Stage,
    pub task: Task,
    /// How long an outcome stands; none: as long as the bytes do.
    pub fresh: Option<SignedDuration>,
    /// The kinds of release that it is for; empty: all.
    pub kinds: Vec<Kind>,
    /// The classes of change that it is for; empty: all.
    pub classes: Vec<String>,
    /// Without it the gate stays shut; otherwise it only warns.
    pub required: bool,
}

impl Item {
    /// Returns whether the item is for such a release.
    pub fn applies(&self, kind: Kind, class: Option<&str>) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.classes.is_empty() || class.is_some_and(|class| self.classes.iter().any(|one| one == class)))
    }
}

/// How an item comes to its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Task {
    /// Somebody ticks it.
    Manual,
    /// A program that ends with 0 passes.
    Command(Command),
    /// An answer over HTTP.
    Http(Http),
    /// What the cluster shows, of each service of the release.
    Kubernetes(Kubernetes),
    /// The value of a query, compared with a limit.
    Prometheus(Prometheus),
    /// The version has been healthy in that environment for so long.
    Environment { environment: EnvironmentName, healthy_for: SignedDuration },
}

impl Task {
    /// Returns the word that stands beside the item.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Manual => "you",
            Self::Command(_) => "command",
            Self::Http(_) => "http",
            Self::Kubernetes(_) => "cluster",
            Self::Prometheus(_) => "metric",
            Self::Environment { .. } => "environment",
        }
    }
}

/// A program. It gets no terminal, no input, and no variables but those named and those of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments; no shell.
    pub run: Vec<String>,
    pub time_limit: SignedDuration,
    /// The variables of the console's environment that it may see.
    pub variables: Vec<String>,
    /// Where it runs; none: the plan's folder.
    pub folder: Option<String>,
}

/// A request over HTTP. Texts may name `${service}`, `${version}`, `${environment}` and `${image}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    pub url: String,
    pub method: String,
    /// Headers to send: the value as it is, or by reference.
    pub headers: Vec<(String, Secret)>,
    /// The status that passes.
    pub status: u16,
    /// An answer's header that must have this value.
    pub header: Option<(String, String)>,
    /// What of the answer's JSON is compared: `/status/ready`.
    pub json: Option<(String, Comparison)>,
    pub time_limit: SignedDuration,
}

/// A value that may be secret: then the plan names where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    Plain(String),
    Variable(String),
    File(String),
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub operator: Operator,
    /// A JSON scalar: a number, a string, true, false.
    pub value: serde_json::Value,
}

impl Eq for Comparison {}

/// An operator of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    Unequal,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">")]
    More,
    #[serde(rename = ">=")]
    AtLeast,
}

impl Operator {
    /// Returns its sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "≠",
            Self::Less => "<",
            Self::AtMost => "≤",
            Self::More => ">",
            Self::AtLeast => "≥",
        }
    }
}

/// What the cluster is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "check")]
pub enum Kubernetes {
    /// What runs has been healthy for so long.
    Healthy {
        for_: SignedDuration,
    },
    /// The nodes have room for the instances that a rollout adds.
    Capacity,
    /// A former revision is kept, so that a rollback is possible.
    Rollback,
    /// The PodDisruptionBudget allows an eviction, or there is none.
    Disruption,
    /// No other rollout of the environment is under way.
    Quiet,
    ConfigMap {
        name: String,
    },
    Secret {
        name: String,
    },
    /// The certificate in a TLS Secret does not expire so soon.
    Certificate {
        secret: String,
        days: u32,
    },
    /// A Job of this name has succeeded.
    Job {
        name: String,
    },
    /// The version is of the same digest as in that environment.
    SameDigest {
        environment: EnvironmentName,
    },
}

/// A query and its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prometheus {
    /// The server's address.
    pub server: String,
    /// PromQL. May name `${service}`, `${version}`, `${environment}`, `${namespace}`.
    pub query: String,
    pub limit: Comparison,
    pub headers: Vec<(String, Secret)>,
    pub time_limit: SignedDuration,
}

/// What is known of an item: unknown is not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
    /// Nobody has said, or what was said is too old.
    Pending,
    /// It could not be found out.
    Unknown,
}

impl Verdict {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// What came of an item, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub verdict: Verdict,
    pub at: Timestamp,
    /// Who ticked it, or whose console ran it.
    pub by: Actor,
    /// One line: `exit 0 in 1.2 s`, `0.42 < 0.5`, the note of a tick.
    pub evidence: String,
    /// What a program printed, the start and the end of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// An address that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What the release was bound to: after a new push it is pending again.
    pub of: String,
}

/// What runs a check needs of the release: the texts put in for `${…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub release: crate::domain::id::ReleaseId,
    pub environment: EnvironmentName,
    /// Each service with its version, image and the digest that it is bound to.
    pub services: Vec<SubjectService>,
}

/// One service of a [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectService {
    pub service: ServiceName,
    pub version: String,
    pub image: String,
    pub digest: Option<String>,
}

/// How an item stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    pub verdict: Verdict,
    /// The outcome that it rests on, or that has become too old.
    pub outcome: Option<&'a Outcome>,
    /// It was something else until it grew too old, or the bytes changed.
    pub stale: Option<&'static str>,
}

/// How far the clocks of two consoles may be apart. What is dated further ahead would stay fresh for who knows how long.
pub(super) const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// Compares an item's outcome with the time and with what the release is bound to now.
pub fn standing<'a>(item: &Item, outcome: Option<&'a Outcome>, fingerprint: &str, now: Timestamp) -> Standing<'a> {
    let Some(found) = outcome else { return Standing { verdict: Verdict::Pending, outcome: None, stale: None } };
    let stale = if found.of != fingerprint {
        Some("of another version")
    } else if now.duration_since(found.at) < -CLOCKS {
        Some("dated ahead of this clock")
    } else if item.fresh.is_some_and(|fresh| now.duration_since(found.at) > fresh) {
        Some("too old")
    } else {
        None
    };
    let verdict = if stale.is_some() { Verdict::Pending } else { found.verdict };
    Standing { verdict, outcome, stale }
}

#[cfg(test)]
mod tests;
