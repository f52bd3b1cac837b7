//! Where the person is: a stack of screens, and each screen's own cursor.

use std::collections::BTreeSet;

use crate::domain::id::{ReleaseId, RevisionId, RolloutId};

/// A full screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    Deck,
    Rollout(RolloutId),
    Logs(RolloutId),
    Revisions(RolloutId),
    /// The journal and what turned, of one rollout or of all.
    Timeline(Option<RolloutId>),
    /// Every release, the newest first.
    Releases,
    /// A release's checklist, approvals, window and verdict.
    Release(ReleaseId),
    /// Everything that happened on a release.
    Chronicle(ReleaseId),
}

impl Screen {
    /// Returns the rollout that the screen is about.
    pub fn rollout(&self) -> Option<&RolloutId> {
        match self {
            Self::Deck | Self::Timeline(None) | Self::Releases | Self::Release(_) | Self::Chronicle(_) => None,
            Self::Rollout(id) | Self::Logs(id) | Self::Revisions(id) | Self::Timeline(Some(id)) => Some(id),
        }
    }

    /// Returns the section of the key map that holds here.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Deck => "deck",
            Self::Rollout(_) => "rollout",
            Self::Logs(_) => "logs",
            Self::Revisions(_) => "revisions",
            Self::Timeline(_) => "timeline",
            Self::Releases => "releases",
            Self::Release(_) => "release",
            Self::Chronicle(_) => "chronicle",
        }
    }
}

/// A pane of the rollout screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pane {
    #[default]
    Tree,
    Events,
    Logs,
}

impl Pane {
    /// The panes in the order of Tab.
    pub const ALL: [Self; 3] = [Self::Tree, Self::Events, Self::Logs];

    /// Returns the pane after this one, or before it.
    #[must_use]
    pub fn step(self, back: bool) -> Self {
        match (self, back) {
            (Self::Tree, false) | (Self::Logs, true) => Self::Events,
            (Self::Events, false) | (Self::Tree, true) => Self::Logs,
            (Self::Logs, false) | (Self::Events, true) => Self::Tree,
        }
    }
}

/// A cursor in a list, and the first row shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub at: usize,
    pub top: usize,
}

impl Cursor {
    /// Moves by so many rows within a list of `len`, and scrolls so that it stays within `rows`.
    pub fn step(&mut self, by: isize, len: usize, rows: usize) {
        self.at = self.at.saturating_add_signed(by).min(len.saturating_sub(1));
        self.reveal(len, rows);
    }

    /// Moves to a row.
    pub fn set(&mut self, at: usize, len: usize, rows: usize) {
        self.at = at.min(len.saturating_sub(1));
        self.reveal(len, rows);
    }

    /// Keeps the cursor within a list that may have shrunk, and in view.
    pub fn reveal(&mut self, len: usize, rows: usize) {
        self.at = self.at.min(len.saturating_sub(1));
        let rows = rows.max(1);
        if self.at < self.top {
            self.top = self.at;
        } else if self.at >= self.top + rows {
            self.top = self.at + 1 - rows;
        }
        self.top = self.top.min(len.saturating_sub(rows));
    }
}

/// The deck's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeckState {
    pub cursor: Cursor,
    pub environment: usize,
    /// Services whose names contain this are shown.
    pub filter: String,
    /// Which workload of the cell, where a service has several.
    pub workload: usize,
}

/// The rollout screen's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutState {
    pub pane: Pane,
    pub tree: Cursor,
    pub events: Cursor,
    /// Revisions whose instances are all listed; otherwise healthy ones are folded into one row.
    pub unfolded: BTreeSet<RevisionId>,
}

/// Where the person is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nav {
    stack: Vec<Screen>,
    pub deck: DeckState,
    pub rollout: RolloutState,
    /// Of the revisions screen.
    pub revisions: Cursor,
    /// Of the timeline.
    pub timeline: Cursor,
    /// Of the list of releases.
    pub releases: Cursor,
    /// Of a release's checklists and approvals.
    pub release: Cursor,
    pub chronicle: ChronicleState,
}

/// The state of a release's timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChronicleState {
    pub cursor: Cursor,
    /// Entries whose text contains this are shown.
    pub filter: String,
}

impl Default for Nav {
    fn default() -> Self {
        Self {
            stack: vec![Screen::Deck],
            deck: DeckState::default(),
            rollout: RolloutState::default(),
            revisions: Cursor::default(),
            timeline: Cursor::default(),
            releases: Cursor::default(),
            release: Cursor::default(),
            chronicle: ChronicleState::default(),
        }
    }
}

impl Nav {
    /// Returns the screen that is open.
    pub fn screen(&self) -> &Screen {
        static DECK: Screen = Screen::Deck;
        self.stack.last().unwrap_or(&DECK)
    }

    /// Returns the screens from the deck to the open one.
    pub fn path(&self) -> &[Screen] {
        &self.stack
    }

    /// Opens a screen above the present one; one that is open below is gone back to.
    pub fn open(&mut self, screen: Screen) {
        if let Some(at) = self.stack.iter().position(|open| *open == screen) {
            self.stack.truncate(at + 1);
            return;
        }
        match &screen {
            Screen::Rollout(_) => self.rollout = RolloutState::default(),
            Screen::Revisions(_) => self.revisions = Cursor::default(),
            Screen::Timeline(_) => self.timeline = Cursor::default(),
            Screen::Releases => self.releases = Cursor::default(),
            Screen::Release(_) => self.release = Cursor::default(),
            Screen::Chronicle(_) => self.chronicle = ChronicleState::default(),
            Screen::Deck | Screen::Logs(_) => {}
        }
        self.stack.push(screen);
    }

    /// Goes back one screen. Returns false on the deck.
    pub fn back(&mut self) -> bool {
        if self.stack.len() > 1 {
            self.stack.pop();
            true
        } else {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stays_in_a_list_that_shrinks_and_in_view() {
        let mut cursor = Cursor::default();
        cursor.step(9, 10, 4);
        assert_eq!(cursor, Cursor { at: 9, top: 6 });
        cursor.reveal(3, 4);
        assert_eq!(cursor, Cursor { at: 2, top: 0 });
        cursor.step(-100, 3, 4);
        assert_eq!(cursor.at, 0);
        cursor.reveal(0, 0);
        assert_eq!(cursor, Cursor { at: 0, top: 0 });
    }

    #[test]
    fn opening_a_screen_that_is_open_below_goes_back_to_it() {
        let id = RolloutId { environment: "e".into(), service: "s".into(), workload: "w".into() };
        let mut nav = Nav::default();
        nav.open(Screen::Rollout(id.clone()));
        nav.open(Screen::Logs(id.clone()));
        nav.open(Screen::Rollout(id.clone()));
        assert_eq!(nav.path().len(), 2);
        assert!(nav.back());
        assert!(!nav.back(), "the deck stays");
        assert_eq!(nav.screen(), &Screen::Deck);
    }
}
