//! What can go wrong with the journal, as the part of a sentence after "the journal cannot be written:".

use std::io;
use std::path::PathBuf;

/// Why the journal was not read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordsError {
    #[error("the directory {} cannot be made: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("{} cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is locked by another console", path.display())]
    Busy { path: PathBuf },
    #[error("{} cannot be locked: {source}", path.display())]
    Lock { path: PathBuf, source: io::Error },
    #[error("{} cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("only {written} of {length} bytes fitted into {}: the disk is full", path.display())]
    Short { path: PathBuf, written: usize, length: usize },
    #[error("{} cannot be synced: {source}", path.display())]
    Sync { path: PathBuf, source: io::Error },
    #[error("an entry cannot be put into words: {source}")]
    Encode { source: serde_json::Error },
    #[error("its store has ended")]
    Ended,
}
