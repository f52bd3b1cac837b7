//! What the top line and the deck say of windows and gates.

use std::sync::Arc;

use super::Model;
use crate::domain::id::{EnvironmentName, ServiceName};
use crate::domain::release::Release;
use crate::domain::release::gate::{self, Gate};
use crate::domain::release::policy::Need;
use crate::domain::window;
use crate::port::releases::Access;

/// How an environment stands by its windows and freezes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowLine {
    pub standing: window::Standing,
    /// `open until Tue 23:00 Europe/Berlin, 42 m left`.
    pub sentence: String,
}

/// How the gate of a cell of the deck stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCell {
    pub gate: Gate,
    /// What keeps it shut first, or `open`.
    pub sentence: String,
}

/// Returns how an environment's windows stand; none where it has neither windows nor a freeze ahead.
pub fn window_line(model: &Model, environment: &EnvironmentName) -> Option<WindowLine> {
    let calendar = &model.policy(environment)?.calendar;
    let standing = calendar.standing(model.now);
    (standing != window::Standing::Always).then(|| WindowLine { standing, sentence: calendar.sentence(model.now) })
}

/// Returns how the gate of a service stands; none where nothing binds it: no release, no need of one, no window.
pub fn gate_of(model: &Model, service: &ServiceName, environment: &EnvironmentName) -> Option<GateCell> {
    let policy = model.policy(environment)?;
    let release = model.releases.active(service, environment);
    if release.is_none() && policy.need == Need::Optional && window_line(model, environment).is_none() {
        return None;
    }
    let workload = model.plan.cell(service, environment).next()?;
    let gate = model.gate(&workload.id, None);
    Some(GateCell { sentence: gate.sentence(), gate })
}

impl Model {
    /// Returns what a release's own gate says now, whatever else is to be shipped.
    pub fn verdict(&self, release: &Arc<Release>) -> Gate {
        let Some(policy) = self.policy(&release.brief.environment) else { return Gate::default() };
        let mut gate = gate::verdict(policy, Some(release), None, self.now);
        if self.releases.problems.get(&release.id).is_some_and(|problems| !problems.is_empty()) {
            gate.blockers.insert(0, gate::Blocker::Unknown("the record cannot be read whole".into()));
        }
        gate
    }

    /// Returns why this console may not write to an environment's store; none: it may.
    pub fn unwritable(&self, environment: &EnvironmentName) -> Option<String> {
        match self.releases.access.get(environment) {
            Some(Access::Writable) => None,
            Some(Access::ReadOnly(why)) => Some(format!("the releases of {environment} are read-only here: {why}")),
            Some(Access::Unreadable(why)) => Some(format!("the releases of {environment} cannot be read: {why}")),
            Some(Access::Loading) | None => Some(format!("the releases of {environment} are still being read")),
        }
    }
}
