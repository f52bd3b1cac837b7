//! A release's screen: its checklists, approvals, window, and the gate's verdict in one sentence.

pub(super) mod chronicle;
pub(super) mod list;

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::domain::id::ReleaseId;

/// Draws the checklist and the gate.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, id: &ReleaseId) {
    let sentence = pen.model.releases.get(id).map_or_else(|| "it is not there".to_owned(), |release| release.brief.route());
    pen.line(area, ratatui::text::Line::from(sentence));
}
