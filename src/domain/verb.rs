//! What a person can order, and whether it can be done now.
//!
//! A [`Verb`] is a key's meaning; an [`Order`] is a verb with its arguments, as the confirm dialog fixes it. A toggle is
//! two verbs. Whether a verb is possible is asked in three places that each add their own reasons: the engine
//! ([`Capabilities`]: what it supports and what the operator may), the rollout's state ([`possible`]), and the console
//! (stale data, read-only, journal).

mod gates;
mod refusal;
mod steps;

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use refusal::Refusal;

use super::delivery::Steering;
use super::driver::Drive;
use super::id::{ContainerName, RevisionId, Track};
use super::rollout::{Phase, Rollout, Strategy};

/// One kind of mutation. The closed list over all engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Bring a new image in.
    Ship,
    /// Leave the current pause or step.
    Advance,
    /// Skip all that is left.
    Finish,
    Hold,
    Resume,
    /// Give the change under way up and go back.
    Abort,
    /// Try an aborted change again.
    Retry,
    /// Send the users to the other side.
    Switch,
    /// Send them back.
    SwitchBack,
    /// Bring a former revision back.
    RollBack,
    Restart,
    Scale,
    /// Scale the side without users to nothing.
    Retire,
    /// Stop an analysis that is under way.
    Terminate,
    /// Take the driver's lock, or let it go. Of a seat, not of a rollout: no strategy offers it.
    Drive,
}

impl Verb {
    /// All verbs of a rollout, in the order of the footer.
    pub const ALL: [Self; 14] = [
        Self::Ship,
        Self::Advance,
        Self::Finish,
        Self::Hold,
        Self::Resume,
        Self::Abort,
        Self::Retry,
        Self::Switch,
        Self::SwitchBack,
        Self::RollBack,
        Self::Restart,
        Self::Scale,
        Self::Retire,
        Self::Terminate,
    ];

    /// Returns the word that stands on keys, dialogs and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ship => "ship",
            Self::Advance => "promote",
            Self::Finish => "promote fully",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Switch => "switch",
            Self::SwitchBack => "switch back",
            Self::RollBack => "roll back",
            Self::Restart => "restart",
            Self::Scale => "scale",
            Self::Retire => "retire",
            Self::Terminate => "stop analysis",
            Self::Drive => "drive",
        }
    }

    /// Returns whether this is a way back, which nothing but the right itself may lock (safety rule 6).
    pub fn way_back(self) -> bool {
        matches!(self, Self::Hold | Self::Abort | Self::SwitchBack | Self::RollBack)
    }

    /// Returns whether only the driver may order it.
    pub fn needs_lock(self) -> bool {
        !self.way_back() && self != Self::Drive
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A verb with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum Order {
    /// Sets the image of one container; on a blue/green pair, of the side without users, which is scaled up first.
    Ship {
        container: Option<ContainerName>,
        image: String,
    },
    Advance,
    Finish,
    Hold,
    Resume,
    Abort,
    Retry,
    /// Selects this side.
    Switch {
        to: Track,
    },
    SwitchBack {
        to: Track,
    },
    RollBack {
        to: RevisionId,
    },
    /// Of the side given, or of all.
    Restart {
        track: Option<Track>,
    },
    Scale {
        track: Option<Track>,
        replicas: u32,
    },
    Retire {
        track: Track,
    },
    /// Of the analysis with this name.
    Terminate {
        analysis: String,
    },
    /// Of the lock of the rollout's seat.
    Drive {
        act: Drive,
    },
}

impl Order {
    /// Returns the verb of the order.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Ship { .. } => Verb::Ship,
            Self::Advance => Verb::Advance,
            Self::Finish => Verb::Finish,
            Self::Hold => Verb::Hold,
            Self::Resume => Verb::Resume,
            Self::Abort => Verb::Abort,
            Self::Retry => Verb::Retry,
            Self::Switch { .. } => Verb::Switch,
            Self::SwitchBack { .. } => Verb::SwitchBack,
            Self::RollBack { .. } => Verb::RollBack,
            Self::Restart { .. } => Verb::Restart,
            Self::Scale { .. } => Verb::Scale,
            Self::Retire { .. } => Verb::Retire,
            Self::Terminate { .. } => Verb::Terminate,
            Self::Drive { .. } => Verb::Drive,
        }
    }
}

/// What an engine offers for one rollout and what the operator may do, beside the rollout's state.
/// A verb that is not listed is not offered by the strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeMap<Verb, Option<Refusal>>);

impl Capabilities {
    /// Returns the set in which each of these is offered and allowed.
    pub fn offering(verbs: &[Verb]) -> Self {
        Self(verbs.iter().map(|verb| (*verb, None)).collect())
    }

    /// Notes that the operator lacks a right, as `patch deployments in booking`.
    pub fn refuse(&mut self, verb: Verb, refusal: Refusal) {
        if let Some(slot) = self.0.get_mut(&verb) {
            *slot = Some(refusal);
        }
    }
}

/// A controller looks at a change within milliseconds; one that has not after so long is away (api-semantics 2.9).
pub const AWAY: SignedDuration = SignedDuration::from_secs(10);

/// Returns whether a rollout's state allows a verb at this moment: as [`possible`], with the word for a controller that
/// does not answer.
///
/// # Errors
///
/// The refusal whose sentence stands beside the greyed key.
pub fn possible_at(rollout: &Rollout, verb: Verb, now: Timestamp) -> Result<(), Refusal> {
    possible(rollout, verb).map_err(|refusal| match (refusal, rollout.delivery.unobserved_since) {
        (Refusal::Unobserved, Some(since)) if now.duration_since(since) >= AWAY => {
            Refusal::ControllerAway { ago: now.duration_since(since) }
        }
        (refusal, _) => refusal,
    })
}

/// Returns whether a rollout's state allows a verb, and the reason where it does not.
///
/// # Errors
///
/// The refusal whose sentence stands beside the greyed key.
pub fn possible(rollout: &Rollout, verb: Verb) -> Result<(), Refusal> {
    match rollout.capabilities.0.get(&verb) {
        None => return Err(Refusal::NotOffered { what: described(rollout), verb }),
        Some(Some(refusal)) => return Err(refusal.clone()),
        Some(None) => {}
    }
    if rollout.phase == Phase::Absent {
        return Err(Refusal::Absent);
    }
    if rollout.steering == Steering::Steps {
        return steps::possible(rollout, verb);
    }
    let held = rollout.held.is_some();
    let pair = rollout.steering == Steering::Pair;
    if rollout.steering == Steering::Gates
        && let Some(verdict) = gates::possible(rollout, verb)
    {
        return verdict;
    }
    match verb {
        Verb::Terminate if rollout.delivery.running().next().is_none() => Err(Refusal::NoAnalysis),
        Verb::Hold if held => Err(Refusal::AlreadyHeld),
        Verb::Resume if !held => Err(Refusal::NotHeld),
        // Where the engine knows no steps, to go on and to finish are to let a hold go (product.md, the verb table).
        Verb::Advance | Verb::Finish if rollout.steps.is_none() => {
            if held {
                Ok(())
            } else {
                Err(Refusal::NotPaused)
            }
        }
        Verb::Advance | Verb::Finish => forward(rollout),
        // On a pair to abort and to roll back are to switch back.
        Verb::Abort if pair && super::wayback::former_side(rollout).is_none() => Err(Refusal::NothingUnderWay),
        Verb::Abort | Verb::RollBack if pair => switchable(rollout, verb),
        Verb::Abort if rollout.phase == Phase::RollingBack => Err(Refusal::Other("it is going back already".into())),
        Verb::Abort if !rollout.phase.under_way() => Err(Refusal::NothingUnderWay),
        Verb::Abort if super::wayback::before_change(rollout).is_none() => Err(Refusal::NoRevision),
        Verb::Retry if rollout.phase != Phase::RolledBack && rollout.phase != Phase::Failed => Err(Refusal::NothingUnderWay),
        Verb::RollBack if super::wayback::kept(rollout).next().is_none() => Err(Refusal::NoRevision),
        Verb::Restart if held => Err(Refusal::HeldFirst),
        Verb::Switch | Verb::SwitchBack => switchable(rollout, verb),
        Verb::Retire => match rollout.idle() {
            None => Err(Refusal::NoActiveSide),
            Some(idle) if idle.counts.total == 0 && idle.counts.wanted == 0 => {
                Err(Refusal::AlreadyRetired { track: idle.track.clone().unwrap_or_else(|| "it".into()) })
            }
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The next step needs a rollout that moves or waits, and whose last change the engine has seen: the index that the
/// request tests is the old one until then.
fn forward(rollout: &Rollout) -> Result<(), Refusal> {
    match rollout.phase {
        Phase::Unobserved => Err(Refusal::Unobserved),
        Phase::Failed => Err(Refusal::Other("it has failed: go back, or bring another version in".into())),
        phase if phase.under_way() && phase != Phase::RollingBack => Ok(()),
        _ => Err(Refusal::NothingUnderWay),
    }
}

/// A switch needs a router that is ours, a side that is selected, and another that is ready: in full forward, at all back.
fn switchable(rollout: &Rollout, verb: Verb) -> Result<(), Refusal> {
    let Some(routing) = &rollout.routing else { return Err(Refusal::NotOffered { what: described(rollout), verb }) };
    if let Some(why) = &routing.locked {
        return Err(Refusal::RouterLocked { why: why.clone() });
    }
    let Some(idle) = rollout.idle() else { return Err(Refusal::NoActiveSide) };
    let track = idle.track.clone().unwrap_or_else(|| "the idle side".into());
    let wanted = idle.counts.wanted;
    if wanted == 0 {
        return Err(Refusal::IdleEmpty { track });
    }
    let whole = idle.counts.ready >= wanted && idle.counts.available >= wanted;
    // Back, any of it may be better than what the users have now; the dialog says how much there is.
    if !whole && (verb == Verb::Switch || idle.counts.ready == 0) {
        return Err(Refusal::IdleNotReady { track, ready: idle.counts.ready.min(idle.counts.available), wanted });
    }
    // The Service selects the side, not the revision: what is left of another one would get users too.
    let others = rollout.revisions.iter().filter(|revision| revision.track == idle.track && revision.id != idle.id);
    let left: u32 = others.map(|revision| revision.counts.total).sum();
    if left > 0 && verb == Verb::Switch {
        return Err(Refusal::Other(format!("{track} still has {left} of another revision")));
    }
    Ok(())
}

fn described(rollout: &Rollout) -> String {
    match rollout.steering {
        Steering::Pair => "blue/green pair".into(),
        Steering::Steps if rollout.strategy == Strategy::BlueGreen => "blue/green rollout".into(),
        Steering::Steps | Steering::Plan => "canary".into(),
        Steering::Gates => "Flagger canary".into(),
        Steering::Workload => rollout.kind.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::revision::Role;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, halfway, now, pair, revision, rolling, rollout, switched};

    fn done() -> Rollout {
        let now = revision(2, "1.1.0", &[Role::Stable], counts(3, 3, 3));
        rollout(rolling(), Phase::Done, vec![now, revision(1, "1.0.0", &[Role::Old], counts(0, 0, 0))])
    }

    fn held(mut rollout: Rollout) -> Rollout {
        rollout.held = Some(Held { since: None, by: None });
        rollout
    }

    fn phased(mut rollout: Rollout, phase: Phase) -> Rollout {
        rollout.phase = phase;
        rollout
    }

    fn unready() -> Rollout {
        let mut pair = pair();
        pair.revisions[0].counts = counts(3, 3, 2);
        pair
    }

    #[test]
    fn each_state_allows_these_verbs_and_says_why_not_the_others() {
        let ok = "";
        for (what, rollout, verb, sentence) in [
            ("done", done(), Verb::Ship, ok),
            ("done", done(), Verb::Hold, ok),
            ("done", done(), Verb::Resume, "it is not held"),
            ("done", done(), Verb::Advance, "it does not wait at a pause"),
            ("done", done(), Verb::Abort, "nothing is under way"),
            ("done", done(), Verb::Retry, "nothing is under way"),
            ("done", done(), Verb::RollBack, ok),
            ("done", done(), Verb::Restart, ok),
            ("done", done(), Verb::Switch, "a deployment has no switch"),
            ("halfway", halfway(), Verb::Abort, ok),
            ("halfway", halfway(), Verb::Finish, "it does not wait at a pause"),
            ("held", held(halfway()), Verb::Hold, "it is held already"),
            ("held", held(halfway()), Verb::Resume, ok),
            ("held", held(halfway()), Verb::Advance, ok),
            ("held", held(halfway()), Verb::Finish, ok),
            ("held", held(halfway()), Verb::Restart, "it is held: resume first"),
            ("held", held(halfway()), Verb::Abort, ok),
            ("held", held(halfway()), Verb::RollBack, ok),
            ("going back", phased(halfway(), Phase::RollingBack), Verb::Abort, "it is going back already"),
            ("gone", phased(halfway(), Phase::Absent), Verb::Scale, "the object is not there"),
            ("at a pause", canary(Phase::Waiting), Verb::Advance, ok),
            ("at a pause", canary(Phase::Waiting), Verb::Finish, ok),
            ("at a pause", canary(Phase::Waiting), Verb::Abort, ok),
            ("unobserved", canary(Phase::Unobserved), Verb::Advance, "the last change is not observed yet"),
            ("unobserved", canary(Phase::Unobserved), Verb::Abort, ok),
            ("failed", canary(Phase::Failed), Verb::Advance, "it has failed: go back, or bring another version in"),
            ("aborted", canary(Phase::RolledBack), Verb::Advance, "it was aborted: retry it, or bring another version in"),
            ("aborted", canary(Phase::RolledBack), Verb::Retry, ok),
            ("aborted", canary(Phase::RolledBack), Verb::Abort, "it was aborted already"),
            ("a pair", pair(), Verb::Switch, ok),
            ("a pair", pair(), Verb::Retire, ok),
            ("a pair never switched", pair(), Verb::Abort, "nothing is under way"),
            ("a switched pair", switched(), Verb::Abort, ok),
            ("a switched pair", switched(), Verb::RollBack, ok),
            ("green unready", unready(), Verb::Switch, "green is not ready: 2 of 3"),
            ("green unready", unready(), Verb::SwitchBack, ok),
        ] {
            let said = possible(&rollout, verb).map_or_else(|refusal| refusal.to_string(), |()| String::new());
            assert_eq!(said, sentence, "{what}: {verb}");
        }
    }

    #[test]
    fn a_controller_that_does_not_look_for_ten_seconds_is_away() {
        let mut unseen = canary(Phase::Unobserved);
        for (since, sentence) in [
            (None, "the last change is not observed yet"),
            (Some(ago(9)), "the last change is not observed yet"),
            (Some(ago(12)), "the controller does not answer: the last change is not observed for 12 s"),
        ] {
            unseen.delivery.unobserved_since = since;
            assert_eq!(possible_at(&unseen, Verb::Advance, now()).expect_err("refused").to_string(), sentence);
            assert_eq!(possible_at(&unseen, Verb::Abort, now()), Ok(()), "the way back stays open");
        }
    }

    #[test]
    fn a_switch_needs_a_router_that_is_ours_and_one_side_alone() {
        let mut locked = pair();
        locked.routing.as_mut().expect("routing").locked = Some("managed by a Rollout".into());
        assert_eq!(possible(&locked, Verb::Switch), Err(Refusal::RouterLocked { why: "managed by a Rollout".into() }));

        let mut both = pair();
        both.routing.as_mut().expect("routing").active = None;
        assert_eq!(possible(&both, Verb::Switch), Err(Refusal::NoActiveSide));

        let mut empty = pair();
        empty.revisions[0].counts = counts(0, 0, 0);
        assert_eq!(possible(&empty, Verb::Switch), Err(Refusal::IdleEmpty { track: "green".into() }));
        assert_eq!(possible(&empty, Verb::Retire), Err(Refusal::AlreadyRetired { track: "green".into() }));

        let mut mixed = pair();
        let mut left = revision(0, "0.9.0", &[Role::Old], counts(0, 1, 1));
        left.track = Some("green".into());
        mixed.revisions.push(left);
        assert_eq!(possible(&mixed, Verb::Switch), Err(Refusal::Other("green still has 1 of another revision".into())));
        assert_eq!(possible(&mixed, Verb::SwitchBack), Ok(()), "the way back is never locked for less than all");
    }

    #[test]
    fn a_missing_right_is_said_before_the_state() {
        let mut rollout = held(halfway());
        rollout.capabilities.refuse(Verb::Hold, Refusal::NoRight { right: "patch deployments in booking".into() });
        assert_eq!(possible(&rollout, Verb::Hold).expect_err("no right").to_string(), "you may not patch deployments in booking");
        rollout.capabilities = Capabilities::offering(&[Verb::Ship]);
        assert!(matches!(possible(&rollout, Verb::Hold), Err(Refusal::NotOffered { .. })));
    }

    #[test]
    fn nothing_kept_is_nothing_to_roll_back_to() {
        let alone = rollout(rolling(), Phase::Done, vec![revision(1, "1.0.0", &[Role::Stable], counts(3, 3, 3))]);
        assert_eq!(possible(&alone, Verb::RollBack), Err(Refusal::NoRevision));
    }
}
