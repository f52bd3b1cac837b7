//! Sends what the dialog showed: each request exactly so, once, in order, until one fails.

use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use super::flagger;
use super::fresh::Fresh;
use super::moved;
use super::wire::{self, Kind};
use crate::adapter::kubernetes::lock::Gate;
use crate::domain::change::{Answer, ChangeError, DRAIN, Request, Wait};

/// The controller looks at a change within milliseconds, unless it is down.
const OBSERVED_LIMIT: Duration = Duration::from_secs(30);

/// Ready is a matter of pulling and starting: longer than this, and a person should decide again.
const READY_LIMIT: Duration = Duration::from_secs(300);

/// Between two looks at the object that is waited for.
const LOOK: Duration = Duration::from_millis(300);

/// Sends the requests of an operation and reports each answer with its index; `last` ends the sending.
///
/// Nothing is retried: the client must be built without kube's default retry, which repeats writes as well.
pub async fn execute(client: &Client, requests: &[Request], report: impl FnMut(usize, Result<Answer, ChangeError>, bool) + Send) {
    execute_through(client, &Gate::open(), requests, report).await;
}

/// Sends them as [`execute`] does, each through the gate of the driver's lock.
pub async fn execute_through(
    client: &Client,
    gate: &Gate,
    requests: &[Request],
    mut report: impl FnMut(usize, Result<Answer, ChangeError>, bool) + Send,
) {
    for (index, request) in requests.iter().enumerate() {
        let began = Instant::now();
        let result = match gate.pass(request).await {
            Some(result) => result,
            None => match wire::send(client, request, false).await {
                Ok(reply) if reply.accepted() => Ok(Answer {
                    status: reply.status,
                    version: reply.version(),
                    took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                }),
                Ok(reply) => Err(moved::judge(client, request, &reply).await),
                Err(lost) => Err(lost.of_write()),
            },
        };
        let last = result.is_err() || index + 1 == requests.len();
        report(index, result, last);
        if last {
            return;
        }
        if let Some(wait) = request.then
            && let Err(why) = reached(client, request, wait).await
        {
            report(index + 1, Err(ChangeError::NotSent(why)), true);
            return;
        }
    }
}

/// Looks at the object until it is as the next request needs it.
async fn reached(client: &Client, request: &Request, wait: Wait) -> Result<(), String> {
    let object = &request.object;
    if wait == Wait::Drained {
        tokio::time::sleep(DRAIN.unsigned_abs()).await;
        return Ok(());
    }
    let Some(kind) = Kind::of(&object.kind) else { return Ok(()) };
    let (limit, word) = match wait {
        Wait::Observed => (OBSERVED_LIMIT, "seen by its controller"),
        Wait::Passed => (READY_LIMIT, "past its gate"),
        Wait::Ended => (READY_LIMIT, "at its end"),
        Wait::Ready | Wait::Drained => (READY_LIMIT, "ready"),
    };
    let end = Instant::now() + limit;
    let mut trouble = None;
    loop {
        match Fresh::read(client, kind, object.part.clone(), &object.namespace, &object.name).await {
            Ok(fresh) if fresh.uid() != object.uid.as_str() => return Err(format!("{object} was deleted and made anew meanwhile")),
            Ok(fresh) => {
                let there = match wait {
                    Wait::Observed => fresh.observed(),
                    Wait::Passed => flagger::passed(&fresh),
                    Wait::Ended => flagger::ended(&fresh),
                    Wait::Ready | Wait::Drained => fresh.settled(),
                };
                if there {
                    return Ok(());
                }
            }
            Err(error) => trouble = Some(error.to_string()),
        }
        if Instant::now() + LOOK > end {
            let trouble = trouble.map(|trouble| format!(": {trouble}")).unwrap_or_default();
            return Err(format!("{object} was not {word} within {} s{trouble}", limit.as_secs()));
        }
        tokio::time::sleep(LOOK).await;
    }
}
