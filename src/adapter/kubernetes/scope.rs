//! One scope: a link that is made, lost and made again, and what is known through it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::access::{self, Rights};
use super::carry::carry;
use super::client::{self, EndpointsForm};
use super::error::Error;
use super::lock::{Gate, Locks};
use super::logs::{self, Follower};
use super::record::Kind;
use super::store::Store;
use super::watch::{self, Outlet, Signal, Trouble};
use super::{Origin, gitops, happenings, live, orders, usage};
use crate::adapter::{backoff, clock};
use crate::domain::change::ChangeError;
use crate::domain::driver::Seat;
use crate::domain::id::{Actor, RolloutId, Scope};
use crate::domain::plan::Workload;
use crate::domain::release::Voucher;
use crate::domain::rollout::Rollout;
use crate::port::engine::{Command, Event, LogBatch, LogQuery};
use crate::port::{Link, Seq};

/// Changes of this span are told together: an update of a pod is four or five events within a few milliseconds.
const TOGETHER: Duration = Duration::from_millis(20);
/// A link that is down for good is still tried this often: a right may be granted, a file mended.
const DOWN: Duration = Duration::from_secs(30);
/// Proofs are told at most this often.
const PROOF: SignedDuration = SignedDuration::from_millis(900);

/// What a scope reads from and tells to.
pub struct Ways {
    pub commands: mpsc::Receiver<Command>,
    pub events: mpsc::Sender<Event>,
    pub logs: mpsc::Sender<LogBatch>,
    pub locks: Locks,
}

/// Runs a scope until its commands close.
pub async fn run(scope: Scope, origin: Origin, workloads: Vec<Workload>, ways: Ways) {
    let Ways { mut commands, events, logs, locks } = ways;
    let mut told = Told {
        scope: scope.clone(),
        events: events.clone(),
        link: None,
        proof: None,
        missing: BTreeSet::new(),
        sent: HashMap::new(),
        logs,
        locks,
        wish: None,
        follower: None,
    };
    told.link(Link::Connecting).await;
    let mut store = Store::new(workloads);
    let mut failures = 0;
    let mut focus = None;
    loop {
        let error = match connect(&origin).await {
            Ok((client, user, form)) => {
                failures = 0;
                told.locks.connected(&scope, client.clone());
                for namespace in absent(&client, &store).await {
                    told.missing(Error::NoNamespace(namespace).to_string()).await;
                }
                let session = Session::new(client, form, &mut store, &mut told, focus.as_ref());
                session.identify(user).await;
                match session.run(&mut commands, &mut focus).await {
                    Ended::Closed => return,
                    Ended::Again => {
                        told.link(Link::Connecting).await;
                        continue;
                    }
                    Ended::Failed(error) => error,
                }
            }
            Err(error) => error,
        };
        failures += 1;
        let wait = if error.permanent() { DOWN } else { backoff::wait(failures) };
        told.lost(&error, wait).await;
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => break,
                command = commands.recv() => match command {
                    None => return,
                    Some(Command::Reconnect(_)) => {
                        told.link(Link::Connecting).await;
                        break;
                    }
                    Some(Command::Focus(on)) => focus = on,
                    Some(Command::Follow { seq, query }) => told.wish = Some((seq, query)),
                    Some(Command::Unfollow) => told.unfollow(),
                    Some(command) => orders::refuse(command, ChangeError::NotSent(error.to_string()), &events).await,
                },
            }
        }
    }
}

async fn connect(origin: &Origin) -> Result<(Client, Option<String>, EndpointsForm), Error> {
    let (client, user) = match origin {
        Origin::Given(client) => (client.clone(), None),
        Origin::Kubeconfig { context, path } => {
            let connected = client::connect(context.clone(), path.clone()).await?;
            (connected.client, connected.user)
        }
    };
    let form = client::endpoints_form(&client).await?;
    Ok((client, user, form))
}

/// Returns the namespaces that the cluster says it has not. Said and no more: lists of such a namespace are empty and not
/// wrong, and it may be made at any time.
async fn absent(client: &Client, store: &Store) -> Vec<String> {
    let namespaces: BTreeSet<&str> = store.workloads().iter().map(|workload| workload.namespace.as_str()).collect();
    let asked = namespaces.into_iter().map(async |namespace| (namespace, client::has_namespace(client, namespace).await));
    let answers = futures::future::join_all(asked).await;
    answers.into_iter().filter(|(_, has)| matches!(has, Ok(false))).map(|(namespace, _)| namespace.to_owned()).collect()
}

/// What the console was last told, so that nothing is told twice.
struct Told {
    scope: Scope,
    events: mpsc::Sender<Event>,
    link: Option<Link>,
    proof: Option<Timestamp>,
    missing: BTreeSet<String>,
    sent: HashMap<usize, Arc<Rollout>>,
    logs: mpsc::Sender<LogBatch>,
    locks: Locks,
    /// Logs that are to be followed as soon as there is a link.
    wish: Option<(Seq, LogQuery)>,
    /// Outlives a session: its streams mend themselves, and show no line twice when they go on.
    follower: Option<(RolloutId, Follower)>,
}

impl Told {
    /// Follows what is wished for in place of what was followed.
    fn follow(&mut self, client: &Client, store: &Store) {
        let Some((seq, query)) = self.wish.take() else { return };
        self.follower = None;
        let found = store.workloads().iter().enumerate().find(|(_, workload)| workload.id == query.rollout);
        let Some((index, workload)) = found else { return };
        let id = query.rollout.clone();
        let ways = logs::Ways { lines: self.logs.clone(), events: self.events.clone() };
        let follower = Follower::start(client.clone(), &workload.namespace, query, seq, ways);
        if let Some(rollout) = self.sent.get(&index) {
            follower.update(rollout);
        }
        self.follower = Some((id, follower));
    }

    fn unfollow(&mut self) {
        (self.wish, self.follower) = (None, None);
    }

    async fn send(&self, event: Event) {
        if self.events.send(event).await.is_err() {
            tracing::debug!(scope = %self.scope, "nobody reads events any more");
        }
    }

    async fn link(&mut self, link: Link) {
        if self.link.as_ref() != Some(&link) {
            tracing::info!(scope = %self.scope, ?link, "link");
            self.link = Some(link.clone());
            self.send(Event::Link { scope: self.scope.clone(), link }).await;
        }
    }

    async fn lost(&mut self, error: &Error, wait: Duration) {
        let why = error.to_string();
        if error.permanent() {
            self.link(Link::Down { why }).await;
        } else {
            let next = clock::now().checked_add(wait).unwrap_or(Timestamp::MAX);
            self.link(Link::Retrying { why, next }).await;
        }
    }

    async fn proof(&mut self, at: Timestamp) {
        if self.proof.is_none_or(|last| at.duration_since(last) >= PROOF) {
            self.proof = Some(at);
            self.send(Event::Proof { scope: self.scope.clone(), at }).await;
        }
    }

    async fn missing(&mut self, what: String) {
        if self.missing.insert(what.clone()) {
            self.send(Event::Missing { scope: self.scope.clone(), what }).await;
        }
    }

    async fn rollout(&mut self, index: usize, mut rollout: Rollout) {
        carry(self.sent.get(&index).map(Arc::as_ref), &mut rollout, clock::now());
        if self.sent.get(&index).is_none_or(|last| **last != rollout) {
            let rollout = Arc::new(rollout);
            self.sent.insert(index, rollout.clone());
            if let Some((_, follower)) = self.follower.as_ref().filter(|(id, _)| *id == rollout.id) {
                follower.update(&rollout);
            }
            self.send(Event::Rollout(rollout)).await;
        }
    }
}

/// Why a session is over.
enum Ended {
    /// The console goes.
    Closed,
    /// It is to be begun anew at once.
    Again,
    Failed(Error),
}

/// The time from a client to its loss.
struct Session<'a> {
    client: Client,
    form: EndpointsForm,
    store: &'a mut Store,
    told: &'a mut Told,
    epoch: u64,
    out: mpsc::Sender<Signal>,
    signals: mpsc::Receiver<Signal>,
    poke: Arc<Notify>,
    /// The watches of this epoch.
    watches: JoinSet<()>,
    /// Whatever else runs: the probe, previews, changes.
    tasks: JoinSet<()>,
    /// The last probe was not answered.
    silent: bool,
    rights: Option<Rights>,
    asked: (mpsc::Sender<Rights>, mpsc::Receiver<Rights>),
    asking: bool,
    flush: Option<Instant>,
    focused: Option<usize>,
    owners: gitops::Reading,
    polling: Option<JoinHandle<()>>,
    /// The namespace whose events are followed.
    happening: Option<(String, JoinHandle<()>)>,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        for task in self.polling.iter().chain(self.happening.iter().map(|(_, task)| task)) {
            task.abort();
        }
    }
}

impl<'a> Session<'a> {
    fn new(client: Client, form: EndpointsForm, store: &'a mut Store, told: &'a mut Told, focus: Option<&RolloutId>) -> Self {
        let (out, signals) = mpsc::channel(1024);
        let mut session = Self {
            client,
            form,
            store,
            told,
            epoch: 0,
            out,
            signals,
            poke: Arc::new(Notify::new()),
            watches: JoinSet::new(),
            tasks: JoinSet::new(),
            silent: false,
            rights: None,
            asked: mpsc::channel(1),
            asking: false,
            flush: None,
            focused: None,
            owners: gitops::Reading::default(),
            polling: None,
            happening: None,
        };
        session.restart();
        session.tasks.spawn(live::run(session.client.clone(), session.poke.clone(), session.out.clone()));
        session.focus(focus);
        session
    }

    /// Tells the kubeconfig's name of the user until the server has said its own.
    async fn identify(&self, user: Option<String>) {
        if let Some(user) = user {
            self.told.locks.identify(&self.told.scope, &user);
            let (scope, voucher) = (self.told.scope.clone(), Voucher::Kubeconfig);
            self.told.send(Event::Identity { scope, actor: Actor::new(user), voucher }).await;
        }
    }

    /// Lists and watches everything anew. After an outage the old watches may be dead without knowing it.
    fn restart(&mut self) {
        self.epoch += 1;
        self.watches = JoinSet::new();
        self.store.begin();
        for (namespace, kind) in self.store.wanted() {
            let outlet = Outlet { epoch: self.epoch, namespace: namespace.into(), out: self.out.clone() };
            self.watches.spawn(watch::kind(self.client.clone(), kind, self.form, outlet));
        }
        if let Some((namespace, _)) = &self.happening {
            self.follow_events(namespace.clone());
        }
    }

    async fn run(mut self, commands: &mut mpsc::Receiver<Command>, focus: &mut Option<RolloutId>) -> Ended {
        self.told.follow(&self.client, self.store);
        let identity = (self.client.clone(), self.out.clone());
        self.tasks.spawn(async move {
            if let Some(user) = client::identity(&identity.0).await {
                // The receiver is gone only when the session ends.
                let _ = identity.1.send(Signal::Identity(user)).await;
            }
        });
        loop {
            let flush = self.flush;
            let due = async move {
                match flush {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => match command {
                    None => return Ended::Closed,
                    Some(Command::Reconnect(_)) => return Ended::Again,
                    Some(Command::Focus(on)) => {
                        self.focus(on.as_ref());
                        *focus = on;
                    }
                    Some(command) => self.command(command).await,
                },
                Some(signal) = self.signals.recv() => {
                    if let Some(ended) = self.take(signal).await {
                        return ended;
                    }
                }
                () = due => self.tell().await,
                Some(rights) = self.asked.1.recv() => {
                    self.asking = false;
                    self.rights = Some(rights);
                    self.store.touch_all();
                    self.tell().await;
                }
                Some(ended) = self.watches.join_next(), if !self.watches.is_empty() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        return Ended::Failed(Error::Lost("a watch failed inside; the log file says where".to_owned()));
                    }
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        return Ended::Failed(Error::Lost("a task failed inside; the log file says where".to_owned()));
                    }
                }
            }
        }
    }

    async fn take(&mut self, signal: Signal) -> Option<Ended> {
        match signal {
            Signal::Change { epoch, namespace, change, at } if epoch == self.epoch => {
                self.store.apply(&namespace, *change);
                self.soon();
                self.told.proof(at).await;
                self.settle().await;
            }
            Signal::Trouble { epoch, namespace, kind, trouble } if epoch == self.epoch => {
                return self.trouble(&namespace, kind, trouble).await;
            }
            Signal::Change { .. } | Signal::Trouble { .. } => {}
            Signal::Probe { result: Ok(()), .. } => {
                if std::mem::take(&mut self.silent) {
                    self.restart();
                }
                self.told.proof(clock::now()).await;
                self.settle().await;
                self.ask_rights();
                self.ask_owners();
            }
            Signal::Probe { result: Err(Error::Unauthorized), .. } => return Some(Ended::Failed(Error::Unauthorized)),
            Signal::Probe { result: Err(error), next } => {
                self.silent = true;
                let error = if error.permanent() { Error::Lost(error.to_string()) } else { error };
                self.told.lost(&error, next).await;
            }
            Signal::Reported { namespace, reported } => {
                self.store.report(&namespace, &reported);
                self.soon();
            }
            Signal::Usage { namespace, samples } => {
                self.store.measure(&namespace, samples);
                self.soon();
            }
            Signal::Owners(owners) => {
                self.store.own(owners);
                self.soon();
            }
            Signal::Missing(what) => self.told.missing(what).await,
            Signal::Identity(user) => {
                self.told.locks.identify(&self.told.scope, &user);
                let (scope, voucher) = (self.told.scope.clone(), Voucher::Cluster);
                self.told.send(Event::Identity { scope, actor: Actor::new(user), voucher }).await;
            }
        }
        None
    }

    /// A watch that failed: rights are states of their own, anything else is asked about at once.
    async fn trouble(&mut self, namespace: &str, kind: Kind, trouble: Trouble) -> Option<Ended> {
        let error = match trouble {
            Trouble::Lost => {
                if !self.silent {
                    self.poke.notify_one();
                }
                return None;
            }
            Trouble::Unknown => return Some(Ended::Failed(Error::Unauthorized)),
            Trouble::Forbidden => Error::Forbidden { verb: "list", what: kind.plural(), namespace: namespace.to_owned() },
            Trouble::NotServed => Error::NotServed(kind.plural().to_owned()),
        };
        self.store.bar(namespace, kind);
        if kind.required() && !self.store.any_readable() {
            return Some(Ended::Failed(error));
        }
        self.told.missing(error.to_string()).await;
        self.soon();
        self.settle().await;
        None
    }

    /// The link is up when it answers and everything has been listed.
    async fn settle(&mut self) {
        if !self.silent && self.told.link != Some(Link::Up) && self.store.complete() {
            self.tell().await;
            self.told.link(Link::Up).await;
            self.ask_rights();
            self.poll_usage();
        }
    }

    fn soon(&mut self) {
        if self.flush.is_none() {
            self.flush = Some(Instant::now() + TOGETHER);
        }
    }

    /// Tells every rollout that has changed.
    async fn tell(&mut self) {
        self.flush = None;
        for index in self.store.take_dirty() {
            let Some(mut rollout) = self.store.build(index) else { continue };
            if let (Some(rights), Some(workload)) = (&self.rights, self.store.workloads().get(index)) {
                rights.refuse(workload, &access::State::of(&rollout), &mut rollout.capabilities);
            }
            self.told.rollout(index, rollout).await;
        }
    }

    fn ask_rights(&mut self) {
        let due = self.rights.as_ref().is_none_or(|rights| rights.stale(clock::now()));
        if due && !self.asking {
            self.asking = true;
            let state = |index: usize| self.told.sent.get(&index).map(|rollout| access::State::of(rollout)).unwrap_or_default();
            let workloads: Vec<_> = self.store.workloads().iter().enumerate().map(|(at, workload)| (workload.clone(), state(at))).collect();
            let (client, tell) = (self.client.clone(), self.asked.0.clone());
            self.tasks.spawn(async move {
                let rights = access::ask(&client, &workloads).await;
                // The receiver is gone only when the session ends.
                let _ = tell.send(rights).await;
            });
        }
    }

    /// Reads what the owners of objects are set to do, where it is time.
    fn ask_owners(&mut self) {
        let owned = self.told.sent.values().filter_map(|rollout| rollout.owner.as_ref());
        let keys = self.owners.due(clock::now(), owned);
        if !keys.is_empty() {
            let (client, out) = (self.client.clone(), self.out.clone());
            self.tasks.spawn(async move {
                // The receiver is gone only when the session ends.
                let _ = out.send(Signal::Owners(gitops::read(&client, keys).await)).await;
            });
        }
    }

    async fn command(&mut self, command: Command) {
        let index = |store: &Store, id: &RolloutId| store.workloads().iter().position(|workload| workload.id == *id);
        match command {
            Command::Preview { seq, rollout, order } => {
                let known = index(self.store, &rollout)
                    .and_then(|index| Some((self.store.workloads().get(index)?.clone(), self.told.sent.get(&index)?.clone())));
                let Some((workload, now)) = known else {
                    let why = ChangeError::NotSent("nothing is known of it yet".to_owned());
                    orders::refuse(Command::Preview { seq, rollout, order }, why, &self.told.events).await;
                    return;
                };
                let asked = orders::Asked { workload, rollout: now, seq, order };
                drop(self.tasks.spawn(orders::preview(self.client.clone(), self.told.locks.clone(), asked, self.told.events.clone())));
            }
            Command::Execute { op, rollout, requests, note, driving } => {
                let gate = Gate::before(self.told.locks.clone(), Seat::of(&rollout), driving);
                let (client, scope, events) = (self.client.clone(), self.told.scope.clone(), self.told.events.clone());
                // Not among the session's tasks: a change that was begun is finished, whatever becomes of the link.
                drop(tokio::spawn(orders::execute(client, scope, gate, orders::Sending { op, requests, note }, events)));
            }
            Command::Follow { seq, query } => {
                self.told.wish = Some((seq, query));
                self.told.follow(&self.client, self.store);
            }
            Command::Unfollow => self.told.unfollow(),
            Command::Focus(_) | Command::Reconnect(_) | Command::Tell { .. } => {}
        }
    }

    /// What is on screen is polled for its usage, and its namespace's events are followed.
    fn focus(&mut self, on: Option<&RolloutId>) {
        let index = on.and_then(|id| self.store.workloads().iter().position(|workload| workload.id == *id));
        if index == self.focused {
            return;
        }
        self.focused = index;
        if let Some(polling) = self.polling.take() {
            polling.abort();
        }
        let Some(workload) = index.and_then(|index| self.store.workloads().get(index)) else { return };
        let namespace = workload.namespace.clone();
        if self.happening.as_ref().is_none_or(|(followed, _)| *followed != namespace) {
            self.follow_events(namespace);
        }
        self.poll_usage();
    }

    fn follow_events(&mut self, namespace: String) {
        let task = tokio::spawn(happenings::follow(self.client.clone(), namespace.as_str().into(), self.out.clone()));
        if let Some((_, former)) = self.happening.replace((namespace, task)) {
            former.abort();
        }
    }

    fn poll_usage(&mut self) {
        let (Some(index), None) = (self.focused, &self.polling) else { return };
        let selectors = self.store.selectors(index);
        if let (Some(workload), false) = (self.store.workloads().get(index), selectors.is_empty()) {
            let poll = usage::poll(self.client.clone(), workload.namespace.as_str().into(), selectors, self.out.clone());
            self.polling = Some(tokio::spawn(poll));
        }
    }
}
