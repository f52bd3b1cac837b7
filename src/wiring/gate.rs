//! Starts what releases need: a store for each environment, the checkers, the notifier.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::{COMMANDS, EVENTS, shelves};
use crate::adapter::simulated::releases::Setting;
use crate::adapter::{check, kubernetes, notifier, simulated};
use crate::domain::id::EnvironmentName;
use crate::domain::plan::{EngineKind, Plan, Workload};
use crate::port;

/// The ways to the parts that releases need.
pub(super) struct Ways {
    pub stores: BTreeMap<EnvironmentName, mpsc::Sender<port::releases::Command>>,
    pub checkers: BTreeMap<EngineKind, mpsc::Sender<port::check::Command>>,
    pub tools: mpsc::Sender<port::check::Command>,
    pub notifier: mpsc::Sender<port::notify::Command>,
    /// The stores themselves: what was asked of them is written before the process ends.
    pub writing: JoinSet<()>,
    /// Ends when what was announced is sent or given up.
    pub telling: JoinHandle<()>,
    /// Ends when the programs that checks have started are killed.
    pub checking: JoinHandle<()>,
}

/// The ways back from them.
pub(super) struct Tidings {
    pub releases: mpsc::Receiver<port::releases::Event>,
    pub checks: mpsc::Receiver<port::check::Event>,
    pub notifier: mpsc::Receiver<port::notify::Event>,
}

/// Starts them all. `setting`: who else works in the simulated environments, and what was released there before.
pub(super) fn start(
    plan: &Plan,
    simulated: &simulated::Options,
    board: &simulated::Board,
    setting: Setting,
) -> anyhow::Result<(Ways, Tidings)> {
    let (release_tx, releases) = mpsc::channel(EVENTS);
    let stores = shelves::start(plan, setting.kept, setting.colleagues, &release_tx);
    let (check_tx, checks) = mpsc::channel(EVENTS);
    let (notify_tx, told) = mpsc::channel(EVENTS);
    let (tools, tool_commands) = mpsc::channel(COMMANDS);
    let checkers = checkers(plan, simulated, board, &check_tx)?;
    let checking = check::spawn(check::Options::of(plan), tool_commands, check_tx);
    let (notifier, announcements) = mpsc::channel(COMMANDS);
    let telling = notifier::spawn(plan.channels.clone(), announcements, notify_tx);
    let ways = Ways { stores: stores.ways, checkers, tools, notifier, writing: stores.tasks, telling, checking };
    Ok((ways, Tidings { releases, checks, notifier: told }))
}

/// Starts a checker for each kind of engine that the workloads name.
fn checkers(
    plan: &Plan,
    simulated: &simulated::Options,
    board: &simulated::Board,
    found: &mpsc::Sender<port::check::Event>,
) -> anyhow::Result<BTreeMap<EngineKind, mpsc::Sender<port::check::Command>>> {
    let workloads: Vec<Workload> = plan.workloads().cloned().collect();
    let mut outlets = BTreeMap::new();
    for kind in EngineKind::ALL {
        if !workloads.iter().any(|workload| workload.engine == kind) {
            continue;
        }
        let (outlet, commands) = mpsc::channel(COMMANDS);
        match kind {
            EngineKind::Kubernetes => {
                kubernetes::check::spawn(kubernetes::Options::default(), workloads.clone(), commands, found.clone());
            }
            EngineKind::Simulated => {
                simulated::check::spawn(simulated, board.clone(), commands, found.clone())?;
            }
        }
        outlets.insert(kind, outlet);
    }
    Ok(outlets)
}
