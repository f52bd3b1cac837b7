//! Moving between screens, the palette, filters and choosers.

use rolldeck::app::effect::Effect;
use rolldeck::app::model::dialog::Overlay;
use rolldeck::app::model::nav::Screen;
use rolldeck::domain::verb::Order;
use rolldeck::port::engine::Command;

use super::fixture::{Console, id};

#[test]
fn esc_goes_back_screen_by_screen_and_stays_on_the_deck() {
    let mut console = Console::live();
    console.open("staging");
    console.press("l");
    assert_eq!(console.model.nav.screen(), &Screen::Logs(id("staging")));
    console.press("esc");
    assert_eq!(console.model.nav.screen(), &Screen::Rollout(id("staging")));
    console.press("esc");
    console.press("esc");
    assert_eq!(console.model.nav.screen(), &Screen::Deck);
    assert!(!console.model.quitting);
}

#[test]
fn the_open_rollout_alone_is_focused() {
    let mut console = Console::live();
    console.press("enter");
    let focus = |console: &Console| {
        console
            .left
            .iter()
            .filter_map(|effect| if let Effect::Engine(_, Command::Focus(id)) = effect { Some(id.clone()) } else { None })
            .collect::<Vec<_>>()
    };
    assert_eq!(focus(&console), [Some(id("development"))]);
    console.left.clear();
    console.press("l");
    assert!(focus(&console).is_empty(), "its logs are about the same rollout");
    console.press("d");
    assert_eq!(focus(&console), [None]);
}

#[test]
fn the_palette_finds_an_action_and_does_it() {
    let mut console = Console::live();
    console.open("development");
    console.press(": r e s t a r t enter");
    assert_eq!(console.asked(), [&Order::Restart { track: None }]);
}

#[test]
fn the_deck_filter_narrows_and_esc_takes_it_away() {
    let mut console = Console::live();
    console.press("/ x");
    assert!(console.model.shown_services().is_empty());
    console.press("esc");
    assert_eq!(console.model.shown_services().len(), 1);
}

#[test]
fn roll_back_proposes_a_revision_and_asks_for_it_by_name() {
    let mut console = Console::live();
    console.open("development");
    console.press("r");
    assert!(matches!(&console.model.overlay, Some(Overlay::RollBack(choice)) if choice.choices.len() == 1));
    console.press("enter");
    assert_eq!(console.asked(), [&Order::RollBack { to: "backend-1".into() }]);
}

#[test]
fn what_is_typed_wrong_is_said_and_the_prompt_stays() {
    let mut console = Console::live();
    console.open("development");
    console.press("z backspace x enter");
    let Some(Overlay::Prompt(prompt)) = &console.model.overlay else { panic!() };
    assert_eq!(prompt.error.as_deref(), Some("`x` is no number of instances"));
    console.press("backspace 5 enter");
    assert_eq!(console.asked(), [&Order::Scale { track: None, replicas: 5 }]);
}

#[test]
fn on_the_revisions_screen_the_row_under_the_cursor_is_rolled_back_to() {
    let mut console = Console::live();
    console.open("development");
    console.press("v r");
    assert!(console.asked().is_empty(), "the first row is what runs");
    assert!(console.notice().contains("wished now"), "{}", console.notice());
    console.press("down r");
    assert_eq!(console.asked(), [&Order::RollBack { to: "backend-1".into() }]);
}

#[test]
fn a_click_selects_and_a_second_click_opens() {
    use ratatui::layout::Rect;
    use rolldeck::app::msg::Msg;
    use rolldeck::app::regions::Hit;
    use rolldeck::port::terminal::{Input, MouseKind};

    let mut console = Console::live();
    console.model.regions.add(Rect::new(10, 5, 20, 2), Hit::Cell { service: 0, environment: 2 });
    console.model.regions.deck_rows = 5;
    let click = || Msg::Input(Input::Mouse { kind: MouseKind::Click, column: 12, row: 6 });
    console.take(click());
    assert_eq!(console.model.nav.screen(), &Screen::Deck);
    assert_eq!(console.model.nav.deck.environment, 2);
    console.take(click());
    assert_eq!(console.model.nav.screen(), &Screen::Rollout(id("production")));
}
