//! Tells people of releases: webhooks, mail, programs, this terminal.
//!
//! A channel has a `lane` of its own, so that a server that hangs holds nobody else up, and what is told on one channel
//! comes in order. What is told twice is possible (an answer that got lost), what is lost is said. Nobody waits for a lane.

mod fault;
mod lane;
mod mail;
mod program;
mod secret;
mod webhook;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::domain::plan::Channel;
use crate::port::notify::{Command, Event};
use lane::{Job, Lane};

/// How long and how often is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What one try over the network may take.
    pub time_limit: Duration,
    /// What a program may take.
    pub program_limit: Duration,
    pub tries: u32,
    /// How much longer than a lost link's the waits between tries are: two seconds at first, eight at most. A chat server
    /// that is deployed anew is back by then.
    pub pace: u32,
    /// The longest from the first try to the last; also the longest wait that a server may ask for.
    pub patience: Duration,
    /// Announcements that wait on one channel; then the oldest is dropped and said.
    pub waiting: usize,
    /// Certificates in PEM that are trusted beside the system's.
    pub roots: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(10),
            program_limit: Duration::from_secs(30),
            tries: 5,
            pace: 8,
            patience: Duration::from_secs(120),
            waiting: 64,
            roots: Vec::new(),
        }
    }
}

/// Starts the notifier. When nobody asks any more it makes one try of what waits, and ends.
pub fn spawn(channels: Vec<Channel>, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    spawn_with(Options::default(), channels, commands, events)
}

/// Starts the notifier with other limits than the usual ones.
pub fn spawn_with(
    options: Options,
    channels: Vec<Channel>,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let ending = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::new();
        for channel in channels {
            let (inbox, jobs) = mpsc::channel(1);
            let lane = Lane::new(channel.clone(), options.clone(), events.clone(), ending.clone());
            tasks.spawn(lane.run(jobs));
            lanes.push((channel, inbox));
        }
        while let Some(Command::Announce { seq, announcement }) = commands.recv().await {
            for (channel, inbox) in &lanes {
                let wanted = (channel.occasions.is_empty() || channel.occasions.contains(&announcement.occasion))
                    && (channel.environments.is_empty() || channel.environments.contains(&announcement.environment));
                if wanted && inbox.send(Job { seq, announcement: announcement.clone() }).await.is_err() {
                    let failed = Event::Failed { seq, channel: channel.name.clone(), why: "its part of the console has ended".into() };
                    // The console went away: there is nobody to tell.
                    let _ = events.send(failed).await;
                }
            }
        }
        ending.cancel();
        drop(lanes);
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(panicked = error.is_panic(), "a notification channel ended");
            }
        }
    })
}
