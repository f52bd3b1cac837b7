//! The task that keeps a scope's locks: watches the Leases, renews what is ours, tells how each stands, carries what is said
//! to a holder, and lets everything go at the end. Outlives every lost link: the clock does not stop with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::order::{LIMIT, TRIES};
use super::{Locks, lease};
use crate::adapter::clock;
use crate::adapter::kubernetes::change::{FIELD_MANAGER, Kind, call};
use crate::adapter::kubernetes::error;
use crate::domain::driver::{Seat, Sheet, Standing};
use crate::domain::id::Scope;
use crate::port::engine::{Event, Telling};

/// How long letting go may take at the end.
const GOODBYE: Duration = Duration::from_millis(1500);

/// What a watch says.
enum Heard {
    Listed { namespace: String, leases: Vec<(String, Sheet)> },
    Moved { namespace: String, name: String, sheet: Option<Box<Sheet>> },
    Blind { namespace: String, why: String },
}

/// Keeps the locks of a scope until `tellings` closes.
pub async fn run(locks: Locks, scope: Scope, mut tellings: mpsc::Receiver<(Seat, Telling)>, events: mpsc::Sender<Event>) {
    let Some(wake) = locks.0.as_ref().and_then(|inner| inner.wakes.get(&scope)) else { return };
    let (hear, mut heard) = mpsc::channel(64);
    let mut keeper = Keeper {
        locks: locks.clone(),
        scope,
        told: BTreeMap::new(),
        trying: BTreeMap::new(),
        works: JoinSet::new(),
        watches: JoinSet::new(),
        watched: None,
    };
    loop {
        keeper.watch(&hear);
        keeper.renew();
        for (seat, standing) in keeper.news() {
            if events.send(Event::Lock { seat, standing }).await.is_err() {
                tracing::debug!("nobody reads events any more");
            }
        }
        let pause = keeper.pause();
        tokio::select! {
            telling = tellings.recv() => match telling {
                None => break,
                Some((seat, telling)) => keeper.tell(seat, telling, events.clone()),
            },
            Some(heard) = heard.recv() => keeper.take(heard),
            Some(done) = keeper.works.join_next(), if !keeper.works.is_empty() => {
                if let Ok(Some((seat, renewed))) = done {
                    keeper.tried(&seat, renewed);
                }
            }
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    keeper.works.shutdown().await;
    let seats = keeper.seats(|post, _| post.lock.named());
    let releases = seats.into_iter().map(|seat| {
        let locks = locks.clone();
        async move { locks.rewrite(&seat, |locks, lease| locks.named(&seat).then(|| lease::released(lease, clock::now()))).await }
    });
    if tokio::time::timeout(GOODBYE, futures::future::join_all(releases)).await.is_err() {
        tracing::warn!("a lock was not released in time: it expires by itself");
    }
}

struct Keeper {
    locks: Locks,
    scope: Scope,
    /// What the console was last told.
    told: BTreeMap<Seat, Standing>,
    /// Renewals: on their way, or failed and not to be tried before.
    trying: BTreeMap<Seat, Option<Instant>>,
    works: JoinSet<Option<(Seat, bool)>>,
    watches: JoinSet<()>,
    /// The client that the watches run on, by the order in which clients came.
    watched: Option<u64>,
}

impl Keeper {
    fn seats(&self, wanted: impl Fn(&super::Post, crate::domain::driver::Moment) -> bool) -> Vec<Seat> {
        let Some(inner) = &self.locks.0 else { return Vec::new() };
        let now = inner.moment();
        let posts = super::unpoisoned(&inner.posts);
        posts.iter().filter(|(_, post)| post.scope == self.scope && wanted(post, now)).map(|(seat, _)| seat.clone()).collect()
    }

    /// Watches every namespace that holds a Lease, anew with every new client.
    fn watch(&mut self, hear: &mpsc::Sender<Heard>) {
        let Some((client, number)) = self.locks.client(&self.scope) else { return };
        if self.watched == Some(number) {
            return;
        }
        self.watched = Some(number);
        self.watches = JoinSet::new();
        let Some(inner) = &self.locks.0 else { return };
        let namespaces: BTreeSet<String> =
            super::unpoisoned(&inner.posts).values().filter(|post| post.scope == self.scope).map(|post| post.namespace.clone()).collect();
        for namespace in namespaces {
            self.watches.spawn(follow(client.clone(), namespace, hear.clone()));
        }
    }

    fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Listed { namespace, leases } => {
                for seat in self.seats(|post, _| post.namespace == namespace) {
                    let name = lease::name(&seat);
                    let sheet = leases.iter().find(|(of, _)| *of == name).map(|(_, sheet)| sheet.clone());
                    self.hear(seat, sheet);
                }
            }
            Heard::Moved { namespace, name, sheet } => {
                if let Some(seat) = self.seats(|post, _| post.namespace == namespace).into_iter().find(|seat| lease::name(seat) == name) {
                    self.hear(seat, sheet.map(|sheet| *sheet));
                }
            }
            Heard::Blind { namespace, why } => {
                for seat in self.seats(|post, _| post.namespace == namespace) {
                    self.locks.with(&seat, |post, _| post.lock.blind(why.clone()));
                }
            }
        }
    }

    /// A list that was made before our own Lease was says that there is none: then the server is asked again.
    fn hear(&mut self, seat: Seat, sheet: Option<Sheet>) {
        if sheet.is_none() && self.locks.named(&seat) {
            let locks = self.locks.clone();
            self.works.spawn(async move {
                if let Err(error) = locks.look(&seat, LIMIT).await {
                    tracing::warn!(%seat, %error, "it is not known whether the lock is still there");
                }
                None
            });
        } else {
            self.locks.with(&seat, |post, now| post.lock.hear(sheet, now));
        }
    }

    /// Renews what is due, each in a task of its own.
    fn renew(&mut self) {
        let Some(terms) = self.locks.0.as_ref().map(|inner| inner.driving.terms) else { return };
        for seat in self.seats(|post, now| post.lock.renewal_due(now)) {
            if self.trying.get(&seat).is_some_and(|until| until.is_none_or(|until| Instant::now() < until)) {
                continue;
            }
            self.trying.insert(seat.clone(), None);
            let (locks, duration) = (self.locks.clone(), terms.duration);
            self.works.spawn(async move {
                let renewed =
                    locks.rewrite(&seat, |locks, lease| locks.named(&seat).then(|| lease::renewed(lease, duration, clock::now()))).await;
                if let Err(why) = &renewed {
                    tracing::warn!(%seat, %why, "the lock was not renewed");
                }
                Some((seat, renewed.is_ok()))
            });
        }
    }

    fn tried(&mut self, seat: &Seat, renewed: bool) {
        if renewed {
            self.trying.remove(seat);
        } else {
            self.trying.insert(seat.clone(), Some(Instant::now() + self.again()));
        }
    }

    /// How long to wait after a renewal that failed.
    fn again(&self) -> Duration {
        let period = self.locks.0.as_ref().map(|inner| inner.driving.terms.period()).and_then(|period| Duration::try_from(period).ok());
        period.unwrap_or(LIMIT) / 5
    }

    /// Returns what stands otherwise than the console was told.
    fn news(&mut self) -> Vec<(Seat, Standing)> {
        let mut news = Vec::new();
        for seat in self.seats(|_, _| true) {
            let standing = self.locks.standing(&seat).unwrap_or_default();
            if self.told.get(&seat) != Some(&standing) {
                self.told.insert(seat.clone(), standing.clone());
                news.push((seat, standing));
            }
        }
        news
    }

    /// Returns how long nothing can happen by time alone.
    fn pause(&self) -> Duration {
        let Some(inner) = &self.locks.0 else { return LIMIT };
        let now = inner.moment();
        let posts = super::unpoisoned(&inner.posts);
        let turns = posts.values().filter(|post| post.scope == self.scope).filter_map(|post| post.lock.turns_in(now));
        let turns = turns.filter_map(|left| Duration::try_from(left).ok());
        let tries = self.trying.values().flatten().map(|until| until.saturating_duration_since(Instant::now()));
        // A millisecond more, so that what was to turn has turned.
        turns.chain(tries).min().unwrap_or(Duration::from_secs(60)) + Duration::from_millis(1)
    }

    /// Leaves something on the lock for its holder to read.
    fn tell(&mut self, seat: Seat, telling: Telling, events: mpsc::Sender<Event>) {
        let (locks, scope) = (self.locks.clone(), self.scope.clone());
        self.works.spawn(async move {
            let me = locks.with(&seat, |post, _| post.lock.me().to_owned())?;
            let written = locks
                .rewrite(&seat, |locks, lease| {
                    let held = !lease::sheet(lease).record.holder.is_empty() && !locks.named(&seat);
                    held.then(|| match &telling {
                        Telling::Ask => lease::asked(lease, &me),
                        Telling::Did(what) => lease::told(lease, what),
                    })
                })
                .await;
            if let Err(why) = written {
                let what = format!("the driver of {seat} was not told: {why}");
                if events.send(Event::Missing { scope, what }).await.is_err() {
                    tracing::debug!("nobody reads events any more");
                }
            }
            None
        });
    }
}

impl Locks {
    pub(super) fn named(&self, seat: &Seat) -> bool {
        self.with(seat, |post, _| post.lock.named()).unwrap_or(false)
    }

    /// Reads a Lease, writes what is made of it, and begins again where another write came between. Nothing to write is no
    /// error: then the Lease moved on.
    async fn rewrite(&self, seat: &Seat, make: impl Fn(&Self, &Value) -> Option<Value>) -> Result<(), String> {
        let (client, namespace) = self.way(seat).map_err(|error| error.to_string())?;
        let path = format!("{}?fieldManager={FIELD_MANAGER}", Kind::Lease.path(&namespace, &lease::name(seat)));
        for _ in 0..TRIES {
            let Some(read) = self.look(seat, LIMIT).await.map_err(|error| error.to_string())? else { return Ok(()) };
            let Some(body) = make(self, &read) else { return Ok(()) };
            let Some(sent) = self.moment() else { return Ok(()) };
            let reply = call(&client, "PUT", &path, Some(("application/json", &body.to_string())), LIMIT).await;
            match reply {
                Ok(reply) if reply.accepted() => {
                    self.turn(seat, |post, _| post.lock.accepted(lease::sheet(&reply.body), sent));
                    return Ok(());
                }
                Ok(reply) if reply.status == 409 => {}
                Ok(reply) => return Err(reply.message()),
                Err(lost) => return Err(lost.harmless().to_string()),
            }
        }
        Err("others keep writing it".to_owned())
    }
}

/// Watches the Leases of a namespace until it is certain that it may not.
async fn follow(client: Client, namespace: String, hear: mpsc::Sender<Heard>) {
    let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"), Kind::Lease.plural());
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &kind);
    let mut stream = std::pin::pin!(watcher(api, watcher::Config::default().labels(lease::SELECTOR)).default_backoff());
    let mut listing = Vec::new();
    let mut refusals = 0;
    let read = |object: &DynamicObject| {
        let name = object.metadata.name.clone().unwrap_or_default();
        serde_json::to_value(object).ok().map(|value| (name, lease::sheet(&value)))
    };
    while let Some(event) = stream.next().await {
        let heard = match event {
            Ok(watcher::Event::Init) => {
                listing = Vec::new();
                continue;
            }
            Ok(watcher::Event::InitApply(object)) => {
                listing.extend(read(&object));
                continue;
            }
            Ok(watcher::Event::InitDone) => {
                refusals = 0;
                Heard::Listed { namespace: namespace.clone(), leases: std::mem::take(&mut listing) }
            }
            Ok(watcher::Event::Apply(object)) => match read(&object) {
                Some((name, sheet)) => Heard::Moved { namespace: namespace.clone(), name, sheet: Some(Box::new(sheet)) },
                None => continue,
            },
            Ok(watcher::Event::Delete(object)) => {
                Heard::Moved { namespace: namespace.clone(), name: object.metadata.name.unwrap_or_default(), sheet: None }
            }
            Err(error) => {
                // A server that has just started refuses everyone for a moment.
                let why = match error::code(&error) {
                    Some(403) if refusals > 0 => format!("no right to list leases in {namespace}"),
                    Some(404) => "the cluster does not serve leases".to_owned(),
                    code => {
                        refusals += u32::from(code == Some(403));
                        continue;
                    }
                };
                let _ = hear.send(Heard::Blind { namespace: namespace.clone(), why }).await;
                return;
            }
        };
        if hear.send(heard).await.is_err() {
            return;
        }
    }
}
