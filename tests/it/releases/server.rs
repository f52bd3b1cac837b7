//! An API server that knows ConfigMaps: versions and their conflicts, rights, watches that expire, answers that get lost.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Frame;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A body: a watch's ends when the server drops its sender.
pub struct Answer(mpsc::Receiver<Bytes>);

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What becomes of a write that gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing gets lost.
    None,
    /// It never arrived.
    Request,
    /// It was carried out.
    Answer,
    /// It is carried out so much later, when nobody waits for it any more.
    Late(Duration),
}

#[derive(Default)]
struct State {
    version: u64,
    maps: BTreeMap<String, Value>,
    watches: Vec<mpsc::Sender<Bytes>>,
    /// Verbs that are forbidden.
    forbidden: Vec<&'static str>,
    /// Reviews of rights say yes to all.
    lying: bool,
    silent: bool,
    /// What befalls the next writes.
    losses: VecDeque<Loss>,
    /// How long the next requests take on their way.
    delays: VecDeque<Duration>,
    /// Writes that were carried out.
    written: Vec<String>,
    /// The largest data of a map that was ever written.
    largest: usize,
}

/// The server of one namespace.
#[derive(Clone, Default)]
pub struct Server(Arc<Mutex<State>>);

impl Server {
    pub fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let (method, path, query) = (parts.method, parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
                let delay = server.0.lock().unwrap().delays.pop_front();
                if let Some(delay) = delay {
                    tokio::time::sleep(delay).await;
                }
                let map_written = path.contains("/configmaps") && method != Method::GET;
                let loss = if map_written { server.0.lock().unwrap().losses.pop_front() } else { None };
                let answer = match loss.unwrap_or(Loss::None) {
                    Loss::None => server.answer(&method, &query, &path, &body),
                    Loss::Request => None,
                    Loss::Answer => server.answer(&method, &query, &path, &body).and(None),
                    Loss::Late(after) => {
                        tokio::spawn(async move {
                            tokio::time::sleep(after).await;
                            server.answer(&method, &query, &path, &body);
                        });
                        None
                    }
                };
                match answer {
                    Some(answer) => Ok::<_, std::io::Error>(answer),
                    None => std::future::pending().await,
                }
            }
        });
        Client::new(service, "default")
    }

    pub fn forbid(&self, verbs: &[&'static str], lying: bool) {
        let mut state = self.0.lock().unwrap();
        (state.forbidden, state.lying) = (verbs.to_vec(), lying);
    }

    /// Answers nothing, and tells the watches nothing.
    pub fn silent(&self, silent: bool) {
        self.0.lock().unwrap().silent = silent;
    }

    pub fn lose(&self, losses: impl IntoIterator<Item = Loss>) {
        self.0.lock().unwrap().losses.extend(losses);
    }

    pub fn delay(&self, delays: impl IntoIterator<Item = Duration>) {
        self.0.lock().unwrap().delays.extend(delays);
    }

    pub fn map(&self, release: &str) -> Option<Value> {
        self.0.lock().unwrap().maps.get(&format!("rolldeck-release-{release}")).cloned()
    }

    pub fn written(&self) -> Vec<String> {
        self.0.lock().unwrap().written.clone()
    }

    pub fn largest(&self) -> usize {
        self.0.lock().unwrap().largest
    }

    /// Writes as a hand would.
    pub fn edit(&self, release: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.0.lock().unwrap();
        let mut map = state.maps.get(&format!("rolldeck-release-{release}")).cloned().expect("a release");
        change(&mut map);
        state.store(map);
    }

    pub fn delete(&self, release: &str) {
        let mut state = self.0.lock().unwrap();
        if let Some(map) = state.maps.remove(&format!("rolldeck-release-{release}")) {
            state.tell("DELETED", &map);
        }
    }

    /// Deletes while no watch is told, and ends them as a server does whose history has moved on.
    pub fn delete_in_a_gap(&self, release: &str) {
        let mut state = self.0.lock().unwrap();
        state.maps.remove(&format!("rolldeck-release-{release}"));
        let gone = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"});
        state.tell("ERROR", &gone);
        state.watches.clear();
    }

    fn answer(&self, method: &Method, query: &str, path: &str, body: &[u8]) -> Option<Response<Answer>> {
        let mut state = self.0.lock().unwrap();
        if state.silent {
            return None;
        }
        if path == "/readyz" {
            return Some(respond(200, &json!("ok")));
        }
        if path.ends_with("/selfsubjectaccessreviews") {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let verb = asked.pointer("/spec/resourceAttributes/verb").and_then(Value::as_str).unwrap();
            let allowed = state.lying || !state.forbidden.contains(&verb);
            return Some(respond(201, &json!({"status": {"allowed": allowed}})));
        }
        let Some((_, rest)) = path.split_once("/configmaps") else { return Some(respond(200, &json!({"kind": "Namespace"}))) };
        let name = rest.trim_start_matches('/').to_owned();
        let verb = match *method {
            Method::GET if query.contains("watch=true") => "watch",
            Method::GET if name.is_empty() => "list",
            Method::GET => "get",
            Method::POST => "create",
            Method::PUT => "update",
            _ => "delete",
        };
        if state.forbidden.contains(&verb) {
            return Some(status(403, "Forbidden"));
        }
        Some(match verb {
            "watch" => {
                let (tell, body) = mpsc::channel(4096);
                state.watches.push(tell);
                Response::new(Answer(body))
            }
            "list" => {
                let metadata = json!({"resourceVersion": state.version.to_string()});
                let items: Vec<&Value> = state.maps.values().collect();
                respond(200, &json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items}))
            }
            "get" => state.maps.get(&name).map_or_else(|| status(404, "NotFound"), |map| respond(200, map)),
            "delete" => {
                let asked: Value = serde_json::from_slice(body).unwrap();
                let Some(map) = state.maps.get(&name).cloned() else { return Some(status(404, "NotFound")) };
                if asked["preconditions"]["resourceVersion"] != map["metadata"]["resourceVersion"] {
                    return Some(status(409, "Conflict"));
                }
                state.maps.remove(&name);
                state.tell("DELETED", &map);
                respond(200, &json!({"kind": "Status", "status": "Success"}))
            }
            _ => {
                assert!(query.contains("fieldManager=rolldeck"), "{query}");
                let map: Value = serde_json::from_slice(body).unwrap();
                let data = map["data"].as_object().unwrap();
                let size = data.iter().map(|(key, value)| key.len() + value.as_str().unwrap().len()).sum();
                if size > 1024 * 1024 {
                    return Some(status(422, "ConfigMap is invalid: Too long: must have at most 1048576 bytes"));
                }
                let name = map["metadata"]["name"].as_str().unwrap();
                match (state.maps.get(name), verb == "create") {
                    (Some(_), true) => return Some(status(409, "AlreadyExists")),
                    (None, false) => return Some(status(404, "NotFound")),
                    (Some(now), false) if now["metadata"]["resourceVersion"] != map["metadata"]["resourceVersion"] => {
                        return Some(status(409, "Conflict"));
                    }
                    (Some(_), false) | (None, true) => {}
                }
                state.largest = state.largest.max(size);
                state.written.push(method.to_string());
                respond(if verb == "create" { 201 } else { 200 }, &state.store(map))
            }
        })
    }
}

impl State {
    fn store(&mut self, mut map: Value) -> Value {
        self.version += 1;
        let name = map["metadata"]["name"].as_str().unwrap().to_owned();
        let former = self.maps.get(&name);
        let uid = former.map_or_else(|| json!(format!("uid-{}", self.version)), |former| former["metadata"]["uid"].clone());
        let change = if former.is_some() { "MODIFIED" } else { "ADDED" };
        map["metadata"]["resourceVersion"] = json!(self.version.to_string());
        map["metadata"]["uid"] = uid;
        self.maps.insert(name, map.clone());
        self.tell(change, &map);
        map
    }

    fn tell(&mut self, change: &str, map: &Value) {
        if !self.silent {
            let line = Bytes::from(format!("{}\n", json!({"type": change, "object": map})));
            self.watches.retain(|watch| watch.try_send(line.clone()).is_ok());
        }
    }
}

fn status(code: u16, reason: &str) -> Response<Answer> {
    respond(
        code,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason, "message": reason}),
    )
}

fn respond(code: u16, body: &Value) -> Response<Answer> {
    let (tell, rest) = mpsc::channel(1);
    tell.try_send(Bytes::from(body.to_string())).unwrap();
    Response::builder().status(code).body(Answer(rest)).unwrap()
}
