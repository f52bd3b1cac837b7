//! The terminal adapter alone, in a terminal: this test program starts itself there and plays a console that says what
//! it is told.

use std::io::Write as _;

use rolldeck::adapter::terminal::{Guard, Signals, install_hook, perform, spawn};
use rolldeck::port::terminal::{Command, Input};

use crate::pty_support::{Start, Terminal};

const ON_STAGE: &str = "ROLLDECK_TEST_ON_STAGE";

/// Says a line on the screen, in raw mode.
fn say(line: &str) {
    let mut out = std::io::stdout();
    write!(out, "{line}\r\n").unwrap();
    out.flush().unwrap();
}

/// Not a test but what the tests below start; without its variable it does nothing.
#[test]
fn play() {
    if std::env::var_os(ON_STAGE).is_none() {
        return;
    }
    install_hook();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut signals = Signals::listen().unwrap();
        let _guard = Guard::enter(true).unwrap();
        let (inputs, mut taken) = tokio::sync::mpsc::channel(64);
        let _reading = spawn(inputs);
        say("ready");
        loop {
            let input = tokio::select! {
                name = signals.next() => return say(&format!("asked to end by {name}")),
                input = taken.recv() => input,
            };
            match input {
                None => return,
                Some(Input::Key { key, repeat }) => {
                    say(&format!("key {key}{}", if repeat { " marked" } else { "" }));
                    match key.to_string().as_str() {
                        "q" => return,
                        "x" => panic!("planted on the stage"),
                        "t" => {
                            let task = tokio::spawn(async { panic!("planted in a task") });
                            say(&format!("the task failed: {}", task.await.is_err()));
                        }
                        "n" => perform(&mut std::io::stdout(), &Command::Title("a title".into())).unwrap(),
                        _ => {}
                    }
                }
                Some(other) => say(&format!("{other:?}")),
            }
        }
    });
}

fn stage(home: &tempfile::TempDir) -> Terminal {
    let program = std::env::current_exe().unwrap();
    let stage = Start::program(program.to_str().unwrap(), &["--exact", "pty::stage::play", "--nocapture", "--test-threads=1"]);
    let terminal = stage.env(ON_STAGE, "1").at(home.path());
    terminal.shows("ready");
    terminal
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn quitting_leaves_the_terminal_as_it_was() {
    let home = home();
    let mut terminal = stage(&home);
    terminal.press("n");
    terminal.press("q");
    terminal.ended().restored().with_code(0);
}

#[test]
fn a_signal_is_a_wish_to_end_and_leaves_the_terminal_as_it_was() {
    for name in ["TERM", "INT", "HUP"] {
        let home = home();
        let terminal = stage(&home);
        terminal.signal(name);
        let ended = terminal.ended();
        ended.restored().with_code(0);
        assert!(ended.written.contains(&format!("asked to end by SIG{name}")), "{}", ended.written);
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_printed() {
    let home = home();
    let mut terminal = stage(&home);
    terminal.press("x");
    let ended = terminal.ended();
    ended.restored();
    assert!(ended.screen.contains("planted on the stage"), "{}", ended.screen);
    assert!(!ended.status.success());
}

#[test]
fn a_panic_of_a_task_leaves_the_screen_alone() {
    let home = home();
    let mut terminal = stage(&home);
    terminal.press("t");
    terminal.shows("the task failed: true");
    assert!(!terminal.written().contains("planted in a task"), "{}", terminal.screen());
    terminal.press("q");
    terminal.ended().restored().with_code(0);
}

#[test]
fn a_killed_program_is_noticed_to_have_left_the_terminal_taken() {
    let home = home();
    let terminal = stage(&home);
    terminal.signal("KILL");
    let ended = terminal.ended();
    assert!(std::panic::catch_unwind(|| ended.restored().with_code(0)).is_err(), "the harness sees nothing");
}

#[test]
fn keys_pastes_and_the_mouse_arrive_as_what_they_are() {
    let home = home();
    let mut terminal = stage(&home);
    terminal.type_text("ab");
    terminal.shows("key b");
    assert!(!terminal.screen().contains("marked"), "{}", terminal.screen());
    terminal.paste("q x");
    terminal.shows("Paste(\"q x\")");
    terminal.send("kkkd");
    terminal.shows("key d marked");
    terminal.send("\x1b[<0;5;7M\x1b[<64;5;7M\x1b[<65;5;7M");
    terminal.shows("kind: Click, column: 4, row: 6");
    terminal.shows("ScrollUp");
    terminal.shows("ScrollDown");
    terminal.send("\x1b[O");
    terminal.shows("Focus(false)");
    terminal.resize(100, 30);
    terminal.shows("Resize { columns: 100, rows: 30 }");
    terminal.press("q");
    terminal.ended().restored();
}
