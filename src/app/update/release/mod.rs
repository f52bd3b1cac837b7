//! Releases: what their stores, checks and the notifier tell.

pub(super) mod form;

use std::sync::Arc;

use super::{Redraw, Turn};
use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::model::dialog::Question;
use crate::app::model::nav::Screen;
use crate::app::model::notices::Tone;
use crate::domain::release::machine;
use crate::port::{check, notify, releases};

/// Takes what a store tells.
pub(super) fn take(model: &mut Model, event: releases::Event, turn: &mut Turn) {
    match event {
        releases::Event::Access { environment, access } => {
            model.releases.access.insert(environment, access);
        }
        releases::Event::Record { record, .. } => match machine::fold(&record) {
            Ok(release) => {
                model.releases.problems.insert(record.id.clone(), record.problems);
                model.releases.set(Arc::new(release));
            }
            Err(why) => model.notices.add(model.now, Tone::Bad, None, format!("release {}: {why}", record.id)),
        },
        releases::Event::Gone { release, .. } => model.releases.remove(&release),
        releases::Event::Appended { .. } | releases::Event::Pruned { .. } => {}
    }
    turn.redraw(Redraw::Soon);
}

/// Takes what a checker tells.
pub(super) fn checked(_model: &mut Model, _event: check::Event, turn: &mut Turn) {
    turn.redraw(Redraw::Soon);
}

/// Takes what the notifier tells.
pub(super) fn notified(_model: &mut Model, _event: notify::Event, turn: &mut Turn) {
    turn.redraw(Redraw::Soon);
}

/// Does what is asked for about releases.
pub(super) fn perform(model: &mut Model, action: Action, _turn: &mut Turn) {
    match action {
        Action::Releases => model.nav.open(Screen::Releases),
        Action::Checklist => {
            let release = model.selected_rollout().and_then(|id| model.releases.active(&id.service, &id.environment).cloned());
            if let Some(release) = release {
                model.nav.open(Screen::Release(release.id.clone()));
            }
        }
        _ => {}
    }
}

/// Takes what was typed to a question about a release.
///
/// # Errors
///
/// What is wrong with it; the prompt stays.
pub(super) fn answered(model: &mut Model, _question: Question, text: &str, _turn: &mut Turn) -> Result<(), String> {
    if text.is_empty() {
        return Err("type something".into());
    }
    model.overlay = None;
    Ok(())
}

/// Does what is asked for in a list of a release.
pub(super) fn perform_list(model: &mut Model, action: Action, _turn: &mut Turn) {
    if matches!(action, Action::Cancel | Action::Back) {
        model.overlay = None;
    }
}
