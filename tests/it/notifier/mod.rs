//! The notifier with real sockets and real programs: servers that are slow, dead, busy, distrusted, and what is said of each.

mod mail;
mod program;
mod smtp;
mod web;
mod webhook;

use std::path::Path;
use std::time::Duration;

use rolldeck::adapter::notifier::{Options, spawn_with};
use rolldeck::domain::announcement::{Announcement, Occasion};
use rolldeck::domain::plan::{Channel, Means};
use rolldeck::port::Seq;
use rolldeck::port::notify::{Command, Event};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A notifier and the console's ends of it.
struct Notifier {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
    seq: Seq,
}

/// Waits are a tenth of the real ones at most, limits a second: the order of things is the same.
fn options() -> Options {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Options {
        time_limit: Duration::from_secs(1),
        program_limit: Duration::from_secs(1),
        pace: 1,
        patience: Duration::from_secs(8),
        roots: vec![std::fs::read(tls("ca.pem")).unwrap()],
        ..Options::default()
    }
}

fn tls(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(file)
}

fn channel(name: &str, by: Means) -> Channel {
    Channel { name: name.into(), occasions: Vec::new(), environments: Vec::new(), by, template: None }
}

fn news(sentence: &str) -> Announcement {
    Announcement {
        occasion: Occasion::Started,
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        release: "20260102-0304-backend-7f3a".into(),
        environment: "production".into(),
        route: "backend 2.2.0 → production".into(),
        title: "Booking 2.2".into(),
        sentence: sentence.into(),
        actor: "ana".into(),
        ticket: Some("CHG-7".into()),
    }
}

impl Notifier {
    fn start(options: Options, channels: Vec<Channel>) -> Self {
        let (commands, inbox) = mpsc::channel(64);
        let (outbox, events) = mpsc::channel(1024);
        Self { commands, events, task: spawn_with(options, channels, inbox, outbox), seq: Seq::default() }
    }

    async fn announce(&mut self, announcement: Announcement) -> Seq {
        let seq = self.seq.advance();
        self.commands.send(Command::Announce { seq, announcement: Box::new(announcement) }).await.unwrap();
        seq
    }

    async fn next(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await.expect("an event in time").expect("the notifier lives")
    }

    /// Announces one thing and returns what is told up to its end: sent, or given up.
    async fn tell(&mut self, sentence: &str) -> Vec<Event> {
        self.announce(news(sentence)).await;
        let mut told = Vec::new();
        loop {
            let event = self.next().await;
            let last = matches!(event, Event::Sent { .. } | Event::Failed { .. });
            told.push(event);
            if last {
                return told;
            }
        }
    }
}

/// Returns a word for each event, and what was said last.
fn course(events: &[Event]) -> (Vec<&'static str>, String) {
    let words = events.iter().map(|event| match event {
        Event::Sent { .. } => "sent",
        Event::Retrying { .. } => "again",
        Event::Failed { .. } => "failed",
        Event::Terminal { .. } => "terminal",
    });
    let why = events.iter().rev().find_map(|event| match event {
        Event::Failed { why, .. } | Event::Retrying { why, .. } => Some(why.clone()),
        _ => None,
    });
    (words.collect(), why.unwrap_or_default())
}

#[tokio::test]
async fn a_channel_is_told_only_what_it_wants() {
    let mut staging = channel("staging", Means::Terminal);
    staging.environments = vec!["staging".into()];
    let mut bad = channel("bad", Means::Terminal);
    bad.occasions = vec![Occasion::Failed];
    let mut notifier = Notifier::start(options(), vec![staging, bad, channel("all", Means::Terminal)]);
    notifier.announce(news("it begins")).await;
    notifier.announce(Announcement { occasion: Occasion::Failed, ..news("it fails") }).await;
    let mut told = Vec::new();
    while told.len() < 6 {
        told.push(notifier.next().await);
    }
    let text = |sentence: &str| format!("backend 2.2.0 → production: {sentence} (Booking 2.2, CHG-7, by ana)");
    let of = |wanted: u64| {
        let mut found: Vec<_> = told
            .iter()
            .filter_map(|event| match event {
                Event::Terminal { seq: Seq(seq), bell, text } if *seq == wanted => Some(format!("{bell} {text}")),
                Event::Sent { seq: Seq(seq), channel } if *seq == wanted => Some(channel.clone()),
                _ => None,
            })
            .collect();
        found.sort();
        found
    };
    assert_eq!(of(1), ["all".to_owned(), format!("false {}", text("it begins"))]);
    assert_eq!(of(2), ["all".to_owned(), "bad".to_owned(), format!("true {}", text("it fails")), format!("true {}", text("it fails"))]);
}
