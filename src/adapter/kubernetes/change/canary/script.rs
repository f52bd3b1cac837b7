//! The requests of a list, each guarded by what the ones before it leave behind.

use serde_json::Value;

use super::duo::{Duo, pointer};
use crate::adapter::kubernetes::change::draft::Draft;
use crate::adapter::kubernetes::change::fresh::{Fresh, Slot};
use crate::adapter::kubernetes::change::patch::{CHANGE_CAUSE, Patch, then};
use crate::adapter::kubernetes::convert::canary_place::{PLACE, Place};
use crate::domain::change::{Expect, Wait};
use crate::domain::step::Share;

/// What one patch of a Deployment writes.
#[derive(Clone, Debug, Default)]
pub struct Write<'a> {
    /// The place to be noted, of the stable one.
    pub place: Option<&'a Place>,
    pub replicas: Option<u32>,
    /// The container, its new image, and why.
    pub image: Option<(&'a Slot, &'a str, &'a str)>,
    /// The container whose image must still be the one that was read, though it is not written.
    pub same: Option<&'a Slot>,
    /// Lets its controller work again, where another tool stopped it.
    pub release: bool,
    pub wait: Option<Wait>,
}

/// A list in the making: what the objects will be when its next request is sent.
#[derive(Debug)]
pub struct Script<'a> {
    duo: &'a Duo<'a>,
    pub draft: Draft,
    noted: Option<String>,
    pub stable: u32,
    pub canary: u32,
    /// Which objects a request of the list has written.
    wrote_stable: bool,
    wrote_canary: bool,
    share: Option<Share>,
    /// A way back tests only what would make it wrong.
    back: bool,
}

impl<'a> Script<'a> {
    pub fn new(duo: &'a Duo<'a>, expect: Expect, back: bool) -> Self {
        Self {
            duo,
            draft: Draft::toward(expect),
            noted: duo.noted.clone(),
            stable: duo.stable.replicas(),
            canary: duo.canary.replicas(),
            wrote_stable: false,
            wrote_canary: false,
            share: None,
            back,
        }
    }

    /// Writes the stable Deployment, if it is noted there what the list rests on.
    pub fn stable(&mut self, purpose: impl Into<String>, write: &Write<'_>) {
        let (object, purpose) = (&self.duo.stable, purpose.into());
        let first = !self.wrote_stable;
        let mut guarded = Patch::on(object);
        // The first request of a way back goes through whatever is noted; that the image is the one that it knows must hold.
        if !(self.back && first) {
            guarded = match &self.noted {
                Some(text) => guarded.test(&pointer(), text.as_str()),
                None if annotated(object) => guarded.test(&pointer(), Value::Null),
                None => guarded,
            };
            if write.replicas.is_some() {
                guarded = guarded.test("/spec/replicas", self.stable);
            }
        }
        let guarded = body(guarded, object, write, true);
        let request = guarded.request(&purpose, object);
        let request = write.wait.map_or(request.clone(), |wait| then(request, wait));
        let draft = std::mem::replace(&mut self.draft, Draft::toward(Expect::Done));
        self.draft = if first {
            draft.change(request, object)
        } else {
            let rehearsal = body(Patch::on(object), object, write, false).request(purpose, object);
            draft.rests(request, object.value.clone(), Some(rehearsal))
        };
        self.wrote_stable = true;
        self.stable = write.replicas.unwrap_or(self.stable);
        self.noted = write.place.map(Place::text).or(self.noted.take());
    }

    /// Writes the canary Deployment.
    pub fn canary(&mut self, purpose: impl Into<String>, write: &Write<'_>) {
        let (object, purpose) = (&self.duo.canary, purpose.into());
        let mut guarded = Patch::on(object);
        if write.replicas.is_some() && !self.back {
            guarded = guarded.test("/spec/replicas", self.canary);
        }
        let request = body(guarded, object, write, true).request(&purpose, object);
        let request = write.wait.map_or(request.clone(), |wait| then(request, wait));
        let draft = std::mem::replace(&mut self.draft, Draft::toward(Expect::Done));
        self.draft = if self.wrote_canary {
            let rehearsal = body(Patch::on(object), object, write, false).request(purpose, object);
            draft.rests(request, object.value.clone(), Some(rehearsal))
        } else {
            draft.change(request, object)
        };
        self.wrote_canary = true;
        self.canary = write.replicas.unwrap_or(self.canary);
    }

    /// Gives the canary this share of the route's users, in one patch, in every rule that has both Services.
    pub fn weigh(&mut self, share: Share, wait: Option<Wait>) {
        let (Some(Ok((object, rules))), Some(named)) = (&self.duo.route, &self.duo.plan.route) else { return };
        let percent = u32::from(share.permille()) / 10;
        let patch = |tested: bool| {
            rules.iter().fold(Patch::on(object), |patch, rule| {
                let at = |backend: usize, key: &str| format!("/spec/rules/{}/backendRefs/{backend}/{key}", rule.at);
                let sides = [(rule.stable, 100 - percent), (rule.canary, percent)];
                let patch = patch.test(&at(rule.stable.at, "name"), named.stable_service.as_str());
                let patch = patch.test(&at(rule.canary.at, "name"), named.canary_service.as_str());
                // Its weights are as they were read, or as this list has left them; a way back does not ask.
                let former = |known: u32, stable: bool| {
                    let now = |share: Share| u32::from(share.permille()) / 10;
                    self.share.map_or(known, |share| if stable { 100 - now(share) } else { now(share) })
                };
                let patch = if tested && !self.back {
                    [(rule.stable, true), (rule.canary, false)].iter().fold(patch, |patch, (side, stable)| {
                        let written = side.written || self.share.is_some();
                        if written { patch.test(&at(side.at, "weight"), former(side.weight, *stable)) } else { patch }
                    })
                } else {
                    patch
                };
                sides.iter().fold(patch, |patch, (side, weight)| patch.add(&at(side.at, "weight"), *weight))
            })
        };
        let purpose = format!("give {} {share} of the users", self.duo.plan.canary);
        let request = patch(true).request(&purpose, object);
        let request = wait.map_or(request.clone(), |wait| then(request, wait));
        let draft = std::mem::replace(&mut self.draft, Draft::toward(Expect::Done));
        self.draft = if self.share.is_some() {
            draft.rests(request, object.value.clone(), Some(patch(false).request(purpose, object)))
        } else {
            draft.change(request, object)
        };
        self.share = Some(share);
    }

    /// Takes the note away, which ends the canary.
    pub fn clear(&mut self) {
        let object = &self.duo.stable;
        let there = self.duo.noted.is_some();
        let removed = |patch: Patch| patch.remove(&pointer()).request("take the note away: nothing is under way", object);
        let guarded = self.noted.as_ref().map_or_else(|| Patch::on(object), |text| Patch::on(object).test(&pointer(), text.as_str()));
        let rehearsal = there.then(|| removed(Patch::on(object)));
        let draft = std::mem::replace(&mut self.draft, Draft::toward(Expect::Done));
        self.draft = draft.rests(removed(guarded), object.value.clone(), rehearsal);
        self.noted = None;
    }

    /// Adds a sentence on what it leads to.
    pub fn leads(&mut self, sentence: impl Into<String>) {
        self.draft.leads_to.push(sentence.into());
    }

    /// Adds a sentence on what to know before.
    pub fn warns(&mut self, sentence: impl Into<String>) {
        self.draft.warnings.push(sentence.into());
    }
}

fn annotated(object: &Fresh) -> bool {
    object.value.pointer("/metadata/annotations").is_some_and(Value::is_object)
}

fn body(patch: Patch, object: &Fresh, write: &Write<'_>, tested: bool) -> Patch {
    let mut patch = patch;
    let mut notes: Vec<(&str, String)> = Vec::new();
    if let Some(slot) = write.same.filter(|_| tested && write.image.is_none()) {
        patch = patch.test(&format!("{}/name", slot.pointer), slot.name.as_str());
        patch = patch.test(&format!("{}/image", slot.pointer), slot.image.as_str());
    }
    if let Some((slot, image, cause)) = write.image {
        patch = patch.test(&format!("{}/name", slot.pointer), slot.name.as_str());
        if tested {
            patch = patch.test(&format!("{}/image", slot.pointer), slot.image.as_str());
        }
        patch = patch.replace(&format!("{}/image", slot.pointer), image);
        notes.push((CHANGE_CAUSE, cause.to_owned()));
    }
    if let Some(replicas) = write.replicas {
        patch = patch.add("/spec/replicas", replicas);
    }
    if write.release && object.paused() {
        patch = patch.add("/spec/paused", false);
    }
    if let Some(place) = write.place {
        notes.push((PLACE, place.text()));
    }
    let notes: Vec<(&str, &str)> = notes.iter().map(|(key, value)| (*key, value.as_str())).collect();
    if notes.is_empty() { patch } else { patch.annotate(object, "/metadata/annotations", &notes) }
}
