//! Safety rules 1, 2, 4, 5, 6 and 9: what leaves the console, and what does not.

use rolldeck::app::effect::Effect;
use rolldeck::app::model::Writing;
use rolldeck::app::model::dialog::Stage;
use rolldeck::app::msg::Msg;
use rolldeck::domain::change::{ChangeError, Expect};
use rolldeck::domain::verb::{Order, Refusal, Verb};
use rolldeck::port::terminal::Input;
use rolldeck::port::{Link, records};

use super::fixture::{Console, accepted, at, id, rollout, shipped, under_way};

/// The whole of a ship in an open environment up to the dialog.
fn ship(console: &mut Console, environment: &str) {
    console.press("s 1 . 1 . 0 enter");
    assert_eq!(console.asked().last(), Some(&&Order::Ship { container: Some("web".into()), image: "lab/web:1.1.0".into() }));
    console.rehearse(environment, 1, Expect::Image { image: "lab/web:1.1.0".into(), track: None });
}

#[test]
fn no_key_of_a_verb_sends_anything_but_a_question() {
    let mut console = Console::live();
    console.tell(under_way("development", 1));
    console.open("development");
    for key in ["p", "P", "space", "x", "t", "b", "R", "X"] {
        console.press(key);
        console.press("esc");
        if console.model.open_rollout().is_none() {
            console.press("enter");
        }
    }
    assert_eq!(console.sent(), 0);
    assert!(console.recorded().is_empty());
    assert!(console.asked().contains(&&Order::Hold));
    assert!(console.asked().contains(&&Order::Abort));
}

#[test]
fn verbs_do_nothing_on_the_deck() {
    let mut console = Console::live();
    console.press("space");
    console.press("x");
    console.press("s");
    assert!(console.asked().is_empty());
    assert!(console.model.overlay.is_none());
}

#[test]
fn a_held_down_key_and_pasted_text_order_nothing() {
    let mut console = Console::live();
    console.tell(under_way("development", 1));
    console.open("development");
    console.key("space", true);
    console.key("x", true);
    console.take(Msg::Input(Input::Paste("x y\n".into())));
    assert!(console.asked().is_empty());

    console.press("space");
    console.rehearse("development", 1, Expect::Held(true));
    console.key("y", true);
    console.key("enter", true);
    assert!(console.recorded().is_empty(), "a key that is still held down confirms nothing");
}

#[test]
fn an_open_environment_takes_one_key_and_a_guarded_one_has_cancel_focused() {
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.press("enter");
    assert_eq!(console.recorded().len(), 1);

    let mut console = Console::live();
    console.open("staging");
    ship(&mut console, "staging");
    console.press("enter");
    assert!(console.recorded().is_empty(), "Cancel was focused");
    ship(&mut console, "staging");
    console.press("y");
    assert_eq!(console.recorded().len(), 1);
}

#[test]
fn a_protected_environment_wants_the_services_name_typed() {
    let mut console = Console::live();
    console.open("production");
    ship(&mut console, "production");
    console.press("y");
    console.press("enter");
    assert!(console.recorded().is_empty(), "`y` is no name");
    console.press("backspace b a c k e n d enter");
    assert_eq!(console.recorded().len(), 1);
}

#[test]
fn a_way_back_in_a_protected_environment_takes_one_confirm_and_no_name() {
    let mut console = Console::live();
    console.tell(under_way("production", 1));
    console.open("production");
    console.press("x");
    console.rehearse("production", 1, Expect::Image { image: "lab/web:1.0.0".into(), track: None });
    console.press("y");
    assert_eq!(console.recorded().len(), 1);
}

#[test]
fn enter_pressed_twice_writes_once() {
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.press("enter");
    console.press("enter");
    console.journal(Ok(()));
    console.press("enter");
    assert_eq!(console.sent(), 1);
    assert_eq!(console.recorded().len(), 1);
}

#[test]
fn another_order_waits_until_the_first_is_sent_but_a_way_back_does_not() {
    let mut console = Console::live();
    console.tell(under_way("development", 1));
    console.open("development");
    console.press("R");
    console.rehearse("development", 1, Expect::Done);
    console.press("enter");
    console.press("s");
    assert!(console.notice().contains("on its way"), "{}", console.notice());
    console.press("x");
    assert!(matches!(console.stage(), Some(Stage::Asking { .. })));
}

#[test]
fn what_moved_under_the_dialog_is_said_and_nothing_is_sent() {
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    let mut moved = rollout("development", 2);
    moved.changed = Some(("kubectl-set".into(), at(0)));
    console.tell(moved);
    let Some(Stage::Moved(sentence)) = console.stage() else { panic!("{:?}", console.stage()) };
    assert!(sentence.contains("generation 1 to generation 2") && sentence.contains("kubectl-set"), "{sentence}");
    assert!(console.recorded().is_empty());
    // Enter reads it again instead of sending.
    let asked = console.asked().len();
    console.press("enter");
    assert_eq!(console.asked().len(), asked + 1);
    assert!(console.recorded().is_empty());
}

#[test]
fn a_guard_that_fails_on_the_server_reopens_the_dialog_with_what_moved() {
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.press("enter");
    console.journal(Ok(()));
    console.answer(Err(ChangeError::Moved {
        what: vec!["image went from a to b".into()],
        by: Some("kubectl-set".into()),
        at: Some(at(3)),
    }));
    let Some(Stage::Moved(sentence)) = console.stage() else { panic!("{:?}", console.stage()) };
    assert!(sentence.contains("image went from a to b") && sentence.contains("kubectl-set"), "{sentence}");
    assert_eq!(console.sent(), 1);
}

#[test]
fn a_late_answer_to_a_closed_dialog_opens_nothing() {
    let mut console = Console::live();
    console.open("development");
    console.press("s 1 . 1 . 0 enter");
    console.press("esc");
    console.rehearse("development", 1, Expect::Done);
    assert!(console.model.overlay.is_none());
}

#[test]
fn stale_data_stops_a_ship_and_no_way_back() {
    let mut console = Console::live();
    console.tell(under_way("production", 1));
    console.open("production");
    console.pass(16, false);
    assert!(matches!(console.model.can(&id("production"), Verb::Ship), Err(Refusal::Stale { .. })));
    for verb in [Verb::Hold, Verb::Abort, Verb::RollBack] {
        assert_eq!(console.model.can(&id("production"), verb), Ok(()), "{verb}");
    }
    console.pass(1, true);
    assert_eq!(console.model.can(&id("production"), Verb::Ship), Ok(()));
}

#[test]
fn a_lost_link_stops_a_ship_and_no_way_back() {
    let mut console = Console::live();
    console.tell(under_way("production", 1));
    console.link(Link::Retrying { why: "connection refused".into(), next: at(5) });
    assert!(matches!(console.model.can(&id("production"), Verb::Ship), Err(Refusal::LinkDown { .. })));
    assert_eq!(console.model.can(&id("production"), Verb::Abort), Ok(()));
    assert!(console.model.rollout(&id("production")).is_some(), "the last good data stays");
}

#[test]
fn staleness_that_comes_while_the_dialog_stands_still_refuses() {
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.pass(20, false);
    console.press("enter");
    assert!(console.recorded().is_empty());
    assert!(matches!(console.stage(), Some(Stage::Refused(why)) if why.contains("old")), "{:?}", console.stage());
}

#[test]
fn a_missing_right_greys_the_key_and_names_the_right() {
    let mut console = Console::live();
    let mut told = rollout("development", 1);
    told.capabilities.refuse(Verb::Ship, Refusal::NoRight { right: "patch deployments in development".into() });
    console.tell(told);
    console.open("development");
    console.press("s");
    assert!(console.model.overlay.is_none());
    assert!(console.notice().contains("you may not patch deployments in development"), "{}", console.notice());
}

#[test]
fn a_provisional_plan_writes_nothing_until_armed_and_ten_minutes_later_again_nothing() {
    let mut console = Console::live();
    console.model.writing = Writing::Locked("no plan".into());
    std::sync::Arc::make_mut(&mut console.model.plan).provisional = true;
    assert!(matches!(console.model.can(&id("development"), Verb::Ship), Err(Refusal::ReadOnly { .. })));
    console.press("f9");
    assert_eq!(console.model.can(&id("development"), Verb::Ship), Ok(()));
    console.pass(601, true);
    assert!(matches!(console.model.can(&id("development"), Verb::Ship), Err(Refusal::ReadOnly { .. })));
}

#[test]
fn quit_works_from_everywhere_before_anything_has_answered() {
    for keys in ["q", "ctrl-c", "? ctrl-c", ": ctrl-c", "/ ctrl-c", "enter q"] {
        let mut console = Console::started();
        console.press(keys);
        assert!(console.left.iter().any(|effect| matches!(effect, Effect::Quit)), "{keys}");
    }
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.press("ctrl-c");
    assert!(console.model.quitting);
    assert!(console.recorded().is_empty());
}

#[test]
fn the_outcome_is_what_is_observed_and_not_the_200() {
    use rolldeck::domain::journal::{Body, OutcomeKind};
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.press("enter");
    console.journal(Ok(()));
    console.answer(Ok(accepted(2)));
    let outcomes = |console: &Console| console.recorded().iter().filter(|body| matches!(body, Body::Outcome { .. })).count();
    assert_eq!(outcomes(&console), 0);
    // A snapshot from before the change says nothing, though it says "done".
    console.tell(rollout("development", 1));
    assert_eq!(outcomes(&console), 0);
    console.tell(under_way("development", 2));
    assert_eq!(outcomes(&console), 0);
    console.tell(shipped("development", 2));
    assert!(matches!(console.recorded().last(), Some(Body::Outcome { result: OutcomeKind::Met, .. })));
    assert!(console.model.jobs.list.is_empty());
}

#[test]
fn what_the_server_did_not_answer_is_in_doubt_until_it_is_seen() {
    use rolldeck::domain::journal::{Body, OutcomeKind};
    let mut console = Console::live();
    console.open("development");
    ship(&mut console, "development");
    console.press("enter");
    console.journal(Ok(()));
    console.answer(Err(ChangeError::InDoubt("timed out after 10 s".into())));
    assert!(console.notice().contains("in doubt"), "{}", console.notice());
    assert_eq!(console.sent(), 1, "nothing is sent again by itself");
    console.tell(shipped("development", 2));
    assert!(matches!(console.recorded().last(), Some(Body::Outcome { result: OutcomeKind::Met, .. })));
}

#[test]
fn the_journal_probe_brings_writes_back() {
    let mut console = Console::live();
    console.take(Msg::Records(records::Event::Writable(Err("no space left on device".into()))));
    assert!(matches!(console.model.can(&id("development"), Verb::Ship), Err(Refusal::JournalUnwritable { .. })));
    console.pass(5, true);
    assert!(console.left.iter().any(|effect| matches!(effect, Effect::Records(records::Command::Probe))));
    console.take(Msg::Records(records::Event::Writable(Ok(()))));
    assert_eq!(console.model.can(&id("development"), Verb::Ship), Ok(()));
}

#[test]
fn a_request_that_only_tests_does_not_keep_the_outcome_from_being_seen() {
    use rolldeck::domain::journal::{Body, OutcomeKind};
    use rolldeck::domain::object::Part;
    let mut console = Console::live();
    let router = rolldeck::domain::object::ObjectRef {
        part: Part::Router,
        kind: "Service".into(),
        name: "front".into(),
        ..super::fixture::object("development", 1)
    };
    let told = |generation, wanted| {
        let mut told = rollout("development", generation);
        told.objects.push(router.clone());
        told.counts.wanted = wanted;
        (told.counts.total, told.counts.ready) = (wanted, wanted);
        told
    };
    console.tell(told(1, 3));
    console.open("development");
    console.press("z backspace 0 enter");
    let Some(order) = console.asked().last().map(|order| (*order).clone()) else { panic!("nothing was asked") };
    let request = |object| rolldeck::domain::change::Request {
        purpose: "test".into(),
        method: "PATCH".into(),
        path: "/".into(),
        content_type: "application/json-patch+json".into(),
        body: "[]".into(),
        object,
        then: None,
    };
    console.preview(Ok(Box::new(rolldeck::domain::change::Preview {
        rollout: id("development"),
        order,
        requests: vec![request(router.clone()), request(super::fixture::object("development", 1))],
        diff: Vec::new(),
        from: None,
        to: None,
        leads_to: Vec::new(),
        warnings: Vec::new(),
        expect: Expect::Replicas { track: None, replicas: 0 },
        read_at: at(0),
        rehearsed: true,
    })));
    console.press("enter");
    console.journal(Ok(()));
    console.answer(Ok(accepted(2)));
    console.tell(told(2, 0));
    assert!(matches!(console.recorded().last(), Some(Body::Outcome { result: OutcomeKind::Met, .. })), "{:?}", console.recorded());
}
