//! One console's store of releases, and what it told. Included by both test binaries.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use rolldeck::adapter::kubernetes::releases::spawn_with;
use rolldeck::domain::release::policy::Keep;
use rolldeck::domain::release::record::{Body, Entry, Record};
use rolldeck::domain::release::{Brief, Kind, Voucher};
use rolldeck::port::Seq;
use rolldeck::port::releases::{Access, Command, Event, Failure, Shelf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub fn entry(who: &str, second: i64, body: Body) -> Entry {
    let at = Timestamp::from_second(1_780_000_000 + second).unwrap();
    Entry { at, actor: who.into(), voucher: Voucher::Cluster, console: format!("{who}-host:1"), body }
}

pub fn note(who: &str, second: i64) -> Entry {
    entry(who, second, Body::Noted { text: format!("{who} {second}"), log: false })
}

pub fn announced(second: i64) -> Entry {
    entry("ana", second, Body::Announced)
}

pub fn ended(second: i64) -> Entry {
    entry("ana", second, Body::Aborted { reason: "not today".into() })
}

/// A release that was announced.
pub fn begun(second: i64) -> Vec<Entry> {
    let brief = Brief {
        environment: "production".into(),
        versions: vec![("backend".into(), "2.2.0".into())],
        kind: Kind::Standard,
        title: "backend 2.2.0".into(),
        author: "ana".into(),
        ticket: None,
        notes: String::new(),
        audience: String::new(),
        duration: None,
        downtime: None,
        cutover: None,
        contingency: String::new(),
        class: None,
        criterion: None,
        strategies: Vec::new(),
    };
    vec![entry("ana", second, Body::Drafted { brief: Box::new(brief) }), announced(second + 1)]
}

pub fn shelf() -> Shelf {
    Shelf { product: "booking".into(), environment: "production".into(), keep: Keep { count: 2, days: 9999 } }
}

pub struct Console {
    commands: Option<mpsc::Sender<Command>>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
    seq: Seq,
    pub heard: Vec<Event>,
    records: BTreeMap<String, Record>,
    access: Access,
    answers: BTreeMap<Seq, Result<(), Failure>>,
}

impl Console {
    /// Starts the store of a cluster's namespace.
    pub fn start(client: kube::Client, namespace: &str) -> Self {
        Self::over(|commands, events| spawn_with(client, namespace.into(), shelf(), commands, events))
    }

    /// Starts any store.
    pub fn over(spawn: impl FnOnce(mpsc::Receiver<Command>, mpsc::Sender<Event>) -> JoinHandle<()>) -> Self {
        let (commands, taken) = mpsc::channel(64);
        let (told, events) = mpsc::channel(4096);
        let task = spawn(taken, told);
        Self {
            commands: Some(commands),
            events,
            task,
            seq: Seq(0),
            heard: Vec::new(),
            records: BTreeMap::new(),
            access: Access::Loading,
            answers: BTreeMap::new(),
        }
    }

    pub fn access(&self) -> Access {
        self.access.clone()
    }

    pub fn record(&self, id: &str) -> Option<Record> {
        self.records.get(id).cloned()
    }

    /// Takes what was told until now.
    pub fn listen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match &event {
            Event::Access { access, .. } => self.access = access.clone(),
            Event::Record { record, .. } => {
                self.records.insert(record.id.to_string(), (**record).clone());
            }
            Event::Gone { release, .. } => {
                self.records.remove(release.as_str());
            }
            Event::Appended { seq, result, .. } => {
                assert!(self.answers.insert(*seq, result.clone()).is_none(), "answered twice");
            }
            Event::Pruned { .. } => {}
        }
        self.heard.push(event);
    }

    fn send(&mut self, make: impl FnOnce(Seq) -> Command) -> Seq {
        let seq = self.seq.advance();
        self.commands.as_ref().unwrap().try_send(make(seq)).unwrap();
        seq
    }

    pub fn ask(&mut self, id: &str, entries: Vec<Entry>) -> Seq {
        self.send(|seq| Command::Append { seq, environment: "production".into(), release: id.into(), entries })
    }

    pub async fn answer(&mut self, seq: Seq) -> Result<(), Failure> {
        loop {
            if let Some(answer) = self.answers.get(&seq) {
                return answer.clone();
            }
            let event = self.events.recv().await.expect("an answer");
            self.take(event);
        }
    }

    pub async fn append(&mut self, id: &str, entries: Vec<Entry>) -> Result<(), Failure> {
        let seq = self.ask(id, entries);
        self.answer(seq).await
    }

    pub async fn create(&mut self, id: &str, entries: Vec<Entry>) -> Result<(), Failure> {
        let seq = self.send(|seq| Command::Create { seq, environment: "production".into(), release: id.into(), entries });
        self.answer(seq).await
    }

    /// Ends as a process does that is killed.
    pub fn kill(self) {
        self.task.abort();
    }

    /// Ends as a console does that is quit: nobody listens any more, and the way closes.
    pub async fn go(&mut self) {
        self.commands = None;
        self.events.close();
        (&mut self.task).await.unwrap();
    }
}
