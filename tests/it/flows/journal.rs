//! Safety rules 3 and 6 at the journal: intent before request, way back without it, in doubt after a crash.

use rolldeck::app::effect::Effect;
use rolldeck::app::msg::Msg;
use rolldeck::domain::change::Expect;
use rolldeck::domain::journal::{Body, Entry, Intent, OutcomeKind};
use rolldeck::domain::revision::Proof;
use rolldeck::domain::verb::Order;
use rolldeck::port::engine::Command;
use rolldeck::port::records;

use super::fixture::{Console, accepted, at, id, rollout, shipped, under_way};

fn held(environment: &str, generation: u64) -> rolldeck::domain::rollout::Rollout {
    let mut rollout = under_way(environment, generation);
    rollout.held = Some(rolldeck::domain::rollout::Held { since: None, by: None });
    rollout
}

fn restart(console: &mut Console) {
    console.press("R");
    console.rehearse("development", 1, Expect::Done);
    console.press("enter");
}

#[test]
fn nothing_is_sent_before_its_intent_is_on_disk() {
    let mut console = Console::live();
    console.open("development");
    restart(&mut console);
    assert!(matches!(console.recorded()[..], [Body::Intent(_)]));
    assert_eq!(console.sent(), 0);
    console.journal(Ok(()));
    assert_eq!(console.sent(), 1);
}

#[test]
fn an_unwritable_journal_stops_a_restart_with_the_reason() {
    let mut console = Console::live();
    console.open("development");
    restart(&mut console);
    console.journal(Err("no space left on device".into()));
    assert_eq!(console.sent(), 0);
    assert!(console.notice().contains("no space left on device"), "{}", console.notice());
    assert!(console.model.jobs.list.is_empty());
}

#[test]
fn a_way_back_goes_out_unrecorded_when_the_journal_cannot_be_written() {
    let mut console = Console::live();
    console.tell(under_way("production", 1));
    console.take(Msg::Records(records::Event::Writable(Err("no space left on device".into()))));
    console.open("production");
    console.pass(20, false);
    console.left.clear();
    console.press("space");
    console.rehearse("production", 1, Expect::Held(true));
    console.press("y");
    assert_eq!(console.sent(), 1, "with the journal unwritable and the data stale, after one confirm");
    let note = console
        .left
        .iter()
        .find_map(|effect| if let Effect::Engine(_, Command::Execute { note, .. }) = effect { Some(note) } else { None });
    assert!(note.unwrap().text.contains("unrecorded"));
    assert!(console.recorded().is_empty());
}

#[test]
fn a_way_back_does_not_wait_for_a_journal_that_hangs() {
    let mut console = Console::live();
    console.tell(under_way("development", 1));
    console.open("development");
    console.press("space");
    console.rehearse("development", 1, Expect::Held(true));
    console.press("enter");
    assert_eq!(console.sent(), 0);
    console.pass(3, true);
    assert_eq!(console.sent(), 1);

    let mut console = Console::live();
    console.open("development");
    restart(&mut console);
    console.pass(11, true);
    assert_eq!(console.sent(), 0);
    assert!(console.notice().contains("not sent"), "{}", console.notice());
    console.journal(Ok(()));
    assert_eq!(console.sent(), 0, "an answer that comes too late sends nothing");
}

fn intent(console: &str, order: Order, expect: Expect) -> Entry {
    let intent = Intent { rollout: id("development"), order, from: None, to: None, requests: Vec::new(), expect, reason: None };
    Entry { at: at(-60), actor: "li".into(), console: console.into(), op: "op-1".into(), body: Body::Intent(Box::new(intent)) }
}

#[test]
fn after_a_crash_an_intent_without_outcome_is_in_doubt_and_is_not_sent_again() {
    let mut console = Console::live();
    let entry = intent("here:99", Order::Hold, Expect::Held(true));
    console.take(Msg::Records(records::Event::Loaded {
        entries: vec![entry],
        problems: vec!["line 3 is cut off".into()],
        live: Vec::new(),
    }));
    assert_eq!(console.model.jobs.in_doubt().count(), 1);
    console.tell(held("development", 2));
    console.pass(30, true);
    assert_eq!(console.sent(), 0);
    console.left.clear();
    console.press("f5");
    assert!(matches!(console.recorded()[..], [Body::Outcome { result: OutcomeKind::Met, .. }]), "{:?}", console.recorded());
    assert_eq!(console.model.jobs.in_doubt().count(), 0);
}

#[test]
fn an_open_operation_of_a_console_that_lives_is_not_in_doubt() {
    let mut console = Console::live();
    let entry = intent("here:99", Order::Hold, Expect::Held(true));
    console.take(Msg::Records(records::Event::Loaded { entries: vec![entry], problems: Vec::new(), live: vec!["here:99".into()] }));
    assert_eq!(console.model.jobs.in_doubt().count(), 0);
}

#[test]
fn a_revision_that_the_journal_saw_finish_is_proven() {
    let mut console = Console::live();
    console.open("development");
    console.press("s 1 . 1 . 0 enter");
    console.rehearse("development", 1, Expect::Image { image: "lab/web:1.1.0".into(), track: None });
    console.press("enter");
    console.journal(Ok(()));
    console.answer(Ok(accepted(2)));
    console.tell(shipped("development", 2));
    // Later it is an old revision without instances, of which the engine knows nothing.
    let mut later = rollout("development", 3);
    later.revisions[1].images[0].image = "lab/web:1.1.0".into();
    console.tell(later);
    let told = console.model.rollout(&id("development")).unwrap();
    assert!(matches!(told.revisions[1].proof, Proof::Recorded(_)), "{:?}", told.revisions[1].proof);
}
