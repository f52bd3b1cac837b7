//! A release as a document: what an incident report or a change ticket needs, computed from the record alone.

mod markdown;
mod span;
mod wait;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::approval::{self, Choice};
use super::checklist::{self, Stage, Verdict};
use super::policy::Policy;
use super::record::{Body, Entry};
use super::telling::told;
use super::{Brief, Phase, Release, Voucher};
use crate::domain::id::{Actor, ItemId, ReleaseId};

pub use span::{Span, spans};
pub use wait::{Wait, waits};

/// A release as a document.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub release: ReleaseId,
    pub outcome: String,
    /// When the report was made.
    pub at: Timestamp,
    pub brief: Brief,
    pub versions: Vec<Shipped>,
    pub announced: Option<Timestamp>,
    pub began: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub phases: Vec<Span>,
    pub waits: Vec<Wait>,
    pub checklist: Vec<Line>,
    pub approvals: Vec<Word>,
    pub overrides: Vec<Typed>,
    pub timeline: Vec<Moment>,
    /// What could not be read of the record, and entries that did not fit.
    pub problems: Vec<String>,
}

/// A service and the bytes that went there.
#[derive(Clone, Debug, Serialize)]
pub struct Shipped {
    pub service: String,
    pub version: String,
    pub image: Option<String>,
    pub digest: Option<String>,
    /// How well the version is tied to its bytes: `by digest, runs in staging`.
    pub binding: String,
}

/// An item of a checklist.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub stage: &'static str,
    pub category: String,
    pub item: ItemId,
    pub title: String,
    pub verdict: Verdict,
    pub stale: Option<&'static str>,
    pub by: Option<Actor>,
    pub at: Option<Timestamp>,
    pub evidence: String,
    pub output: String,
    pub link: Option<String>,
}

/// A decision.
#[derive(Clone, Debug, Serialize)]
pub struct Word {
    pub at: Timestamp,
    pub by: Actor,
    pub role: String,
    pub choice: Choice,
    pub reason: String,
    pub voucher: Voucher,
    /// `counts`, or why it does not.
    pub standing: &'static str,
    /// From the announcement to it.
    pub waited_seconds: Option<i64>,
}

/// An override.
#[derive(Clone, Debug, Serialize)]
pub struct Typed {
    pub at: Timestamp,
    pub by: Actor,
    pub voucher: Voucher,
    pub reason: String,
    pub over: Vec<String>,
}

/// A row of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Since the announcement; before it negative.
    pub seconds: Option<i64>,
    pub what: String,
    /// The gate shut, an override, a refusal, a failure.
    pub bad: bool,
    pub entry: Entry,
}

impl Report {
    /// Makes the report of a release. Without the environment's policy, items are known by their ids alone.
    pub fn of(release: &Release, policy: Option<&Policy>, now: Timestamp) -> Self {
        let since = |at: Timestamp| release.announced.map(|announced| at.duration_since(announced).as_secs());
        let unfit =
            release.rejected.iter().map(|(entry, why)| format!("{}, {}: {} ({why})", entry.at, entry.actor, told(entry, policy).what));
        let overrides = release.entries.iter().filter_map(|entry| match &entry.body {
            Body::Overridden { over } => {
                let (reason, over) = (over.reason.clone(), over.over.clone());
                Some(Typed { at: entry.at, by: entry.actor.clone(), voucher: entry.voucher, reason, over })
            }
            _ => None,
        });
        let moment = |entry: &Entry| {
            let told = told(entry, policy);
            Moment { seconds: since(entry.at), bad: told.weight == super::telling::Weight::Bad, what: told.what, entry: entry.clone() }
        };
        Self {
            release: release.id.clone(),
            outcome: outcome(release),
            at: now,
            brief: release.brief.clone(),
            versions: shipped(release),
            announced: release.announced,
            began: release.began,
            ended: release.ended,
            phases: spans(release, now),
            waits: waits(release, now),
            checklist: lines(release, policy, now),
            approvals: words(release, policy, now),
            overrides: overrides.collect(),
            timeline: release.entries.iter().map(moment).collect(),
            problems: release.problems.iter().cloned().chain(unfit).collect(),
        }
    }

    /// Returns the report as Markdown, its times in a zone.
    pub fn markdown(&self, zone: &TimeZone) -> String {
        markdown::write(self, zone)
    }

    /// Returns the report as JSON.
    ///
    /// # Errors
    ///
    /// It cannot be said in JSON.
    pub fn json(&self) -> Result<String, String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| error.to_string())
    }
}

fn outcome(release: &Release) -> String {
    let reason = release.entries.iter().rev().find_map(|entry| match &entry.body {
        Body::RolledBack { reason } | Body::Aborted { reason } => Some(reason.as_str()),
        _ => None,
    });
    match (release.phase, reason.filter(|reason| !reason.is_empty())) {
        (Phase::RolledBack | Phase::Aborted, Some(reason)) => format!("{}: {reason}", release.phase),
        (phase, _) if phase.ended() => phase.to_string(),
        (phase, _) => format!("{phase}, not ended"),
    }
}

fn shipped(release: &Release) -> Vec<Shipped> {
    let of = |(service, version): &(crate::domain::id::ServiceName, String)| {
        let bound = release.bound.iter().find(|bound| bound.service == *service);
        let binding = match bound {
            Some(bound) if bound.weak() => format!("weak: to the tag ({})", bound.source),
            Some(bound) => format!("by digest ({})", bound.source),
            None => "weak: to the version's name, nothing was read".into(),
        };
        Shipped {
            service: service.to_string(),
            version: version.clone(),
            image: bound.map(|bound| bound.image.clone()),
            digest: bound.and_then(|bound| bound.digest.clone()),
            binding,
        }
    };
    release.brief.versions.iter().map(of).collect()
}

/// Each item as it stood when it counted: before the release, when it began; after it, at its end.
fn lines(release: &Release, policy: Option<&Policy>, now: Timestamp) -> Vec<Line> {
    let fingerprint = release.fingerprint();
    let ended = release.ended.unwrap_or(now);
    let mut lines = Vec::new();
    for stage in Stage::ALL {
        // Nobody validates a rollback that was none.
        if stage == Stage::Back && release.phase != Phase::RolledBack {
            continue;
        }
        for item in policy.into_iter().flat_map(|policy| policy.items(&release.brief, stage)) {
            let outcome = release.outcomes.get(&item.id);
            let counted = if stage == Stage::Before { release.began.unwrap_or(ended) } else { ended };
            let at = outcome.map_or(counted, |outcome| counted.max(outcome.at));
            let stands = checklist::standing(item, outcome, &fingerprint, at);
            lines.push(line(stage.title(), &item.category, &item.id, &item.title, (stands.verdict, stands.stale), outcome));
        }
    }
    let known = |id: &ItemId| policy.is_some_and(|policy| policy.items.iter().any(|item| item.id == *id));
    for (id, outcome) in release.outcomes.iter().filter(|(id, _)| !known(id)) {
        lines.push(line("Not in the plan", "", id, id.as_str(), (outcome.verdict, None), Some(outcome)));
    }
    lines
}

fn line(
    stage: &'static str,
    category: &str,
    item: &ItemId,
    title: &str,
    (verdict, stale): (Verdict, Option<&'static str>),
    outcome: Option<&checklist::Outcome>,
) -> Line {
    Line {
        stage,
        category: category.to_owned(),
        item: item.clone(),
        title: title.to_owned(),
        verdict,
        stale,
        by: outcome.map(|outcome| outcome.by.clone()),
        at: outcome.map(|outcome| outcome.at),
        evidence: outcome.map(|outcome| outcome.evidence.clone()).unwrap_or_default(),
        output: outcome.map(|outcome| outcome.output.clone()).unwrap_or_default(),
        link: outcome.and_then(|outcome| outcome.link.clone()),
    }
}

/// Every decision, with what it was worth when it counted.
fn words(release: &Release, policy: Option<&Policy>, now: Timestamp) -> Vec<Word> {
    let at = release.began.or(release.ended).unwrap_or(now);
    let standings = policy.map(|policy| approval::standing(policy, release, at));
    let standing = |decision: &approval::Decision| {
        let Some(standings) = &standings else { return "the plan's rules are not known here" };
        let is = |other: &approval::Decision| std::ptr::eq(other, decision);
        for standing in standings {
            if standing.counted.iter().any(|counted| is(counted)) {
                return "counts";
            }
            if standing.refused.is_some_and(is) {
                return "stands";
            }
            if let Some((_, void)) = standing.void.iter().find(|(decision, _)| is(decision)) {
                return void.words();
            }
        }
        if decision.choice == Choice::Withdraw { "takes back what was said before" } else { "counts no longer, or no rule asks for it" }
    };
    let word = |decision: &approval::Decision| Word {
        at: decision.at,
        by: decision.by.clone(),
        role: decision.role.to_string(),
        choice: decision.choice,
        reason: decision.reason.clone(),
        voucher: decision.voucher,
        standing: standing(decision),
        waited_seconds: release.announced.map(|announced| decision.at.duration_since(announced).as_secs()),
    };
    release.decisions.iter().map(word).collect()
}

#[cfg(test)]
mod tests;
