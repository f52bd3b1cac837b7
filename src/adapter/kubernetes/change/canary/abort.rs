//! Abort: the stable Deployment is made whole again, and then the canary goes; with a route the users leave it at once.

use kube::Client;

use super::duo::Duo;
use super::script::{Script, Write};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::change::undo;
use crate::adapter::kubernetes::convert::canary_place::{Course, Place};
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::id::version_of;
use crate::domain::step::Share;
use crate::domain::verb::Refusal;
use crate::domain::wayback;

/// Drafts the way back. It tests only what would make it wrong: that the image is still the one that it goes back from.
pub async fn abort(client: &Client, scene: &Scene<'_>, duo: &Duo<'_>) -> Result<Draft, ChangeError> {
    if !duo.under_way() {
        // The stable Deployment may be rolling by itself.
        let target = wayback::before_change(scene.rollout).filter(|_| !duo.stable.settled()).ok_or(Refusal::NothingUnderWay)?;
        return undo::undo(client, scene, &duo.stable, &target.id).await;
    }
    // A note that cannot be read is no reason to stay: then what runs in all is what is wanted in all.
    let place = duo.place().unwrap_or(None);
    let (one, other) = (&duo.plan.stable, &duo.plan.canary);
    let mut script = Script::new(duo, Expect::Aborted, true);
    if let Some(Err(error)) = &duo.route {
        script.warns(format!("The route stays as it is: {error}"));
    }
    let shares = duo.routed().is_some_and(|share| share.permille() > 0);
    if let Some(place) = &place {
        back(scene, duo, &mut script, place, shares)?;
    } else {
        if shares {
            script.leads("All users go back at once");
            script.weigh(Share::percent(0), Some(Wait::Drained));
        }
        let total = if duo.plan.route.is_some() { script.stable } else { script.stable + script.canary };
        if duo.noted.is_some() && total != script.stable {
            script.warns(format!("What was noted cannot be read: {one} gets as many as both have now, {total}"));
            let write = Write { replicas: Some(total), wait: Some(Wait::Ready), ..Write::default() };
            script.stable(format!("scale {one} from {} to {total}", script.stable), &write);
        }
    }
    if script.canary > 0 {
        script.leads(format!("Then {other} goes from {} to 0", script.canary));
        let purpose = format!("scale {other} from {} to 0", script.canary);
        script.canary(purpose, &Write { replicas: Some(0), ..Write::default() });
    }
    if duo.noted.is_some() {
        script.clear();
    }
    let (from, to) = match &place {
        Some(place) => (version_of(&place.image).to_owned(), version_of(&place.former).to_owned()),
        None => (other.clone(), one.clone()),
    };
    Ok(script.draft.between(from, to))
}

/// Adds what brings the stable side back to what it was before.
fn back(scene: &Scene<'_>, duo: &Duo<'_>, script: &mut Script<'_>, place: &Place, shares: bool) -> Result<(), ChangeError> {
    let one = &duo.plan.stable;
    let slot = duo.stable.slot(Some(&place.container))?;
    let given_up = Place { course: Course::Abort, stable: place.total, canary: 0, since: scene.now, held: None, ..place.clone() };
    // Promoting fully has given it the image: only then the users cannot go there first.
    let promoted = slot.image == place.image && place.former != place.image;
    let cause = format!("rolldeck: abort, back to {}={}", slot.name, place.former);
    let image = promoted.then_some((&slot, place.former.as_str(), cause.as_str()));
    if !promoted && shares {
        script.leads("All users go back at once");
        script.weigh(Share::percent(0), None);
    }
    let grows = script.stable != place.total;
    // Also where the weights are back already: nobody knows since when.
    let drains = (matches!(duo.route, Some(Ok(_))) && script.canary > 0).then_some(Wait::Drained);
    let first = Write {
        place: Some(&given_up),
        replicas: (grows && !promoted).then_some(place.total),
        image,
        same: Some(&slot),
        release: true,
        wait: if grows || promoted { Some(Wait::Ready) } else { drains },
    };
    let scaled = |from: u32| format!("scale {one} from {from} to {}", place.total);
    if promoted {
        script.leads(format!("{one} gets {} back while the canary serves", place.former));
        script.stable(format!("set the image of {one} back to {}", place.former), &first);
        if grows {
            script.leads(format!("{one} goes from {} to all {}", script.stable, place.total));
            let write = Write { replicas: Some(place.total), wait: Some(Wait::Ready), ..Write::default() };
            script.stable(scaled(script.stable), &write);
        }
        if drains.is_some() {
            script.leads("Then all users go back");
            script.weigh(Share::percent(0), drains);
        }
    } else if grows {
        script.leads(format!("{one} goes from {} back to {} and gets ready first", script.stable, place.total));
        script.stable(format!("note that it is given up and {}", scaled(script.stable)), &first);
    } else {
        script.stable("note that it is given up", &first);
    }
    Ok(())
}
