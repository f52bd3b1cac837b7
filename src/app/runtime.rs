//! Performs effects: sends commands to the adapters and never waits for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::msg::Msg;
use crate::domain::plan::EngineKind;
use crate::port::{engine, records};

/// The ways out.
#[derive(Debug)]
pub struct Outlets {
    pub engines: BTreeMap<EngineKind, mpsc::Sender<engine::Command>>,
    pub records: mpsc::Sender<records::Command>,
    /// What happened to work that was done here.
    pub back: mpsc::Sender<Msg>,
}

impl Outlets {
    /// Sends a command to an engine; one that is full or gone is told of.
    pub fn engine(&self, kind: EngineKind, command: engine::Command) -> Option<Msg> {
        let Some(outlet) = self.engines.get(&kind) else { return Some(Msg::Busy(kind)) };
        let failed = match outlet.try_send(command) {
            Ok(()) => return None,
            Err(TrySendError::Full(command) | TrySendError::Closed(command)) => command,
        };
        // An order that could not be handed over was certainly not sent: its outcome must say so.
        match failed {
            engine::Command::Execute { op, .. } => Some(Msg::Engine(
                kind,
                engine::Event::Answered {
                    op,
                    index: 0,
                    result: Err(crate::domain::change::ChangeError::NotSent(format!("{} is busy", kind.word()))),
                    last: true,
                },
            )),
            engine::Command::Preview { seq, .. } => Some(Msg::Engine(
                kind,
                engine::Event::Previewed {
                    seq,
                    result: Err(crate::domain::change::ChangeError::NotSent(format!("{} is busy", kind.word()))),
                },
            )),
            _ => Some(Msg::Busy(kind)),
        }
    }

    /// Sends a command to the journal's store; one that is full or gone counts as unwritable.
    pub fn records(&self, command: records::Command) -> Option<Msg> {
        let failed = match self.records.try_send(command) {
            Ok(()) => return None,
            Err(TrySendError::Full(command) | TrySendError::Closed(command)) => command,
        };
        let why = || Err("its writer does not answer".to_owned());
        Some(Msg::Records(match failed {
            records::Command::Append { seq, .. } => records::Event::Appended { seq, result: why() },
            records::Command::Probe => records::Event::Writable(why()),
        }))
    }

    /// Writes a text to a new file, off the loop.
    pub fn save(&self, path: PathBuf, text: String) {
        let back = self.back.clone();
        tokio::task::spawn_blocking(move || {
            let lines = text.lines().count() as u64;
            let result = write_new(&path, &text).map(|()| lines).map_err(|error| error.to_string());
            // The console may have ended meanwhile; then nobody waits for the answer.
            drop(back.blocking_send(Msg::Saved { path, result }));
        });
    }
}

/// Writes a file that must not be there yet.
fn write_new(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
