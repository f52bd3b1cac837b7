//! What a Rollout of Argo has beyond a Deployment, and one look of its controller at it: pauses, abort, analyses, restarts.
//! `canary` and `bluegreen` are what the two strategies do in such a look.

use jiff::{SignedDuration, Timestamp};

use super::analysis::Run;
use super::fault::Fate;
use super::object::{Deployment, Set};
use super::pace::{Pace, later};
use super::pod::event;
use super::{bluegreen, canary};
use crate::domain::delivery::{Aborted, AnalysisPhase, AnalysisRole, PauseKind, Shortcut};
use crate::domain::event::Event;
use crate::domain::id::RevisionId;
use crate::domain::step::StepKind;

/// How many analyses a rollout keeps: Argo's history limits, five that went well and five that did not.
const RUNS: usize = 10;

/// A blue/green rollout's switch, and what stands before and after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// What the active Service selects.
    pub active: Option<RevisionId>,
    /// It switches without a person.
    pub auto: bool,
    /// Whether an analysis stands before, and one after the switch.
    pub pre: bool,
    pub post: bool,
}

/// A pause as the status has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    pub kind: PauseKind,
    pub since: Timestamp,
}

/// The part of a Rollout's spec and status that its strategy is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Argo {
    pub steps: Vec<StepKind>,
    /// None: a canary.
    pub switch: Option<Switch>,
    /// The step from which on an analysis measures beside the steps.
    pub background: Option<usize>,
    pub window: Option<u32>,
    pub index: usize,
    /// When each step began and ended.
    pub times: Vec<(Option<Timestamp>, Option<Timestamp>)>,
    /// `pauseConditions`, and `controllerPause`: the controller put it there.
    pub halt: Option<Halt>,
    pub controller_pause: bool,
    pub aborted: Option<Aborted>,
    /// `abort` as it was written; the controller follows when it looks.
    pub abort: bool,
    pub full: bool,
    /// Nothing stands between the wished revision and the users.
    pub shortcut: Option<Shortcut>,
    /// What the router gives to which revision beside the stable one.
    pub observed: u32,
    pub routed: Option<RevisionId>,
    pub restart_at: Option<Timestamp>,
    pub restarted_at: Option<Timestamp>,
    /// Oldest first.
    pub runs: Vec<Run>,
    /// Since when a write waits for the controller, and when it will have looked.
    pub pending: Option<Timestamp>,
    pub looks_at: Timestamp,
    /// The controller is away until then.
    pub away_until: Option<Timestamp>,
    /// What the analyses ask does not answer until then.
    pub blind_until: Option<Timestamp>,
}

impl Argo {
    /// Returns a rollout that has gone through these steps already.
    pub fn finished(steps: Vec<StepKind>, switch: Option<Switch>, background: Option<usize>, window: Option<u32>) -> Self {
        Self {
            index: steps.len(),
            times: vec![(None, None); steps.len()],
            steps,
            switch,
            background,
            window,
            halt: None,
            controller_pause: false,
            aborted: None,
            abort: false,
            full: false,
            shortcut: None,
            observed: 0,
            routed: None,
            restart_at: None,
            restarted_at: None,
            runs: Vec::new(),
            pending: None,
            looks_at: Timestamp::MIN,
            away_until: None,
            blind_until: None,
        }
    }

    /// Goes to a step; past the last one means done.
    pub fn enter(&mut self, index: usize, now: Timestamp) {
        let index = index.min(self.steps.len());
        if index > self.index {
            // What lies between was left out, and took no time at all.
            if let Some(time) = self.times.get_mut(self.index) {
                time.0.get_or_insert(now);
                time.1.get_or_insert(now);
            }
        } else {
            for time in self.times.iter_mut().skip(index) {
                *time = (None, None);
            }
        }
        self.index = index;
        self.halt = None;
        self.controller_pause = false;
        if let Some(time) = self.times.get_mut(index) {
            time.0 = Some(now);
        }
    }

    /// Begins with a template that the controller has just seen.
    pub fn begin(&mut self, shortcut: Option<Shortcut>, now: Timestamp) {
        self.aborted = None;
        self.abort = false;
        self.full = false;
        self.shortcut = shortcut;
        let first = if shortcut.is_some() { self.steps.len() } else { 0 };
        self.enter(first, now);
        self.stop_runs();
    }

    /// Gives the change up: the index goes to the first step, what measures is stopped.
    fn abort_for(&mut self, why: &str, now: Timestamp) {
        self.enter(0, now);
        self.times.fill((None, None));
        self.full = false;
        self.abort = true;
        self.aborted = Some(Aborted { at: Some(now), why: why.to_owned() });
        self.stop_runs();
    }

    /// Tries an aborted change again, from the first step.
    fn retry(&mut self, now: Timestamp) {
        self.aborted = None;
        self.full = false;
        self.shortcut = None;
        self.enter(0, now);
    }

    /// Returns what the steps ask for: the last weight at or before the present one.
    pub fn asked(&self) -> u32 {
        if self.aborted.is_some() || self.switch.is_some() {
            return 0;
        }
        if self.index >= self.steps.len() {
            return 100;
        }
        let weights = self.steps.iter().take(self.index + 1).rev().filter_map(|step| match step {
            StepKind::Weight(share) => Some(u32::from(share.permille()) / 10),
            _ => None,
        });
        weights.into_iter().next().unwrap_or(0)
    }

    /// Returns whether a pause was taken away that the controller has not left yet (api-semantics 2.3).
    pub fn unpausing(&self) -> bool {
        self.controller_pause && self.halt.is_none()
    }

    /// Returns when the present pause ends by itself.
    pub fn resumes(&self) -> Option<Timestamp> {
        let halt = self.halt.as_ref().filter(|halt| halt.kind == PauseKind::Step)?;
        match self.steps.get(self.index) {
            Some(StepKind::Pause(Some(duration))) => Some(later(halt.since, *duration)),
            _ => None,
        }
    }

    /// Returns whether the controller is away.
    pub fn away(&self, now: Timestamp) -> bool {
        self.away_until.is_some_and(|until| now < until)
    }

    /// Marks a write to the status: the controller looks in a moment, as it does at the spec (api-semantics 2.9).
    pub fn written(&mut self, now: Timestamp, lag: SignedDuration) {
        self.pending.get_or_insert(now);
        self.looks_at = later(now, lag);
    }

    /// Returns the run of a role for a revision; the newest, where a retry made another.
    pub fn run(&self, role: &AnalysisRole, revision: &RevisionId) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.role == *role && run.revision == *revision && !run.dismissed)
    }

    /// Stops what measures; a run that ended is not asked again.
    pub fn stop_runs(&mut self) {
        for run in &mut self.runs {
            run.stopping |= !run.phase.over();
            run.dismissed = true;
        }
    }

    /// Stops the analysis of a step that was left.
    pub fn stop_step_runs(&mut self) {
        for run in self.runs.iter_mut().filter(|run| matches!(run.role, AnalysisRole::Step(_)) && !run.phase.over()) {
            run.stopping = true;
            run.dismissed = true;
        }
    }

    fn drop_old_runs(&mut self) {
        let excess = self.runs.len().saturating_sub(RUNS);
        self.runs.drain(..excess);
    }
}

/// What one look of the controller works with.
pub struct Look<'a> {
    pub now: Timestamp,
    pub rng: &'a mut fastrand::Rng,
    pub pace: &'a Pace,
    pub held: bool,
    /// The wished revision: its hash, number, fate, and what it has.
    pub current: RevisionId,
    pub hash: String,
    pub number: u64,
    pub fate: Fate,
    pub ready: u32,
    pub total: u32,
    /// It is what users have.
    pub to_stable: bool,
    pub replicas: u32,
    pub about: String,
    pub events: Vec<Event>,
}

impl Look<'_> {
    /// Has the controller say something, as it stands in the events.
    pub fn tell(&mut self, warning: bool, reason: &str, words: &str) {
        self.events.push(event(self.now, warning, reason, &self.about, words, "rollouts-controller"));
    }

    /// Returns whether every instance that the rollout wants of the wished revision is ready.
    pub fn whole(&self) -> bool {
        self.ready >= self.replicas && self.total == self.replicas
    }

    /// Pauses.
    pub fn pause(&mut self, argo: &mut Argo, kind: PauseKind) {
        let reason = reason(&kind);
        self.tell(false, "RolloutPaused", &format!("Rollout is paused ({reason})"));
        argo.halt = Some(Halt { kind, since: self.now });
        argo.controller_pause = true;
    }

    /// Returns the verdict of an analysis, which is begun where there is none. While it is held none begins.
    pub fn verdict(&mut self, argo: &mut Argo, role: AnalysisRole) -> AnalysisPhase {
        if let Some(run) = argo.run(&role, &self.current) {
            return run.phase;
        }
        if self.held {
            return AnalysisPhase::Pending;
        }
        let run = Run::new(argo, (&self.current, self.number), role, self.now, self.rng, self.pace);
        self.tell(false, "AnalysisRunRunning", &format!("{} Analysis Run '{}' Status New: 'Running' Previous: ''", run.kind(), run.name));
        argo.runs.push(run);
        argo.drop_old_runs();
        AnalysisPhase::Running
    }
}

/// Returns Argo's word for a pause.
pub fn reason(kind: &PauseKind) -> &str {
    match kind {
        PauseKind::Step => "CanaryPauseStep",
        PauseKind::BlueGreen => "BlueGreenPause",
        PauseKind::InconclusiveAnalysis => "InconclusiveAnalysisRun",
        PauseKind::InconclusiveExperiment => "InconclusiveExperiment",
        PauseKind::Gate(name) => name,
    }
}

/// The controller looks once. Returns whether anything moved that the sets' sizes do not show.
pub fn step(deployment: &mut Deployment, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) -> bool {
    if !deployment.observed() {
        return false;
    }
    let Some(current) = deployment.current() else { return false };
    let stable = deployment.stable.clone();
    let mut look = Look {
        now,
        rng,
        pace,
        held: deployment.held.is_some(),
        current: current.id.clone(),
        hash: current.hash.clone(),
        number: current.number,
        fate: current.pods.iter().map(|pod| pod.fate).find(|fate| *fate != Fate::Healthy).unwrap_or_default(),
        ready: current.ready(),
        total: current.total(),
        to_stable: Some(&current.id) == stable.as_ref(),
        replicas: deployment.replicas,
        about: format!("Rollout {}", deployment.name),
        events: Vec::new(),
    };
    // Taken out, so that the sets can be written beside it.
    let Some(mut argo) = deployment.argo.take() else { return false };
    if argo.away(now) || now < argo.looks_at {
        deployment.argo = Some(argo);
        return false;
    }
    let before = argo.clone();
    argo.pending = None;
    argo.away_until = None;
    match (argo.abort, argo.aborted.is_some()) {
        (true, false) => argo.abort_for(&format!("Rollout aborted update to revision {}", look.number), now),
        (false, true) => argo.retry(now),
        _ => {}
    }
    measure(&mut argo, &mut look, deployment);
    if argo.aborted.is_some() && look.to_stable {
        argo.aborted = None;
        argo.abort = false;
    }
    if let Some(aborted) = argo.aborted.as_ref().filter(|_| before.aborted.is_none()) {
        look.tell(true, "RolloutAborted", &aborted.why);
    }
    restart(deployment, &mut argo, &mut look);
    if argo.switch.is_some() {
        bluegreen::look(deployment, &mut argo, &mut look);
    } else {
        canary::look(deployment, &mut argo, &mut look);
    }
    let moved = argo != before;
    deployment.argo = Some(argo);
    let events = look.events;
    deployment.report(events);
    moved
}

/// Lets the analyses measure, and gives the change up where one of the wished revision went wrong.
fn measure(argo: &mut Argo, look: &mut Look<'_>, deployment: &mut Deployment) {
    let blind = argo.blind_until.is_some_and(|until| look.now < until);
    let mut why = None;
    for run in &mut argo.runs {
        if !run.step(look.fate, blind, look.now, look.rng, look.pace) {
            continue;
        }
        let (kind, word) = (run.kind(), run.phase.word());
        look.tell(run.phase.bad(), &format!("AnalysisRun{}", argo_word(run.phase)), &format!("{kind} Analysis Run '{}' {word}", run.name));
        if run.phase.bad() && !run.dismissed && run.revision == look.current {
            why.get_or_insert_with(|| run.blame());
        }
    }
    if let Some(why) = why.filter(|_| argo.aborted.is_none() && !argo.full && !look.to_stable) {
        argo.abort_for(&format!("Rollout aborted update to revision {}: {why}", look.number), look.now);
        if let Some(set) = deployment.sets.iter_mut().find(|set| set.id == look.current) {
            set.failed = Some(look.now);
        }
    }
}

fn argo_word(phase: AnalysisPhase) -> &'static str {
    match phase {
        AnalysisPhase::Pending => "Pending",
        AnalysisPhase::Running => "Running",
        AnalysisPhase::Successful => "Successful",
        AnalysisPhase::Failed => "Failed",
        AnalysisPhase::Error => "Error",
        AnalysisPhase::Inconclusive => "Inconclusive",
    }
}

/// Stops one instance after another that is older than the restart asked for, each when all others are ready.
fn restart(deployment: &mut Deployment, argo: &mut Argo, look: &mut Look<'_>) {
    let Some(at) = argo.restart_at.filter(|at| Some(*at) != argo.restarted_at) else { return };
    let whole = deployment.sets.iter().all(|set| set.ready() == set.wanted && set.total() == set.wanted);
    let old = |set: &Set| set.pods.iter().position(|pod| pod.live() && pod.instance.created.is_some_and(|created| created < at));
    match deployment.sets.iter_mut().find_map(|set| old(set).and_then(|at| set.pods.get_mut(at))) {
        Some(pod) if whole => pod.stop(look.now, look.rng, look.pace),
        Some(_) => {}
        None => argo.restarted_at = Some(at),
    }
}

/// Keeps a set that has left the users warm for a while, then scales it down.
pub fn cool(set: &mut Set, look: &Look<'_>) {
    if set.wanted == 0 {
        set.cools = None;
        return;
    }
    let cools = *set.cools.get_or_insert_with(|| later(look.now, look.pace.scaled(look.pace.timing.warm)));
    if look.now >= cools {
        set.wanted = 0;
        set.cools = None;
    }
}
