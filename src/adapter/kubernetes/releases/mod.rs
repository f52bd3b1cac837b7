//! Releases in ConfigMaps: one for each, in the environment's namespace, with `resourceVersion` as the lock.
//!
//! ```text
//! link (is there an answer?) ──▶ keeper ─▶ Event::{Access, Record, Gone, Pruned, Appended}
//! watch, rights ───────────────▶   ▲
//! Command ─▶ write (read, take by the machine, PUT, again on 409) ─┘
//! ```

mod keeper;
mod link;
mod object;
mod rights;
mod watch;
mod write;

use std::path::PathBuf;

use tokio::sync::{mpsc, watch as channel};
use tokio::task::{JoinHandle, JoinSet};

use super::Origin;
use super::change::{Kind, call};
use crate::domain::id::ReleaseId;
use crate::domain::release::record::{Entry, Record};
use crate::port::Seq;
use crate::port::releases::{Command, Event, Failure, Shelf};
use keeper::{Heard, Keeper, Way};
use write::Done;

/// Requests for one release that are written at once.
const TOGETHER: usize = 64;

/// Where the ConfigMaps of an environment are.
#[derive(Clone, Debug)]
pub struct Options {
    /// Instead of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// None: the kubeconfig's current one.
    pub context: Option<String>,
    pub namespace: String,
}

impl Options {
    fn origin(&self) -> Origin {
        Origin::Kubeconfig { context: self.context.clone(), path: self.kubeconfig.clone() }
    }
}

/// Starts the store of an environment. It ends when `commands` closes, after what was asked before.
pub fn spawn(options: Options, shelf: Shelf, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    let origin = options.origin();
    tokio::spawn(run(origin, options.namespace, shelf, commands, events))
}

/// Starts it over a client that is there already, for a server in the same process.
pub fn spawn_with(
    client: kube::Client,
    namespace: String,
    shelf: Shelf,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> JoinHandle<()> {
    tokio::spawn(run(Origin::Given(client), namespace, shelf, commands, events))
}

/// Reads the records of an environment once.
///
/// # Errors
///
/// A sentence: there is no way to the cluster, or no right to list.
pub async fn read(options: &Options, shelf: &Shelf) -> Result<Vec<Record>, String> {
    let client = link::connect(&options.origin()).await.map_err(|error| error.to_string())?;
    let path = Kind::ConfigMap.selected(&options.namespace, object::SELECTOR);
    let limit = std::time::Duration::from_secs(30);
    let reply = call(&client, "GET", &path, None, limit).await.map_err(|lost| lost.harmless().to_string())?;
    match reply.status {
        200 => {}
        403 => return Err(rights::refusal("list", &options.namespace)),
        status => return Err(format!("the API server answered {status}: {}", reply.message())),
    }
    let items = reply.body.get("items").and_then(serde_json::Value::as_array).into_iter().flatten();
    Ok(items.filter_map(|object| object::read(object, shelf)).map(|kept| kept.record).collect())
}

async fn run(origin: Origin, namespace: String, shelf: Shelf, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) {
    let (out, mut heard) = mpsc::channel(64);
    let (way, ways) = channel::channel::<Way>(Err("there is no link yet".to_owned()));
    let mut helpers = JoinSet::new();
    helpers.spawn(link::run(origin, out.clone()));
    let mut writer = tokio::spawn(serve(commands, ways, out.clone()));
    let mut keeper = Keeper::new(namespace, shelf, out, events, way);
    // A console that goes listens no more; what it asked for before is written all the same.
    let mut listening = true;
    loop {
        tokio::select! {
            Some(said) = heard.recv() => listening = listening && keeper.hear(said).await.is_some(),
            _ = &mut writer => break,
        }
    }
    while let Some(said) = heard.try_recv().ok().filter(|_| listening) {
        listening = keeper.hear(said).await.is_some();
    }
    helpers.shutdown().await;
}

/// Writes what is asked for, in its order; what waits for one release is written at once.
async fn serve(mut commands: mpsc::Receiver<Command>, ways: channel::Receiver<Way>, out: mpsc::Sender<Heard>) {
    let mut next = None;
    loop {
        let command = match next.take() {
            Some(command) => command,
            None => match commands.recv().await {
                Some(command) => command,
                None => return,
            },
        };
        let way = ways.borrow().clone();
        let (release, seqs, created, done) = match command {
            Command::Create { seq, release, entries, .. } => {
                let done = match way {
                    Ok(place) => place.create(&release, &entries).await,
                    Err(why) => unsent(1, &why),
                };
                (release, vec![seq], true, done)
            }
            Command::Append { seq, release, entries, .. } => {
                let (seqs, requests) = gather(&mut commands, &release, (seq, entries), &mut next);
                let done = match way {
                    Ok(place) => place.append(&release, &requests).await,
                    Err(why) => unsent(requests.len(), &why),
                };
                (release, seqs, false, done)
            }
        };
        if answer(&out, &release, seqs, created, done).await.is_none() {
            return;
        }
    }
}

/// Takes the requests for the same release that wait already. The first other one is kept for later: the order stays.
fn gather(
    commands: &mut mpsc::Receiver<Command>,
    release: &ReleaseId,
    first: (Seq, Vec<Entry>),
    next: &mut Option<Command>,
) -> (Vec<Seq>, Vec<Vec<Entry>>) {
    let mut all = vec![first];
    while all.len() < TOGETHER {
        match commands.try_recv() {
            Ok(Command::Append { seq, release: of, entries, .. }) if of == *release => all.push((seq, entries)),
            Ok(other) => {
                *next = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    all.into_iter().unzip()
}

fn unsent(count: usize, why: &str) -> Done {
    let failure = Failure { message: why.to_owned(), in_doubt: false };
    Done { results: vec![Err(failure); count], kept: None, denied: None }
}

/// Tells the record before the answer: whoever hears that it was added sees it.
async fn answer(out: &mpsc::Sender<Heard>, release: &ReleaseId, seqs: Vec<Seq>, created: bool, done: Done) -> Option<()> {
    if let Some(why) = done.denied {
        out.send(Heard::Denied(why)).await.ok()?;
    }
    if let Some(kept) = done.kept {
        out.send(Heard::Wrote { kept: Box::new(kept), created }).await.ok()?;
    }
    for (seq, result) in seqs.into_iter().zip(done.results) {
        out.send(Heard::Answered { seq, release: release.clone(), result }).await.ok()?;
    }
    Some(())
}
