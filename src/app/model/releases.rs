//! The releases as they are known here, the checks that run, and what the gate says of each rollout.

pub mod rows;
pub mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Model;
use crate::app::action::Action;
use crate::domain::id::{EnvironmentName, ItemId, ReleaseId, RolloutId, ServiceName};
use crate::domain::release::gate::{self, Gate};
use crate::domain::release::policy::Policy;
use crate::domain::release::record::Body;
use crate::domain::release::{Release, Voucher};
use crate::domain::verb::Refusal;
use crate::port::Seq;
use crate::port::releases::Access;

/// A check that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub release: ReleaseId,
    pub item: ItemId,
    pub asked: Timestamp,
    /// None: it waits for its turn.
    pub started: Option<Timestamp>,
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

    /// Returns the release that binds a service in an environment: one under way before any other, then the newest that has not
    /// ended.
    pub fn active(&self, service: &ServiceName, environment: &EnvironmentName) -> Option<&Arc<Release>> {
        let of_it = |release: &&Arc<Release>| release.brief.environment == *environment && release.brief.version(service).is_some();
        self.newest().into_iter().filter(of_it).filter(|release| !release.phase.ended()).max_by_key(|release| release.phase.under_way())
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

    /// Returns what the gate says of beginning something on a rollout now. `asked`: the version to be shipped, where one is.
    pub fn gate(&self, rollout: &RolloutId, asked: Option<&str>) -> Gate {
        let Some(policy) = self.policy(&rollout.environment) else { return Gate::default() };
        let release = self.releases.active(&rollout.service, &rollout.environment);
        gate::verdict(policy, release.map(AsRef::as_ref), asked.map(|version| (&rollout.service, version)), self.now)
    }

    /// Returns who decides and ticks in an environment, and who vouches for the name.
    pub fn person(&self, environment: &EnvironmentName) -> (crate::domain::id::Actor, Voucher) {
        let workload = self.plan.workloads().find(|workload| workload.id.environment == *environment);
        match workload.and_then(|workload| self.identities.get(&workload.scope())) {
            Some(actor) => (actor.clone(), Voucher::Cluster),
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

/// Returns whether an action on releases can be done here and now.
///
/// # Errors
///
/// Why not, in one sentence.
pub fn available(_model: &Model, _action: Action) -> Result<(), Refusal> {
    Err(Refusal::Other("not here".into()))
}
