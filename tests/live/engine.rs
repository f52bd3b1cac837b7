//! The engine as the console holds it: orders go in, events come out.

use std::time::Duration;

use rolldeck::adapter::kubernetes::{Options, spawn};
use rolldeck::domain::plan::Workload;
use rolldeck::domain::rollout::Rollout;
use rolldeck::port::engine::{Command, Event};
use tokio::sync::mpsc;

pub struct Engine {
    pub commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    seen: Vec<String>,
    /// What was told last of the rollout.
    now: Option<Rollout>,
}

impl Engine {
    pub fn start(workloads: Vec<Workload>) -> Self {
        let (commands, orders) = mpsc::channel(64);
        let (tell, events) = mpsc::channel(1024);
        let (logs, _) = mpsc::channel(8);
        drop(spawn(Options::default(), workloads, orders, tell, logs));
        Self { commands, events, seen: Vec::new(), now: None }
    }

    /// Returns the next event, or none when none came within this time.
    pub async fn next(&mut self, within: Duration) -> Option<Event> {
        tokio::time::timeout(within, self.events.recv()).await.ok().flatten()
    }

    /// Reads events until one is wanted, and returns what was made of it.
    pub async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let end = tokio::time::Instant::now() + Duration::from_secs(90);
        loop {
            match tokio::time::timeout_at(end, self.events.recv()).await {
                Ok(Some(event)) => {
                    if let Event::Rollout(rollout) = &event {
                        self.now = Some(Rollout::clone(rollout));
                    }
                    if let Some(found) = wanted(&event) {
                        return found;
                    }
                    let told = match &event {
                        Event::Rollout(rollout) => format!("{} {:?} {:?}", rollout.id, rollout.phase, rollout.native),
                        other => format!("{other:?}"),
                    };
                    self.seen.push(told);
                }
                _ => panic!("waited in vain for {what}; seen: {:#?}", self.seen),
            }
        }
    }

    /// Returns the rollout as soon as it is so, which may be now.
    pub async fn shows(&mut self, what: &str, wanted: impl Fn(&Rollout) -> bool) -> Rollout {
        match self.now.clone().filter(|now| wanted(now)) {
            Some(now) => now,
            None => self.rollout(what, wanted).await,
        }
    }

    pub async fn rollout(&mut self, what: &str, wanted: impl Fn(&Rollout) -> bool) -> Rollout {
        self.until(what, |event| match event {
            Event::Rollout(rollout) if wanted(rollout) => Some(Rollout::clone(rollout)),
            _ => None,
        })
        .await
    }
}
