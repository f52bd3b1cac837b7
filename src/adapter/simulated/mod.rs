//! The simulated engine: a seeded, pure world behind the same port as the real ones, so that the demo is the product.
//!
//! `world` holds everything and goes on by `tick(now)`; `object`, `router` and `argo` are what is in it, `pod`, `rolling`,
//! `canary`, `bluegreen` and `analysis` how it moves, `fault` what befalls it; `view` and `delivery` are how the console sees
//! it; `api` is how it is written, `change` and `steer` what an order writes; `scenario` and `fleet` are what it starts from;
//! `driver` is the task that speaks the port; `check` answers for checklists, over the `board` that the driver posts to. Only
//! those two read the clock.

mod analysis;
mod api;
mod argo;
mod bluegreen;
mod board;
mod canary;
mod change;
pub mod check;
mod delivery;
mod diff;
mod driver;
mod fault;
mod fleet;
mod follow;
mod former;
mod lock;
mod logs;
mod object;
mod orders;
mod pace;
mod patch;
mod people;
mod pod;
pub mod releases;
mod rolling;
mod router;
mod rules;
mod scenario;
mod steer;
mod view;
mod world;

#[cfg(test)]
mod tests;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use board::Board;
pub use scenario::{ScenarioError, names};
pub use world::{Happening, World};

use crate::domain::id::EnvironmentName;
use crate::domain::plan::{Plan, Workload};
use crate::port::engine::{Command, Event, LogBatch};

use scenario::Scenario;

/// What the simulated cluster is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// One of [`names`].
    pub scenario: String,
    /// The same seed gives the same world.
    pub seed: u64,
    /// Divides every duration of the world; timestamps stay those of the clock.
    pub speed: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { scenario: "calm".into(), seed: 1, speed: 1.0 }
    }
}

/// Returns the plan of a scenario's services: what the demo opens.
///
/// # Errors
///
/// There is no scenario of that name; the sentence names those that there are.
pub fn plan(scenario: &str) -> Result<Plan, ScenarioError> {
    Scenario::load(scenario)?.plan(crate::adapter::clock::now())
}

/// Returns what the store of releases begins with: who else works there, and what was released before.
///
/// # Errors
///
/// There is no scenario of that name, or what it tells of the past cannot have happened so.
pub fn setting(options: &Options, plan: &Plan) -> Result<releases::Setting, ScenarioError> {
    let scenario = Scenario::load(&options.scenario)?;
    let production = EnvironmentName::new(rules::PRODUCTION);
    let Some(policy) = plan.environment(&production).map(|of| of.policy.clone()) else { return Ok(releases::Setting::default()) };
    let habits = scenario.gate.colleague.clone().map_or_else(people::usual, Ok)?;
    let deeds = people::deeds(&habits, &policy);
    let now = crate::adapter::clock::now();
    let mut kept = Vec::new();
    for former in &scenario.gate.release {
        let record = former.record(plan, &production, &deeds, now).map_err(|why| ScenarioError::Rules { why })?;
        kept.push((production.clone(), record));
    }
    let pace = pace::Pace::new(scenario.timing, options.speed);
    Ok(releases::Setting { shelves: Vec::new(), kept, colleagues: people::colleagues(deeds, &policy, &pace) })
}

/// Starts the task. It ends when `commands` closes or nobody reads `events` any more.
///
/// # Errors
///
/// There is no scenario of that name.
pub fn spawn(
    options: &Options,
    workloads: Vec<Workload>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    logs: mpsc::Sender<LogBatch>,
) -> Result<JoinHandle<()>, ScenarioError> {
    spawn_on(options, Board::default(), workloads, commands, events, logs)
}

/// Starts the task with a board for its checks.
///
/// # Errors
///
/// There is no scenario of that name.
pub fn spawn_on(
    options: &Options,
    board: Board,
    workloads: Vec<Workload>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    logs: mpsc::Sender<LogBatch>,
) -> Result<JoinHandle<()>, ScenarioError> {
    let scenario = Scenario::load(&options.scenario)?;
    let fleet = scenario.fleet()?;
    let (seed, speed) = (options.seed, options.speed);
    Ok(tokio::spawn(async move {
        let world = World::new(&scenario, &fleet, workloads, seed, speed, crate::adapter::clock::now());
        driver::Driver::new(world, board, scenario.logs, events, logs).run(commands).await;
    }))
}
