//! Hold and resume: nothing moves by itself, so a hold is a word to every console that none goes on.

use super::duo::Duo;
use super::script::{Script, Write};
use crate::adapter::kubernetes::change::draft::{Draft, Scene};
use crate::adapter::kubernetes::convert::canary_place::{Course, Place};
use crate::domain::change::{ChangeError, Expect};
use crate::domain::verb::Refusal;

/// Drafts the hold. The note is read and written whole, so it tests what was read.
pub fn hold(scene: &Scene<'_>, duo: &Duo<'_>) -> Result<Draft, ChangeError> {
    let place = noted(duo)?;
    if place.held.is_some() {
        return Err(Refusal::AlreadyHeld.into());
    }
    let draft = written(duo, &Place { held: Some(scene.now), ..place }, "hold the canary", true);
    Ok(draft
        .leads("No console promotes it until it is resumed; the users keep what they have")
        .leads("A move that is under way stops before its next change of the stable Deployment")
        .warns("Instances that are starting are not stopped"))
}

/// Drafts the resume.
pub fn resume(scene: &Scene<'_>, duo: &Duo<'_>) -> Result<Draft, ChangeError> {
    duo.same_step(scene)?;
    let place = noted(duo)?;
    if place.held.is_none() {
        return Err(Refusal::NotHeld.into());
    }
    let draft = written(duo, &Place { held: None, ..place }, "resume the canary", false);
    Ok(draft.leads("It can be promoted again; by itself nothing moves"))
}

fn noted(duo: &Duo<'_>) -> Result<Place, Refusal> {
    let place = duo.place()?.ok_or(Refusal::NothingUnderWay)?;
    match place.course {
        Course::Abort => Err(Refusal::Other("it is being given up".into())),
        Course::Step | Course::Finish => Ok(place),
    }
}

fn written(duo: &Duo<'_>, place: &Place, purpose: &str, held: bool) -> Draft {
    let mut script = Script::new(duo, Expect::Held(held), false);
    script.stable(purpose, &Write { place: Some(place), ..Write::default() });
    script.draft
}
