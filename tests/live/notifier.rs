//! The notifier against servers of another make: Python's web server, and aiosmtpd with STARTTLS, with TLS and a password.
//!
//! `ROLLDECK_TEST_PYTHON` names a Python that has aiosmtpd; `.ci/run` makes one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rolldeck::adapter::notifier::{Options, spawn_with};
use rolldeck::domain::announcement::{Announcement, Occasion};
use rolldeck::domain::plan::{Channel, MailSecurity, Means};
use rolldeck::domain::release::checklist::Secret;
use rolldeck::port::Seq;
use rolldeck::port::notify::{Command as Asked, Event};
use serde_json::Value;

use crate::lab::{now, skipped};

/// The servers; they end with the test.
struct Servers {
    child: Child,
    lines: Receiver<Value>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Servers {
    fn next(&self) -> Value {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("the servers say what they took")
    }
}

fn file(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path).display().to_string()
}

fn serve() -> Option<Servers> {
    let Some(python) = std::env::var_os("ROLLDECK_TEST_PYTHON") else {
        skipped("ROLLDECK_TEST_PYTHON names no Python with aiosmtpd");
        return None;
    };
    let arguments = [file("live/notifier/servers.py"), file("data/tls/server.pem"), file("data/tls/server.key")];
    let mut child = Command::new(python).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str(&line).expect("a line of JSON"));
        }
    });
    Some(Servers { child, lines })
}

fn mail(name: &str, port: u64, security: MailSecurity, password: Option<Secret>) -> Channel {
    let by = Means::Email {
        server: "localhost".into(),
        port: u16::try_from(port).expect("a port"),
        security,
        user: password.is_some().then(|| "mailer".into()),
        password,
        from: "rolldeck <releases@example.org>".into(),
        to: vec!["team@example.org".into(), "duty@example.org".into()],
    };
    Channel { name: name.into(), occasions: Vec::new(), environments: Vec::new(), by, template: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server_and_mail_servers_of_another_make_take_what_is_announced() {
    let Some(servers) = serve() else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ports = servers.next();
    let port = |name: &str| ports[name].as_u64().expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let (password, wrong) = (folder.path().join("password"), folder.path().join("wrong"));
    std::fs::write(&password, "p4ssw0rd\n").expect("written");
    std::fs::write(&wrong, "s0mething\n").expect("written");
    let secret = |path: &Path| Secret::File(path.display().to_string());
    let url = Secret::Plain(format!("http://127.0.0.1:{}/hook", port("web")));
    let hook = Means::Webhook { url, slack: true, headers: vec![("X-Key".into(), secret(&password))] };
    let channels = vec![
        Channel { name: "chat".into(), occasions: Vec::new(), environments: Vec::new(), by: hook, template: None },
        mail("starttls", port("starttls"), MailSecurity::Starttls, Some(secret(&password))),
        mail("tls", port("tls"), MailSecurity::Tls, None),
        mail("wrong", port("starttls"), MailSecurity::Starttls, Some(secret(&wrong))),
    ];
    let (commands, inbox) = tokio::sync::mpsc::channel(64);
    let (outbox, mut events) = tokio::sync::mpsc::channel(1024);
    let options = Options { roots: vec![std::fs::read(file("data/tls/ca.pem")).expect("a root")], ..Options::default() };
    let task = spawn_with(options, channels, inbox, outbox);
    let announcement = Announcement {
        occasion: Occasion::Started,
        at: now(),
        release: "20260102-0304-backend-7f3a".into(),
        environment: "production".into(),
        route: "backend 2.2.0 → production".into(),
        title: "Booking 2.2".into(),
        sentence: "it begins".into(),
        actor: "ana".into(),
        ticket: None,
    };
    commands.send(Asked::Announce { seq: Seq(1), announcement: Box::new(announcement) }).await.expect("it listens");

    let (mut sent, mut failed, mut again) = (Vec::new(), Vec::new(), Vec::new());
    while sent.len() + failed.len() < 4 {
        let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await.expect("in time").expect("it lives");
        match event {
            Event::Sent { channel, .. } => sent.push(channel),
            Event::Failed { channel, why, .. } => failed.push((channel, why)),
            Event::Retrying { channel, why, .. } => again.push((channel, why)),
            Event::Terminal { .. } => {}
        }
    }
    sent.sort();
    assert_eq!(sent, ["chat", "starttls", "tls"], "{failed:?}");
    assert_eq!(again, [("chat".to_owned(), "the server answered 500 Internal Server Error".to_owned())]);
    let [(channel, why)] = failed.as_slice() else { panic!("{failed:?}") };
    assert!(channel == "wrong" && why.contains("535") && !why.contains("s0mething"), "{why}");

    let text = "backend 2.2.0 → production: it begins (Booking 2.2, by ana)";
    let mut taken = vec![servers.next(), servers.next(), servers.next(), servers.next()];
    let mut take = |so: &dyn Fn(&Value) -> bool| {
        let at = taken.iter().position(so).unwrap_or_else(|| panic!("not taken: {taken:?}"));
        taken.remove(at)
    };
    for status in [500, 200] {
        let posted = take(&|taken| taken["status"] == status);
        assert_eq!((posted["web"].as_str(), posted["key"].as_str()), (Some("/hook"), Some("p4ssw0rd")));
        assert_eq!(posted["type"], "application/json");
        assert_eq!(
            serde_json::from_str::<Value>(posted["body"].as_str().expect("a body")).expect("JSON"),
            serde_json::json!({ "text": text })
        );
    }
    // The other one speaks nothing but TLS.
    for (name, starttls, user) in [("starttls", true, Value::from("mailer")), ("tls", false, Value::Null)] {
        let mail = take(&|taken| taken["mail"] == name);
        assert_eq!((&mail["user"], mail["starttls"].as_bool()), (&user, Some(starttls)), "{mail}");
        assert_eq!(mail["sender"], "releases@example.org");
        assert_eq!(mail["to"], serde_json::json!(["team@example.org", "duty@example.org"]));
        let letter = mail["text"].as_str().expect("a text");
        for part in ["Subject: ", "Auto-Submitted: auto-generated", "production: it begins (Booking 2.2, by ana)"] {
            assert!(letter.contains(part), "{part}: {letter}");
        }
    }
    drop(commands);
    task.await.expect("it ends");
}
