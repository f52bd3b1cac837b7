//! The numbers of the records that the filter shows, kept as lines come, so that neither a key nor a draw looks at all
//! of them again. Without a filter there is no index: every record is shown.

use std::collections::VecDeque;

use super::store::Store;

/// The records that are shown.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// None without a filter.
    shown: Option<VecDeque<u64>>,
    /// Records from this number on have been looked at.
    from: u64,
}

impl Index {
    /// Starts anew: nothing has been looked at.
    pub(super) fn reset(&mut self, filtered: bool, store: &Store) {
        self.shown = filtered.then(VecDeque::new);
        self.from = if filtered { store.end() } else { store.first() };
    }

    pub(super) fn bytes(&self) -> usize {
        self.shown.as_ref().map_or(0, |shown| shown.capacity() * size_of::<u64>())
    }

    pub(super) fn filtered(&self) -> bool {
        self.shown.is_some()
    }

    /// Returns the number before which records wait to be looked at; none when all have been.
    pub(super) fn waiting(&self, store: &Store) -> Option<u64> {
        (self.shown.is_some() && self.from > store.first()).then_some(self.from)
    }

    /// Notes the verdict on the record before the last one looked at.
    pub(super) fn prepend(&mut self, id: u64, passed: bool) {
        self.from = id;
        if let (true, Some(shown)) = (passed, &mut self.shown) {
            shown.push_front(id);
        }
    }

    /// Forgets what it knew from a number on: records moved there.
    pub(super) fn cut(&mut self, start: u64) {
        if let Some(shown) = &mut self.shown {
            while shown.back().is_some_and(|id| *id >= start) {
                shown.pop_back();
            }
            self.from = self.from.min(start);
        }
    }

    /// Notes a record at the end that is shown.
    pub(super) fn append(&mut self, id: u64) {
        if let Some(shown) = &mut self.shown {
            if shown.len() == shown.capacity() {
                // Not by doubling: what is taken counts towards the bound.
                shown.reserve_exact(8 * 1024);
            }
            shown.push_back(id);
        }
    }

    /// Forgets what was evicted.
    pub(super) fn evicted(&mut self, store: &Store) {
        if let Some(shown) = &mut self.shown {
            while shown.front().is_some_and(|id| *id < store.first()) {
                shown.pop_front();
            }
        }
    }

    /// Returns how many records are shown.
    pub(super) fn len(&self, store: &Store) -> usize {
        self.shown.as_ref().map_or_else(|| (store.end() - store.first()) as usize, VecDeque::len)
    }

    /// Returns the number of the record at a place.
    pub(super) fn id(&self, at: usize, store: &Store) -> Option<u64> {
        match &self.shown {
            Some(shown) => shown.get(at).copied(),
            None => Some(store.first() + at as u64).filter(|id| *id < store.end()),
        }
    }

    /// Returns the place of a record, or of the first shown one after it.
    pub(super) fn place(&self, id: u64, store: &Store) -> usize {
        match &self.shown {
            Some(shown) => shown.partition_point(|shown| *shown < id),
            None => id.clamp(store.first(), store.end()).saturating_sub(store.first()) as usize,
        }
    }
}
