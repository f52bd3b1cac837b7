//! An API server of canned answers that notes what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub body: Value,
}

impl Asked {
    pub fn dry(&self) -> bool {
        self.path.contains("dryRun=All")
    }
}

/// What the server does with a write.
pub enum Do {
    Answer(u16, Value),
    /// The connection breaks after the request has left.
    Cut,
    /// Nothing ever comes.
    Silence,
}

impl Do {
    pub fn status(code: u16, message: &str) -> Self {
        Self::Answer(code, json!({"kind": "Status", "status": "Failure", "message": message, "code": code}))
    }
}

/// The server: objects by path, and what it does with everything that is not a GET.
#[derive(Clone, Default)]
pub struct Fake {
    pub objects: Arc<Mutex<BTreeMap<String, Value>>>,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub fn with(objects: &[(&str, Value)]) -> Self {
        let fake = Self::default();
        for (path, object) in objects {
            fake.put(path, object.clone());
        }
        fake
    }

    pub fn put(&self, path: &str, object: Value) {
        self.objects.lock().unwrap().insert(path.to_owned(), object);
    }

    /// Returns the writes that were no rehearsals.
    pub fn written(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.method != "GET" && !asked.dry()).cloned().collect()
    }

    /// Returns a client whose writes are answered like this.
    pub fn client(&self, write: impl Fn(&Asked) -> Do + Send + Sync + 'static) -> Client {
        let fake = self.clone();
        let write = Arc::new(write);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (fake, write) = (fake.clone(), Arc::clone(&write));
            async move { fake.answer(request, write.as_ref()).await }
        });
        Client::new(service, "default")
    }

    /// Returns a client that accepts every write and changes nothing.
    pub fn accepting(&self) -> Client {
        let objects = Arc::clone(&self.objects);
        self.client(move |asked| {
            let path = asked.path.split('?').next().unwrap();
            let path = path.strip_suffix("/scale").unwrap_or(path);
            Do::Answer(200, objects.lock().unwrap().get(path).cloned().unwrap_or_else(|| json!({})))
        })
    }

    async fn answer(
        &self,
        request: http::Request<Body>,
        write: &(impl Fn(&Asked) -> Do + Sync),
    ) -> Result<http::Response<Body>, std::io::Error> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await.unwrap();
        let asked = Asked {
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().unwrap().to_string(),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        };
        self.asked.lock().unwrap().push(asked.clone());
        let done = if asked.method == "GET" {
            let found = self.objects.lock().unwrap().get(&asked.path).cloned();
            found.map_or_else(|| Do::status(404, "not found"), |object| Do::Answer(200, object))
        } else {
            write(&asked)
        };
        match done {
            Do::Answer(status, body) => {
                Ok(http::Response::builder().status(status).body(Body::from(body.to_string().into_bytes())).unwrap())
            }
            Do::Cut => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            Do::Silence => std::future::pending().await,
        }
    }
}
