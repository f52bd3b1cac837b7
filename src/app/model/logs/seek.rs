//! Searching: goes from match to match and takes no line away.

use super::LogPane;
use super::filter::Pattern;

/// What became of a step to a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Here,
    /// It went on from the other end.
    Wrapped,
    Nowhere,
    /// Nothing is searched for.
    NoPattern,
}

impl LogPane {
    /// Searches for a text: stays on a line that matches, else goes back to the last one before, else on to the next
    /// one. The empty text ends the search. Half a regular expression, as it is while one types, stands for itself.
    pub fn search(&mut self, text: &str) -> Found {
        self.search = if text.is_empty() { None } else { Pattern::lenient(text) };
        let Some(here) = self.here() else { return Found::Nowhere };
        if self.search.is_none() {
            return Found::NoPattern;
        }
        self.advance(usize::MAX);
        let at = self.index.place(here, &self.store);
        let count = self.index.len(&self.store);
        let hit = (0..=at).rev().find(|at| self.matches(*at)).or_else(|| (at + 1..count).find(|at| self.matches(*at)));
        self.go(hit, false)
    }

    /// Goes to the next match, towards newer lines or older ones, and on from the other end.
    pub fn next_match(&mut self, older: bool) -> Found {
        if self.search.is_none() {
            return Found::NoPattern;
        }
        self.advance(usize::MAX);
        let Some(here) = self.here() else { return Found::Nowhere };
        let at = self.index.place(here, &self.store);
        let count = self.index.len(&self.store);
        let ahead = if older { (0..at).rev().find(|at| self.matches(*at)) } else { (at + 1..count).find(|at| self.matches(*at)) };
        if ahead.is_some() {
            return self.go(ahead, false);
        }
        let around = if older { (at..count).rev().find(|at| self.matches(*at)) } else { (0..=at).find(|at| self.matches(*at)) };
        self.go(around, true)
    }

    fn matches(&self, at: usize) -> bool {
        let record = self.index.id(at, &self.store).and_then(|id| self.store.get(id));
        match (&self.search, record) {
            (Some(pattern), Some(record)) => !record.mark() && pattern.matches(self.store.text(record)),
            _ => false,
        }
    }

    fn go(&mut self, at: Option<usize>, wrapped: bool) -> Found {
        let Some(id) = at.and_then(|at| self.index.id(at, &self.store)) else { return Found::Nowhere };
        // A match on the last line of a live log is no reason to stand still.
        if !(self.follow && Some(id) == self.here()) {
            self.stop();
            self.cursor = id;
        }
        if wrapped { Found::Wrapped } else { Found::Here }
    }
}
