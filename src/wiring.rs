//! The only file that sees every layer.

use crate::app::keymap::Keymap;
use crate::config::settings::Settings;
use crate::domain::plan::Plan;

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
/// The terminal cannot be taken, or a part cannot start.
#[expect(clippy::unused_async, reason = "the callers await it")]
pub async fn run_console(options: ConsoleOptions) -> anyhow::Result<()> {
    anyhow::bail!("the console of {} cannot be opened yet", options.plan.name)
}
