//! Ship: the canary Deployment gets the image and grows to the first weight; the stable one makes room when it is ready.

use super::duo::Duo;
use super::running;
use super::script::{Script, Write};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::moved;
use crate::adapter::kubernetes::convert::canary_place::{Course, Place};
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::id::version_of;
use crate::domain::revision::Revision;
use crate::domain::step::Share;
use crate::domain::verb::Refusal;

/// Drafts the first step.
pub fn ship(scene: &Scene<'_>, duo: &Duo<'_>, container: Option<&str>, image: &str) -> Result<Draft, ChangeError> {
    if image.is_empty() || image.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Refusal::Other(format!("'{image}' is not an image")).into());
    }
    duo.same_step(scene)?;
    if duo.under_way() {
        return Err(Refusal::Other("a canary is under way: promote it fully or abort it first".into()).into());
    }
    duo.routable()?;
    running(duo)?;
    let (stable, canary) = duo.slots(scene, container)?;
    let shown = scene.rollout.serving_revision().and_then(|r| r.images.iter().find(|i| i.container.as_str() == stable.name));
    let pointer = format!("{}/image", stable.pointer);
    moved::same_value(
        scene.rollout,
        &duo.stable,
        &pointer,
        &format!("image of {}", stable.name),
        (shown.map(|i| i.image.as_str()), &stable.image),
    )?;
    if stable.image == image {
        return Err(Refusal::Other(format!("{} has {image} already", duo.stable.title())).into());
    }
    let total = match duo.plan.route {
        Some(_) => duo.stable.replicas(),
        // Instances of the same version that the canary has all the time count as well.
        None => duo.stable.replicas() + duo.canary.replicas(),
    };
    if total == 0 {
        return Err(Refusal::Other(format!("{} is scaled to 0: scale it up first", duo.plan.stable)).into());
    }
    let (step, share) = duo.plan.weight_from(0).ok_or_else(|| Refusal::Other("the plan has no step".into()))?;
    let pair = duo.plan.split(total, share);
    let place = Place {
        course: Course::Step,
        step,
        weight: share.permille() / 10,
        container: stable.name.clone(),
        image: image.to_owned(),
        former: stable.image.clone(),
        total,
        stable: pair.0,
        canary: pair.1,
        started: scene.now,
        since: scene.now,
        held: None,
    };
    let mut script = Script::new(duo, Expect::Arrived(step + 1), false);
    let grows = place.stable > script.stable;
    script.stable(
        format!("note the move to {share}"),
        &Write { place: Some(&place), replicas: grows.then_some(place.stable), same: Some(&stable), ..Write::default() },
    );
    let cause = format!("rolldeck: ship {}={image}", stable.name);
    let write = (canary.image != image).then_some((&canary, image, cause.as_str()));
    let from = script.canary;
    let what = if write.is_some() {
        format!("set the image of {} to {image} and scale it", duo.plan.canary)
    } else {
        format!("scale {}", duo.plan.canary)
    };
    script.canary(
        format!("{what} from {from} to {}", place.canary),
        &Write { replicas: (from != place.canary).then_some(place.canary), image: write, wait: Some(Wait::Ready), ..Write::default() },
    );
    script.leads(format!("{} gets {image} and {} of {total} instances", duo.plan.canary, place.canary));
    shrink(&mut script, duo, &place, share);
    told(scene, &mut script, duo, &place, share);
    let serving = scene.rollout.serving_revision().map_or_else(|| version_of(&stable.image).to_owned(), Revision::label);
    Ok(script.draft.between(serving, version_of(image)))
}

/// Adds what follows when the canary is ready: the route's weights, or fewer stable instances.
pub fn shrink(script: &mut Script<'_>, duo: &Duo<'_>, place: &Place, share: Share) {
    script.weigh(share, None);
    if place.stable < script.stable {
        let purpose = format!("scale {} from {} to {}", duo.plan.stable, script.stable, place.stable);
        script.leads(format!("When they are ready, {} goes from {} to {}", duo.plan.stable, script.stable, place.stable));
        script.stable(purpose, &Write { replicas: Some(place.stable), ..Write::default() });
    }
}

/// Says what the share really is, and what breaks it.
pub fn told(scene: &Scene<'_>, script: &mut Script<'_>, duo: &Duo<'_>, place: &Place, share: Share) {
    if duo.plan.route.is_some() {
        script.leads(format!(
            "The route then gives {} {share} of the requests; {} stays whole, so abort is one request",
            duo.plan.canary, duo.plan.stable
        ));
    } else {
        let real = Share::ratio(place.canary, place.canary + place.stable);
        script.leads(format!("{real} of new connections then go to {}; then it waits for you", duo.plan.canary));
        if real != share {
            script.warns(format!("{share} of {} is no whole number of instances: it is {real}", place.total));
        }
        script.warns("Open connections (keep-alive, websockets) stay where they are until they close");
    }
    if let Some(hpa) = &scene.rollout.autoscaler {
        script.warns(format!("The autoscaler {} ({} to {}) sets its own number again and breaks the share", hpa.name, hpa.min, hpa.max));
    }
    if duo.canary.text("/spec/strategy/type") == "Recreate" && duo.canary.replicas() > 0 {
        script.warns(format!("Strategy Recreate: {} stops before its new instances start", duo.plan.canary));
    }
}
