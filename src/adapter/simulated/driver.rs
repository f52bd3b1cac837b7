//! The task behind the port: ticks the world, tells what moved, answers what is asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::board::Board;
use super::follow::Follow;
use super::orders::{Orders, Sending};
use super::pace::later;
use super::scenario::Logs;
use super::view;
use super::world::{Happening, World};
use crate::adapter::clock;
use crate::domain::id::{Actor, Scope};
use crate::domain::release::Voucher;
use crate::port::Link;
use crate::port::engine::{Command, Event, LogBatch};

/// How often the world goes on.
const TICK: Duration = Duration::from_millis(100);

/// How often the link proves itself while it is up.
const PROOF: SignedDuration = SignedDuration::from_secs(1);

/// The state of the task.
pub(super) struct Driver {
    world: World,
    board: Board,
    scopes: Vec<Scope>,
    events: mpsc::Sender<Event>,
    logs: mpsc::Sender<LogBatch>,
    writing: Logs,
    orders: Orders,
    follow: Option<Follow>,
    proved: Timestamp,
}

/// The console went away: nobody reads events any more.
struct Gone;

impl Driver {
    pub(super) fn new(world: World, board: Board, writing: Logs, events: mpsc::Sender<Event>, logs: mpsc::Sender<LogBatch>) -> Self {
        let mut scopes: Vec<Scope> = world.services.iter().map(|managed| managed.workload.scope()).collect();
        scopes.sort();
        scopes.dedup();
        Self { world, board, scopes, events, logs, writing, orders: Orders::default(), follow: None, proved: Timestamp::MIN }
    }

    /// Runs until the console goes away.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        if self.open().await.is_err() {
            return;
        }
        loop {
            let done = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.command(command, clock::now()).await,
                    None => return,
                },
                _ = ticks.tick() => self.tick(clock::now()).await,
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// The first words: the link, the operator, and everything whole.
    async fn open(&mut self) -> Result<(), Gone> {
        for scope in self.scopes.clone() {
            self.send(Event::Identity { scope: scope.clone(), actor: Actor::new("demo"), voucher: Voucher::Cluster }).await?;
            self.send(Event::Link { scope, link: Link::Up }).await?;
        }
        self.relist().await
    }

    async fn relist(&mut self) -> Result<(), Gone> {
        let whole: Vec<_> = self.world.services.iter().map(|managed| Arc::new(view::rollout(managed))).collect();
        for rollout in whole {
            self.board.post(rollout.clone());
            self.send(Event::Rollout(rollout)).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, now: Timestamp) -> Result<(), Gone> {
        let mut changed = BTreeSet::new();
        for happening in self.world.tick(now) {
            match happening {
                Happening::Changed(at) => {
                    changed.insert(at);
                }
                Happening::LinkCut { until } => self.lose(until, now).await?,
                Happening::LinkBack => self.regain().await?,
            }
        }
        self.board.push(&self.world.pushes);
        // A lock lapses without a link as well.
        let linked = self.world.link_up();
        for (seat, standing) in self.world.locks.tick(linked, now) {
            self.send(Event::Lock { seat, standing }).await?;
        }
        if !self.world.link_up() {
            return Ok(());
        }
        let (answers, written) = self.orders.step(&mut self.world, now);
        changed.extend(written);
        for answer in answers {
            self.send(answer).await?;
        }
        for at in changed {
            if let Some(managed) = self.world.services.get(at) {
                let rollout = Arc::new(view::rollout(managed));
                self.board.post(rollout.clone());
                self.send(Event::Rollout(rollout)).await?;
            }
        }
        self.read_logs(now).await?;
        if now >= later(self.proved, PROOF) {
            self.proved = now;
            for scope in self.scopes.clone() {
                self.send(Event::Proof { scope, at: now }).await?;
            }
        }
        Ok(())
    }

    async fn lose(&mut self, until: Timestamp, now: Timestamp) -> Result<(), Gone> {
        let why = "connection reset by peer";
        self.board.link(Some(why.into()));
        for scope in self.scopes.clone() {
            let link = Link::Retrying { why: why.into(), next: until };
            self.send(Event::Link { scope, link }).await?;
        }
        for answer in self.orders.cut() {
            self.send(answer).await?;
        }
        if let Some(follow) = &mut self.follow {
            follow.cut(now);
        }
        Ok(())
    }

    async fn regain(&mut self) -> Result<(), Gone> {
        self.board.link(None);
        for scope in self.scopes.clone() {
            self.send(Event::Link { scope, link: Link::Up }).await?;
        }
        self.relist().await
    }

    async fn read_logs(&mut self, now: Timestamp) -> Result<(), Gone> {
        let Some(follow) = &mut self.follow else { return Ok(()) };
        let at = self.world.position(&follow.query.rollout);
        let Some(managed) = at.and_then(|at| self.world.services.get(at)) else { return Ok(()) };
        let news = follow.read(managed, self.writing.rate, self.writing.flood, now);
        follow.send(&self.logs);
        let seq = follow.seq;
        if let Some((followed, of)) = news {
            self.send(Event::Following { seq, followed, of }).await?;
        }
        Ok(())
    }

    async fn command(&mut self, command: Command, now: Timestamp) -> Result<(), Gone> {
        let answer = match command {
            Command::Preview { seq, rollout, order } => self.orders.preview(&mut self.world, seq, rollout, order, now),
            Command::Execute { op, rollout, requests, note, driving } => {
                self.orders.execute(&mut self.world, Sending { op, rollout, requests, note, driving }, now)
            }
            Command::Focus(rollout) => {
                self.world.focus = rollout;
                None
            }
            Command::Follow { seq, query } => {
                self.follow = Some(Follow::new(seq, query));
                None
            }
            Command::Unfollow => {
                self.follow = None;
                None
            }
            Command::Reconnect(_) => {
                self.world.mend_link(now);
                None
            }
            Command::Tell { seat, telling } => {
                if self.world.link_up() {
                    self.world.locks.tell(&seat, &telling);
                }
                None
            }
        };
        match answer {
            Some(answer) => self.send(answer).await,
            None => Ok(()),
        }
    }

    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::simulated::{Options, plan, spawn};
    use crate::domain::change::ChangeError;
    use crate::domain::id::OpId;
    use crate::domain::verb::Order;
    use crate::port::Seq;
    use crate::port::engine::{LogQuery, Note, Range};

    async fn until<T>(events: &mut mpsc::Receiver<Event>, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = pick(events.recv().await.expect("the engine lives")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time")
    }

    #[tokio::test]
    async fn the_port_lists_previews_executes_once_and_follows() {
        let workloads: Vec<_> = plan("quiet").expect("plan").workloads().cloned().collect();
        let count = workloads.len();
        let (commands, inbox) = mpsc::channel(64);
        let (outbox, mut events) = mpsc::channel(1024);
        let (lines, mut logs) = mpsc::channel(16);
        let options = Options { scenario: "quiet".into(), ..Options::default() };
        let task = spawn(&options, workloads, inbox, outbox, lines).expect("spawn");
        let mut ids = Vec::new();
        let ids = until(&mut events, |event| {
            if let Event::Rollout(rollout) = event {
                ids.push(rollout.id.clone());
            }
            (ids.len() == count).then(|| ids.clone())
        })
        .await;
        until(&mut events, |event| matches!(event, Event::Proof { .. }).then_some(())).await;

        let rollout = ids.iter().find(|id| id.to_string() == "payments production").expect("payments").clone();
        let order = Order::Scale { track: None, replicas: 3 };
        commands.send(Command::Preview { seq: Seq(1), rollout: rollout.clone(), order }).await.expect("send");
        let preview = until(&mut events, |event| match event {
            Event::Previewed { seq: Seq(1), result } => Some(result.expect("a preview")),
            _ => None,
        })
        .await;
        let note = Note { actor: Actor::new("ana"), text: "scaled to 3".into(), reason: "Scaled".into() };
        let op = OpId::new("1");
        let execute = Command::Execute { op, rollout: rollout.clone(), requests: preview.requests, note, driving: true };
        commands.send(execute.clone()).await.expect("send");
        commands.send(execute).await.expect("send");
        let mut answers = Vec::new();
        let answers = until(&mut events, |event| {
            if let Event::Answered { result, last: true, .. } = event {
                answers.push(result);
            }
            (answers.len() == 2).then(|| answers.clone())
        })
        .await;
        assert!(answers.iter().any(|answer| matches!(answer, Err(ChangeError::NotSent(_)))), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");

        let query = LogQuery { rollout, range: Range::Tail(20), instance: None, container: None, previous: false };
        commands.send(Command::Follow { seq: Seq(2), query }).await.expect("send");
        let batch = tokio::time::timeout(Duration::from_secs(10), logs.recv()).await.expect("in time").expect("a batch");
        assert_eq!((batch.seq, batch.dropped), (Seq(2), 0));
        assert!(batch.lines.len() >= 60, "{}", batch.lines.len());

        drop(commands);
        task.await.expect("it ends when the console goes");
    }
}
