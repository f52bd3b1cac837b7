//! What the clusters answer for checklists: each check reads what it needs at that moment, and judges it in a pure function.
//!
//! ```text
//! Command::Run ─▶ queue (so many at once) ─▶ checker ─▶ read (parts, lists, snapshot) ─▶ judge (pure) ─▶ Event::Finished
//! ```
//!
//! Clients are the checks' own: one that waits for a slow server never holds up what is on screen.

mod capacity;
mod certificate;
mod checker;
mod digest;
mod job;
mod nodes;
mod parts;
mod read;
mod snapshot;
mod surge;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Options, Origin};
use crate::adapter::clock;
use crate::domain::plan::{EngineKind, Workload};
use crate::domain::release::finding::Finding;
use crate::port::Seq;
use crate::port::check::{Command, Event, Found};
use checker::Checker;

/// Checks that run at once: as many as a policy allows when it says nothing.
const AT_ONCE: usize = 6;

/// A check that reads a whole cluster of 10,000 pods takes a few seconds; one that hangs must end.
const LIMIT: Duration = Duration::from_secs(45);

/// Starts the checker for the plan's workloads. It ends when nobody asks any more.
pub fn spawn(options: Options, workloads: Vec<Workload>, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    let path = options.kubeconfig;
    let origin = move |workload: &Workload| Origin::Kubeconfig { context: workload.context.clone(), path: path.clone() };
    tokio::spawn(run(Checker::new(of_this_engine(workloads), Box::new(origin)), commands, events))
}

/// Starts it over a client that is there already.
pub fn spawn_with(
    client: kube::Client,
    workloads: Vec<Workload>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> JoinHandle<()> {
    let origin = move |_: &Workload| Origin::Given(client.clone());
    tokio::spawn(run(Checker::new(of_this_engine(workloads), Box::new(origin)), commands, events))
}

fn of_this_engine(workloads: Vec<Workload>) -> Vec<Workload> {
    workloads.into_iter().filter(|workload| workload.engine == EngineKind::Kubernetes).collect()
}

async fn run(checker: Checker, mut commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) {
    let checker = Arc::new(checker);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut stops: HashMap<Seq, CancellationToken> = HashMap::new();
    let mut running = HashMap::new();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => break,
                Some(Command::Cancel { seq }) => {
                    if let Some(stop) = stops.remove(&seq) {
                        stop.cancel();
                    }
                }
                Some(Command::Run { seq, task, subject, workloads, .. }) => {
                    let stop = CancellationToken::new();
                    stops.insert(seq, stop.clone());
                    let (checker, turns, events) = (checker.clone(), turns.clone(), events.clone());
                    let task = tasks.spawn(async move {
                        let work = async {
                            let _turn = turns.acquire().await;
                            tell(&events, Event::Started { seq, at: clock::now() }).await;
                            let judged = tokio::time::timeout(LIMIT, checker.judge(&task, &subject, &workloads)).await;
                            judged.unwrap_or_else(|_| Finding::unknown(format!("the cluster did not answer within {} s", LIMIT.as_secs())))
                        };
                        let finding = tokio::select! {
                            finding = work => finding,
                            () = stop.cancelled() => Finding::unknown("stopped before its end"),
                        };
                        tell(&events, finished(seq, finding)).await;
                    });
                    running.insert(task.id(), seq);
                }
                Some(Command::Bind { seq, subject, workloads }) => {
                    let (checker, events) = (checker.clone(), events.clone());
                    tasks.spawn(async move {
                        let bound = checker.bind(&subject, &workloads).await;
                        tell(&events, Event::Bound { seq, bound }).await;
                    });
                }
            },
            Some(ended) = tasks.join_next_with_id() => {
                let id = match &ended {
                    Ok((id, ())) => *id,
                    Err(error) => error.id(),
                };
                let Some(seq) = running.remove(&id) else { continue };
                stops.remove(&seq);
                if let Err(error) = ended {
                    tracing::error!(?seq, panicked = error.is_panic(), "a check ended");
                    tell(&events, finished(seq, Finding::unknown("the check failed inside; the log file says where"))).await;
                }
            }
        }
    }
    tasks.shutdown().await;
}

fn finished(seq: Seq, Finding { verdict, evidence }: Finding) -> Event {
    Event::Finished { seq, found: Found { verdict, at: clock::now(), evidence, output: String::new(), link: None } }
}

async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    if events.send(event).await.is_err() {
        tracing::debug!("nobody reads what checks find any more");
    }
}
