//! What the console says to the journal's store, and what the store tells.

use super::Seq;
use crate::domain::journal::Entry;

/// What the store is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Append and sync; answer with [`Event::Appended`].
    Append { seq: Seq, entry: Box<Entry> },
    /// See whether the journal can be written, and write nothing; answer with [`Event::Writable`].
    Probe,
}

/// What the store tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// Sent once at the start: what the journal holds, what is wrong with it (a broken chain, a cut-off last line), and
    /// which consoles of this machine (`host:pid`) are alive, so that their open operations are not taken for abandoned.
    Loaded {
        entries: Vec<Entry>,
        problems: Vec<String>,
        live: Vec<String>,
    },
    /// An entry that another console appended.
    Seen(Box<Entry>),
    /// It is on disk, synced; or why not.
    Appended {
        seq: Seq,
        result: Result<(), String>,
    },
    Writable(Result<(), String>),
}
