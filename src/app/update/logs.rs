//! Logs: whose are followed, what is shown of them, and what comes in. What the pane can do is in `model::logs`.

use std::path::PathBuf;

use jiff::SignedDuration;

use super::{Redraw, Turn, prompt};
use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::dialog::Question;
use crate::app::model::logs::Found;
use crate::app::model::nav::Screen;
use crate::app::model::notices::Tone;
use crate::domain::id::{InstanceName, RolloutId};
use crate::domain::plan::EngineKind;
use crate::port::Seq;
use crate::port::engine::{Command, LogBatch, LogQuery, Range};

/// The lines of each source that are read before following.
const TAIL: u32 = 1_000;
/// Lines that a changed filter looks at in one turn of the loop: a few milliseconds.
const SLICE: usize = 32 * 1024;

/// Takes a batch of lines.
pub(super) fn take(model: &mut Model, batch: &LogBatch, turn: &mut Turn) {
    let shown = matches!(model.nav.screen(), Screen::Rollout(_) | Screen::Logs(_));
    if model.logs.push(batch) && shown {
        turn.redraw(Redraw::Later);
    }
}

/// Lets a changed filter look at the next slice of lines.
pub(super) fn advance(model: &mut Model, turn: &mut Turn) {
    model.logs.advance(SLICE);
    turn.redraw(Redraw::Soon);
}

/// Follows the rollout whose screen is open, and nothing else.
pub(super) fn sync(model: &mut Model, turn: &mut Turn) {
    let open = model.open_rollout().cloned();
    if open == model.followed {
        return;
    }
    if let Some(kind) = model.followed.take().and_then(|id| engine_of(model, &id)) {
        model.logs.end();
        turn.push(Effect::Engine(kind, Command::Unfollow));
        turn.push(Effect::Engine(kind, Command::Focus(None)));
    }
    if let Some(id) = open
        && let Some(kind) = engine_of(model, &id)
    {
        turn.push(Effect::Engine(kind, Command::Focus(Some(id.clone()))));
        let query = LogQuery { rollout: id.clone(), range: Range::Tail(TAIL), instance: None, container: None, previous: false };
        model.followed = Some(id);
        follow(model, query, turn);
    }
}

fn engine_of(model: &Model, id: &RolloutId) -> Option<EngineKind> {
    model.plan.workload(id).map(|workload| workload.engine)
}

/// Follows these logs in place of what was followed.
fn follow(model: &mut Model, query: LogQuery, turn: &mut Turn) {
    let Some(kind) = engine_of(model, &query.rollout) else { return };
    let seq = model.jobs.seq.advance();
    let id = query.rollout.clone();
    model.logs.begin(seq, query.clone(), model.now);
    rollout_changed(model, &id);
    turn.push(Effect::Engine(kind, Command::Follow { seq, query }));
}

/// Does what is asked for in the logs.
pub(super) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    let logs = &mut model.logs;
    match action {
        Action::Follow => logs.toggle_follow(),
        Action::Wrap => logs.toggle_wrap(),
        Action::Timestamps => logs.toggle_times(),
        Action::Level => logs.next_level(),
        Action::Role => logs.next_side(),
        Action::Instance => logs.toggle_instance(),
        Action::Container => logs.next_container(),
        Action::Select => logs.toggle_selection(),
        Action::Pattern => {
            let now = logs.filter().pattern.as_ref().map(|pattern| pattern.as_str().to_owned()).unwrap_or_default();
            prompt::open(model, Question::Pattern, now);
        }
        Action::Search => prompt::open(model, Question::Search, String::new()),
        Action::NextMatch | Action::PreviousMatch => {
            let found = logs.next_match(action == Action::PreviousMatch);
            tell(model, found);
        }
        Action::PreviousRun => {
            if let Some(query) = logs.with_other_run() {
                follow(model, query, turn);
            }
        }
        Action::RangeTail => range(model, Range::Tail(TAIL), turn),
        Action::Range1m => range(model, Range::Since(SignedDuration::from_mins(1)), turn),
        Action::Range5m => range(model, Range::Since(SignedDuration::from_mins(5)), turn),
        Action::Range15m => range(model, Range::Since(SignedDuration::from_mins(15)), turn),
        Action::Range1h => range(model, Range::Since(SignedDuration::from_hours(1)), turn),
        Action::Save => {
            let about = model.open_rollout().map(|id| format!("{}-{}", id.workload, id.environment)).unwrap_or_default();
            let name = format!("{about}-{}.log", model.now.strftime("%Y%m%dT%H%M%SZ"));
            prompt::open(model, Question::Save, name);
        }
        _ => {}
    }
}

fn range(model: &mut Model, range: Range, turn: &mut Turn) {
    if let Some(query) = model.logs.with_range(range) {
        follow(model, query, turn);
    }
}

/// Moves within the lines.
pub(super) fn step(model: &mut Model, action: Action) {
    let logs = &mut model.logs;
    match action {
        Action::Up => logs.scroll(-1),
        Action::Down => logs.scroll(1),
        Action::PageUp => logs.page(-1),
        Action::PageDown => logs.page(1),
        Action::Top => logs.to_top(),
        Action::Bottom => logs.to_bottom(),
        Action::Left => logs.sideways(false),
        Action::Right => logs.sideways(true),
        _ => {}
    }
}

/// Searches as one types, keeping the lines around; the empty text ends the search.
pub(super) fn search(model: &mut Model, text: &str) {
    model.logs.search(text);
}

/// Says what became of a step to a match, where it is not plain to see.
fn tell(model: &mut Model, found: Found) {
    let text = match found {
        Found::Here => return,
        Found::Wrapped => "went on from the other end",
        Found::Nowhere => "no match",
        Found::NoPattern => "nothing is searched for",
    };
    model.notices.add(model.now, Tone::Info, None, text);
}

/// Shows only lines that match.
pub(super) fn pattern(model: &mut Model, text: &str) -> Result<(), String> {
    model.logs.set_pattern(text)
}

/// Writes the lines that are shown to a new file.
pub(super) fn save(model: &mut Model, path: PathBuf, turn: &mut Turn) {
    let text = model.logs.saved();
    turn.push(Effect::Save { path, text });
}

/// Returns the text of the line or the selection.
pub(super) fn copied(model: &Model) -> Option<String> {
    model.logs.copied()
}

/// Shows the lines of one instance alone, or of all.
pub(super) fn only_instance(model: &mut Model, name: Option<InstanceName>) {
    model.logs.only_instance(name);
}

/// Learns which roles the revisions have now.
pub(super) fn rollout_changed(model: &mut Model, id: &RolloutId) {
    if let Some(rollout) = model.fleet.get(id) {
        model.logs.rollout_changed(rollout);
    }
}

/// Notes how many sources are followed.
pub(super) fn following(model: &mut Model, seq: Seq, followed: u32, of: u32) {
    model.logs.following(seq, followed, of);
}
