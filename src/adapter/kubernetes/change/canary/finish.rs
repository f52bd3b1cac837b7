//! Promote fully: the stable Deployment gets the image while the canary serves, and then the canary goes.

use super::duo::Duo;
use super::running;
use super::script::{Script, Write};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::image;
use crate::adapter::kubernetes::convert::canary_place::{Course, Place};
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::id::version_of;
use crate::domain::step::Share;

/// Drafts the end of the canary, or what is left of it.
pub fn finish(scene: &Scene<'_>, duo: &Duo<'_>) -> Result<Draft, ChangeError> {
    let place = duo.going(scene)?;
    duo.routable()?;
    running(duo)?;
    duo.same_image(&place)?;
    duo.ready()?;
    let (one, other) = (&duo.plan.stable, &duo.plan.canary);
    let slot = duo.stable.slot(Some(&place.container))?;
    let has = slot.image == place.image;
    let going_on = place.course == Course::Finish;
    let next = Place { course: Course::Finish, stable: place.total, canary: 0, since: scene.now, ..place.clone() };
    let mut script = Script::new(duo, Expect::Image { image: place.image.clone(), track: None }, false);
    let cause = format!("rolldeck: promote {}={}", slot.name, place.image);
    let image = (!has).then_some((&slot, place.image.as_str(), cause.as_str()));
    let ready = Some(Wait::Ready);
    if going_on {
        script.leads("Goes on with what stopped between two requests");
    }
    match &duo.plan.route {
        // The users go to the canary whole, so that none is on what is replaced.
        Some(_) if !has => {
            let note = Write { place: Some(&next), same: Some(&slot), ..Write::default() };
            script.stable(format!("note that {} is promoted fully", version_of(&place.image)), &note);
            let from = script.canary;
            if from < place.total {
                script.leads(format!("{other} goes from {from} to all {}", place.total));
                let grow = Write { replicas: Some(place.total), wait: ready, ..Write::default() };
                script.canary(format!("scale {other} from {from} to {}", place.total), &grow);
            }
            script.leads(format!("Then all users go to {other}, and {one} gets {} without any", place.image));
            script.weigh(Share::percent(100), Some(Wait::Drained));
            script.stable(format!("set the image of {one} to {}", place.image), &Write { image, wait: ready, ..Write::default() });
        }
        _ => {
            let write = Write { place: Some(&next), image, same: Some(&slot), wait: ready, ..Write::default() };
            let what = if has {
                format!("note that {one} gets its {} back", place.total)
            } else {
                format!("set the image of {one} to {}", place.image)
            };
            script.stable(what, &write);
            if !has {
                script.leads(format!("{one} gets {} while {other} serves", place.image));
            }
        }
    }
    if script.stable != place.total {
        let purpose = format!("scale {one} from {} to {}", script.stable, place.total);
        script.leads(format!("{one} goes from {} to all {}", script.stable, place.total));
        script.stable(purpose, &Write { replicas: Some(place.total), wait: ready, ..Write::default() });
    }
    if duo.plan.route.is_some() {
        script.leads(format!("Then all users go to {one}"));
        script.weigh(Share::percent(0), Some(Wait::Drained));
    }
    let from = script.canary;
    if from > 0 {
        script.leads(format!("When all of {one} is ready, {other} goes to 0"));
        script.canary(format!("scale {other} from {from} to 0"), &Write { replicas: Some(0), ..Write::default() });
    }
    script.clear();
    let draft = script.draft.between(version_of(&place.former), version_of(&place.image));
    let draft = if !has && duo.stable.text("/spec/strategy/type") == "Recreate" && duo.plan.route.is_none() {
        draft.warns(format!(
            "Strategy Recreate: {one} stops whole before it starts again; {other} serves alone with {} meanwhile",
            duo.canary.replicas()
        ))
    } else if !has {
        // What a rolling update of it takes away at most is the Deployment's own to say.
        let told = image::takes_over(Draft::toward(Expect::Done), &duo.stable);
        let mut draft = draft;
        draft.leads_to.extend(told.leads_to);
        draft
    } else {
        draft
    };
    Ok(draft)
}
