//! The releases as they are known here, the checks that run, and what the gate says of each rollout.

mod available;
mod bind;
pub mod rows;
pub mod standing;

pub use available::{available, next, open_roles, said, ticked_under};
pub use bind::{Bond, bond, shutting};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Model;
use crate::domain::change::Preview;
use crate::domain::id::{EnvironmentName, ItemId, ReleaseId, RolloutId, ServiceName};
use crate::domain::release::policy::Policy;
use crate::domain::release::record::Body;
use crate::domain::release::{Bound, Release, Voucher};
use crate::port::Seq;
use crate::port::releases::Access;

/// A check that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub release: ReleaseId,
    pub item: ItemId,
    pub asked: Timestamp,
    /// Handed to the checker, with what the release was bound to then; none: as many as may run at once do.
    pub sent: Option<String>,
    /// None: it waits for its turn.
    pub started: Option<Timestamp>,
}

/// Digests that are being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub release: ReleaseId,
    pub since: Timestamp,
    /// What the engine knew; the registry is asked for the rest.
    pub found: Vec<Bound>,
}

/// A start that this console armed.
#[derive(Clone, Debug, PartialEq)]
pub struct Armed {
    pub at: Timestamp,
    /// What was shown and confirmed.
    pub preview: Box<Preview>,
    /// The same read again, asked for when the time came.
    pub again: Option<Seq>,
}

/// Entries on their way to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub release: ReleaseId,
    pub bodies: Vec<Body>,
    pub since: Timestamp,
    /// Somebody pressed a key for it: what becomes of it is told. Otherwise the console did it by itself.
    pub asked: bool,
}

/// Everything about releases.
#[derive(Debug, Default)]
pub struct Releases {
    all: BTreeMap<ReleaseId, Arc<Release>>,
    /// What could not be read of a record: shown with it; a record with problems opens no gate.
    pub problems: BTreeMap<ReleaseId, Vec<String>>,
    pub access: BTreeMap<EnvironmentName, Access>,
    /// The checks under way.
    pub runs: BTreeMap<Seq, Run>,
    /// The digests that are being read.
    pub bindings: BTreeMap<Seq, Binding>,
    /// When each release's digests were last read here.
    pub read: BTreeMap<ReleaseId, Timestamp>,
    /// When each check was last begun here, and what the release was bound to.
    pub ran: BTreeMap<(ReleaseId, ItemId), (Timestamp, String)>,
    /// The starts that this console armed.
    pub armed: BTreeMap<ReleaseId, Armed>,
    /// Orders that the plan's `on_close` asks for, while the engine reads what they come to.
    pub closing: BTreeMap<Seq, RolloutId>,
    /// Releases under way whose gate has shut.
    pub shut: BTreeSet<ReleaseId>,
    /// Releases whose record was deleted from outside.
    pub lost: BTreeSet<ReleaseId>,
    /// Since when a release's gate is other than its phase says: whose turn it is to write so is given a moment to.
    pub turned: BTreeMap<ReleaseId, Timestamp>,
    /// What the stores have not answered yet.
    pub pending: BTreeMap<Seq, Pending>,
    pub seq: Seq,
}

impl Releases {
    /// Returns a release.
    pub fn get(&self, id: &ReleaseId) -> Option<&Arc<Release>> {
        self.all.get(id)
    }

    /// Keeps a release as it is now.
    pub fn set(&mut self, release: Arc<Release>) {
        self.all.insert(release.id.clone(), release);
    }

    /// Forgets a release.
    pub fn remove(&mut self, id: &ReleaseId) {
        self.all.remove(id);
        self.problems.remove(id);
    }

    /// Returns all of them, the newest first.
    pub fn newest(&self) -> Vec<&Arc<Release>> {
        let mut all: Vec<_> = self.all.values().collect();
        all.sort_by_key(|release| std::cmp::Reverse(release.entries.first().map(|entry| entry.at)));
        all
    }

    /// Returns the releases of a service in an environment, the oldest first.
    pub fn of(&self, service: &ServiceName, environment: &EnvironmentName) -> std::vec::IntoIter<&Arc<Release>> {
        let of_it = |release: &&Arc<Release>| release.brief.environment == *environment && release.brief.version(service).is_some();
        let mut of_it: Vec<_> = self.newest().into_iter().filter(of_it).collect();
        of_it.reverse();
        of_it.into_iter()
    }

    /// Returns the release that is shown for a service in an environment: one under way before any other, then the newest that
    /// has not ended.
    pub fn active(&self, service: &ServiceName, environment: &EnvironmentName) -> Option<&Arc<Release>> {
        let open = self.newest().into_iter().filter(|release| !release.phase.ended());
        let mut open = open.filter(|release| release.brief.environment == *environment && release.brief.version(service).is_some());
        let first = open.next()?;
        Some(std::iter::once(first).chain(open).find(|release| release.phase.under_way()).unwrap_or(first))
    }

    /// Returns the release whose checklist a service's key opens: the one that is shown, else the last one.
    pub fn latest(&self, service: &ServiceName, environment: &EnvironmentName) -> Option<&Arc<Release>> {
        let of_it = |release: &&&Arc<Release>| release.brief.environment == *environment && release.brief.version(service).is_some();
        self.active(service, environment).or_else(|| self.newest().iter().find(of_it).copied())
    }

    /// Returns what is on its way to the store for a release, oldest first.
    pub fn sent<'a>(&'a self, release: &'a ReleaseId) -> impl Iterator<Item = &'a Body> {
        self.pending.values().filter(move |pending| pending.release == *release).flat_map(|pending| &pending.bodies)
    }

    /// Returns the check of an item that is under way.
    pub fn running(&self, release: &ReleaseId, item: &ItemId) -> Option<&Run> {
        self.runs.values().find(|run| run.release == *release && run.item == *item)
    }
}

impl Model {
    /// Returns the rules of an environment.
    pub fn policy(&self, environment: &EnvironmentName) -> Option<&Arc<Policy>> {
        self.plan.environment(environment).map(|environment| &environment.policy)
    }

    /// Returns who decides and ticks in an environment, and who vouches for the name.
    pub fn person(&self, environment: &EnvironmentName) -> (crate::domain::id::Actor, Voucher) {
        let workload = self.plan.workloads().find(|workload| workload.id.environment == *environment);
        match workload.and_then(|workload| self.identities.get(&workload.scope())) {
            Some((actor, voucher)) => (actor.clone(), *voucher),
            None => (self.user.clone(), Voucher::System),
        }
    }

    /// Returns the release that the open screen is about.
    pub fn open_release(&self) -> Option<&Arc<Release>> {
        match self.nav.screen() {
            super::nav::Screen::Release(id) | super::nav::Screen::Chronicle(id) => self.releases.get(id),
            _ => None,
        }
    }
}
