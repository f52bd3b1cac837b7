//! The observed state that makes an order's outcome, and how it is found in a rollout: 200 is not done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::delivery::Steering;
use crate::domain::id::{RevisionId, Track};
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::revision::Counts;
use crate::domain::rollout::{Phase, Rollout, Strategy};

/// The observed state that makes an order's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// A revision with this image (of the service's container) is wished and has taken over, on this side.
    Image {
        image: String,
        track: Option<Track>,
    },
    /// The template of this revision is wished again and has taken over; found by its images and text.
    Template {
        revision: RevisionId,
        images: Vec<String>,
        track: Option<Track>,
    },
    Held(bool),
    /// The controller is set to skip its analysis, or no longer.
    Skipping(bool),
    Active(Track),
    Replicas {
        track: Option<Track>,
        replicas: u32,
    },
    /// Every instance is newer than this.
    Restarted {
        at: Timestamp,
        track: Option<Track>,
    },
    /// The step index has passed this one, or the rollout is done.
    PastStep(usize),
    /// The share of the step before this one is reached, and it stands here: what promoting a plain canary leads to.
    Arrived(usize),
    /// The rollout to these images began: a release that stands at its pauses for hours has done what was ordered. What
    /// becomes of it is the outcome of the orders that move it on.
    Begun {
        images: Vec<String>,
    },
    /// The pause that it stood at is left, where no index counts the steps.
    PauseLeft,
    /// The rollout is finished, whichever way.
    Done,
    /// An aborted or failed rollout is under way again.
    UnderWay,
    /// The rollout is aborted and the stable revision has the users.
    Aborted,
    /// The analysis of this name measures no more.
    Terminated(String),
    /// This console holds the driver's lock, or no longer. No rollout shows it: whoever knows the lock judges.
    Driver {
        held: bool,
    },
}

/// What the observed state says of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    Pending,
    /// It is as ordered.
    Met(String),
    /// It will not be: the engine gave up, or something else was wished since.
    Missed(String),
}

impl Expect {
    /// Returns whether it is met when a release has begun, long before it is finished.
    pub fn begins(&self) -> bool {
        matches!(self, Self::Begun { .. } | Self::Arrived(_))
    }

    /// Compares the expectation with a rollout as it is observed now.
    pub fn judge(&self, rollout: &Rollout) -> Judgement {
        if rollout.phase == Phase::Absent {
            return Judgement::Missed("the object is gone".into());
        }
        if rollout.phase == Phase::Unobserved {
            return Judgement::Pending;
        }
        match self {
            Self::Driver { .. } => Judgement::Pending,
            Self::Held(wanted) => {
                if rollout.held.is_some() == *wanted {
                    Judgement::Met(if *wanted { "held".into() } else { "running again".into() })
                } else {
                    Judgement::Pending
                }
            }
            Self::Skipping(wanted) if rollout.delivery.promoting_fully == *wanted => {
                Judgement::Met(if *wanted { "the analysis is skipped".into() } else { "the next one is analysed again".into() })
            }
            Self::Skipping(_) => Judgement::Pending,
            Self::Active(track) => match &rollout.routing {
                Some(routing) if routing.active.as_ref() == Some(track) => {
                    let on = |wanted: bool| routing.endpoints.iter().filter(|(t, _)| (t == track) == wanted).map(|(_, n)| *n).sum::<u32>();
                    let ready = rollout.side(track).map_or(0, |side| side.counts.ready);
                    if on(false) == 0 && on(true) >= ready && ready > 0 {
                        Judgement::Met(format!("{} endpoints, all {track}", on(true)))
                    } else {
                        Judgement::Pending
                    }
                }
                _ => Judgement::Pending,
            },
            Self::Replicas { track, replicas } => {
                let counts = match track {
                    None if rollout.steering == Steering::Plan && rollout.delivery.pause.is_some() => {
                        (rollout.counts.wanted, rollout.counts.wanted, rollout.counts.ready.min(rollout.counts.wanted))
                    }
                    // A canary's candidate has instances on top of what is wanted, or in the place of stable ones.
                    None if rollout.strategy == Strategy::Canary => {
                        let (wanted, all) = (rollout.counts.wanted, rollout.counts);
                        let candidate = rollout.candidate().map_or(0, |candidate| candidate.counts.total);
                        let many = all.total > wanted.saturating_add(candidate);
                        (wanted, if many { all.total } else { all.total.min(wanted) }, all.ready.min(wanted))
                    }
                    Some(track) => {
                        rollout.revisions.iter().filter(|r| r.track.as_ref() == Some(track)).fold((0, 0, 0), |(w, t, r), revision| {
                            (w + revision.counts.wanted, t + revision.counts.total, r + revision.counts.ready)
                        })
                    }
                    None => (rollout.counts.wanted, rollout.counts.total, rollout.counts.ready),
                };
                match counts {
                    (wanted, ..) if wanted != *replicas => Judgement::Pending,
                    (wanted, total, ready) if total == wanted && ready == wanted => Judgement::Met(format!("{ready} of {wanted} ready")),
                    _ if rollout.phase == Phase::Failed => Judgement::Missed(rollout.native.clone()),
                    _ => Judgement::Pending,
                }
            }
            Self::Image { image, track } => took_over(rollout, track.as_ref(), |images| images.iter().any(|i| i == image)),
            Self::Template { images, track, .. } => {
                took_over(rollout, track.as_ref(), |now| images.iter().all(|image| now.contains(&image.as_str())))
            }
            Self::Restarted { at, track } => {
                let of_interest = rollout.instances.iter().filter(|instance| instance.state != InstanceState::Terminating);
                let of_interest = of_interest.filter(|instance| match track {
                    None => true,
                    Some(track) => rollout.revision(&instance.revision).is_some_and(|revision| revision.track.as_ref() == Some(track)),
                });
                // Creation times have whole seconds; the order's own time has not.
                let newer = |instance: &Instance| instance.created.is_some_and(|created| created.as_second() >= at.as_second());
                let (all, new, ready) = of_interest.fold((0, 0, 0), |(all, new, ready), instance| {
                    let fresh = u32::from(newer(instance));
                    (all + 1, new + fresh, ready + u32::from(instance.state == InstanceState::Ready))
                });
                match rollout.phase {
                    Phase::Done if all == new && rollout.steering != Steering::Pair => Judgement::Met("every instance is new".into()),
                    // At a pause it is not done, and its instances can all be new.
                    _ if matches!(rollout.steering, Steering::Pair | Steering::Steps | Steering::Plan) && all == new && all == ready => {
                        Judgement::Met("every instance is new".into())
                    }
                    // What had failed before the restart is not its outcome.
                    Phase::Failed if new > 0 => Judgement::Missed(rollout.native.clone()),
                    _ => Judgement::Pending,
                }
            }
            Self::Arrived(step) => match (&rollout.steps, rollout.phase) {
                (_, Phase::Failed | Phase::RollingBack | Phase::RolledBack) => Judgement::Missed(rollout.native.clone()),
                (Some(steps), _) if steps.current.is_some_and(|current| current >= *step) && rollout.delivery.pause.is_some() => {
                    Judgement::Met(format!("step {} of {}", steps.current.unwrap_or(0) + 1, steps.list.len()))
                }
                _ => Judgement::Pending,
            },
            Self::Begun { images } => begun(rollout, images),
            Self::PauseLeft => match rollout.phase {
                Phase::Done => Judgement::Met("finished".into()),
                Phase::Failed | Phase::RolledBack | Phase::RollingBack => Judgement::Missed(rollout.native.clone()),
                _ if rollout.delivery.aborted.is_some() => Judgement::Missed(rollout.native.clone()),
                _ if rollout.delivery.pause.is_some() || rollout.held.is_some() => Judgement::Pending,
                _ => Judgement::Met("the pause is left".into()),
            },
            Self::PastStep(step) => match (&rollout.steps, rollout.phase) {
                (_, Phase::Done) => Judgement::Met("finished".into()),
                (_, Phase::Failed | Phase::RolledBack) => Judgement::Missed(rollout.native.clone()),
                // An abort puts the index back to the first.
                _ if rollout.delivery.aborted.is_some() => Judgement::Missed(rollout.native.clone()),
                (Some(steps), _) if steps.current.is_some_and(|current| current > *step) => {
                    Judgement::Met(format!("step {} of {}", steps.current.unwrap_or(0) + 1, steps.list.len()))
                }
                // The steps were edited, or another version came in: both begin at the first.
                (Some(steps), _) if steps.current.is_some_and(|current| current < *step) => {
                    Judgement::Missed("the steps began anew".into())
                }
                _ => Judgement::Pending,
            },
            Self::Done => match rollout.phase {
                Phase::Done => Judgement::Met("finished".into()),
                Phase::Failed | Phase::RolledBack => Judgement::Missed(rollout.native.clone()),
                _ => Judgement::Pending,
            },
            Self::UnderWay => match rollout.phase {
                Phase::Progressing | Phase::Waiting | Phase::Done => Judgement::Met("under way again".into()),
                _ => Judgement::Pending,
            },
            Self::Aborted => match rollout.phase {
                // Scaling and routing stand still for as long as it is held.
                _ if rollout.steering == Steering::Steps && rollout.held.is_some() => Judgement::Pending,
                // A controller clears the abort of a rollout that is through.
                Phase::Done if rollout.steering == Steering::Steps => Judgement::Missed("it had finished before".into()),
                Phase::RolledBack | Phase::Done => Judgement::Met("the users are back on the stable revision".into()),
                _ => Judgement::Pending,
            },
            Self::Terminated(name) => match rollout.delivery.analysis(name) {
                Some(analysis) if !analysis.phase.over() => Judgement::Pending,
                Some(analysis) => Judgement::Met(format!("{name} ended: {}", analysis.phase.word())),
                None => Judgement::Met(format!("{name} is gone")),
            },
        }
    }
}

/// A release has begun when its images are those of the newest revision, and its controller is at it.
fn begun(rollout: &Rollout, images: &[String]) -> Judgement {
    let Some(newest) = rollout.newest() else { return Judgement::Pending };
    let fits = images.iter().all(|image| newest.images.iter().any(|other| other.image == *image));
    match rollout.phase {
        Phase::Done if fits => Judgement::Met(format!("{} of {} ready on {}", newest.counts.ready, newest.counts.wanted, newest.label())),
        Phase::Done => Judgement::Missed(format!("{} runs instead", newest.label())),
        Phase::Failed | Phase::RolledBack if fits => Judgement::Missed(rollout.native.clone()),
        _ if !fits => Judgement::Pending,
        _ => Judgement::Met(match &rollout.steps {
            Some(steps) if steps.now().is_some() => {
                let at = steps.current.unwrap_or(0) + 1;
                format!("the rollout to {} began, step {at} of {}", newest.label(), steps.list.len())
            }
            _ => format!("the rollout to {} began", newest.label()),
        }),
    }
}

/// A template has taken over when it is the newest of its side and the rollout says done.
fn took_over(rollout: &Rollout, track: Option<&Track>, fits: impl Fn(&[&str]) -> bool) -> Judgement {
    let revision = match track {
        Some(track) => rollout.side(track),
        None => rollout.newest(),
    };
    let Some(revision) = revision else { return Judgement::Pending };
    let images: Vec<&str> = revision.images.iter().map(|image| image.image.as_str()).collect();
    // Of one side, what was there before must be gone as well: half a roll has its half ready.
    let alone = |track: &Track| {
        let mut others = rollout.revisions.iter().filter(|other| other.track.as_ref() == Some(track) && other.id != revision.id);
        others.all(|other| other.counts.wanted == 0 && other.counts.total == 0)
    };
    let ready = |counts: Counts| counts.wanted == counts.available && counts.total == counts.wanted;
    if !fits(&images) {
        return if rollout.phase == Phase::Done && track.is_none() {
            Judgement::Missed(format!("{} runs instead", revision.label()))
        } else {
            Judgement::Pending
        };
    }
    match rollout.phase {
        Phase::Failed => Judgement::Missed(rollout.native.clone()),
        _ if track.is_some_and(alone) && ready(revision.counts) => {
            Judgement::Met(format!("{} ready, {} of {}", revision.label(), revision.counts.ready, revision.counts.wanted))
        }
        // An aborted canary still wishes what it does not serve.
        Phase::RolledBack if track.is_none() && !revision.roles.serves() => Judgement::Missed(rollout.native.clone()),
        Phase::Done | Phase::RolledBack if track.is_none() => {
            Judgement::Met(format!("{} of {} ready on {}", revision.counts.ready, revision.counts.wanted, revision.label()))
        }
        _ => Judgement::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::{Aborted, Pause, PauseKind};
    use crate::domain::instance::Instance;
    use crate::domain::revision::Role;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, halfway, instance, pair, revision, rolling, rollout, switched, with};

    fn done() -> Rollout {
        let now = revision(2, "1.1.0", &[Role::Stable], counts(3, 3, 3));
        rollout(rolling(), Phase::Done, vec![now, revision(1, "1.0.0", &[Role::Old], counts(0, 0, 0))])
    }

    fn phased(mut rollout: Rollout, phase: Phase) -> Rollout {
        rollout.phase = phase;
        rollout
    }

    fn image(version: &str, track: Option<&str>) -> Expect {
        Expect::Image { image: format!("lab/web:{version}"), track: track.map(Track::from) }
    }

    fn at_step(current: usize, phase: Phase) -> Rollout {
        let mut rollout = canary(phase);
        rollout.steps.as_mut().expect("steps").current = Some(current);
        rollout
    }

    fn begun(version: &str) -> Expect {
        Expect::Begun { images: vec![format!("lab/web:{version}")] }
    }

    fn given_up(mut rollout: Rollout) -> Rollout {
        rollout.delivery.aborted = Some(Aborted { at: None, why: "by hand".into() });
        rollout
    }

    fn paused(mut rollout: Rollout) -> Rollout {
        rollout.delivery.pause = Some(Pause { kind: PauseKind::BlueGreen, since: None, until: None });
        rollout
    }

    fn by_hand(mut rollout: Rollout) -> Rollout {
        rollout.held = Some(Held { since: None, by: None });
        rollout
    }

    fn among(mut rollout: Rollout) -> Rollout {
        rollout.counts = counts(20, 20, 20);
        rollout.revisions[1].counts = counts(15, 15, 15);
        rollout
    }

    fn with_total(mut rollout: Rollout, total: u32) -> Rollout {
        rollout.counts.total = total;
        rollout
    }

    fn born(seconds_ago: i64, state: InstanceState) -> Instance {
        Instance { created: Some(ago(seconds_ago)), ..instance("r2", &seconds_ago.to_string(), state, "Running") }
    }

    #[test]
    fn each_expectation_is_judged_by_what_is_observed() {
        let held = {
            let mut rollout = halfway();
            rollout.held = Some(Held { since: None, by: None });
            rollout
        };
        let lagging = {
            let mut rollout = switched();
            rollout.routing.as_mut().expect("routing").endpoints = vec![("blue".into(), 1), ("green".into(), 3)];
            rollout
        };
        let scaling = {
            let mut rollout = done();
            rollout.counts = counts(5, 5, 3);
            rollout
        };
        let restart = || Expect::Restarted { at: ago(100), track: None };
        let four = |track: Option<Track>, replicas| Expect::Replicas { track, replicas };
        let to_old = Expect::Template { revision: "r1".into(), images: vec!["lab/web:1.0.0".into()], track: None };
        for (what, expect, rollout, verdict) in [
            ("a done ship", image("1.1.0", None), done(), 'm'),
            ("a ship halfway", image("1.1.0", None), halfway(), 'p'),
            ("a ship not observed", image("1.1.0", None), phased(done(), Phase::Unobserved), 'p'),
            ("a failed ship", image("1.1.0", None), phased(halfway(), Phase::Failed), 'x'),
            ("another image in its place", image("1.2.0", None), done(), 'x'),
            ("an aborted ship", image("1.1.0", None), canary(Phase::RolledBack), 'x'),
            ("a ship to a side", image("1.1.0", Some("green")), pair(), 'm'),
            ("a ship to a side that has it not yet", image("1.2.0", Some("green")), pair(), 'p'),
            ("a roll back not yet begun", to_old.clone(), phased(halfway(), Phase::Failed), 'p'),
            ("an object that is gone", to_old, phased(done(), Phase::Absent), 'x'),
            ("held", Expect::Held(true), held.clone(), 'm'),
            ("resumed", Expect::Held(false), held, 'p'),
            ("switched", Expect::Active("green".into()), switched(), 'm'),
            ("switched, endpoints lag", Expect::Active("green".into()), lagging, 'p'),
            ("not switched", Expect::Active("green".into()), pair(), 'p'),
            ("scaled", four(None, 3), done(), 'm'),
            ("scaling", four(None, 5), scaling.clone(), 'p'),
            ("scaling failed", four(None, 5), phased(scaling, Phase::Failed), 'x'),
            ("a canary scaled, its candidate on top", four(None, 20), canary(Phase::Waiting), 'm'),
            ("a side scaled", four(Some("green".into()), 3), pair(), 'm'),
            ("past a step", Expect::PastStep(0), at_step(1, Phase::Progressing), 'm'),
            ("at the step", Expect::PastStep(1), at_step(1, Phase::Waiting), 'p'),
            ("steps begun anew", Expect::PastStep(2), at_step(0, Phase::Progressing), 'x'),
            ("done instead of a step", Expect::PastStep(2), at_step(3, Phase::Done), 'm'),
            ("aborted instead of a step", Expect::PastStep(0), given_up(at_step(0, Phase::RollingBack)), 'x'),
            ("a release that stands at its first pause", begun("1.1.0"), canary(Phase::Waiting), 'm'),
            ("a release that is through", begun("1.1.0"), done(), 'm'),
            ("a release that is not seen", begun("1.1.0"), canary(Phase::Unobserved), 'p'),
            ("a release whose revision is not there yet", begun("1.2.0"), canary(Phase::Waiting), 'p'),
            ("a release that failed at once", begun("1.1.0"), canary(Phase::Failed), 'x'),
            ("a release that something else came before", begun("1.2.0"), done(), 'x'),
            ("a pause left", Expect::PauseLeft, canary(Phase::Progressing), 'm'),
            ("a pause not left", Expect::PauseLeft, paused(canary(Phase::Waiting)), 'p'),
            ("a pause left and held again", Expect::PauseLeft, by_hand(canary(Phase::Waiting)), 'p'),
            ("a pause left by an abort", Expect::PauseLeft, given_up(canary(Phase::RollingBack)), 'x'),
            ("aborted, and held", Expect::Aborted, by_hand(given_up(canary(Phase::RolledBack))), 'p'),
            ("an abort that came too late", Expect::Aborted, canary(Phase::Done), 'x'),
            ("a canary scaled, its candidate among the wanted", four(None, 20), among(canary(Phase::Waiting)), 'm'),
            ("a canary with old instances left", four(None, 20), with_total(canary(Phase::Waiting), 30), 'p'),
            ("restarted at a pause", restart(), with(canary(Phase::Waiting), vec![born(50, InstanceState::Ready)]), 'm'),
            ("finished", Expect::Done, done(), 'm'),
            ("finishing failed", Expect::Done, canary(Phase::RolledBack), 'x'),
            ("aborted", Expect::Aborted, canary(Phase::RolledBack), 'm'),
            ("aborting", Expect::Aborted, canary(Phase::RollingBack), 'p'),
            ("retried", Expect::UnderWay, canary(Phase::Progressing), 'm'),
            ("not retried yet", Expect::UnderWay, canary(Phase::RolledBack), 'p'),
            ("restarted", restart(), with(done(), vec![born(50, InstanceState::Ready), born(400, InstanceState::Terminating)]), 'm'),
            ("restarting", restart(), with(done(), vec![born(50, InstanceState::Ready), born(400, InstanceState::Ready)]), 'p'),
            ("failed before the restart", restart(), with(phased(halfway(), Phase::Failed), vec![born(400, InstanceState::Failed)]), 'p'),
            ("failed by the restart", restart(), with(phased(halfway(), Phase::Failed), vec![born(50, InstanceState::Failed)]), 'x'),
            ("a pair restarted and unready", restart(), with(pair(), vec![born(50, InstanceState::Unready)]), 'p'),
        ] {
            let judged = match expect.judge(&rollout) {
                Judgement::Met(_) => 'm',
                Judgement::Pending => 'p',
                Judgement::Missed(_) => 'x',
            };
            assert_eq!(judged, verdict, "{what}: {:?}", expect.judge(&rollout));
        }
    }
}
