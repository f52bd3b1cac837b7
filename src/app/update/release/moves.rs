//! What the rollouts of a release do, written on its timeline by the one console that drives them.

use super::append;
use crate::app::model::Model;
use crate::app::model::jobs::Job;
use crate::app::update::{Turn, order};
use crate::domain::driver::Standing;
use crate::domain::id::RolloutId;
use crate::domain::release::record::Body;
use crate::domain::release::{Phase as ReleasePhase, Release};
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::step::WeightSource;
use crate::domain::verb::Verb;

/// Returns whether this console tells of a rollout: it drives, or, where nobody is known to, it was the last to order.
pub(super) fn mine(model: &Model, release: &Release, id: &RolloutId) -> bool {
    match model.drivers.of(id) {
        Standing::Mine { .. } => true,
        Standing::Theirs { .. } => false,
        _ => {
            let orders = |body: &Body| match body {
                Body::Began { rollout, .. } | Body::Ordered { rollout, .. } => rollout == id,
                _ => false,
            };
            release.entries.iter().rev().find(|entry| orders(&entry.body)).is_some_and(|entry| entry.console == model.console)
        }
    }
}

/// The last request of an order was accepted: a way back takes its release back.
pub(in crate::app::update) fn accepted(model: &mut Model, job: &Job, turn: &mut Turn) {
    let Some(id) = job.release.clone() else { return };
    if !matches!(job.order.verb(), Verb::Abort | Verb::SwitchBack | Verb::RollBack) {
        return;
    }
    let done = order::done(&job.order, model.rollout(&job.rollout).map(AsRef::as_ref));
    let reason = format!("{} {done}: {}", model.actor(&job.rollout), job.rollout);
    append::append(model, &id, vec![Body::RolledBack { reason }], true, turn);
}

/// An order came to its outcome.
pub(in crate::app::update) fn judged(model: &mut Model, job: &Job, met: bool, seen: &str, turn: &mut Turn) {
    let Some(id) = job.release.clone() else { return };
    let (rollout, op, seen) = (job.rollout.clone(), job.op.clone(), format!("{}: {seen}", job.label));
    append::append(model, &id, vec![Body::Outcome { rollout, op, met, seen }], false, turn);
}

/// A rollout was told of: what moved is written, and its release is validated when all of it is done.
pub(in crate::app::update) fn told(model: &mut Model, id: &RolloutId, turn: &mut Turn) {
    let Some(release) = model.begun(id).cloned() else { return };
    let Some(rollout) = model.rollout(id).cloned() else { return };
    if release.phase != ReleasePhase::InProgress || !mine(model, &release, id) {
        return;
    }
    // Until the order shows, the rollout is as it was before the release.
    if model.jobs.sending(id) || !shows(&release, &rollout) && !rollout.phase.under_way() && !back(&rollout) {
        return;
    }
    let what = words(&rollout);
    let of_it = |body: &Body| match body {
        Body::Moved { rollout, what } if rollout == id => Some(what.clone()),
        _ => None,
    };
    let sent = model.releases.sent(&release.id).filter_map(of_it).last();
    let last = sent.or_else(|| release.entries.iter().rev().find_map(|entry| of_it(&entry.body)));
    if last.as_deref() != Some(what.as_str()) {
        append::append(model, &release.id, vec![Body::Moved { rollout: id.clone(), what: what.clone() }], false, turn);
    }
    if back(&rollout) && model.jobs.of(id).all(|job| !job.order.verb().way_back()) {
        // Nobody here ordered it: the controller went back, or somebody did from elsewhere.
        let reason = format!("{id} {what}, and not from this console");
        append::append(model, &release.id, vec![Body::RolledBack { reason }], false, turn);
    } else if all_done(model, &release) {
        append::append(model, &release.id, vec![Body::Verifying], false, turn);
    }
}

/// Returns whether a rollout has gone back, or does.
fn back(rollout: &Rollout) -> bool {
    matches!(rollout.phase, Phase::RollingBack | Phase::RolledBack)
}

/// Returns whether users have the release's version of a rollout.
fn shows(release: &Release, rollout: &Rollout) -> bool {
    rollout.serving_revision().is_some_and(|serving| {
        release.brief.version(&rollout.id.service) == Some(serving.version.as_str())
            || release.bound.iter().any(|bound| {
                bound.service == rollout.id.service
                    && bound.digest.as_ref().is_some_and(|digest| serving.images.iter().any(|image| image.image.ends_with(digest.as_str())))
            })
    })
}

/// Returns whether every rollout that a release is for runs its version and stands still.
fn all_done(model: &Model, release: &Release) -> bool {
    let services = release.brief.versions.iter().map(|(service, _)| service);
    let mut workloads = services.flat_map(|service| model.plan.cell(service, &release.brief.environment)).peekable();
    workloads.peek().is_some()
        && workloads.all(|workload| {
            release.rollouts.contains(&workload.id)
                && model.rollout(&workload.id).is_some_and(|rollout| rollout.phase == Phase::Done && shows(release, rollout))
        })
}

/// Returns where a rollout stands, in a few words: `25 %, waits for you`.
fn words(rollout: &Rollout) -> String {
    let share = |source| rollout.weights.iter().find(|weight| weight.source == source).map(|weight| weight.share.to_string());
    // Past the last step it is done, or of the rollout before.
    let step = rollout.steps.as_ref().and_then(|steps| {
        let (at, of) = (steps.current?, steps.list.len());
        (at < of).then(|| format!("step {} of {of}", at + 1))
    });
    let by_itself = rollout.held.is_none() && rollout.delivery.pause.iter().any(|pause| pause.until.is_some());
    let place = || share(WeightSource::Asked).or_else(|| share(WeightSource::Observed)).or(step);
    match rollout.phase {
        Phase::Waiting if rollout.held.is_some() => place().map_or_else(|| "held".into(), |place| format!("{place}, held")),
        Phase::Waiting if by_itself => place().map_or_else(|| "pauses".into(), |place| format!("{place}, pauses for a time")),
        Phase::Waiting => place().map_or_else(|| "waits for you".into(), |place| format!("{place}, waits for you")),
        Phase::Progressing | Phase::Unobserved => place().unwrap_or_else(|| "progressing".into()),
        Phase::Failing => place().map_or_else(|| "in trouble".into(), |place| format!("{place}, in trouble")),
        Phase::Failed => format!("failed: {}", rollout.native),
        phase => phase.word().into(),
    }
}
