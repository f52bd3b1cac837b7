//! A release's timeline by its keys: moving, the filter, an entry whole, the export.

use std::sync::Arc;

use rolldeck::app::effect::Effect;
use rolldeck::app::model::dialog::{Overlay, Subject};
use rolldeck::app::model::nav::Screen;
use rolldeck::app::msg::Msg;
use rolldeck::domain::log::{Lines, Source};
use rolldeck::domain::release::record::{Body, Entry, Record};
use rolldeck::domain::release::{Brief, Kind, Voucher};
use rolldeck::port::engine;
use rolldeck::port::releases::{Access, Command, Event};

use super::fixture::{Console, at};

const ID: &str = "20260528-2026-backend-7f3a";

fn entry(second: i64, body: Body) -> Entry {
    Entry { at: at(second), actor: "ana".into(), voucher: Voucher::System, console: "here:1".into(), body }
}

/// A release to production with three notes, the last one of two lines.
fn record() -> Record {
    let brief = Brief {
        environment: "production".into(),
        versions: vec![("backend".into(), "1.1.0".into())],
        kind: Kind::Standard,
        title: "Seats".into(),
        author: "ana".into(),
        ticket: None,
        notes: String::new(),
        audience: String::new(),
        duration: None,
        downtime: None,
        cutover: None,
        contingency: String::new(),
        class: None,
        criterion: None,
        strategies: Vec::new(),
    };
    let note = |second, text: &str| entry(second, Body::Noted { text: text.into(), log: false });
    let drafted = entry(-100, Body::Drafted { brief: Box::new(brief) });
    let entries = vec![drafted, entry(-90, Body::Announced), note(-80, "first"), note(-70, "second"), note(-60, "third\nwith more")];
    Record::new(ID.into(), entries)
}

fn open() -> Console {
    let mut console = Console::live();
    let environment = || "production".into();
    console.take(Msg::Releases(Event::Access { environment: environment(), access: Access::Writable }));
    console.take(Msg::Releases(Event::Record { environment: environment(), record: Box::new(record()) }));
    console.model.nav.open(Screen::Chronicle(ID.into()));
    console.model.regions.list_rows = 10;
    console.left.clear();
    console
}

/// What was handed to the release's store.
fn noted(console: &Console) -> Vec<Body> {
    let append =
        |effect: &Effect| if let Effect::Releases(Command::Append { entries, .. }) = effect { Some(entries[0].body.clone()) } else { None };
    console.left.iter().filter_map(append).collect()
}

#[test]
fn enter_shows_the_entry_under_the_cursor_whole_and_esc_puts_it_away() {
    let mut console = open();
    console.press("enter");
    let whole = |console: &Console| match &console.model.overlay {
        Some(Overlay::Whole(whole)) => match &whole.subject {
            Subject::Text(_, text) => text.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert!(whole(&console).starts_with("note: third\nwith more\n"), "the newest stands first: {}", whole(&console));
    console.press("esc down down enter");
    assert!(whole(&console).starts_with("note: first\n"));
    console.press("esc G");
    assert_eq!(console.model.nav.chronicle.cursor.at, 4, "the cursor stays within the entries");
}

#[test]
fn the_filter_follows_as_one_types_and_esc_takes_it_away() {
    let mut console = open();
    console.press("down down / S E C O N d enter");
    assert_eq!(console.model.nav.chronicle.filter, "SECONd");
    assert_eq!(console.model.nav.chronicle.cursor.at, 0);
    console.press("enter");
    assert!(matches!(&console.model.overlay, Some(Overlay::Whole(_))), "the one that is left");
    console.press("esc / esc");
    assert_eq!(console.model.nav.chronicle.filter, "");
}

#[test]
fn the_export_writes_both_files_and_overwrites_none() {
    let mut console = open();
    console.press("ctrl-s");
    let files: Vec<_> = console
        .left
        .iter()
        .filter_map(|effect| if let Effect::Save { path, text } = effect { Some((path.display().to_string(), text.clone())) } else { None })
        .collect();
    assert_eq!(files.len(), 2);
    assert!(
        files[0].0.starts_with(ID)
            && files[0].0 == format!("{}md", files[1].0.trim_end_matches("json"))
            && files[0].1.starts_with("# Seats"),
        "{files:?}"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&files[1].1).is_ok());
    console.take(Msg::Saved { path: files[0].0.clone().into(), result: Ok(40) });
    assert!(console.model.notices.iter().any(|notice| notice.text.contains(&files[0].0)), "it says where");
}

#[test]
fn a_remark_goes_to_the_store() {
    let mut console = open();
    console.press("m a l l space w e l l enter");
    assert_eq!(noted(&console), [Body::Noted { text: "all well".into(), log: false }]);
}

#[test]
fn a_log_line_goes_to_the_release_that_covers_its_rollout() {
    let mut console = open();
    console.model.nav.open(Screen::Deck);
    console.press("l");
    console.press("m");
    let refused =
        |console: &Console| console.model.notices.iter().any(|notice| notice.text.contains("no release of backend development takes it"));
    assert!(refused(&console));
    assert!(noted(&console).is_empty());

    console.press("esc esc");
    console.press("right right enter l");
    let seq = console.left.iter().rev().find_map(|effect| match effect {
        Effect::Engine(_, engine::Command::Follow { seq, .. }) => Some(*seq),
        _ => None,
    });
    let source =
        Source { instance: "backend-1".into(), container: "web".into(), revision: "backend-2".into(), init: false, previous: false };
    let mut lines = Lines::default();
    let now = i64::try_from(at(10).as_nanosecond()).unwrap();
    lines.push_text(now, &Arc::new(source), b"ERROR timeout calling ledger, token: hunter2");
    console.take(Msg::Logs(engine::LogBatch { seq: seq.unwrap(), lines, dropped: 0 }));
    console.press("m");
    let noted = noted(&console);
    let [Body::Noted { text, log: true }] = noted.as_slice() else { panic!("{noted:?}") };
    assert!(text.contains("timeout calling ledger"), "{text}");
}
