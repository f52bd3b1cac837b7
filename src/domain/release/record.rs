//! A release's record: what happened to it, in order, as it is kept and shared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::Decision;
use super::checklist::{Outcome, Stage};
use super::{Bound, Brief, Override, Schedule, Voucher, machine, scrub};
use crate::domain::id::{Actor, ItemId, OpId, ReleaseId, RolloutId};

/// The format that this console writes. A record of a newer one is shown as far as it can be read, and never written.
pub const FORMAT: u32 = 1;

/// One thing that happened to a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub actor: Actor,
    pub voucher: Voucher,
    /// The console that wrote it: `host:pid`.
    pub console: String,
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Body {
    /// The brief, at first or changed. Only a draft's can be changed.
    Drafted { brief: Box<Brief> },
    /// The digests were read. Others than before void ticks and approvals.
    Bound { bound: Vec<Bound> },
    /// It is announced: draft to checking.
    Announced,
    /// An item came to an outcome.
    Checked { item: ItemId, stage: Stage, outcome: Box<Outcome> },
    /// A tick was taken back.
    Cleared { item: ItemId },
    /// Somebody approved, refused or withdrew.
    Decided { decision: Box<Decision> },
    /// The gate opened: checking to ready.
    Opened,
    /// The gate shut: ready to checking; later it only is told.
    Shut { sentence: String },
    /// It was opened with a typed reason against what it said: checking to ready.
    Overridden { over: Box<Override> },
    /// A start was armed, or disarmed.
    Scheduled { schedule: Option<Box<Schedule>> },
    /// The first order of it was confirmed: ready to in progress. Later ones are told alike.
    Began { rollout: RolloutId, op: OpId },
    /// Something moved on a rollout of it: a phase, a step, a weight. `25 %`, `waits for you`.
    Moved { rollout: RolloutId, what: String },
    /// A key was pressed and confirmed: `promote`.
    Ordered { rollout: RolloutId, op: OpId, what: String },
    /// What came of it.
    Outcome { rollout: RolloutId, op: OpId, met: bool, seen: String },
    /// Its rollouts are done: in progress to verifying.
    Verifying,
    /// Verifying to done.
    Finished,
    /// It was taken back: to rolled back.
    RolledBack { reason: String },
    /// It was given up before it began.
    Aborted { reason: String },
    /// An alert fires or is over.
    Alert { name: String, firing: bool, text: String },
    /// Somebody's note, or a log line that somebody chose.
    Noted { text: String, log: bool },
}

/// The kinds of entry that this console knows, as they are written.
const KINDS: [&str; 20] = [
    "drafted",
    "bound",
    "announced",
    "checked",
    "cleared",
    "decided",
    "opened",
    "shut",
    "overridden",
    "scheduled",
    "began",
    "moved",
    "ordered",
    "outcome",
    "verifying",
    "finished",
    "rolled-back",
    "aborted",
    "alert",
    "noted",
];

/// The longest line that is read: what is longer was not written by a console.
const READ: usize = 256 * 1024;

impl Entry {
    /// Returns the entry as one line of JSON, cleaned, without the line's end.
    ///
    /// # Errors
    ///
    /// It cannot be said in JSON, or is too long for a record.
    pub fn line(&self) -> Result<String, String> {
        let line = serde_json::to_string(&self.clone().cleaned()).map_err(|error| error.to_string())?;
        if line.len() > READ {
            return Err(format!("the entry is too long: {} KiB", line.len() / 1024));
        }
        Ok(line)
    }

    fn parse(line: &str) -> Result<Self, String> {
        if line.len() > READ {
            return Err(format!("too long: {} KiB", line.len() / 1024));
        }
        let value: Value = serde_json::from_str(line).map_err(|error| format!("no JSON: {error}"))?;
        match value.get("entry").and_then(Value::as_str) {
            None => return Err("it does not say what kind of entry it is".into()),
            Some(kind) if !KINDS.contains(&kind) => return Err(format!("an entry `{kind}`, which this version does not know")),
            Some(_) => {}
        }
        serde_json::from_value::<Self>(value).map(Self::cleaned).map_err(|error| error.to_string())
    }
}

/// A release's entries with the format they were written in.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub format: u32,
    pub id: ReleaseId,
    pub entries: Vec<Entry>,
    /// What could not be read of it: line and why. A record with problems opens no gate.
    pub problems: Vec<String>,
    /// The lines behind the problems, each with the number of entries before it: written again as they were.
    unread: Vec<(usize, String)>,
}

impl Record {
    /// Returns the record of a new release in this console's format.
    pub fn new(id: ReleaseId, entries: Vec<Entry>) -> Self {
        Self { format: FORMAT, id, entries, problems: Vec::new(), unread: Vec::new() }
    }

    /// Reads a record, one entry a line. What cannot be read is told and kept; it never fails as a whole.
    pub fn parse(id: ReleaseId, format: u32, lines: &str) -> Self {
        let mut record = Self { format, ..Self::new(id, Vec::new()) };
        if format > FORMAT {
            record.problems.push(format!("written by a newer version: format {format}, and this one knows {FORMAT}; it is only read"));
        }
        for (at, line) in lines.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match Entry::parse(line) {
                Ok(entry) => record.entries.push(entry),
                Err(why) => {
                    record.problems.push(format!("line {}: {}", at + 1, scrub::sentence(&why)));
                    record.unread.push((record.entries.len(), line.to_owned()));
                }
            }
        }
        record
    }

    /// Returns the record as it is kept: one entry a line, those that could not be read as they were.
    ///
    /// # Errors
    ///
    /// An entry cannot be written.
    pub fn lines(&self) -> Result<String, String> {
        let mut unread = self.unread.iter().peekable();
        let mut lines = String::new();
        for at in 0..=self.entries.len() {
            while let Some((_, line)) = unread.next_if(|(before, _)| *before <= at) {
                lines.push_str(line);
                lines.push('\n');
            }
            if let Some(entry) = self.entries.get(at) {
                lines.push_str(&entry.line()?);
                lines.push('\n');
            }
        }
        Ok(lines)
    }

    /// Returns whether this console may add to it.
    ///
    /// # Errors
    ///
    /// A sentence: a newer version wrote it.
    pub fn writable(&self) -> Result<(), String> {
        if self.format > FORMAT {
            return Err(format!("a newer version wrote it (format {}, and this one knows {FORMAT}): it is only read", self.format));
        }
        Ok(())
    }

    /// Returns the record with entries added, all or none: the step that every store takes under its lock. The entries are
    /// cleaned.
    ///
    /// # Errors
    ///
    /// Why they do not fit what is there, in one sentence.
    pub fn with(&self, entries: impl IntoIterator<Item = Entry>) -> Result<Self, String> {
        self.writable()?;
        let mut record = self.clone();
        let mut entries = entries.into_iter().map(Entry::cleaned);
        let mut release = if record.entries.is_empty() {
            let first = entries.next().ok_or("a record begins with a brief")?;
            record.entries.push(first.clone());
            machine::begin(record.id.clone(), first)?
        } else {
            machine::fold(&record)?
        };
        for entry in entries {
            machine::take(&mut release, entry.clone())?;
            record.entries.push(entry);
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests;
