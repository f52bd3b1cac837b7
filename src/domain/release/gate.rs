//! The gate: one verdict with one sentence on whether something may begin in an environment.
//!
//! It binds beginning. Hold, abort, switch back and roll back never ask it (safety rule 6).

use std::fmt;

use jiff::Timestamp;

use super::approval;
use super::checklist::{self, Stage, Verdict};
use super::policy::{Need, OnClose, Policy};
use super::{Kind, Phase, Release};
use crate::domain::id::{ApproverRole, ItemId};
use crate::domain::window;

/// One thing that keeps the gate shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// The environment needs a release, and there is none.
    NoRelease,
    /// The release is not that far, or has ended.
    Phase(Phase),
    /// The release is for another version.
    Version {
        release: String,
        asked: String,
    },
    Item {
        id: ItemId,
        title: String,
        verdict: Verdict,
        stale: bool,
    },
    Approval {
        role: ApproverRole,
        have: usize,
        need: u32,
    },
    Refused {
        by: String,
        role: ApproverRole,
        reason: String,
    },
    /// Outside of the windows, or within the lead time: the window's own sentence.
    Window(String),
    /// A freeze's sentence.
    Frozen(String),
    /// An emergency names no criterion.
    Criterion,
    /// The emergency's time is over.
    TooLate {
        minutes: i64,
    },
    /// What is known of the release cannot be relied on: `the record cannot be read`.
    Unknown(String),
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRelease => f.write_str("there is no release: R on the deck makes one"),
            Self::Phase(phase) => write!(f, "the release is {phase}"),
            Self::Version { release, asked } => write!(f, "the release is for {release}, not for {asked}"),
            Self::Item { title, verdict: Verdict::Fail, .. } => write!(f, "failed: {title}"),
            Self::Item { title, verdict: Verdict::Unknown, .. } => write!(f, "unknown: {title}"),
            Self::Item { title, stale: true, .. } => write!(f, "stale: {title}"),
            Self::Item { title, .. } => write!(f, "open: {title}"),
            Self::Approval { role, have, need } => write!(f, "{role} approval {have}/{need}"),
            Self::Refused { by, role, reason } if reason.is_empty() => write!(f, "refused by {by} ({role})"),
            Self::Refused { by, role, reason } => write!(f, "refused by {by} ({role}): {reason}"),
            Self::Window(sentence) | Self::Frozen(sentence) | Self::Unknown(sentence) => f.write_str(sentence),
            Self::Criterion => f.write_str("an emergency names its criterion"),
            Self::TooLate { minutes } => write!(f, "the emergency's time is over since {minutes} min"),
        }
    }
}

impl Blocker {
    /// Returns whether a typed reason may go over it. What a release is for cannot be overridden.
    pub fn overridable(&self) -> bool {
        !matches!(self, Self::NoRelease | Self::Phase(_) | Self::Version { .. } | Self::Unknown(_))
    }
}

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// What keeps it shut; empty: it is open.
    pub blockers: Vec<Blocker>,
    /// What a typed reason went over.
    pub overridden: Vec<Blocker>,
    /// Passed and all required items of the stage before.
    pub passed: usize,
    pub items: usize,
    /// Approvals that count, and how many are needed.
    pub approved: usize,
    pub approvals: usize,
}

impl Gate {
    /// Returns whether it is open.
    pub fn open(&self) -> bool {
        self.blockers.is_empty()
    }

    /// Returns the one sentence: what is open first, and how much more.
    pub fn sentence(&self) -> String {
        match self.blockers.as_slice() {
            [] if !self.overridden.is_empty() => format!("open by override of {}", plural(self.overridden.len(), "rule")),
            [] => "open".into(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        }
    }
}

/// Returns whether something may begin now. `release`: the one that covers what is to begin. `asked`: the version that is to be
/// shipped, where one is.
pub fn verdict(policy: &Policy, release: Option<&Release>, asked: Option<(&crate::domain::id::ServiceName, &str)>, now: Timestamp) -> Gate {
    let mut gate = Gate::default();
    let mut found = Vec::new();
    match policy.calendar.standing(now) {
        window::Standing::Closed { .. } | window::Standing::Closing { .. } if kind(release) != Some(Kind::Emergency) => {
            found.push(Blocker::Window(policy.calendar.sentence(now)));
        }
        window::Standing::Frozen { .. } => found.push(Blocker::Frozen(policy.calendar.sentence(now))),
        _ => {}
    }
    match release {
        None if policy.need == Need::Required => found.insert(0, Blocker::NoRelease),
        None => {}
        Some(release) => of_release(policy, release, asked, now, &mut gate, &mut found),
    }
    // A reason went over what was open when it was typed; what came up since is not covered by it.
    let over = release.and_then(|release| release.overridden.as_ref());
    for blocker in found {
        let covered = blocker.overridable() && over.is_some_and(|over| over.over.contains(&key(&blocker)));
        if covered { gate.overridden.push(blocker) } else { gate.blockers.push(blocker) }
    }
    gate
}

/// Returns what an override names of a blocker: without times and counts, which move by themselves.
pub fn key(blocker: &Blocker) -> String {
    match blocker {
        Blocker::Item { id, .. } => format!("item {id}"),
        Blocker::Approval { role, .. } => format!("approval {role}"),
        Blocker::Refused { by, role, .. } => format!("refusal {by} {role}"),
        Blocker::Window(_) => "window".into(),
        Blocker::Frozen(_) => "freeze".into(),
        Blocker::TooLate { .. } => "emergency time".into(),
        other => other.to_string(),
    }
}

fn of_release(
    policy: &Policy,
    release: &Release,
    asked: Option<(&crate::domain::id::ServiceName, &str)>,
    now: Timestamp,
    gate: &mut Gate,
    found: &mut Vec<Blocker>,
) {
    // A release under way stays open for its other services; one that is ready or being checked is judged by what follows.
    if matches!(release.phase, Phase::Draft | Phase::Verifying) || release.phase.ended() {
        found.push(Blocker::Phase(release.phase));
    }
    if let Some((service, version)) = asked
        && let Some(meant) = release.brief.version(service)
        && meant != version
    {
        found.push(Blocker::Version { release: format!("{service} {meant}"), asked: version.to_owned() });
    }
    let fingerprint = release.fingerprint();
    for item in policy.items(&release.brief, Stage::Before).filter(|item| item.required) {
        let standing = checklist::standing(item, release.outcomes.get(&item.id), &fingerprint, now);
        gate.items += 1;
        if standing.verdict == Verdict::Pass {
            gate.passed += 1;
        } else {
            found.push(Blocker::Item {
                id: item.id.clone(),
                title: item.title.clone(),
                verdict: standing.verdict,
                stale: standing.stale.is_some(),
            });
        }
    }
    for standing in approval::standing(policy, release, now) {
        let need = standing.rule.count;
        gate.approvals += need as usize;
        gate.approved += standing.counted.len().min(need as usize);
        if let Some(refused) = standing.refused {
            found.push(Blocker::Refused { by: refused.by.to_string(), role: refused.role.clone(), reason: refused.reason.clone() });
        } else if !standing.met() {
            found.push(Blocker::Approval { role: standing.rule.role.clone(), have: standing.counted.len(), need });
        }
    }
    if release.brief.kind == Kind::Emergency {
        if release.brief.criterion.is_none() {
            found.push(Blocker::Criterion);
        }
        if let Some(announced) = release.announced
            && release.began.is_none()
        {
            let over = now.duration_since(announced) - policy.emergency_within;
            if over.is_positive() {
                found.push(Blocker::TooLate { minutes: over.as_mins() });
            }
        }
    }
}

fn kind(release: Option<&Release>) -> Option<Kind> {
    release.map(|release| release.brief.kind)
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// What is done to a rollout under way whose gate shut, by the policy; none: it goes on.
pub fn on_close(policy: &Policy, gate: &Gate) -> Option<OnClose> {
    let ruled = policy.on_close != OnClose::Finish && !gate.open();
    ruled.then_some(policy.on_close)
}
