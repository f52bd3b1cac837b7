//! The gate: one verdict with one sentence on whether something may begin in an environment.
//!
//! It binds beginning. Hold, abort, switch back and roll back never ask it (safety rule 6). For what has begun it is asked
//! whether it may go on: then only what turned bad counts, not what grew old, and the policy's `on_close` says what follows.

use std::fmt;

use jiff::Timestamp;

use super::approval;
use super::checklist::{self, Stage, Verdict};
use super::policy::{Need, OnClose, Policy};
use super::{Kind, Phase, Release};
use crate::domain::id::{ApproverRole, ItemId, ServiceName, repository_of};
use crate::domain::window;

/// A time in which nothing begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// How the calendar says it now, with a countdown.
    pub sentence: String,
    /// Which one it is: a reason typed over tonight's goes not over tomorrow's.
    pub which: String,
}

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
    /// Outside of the windows, or within the lead time: the window's own sentence, and which closing it is.
    Window(Closing),
    /// A freeze's sentence, and which one it is.
    Frozen(Closing),
    /// An emergency names no criterion, or none of the policy's.
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
            Self::Window(closing) | Self::Frozen(closing) => f.write_str(&closing.sentence),
            Self::Unknown(sentence) => f.write_str(sentence),
            Self::Criterion => f.write_str("an emergency names one of the plan's criteria"),
            Self::TooLate { minutes: 0 } => f.write_str("the emergency's time is over"),
            Self::TooLate { minutes } => write!(f, "the emergency's time is over since {minutes} min"),
        }
    }
}

impl Blocker {
    /// Returns whether a typed reason may go over it: over what is missing, not over what a release is for, nor over somebody's
    /// no to these bytes, which only they can take back.
    pub fn overridable(&self) -> bool {
        match self {
            Self::Item { .. } | Self::Approval { .. } | Self::Window(_) | Self::Frozen(_) | Self::TooLate { .. } => true,
            Self::NoRelease | Self::Phase(_) | Self::Version { .. } | Self::Refused { .. } | Self::Criterion | Self::Unknown(_) => false,
        }
    }

    /// Returns whether it says only that something may not begin: what has begun may go on where the policy lets it finish.
    fn of_beginning(&self) -> bool {
        self.overridable()
    }

    /// Returns whether what an override names covers it: what was as bad when the reason was typed, or worse.
    fn covered(&self, over: &[String]) -> bool {
        let named = |name: &str| over.iter().any(|one| one == name);
        let worse = match self {
            Self::Item { id, .. } => named(&format!("item {id} failed")),
            Self::Approval { role, have, need } => (0..*have).any(|fewer| named(&format!("approval {role} {fewer}/{need}"))),
            _ => false,
        };
        self.overridable() && (worse || named(&key(self)))
    }
}

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// What keeps it shut; empty: it is open.
    pub blockers: Vec<Blocker>,
    /// What a typed reason went over.
    pub overridden: Vec<Blocker>,
    /// What would keep anything else from beginning, while what has begun may finish.
    pub told: Vec<Blocker>,
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
        match (self.blockers.as_slice(), self.overridden.len()) {
            ([one], _) => one.to_string(),
            ([first, rest @ ..], _) => format!("{first} (and {} more)", rest.len()),
            ([], 0) => match self.told.first() {
                Some(told) => format!("open for what is under way; {told}"),
                None => "open".into(),
            },
            ([], overridden) => format!("open by override of {}", plural(overridden, "rule")),
        }
    }

    /// Returns what an override of everything that may be gone over names, as it is to stand in its entry.
    pub fn overridable(&self) -> Vec<String> {
        self.blockers.iter().filter(|blocker| blocker.overridable()).map(key).collect()
    }
}

/// Returns whether something may begin, or go on, now. `release`: the one that covers what is to begin. `asked`: the version
/// that is to be shipped, where one is. A release under way is judged mildly for what has begun, and as any other for the
/// services that have not.
pub fn verdict(policy: &Policy, release: Option<&Release>, asked: Option<(&ServiceName, &str)>, now: Timestamp) -> Gate {
    let mut gate = Gate::default();
    let mut found = Vec::new();
    let begun = release.is_some_and(|release| begun(release, asked));
    match release {
        None if policy.need == Need::Required => found.push(Blocker::NoRelease),
        None => {}
        Some(release) => {
            of_release(policy, release, asked, now, &mut gate, &mut found);
            // A draft binds nobody who needs no release: it may be anybody's.
            if release.phase == Phase::Draft && policy.need == Need::Optional {
                found.clear();
            }
        }
    }
    found.extend(of_calendar(policy, release, now));
    let over = release.and_then(|release| release.overridden.as_ref()).map_or(&[][..], |over| &over.over);
    for blocker in found {
        if blocker.covered(over) {
            gate.overridden.push(blocker);
        } else if begun && policy.on_close == OnClose::Finish && blocker.of_beginning() {
            gate.told.push(blocker);
        } else {
            gate.blockers.push(blocker);
        }
    }
    gate
}

/// Returns what an override names of a blocker: which one it is and how bad, without what moves by itself.
pub fn key(blocker: &Blocker) -> String {
    match blocker {
        Blocker::Item { id, verdict: Verdict::Fail, .. } => format!("item {id} failed"),
        Blocker::Item { id, .. } => format!("item {id}"),
        Blocker::Approval { role, have, need } => format!("approval {role} {have}/{need}"),
        Blocker::Window(closing) | Blocker::Frozen(closing) => closing.which.clone(),
        Blocker::TooLate { .. } => "emergency time".into(),
        other => other.to_string(),
    }
}

/// What has begun goes on, and is not judged as if it were to begin.
fn begun(release: &Release, asked: Option<(&ServiceName, &str)>) -> bool {
    let has = |service: &ServiceName| release.rollouts.iter().any(|rollout| rollout.service == *service);
    release.phase == Phase::InProgress && asked.is_none_or(|(service, _)| has(service))
}

/// An emergency does not wait for a window; a freeze binds it too.
fn of_calendar(policy: &Policy, release: Option<&Release>, now: Timestamp) -> Option<Blocker> {
    let emergency = release.is_some_and(|release| release.brief.kind == Kind::Emergency);
    let sentence = || policy.calendar.sentence(now);
    let (sentence, which) = match policy.calendar.standing(now) {
        window::Standing::Frozen { until, by, .. } => {
            return Some(Blocker::Frozen(Closing { sentence: sentence(), which: format!("freeze until {until} by {by}") }));
        }
        _ if emergency => return None,
        window::Standing::Closed { opens: Some(opens), .. } => (sentence(), format!("window closed until {opens}")),
        window::Standing::Closed { opens: None, .. } => (sentence(), "window closed".into()),
        window::Standing::Closing { until, .. } => (sentence(), format!("window closing at {until}")),
        window::Standing::Always | window::Standing::Open { .. } => return None,
    };
    Some(Blocker::Window(Closing { sentence, which }))
}

/// Returns how the version that is asked for differs from what the release is for. An image is the same where it is the one
/// that was approved, by its tag or by its digest.
fn other_version(release: &Release, service: &ServiceName, asked: &str) -> Option<Blocker> {
    let Some(meant) = release.brief.version(service) else {
        return Some(Blocker::Version { release: release.brief.route(), asked: format!("{service} {asked}") });
    };
    let same_image = release.bound.iter().filter(|bound| bound.service == *service).any(|bound| {
        let pinned =
            bound.digest.as_ref().map(|digest| [format!("{}@{digest}", bound.image), format!("{}@{digest}", repository_of(&bound.image))]);
        bound.image == asked || pinned.is_some_and(|pinned| pinned.iter().any(|pinned| pinned == asked))
    });
    (meant != asked && !same_image).then(|| Blocker::Version { release: format!("{service} {meant}"), asked: asked.to_owned() })
}

fn of_release(
    policy: &Policy,
    release: &Release,
    asked: Option<(&ServiceName, &str)>,
    now: Timestamp,
    gate: &mut Gate,
    found: &mut Vec<Blocker>,
) {
    let begun = begun(release, asked);
    if let Some(problem) = release.problems.first() {
        found.push(Blocker::Unknown(format!("the record cannot be read whole: {problem}")));
    }
    // A release under way stays open for its other services; one that is ready or being checked is judged by what follows.
    if matches!(release.phase, Phase::Draft | Phase::Verifying) || release.phase.ended() {
        found.push(Blocker::Phase(release.phase));
    }
    found.extend(asked.and_then(|(service, version)| other_version(release, service, version)));
    let fingerprint = release.fingerprint();
    for item in policy.items(&release.brief, Stage::Before).filter(|item| item.required) {
        let standing = checklist::standing(item, release.outcomes.get(&item.id), &fingerprint, now);
        // What it was when it began, whatever its age.
        let verdict = if begun { standing.outcome.map_or(standing.verdict, |outcome| outcome.verdict) } else { standing.verdict };
        let bad = if begun { verdict == Verdict::Fail } else { verdict != Verdict::Pass };
        gate.items += 1;
        gate.passed += usize::from(verdict == Verdict::Pass);
        if bad {
            let stale = standing.stale.is_some() && !begun;
            found.push(Blocker::Item { id: item.id.clone(), title: item.title.clone(), verdict, stale });
        }
    }
    for standing in approval::standing(policy, release, release.began.filter(|_| begun).unwrap_or(now)) {
        // What was approved when it began stays approved, whatever the plan says since.
        let need = standing.rule.count;
        gate.approvals += need as usize;
        gate.approved += standing.counted.len().min(need as usize);
        if let Some(refused) = standing.refused {
            found.push(Blocker::Refused { by: refused.by.to_string(), role: refused.role.clone(), reason: refused.reason.clone() });
        } else if !standing.met() && !begun {
            found.push(Blocker::Approval { role: standing.rule.role.clone(), have: standing.counted.len(), need });
        }
    }
    if release.brief.kind == Kind::Emergency {
        let named = |criterion: &String| policy.criteria.is_empty() || policy.criteria.contains(criterion);
        if !release.brief.criterion.as_ref().is_some_and(named) {
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

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Returns what is done to the rollouts under way of a release whose gate shut, by the policy; none: they go on.
pub fn on_close(policy: &Policy, gate: &Gate) -> Option<OnClose> {
    let under_way = !gate.blockers.iter().any(|blocker| matches!(blocker, Blocker::Phase(_) | Blocker::NoRelease));
    let shut = gate.blockers.iter().any(Blocker::of_beginning);
    (under_way && shut && policy.on_close != OnClose::Finish).then_some(policy.on_close)
}

#[cfg(test)]
mod tests;
