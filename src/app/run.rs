//! The one loop: take one message, drain the rest, update, draw once if something changed.
//!
//! Generic over the terminal's backend, the clock and the draw function, so that tests run it with neither a screen nor
//! a clock. It never awaits a send: adapters may wait on the loop, the loop waits on nobody.

use std::io;

use jiff::Timestamp;
use ratatui::backend::Backend;
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc;
use tokio::time::{self, Duration, Instant, MissedTickBehavior};

use super::effect::Effect;
use super::model::Model;
use super::msg::Msg;
use super::redraw::Pacer;
use super::regions::Regions;
use super::runtime::Outlets;
use super::update::{Redraw, update};
use crate::domain::plan::EngineKind;
use crate::port::engine::{Event, LogBatch};
use crate::port::{check, notify, records, releases, terminal};

/// The most messages that are taken before the screen gets its turn.
const DRAIN: usize = 256;

/// The ways in.
#[derive(Debug)]
pub struct Inlets {
    pub input: mpsc::Receiver<terminal::Input>,
    pub engines: mpsc::Receiver<(EngineKind, Event)>,
    pub logs: mpsc::Receiver<LogBatch>,
    pub records: mpsc::Receiver<records::Event>,
    pub releases: mpsc::Receiver<releases::Event>,
    pub checks: mpsc::Receiver<check::Event>,
    pub notifier: mpsc::Receiver<notify::Event>,
    /// What [`Outlets`] tells of its own work.
    pub back: mpsc::Receiver<Msg>,
    /// The system asks the console to end.
    pub shutdown: mpsc::Receiver<()>,
}

/// What the loop needs of the outside.
pub struct World<'a, B: Backend> {
    pub terminal: &'a mut Terminal<B>,
    pub clock: &'a dyn Fn() -> Timestamp,
    pub draw: &'a mut dyn FnMut(&mut Frame<'_>, &mut Model) -> Regions,
    /// What is asked of the terminal beside drawing; written between frames.
    pub perform: &'a mut dyn FnMut(&mut Terminal<B>, terminal::Command) -> io::Result<()>,
    pub mouse: &'a mut dyn FnMut(bool) -> io::Result<()>,
}

impl<B: Backend> std::fmt::Debug for World<'_, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// Why the loop ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the screen cannot be drawn")]
    Screen(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the terminal does not take what is asked of it")]
    Terminal(#[from] io::Error),
}

impl RunError {
    fn screen(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Screen(Box::new(error))
    }
}

/// Runs the console until it is left.
///
/// # Errors
///
/// What the terminal answers to drawing.
pub async fn run<B>(model: &mut Model, mut world: World<'_, B>, mut inlets: Inlets, outlets: Outlets) -> Result<(), RunError>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let mut pacer = Pacer::new();
    let mut tick = time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    draw(model, &mut world, &mut pacer)?;
    while !model.quitting {
        let due = pacer.due();
        let frame = async {
            match due {
                Some(due) => time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        // A person first, then the screen that answers them, then everything else.
        let msg = tokio::select! {
            biased;
            Some(()) = inlets.shutdown.recv() => Some(Msg::Shutdown),
            input = inlets.input.recv() => Some(input.map_or(Msg::Shutdown, Msg::Input)),
            () = frame => None,
            Some((kind, event)) = inlets.engines.recv() => Some(Msg::Engine(kind, event)),
            Some(event) = inlets.records.recv() => Some(Msg::Records(event)),
            Some(event) = inlets.releases.recv() => Some(Msg::Releases(event)),
            Some(event) = inlets.checks.recv() => Some(Msg::Check(event)),
            Some(event) = inlets.notifier.recv() => Some(Msg::Notify(event)),
            Some(msg) = inlets.back.recv() => Some(msg),
            _ = tick.tick() => Some(Msg::Tick),
            Some(batch) = inlets.logs.recv() => Some(Msg::Logs(batch)),
            () = std::future::ready(()), if model.logs.filtering() => Some(Msg::Filter),
        };
        model.now = (world.clock)();
        let Some(msg) = msg else {
            draw(model, &mut world, &mut pacer)?;
            continue;
        };
        turn(model, msg, &mut world, &outlets, &mut pacer)?;
        for _ in 0..DRAIN {
            if model.quitting {
                break;
            }
            let Some(msg) = waiting(&mut inlets) else { break };
            turn(model, msg, &mut world, &outlets, &mut pacer)?;
        }
        // A frame that is owed and due does not wait for another turn of the loop.
        if pacer.due().is_some_and(|due| due <= Instant::now()) {
            draw(model, &mut world, &mut pacer)?;
        }
    }
    Ok(())
}

/// Returns a message that waits already, input first.
fn waiting(inlets: &mut Inlets) -> Option<Msg> {
    if let Ok(input) = inlets.input.try_recv() {
        return Some(Msg::Input(input));
    }
    if let Ok((kind, event)) = inlets.engines.try_recv() {
        return Some(Msg::Engine(kind, event));
    }
    if let Ok(event) = inlets.records.try_recv() {
        return Some(Msg::Records(event));
    }
    inlets.logs.try_recv().ok().map(Msg::Logs)
}

/// Updates, and performs what comes of it.
fn turn<B>(model: &mut Model, msg: Msg, world: &mut World<'_, B>, outlets: &Outlets, pacer: &mut Pacer) -> Result<(), RunError>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let mut todo = vec![msg];
    while let Some(msg) = todo.pop() {
        let turn = update(model, msg);
        pacer.ask(turn.redraw);
        for effect in turn.effects {
            match effect {
                Effect::Engine(kind, command) => todo.extend(outlets.engine(kind, command)),
                Effect::Records(command) => todo.extend(outlets.records(command)),
                Effect::Releases(command) => todo.extend(outlets.releases(command)),
                Effect::Check(kind, command) => todo.extend(outlets.check(kind, command)),
                Effect::Notify(command) => todo.extend(outlets.notify(command)),
                Effect::Terminal(command) => (world.perform)(world.terminal, command)?,
                Effect::Save { path, text } => outlets.save(path, text),
                Effect::Repaint => {
                    world.terminal.clear().map_err(RunError::screen)?;
                    pacer.ask(Redraw::Now);
                }
                Effect::Mouse(on) => (world.mouse)(on)?,
                Effect::Quit => {}
            }
        }
    }
    Ok(())
}

fn draw<B>(model: &mut Model, world: &mut World<'_, B>, pacer: &mut Pacer) -> Result<(), RunError>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let mut regions = Regions::default();
    world.terminal.draw(|frame| regions = (world.draw)(frame, model)).map_err(RunError::screen)?;
    model.regions = regions;
    pacer.drawn(Instant::now());
    Ok(())
}
