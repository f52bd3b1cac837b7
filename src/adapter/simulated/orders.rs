//! Previews and operations on their way: answered after a while, each request sent once and in turn.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::change::MANAGER;
use super::object::Set;
use super::pace::later;
use super::pod::event;
use super::world::World;
use crate::domain::change::{ChangeError, Request, Wait};
use crate::domain::id::{OpId, RolloutId};
use crate::domain::object::Part;
use crate::domain::verb::{Order, Refusal};
use crate::port::Seq;
use crate::port::engine::{Event, Note};

/// How long a request waits for what the next one rests on.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// How many operations are remembered, so that none is sent twice.
const REMEMBERED: usize = 256;

struct Asked {
    seq: Seq,
    rollout: RolloutId,
    order: Order,
    due: Timestamp,
}

/// An operation as it is handed over.
pub(super) struct Sending {
    pub op: OpId,
    pub rollout: RolloutId,
    pub requests: Vec<Request>,
    pub note: Note,
    /// Each needs the driver's lock.
    pub driving: bool,
}

/// What an operation does next.
#[derive(Clone, Copy)]
enum Stage {
    /// The next request is answered then; it was sent at the first time.
    Sent { at: Timestamp, due: Timestamp },
    /// It waits for a state before it sends the next, until then at most.
    Waiting { wait: Wait, until: Timestamp },
}

struct Operation {
    op: OpId,
    rollout: RolloutId,
    requests: Vec<Request>,
    next: usize,
    note: Note,
    driving: bool,
    stage: Stage,
}

/// All that is asked and not answered.
#[derive(Default)]
pub(super) struct Orders {
    asked: Vec<Asked>,
    operations: Vec<Operation>,
    seen: VecDeque<OpId>,
}

fn no_link() -> ChangeError {
    ChangeError::NotSent("the link is lost".into())
}

impl Orders {
    /// Takes a preview in; it is answered by [`Self::step`].
    pub(super) fn preview(&mut self, world: &mut World, seq: Seq, rollout: RolloutId, order: Order, now: Timestamp) -> Option<Event> {
        if !world.link_up() {
            return Some(Event::Previewed { seq, result: Err(no_link()) });
        }
        let due = later(now, world.latency());
        self.asked.push(Asked { seq, rollout, order, due });
        None
    }

    /// Takes an operation in. The same one again is refused.
    pub(super) fn execute(&mut self, world: &mut World, sending: Sending, now: Timestamp) -> Option<Event> {
        let Sending { op, rollout, requests, note, driving } = sending;
        let refused = |op: OpId, error: ChangeError| Some(Event::Answered { op, index: 0, result: Err(error), last: true });
        if self.seen.contains(&op) {
            return refused(op, ChangeError::NotSent("this order was sent already".into()));
        }
        if !world.link_up() {
            return refused(op, no_link());
        }
        if requests.is_empty() {
            return refused(op, ChangeError::NotSent("there is nothing to send".into()));
        }
        self.seen.push_back(op.clone());
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
        let stage = Stage::Sent { at: now, due: later(now, world.latency()) };
        self.operations.push(Operation { op, rollout, requests, next: 0, note, driving, stage });
        None
    }

    /// Answers what is due. Returns the answers and the places of the rollouts that were written.
    pub(super) fn step(&mut self, world: &mut World, now: Timestamp) -> (Vec<Event>, Vec<usize>) {
        let mut answers = Vec::new();
        let mut written = Vec::new();
        let (due, rest): (Vec<Asked>, Vec<Asked>) = self.asked.drain(..).partition(|asked| now >= asked.due);
        self.asked = rest;
        for asked in due {
            let result = match &asked.order {
                Order::Drive { act } => world.locks.preview(&asked.rollout, act, now),
                order => {
                    let drafted = world.preview(&asked.rollout, order, now);
                    if order.verb().needs_lock() { drafted.and_then(|preview| world.locks.preface(preview, now)) } else { drafted }
                }
            };
            written.extend(world.meddle(&asked.rollout, now).filter(|_| result.is_ok()));
            answers.push(Event::Previewed { seq: asked.seq, result });
        }
        self.operations.retain_mut(|operation| operation.step(world, now, &mut answers, &mut written));
        (answers, written)
    }

    /// The link is lost: what was asked gets no answer, and what was sent may or may not have happened.
    pub(super) fn cut(&mut self) -> Vec<Event> {
        let asked = self.asked.drain(..).map(|asked| Event::Previewed { seq: asked.seq, result: Err(no_link()) });
        let sent = self.operations.drain(..).map(|operation| {
            let error = match operation.stage {
                Stage::Sent { .. } => ChangeError::InDoubt("connection reset by peer".into()),
                Stage::Waiting { .. } => no_link(),
            };
            Event::Answered { op: operation.op, index: operation.next, result: Err(error), last: true }
        });
        asked.chain(sent).collect()
    }
}

impl Operation {
    /// Returns whether it goes on.
    fn step(&mut self, world: &mut World, now: Timestamp, answers: &mut Vec<Event>, written: &mut Vec<usize>) -> bool {
        let Some(at) = world.position(&self.rollout) else {
            answers.push(self.answer(Err(Refusal::Absent.into()), true));
            return false;
        };
        match self.stage {
            Stage::Sent { due, .. } if now < due => true,
            Stage::Sent { at: sent, .. } => {
                let Some(request) = self.requests.get(self.next) else { return false };
                let of_lock = request.object.part == Part::Lock;
                let written_now = if of_lock {
                    world.locks.write(&self.rollout, request, now)
                } else if let (true, Err(refusal)) = (self.driving, world.locks.may_act(&self.rollout, now)) {
                    Err(refusal.into())
                } else {
                    world.write(at, request, MANAGER, now)
                };
                let result = written_now.map(|mut answer| {
                    answer.took_ms = u64::try_from(now.duration_since(sent).as_millis()).unwrap_or(0);
                    answer
                });
                let wait = request.then;
                let failed = result.is_err();
                let last = failed || self.next + 1 >= self.requests.len();
                if !failed {
                    written.push(at);
                }
                answers.push(self.answer(result, last));
                if last {
                    if !failed && !of_lock {
                        leave_note(world, at, &self.note, now);
                    }
                    return false;
                }
                self.next += 1;
                self.stage = match wait {
                    Some(wait) => Stage::Waiting { wait, until: later(now, PATIENCE) },
                    None => Stage::Sent { at: now, due: later(now, world.latency()) },
                };
                true
            }
            Stage::Waiting { wait, until } => {
                if settled(world, at, wait) {
                    self.stage = Stage::Sent { at: now, due: later(now, world.latency()) };
                } else if now >= until {
                    let words = match wait {
                        Wait::Observed => "the change before it was not observed",
                        Wait::Ready => "the instances did not get ready",
                        Wait::Passed | Wait::Ended => "the controller did not go on",
                        Wait::Drained => "the routers were not waited for",
                    };
                    answers.push(self.answer(Err(ChangeError::NotSent(words.into())), true));
                    return false;
                }
                true
            }
        }
    }

    fn answer(&self, result: Result<crate::domain::change::Answer, ChangeError>, last: bool) -> Event {
        Event::Answered { op: self.op.clone(), index: self.next, result, last }
    }
}

fn settled(world: &World, at: usize, wait: Wait) -> bool {
    world.services.get(at).is_some_and(|managed| {
        managed.deployments.iter().all(|deployment| match wait {
            Wait::Observed => deployment.observed(),
            // The simulated engine has no gates and no beat.
            Wait::Passed | Wait::Ended => true,
            // Its router learns at once.
            Wait::Drained => true,
            Wait::Ready => deployment.observed() && deployment.sets.iter().map(Set::ready).sum::<u32>() >= deployment.replicas,
        })
    })
}

fn leave_note(world: &mut World, at: usize, note: &Note, now: Timestamp) {
    if let Some(deployment) = world.services.get_mut(at).and_then(|managed| managed.deployments.first_mut()) {
        let kind = if deployment.argo.is_some() { "Rollout" } else { "Deployment" };
        let about = format!("{kind} {}", deployment.name);
        deployment.report(vec![event(now, false, &note.reason, &about, &format!("{} ({})", note.text, note.actor), MANAGER)]);
    }
}
