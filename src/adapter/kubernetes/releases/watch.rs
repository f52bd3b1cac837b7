//! The watch on the ConfigMaps of releases in a namespace.

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::keeper::Heard;
use super::object::{self, Kept};
use crate::adapter::kubernetes::change::Kind;
use crate::adapter::kubernetes::error;
use crate::port::releases::Shelf;

/// Records of a page: each may be near 1 MiB.
const PAGE: u32 = 20;

/// Watches until nobody listens, or the watch is replaced.
pub async fn follow(client: Client, namespace: String, shelf: Shelf, out: mpsc::Sender<Heard>) {
    let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", Kind::ConfigMap.word()), Kind::ConfigMap.plural());
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &kind);
    let config = watcher::Config::default().labels(object::SELECTOR).page_size(PAGE);
    let mut stream = std::pin::pin!(watcher(api, config).default_backoff());
    let read = |found: DynamicObject| serde_json::to_value(found).ok().and_then(|value| object::read(&value, &shelf));
    let mut listing: Vec<Kept> = Vec::new();
    let mut failures = 0;
    while let Some(event) = stream.next().await {
        let heard = match event {
            Ok(watcher::Event::Init) => {
                listing = Vec::new();
                continue;
            }
            Ok(watcher::Event::InitApply(found)) => {
                listing.extend(read(found));
                continue;
            }
            Ok(watcher::Event::InitDone) => {
                failures = 0;
                Heard::Listed(std::mem::take(&mut listing))
            }
            Ok(watcher::Event::Apply(found)) => match read(found) {
                Some(kept) => Heard::Moved(Box::new(kept)),
                None => continue,
            },
            Ok(watcher::Event::Delete(found)) => {
                let Some(id) = found.metadata.name.as_deref().and_then(object::id) else { continue };
                Heard::Gone { id, uid: found.metadata.uid.unwrap_or_default() }
            }
            Err(error) => {
                failures += 1;
                match error::code(&error) {
                    // Too old a version: the next step lists anew.
                    Some(410) => continue,
                    // A server that has just started refuses everyone for a moment.
                    _ if failures < 2 => continue,
                    Some(403) => Heard::Trouble(format!("you may not list or watch configmaps in {namespace}")),
                    Some(code) => Heard::Trouble(format!("the API server answers {code} to the watch on configmaps in {namespace}")),
                    // Whether the server answers at all is for the link to say.
                    None => continue,
                }
            }
        };
        if out.send(heard).await.is_err() {
            return;
        }
    }
}
