//! The stores of releases: each environment's by its engine and by where its policy keeps them.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::COMMANDS;
use crate::adapter::simulated::releases::{self as simulated, Colleague, Setting};
use crate::adapter::{kubernetes, records};
use crate::domain::id::EnvironmentName;
use crate::domain::plan::{EngineKind, Environment, Plan};
use crate::domain::release::policy::Place;
use crate::domain::release::record::Record;
use crate::port::releases::{Command, Event, Shelf};

/// The stores that were started.
pub(super) struct Stores {
    pub ways: BTreeMap<EnvironmentName, mpsc::Sender<Command>>,
    /// End when the ways are closed, after what was asked before.
    pub tasks: JoinSet<()>,
}

/// Starts a store for each environment; the simulated ones are one, with whoever else works there.
pub(super) fn start(plan: &Plan, kept: Vec<(EnvironmentName, Record)>, colleagues: Vec<Colleague>, events: &mpsc::Sender<Event>) -> Stores {
    let mut stores = Stores { ways: BTreeMap::new(), tasks: JoinSet::new() };
    let mut simulated = Setting { shelves: Vec::new(), kept, colleagues };
    for environment in &plan.environments {
        let shelf = shelf(plan, environment);
        let (way, commands) = mpsc::channel(COMMANDS);
        let task = match (&environment.policy.place, environment.engine) {
            (Place::Engine, EngineKind::Kubernetes) => kubernetes::releases::spawn(options(environment), shelf, commands, events.clone()),
            (Place::Engine, EngineKind::Simulated) => {
                simulated.shelves.push(shelf);
                continue;
            }
            (Place::Directory(directory), _) => records::releases::spawn(directory.clone(), shelf, commands, events.clone()),
        };
        stores.keep(&environment.name, way, task);
    }
    if !simulated.shelves.is_empty() {
        let (way, commands) = mpsc::channel(COMMANDS);
        let names: Vec<EnvironmentName> = simulated.shelves.iter().map(|shelf| shelf.environment.clone()).collect();
        stores.ways.extend(names.into_iter().map(|name| (name, way.clone())));
        stores.watch(simulated::spawn(simulated, commands, events.clone()));
    }
    stores
}

/// Reads the records of an environment once, as a report does.
///
/// # Errors
///
/// A sentence: why they cannot be read.
pub async fn read(plan: &Plan, environment: &Environment) -> Result<Vec<Record>, String> {
    let shelf = shelf(plan, environment);
    match (&environment.policy.place, environment.engine) {
        (Place::Engine, EngineKind::Kubernetes) => kubernetes::releases::read(&options(environment), &shelf).await,
        (Place::Engine, EngineKind::Simulated) => Err("a simulated cluster keeps its releases in memory: they end with its console".into()),
        (Place::Directory(directory), _) => records::releases::read(directory.clone(), shelf).await,
    }
}

fn shelf(plan: &Plan, environment: &Environment) -> Shelf {
    Shelf { product: plan.name.clone(), environment: environment.name.clone(), keep: environment.policy.keep }
}

fn options(environment: &Environment) -> kubernetes::releases::Options {
    kubernetes::releases::Options { kubeconfig: None, context: environment.context.clone(), namespace: environment.namespace.clone() }
}

impl Stores {
    fn keep(&mut self, environment: &EnvironmentName, way: mpsc::Sender<Command>, task: JoinHandle<()>) {
        self.ways.insert(environment.clone(), way);
        self.watch(task);
    }

    fn watch(&mut self, task: JoinHandle<()>) {
        self.tasks.spawn(async move {
            if let Err(error) = task.await {
                tracing::error!(panicked = error.is_panic(), "a store of releases ended");
            }
        });
    }
}
