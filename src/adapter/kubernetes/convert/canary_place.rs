//! Where a plain canary stands: an annotation of the stable Deployment, so that it outlives every console.
//!
//! The stable Deployment carries it because the writes that can hurt (fewer stable pods, another image) are on that object:
//! each of them tests the annotation in the same patch, so a move that another console has given up stops there. What
//! annotation and replicas say together tells a move that is half done, so nothing needs to be written when one has ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::step::{Share, StepKind};

/// The annotation's key.
pub const PLACE: &str = "rolldeck.dev/canary";

/// What a canary is on its way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// The share of the step.
    Step,
    /// The stable Deployment gets the new image, and the canary none of the users.
    Finish,
    /// The stable Deployment gets everything back.
    Abort,
}

/// The annotation's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub course: Course,
    /// The index of the weight in the plan's steps; the plan may have changed since, then `weight` tells.
    pub step: usize,
    /// In percent.
    pub weight: u16,
    /// The container that carries the version, in both Deployments.
    pub container: String,
    /// What is brought in.
    pub image: String,
    /// What the stable Deployment had.
    pub former: String,
    /// How many instances serve in all.
    pub total: u32,
    /// The instances that are meant to be there.
    pub stable: u32,
    pub canary: u32,
    /// When it was shipped.
    pub started: Timestamp,
    /// When this move began.
    pub since: Timestamp,
    /// Held by a person since then: no console goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Timestamp>,
}

impl Place {
    /// Reads an annotation's value; the error is why it cannot be read.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("the annotation {PLACE} cannot be read: {error}"))
    }

    /// Returns the annotation's value.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| error.to_string())
    }

    /// Returns the share that the canary is meant to have.
    pub fn share(&self) -> Share {
        match self.course {
            Course::Step => Share::percent(u32::from(self.weight)),
            Course::Finish | Course::Abort => Share::percent(0),
        }
    }

    /// Returns the index of its weight in these steps: where they were edited, the last weight that is not above it.
    pub fn index(&self, steps: &[StepKind]) -> usize {
        let own = Share::percent(u32::from(self.weight));
        if steps.get(self.step) == Some(&StepKind::Weight(own)) {
            return self.step;
        }
        let below = |step: &StepKind| matches!(step, StepKind::Weight(share) if *share <= own);
        steps.iter().rposition(below).unwrap_or(0)
    }

    /// Returns it as part of a sentence: `25 %`, `promoted fully`, `given up at 25 %`, each perhaps `, held`.
    pub fn word(&self) -> String {
        let held = if self.held.is_some() { ", held" } else { "" };
        match self.course {
            Course::Step => format!("{} % of {}{held}", self.weight, self.total),
            Course::Finish => format!("promoted fully{held}"),
            Course::Abort => format!("given up at {} %{held}", self.weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            course: Course::Step,
            step: 2,
            weight: 50,
            container: "web".into(),
            image: "lab/web:1.1.0".into(),
            former: "lab/web:1.0.0".into(),
            total: 8,
            stable: 4,
            canary: 4,
            started: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            held: None,
        }
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_one_that_cannot_be_read_says_why() {
        assert_eq!(Place::read(&place().text()), Ok(place()));
        let held = Place { held: Some(Timestamp::UNIX_EPOCH), ..place() };
        assert_eq!(Place::read(&held.text()), Ok(held));
        let error = Place::read("{\"course\":\"step\"}").unwrap_err();
        assert!(error.starts_with("the annotation rolldeck.dev/canary cannot be read: missing field `step`"), "{error}");
    }

    #[test]
    fn edited_steps_do_not_lose_the_place() {
        let weight = |percent| StepKind::Weight(Share::percent(percent));
        let pause = || StepKind::Pause(None);
        for (steps, index) in [
            (vec![weight(25), pause(), weight(50), pause()], 2),
            (vec![weight(10), pause(), weight(25), pause(), weight(50), pause()], 4),
            (vec![weight(10), pause(), weight(40), pause(), weight(60), pause()], 2),
            (vec![weight(60), pause()], 0),
        ] {
            assert_eq!(place().index(&steps), index, "{steps:?}");
        }
    }
}
