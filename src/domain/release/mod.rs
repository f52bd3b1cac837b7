//! A release: a version of one or more services going to one environment, with its checklist, approvals and timeline.
//!
//! What happened to it is a list of entries ([`record`]); what it is now is their fold ([`machine`]). What must hold before
//! it may begin stands in the environment's [`policy`], and [`gate`] says in one sentence whether it does.

pub mod approval;
pub mod binding;
pub mod checklist;
pub mod finding;
pub mod gate;
pub mod keeping;
pub mod machine;
pub mod policy;
pub mod record;
pub mod report;
mod scrub;
pub mod telling;

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{Actor, EnvironmentName, ItemId, ReleaseId, RolloutId, ServiceName};
use approval::Decision;
use checklist::Outcome;
use record::Entry;

/// Which of the three processes a release goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Standard,
    /// Begins by itself at a time that was set, while a console is open on it and the gate holds.
    Scheduled,
    /// Expedited: names its criterion, and is to be begun within the policy's time.
    Emergency,
}

impl Kind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Scheduled, Self::Emergency];

    /// Returns the word that stands on screen and in the plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Scheduled => "scheduled",
            Self::Emergency => "emergency",
        }
    }
}

/// What a release is meant to be: what its author fills in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    pub environment: EnvironmentName,
    /// Each service with the version that goes there, in the plan's order.
    pub versions: Vec<(ServiceName, String)>,
    pub kind: Kind,
    pub title: String,
    pub author: Actor,
    /// The change ticket, as text or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Who is affected: users, admins, customers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audience: String,
    /// How long it is expected to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<SignedDuration>,
    /// How long users are expected to be without the service; none: no downtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<SignedDuration>,
    /// When the users go over to the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutover: Option<Timestamp>,
    /// What is done where it goes wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contingency: String,
    /// The class of change, of those that the plan's rules name: `major`, `regulatory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why it is an emergency, of the policy's criteria.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criterion: Option<String>,
    /// The strategies by which its services are rolled out: `canary`. Rules may differ by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<String>,
}

impl Brief {
    /// Returns the version that goes to a service.
    pub fn version(&self, service: &ServiceName) -> Option<&str> {
        self.versions.iter().find(|(name, _)| name == service).map(|(_, version)| version.as_str())
    }

    /// Returns `backend 2.2.0, frontend 5.1.0 → production`.
    pub fn route(&self) -> String {
        let versions: Vec<String> = self.versions.iter().map(|(service, version)| format!("{service} {version}")).collect();
        format!("{} → {}", versions.join(", "), self.environment)
    }
}

/// How far a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its brief is being written.
    Draft,
    /// Announced: checks run, approvals are asked for.
    Checking,
    /// The gate is open.
    Ready,
    /// Its rollouts are under way.
    InProgress,
    /// Its rollouts are done; the post-deployment checklist is worked through.
    Verifying,
    Done,
    /// It was taken back; the rollback checklist is worked through beside this state.
    RolledBack,
    /// It was given up before it began.
    Aborted,
}

impl Phase {
    /// Returns the words that stand on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Checking => "checking",
            Self::Ready => "ready",
            Self::InProgress => "in progress",
            Self::Verifying => "verifying",
            Self::Done => "done",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
        }
    }

    /// Returns whether nothing follows: it binds no key any longer.
    pub fn ended(self) -> bool {
        matches!(self, Self::Done | Self::RolledBack | Self::Aborted)
    }

    /// Returns whether its rollouts have begun and it has not ended.
    pub fn under_way(self) -> bool {
        matches!(self, Self::InProgress | Self::Verifying)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What a service's version is, down to the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub service: ServiceName,
    /// The image with its tag: `trixtech/app:2.2.0`.
    pub image: String,
    /// `sha256:…`; none: the tag alone, which may be moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where the digest was read, or why there is none: `runs in staging`, `the registry`, `neither runs nor registry answers`.
    pub source: String,
}

impl Bound {
    /// Returns whether only the tag is known, which somebody may push again.
    pub fn weak(&self) -> bool {
        self.digest.is_none()
    }
}

/// How much a name on an entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voucher {
    /// The operating system's word: whoever may set a variable may be anybody.
    System,
    /// The kubeconfig's user: its file says so.
    Kubeconfig,
    /// The cluster answered with this name for the credentials that were used.
    Cluster,
}

impl Voucher {
    /// Returns how strong that is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::System => "the operating system's word",
            Self::Kubeconfig => "the kubeconfig's word",
            Self::Cluster => "vouched for by the cluster",
        }
    }
}

/// A start that was set for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub at: Timestamp,
    /// Who armed it.
    pub by: Actor,
    /// The console that armed it, and that begins it: `host:pid`.
    pub console: String,
    /// The exact requests that were shown when it was armed, a line each.
    pub shown: Vec<String>,
}

/// A typed reason that opened the gate against what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub at: Timestamp,
    pub by: Actor,
    pub reason: String,
    /// The sentences that were open.
    pub over: Vec<String>,
}

/// A release as its record tells it: the fold of the entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub id: ReleaseId,
    pub phase: Phase,
    pub brief: Brief,
    /// One for each service, as they were last read.
    pub bound: Vec<Bound>,
    /// The latest outcome of each item.
    pub outcomes: BTreeMap<ItemId, Outcome>,
    /// Every approval, refusal and withdrawal, oldest first.
    pub decisions: Vec<Decision>,
    pub schedule: Option<Schedule>,
    pub overridden: Option<Override>,
    /// When it was announced: the emergency's hour counts from here.
    pub announced: Option<Timestamp>,
    pub began: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// The rollouts that were shipped for it.
    pub rollouts: Vec<RolloutId>,
    /// Every entry that counted, oldest first: the timeline.
    pub entries: Vec<Entry>,
    /// Entries that did not fit the state they came to, with why: a record edited by hand, or two consoles at once.
    pub rejected: Vec<(Entry, String)>,
    /// What could not be read of the record: the gate cannot rely on it.
    pub problems: Vec<String>,
}

impl Release {
    /// Returns what ticks and approvals are bound to: each service with its digest, or the tag where none is known. Two releases
    /// with the same text are of the same bytes, as far as is known. Of many services it is their digest: it stands in every
    /// entry that is bound to it.
    pub fn fingerprint(&self) -> String {
        let of = |(service, version): &(ServiceName, String)| match self.bound.iter().find(|bound| bound.service == *service) {
            Some(bound) => format!("{service}={}", bound.digest.as_deref().unwrap_or(&bound.image)),
            None => format!("{service}={version}"),
        };
        let mut services: Vec<String> = self.brief.versions.iter().map(of).collect();
        services.sort();
        let text = services.join(" ");
        if text.len() <= 512 {
            return text;
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} services={hex}", services.len())
    }

    /// Returns whether somebody wrote the brief, or changed it.
    pub fn wrote(&self, who: &Actor) -> bool {
        let drafted = |entry: &Entry| matches!(entry.body, record::Body::Drafted { .. }) && entry.actor == *who;
        self.brief.author == *who || self.entries.iter().any(drafted)
    }

    /// Returns whether a rollout is of this release.
    pub fn covers(&self, rollout: &RolloutId) -> bool {
        rollout.environment == self.brief.environment && self.brief.version(&rollout.service).is_some()
    }
}

impl ReleaseId {
    /// Makes the name of a new release: `20260102-0304-backend-7f3a`, in UTC. At most 40 characters of lower-case letters, digits
    /// and hyphens, so that it fits an object's name, a label and a file's name whatever the service is called.
    pub fn make(at: Timestamp, service: &ServiceName, random: u16) -> Self {
        let word: String =
            service.as_str().chars().map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' }).collect();
        let word = word.trim_matches('-').get(..20.min(word.trim_matches('-').len())).unwrap_or_default().trim_end_matches('-');
        let word = if word.is_empty() { "release" } else { word };
        Self::new(format!("{}-{word}-{random:04x}", at.strftime("%Y%m%d-%H%M")))
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
