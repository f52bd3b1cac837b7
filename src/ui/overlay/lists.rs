//! Two short lists: what the console told in passing, and the themes.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{open, open_at, title};
use crate::app::model::nav::Cursor;
use crate::app::regions::Hit;
use crate::ui::format;
use crate::ui::frame::tone;
use crate::ui::pen::Pen;

/// Draws the notices, newest first; the one under the cursor in full.
pub(super) fn notices(pen: &mut Pen<'_>, area: Rect, cursor: Cursor) {
    let (model, theme) = (pen.model, pen.theme);
    let count = model.notices.len();
    let width = area.width.saturating_sub(4).min(120);
    let height = (count as u16).saturating_add(6).clamp(7, area.height.max(7));
    let heading = title(pen, "Notices");
    let note = Line::styled(format!("{count}, newest first"), theme.muted);
    let inner = open(pen, area, (width, height), theme.border_focus, heading, note);
    let (list, full) = crate::ui::pen::bottom(inner, 3.min(inner.height / 2));
    let mut cursor = cursor;
    cursor.reveal(count, list.height.into());
    pen.regions.list_rows = list.height.into();
    if count == 0 {
        pen.line(list, Span::styled("Nothing was told yet.", theme.muted));
    }
    for (row, (number, notice)) in list.rows().zip(model.notices.iter().enumerate().skip(cursor.top)) {
        let here = number == cursor.at;
        if here {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        let (glyph, style) = tone(pen, notice.tone);
        let about = notice.about.as_ref().map_or_else(String::new, |about| format!("{about}: "));
        let mut spans = vec![
            Span::styled(format!("{}  ", format::time(notice.at, &model.zone)), theme.faint),
            Span::styled(format!("{glyph} "), style),
            Span::styled(about.clone(), theme.muted),
            Span::styled(notice.text.clone(), style),
        ];
        if notice.times > 1 {
            spans.push(Span::styled(format!("  {} times", notice.times), theme.muted));
        }
        pen.line(row, Line::from(spans));
        pen.hit(row, Hit::ListRow(number));
        if here {
            let text = format!("{about}{}", notice.text);
            let (_, below) = crate::ui::pen::top(full, u16::from(full.height > 2));
            pen.lines(below, format::wrap(&text, below.width.into()).into_iter().map(|line| Line::styled(line, theme.muted)));
        }
    }
}

/// Draws the themes, aside, so that the screen is seen in the one under the cursor.
pub(super) fn themes(pen: &mut Pen<'_>, area: Rect, cursor: Cursor) {
    let (model, theme) = (pen.model, pen.theme);
    let names = &model.look.themes;
    let width = area.width.min(names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(16) as u16 + 8);
    let height = (names.len() as u16).saturating_add(2).min(area.height);
    let place = Rect { x: area.right() - width, y: area.y, width, height };
    let heading = title(pen, "Theme");
    let inner = open_at(pen, place, theme.border_focus, heading, Line::default());
    let mut cursor = cursor;
    cursor.reveal(names.len(), inner.height.into());
    pen.regions.list_rows = inner.height.into();
    for (row, (number, name)) in inner.rows().zip(names.iter().enumerate().skip(cursor.top)) {
        let here = number == cursor.at;
        if here {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        pen.line(row, Line::from(vec![Span::styled(if here { "▶ " } else { "  " }, theme.accent), Span::raw(name.clone())]));
        pen.hit(row, Hit::ListRow(number));
    }
}
