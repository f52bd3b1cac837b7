//! The demo's canary, walked by keys from its first pause to its undo: what the screen says at each state.

use std::path::Path;

use crate::pty_support::{ENTER, Start, Terminal};

/// Opens the canary that waits in production. Three times faster: a person would need three minutes.
fn open(home: &Path) -> Terminal {
    let mut terminal = Start::rolldeck(&["demo", "--scenario", "canary", "--seed", "7", "--speed", "3"]).size(160, 45).at(home);
    terminal.shows("production");
    terminal.press("\x1b[C");
    terminal.press(ENTER);
    terminal.shows("0.9.0 → 0.10.0");
    terminal
}

/// Orders what needs the service's name.
fn order(terminal: &mut Terminal, key: &str) {
    terminal.press(key);
    named(terminal);
}

fn named(terminal: &mut Terminal) {
    terminal.shows("Type search to confirm");
    terminal.type_text("search");
    terminal.press(ENTER);
    terminal.hides("Type search to confirm");
}

/// Orders a way back, which needs one confirm.
fn go_back(terminal: &mut Terminal, key: &str) {
    terminal.press(key);
    terminal.shows("A way back");
    terminal.press("y");
    terminal.hides("A way back");
}

fn ship(terminal: &mut Terminal, version: &str) {
    terminal.press("s");
    terminal.shows("Ship which version");
    terminal.type_text(version);
    terminal.press(ENTER);
    named(terminal);
}

#[test]
fn a_canary_is_walked_from_its_pause_to_its_undo() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = open(home.path());
    terminal.shows("Paused at step 5 of 8, waiting for you");
    terminal.shows("25 % of the users get it");

    go_back(&mut terminal, " ");
    terminal.shows("manually paused");
    order(&mut terminal, " ");
    terminal.shows("Paused at step 5 of 8, waiting for you");

    order(&mut terminal, "p");
    terminal.shows("Paused at step 8 of 8, goes on by itself");
    terminal.shows("50 % of the users get it");
    order(&mut terminal, "p");
    terminal.shows("0.10.0 runs, 15 of 15 ready");

    ship(&mut terminal, "0.11.0-regress");
    terminal.shows("0.10.0 → 0.11.0-regress");
    terminal.shows("5 % of the users get it");
    terminal.shows("Aborted: the users are on 0.10.0");
    terminal.shows("RolloutAborted");
    order(&mut terminal, "t");
    terminal.hides("Aborted: the users");
    terminal.shows("0.10.0 → 0.11.0-regress");
    terminal.shows("5 % of the users get it");
    order(&mut terminal, "P");
    terminal.shows("0.11.0-regress runs, 15 of 15 ready");

    terminal.press("r");
    terminal.shows("0.10.0");
    terminal.press(ENTER);
    terminal.shows("A way back");
    terminal.press("y");
    terminal.hides("A way back");
    // Another revision than the stable one walks the steps like a new version.
    terminal.shows("0.11.0-regress → 0.10.0");
    terminal.shows("5 % of the users get it");
    order(&mut terminal, "P");
    terminal.shows("0.10.0 runs, 15 of 15 ready");
    terminal.signal("TERM");
    terminal.ended().restored().with_code(0);
}
