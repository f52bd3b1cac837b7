//! Runs the checks that need no engine: programs, HTTP, Prometheus; and asks registries for digests.
//!
//! Each check is a task of its own, so that one that panics is one that is unknown. What a check has started dies with it,
//! however it ends: it came to its end, it was cancelled, its time was over, or the console is.

mod command;
mod comparison;
mod fetch;
mod fill;
mod http;
mod output;
mod process;
mod prometheus;
mod registry;
mod report;
mod runner;
mod secret;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::id::EnvironmentName;
use crate::domain::plan::Plan;
use crate::port::check::{Command, Event};

/// What the checks of a plan run with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The plan's folder: where programs run, and what relative paths are relative to.
    pub folder: PathBuf,
    /// How many checks run at once in each environment; in others, [`AT_ONCE`].
    pub at_once: BTreeMap<EnvironmentName, usize>,
}

/// How many checks run at once where no policy says.
pub const AT_ONCE: usize = 6;

impl Options {
    /// Takes them from a plan.
    pub fn of(plan: &Plan) -> Self {
        let folder = plan.path.as_deref().and_then(|path| path.parent()).filter(|folder| !folder.as_os_str().is_empty());
        let at_once = |policy: u32| usize::try_from(policy.max(1)).unwrap_or(AT_ONCE);
        Self {
            folder: folder.map_or_else(|| PathBuf::from("."), PathBuf::from),
            at_once: plan.environments.iter().map(|one| (one.name.clone(), at_once(one.policy.at_once))).collect(),
        }
    }
}

/// Starts the checker. It ends when nobody asks any more, and takes with it what runs.
pub fn spawn(options: Options, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    tokio::spawn(runner::serve(options, commands, events))
}
