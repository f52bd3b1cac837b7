//! `rolldeck demo`: opens the console on the simulated cluster.

use clap::Args;

use super::{Failure, LookArgs, block_on, console, keys};
use crate::adapter::simulated;
use crate::wiring::{self, ConsoleOptions, DemoOptions};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// What happens in the simulated cluster
    #[arg(long, value_name = "NAME", default_value = "calm", value_parser = clap::builder::PossibleValuesParser::new(simulated::names()))]
    scenario: String,
    /// The same seed gives the same world
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many times faster the simulated world goes
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Write nothing
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Beyond these a rollout ends between two frames, or not within a day.
fn speed(text: &str) -> Result<f64, String> {
    let wrong = || "from 0.01 to 1000, as 0.5 or 10".to_owned();
    text.parse().ok().filter(|speed: &f64| (0.01..=1000.0).contains(speed)).ok_or_else(wrong)
}

pub(super) fn run(args: DemoArgs) -> Result<(), Failure> {
    let settings = console::settings(&args.look)?;
    let keymap = keys::keymap()?;
    let plan = simulated::plan(&args.scenario).map_err(|error| Failure::Usage(error.to_string()))?;
    let demo = DemoOptions { scenario: args.scenario, seed: args.seed, speed: args.speed };
    let options = ConsoleOptions { plan, settings, keymap, read_only: args.read_only, demo: Some(demo) };
    block_on(async { wiring::run_console(options).await.map_err(Failure::from) })
}
