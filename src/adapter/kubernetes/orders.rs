//! Previews and changes, each in a task of its own, so that a server that is slow to answer one holds up nothing else.

use std::sync::Arc;

use kube::Client;
use tokio::sync::mpsc;

use super::lock::{Gate, Locks};
use super::{change, note};
use crate::adapter::clock;
use crate::domain::change::{ChangeError, Request};
use crate::domain::driver::Seat;
use crate::domain::id::{OpId, Scope};
use crate::domain::object::Part;
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

/// A preview as it is asked for.
pub struct Asked {
    pub workload: Workload,
    pub rollout: Arc<Rollout>,
    pub seq: Seq,
    pub order: Order,
}

/// Makes a preview and answers with it. A forward verb takes the driver's lock first, in a request of its own.
pub async fn preview(client: Client, locks: Locks, asked: Asked, events: mpsc::Sender<Event>) {
    let Asked { workload, rollout, seq, order } = asked;
    let drafted = change::preview(&client, &workload, &rollout, &order);
    let result = match &order {
        Order::Drive { act } => locks.preview(&workload.id, act).await,
        _ if order.verb().needs_lock() => {
            let seat = Seat::of(&workload.id);
            match tokio::join!(drafted, locks.preface(&seat)) {
                (Ok(mut preview), Ok(preface)) => {
                    if let Some(preface) = preface {
                        preface.lead(&mut preview);
                    }
                    Ok(preview)
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
            }
        }
        _ => drafted.await,
    };
    send(&events, Event::Previewed { seq, result: result.map(Box::new) }).await;
}

/// An operation as it is sent.
pub struct Sending {
    pub op: OpId,
    pub requests: Vec<Request>,
    pub note: Note,
}

/// Sends the requests of an operation, answers each, and leaves the note on the object.
pub async fn execute(client: Client, scope: Scope, gate: Gate, sending: Sending, events: mpsc::Sender<Event>) {
    let Sending { op, requests, note: text } = sending;
    // Room for every answer and for the failure of a wait, so that none is lost while the reader is slow.
    let (tell, mut told) = mpsc::channel(requests.len() + 2);
    let sending = change::execute_through(&client, &gate, &requests, move |index, result, last| {
        if tell.try_send((index, result, last)).is_err() {
            tracing::error!(index, "an answer found no room");
        }
    });
    let telling = async {
        let mut accepted = None;
        while let Some((index, result, last)) = told.recv().await {
            if result.is_ok() {
                // Of the lock nobody reads an Event.
                accepted = requests.get(index).filter(|request| request.object.part != Part::Lock);
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
