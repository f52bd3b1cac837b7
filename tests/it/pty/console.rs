//! The program itself on the simulated cluster: it opens, it obeys, and however it ends the terminal is as it was.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::pty_support::{ENTER, ESC, Start, Terminal, patience};

fn demo(home: &Path, arguments: &[&str]) -> Terminal {
    let terminal = open(home, arguments);
    terminal.shows("production");
    terminal
}

fn open(home: &Path, arguments: &[&str]) -> Terminal {
    Start::rolldeck(&[&["demo", "--seed", "7"], arguments].concat()).at(home)
}

#[test]
fn quitting_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(home.path(), &[]);
    terminal.press("q");
    terminal.ended().restored().with_code(0);
}

#[test]
fn a_signal_ends_it_and_leaves_the_terminal_as_it_was() {
    for name in ["TERM", "HUP", "INT"] {
        let home = tempfile::tempdir().unwrap();
        let terminal = demo(home.path(), &[]);
        terminal.signal(name);
        terminal.ended().restored().with_code(0);
    }
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was_and_is_printed_there() {
    let home = tempfile::tempdir().unwrap();
    let terminal = Start::rolldeck(&["demo"]).env("ROLLDECK_TEST_PANIC", "1").at(home.path());
    let ended = terminal.ended();
    ended.restored();
    assert!(!ended.status.success());
    assert!(ended.screen.contains("a test asked for this panic"), "{}", ended.screen);
    let log = logs(home.path());
    assert!(log.contains("a test asked for this panic"), "{log}");
}

#[test]
fn without_a_terminal_it_says_so() {
    let home = tempfile::tempdir().unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_rolldeck"))
        .arg("demo")
        .env_clear()
        .env("HOME", home.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("needs a terminal"), "{said}");
    assert!(run.stdout.is_empty(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn help_opens_and_closes() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(home.path(), &[]);
    terminal.press("?");
    terminal.shows("Keys: ");
    terminal.press(ESC);
    // Before the next key: on a busy machine both come in one read, and are Alt-q.
    terminal.hides("Keys: ");
    terminal.press("q");
    terminal.ended().restored().with_code(0);
}

#[test]
fn it_follows_the_terminal_s_size() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = demo(home.path(), &[]);
    terminal.resize(40, 12);
    terminal.shows("60");
    terminal.resize(200, 50);
    terminal.shows("production");
    terminal.press("q");
    terminal.ended().restored().with_code(0);
}

/// Opens the screen of a rollout that runs.
fn on_a_rollout(home: &Path) -> Terminal {
    let mut terminal = demo(home, &[]);
    terminal.press(ENTER);
    terminal.shows("3 of 3 ready");
    terminal
}

fn ordered(home: &Path) -> bool {
    std::fs::read_to_string(journal(home)).unwrap_or_default().contains("\"entry\":\"intent\"")
}

#[test]
fn a_restart_is_ordered_by_two_keys() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = on_a_rollout(home.path());
    terminal.press("R");
    terminal.shows(" Restart ");
    terminal.shows("read just now");
    terminal.press(ENTER);
    terminal.until("the intent", |_| ordered(home.path()));
    terminal.signal("TERM");
    terminal.ended().restored().with_code(0);
}

#[test]
fn pastes_order_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = on_a_rollout(home.path());
    for paste in ["RRRR", "\x1b[200~R\x1b[201~"] {
        terminal.send(paste);
        terminal.pass(Duration::from_secs(1));
        assert!(!terminal.screen().contains(" Restart "), "{}", terminal.screen());
    }
    assert!(!ordered(home.path()));
    terminal.signal("TERM");
    terminal.ended().restored().with_code(0);
}

/// Waits until these marks of life, and no others, are there.
fn marks_become(terminal: &Terminal, home: &Path, what: &str, so: impl Fn(&[PathBuf]) -> bool) -> Vec<PathBuf> {
    let end = Instant::now() + patience();
    loop {
        let mut marks = found(home);
        marks.retain(|path| path.extension().is_some_and(|ending| ending == "lock"));
        if so(&marks) {
            return marks;
        }
        assert!(Instant::now() < end, "waited in vain for {what}: {marks:?}");
        terminal.pass(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_console_is_known_to_be_gone_and_the_next_one_opens() {
    let home = tempfile::tempdir().unwrap();
    let terminal = demo(home.path(), &[]);
    let killed = marks_become(&terminal, home.path(), "a mark", |marks| marks.len() == 1);
    terminal.signal("KILL");
    assert!(!terminal.ended().status.success());
    let mut terminal = demo(home.path(), &[]);
    marks_become(&terminal, home.path(), "one other mark", |marks| marks.len() == 1 && marks != killed);
    terminal.press("q");
    terminal.ended().restored().with_code(0);
}

/// Finds the journal, wherever the state directory is below home.
fn journal(home: &Path) -> PathBuf {
    found(home).into_iter().find(|path| path.ends_with("journal.jsonl")).unwrap_or_else(|| home.join("none"))
}

/// Returns the text of all logs.
fn logs(home: &Path) -> String {
    let logs = found(home).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    logs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn found(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(found(&path)) } else { all.push(path) }
    }
    all
}
