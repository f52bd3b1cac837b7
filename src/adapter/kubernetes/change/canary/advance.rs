//! Promote: the next weight, or what is left of the move to this one; behind the last weight stands promote fully.

use jiff::SignedDuration;

use super::duo::Duo;
use super::script::{Script, Write};
use super::ship::{shrink, told};
use super::{finish, running};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::convert::canary_place::{Course, Place};
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::step::{Share, StepKind};
use crate::domain::verb::Refusal;

/// Drafts the next step.
pub fn advance(scene: &Scene<'_>, duo: &Duo<'_>) -> Result<Draft, ChangeError> {
    let place = duo.going(scene)?;
    if place.course == Course::Finish {
        return finish::finish(scene, duo);
    }
    duo.routable()?;
    running(duo)?;
    let index = place.index(&duo.plan.steps);
    let whole = arrived(scene, duo, &place);
    let (step, share) = if whole {
        duo.same_image(&place)?;
        duo.ready()?;
        match duo.plan.weight_from(index + 1) {
            Some(next) => next,
            None => return finish::finish(scene, duo),
        }
    } else {
        (index, place.share())
    };
    let pair = duo.plan.split(place.total, share);
    let place = Place { step, weight: share.permille() / 10, stable: pair.0, canary: pair.1, since: scene.now, ..place };
    let mut script = toward(scene, duo, &place, share, Expect::Arrived(step + 1))?;
    if whole {
        early(scene, duo, &mut script, index);
    } else {
        script.leads(format!("Finishes the move to {share}, which stopped between two requests"));
    }
    let (stable, canary) = (duo.stable.replicas(), duo.canary.replicas());
    let from = duo.routed().unwrap_or_else(|| Share::ratio(canary, stable + canary));
    Ok(script.draft.between(from.to_string(), share.to_string()))
}

/// Drafts another number of instances in all, at the same share.
pub fn resize(scene: &Scene<'_>, duo: &Duo<'_>, total: u32) -> Result<Draft, ChangeError> {
    let place = duo.going(scene)?;
    if place.course != Course::Step {
        return Err(Refusal::Other("it is being promoted fully: scale it after that".into()).into());
    }
    if total == 0 {
        return Err(Refusal::Other("a canary is under way: abort it before you scale to 0".into()).into());
    }
    if total == place.total {
        return Err(Refusal::Other(format!("it has {total} replicas already")).into());
    }
    running(duo)?;
    let share = place.share();
    let (stable, canary) = duo.plan.split(total, share);
    let was = place.total;
    let place = Place { total, stable, canary, since: scene.now, ..place };
    duo.same_image(&place)?;
    let script = toward(scene, duo, &place, share, Expect::Replicas { track: None, replicas: total })?;
    Ok(script.draft.between(was.to_string(), total.to_string()))
}

/// Brings both sides to a place: what grows first.
fn toward<'a>(scene: &Scene<'_>, duo: &'a Duo<'a>, place: &Place, share: Share, expect: Expect) -> Result<Script<'a>, ChangeError> {
    let mut script = Script::new(duo, expect, false);
    let (one, other) = (&duo.plan.stable, &duo.plan.canary);
    let grows = place.stable > script.stable;
    let mut purpose = format!("note the move to {share}");
    if grows {
        purpose = format!("{purpose} and scale {one} from {} to {}", script.stable, place.stable);
    }
    let write =
        Write { place: Some(place), replicas: grows.then_some(place.stable), wait: grows.then_some(Wait::Ready), ..Write::default() };
    script.stable(purpose, &write);
    let from = script.canary;
    // A ship that stopped behind its note has not set the image yet.
    let slot = duo.canary.slot(Some(&place.container))?;
    let cause = format!("rolldeck: ship {}={}", slot.name, place.image);
    let image = (slot.image != place.image).then_some((&slot, place.image.as_str(), cause.as_str()));
    let scaled = |wait| Write { replicas: Some(place.canary), image, wait, ..Write::default() };
    if place.canary > from || image.is_some() {
        script.leads(format!("{other} goes from {from} to {} of {}, with {}", place.canary, place.total, place.image));
        script.canary(format!("scale {other} from {from} to {}, with {}", place.canary, place.image), &scaled(Some(Wait::Ready)));
    }
    shrink(&mut script, duo, place, share);
    if place.canary < script.canary {
        script.leads(format!("{other} goes from {from} to {} of {}", place.canary, place.total));
        script.canary(format!("scale {other} from {from} to {}", place.canary), &scaled(None));
    }
    told(scene, &mut script, duo, place, share);
    Ok(script)
}

/// Returns whether the move to a place has nothing left to write. An autoscaler's numbers say nothing of that.
fn arrived(scene: &Scene<'_>, duo: &Duo<'_>, place: &Place) -> bool {
    let replicas = duo.canary.replicas() == place.canary && duo.stable.replicas() == place.stable;
    (replicas || scene.autoscaled()) && duo.routed().is_none_or(|share| share == place.share())
}

/// Promoted before its time is over: a person may know better than the plan, so it is told and not refused. The clock of the
/// cluster's pods and ours may differ as well.
fn early(scene: &Scene<'_>, duo: &Duo<'_>, script: &mut Script<'_>, index: usize) {
    let Some(StepKind::Pause(Some(length))) = duo.plan.steps.get(index + 1) else { return };
    let resumes = scene.rollout.steps.as_ref().and_then(|steps| steps.resumes);
    match resumes.map(|resumes| resumes.duration_since(scene.now)) {
        Some(left) if left > SignedDuration::ZERO => {
            let left = SignedDuration::from_secs(left.as_secs());
            script.warns(format!("Skips {left:#} of the {length:#} that this step should run"));
        }
        _ => {}
    }
}
