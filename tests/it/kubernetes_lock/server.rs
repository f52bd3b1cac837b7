//! An API server that knows Leases: versions and their conflicts, dry runs, rights, watches, and silence.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

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

#[derive(Default)]
struct State {
    version: u64,
    lease: Option<Value>,
    watches: Vec<mpsc::Sender<Bytes>>,
    /// Verbs that are forbidden: `list`, `get`, `write`.
    forbidden: Vec<&'static str>,
    silent: bool,
    /// Writes that were no rehearsals, by method.
    written: Vec<String>,
}

/// The server, with room for one Lease.
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
                let answer = server.answer(&parts.method, parts.uri.query().unwrap_or_default(), parts.uri.path(), &body);
                match answer {
                    Some(answer) => Ok::<_, std::io::Error>(answer),
                    None => std::future::pending().await,
                }
            }
        });
        Client::new(service, "default")
    }

    pub fn forbid(&self, verbs: &[&'static str]) {
        self.0.lock().unwrap().forbidden = verbs.to_vec();
    }

    /// Answers nothing, and tells the watches nothing; or answers again, and tells what was missed.
    pub fn silent(&self, silent: bool) {
        let mut state = self.0.lock().unwrap();
        state.silent = silent;
        if let (false, Some(lease)) = (silent, state.lease.clone()) {
            state.tell("MODIFIED", &lease);
        }
    }

    pub fn lease(&self) -> Option<Value> {
        self.0.lock().unwrap().lease.clone()
    }

    pub fn holder(&self) -> String {
        self.lease().and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(ToOwned::to_owned)).unwrap_or_default()
    }

    /// Writes as somebody else would.
    pub fn put(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.0.lock().unwrap();
        let mut lease = state.lease.clone().expect("a lease");
        change(&mut lease);
        state.store(lease);
    }

    pub fn delete(&self) {
        let mut state = self.0.lock().unwrap();
        if let Some(lease) = state.lease.take() {
            state.tell("DELETED", &lease);
        }
    }

    pub fn written(&self) -> Vec<String> {
        self.0.lock().unwrap().written.clone()
    }

    fn answer(&self, method: &Method, query: &str, path: &str, body: &[u8]) -> Option<Response<Answer>> {
        let mut state = self.0.lock().unwrap();
        if state.silent {
            return None;
        }
        let named = path.ends_with("/leases");
        let right = match *method {
            Method::GET if named => "list",
            Method::GET => "get",
            _ => "write",
        };
        if state.forbidden.contains(&right) {
            return Some(status(403, "Forbidden"));
        }
        let dry = query.contains("dryRun=All");
        Some(match *method {
            Method::GET if query.contains("watch=true") => {
                let (tell, body) = mpsc::channel(256);
                state.watches.push(tell);
                Response::new(Answer(body))
            }
            Method::GET if named => {
                let metadata = json!({"resourceVersion": state.version.to_string()});
                let items: Vec<&Value> = state.lease.iter().collect();
                respond(200, &json!({"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata, "items": items}))
            }
            Method::GET => state.lease.as_ref().map_or_else(|| status(404, "NotFound"), |lease| respond(200, lease)),
            Method::POST | Method::PUT => {
                let lease: Value = serde_json::from_slice(body).unwrap();
                let posted = *method == Method::POST;
                for time in ["acquireTime", "renewTime"] {
                    let digits = lease["spec"][time].as_str().and_then(|text| text.split('.').nth(1)).map_or(0, str::len);
                    if digits != "000000Z".len() {
                        return Some(status(422, "a MicroTime has six digits"));
                    }
                }
                match (&state.lease, posted) {
                    (Some(_), true) => return Some(status(409, "AlreadyExists")),
                    (None, false) => return Some(status(404, "NotFound")),
                    (Some(now), false) if now["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"] => {
                        return Some(status(409, "Conflict"));
                    }
                    (Some(_), false) | (None, true) => {}
                }
                if dry {
                    return Some(respond(200, &lease));
                }
                state.written.push(method.to_string());
                respond(if posted { 201 } else { 200 }, &state.store(lease))
            }
            _ => status(405, "MethodNotAllowed"),
        })
    }
}

impl State {
    fn store(&mut self, mut lease: Value) -> Value {
        // A byte-identical PUT is a no-op.
        if self.lease.as_ref() == Some(&lease) {
            return lease;
        }
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        lease["metadata"]["uid"] = json!("uid-1");
        let change = if self.lease.is_some() { "MODIFIED" } else { "ADDED" };
        self.lease = Some(lease.clone());
        if !self.silent {
            self.tell(change, &lease);
        }
        lease
    }

    fn tell(&mut self, change: &str, lease: &Value) {
        let line = Bytes::from(format!("{}\n", json!({"type": change, "object": lease})));
        self.watches.retain(|watch| watch.try_send(line.clone()).is_ok());
    }
}

fn status(code: u16, reason: &str) -> Response<Answer> {
    respond(code, &json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason}))
}

fn respond(code: u16, body: &Value) -> Response<Answer> {
    let (tell, rest) = mpsc::channel(1);
    tell.try_send(Bytes::from(body.to_string())).unwrap();
    Response::builder().status(code).body(Answer(rest)).unwrap()
}
