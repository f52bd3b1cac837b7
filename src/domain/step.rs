//! The steps of a rollout: none, the engine's own, or the plan's. They may change while the rollout runs.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A share of the traffic or of the instances, in tenths of a percent (0 to 1000).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(u16);

impl Share {
    /// Returns the share of whole percents, capped at 100.
    pub fn percent(percent: u32) -> Self {
        Self((percent.min(100) * 10) as u16)
    }

    /// Returns `part` of `whole`; nothing of nothing is 0.
    pub fn ratio(part: u32, whole: u32) -> Self {
        if whole == 0 { Self(0) } else { Self((u64::from(part.min(whole)) * 1000 / u64::from(whole)) as u16) }
    }

    /// Returns what is left of the whole.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(1000_u16.saturating_sub(self.0))
    }

    /// Returns tenths of a percent.
    pub fn permille(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for Share {
    /// `25 %`, `12.5 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(10) { write!(f, "{} %", self.0 / 10) } else { write!(f, "{}.{} %", self.0 / 10, self.0 % 10) }
    }
}

/// Where a weight was learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightSource {
    /// What the step asks for.
    Asked,
    /// What the router reports.
    Observed,
    /// Counted from ready instances.
    Replicas,
}

/// The candidate's share, with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    pub share: Share,
    pub source: WeightSource,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    Weight(Share),
    /// Waits for a person where there is no duration.
    Pause(Option<SignedDuration>),
    Analysis(String),
    Experiment(String),
    Scale(String),
    /// Holds until someone outside lets it through, in the controller's word.
    Gate(String),
    /// The last step of a blue/green pair.
    Switch,
    /// Anything else, in the engine's words.
    Other(String),
}

impl StepKind {
    /// Returns the rail's label: `25 %`, `5m`, `pause`, `analysis`.
    pub fn label(&self) -> String {
        match self {
            Self::Weight(share) => share.to_string(),
            Self::Pause(None) => "pause".into(),
            Self::Pause(Some(duration)) => format!("{duration:#}").replace(' ', ""),
            Self::Analysis(_) => "analysis".into(),
            Self::Experiment(_) => "experiment".into(),
            Self::Scale(what) | Self::Gate(what) | Self::Other(what) => what.clone(),
            Self::Switch => "switch".into(),
        }
    }
}

/// One step, and how long it took or takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub kind: StepKind,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

/// Who wrote the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepSource {
    Engine,
    Plan,
}

/// The steps of a rollout and the place in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    pub source: StepSource,
    pub list: Vec<Step>,
    /// The step under way; `list.len()` when all are done; none before the first has begun.
    pub current: Option<usize>,
    /// When a timed pause that is under way ends.
    pub resumes: Option<Timestamp>,
}

impl Steps {
    /// Returns the step under way.
    pub fn now(&self) -> Option<&Step> {
        self.list.get(self.current?)
    }

    /// Returns what advancing from here leaves out: the pauses, analyses and experiments from the current step to the end (`all`), or the current one alone.
    pub fn skipped(&self, all: bool) -> Vec<&StepKind> {
        let from = self.current.unwrap_or(0).min(self.list.len());
        let to = if all { self.list.len() } else { (from + 1).min(self.list.len()) };
        self.list
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .map(|step| &step.kind)
            .filter(|kind| matches!(kind, StepKind::Pause(_) | StepKind::Analysis(_) | StepKind::Experiment(_)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_read_as_percent() {
        assert_eq!(Share::percent(25).to_string(), "25 %");
        assert_eq!(Share::ratio(1, 8).to_string(), "12.5 %");
        assert_eq!(Share::ratio(3, 0).to_string(), "0 %");
        assert_eq!(Share::percent(250), Share::percent(100));
    }

    fn steps(current: Option<usize>) -> Steps {
        let step = |kind| Step { kind, started: None, ended: None };
        let list = vec![
            step(StepKind::Weight(Share::percent(5))),
            step(StepKind::Pause(Some(SignedDuration::from_mins(5)))),
            step(StepKind::Analysis("errors".into())),
            step(StepKind::Pause(None)),
        ];
        Steps { source: StepSource::Engine, list, current, resumes: None }
    }

    #[test]
    fn advancing_leaves_out_the_current_step_and_finishing_all_that_are_left() {
        let labels = |current, all| steps(current).skipped(all).into_iter().map(StepKind::label).collect::<Vec<_>>();
        for (current, all, left_out) in [
            (Some(0), false, vec![]),
            (Some(1), false, vec!["5m"]),
            (Some(1), true, vec!["5m", "analysis", "pause"]),
            (None, true, vec!["5m", "analysis", "pause"]),
            (Some(4), true, vec![]),
            (Some(9), true, vec![]),
        ] {
            assert_eq!(labels(current, all), left_out, "{current:?} {all}");
        }
    }

    #[test]
    fn the_step_under_way_may_be_none_or_past_the_last() {
        assert_eq!(steps(Some(3)).now().map(|step| step.kind.label()).as_deref(), Some("pause"));
        assert_eq!(steps(Some(4)).now(), None);
        assert_eq!(steps(None).now(), None);
    }
}
