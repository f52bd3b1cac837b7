//! The journal's store as the console meets it: commands in, events out, a real directory below.

use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

use rolldeck::adapter::records::spawn;
use rolldeck::domain::journal::{Body, Entry, OutcomeKind};
use rolldeck::port::Seq;
use rolldeck::port::records::{Command, Event};
use tokio::sync::mpsc;

/// A running store and both ends of it.
struct Store {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    task: tokio::task::JoinHandle<()>,
}

impl Store {
    fn start(directory: &Path, console: &str) -> Self {
        let (commands, taken) = mpsc::channel(64);
        let (told, events) = mpsc::channel(1024);
        Self { commands, events, task: spawn(directory.to_owned(), console.into(), taken, told) }
    }

    async fn next(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(20), self.events.recv()).await.expect("an event in time").expect("the store runs")
    }

    async fn loaded(&mut self) -> (Vec<Entry>, Vec<String>, Vec<String>) {
        match self.next().await {
            Event::Loaded { entries, problems, live } => (entries, problems, live),
            other => panic!("{other:?} before the journal was loaded"),
        }
    }

    async fn append(&mut self, seq: u64, entry: Entry) -> Result<(), String> {
        self.commands.send(Command::Append { seq: Seq(seq), entry: Box::new(entry) }).await.unwrap();
        match self.next().await {
            Event::Appended { seq: answered, result } => {
                assert_eq!(answered, Seq(seq));
                result
            }
            other => panic!("{other:?} instead of an answer"),
        }
    }

    /// Ends it as quitting does: what was asked is still done.
    async fn end(self) {
        drop(self.commands);
        self.task.await.unwrap();
    }
}

fn entry(op: &str, seen: &str) -> Entry {
    Entry {
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        actor: "ana".into(),
        console: "host:1".into(),
        op: op.into(),
        body: Body::Outcome { result: OutcomeKind::Met, seen: seen.into() },
    }
}

#[tokio::test]
async fn an_appended_entry_is_on_disk_before_the_answer_and_there_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::start(home.path(), "host:1");
    assert!(store.loaded().await.0.is_empty());
    store.append(1, entry("1", "a")).await.unwrap();
    assert_eq!(std::fs::read_to_string(home.path().join("journal.jsonl")).unwrap().lines().count(), 1);
    store.end().await;
    let mut store = Store::start(home.path(), "host:2");
    let (entries, problems, live) = store.loaded().await;
    assert_eq!((entries, problems, live), (vec![entry("1", "a")], vec![], vec![]));
}

#[tokio::test]
async fn what_another_console_writes_is_seen_without_asking() {
    let home = tempfile::tempdir().unwrap();
    let mut first = Store::start(home.path(), "host:1");
    first.loaded().await;
    let mut second = Store::start(home.path(), "host:2");
    assert_eq!(second.loaded().await.2, ["host:1"]);
    first.append(1, entry("1", "a")).await.unwrap();
    match second.next().await {
        Event::Seen(seen) => assert_eq!(*seen, entry("1", "a")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn entries_asked_for_before_the_end_are_written() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::start(home.path(), "host:1");
    for n in 0..20 {
        store.commands.send(Command::Append { seq: Seq(n), entry: Box::new(entry(&n.to_string(), "a")) }).await.unwrap();
    }
    let Store { commands, events, task } = store;
    drop(commands);
    task.await.unwrap();
    drop(events);
    assert_eq!(std::fs::read_to_string(home.path().join("journal.jsonl")).unwrap().lines().count(), 20);
}

#[tokio::test]
async fn an_unwritable_journal_is_known_before_the_first_mutation_and_noticed_when_it_is_mended() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("journal.jsonl")).unwrap();
    let mut store = Store::start(home.path(), "host:1");
    assert_eq!(store.loaded().await.1.len(), 1);
    assert!(matches!(store.next().await, Event::Writable(Err(why)) if why.contains("cannot be opened")));
    assert!(store.append(1, entry("1", "a")).await.unwrap_err().contains("cannot be opened"));
    std::fs::remove_dir(home.path().join("journal.jsonl")).unwrap();
    store.commands.send(Command::Probe).await.unwrap();
    assert!(matches!(store.next().await, Event::Writable(Ok(()))));
    store.append(2, entry("1", "a")).await.unwrap();
}

#[tokio::test]
async fn a_console_that_hangs_with_the_lock_costs_a_sentence_and_no_more() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::start(home.path(), "host:1");
    store.loaded().await;
    store.append(1, entry("1", "a")).await.unwrap();
    let other = std::fs::File::open(home.path().join("journal.jsonl")).unwrap();
    other.lock().unwrap();
    assert!(store.append(2, entry("2", "b")).await.unwrap_err().contains("is locked by another console"));
    other.unlock().unwrap();
    store.append(3, entry("3", "c")).await.unwrap();
}

#[tokio::test]
async fn a_token_in_an_answer_never_reaches_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::start(home.path(), "host:1");
    store.loaded().await;
    store.append(1, entry("1", "401 for Authorization: Bearer 0a1b2c3d4e5f")).await.unwrap();
    let text = std::fs::read_to_string(home.path().join("journal.jsonl")).unwrap();
    assert!(text.contains("401 for") && !text.contains("0a1b2c3d4e5f"), "{text}");
}

/// A file size limit makes a write stop half-way, as a full disk does. It holds for a whole process, so the test runs
/// itself again under it.
#[test]
fn a_disk_that_fills_up_within_a_line_leaves_no_half_line() {
    const INSIDE: &str = "ROLLDECK_TEST_FULL_DISK";
    if let Ok(home) = std::env::var(INSIDE) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut store = Store::start(Path::new(&home), "host:1");
            store.loaded().await;
            // The limit is below what the probe needs as well.
            assert!(matches!(store.next().await, Event::Writable(Err(_))));
            let answers = [store.append(1, entry("1", "a")).await, store.append(2, entry("2", &"b".repeat(600))).await];
            assert!(answers[0].is_ok(), "{answers:?}");
            assert!(answers[1].as_ref().is_err_and(|why| why.contains("bytes fitted")), "{answers:?}");
        });
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let name = "records::a_disk_that_fills_up_within_a_line_leaves_no_half_line";
    let run = Process::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, home.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(home.path().join("journal.jsonl")).unwrap();
    assert_eq!((text.lines().count(), text.ends_with('\n')), (1, true), "{text}");
}
