//! A second passed: what time alone changes.

use super::{Redraw, Turn, jobs, release};
use crate::app::effect::Effect;
use crate::app::model::notices::Tone;
use crate::app::model::{JournalState, Model, Writing};
use crate::domain::rollout::Phase;
use crate::port::{records, terminal};

/// How often an unwritable journal is tried, in seconds.
const PROBE_EVERY: i64 = 5;

/// Takes a second.
pub(super) fn take(model: &mut Model, turn: &mut Turn) {
    turn.redraw(Redraw::Soon);
    model.fleet.age(model.now);
    jobs::impatient(model, turn);
    release::tick(model, turn);
    if let Writing::Armed { until, why } = &model.writing
        && model.now >= *until
    {
        model.writing = Writing::Locked(why.clone());
        model.notices.add(model.now, Tone::Info, None, "no longer armed: read-only");
    }
    if matches!(model.journal, JournalState::Unwritable(_)) && model.now.as_second() % PROBE_EVERY == 0 {
        turn.push(Effect::Records(records::Command::Probe));
    }
    title(model, turn);
}

/// Keeps the window's title saying what needs a person.
fn title(model: &mut Model, turn: &mut Turn) {
    let needs = model.fleet.iter().filter(|seen| seen.rollout.phase == Phase::Waiting || seen.rollout.phase == Phase::Failed).count();
    let title = match needs {
        0 => format!("rolldeck {}", model.plan.name),
        1 => format!("▲ 1 needs you · rolldeck {}", model.plan.name),
        _ => format!("▲ {needs} need you · rolldeck {}", model.plan.name),
    };
    if model.title != title {
        model.title.clone_from(&title);
        turn.push(Effect::Terminal(terminal::Command::Title(title)));
    }
}
