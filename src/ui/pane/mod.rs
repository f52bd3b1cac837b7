//! Panes and full screens beside the deck and the rollout: events, logs, revisions, timeline.

pub(super) mod events;
pub(super) mod revisions;
pub(super) mod timeline;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format;
use super::pen::Pen;
use crate::app::model::Model;
use crate::app::regions::Hit;
use crate::domain::id::RolloutId;
use crate::domain::rollout::Rollout;
use crate::port::Link;

/// Returns why nothing is known of a rollout yet, in one sentence.
pub(super) fn waiting_sentence(model: &Model, id: &RolloutId) -> String {
    let Some(scope) = model.scope(id) else { return format!("The plan names no {id} any more.") };
    match model.links.get(&scope).map(|link| &link.state) {
        None | Some(Link::Connecting) => format!("Connecting to {scope} …"),
        Some(Link::Up) => format!("{scope} answers; {id} has not been told of yet."),
        Some(Link::Retrying { why, next }) => {
            format!("{scope} does not answer: {why}. Next try in {}.", format::age(next.duration_since(model.now)))
        }
        Some(Link::Down { why }) => format!("{scope} cannot be reached: {why}. It will not come back by itself."),
    }
}

/// Draws the logs as a pane of the rollout's screen.
pub(super) fn logs_within(pen: &mut Pen<'_>, area: Rect, _rollout: &Rollout, focused: bool) {
    let inner = pen.pane(area, focused, "Logs", Line::default());
    pen.hit(area, Hit::Pane(crate::app::model::nav::Pane::Logs));
    pen.regions.log_rows = inner.height;
    pen.regions.log_columns = inner.width;
}

/// Draws the logs in full.
pub(super) fn logs_full(pen: &mut Pen<'_>, area: Rect, _id: &RolloutId) {
    pen.regions.log_rows = area.height;
    pen.regions.log_columns = area.width;
    pen.line(area, Span::styled("", pen.theme.muted));
}
