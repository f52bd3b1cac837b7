//! One pod from its creation to its end: a pure step, with what the kubelet would report on the way.

use std::sync::Arc;

use jiff::Timestamp;

use super::fault::Fate;
use super::pace::{Pace, later};
use crate::domain::event::Event;
use crate::domain::id::{ContainerName, InstanceName, RevisionId};
use crate::domain::instance::{Container, ContainerState, Exit, Instance, InstanceState, Usage};

/// Where a pod is between two transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unplaced,
    Creating,
    /// The image could not be pulled; the kubelet tries again with growing waits.
    PullFailed,
    /// Runs and is not ready.
    Booting,
    Serving,
    /// Ended and waits for its restart.
    BackOff,
    Ending,
    /// Nothing more happens by itself.
    Stuck,
}

/// What a pod is made from.
#[derive(Clone, Debug)]
pub struct Mould<'a> {
    pub name: String,
    pub revision: &'a RevisionId,
    pub container: &'a str,
    pub image: &'a str,
    pub memory_limit: u64,
    pub fate: Fate,
}

/// A pod. What the console sees of it is `instance`, shared with the snapshots until it changes.
#[derive(Clone, Debug)]
pub struct Pod {
    pub instance: Arc<Instance>,
    pub fate: Fate,
    pub image: String,
    /// What its log lines are made from.
    pub seed: u64,
    /// When the present run began; none before the first.
    pub run_since: Option<Timestamp>,
    /// The run before: from and to.
    pub run_before: Option<(Timestamp, Timestamp)>,
    stage: Stage,
    until: Timestamp,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stepped {
    pub changed: bool,
    pub gone: bool,
}

impl Pod {
    /// Returns a pod just created, with no place yet.
    pub fn new(mould: &Mould<'_>, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) -> Self {
        let container = Container {
            name: ContainerName::new(mould.container),
            init: false,
            ready: false,
            restarts: 0,
            state: ContainerState::Waiting { reason: "ContainerCreating".into(), message: String::new() },
            last_exit: None,
        };
        let instance = Instance {
            name: InstanceName::new(mould.name.as_str()),
            revision: mould.revision.clone(),
            state: InstanceState::Pending,
            word: "Pending".into(),
            message: String::new(),
            // The API server stamps whole seconds.
            created: Timestamp::from_second(now.as_second()).ok(),
            ready_since: None,
            restarts: 0,
            node: None,
            memory_limit: Some(mould.memory_limit),
            cpu_limit_millis: Some(500),
            containers: vec![container],
            usage: None,
        };
        let until = pace.between(now, rng, [0.1, 0.5]);
        Self {
            instance: Arc::new(instance),
            fate: mould.fate,
            image: mould.image.to_owned(),
            seed: rng.u64(..),
            run_since: None,
            run_before: None,
            stage: Stage::Unplaced,
            until,
        }
    }

    /// Puts a new pod where one that was created long ago would be: ready for all that time.
    pub fn settle(&mut self, rng: &mut fastrand::Rng, since: Timestamp) {
        self.stage = Stage::Serving;
        self.until = Timestamp::MAX;
        self.run_since = Some(since);
        let usage = self.usage_at(since);
        let instance = Arc::make_mut(&mut self.instance);
        instance.created = Timestamp::from_second(since.as_second()).ok();
        instance.node = Some(node(rng));
        instance.usage = Some(usage);
        ready(instance, since);
    }

    /// Returns whether it counts for its replica set: it has not been told to stop.
    pub fn live(&self) -> bool {
        self.stage != Stage::Ending
    }

    /// Returns whether it serves.
    pub fn ready(&self) -> bool {
        self.instance.state == InstanceState::Ready
    }

    /// Tells it to stop.
    pub fn stop(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
        if self.stage == Stage::Ending {
            return;
        }
        self.stage = Stage::Ending;
        self.until = pace.between(now, rng, [0.8, 3.0]);
        let instance = Arc::make_mut(&mut self.instance);
        instance.state = InstanceState::Terminating;
        instance.word = "Terminating".into();
        instance.ready_since = None;
        for container in &mut instance.containers {
            container.ready = false;
        }
    }

    /// Lays a fate on a pod that lives already; it shows at its next turn.
    pub fn befall(&mut self, fate: Fate, now: Timestamp) {
        self.fate = fate;
        if matches!(self.stage, Stage::Serving | Stage::Booting | Stage::Stuck) && self.run_since.is_some() {
            self.stage = Stage::Booting;
            self.until = now;
        }
    }

    /// Returns what it uses at a time: a slow wave and a little noise, the same for the same time. A pod that leaks
    /// climbs to its limit.
    pub fn usage_at(&self, now: Timestamp) -> Usage {
        let Some(since) = self.run_since else { return Usage::default() };
        let seconds = now.duration_since(since).as_secs_f64().max(0.0);
        let wave = (now.as_second() as f64 / 37.0 + self.seed as f64 % 7.0).sin();
        let noise = (self.seed ^ now.as_second() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
        let limit = self.instance.memory_limit.unwrap_or(256 << 20);
        let cpu = 60.0 + 30.0 * wave + noise as f64 / 8.0;
        let share = if self.fate == Fate::Oom { 0.5 + seconds / 80.0 } else { 0.42 + 0.03 * wave + noise as f64 / 8000.0 };
        Usage { cpu_millis: cpu.max(1.0) as u32, memory_bytes: (limit as f64 * share.min(0.99)) as u64 }
    }

    /// Notes what it uses now. Returns whether that moved.
    pub fn measure(&mut self, now: Timestamp) -> bool {
        let usage = self.run_since.map(|_| self.usage_at(now));
        if self.instance.usage == usage {
            return false;
        }
        Arc::make_mut(&mut self.instance).usage = usage;
        true
    }

    /// Steps once, if its time has come.
    pub fn step(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace, events: &mut Vec<Event>) -> Stepped {
        if now < self.until {
            return Stepped::default();
        }
        let changed = Stepped { changed: true, gone: false };
        match self.stage {
            Stage::Stuck | Stage::Serving if self.fate.gets_ready() && self.fate != Fate::Oom => {
                self.until = Timestamp::MAX;
                Stepped::default()
            }
            Stage::Unplaced => {
                self.place(now, rng, pace, events);
                changed
            }
            Stage::Creating => {
                self.create(now, rng, pace, events);
                changed
            }
            Stage::PullFailed => {
                self.pull_again(now, rng, pace, events);
                changed
            }
            Stage::Booting => {
                self.boot(now, rng, pace, events);
                changed
            }
            Stage::Serving => {
                self.end_run(now, rng, pace, events);
                changed
            }
            Stage::BackOff => {
                self.run(now, rng, pace);
                changed
            }
            Stage::Stuck => {
                self.until = Timestamp::MAX;
                Stepped::default()
            }
            Stage::Ending => Stepped { changed: true, gone: true },
        }
    }

    fn place(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace, events: &mut Vec<Event>) {
        let name = self.about();
        let instance = Arc::make_mut(&mut self.instance);
        if self.fate == Fate::Unschedulable {
            let words = "0/6 nodes are available: 6 Insufficient memory.";
            instance.message = words.into();
            events.push(event(now, true, "FailedScheduling", &name, words, "default-scheduler"));
            self.until = later(now, pace.seconds(20.0));
            return;
        }
        let node = node(rng);
        events.push(event(now, false, "Scheduled", &name, &format!("Successfully assigned to {node}"), "default-scheduler"));
        instance.node = Some(node);
        instance.state = InstanceState::Starting;
        instance.word = "ContainerCreating".into();
        instance.message = String::new();
        self.stage = Stage::Creating;
        self.until = pace.between(now, rng, pace.timing.pull_seconds);
    }

    fn create(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace, events: &mut Vec<Event>) {
        let name = self.about();
        match self.fate {
            Fate::MissingImage => self.pull_again(now, rng, pace, events),
            Fate::MissingConfig => {
                let words = "secret \"ledger-credentials\" not found";
                self.wait("CreateContainerConfigError", words);
                events.push(event(now, true, "Failed", &name, &format!("Error: {words}"), "kubelet"));
                self.stage = Stage::Stuck;
                self.until = Timestamp::MAX;
            }
            Fate::Sandbox => {
                let words = "Failed to create pod sandbox: failed to set up network: no IP addresses available in range";
                events.push(event(now, true, "FailedCreatePodSandBox", &name, words, "kubelet"));
                self.until = later(now, pace.seconds(15.0));
            }
            _ => {
                let pulled = format!("Successfully pulled image \"{}\"", self.image);
                events.push(event(now, false, "Pulled", &name, &pulled, "kubelet"));
                self.run(now, rng, pace);
            }
        }
    }

    /// Two reasons take turns, as the kubelet's do: the failure and the wait after it.
    fn pull_again(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace, events: &mut Vec<Event>) {
        let image = self.image.clone();
        let name = self.about();
        if self.instance.word == "ErrImagePull" {
            let words = format!("Back-off pulling image \"{image}\"");
            self.wait("ImagePullBackOff", &words);
            events.push(event(now, false, "BackOff", &name, &words, "kubelet"));
            self.until = pace.between(now, rng, [8.0, 20.0]);
        } else {
            let words = format!("rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": not found");
            self.wait("ErrImagePull", &words);
            events.push(event(now, true, "Failed", &name, &format!("Failed to pull image \"{image}\": {words}"), "kubelet"));
            self.until = pace.between(now, rng, [2.0, 5.0]);
        }
        self.stage = Stage::PullFailed;
    }

    /// Starts a run of the container.
    fn run(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
        self.run_since = Some(now);
        let instance = Arc::make_mut(&mut self.instance);
        instance.state = InstanceState::Unready;
        instance.word = "Running".into();
        instance.message = String::new();
        for container in &mut instance.containers {
            container.state = ContainerState::Running { since: Some(now) };
        }
        self.stage = Stage::Booting;
        let range = if self.fate == Fate::Crash { [1.5, 4.0] } else { pace.timing.ready_seconds };
        self.until = pace.between(now, rng, range);
    }

    fn boot(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace, events: &mut Vec<Event>) {
        match self.fate {
            Fate::Crash => self.end_run(now, rng, pace, events),
            Fate::Unready => {
                let words = "Readiness probe failed: HTTP probe failed with statuscode: 503";
                let name = self.about();
                events.push(event(now, true, "Unhealthy", &name, words, "kubelet"));
                let instance = Arc::make_mut(&mut self.instance);
                instance.state = InstanceState::Unready;
                instance.message = words.into();
                instance.ready_since = None;
                for container in &mut instance.containers {
                    container.ready = false;
                }
                self.until = later(now, pace.seconds(10.0));
            }
            fate => {
                ready(Arc::make_mut(&mut self.instance), now);
                self.stage = Stage::Serving;
                self.until = if fate == Fate::Oom { pace.between(now, rng, [20.0, 40.0]) } else { Timestamp::MAX };
            }
        }
    }

    fn end_run(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace, events: &mut Vec<Event>) {
        let name = self.about();
        let (code, reason) = if self.fate == Fate::Oom { (137, "OOMKilled") } else { (1, "Error") };
        if let Some(since) = self.run_since.take() {
            self.run_before = Some((since, now));
        }
        let instance = Arc::make_mut(&mut self.instance);
        instance.restarts += 1;
        // 10 s, doubled up to five minutes: the kubelet's own series.
        let wait = 10.0 * f64::from(1_u32 << (instance.restarts - 1).min(5));
        let wait = wait.min(300.0);
        let seconds = wait as u64;
        let words = format!("back-off {seconds}s restarting failed container");
        for container in &mut instance.containers {
            container.ready = false;
            container.restarts = instance.restarts;
            container.last_exit = Some(Exit { code, reason: reason.into(), message: String::new(), at: Some(now) });
            container.state = ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: words.clone() };
        }
        instance.state = InstanceState::Failed;
        instance.word = "CrashLoopBackOff".into();
        instance.message.clone_from(&words);
        instance.ready_since = None;
        events.push(event(now, true, "BackOff", &name, "Back-off restarting failed container", "kubelet"));
        self.stage = Stage::BackOff;
        self.until = pace.between(now, rng, [wait * 0.9, wait]);
    }

    fn wait(&mut self, reason: &str, words: &str) {
        let instance = Arc::make_mut(&mut self.instance);
        instance.state = InstanceState::Failed;
        instance.word = reason.into();
        instance.message = words.into();
        for container in &mut instance.containers {
            container.state = ContainerState::Waiting { reason: reason.into(), message: words.into() };
        }
    }

    fn about(&self) -> String {
        format!("Pod {}", self.instance.name)
    }
}

fn ready(instance: &mut Instance, now: Timestamp) {
    instance.state = InstanceState::Ready;
    instance.word = "Running".into();
    instance.message = String::new();
    instance.ready_since = Some(now);
    for container in &mut instance.containers {
        container.ready = true;
        if !matches!(container.state, ContainerState::Running { .. }) {
            container.state = ContainerState::Running { since: Some(now) };
        }
    }
}

/// Six nodes, as the scheduler's words say.
fn node(rng: &mut fastrand::Rng) -> String {
    format!("node-{}", rng.u32(1..=6))
}

/// Returns an engine's event that happened once.
pub fn event(at: Timestamp, warning: bool, reason: &str, about: &str, message: &str, source: &str) -> Event {
    Event { at, warning, reason: reason.into(), about: about.into(), message: message.into(), count: 1, source: source.into() }
}
