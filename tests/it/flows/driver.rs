//! The driver's lock at the console: what it stops, what it never stops, and what its moves say.

use rolldeck::app::effect::Effect;
use rolldeck::app::model::dialog::{Overlay, Stage};
use rolldeck::app::msg::Msg;
use rolldeck::domain::change::{Answer, ChangeError, Expect};
use rolldeck::domain::driver::{Drive, Holder, Seat, Standing};
use rolldeck::domain::journal::{Body, OutcomeKind};
use rolldeck::domain::plan::EngineKind;
use rolldeck::domain::verb::{Order, Refusal, Verb};
use rolldeck::port::engine::{Command, Event, Telling};

use super::fixture::{Console, accepted, at, id, under_way};

fn holder(name: &str) -> Holder {
    Holder { name: name.into(), console: "there:2".into(), tag: "b".into() }
}

fn theirs(reason: Option<&str>) -> Standing {
    Standing::Theirs { holder: holder("bea"), since: Some(at(0)), reason: reason.map(Into::into), free: None }
}

fn mine() -> Standing {
    Standing::Mine { since: at(0), until: at(1_000), asked: None, told: None }
}

fn free() -> Standing {
    Standing::Free { former: None, since: None }
}

fn lock(console: &mut Console, environment: &str, standing: Standing) {
    let seat = Seat::of(&id(environment));
    console.take(Msg::Engine(EngineKind::Simulated, Event::Lock { seat, standing }));
}

fn told(console: &Console) -> Vec<&Telling> {
    console
        .left
        .iter()
        .filter_map(|effect| if let Effect::Engine(_, Command::Tell { telling, .. }) = effect { Some(telling) } else { None })
        .collect()
}

#[test]
fn what_somebody_else_drives_is_greyed_with_the_name_and_the_ways_back_stay_open() {
    let mut console = Console::live();
    console.tell(under_way("production", 1));
    lock(&mut console, "production", theirs(None));
    console.open("production");
    for verb in [Verb::Ship, Verb::Restart, Verb::Scale] {
        assert_eq!(console.model.can(&id("production"), verb), Err(Refusal::DrivenBy { holder: "bea".into(), since: at(0) }), "{verb}");
    }
    for verb in [Verb::Hold, Verb::Abort, Verb::RollBack] {
        assert_eq!(console.model.can(&id("production"), verb), Ok(()), "{verb}");
    }
    assert_eq!(console.model.can(&id("staging"), Verb::Ship), Ok(()), "a lock is of one environment");
    console.press("s");
    assert!(console.model.overlay.is_none());
    assert!(console.notice().contains("bea drives it since"), "{}", console.notice());
}

#[test]
fn a_way_back_beside_the_driver_goes_through_and_the_driver_is_told() {
    let mut console = Console::live();
    console.tell(under_way("production", 1));
    lock(&mut console, "production", theirs(None));
    console.open("production");
    console.press("x");
    console.rehearse("production", 1, Expect::Image { image: "lab/web:1.0.0".into(), track: None });
    console.press("y");
    console.journal(Ok(()));
    assert!(matches!(console.left.last(), Some(Effect::Engine(_, Command::Execute { driving: false, .. }))));
    assert!(told(&console).is_empty(), "it is not done yet");
    console.answer(Ok(accepted(2)));
    assert_eq!(told(&console), [&Telling::Did("ana aborted backend production".into())]);
}

#[test]
fn a_forward_verb_needs_the_lock_at_the_moment_it_is_sent() {
    let mut console = Console::live();
    lock(&mut console, "development", free());
    console.open("development");
    console.press("R");
    console.rehearse("development", 1, Expect::Done);
    // Between the dialog and the key somebody takes it.
    lock(&mut console, "development", theirs(None));
    console.press("enter");
    assert!(matches!(console.stage(), Some(Stage::Refused(why)) if why.contains("bea drives it")), "{:?}", console.stage());
    assert!(console.recorded().is_empty());
    console.press("esc");

    lock(&mut console, "development", mine());
    console.press("R");
    console.rehearse("development", 1, Expect::Done);
    console.press("enter");
    console.journal(Ok(()));
    assert!(matches!(console.left.last(), Some(Effect::Engine(_, Command::Execute { driving: true, .. }))));
}

#[test]
fn a_race_that_is_lost_ends_as_a_refusal_with_the_name() {
    let mut console = Console::live();
    lock(&mut console, "development", free());
    console.open("development");
    console.press("R");
    console.rehearse("development", 1, Expect::Done);
    console.press("enter");
    console.journal(Ok(()));
    console.answer(Err(ChangeError::Refused(Refusal::DrivenBy { holder: "bea".into(), since: at(0) })));
    assert!(matches!(console.recorded().last(), Some(Body::Outcome { result: OutcomeKind::Refused, seen }) if seen.contains("bea")));
    assert!(console.model.jobs.list.is_empty());
}

#[test]
fn the_key_takes_what_is_free_and_the_outcome_is_the_lock_itself() {
    let mut console = Console::live();
    lock(&mut console, "production", free());
    console.open("production");
    console.press("D");
    assert_eq!(console.asked(), [&Order::Drive { act: Drive::Take }]);
    console.rehearse("production", 1, Expect::Driver { held: true });
    // Who drives changes nothing for the users: no typed name.
    console.press("y");
    console.journal(Ok(()));
    console.answer(Ok(Answer { status: 201, version: "version 7".into(), took_ms: 3 }));
    assert!(matches!(console.recorded().last(), Some(Body::Answered { .. })));
    lock(&mut console, "production", mine());
    assert!(matches!(console.recorded().last(), Some(Body::Outcome { result: OutcomeKind::Met, seen }) if seen == "you drive"));
}

#[test]
fn to_whoever_drives_the_key_asks_and_a_typed_reason_takes_over() {
    let mut console = Console::live();
    lock(&mut console, "production", theirs(None));
    console.open("production");
    console.press("D enter");
    assert_eq!(told(&console), [&Telling::Ask]);
    assert!(console.asked().is_empty());
    console.press("D t r a i n enter");
    let act = Drive::TakeOver { reason: "train".into() };
    assert_eq!(console.asked(), [&Order::Drive { act }]);
    console.rehearse("production", 1, Expect::Driver { held: true });
    console.press("enter");
    assert!(console.recorded().is_empty(), "Cancel was focused");
    console.press("D t r a i n enter");
    console.rehearse("production", 1, Expect::Driver { held: true });
    console.press("y");
    assert!(matches!(console.recorded()[..], [Body::Intent(intent)] if intent.reason.as_deref() == Some("train")));
}

#[test]
fn the_driver_hands_over_to_who_asked_and_else_lets_go() {
    let mut console = Console::live();
    lock(&mut console, "production", mine());
    console.open("production");
    console.press("D");
    assert_eq!(console.asked(), [&Order::Drive { act: Drive::Release }]);
    console.press("esc");
    let asked = Standing::Mine { since: at(0), until: at(1_000), asked: Some(holder("bea")), told: None };
    lock(&mut console, "production", asked.clone());
    assert_eq!(console.notice(), "bea (there:2) asks to drive");
    lock(&mut console, "production", asked);
    assert_eq!(console.model.notices.iter().filter(|notice| notice.text.contains("asks")).map(|notice| notice.times).sum::<u32>(), 1);
    console.press("D");
    assert_eq!(console.asked().last(), Some(&&Order::Drive { act: Drive::HandOver { to: holder("bea") } }));
}

#[test]
fn each_turn_of_the_lock_says_what_it_means_here() {
    let mut driven = theirs(None);
    if let Standing::Theirs { free, .. } = &mut driven {
        *free = Some(at(30));
    }
    let lapsed = || Standing::Lapsed { since: at(20) };
    let note = || Standing::Mine { since: at(0), until: at(1_000), asked: None, told: Some("bea aborted backend production".into()) };
    for (before, now, says) in [
        (mine(), theirs(Some("the train")), "bea took over: the train; this console only watches now"),
        (mine(), theirs(None), "bea drives now; this console only watches"),
        (mine(), lapsed(), "you drive no longer: the lock could not be renewed in time"),
        (lapsed(), mine(), "you drive"),
        (lapsed(), theirs(None), "bea drives now; this console only watches"),
        (mine(), note(), "while you drive: bea aborted backend production"),
        (theirs(None), free(), "bea drives no longer: the lock is free"),
        (
            theirs(None),
            Standing::Expired { holder: holder("bea") },
            "nothing was heard of bea (there:2) for the lock's duration: it is free",
        ),
        (free(), theirs(None), "bea drives now"),
        (theirs(None), driven, ""),
        (Standing::Unknown, theirs(None), ""),
    ] {
        let mut console = Console::live();
        lock(&mut console, "production", before);
        let mut fresh = Console::live();
        std::mem::swap(&mut fresh.model.notices, &mut console.model.notices);
        console.model.notices = rolldeck::app::model::notices::Notices::default();
        lock(&mut console, "production", now);
        assert_eq!(console.notice(), says);
    }
}

#[test]
fn a_lock_that_was_told_of_long_ago_is_not_believed() {
    let mut console = Console::live();
    lock(&mut console, "development", Standing::Mine { since: at(0), until: at(20), asked: None, told: None });
    console.pass(19, true);
    assert_eq!(console.model.can(&id("development"), Verb::Ship), Ok(()));
    console.pass(1, true);
    assert!(console.model.can(&id("development"), Verb::Ship).is_err());
    assert!(!matches!(console.model.overlay, Some(Overlay::Confirm(_))));
}
