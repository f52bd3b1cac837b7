//! The link of a store: made, proven every few seconds, made again. What it says decides whether the records on screen are
//! of now (api-semantics 10: a dead watch is silent).

use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc;

use super::keeper::Heard;
use crate::adapter::backoff;
use crate::adapter::kubernetes::error::Error;
use crate::adapter::kubernetes::{Origin, client, live};

/// A link that is down for good is still tried this often: a right may be granted, a file mended.
const DOWN: Duration = Duration::from_secs(30);

/// Makes a client.
pub async fn connect(origin: &Origin) -> Result<Client, Error> {
    match origin {
        Origin::Given(client) => Ok(client.clone()),
        Origin::Kubeconfig { context, path } => Ok(client::connect(context.clone(), path.clone()).await?.client),
    }
}

/// Keeps the link until nobody listens. A client is told anew after each outage: its watches may be dead.
pub async fn run(origin: Origin, out: mpsc::Sender<Heard>) {
    let mut failures = 0;
    loop {
        let error = match connect(&origin).await {
            Ok(client) => match prove(client, &mut failures, &out).await {
                Some(error) => error,
                None => return,
            },
            Err(error) => error,
        };
        failures += 1;
        let wait = if error.permanent() { DOWN } else { backoff::wait(failures) };
        if out.send(Heard::Lost(error.to_string())).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

/// Asks whether the server still answers, until the client itself is at fault; none: nobody listens.
async fn prove(client: Client, failures: &mut u32, out: &mpsc::Sender<Heard>) -> Option<Error> {
    let mut up = false;
    loop {
        match live::probe(&client).await {
            Ok(()) if !up => {
                (up, *failures) = (true, 0);
                out.send(Heard::Up(client.clone())).await.ok()?;
            }
            Ok(()) => {}
            // New credentials may be had.
            Err(error) if error.permanent() => return Some(error),
            Err(error) => {
                (up, *failures) = (false, *failures + 1);
                out.send(Heard::Lost(error.to_string())).await.ok()?;
            }
        }
        tokio::time::sleep(if up { live::EVERY } else { backoff::wait(*failures) }).await;
    }
}
