//! Which lines are shown. What is set here takes lines away; a search does not.

use regex::{Regex, RegexBuilder};

use super::source::Voice;
use crate::domain::id::{ContainerName, InstanceName};
use crate::domain::log::Level;

/// Whose lines are shown, by the role of their revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    #[default]
    Both,
    Candidate,
    /// What is no candidate: the stable revision, and old ones on their way out.
    Serving,
}

impl Side {
    /// Returns the next choice.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Both => Self::Candidate,
            Self::Candidate => Self::Serving,
            Self::Serving => Self::Both,
        }
    }

    /// Returns what stands in the strip: `C+S`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Both => "C+S",
            Self::Candidate => "C only",
            Self::Serving => "S only",
        }
    }
}

/// A regular expression; small letters alone match capitals too.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// The memory that a compiled pattern may take: one that blows up is refused.
    const SIZE: usize = 1 << 20;

    /// Reads a regular expression.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in a line.
    pub fn new(text: &str) -> Result<Self, String> {
        let smart = !text.chars().any(char::is_uppercase);
        let regex = RegexBuilder::new(text).case_insensitive(smart).size_limit(Self::SIZE).build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
            other => other.to_string().lines().last().unwrap_or("no regular expression").trim().to_owned(),
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Reads a regular expression, else takes the text for itself: half a pattern is searched for while it is typed.
    pub fn lenient(text: &str) -> Option<Self> {
        Self::new(text).or_else(|_| Self::new(&regex::escape(text))).ok()
    }

    /// Returns what was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether a text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Returns where it matches; empty matches are none.
    pub fn ranges<'a>(&'a self, text: &'a str) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
        self.regex.find_iter(text).map(|found| found.range()).filter(|range| !range.is_empty())
    }
}

/// Everything that takes lines away.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// This level and graver.
    pub level: Option<Level>,
    pub side: Side,
    pub instance: Option<InstanceName>,
    pub container: Option<ContainerName>,
    pub pattern: Option<Pattern>,
}

impl Filter {
    /// Returns whether anything is taken away.
    pub fn active(&self) -> bool {
        self.level.is_some() || self.side != Side::Both || self.instance.is_some() || self.container.is_some() || self.pattern.is_some()
    }

    /// Returns whether a source's lines may be shown.
    pub(super) fn admits(&self, voice: &Voice) -> bool {
        let side = match self.side {
            Side::Both => true,
            Side::Candidate => voice.roles.candidate(),
            Side::Serving => !voice.roles.candidate(),
        };
        side && self.instance.as_ref().is_none_or(|wanted| *wanted == voice.source.instance)
            && self.container.as_ref().is_none_or(|wanted| *wanted == voice.source.container)
    }

    /// Returns whether a line of an admitted source is shown.
    pub(super) fn passes(&self, level: Level, text: &str) -> bool {
        self.level.is_none_or(|least| level >= least) && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
    }
}
