//! The keys of a release's screen.

use super::{append, check, decide, form, schedule, start};
use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::model::dialog::{Overlay, Question};
use crate::app::model::nav::Screen;
use crate::app::model::releases::rows::{self, Row};
use crate::app::model::releases::ticked_under;
use crate::app::update::{Turn, prompt};
use crate::domain::id::{ItemId, ReleaseId};
use crate::domain::release::checklist::{Outcome, Stage, Verdict};
use crate::domain::release::record::Body;

/// Does what is asked for about releases. The catalogue has said that it can be done.
pub(in crate::app::update) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    match action {
        Action::Releases => return model.nav.open(Screen::Releases),
        Action::Checklist => return checklist(model),
        Action::NewRelease => return form::create(model),
        _ => {}
    }
    let Some(release) = model.open_release().map(std::sync::Arc::clone) else { return };
    let id = release.id.clone();
    match action {
        Action::Timeline => model.nav.open(Screen::Chronicle(id)),
        Action::EditRelease => form::edit(model),
        Action::Announce => {
            append::append(model, &id, vec![Body::Announced], true, turn);
        }
        Action::Tick => tick(model, &id, turn),
        Action::Evidence => {
            if let Some((item, _)) = under(model, &id) {
                prompt::open(model, Question::Evidence { release: id, item }, String::new());
            }
        }
        Action::Check => {
            if let Some((item, _)) = under(model, &id) {
                check::run(model, &id, &[item], turn);
            }
        }
        Action::CheckAll => check::run_all(model, &id, turn),
        Action::Withdraw if ticked_under(model) => take_back(model, &id, turn),
        Action::Approve | Action::Refuse | Action::Withdraw => decide::begin(model, &release, action, turn),
        Action::Override => prompt::open(model, Question::Override { release: id }, String::new()),
        Action::Schedule => schedule::ask(model, &release, turn),
        Action::Start => start::begin(model, &release, turn),
        Action::Finish => {
            append::append(model, &id, vec![Body::Finished], true, turn);
        }
        Action::GiveUp => prompt::open(model, Question::GiveUp { release: id }, String::new()),
        Action::Remark => prompt::open(model, Question::Remark { release: id }, String::new()),
        _ => {}
    }
}

/// Opens the checklist: of the timeline that is open, else of the selected rollout.
fn checklist(model: &mut Model) {
    let open = model.open_release().map(|release| release.id.clone());
    let selected = || model.selected_rollout().and_then(|id| Some(model.releases.latest(&id.service, &id.environment)?.id.clone()));
    if let Some(id) = open.or_else(selected) {
        model.nav.open(Screen::Release(id.clone()));
        let rows = rows::rows(model, &id);
        let (at, count) = (rows::nearest(&rows, 0, false), rows.len());
        model.nav.release.set(at, count, model.regions.list_rows);
    }
}

/// Returns the item under the cursor, and its stage.
pub(super) fn under(model: &Model, id: &ReleaseId) -> Option<(ItemId, Stage)> {
    match rows::under(model, &rows::rows(model, id)) {
        Some(Row::Item(row)) => Some((row.item.id.clone(), row.item.stage)),
        _ => None,
    }
}

/// Ticks, or takes the tick back. While either is on its way the key does nothing.
fn tick(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    let rows = rows::rows(model, id);
    let Some(Row::Item(row)) = rows::under(model, &rows) else { return };
    if row.sent.is_some() {
        return;
    }
    let (item, stage, passed) = (row.item.id.clone(), row.item.stage, row.standing.verdict == Verdict::Pass);
    drop(rows);
    if passed {
        append::append(model, id, vec![Body::Cleared { item }], true, turn);
    } else {
        ticked(model, id, (item, stage), (String::new(), None), turn);
    }
}

/// Takes the tick under the cursor back, whoever gave it.
fn take_back(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    let rows = rows::rows(model, id);
    let Some(Row::Item(row)) = rows::under(model, &rows) else { return };
    let (item, sent) = (row.item.id.clone(), row.sent.is_some());
    drop(rows);
    if !sent {
        append::append(model, id, vec![Body::Cleared { item }], true, turn);
    }
}

/// Ticks an item with what was said of it.
pub(super) fn ticked(
    model: &mut Model,
    id: &ReleaseId,
    item: (ItemId, Stage),
    (evidence, link): (String, Option<String>),
    turn: &mut Turn,
) {
    let Some(release) = model.releases.get(id) else { return };
    let (by, _) = model.person(&release.brief.environment);
    let outcome = Outcome { verdict: Verdict::Pass, at: model.now, by, evidence, output: String::new(), link, of: release.fingerprint() };
    let (item, stage) = item;
    append::append(model, id, vec![Body::Checked { item, stage, outcome: Box::new(outcome) }], true, turn);
}

/// Moves the cursor over the rows that can be stood on; at the ends the headings come into view.
pub(in crate::app::update) fn step(model: &mut Model, id: &ReleaseId, action: Action) {
    let rows = rows::rows(model, id);
    let (count, height) = (rows.len(), model.regions.list_rows.max(1));
    let (at, page) = (rows::here(model, &rows), height.saturating_sub(1).max(1));
    let to = match action {
        Action::Up => rows::nearest(&rows, at.saturating_sub(1), true),
        Action::Down => rows::nearest(&rows, at + 1, false),
        Action::PageUp => rows::nearest(&rows, at.saturating_sub(page), true),
        Action::PageDown => rows::nearest(&rows, at + page, false),
        Action::Top => rows::nearest(&rows, 0, false),
        Action::Bottom => rows::nearest(&rows, count.saturating_sub(1), true),
        Action::NextPane => rows::next_open(&rows, at, false).unwrap_or(at),
        Action::PreviousPane => rows::next_open(&rows, at, true).unwrap_or(at),
        _ => return,
    };
    let first = rows::nearest(&rows, 0, false);
    drop(rows);
    model.nav.release.set(to, count, height);
    if to == first {
        model.nav.release.top = 0;
    }
}

/// Opens what is under the cursor whole.
pub(in crate::app::update) fn open(model: &mut Model, id: &ReleaseId) {
    if let Some((item, _)) = under(model, id) {
        model.overlay = Some(Overlay::Item { release: id.clone(), item, top: 0 });
    }
}
