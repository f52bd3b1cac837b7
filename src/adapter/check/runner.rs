//! Takes commands, runs each check as a task of its own, and answers each once, however it ends.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::report::{Report, together};
use super::{AT_ONCE, Options, command, fetch, fill, http, prometheus, registry};
use crate::adapter::clock;
use crate::domain::id::EnvironmentName;
use crate::domain::plan::Workload;
use crate::domain::release::Bound;
use crate::domain::release::checklist::{Subject, Task};
use crate::port::Seq;
use crate::port::check::{Command, Event};

/// Everything that a check needs beside its own command.
struct Bench {
    folder: PathBuf,
    /// The turns of one environment's checks.
    turns: HashMap<EnvironmentName, Arc<Semaphore>>,
    /// The turns of all others, and of what is asked of registries.
    other: Arc<Semaphore>,
    client: Result<reqwest::Client, String>,
}

/// What is to be answered, should the task not come to it.
enum Asked {
    Check(Seq),
    Digests(Seq, Arc<Subject>),
}

impl Asked {
    fn seq(&self) -> Seq {
        match self {
            Self::Check(seq) | Self::Digests(seq, _) => *seq,
        }
    }

    /// Returns the answer of one that did not come to its end.
    fn unknown(&self, why: &str) -> Event {
        match self {
            Self::Check(seq) => Event::Finished { seq: *seq, found: Report::unknown(why).found() },
            Self::Digests(seq, subject) => Event::Bound { seq: *seq, bound: registry::unbound(subject, why) },
        }
    }
}

/// Runs until nobody asks any more; what still runs then is dropped, and so killed.
pub(super) async fn serve(options: Options, mut commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) {
    let turns = options.at_once.into_iter().map(|(name, count)| (name, Arc::new(Semaphore::new(count)))).collect();
    // The system's certificates are read for it: not on the way to the first picture.
    let client = tokio::task::spawn_blocking(fetch::client).await.unwrap_or_else(|error| Err(error.to_string()));
    let bench = Arc::new(Bench { folder: options.folder, turns, other: Arc::new(Semaphore::new(AT_ONCE)), client });
    let mut running: JoinSet<Event> = JoinSet::new();
    let mut asked: HashMap<Id, (Asked, AbortHandle)> = HashMap::new();
    loop {
        let answer = tokio::select! {
            command = commands.recv() => {
                match command {
                    None => break,
                    Some(Command::Run { seq, item, task, subject, workloads }) => {
                        tracing::debug!(seq = seq.0, %item, by = task.word(), "a check was asked for");
                        let handle = running.spawn(check(bench.clone(), events.clone(), seq, task, subject, workloads));
                        asked.insert(handle.id(), (Asked::Check(seq), handle));
                    }
                    Some(Command::Bind { seq, subject, workloads: _ }) => {
                        let handle = running.spawn(digests(bench.clone(), seq, subject.clone()));
                        asked.insert(handle.id(), (Asked::Digests(seq, subject), handle));
                    }
                    Some(Command::Cancel { seq }) => {
                        asked.values().filter(|(asked, _)| asked.seq() == seq).for_each(|(_, handle)| handle.abort());
                    }
                }
                None
            }
            Some(ended) = running.join_next_with_id() => Some(ended),
        };
        let answer = match answer {
            None => continue,
            Some(Ok((id, event))) => asked.remove(&id).map(|_| event),
            Some(Err(error)) => {
                let why = if error.is_panic() { "the check itself is broken: a fault in rolldeck" } else { "cancelled" };
                asked.remove(&error.id()).map(|(asked, _)| asked.unknown(why))
            }
        };
        if let Some(event) = answer
            && events.send(event).await.is_err()
        {
            break;
        }
    }
    running.shutdown().await;
}

/// Runs one check, for each service that it is about.
async fn check(
    bench: Arc<Bench>,
    events: mpsc::Sender<Event>,
    seq: Seq,
    task: Box<Task>,
    subject: Arc<Subject>,
    workloads: Vec<Workload>,
) -> Event {
    let turns = bench.turns.get(&subject.environment).unwrap_or(&bench.other).clone();
    // Never closed: an error would mean that all turns are free.
    let first = turns.acquire().await.ok();
    if events.send(Event::Started { seq, at: clock::now() }).await.is_err() {
        return Event::Finished { seq, found: Report::unknown("nobody waits for it").found() };
    }
    let report = match fill::parts(&task, &subject, &workloads) {
        Err(why) => Report::unknown(why),
        // One turn is taken already; the other services wait for theirs beside it.
        Ok(parts) => {
            let mut first = Some(first);
            let reports = parts.into_iter().map(|part| {
                let (mine, turns, bench) = (first.take(), &turns, &bench);
                async move {
                    let _turn = match mine {
                        Some(turn) => turn,
                        None => turns.acquire().await.ok(),
                    };
                    let report = one(bench, &part).await;
                    (part.name, report)
                }
            });
            together(join_all(reports).await)
        }
    };
    Event::Finished { seq, found: report.found() }
}

/// Runs a check for one service.
async fn one(bench: &Bench, part: &fill::Part) -> Report {
    match (&part.task, &bench.client) {
        (Task::Command(task), _) => command::run(task, &part.texts, &bench.folder).await,
        (Task::Http(task), Ok(client)) => http::run(task, client, &bench.folder).await,
        (Task::Prometheus(task), Ok(client)) => prometheus::run(task, client, &bench.folder).await,
        (Task::Http(_) | Task::Prometheus(_), Err(why)) => Report::unknown(format!("TLS cannot be set up: {why}")),
        (Task::Manual, _) => Report::unknown("it is ticked by a person"),
        (Task::Kubernetes(_) | Task::Environment { .. }, _) => Report::unknown("only the environment's engine can tell"),
    }
}

/// Asks the registry for the digests of a release.
async fn digests(bench: Arc<Bench>, seq: Seq, subject: Arc<Subject>) -> Event {
    let bound: Vec<Bound> = match &bench.client {
        Err(why) => registry::unbound(&subject, why),
        Ok(client) => {
            let each = subject.services.iter().map(|service| async {
                let _turn = bench.other.acquire().await.ok();
                registry::bind(service, client).await
            });
            join_all(each).await
        }
    };
    Event::Bound { seq, bound }
}
