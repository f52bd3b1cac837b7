//! Releases in a directory that the consoles share: a file each, looked at twice a second. Used only where the plan names
//! such a directory; it is never made here, for one that is not there may be a disk that is not mounted.

mod folder;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::adapter::clock;
use crate::domain::id::{EnvironmentName, ReleaseId};
use crate::domain::release::keeping;
use crate::domain::release::policy::Keep;
use crate::domain::release::record::{Entry, Record};
use crate::port::releases::{Access, Command, Event, Failure, Shelf};
use folder::{Folder, Kept, Stamp, Trouble};

/// Modification times are looked at and not watched: a network's file system tells no changes.
const LOOK: Duration = Duration::from_millis(500);
/// Whether the directory can still be written is tried this often.
const PROBE: Duration = Duration::from_secs(30);
/// A directory that has not answered by then hangs: its server is gone.
const WITHIN: Duration = Duration::from_secs(5);
/// Between two tries for the lock; with [`TRIES`], four seconds in all.
const RETRY: Duration = Duration::from_millis(20);
const TRIES: u32 = 200;

/// Starts the store. It ends when `commands` closes, after what was asked before.
pub fn spawn(directory: PathBuf, shelf: Shelf, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    let store = Store {
        environment: shelf.environment.clone(),
        keep: shelf.keep,
        hand: Hand::new(Folder { directory, shelf }),
        events,
        known: BTreeMap::new(),
        told: None,
        writable: Ok(()),
        probed: None,
    };
    tokio::spawn(store.serve(commands))
}

/// Reads the records of an environment once.
///
/// # Errors
///
/// A sentence: the directory cannot be read.
pub async fn read(directory: PathBuf, shelf: Shelf) -> Result<Vec<Record>, String> {
    let hand = Hand::new(Folder { directory, shelf });
    let (all, _) = hand.work(|folder| folder.look(&BTreeMap::new())).await.map_err(|stuck| stuck.why)??;
    Ok(all.into_iter().filter_map(|kept| kept.record).collect())
}

/// What is known of a record that was told, or of a file that is another's.
struct Known {
    stamp: Stamp,
    ours: bool,
    ended: Option<jiff::Timestamp>,
}

struct Store {
    environment: EnvironmentName,
    keep: Keep,
    hand: Hand,
    events: mpsc::Sender<Event>,
    known: BTreeMap<ReleaseId, Known>,
    told: Option<Access>,
    /// Whether the directory takes files, as it was last tried.
    writable: Result<(), String>,
    probed: Option<Instant>,
}

impl Store {
    async fn serve(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listening = true;
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => listening &= self.take(command).await.is_some(),
                    None => return,
                },
                _ = look.tick(), if listening => listening = self.look().await.is_some(),
            }
        }
    }

    /// Looks for what others have done; none: nobody listens.
    async fn look(&mut self) -> Option<()> {
        let stamps: BTreeMap<ReleaseId, Stamp> = self.known.iter().map(|(id, known)| (id.clone(), known.stamp)).collect();
        let (changed, there) =
            match self.hand.work(move |folder| folder.look(&stamps)).await.map_err(|stuck| stuck.why).and_then(|seen| seen) {
                Ok(seen) => seen,
                Err(why) => {
                    self.probed = None;
                    return self.access(Access::Unreadable(why)).await;
                }
            };
        let gone: Vec<ReleaseId> = self.known.keys().filter(|id| !there.iter().any(|(of, _)| of == *id)).cloned().collect();
        for id in gone {
            self.gone(id).await?;
        }
        for kept in changed {
            self.hold(kept).await?;
        }
        if self.probed.is_none_or(|at| at.elapsed() >= PROBE) {
            self.probed = Some(Instant::now());
            self.writable = self.hand.work(Folder::probe).await.map_err(|stuck| stuck.why).and_then(|probed| probed);
        }
        self.access(self.writable.clone().err().map_or(Access::Writable, Access::ReadOnly)).await
    }

    async fn take(&mut self, command: Command) -> Option<()> {
        let (seq, release, entries, create) = match command {
            Command::Create { seq, release, entries, .. } => (seq, release, entries, true),
            Command::Append { seq, release, entries, .. } => (seq, release, entries, false),
        };
        let result = match self.add(&release, entries, create).await {
            Ok(Some(kept)) => {
                let ended = kept.ended().is_some();
                self.hold(kept).await?;
                if create || ended {
                    self.prune(&release).await?;
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(failure) => {
                self.probed = None;
                Err(failure)
            }
        };
        self.tell(Event::Appended { seq, release, result }).await
    }

    async fn add(&self, release: &ReleaseId, entries: Vec<Entry>, create: bool) -> Result<Option<Kept>, Failure> {
        for _ in 0..TRIES {
            let (release, entries) = (release.clone(), entries.clone());
            match self.hand.work(move |folder| folder.add(&release, &entries, create)).await {
                Ok(Ok(kept)) => return Ok(kept),
                Ok(Err(Trouble::Busy)) => tokio::time::sleep(RETRY).await,
                Ok(Err(Trouble::Refused(message) | Trouble::Failed(message))) => return Err(Failure { message, in_doubt: false }),
                Err(Stuck { why, begun }) => return Err(Failure { message: why, in_doubt: begun }),
            }
        }
        let message = format!("another console keeps {} locked", self.hand.folder.directory.display());
        Err(Failure { message, in_doubt: false })
    }

    /// Removes what the policy keeps no longer.
    async fn prune(&mut self, spared: &ReleaseId) -> Option<()> {
        let ended = self.known.iter().filter_map(|(id, known)| Some((id.clone(), known.ended?)));
        let surplus = keeping::surplus(ended.collect(), spared, self.keep, clock::now());
        let mut count = 0;
        for id in surplus {
            let Some(stamp) = self.known.get(&id).map(|known| known.stamp) else { continue };
            let of = id.clone();
            match self.hand.work(move |folder| folder.remove(&of, stamp)).await {
                Ok(Ok(true)) => {
                    count += 1;
                    self.gone(id).await?;
                }
                other => tracing::info!(release = %id, ?other, "an old release was not removed"),
            }
        }
        if count == 0 {
            return Some(());
        }
        self.tell(Event::Pruned { environment: self.environment.clone(), count }).await
    }

    /// Takes a record as it is on the disk.
    async fn hold(&mut self, kept: Kept) -> Option<()> {
        let known = Known { stamp: kept.stamp, ours: kept.record.is_some(), ended: kept.ended() };
        self.known.insert(kept.id, known);
        let Some(record) = kept.record else { return Some(()) };
        self.tell(Event::Record { environment: self.environment.clone(), record: Box::new(record) }).await
    }

    async fn gone(&mut self, release: ReleaseId) -> Option<()> {
        match self.known.remove(&release) {
            Some(Known { ours: true, .. }) => self.tell(Event::Gone { environment: self.environment.clone(), release }).await,
            _ => Some(()),
        }
    }

    /// Tells how the store can be used, where that moved.
    async fn access(&mut self, access: Access) -> Option<()> {
        if self.told.as_ref() == Some(&access) {
            return Some(());
        }
        self.told = Some(access.clone());
        self.tell(Event::Access { environment: self.environment.clone(), access }).await
    }

    async fn tell(&self, event: Event) -> Option<()> {
        self.events.send(event).await.ok()
    }
}

/// File work on threads that may block, one at a time: a directory that hangs costs one thread, and not one for each look.
struct Hand {
    folder: Folder,
    /// Held by the thread at work.
    working: Arc<()>,
}

impl Hand {
    fn new(folder: Folder) -> Self {
        Self { folder, working: Arc::new(()) }
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> T + Send + 'static) -> Result<T, Stuck> {
        let directory = self.folder.directory.display();
        if Arc::strong_count(&self.working) > 1 {
            return Err(Stuck { why: format!("{directory} does not answer"), begun: false });
        }
        let (folder, working) = (self.folder.clone(), self.working.clone());
        let task = tokio::task::spawn_blocking(move || {
            let done = work(&folder);
            drop(working);
            done
        });
        match tokio::time::timeout(WITHIN, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err(Stuck { why: format!("the work on {directory} failed inside"), begun: true }),
            Err(_) => Err(Stuck { why: format!("{directory} does not answer"), begun: true }),
        }
    }
}

/// File work that did not come to its end.
#[derive(Debug)]
struct Stuck {
    why: String,
    /// It may still do what it was to do.
    begun: bool,
}
