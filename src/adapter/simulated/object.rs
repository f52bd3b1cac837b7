//! The objects of the simulated cluster: deployments and rollouts with their replica sets.

use jiff::{SignedDuration, Timestamp};

use super::argo::Argo;
use super::fault::Fate;
use super::pace::{Pace, later};
use super::pod::{Mould, Pod, event};
use crate::domain::delivery::Shortcut;
use crate::domain::event::Event;
use crate::domain::id::{RevisionId, Track, Uid};
use crate::domain::rollout::Held;

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

/// A workload with replicas: a Deployment, or a Rollout of Argo.
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
    pub argo: Option<Argo>,
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
            argo: what.argo.clone(),
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
            if let Some(switch) = deployment.argo.as_mut().and_then(|argo| argo.switch.as_mut()) {
                switch.active = Some(set.id.clone());
            }
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
        match &self.argo {
            // The former stable set may stay warm beside it for a while.
            Some(argo) => {
                let switched = argo.switch.as_ref().is_none_or(|switch| switch.active.as_ref() == Some(&current.id));
                let stable = Some(&current.id) == self.stable.as_ref();
                whole && stable && switched && argo.index >= argo.steps.len() && argo.aborted.is_none() && !argo.full
            }
            None => whole && self.sets.iter().map(Set::total).sum::<u32>() == self.replicas,
        }
    }

    /// Returns why a return to a set would take no steps and no pause.
    pub fn shortcut(&self, set: &Set) -> Option<Shortcut> {
        let argo = self.argo.as_ref()?;
        let stable = self.stable_set()?;
        if set.id == stable.id {
            return Some(Shortcut::Stable);
        }
        if argo.switch.is_some() && set.cools.is_some() && set.served.is_some() {
            return Some(Shortcut::Warm);
        }
        // Argo's `rollbackWindow`: older than the stable one, and few enough revisions between (api-semantics 2.4).
        let between = self.sets.iter().filter(|other| other.created > set.created && other.created < stable.created).count();
        let window = argo.window.is_some_and(|window| set.created < stable.created && between < window as usize);
        window.then_some(Shortcut::Window)
    }

    /// Marks the wish as changed: the controller sees it in a moment.
    pub fn touch(&mut self, manager: &str, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
        self.hash = self.template.hash(&self.name);
        self.generation += 1;
        self.version += rng.u64(1..40);
        let lag = lag(rng, pace);
        self.observe_at = Some(later(now, lag));
        if let Some(argo) = &mut self.argo {
            argo.written(now, lag);
        }
        self.changed = Some((manager.to_owned(), now));
    }

    /// The controller looks at the wish: the set of the template is found and numbered anew, or made.
    pub fn observe(&mut self, now: Timestamp) -> bool {
        let away = self.argo.as_ref().is_some_and(|argo| argo.away(now));
        if self.observed() || away || self.observe_at.is_some_and(|at| now < at) {
            return false;
        }
        self.observed = self.generation;
        self.observe_at = None;
        self.version += 1;
        let hash = self.hash.clone();
        let shortcut = self.current().and_then(|set| self.shortcut(set));
        let newest = self.sets.iter().map(|set| set.number).max().unwrap_or(0);
        match self.sets.iter_mut().find(|set| set.hash == hash) {
            Some(set) if set.number == newest => {}
            Some(set) => {
                // The set of a former revision is used again: it gets the next number and keeps the old ones.
                set.former.push(set.number);
                set.number = newest + 1;
                set.cools = None;
                set.cause.clone_from(&self.cause);
                self.begin(shortcut, now);
            }
            None => {
                self.add_set(self.template.clone(), newest + 1, now, self.cause.clone());
                self.begin(None, now);
            }
        }
        true
    }

    fn begin(&mut self, shortcut: Option<Shortcut>, now: Timestamp) {
        self.started = Some(now);
        self.progressed = now;
        self.exceeded = false;
        if let Some(argo) = &mut self.argo {
            argo.begin(shortcut, now);
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
                let kind = if self.argo.is_some() { ("Rollout", "rollouts-controller") } else { ("Deployment", "deployment-controller") };
                events.push(event(now, false, "ScalingReplicaSet", &format!("{} {}", kind.0, self.name), &words, kind.1));
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
        // A rollout whose candidate has all that its step asks for waits for something else than instances.
        let sized = self.current().is_some_and(|set| set.wanted > 0 && set.ready() == set.wanted && set.total() == set.wanted);
        let stands = self.held.is_some()
            || self.argo.as_ref().is_some_and(|argo| argo.halt.is_some() || argo.aborted.is_some() || sized || argo.pending.is_some());
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
    pub argo: Option<Argo>,
    pub since: Timestamp,
}

/// Returns how long a controller takes to look: 20 to 150 ms, as measured on the real one; not divided by the speed, or it
/// would not be seen at all.
pub fn lag(rng: &mut fastrand::Rng, pace: &Pace) -> SignedDuration {
    SignedDuration::from_millis(rng.i64(20..150) + pace.timing.controller_lag_ms)
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

pub(super) fn uid(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("0000").to_owned();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
