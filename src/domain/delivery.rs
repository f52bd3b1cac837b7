//! What only a progressive delivery knows: pauses, analyses, experiments, the Services of its roles, when its controller acts.
//!
//! The words are those of Argo Rollouts, which has the richest ones; a plain canary and Flagger fill what they have.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{RevisionId, Uid};
use super::revision::Role;

/// Who moves a rollout on, and by what: which rules its verbs follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steering {
    /// The workload's own controller, instance by instance.
    #[default]
    Workload,
    /// A person, by the selector of a Service over two sides.
    Pair,
    /// A controller, by steps of which a person can leave one (Argo Rollouts, and the simulated canary).
    Steps,
    /// A controller on its own beat, by checks and gates (Flagger).
    Gates,
    /// This console, by the plan's steps, each by key (a plain canary).
    Plan,
}

/// All that a progressive delivery tells beside what every rollout has. Empty for a plain one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The pause that it stands at.
    pub pause: Option<Pause>,
    /// It was given up, and is Degraded until the template is what users have, or it is tried again.
    pub aborted: Option<Aborted>,
    /// Newest first; finished ones of former revisions are left out.
    pub analyses: Vec<Analysis>,
    pub experiments: Vec<Experiment>,
    /// The Services that its controller points at a role.
    pub services: Vec<RoleService>,
    /// A restart under way: instances older than this are still to be replaced.
    pub restart: Option<Timestamp>,
    /// Since when this console sees that the controller has not taken in the last wish.
    pub unobserved_since: Option<Timestamp>,
    /// When the controller acts, where it does so on a beat.
    pub beat: Option<Beat>,
    /// How many revisions back a return takes no steps.
    pub window: Option<u32>,
    /// The controller asks a gate at each beat whether it shall go back (Flagger's rollback webhook).
    pub rollback_gate: bool,
    /// Everything left is to be skipped: someone promoted it fully, and the controller is at it.
    pub promoting_fully: bool,
}

impl Delivery {
    /// Returns the analyses that still measure.
    pub fn running(&self) -> impl Iterator<Item = &Analysis> {
        self.analyses.iter().filter(|analysis| !analysis.phase.over())
    }

    /// Returns the analysis of that name.
    pub fn analysis(&self, name: &str) -> Option<&Analysis> {
        self.analyses.iter().find(|analysis| analysis.name == name)
    }
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseKind {
    /// A pause step.
    Step,
    /// Before the switch of a blue/green rollout.
    BlueGreen,
    /// An analysis that could not decide.
    InconclusiveAnalysis,
    InconclusiveExperiment,
    /// A gate, in the controller's word: `confirm-promotion`.
    Gate(String),
}

impl PauseKind {
    /// Returns it as the end of "waits for …" or "paused: …".
    pub fn word(&self) -> &str {
        match self {
            Self::Step => "pause step",
            Self::BlueGreen => "pause before the switch",
            Self::InconclusiveAnalysis => "inconclusive analysis",
            Self::InconclusiveExperiment => "inconclusive experiment",
            Self::Gate(name) => name,
        }
    }
}

/// A pause under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub kind: PauseKind,
    pub since: Option<Timestamp>,
    /// When it ends by itself; none where a person must end it.
    pub until: Option<Timestamp>,
}

/// That and why a change was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aborted {
    pub at: Option<Timestamp>,
    /// The controller's words, whole.
    pub why: String,
}

/// Where an analysis, one of its metrics or a measurement stands: Argo's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalysisPhase {
    Pending,
    Running,
    Successful,
    Failed,
    Error,
    Inconclusive,
}

impl AnalysisPhase {
    /// Returns the phase of a word; an unknown or missing one is pending.
    pub fn of(word: &str) -> Self {
        match word {
            "Running" => Self::Running,
            "Successful" => Self::Successful,
            "Failed" => Self::Failed,
            "Error" => Self::Error,
            "Inconclusive" => Self::Inconclusive,
            _ => Self::Pending,
        }
    }

    /// Returns the word that stands on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Successful => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Returns whether nothing more will be measured.
    pub fn over(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// Returns whether it stops the rollout.
    pub fn bad(self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }
}

/// What an analysis is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalysisRole {
    /// Of the step with this index.
    Step(usize),
    /// Beside the steps, from one of them to the end.
    Background,
    PrePromotion,
    PostPromotion,
    /// Of an experiment, by its name.
    Experiment(String),
    /// Of nothing that could be told.
    Other,
}

impl AnalysisRole {
    /// Returns it as it stands before the name: `step 3`, `background`.
    pub fn word(&self) -> String {
        match self {
            Self::Step(index) => format!("step {}", index + 1),
            Self::Background => "background".into(),
            Self::PrePromotion => "pre-promotion".into(),
            Self::PostPromotion => "post-promotion".into(),
            Self::Experiment(name) => format!("experiment {name}"),
            Self::Other => "analysis".into(),
        }
    }
}

/// One value that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    pub phase: AnalysisPhase,
    /// As the provider gave it: `[0.004]`, `NaN`; empty where it gave none.
    pub value: String,
    pub at: Option<Timestamp>,
}

/// One metric of an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    pub name: String,
    pub phase: AnalysisPhase,
    /// What it is held against: `result[0] < 0.05`; empty where the analysis says none.
    pub limit: String,
    /// How many measurements it takes in all; none where it goes on until it is stopped.
    pub planned: Option<u32>,
    pub taken: u32,
    pub successful: u32,
    pub failed: u32,
    pub inconclusive: u32,
    pub errors: u32,
    /// How many may fail before the analysis does.
    pub failure_limit: u32,
    /// It is measured, and decides nothing.
    pub dry_run: bool,
    /// The controller's words, where something is wrong.
    pub message: String,
    /// Oldest first, the last few.
    pub measurements: Vec<Measurement>,
}

/// One run of an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// The object's name, which an order to stop it addresses.
    pub name: String,
    pub uid: Uid,
    pub role: AnalysisRole,
    pub phase: AnalysisPhase,
    pub message: String,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub metrics: Vec<Metric>,
    pub revision: Option<RevisionId>,
    /// Someone asked it to stop.
    pub stopping: bool,
}

/// One experiment: short-lived sets of instances side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    pub name: String,
    pub uid: Uid,
    pub phase: AnalysisPhase,
    pub message: String,
    pub started: Option<Timestamp>,
    pub lasts: Option<SignedDuration>,
    pub templates: Vec<ExperimentTemplate>,
}

/// One set of instances of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentTemplate {
    pub name: String,
    /// The controller's word: `Progressing`, `Running`.
    pub status: String,
    pub replicas: u32,
    pub available: u32,
    pub message: String,
}

/// A Service that stands for a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleService {
    pub name: String,
    pub role: Role,
    /// The revision that it selects, where that is known.
    pub selects: Option<RevisionId>,
}

/// When a controller acts that looks only every so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    pub every: SignedDuration,
    /// When it was last seen to act.
    pub last: Option<Timestamp>,
}

impl Beat {
    /// Returns how long it is at most until the next time.
    pub fn next_in(self, now: Timestamp) -> SignedDuration {
        let every = self.every.as_millis().max(1);
        let Some(last) = self.last else { return self.every };
        let into = now.duration_since(last).as_millis().rem_euclid(every);
        SignedDuration::from_millis(i64::try_from(every - into).unwrap_or(i64::MAX))
    }
}

/// Why a return to a revision takes no steps and no pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortcut {
    /// It is what users have.
    Stable,
    /// Within the rollback window.
    Window,
    /// Its instances are still up: a blue/green rollout switches at once, without its pause.
    Warm,
}

/// A PodDisruptionBudget over the rollout's instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub name: String,
    /// How many instances may be evicted now.
    pub allowed: u32,
    pub healthy: u32,
    pub desired: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{ago, now};

    #[test]
    fn a_beat_says_how_long_it_is_at_most_until_the_controller_acts() {
        let every = SignedDuration::from_secs(10);
        for (last, wait) in [(None, 10), (Some(ago(0)), 10), (Some(ago(3)), 7), (Some(ago(23)), 7), (Some(ago(-3)), 3)] {
            assert_eq!(Beat { every, last }.next_in(now()).as_secs(), wait, "{last:?}");
        }
    }

    #[test]
    fn an_unknown_phase_is_no_verdict() {
        assert_eq!(AnalysisPhase::of("Halted"), AnalysisPhase::Pending);
        assert!(!AnalysisPhase::of("").over() && AnalysisPhase::of("Inconclusive").over() && !AnalysisPhase::of("Inconclusive").bad());
    }
}
