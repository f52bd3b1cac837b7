//! The frames that are kept: every screen and overlay in its sizes.

use rolldeck::app::action::Action;
use rolldeck::app::model::Model;
use rolldeck::app::model::dialog::Entry;
use rolldeck::app::model::dialog::{Button, Confirm, Overlay, Palette, PaletteRow, Prompt, Question, RollBack, Stage, protection_of};
use rolldeck::app::model::nav::{Cursor, Pane, Screen};
use rolldeck::app::model::notices::Tone;
use rolldeck::app::model::{JournalState, Writing};
use rolldeck::config::theme::Theme;
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::plan::Protection;
use rolldeck::domain::verb::{Order, Verb};
use rolldeck::port::Seq;

use super::fixture::{at, busy, id, lost, on, preview, started, watcher};
use super::{frame, shown, text};

fn confirm(id: &RolloutId, order: Order, environment: Protection, stage: Stage) -> Overlay {
    let protection = protection_of(order.verb(), environment);
    let focus = if protection == Protection::Open { Button::Confirm } else { Button::Cancel };
    Overlay::Confirm(Box::new(Confirm {
        rollout: id.clone(),
        order,
        seq: Seq(1),
        stage,
        protection,
        focus,
        typed: tui_input::Input::default(),
        top: 0,
        opened: at(0),
        arm: None,
    }))
}

fn ship() -> Order {
    Order::Ship { container: None, image: "trixtech/frontend:5.1.0".into() }
}

fn with(mut model: Model, overlay: Overlay) -> Model {
    model.overlay = Some(overlay);
    model
}

fn confirm_ready(order: Order) -> Model {
    let id = id("frontend", "production");
    let stage = Stage::Ready(Box::new(preview(&id, order.clone())));
    with(on("frontend", "production"), confirm(&id, order, Protection::Protected, stage))
}

fn guarded() -> Model {
    let id = id("frontend", "staging");
    let stage = Stage::Ready(Box::new(preview(&id, Order::Hold)));
    with(on("frontend", "staging"), confirm(&id, Order::Restart { track: None }, Protection::Guarded, stage))
}

fn choose() -> Model {
    let id = id("worker", "staging");
    let choices = vec!["worker-40".into()];
    with(on("worker", "staging"), Overlay::RollBack(RollBack { rollout: id, choices, cursor: Cursor::default() }))
}

fn prompt() -> Model {
    let question = Question::Ship { rollout: id("frontend", "production") };
    let proposals = vec![("5.1.0".into(), "runs in staging".into()), ("4.9.2".into(), "kept as #40".into())];
    let prompt = Prompt { question, input: tui_input::Input::default(), proposals, cursor: Some(0), error: None };
    with(on("frontend", "production"), Overlay::Prompt(prompt))
}

fn filter() -> Model {
    let mut model = busy();
    model.nav.deck.filter = "ar".into();
    let prompt = Prompt { question: Question::DeckFilter, input: "ar".into(), proposals: Vec::new(), cursor: None, error: None };
    with(model, Overlay::Prompt(prompt))
}

fn palette() -> Model {
    let row = |label: &str, keys: &str, refusal: Option<&str>, matched: Vec<usize>| PaletteRow {
        entry: Entry::Action(Action::Help),
        label: label.into(),
        keys: keys.into(),
        refusal: refusal.map(Into::into),
        matched,
    };
    let rows = vec![
        row("roll-back: Bring a former revision back", "r", None, vec![0, 2, 5]),
        row("reconnect: Try lost links now", "ctrl-r", None, vec![0]),
        row("open worker production", "", None, vec![8, 18]),
        row("retry: Try an aborted rollout again", "t", Some("nothing is under way"), vec![0]),
    ];
    with(on("frontend", "production"), Overlay::Palette(Palette { input: "rlb".into(), rows, cursor: Cursor::default() }))
}

fn help() -> Model {
    with(on("frontend", "production"), Overlay::Help { top: 0 })
}

fn notices() -> Model {
    with(busy(), Overlay::Notices(Cursor::default()))
}

fn themes() -> Model {
    with(busy(), Overlay::Themes { cursor: Cursor { at: 1, top: 0 }, before: "dark".into() })
}

fn at_screen(screen: Screen) -> Model {
    let mut model = busy();
    model.nav.open(screen);
    model
}

fn doubted() -> Model {
    on("worker", "production")
}

fn may_not() -> Model {
    let mut model = on("frontend", "staging");
    let rollout = model.rollout(&id("frontend", "staging")).unwrap().as_ref().clone();
    model.fleet.take(watcher(rollout).into(), at(0));
    model.writing = Writing::Locked("no plan: armed for ten minutes by f9".into());
    model.journal = JournalState::Unwritable("no space left".into());
    model
}

fn told() -> Model {
    let mut model = on("frontend", "production");
    model.notices.add(at(-1), Tone::Good, Some(id("frontend", "production")), "5.1.0 is accepted");
    model
}

fn lost_rollout() -> Model {
    let mut model = lost();
    model.nav.open(Screen::Rollout(id("frontend", "staging")));
    model
}

fn unseen() -> Model {
    let mut model = started();
    model.nav.open(Screen::Rollout(id("frontend", "staging")));
    model
}

fn events_focused() -> Model {
    let mut model = on("frontend", "production");
    model.nav.rollout.pane = Pane::Events;
    model
}

/// Every screen by name.
pub const SCREENS: [(&str, fn() -> Model); 31] = [
    ("deck", busy),
    ("deck-connecting", started),
    ("deck-lost", lost),
    ("deck-filter", filter),
    ("rolling", || on("frontend", "production")),
    ("canary", || on("backend", "production")),
    ("pair", || on("payments", "production")),
    ("crash", || on("worker", "staging")),
    ("held", || on("search", "production")),
    ("steady", || on("search", "staging")),
    ("doubt", doubted),
    ("watcher", may_not),
    ("notice", told),
    ("lost", lost_rollout),
    ("unseen", unseen),
    ("events", events_focused),
    ("revisions", || at_screen(Screen::Revisions(id("frontend", "production")))),
    ("timeline", || at_screen(Screen::Timeline(None))),
    ("logs", || at_screen(Screen::Logs(id("frontend", "production")))),
    ("confirm-typed", || confirm_ready(ship())),
    ("confirm-back", || confirm_ready(Order::RollBack { to: "frontend-41".into() })),
    ("confirm-guarded", guarded),
    ("confirm-asking", || {
        let id = id("frontend", "production");
        with(on("frontend", "production"), confirm(&id, ship(), Protection::Protected, Stage::Asking { since: at(-3) }))
    }),
    ("confirm-refused", || {
        let id = id("frontend", "production");
        let why = Stage::Refused("you may not patch deployments in booking".into());
        with(on("frontend", "production"), confirm(&id, ship(), Protection::Protected, why))
    }),
    ("confirm-moved", || {
        let id = id("frontend", "production");
        let what = "it moved under you: Deployment booking/frontend went from generation 41 to generation 42, by kubectl at 21:18:04Z. Nothing was sent.";
        with(on("frontend", "production"), confirm(&id, ship(), Protection::Protected, Stage::Moved(what.into())))
    }),
    ("choose", choose),
    ("prompt", prompt),
    ("palette", palette),
    ("help", help),
    ("notices", notices),
    ("themes", themes),
];

#[test]
fn every_screen_at_80_by_24() {
    for (name, make) in SCREENS {
        insta::assert_snapshot!(format!("80x24-{name}"), shown(&mut make(), 80, 24));
    }
}

#[test]
fn the_main_screens_in_other_sizes() {
    for (name, make) in
        SCREENS.into_iter().filter(|(name, _)| ["deck", "canary", "pair", "confirm-typed", "help", "timeline"].contains(name))
    {
        for (columns, rows) in [(120, 40), (200, 60)] {
            insta::assert_snapshot!(format!("{columns}x{rows}-{name}"), shown(&mut make(), columns, rows));
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    insta::assert_snapshot!("40x12-deck", shown(&mut busy(), 40, 12));
}

#[test]
fn ascii_says_the_same_without_another_character() {
    let theme = Theme::named("dark").unwrap().ascii();
    for (name, make) in SCREENS {
        let cells = frame(&mut make(), &theme, 120, 40).0;
        assert!(text(&cells).is_ascii(), "{name}");
    }
    insta::assert_snapshot!("ascii-canary", text(&frame(&mut on("backend", "production"), &theme, 120, 40).0));
}

#[test]
fn no_colour_changes_no_character_and_has_no_colour() {
    let (colour, plain) = (Theme::named("dark").unwrap(), Theme::named("dark").unwrap().without_colour());
    for (name, make) in SCREENS {
        let (with, without) = (frame(&mut make(), &colour, 120, 40).0, frame(&mut make(), &plain, 120, 40).0);
        assert_eq!(text(&with), text(&without), "{name}");
        let reset = ratatui::style::Color::Reset;
        assert!(without.content.iter().all(|cell| cell.fg == reset && cell.bg == reset), "{name}");
    }
}

#[test]
fn a_way_back_asks_for_no_name_and_a_protected_ship_does() {
    let name = "Type frontend to confirm";
    assert!(shown(&mut confirm_ready(ship()), 100, 40).contains(name));
    assert!(!shown(&mut confirm_ready(Order::RollBack { to: "frontend-41".into() }), 100, 40).contains(name));
    assert_eq!(Order::Hold.verb(), Verb::Hold);
}
