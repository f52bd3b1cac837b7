//! The form of a release: what it proposes, what it takes, and that nothing but a deliberate key sends it.

use ratatui::layout::Rect;
use rolldeck::app::effect::Effect;
use rolldeck::app::model::dialog::{FieldKey, Form, Overlay};
use rolldeck::app::model::nav::Screen;
use rolldeck::app::msg::Msg;
use rolldeck::app::regions::Hit;
use rolldeck::domain::release::record::Body;
use rolldeck::domain::release::{Brief, Kind};
use rolldeck::port::releases::{Access, Command};
use rolldeck::port::terminal::{Input, MouseKind};

use super::fixture::{Console, shipped};

/// The form over production, where staging runs 1.1.0.
fn console() -> Console {
    let mut console = Console::live();
    console.tell(shipped("staging", 2));
    console.model.releases.access.insert("production".into(), Access::Writable);
    console.press("right right R");
    console
}

fn form(console: &Console) -> &Form {
    let Some(Overlay::Form(form)) = &console.model.overlay else { panic!("no form is open") };
    form
}

fn value(console: &Console, key: &FieldKey) -> String {
    form(console).value(key).to_owned()
}

/// The brief that was handed to the store.
fn made(console: &Console) -> Option<Brief> {
    console.left.iter().find_map(|effect| match effect {
        Effect::Releases(Command::Create { entries, .. }) => match &entries.first()?.body {
            Body::Drafted { brief } => Some((**brief).clone()),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn what_runs_in_the_environment_before_becomes_a_draft_by_one_key() {
    let mut console = console();
    assert_eq!(value(&console, &FieldKey::Version("backend".into())), "1.1.0");
    console.press("ctrl-s");
    let brief = made(&console).expect("nothing was recorded");
    assert_eq!(brief.versions, [("backend".into(), "1.1.0".to_owned())]);
    assert_eq!((brief.environment.as_str(), brief.kind, brief.author.as_str()), ("production", Kind::Standard, "ana"));
    assert_eq!(brief.title, "backend 1.1.0 to production", "an empty title says what it is");
    assert_eq!(brief.strategies, ["rolling"]);
    assert!(console.model.overlay.is_none());
    assert!(matches!(console.model.nav.screen(), Screen::Release(_)));
}

#[test]
fn a_key_held_down_or_a_click_never_sends_it() {
    let mut console = console();
    for key in ["ctrl-s", "enter"] {
        for _ in 0..20 {
            console.key(key, true);
        }
    }
    console.model.regions.add(Rect::new(0, 5, 80, 1), Hit::ListRow(1));
    for _ in 0..3 {
        console.take(Msg::Input(Input::Mouse { kind: MouseKind::Click, column: 3, row: 5 }));
    }
    assert!(made(&console).is_none());
    // The first click moves there, each after it takes the next of the three kinds.
    assert_eq!(form(&console).kind(), Kind::Emergency);
}

#[test]
fn what_is_wrong_stands_at_its_field_and_nothing_leaves() {
    let mut console = console();
    console.press("down right right");
    assert_eq!(form(&console).kind(), Kind::Emergency);
    console.press("ctrl-s");
    assert!(made(&console).is_none());
    let under = &form(&console).fields[form(&console).cursor];
    assert_eq!((&under.key, under.error.as_deref()), (&FieldKey::Criterion, Some("an emergency names its criterion")));
    console.press("o u t");
    assert_eq!(value(&console, &FieldKey::Criterion), "out");
    console.press("ctrl-s");
    assert_eq!(made(&console).and_then(|brief| brief.criterion).as_deref(), Some("out"));
}

#[test]
fn a_version_that_is_no_tag_is_told_before_it_is_recorded() {
    let mut console = console();
    console.press("space x ctrl-s");
    assert!(made(&console).is_none());
    assert!(form(&console).fields[0].error.as_deref().is_some_and(|why| why.contains("a version as")));
}

#[test]
fn keys_of_other_screens_and_pasted_text_are_text() {
    let mut console = console();
    console.press("tab tab q k ?");
    console.take(Msg::Input(Input::Paste("uick fix\nsecond line".into())));
    assert_eq!(value(&console, &FieldKey::Title), "qk?uick fix");
    assert!(!console.model.quitting);
    console.press("esc");
    assert!(console.model.overlay.is_none() && made(&console).is_none());
}

#[test]
fn fields_that_do_not_matter_for_a_kind_are_not_sent() {
    let mut console = console();
    let at = |console: &Console, key: &FieldKey| form(console).fields.iter().position(|field| field.key == *key).unwrap();
    let (audience, criterion) = (at(&console, &FieldKey::Audience), at(&console, &FieldKey::Criterion));
    let Some(Overlay::Form(open)) = &mut console.model.overlay else { panic!("no form is open") };
    open.fields[audience].input = "everybody".into();
    open.fields[criterion].input = "outage".into();
    console.press("ctrl-s");
    let brief = made(&console).expect("nothing was recorded");
    assert_eq!((brief.audience.as_str(), brief.criterion), ("everybody", None), "a standard release has no criterion");
}
