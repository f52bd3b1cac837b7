//! Every release, the newest first.

use ratatui::layout::Rect;

use crate::ui::pen::Pen;

/// Draws the list.
pub(in crate::ui) fn draw(_pen: &mut Pen<'_>, _area: Rect) {}
