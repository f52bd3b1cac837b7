//! The only file that sees every layer: makes the channels, starts the adapters, and hands `ui::draw` to `app::run`.

mod gate;
pub mod shelves;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::adapter::{clock, kubernetes, records, simulated, terminal};
use crate::app::keymap::Keymap;
use crate::app::model::{Look, Model, Start, Writing};
use crate::app::regions::Regions;
use crate::app::run::{Inlets, World, run};
use crate::app::runtime::Outlets;
use crate::config::place;
use crate::config::settings::Settings;
use crate::config::theme::Themes;
use crate::domain::driver::Terms;
use crate::domain::id::Actor;
use crate::domain::plan::{EngineKind, Plan, Workload};
use crate::port::engine::{Command, Event, LogBatch};
use crate::{logging, ui};

/// Events that wait for the loop; then the engine waits.
const EVENTS: usize = 1_024;
/// Commands that wait for an engine; then the console says that it is busy.
const COMMANDS: usize = 64;
/// Batches of log lines that wait for the loop; then the engine drops and counts.
const BATCHES: usize = 512;
/// Keys that wait for the loop; then the terminal keeps them.
const KEYS: usize = 256;

/// What the console opens with.
#[derive(Debug)]
pub struct ConsoleOptions {
    pub plan: Plan,
    /// The personal settings, with what the command line says over them: `theme`, `ascii`.
    pub settings: Settings,
    pub keymap: Keymap,
    /// Nothing may be written, whatever the rights.
    pub read_only: bool,
    /// The simulated cluster behind a demo; none for a plan of one's own.
    pub demo: Option<DemoOptions>,
}

/// What the simulated cluster of a demo is like.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoOptions {
    pub scenario: String,
    pub seed: u64,
    /// Divides every duration of the simulated world.
    pub speed: f64,
}

/// Opens the console and returns when it is quit.
///
/// # Errors
///
/// The terminal cannot be taken or drawn on, or a part cannot start. What backends do is told on screen.
pub async fn run_console(options: ConsoleOptions) -> anyhow::Result<()> {
    let ConsoleOptions { plan, settings, keymap, read_only, demo } = options;
    let state_dir = place::state_dir().context("no state directory: set HOME or ROLLDECK_STATE_DIR")?;
    let level = std::env::var(logging::VARIABLE).unwrap_or_else(|_| settings.log.word().to_owned());
    let _logging = logging::start(&state_dir, &level)?;
    let (themes, look) = dress(&settings)?;
    let console = format!("{}:{}", host(), std::process::id());
    tracing::info!(%console, plan = %plan.name, "the console starts");

    let (event_tx, engines) = mpsc::channel(EVENTS);
    let (log_tx, logs) = mpsc::channel(BATCHES);
    let demonstrates = demo.is_some();
    let simulated = demo.map_or_else(simulated::Options::default, |demo| simulated::Options {
        scenario: demo.scenario,
        seed: demo.seed,
        speed: demo.speed,
    });
    let driving = kubernetes::lock::Driving { user: user(), console: console.clone(), terms: terms() };
    let board = simulated::Board::default();
    let (outlets, engine_tasks) = start_engines(&plan, &simulated, &board, &driving, &event_tx, &log_tx)?;
    let (record_tx, record_commands) = mpsc::channel(COMMANDS);
    let (record_events, records) = mpsc::channel(EVENTS);
    let journal = records::spawn(state_dir, console.clone(), record_commands, record_events);
    let setting = if demonstrates { simulated::setting(&simulated, &plan)? } else { simulated::releases::Setting::default() };
    let (ways, tidings) = gate::start(&plan, &simulated, &board, setting)?;
    let (back_tx, back) = mpsc::channel(COMMANDS);
    let (shutdown_tx, shutdown) = mpsc::channel(1);
    let mut signals = terminal::Signals::listen().context("signals cannot be caught")?;
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "asked to end");
        // The loop may be gone already.
        let _ended = shutdown_tx.send(()).await;
    });

    let writing = if read_only {
        Writing::Locked("asked for with --read-only".into())
    } else if plan.provisional {
        Writing::Locked("there is no plan: arm to write for ten minutes".into())
    } else {
        Writing::Allowed
    };
    let start = Start {
        plan: Arc::new(plan),
        keymap: Arc::new(keymap),
        look,
        zone: settings.time_zone,
        writing,
        user: user(),
        console,
        log_bytes: settings.log_buffer,
    };
    let mut model = Model::new(start, clock::now());

    terminal::install_hook();
    let guard = terminal::Guard::enter(model.look.mouse).context("the terminal cannot be taken")?;
    let (input_tx, input) = mpsc::channel(KEYS);
    let keys = terminal::spawn(input_tx);
    let mut screen = Terminal::new(CrosstermBackend::new(io::stdout())).context("the screen cannot be set up")?;
    // For the test that a panic gives the terminal back: the console runs, is drawn, and then falls.
    let falls = std::env::var_os("ROLLDECK_TEST_PANIC").map(|_| clock::now() + jiff::SignedDuration::from_millis(500));
    let mut draw = |frame: &mut ratatui::Frame<'_>, model: &mut Model| {
        assert!(falls.is_none_or(|at| clock::now() < at), "a test asked for this panic");
        let area = frame.area();
        model.size = (area.width, area.height);
        match themes.get(&model.look.theme) {
            Some(theme) => ui::draw(frame, model, theme),
            None => Regions::default(),
        }
    };
    let mut perform = |_: &mut Terminal<CrosstermBackend<io::Stdout>>, command| {
        let mut out = io::stdout();
        terminal::perform(&mut out, &command)?;
        out.flush()
    };
    let mut mouse = |on| {
        let mut out = io::stdout();
        terminal::mouse(&mut out, on)?;
        out.flush()
    };
    let world = World { terminal: &mut screen, clock: &clock::now, draw: &mut draw, perform: &mut perform, mouse: &mut mouse };
    let inlets = Inlets {
        input,
        engines,
        logs,
        records,
        releases: tidings.releases,
        checks: tidings.checks,
        notifier: tidings.notifier,
        back,
        shutdown,
    };
    let outlets = Outlets {
        engines: outlets,
        records: record_tx,
        releases: ways.stores,
        checkers: ways.checkers,
        tools: ways.tools,
        notifier: ways.notifier,
        back: back_tx,
    };
    let ended = run(&mut model, world, inlets, outlets).await;
    drop(guard);
    keys.abort();
    // What was handed to the journal is written before the process ends, and what was announced is told; a disk or a server
    // that hangs is not waited for.
    let ending = async {
        // An engine lets the driver's locks go before it ends.
        let (written, ..) = tokio::join!(journal, engine_tasks.join_all(), ways.writing.join_all(), ways.telling, ways.checking);
        written
    };
    if tokio::time::timeout(Duration::from_secs(2), ending).await.is_err() {
        tracing::warn!("the journal, a store of releases, an engine, a check or the notifier did not end in time");
    }
    ended.context("the console ended")
}

/// Loads the themes, and takes what the settings say of the looks.
fn dress(settings: &Settings) -> anyhow::Result<(Themes, Look)> {
    // https://no-color.org: any value but the empty one.
    let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let directory = place::config_dir().map(|directory| directory.join("themes"));
    let (themes, problems) = Themes::load(directory.as_deref(), colour, !settings.ascii);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into());
    }
    let names = themes.names();
    anyhow::ensure!(names.contains(&settings.theme), "there is no theme `{}`; there are {}", settings.theme, names.join(", "));
    let look = Look { theme: settings.theme.clone(), themes: names, mouse: settings.mouse, bell: settings.bell, notify: settings.notify };
    Ok((themes, look))
}

/// Starts an engine for each kind that the workloads name.
fn start_engines(
    plan: &Plan,
    simulated: &simulated::Options,
    board: &simulated::Board,
    driving: &kubernetes::lock::Driving,
    events: &mpsc::Sender<(EngineKind, Event)>,
    logs: &mpsc::Sender<LogBatch>,
) -> anyhow::Result<(BTreeMap<EngineKind, mpsc::Sender<Command>>, JoinSet<()>)> {
    let mut by_kind: BTreeMap<EngineKind, Vec<Workload>> = BTreeMap::new();
    for workload in plan.workloads() {
        by_kind.entry(workload.engine).or_default().push(workload.clone());
    }
    let mut outlets = BTreeMap::new();
    let mut tasks = JoinSet::new();
    for (kind, workloads) in by_kind {
        let (command_tx, commands) = mpsc::channel(COMMANDS);
        let engine_events = named(kind, events.clone());
        let engine = match kind {
            EngineKind::Kubernetes => {
                let options = kubernetes::Options { kubeconfig: None, driving: Some(driving.clone()) };
                kubernetes::spawn(options, workloads, commands, engine_events, logs.clone())
            }
            EngineKind::Simulated => simulated::spawn_on(simulated, board.clone(), workloads, commands, engine_events, logs.clone())?,
        };
        tasks.spawn(async move {
            if let Err(error) = engine.await {
                tracing::error!(kind = kind.word(), panicked = error.is_panic(), "an engine ended");
            }
        });
        outlets.insert(kind, command_tx);
    }
    Ok((outlets, tasks))
}

/// Returns a sender whose events reach the loop with the engine's kind beside them.
fn named(kind: EngineKind, events: mpsc::Sender<(EngineKind, Event)>) -> mpsc::Sender<Event> {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(event) = receiver.recv().await {
            if events.send((kind, event)).await.is_err() {
                break;
            }
        }
    });
    sender
}

/// Returns how long the driver's lock is held without a renewal. A test has no half minute to wait for its end.
fn terms() -> Terms {
    let seconds = std::env::var("ROLLDECK_TEST_LEASE").ok().and_then(|text| text.parse().ok()).filter(|seconds| *seconds >= 3);
    seconds.map_or_else(Terms::default, |seconds| Terms { duration: jiff::SignedDuration::from_secs(seconds) })
}

/// Returns the system's name for the operator: its word alone, nothing vouches for it.
fn user() -> Actor {
    ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "unknown".into())
        .into()
}

/// Returns this machine's name, for the journal.
fn host() -> String {
    let named = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".into())
}
