//! The command palette: what was typed, and what it may mean, its letters marked.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::{open_at, prompt, title};
use crate::app::model::dialog::{Palette, PaletteRow};
use crate::app::regions::Hit;
use crate::ui::format;
use crate::ui::pen::{Pen, top};

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, palette: &Palette) {
    let theme = pen.theme;
    let width = area.width.saturating_sub(4).min(100);
    let height = (palette.rows.len() as u16).saturating_add(4).clamp(6, area.height.saturating_sub(2).max(6)).min(area.height);
    let y = area.y + (area.height - height).min(area.height / 8);
    let place = Rect { x: area.x + (area.width - width) / 2, y, width, height };
    let note = Line::styled(format!("{} of them", palette.rows.len()), theme.muted);
    let heading = title(pen, "What do you want to do");
    let inner = open_at(pen, place, theme.border_focus, heading, note);
    let (field, rest) = top(inner, 1);
    prompt::input(pen, field, &palette.input, true);
    let (_, list) = top(rest, 1);
    let mut cursor = palette.cursor;
    cursor.reveal(palette.rows.len(), list.height.into());
    pen.regions.list_rows = list.height.into();
    if palette.rows.is_empty() {
        pen.line(list, Span::styled("Nothing is called that.", theme.muted));
    }
    for (row, (number, entry)) in list.rows().zip(palette.rows.iter().enumerate().skip(cursor.top)) {
        if number == cursor.at {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        draw_row(pen, row, entry);
        pen.hit(row, Hit::ListRow(number));
    }
}

/// The label with its matched letters, then the reason or the keys at the right.
fn draw_row(pen: &mut Pen<'_>, area: Rect, row: &PaletteRow) {
    let theme = pen.theme;
    let (told, style) = match &row.refusal {
        Some(why) => (format!("  {why}"), theme.faint),
        None => (format!("  {}", row.keys), theme.key),
    };
    let told = format::fit(&told, usize::from(area.width) / 2).into_owned();
    let taken = pen.line_right(area, Span::styled(told, style));
    let plain = if row.refusal.is_some() { theme.faint } else { theme.text() };
    let named = row.label.find(": ").unwrap_or(0);
    let mut spans = Vec::new();
    for (byte, character) in row.label.char_indices() {
        let style = if row.matched.contains(&byte) {
            theme.matched
        } else if byte < named && row.refusal.is_none() {
            theme.strong
        } else {
            plain
        };
        spans.push(Span::styled(character.to_string(), style));
    }
    debug_assert!(row.label.width() < 4_096, "labels are sentences");
    pen.line(Rect { width: area.width.saturating_sub(taken), ..area }, Line::from(spans));
}
