//! Where the lines are: records of a fixed size over blocks of text, bounded in bytes, the oldest going first.
//!
//! A line costs its text and 24 bytes. Records are numbered from the first that ever came, so that a cursor, a filter's
//! index and a selection outlive what is evicted before them.

use std::collections::VecDeque;

use crate::domain::log::Level;

/// Text is taken and given back in such pieces.
const BLOCK: usize = 128 * 1024;
/// A longer line is cut; adapters cut there too.
const LONGEST: usize = 64 * 1024;
/// How many records are made room for at once: doubling would overshoot the bound by half of it.
const ROOM: usize = 8 * 1024;
/// How many records a late line may be moved past: what a flood brings in a second.
const REACH: usize = 32 * 1024;

/// The source of what no source said.
pub(super) const NOBODY: u16 = u16::MAX;

/// A line or a mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Nanoseconds since 1970.
    pub(super) at: i64,
    block: u32,
    start: u32,
    length: u32,
    pub(super) source: u16,
    pub(super) level: Level,
    pub(super) flags: u8,
}

impl Record {
    /// It stands between lines.
    pub(super) const MARK: u8 = 1;
    /// The filter has looked at it.
    pub(super) const SEEN: u8 = 2;
    /// The filter shows it.
    pub(super) const PASSED: u8 = 4;

    /// Returns whether it is a mark.
    pub(super) fn mark(self) -> bool {
        self.flags & Self::MARK != 0
    }
}

#[derive(Debug)]
struct Block {
    text: String,
    /// Records that point into it.
    live: u32,
}

/// The lines.
#[derive(Debug)]
pub(super) struct Store {
    limit: usize,
    blocks: VecDeque<Block>,
    first_block: u32,
    records: VecDeque<Record>,
    first: u64,
    /// A block's memory that waits to be used again.
    spare: Option<String>,
    /// Records that are moved to let late ones in.
    tail: Vec<Record>,
}

impl Store {
    /// Returns an empty store that holds so many bytes, its own included; never less than a megabyte.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1 << 20),
            blocks: VecDeque::new(),
            first_block: 0,
            records: VecDeque::new(),
            first: 0,
            spare: None,
            tail: Vec::new(),
        }
    }

    /// Forgets everything. Numbers go on.
    pub(super) fn clear(&mut self) {
        let limit = self.limit;
        let first = self.end();
        *self = Self { first, ..Self::new(limit) };
    }

    /// Returns the memory that is taken.
    pub(super) fn bytes(&self) -> usize {
        (self.blocks.len() + usize::from(self.spare.is_some())) * BLOCK
            + (self.records.capacity() + self.tail.capacity()) * size_of::<Record>()
            + self.blocks.capacity() * size_of::<Block>()
    }

    /// Returns the bound.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number of the oldest record that is kept.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number that the next record gets.
    pub(super) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Returns a record by its number.
    pub(super) fn get(&self, id: u64) -> Option<&Record> {
        self.records.get(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    /// Returns a record by its number, to be changed.
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Record> {
        self.records.get_mut(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    /// Returns all records, to be changed.
    pub(super) fn records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.records.iter_mut()
    }

    /// Returns the newest time.
    pub(super) fn newest(&self) -> Option<i64> {
        self.records.back().map(|record| record.at)
    }

    /// Returns the oldest time.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.records.front().map(|record| record.at)
    }

    /// Returns a record's text.
    pub(super) fn text(&self, record: &Record) -> &str {
        self.blocks
            .get(record.block.wrapping_sub(self.first_block) as usize)
            .and_then(|block| block.text.get(record.start as usize..(record.start + record.length) as usize))
            .unwrap_or_default()
    }

    /// Keeps a text and returns the record of it, which belongs to [`Self::merge`] next.
    pub(super) fn keep(&mut self, at: i64, source: u16, level: Level, flags: u8, text: &str) -> Record {
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        if self.blocks.back().is_none_or(|block| block.text.len() + text.len() > BLOCK) {
            let memory = self.spare.take().unwrap_or_else(|| String::with_capacity(BLOCK));
            self.blocks.push_back(Block { text: memory, live: 0 });
        }
        let number = self.first_block.wrapping_add(self.blocks.len() as u32 - 1);
        let mut record = Record { at, block: number, start: 0, length: text.len() as u32, source, level, flags };
        if let Some(block) = self.blocks.back_mut() {
            record.start = block.text.len() as u32;
            block.text.push_str(text);
            block.live += 1;
        }
        record
    }

    /// Lets records in, each before the first newer one: `incoming` is sorted by its keys, which may be later than the
    /// records' own times. Numbers in `held` are moved along with their records. Returns the number from which on
    /// records are new or moved.
    pub(super) fn merge(&mut self, incoming: &[(i64, Record)], held: &mut [&mut u64]) -> u64 {
        if self.records.len() + incoming.len() > self.records.capacity() {
            self.records.reserve_exact(incoming.len().max(ROOM));
        }
        let Some((earliest, _)) = incoming.first() else { return self.end() };
        let late = self.records.iter().rev().take(REACH).take_while(|record| record.at > *earliest).count();
        let split = self.records.len() - late;
        let start = self.first + split as u64;
        let mut tail = std::mem::take(&mut self.tail);
        tail.extend(self.records.drain(split..));
        let mut moved: Vec<Option<u64>> = held.iter().map(|_| None).collect();
        let mut coming = incoming.iter().peekable();
        for (at, record) in tail.iter().enumerate() {
            while let Some((_, new)) = coming.next_if(|(key, _)| *key < record.at) {
                self.records.push_back(*new);
            }
            for (held, moved) in held.iter().zip(&mut moved) {
                if **held == start + at as u64 {
                    *moved = Some(self.end());
                }
            }
            self.records.push_back(*record);
        }
        self.records.extend(coming.map(|(_, new)| *new));
        for (held, moved) in held.iter_mut().zip(moved) {
            if let Some(moved) = moved {
                **held = moved;
            }
        }
        tail.clear();
        tail.shrink_to(ROOM);
        self.tail = tail;
        start
    }

    /// Gives back the oldest until everything, `beside` included, fits. Returns how many records went, lines alone.
    pub(super) fn evict(&mut self, beside: usize) -> u64 {
        let mut lines = 0;
        while self.bytes() + beside > self.limit {
            // Room for records is not given back, but text is: a block at a time.
            let blocks = self.blocks.len();
            while self.blocks.len() == blocks {
                let Some(record) = self.records.pop_front() else { return lines };
                self.first += 1;
                lines += u64::from(!record.mark());
                if let Some(block) = self.blocks.get_mut(record.block.wrapping_sub(self.first_block) as usize) {
                    block.live = block.live.saturating_sub(1);
                }
                self.free();
            }
            if self.records.capacity() > self.records.len() + 2 * ROOM {
                self.records.shrink_to(self.records.len() + ROOM);
            }
        }
        lines
    }

    /// Gives back the blocks that no record points into. The last one is still written to.
    fn free(&mut self) {
        while self.blocks.len() > 1 && self.blocks.front().is_some_and(|block| block.live == 0) {
            if let Some(mut block) = self.blocks.pop_front() {
                self.first_block = self.first_block.wrapping_add(1);
                // The spare counts towards the bound; one is enough.
                if self.spare.is_none() {
                    block.text.clear();
                    self.spare = Some(block.text);
                }
            }
        }
    }
}
