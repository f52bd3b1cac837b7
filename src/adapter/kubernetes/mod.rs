//! The Kubernetes engine: live rollouts out of watches, and changes through guarded requests.
//!
//! ```text
//! kubeconfig ─▶ client ─▶ watch (a kind in a namespace) ─▶ record ─▶ store ─▶ convert ─▶ Event::Rollout
//!                    └──▶ live (does it answer?)  usage  happenings (its events)  access (what may be done)
//! ```
//!
//! Each scope, which is a kubeconfig context, has a task tree of its own: a slow or dead cluster never holds up another.

pub mod access;
mod carry;
pub mod change;
pub mod check;
pub mod client;
pub mod convert;
pub mod discover;
pub mod error;
pub mod gitops;
mod happenings;
mod live;
pub mod lock;
pub mod logs;
pub mod note;
pub mod objects;
mod orders;
pub mod record;
pub mod releases;
mod scope;
pub mod store;
mod usage;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::domain::change::ChangeError;
use crate::domain::id::{RolloutId, Scope};
use crate::domain::plan::{EngineKind, Workload};
use crate::port::Link;
use crate::port::engine::{Command, Event, LogBatch};
use lock::Locks;

/// How the engine is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Instead of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Who drives, and on what terms; none: nothing is locked.
    pub driving: Option<lock::Driving>,
}

/// Where the client of a scope comes from: a kubeconfig, or a test.
#[derive(Clone)]
enum Origin {
    Kubeconfig { context: Option<String>, path: Option<PathBuf> },
    Given(kube::Client),
}

/// Starts the engine. It ends when `commands` closes, and takes every task it started with it.
pub fn spawn(
    options: Options,
    workloads: Vec<Workload>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    logs: mpsc::Sender<LogBatch>,
) -> JoinHandle<()> {
    let Options { kubeconfig, driving } = options;
    let origin = move |workload: &Workload| Origin::Kubeconfig { context: workload.context.clone(), path: kubeconfig.clone() };
    tokio::spawn(run(workloads, driving, origin, commands, events, logs))
}

/// Starts the engine over a client that is there already, for a server in the same process.
pub fn spawn_with(
    client: kube::Client,
    workloads: Vec<Workload>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    logs: mpsc::Sender<LogBatch>,
) -> JoinHandle<()> {
    tokio::spawn(run(workloads, None, move |_| Origin::Given(client.clone()), commands, events, logs))
}

async fn run(
    workloads: Vec<Workload>,
    driving: Option<lock::Driving>,
    origin: impl Fn(&Workload) -> Origin,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    logs: mpsc::Sender<LogBatch>,
) {
    let mut scopes: BTreeMap<Scope, Vec<Workload>> = BTreeMap::new();
    let workloads: Vec<Workload> = workloads.into_iter().filter(|workload| workload.engine == EngineKind::Kubernetes).collect();
    let locks = Locks::new(driving, &workloads);
    for workload in workloads {
        scopes.entry(workload.scope()).or_default().push(workload);
    }
    let mut keepers = JoinSet::new();
    let mut tellings = BTreeMap::new();
    let mut routes: BTreeMap<RolloutId, Scope> = BTreeMap::new();
    let mut inlets: BTreeMap<Scope, mpsc::Sender<Command>> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut running = std::collections::HashMap::new();
    for (scope, workloads) in scopes {
        routes.extend(workloads.iter().map(|workload| (workload.id.clone(), scope.clone())));
        let Some(origin) = workloads.first().map(&origin) else { continue };
        let (inlet, outlet) = mpsc::channel(64);
        inlets.insert(scope.clone(), inlet);
        if locks.of_scope(&scope) {
            let (tell, told) = mpsc::channel(16);
            tellings.insert(scope.clone(), tell);
            keepers.spawn(lock::keep(locks.clone(), scope.clone(), told, events.clone()));
        }
        let ways = scope::Ways { commands: outlet, events: events.clone(), logs: logs.clone(), locks: locks.clone() };
        let task = tasks.spawn(scope::run(scope.clone(), origin, workloads, ways));
        running.insert(task.id(), scope);
    }
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => break,
                Some(Command::Tell { seat, telling }) => {
                    let inlet = locks.scope_of(&seat).and_then(|scope| tellings.get(&scope));
                    if inlet.is_none_or(|inlet| inlet.try_send((seat, telling)).is_err()) {
                        tracing::warn!("a keeper takes nothing to tell");
                    }
                }
                Some(command) => dispatch(command, &routes, &inlets, &events).await,
            },
            Some(ended) = tasks.join_next_with_id() => {
                let id = match &ended {
                    Ok((id, ())) => *id,
                    Err(error) => error.id(),
                };
                if let (Err(error), Some(scope)) = (&ended, running.remove(&id)) {
                    tracing::error!(%scope, panicked = error.is_panic(), "a scope's task ended");
                    inlets.remove(&scope);
                    let why = "the engine failed inside and does not go on; the log file says where".to_owned();
                    if events.send(Event::Link { scope, link: Link::Down { why } }).await.is_err() {
                        break;
                    }
                }
            }
        }
    }
    tasks.shutdown().await;
    // The keepers let their locks go, each within its own limit.
    drop(tellings);
    while keepers.join_next().await.is_some() {}
}

/// Hands a command to the scope that it concerns. A scope that is full of commands answers that it was not sent.
async fn dispatch(
    command: Command,
    routes: &BTreeMap<RolloutId, Scope>,
    inlets: &BTreeMap<Scope, mpsc::Sender<Command>>,
    events: &mpsc::Sender<Event>,
) {
    let one = match &command {
        Command::Preview { rollout, .. } | Command::Execute { rollout, .. } => routes.get(rollout),
        Command::Follow { query, .. } => routes.get(&query.rollout),
        Command::Reconnect(scope) => Some(scope),
        Command::Focus(_) | Command::Unfollow | Command::Tell { .. } => None,
    };
    // What is on screen is one thing over all scopes: the others let theirs go.
    let all = matches!(command, Command::Focus(_) | Command::Unfollow | Command::Follow { .. });
    if all {
        for (scope, inlet) in inlets {
            let told = match &command {
                Command::Follow { .. } if Some(scope) != one => Command::Unfollow,
                other => other.clone(),
            };
            if inlet.try_send(told).is_err() {
                tracing::warn!(%scope, "a scope takes no commands");
            }
        }
        return;
    }
    let sent = one.and_then(|scope| inlets.get(scope)).is_some_and(|inlet| inlet.try_send(command.clone()).is_ok());
    if !sent {
        orders::refuse(command, ChangeError::NotSent("the engine of this scope takes no commands now".to_owned()), events).await;
    }
}
