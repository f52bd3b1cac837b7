//! A console over a small plan whose engine and journal are the test itself.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rolldeck::app::effect::Effect;
use rolldeck::app::keymap::{KeyRow, Keymap};
use rolldeck::app::model::dialog::{Overlay, Stage};
use rolldeck::app::model::{Look, Model, Start, Writing};
use rolldeck::app::msg::Msg;
use rolldeck::app::update::update;
use rolldeck::domain::change::{Answer, ChangeError, Expect, Preview, Request};
use rolldeck::domain::delivery::{Delivery, Steering};
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::object::{ObjectRef, Part};
use rolldeck::domain::plan::{Colour, EngineKind, Environment, Plan, Protection, Service, Target, Workload};
use rolldeck::domain::revision::{ContainerImage, Counts, Proof, Revision, Role, Roles};
use rolldeck::domain::rollout::{Phase, Rollout, Serving, Strategy};
use rolldeck::domain::verb::{Capabilities, Order, Verb};
use rolldeck::port::engine::{Command, Event};
use rolldeck::port::terminal::Input;
use rolldeck::port::{Link, records};

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

pub fn id(environment: &str) -> RolloutId {
    RolloutId { environment: environment.into(), service: "backend".into(), workload: "backend".into() }
}

/// Three environments, one of each protection, and one service.
fn plan() -> Plan {
    let environment = |name: &str, protection| Environment {
        name: name.into(),
        engine: EngineKind::Simulated,
        context: None,
        namespace: name.into(),
        protection,
        colour: Colour::Green,
        policy: std::sync::Arc::default(),
    };
    let workload = |name: &str| Workload {
        id: id(name),
        engine: EngineKind::Simulated,
        context: None,
        namespace: name.into(),
        target: Target::Deployment { name: "backend".into() },
        image: Some("lab/web".into()),
        container: None,
    };
    Plan {
        name: "booking".into(),
        path: None,
        environments: vec![
            environment("development", Protection::Open),
            environment("staging", Protection::Guarded),
            environment("production", Protection::Protected),
        ],
        services: vec![Service {
            name: "backend".into(),
            image: Some("lab/web".into()),
            container: None,
            workloads: ["development", "staging", "production"].map(workload).to_vec(),
        }],
        provisional: false,
        channels: Vec::new(),
    }
}

fn keymap() -> Keymap {
    let table: toml::Table = toml::from_str(include_str!("../../../config/keymap.toml")).unwrap();
    let rows: Vec<(String, String, String)> = table
        .iter()
        .flat_map(|(mode, keys)| {
            keys.as_table().unwrap().iter().map(move |(key, action)| (mode.clone(), key.clone(), action.as_str().unwrap().to_owned()))
        })
        .collect();
    Keymap::new(rows.iter().map(|(mode, key, action)| KeyRow { mode, key, action, embedded: true })).unwrap()
}

fn revision(number: u64, version: &str, roles: &[Role], ready: u32) -> Revision {
    Revision {
        id: format!("backend-{number}").into(),
        number: Some(number),
        former_numbers: Vec::new(),
        version: version.into(),
        images: vec![ContainerImage { container: "web".into(), init: false, image: format!("lab/web:{version}") }],
        roles: Roles::of(roles),
        track: None,
        counts: Counts { wanted: ready, total: ready, ready, available: ready },
        created: Some(at(-3600)),
        cause: None,
        restarted: None,
        cools: None,
        shortcut: None,
        proof: if ready > 0 { Proof::ReadyNow } else { Proof::Unknown },
        template: Vec::new(),
    }
}

/// A Deployment that runs 1.0.0 three times at generation `generation`, with 0.9.0 kept.
pub fn rollout(environment: &str, generation: u64) -> Rollout {
    Rollout {
        id: id(environment),
        kind: "deployment".into(),
        strategy: Strategy::Rolling { surge: "25 %".into(), unavailable: "25 %".into() },
        objects: vec![object(environment, generation)],
        phase: Phase::Done,
        native: "deployment \"backend\" successfully rolled out".into(),
        serving: Serving::Full,
        held: None,
        counts: Counts { wanted: 3, total: 3, ready: 3, available: 3 },
        updated: 3,
        weights: Vec::new(),
        steps: None,
        revisions: vec![revision(2, "1.0.0", &[Role::Stable], 3), revision(1, "0.9.0", &[Role::Old], 0)],
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
        capabilities: Capabilities::offering(&[
            Verb::Ship,
            Verb::Hold,
            Verb::Resume,
            Verb::Abort,
            Verb::RollBack,
            Verb::Restart,
            Verb::Scale,
        ]),
    }
}

/// The same one while 1.1.0 comes in.
pub fn under_way(environment: &str, generation: u64) -> Rollout {
    let mut rollout = rollout(environment, generation);
    rollout.phase = Phase::Progressing;
    rollout.revisions.insert(0, revision(3, "1.1.0", &[Role::Canary], 1));
    rollout.updated = 1;
    rollout
}

/// The same one when 1.1.0 has taken over.
pub fn shipped(environment: &str, generation: u64) -> Rollout {
    let mut rollout = rollout(environment, generation);
    rollout.revisions = vec![revision(3, "1.1.0", &[Role::Stable], 3), revision(2, "1.0.0", &[Role::Old], 0)];
    rollout
}

pub fn object(environment: &str, generation: u64) -> ObjectRef {
    ObjectRef {
        part: Part::Workload,
        kind: "Deployment".into(),
        namespace: environment.into(),
        name: "backend".into(),
        uid: "uid-1".into(),
        version: format!("generation {generation}"),
    }
}

/// The console, and what has left it.
pub struct Console {
    pub model: Model,
    pub left: Vec<Effect>,
}

impl Console {
    /// A console whose link is up, whose journal is read and which has been told of a healthy rollout everywhere.
    pub fn live() -> Self {
        let mut console = Self::started();
        console.take(Msg::Records(records::Event::Loaded { entries: Vec::new(), problems: Vec::new(), live: Vec::new() }));
        console.link(Link::Up);
        for environment in ["development", "staging", "production"] {
            console.tell(rollout(environment, 1));
        }
        console.left.clear();
        console
    }

    /// A console that nothing has answered yet.
    pub fn started() -> Self {
        let start = Start {
            plan: Arc::new(plan()),
            keymap: Arc::new(keymap()),
            look: Look { theme: "dark".into(), themes: vec!["dark".into()], mouse: true, bell: false, notify: false },
            zone: TimeZone::UTC,
            writing: Writing::Allowed,
            user: "ana".into(),
            console: "here:1".into(),
            log_bytes: 1 << 20,
        };
        Self { model: Model::new(start, at(0)), left: Vec::new() }
    }

    pub fn take(&mut self, msg: Msg) {
        let turn = update(&mut self.model, msg);
        self.left.extend(turn.effects);
    }

    pub fn link(&mut self, link: Link) {
        self.take(Msg::Engine(EngineKind::Simulated, Event::Link { scope: "simulated".into(), link }));
    }

    pub fn tell(&mut self, rollout: Rollout) {
        self.take(Msg::Engine(EngineKind::Simulated, Event::Rollout(Arc::new(rollout))));
    }

    /// Lets so many seconds pass, a tick each, with the link proving itself alive unless told otherwise.
    pub fn pass(&mut self, seconds: i64, alive: bool) {
        for _ in 0..seconds {
            self.model.now += SignedDuration::from_secs(1);
            if alive {
                let at = self.model.now;
                self.take(Msg::Engine(EngineKind::Simulated, Event::Proof { scope: "simulated".into(), at }));
            }
            self.take(Msg::Tick);
        }
    }

    /// Presses keys, apart by a space; `space` is the space bar.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.key(key, false);
        }
    }

    pub fn key(&mut self, key: &str, repeat: bool) {
        let mut characters = key.chars();
        let combination = match (characters.next(), characters.next()) {
            (Some(only), None) if only.is_uppercase() => crokey::parse(&format!("shift-{}", only.to_lowercase())).unwrap(),
            _ => crokey::parse(key).unwrap(),
        };
        self.take(Msg::Input(Input::Key { key: combination, repeat }));
    }

    /// Opens a rollout's screen from the deck.
    pub fn open(&mut self, environment: &str) {
        let column = ["development", "staging", "production"].iter().position(|name| *name == environment).unwrap();
        for _ in 0..column {
            self.press("right");
        }
        self.press("enter");
        assert_eq!(self.model.open_rollout(), Some(&id(environment)));
        self.left.clear();
    }

    /// The orders that were asked to be rehearsed.
    pub fn asked(&self) -> Vec<&Order> {
        self.left
            .iter()
            .filter_map(|effect| if let Effect::Engine(_, Command::Preview { order, .. }) = effect { Some(order) } else { None })
            .collect()
    }

    /// How many times something was sent to be done.
    pub fn sent(&self) -> usize {
        self.left.iter().filter(|effect| matches!(effect, Effect::Engine(_, Command::Execute { .. }))).count()
    }

    /// What was handed to the journal.
    pub fn recorded(&self) -> Vec<&rolldeck::domain::journal::Body> {
        self.left
            .iter()
            .filter_map(
                |effect| if let Effect::Records(records::Command::Append { entry, .. }) = effect { Some(&entry.body) } else { None },
            )
            .collect()
    }

    /// Answers the dialog's question as the engine would.
    pub fn preview(&mut self, result: Result<Box<Preview>, ChangeError>) {
        let seq = self
            .left
            .iter()
            .rev()
            .find_map(|effect| if let Effect::Engine(_, Command::Preview { seq, .. }) = effect { Some(*seq) } else { None })
            .expect("nothing was asked");
        self.take(Msg::Engine(EngineKind::Simulated, Event::Previewed { seq, result }));
    }

    /// Rehearses the order that was asked for, on this generation.
    pub fn rehearse(&mut self, environment: &str, generation: u64, expect: Expect) {
        let order = (*self.asked().last().expect("nothing was asked")).clone();
        let request = Request {
            purpose: "test".into(),
            method: "PATCH".into(),
            path: "/apis/apps/v1/namespaces/x/deployments/backend".into(),
            content_type: "application/json-patch+json".into(),
            body: "[]".into(),
            object: object(environment, generation),
            then: None,
        };
        let preview = Preview {
            rollout: id(environment),
            order,
            requests: vec![request],
            diff: Vec::new(),
            from: None,
            to: None,
            leads_to: Vec::new(),
            warnings: Vec::new(),
            expect,
            read_at: self.model.now,
            rehearsed: true,
        };
        self.preview(Ok(Box::new(preview)));
    }

    /// Lets the journal take what waits.
    pub fn journal(&mut self, result: Result<(), String>) {
        let seqs: Vec<_> = self
            .left
            .iter()
            .filter_map(|effect| if let Effect::Records(records::Command::Append { seq, .. }) = effect { Some(*seq) } else { None })
            .collect();
        let seq = *seqs.last().expect("nothing was recorded");
        self.take(Msg::Records(records::Event::Appended { seq, result }));
    }

    /// Answers the last thing that was sent.
    pub fn answer(&mut self, result: Result<Answer, ChangeError>) {
        let op = self
            .left
            .iter()
            .rev()
            .find_map(|effect| if let Effect::Engine(_, Command::Execute { op, .. }) = effect { Some(op.clone()) } else { None })
            .expect("nothing was sent");
        self.take(Msg::Engine(EngineKind::Simulated, Event::Answered { op, index: 0, result, last: true }));
    }

    /// The stage of the confirm dialog, where one is open.
    pub fn stage(&self) -> Option<&Stage> {
        if let Some(Overlay::Confirm(confirm)) = &self.model.overlay { Some(&confirm.stage) } else { None }
    }

    /// What the last notice says.
    pub fn notice(&self) -> String {
        self.model.notices.iter().next().map(|notice| notice.text.clone()).unwrap_or_default()
    }
}

pub fn accepted(generation: u64) -> Answer {
    Answer { status: 200, version: format!("generation {generation}"), took_ms: 12 }
}
