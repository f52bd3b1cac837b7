//! A small SMTP server: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, as much of RFC 5321 as a sender needs.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Never,
    Asked,
    First,
}

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    pub tls: bool,
    /// What AUTH PLAIN said, in base64.
    pub auth: Option<String>,
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

/// A running server. `refusals` answer a MAIL each, before any is taken.
pub(super) struct Server {
    pub port: u16,
    pub mails: Arc<Mutex<Vec<Mail>>>,
}

impl Server {
    pub(super) async fn start(security: Security, refusals: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let (kept, refusals) = (Arc::clone(&mails), Arc::new(Mutex::new(refusals)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, refusals) = (Arc::clone(&kept), Arc::clone(&refusals));
                tokio::spawn(async move {
                    if security == Security::First {
                        let Ok(stream) = acceptor().accept(stream).await else { return };
                        let mut talk = Talk { stream: BufReader::new(stream), tls: true, starttls: false };
                        talk.greet().await;
                        talk.go(&kept, &refusals).await;
                        return;
                    }
                    let mut talk = Talk { stream: BufReader::new(stream), tls: false, starttls: security == Security::Asked };
                    talk.greet().await;
                    if talk.go(&kept, &refusals).await {
                        let Ok(stream) = acceptor().accept(talk.stream.into_inner()).await else { return };
                        Talk { stream: BufReader::new(stream), tls: true, starttls: false }.go(&kept, &refusals).await;
                    }
                });
            }
        });
        Self { port, mails }
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

/// Starts a server that says nothing but TLS, and returns its port.
pub(super) async fn tls_echo() -> u16 {
    Server::start(Security::First, Vec::new()).await.port
}

fn acceptor() -> TlsAcceptor {
    let read = |file| std::fs::read(super::tls(file)).unwrap();
    let certificates = CertificateDer::pem_slice_iter(&read("server.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

struct Talk<S> {
    stream: BufReader<S>,
    tls: bool,
    starttls: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    async fn greet(&mut self) {
        self.say("220 localhost").await;
    }

    async fn say(&mut self, line: &str) {
        let _ = self.stream.write_all(format!("{line}\r\n").as_bytes()).await;
        let _ = self.stream.flush().await;
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Talks until the end, or until TLS is to begin: then true.
    async fn go(&mut self, kept: &Mutex<Vec<Mail>>, refusals: &Mutex<Vec<&'static str>>) -> bool {
        let mut mail = Mail { tls: self.tls, ..Mail::default() };
        while let Some(line) = self.line().await {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_uppercase().as_str() {
                "EHLO" => {
                    self.say("250-localhost").await;
                    if self.starttls {
                        self.say("250-STARTTLS").await;
                    }
                    self.say("250 AUTH PLAIN").await;
                }
                "STARTTLS" if self.starttls => {
                    self.say("220 go ahead").await;
                    return true;
                }
                "AUTH" => {
                    mail.auth = rest.split(' ').nth(1).map(str::to_owned);
                    self.say("235 welcome").await;
                }
                "MAIL" => {
                    let refusal = { refusals.lock().unwrap().pop() };
                    rest.clone_into(&mut mail.from);
                    self.say(refusal.unwrap_or("250 ok")).await;
                }
                "RCPT" => {
                    mail.to.push(rest.to_owned());
                    self.say("250 ok").await;
                }
                "DATA" => {
                    self.say("354 go on").await;
                    while let Some(line) = self.line().await.filter(|line| line != ".") {
                        mail.data.push_str(&line);
                        mail.data.push('\n');
                    }
                    kept.lock().unwrap().push(mail.clone());
                    self.say("250 taken").await;
                }
                "QUIT" => {
                    self.say("221 bye").await;
                    return false;
                }
                _ => self.say("502 what?").await,
            }
        }
        false
    }
}
