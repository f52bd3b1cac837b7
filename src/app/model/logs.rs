//! The log pane's state: the lines of the rollout that is followed, what is shown of them, and where one stands in them.
//!
//! Bounded in bytes. A line is looked at when it comes in and when the filter changes; a key or a draw costs what is on
//! screen. Lines of several pods are put in order by their time within a window, and none waits for another.

mod act;
mod filter;
mod index;
mod seek;
mod source;
mod store;
mod view;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use jiff::Timestamp;

use crate::domain::id::InstanceName;
use crate::domain::log::{Body, Level, Mark};
use crate::domain::rollout::Rollout;
use crate::port::Seq;
use crate::port::engine::{LogBatch, LogQuery, Range};

pub use filter::{Filter, Pattern, Side};
pub use seek::Found;
pub use source::Voice;
pub use view::{Row, wrapped_rows};

use index::Index;
use source::Voices;
use store::{NOBODY, Record, Store};

/// How far back a live line is put in order. A later one stands where it came in: the eye is at the end.
const WINDOW: i64 = 200_000_000;

/// Records that a changed filter looks at before the first frame after; the rest follow in slices.
const FIRST_SLICE: usize = 32 * 1024;

/// The lines of the rollout that is followed, bounded in bytes.
#[derive(Debug)]
pub struct LogPane {
    store: Store,
    voices: Voices,
    index: Index,
    filter: Filter,
    search: Option<Pattern>,
    seq: Option<Seq>,
    query: Option<LogQuery>,
    /// When following began: what is older was there before, and is put in order however late it comes.
    began: i64,
    following: (u32, u32),
    dropped: u64,
    evicted: u64,
    follow: bool,
    /// The line that one stands on. Without meaning while following: then it is the last.
    cursor: u64,
    /// The first line on screen, as the last frame found it. Without meaning while following.
    top: Cell<u64>,
    /// The other end of the selection.
    anchor: Option<u64>,
    /// Lines that came since following stopped.
    fresh: u64,
    wrap: bool,
    times: bool,
    /// Columns that are scrolled off on the left.
    left: usize,
    /// How many lines the last frame had: a screen is moved by what fits into it, which only drawing knows.
    on_screen: Cell<usize>,
    incoming: Vec<(i64, Record)>,
}

impl LogPane {
    /// Returns an empty pane that holds so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            store: Store::new(bytes),
            voices: Voices::default(),
            index: Index::default(),
            filter: Filter::default(),
            search: None,
            seq: None,
            query: None,
            began: i64::MAX,
            following: (0, 0),
            dropped: 0,
            evicted: 0,
            follow: true,
            cursor: 0,
            top: Cell::new(0),
            anchor: None,
            fresh: 0,
            wrap: false,
            times: true,
            left: 0,
            on_screen: Cell::new(0),
            incoming: Vec::new(),
        }
    }

    /// Forgets the lines and takes those that answer this number. The filter stays, but not the pod and container of
    /// another rollout.
    pub fn begin(&mut self, seq: Seq, query: LogQuery, now: Timestamp) {
        if self.query.as_ref().is_none_or(|before| before.rollout != query.rollout) {
            self.filter.instance = None;
            self.filter.container = None;
        }
        self.store.clear();
        self.voices.clear();
        self.index.reset(self.filter.active(), &self.store);
        self.seq = Some(seq);
        self.query = Some(query);
        self.began = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
        self.following = (0, 0);
        (self.dropped, self.evicted, self.fresh) = (0, 0, 0);
        (self.follow, self.anchor, self.left) = (true, None, 0);
    }

    /// Takes no more lines; those that are there stay.
    pub fn end(&mut self) {
        self.seq = None;
    }

    /// Takes a batch; one that answers an older number is dropped. Returns whether it was taken.
    pub fn push(&mut self, batch: &LogBatch) -> bool {
        if self.seq != Some(batch.seq) {
            return false;
        }
        let filter = &self.filter;
        let ids: Vec<u16> = batch.lines.sources().iter().map(|source| self.voices.intern(source, |voice| filter.admits(voice))).collect();
        let floor = self.store.newest().map_or(i64::MIN, |newest| newest - WINDOW);
        let mut incoming = std::mem::take(&mut self.incoming);
        if batch.dropped > 0 {
            self.dropped += batch.dropped;
            let at = batch.lines.iter().next().map(|entry| entry.at).or(self.store.newest()).unwrap_or(self.began);
            let text = Mark::Dropped(batch.dropped).to_string();
            incoming.push((at.max(floor), self.store.keep(at, NOBODY, Level::Warn, Record::MARK, &text)));
        }
        for entry in batch.lines.iter() {
            let source = ids.get(entry.source).copied().unwrap_or(NOBODY);
            let key = if entry.at < self.began { entry.at } else { entry.at.max(floor) };
            let record = match entry.body {
                Body::Text(text) => self.store.keep(entry.at, source, entry.level, 0, text),
                Body::Mark(mark) => {
                    let level = if mark.missing() { Level::Warn } else { Level::Info };
                    self.store.keep(entry.at, source, level, Record::MARK, &mark.to_string())
                }
            };
            incoming.push((key, record));
        }
        incoming.sort_by_key(|(key, _)| *key);
        let mut free = u64::MAX;
        let anchor = self.anchor.as_mut().unwrap_or(&mut free);
        let start = self.store.merge(&incoming, &mut [&mut self.cursor, self.top.get_mut(), anchor]);
        let fresh = self.sort_in(start);
        if !self.follow {
            self.fresh += fresh;
        }
        incoming.clear();
        incoming.shrink_to(4096);
        self.incoming = incoming;
        self.evicted += self.store.evict(self.index.bytes());
        self.index.evicted(&self.store);
        true
    }

    /// Brings the index up to date from a number on. Returns how many lines there are shown for the first time.
    fn sort_in(&mut self, start: u64) -> u64 {
        self.index.cut(start);
        let mut fresh = 0;
        for id in start..self.store.end() {
            let Some(record) = self.store.get(id).copied() else { continue };
            let new = record.flags & Record::SEEN == 0;
            let passed = if new { self.judge(id, record) } else { record.flags & Record::PASSED != 0 };
            if passed {
                self.index.append(id);
                fresh += u64::from(new && !record.mark());
            }
        }
        fresh
    }

    /// Asks the filter about a record and notes the answer in it.
    fn judge(&mut self, id: u64, record: Record) -> bool {
        let admitted = self.voices.get(record.source).is_none_or(|voice| voice.admitted);
        let passed = admitted && (record.mark() || !self.index.filtered() || self.filter.passes(record.level, self.store.text(&record)));
        if let Some(kept) = self.store.get_mut(id) {
            kept.flags |= Record::SEEN | if passed { Record::PASSED } else { 0 };
        }
        passed
    }

    /// Lets a changed filter look at up to so many records that it has not seen, newest first. Returns whether some are
    /// left: then it is to be called again in the next turn.
    pub fn advance(&mut self, budget: usize) -> bool {
        for _ in 0..budget {
            let Some(before) = self.index.waiting(&self.store) else { return false };
            let id = before - 1;
            let Some(record) = self.store.get(id).copied() else { return false };
            let passed = self.judge(id, record);
            self.index.prepend(id, passed);
        }
        self.index.waiting(&self.store).is_some()
    }

    /// Looks at all lines anew: the filter changed.
    fn refilter(&mut self) {
        let filter = &self.filter;
        self.voices.admit(|voice| filter.admits(voice));
        for record in self.store.records_mut() {
            record.flags &= Record::MARK;
        }
        self.index.reset(self.filter.active(), &self.store);
        if !self.index.filtered() {
            for record in self.store.records_mut() {
                record.flags |= Record::SEEN | Record::PASSED;
            }
        }
        self.anchor = None;
        self.fresh = 0;
        self.advance(FIRST_SLICE);
        // Where one stands must be known at once; what is above can wait.
        while !self.follow && self.index.waiting(&self.store).is_some_and(|before| before > self.top.get().min(self.cursor)) {
            self.advance(FIRST_SLICE);
        }
    }

    /// Learns which roles the revisions have now.
    pub fn rollout_changed(&mut self, rollout: &Rollout) {
        if self.query.as_ref().is_some_and(|query| query.rollout != rollout.id) {
            return;
        }
        self.voices.learn(rollout);
        let filter = &self.filter;
        if self.filter.side != Side::Both && self.voices.admit(|voice| filter.admits(voice)) {
            self.refilter();
        }
    }

    /// Notes how many sources of how many are followed.
    pub fn following(&mut self, seq: Seq, followed: u32, of: u32) {
        if self.seq == Some(seq) {
            self.following = (followed, of);
        }
    }

    /// Returns what is followed.
    pub fn query(&self) -> Option<&LogQuery> {
        self.query.as_ref()
    }

    /// Returns how far back the lines go, in words: `tail 1000`, `last 5 m`.
    pub fn range(&self) -> Option<String> {
        Some(match self.query.as_ref()?.range {
            Range::Tail(lines) => format!("tail {lines}"),
            Range::Since(length) if length.as_hours() > 0 => format!("last {} h", length.as_hours()),
            Range::Since(length) => format!("last {} m", length.as_mins()),
        })
    }

    /// Returns what takes lines away.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns what is searched for.
    pub fn searched(&self) -> Option<&Pattern> {
        self.search.as_ref()
    }

    /// Returns how many sources of how many are followed.
    pub fn followed(&self) -> (u32, u32) {
        self.following
    }

    /// Returns how many lines were dropped on their way here.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns how many lines made room for newer ones, and the oldest time still here.
    pub fn evicted(&self) -> (u64, Option<i64>) {
        (self.evicted, self.store.oldest())
    }

    /// Returns whether the newest line stays in sight.
    pub fn follows(&self) -> bool {
        self.follow
    }

    /// Returns how many lines came since following stopped.
    pub fn fresh(&self) -> u64 {
        self.fresh
    }

    /// Returns whether long lines are wrapped.
    pub fn wraps(&self) -> bool {
        self.wrap
    }

    /// Returns whether each line's time is shown.
    pub fn times(&self) -> bool {
        self.times
    }

    /// Returns the columns that are scrolled off on the left.
    pub fn left(&self) -> usize {
        if self.wrap { 0 } else { self.left }
    }

    /// Returns whether a changed filter has lines left to look at.
    pub fn filtering(&self) -> bool {
        self.index.waiting(&self.store).is_some()
    }

    /// Returns the number of lines and marks that are shown, of those that are kept.
    pub fn counts(&self) -> (usize, usize) {
        (self.index.len(&self.store), (self.store.end() - self.store.first()) as usize)
    }

    /// Returns whether lines come from containers of several names.
    pub fn several_containers(&self) -> bool {
        self.voices.several_containers()
    }

    /// Returns the sources that lines came from.
    pub fn voices(&self) -> impl Iterator<Item = &Voice> {
        self.voices.iter()
    }

    /// Returns the memory taken, and its bound.
    pub fn bytes(&self) -> (usize, usize) {
        (self.store.bytes() + self.index.bytes() + self.incoming.capacity() * size_of::<(i64, Record)>(), self.store.limit())
    }

    /// Returns the pod of the line that one stands on.
    pub fn instance_here(&self) -> Option<InstanceName> {
        let record = self.store.get(self.here()?)?;
        self.voices.get(record.source).map(|voice| voice.source.instance.clone())
    }

    /// Returns the number of the line that one stands on.
    fn here(&self) -> Option<u64> {
        let count = self.index.len(&self.store);
        let at = if self.follow { count.checked_sub(1)? } else { self.index.place(self.cursor, &self.store).min(count.checked_sub(1)?) };
        self.index.id(at, &self.store)
    }
}

impl Default for LogPane {
    fn default() -> Self {
        Self::new(16 << 20)
    }
}
