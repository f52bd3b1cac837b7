//! Performs effects: sends commands to the adapters and never waits for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::msg::Msg;
use crate::domain::id::EnvironmentName;
use crate::domain::plan::EngineKind;
use crate::domain::release::checklist::Verdict;
use crate::port::{check, engine, notify, records, releases};

/// The ways out.
#[derive(Debug)]
pub struct Outlets {
    pub engines: BTreeMap<EngineKind, mpsc::Sender<engine::Command>>,
    pub records: mpsc::Sender<records::Command>,
    /// The store of each environment.
    pub releases: BTreeMap<EnvironmentName, mpsc::Sender<releases::Command>>,
    /// Those who answer for an engine.
    pub checkers: BTreeMap<EngineKind, mpsc::Sender<check::Command>>,
    /// Programs, HTTP, Prometheus, registries.
    pub tools: mpsc::Sender<check::Command>,
    pub notifier: mpsc::Sender<notify::Command>,
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

    /// Sends a command to an environment's store; one that is full or gone has certainly written nothing.
    pub fn releases(&self, command: releases::Command) -> Option<Msg> {
        let (releases::Command::Create { environment, .. } | releases::Command::Append { environment, .. }) = &command;
        let Some(outlet) = self.releases.get(environment) else { return Some(unsaved(command)) };
        match outlet.try_send(command) {
            Ok(()) => None,
            Err(TrySendError::Full(command) | TrySendError::Closed(command)) => Some(unsaved(command)),
        }
    }

    /// Sends a command to a checker; where it is full or gone the check is unknown.
    pub fn check(&self, kind: Option<EngineKind>, command: check::Command) -> Option<Msg> {
        let outlet = match kind {
            Some(kind) => self.checkers.get(&kind),
            None => Some(&self.tools),
        };
        let failed = match outlet.map(|outlet| outlet.try_send(command.clone())) {
            Some(Ok(())) => return None,
            Some(Err(TrySendError::Full(command) | TrySendError::Closed(command))) => command,
            None => command,
        };
        match failed {
            check::Command::Run { seq, .. } => {
                let found = check::Found {
                    verdict: Verdict::Unknown,
                    at: jiff::Timestamp::UNIX_EPOCH,
                    evidence: "the checker is busy: run it again".into(),
                    output: String::new(),
                    link: None,
                };
                Some(Msg::Check(check::Event::Finished { seq, found }))
            }
            check::Command::Bind { seq, .. } => Some(Msg::Check(check::Event::Bound { seq, bound: Vec::new() })),
            check::Command::Cancel { .. } => None,
        }
    }

    /// Sends an announcement; one that cannot be taken is told as failed.
    pub fn notify(&self, command: notify::Command) -> Option<Msg> {
        let notify::Command::Announce { seq, .. } = &command;
        let seq = *seq;
        let failed = self.notifier.try_send(command).is_err();
        failed.then(|| Msg::Notify(notify::Event::Failed { seq, channel: "all".into(), why: "the notifier is busy".into() }))
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

/// What became of a request that no store took.
fn unsaved(command: releases::Command) -> Msg {
    let (releases::Command::Create { seq, release, .. } | releases::Command::Append { seq, release, .. }) = command;
    let result = Err(releases::Failure { message: "the store does not answer: nothing was written".into(), in_doubt: false });
    Msg::Releases(releases::Event::Appended { seq, release, result })
}

/// Writes a file that must not be there yet.
fn write_new(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
