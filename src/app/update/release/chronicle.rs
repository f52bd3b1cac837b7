//! The keys of a release's timeline: its filter, its export, and a log line that is put into it.

use std::path::PathBuf;

use super::append;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::chronicle;
use crate::app::model::dialog::{Overlay, Question, Subject, Whole};
use crate::app::model::notices::Tone;
use crate::app::update::{Turn, prompt};
use crate::domain::id::{ReleaseId, RolloutId};
use crate::domain::release::Release;
use crate::domain::release::record::Body;
use crate::domain::release::report::Report;

/// Asks for the filter.
pub(in crate::app::update) fn filter(model: &mut Model) {
    let text = model.nav.chronicle.filter.clone();
    prompt::open(model, Question::ChronicleFilter, text);
}

/// Shows the entry under the cursor whole.
pub(in crate::app::update) fn open(model: &mut Model, id: &ReleaseId) {
    let (rows, _) = chronicle::rows(model, id);
    let Some(row) = rows.get(model.nav.chronicle.cursor.at) else { return };
    let (heading, text) = chronicle::whole(row, &model.zone);
    let Some(rollout) = model.releases.get(id).and_then(|release| about(release)) else { return };
    model.overlay = Some(Overlay::Whole(Whole { rollout, subject: Subject::Text(heading, text), top: 0 }));
}

/// A rollout that stands for the release where a rollout is named.
fn about(release: &Release) -> Option<RolloutId> {
    let first = release.brief.versions.first().map(|(service, _)| RolloutId {
        environment: release.brief.environment.clone(),
        service: service.clone(),
        workload: service.as_str().into(),
    });
    release.rollouts.first().cloned().or(first)
}

/// Returns the text of the entry under the cursor.
pub(in crate::app::update) fn copied(model: &Model, id: &ReleaseId) -> Option<String> {
    let (rows, _) = chronicle::rows(model, id);
    let row = rows.get(model.nav.chronicle.cursor.at)?;
    Some(format!("{} {}: {}", row.entry.at, row.entry.actor, row.told.what))
}

/// Writes the report as Markdown and as JSON into the working directory, under names of this second: neither overwrites.
pub(in crate::app::update) fn export(model: &mut Model, turn: &mut Turn) {
    let Some(release) = model.open_release().cloned() else { return };
    let policy = model.policy(&release.brief.environment).cloned();
    let report = Report::of(&release, policy.as_deref(), model.now);
    let stem = format!("{}-{}", release.id, model.now.to_zoned(model.zone.clone()).strftime("%Y%m%d-%H%M%S"));
    turn.push(Effect::Save { path: PathBuf::from(format!("{stem}.md")), text: report.markdown(&model.zone) });
    match report.json() {
        Ok(text) => turn.push(Effect::Save { path: PathBuf::from(format!("{stem}.json")), text }),
        Err(why) => model.notices.add(model.now, Tone::Bad, None, format!("the report cannot be said in JSON: {why}")),
    }
}

/// Puts the line under the cursor of the log, or the selection, into the timeline of the release that covers the rollout.
pub(in crate::app::update) fn keep_line(model: &mut Model, turn: &mut Turn) {
    let Ok(id) = chronicle::takes_line(model) else { return };
    let Some(text) = model.logs.copied() else { return };
    let lines = text.lines().count();
    if append::append(model, &id, vec![Body::Noted { text, log: true }], true, turn).is_some() {
        let what = if lines == 1 { "the line".to_owned() } else { format!("{lines} lines") };
        model.notices.add(model.now, Tone::Info, None, format!("{what} put into the timeline of {id}"));
    }
}
