//! A change before and while it is made: the exact requests, what the server said they would do, what to watch for.
//!
//! A verb is a list of requests that may stop between any two. 200 is not the outcome: [`Expect`] says which observed
//! state is, and [`Expect::judge`] finds it in a rollout.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::delivery::Steering;
use super::id::{RevisionId, RolloutId, Track};
use super::instance::{Instance, InstanceState};
use super::object::ObjectRef;
use super::revision::Counts;
use super::rollout::{Phase, Rollout, Strategy};
use super::verb::{Order, Refusal};

/// One request as it will be sent, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What it is for, as part of a sentence: `scale green to 3`.
    pub purpose: String,
    pub method: String,
    /// Path and query, without the server.
    pub path: String,
    /// The media type of the body.
    pub content_type: String,
    /// The body, JSON.
    pub body: String,
    /// The object it writes, with the guard that it carries.
    pub object: ObjectRef,
    /// What the engine waits for after this one, before it sends the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Wait>,
}

/// A state that the next request of a list rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The engine has seen the change.
    Observed,
    /// Every instance that is wanted is ready.
    Ready,
}

/// A line of the difference that the server returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    pub sign: Sign,
    pub text: String,
}

/// What a line of a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The object that the following lines are of.
    Object,
    Same,
    Removed,
    Added,
}

/// All that the confirm dialog shows, made from a fresh read and, where the engine has one, a dry run on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub rollout: RolloutId,
    pub order: Order,
    pub requests: Vec<Request>,
    pub diff: Vec<DiffLine>,
    /// From and to, where the order moves between revisions: labels as `#42 2.2.0`.
    pub from: Option<String>,
    pub to: Option<String>,
    /// What it leads to, one sentence each.
    pub leads_to: Vec<String>,
    /// What to know before: what is not restored, who will undo it, downtime.
    pub warnings: Vec<String>,
    pub expect: Expect,
    /// When the objects were read.
    pub read_at: Timestamp,
    /// Whether the server ran it dry and accepted it.
    pub rehearsed: bool,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status, or 0 where the engine has none.
    pub status: u16,
    /// The object's version after it.
    pub version: String,
    pub took_ms: u64,
}

/// Why a change was not made, or not certainly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeError {
    /// What the decision rested on has moved; nothing was sent, or the server's guard refused it.
    #[error("{}", moved_sentence(what, by.as_deref(), *at))]
    Moved { what: Vec<String>, by: Option<String>, at: Option<Timestamp> },
    /// It cannot be done in this state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server said no, in its words.
    #[error("the server refused: {message} ({status})")]
    Rejected { status: u16, message: String },
    /// Nothing was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It was sent and no answer came: it may or may not have happened.
    #[error("sent, but no answer came: {0}; in doubt until the cluster shows it")]
    InDoubt(String),
}

fn moved_sentence(what: &[String], by: Option<&str>, at: Option<Timestamp>) -> String {
    use std::fmt::Write as _;
    let mut sentence = format!("it moved under you: {}", what.join("; "));
    if let Some(by) = by {
        let _ = write!(sentence, ", by {by}");
    }
    if let Some(at) = at {
        let _ = write!(sentence, " at {}", at.strftime("%H:%M:%SZ"));
    }
    sentence.push_str(". It was not done.");
    sentence
}

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
                    // A canary's candidate has instances on top of what is wanted.
                    None if rollout.strategy == Strategy::Canary => {
                        let serving = rollout.serving_revision().map_or_else(Counts::default, |revision| revision.counts);
                        (rollout.counts.wanted, serving.total, serving.ready)
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
                    _ if rollout.steering == Steering::Pair && all == new && all == ready => Judgement::Met("every instance is new".into()),
                    // What had failed before the restart is not its outcome.
                    Phase::Failed if new > 0 => Judgement::Missed(rollout.native.clone()),
                    _ => Judgement::Pending,
                }
            }
            Self::PastStep(step) => match (&rollout.steps, rollout.phase) {
                (_, Phase::Done) => Judgement::Met("finished".into()),
                (_, Phase::Failed | Phase::RolledBack) => Judgement::Missed(rollout.native.clone()),
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

/// How long an order may go without its outcome before the screen says that it is slow.
pub const SLOW: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::instance::Instance;
    use crate::domain::revision::Role;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, halfway, instance, now, pair, revision, rolling, rollout, switched, with};

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

    #[test]
    fn what_moved_is_said_with_whom_and_when() {
        let moved = |by: Option<&str>, at| ChangeError::Moved { what: vec!["generation 7 → 8".into()], by: by.map(Into::into), at };
        assert_eq!(
            moved(Some("kubectl-client-side"), Some(now())).to_string(),
            "it moved under you: generation 7 → 8, by kubectl-client-side at 22:18:00Z. It was not done."
        );
        assert_eq!(moved(None, None).to_string(), "it moved under you: generation 7 → 8. It was not done.");
    }
}
