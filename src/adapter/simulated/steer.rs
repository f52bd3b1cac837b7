//! The verbs of a Rollout of Argo as requests, each guarded by what the decision rests on (api-semantics 2.4, 2.9).

use serde_json::{Value, json};

use super::api::Place;
use super::change::{Draft, add, label, test};
use crate::domain::change::{ChangeError, Expect, Wait};
use crate::domain::delivery::{AnalysisRole, PauseKind};
use crate::domain::rollout::Strategy;
use crate::domain::step::StepKind;
use crate::domain::verb::Refusal;

impl Draft<'_> {
    /// Lets a hold go; the next request rests on the controller having seen it.
    fn unhold(&mut self) -> Result<(), ChangeError> {
        if self.first()?.held.is_none() {
            return Ok(());
        }
        let operations = vec![test("/spec/paused", &json!(true)), json!({"op": "replace", "path": "/spec/paused", "value": false})];
        self.leads_to.push("Releases the hold".into());
        self.send("release the hold".into(), Place::Deployment(0), "", operations, Some(Wait::Observed))
    }

    /// The revision, and the place that it stands at: the step's index, or the pause's reason where there are no steps.
    fn place_in_steps(&self) -> Result<(usize, Vec<Value>), Refusal> {
        let deployment = self.first()?;
        let argo = deployment.argo.as_ref().ok_or(Refusal::NotPaused)?;
        let mut tests = vec![test("/status/currentPodHash", &json!(deployment.current_hash()))];
        if argo.switch.is_none() {
            tests.push(test("/status/currentStepIndex", &json!(argo.index)));
        } else if let Some(halt) = &argo.halt {
            tests.push(test("/status/pauseConditions/0/reason", &json!(super::argo::reason(&halt.kind))));
        }
        Ok((argo.index, tests))
    }

    /// Held at a pause, the hold goes first: a pause that is taken away while it is held begins again.
    pub(super) fn advance(&mut self) -> Result<Expect, ChangeError> {
        self.unhold()?;
        let (index, mut operations) = self.place_in_steps()?;
        let argo = self.first()?.argo.clone().ok_or(Refusal::NotPaused)?;
        operations.push(test("/status/abort", &json!(argo.abort)));
        let Some(halt) = &argo.halt else {
            let step = argo.steps.get(index).ok_or(Refusal::NothingUnderWay)?;
            // Were it to pause meanwhile, the pause would outlive the step.
            operations.push(test("/status/pauseConditions", &Value::Null));
            operations.push(json!({"op": "replace", "path": "/status/currentStepIndex", "value": index + 1}));
            self.warnings.push(format!("Leaves out step {}, {}", index + 1, step.label()));
            self.send(format!("leave step {}", index + 1), Place::Deployment(0), "/status", operations, None)?;
            return Ok(self.past(index, &argo.steps));
        };
        operations.push(json!({"op": "remove", "path": "/status/pauseConditions"}));
        if argo.switch.is_some() {
            self.send("leave the pause before the switch".into(), Place::Deployment(0), "/status", operations, None)?;
            self.leads_to.push("All users get the new revision at once; the one before stays warm for a while".into());
            return Ok(Expect::PauseLeft);
        }
        if halt.kind == PauseKind::InconclusiveAnalysis {
            // The pause alone would come back: the controller still finds the analysis undecided.
            operations.push(json!({"op": "replace", "path": "/status/controllerPause", "value": false}));
            operations.push(json!({"op": "replace", "path": "/status/currentStepIndex", "value": index + 1}));
            self.warnings.push("Goes on although the analysis could not decide".into());
        }
        self.send(format!("leave step {}", index + 1), Place::Deployment(0), "/status", operations, None)?;
        Ok(self.past(index, &argo.steps))
    }

    fn past(&mut self, index: usize, steps: &[StepKind]) -> Expect {
        match steps.get(index + 1) {
            Some(next) => self.leads_to.push(format!("Goes on to step {} of {}, {}", index + 2, steps.len(), next.label())),
            None => self.leads_to.push("Goes on to all users".into()),
        }
        Expect::PastStep(index)
    }

    pub(super) fn finish(&mut self) -> Result<Expect, ChangeError> {
        self.unhold()?;
        // Not the step: one that ends meanwhile is one less to leave out.
        let deployment = self.first()?;
        let (index, abort) = deployment.argo.as_ref().map_or((0, false), |argo| (argo.index, argo.abort));
        let operations = vec![
            test("/status/currentPodHash", &json!(deployment.current_hash())),
            test("/status/stableRS", &json!(deployment.stable_set().map(|set| set.hash.clone()))),
            test("/status/abort", &json!(abort)),
            add("/status/promoteFull", &json!(true)),
        ];
        self.send("promote fully".into(), Place::Deployment(0), "/status", operations, None)?;
        let steps = self.first()?.argo.as_ref().map(|argo| argo.steps.clone()).unwrap_or_default();
        if self.rollout.strategy == Strategy::BlueGreen {
            self.warnings.push("Leaves out the pause and every analysis".into());
        } else {
            let count = |of: fn(&StepKind) -> bool| steps.iter().skip(index).filter(|step| of(step)).count();
            let analyses = count(|step| matches!(step, StepKind::Analysis(_)));
            let pauses = count(|step| matches!(step, StepKind::Pause(_)));
            let (pauses, analyses) = (number(pauses, "pause", "pauses"), number(analyses, "analysis", "analyses"));
            self.warnings.push(format!("Leaves out {pauses} and {analyses}"));
        }
        self.leads_to.push("All users get the candidate as soon as its instances are ready".into());
        Ok(Expect::Done)
    }

    /// Held, it is aborted first: the users move when the second request has let the hold go.
    pub(super) fn abort(&mut self) -> Result<Expect, ChangeError> {
        let operations = vec![test("/status/abort", &json!(false)), json!({"op": "replace", "path": "/status/abort", "value": true})];
        let stable = self.first()?.stable_set().map(label).unwrap_or_default();
        self.from = self.first()?.current().map(label);
        self.to = Some(stable.clone());
        self.send("abort the rollout".into(), Place::Deployment(0), "/status", operations, None)?;
        if self.first()?.held.is_some() {
            self.warnings.push("It is held: the users move only when the second request has released the hold".into());
            self.unhold()?;
        }
        let warm = self.pace.scaled(self.pace.timing.warm).as_secs();
        self.leads_to.push(format!("All users go back to {stable} at once; the candidate stays warm for {warm} s"));
        self.warnings.push("The rollout stays Degraded until it is retried or another image is set".into());
        Ok(Expect::Aborted)
    }

    /// Held, it is tried again first: nothing moves before the hold is let go.
    pub(super) fn retry(&mut self) -> Result<Expect, ChangeError> {
        let hash = json!(self.first()?.current_hash());
        let operations = vec![
            test("/status/currentPodHash", &hash),
            test("/status/abort", &json!(true)),
            json!({"op": "replace", "path": "/status/abort", "value": false}),
        ];
        self.send("retry the rollout".into(), Place::Deployment(0), "/status", operations, None)?;
        self.unhold()?;
        let words = if self.rollout.strategy == Strategy::BlueGreen {
            "The new revision comes up again, and waits before the switch"
        } else {
            "The canary begins again at its first step"
        };
        self.leads_to.push(words.into());
        Ok(Expect::UnderWay)
    }

    pub(super) fn terminate(&mut self, analysis: &str) -> Result<Expect, ChangeError> {
        let runs = self.first()?.argo.as_ref().map(|argo| argo.runs.clone()).unwrap_or_default();
        let found = runs.iter().enumerate().find(|(_, run)| run.name == analysis && !run.phase.over() && !run.stopping);
        let (at, run) = found.ok_or(Refusal::NoAnalysis)?;
        self.send(format!("stop the analysis {analysis}"), Place::Analysis(at), "", vec![add("/spec/terminate", &json!(true))], None)?;
        let failed: u32 = run.metrics().map(|metric| metric.failed).sum();
        self.leads_to.push(match (&run.role, failed) {
            (AnalysisRole::Background, _) => "It measures no more; the steps go on without it".into(),
            (_, 0) => "It ends as passed, and the rollout moves on".into(),
            (_, failed) => format!("It ends as passed although {failed} measurements failed, and the rollout moves on"),
        });
        self.warnings.push("What it has not measured yet is not looked at".into());
        Ok(Expect::Terminated(analysis.to_owned()))
    }
}

/// `1 analysis`, `2 analyses`.
fn number(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
