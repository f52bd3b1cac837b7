//! A small HTTP server that answers as a test says, and keeps what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it does with one request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A status, headers as they stand on the wire, a body.
    Status(u16, &'static str, &'static str),
    /// Nothing, for a minute.
    Hang,
    /// The connection ends.
    Hangup,
}

/// One request: its head as it came, and its body.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub head: String,
    pub body: String,
}

/// A running server. Its answers are used up one a request; the last one stays.
pub(super) struct Server {
    pub port: u16,
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(super) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            let mut last = Answer::Hangup;
            while let Ok((stream, _)) = listener.accept().await {
                last = answers.next().unwrap_or(last);
                tokio::spawn(serve(stream, last.clone(), Arc::clone(&kept)));
            }
        });
        Self { port, requests }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, answer: Answer, kept: Arc<Mutex<Vec<Request>>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).await.is_ok_and(|read| read > 0) && !head.ends_with("\r\n\r\n") {}
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    kept.lock().unwrap().push(Request { head, body: String::from_utf8(body).unwrap() });
    match answer {
        Answer::Status(status, headers, body) => {
            let text = format!("HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            let _ = stream.write_all(text.as_bytes()).await;
        }
        Answer::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
        Answer::Hangup => {}
    }
}
