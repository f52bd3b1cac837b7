//! What is written to the ConfigMap of a release: read, taken by the machine, sent under the version that was read, and begun
//! anew where somebody else was first. A request without an answer is looked for before anything is said of it: it left under
//! one version, and can be carried out at most once.

use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::object::{self, Kept};
use super::rights::refusal;
use crate::adapter::backoff;
use crate::adapter::kubernetes::change::{FIELD_MANAGER, Kind, Lost, Reply, call};
use crate::domain::id::ReleaseId;
use crate::domain::release::keeping::{self, Added, Room};
use crate::domain::release::record::{Entry, Record};
use crate::port::releases::{Failure, Shelf};

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(5);
/// No new try is begun after this time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Tries in all; among many consoles at once each round lets one through.
const TRIES: u32 = 24;

/// Where a shelf's ConfigMaps lie, and the way there.
#[derive(Clone)]
pub struct Place {
    pub client: Client,
    pub namespace: String,
    pub shelf: Shelf,
}

/// What came of it.
#[derive(Debug)]
pub struct Done {
    /// One for each request, in their order.
    pub results: Vec<Result<(), Failure>>,
    /// The record after the last write, where there was one.
    pub kept: Option<Kept>,
    /// The sentence of a right that turned out to be missing.
    pub denied: Option<String>,
}

impl Done {
    fn failed(count: usize, message: &str, in_doubt: bool) -> Self {
        let failure = Failure { message: message.to_owned(), in_doubt };
        Self { results: vec![Err(failure); count], kept: None, denied: None }
    }

    fn denied(count: usize, message: &str, in_doubt: bool) -> Self {
        Self { denied: Some(message.to_owned()), ..Self::failed(count, message, in_doubt) }
    }
}

/// How a write went.
enum Sent {
    Written(Option<Kept>),
    /// Somebody else was first.
    Conflict,
    /// The object, or what it lies in, is not there.
    Absent(String),
    Denied(String),
    Refused(String),
    /// Not sent, or not taken; it may be tried again.
    Again(String),
    /// It may have been carried out.
    Doubt(String),
}

/// A run of tries.
struct Tries {
    number: u32,
    until: Instant,
}

impl Tries {
    fn new() -> Self {
        Self { number: 0, until: Instant::now() + PATIENCE }
    }

    /// Waits before all but the first; false: enough.
    async fn next(&mut self) -> bool {
        self.number += 1;
        if self.number == 1 {
            return true;
        }
        if self.number > TRIES || Instant::now() >= self.until {
            return false;
        }
        // Spread, so that consoles that met do not meet again.
        tokio::time::sleep(backoff::wait(self.number - 1).mul_f32(0.05 + 0.45 * fastrand::f32())).await;
        true
    }
}

impl Place {
    /// Adds what each request holds, all or none of each, in one write.
    pub async fn append(&self, release: &ReleaseId, requests: &[Vec<Entry>]) -> Done {
        let count = requests.len();
        let mut tries = Tries::new();
        // The version under which a write without an answer left, and what is known of it.
        let mut doubt: Option<String> = None;
        let mut why = String::new();
        while tries.next().await {
            let found = match self.read(release).await {
                Ok(Some(found)) => found,
                // What is gone cannot have been written, and will not be.
                Ok(None) => {
                    return Done::failed(count, &format!("its record is gone: there is no ConfigMap {}", object::name(release)), false);
                }
                Err(Sent::Denied(why)) => return Done::denied(count, &why, doubt.is_some()),
                Err(sent) => {
                    why = sent.why();
                    continue;
                }
            };
            let Some(kept) = object::read(&found, &self.shelf) else {
                return Done::failed(count, &format!("{} is of another plan or environment", object::name(release)), false);
            };
            if doubt.as_ref() != Some(&kept.version) {
                doubt = None;
            }
            let Taken { grown, results } = take(&kept, requests);
            let Some((record, lines)) = grown else { return Done { results, kept: Some(kept), denied: None } };
            match self.put(release, &object::changed(&found, &record, &lines)).await {
                Sent::Written(kept) => return Done { results, kept, denied: None },
                Sent::Conflict => "others keep writing it".clone_into(&mut why),
                Sent::Denied(why) => return Done::denied(count, &why, doubt.is_some()),
                Sent::Absent(_) => {}
                Sent::Refused(why) => return Done::failed(count, &why, doubt.is_some()),
                Sent::Again(lost) => why = lost,
                Sent::Doubt(lost) => (why, doubt) = (lost, Some(kept.version)),
            }
        }
        Done::failed(count, &why, doubt.is_some())
    }

    /// Keeps a new release.
    pub async fn create(&self, release: &ReleaseId, entries: &[Entry]) -> Done {
        let new = Record::new(release.clone(), Vec::new());
        let (record, lines) = match keeping::add(&new, entries, Room::CONFIG_MAP) {
            Ok(Added::Grown { record, lines }) => (record, lines),
            Ok(Added::Already) => return Done::failed(1, "a release begins with its brief", false),
            Err(why) => return Done::failed(1, &why, false),
        };
        let body = object::made(&self.shelf, &self.namespace, &record, &lines);
        let path = format!("{}?fieldManager={FIELD_MANAGER}", Kind::ConfigMap.collection(&self.namespace));
        let mut tries = Tries::new();
        let mut in_doubt = false;
        let mut why = String::new();
        while tries.next().await {
            match self.write("POST", &path, &body, "create").await {
                Sent::Written(kept) => return Done { results: vec![Ok(())], kept, denied: None },
                // Somebody else's, or our own that arrived without an answer.
                Sent::Conflict => match self.read(release).await {
                    Ok(Some(found)) => {
                        let kept = object::read(&found, &self.shelf);
                        let same = kept.as_ref().is_some_and(|kept| record.entries.iter().all(|entry| kept.record.entries.contains(entry)));
                        if same {
                            return Done { results: vec![Ok(())], kept, denied: None };
                        }
                        return Done::failed(1, &format!("there is a release {release} already"), false);
                    }
                    Ok(None) => "others keep writing it".clone_into(&mut why),
                    Err(sent) => why = sent.why(),
                },
                Sent::Denied(why) => return Done::denied(1, &why, in_doubt),
                Sent::Absent(why) | Sent::Refused(why) => return Done::failed(1, &why, in_doubt),
                Sent::Again(lost) => why = lost,
                Sent::Doubt(lost) => (why, in_doubt) = (lost, true),
            }
        }
        Done::failed(1, &why, in_doubt)
    }

    /// Removes a record that was not written since it was seen; returns whether it did.
    pub async fn delete(&self, release: &ReleaseId, uid: &str, version: &str) -> bool {
        let body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": version},
        });
        let path = object::path(&self.namespace, release);
        match call(&self.client, "DELETE", &path, Some(("application/json", &body.to_string())), LIMIT).await {
            Ok(reply) if reply.accepted() => true,
            Ok(reply) => {
                tracing::info!(%release, status = reply.status, why = reply.message(), "an old release was not removed");
                false
            }
            Err(lost) => {
                tracing::info!(%release, ?lost, "an old release was not removed");
                false
            }
        }
    }

    /// Reads a release's ConfigMap; none where there is none.
    async fn read(&self, release: &ReleaseId) -> Result<Option<Value>, Sent> {
        match call(&self.client, "GET", &object::path(&self.namespace, release), None, LIMIT).await {
            Ok(reply) if reply.accepted() => Ok(Some(reply.body)),
            Ok(reply) if reply.status == 404 => Ok(None),
            Ok(reply) if reply.status == 403 => Err(Sent::Denied(denied(&reply, "get", &self.namespace))),
            Ok(reply) => Err(Sent::Again(answered(&reply))),
            Err(Lost::Before(why) | Lost::After(why)) => Err(Sent::Again(format!("no connection: {why}"))),
        }
    }

    /// Returns whether a release's record is there at all; none: it could not be learnt.
    pub async fn exists(&self, release: &ReleaseId) -> Option<bool> {
        self.read(release).await.ok().map(|found| found.is_some())
    }

    async fn put(&self, release: &ReleaseId, body: &Value) -> Sent {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", object::path(&self.namespace, release));
        self.write("PUT", &path, body, "update").await
    }

    async fn write(&self, method: &str, path: &str, body: &Value, verb: &str) -> Sent {
        match call(&self.client, method, path, Some(("application/json", &body.to_string())), LIMIT).await {
            Ok(reply) if reply.accepted() => Sent::Written(object::read(&reply.body, &self.shelf)),
            Ok(reply) => match reply.status {
                409 => Sent::Conflict,
                404 => Sent::Absent(answered(&reply)),
                403 => Sent::Denied(denied(&reply, verb, &self.namespace)),
                // Turned away before it was carried out.
                401 | 429 => Sent::Again(answered(&reply)),
                status if status >= 500 => Sent::Doubt(answered(&reply)),
                _ => Sent::Refused(answered(&reply)),
            },
            Err(Lost::Before(why)) => Sent::Again(format!("no connection: {why}")),
            Err(Lost::After(why)) => Sent::Doubt(format!("no answer: {why}")),
        }
    }
}

impl Sent {
    fn why(self) -> String {
        match self {
            Self::Absent(why) | Self::Denied(why) | Self::Refused(why) | Self::Again(why) | Self::Doubt(why) => why,
            Self::Written(_) | Self::Conflict => String::new(),
        }
    }
}

fn answered(reply: &Reply) -> String {
    format!("the API server answered {}: {}", reply.status, reply.message())
}

/// Admission and quotas refuse with 403 as well; then the server's words say more.
fn denied(reply: &Reply, verb: &str, namespace: &str) -> String {
    let message = reply.message();
    if message.contains("admission webhook") || message.contains("exceeded quota") { message } else { refusal(verb, namespace) }
}

/// What requests come to over a record.
struct Taken {
    /// The record with all that was added and its lines; none: nothing was.
    grown: Option<(Record, String)>,
    results: Vec<Result<(), Failure>>,
}

fn take(kept: &Kept, requests: &[Vec<Entry>]) -> Taken {
    let mut grown: Option<(Record, String)> = None;
    let results = requests.iter().map(|entries| {
        let refused = |message: String| Failure { message, in_doubt: false };
        if let Some(why) = &kept.sealed {
            return Err(refused(format!("{}: {why}; nothing is added to it", object::name(kept.id()))));
        }
        let record = grown.as_ref().map_or(&kept.record, |(record, _)| record);
        match keeping::add(record, entries, Room::CONFIG_MAP) {
            Ok(Added::Already) => Ok(()),
            Ok(Added::Grown { record, lines }) => {
                grown = Some((*record, lines));
                Ok(())
            }
            Err(why) => Err(refused(why)),
        }
    });
    let results = results.collect();
    Taken { grown, results }
}
