//! What a store knows of its records, and what it tells: the one place where what the link, the watch and the writer say
//! becomes the port's events.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::object::Kept;
use super::rights::{self, Rights};
use super::watch;
use super::write::Place;
use crate::adapter::clock;
use crate::domain::id::ReleaseId;
use crate::domain::release::keeping;
use crate::port::Seq;
use crate::port::releases::{Access, Event, Failure, Shelf};

/// Rights change rarely; what was denied is asked for again sooner.
const REFRESH: Duration = Duration::from_secs(180);
const DENIED: Duration = Duration::from_secs(30);

/// For so long a watch may still tell what was before a write of our own.
const LATE: Duration = Duration::from_secs(30);

/// What a keeper hears.
pub enum Heard {
    Up(Client),
    Lost(String),
    Rights(Rights),
    /// All records of the namespace.
    Listed(Vec<Kept>),
    Moved(Box<Kept>),
    Gone {
        id: ReleaseId,
        uid: String,
    },
    /// The watch fails though the server answers.
    Trouble(String),
    /// A write of our own; `created`: of a new release.
    Wrote {
        kept: Box<Kept>,
        created: bool,
    },
    /// A write was denied, whatever was said beforehand.
    Denied(String),
    Answered {
        seq: Seq,
        release: ReleaseId,
        result: Result<(), Failure>,
    },
    /// The server has none of this name: asked because a list left it out.
    Absent(ReleaseId),
    Pruned(u32),
}

/// How the way to the server stands, for whoever writes: the place, or why there is none.
pub type Way = Result<Place, String>;

/// What is known of a record that was told.
struct Known {
    uid: String,
    version: String,
    ended: Option<Timestamp>,
    /// When it was last written from here.
    own: Option<Instant>,
}

/// Keeps one environment's records.
pub struct Keeper {
    namespace: String,
    shelf: Shelf,
    out: mpsc::Sender<Heard>,
    events: mpsc::Sender<Event>,
    way: channel::Sender<Way>,
    known: BTreeMap<ReleaseId, Known>,
    /// Why the link is down; it begins so, with nothing to say.
    lost: Option<String>,
    trouble: Option<String>,
    listed: bool,
    rights: Option<Rights>,
    told: Option<Access>,
    /// The watch, replaced with each new client.
    watches: JoinSet<()>,
    works: JoinSet<()>,
}

impl Keeper {
    /// Makes a keeper that tells to `events`, and has its helpers speak to `out`.
    pub fn new(namespace: String, shelf: Shelf, out: mpsc::Sender<Heard>, events: mpsc::Sender<Event>, way: channel::Sender<Way>) -> Self {
        Self {
            namespace,
            shelf,
            out,
            events,
            way,
            known: BTreeMap::new(),
            lost: None,
            trouble: None,
            listed: false,
            rights: None,
            told: None,
            watches: JoinSet::new(),
            works: JoinSet::new(),
        }
    }

    /// Takes what was heard; none: nobody listens any more.
    pub async fn hear(&mut self, heard: Heard) -> Option<()> {
        while self.works.try_join_next().is_some() {}
        match heard {
            Heard::Up(client) => self.up(client),
            Heard::Lost(why) => {
                let _former = self.way.send_replace(Err(why.clone()));
                self.lost = Some(why);
            }
            Heard::Rights(rights) => self.rights = Some(rights),
            Heard::Listed(all) => {
                (self.listed, self.trouble) = (true, None);
                self.listed(all).await?;
            }
            Heard::Moved(kept) => {
                self.trouble = None;
                self.take(*kept, None).await?;
            }
            Heard::Gone { id, uid } => {
                if self.known.get(&id).is_some_and(|known| known.uid == uid) {
                    self.gone(id).await?;
                }
            }
            Heard::Trouble(why) => self.trouble = Some(why),
            Heard::Wrote { kept, created } => {
                let (id, ended) = (kept.id().clone(), kept.ended().is_some());
                self.take(*kept, Some(Instant::now())).await?;
                if created || ended {
                    self.prune(&id);
                }
            }
            Heard::Denied(why) => self.rights.get_or_insert_default().writing = Some(why),
            Heard::Answered { seq, release, result } => self.tell(Event::Appended { seq, release, result }).await?,
            Heard::Absent(id) => self.gone(id).await?,
            Heard::Pruned(count) => self.tell(Event::Pruned { environment: self.shelf.environment.clone(), count }).await?,
        }
        self.access().await
    }

    /// Begins again with a client: watches that were there before an outage may be dead.
    fn up(&mut self, client: Client) {
        (self.lost, self.trouble) = (None, None);
        let place = Place { client: client.clone(), namespace: self.namespace.clone(), shelf: self.shelf.clone() };
        let _former = self.way.send_replace(Ok(place));
        self.watches = JoinSet::new();
        self.watches.spawn(watch::follow(client.clone(), self.namespace.clone(), self.shelf.clone(), self.out.clone()));
        let (namespace, out) = (self.namespace.clone(), self.out.clone());
        self.watches.spawn(async move {
            loop {
                let rights = rights::ask(&client, &namespace).await;
                let wait = if rights == Rights::default() { REFRESH } else { DENIED };
                if out.send(Heard::Rights(rights)).await.is_err() {
                    return;
                }
                tokio::time::sleep(wait).await;
            }
        });
    }

    /// Takes a whole list. What it leaves out is gone, unless it was written from here after the list was made.
    async fn listed(&mut self, all: Vec<Kept>) -> Option<()> {
        let missing: Vec<ReleaseId> = self.known.keys().filter(|id| !all.iter().any(|kept| kept.id() == *id)).cloned().collect();
        for id in missing {
            let way = self.way.borrow().clone();
            match way {
                Ok(place) if self.known.get(&id).is_some_and(Known::fresh) => {
                    let out = self.out.clone();
                    self.works.spawn(async move {
                        if place.exists(&id).await == Some(false) {
                            // The receiver is gone only when the store ends.
                            let _ = out.send(Heard::Absent(id)).await;
                        }
                    });
                }
                _ => self.gone(id).await?,
            }
        }
        for kept in all {
            self.take(kept, None).await?;
        }
        Some(())
    }

    /// Takes a record as it was seen, or as it was written from here.
    async fn take(&mut self, kept: Kept, own: Option<Instant>) -> Option<()> {
        let known = self.known.get(kept.id());
        if known.is_some_and(|known| known.uid == kept.uid && (known.version == kept.version || known.later_than(&kept.version))) {
            return Some(());
        }
        let own = own.or_else(|| known.and_then(|known| known.own));
        let entry = Known { uid: kept.uid.clone(), version: kept.version.clone(), ended: kept.ended(), own };
        self.known.insert(kept.id().clone(), entry);
        self.tell(Event::Record { environment: self.shelf.environment.clone(), record: Box::new(kept.record) }).await
    }

    async fn gone(&mut self, release: ReleaseId) -> Option<()> {
        if self.known.remove(&release).is_none() {
            return Some(());
        }
        self.tell(Event::Gone { environment: self.shelf.environment.clone(), release }).await
    }

    /// Removes what the policy keeps no longer. Only a console that has just written does, so that those that look on do not
    /// all try.
    fn prune(&mut self, spared: &ReleaseId) {
        let ended = self.known.iter().filter_map(|(id, known)| Some((id.clone(), known.ended?)));
        let surplus = keeping::surplus(ended.collect(), spared, self.shelf.keep, clock::now());
        let surplus: Vec<(ReleaseId, String, String)> = surplus
            .into_iter()
            .filter_map(|id| self.known.get(&id).map(|known| (id.clone(), known.uid.clone(), known.version.clone())))
            .collect();
        let way = self.way.borrow().clone();
        let Some(place) = way.ok().filter(|_| !surplus.is_empty()) else { return };
        let out = self.out.clone();
        self.works.spawn(async move {
            let mut count = 0;
            for (id, uid, version) in surplus {
                count += u32::from(place.delete(&id, &uid, &version).await);
            }
            if count > 0 {
                let _ = out.send(Heard::Pruned(count)).await;
            }
        });
    }

    /// Tells how the store can be used, where that moved.
    async fn access(&mut self) -> Option<()> {
        let access = self.standing();
        if self.told.as_ref() == Some(&access) {
            return Some(());
        }
        tracing::info!(environment = %self.shelf.environment, ?access, "the records of releases");
        self.told = Some(access.clone());
        self.tell(Event::Access { environment: self.shelf.environment.clone(), access }).await
    }

    fn standing(&self) -> Access {
        let reading = self.rights.as_ref().and_then(|rights| rights.reading.clone());
        if let Some(why) = self.lost.clone().or(reading).or_else(|| self.trouble.clone()) {
            return Access::Unreadable(why);
        }
        match &self.rights {
            Some(rights) if self.listed => rights.writing.clone().map_or(Access::Writable, Access::ReadOnly),
            _ => Access::Loading,
        }
    }

    async fn tell(&self, event: Event) -> Option<()> {
        self.events.send(event).await.ok()
    }
}

impl Known {
    fn fresh(&self) -> bool {
        self.own.is_some_and(|at| at.elapsed() < LATE)
    }

    /// Returns whether what was written from here came after this version: then it is old news. Versions are opaque by the
    /// API's word, but every server counts them up; where that is not so the watch is believed.
    fn later_than(&self, version: &str) -> bool {
        let number = |text: &str| text.parse::<u64>().ok();
        self.fresh() && matches!((number(&self.version), number(version)), (Some(known), Some(seen)) if known > seen)
    }
}
