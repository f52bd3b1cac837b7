//! The lines that are on screen, for a height and a width. Costs what is on screen.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::LogPane;
use super::source::Voice;
use crate::domain::log::{Level, shown};

/// A line on screen.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// None where it is the console itself that speaks.
    pub voice: Option<&'a Voice>,
    pub level: Level,
    /// A mark between lines and no line.
    pub mark: bool,
    /// As it is read: of a JSON line the message and the fields.
    pub text: Cow<'a, str>,
    /// The rows that it takes.
    pub rows: usize,
    pub cursor: bool,
    pub selected: bool,
}

/// Returns how many rows a text takes in so many columns, broken between what is one sign to the eye.
pub fn wrapped_rows(text: &str, width: usize) -> usize {
    if width == 0 || text.len() <= width {
        return 1;
    }
    if text.is_ascii() {
        return text.len().div_ceil(width);
    }
    let (mut rows, mut column) = (1, 0);
    for sign in text.graphemes(true) {
        let wide = sign.width();
        if column + wide > width {
            (rows, column) = (rows + 1, 0);
        }
        column += wide;
    }
    rows
}

impl LogPane {
    /// Returns the lines for a screen of so many rows, with so many columns for their text, oldest first.
    pub fn view(&self, height: usize, width: usize) -> Vec<Row<'_>> {
        let (first, last) = self.window(height, width);
        self.on_screen.set(last - first);
        if !self.follow
            && let Some(top) = self.index.id(first, &self.store)
        {
            self.top.set(top);
        }
        let here = self.here();
        let selection = self.selection();
        let mut left = height;
        let mut rows = Vec::with_capacity(last - first);
        for at in first..last {
            let Some(id) = self.index.id(at, &self.store) else { break };
            let Some(record) = self.store.get(id) else { break };
            let text = self.store.text(record);
            let text = if record.mark() { Cow::Borrowed(text) } else { shown(text) };
            let tall = if self.wrap { wrapped_rows(&text, width) } else { 1 }.min(left);
            left -= tall;
            rows.push(Row {
                at: record.at,
                voice: self.voices.get(record.source),
                level: record.level,
                mark: record.mark(),
                text,
                rows: tall,
                cursor: !self.follow && Some(id) == here,
                selected: selection.is_some_and(|(from, to)| (from..=to).contains(&id)),
            });
        }
        rows
    }

    /// Returns the places of the first line on screen and of the first one below it.
    fn window(&self, height: usize, width: usize) -> (usize, usize) {
        let count = self.index.len(&self.store);
        if count == 0 || height == 0 {
            return (0, 0);
        }
        if self.follow {
            return (self.back_from(count - 1, height, width), count);
        }
        let cursor = self.index.place(self.cursor, &self.store).min(count - 1);
        let mut first = self.index.place(self.top.get(), &self.store).min(cursor);
        first = first.max(self.back_from(cursor, height, width));
        // The last screen is full, as far as there are lines.
        first = first.min(self.back_from(count - 1, height, width)).min(cursor);
        let (mut last, mut rows) = (first, 0);
        while last < count && rows < height {
            rows += self.height(last, width);
            last += 1;
        }
        (first, last)
    }

    /// Returns the place of the first line of a screen that ends with the line at a place.
    fn back_from(&self, at: usize, height: usize, width: usize) -> usize {
        let mut first = at;
        let mut rows = self.height(at, width);
        while first > 0 {
            rows += self.height(first - 1, width);
            if rows > height {
                break;
            }
            first -= 1;
        }
        first
    }

    fn height(&self, at: usize, width: usize) -> usize {
        if !self.wrap {
            return 1;
        }
        let record = self.index.id(at, &self.store).and_then(|id| self.store.get(id));
        record.map_or(1, |record| wrapped_rows(&shown(self.store.text(record)), width))
    }
}
