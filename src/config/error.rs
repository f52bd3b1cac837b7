//! An error in a configuration file, and how it is shown: place, line, caret, what was expected.
//!
//! ```text
//! rolldeck.toml:12:1: unknown key `namspace` in [[environment]]
//!    |
//! 12 | namspace = "booking-dev"
//!    | ^^^^^^^^ did you mean `namespace`?
//!    = known here: colour, context, engine, name, namespace, protection
//! ```

use std::fmt;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::mask::masked;
use super::position::Position;
use crate::domain::redact::redact;

/// How wide a shown line may be before it is cut around the caret, and where notes wrap: fits beside the line number in
/// a terminal of 100 columns.
const WIDTH: usize = 92;

/// One thing that is wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub at: Position,
    /// What is wrong, in one line without a period.
    pub message: String,
    /// What stands beside the caret, or below where it is too narrow there: what was probably meant.
    pub label: Option<String>,
    /// What helps further, one paragraph each: what is known here, an example.
    pub notes: Vec<String>,
}

impl ConfigError {
    /// Says what is wrong at a place.
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), label: None, notes: Vec::new() }
    }

    /// Puts words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Proposes a name beside the caret, where one is near.
    #[must_use]
    pub fn meant(mut self, similar: Option<&str>) -> Self {
        if let Some(name) = similar {
            self.label = Some(format!("did you mean `{name}`?"));
        }
        self
    }

    /// Adds a paragraph below.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl ConfigError {
    /// Puts stars over what the caret stands under: it may be a secret.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        let (from, to) = (self.at.column.saturating_sub(1), self.at.column.saturating_sub(1) + self.at.length);
        let hide = |(at, character): (usize, char)| match character {
            '"' | '\'' => character,
            _ if (from..to).contains(&at) => '*',
            _ => character,
        };
        self.at.text = self.at.text.chars().enumerate().map(hide).collect::<String>().into();
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { file, line, column, .. } = &self.at;
        let message = redact(&self.message);
        if *line == 0 {
            write!(f, "{file}: {message}")?;
        } else {
            write!(f, "{file}:{line}:{column}: {message}")?;
        }
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        if self.at.text.is_empty() {
            if let Some(label) = &self.label {
                write!(f, "\n{gutter} = {label}")?;
            }
        } else {
            let (shown, before, under) = excerpt(&self.at);
            write!(f, "\n{gutter} |\n{number} | {shown}\n{gutter} | {}{}", " ".repeat(before), "^".repeat(under))?;
            match &self.label {
                Some(label) if before + under + 1 + label.width() <= WIDTH => write!(f, " {label}")?,
                Some(label) => write!(f, "\n{gutter} = {label}")?,
                None => {}
            }
        }
        for note in &self.notes {
            for (at, part) in wrap(&redact(note)).into_iter().enumerate() {
                write!(f, "\n{gutter} {} {part}", if at == 0 { '=' } else { ' ' })?;
            }
        }
        Ok(())
    }
}

/// Returns the line as it is shown, how many columns stand before the caret, and how many it underlines.
fn excerpt(at: &Position) -> (String, usize, usize) {
    // Masking keeps widths but not characters, so the caret is measured on the line as it stands in the file.
    let start = at.column - 1;
    let before = columns(&at.text.chars().take(start).collect::<String>());
    let under = columns(&at.text.chars().skip(start).take(at.length).collect::<String>()).max(1);
    let line = masked(&plain(&at.text));
    if line.width() <= WIDTH {
        return (line, before, under);
    }
    // Cut so that the caret stands a third from the left; an ellipsis takes the place of what is cut off.
    let skip = before.saturating_sub(WIDTH / 3).min((line.width() + 1).saturating_sub(WIDTH));
    let (mut shown, mut column) = (String::new(), 0);
    if skip > 0 {
        shown.push('…');
    }
    for grapheme in line.graphemes(true) {
        let wide = grapheme.width();
        if column >= skip + usize::from(skip > 0) {
            if shown.width() + wide >= WIDTH && column + wide < line.width() {
                shown.push('…');
                break;
            }
            shown.push_str(grapheme);
        } else if column + wide > skip + usize::from(skip > 0) {
            shown.push(' '); // the second half of a wide character whose first was cut off
        }
        column += wide;
    }
    let before = before - skip;
    (shown, before, under.min(WIDTH.saturating_sub(before)).max(1))
}

fn columns(text: &str) -> usize {
    plain(text).width()
}

/// Returns a text that a terminal cannot misread: tabs as two blanks, control and direction characters as a mark.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("  "),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => out.push('\u{fffd}'),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// Breaks a note between words; its own line breaks stay.
fn wrap(note: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in note.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.width() + 1 + word.width() > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Everything that is wrong in one reading, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// Puts the errors in the order in which a person would meet them, and returns the value where there are none.
    pub fn or<T>(mut self, value: Option<T>) -> Result<T, Self> {
        self.0.sort_by(|a, b| (&a.at.file, a.at.line, a.at.column).cmp(&(&b.at.file, b.at.line, b.at.column)));
        self.0.dedup();
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self),
        }
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}\n")?;
        }
        match self.0.len() {
            1 => write!(f, "1 error"),
            many => write!(f, "{many} errors"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::position::Source;

    fn error(text: &str, what: &str) -> String {
        let start = text.find(what).unwrap();
        ConfigError::new(Source::new("f.toml", text).at(start..start + what.len()), "wrong").to_string()
    }

    /// The column where the carets start, and how many there are, counted from the line's own start.
    fn carets(text: &str, what: &str) -> (usize, usize) {
        let shown = error(text, what);
        let line = shown.lines().nth(3).unwrap();
        let line = line.split_once("| ").unwrap().1;
        (line.find('^').unwrap(), line.matches('^').count())
    }

    #[test]
    fn the_caret_stands_under_wide_and_masked_text() {
        assert_eq!(carets("a = 1", "a"), (0, 1));
        assert_eq!(carets("\ta = \"日本\" # x", "\"日本\""), (6, 6));
        assert_eq!(carets("a = { \"日本\" = 1, b = 2 }", "b"), (18, 1));
        assert_eq!(carets("url = \"://a:sekret@x\", b = 1", "b ="), (23, 3));
        assert!(!error("token = \"sekret\"", "token").contains("sekret"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        for (before, after) in [(0, 300), (300, 0), (200, 200), (91, 91)] {
            let text = format!("{}!!!!{}", "あ".repeat(before / 2), "x".repeat(after));
            let shown = error(&text, "!!!!");
            for line in shown.lines() {
                assert!(line.width() <= WIDTH + 4, "{line}");
            }
            let lines: Vec<_> = shown.lines().collect();
            let (excerpt, caret) = (lines[2], lines[3]);
            let at = caret.find('^').unwrap();
            let mut column = 0;
            let under: String = excerpt
                .graphemes(true)
                .filter(|g| {
                    column += g.width();
                    column > at && column <= at + 4
                })
                .collect();
            assert_eq!(under, "!!!!", "{shown}");
        }
    }

    #[test]
    fn an_escape_sequence_in_a_file_does_not_reach_the_terminal() {
        assert!(!error("a = \"\u{1b}[31m\u{202e}\"", "a").contains(['\u{1b}', '\u{202e}']));
    }
}
