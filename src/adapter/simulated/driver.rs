//! The task behind the port: ticks the world, tells what moved, answers what is asked.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::pace::later;
use super::view;
use super::world::{Happening, World};
use crate::adapter::clock;
use crate::domain::id::{Actor, Scope};
use crate::port::Link;
use crate::port::engine::{Command, Event, LogBatch};

/// How often the world goes on.
const TICK: Duration = Duration::from_millis(100);

/// How often the link proves itself while it is up.
const PROOF: SignedDuration = SignedDuration::from_secs(1);

/// The state of the task.
pub(super) struct Driver {
    world: World,
    scopes: Vec<Scope>,
    events: mpsc::Sender<Event>,
    proved: Timestamp,
}

/// The console went away: nobody reads events any more.
struct Gone;

impl Driver {
    pub(super) fn new(world: World, events: mpsc::Sender<Event>, _logs: mpsc::Sender<LogBatch>) -> Self {
        let mut scopes: Vec<Scope> = world.services.iter().map(|managed| managed.workload.scope()).collect();
        scopes.sort();
        scopes.dedup();
        Self { world, scopes, events, proved: Timestamp::MIN }
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
                    Some(command) => {
                        self.command(command);
                        Ok(())
                    }
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
            self.send(Event::Identity { scope: scope.clone(), actor: Actor::new("demo") }).await?;
            self.send(Event::Link { scope, link: Link::Up }).await?;
        }
        self.relist().await
    }

    async fn relist(&mut self) -> Result<(), Gone> {
        let whole: Vec<_> = self.world.services.iter().map(|managed| Arc::new(view::rollout(managed))).collect();
        for rollout in whole {
            self.send(Event::Rollout(rollout)).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, now: Timestamp) -> Result<(), Gone> {
        for happening in self.world.tick(now) {
            match happening {
                Happening::Changed(at) if self.world.link_up() => {
                    if let Some(managed) = self.world.services.get(at) {
                        let rollout = Arc::new(view::rollout(managed));
                        self.send(Event::Rollout(rollout)).await?;
                    }
                }
                Happening::Changed(_) => {}
                Happening::LinkCut { until } => {
                    for scope in self.scopes.clone() {
                        let link = Link::Retrying { why: "connection reset by peer".into(), next: until };
                        self.send(Event::Link { scope, link }).await?;
                    }
                }
                Happening::LinkBack => {
                    for scope in self.scopes.clone() {
                        self.send(Event::Link { scope, link: Link::Up }).await?;
                    }
                    self.relist().await?;
                }
            }
        }
        if self.world.link_up() && now >= later(self.proved, PROOF) {
            self.proved = now;
            for scope in self.scopes.clone() {
                self.send(Event::Proof { scope, at: now }).await?;
            }
        }
        Ok(())
    }

    fn command(&mut self, command: Command) {
        if let Command::Focus(rollout) = command {
            self.world.focus = rollout;
        }
    }

    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}
