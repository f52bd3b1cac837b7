//! The gate as the verbs ask it: which release binds what is to be done, and whether it may begin or go on.

use std::sync::Arc;

use super::Model;
use crate::domain::id::{RolloutId, repository_of, version_of};
use crate::domain::journal::Operation;
use crate::domain::release::gate::{self, Blocker, Gate};
use crate::domain::release::policy::{Need, OnClose, Policy};
use crate::domain::release::{Phase, Release};
use crate::domain::rollout;
use crate::domain::verb::{Order, Refusal, Verb};
use crate::port::releases::Access;

/// How a verb is bound by the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    /// Not at all: the ways back; and what moves no version, as scaling, by which an incident is survived.
    Free,
    /// By windows and freezes: the version stays.
    Calendar,
    /// It begins something: by everything.
    Begins,
    /// It goes on with what has begun, as the plan's `on_close` says; where nothing has, it begins it.
    GoesOn,
}

/// Returns how a verb is bound.
pub fn bond(verb: Verb) -> Bond {
    match verb {
        Verb::Hold | Verb::Abort | Verb::SwitchBack | Verb::RollBack => Bond::Free,
        Verb::Scale | Verb::Retire | Verb::Terminate | Verb::Drive => Bond::Free,
        Verb::Restart => Bond::Calendar,
        Verb::Ship => Bond::Begins,
        Verb::Switch | Verb::Retry | Verb::Advance | Verb::Finish | Verb::Resume => Bond::GoesOn,
    }
}

/// What keeps a gate shut for a rollout that has begun: time that only passes, an approval that runs out, an item that grows
/// stale or that nobody has ticked again say nothing against it.
pub fn shutting(gate: &Gate) -> Option<String> {
    use crate::domain::release::checklist::Verdict;
    let grave = |blocker: &&Blocker| {
        matches!(blocker, Blocker::Window(_) | Blocker::Frozen(_) | Blocker::Refused { .. })
            || matches!(blocker, Blocker::Item { verdict: Verdict::Fail, stale: false, .. })
    };
    gate.blockers.iter().find(grave).map(ToString::to_string)
}

impl Model {
    /// Returns what the gate says of beginning something on a rollout now. `asked`: the version to be shipped, where one is.
    pub fn gate(&self, rollout: &RolloutId, asked: Option<&str>) -> Gate {
        self.bound(rollout, |_| asked.map(str::to_owned)).1
    }

    /// Returns the release that binds what is to begin, and its gate. Of several that one which is for what is asked, and open.
    fn bound(&self, rollout: &RolloutId, asked: impl Fn(&Release) -> Option<String>) -> (Option<&Arc<Release>>, Gate) {
        let Some(policy) = self.policy(&rollout.environment) else { return (None, Gate::default()) };
        let verdict = |release: Option<&Arc<Release>>| {
            let asked = release.and_then(|release| asked(release));
            let asked = asked.as_deref().map(|version| (&rollout.service, version));
            let mut gate = gate::verdict(policy, release.map(AsRef::as_ref), asked, self.now);
            if let Some(unknown) = self.unknown(policy, rollout, release) {
                gate.blockers.insert(0, Blocker::Unknown(unknown));
            }
            gate
        };
        let rank = |phase: Phase| match phase {
            Phase::InProgress => 4,
            Phase::Ready => 3,
            Phase::Checking => 2,
            Phase::Verifying => 1,
            _ => 0,
        };
        // A draft binds nobody yet; where a release is needed it is the one that is not there yet.
        let binds = |release: &&Arc<Release>| release.phase != Phase::Draft || policy.need == Need::Required;
        let of_it = self.releases.of(&rollout.service, &rollout.environment).filter(|release| !release.phase.ended()).filter(binds);
        let judged = of_it.map(|release| {
            let gate = verdict(Some(release));
            let meant = !gate.blockers.iter().any(|blocker| matches!(blocker, Blocker::Version { .. }));
            ((meant, gate.open(), rank(release.phase)), release, gate)
        });
        // The newest of equals: `of` gives them oldest first.
        match judged.max_by_key(|(rank, ..)| *rank) {
            Some((_, release, gate)) => (Some(release), gate),
            None => (None, verdict(None)),
        }
    }

    /// Returns why what is known of an environment's releases cannot be relied on.
    fn unknown(&self, policy: &Policy, rollout: &RolloutId, release: Option<&Arc<Release>>) -> Option<String> {
        if release.is_some_and(|release| self.releases.problems.get(&release.id).is_some_and(|problems| !problems.is_empty())) {
            return Some("the release's record cannot be read whole".into());
        }
        let needed = policy.need == Need::Required;
        // Without rules of its own an environment does not wait for a list of releases that is likely empty.
        let ruled = !policy.items.is_empty() || !policy.approvals.is_empty();
        match self.releases.access.get(&rollout.environment) {
            Some(Access::Unreadable(why)) if needed => Some(format!("the releases cannot be read: {why}")),
            Some(Access::Loading) if needed || ruled => Some("the releases are still being read".into()),
            None if needed => Some("the releases are still being read".into()),
            _ => None,
        }
    }

    /// Returns the release that an order begins, and what its gate says of just this order.
    pub fn bound_by(&self, id: &RolloutId, order: &Order) -> (Option<&Arc<Release>>, Gate) {
        self.bound(id, |release| match order {
            Order::Ship { image, .. } => Some(version_meant(release, id, image)),
            Order::Switch { to } => self.rollout(id)?.side(to).map(|side| side.version.clone()),
            _ => None,
        })
    }

    /// Returns the release under way that has begun on a rollout.
    pub fn begun(&self, id: &RolloutId) -> Option<&Arc<Release>> {
        let mut of_it = self.releases.of(&id.service, &id.environment);
        of_it.find(|release| release.phase.under_way() && release.rollouts.contains(id))
    }

    /// Returns why the gate does not let a verb through; none: it does. A way back is never asked (safety rule 6).
    ///
    /// # Errors
    ///
    /// The gate's sentence.
    pub fn gated(&self, id: &RolloutId, verb: Verb) -> Result<(), Refusal> {
        self.passes(id, verb, None)
    }

    /// Returns why the gate does not let just this order through.
    ///
    /// # Errors
    ///
    /// The gate's sentence.
    pub fn admits(&self, id: &RolloutId, order: &Order) -> Result<(), Refusal> {
        self.passes(id, order.verb(), Some(order))
    }

    fn passes(&self, id: &RolloutId, verb: Verb, order: Option<&Order>) -> Result<(), Refusal> {
        let Some(policy) = self.policy(&id.environment) else { return Ok(()) };
        let shut = |sentence: String| Err(Refusal::Gate { sentence });
        match bond(verb) {
            Bond::Free => Ok(()),
            Bond::Calendar => {
                let gate = self.gate(id, None);
                let calendar = |blocker: &&Blocker| matches!(blocker, Blocker::Window(_) | Blocker::Frozen(_));
                gate.blockers.iter().find(calendar).map_or(Ok(()), |blocker| shut(blocker.to_string()))
            }
            Bond::GoesOn if self.goes_back(id) => Ok(()),
            Bond::GoesOn => match self.begun(id) {
                Some(_) if policy.on_close == OnClose::Finish => Ok(()),
                Some(release) => match shutting(&self.verdict(release)) {
                    Some(sentence) => shut(format!("{sentence}: {}", policy.on_close.words())),
                    None => Ok(()),
                },
                // What was begun elsewhere, where no release is needed, goes on as it always did.
                None if policy.need == Need::Optional && !matches!(verb, Verb::Switch | Verb::Retry) => Ok(()),
                None => self.begins(id, order),
            },
            Bond::Begins => self.begins(id, order),
        }
    }

    fn begins(&self, id: &RolloutId, order: Option<&Order>) -> Result<(), Refusal> {
        let (release, gate) = match order {
            Some(order) => self.bound_by(id, order),
            None => self.bound(id, |_| None),
        };
        if !gate.open() {
            return Err(Refusal::Gate { sentence: gate.sentence() });
        }
        // That it began must be on the record before anything is sent.
        match release.and_then(|release| self.unwritable(&release.brief.environment)) {
            Some(why) => Err(Refusal::Gate { sentence: format!("that it begins could not be recorded: {why}") }),
            None => Ok(()),
        }
    }

    /// Returns whether what moves in a rollout is a way back, which may take steps as well: nothing locks it.
    fn goes_back(&self, id: &RolloutId) -> bool {
        let Some(rollout) = self.rollout(id) else { return false };
        if rollout.phase == rollout::Phase::RollingBack {
            return true;
        }
        if !rollout.phase.under_way() {
            return false;
        }
        let begins = |operation: &&Operation| {
            !matches!(bond(operation.intent.order.verb()), Bond::GoesOn) || operation.intent.order.verb() == Verb::Switch
        };
        let newest = self.jobs.operations().filter(|operation| operation.intent.rollout == *id).find(begins);
        if newest.is_some_and(|operation| matches!(operation.intent.order.verb(), Verb::RollBack | Verb::SwitchBack)) {
            return true;
        }
        // Another console's way back stands on the record: what comes in is not what was released then.
        let last = self.releases.of(&id.service, &id.environment).rfind(|release| release.rollouts.contains(id));
        last.is_some_and(|release| {
            let incoming = rollout.newest().map(|revision| revision.version.as_str());
            release.phase == Phase::RolledBack && incoming != release.brief.version(&id.service)
        })
    }
}

/// Returns what an image is to a release: its version where the bytes are those that it is bound to, else what the image says.
fn version_meant(release: &Release, id: &RolloutId, image: &str) -> String {
    let bound = release.bound.iter().find(|bound| bound.service == id.service);
    let Some(bound) = bound else { return version_of(image).to_owned() };
    let (named, digest) = image.split_once('@').map_or((image, None), |(named, digest)| (named, Some(digest)));
    if repository_of(named) != repository_of(&bound.image) {
        return image.to_owned();
    }
    match (digest, &bound.digest, release.brief.version(&id.service)) {
        (Some(asked), Some(known), Some(version)) if asked == known => version.to_owned(),
        (Some(asked), Some(_), _) => asked.to_owned(),
        _ => version_of(image).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_back_is_bound_by_anything() {
        for verb in Verb::ALL.into_iter().filter(|verb| verb.way_back()) {
            assert_eq!(bond(verb), Bond::Free, "{verb}");
        }
    }
}
