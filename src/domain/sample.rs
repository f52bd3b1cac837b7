//! Rollouts for the tables of this layer's tests: each test says only what it is about.

use std::sync::Arc;

use jiff::Timestamp;

use super::delivery::{Delivery, Steering};
use super::event::Event;
use super::id::{RevisionId, RolloutId, Track};
use super::instance::{Container, ContainerState, Exit, Instance, InstanceState};
use super::revision::{ContainerImage, Counts, Proof, Revision, Role, Roles};
use super::rollout::{Phase, Rollout, Routing, Serving, Strategy};
use super::step::{Step, StepKind, StepSource, Steps};
use super::verb::{Capabilities, Verb};

/// 22:18 on the evening of a release, and minutes before it.
pub fn now() -> Timestamp {
    "2026-03-02T22:18:00Z".parse().expect("a time")
}

pub fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - seconds).expect("a time")
}

pub fn counts(wanted: u32, total: u32, ready: u32) -> Counts {
    Counts { wanted, total, ready, available: ready }
}

pub fn image(version: &str) -> ContainerImage {
    ContainerImage { container: "web".into(), init: false, image: format!("lab/web:{version}") }
}

/// A revision called `r<number>`; later numbers are younger.
pub fn revision(number: u64, version: &str, roles: &[Role], counts: Counts) -> Revision {
    Revision {
        id: RevisionId::new(format!("r{number}")),
        number: Some(number),
        former_numbers: Vec::new(),
        version: version.into(),
        images: vec![image(version)],
        roles: Roles::of(roles),
        track: None,
        counts,
        created: Some(ago(100_000 - number as i64 * 1000)),
        cause: None,
        restarted: None,
        cools: None,
        shortcut: None,
        proof: Proof::Unknown,
        template: Vec::new(),
    }
}

pub fn rollout(strategy: Strategy, phase: Phase, revisions: Vec<Revision>) -> Rollout {
    let wanted = revisions.iter().map(|revision| revision.counts.wanted).max().unwrap_or(0);
    let total = revisions.iter().map(|revision| revision.counts.total).sum();
    let ready = revisions.iter().map(|revision| revision.counts.ready).sum();
    Rollout {
        id: RolloutId { environment: "production".into(), service: "web".into(), workload: "web".into() },
        kind: "deployment".into(),
        strategy,
        objects: Vec::new(),
        phase,
        native: "the engine's words".into(),
        serving: Serving::Full,
        held: None,
        counts: counts(wanted, total, ready),
        updated: 0,
        weights: Vec::new(),
        steps: None,
        revisions,
        instances: Vec::new(),
        events: Vec::new(),
        conditions: Vec::new(),
        routing: None,
        container: Some("web".into()),
        started: None,
        deadline: None,
        owner: None,
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Workload,
        delivery: Delivery::default(),
        changed: None,
        capabilities: Capabilities::offering(&Verb::ALL),
    }
}

pub fn rolling() -> Strategy {
    Strategy::Rolling { surge: "25 %".into(), unavailable: "25 %".into() }
}

/// A rolling update halfway: `#2 1.1.0` over `#1 1.0.0`, four wanted.
pub fn halfway() -> Rollout {
    let new = revision(2, "1.1.0", &[Role::Canary], counts(2, 2, 1));
    let old = Revision { proof: Proof::ReadyNow, ..revision(1, "1.0.0", &[Role::Stable], counts(3, 3, 3)) };
    let mut rollout = rollout(rolling(), Phase::Progressing, vec![new, old]);
    rollout.counts.wanted = 4;
    rollout
}

/// A canary at a pause, 5 of 20 on `#2 1.1.0`.
pub fn canary(phase: Phase) -> Rollout {
    let new = revision(2, "1.1.0", &[Role::Canary], counts(5, 5, 5));
    let old = Revision { proof: Proof::Stable, ..revision(1, "1.0.0", &[Role::Stable], counts(20, 20, 20)) };
    let mut rollout = rollout(Strategy::Canary, phase, vec![new, old]);
    rollout.steering = Steering::Steps;
    let step = |kind| Step { kind, started: None, ended: None };
    let list = vec![step(StepKind::Pause(None)), step(StepKind::Analysis("errors".into())), step(StepKind::Pause(None))];
    rollout.steps = Some(Steps { source: StepSource::Engine, list, current: Some(0), resumes: None });
    rollout
}

/// A pair with the users on blue 1.0.0 and green 1.1.0 beside it, three each.
pub fn pair() -> Rollout {
    let mut green = revision(2, "1.1.0", &[Role::Preview], counts(3, 3, 3));
    green.track = Some("green".into());
    let mut blue = revision(1, "1.0.0", &[Role::Active], counts(3, 3, 3));
    blue.track = Some("blue".into());
    let mut rollout = rollout(Strategy::BlueGreen, Phase::Done, vec![green, blue]);
    rollout.steering = Steering::Pair;
    rollout.routing = Some(Routing {
        router: "web".into(),
        active: Some("blue".into()),
        selector: "app=web,color=blue".into(),
        endpoints: vec![("blue".into(), 3), ("green".into(), 0)],
        strangers: 0,
        locked: None,
        previous: None,
        switched: None,
    });
    rollout
}

/// The same pair after the switch to green.
pub fn switched() -> Rollout {
    let mut rollout = pair();
    for revision in &mut rollout.revisions {
        let green = revision.track == Some(Track::new("green"));
        revision.roles = Roles::of(&[if green { Role::Active } else { Role::Preview }]);
    }
    if let Some(routing) = &mut rollout.routing {
        routing.active = Some("green".into());
        routing.previous = Some("blue".into());
        routing.switched = Some(ago(60));
        routing.endpoints = vec![("blue".into(), 0), ("green".into(), 3)];
    }
    rollout
}

/// An instance of a revision, created five minutes ago, with one container.
pub fn instance(of: &str, name: &str, state: InstanceState, word: &str) -> Instance {
    let container = Container {
        name: "web".into(),
        init: false,
        ready: state == InstanceState::Ready,
        restarts: 0,
        state: ContainerState::Running { since: Some(ago(290)) },
        last_exit: None,
    };
    Instance {
        name: format!("web-{of}-{name}").into(),
        revision: of.into(),
        state,
        word: word.into(),
        message: String::new(),
        created: Some(ago(300)),
        ready_since: None,
        restarts: 0,
        node: Some("node-1".into()),
        memory_limit: Some(256 << 20),
        cpu_limit_millis: None,
        containers: vec![container],
        usage: None,
    }
}

/// An instance whose container waits for this reason.
pub fn waiting(of: &str, name: &str, reason: &str, message: &str) -> Instance {
    let mut instance = instance(of, name, InstanceState::Failed, reason);
    instance.message = message.into();
    instance.containers[0].state = ContainerState::Waiting { reason: reason.into(), message: message.into() };
    instance
}

pub fn exit(code: i32, reason: &str, seconds_ago: i64) -> Exit {
    Exit { code, reason: reason.into(), message: String::new(), at: Some(ago(seconds_ago)) }
}

pub fn with(mut rollout: Rollout, instances: Vec<Instance>) -> Rollout {
    rollout.instances = instances.into_iter().map(Arc::new).collect();
    rollout
}

pub fn event(reason: &str, about: &str, message: &str) -> Event {
    let (reason, about, message) = (reason.into(), about.into(), message.into());
    Event { at: ago(30), warning: true, reason, about, message, count: 3, source: "kubelet".into() }
}
