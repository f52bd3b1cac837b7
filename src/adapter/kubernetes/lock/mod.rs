//! The driver's locks: a Lease for each service and environment (api-semantics 8.2).
//!
//! `lease` is the object, [`Locks`] what this console knows of all of them and the gate that its requests pass, `order` what
//! is done by order, `keeper` the task that watches, renews, and lets go at the end.

mod keeper;
mod lease;
mod order;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use kube::Client;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use keeper::run as keep;
pub use order::Preface;

use crate::adapter::clock;
use crate::domain::change::{Answer, ChangeError, Request};
use crate::domain::driver::{Holder, Lock, Moment, Seat, Standing, Terms};
use crate::domain::id::{Actor, Scope};
use crate::domain::object::Part;
use crate::domain::plan::Workload;

/// Who locks, and on what terms.
#[derive(Clone, Debug)]
pub struct Driving {
    /// The system's name for the operator, until a cluster has its own.
    pub user: Actor,
    /// `host:pid`.
    pub console: String,
    pub terms: Terms,
}

/// One lock, and where its Lease lies: beside the first workload of its seat, which every console with the plan agrees on.
struct Post {
    lock: Lock,
    scope: Scope,
    namespace: String,
}

struct Inner {
    driving: Driving,
    /// Makes the identity unique: process numbers come back.
    tag: String,
    begun: Instant,
    posts: Mutex<BTreeMap<Seat, Post>>,
    /// Each with its number, so that a keeper knows a new one.
    clients: Mutex<BTreeMap<Scope, (Client, u64)>>,
    /// Wakes the keeper of a scope.
    wakes: BTreeMap<Scope, Notify>,
}

/// All locks of this console; a handle to share.
#[derive(Clone)]
pub struct Locks(Option<Arc<Inner>>);

impl Locks {
    /// Returns the locks of these workloads' seats; without driving there are none, and nothing is gated.
    pub fn new(driving: Option<Driving>, workloads: &[Workload]) -> Self {
        let Some(driving) = driving else { return Self(None) };
        let tag = format!("{:08x}", fastrand::u32(..));
        let me = Holder { name: driving.user.to_string(), console: driving.console.clone(), tag: tag.clone() }.identity();
        let mut posts = BTreeMap::new();
        for workload in workloads {
            let post =
                || Post { lock: Lock::new(me.as_str(), driving.terms), scope: workload.scope(), namespace: workload.namespace.clone() };
            posts.entry(Seat::of(&workload.id)).or_insert_with(post);
        }
        let wakes = posts.values().map(|post: &Post| (post.scope.clone(), Notify::new())).collect();
        Self(Some(Arc::new(Inner { driving, tag, begun: Instant::now(), posts: Mutex::new(posts), clients: Mutex::default(), wakes })))
    }

    /// Returns whether there is a lock in this scope.
    pub fn of_scope(&self, scope: &Scope) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.wakes.contains_key(scope))
    }

    /// Returns the scope in which the Lease of a seat lies.
    pub fn scope_of(&self, seat: &Seat) -> Option<Scope> {
        self.with(seat, |post, _| post.scope.clone())
    }

    /// Takes the client of a scope that was connected.
    pub fn connected(&self, scope: &Scope, client: Client) {
        if let Some(inner) = &self.0 {
            let mut clients = unpoisoned(&inner.clients);
            let number = clients.get(scope).map_or(0, |(_, number)| number + 1);
            clients.insert(scope.clone(), (client, number));
            drop(clients);
            inner.wake(scope);
        }
    }

    /// Takes whom the cluster of a scope takes the operator for.
    pub fn identify(&self, scope: &Scope, name: &str) {
        if let Some(inner) = &self.0 {
            let me = Holder { name: name.into(), console: inner.driving.console.clone(), tag: inner.tag.clone() }.identity();
            for post in unpoisoned(&inner.posts).values_mut().filter(|post| post.scope == *scope) {
                post.lock.rename(&me);
            }
        }
    }

    /// Does something with one lock, at this moment.
    fn with<T>(&self, seat: &Seat, act: impl FnOnce(&mut Post, Moment) -> T) -> Option<T> {
        let inner = self.0.as_ref()?;
        let now = inner.moment();
        unpoisoned(&inner.posts).get_mut(seat).map(|post| act(post, now))
    }

    /// Does something with one lock and wakes its keeper.
    fn turn<T>(&self, seat: &Seat, act: impl FnOnce(&mut Post, Moment) -> T) -> Option<T> {
        let inner = self.0.as_ref()?;
        let done = self.with(seat, |post, now| (act(post, now), post.scope.clone()));
        done.map(|(done, scope)| {
            inner.wake(&scope);
            done
        })
    }

    /// Returns how a lock stands.
    pub fn standing(&self, seat: &Seat) -> Option<Standing> {
        self.with(seat, |post, now| post.lock.standing(now))
    }

    fn client(&self, scope: &Scope) -> Option<(Client, u64)> {
        self.0.as_ref().and_then(|inner| unpoisoned(&inner.clients).get(scope).cloned())
    }

    fn moment(&self) -> Option<Moment> {
        self.0.as_ref().map(|inner| inner.moment())
    }
}

impl Inner {
    fn moment(&self) -> Moment {
        let steady = SignedDuration::try_from(self.begun.elapsed()).unwrap_or(SignedDuration::MAX);
        Moment { steady, wall: clock::now() }
    }

    fn wake(&self, scope: &Scope) {
        if let Some(wake) = self.wakes.get(scope) {
            wake.notify_one();
        }
    }
}

impl std::fmt::Debug for Locks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Locks").finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves no lock half changed: each change is one assignment.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands before each request of an operation.
#[derive(Debug)]
pub struct Gate {
    locks: Locks,
    seat: Option<Seat>,
    /// The requests need the lock at the moment they leave.
    driving: bool,
}

impl Gate {
    /// Returns a gate that lets everything pass.
    pub fn open() -> Self {
        Self { locks: Locks(None), seat: None, driving: false }
    }

    /// Returns the gate before an operation on this seat.
    pub fn before(locks: Locks, seat: Seat, driving: bool) -> Self {
        Self { locks, seat: Some(seat), driving }
    }

    /// Sends a request that is of the lock itself, and holds any other back that may not leave now; none: it may.
    pub async fn pass(&self, request: &Request) -> Option<Result<Answer, ChangeError>> {
        let seat = self.seat.as_ref()?;
        if request.object.part == Part::Lock {
            return Some(self.locks.send(seat, request).await);
        }
        if !self.driving {
            return None;
        }
        let may = self.locks.with(seat, |post, now| post.lock.may_act(now))?;
        may.err().map(|refusal| Err(refusal.into()))
    }
}

/// The version that a Lease was read at.
fn version(lease: &Value) -> String {
    lease
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
        .map_or_else(|| "new".to_owned(), |version| format!("version {version}"))
}
