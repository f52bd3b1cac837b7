//! The events of the namespace whose rollout is on screen. They explain and never decide, so they may be cut.
//!
//! An hour of a busy namespace is tens of thousands of them, in no order of time. A few pages are read, then what comes.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::client::CALL;
use super::objects::{Event, Lean, Served};
use super::record::Reported;
use super::watch::Signal;

const SERVED: Served = Served { group: "", version: "v1", kind: "Event", plural: "events" };
/// Pages of 500 that are read back: about a second of the server's time at most.
const PAGES: u32 = 6;

/// Follows until it is stopped. Where events may not be read that is said once.
pub async fn follow(client: Client, namespace: Arc<str>, out: mpsc::Sender<Signal>) {
    let api: Api<Lean<Event>> = Api::namespaced_with(client, &namespace, &SERVED);
    loop {
        let version = match list(&api, &namespace, &out).await {
            Ok(version) => version,
            Err(Some(code @ (401 | 403))) => {
                let what = format!("no right to list events in {namespace} ({code})");
                // The receiver is gone only when the scope ends.
                let _ = out.send(Signal::Missing(what)).await;
                return;
            }
            Err(_) => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                continue;
            }
        };
        if watch(&api, &namespace, version, &out).await.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Reads what is there, up to the cap, and returns the version to watch from.
async fn list(api: &Api<Lean<Event>>, namespace: &Arc<str>, out: &mpsc::Sender<Signal>) -> Result<String, Option<u16>> {
    let mut params = ListParams::default().limit(500);
    let mut version = String::new();
    for _ in 0..PAGES {
        let page = match tokio::time::timeout(CALL, api.list(&params)).await {
            Ok(Ok(page)) => page,
            Ok(Err(kube::Error::Api(status))) => return Err(Some(status.code)),
            _ => return Err(None),
        };
        version = page.metadata.resource_version.unwrap_or_default();
        for lean in page.items {
            report(lean, namespace, out).await;
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    Ok(version)
}

/// Watches until the stream ends, and returns the version it got to; none when nobody listens.
async fn watch(api: &Api<Lean<Event>>, namespace: &Arc<str>, mut version: String, out: &mpsc::Sender<Signal>) -> Option<()> {
    loop {
        // The server closes it; five minutes is what kube-runtime asks for too.
        let Ok(stream) = api.watch(&WatchParams::default().timeout(290), &version).await else { return Some(()) };
        let mut stream = std::pin::pin!(stream);
        loop {
            match stream.try_next().await {
                Ok(Some(WatchEvent::Added(lean) | WatchEvent::Modified(lean))) => {
                    if let Some(now) = kube::ResourceExt::resource_version(&lean) {
                        version = now;
                    }
                    if out.is_closed() {
                        return None;
                    }
                    report(lean, namespace, out).await;
                }
                Ok(Some(WatchEvent::Deleted(_))) => {}
                Ok(Some(WatchEvent::Bookmark(mark))) => version = mark.metadata.resource_version,
                // Too old, or broken: begin afresh.
                Ok(Some(WatchEvent::Error(_))) | Err(_) => return Some(()),
                Ok(None) => break,
            }
        }
    }
}

async fn report(lean: Lean<Event>, namespace: &Arc<str>, out: &mpsc::Sender<Signal>) {
    if let Some(reported) = Reported::read(lean.object) {
        // The receiver is gone only when the scope ends.
        let _ = out.send(Signal::Reported { namespace: namespace.clone(), reported: Box::new(reported) }).await;
    }
}
