//! The ways back from here, as a property of the moment: computed from the rollout as it is, never stored.

use super::id::Track;
use super::revision::{Proof, Revision, Role};
use super::rollout::{Phase, Rollout, Strategy};
use super::verb::{Verb, possible};

/// How long a way back takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// One write moves the users; what they go to is up.
    Instant,
    /// New instances must start first.
    Restarts,
}

/// One way back, best first in [`ways_back`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    pub verb: Verb,
    /// Where it leads: `#41 2.1.0`, `blue 2.1.0`.
    pub to: String,
    pub speed: Speed,
    /// `15/15 warm`, `blue 3/3 warm`, `not proven healthy`.
    pub note: String,
}

/// Returns the revisions that a roll back can go to: kept, not what is wished now, newest first.
pub fn kept(rollout: &Rollout) -> impl Iterator<Item = &Revision> {
    let wished = rollout.newest().map(|revision| &revision.id);
    rollout.revisions.iter().filter(move |revision| Some(&revision.id) != wished && revision.track.is_none())
}

/// Returns the revision that a roll back should propose: the newest that is known to have served, else the newest kept
/// that is not known to have failed, else the newest kept.
pub fn proposed(rollout: &Rollout) -> Option<&Revision> {
    let same_images = |revision: &&Revision| rollout.newest().is_some_and(|newest| newest.images == revision.images);
    let healthy = || kept(rollout).filter(|revision| revision.proof.healthy());
    healthy()
        .find(|revision| !same_images(revision))
        .or_else(|| healthy().next())
        .or_else(|| kept(rollout).find(|revision| !matches!(revision.proof, Proof::Failed(_)) && !same_images(revision)))
        .or_else(|| kept(rollout).find(|revision| !same_images(revision)))
        .or_else(|| kept(rollout).next())
}

/// Returns the side of a blue/green pair that the users would go back to: the one recorded as the former, else the idle
/// one where it is older than the active one.
pub fn former_side(rollout: &Rollout) -> Option<&Track> {
    let routing = rollout.routing.as_ref()?;
    let idle = rollout.idle()?;
    let active = rollout.serving_revision()?;
    match &routing.previous {
        Some(previous) => Some(previous).filter(|previous| idle.track.as_ref() == Some(previous)),
        None => idle.track.as_ref().filter(|_| idle.created < active.created),
    }
}

/// Returns the ways back that are open now, fastest first.
pub fn ways_back(rollout: &Rollout) -> Vec<WayBack> {
    let mut ways = Vec::new();
    if rollout.strategy == Strategy::BlueGreen {
        // To a side that never served it is no way back but the next step.
        if possible(rollout, Verb::SwitchBack).is_ok()
            && let Some(former) = former_side(rollout)
            && let Some(idle) = rollout.side(former)
        {
            ways.push(WayBack {
                verb: Verb::SwitchBack,
                to: format!("{former} {}", idle.version),
                speed: Speed::Instant,
                note: format!("{}/{} warm", idle.counts.ready, idle.counts.wanted),
            });
        }
        return ways;
    }
    let stable = rollout.revisions.iter().find(|revision| revision.roles.has(Role::Stable));
    if rollout.phase.under_way()
        && possible(rollout, Verb::Abort).is_ok()
        && let Some(stable) = stable
    {
        let warm = stable.counts.ready >= rollout.counts.wanted.min(stable.counts.wanted) && stable.counts.ready > 0;
        let speed = if rollout.strategy == Strategy::Canary && warm { Speed::Instant } else { Speed::Restarts };
        ways.push(WayBack {
            verb: Verb::Abort,
            to: stable.label(),
            speed,
            note: format!("{}/{} warm", stable.counts.ready, rollout.counts.wanted),
        });
    }
    if possible(rollout, Verb::RollBack).is_ok()
        && rollout.phase != Phase::RolledBack
        && let Some(target) = proposed(rollout)
    {
        let note = match target.proof {
            Proof::ReadyNow => format!("{}/{} warm", target.counts.ready, rollout.counts.wanted),
            Proof::Recorded(_) | Proof::Stable => "served before".into(),
            Proof::Failed(_) => "it failed before".into(),
            Proof::Unknown => "not proven healthy".into(),
        };
        // The stable revision of a canary is up: its template back means its users back.
        let up = target.roles.has(Role::Stable) && target.counts.ready >= rollout.counts.wanted && target.counts.ready > 0;
        let speed = if rollout.strategy == Strategy::Canary && up { Speed::Instant } else { Speed::Restarts };
        ways.push(WayBack { verb: Verb::RollBack, to: target.label(), speed, note });
    }
    ways
}
