//! Where in a file something stands, with the line itself, so that an error can be shown without the file.

use std::ops::Range;
use std::sync::Arc;

/// A configuration text and the name it is shown by.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// Takes a text. A byte order mark is dropped: it would shift every column of the first line.
    pub fn new(name: impl Into<Arc<str>>, text: &str) -> Self {
        Self { name: name.into(), text: text.strip_prefix('\u{feff}').unwrap_or(text).into() }
    }

    /// Returns the name that the text is shown by.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where a range of bytes stands. A range over several lines is cut at the end of its first.
    pub fn at(&self, span: Range<usize>) -> Position {
        let start = floor(&self.text, span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let first = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(first..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let from = (start - first).min(line.len());
        let to = floor(line, span.end.saturating_sub(first)).clamp(from, line.len());
        Position {
            file: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: line.get(..from).unwrap_or_default().chars().count() + 1,
            length: line.get(from..to).unwrap_or_default().chars().count(),
            text: line.into(),
        }
    }
}

/// Returns the nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A place in a file, with the line that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub file: Arc<str>,
    /// From 1; 0 where the error is about the whole file.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters of the line are meant; 0 where something is missing there.
    pub length: usize,
    /// The line, without its end; empty where there is nothing to point at.
    pub text: Arc<str>,
}

impl Position {
    /// Returns the place that stands for a whole file: one that is absent or cannot be read.
    pub fn whole(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), line: 0, column: 0, length: 0, text: "".into() }
    }

    /// Returns the start of a file, for what is missing in it.
    pub fn start(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), line: 1, column: 1, length: 0, text: "".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("f", "\u{feff}a = 1\r\nñ = \"日本\"\n");
        let at = |text: &str| {
            let start = source.text().find(text).unwrap();
            let place = source.at(start..start + text.len());
            (place.line, place.column, place.length, place.text.to_string())
        };
        assert_eq!(at("a"), (1, 1, 1, "a = 1".into()));
        assert_eq!(at("\"日本\""), (2, 5, 4, "ñ = \"日本\"".into()));
    }

    #[test]
    fn a_range_outside_of_the_text_is_cut() {
        let source = Source::new("f", "ä\nb");
        assert_eq!(source.at(1..900).column, 1, "the middle of a character is its start");
        assert_eq!(source.at(700..900).line, 2);
        assert_eq!(source.at(3..900).length, 1);
    }
}
