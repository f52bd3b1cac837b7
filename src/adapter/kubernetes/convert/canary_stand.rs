//! Where a plain canary stands, told from the annotation and the replicas together: at a step, on its way, or between two
//! requests that a console did not live to send.

use super::canary_place::{Course, Place};
use super::canary_route::Rule;
use super::deployment::View;
use super::status::Verdict;
use crate::domain::plan::Canary;
use crate::domain::rollout::Phase;
use crate::domain::step::Share;

/// What was read of both Deployments and the route.
#[derive(Debug)]
pub struct Read<'a> {
    pub plan: &'a Canary,
    pub stable: View,
    pub canary: Option<View>,
    pub place: Option<Result<Place, String>>,
    /// None where the plan has no route.
    pub route: Option<Result<Vec<Rule>, String>>,
    /// An autoscaler writes the replicas, so that they say nothing of a move.
    pub autoscaled: bool,
}

/// Where it stands.
#[derive(Debug)]
pub struct Stand {
    pub phase: Phase,
    pub native: String,
    /// The share of the step is reached.
    pub arrived: bool,
    /// Why no key brings it further.
    pub stuck: Option<String>,
}

impl Read<'_> {
    /// Returns the place, where it could be read.
    pub fn at(&self) -> Option<&Place> {
        self.place.as_ref()?.as_ref().ok()
    }

    /// Returns the canary's share by the route, where all its rules say the same.
    pub fn routed(&self) -> Option<Share> {
        let rules = self.route.as_ref()?.as_ref().ok()?;
        let share = rules.first()?.share();
        rules.iter().all(|rule| rule.share() == share).then_some(share)
    }

    /// Returns whether the canary Deployment has instances of another version, and nothing says why.
    pub fn stray(&self) -> bool {
        let images = |view: &View| {
            let current = view.revisions.iter().find(|revision| Some(&revision.id) == view.current.as_ref());
            current.map(|revision| revision.images.clone())
        };
        let astray = |canary: &View| canary.counts.wanted > 0 && images(canary) != images(&self.stable);
        self.place.is_none() && self.canary.as_ref().is_some_and(astray)
    }

    /// Says where it stands.
    pub fn stand(&self) -> Stand {
        let Some(canary) = &self.canary else {
            let why = format!("deployment \"{}\" not found: make it, with 0 replicas", self.plan.canary);
            return Stand { phase: self.stable.phase, native: why.clone(), arrived: false, stuck: Some(why) };
        };
        match &self.place {
            None => self.idle(canary),
            Some(Err(why)) => waiting(Phase::Failing, why.clone()),
            Some(Ok(place)) => match place.course {
                Course::Step => self.step(place, canary),
                Course::Finish => self.finish(canary),
                Course::Abort => self.abort(),
            },
        }
    }

    fn idle(&self, canary: &View) -> Stand {
        let (name, wanted) = (&self.plan.canary, canary.counts.wanted);
        let routed = self.routed().filter(|share| share.permille() > 0);
        if let Some(share) = routed.filter(|_| canary.counts.ready == 0) {
            return waiting(
                Phase::Failing,
                format!("the route gives {share} of the users to {name}, which has no pod: abort takes it back"),
            );
        }
        if self.stray() {
            return waiting(Phase::Waiting, format!("{name} has {wanted} of another version and no step is noted: abort takes them away"));
        }
        let native = match wanted {
            0 => self.stable.status.text.clone(),
            wanted => format!("{}; {name} has {wanted} of the same version", self.stable.status.text),
        };
        Stand { phase: self.stable.phase, native, arrived: false, stuck: None }
    }

    fn step(&self, place: &Place, canary: &View) -> Stand {
        let (one, other) = (&self.plan.stable, &self.plan.canary);
        let left = self.left(place, canary);
        if canary.counts.wanted == place.canary
            && let Some((phase, words)) = coming(canary)
        {
            let stuck = format!("{other} is not ready: {} of {}", canary.counts.ready, canary.counts.wanted);
            return Stand { phase, native: format!("to {}: {words}", place.word()), arrived: false, stuck: Some(stuck) };
        }
        if !left.is_empty() {
            let native = format!("between two requests: {}; promote goes on, abort goes back", left.join(", "));
            return Stand { phase: Phase::Waiting, native, arrived: false, stuck: None };
        }
        // The wish is written and the pods above it still serve: the share is not yet what the step says.
        let over = self.stable.counts.total > self.stable.counts.wanted;
        if over || self.stable.status.verdict == Verdict::Unobserved {
            let words = format!("{one} has {} and goes to {}", self.stable.counts.total, self.stable.counts.wanted);
            return Stand {
                phase: Phase::Progressing,
                native: format!("to {}: {words}", place.word()),
                arrived: false,
                stuck: Some(format!("{words} first")),
            };
        }
        if self.stable.counts.ready < self.stable.counts.wanted {
            let (phase, words) = coming(&self.stable).unwrap_or((Phase::Progressing, self.stable.status.text.clone()));
            let stuck = format!("{one} is not ready: {} of {}", self.stable.counts.ready, self.stable.counts.wanted);
            return Stand { phase, native: format!("at {}: {words}", place.word()), arrived: true, stuck: Some(stuck) };
        }
        let (stable, canary) = (self.stable.counts, canary.counts);
        let native = format!(
            "at {}: {other} {} of {} ready, {one} {} of {}",
            place.word(),
            canary.ready,
            canary.wanted,
            stable.ready,
            stable.wanted
        );
        Stand { phase: Phase::Waiting, native, arrived: true, stuck: None }
    }

    /// Returns what a move to this place has still to write.
    fn left(&self, place: &Place, canary: &View) -> Vec<String> {
        let mut left = Vec::new();
        let mut wanted = |name: &str, now: u32, then: u32| {
            if now != then && !self.autoscaled {
                left.push(format!("{name} has {now} and is to have {then}"));
            }
        };
        wanted(&self.plan.canary, canary.counts.wanted, place.canary);
        wanted(&self.plan.stable, self.stable.counts.wanted, place.stable);
        if let Some(Ok(rules)) = &self.route
            && let Some(rule) = rules.iter().find(|rule| rule.share() != place.share())
        {
            left.push(format!("the route gives {} and is to give {}", rule.share(), place.share()));
        }
        left
    }

    fn finish(&self, canary: &View) -> Stand {
        if let Some((phase, words)) = coming(&self.stable).or_else(|| coming(canary)) {
            let stuck = Some("it is being promoted fully".into());
            return Stand { phase, native: format!("promoting fully: {words}"), arrived: false, stuck };
        }
        let native = format!(
            "promoting fully, between two requests: {} has {} yet; promote fully goes on, abort goes back",
            self.plan.canary, canary.counts.wanted
        );
        Stand { phase: Phase::Waiting, native, arrived: false, stuck: None }
    }

    fn abort(&self) -> Stand {
        let stuck = Some("it is being given up: abort finishes that".into());
        if let Some((phase, words)) = coming(&self.stable) {
            let phase = if phase == Phase::Progressing { Phase::RollingBack } else { phase };
            return Stand { phase, native: format!("giving up: {words}"), arrived: false, stuck };
        }
        let native = format!("giving up, between two requests: {} is whole; abort goes on", self.plan.stable);
        Stand { phase: Phase::Waiting, native, arrived: false, stuck }
    }
}

fn waiting(phase: Phase, native: String) -> Stand {
    Stand { phase, native: native.clone(), arrived: false, stuck: Some(native) }
}

/// Returns the phase and kubectl's sentence of a Deployment that is not as it is wished.
fn coming(view: &View) -> Option<(Phase, String)> {
    let phase = match (view.status.verdict, view.phase) {
        (Verdict::Done, _) => return None,
        // To be rolling back and to be held are what the whole is, not one Deployment of it.
        (Verdict::Waiting, Phase::RollingBack | Phase::Waiting) => Phase::Progressing,
        (_, phase) => phase,
    };
    Some((phase, view.status.text.clone()))
}
