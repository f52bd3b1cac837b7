//! The journal's store: JSON lines in the state directory that several consoles append to, chained by hashes and synced.
//!
//! One task owns the file. It writes what it is told in the order it is told, and looks once a second, by the file's
//! length alone, whether another console has written. All file work is on blocking threads; the lock is tried, never
//! waited for, so a console that hangs with the lock in its hands costs the others two seconds and a sentence.

mod chain;
mod console;
mod error;
mod file;
pub mod releases;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::domain::journal::Entry;
use crate::port::records::{Command, Event};
use error::RecordsError;
use file::Journal;

/// The journal's name in the state directory.
pub const FILE: &str = "journal.jsonl";

/// How often the file's length is compared with what was read.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries for the lock; with [`TRIES`], two seconds in all. An append holds it for one write and one sync.
const RETRY: Duration = Duration::from_millis(20);
const TRIES: u32 = 100;

/// Starts the store. `console` is this console's name, `host:pid`, as its entries carry it. It ends when the commands
/// do, after the last of them, or when nobody takes its events.
pub fn spawn(directory: PathBuf, console: String, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut store = Store { journal: Some(Journal::new(directory.clone())), events };
        let presence = blocking(move || console::announce(&directory, &console)).await;
        let (presence, live) = match presence {
            Ok(Ok((presence, live))) => (Some(presence), live),
            Ok(Err(error)) | Err(error) => {
                tracing::warn!(%error, "other consoles cannot see this one");
                (None, Vec::new())
            }
        };
        if store.load(live).await.is_some() {
            store.serve(commands).await;
        }
        drop(presence);
    })
}

/// The open journal and where to tell of it.
struct Store {
    /// None while a blocking thread has it.
    journal: Option<Journal>,
    events: mpsc::Sender<Event>,
}

impl Store {
    /// Reads what there is. None: nobody listens.
    async fn load(&mut self, live: Vec<String>) -> Option<()> {
        let (entries, problems) = match self.locked(Journal::load).await {
            Ok(read) => (read.entries, read.problems),
            Err(error) => (Vec::new(), vec![error.to_string()]),
        };
        self.tell(Event::Loaded { entries, problems, live }).await?;
        // A journal that cannot be written is known before the first mutation, not by it.
        match self.locked(Journal::probe).await {
            Ok(()) => Some(()),
            Err(error) => self.tell(Event::Writable(Err(error.to_string()))).await,
        }
    }

    async fn serve(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Append { seq, entry }) => {
                        let result = self.append(&entry).await;
                        self.tell(Event::Appended { seq, result }).await
                    }
                    Some(Command::Probe) => {
                        let result = self.locked(Journal::probe).await.map_err(|error| error.to_string());
                        self.tell(Event::Writable(result)).await
                    }
                    None => None,
                },
                _ = look.tick() => self.look().await,
            };
            if done.is_none() {
                return;
            }
        }
    }

    /// Appends, and tells of what others wrote before it.
    async fn append(&mut self, entry: &Entry) -> Result<(), String> {
        let entry = entry.clone();
        match self.locked(move |journal| journal.append(&entry)).await {
            Ok(read) => {
                self.tell_of(read).await;
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "journal");
                Err(error.to_string())
            }
        }
    }

    /// Tells of what others wrote since. A busy lock or a lost file is for the next look, or the next append, to tell.
    async fn look(&mut self) -> Option<()> {
        match self.once(Journal::news).await {
            Ok(read) => self.tell_of(read).await,
            Err(error) => {
                tracing::debug!(%error, "journal");
                Some(())
            }
        }
    }

    async fn tell_of(&self, read: chain::Read) -> Option<()> {
        for problem in read.problems {
            tracing::warn!(problem, "journal");
        }
        for entry in read.entries {
            self.tell(Event::Seen(Box::new(entry))).await?;
        }
        Some(())
    }

    async fn tell(&self, event: Event) -> Option<()> {
        self.events.send(event).await.ok()
    }

    /// Runs it on a blocking thread, again while the lock is another's.
    async fn locked<T: Send + 'static>(
        &mut self,
        work: impl Fn(&mut Journal) -> Result<T, RecordsError> + Clone + Send + 'static,
    ) -> Result<T, RecordsError> {
        for _ in 1..TRIES {
            match self.once(work.clone()).await {
                Err(RecordsError::Busy { .. }) => tokio::time::sleep(RETRY).await,
                other => return other,
            }
        }
        self.once(work).await
    }

    async fn once<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Journal) -> Result<T, RecordsError> + Send + 'static,
    ) -> Result<T, RecordsError> {
        let mut journal = self.journal.take().ok_or(RecordsError::Ended)?;
        let (journal, result) = blocking(move || {
            let result = work(&mut journal);
            (journal, result)
        })
        .await?;
        self.journal = Some(journal);
        result
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RecordsError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| RecordsError::Ended)
}
