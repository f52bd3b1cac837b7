//! Whether the API server still answers. A watch whose connection is dead but open is silent for minutes, and so is one
//! whose resource version lies in the server's future (api-semantics 10): only asking tells.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, mpsc};

use super::error::{self, Error};
use super::watch::Signal;
use crate::adapter::backoff;

/// How often a healthy server is asked.
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// How long it may take.
const WITHIN: Duration = Duration::from_secs(4);

/// Asks for ever; `poke` asks at once.
pub async fn run(client: Client, poke: Arc<Notify>, out: mpsc::Sender<Signal>) {
    let mut failures = 0;
    loop {
        let result = probe(&client).await;
        failures = if result.is_ok() { 0 } else { failures + 1 };
        let next = if failures == 0 { EVERY } else { backoff::wait(failures) };
        if out.send(Signal::Probe { result, next }).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = poke.notified() => {}
        }
    }
}

/// Asks once. `/readyz` and not `/version`: a server that has just started answers the latter before it knows whom it
/// may let in, and would refuse the watches with 403.
pub(super) async fn probe(client: &Client) -> Result<(), Error> {
    let request = http::Request::get("/readyz").body(Vec::new()).map_err(|error| Error::Client(error.to_string()))?;
    match tokio::time::timeout(WITHIN, client.request_text(request)).await {
        Err(_) => Err(Error::Timeout(WITHIN.as_secs())),
        // Not for us to see, or not there: an answer all the same.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 403 | 404) => Ok(()),
        Ok(Err(kube::Error::Api(status))) if status.code >= 500 => Err(Error::Lost("the API server is not ready".to_owned())),
        Ok(Err(error)) => Err(error::of_request(&error)),
        Ok(Ok(_)) => Ok(()),
    }
}
