//! A server that answers with whatever bytes a test gives it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

pub struct Server {
    /// `127.0.0.1:4711`.
    pub host: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each request with what the test makes of it; the connection then closes.
    pub async fn start(answer: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::raw(move |mut stream, seen| {
            let answer = answer(&seen);
            tokio::spawn(async move {
                // The client may have gone.
                let _written = stream.write_all(answer.as_bytes()).await;
            });
        })
        .await
    }

    /// Hands each connection over, once its request has been read.
    pub async fn raw(each: impl Fn(TcpStream, Seen) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, each) = (seen.clone(), Arc::new(each));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, each) = (log.clone(), each.clone());
                tokio::spawn(async move {
                    if let Some(request) = read(&mut stream).await {
                        log.lock().unwrap().push(request.clone());
                        each(stream, request);
                    }
                });
            }
        });
        Self { host, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut raw = Vec::new();
    let mut chunk = [0; 4_096];
    let split = loop {
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        raw.extend_from_slice(&chunk[..count]);
        // Somebody greets in TLS: as most servers say that they do not speak it.
        if raw[0] == 0x16 {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok()?;
            return None;
        }
        if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
    };
    let head = String::from_utf8_lossy(&raw[..split]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers: HashMap<String, String> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = raw[split + 4..].to_vec();
    while body.len() < length {
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&chunk[..count]);
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Some(Seen { method: first.next()?.into(), target: first.next()?.into(), headers, body })
}

/// Returns an answer with its length.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
