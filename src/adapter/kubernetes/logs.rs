//! Logs of all containers of a rollout, merged: who is followed moves with the rollout, one stream for each container.

pub mod choose;
pub mod frame;
mod outbox;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

use kube::Client;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::domain::rollout::Rollout;
use crate::port::Seq;
use crate::port::engine::{Event, LogBatch, LogQuery};

use choose::{Choice, Key, Seen};
use outbox::Outbox;
use stream::{Progress, Shared, Stream};

/// Streams at once: each is a connection here, one in the API server and one to a node.
pub const CAP: usize = 50;
/// Streams that are being opened at once.
const OPENING: usize = 4;

/// Follows the logs of one rollout until it is dropped.
#[derive(Debug)]
pub struct Follower {
    rollout: watch::Sender<Option<Arc<Rollout>>>,
    task: AbortHandle,
}

/// Where lines go, and what is said about them.
#[derive(Clone, Debug)]
pub struct Ways {
    pub lines: mpsc::Sender<LogBatch>,
    pub events: mpsc::Sender<Event>,
}

impl Follower {
    /// Starts to follow. Nothing is followed before the first [`Self::update`].
    pub fn start(client: Client, namespace: &str, query: LogQuery, seq: Seq, ways: Ways) -> Self {
        let (rollout, rollouts) = watch::channel(None);
        let shared = Arc::new(Shared {
            namespace: namespace.to_owned(),
            query,
            outbox: Outbox::default(),
            gate: Semaphore::new(OPENING),
            pulse: AtomicI64::new(0),
        });
        let director = Director { client, shared, streams: BTreeMap::new(), tasks: JoinSet::new(), told: None };
        let task = tokio::spawn(director.run(seq, rollouts, ways)).abort_handle();
        Self { rollout, task }
    }

    /// Tells how the rollout stands now: new pods are picked up, those that are gone are read to their end.
    pub fn update(&self, rollout: &Arc<Rollout>) {
        self.rollout.send_replace(Some(rollout.clone()));
    }

    /// Ends all streams.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A container that is or was followed.
struct Followed {
    seen: watch::Sender<Seen>,
    progress: Arc<Mutex<Progress>>,
    /// None while it waits for its turn.
    task: Option<AbortHandle>,
}

impl Followed {
    /// Returns whether it takes a place under the cap: what was read to its end does not.
    fn busy(&self, seen: &Seen) -> bool {
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        !(progress.complete && progress.run.is_none_or(|run| run == seen.restarts))
    }
}

struct Director {
    client: Client,
    shared: Arc<Shared>,
    streams: BTreeMap<Key, Followed>,
    tasks: JoinSet<()>,
    told: Option<(u32, u32)>,
}

impl Director {
    async fn run(mut self, seq: Seq, mut rollouts: watch::Receiver<Option<Arc<Rollout>>>, ways: Ways) {
        let shared = self.shared.clone();
        let pump = shared.outbox.pump(seq, ways.lines);
        let direct = async {
            while rollouts.changed().await.is_ok() {
                let Some(rollout) = rollouts.borrow_and_update().clone() else { continue };
                let (followed, of) = self.arrange(&rollout);
                while self.tasks.try_join_next().is_some() {}
                if self.told.replace((followed, of)) != Some((followed, of))
                    && ways.events.send(Event::Following { seq, followed, of }).await.is_err()
                {
                    return;
                }
            }
        };
        // The streams end with the director: they are tasks of its own.
        tokio::select! {
            () = pump => {}
            () = direct => {}
        }
    }

    /// Follows what is to be followed now. Returns how many of how many.
    fn arrange(&mut self, rollout: &Rollout) -> (u32, u32) {
        let first = self.told.is_none();
        let choices = choose::choices(rollout, &self.shared.query);
        let present: BTreeSet<&Key> = choices.iter().map(|choice| &choice.key).collect();
        for (_, followed) in self.streams.iter().filter(|(key, _)| !present.contains(key)) {
            followed.seen.send_if_modified(|seen| !std::mem::replace(&mut seen.gone, true));
        }
        self.streams.retain(|key, followed| present.contains(key) || followed.task.as_ref().is_some_and(|task| !task.is_finished()));
        let (mut places, mut followed_now) = (CAP, 0);
        for Choice { key, source, seen } in &choices {
            let followed = self.streams.entry(key.clone()).or_insert_with(|| Followed {
                seen: watch::Sender::new(seen.clone()),
                progress: Arc::default(),
                task: None,
            });
            let busy = followed.busy(seen);
            if busy && places == 0 {
                if let Some(task) = followed.task.take() {
                    task.abort();
                }
                continue;
            }
            places -= usize::from(busy);
            followed_now += 1;
            followed.seen.send_if_modified(|before| {
                let changed = before != seen;
                before.clone_from(seen);
                changed
            });
            if followed.task.as_ref().is_none_or(AbortHandle::is_finished) && busy {
                let stream = Stream {
                    client: self.client.clone(),
                    shared: self.shared.clone(),
                    key: key.clone(),
                    source: source.clone(),
                    seen: followed.seen.subscribe(),
                    progress: followed.progress.clone(),
                    joined: !first && followed.task.is_none() && !self.shared.query.previous,
                };
                followed.task = Some(self.tasks.spawn(stream.run()));
            }
        }
        (followed_now, choices.len() as u32)
    }
}
