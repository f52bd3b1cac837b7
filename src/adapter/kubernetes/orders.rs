//! Previews and changes, each in a task of its own, so that a server that is slow to answer one holds up nothing else.

use std::sync::Arc;

use kube::Client;
use tokio::sync::mpsc;

use super::{change, note};
use crate::adapter::clock;
use crate::domain::change::{ChangeError, Request};
use crate::domain::id::{OpId, Scope};
use crate::domain::plan::Workload;
use crate::domain::rollout::Rollout;
use crate::domain::verb::Order;
use crate::port::Seq;
use crate::port::engine::{Command, Event, Note};

/// Answers a command that cannot be carried out; those that expect no answer are let go.
pub async fn refuse(command: Command, why: ChangeError, events: &mpsc::Sender<Event>) {
    let event = match command {
        Command::Preview { seq, .. } => Event::Previewed { seq, result: Err(why) },
        Command::Execute { op, .. } => Event::Answered { op, index: 0, result: Err(why), last: true },
        Command::Focus(_) | Command::Follow { .. } | Command::Unfollow | Command::Reconnect(_) | Command::Tell { .. } => return,
    };
    send(events, event).await;
}

/// Makes a preview and answers with it.
pub async fn preview(client: Client, workload: Workload, rollout: Arc<Rollout>, seq: Seq, order: Order, events: mpsc::Sender<Event>) {
    let result = change::preview(&client, &workload, &rollout, &order).await.map(Box::new);
    send(&events, Event::Previewed { seq, result }).await;
}

/// Sends the requests of an operation, answers each, and leaves the note on the object.
pub async fn execute(client: Client, scope: Scope, op: OpId, requests: Vec<Request>, text: Note, events: mpsc::Sender<Event>) {
    // Room for every answer and for the failure of a wait, so that none is lost while the reader is slow.
    let (tell, mut told) = mpsc::channel(requests.len() + 2);
    let sending = change::execute(&client, &requests, move |index, result, last| {
        if tell.try_send((index, result, last)).is_err() {
            tracing::error!(index, "an answer found no room");
        }
    });
    let telling = async {
        let mut accepted = None;
        while let Some((index, result, last)) = told.recv().await {
            if result.is_ok() {
                accepted = requests.get(index);
            }
            send(&events, Event::Answered { op: op.clone(), index, result, last }).await;
        }
        accepted
    };
    let ((), accepted) = tokio::join!(sending, telling);
    if let Some(request) = accepted
        && let Err(what) = note::leave(&client, &request.object, &text, clock::now()).await
    {
        send(&events, Event::Missing { scope, what }).await;
    }
}

async fn send(events: &mpsc::Sender<Event>, event: Event) {
    if events.send(event).await.is_err() {
        tracing::debug!("nobody reads events any more");
    }
}
