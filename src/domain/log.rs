//! Log lines in the engine-neutral form: where they come from, what stands between them, and the batches they travel in.
//!
//! A batch keeps its text in one buffer: at 100,000 lines a second an allocation for each line is what the time goes to.

mod clean;
mod fields;
mod level;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use clean::{append_clean, clean};
pub use fields::{Fields, shown};

use super::id::{ContainerName, InstanceName, RevisionId};

/// How grave a line says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Level {
    Trace,
    Debug,
    /// Also a line that does not say.
    #[default]
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    /// All levels, the least grave first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Returns the word that stands on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// Where lines come from: one container of one instance. Shared by its lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub instance: InstanceName,
    pub container: ContainerName,
    pub revision: RevisionId,
    pub init: bool,
    /// The run before the present one.
    pub previous: bool,
}

/// What stands between lines, so that nothing is missing in silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The stream broke and goes on; lines may be missing between.
    Reconnected { after_ms: u64, gap: Gap },
    /// The container ended; its exit where it is known.
    Ended(String),
    /// A new source joined.
    Joined,
    /// It could not be read.
    Failed(String),
    /// So many lines were dropped because the console could not keep up.
    Dropped(u64),
}

impl Mark {
    /// Returns whether lines are missing, or may be.
    pub fn missing(&self) -> bool {
        matches!(self, Self::Reconnected { gap: Gap::Possible, .. } | Self::Failed(_) | Self::Dropped(_))
    }
}

impl fmt::Display for Mark {
    /// `reconnected after 3.1 s, no gap`; who it is about stands beside it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reconnected { after_ms, gap } => {
                let gap = match gap {
                    Gap::None => "no gap",
                    Gap::Possible => "lines may be missing",
                };
                write!(f, "reconnected after {}.{} s, {gap}", after_ms / 1000, after_ms % 1000 / 100)
            }
            Self::Ended(exit) if exit.is_empty() => f.write_str("ended"),
            Self::Ended(exit) => write!(f, "ended: {exit}"),
            Self::Joined => f.write_str("joined"),
            Self::Failed(why) => write!(f, "cannot be read: {why}"),
            Self::Dropped(1) => f.write_str("1 line dropped, the console could not keep up"),
            Self::Dropped(count) => write!(f, "{count} lines dropped, the console could not keep up"),
        }
    }
}

/// Whether lines may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The last line before and the first after overlap.
    None,
    Possible,
}

/// One line, or a mark between lines, on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Nanoseconds since 1970, by the node's clock.
    pub at: i64,
    pub source: Arc<Source>,
    pub body: LineBody,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineBody {
    /// As it was written, without the line end; control characters and all.
    Text(Box<str>),
    Mark(Mark),
}

/// What an entry of a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Clean: no escape and no control character is in it.
    Text(&'a str),
    Mark(&'a Mark),
}

/// An entry of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub at: i64,
    /// Index into [`Lines::sources`].
    pub source: usize,
    /// What the text says of itself.
    pub level: Level,
    pub body: Body<'a>,
}

/// Lines and marks in one buffer, in the order in which they came.
#[derive(Clone, Default)]
pub struct Lines {
    text: String,
    slots: Vec<Slot>,
    sources: Vec<Arc<Source>>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy)]
struct Slot {
    at: i64,
    /// In the text; of a mark, its index.
    start: u32,
    length: u32,
    source: u32,
    level: Level,
    mark: bool,
}

impl Lines {
    /// Returns the number of lines and marks.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the bytes of text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the sources that the entries point at.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// Adds a line as it was written, without its line end. It is cleaned and its level is read here, once, on the
    /// adapter's side of the channel.
    pub fn push_text(&mut self, at: i64, source: &Arc<Source>, raw: &[u8]) {
        let start = self.text.len();
        append_clean(&mut self.text, raw);
        let level = Level::of(self.text.get(start..).unwrap_or_default());
        let source = self.source(source);
        // A batch is a few hundred lines of at most 64 KiB: 32 bits are plenty.
        self.slots.push(Slot { at, start: start as u32, length: (self.text.len() - start) as u32, source, level, mark: false });
    }

    /// Adds a mark.
    pub fn push_mark(&mut self, at: i64, source: &Arc<Source>, mark: Mark) {
        let source = self.source(source);
        self.slots.push(Slot { at, start: self.marks.len() as u32, length: 0, source, level: Level::Info, mark: true });
        self.marks.push(mark);
    }

    /// Returns the entries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.slots.iter().map(|slot| {
            let body = match self.marks.get(slot.start as usize) {
                Some(mark) if slot.mark => Body::Mark(mark),
                _ => Body::Text(self.text.get(slot.start as usize..(slot.start + slot.length) as usize).unwrap_or_default()),
            };
            Entry { at: slot.at, source: slot.source as usize, level: slot.level, body }
        })
    }

    /// Drops every line and keeps the marks. Returns how many lines went.
    pub fn drop_text(&mut self) -> u64 {
        let before = self.slots.len();
        self.slots.retain(|slot| slot.mark);
        self.text.clear();
        (before - self.slots.len()) as u64
    }

    /// Moves the entries of another batch to the end of this one.
    pub fn append(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        let (text, mark) = (self.text.len() as u32, self.marks.len() as u32);
        let sources: Vec<u32> = other.sources.iter().map(|source| self.source(source)).collect();
        self.text.push_str(&other.text);
        self.marks.extend(other.marks);
        self.slots.extend(other.slots.into_iter().map(|slot| Slot {
            start: slot.start + if slot.mark { mark } else { text },
            source: sources.get(slot.source as usize).copied().unwrap_or_default(),
            ..slot
        }));
    }

    fn source(&mut self, source: &Arc<Source>) -> u32 {
        // The last one first: lines come in runs.
        if let Some(at) = self.sources.iter().rposition(|known| Arc::ptr_eq(known, source)) {
            return at as u32;
        }
        self.sources.push(source.clone());
        (self.sources.len() - 1) as u32
    }
}

impl Extend<Line> for Lines {
    fn extend<I: IntoIterator<Item = Line>>(&mut self, lines: I) {
        for line in lines {
            match line.body {
                LineBody::Text(text) => self.push_text(line.at, &line.source, text.as_bytes()),
                LineBody::Mark(mark) => self.push_mark(line.at, &line.source, mark),
            }
        }
    }
}

impl FromIterator<Line> for Lines {
    fn from_iter<I: IntoIterator<Item = Line>>(lines: I) -> Self {
        let mut all = Self::default();
        all.extend(lines);
        all
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(instance: &str) -> Arc<Source> {
        Arc::new(Source { instance: instance.into(), container: "web".into(), revision: "web-1".into(), init: false, previous: false })
    }

    #[test]
    fn a_batch_keeps_text_level_source_and_order() {
        let (a, b) = (source("a"), source("b"));
        let mut lines = Lines::default();
        lines.push_text(1, &a, b"\x1b[31mERROR\x1b[0m no\x07 bell");
        lines.push_mark(2, &b, Mark::Joined);
        lines.push_text(3, &a, b"level=debug done");
        let got: Vec<_> = lines.iter().map(|entry| (entry.at, entry.source, entry.level, entry.body)).collect();
        assert_eq!(
            got,
            [
                (1, 0, Level::Error, Body::Text("ERROR no bell")),
                (2, 1, Level::Info, Body::Mark(&Mark::Joined)),
                (3, 0, Level::Debug, Body::Text("level=debug done")),
            ]
        );
        assert_eq!(lines.drop_text(), 2);
        assert_eq!(lines.iter().map(|entry| entry.body).collect::<Vec<_>>(), [Body::Mark(&Mark::Joined)], "marks outlive dropped lines");
    }
}
