//! A checker to ask, and a release to ask about.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use rolldeck::adapter::check::{Options, spawn};
use rolldeck::domain::release::checklist::{Command as Program, Subject, SubjectService, Task};
use rolldeck::port::Seq;
use rolldeck::port::check::{Command, Event, Found};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub struct Bench {
    pub commands: mpsc::Sender<Command>,
    pub events: mpsc::Receiver<Event>,
    pub checker: JoinHandle<()>,
    seq: Seq,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Options { folder: ".".into(), at_once: [("production".into(), 3)].into() })
    }

    pub fn with(options: Options) -> Self {
        // The program does it in `main`; the second of two tests finds it done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (commands, received) = mpsc::channel(64);
        let (sender, events) = mpsc::channel(1_024);
        Self { commands, events, checker: spawn(options, received, sender), seq: Seq(0) }
    }

    pub async fn ask(&mut self, task: Task, subject: &Subject) -> Seq {
        let (seq, subject) = (self.seq.advance(), Arc::new(subject.clone()));
        self.commands.send(Command::Run { seq, item: "item".into(), task: Box::new(task), subject, workloads: Vec::new() }).await.unwrap();
        seq
    }

    pub async fn finished(&mut self) -> (Seq, Found) {
        loop {
            if let Event::Finished { seq, found } = self.events.recv().await.unwrap() {
                return (seq, found);
            }
        }
    }

    /// Runs one and returns what it found.
    pub async fn run_for(&mut self, task: Task, subject: &Subject) -> Found {
        let asked = self.ask(task, subject).await;
        let (seq, found) = self.finished().await;
        assert_eq!(seq, asked);
        found
    }

    pub async fn run(&mut self, task: Task) -> Found {
        self.run_for(task, &subject(&["backend"])).await
    }
}

pub fn subject(services: &[&str]) -> Subject {
    let service = |service: &&str| SubjectService {
        service: (*service).into(),
        version: "2.2.0".into(),
        image: format!("team/{service}:2.2.0"),
        digest: None,
    };
    Subject { release: "r1".into(), environment: "production".into(), services: services.iter().map(service).collect() }
}

/// A program with so many seconds.
pub fn program(run: &[&str], seconds: i64) -> Program {
    Program {
        run: run.iter().map(|text| (*text).to_owned()).collect(),
        time_limit: SignedDuration::from_secs(seconds),
        variables: Vec::new(),
        folder: None,
    }
}

pub fn shell(script: &str, seconds: i64) -> Task {
    Task::Command(program(&["sh", "-c", script], seconds))
}

/// Returns a number of seconds that no other test sleeps: by it what is left running is found.
pub fn unheard_of() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("77{}.{:03}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns how many processes have a text in their arguments and still live.
pub fn living(text: &str) -> usize {
    let lives = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    let says = |pid: &str| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(text)
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    processes.filter(|pid| pid.parse::<u32>().is_ok() && says(pid) && lives(pid)).count()
}
