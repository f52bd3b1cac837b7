//! The demo's release, driven by keys from its draft to its report: the gate opens when colleagues and this console have ticked and
//! approved; its rollout is taken back in another.

use std::path::Path;

use crate::pty_support::{ENTER, Start, TAB, Terminal};

const RIGHT: &str = "\x1b[C";
const SAVE: &str = "\x13";

/// Opens the demo on search in production, and writes and announces a release of it.
fn announced(home: &Path) -> Terminal {
    let mut terminal = Start::rolldeck(&["demo", "--scenario", "release", "--seed", "7", "--speed", "6"]).size(160, 45).at(home);
    terminal.shows("search");
    for _ in 0..4 {
        terminal.press("j");
    }
    terminal.press(RIGHT);
    terminal.press(RIGHT);
    terminal.press("R");
    terminal.shows("New release to production");
    terminal.shows("runs in staging");
    terminal.press(SAVE);
    terminal.shows("Nothing is asked or checked yet");
    terminal.press("s");
    terminal.shows("announce it first");
    terminal.press("A");
    terminal.shows("NOT YET");
    terminal
}

/// Waits for what others and the cluster do, and ticks the rest.
fn ready(terminal: &mut Terminal) {
    terminal.shows("ana approved");
    terminal.shows("marco approved");
    terminal.shows("18 of 26");
    terminal.press("s");
    terminal.shows("start: open: Code review completed and approved");
    for open in (0..8).rev() {
        terminal.press(TAB);
        terminal.press(" ");
        terminal.shows(&format!("{} of 26", 26 - open));
    }
    terminal.shows("The gate is open");
    terminal.shows("bound to   search sha256:");
}

/// Begins it: the ship's dialog has the version and the digest that were approved.
fn begun(terminal: &mut Terminal) {
    terminal.press("s");
    terminal.shows("trixtech/search:0.10.0@sha256:");
    terminal.shows("Type search to confirm");
    terminal.type_text("search");
    terminal.press(ENTER);
    terminal.hides("Type search to confirm");
    terminal.shows("0.10.0 is coming in");
}

#[test]
fn a_release_goes_from_its_draft_to_done_and_to_its_report() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = announced(home.path());
    ready(&mut terminal);
    begun(&mut terminal);
    // The rest of the steps at once; the gate was for the begin.
    terminal.shows("5 % of the users get it");
    terminal.press("P");
    terminal.shows("Type search to confirm");
    terminal.type_text("search");
    terminal.press(ENTER);
    terminal.shows("0.10.0 runs, 15 of 15 ready");
    terminal.press("c");
    terminal.shows("verifying");
    terminal.shows("Post-deployment validation");
    terminal.press("F");
    terminal.shows("finish:");
    for _ in 0..20 {
        if terminal.screen().contains("10/10") {
            break;
        }
        terminal.press(TAB);
        terminal.press(" ");
        terminal.pass(std::time::Duration::from_millis(300));
    }
    // The cluster's own item wants half a minute of health.
    terminal.shows("it can be finished");
    terminal.press("F");
    terminal.shows("✔ done");
    terminal.press("e");
    terminal.shows("the gate opened");
    terminal.press(SAVE);
    terminal.shows("saved");
    terminal.press("q");
    terminal.ended().restored().with_code(0);
    let mut reports = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let markdown = reports.find(|path| path.extension().is_some_and(|extension| extension == "md")).expect("a report");
    let report = std::fs::read_to_string(markdown).unwrap();
    for said in ["search 0.10.0", "ana", "marco", "All automated tests passing", "sha256:", "vouched for by the cluster"] {
        assert!(report.contains(said), "{said:?} is not in the report:\n{report}");
    }
}

#[test]
fn a_release_that_is_taken_back_has_its_rollback_validated() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = announced(home.path());
    ready(&mut terminal);
    begun(&mut terminal);
    terminal.press("x");
    terminal.shows("A way back");
    terminal.press("y");
    terminal.hides("A way back");
    terminal.press("c");
    terminal.shows("rolled back");
    terminal.shows("Rollback validation");
    terminal.signal("TERM");
    terminal.ended().restored().with_code(0);
}
