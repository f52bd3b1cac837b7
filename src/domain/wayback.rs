//! The ways back from here, as a property of the moment: computed from the rollout as it is, never stored. How long one
//! takes where instances must start, past changes tell.

use jiff::{SignedDuration, Timestamp};

use super::delivery::{Shortcut, Steering};
use super::history::{Estimate, History};
use super::id::Track;
use super::revision::{Proof, Revision, Role};
use super::rollout::{Phase, Rollout, Strategy};
use super::step::StepKind;
use super::verb::{Verb, possible};

/// How long a way back takes, fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// One write moves the users; what they go to is up.
    Instant,
    /// The controller does it when it acts next: at most after this long.
    Beat(SignedDuration),
    /// New instances must start first.
    Restarts,
    /// A controller walks it through its steps, as any other version: its timed pauses, and how many wait for a person.
    Walks { steps: usize, pauses: SignedDuration, stops: usize },
}

/// One way back, best first in [`ways_back`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    pub verb: Verb,
    /// Where it leads: `#41 2.1.0`, `blue 2.1.0`.
    pub to: String,
    pub speed: Speed,
    /// How long such a one took before; none where it takes no time, or none is known.
    pub takes: Option<Estimate>,
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
pub fn ways_back(rollout: &Rollout, history: &History, now: Timestamp) -> Vec<WayBack> {
    let mut ways: Vec<WayBack> = if rollout.steering == Steering::Pair {
        switch_back(rollout).into_iter().collect()
    } else {
        abort(rollout, history, now).into_iter().chain(roll_back(rollout, history, now)).collect()
    };
    ways.sort_by_key(|way| way.speed);
    ways
}

fn switch_back(rollout: &Rollout) -> Option<WayBack> {
    // To a side that never served it is no way back but the next step.
    possible(rollout, Verb::SwitchBack).ok()?;
    let former = former_side(rollout)?;
    let idle = rollout.side(former)?;
    Some(WayBack {
        verb: Verb::SwitchBack,
        to: format!("{former} {}", idle.version),
        speed: Speed::Instant,
        takes: None,
        note: format!("{}/{} warm", idle.counts.ready, idle.counts.wanted),
    })
}

/// Giving up the change under way.
fn abort(rollout: &Rollout, history: &History, now: Timestamp) -> Option<WayBack> {
    possible(rollout, Verb::Abort).ok().filter(|()| rollout.phase.under_way())?;
    let stable = before_change(rollout)?;
    // Where the share is one of replicas, the stable side has given up as many as the canary has.
    let needed = match rollout.steering {
        Steering::Plan => rollout.counts.wanted,
        _ => rollout.counts.wanted.min(stable.counts.wanted),
    };
    let up = warm(stable, needed, now);
    // Beside the users stands what they had; in their place, instances come and go one by one.
    let beside = rollout.strategy == Strategy::Canary || (rollout.strategy == Strategy::BlueGreen && rollout.steering == Steering::Steps);
    let speed = match rollout.steering {
        Steering::Gates if !rollout.delivery.rollback_gate => Speed::Restarts,
        Steering::Gates => Speed::Beat(rollout.delivery.beat.map_or(SignedDuration::ZERO, |beat| beat.next_in(now))),
        _ if beside && up => Speed::Instant,
        _ => Speed::Restarts,
    };
    let mut note = if stable.counts.ready > 0 {
        format!("{}/{} warm{}", stable.counts.ready, rollout.counts.wanted, cools(stable, now))
    } else {
        "not warm".into()
    };
    note.push_str(writes(rollout));
    Some(WayBack { verb: Verb::Abort, to: stable.label(), speed, takes: estimate(rollout, history, speed), note })
}

/// Bringing a former revision back.
fn roll_back(rollout: &Rollout, history: &History, now: Timestamp) -> Option<WayBack> {
    possible(rollout, Verb::RollBack).ok().filter(|()| rollout.phase != Phase::RolledBack)?;
    let target = proposed(rollout)?;
    let up = warm(target, rollout.counts.wanted, now);
    let shortcut = target.shortcut.or_else(|| target.roles.has(Role::Stable).then_some(Shortcut::Stable));
    let speed = match (rollout.steering, shortcut) {
        (Steering::Steps, Some(Shortcut::Stable | Shortcut::Warm)) if up => Speed::Instant,
        // It is up to its deadline alone; after it the undo is a release as any other.
        (Steering::Steps, Some(Shortcut::Warm) | None) | (Steering::Gates, _) => walks(rollout),
        (Steering::Steps, Some(Shortcut::Stable | Shortcut::Window)) => Speed::Restarts,
        // The stable revision of a canary is up: its template back means its users back.
        _ if target.roles.has(Role::Stable) && up && rollout.strategy == Strategy::Canary => Speed::Instant,
        _ => Speed::Restarts,
    };
    let mut note = match target.proof {
        _ if up && target.shortcut == Some(Shortcut::Warm) => format!("{}/{} warm", target.counts.ready, rollout.counts.wanted),
        Proof::ReadyNow => format!("{}/{} warm", target.counts.ready, rollout.counts.wanted),
        Proof::Recorded(_) | Proof::Stable => "served before".into(),
        Proof::Failed(_) => "it failed before".into(),
        Proof::Unknown => "not proven healthy".into(),
    };
    note.push_str(&cools(target, now));
    if target.shortcut == Some(Shortcut::Window) {
        note.push_str(", no steps");
    }
    note.push_str(writes(rollout));
    Some(WayBack { verb: Verb::RollBack, to: target.label(), speed, takes: estimate(rollout, history, speed), note })
}

/// Returns whether so many instances of a revision are ready, and stay so for now.
fn warm(revision: &Revision, needed: u32, now: Timestamp) -> bool {
    revision.counts.ready >= needed && revision.counts.ready > 0 && revision.cools.is_none_or(|at| at > now)
}

/// ` 00:24`: how long a stack that is up stays so.
fn cools(revision: &Revision, now: Timestamp) -> String {
    match revision.cools.map(|at| at.duration_since(now).as_secs()) {
        Some(left) if left > 0 && revision.counts.ready > 0 => format!(" {:02}:{:02}", left / 60, left % 60),
        _ => String::new(),
    }
}

/// Until the hold is gone the controller sends nobody back (api-semantics 2.9).
fn writes(rollout: &Rollout) -> &'static str {
    if rollout.held.is_some() && rollout.steering == Steering::Steps { ", two writes: it is held" } else { "" }
}

fn walks(rollout: &Rollout) -> Speed {
    let Some(steps) = rollout.steps.as_ref().filter(|steps| !steps.list.is_empty()) else { return Speed::Restarts };
    let pauses = steps.list.iter().filter_map(|step| match step.kind {
        StepKind::Pause(Some(lasts)) => Some(lasts),
        _ => None,
    });
    let stops = steps.list.iter().filter(|step| matches!(step.kind, StepKind::Pause(None) | StepKind::Gate(_))).count();
    let pauses = pauses.fold(SignedDuration::ZERO, SignedDuration::saturating_add);
    Speed::Walks { steps: steps.list.len(), pauses, stops }
}

/// A way back takes as long as the ways back before; where there was none, and one rolls as the other, as the ways forward.
fn estimate(rollout: &Rollout, history: &History, speed: Speed) -> Option<Estimate> {
    match speed {
        Speed::Instant | Speed::Beat(_) => None,
        Speed::Restarts if rollout.steering == Steering::Workload => history.back(&rollout.id).or_else(|| history.forward(&rollout.id)),
        Speed::Restarts => history.back(&rollout.id),
        Speed::Walks { .. } => history.forward(&rollout.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Expect;
    use crate::domain::delivery::Beat;
    use crate::domain::journal::{Intent, Operation, OutcomeKind};
    use crate::domain::revision::Counts;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, halfway, now, pair, revision, rolling, rollout, switched};
    use crate::domain::step::{Step, StepSource, Steps};
    use crate::domain::verb::Order;

    fn back(rollout: &Rollout) -> Vec<WayBack> {
        ways_back(rollout, &History::default(), now())
    }

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
        let ways = back(&rollout);
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
        let ways = back(&canary(Phase::Waiting));
        assert_eq!((ways[0].verb, ways[0].speed, ways[0].note.as_str()), (Verb::Abort, Speed::Instant, "20/20 warm"));
        let ways = back(&halfway());
        assert_eq!((ways[0].verb, ways[0].speed, ways[0].to.as_str()), (Verb::Abort, Speed::Restarts, "#1 1.0.0"));
    }

    #[test]
    fn the_way_back_stays_open_while_it_is_held() {
        let mut held = halfway();
        held.held = Some(Held { since: None, by: None });
        held.phase = Phase::Waiting;
        let verbs: Vec<Verb> = back(&held).into_iter().map(|way| way.verb).collect();
        assert_eq!(verbs, [Verb::Abort, Verb::RollBack]);
    }

    #[test]
    fn a_side_that_never_served_is_no_way_back_and_the_former_one_is() {
        assert_eq!(back(&pair()), []);
        let ways = back(&switched());
        assert_eq!((ways[0].verb, ways[0].to.as_str(), ways[0].note.as_str()), (Verb::SwitchBack, "blue 1.0.0", "3/3 warm"));
    }

    #[test]
    fn warmth_is_of_the_moment_and_never_stored() {
        let mut cold = canary(Phase::Waiting);
        cold.revisions[1].counts = counts(20, 20, 3);
        assert_eq!(back(&cold)[0].speed, Speed::Restarts);
        let mut retired = switched();
        retired.revisions[1].counts = counts(0, 0, 0);
        assert_eq!(back(&retired), []);
    }

    /// A stepped rollout after its end: `#3 1.2.0` serves, `#2 1.1.0` came before it.
    fn promoted(strategy: Strategy, shortcut: Option<Shortcut>, up: Counts, cools: Option<Timestamp>) -> Rollout {
        let newest = revision(3, "1.2.0", &[Role::Stable, Role::Active], counts(4, 4, 4));
        let before = Revision { proof: Proof::Recorded(ago(900)), shortcut, cools, ..revision(2, "1.1.0", &[Role::Old], up) };
        let mut rollout = rollout(strategy, Phase::Done, vec![newest, before]);
        rollout.steering = Steering::Steps;
        let kinds = [StepKind::Pause(Some(SignedDuration::from_mins(5))), StepKind::Analysis("errors".into()), StepKind::Pause(None)];
        let list = kinds.into_iter().map(|kind| Step { kind, started: None, ended: None }).collect();
        rollout.steps = Some(Steps { source: StepSource::Engine, list, current: Some(3), resumes: None });
        rollout
    }

    #[test]
    fn an_undo_is_as_fast_as_what_it_goes_to_is_warm_and_its_steps_are_many() {
        let walks = Speed::Walks { steps: 3, pauses: SignedDuration::from_mins(5), stops: 1 };
        let (up, gone) = (counts(4, 4, 4), counts(0, 0, 0));
        for (what, strategy, shortcut, counts, cools, speed, note) in [
            ("warm", Strategy::BlueGreen, Some(Shortcut::Warm), up, Some(ago(-24)), Speed::Instant, "4/4 warm 00:24"),
            ("its time is over", Strategy::BlueGreen, Some(Shortcut::Warm), up, Some(ago(1)), walks, "served before"),
            (
                "half of it is up",
                Strategy::BlueGreen,
                Some(Shortcut::Warm),
                self::counts(4, 4, 2),
                Some(ago(-24)),
                walks,
                "served before 00:24",
            ),
            ("in the window", Strategy::Canary, Some(Shortcut::Window), gone, None, Speed::Restarts, "served before, no steps"),
            ("any other", Strategy::Canary, None, gone, None, walks, "served before"),
        ] {
            let ways = back(&promoted(strategy, shortcut, counts, cools));
            let told: Vec<_> = ways.iter().map(|way| (way.verb, way.speed, way.note.as_str())).collect();
            assert_eq!(told, [(Verb::RollBack, speed, note)], "{what}");
        }
    }

    #[test]
    fn a_held_canary_takes_two_writes_and_the_instant_way_comes_first() {
        let mut held = canary(Phase::Waiting);
        held.held = Some(Held { since: None, by: None });
        assert_eq!(back(&held)[0].note, "20/20 warm, two writes: it is held");
        let mut slow = canary(Phase::Waiting);
        slow.revisions.push(Revision { proof: Proof::Recorded(ago(900)), ..revision(0, "0.9.0", &[Role::Old], counts(0, 0, 0)) });
        slow.revisions[1].proof = Proof::Unknown;
        let told: Vec<_> = back(&slow).iter().map(|way| (way.verb, way.to.clone(), way.speed)).collect();
        assert_eq!(told[0], (Verb::Abort, "#1 1.0.0".into(), Speed::Instant));
        assert!(matches!(told[1], (Verb::RollBack, _, Speed::Walks { .. })) && told[1].1 == "#0 0.9.0", "{told:?}");
    }

    #[test]
    fn flagger_goes_back_on_its_beat_where_it_has_a_gate_for_it() {
        let mut flagger = canary(Phase::Progressing);
        flagger.steering = Steering::Gates;
        flagger.delivery.beat = Some(Beat { every: SignedDuration::from_secs(10), last: Some(ago(3)) });
        assert_eq!(back(&flagger)[0].speed, Speed::Restarts);
        flagger.delivery.rollback_gate = true;
        assert_eq!(back(&flagger)[0].speed, Speed::Beat(SignedDuration::from_secs(7)));
    }

    #[test]
    fn what_starts_instances_takes_as_long_as_it_took_before() {
        let image = "lab/web:1.0.0".to_owned();
        let shipped = |took: i64| Operation {
            op: "1".into(),
            actor: "ana".into(),
            console: "host:1".into(),
            at: ago(9000),
            intent: Intent {
                rollout: halfway().id,
                order: Order::Ship { container: None, image: image.clone() },
                from: None,
                to: None,
                requests: Vec::new(),
                expect: Expect::Image { image: image.clone(), track: None },
                reason: None,
            },
            answers: Vec::new(),
            outcome: Some((ago(9000 - took), OutcomeKind::Met, String::new())),
            ended: None,
        };
        let history = History::of(&[shipped(180), shipped(200), shipped(170)]);
        let ways = ways_back(&halfway(), &history, now());
        assert_eq!(ways[0].takes, Some(Estimate { median: SignedDuration::from_secs(180), of: 3 }));
        assert!(ways_back(&canary(Phase::Waiting), &history, now()).iter().all(|way| way.takes.is_none()), "instant");
    }
}
