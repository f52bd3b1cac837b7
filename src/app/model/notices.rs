//! What the console tells in passing: a short line at the bottom, kept in a list that `Notices` opens.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::RolloutId;

/// How many are kept.
const KEPT: usize = 200;
/// How long one stands at the bottom of the screen.
const SHOWN: SignedDuration = SignedDuration::from_secs(6);

/// How long a warning is covered by nothing less grave.
const UNCOVERED: SignedDuration = SignedDuration::from_secs(3);

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    Info,
    Good,
    Warn,
    Bad,
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub at: Timestamp,
    pub tone: Tone,
    pub about: Option<RolloutId>,
    pub text: String,
    /// How often it came in a row.
    pub times: u32,
}

/// The notices, newest last.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    list: VecDeque<Notice>,
}

impl Notices {
    /// Adds a notice; the same text again in a row is counted.
    pub fn add(&mut self, at: Timestamp, tone: Tone, about: Option<RolloutId>, text: impl Into<String>) {
        let text = text.into();
        if let Some(last) = self.list.back_mut()
            && last.text == text
            && last.about == about
        {
            last.times += 1;
            last.at = at;
            return;
        }
        if self.list.len() == KEPT {
            self.list.pop_front();
        }
        self.list.push_back(Notice { at, tone, about, text, times: 1 });
    }

    /// Returns the notices, newest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Notice> {
        self.list.iter().rev()
    }

    /// Returns how many are kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the notice that stands at the bottom now: the newest, but a warning keeps its first seconds, so that what is said
    /// in passing does not cover it before it was read. A warning stands twice as long.
    pub fn current(&self, now: Timestamp) -> Option<&Notice> {
        let age = |notice: &Notice| now.duration_since(notice.at);
        let standing = self.list.iter().rev().filter(|notice| age(notice) < if notice.tone >= Tone::Warn { SHOWN * 2 } else { SHOWN });
        // The first is the newest. Info and Good are alike here: neither needs to be acted on.
        standing.reduce(|newest, older| {
            let graver = older.tone.max(Tone::Good) > newest.tone.max(Tone::Good);
            if graver && age(older) < UNCOVERED { older } else { newest }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_not_covered_by_what_is_said_in_passing() {
        let second = |n: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(n);
        let mut notices = Notices::default();
        let current = |notices: &Notices, at: i64| notices.current(second(at)).map(|notice| notice.text.clone());
        notices.add(second(0), Tone::Warn, None, "ana asks to drive");
        notices.add(second(1), Tone::Good, None, "shipped");
        assert_eq!(current(&notices, 2).as_deref(), Some("ana asks to drive"));
        assert_eq!(current(&notices, 3).as_deref(), Some("shipped"), "the warning had its time alone");
        notices.add(second(4), Tone::Warn, None, "stalled");
        notices.add(second(5), Tone::Bad, None, "gone");
        assert_eq!(current(&notices, 5).as_deref(), Some("gone"), "what is graver covers");
        assert_eq!(current(&notices, 17), None);
    }
}
