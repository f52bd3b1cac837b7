//! Logs: whose are followed, what is shown of them, and what comes in.

use std::path::PathBuf;

use super::{Redraw, Turn};
use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::domain::id::{InstanceName, RolloutId};
use crate::port::Seq;
use crate::port::engine::{Command, LogBatch};

/// Takes a batch of lines.
pub(super) fn take(_model: &mut Model, _batch: LogBatch, turn: &mut Turn) {
    turn.redraw(Redraw::Soon);
}

/// Follows the rollout whose screen is open, and nothing else.
pub(super) fn sync(model: &mut Model, turn: &mut Turn) {
    let open = model.open_rollout().cloned();
    if open == model.followed {
        return;
    }
    for (id, wanted) in [(model.followed.take(), false), (open, true)] {
        let Some(id) = id else { continue };
        let Some(kind) = model.plan.workload(&id).map(|workload| workload.engine) else { continue };
        if wanted {
            turn.push(Effect::Engine(kind, Command::Focus(Some(id.clone()))));
            model.followed = Some(id);
        } else {
            turn.push(Effect::Engine(kind, Command::Focus(None)));
        }
    }
}

pub(super) fn perform(_model: &mut Model, _action: Action, _turn: &mut Turn) {}
pub(super) fn step(_model: &mut Model, _action: Action) {}
pub(super) fn search(_model: &mut Model, _text: &str) {}
pub(super) fn pattern(_model: &mut Model, _text: &str) -> Result<(), String> {
    Ok(())
}
pub(super) fn save(_model: &mut Model, _path: PathBuf, _turn: &mut Turn) {}
pub(super) fn copied(_model: &Model) -> Option<String> {
    None
}
pub(super) fn only_instance(_model: &mut Model, _name: Option<InstanceName>) {}
pub(super) fn rollout_changed(_model: &mut Model, _id: &RolloutId) {}
pub(super) fn following(_model: &mut Model, _seq: Seq, _followed: u32, _of: u32) {}
