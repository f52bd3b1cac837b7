//! What every drawing function holds: the cells, the model, the look, and the layout that it reports.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Widget as _};

use super::format::fit_line;
use crate::app::model::Model;
use crate::app::regions::{Hit, Regions};
use crate::config::theme::Theme;

/// One frame under way.
pub(super) struct Pen<'a> {
    pub(super) cells: &'a mut Buffer,
    pub(super) model: &'a Model,
    pub(super) theme: &'a Theme,
    pub(super) regions: &'a mut Regions,
}

impl Pen<'_> {
    /// Writes a line into the first row of an area, cut to its width.
    pub(super) fn line<'l>(&mut self, area: Rect, line: impl Into<Line<'l>>) {
        let area = area.intersection(self.cells.area);
        if area.is_empty() {
            return;
        }
        let line = fit_line(line.into(), area.width.into());
        self.cells.set_line(area.x, area.y, &line, area.width);
    }

    /// Writes a line that ends at the right of the first row of an area. Returns the columns it took.
    pub(super) fn line_right<'l>(&mut self, area: Rect, line: impl Into<Line<'l>>) -> u16 {
        let line = line.into();
        let width = (line.width() as u16).min(area.width);
        self.line(Rect { x: area.right() - width, width, ..area }, line);
        width
    }

    /// Writes lines one below the other, as many as fit.
    pub(super) fn lines<'l>(&mut self, area: Rect, lines: impl IntoIterator<Item = Line<'l>>) {
        for (row, line) in area.rows().zip(lines) {
            self.line(row, line);
        }
    }

    /// Lays a style over an area; what it does not set stays.
    pub(super) fn paint(&mut self, area: Rect, style: Style) {
        self.cells.set_style(area, style);
    }

    /// Draws a frame with a title, and a note at its right; returns what is within, with a column of air.
    pub(super) fn pane(&mut self, area: Rect, focused: bool, title: &str, note: Line<'_>) -> Rect {
        let (border, text) = if focused { (self.theme.border_focus, self.theme.strong) } else { (self.theme.border, self.theme.muted) };
        self.framed(area, border, Line::from(Span::styled(format!(" {title} "), text)), note)
    }

    /// Draws a frame in a style of its own.
    pub(super) fn framed(&mut self, area: Rect, border: Style, title: Line<'_>, note: Line<'_>) -> Rect {
        let block = Block::bordered().border_type(BorderType::Rounded).border_style(border);
        let inner = block.inner(area);
        block.render(area, self.cells);
        let top = Rect { x: area.x.saturating_add(2), width: area.width.saturating_sub(4), height: area.height.min(1), ..area };
        let taken = title.width() as u16;
        self.line(top, title);
        let rest = top.width.saturating_sub(taken.saturating_add(2));
        let width = note.width() as u16 + 2;
        if width > 2 && width <= rest {
            let mut spans = vec![Span::raw(" ")];
            spans.extend(note.spans.into_iter().map(|span| Span::styled(span.content, note.style.patch(span.style))));
            spans.push(Span::raw(" "));
            self.line_right(top, Line::from(spans));
        }
        Rect { x: inner.x.saturating_add(1), width: inner.width.saturating_sub(2), ..inner }
    }

    /// Notes what a click on an area means.
    pub(super) fn hit(&mut self, area: Rect, hit: Hit) {
        let area = area.intersection(self.cells.area);
        if !area.is_empty() {
            self.regions.add(area, hit);
        }
    }
}

/// Returns a rectangle of a size in the middle of an area, never larger than it.
pub(super) fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Splits the first rows off an area.
pub(super) fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Splits the last rows off an area: the rest, then them.
pub(super) fn bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    let (rest, rows) = top(area, area.height.saturating_sub(rows));
    (rest, rows)
}

/// Takes columns off both sides.
pub(super) fn inset(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width / 2);
    Rect { x: area.x + columns, width: area.width - 2 * columns, ..area }
}
