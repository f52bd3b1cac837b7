//! The sentence that stands where the terminal is too small for anything else.

use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::ui::format;
use crate::ui::pen::Pen;

/// Draws it.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, least: (u16, u16)) {
    let text = format!(
        "rolldeck needs {} columns and {} rows; this terminal has {} and {}. It goes on working behind this.",
        least.0, least.1, area.width, area.height
    );
    let lines = format::wrap(&text, area.width.saturating_sub(2).into());
    let above = area.height.saturating_sub(lines.len() as u16) / 2;
    let place = Rect { x: area.x + area.width.min(1), y: area.y + above, width: area.width.saturating_sub(2), height: area.height - above };
    pen.lines(place, lines.into_iter().map(Line::from));
}
