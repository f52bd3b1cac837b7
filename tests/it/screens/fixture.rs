//! A console over a small company's plan, built by hand: one rollout of every kind and every trouble.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rolldeck::app::keymap::{KeyRow, Keymap};
use rolldeck::app::model::jobs::{Job, Stage};
use rolldeck::app::model::nav::Screen;
use rolldeck::app::model::notices::Tone;
use rolldeck::app::model::{JournalState, Look, Model, Start, Writing};
use rolldeck::config::theme::Theme;
use rolldeck::domain::change::{Answer, DiffLine, Expect, Preview, Request, Sign, Wait};
use rolldeck::domain::delivery::{Delivery, Steering};
use rolldeck::domain::event::Event;
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::instance::{Container, ContainerState, Exit, Instance, InstanceState, Usage};
use rolldeck::domain::journal::{Body, Entry, Intent, OutcomeKind};
use rolldeck::domain::object::{ObjectRef, Part};
use rolldeck::domain::plan::{BlueGreen, Colour, EngineKind, Environment, Plan, Protection, Service, Target, TrackTarget, Workload};
use rolldeck::domain::revision::{ContainerImage, Counts, Proof, Revision, Role, Roles};
use rolldeck::domain::rollout::{Held, Phase, Rollout, Routing, Serving, Strategy};
use rolldeck::domain::step::{Share, Step, StepKind, StepSource, Steps, Weight, WeightSource};
use rolldeck::domain::verb::{Capabilities, Order, Refusal, Verb};
use rolldeck::port::Link;

/// So many seconds from the moment on screen, 22:18:07 in Berlin.
pub fn at(second: i64) -> Timestamp {
    "2026-01-20T21:18:07Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

pub fn id(service: &str, environment: &str) -> RolloutId {
    RolloutId { environment: environment.into(), service: service.into(), workload: service.into() }
}

const ENVIRONMENTS: [(&str, &str, Protection, Colour); 3] = [
    ("development", "dev-box", Protection::Open, Colour::Green),
    ("staging", "staging", Protection::Guarded, Colour::Blue),
    ("production", "prod-eu", Protection::Protected, Colour::Red),
];

fn plan() -> Plan {
    let environments = ENVIRONMENTS.map(|(name, context, protection, colour)| Environment {
        name: name.into(),
        engine: EngineKind::Kubernetes,
        context: Some(context.into()),
        namespace: "booking".into(),
        protection,
        colour,
        policy: std::sync::Arc::default(),
    });
    let service = |name: &str, target: &dyn Fn(&str) -> Target, workloads: &[&str]| Service {
        name: name.into(),
        image: Some(format!("trixtech/{name}")),
        container: None,
        workloads: ENVIRONMENTS
            .iter()
            .flat_map(|(environment, context, ..)| {
                workloads.iter().map(move |workload| Workload {
                    id: RolloutId { environment: (*environment).into(), service: name.into(), workload: (*workload).into() },
                    engine: EngineKind::Kubernetes,
                    context: Some((*context).to_owned()),
                    namespace: "booking".into(),
                    target: target(workload),
                    image: None,
                    container: None,
                })
            })
            .collect(),
    };
    let deployment = |name: &str| Target::Deployment { name: name.into() };
    let canary = |name: &str| Target::Rollout { name: name.into() };
    let pair = |name: &str| {
        Target::BlueGreen(BlueGreen {
            service: name.into(),
            label: "colour".into(),
            tracks: ["blue", "green"].map(|track| TrackTarget { track: track.into(), deployment: format!("{name}-{track}") }),
        })
    };
    Plan {
        name: "trixtech-booking".into(),
        path: None,
        environments: environments.to_vec(),
        services: vec![
            service("backend", &canary, &["backend"]),
            service("frontend", &deployment, &["frontend"]),
            service("worker", &deployment, &["worker"]),
            service("payments", &pair, &["payments"]),
            service("search", &deployment, &["search"]),
            service("mail", &deployment, &["api", "queue"]),
        ],
        provisional: false,
        channels: Vec::new(),
    }
}

fn keymap() -> Keymap {
    // Read so that the order of the file stays: the first key bound is the one shown.
    let table: toml_edit::DocumentMut = include_str!("../../../config/keymap.toml").parse().unwrap();
    let rows: Vec<(String, String, String)> = table
        .iter()
        .flat_map(|(mode, keys)| {
            let keys = keys.as_table().unwrap().iter();
            keys.map(move |(key, action)| (mode.to_owned(), key.to_owned(), action.as_str().unwrap().to_owned()))
        })
        .collect();
    Keymap::new(rows.iter().map(|(mode, key, action)| KeyRow { mode, key, action, embedded: true })).unwrap()
}

/// A console that nothing has answered yet.
pub fn started() -> Model {
    let start = Start {
        plan: Arc::new(plan()),
        keymap: Arc::new(keymap()),
        look: Look { theme: "dark".into(), themes: Theme::names().map(str::to_owned).to_vec(), mouse: true, bell: false, notify: false },
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        writing: Writing::Allowed,
        user: "ana".into(),
        console: "desk:4711".into(),
        log_bytes: 1 << 20,
    };
    Model::new(start, at(0))
}

pub fn revision(service: &str, number: u64, version: &str, roles: &[Role], (ready, wanted): (u32, u32)) -> Revision {
    Revision {
        id: format!("{service}-{number}").into(),
        number: Some(number),
        former_numbers: Vec::new(),
        version: version.into(),
        images: vec![ContainerImage { container: "web".into(), init: false, image: format!("trixtech/{service}:{version}") }],
        roles: Roles::of(roles),
        track: None,
        counts: Counts { wanted, total: wanted, ready, available: ready },
        created: Some(at(-3_600 * 24 * i64::try_from(44 - number.min(43)).unwrap())),
        cause: number.is_multiple_of(2).then(|| "ticket CHG-4711".into()),
        restarted: None,
        cools: None,
        shortcut: None,
        proof: if ready > 0 { Proof::ReadyNow } else { Proof::Unknown },
        template: vec![format!("env.LEDGER_TIMEOUT: {number}s"), "replicas.memory: 256Mi".into()],
    }
}

pub fn instance(revision: &Revision, suffix: &str, state: InstanceState, word: &str, age: i64) -> Arc<Instance> {
    let ready = state == InstanceState::Ready;
    Arc::new(Instance {
        name: format!("{}-{suffix}", revision.id).into(),
        revision: revision.id.clone(),
        state,
        word: word.into(),
        message: String::new(),
        created: Some(at(-age)),
        ready_since: ready.then(|| at(-age + 6)),
        restarts: 0,
        node: Some("node-3".into()),
        memory_limit: Some(268_435_456),
        cpu_limit_millis: Some(500),
        containers: vec![Container {
            name: "web".into(),
            init: false,
            ready,
            restarts: 0,
            state: ContainerState::Running { since: Some(at(-age)) },
            last_exit: None,
        }],
        usage: ready.then_some(Usage { cpu_millis: 118, memory_bytes: 215_000_000 }),
    })
}

/// A pod that is killed for memory again and again.
pub fn killed(revision: &Revision, suffix: &str) -> Arc<Instance> {
    let mut pod = (*instance(revision, suffix, InstanceState::Failed, "CrashLoopBackOff", 260)).clone();
    pod.restarts = 4;
    pod.message = "back-off 40s restarting failed container".into();
    pod.containers[0].restarts = 4;
    pod.containers[0].state = ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: "back-off 40s".into() };
    pod.containers[0].last_exit = Some(Exit { code: 137, reason: "OOMKilled".into(), message: String::new(), at: Some(at(-40)) });
    Arc::new(pod)
}

const VERBS: [Verb; 7] = [Verb::Ship, Verb::Hold, Verb::Resume, Verb::Abort, Verb::RollBack, Verb::Restart, Verb::Scale];

/// A Deployment that runs one version on so many pods.
pub fn steady(id: RolloutId, version: &str, pods: u32) -> Rollout {
    let name = id.workload.to_string();
    let revisions = vec![revision(&name, 41, version, &[Role::Stable], (pods, pods)), revision(&name, 40, "0.8.0", &[Role::Old], (0, 0))];
    let newest = revisions[0].clone();
    let instances = (0..pods).map(|n| instance(&newest, &format!("{n}mm1a"), InstanceState::Ready, "Running", 7_000)).collect();
    Rollout {
        kind: "deployment".into(),
        strategy: Strategy::Rolling { surge: "25 %".into(), unavailable: "25 %".into() },
        objects: vec![ObjectRef {
            part: Part::Workload,
            kind: "Deployment".into(),
            namespace: "booking".into(),
            name: name.clone(),
            uid: "7c1f".into(),
            version: "generation 41".into(),
        }],
        phase: Phase::Done,
        native: format!("deployment \"{name}\" successfully rolled out"),
        serving: Serving::Full,
        held: None,
        counts: Counts { wanted: pods, total: pods, ready: pods, available: pods },
        updated: pods,
        weights: Vec::new(),
        steps: None,
        instances,
        revisions,
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
        changed: Some(("kubectl-client-side-apply".into(), at(-7_000))),
        capabilities: Capabilities::offering(&VERBS),
        id,
    }
}

fn event(ago: i64, warning: bool, reason: &str, about: &str, message: &str, count: u32) -> Event {
    Event { at: at(-ago), warning, reason: reason.into(), about: about.into(), message: message.into(), count, source: "kubelet".into() }
}

/// A rolling update in the middle: three of eight are new, one of them is not ready yet.
pub fn rolling(id: RolloutId) -> Rollout {
    let name = id.workload.to_string();
    let mut rollout = steady(id, "5.0.0", 8);
    let new = revision(&name, 42, "5.1.0", &[Role::Canary], (2, 8));
    let new = Revision { counts: Counts { wanted: 8, total: 3, ready: 2, available: 2 }, created: Some(at(-96)), ..new };
    rollout.instances.truncate(6);
    let starting = instance(&new, "k2x9f", InstanceState::Starting, "ContainerCreating", 9);
    let ready = ["7pq4d", "r5t6w"].map(|suffix| instance(&new, suffix, InstanceState::Ready, "Running", 80));
    rollout.instances.extend(ready);
    rollout.instances.push(starting);
    rollout.revisions[0].counts = Counts { wanted: 6, total: 6, ready: 6, available: 6 };
    rollout.revisions.insert(0, new);
    rollout.phase = Phase::Progressing;
    rollout.native = "3 out of 8 new replicas have been updated".into();
    rollout.counts = Counts { wanted: 8, total: 9, ready: 8, available: 8 };
    rollout.updated = 3;
    rollout.started = Some(at(-96));
    rollout.deadline = Some(at(504));
    rollout.changed = Some(("rolldeck".into(), at(-96)));
    rollout.events = vec![
        event(9, false, "ScalingReplicaSet", &format!("Deployment {name}"), "Scaled up replica set frontend-42 to 3", 1),
        event(30, true, "Unhealthy", &format!("Pod {name}-42-7pq4d"), "Readiness probe failed: HTTP probe failed with statuscode: 503", 3),
        event(
            80,
            false,
            "Pulled",
            &format!("Pod {name}-42-7pq4d"),
            "Container image \"trixtech/frontend:5.1.0\" already present on machine",
            1,
        ),
        event(96, false, "ScalingReplicaSet", &format!("Deployment {name}"), "Scaled up replica set frontend-42 to 2", 1),
    ];
    rollout
}

/// A canary that waits for a person at step 4 of 9, one pod of it killed for memory.
pub fn canary(id: RolloutId) -> Rollout {
    let name = id.workload.to_string();
    let mut rollout = steady(id, "2.1.0", 15);
    let new = revision(&name, 42, "2.2.0", &[Role::Canary], (4, 5));
    rollout.instances.push(killed(&new, "x2k9f"));
    rollout.instances.extend(["7pq4d", "b8s4m", "c04hz", "d1k2j"].map(|pod| instance(&new, pod, InstanceState::Ready, "Running", 252)));
    rollout.revisions.insert(0, new);
    rollout.kind = "rollout".into();
    rollout.strategy = Strategy::Canary;
    rollout.steering = Steering::Steps;
    rollout.phase = Phase::Waiting;
    rollout.native = "CanaryPauseStep".into();
    rollout.counts = Counts { wanted: 20, total: 20, ready: 19, available: 19 };
    rollout.serving = Serving::Full;
    rollout.updated = 5;
    rollout.started = Some(at(-780));
    rollout.changed = Some(("ana".into(), at(-780)));
    rollout.weights = vec![
        Weight { share: Share::percent(25), source: WeightSource::Asked },
        Weight { share: Share::ratio(4, 19), source: WeightSource::Replicas },
    ];
    let step = |kind, started: Option<i64>, ended: Option<i64>| Step { kind, started: started.map(at), ended: ended.map(at) };
    let weight = |percent| StepKind::Weight(Share::percent(percent));
    let minutes = |minutes| StepKind::Pause(Some(SignedDuration::from_mins(minutes)));
    rollout.steps = Some(Steps {
        source: StepSource::Engine,
        list: vec![
            step(weight(5), Some(-780), Some(-739)),
            step(minutes(5), Some(-739), Some(-439)),
            step(weight(25), Some(-439), Some(-252)),
            step(StepKind::Pause(None), Some(-252), None),
            step(StepKind::Analysis("success-rate".into()), None, None),
            step(weight(50), None, None),
            step(minutes(10), None, None),
            step(weight(100), None, None),
        ],
        current: Some(3),
        resumes: None,
    });
    let mut verbs = VERBS.to_vec();
    verbs.extend([Verb::Advance, Verb::Finish, Verb::Retry]);
    rollout.capabilities = Capabilities::offering(&verbs);
    rollout.events = vec![
        event(40, true, "BackOff", &format!("Pod {name}-42-x2k9f"), "Back-off restarting failed container web", 12),
        event(252, false, "RolloutPaused", &format!("Rollout {name}"), "Rollout is paused (CanaryPauseStep)", 1),
    ];
    rollout
}

/// Blue serves, green is ready beside it.
pub fn pair(id: RolloutId) -> Rollout {
    let name = id.workload.to_string();
    let side = |number, version: &str, track: &str, roles: &[Role], counts| Revision {
        track: Some(track.into()),
        id: format!("{name}-{track}-1").into(),
        ..revision(&name, number, version, roles, counts)
    };
    let blue = side(7, "3.3.7", "blue", &[Role::Active], (4, 4));
    let green = side(8, "3.4.0", "green", &[Role::Preview], (4, 4));
    let mut rollout = steady(id, "3.3.7", 4);
    rollout.instances = [&blue, &green]
        .into_iter()
        .flat_map(|side| (0..4).map(|n| instance(side, &format!("{n}q7d2"), InstanceState::Ready, "Running", 1_200)))
        .collect();
    rollout.revisions = vec![green, blue];
    rollout.kind = "blue/green".into();
    rollout.strategy = Strategy::BlueGreen;
    rollout.steering = Steering::Pair;
    rollout.counts = Counts { wanted: 8, total: 8, ready: 8, available: 8 };
    rollout.native = "blue serves".into();
    rollout.routing = Some(Routing {
        router: name.clone(),
        active: Some("blue".into()),
        selector: format!("app={name},colour=blue"),
        endpoints: vec![("blue".into(), 4), ("green".into(), 0)],
        strangers: 0,
        locked: None,
        previous: Some("green".into()),
        switched: Some(at(-3 * 86_400)),
    });
    rollout.capabilities =
        Capabilities::offering(&[Verb::Ship, Verb::Switch, Verb::SwitchBack, Verb::RollBack, Verb::Restart, Verb::Scale, Verb::Retire]);
    rollout
}

/// Every pod of it is killed for memory.
pub fn crashing(id: RolloutId) -> Rollout {
    let mut rollout = steady(id, "1.9.1", 2);
    let first = rollout.revisions[0].clone();
    rollout.instances = vec![killed(&first, "x2k9f"), killed(&first, "p7w4c")];
    rollout.revisions[0].counts.ready = 0;
    rollout.revisions[0].counts.available = 0;
    rollout.revisions[0].proof = Proof::Failed(at(-200));
    rollout.revisions[1].proof = Proof::Recorded(at(-86_400));
    rollout.counts = Counts { wanted: 2, total: 2, ready: 0, available: 0 };
    rollout.phase = Phase::Failed;
    rollout.serving = Serving::Down;
    rollout.native = "deployment \"worker\" exceeded its progress deadline".into();
    rollout.started = Some(at(-700));
    rollout
}

fn request(id: &RolloutId, purpose: &str, then: Option<Wait>) -> Request {
    Request {
        purpose: purpose.into(),
        method: "PATCH".into(),
        path: format!("/apis/apps/v1/namespaces/booking/deployments/{}?fieldManager=rolldeck", id.workload),
        content_type: "application/json-patch+json".into(),
        body: r#"[{"op":"test","path":"/metadata/uid","value":"7c1f"},{"op":"test","path":"/metadata/generation","value":41},{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"trixtech/frontend:5.1.0"}]"#.into(),
        object: ObjectRef {
            part: Part::Workload,
            kind: "Deployment".into(),
            namespace: "booking".into(),
            name: id.workload.to_string(),
            uid: "7c1f".into(),
            version: "generation 41".into(),
        },
        then,
    }
}

/// What the engine says that an order comes to.
pub fn preview(id: &RolloutId, order: Order) -> Preview {
    let back = order.verb().way_back();
    let (from, to) = ("#42 5.1.0", "#41 5.0.0");
    let line = |sign, text: &str| DiffLine { sign, text: text.into() };
    Preview {
        rollout: id.clone(),
        requests: vec![request(id, "set the image of web to 5.1.0", Some(Wait::Ready))],
        diff: vec![
            line(Sign::Object, &format!("Deployment booking/{}", id.workload)),
            line(Sign::Same, "spec.replicas: 8"),
            line(Sign::Removed, "spec.template.spec.containers[web].image: trixtech/frontend:5.0.0"),
            line(Sign::Added, "spec.template.spec.containers[web].image: trixtech/frontend:5.1.0"),
        ],
        from: Some(if back { from } else { to }.into()),
        to: Some(if back { to } else { from }.into()),
        leads_to: vec![
            "8 pods are replaced, at most 2 above and 2 below at a time.".into(),
            "Users get both versions until it is done.".into(),
        ],
        warnings: vec!["Helm owns it (release booking): the next upgrade of it takes this back.".into()],
        expect: Expect::Done,
        read_at: at(0),
        rehearsed: true,
        order,
    }
}

fn operation(op: &str, ago: i64, id: RolloutId, order: Order, outcome: Option<(OutcomeKind, &str)>, answered: bool) -> Vec<Entry> {
    let entry = |later: i64, body| Entry { at: at(later - ago), actor: "ana".into(), console: "desk:17".into(), op: op.into(), body };
    let requests = vec![request(&id, "set the image of web", None)];
    let intent = Intent {
        rollout: id,
        order,
        from: Some("#41 5.0.0".into()),
        to: Some("#42 5.1.0".into()),
        requests,
        expect: Expect::Done,
        reason: None,
    };
    let mut entries = vec![entry(0, Body::Intent(Box::new(intent)))];
    if answered {
        entries.push(entry(1, Body::Answered { index: 0, result: Ok(Answer { status: 200, version: "42".into(), took_ms: 41 }) }));
    }
    if let Some((result, seen)) = outcome {
        entries.push(entry(60, Body::Outcome { result, seen: seen.into() }));
    }
    entries
}

fn ship(version: &str) -> Order {
    Order::Ship { container: None, image: format!("trixtech/frontend:{version}") }
}

/// A busy evening, every link live.
pub fn busy() -> Model {
    let mut model = started();
    for (_, context, ..) in ENVIRONMENTS {
        model.links.set(context.into(), Link::Up, at(-600));
        model.links.prove(&context.into(), at(-1));
    }
    model.journal = JournalState::Writable;
    let workload = |service: &str, workload: &str, environment: &str| RolloutId { workload: workload.into(), ..id(service, environment) };
    let mut held = rolling(id("search", "production"));
    held.phase = Phase::Waiting;
    held.held = Some(Held { since: Some(at(-190)), by: Some("kubectl-rollout".into()) });
    held.native = "paused: 3 out of 8 new replicas have been updated".into();
    let mut reduced = steady(workload("mail", "queue", "production"), "1.2.0", 4);
    reduced.counts.ready = 3;
    reduced.serving = Serving::Reduced;
    let mut absent = steady(workload("mail", "queue", "development"), "1.2.0", 0);
    absent.phase = Phase::Absent;
    absent.revisions.clear();
    for rollout in [
        steady(id("backend", "development"), "2.3.0-dev", 3),
        steady(id("backend", "staging"), "2.2.0", 3),
        canary(id("backend", "production")),
        steady(id("frontend", "development"), "5.1.0", 2),
        steady(id("frontend", "staging"), "5.1.0", 2),
        rolling(id("frontend", "production")),
        steady(id("worker", "development"), "1.9.2", 1),
        crashing(id("worker", "staging")),
        steady(id("worker", "production"), "1.9.0", 6),
        pair(id("payments", "development")),
        pair(id("payments", "staging")),
        pair(id("payments", "production")),
        steady(id("search", "development"), "0.9.0", 3),
        steady(id("search", "staging"), "0.9.0", 14),
        held,
        steady(workload("mail", "api", "development"), "1.2.0", 1),
        absent,
        steady(workload("mail", "api", "staging"), "1.2.0", 2),
        steady(workload("mail", "queue", "staging"), "1.2.0", 2),
        steady(workload("mail", "api", "production"), "1.1.4", 4),
        reduced,
    ] {
        model.fleet.take(Arc::new(rollout), at(0));
    }
    let mut entries =
        operation("op-1", 2_400, id("search", "staging"), ship("0.9.0"), Some((OutcomeKind::Met, "14 of 14 ready on #41 0.9.0")), true);
    entries.extend(operation("op-2", 1_500, id("worker", "production"), ship("1.9.1"), None, true));
    entries.extend(operation(
        "op-3",
        700,
        id("worker", "staging"),
        ship("1.9.1"),
        Some((OutcomeKind::Missed, "exceeded its progress deadline")),
        true,
    ));
    entries.extend(operation("op-4", 96, id("frontend", "production"), ship("5.1.0"), None, true));
    // The console of op-4 lives, that of op-2 does not.
    for entry in entries.iter_mut().filter(|entry| entry.op.as_str() == "op-4") {
        entry.console = "desk:4711".into();
    }
    model.jobs.load(entries, &["desk:4711".into()]);
    let frontend = id("frontend", "production");
    model.jobs.list.push(Job {
        op: "op-4".into(),
        rollout: frontend.clone(),
        order: ship("5.1.0"),
        requests: vec![request(&frontend, "set the image of web", None)],
        expect: Expect::Done,
        label: "ship 5.1.0".into(),
        stage: Stage::Watching { since: at(-95) },
        answers: Vec::new(),
        unrecorded: false,
        release: None,
    });
    model.notices.add(at(-1_210), Tone::Bad, Some(id("worker", "staging")), "failed: exceeded its progress deadline");
    model.notices.add(at(-252), Tone::Warn, Some(id("backend", "production")), "waits for you");
    model
}

/// The busy evening on the screen of one rollout.
pub fn on(service: &str, environment: &str) -> Model {
    let mut model = busy();
    model.nav.open(Screen::Rollout(id(service, environment)));
    model
}

/// Staging is lost, production stale, development does not let us in.
pub fn lost() -> Model {
    let mut model = busy();
    model.links.set("staging".into(), Link::Retrying { why: "connection refused".into(), next: at(3) }, at(-20));
    model.links.set("dev-box".into(), Link::Down { why: "not authorised".into() }, at(-20));
    model.links.set("prod-eu".into(), Link::Up, at(-20));
    model.now = at(24);
    model.notices.add(at(20), Tone::Bad, None, "staging: connection refused");
    model
}

/// Takes the rights to change anything away.
pub fn watcher(mut rollout: Rollout) -> Rollout {
    for verb in Verb::ALL {
        rollout.capabilities.refuse(verb, Refusal::NoRight { right: "patch deployments in booking".into() });
    }
    rollout
}
