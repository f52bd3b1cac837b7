//! The rows of a release's timeline: every entry in words, the newest first, with what was waited for in between.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::id::ReleaseId;
use crate::domain::release::policy::Policy;
use crate::domain::release::record::{Body, Entry};
use crate::domain::release::report::{Wait, waits};
use crate::domain::release::telling::{Told, Weight, told};
use crate::domain::release::{Phase, Release};

use super::Model;
use super::nav::Screen;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    pub entry: &'a Entry,
    pub told: Told,
    /// Since the entry before it, whether that is shown or not; none: it is the first.
    pub after: Option<SignedDuration>,
    /// The phase that it led to.
    pub phase: Option<Phase>,
}

impl Row<'_> {
    fn contains(&self, filter: &str) -> bool {
        let held = |text: &str| text.to_lowercase().contains(filter);
        filter.is_empty() || held(&self.told.what) || held(self.entry.actor.as_str()) || self.phase.is_some_and(|phase| held(phase.word()))
    }
}

/// Returns the rows of a release that the filter lets through, the newest first, and of how many.
pub fn rows<'a>(model: &'a Model, id: &ReleaseId) -> (Vec<Row<'a>>, usize) {
    let Some(release) = model.releases.get(id) else { return (Vec::new(), 0) };
    let all = all(release, model.policy(&release.brief.environment).map(AsRef::as_ref));
    let (filter, count) = (model.nav.chronicle.filter.trim().to_lowercase(), all.len());
    (all.into_iter().rev().filter(|row| row.contains(&filter)).collect(), count)
}

/// Returns what a release waits for now.
pub fn waiting(release: &Release, now: Timestamp) -> Vec<Wait> {
    waits(release, now).into_iter().filter(|wait| wait.until.is_none()).collect()
}

/// Returns the release whose timeline takes a line of the open log: the one that has not ended and covers the rollout.
///
/// # Errors
///
/// Why there is none.
pub fn takes_line(model: &Model) -> Result<ReleaseId, String> {
    let Screen::Logs(rollout) = model.nav.screen() else { return Err("only in the logs".into()) };
    let release =
        model.releases.active(&rollout.service, &rollout.environment).ok_or_else(|| format!("no release of {rollout} takes it"))?;
    if model.logs.copied().is_none() {
        return Err("there is no line to put into the timeline".into());
    }
    model.unwritable(&rollout.environment).map_or_else(|| Ok(release.id.clone()), Err)
}

/// Every entry in the order of the record; those that did not fit stand at their time.
fn all<'a>(release: &'a Release, policy: Option<&Policy>) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'_>> = release.entries.iter().map(|entry| row(entry, policy)).collect();
    for (entry, why) in &release.rejected {
        let what = format!("not counted: {} ({why})", told(entry, policy).what);
        let at = rows.iter().position(|row| row.entry.at > entry.at).unwrap_or(rows.len());
        rows.insert(at, Row { entry, told: Told { what, weight: Weight::Bad }, after: None, phase: None });
    }
    let mut before: Option<Timestamp> = None;
    let mut settled = false;
    for row in &mut rows {
        row.after = before.replace(row.entry.at).map(|before| row.entry.at.duration_since(before).max(SignedDuration::ZERO));
        // Only the first brief and the first start lead anywhere.
        let again = matches!(row.entry.body, Body::Drafted { .. }) && settled;
        settled |= matches!(row.entry.body, Body::Drafted { .. });
        if again {
            row.phase = None;
        }
    }
    rows
}

fn row<'a>(entry: &'a Entry, policy: Option<&Policy>) -> Row<'a> {
    let phase = match entry.body {
        Body::Drafted { .. } => Some(Phase::Draft),
        Body::Announced => Some(Phase::Checking),
        Body::Opened | Body::Overridden { .. } => Some(Phase::Ready),
        Body::Began { .. } => Some(Phase::InProgress),
        Body::Verifying => Some(Phase::Verifying),
        Body::Finished => Some(Phase::Done),
        Body::RolledBack { .. } => Some(Phase::RolledBack),
        Body::Aborted { .. } => Some(Phase::Aborted),
        _ => None,
    };
    Row { entry, told: told(entry, policy), after: None, phase }
}

/// Returns an entry whole: a heading, and all that it holds.
pub fn whole(row: &Row<'_>, zone: &TimeZone) -> (String, String) {
    let entry = row.entry;
    let at = entry.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
    let mut lines = vec![row.told.what.clone(), String::new(), format!("{}, {}, on {}", entry.actor, entry.voucher.words(), entry.console)];
    let mut more = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("{name}: {text}"));
        }
    };
    match &entry.body {
        Body::Drafted { brief } => {
            more("ticket", brief.ticket.as_deref().unwrap_or_default());
            more("class", brief.class.as_deref().unwrap_or_default());
            more("criterion", brief.criterion.as_deref().unwrap_or_default());
            more("audience", &brief.audience);
            more("notes", &brief.notes);
            more("contingency", &brief.contingency);
        }
        Body::Checked { outcome, stage, .. } => {
            more("checklist", stage.title());
            more("bound to", &outcome.of);
            more("link", outcome.link.as_deref().unwrap_or_default());
            more("output", &format!("\n{}", outcome.output).repeat(usize::from(!outcome.output.is_empty())));
        }
        Body::Decided { decision } => {
            more("bound to", &decision.of);
            more("under the rules", &decision.plan);
        }
        Body::Scheduled { schedule: Some(schedule) } => more("shown when it was set", &format!("\n{}", schedule.shown.join("\n"))),
        Body::Ordered { op, .. } | Body::Outcome { op, .. } | Body::Began { op, .. } => more("order", op.as_str()),
        _ => {}
    }
    (at.to_string(), lines.join("\n"))
}
