//! Why something cannot be done.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Verb;
use crate::domain::id::Track;

/// Why something cannot be done. One sentence a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("a {what} has no {verb}")]
    NotOffered { what: String, verb: Verb },
    #[error("you may not {right}")]
    NoRight { right: String },
    #[error("the object is not there")]
    Absent,
    #[error("the last change is not observed yet")]
    Unobserved,
    #[error("it is held already")]
    AlreadyHeld,
    #[error("it is not held")]
    NotHeld,
    #[error("it is held: resume first")]
    HeldFirst,
    #[error("nothing is under way")]
    NothingUnderWay,
    #[error("it does not wait at a pause")]
    NotPaused,
    #[error("no kept revision to go back to")]
    NoRevision,
    #[error("{track} is not ready: {ready} of {wanted}")]
    IdleNotReady { track: Track, ready: u32, wanted: u32 },
    #[error("{track} is scaled to 0: scale it up first")]
    IdleEmpty { track: Track },
    #[error("the selector is not ours to write: {why}")]
    RouterLocked { why: String },
    #[error("the selector matches neither side alone")]
    NoActiveSide,
    #[error("{track} has no instances")]
    AlreadyRetired { track: Track },
    #[error("switched {} s ago: connections may still be on {track}, wait {} s", ago.as_secs(), left.as_secs())]
    TooSoon { track: Track, ago: SignedDuration, left: SignedDuration },
    #[error("the data is {} s old", age.as_secs())]
    Stale { age: SignedDuration },
    #[error("{scope} does not answer")]
    LinkDown { scope: String },
    #[error("read-only: {why}")]
    ReadOnly { why: String },
    #[error("the journal cannot be written: {why}")]
    JournalUnwritable { why: String },
    #[error("another order for it is on its way")]
    Busy,
    #[error("{holder} drives it since {}", since.strftime("%H:%M:%SZ"))]
    DrivenBy { holder: String, since: jiff::Timestamp },
    #[error("the controller does not answer: the last change is not observed for {} s", ago.as_secs())]
    ControllerAway { ago: SignedDuration },
    #[error("no analysis is under way")]
    NoAnalysis,
    #[error("open its own screen first")]
    NotOnItsScreen,
    #[error("the gate is shut: {sentence}")]
    Gate { sentence: String },
    #[error("{0}")]
    Other(String),
}
