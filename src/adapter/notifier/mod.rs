//! Tells people of releases: webhooks, mail, programs, this terminal.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::domain::plan::Channel;
use crate::port::notify::{Command, Event};

/// Starts the notifier. It ends when nobody asks any more.
pub fn spawn(_channels: Vec<Channel>, mut commands: mpsc::Receiver<Command>, _events: mpsc::Sender<Event>) -> JoinHandle<()> {
    tokio::spawn(async move { while commands.recv().await.is_some() {} })
}
