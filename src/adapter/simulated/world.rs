//! The simulated world: everything there is, stepped by the time given. The same scenario, seed and times replay the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::fault::Fate;
use super::fleet::{Berth, Course, Fleet, Shape};
use super::lock::Locks;
use super::object::{Deployment, Set, Settled, Template};
use super::pace::{Pace, later};
use super::router::Router;
use super::scenario::{Deed, Happen, Scenario};
use super::{argo, rolling};
use crate::domain::id::{RolloutId, Track};
use crate::domain::plan::{Canary, Target, Workload};

/// What one turn of the world brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The rollout at this place of [`World::services`] is not as it was.
    Changed(usize),
    /// The link is lost until then.
    LinkCut {
        until: Timestamp,
    },
    LinkBack,
}

/// One workload of the plan and the objects behind it.
#[derive(Clone, Debug)]
pub struct Managed {
    pub workload: Workload,
    /// One, or the two sides of a pair.
    pub deployments: Vec<Deployment>,
    pub router: Option<Router>,
}

/// A scenario's entry and when it is due.
#[derive(Clone, Debug)]
struct Due {
    at: Timestamp,
    every: Option<SignedDuration>,
    deed: Deed,
    turns: usize,
}

/// All there is.
#[derive(Clone, Debug)]
pub struct World {
    pub services: Vec<Managed>,
    pub locks: Locks,
    pub pace: Pace,
    pub rng: fastrand::Rng,
    due: Vec<Due>,
    pub(super) cut_until: Option<Timestamp>,
    /// Answers take so long until then.
    pub(super) slow: Option<(SignedDuration, Timestamp)>,
    /// Someone else who changes what was previewed, and how often still.
    pub(super) meddler: Option<(String, u32)>,
    /// How often each image was pushed again.
    pub pushes: BTreeMap<String, u32>,
    /// Whose usage is measured.
    pub focus: Option<RolloutId>,
    measured: Timestamp,
}

impl World {
    /// Returns the world of a scenario at a time, with what the scenario says to have happened before.
    pub fn new(scenario: &Scenario, fleet: &Fleet, workloads: Vec<Workload>, seed: u64, speed: f64, start: Timestamp) -> Self {
        let pace = Pace::new(scenario.timing.clone(), speed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let past = scenario.happen.iter().filter_map(|happen| happen.ago).max().unwrap_or(SignedDuration::ZERO);
        let past = pace.scaled(past);
        let begin = start.checked_sub(past).unwrap_or(start);
        let mut workloads = workloads;
        workloads.sort_by(|a, b| a.id.cmp(&b.id));
        workloads.dedup_by(|a, b| a.id == b.id);
        let services: Vec<_> = workloads.into_iter().map(|workload| managed(workload, fleet, &mut rng, &pace, begin)).collect();
        let locks = Locks::new(&services, begin);
        let due = scenario.happen.iter().map(|happen| Due::new(happen, &pace, start)).collect();
        let meddler = match &scenario.after_preview {
            Some(Deed::Meddle { by, times }) => Some((by.clone(), *times)),
            _ => None,
        };
        let mut world = Self {
            services,
            locks,
            pace,
            rng,
            due,
            cut_until: None,
            slow: None,
            meddler,
            pushes: BTreeMap::new(),
            focus: None,
            measured: begin,
        };
        // Half a second of the world at a time: finer than anything it does.
        let turn = world.pace.seconds(0.5);
        let mut now = begin;
        while now < start && !turn.is_zero() {
            world.tick(now);
            now = later(now, turn);
        }
        world
    }

    /// Goes on to a time. Returns what is not as it was.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Happening> {
        let mut changed = BTreeSet::new();
        let mut happenings = Vec::new();
        if self.cut_until.is_some_and(|until| now >= until) {
            self.cut_until = None;
            happenings.push(Happening::LinkBack);
        }
        if self.slow.is_some_and(|(_, until)| now >= until) {
            self.slow = None;
        }
        for deed in self.take_due(now) {
            let cut = self.cut_until;
            if let Some(at) = self.perform(&deed, now) {
                changed.insert(at);
            }
            if let Some(until) = self.cut_until.filter(|_| cut != self.cut_until) {
                happenings.push(Happening::LinkCut { until });
            }
        }
        let measure = self.pace.timing.usage && now >= later(self.measured, SignedDuration::from_secs(2));
        if measure {
            self.measured = now;
        }
        for (at, managed) in self.services.iter_mut().enumerate() {
            let mut moved = managed.step(now, &mut self.rng, &self.pace);
            if measure && self.focus.as_ref() == Some(&managed.workload.id) {
                moved |= managed.measure(now);
            }
            if moved {
                changed.insert(at);
            }
        }
        happenings.extend(changed.into_iter().map(Happening::Changed));
        happenings
    }

    /// Returns the place of a rollout.
    pub fn position(&self, id: &RolloutId) -> Option<usize> {
        self.services.iter().position(|managed| managed.workload.id == *id)
    }

    /// Returns whether the console is reached.
    pub fn link_up(&self) -> bool {
        self.cut_until.is_none()
    }

    /// Tries a lost link: it comes back a second later, unless it was about to.
    pub fn mend_link(&mut self, now: Timestamp) {
        let soon = later(now, SignedDuration::from_secs(1));
        self.cut_until = self.cut_until.map(|until| until.min(soon));
    }

    /// Someone else changes what was just previewed, where the scenario says so. Returns the rollout's place.
    pub fn meddle(&mut self, id: &RolloutId, now: Timestamp) -> Option<usize> {
        let (by, left) = self.meddler.take()?;
        if left > 1 {
            self.meddler = Some((by.clone(), left - 1));
        }
        let at = self.position(id)?;
        let Self { services, rng, pace, .. } = self;
        let managed = services.get_mut(at)?;
        if let Some(router) = &mut managed.router {
            let other = managed.deployments.iter().filter_map(|deployment| deployment.track.as_ref());
            let other = other.map(|(_, track)| track.to_string()).find(|track| *track != router.selected)?;
            router.select(&other, &by, now, rng);
            return Some(at);
        }
        let deployment = managed.deployments.first_mut()?;
        match &mut deployment.argo {
            Some(argo) if argo.halt.is_some() && argo.switch.is_none() => {
                let next = argo.index + 1;
                argo.enter(next, now);
                deployment.changed = Some((by, now));
            }
            _ => {
                deployment.replicas += 1;
                deployment.touch(&by, now, rng, pace);
            }
        }
        Some(at)
    }

    /// Returns how long an answer takes now.
    pub fn latency(&mut self) -> SignedDuration {
        if let Some((answer, _)) = self.slow {
            return answer;
        }
        let [from, to] = self.pace.timing.answer_ms;
        SignedDuration::from_millis(self.rng.i64(from..=to.max(from)))
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for due in &mut self.due {
            if now < due.at {
                continue;
            }
            let mut deed = due.deed.clone();
            if let Deed::Ship { versions, .. } = &mut deed {
                let turn = due.turns.checked_rem(versions.len()).unwrap_or(0);
                *versions = versions.get(turn).cloned().into_iter().collect();
            }
            deeds.push(deed);
            due.turns += 1;
            due.at = due.every.filter(SignedDuration::is_positive).map_or(Timestamp::MAX, |every| later(due.at, every));
        }
        deeds
    }

    /// Does what a scenario says. Returns the place of the rollout that it was done to.
    pub(super) fn perform(&mut self, deed: &Deed, now: Timestamp) -> Option<usize> {
        let named = |services: &[Managed], name: &str| services.iter().position(|managed| managed.workload.id.to_string() == name);
        match deed {
            Deed::Ship { rollout, versions, by } => {
                let at = named(&self.services, rollout)?;
                let managed = self.services.get_mut(at)?;
                let side = managed.idle().unwrap_or(0);
                let deployment = managed.deployments.get_mut(side)?;
                let version = versions.first()?;
                deployment.template.image = format!("{}:{version}", crate::domain::id::repository_of(&deployment.template.image));
                deployment.cause = Some(format!("release {version}"));
                deployment.reverting = false;
                deployment.touch(by, now, &mut self.rng, &self.pace);
                Some(at)
            }
            Deed::Scale { rollout, replicas, by } => {
                let at = named(&self.services, rollout)?;
                let deployment = self.services.get_mut(at)?.deployments.first_mut()?;
                // Back and forth, so that doing it again is a change.
                deployment.replicas = if deployment.replicas == *replicas { replicas.saturating_sub(2).max(1) } else { *replicas };
                deployment.touch(by, now, &mut self.rng, &self.pace);
                Some(at)
            }
            Deed::Hold { rollout, by } | Deed::Resume { rollout, by } => {
                let at = named(&self.services, rollout)?;
                let deployment = self.services.get_mut(at)?.deployments.first_mut()?;
                let hold = matches!(deed, Deed::Hold { .. });
                deployment.held = hold.then(|| crate::domain::rollout::Held { since: Some(now), by: Some(by.clone()) });
                deployment.touch(by, now, &mut self.rng, &self.pace);
                Some(at)
            }
            Deed::Break { rollout, fate, instances } => {
                let at = named(&self.services, rollout)?;
                let pods = self.services.get_mut(at)?.deployments.iter_mut().flat_map(|deployment| &mut deployment.sets);
                for pod in pods.flat_map(|set| &mut set.pods).filter(|pod| pod.live()).take(*instances) {
                    pod.befall(*fate, now);
                }
                Some(at)
            }
            Deed::Mend { rollout } => {
                let at = named(&self.services, rollout)?;
                let pods = self.services.get_mut(at)?.deployments.iter_mut().flat_map(|deployment| &mut deployment.sets);
                for pod in pods.flat_map(|set| &mut set.pods).filter(|pod| pod.live() && pod.fate != Fate::Healthy) {
                    pod.befall(Fate::Healthy, now);
                }
                Some(at)
            }
            Deed::Drive { rollout, by, reason } => {
                let at = named(&self.services, rollout)?;
                let id = self.services.get(at)?.workload.id.clone();
                self.locks.seize(&id, by, reason.as_deref(), now);
                None
            }
            Deed::Vanish { rollout } => {
                let at = named(&self.services, rollout)?;
                let id = self.services.get(at)?.workload.id.clone();
                self.locks.vanish(&id);
                None
            }
            Deed::CutLink { lasting } => {
                self.cut_until = Some(later(now, *lasting));
                None
            }
            Deed::StopController { rollout, lasting } => {
                let at = named(&self.services, rollout)?;
                let argo = self.services.get_mut(at)?.deployments.first_mut()?.argo.as_mut()?;
                argo.away_until = Some(later(now, self.pace.scaled(*lasting)));
                None
            }
            Deed::StopMetrics { lasting } => {
                let until = later(now, self.pace.scaled(*lasting));
                let deployments = self.services.iter_mut().flat_map(|managed| &mut managed.deployments);
                for argo in deployments.filter_map(|deployment| deployment.argo.as_mut()) {
                    argo.blind_until = Some(until);
                }
                None
            }
            Deed::Slow { answer, lasting } => {
                self.slow = Some((*answer, later(now, *lasting)));
                None
            }
            Deed::Push { image } => {
                *self.pushes.entry(image.clone()).or_default() += 1;
                None
            }
            Deed::Meddle { by, times } => {
                self.meddler = Some((by.clone(), *times));
                None
            }
        }
    }
}

impl Due {
    fn new(happen: &Happen, pace: &Pace, start: Timestamp) -> Self {
        let at = match (happen.ago, happen.after) {
            (Some(ago), _) => start.checked_sub(pace.scaled(ago)).unwrap_or(start),
            (None, after) => later(start, pace.scaled(after.unwrap_or(SignedDuration::ZERO))),
        };
        Self { at, every: happen.every.map(|every| pace.scaled(every)), deed: happen.deed.clone(), turns: 0 }
    }
}

impl Managed {
    /// Returns the place of the side without users; none where there are no sides, or neither has them.
    pub fn idle(&self) -> Option<usize> {
        let router = self.router.as_ref()?;
        self.side_of(&router.selected)?;
        self.deployments.iter().position(|d| d.track.as_ref().is_some_and(|(_, track)| track.as_str() != router.selected))
    }

    /// Returns the place of the deployment of a side.
    pub fn side_of(&self, track: &str) -> Option<usize> {
        self.deployments.iter().position(|d| d.track.as_ref().is_some_and(|(_, own)| own.as_str() == track))
    }

    fn step(&mut self, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) -> bool {
        let mut moved = self.router.as_mut().is_some_and(|router| router.step(now));
        for deployment in &mut self.deployments {
            moved |= deployment.observe(now);
            if deployment.argo.is_some() {
                moved |= argo::step(deployment, now, rng, pace);
            } else {
                rolling::step(deployment);
            }
            moved |= deployment.step_pods(now, rng, pace);
            moved |= deployment.keep_time(now);
        }
        moved
    }

    fn measure(&mut self, now: Timestamp) -> bool {
        let pods = self.deployments.iter_mut().flat_map(|deployment| &mut deployment.sets).flat_map(|set: &mut Set| &mut set.pods);
        pods.fold(false, |moved, pod| pod.measure(now) | moved)
    }
}

/// Makes a workload's objects as the fleet says; one that the fleet does not know gets three healthy instances.
fn managed(workload: Workload, fleet: &Fleet, rng: &mut fastrand::Rng, pace: &Pace, begin: Timestamp) -> Managed {
    let unknown = Berth {
        environment: String::new(),
        workload: None,
        shape: Shape::Rolling,
        replicas: 3,
        version: "1.0.0".into(),
        age: SignedDuration::from_hours(24),
        history: vec!["0.9.0".into()],
        idle: None,
        memory: "256Mi".into(),
        course: Course::default(),
    };
    let berth = fleet.berth(&workload.id).unwrap_or(&unknown).clone();
    let repository = workload.image.clone().unwrap_or_else(|| workload.id.service.to_string());
    let container = workload.container.clone().unwrap_or_else(|| workload.id.service.to_string());
    let template = |version: &str| Template {
        container: container.clone(),
        image: format!("{repository}:{version}"),
        memory: berth.memory.clone(),
        env: vec![("LOG_FORMAT".into(), "mixed".into()), ("BOOKING_REGION".into(), workload.id.environment.to_string())],
        restarted: None,
    };
    let since = begin.checked_sub(berth.age).unwrap_or(begin);
    let mut build = |name: &str, track: Option<(String, Track)>, version: &str, replicas: u32, since: Timestamp| {
        let argo = matches!(workload.target, Target::Rollout { .. }).then(|| berth.course.rollout(berth.shape, pace));
        let what = Settled {
            namespace: &workload.namespace,
            name,
            app: workload.id.service.as_str(),
            track,
            replicas,
            template: template(version),
            history: &berth.history,
            argo,
            since,
        };
        Deployment::settled(&what, rng, pace, begin)
    };
    let (deployments, router) = match &workload.target {
        Target::Canary(Canary { stable: name, .. })
        | Target::Flagger { name }
        | Target::Deployment { name }
        | Target::StatefulSet { name }
        | Target::DaemonSet { name }
        | Target::Rollout { name } => (vec![build(name, None, &berth.version, berth.replicas, since)], None),
        Target::BlueGreen(pair) => {
            let [active, other] = &pair.tracks;
            let of = |track: &Track| Some((pair.label.clone(), track.clone()));
            let first = build(&active.deployment, of(&active.track), &berth.version, berth.replicas, since);
            let (version, replicas) = berth.idle.as_ref().map_or((&berth.version, 0), |idle| (&idle.version, idle.replicas));
            // The other side is the newer one where its version is.
            let newer = version > &berth.version;
            let other_since = if newer { begin.checked_sub(SignedDuration::from_mins(50)).unwrap_or(begin) } else { since };
            let second = build(&other.deployment, of(&other.track), version, replicas, other_since);
            let router =
                Router::new(&workload.namespace, &pair.service, workload.id.service.as_str(), &pair.label, active.track.as_str(), rng);
            (vec![first, second], Some(router))
        }
    };
    Managed { workload, deployments, router }
}
