//! Everything that happened on a release, on one line of time.

use ratatui::layout::Rect;

use crate::domain::id::ReleaseId;
use crate::ui::pen::Pen;

/// Draws the timeline of a release.
pub(in crate::ui) fn draw(_pen: &mut Pen<'_>, _area: Rect, _id: &ReleaseId) {}
