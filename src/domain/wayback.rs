//! The ways back from here, as a property of the moment: computed from the rollout as it is, never stored.

use super::delivery::Steering;
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

/// Returns the revision that giving up the change under way leads to: the stable one where something else comes in, else,
/// where what came in has taken every place and fails, the one that a roll back would propose.
pub fn before_change(rollout: &Rollout) -> Option<&Revision> {
    let wished = rollout.newest().map(|revision| &revision.id);
    // A plain canary is given up for its stable side, also where only a route or instances nobody knows of are in the way.
    let plain = rollout.steering == Steering::Plan;
    let stable =
        |revision: &&Revision| revision.roles.has(Role::Stable) && !revision.roles.candidate() && (plain || Some(&revision.id) != wished);
    rollout.revisions.iter().find(stable).or_else(|| if rollout.strategy == Strategy::Canary && !plain { None } else { proposed(rollout) })
}

/// Returns the ways back that are open now, fastest first.
pub fn ways_back(rollout: &Rollout) -> Vec<WayBack> {
    let mut ways = Vec::new();
    if rollout.steering == Steering::Pair {
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
    if rollout.phase.under_way()
        && possible(rollout, Verb::Abort).is_ok()
        && let Some(stable) = before_change(rollout)
    {
        // Where the share is one of replicas, the stable side has given up as many as the canary has.
        let needed = match rollout.steering {
            Steering::Plan => rollout.counts.wanted,
            _ => rollout.counts.wanted.min(stable.counts.wanted),
        };
        let warm = stable.counts.ready >= needed && stable.counts.ready > 0;
        // Flagger takes nobody back at once: the target rolls, or the next beat is waited for.
        let speed = if rollout.strategy == Strategy::Canary && rollout.steering != Steering::Gates && warm {
            Speed::Instant
        } else {
            Speed::Restarts
        };
        ways.push(WayBack {
            verb: Verb::Abort,
            to: stable.label(),
            speed,
            note: if stable.counts.ready > 0 {
                format!("{}/{} warm", stable.counts.ready, rollout.counts.wanted)
            } else {
                "not warm".into()
            },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, halfway, pair, revision, rolling, rollout, switched};

    #[test]
    fn a_bad_fix_over_a_bad_release_proposes_the_proven_one() {
        let fix = revision(3, "1.1.1", &[Role::Canary], counts(1, 1, 0));
        let bad = Revision { proof: Proof::Failed(ago(600)), ..revision(2, "1.1.0", &[Role::Old], counts(2, 2, 0)) };
        let good = Revision { proof: Proof::Recorded(ago(90_000)), ..revision(1, "1.0.0", &[Role::Stable], counts(2, 2, 2)) };
        let mut three = rollout(rolling(), Phase::Failed, vec![fix, bad, good]);
        assert_eq!(proposed(&three).map(|revision| revision.version.as_str()), Some("1.0.0"));
        // Nothing is known of the bad release either: what is proven still comes first.
        three.revisions[1].proof = Proof::Unknown;
        assert_eq!(proposed(&three).map(|revision| revision.version.as_str()), Some("1.0.0"));
        // Nothing is proven: not the one that is known to have failed.
        three.revisions[1].proof = Proof::Failed(ago(600));
        three.revisions[2].proof = Proof::Unknown;
        assert_eq!(proposed(&three).map(|revision| revision.version.as_str()), Some("1.0.0"));
    }

    #[test]
    fn a_failing_revision_that_has_taken_every_place_is_no_way_back_from_itself() {
        let failing = revision(2, "1.1.0", &[Role::Stable], counts(2, 2, 0));
        let former = revision(1, "1.0.0", &[Role::Old], counts(0, 0, 0));
        let rollout = rollout(rolling(), Phase::Failing, vec![failing, former]);
        let ways = ways_back(&rollout);
        assert_eq!(
            ways.iter().map(|way| (way.verb, way.to.as_str())).collect::<Vec<_>>(),
            [(Verb::Abort, "#1 1.0.0"), (Verb::RollBack, "#1 1.0.0")]
        );
    }

    #[test]
    fn a_restart_is_a_revision_of_the_same_image_and_no_way_back_from_it() {
        let restarted = Revision { restarted: Some(ago(60)), ..revision(3, "1.1.0", &[Role::Stable], counts(3, 3, 3)) };
        let same = Revision { proof: Proof::Recorded(ago(600)), ..revision(2, "1.1.0", &[Role::Old], counts(0, 0, 0)) };
        let former = Revision { proof: Proof::Recorded(ago(9000)), ..revision(1, "1.0.0", &[Role::Old], counts(0, 0, 0)) };
        let rollout = rollout(rolling(), Phase::Done, vec![restarted, same, former]);
        assert_eq!(proposed(&rollout).map(Revision::label).as_deref(), Some("#1 1.0.0"));
        assert_eq!(kept(&rollout).count(), 2);
    }

    #[test]
    fn an_abort_of_a_warm_canary_is_instant_and_of_a_rolling_update_is_not() {
        let ways = ways_back(&canary(Phase::Waiting));
        assert_eq!((ways[0].verb, ways[0].speed, ways[0].note.as_str()), (Verb::Abort, Speed::Instant, "20/20 warm"));
        let ways = ways_back(&halfway());
        assert_eq!((ways[0].verb, ways[0].speed, ways[0].to.as_str()), (Verb::Abort, Speed::Restarts, "#1 1.0.0"));
    }

    #[test]
    fn the_way_back_stays_open_while_it_is_held() {
        let mut held = halfway();
        held.held = Some(Held { since: None, by: None });
        held.phase = Phase::Waiting;
        let verbs: Vec<Verb> = ways_back(&held).into_iter().map(|way| way.verb).collect();
        assert_eq!(verbs, [Verb::Abort, Verb::RollBack]);
    }

    #[test]
    fn a_side_that_never_served_is_no_way_back_and_the_former_one_is() {
        assert_eq!(ways_back(&pair()), []);
        let ways = ways_back(&switched());
        assert_eq!((ways[0].verb, ways[0].to.as_str(), ways[0].note.as_str()), (Verb::SwitchBack, "blue 1.0.0", "3/3 warm"));
    }

    #[test]
    fn warmth_is_of_the_moment_and_never_stored() {
        let mut cold = canary(Phase::Waiting);
        cold.revisions[1].counts = counts(20, 20, 3);
        assert_eq!(ways_back(&cold)[0].speed, Speed::Restarts);
        let mut retired = switched();
        retired.revisions[1].counts = counts(0, 0, 0);
        assert_eq!(ways_back(&retired), []);
    }
}
