//! A release begins with an order: the record takes that it did before any request leaves.
//!
//! So of two consoles that begin it at once, or where the gate shut a moment ago, one is refused and nothing is sent.

use super::append;
use crate::app::model::Model;
use crate::app::model::jobs::{Job, Stage};
use crate::app::model::releases::{Bond, Pending, bond};
use crate::app::update::{Turn, jobs};
use crate::domain::id::{OpId, ReleaseId, RolloutId};
use crate::domain::release::record::Body;
use crate::domain::release::{Phase, Release};
use crate::domain::verb::Order;
use crate::port::Seq;
use crate::port::releases::Failure;

/// What must come before an order's requests.
pub(in crate::app::update) enum Before {
    Nothing,
    /// The store's answer to this.
    Record(Seq),
    /// They do not leave.
    Refused(String),
}

/// Returns the release that an order is of, at the moment of its confirmation.
pub(in crate::app::update) fn of(model: &Model, id: &RolloutId, order: &Order) -> Option<ReleaseId> {
    if let Some(begun) = model.begun(id)
        && bond(order.verb()) != Bond::Begins
    {
        return Some(begun.id.clone());
    }
    match bond(order.verb()) {
        // What was done may turn out bad later: its way back is still its own.
        Bond::Free => {
            let last = model.releases.of(&id.service, &id.environment).rfind(|release| release.rollouts.contains(id))?;
            (order.verb().way_back() && last.phase == Phase::Done).then(|| last.id.clone())
        }
        Bond::Calendar => None,
        Bond::Begins | Bond::GoesOn => model.bound_by(id, order).0.map(|release| release.id.clone()),
    }
}

/// Asks the record to take that an order begins, where it does.
pub(in crate::app::update) fn ask(model: &mut Model, job: &Job, turn: &mut Turn) -> Before {
    let Some(id) = job.release.clone() else { return Before::Nothing };
    let Some(release) = model.releases.get(&id).cloned() else { return Before::Refused("its release is not there any more".into()) };
    let begins = match bond(job.order.verb()) {
        Bond::Free | Bond::Calendar => false,
        Bond::Begins => true,
        Bond::GoesOn => !release.rollouts.contains(&job.rollout),
    };
    if !begins {
        let ordered = Body::Ordered { rollout: job.rollout.clone(), op: job.op.clone(), what: job.label.clone() };
        append::append(model, &id, vec![ordered], false, turn);
        return Before::Nothing;
    }
    // The journal took its time: the gate may have shut since.
    if let Err(refusal) = model.admits(&job.rollout, &job.order) {
        return Before::Refused(refusal.to_string());
    }
    let mut bodies = Vec::new();
    if release.phase == Phase::Checking && !model.releases.sent(&id).any(|body| *body == Body::Opened) {
        bodies.push(Body::Opened);
    }
    bodies.push(Body::Began { rollout: job.rollout.clone(), op: job.op.clone() });
    match append::append(model, &id, bodies, true, turn) {
        Some(seq) => Before::Record(seq),
        None => Before::Refused("its release cannot take that it begins".into()),
    }
}

/// Takes the store's answer to a begin: its requests leave, or never do. Where it is in doubt the record itself will tell.
pub(super) fn answered(model: &mut Model, seq: Seq, failure: Option<&Failure>, turn: &mut Turn) {
    let waits = |job: &&Job| matches!(job.stage, Stage::Beginning { seq: waiting, .. } if waiting == seq);
    let Some(op) = model.jobs.list.iter().find(waits).map(|job| job.op.clone()) else { return };
    match failure {
        None => jobs::go(model, &op, turn),
        Some(failure) if failure.in_doubt => {}
        Some(failure) => jobs::stay(model, &op, &format!("its release did not take that it begins: {failure}"), turn),
    }
}

/// A record came that may hold a begin whose answer was lost.
pub(super) fn recorded(model: &mut Model, release: &Release, turn: &mut Turn) {
    let waiting: Vec<OpId> = model
        .jobs
        .list
        .iter()
        .filter(|job| matches!(job.stage, Stage::Beginning { .. }) && job.release.as_ref() == Some(&release.id))
        .map(|job| job.op.clone())
        .collect();
    for op in waiting {
        if release.entries.iter().rev().any(|entry| matches!(&entry.body, Body::Began { op: of, .. } if *of == op)) {
            jobs::go(model, &op, turn);
        }
    }
}

/// An order that stayed may have its begin on the record all the same: the record says that nothing was sent.
pub(in crate::app::update) fn stayed(model: &mut Model, job: &Job, why: &str, turn: &mut Turn) {
    let Some(id) = job.release.clone() else { return };
    let began = |pending: &Pending| pending.bodies.iter().any(|body| matches!(body, Body::Began { op, .. } if *op == job.op));
    let recorded = model
        .releases
        .get(&id)
        .is_some_and(|release| release.entries.iter().rev().any(|entry| matches!(&entry.body, Body::Began { op, .. } if *op == job.op)));
    if recorded || model.releases.pending.values().any(began) {
        let seen = format!("not sent: {why}");
        let outcome = Body::Outcome { rollout: job.rollout.clone(), op: job.op.clone(), met: false, seen };
        append::append(model, &id, vec![outcome], false, turn);
    }
}
