//! The loop itself, on paused time: what is drawn and when, and that nobody can hold it up.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rolldeck::app::model::Model;
use rolldeck::app::msg::Msg;
use rolldeck::app::regions::Regions;
use rolldeck::app::run::{Inlets, World, run};
use rolldeck::app::runtime::Outlets;
use rolldeck::domain::plan::EngineKind;
use rolldeck::port::engine::{Command, Event};
use rolldeck::port::terminal::Input;
use rolldeck::port::{Link, records, terminal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::fixture::{Console, at, rollout};

/// The far ends of the loop's channels.
struct Outside {
    input: mpsc::Sender<Input>,
    engine: mpsc::Sender<(EngineKind, Event)>,
    commands: mpsc::Receiver<Command>,
    _records: (mpsc::Sender<records::Event>, mpsc::Receiver<records::Command>),
    _rest: (mpsc::Sender<rolldeck::port::engine::LogBatch>, mpsc::Sender<Msg>, mpsc::Sender<()>),
}

fn channels() -> (Inlets, Outlets, Outside) {
    let (input_tx, input) = mpsc::channel(64);
    let (engine_tx, engines) = mpsc::channel(1024);
    let (command_tx, commands) = mpsc::channel(2);
    let (logs_tx, logs) = mpsc::channel(16);
    let (records_tx, records) = mpsc::channel(16);
    let (record_tx, record_commands) = mpsc::channel(16);
    let (back_tx, back) = mpsc::channel(16);
    let (shutdown_tx, shutdown) = mpsc::channel(1);
    // Nothing here is about releases: the far ends of these are gone.
    let (releases, checks, notifier) = (mpsc::channel(1).1, mpsc::channel(1).1, mpsc::channel(1).1);
    let (tools, announce) = (mpsc::channel(1).0, mpsc::channel(1).0);
    let outlets = Outlets {
        engines: [(EngineKind::Simulated, command_tx)].into(),
        records: record_tx,
        releases: std::collections::BTreeMap::new(),
        checkers: std::collections::BTreeMap::new(),
        tools,
        notifier: announce,
        back: back_tx.clone(),
    };
    let outside = Outside {
        input: input_tx,
        engine: engine_tx,
        commands,
        _records: (records_tx, record_commands),
        _rest: (logs_tx, back_tx, shutdown_tx),
    };
    (Inlets { input, engines, logs, records, releases, checks, notifier, back, shutdown }, outlets, outside)
}

/// Runs the loop against a script of the outside, and returns the model and how often it drew.
async fn play<F: Future<Output = ()>>(script: impl FnOnce(Outside) -> F) -> (Model, usize) {
    let (inlets, outlets, outside) = channels();
    let mut model = Console::started().model;
    let mut screen = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let drawn = Cell::new(0);
    let start = Instant::now();
    let clock = || at(0) + SignedDuration::try_from(start.elapsed()).unwrap();
    let mut draw = |_: &mut ratatui::Frame<'_>, _: &mut Model| {
        drawn.set(drawn.get() + 1);
        Regions::default()
    };
    let mut perform = |_: &mut Terminal<TestBackend>, _: terminal::Command| Ok(());
    let mut mouse = |_: bool| Ok(());
    let world =
        World { terminal: &mut screen, clock: &clock as &dyn Fn() -> Timestamp, draw: &mut draw, perform: &mut perform, mouse: &mut mouse };
    let looped = async { run(&mut model, world, inlets, outlets).await.unwrap() };
    tokio::join!(looped, script(outside));
    (model, drawn.get())
}

fn key(text: &str) -> Input {
    Input::Key { key: crokey::parse(text).unwrap(), repeat: false }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_console_draws_its_clock_and_nothing_else() {
    let (_, drawn) = play(|outside| async move {
        sleep(Duration::from_secs(60)).await;
        outside.input.send(key("q")).await.unwrap();
    })
    .await;
    assert!((60..=64).contains(&drawn), "{drawn} frames in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_states_is_drawn_at_a_bounded_rate() {
    let (model, drawn) = play(|outside| async move {
        let link = Event::Link { scope: "simulated".into(), link: Link::Up };
        outside.engine.send((EngineKind::Simulated, link)).await.unwrap();
        for generation in 0..1_000 {
            outside.engine.send((EngineKind::Simulated, Event::Rollout(Arc::new(rollout("staging", generation))))).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(100)).await;
        outside.input.send(key("q")).await.unwrap();
    })
    .await;
    assert!((20..=32).contains(&drawn), "{drawn} frames for a second of 1,000 changes");
    assert_eq!(model.fleet.iter().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_reads_nothing_holds_up_nobody() {
    let (model, _) = play(|outside| async move {
        let Outside { input, engine, commands, _records, _rest } = outside;
        engine.send((EngineKind::Simulated, Event::Link { scope: "simulated".into(), link: Link::Up })).await.unwrap();
        engine.send((EngineKind::Simulated, Event::Rollout(Arc::new(rollout("development", 1))))).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        // Opening and closing asks the engine for more than its channel takes.
        for _ in 0..10 {
            input.send(key("enter")).await.unwrap();
            input.send(key("esc")).await.unwrap();
        }
        sleep(Duration::from_millis(100)).await;
        input.send(key("q")).await.unwrap();
        drop(commands);
    })
    .await;
    assert!(model.quitting);
    assert!(model.notices.iter().any(|notice| notice.text.contains("is busy")));
}
