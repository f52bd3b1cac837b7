//! The start of a release: its next rollout's screen, and the dialog that ships the version that was approved.

use crate::app::model::Model;
use crate::app::model::nav::Screen;
use crate::app::model::notices::Tone;
use crate::app::model::releases::next;
use crate::app::update::{Turn, confirm};
use crate::domain::id::RolloutId;
use crate::domain::release::Release;
use crate::domain::verb::{Order, Verb};

/// Opens the dialog for the next rollout that has not begun.
pub(super) fn begin(model: &mut Model, release: &Release, turn: &mut Turn) {
    let Some((id, order)) = ship(model, release) else {
        model.notices.add(model.now, Tone::Warn, None, "start: it is not known which image it ships; open the rollout and ship it there");
        return;
    };
    model.nav.open(Screen::Rollout(id.clone()));
    match model.can(&id, Verb::Ship).and_then(|()| model.admits(&id, &order)) {
        Ok(()) => confirm::ask(model, id, order, turn),
        Err(refusal) => model.notices.add(model.now, Tone::Warn, Some(id), format!("start: {refusal}")),
    }
}

/// Returns the order that begins the next rollout of a release.
pub(super) fn ship(model: &Model, release: &Release) -> Option<(RolloutId, Order)> {
    let id = next(model, release)?;
    let rollout = model.rollout(&id)?;
    let bound = release.bound.iter().find(|bound| bound.service == id.service && bound.digest.is_some());
    let image = bound.map(crate::domain::release::Bound::shipped).or_else(|| super::image_of(model, release, &id.service))?;
    Some((id, Order::Ship { container: rollout.container.clone(), image }))
}
