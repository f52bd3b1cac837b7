//! Everything that can happen to the console.

use std::path::PathBuf;

use crate::domain::plan::EngineKind;
use crate::port::engine::{Event, LogBatch};
use crate::port::{check, notify, records, releases, terminal};

/// One thing that happened.
#[derive(Debug)]
pub enum Msg {
    Input(terminal::Input),
    Engine(EngineKind, Event),
    Logs(LogBatch),
    /// Nothing else waits: a changed log filter may look at more lines.
    Filter,
    Records(records::Event),
    Releases(releases::Event),
    Check(check::Event),
    Notify(notify::Event),
    /// An engine's command channel was full: what was asked of it is not sent.
    Busy(EngineKind),
    Saved {
        path: PathBuf,
        result: Result<u64, String>,
    },
    /// A second passed.
    Tick,
    /// The system asks the console to end.
    Shutdown,
}
