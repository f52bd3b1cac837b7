//! The objects of the simulated cluster: deployments with their replica sets, rollouts with steps, services.

use jiff::{SignedDuration, Timestamp};

use super::fault::Fate;
use super::pace::{Pace, later};
use super::pod::{Mould, Pod, event};
use crate::domain::event::Event;
use crate::domain::id::{RevisionId, Track, Uid};
use crate::domain::rollout::Held;
use crate::domain::step::StepKind;

/// How many engine's events an object keeps.
const EVENTS: usize = 60;

/// The letters that Kubernetes makes names of: no vowels, nothing that looks like another.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// What pods are made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    pub container: String,
    pub image: String,
    pub memory: String,
    pub env: Vec<(String, String)>,
    /// `kubectl.kubernetes.io/restartedAt`, as it was written.
    pub restarted: Option<String>,
}

impl Template {
    /// Returns the hash that tells replica sets apart: ten letters, the same for the same template of the same workload.
    pub fn hash(&self, workload: &str) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (workload, self).hash(&mut hasher);
        let mut rest = hasher.finish();
        let mut text = String::new();
        for _ in 0..10 {
            let at = (rest % LETTERS.len() as u64) as usize;
            rest /= LETTERS.len() as u64;
            text.push(LETTERS.get(at).copied().unwrap_or(b'x') as char);
        }
        text
    }

    /// Returns the memory limit in bytes, of `256Mi`.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.strip_suffix("Mi").and_then(|mebi| mebi.parse::<u64>().ok()).unwrap_or(256) << 20
    }
}

/// A replica set: one revision and its pods.
#[derive(Clone, Debug)]
pub struct Set {
    pub id: RevisionId,
    pub hash: String,
    pub number: u64,
    pub former: Vec<u64>,
    pub template: Template,
    pub cause: Option<String>,
    pub wanted: u32,
    pub created: Timestamp,
    pub pods: Vec<Pod>,
    /// When a rollout to it last finished, or failed.
    pub served: Option<Timestamp>,
    pub failed: Option<Timestamp>,
    /// When it is scaled down, where it is kept warm for a while.
    pub cools: Option<Timestamp>,
}

impl Set {
    /// Returns how many pods it has that have not been told to stop.
    pub fn total(&self) -> u32 {
        self.pods.iter().filter(|pod| pod.live()).count() as u32
    }

    /// Returns how many of them are ready. Nothing here asks for a minimum time, so they are available too.
    pub fn ready(&self) -> u32 {
        self.pods.iter().filter(|pod| pod.live() && pod.ready()).count() as u32
    }
}

/// A canary's place in its steps.
#[derive(Clone, Debug)]
pub struct Canary {
    pub steps: Vec<StepKind>,
    pub index: usize,
    /// When each step began and ended.
    pub times: Vec<(Option<Timestamp>, Option<Timestamp>)>,
    /// Since when it waits at the pause of the current step.
    pub pause: Option<Timestamp>,
    /// Someone took the pause away.
    pub cleared: bool,
    pub aborted: Option<String>,
    pub full: bool,
    /// What the step asks for, and what the router says.
    pub asked: u32,
    pub observed: u32,
    pub restart_at: Option<Timestamp>,
}

impl Canary {
    /// Returns a canary that has gone through these steps already.
    pub fn finished(steps: Vec<StepKind>) -> Self {
        let times = vec![(None, None); steps.len()];
        let index = steps.len();
        Self { steps, index, times, pause: None, cleared: false, aborted: None, full: false, asked: 0, observed: 0, restart_at: None }
    }

    /// Goes to a step; past the last one means done.
    pub fn enter(&mut self, index: usize, now: Timestamp) {
        let index = index.min(self.steps.len());
        if index > self.index {
            for time in self.times.iter_mut().take(index).skip(self.index) {
                time.0.get_or_insert(now);
                time.1.get_or_insert(now);
            }
        } else {
            for time in self.times.iter_mut().skip(index) {
                *time = (None, None);
            }
        }
        self.index = index;
        self.pause = None;
        self.cleared = false;
        if let Some(time) = self.times.get_mut(index) {
            time.0 = Some(now);
        }
    }
}

/// A workload with replicas: a Deployment, or a Rollout where it has a canary.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub namespace: String,
    pub name: String,
    pub app: String,
    pub uid: Uid,
    pub track: Option<(String, Track)>,
    pub generation: u64,
    pub observed: u64,
    pub observe_at: Option<Timestamp>,
    pub version: u64,
    pub replicas: u32,
    /// What the replicas were when the sets were last sized.
    pub sized: u32,
    pub held: Option<Held>,
    /// Changed only together with [`Self::touch`], which keeps its hash.
    pub template: Template,
    hash: String,
    pub cause: Option<String>,
    /// Oldest first by creation.
    pub sets: Vec<Set>,
    /// The set that last finished a rollout.
    pub stable: Option<RevisionId>,
    pub started: Option<Timestamp>,
    /// When something last moved: the deadline's clock.
    pub progressed: Timestamp,
    pub deadline: SignedDuration,
    pub exceeded: bool,
    /// The template was put back by an order to go back.
    pub reverting: bool,
    pub changed: Option<(String, Timestamp)>,
    pub canary: Option<Canary>,
    /// Laid on every pod made from now on, whatever its image.
    pub curse: Option<Fate>,
    pub events: Vec<Event>,
    /// What the deadline's clock compares: updated, old, ready.
    progress: (u32, u32, u32),
}

impl Deployment {
    /// Returns a deployment whose pods have been ready since long ago.
    pub fn settled(what: &Settled<'_>, rng: &mut fastrand::Rng, pace: &Pace, now: Timestamp) -> Self {
        let mut deployment = Self {
            namespace: what.namespace.into(),
            name: what.name.into(),
            app: what.app.into(),
            uid: Uid::new(uid(rng)),
            track: what.track.clone(),
            generation: 1,
            observed: 1,
            observe_at: None,
            version: rng.u64(10_000..90_000),
            replicas: what.replicas,
            sized: what.replicas,
            held: None,
            template: what.template.clone(),
            hash: what.template.hash(what.name),
            cause: None,
            sets: Vec::new(),
            stable: None,
            started: None,
            progressed: what.since,
            deadline: pace.scaled(pace.timing.deadline),
            exceeded: false,
            reverting: false,
            changed: Some(("ci".into(), what.since)),
            canary: what.steps.clone().map(Canary::finished),
            curse: None,
            events: Vec::new(),
            progress: (0, 0, 0),
        };
        let day = SignedDuration::from_hours(24);
        let count = what.history.len() as u64;
        for (at, version) in what.history.iter().enumerate() {
            let mut template = what.template.clone();
            template.image = format!("{}:{version}", crate::domain::id::repository_of(&what.template.image));
            let ago = day.saturating_mul(i32::try_from(what.history.len() - at).unwrap_or(1));
            let created = what.since.checked_sub(ago).unwrap_or(what.since);
            deployment.add_set(template, at as u64 + 1, created, Some(format!("release {version}")));
            if let Some(set) = deployment.sets.last_mut() {
                set.served = (Fate::of_image(&set.template.image) == Fate::Healthy).then_some(created);
                set.failed = set.served.is_none().then_some(created);
            }
        }
        let version = crate::domain::id::version_of(&what.template.image).to_owned();
        deployment.generation = count + 1;
        deployment.observed = count + 1;
        deployment.cause = Some(format!("release {version}"));
        deployment.add_set(what.template.clone(), count + 1, what.since, deployment.cause.clone());
        if let Some(set) = deployment.sets.last_mut() {
            set.wanted = what.replicas;
            set.served = Some(what.since);
            deployment.stable = Some(set.id.clone());
            fill(set, &deployment.name, deployment.curse, now, rng, pace);
            let since = what.since;
            for pod in &mut set.pods {
                if pod.fate == Fate::Healthy {
                    let ready = later(since, SignedDuration::from_secs(rng.i64(0..90)));
                    pod.settle(rng, ready);
                }
            }
        }
        deployment.progress = deployment.figures();
        deployment
    }

    /// Returns the set of the wished template, once the controller has made it.
    pub fn current(&self) -> Option<&Set> {
        self.sets.iter().find(|set| set.hash == self.hash)
    }

    /// Returns its hash.
    pub fn current_hash(&self) -> &str {
        &self.hash
    }

    /// Returns the set that users get when nothing is under way.
    pub fn stable_set(&self) -> Option<&Set> {
        self.sets.iter().find(|set| Some(&set.id) == self.stable.as_ref())
    }

    /// Returns whether the controller has seen the wish.
    pub fn observed(&self) -> bool {
        self.observed >= self.generation
    }

    /// Returns whether what is wished is what runs (api-semantics 1.1, row 6).
    pub fn complete(&self) -> bool {
        let Some(current) = self.current().filter(|_| self.observed()) else { return false };
        let whole = current.total() == self.replicas && current.ready() == self.replicas;
        match &self.canary {
            // The former stable set may stay warm beside it for a while.
            Some(canary) => {
                whole && Some(&current.id) == self.stable.as_ref() && canary.index >= canary.steps.len() && canary.aborted.is_none()
            }
            None => whole && self.sets.iter().map(Set::total).sum::<u32>() == self.replicas,
        }
    }

    /// Marks the wish as changed: the controller sees it in a moment.
    pub fn touch(&mut self, manager: &str, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
        self.hash = self.template.hash(&self.name);
        self.generation += 1;
        self.version += rng.u64(1..40);
        // 20 to 150 ms, as measured on the real controller; not divided by the speed, or it would not be seen at all.
        self.observe_at = Some(later(now, SignedDuration::from_millis(rng.i64(20..150) + pace.timing.controller_lag_ms)));
        self.changed = Some((manager.to_owned(), now));
    }

    /// The controller looks at the wish: the set of the template is found and numbered anew, or made.
    pub fn observe(&mut self, now: Timestamp) -> bool {
        if self.observed() || self.observe_at.is_some_and(|at| now < at) {
            return false;
        }
        self.observed = self.generation;
        self.observe_at = None;
        self.version += 1;
        let hash = self.hash.clone();
        let newest = self.sets.iter().map(|set| set.number).max().unwrap_or(0);
        match self.sets.iter_mut().find(|set| set.hash == hash) {
            Some(set) if set.number == newest => {}
            Some(set) => {
                // The set of a former revision is used again: it gets the next number and keeps the old ones.
                set.former.push(set.number);
                set.number = newest + 1;
                set.cools = None;
                set.cause.clone_from(&self.cause);
                self.begin(now);
            }
            None => {
                self.add_set(self.template.clone(), newest + 1, now, self.cause.clone());
                self.begin(now);
            }
        }
        true
    }

    fn begin(&mut self, now: Timestamp) {
        self.started = Some(now);
        self.progressed = now;
        self.exceeded = false;
        let to_stable = self.current().map(|set| &set.id) == self.stable.as_ref();
        if let Some(canary) = &mut self.canary {
            canary.aborted = None;
            canary.full = false;
            canary.enter(if to_stable { canary.steps.len() } else { 0 }, now);
        }
    }

    fn add_set(&mut self, template: Template, number: u64, created: Timestamp, cause: Option<String>) {
        let hash = template.hash(&self.name);
        let id = RevisionId::new(format!("{}-{hash}", self.name));
        let set = Set {
            id,
            hash,
            number,
            former: Vec::new(),
            template,
            cause,
            wanted: 0,
            created,
            pods: Vec::new(),
            served: None,
            failed: None,
            cools: None,
        };
        self.sets.push(set);
        // Ten old ones without pods are kept, Kubernetes' default.
        while self.sets.iter().filter(|set| set.wanted == 0 && set.pods.is_empty()).count() > 11 {
            let keep = self.hash.clone();
            let oldest = self
                .sets
                .iter()
                .enumerate()
                .filter(|(_, set)| set.wanted == 0 && set.pods.is_empty() && set.hash != keep && Some(&set.id) != self.stable.as_ref())
                .min_by_key(|(_, set)| set.number)
                .map(|(at, _)| at);
            let Some(at) = oldest else { break };
            self.sets.remove(at);
        }
    }

    /// Steps the pods, and makes and stops them to the sets' sizes. Returns whether anything moved.
    pub fn step_pods(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) -> bool {
        let mut moved = false;
        let mut events = Vec::new();
        for set in &mut self.sets {
            set.pods.retain_mut(|pod| {
                let stepped = pod.step(now, rng, pace, &mut events);
                moved |= stepped.changed;
                !stepped.gone
            });
            let before = set.total();
            if before < set.wanted {
                fill(set, &self.name, self.curse, now, rng, pace);
            } else if before > set.wanted {
                shrink(set, now, rng, pace);
            }
            if before != set.wanted {
                moved = true;
                let word = if before < set.wanted { "up" } else { "down" };
                let words = format!("Scaled {word} replica set {} to {}", set.id, set.wanted);
                let about = format!("Deployment {}", self.name);
                events.push(event(now, false, "ScalingReplicaSet", &about, &words, "deployment-controller"));
            }
        }
        self.report(events);
        moved
    }

    /// Keeps engine's events: the same thing again is counted, the oldest go.
    pub fn report(&mut self, events: Vec<Event>) {
        for event in events {
            let same = self.events.iter().position(|e| e.about == event.about && e.reason == event.reason && e.message == event.message);
            let count = same.map_or(0, |at| self.events.remove(at).count);
            self.events.push(Event { count: count + 1, ..event });
        }
        let excess = self.events.len().saturating_sub(EVENTS);
        self.events.drain(..excess);
    }

    /// Keeps the deadline's clock, and notes the end of a rollout.
    pub fn keep_time(&mut self, now: Timestamp) -> bool {
        let figures = self.figures();
        let (updated, old, ready) = self.progress;
        if figures.0 > updated || figures.1 < old || figures.2 > ready {
            self.progressed = now;
        }
        self.progress = figures;
        if self.complete() {
            let Some(current) = self.current().map(|set| set.id.clone()) else { return false };
            let news = self.stable.as_ref() != Some(&current) || self.started.is_some();
            self.stable = Some(current.clone());
            self.exceeded = false;
            self.started = None;
            self.reverting = false;
            if let Some(set) = self.sets.iter_mut().find(|set| set.id == current).filter(|_| news) {
                set.served = Some(now);
                set.failed = None;
            }
            return news;
        }
        let stands = self.held.is_some() || self.canary.as_ref().is_some_and(|canary| canary.pause.is_some() || canary.aborted.is_some());
        if stands {
            self.progressed = now;
            return false;
        }
        // Once a revision is available in full, later trouble of its pods never reopens the deadline (api-semantics 1.2).
        if self.started.is_some() && !self.exceeded && now >= later(self.progressed, self.deadline) {
            self.exceeded = true;
            let hash = &self.hash;
            if let Some(set) = self.sets.iter_mut().find(|set| set.hash == *hash) {
                set.failed = Some(now);
            }
            return true;
        }
        false
    }

    fn figures(&self) -> (u32, u32, u32) {
        let updated = self.current().map_or(0, Set::total);
        let total: u32 = self.sets.iter().map(Set::total).sum();
        (updated, total - updated, self.sets.iter().map(Set::ready).sum())
    }
}

/// What a settled deployment is made from.
#[derive(Clone, Debug)]
pub struct Settled<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub app: &'a str,
    pub track: Option<(String, Track)>,
    pub replicas: u32,
    pub template: Template,
    pub history: &'a [String],
    pub steps: Option<Vec<StepKind>>,
    pub since: Timestamp,
}

/// Makes the pods that a set lacks.
fn fill(set: &mut Set, workload: &str, curse: Option<Fate>, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
    let fate = curse.unwrap_or_else(|| Fate::of_image(&set.template.image));
    for _ in set.total()..set.wanted {
        let mould = Mould {
            name: format!("{workload}-{}-{}", set.hash, letters(rng, 5)),
            revision: &set.id,
            container: &set.template.container,
            image: &set.template.image,
            memory_limit: set.template.memory_bytes(),
            fate,
        };
        set.pods.push(Pod::new(&mould, now, rng, pace));
    }
}

/// Stops the pods that a set has too many: those not ready first, then the youngest.
fn shrink(set: &mut Set, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
    let excess = set.total().saturating_sub(set.wanted);
    let mut order: Vec<usize> = (0..set.pods.len()).filter(|at| set.pods.get(*at).is_some_and(Pod::live)).collect();
    order.sort_by_key(|at| set.pods.get(*at).map(|pod| (pod.ready(), std::cmp::Reverse(pod.instance.created))));
    for at in order.into_iter().take(excess as usize) {
        if let Some(pod) = set.pods.get_mut(at) {
            pod.stop(now, rng, pace);
        }
    }
}

/// Returns random letters as Kubernetes' names have them.
pub fn letters(rng: &mut fastrand::Rng, count: usize) -> String {
    (0..count).map(|_| LETTERS.get(rng.usize(..LETTERS.len())).copied().unwrap_or(b'x') as char).collect()
}

fn uid(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("0000").to_owned();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// A Service that sends the users to one side of a pair.
#[derive(Clone, Debug)]
pub struct Router {
    pub namespace: String,
    pub name: String,
    pub app: String,
    pub uid: Uid,
    pub label: String,
    pub version: u64,
    /// What the selector says.
    pub selected: String,
    /// What the endpoints follow: the selector, a moment later.
    pub effective: String,
    pub effective_at: Option<Timestamp>,
    pub previous: Option<Track>,
    pub switched: Option<Timestamp>,
    pub changed: Option<(String, Timestamp)>,
}

impl Router {
    /// Returns a service that selects this side.
    pub fn new(namespace: &str, name: &str, app: &str, label: &str, selected: &str, rng: &mut fastrand::Rng) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            app: app.into(),
            uid: Uid::new(uid(rng)),
            label: label.into(),
            version: rng.u64(10_000..90_000),
            selected: selected.into(),
            effective: selected.into(),
            effective_at: None,
            previous: None,
            switched: None,
            changed: None,
        }
    }

    /// Selects another side; the endpoints follow in a moment.
    pub fn select(&mut self, side: &str, manager: &str, now: Timestamp, rng: &mut fastrand::Rng) {
        if self.selected != side {
            self.previous = Some(Track::new(self.selected.as_str()));
            self.switched = Some(now);
        }
        side.clone_into(&mut self.selected);
        self.version += rng.u64(1..40);
        self.effective_at = Some(later(now, SignedDuration::from_millis(rng.i64(150..700))));
        self.changed = Some((manager.to_owned(), now));
    }

    /// The endpoints follow the selector.
    pub fn step(&mut self, now: Timestamp) -> bool {
        if self.effective_at.is_some_and(|at| now >= at) {
            self.effective_at = None;
            self.effective.clone_from(&self.selected);
            return true;
        }
        false
    }
}
