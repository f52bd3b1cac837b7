//! An API server in this process: lists, watches that go on, and everything that can go wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A body: a watch's ends when the server drops its sender.
struct Answer(mpsc::Receiver<Bytes>);

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[derive(Default)]
struct State {
    version: u64,
    /// By plural and name.
    objects: BTreeMap<(String, String), Value>,
    watches: Vec<(String, mpsc::Sender<Bytes>)>,
    forbidden: BTreeSet<String>,
    /// Nothing connects.
    down: bool,
    /// Nothing answers.
    silent: bool,
    /// The next watches are told that they are too old.
    expired: u32,
    lists: BTreeMap<String, u32>,
}

/// The server.
#[derive(Clone, Default)]
pub struct Api(Arc<Mutex<State>>);

impl Api {
    pub fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            let uri = request.uri().clone();
            async move { api.answer(uri.path(), uri.query().unwrap_or_default()).await }
        });
        kube::Client::new(service, "default")
    }

    /// Puts an object there, or its newer state, and tells the watches.
    pub fn put(&self, plural: &str, mut object: Value) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        object["metadata"]["namespace"] = json!("shop");
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let known = state.objects.insert((plural.to_owned(), name), object.clone()).is_some();
        state.tell(plural, if known { "MODIFIED" } else { "ADDED" }, &object);
    }

    /// Removes an object without telling anyone, as happens while a watch is down.
    pub fn lose(&self, plural: &str, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        state.objects.remove(&(plural.to_owned(), name.to_owned()));
    }

    pub fn forbid(&self, plural: &str) {
        self.0.lock().unwrap().forbidden.insert(plural.to_owned());
    }

    /// Ends every watch and refuses connections, or takes them again.
    pub fn down(&self, down: bool) {
        let mut state = self.0.lock().unwrap();
        state.down = down;
        state.watches.clear();
    }

    /// Leaves every connection open and answers none, or answers again.
    pub fn silent(&self, silent: bool) {
        self.0.lock().unwrap().silent = silent;
    }

    /// Closes every watch and calls the next so many too old.
    pub fn expire(&self, watches: u32) {
        let mut state = self.0.lock().unwrap();
        state.expired = watches;
        state.watches.clear();
    }

    pub fn lists(&self, plural: &str) -> u32 {
        self.0.lock().unwrap().lists.get(plural).copied().unwrap_or(0)
    }

    async fn answer(&self, path: &str, query: &str) -> Result<Response<Answer>, std::io::Error> {
        let answer = {
            let mut state = self.0.lock().unwrap();
            if state.down {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
            if state.silent { None } else { Some(state.answer(path, query)) }
        };
        match answer {
            Some(answer) => Ok(answer),
            None => std::future::pending().await,
        }
    }
}

impl State {
    fn tell(&mut self, plural: &str, change: &str, object: &Value) {
        if self.silent {
            return;
        }
        let line = Bytes::from(format!("{}\n", json!({"type": change, "object": object})));
        self.watches.retain(|(of, watch)| of != plural || watch.try_send(line.clone()).is_ok());
    }

    fn answer(&mut self, path: &str, query: &str) -> Response<Answer> {
        let status = |code: u16, reason: &str| {
            respond(code, &json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason}))
        };
        if path == "/readyz" {
            return respond(200, &json!("ok"));
        }
        if path == "/apis" {
            let versions = json!([{"groupVersion": "discovery.k8s.io/v1", "version": "v1"}]);
            return respond(200, &json!({"kind": "APIGroupList", "groups": [{"name": "discovery.k8s.io", "versions": versions}]}));
        }
        if path == "/api/v1/namespaces/shop" {
            return respond(200, &json!({"kind": "Namespace", "metadata": {"name": "shop"}}));
        }
        let Some((_, plural)) = path.split_once("/namespaces/shop/") else { return status(404, "NotFound") };
        if self.forbidden.contains(plural) {
            return status(403, "Forbidden");
        }
        if !query.contains("watch=true") {
            *self.lists.entry(plural.to_owned()).or_default() += 1;
            let items: Vec<&Value> = self.objects.iter().filter(|((of, _), _)| of == plural).map(|(_, object)| object).collect();
            let metadata = json!({"resourceVersion": self.version.to_string()});
            return respond(200, &json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}));
        }
        let (tell, body) = mpsc::channel(64);
        if self.expired > 0 {
            self.expired -= 1;
            let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}});
            let _ = tell.try_send(Bytes::from(format!("{gone}\n")));
        } else {
            self.watches.push((plural.to_owned(), tell));
        }
        Response::new(Answer(body))
    }
}

fn respond(code: u16, body: &Value) -> Response<Answer> {
    let (tell, rest) = mpsc::channel(1);
    tell.try_send(Bytes::from(body.to_string())).unwrap();
    Response::builder().status(code).body(Answer(rest)).unwrap()
}
