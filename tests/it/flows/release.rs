//! Releases by keys: ticks, approvals, checks, the gate at every verb, the begin on the record, armed starts. The store is
//! played by folding what is appended.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use rolldeck::app::action::Action;
use rolldeck::app::catalogue;
use rolldeck::app::effect::Effect;
use rolldeck::app::model::dialog::Stage;
use rolldeck::app::model::nav::Screen;
use rolldeck::app::model::releases::{Bond, bond};
use rolldeck::app::msg::Msg;
use rolldeck::domain::change::Expect;
use rolldeck::domain::id::{EnvironmentName, ReleaseId};
use rolldeck::domain::release::approval::Rule;
use rolldeck::domain::release::checklist::{Command, Item, Stage as Checklist, Task, Verdict};
use rolldeck::domain::release::policy::{Need, OnClose, Policy};
use rolldeck::domain::release::record::{Body, Entry, Record};
use rolldeck::domain::release::{Bound, Brief, Kind, Phase, Voucher, machine};
use rolldeck::domain::verb::{Capabilities, Order, Refusal, Verb};
use rolldeck::domain::window::Freeze;
use rolldeck::port::check;
use rolldeck::port::releases::{Access, Command as Ask, Event, Failure};

use super::fixture::{Console, at, id, rollout, shipped, under_way};

const RELEASE: &str = "r1";

fn item(name: &str, task: Task) -> Item {
    Item {
        id: name.into(),
        title: name.into(),
        category: "Code quality".into(),
        stage: Checklist::Before,
        task,
        fresh: None,
        kinds: Vec::new(),
        classes: Vec::new(),
        required: true,
    }
}

fn command() -> Task {
    let time_limit = SignedDuration::from_secs(5);
    Task::Command(Command { run: vec!["true".into()], time_limit, variables: Vec::new(), folder: None })
}

/// One manual item and ben's approval.
fn policy() -> Policy {
    let rule = Rule { role: "technical".into(), count: 1, kinds: Vec::new(), strategies: Vec::new(), classes: Vec::new(), expires: None };
    Policy {
        need: Need::Required,
        items: vec![item("reviewed", Task::Manual)],
        approvals: vec![rule],
        roles: BTreeMap::from([("technical".into(), vec!["ana".into(), "ben".into()])]),
        fingerprint: "plan".into(),
        ..Policy::default()
    }
}

fn brief(version: &str) -> Brief {
    Brief {
        environment: "development".into(),
        versions: vec![("backend".into(), version.into())],
        kind: Kind::Standard,
        title: "a release".into(),
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
    }
}

/// The store, which takes each entry by the machine.
struct Store {
    record: Record,
}

impl Store {
    fn with(version: &str) -> Self {
        let brief = Box::new(brief(version));
        let entry =
            Entry { at: at(0), actor: "ana".into(), voucher: Voucher::System, console: "here:1".into(), body: Body::Drafted { brief } };
        Self { record: Record::new(RELEASE.into(), vec![entry]) }
    }

    fn tell(&self, console: &mut Console) {
        let environment: EnvironmentName = "development".into();
        console.take(Msg::Releases(Event::Record { environment, record: Box::new(self.record.clone()) }));
    }

    /// Takes what the first console asked for, tells every one of the record, and answers; again until nothing is asked.
    fn serve(&mut self, consoles: &mut [&mut Console]) {
        loop {
            let mut any = false;
            for asker in 0..consoles.len() {
                let asked = asked(consoles[asker]);
                for (seq, entries) in asked {
                    any = true;
                    let mut ahead = machine::fold(&self.record).unwrap();
                    let taken = entries.iter().try_for_each(|entry| machine::take(&mut ahead, entry.clone()));
                    let result = taken.map_err(|message| Failure { message, in_doubt: false });
                    if result.is_ok() {
                        self.record.entries.extend(entries);
                        for console in consoles.iter_mut() {
                            self.tell(console);
                        }
                    }
                    consoles[asker].take(Msg::Releases(Event::Appended { seq, release: RELEASE.into(), result }));
                }
            }
            if !any {
                return;
            }
        }
    }

    fn phase(&self) -> Phase {
        machine::fold(&self.record).unwrap().phase
    }
}

/// Returns what waits for the store, and takes it away.
fn asked(console: &mut Console) -> Vec<(rolldeck::port::Seq, Vec<Entry>)> {
    let mut asked = Vec::new();
    console.left.retain(|effect| match effect {
        Effect::Releases(Ask::Append { seq, entries, .. } | Ask::Create { seq, entries, .. }) => {
            asked.push((*seq, entries.clone()));
            false
        }
        _ => true,
    });
    asked
}

fn console(user: &str, name: &str, policy: &Policy) -> Console {
    let mut console = Console::live();
    let mut plan = (*console.model.plan).clone();
    plan.environments[0].policy = Arc::new(policy.clone());
    console.model.plan = Arc::new(plan);
    console.model.user = user.into();
    console.model.console = name.into();
    console.take(Msg::Releases(Event::Access { environment: "development".into(), access: Access::Writable }));
    console.left.clear();
    console
}

/// A console on a release's screen, and its store.
fn opened(policy: &Policy) -> (Console, Store) {
    let mut ana = console("ana", "here:1", policy);
    let store = Store::with("1.1.0");
    store.tell(&mut ana);
    ana.press("c");
    assert_eq!(ana.model.nav.screen(), &Screen::Release(RELEASE.into()));
    (ana, store)
}

fn now(console: &Console) -> Phase {
    console.model.releases.get(&ReleaseId::from(RELEASE)).unwrap().phase
}

/// Ticked by ana, approved by ben in a console of his own.
fn ready(policy: &Policy) -> (Console, Store) {
    let (mut ana, mut store) = opened(policy);
    let mut ben = console("ben", "there:2", policy);
    store.tell(&mut ben);
    ana.press("A");
    store.serve(&mut [&mut ana, &mut ben]);
    ana.press("space");
    store.serve(&mut [&mut ana, &mut ben]);
    ben.press("c a l g t m enter");
    store.serve(&mut [&mut ana, &mut ben]);
    (ana, store)
}

fn bodies(store: &Store, wanted: impl Fn(&Body) -> bool) -> usize {
    store.record.entries.iter().filter(|entry| wanted(&entry.body)).count()
}

#[test]
fn a_release_is_announced_ticked_approved_by_another_and_the_gate_opens() {
    let (ana, store) = ready(&policy());
    assert_eq!(now(&ana), Phase::Ready, "{:?}", ana.notice());
    assert_eq!(bodies(&store, |body| *body == Body::Opened), 1, "two consoles saw it, one wrote it");
    assert!(ana.model.can(&id("development"), Verb::Ship).is_ok());
}

#[test]
fn the_author_approves_nothing_of_their_own() {
    let (mut ana, mut store) = opened(&policy());
    ana.press("A");
    store.serve(&mut [&mut ana]);
    let refusal = catalogue::available(&ana.model, Action::Approve).unwrap_err();
    assert_eq!(refusal.to_string(), "you may not approve your own release");
}

#[test]
fn a_tick_that_is_on_its_way_is_not_sent_twice() {
    let (mut ana, mut store) = opened(&policy());
    ana.press("A");
    store.serve(&mut [&mut ana]);
    ana.press("space space space");
    let sent = asked(&mut ana);
    assert_eq!(sent.len(), 1);
    let failure = Failure { message: "conflict".into(), in_doubt: true };
    ana.take(Msg::Releases(Event::Appended { seq: sent[0].0, release: RELEASE.into(), result: Err(failure) }));
    assert!(ana.notice().contains("may be recorded or not"), "{}", ana.notice());
}

#[test]
fn a_shut_gate_stands_at_the_keys_that_begin_and_at_no_way_back() {
    let mut shut = policy();
    shut.on_close = OnClose::Back;
    shut.calendar.freezes.push(Freeze { from: at(-60), until: at(600), reason: "sale".into(), by: "cto".into() });
    let mut ana = console("ana", "here:1", &shut);
    let mut moving = under_way("development", 1);
    moving.capabilities = Capabilities::offering(&Verb::ALL);
    ana.tell(moving);
    for verb in Verb::ALL {
        let gated = matches!(ana.model.can(&id("development"), verb), Err(Refusal::Gate { .. }));
        let asked = ana.model.gated(&id("development"), verb).is_err();
        assert_eq!(asked, bond(verb) != Bond::Free, "{verb}");
        assert!(!gated || asked, "{verb}");
        if verb.way_back() {
            assert!(ana.model.gated(&id("development"), verb).is_ok() && !gated, "{verb} is locked");
        }
    }
    ana.take(Msg::Releases(Event::Access { environment: "development".into(), access: Access::Unreadable("gone".into()) }));
    for verb in Verb::ALL.into_iter().filter(|verb| verb.way_back()) {
        assert!(ana.model.gated(&id("development"), verb).is_ok(), "{verb} is locked by a store that cannot be read");
    }
}

#[test]
fn without_rules_nothing_asks_a_gate() {
    let ana = console("ana", "here:1", &Policy::default());
    for verb in Verb::ALL {
        assert!(ana.model.gated(&id("development"), verb).is_ok(), "{verb}");
    }
}

#[test]
fn where_a_release_is_needed_a_store_that_cannot_be_read_keeps_the_gate_shut() {
    let mut ana = console("ana", "here:1", &policy());
    ana.take(Msg::Releases(Event::Access { environment: "development".into(), access: Access::Unreadable("refused".into()) }));
    let refusal = ana.model.can(&id("development"), Verb::Ship).unwrap_err();
    assert!(refusal.to_string().contains("cannot be read: refused"), "{refusal}");
}

#[test]
fn another_version_than_the_approved_one_is_refused_in_the_prompt() {
    let (mut ana, _store) = ready(&policy());
    ana.press("esc");
    ana.open("development");
    ana.press("s 9 . 9 . 9 enter");
    assert!(ana.asked().is_empty(), "nothing is even rehearsed");
    ana.press("esc s 1 . 1 . 0 enter");
    assert_eq!(ana.asked().len(), 1);
}

/// A ship of the approved version up to the moment when the store is asked.
fn shipping(console: &mut Console) {
    console.press("s");
    assert!(matches!(console.asked().last(), Some(Order::Ship { .. })), "{}", console.notice());
    console.rehearse("development", 1, Expect::Done);
    console.press("enter");
    console.journal(Ok(()));
}

#[test]
fn no_request_leaves_before_the_record_took_that_the_release_begins() {
    let (mut ana, mut store) = ready(&policy());
    shipping(&mut ana);
    assert_eq!(ana.sent(), 0, "the record has not answered");
    store.serve(&mut [&mut ana]);
    assert_eq!(ana.sent(), 1);
    assert_eq!(store.phase(), Phase::InProgress);
}

#[test]
fn a_begin_that_the_record_refuses_sends_nothing() {
    let (mut ana, mut store) = ready(&policy());
    shipping(&mut ana);
    // Somebody else gave it up in the same moment.
    let entry = Entry {
        at: at(1),
        actor: "ben".into(),
        voucher: Voucher::System,
        console: "there:2".into(),
        body: Body::Aborted { reason: "not today".into() },
    };
    store.record.entries.push(entry);
    store.serve(&mut [&mut ana]);
    assert_eq!(ana.sent(), 0);
    assert!(ana.model.jobs.list.is_empty());
    assert!(ana.model.notices.iter().any(|notice| notice.text.contains("not sent")), "{}", ana.notice());
}

#[test]
fn a_gate_that_shuts_while_the_dialog_stands_refuses_the_confirm() {
    let (mut ana, _store) = ready(&policy());
    ana.press("s");
    ana.rehearse("development", 1, Expect::Done);
    let mut plan = (*ana.model.plan).clone();
    let mut frozen = policy();
    frozen.calendar.freezes.push(Freeze { from: at(-60), until: at(600), reason: "sale".into(), by: "cto".into() });
    plan.environments[0].policy = Arc::new(frozen);
    ana.model.plan = Arc::new(plan);
    ana.press("enter");
    assert!(matches!(ana.stage(), Some(Stage::Refused(why)) if why.contains("sale")), "{:?}", ana.stage());
    assert_eq!(ana.recorded().len(), 0);
}

#[test]
fn a_release_is_validated_when_its_rollouts_are_done_and_taken_back_by_a_way_back() {
    let (mut ana, mut store) = ready(&policy());
    shipping(&mut ana);
    store.serve(&mut [&mut ana]);
    ana.answer(Ok(super::fixture::accepted(2)));
    ana.tell(under_way("development", 2));
    store.serve(&mut [&mut ana]);
    assert_eq!(bodies(&store, |body| matches!(body, Body::Moved { .. })), 1);
    ana.tell(shipped("development", 2));
    store.serve(&mut [&mut ana]);
    assert_eq!(store.phase(), Phase::Verifying);
}

#[test]
fn checks_run_after_the_announcement_and_their_outcome_opens_the_gate() {
    let mut auto = policy();
    auto.items = vec![item("tests", command())];
    auto.approvals.clear();
    let (mut ana, mut store) = opened(&auto);
    ana.press("A");
    store.serve(&mut [&mut ana]);
    let bind = |console: &Console| {
        console.left.iter().rev().find_map(|effect| match effect {
            Effect::Check(_, check::Command::Bind { seq, .. }) => Some(*seq),
            _ => None,
        })
    };
    let bound = |digest: &str| Bound {
        service: "backend".into(),
        image: "lab/web:1.1.0".into(),
        digest: Some(digest.into()),
        source: "runs in staging".into(),
    };
    let seq = bind(&ana).expect("the digests are read first");
    let ran = |console: &Console| {
        console.left.iter().rev().find_map(|effect| match effect {
            Effect::Check(None, check::Command::Run { seq, .. }) => Some(*seq),
            _ => None,
        })
    };
    assert_eq!(ran(&ana), None, "nothing runs for bytes that are not known yet");
    ana.take(Msg::Check(check::Event::Bound { seq, bound: vec![bound("sha256:aa")] }));
    store.serve(&mut [&mut ana]);
    let seq = ran(&ana).expect("the check runs");
    let found = check::Found { verdict: Verdict::Pass, at: at(1), evidence: "exit 0".into(), output: String::new(), link: None };
    ana.take(Msg::Check(check::Event::Finished { seq, found }));
    store.serve(&mut [&mut ana]);
    assert_eq!(now(&ana), Phase::Ready);
    // Somebody pushes the tag again: what was found is of other bytes.
    ana.left.clear();
    ana.pass(301, true);
    let seq = bind(&ana).expect("the digests are read again after a while");
    ana.take(Msg::Check(check::Event::Bound { seq, bound: vec![bound("sha256:bb")] }));
    store.serve(&mut [&mut ana]);
    assert_eq!(now(&ana), Phase::Checking);
    assert!(ana.model.notices.iter().any(|notice| notice.text.contains("other bytes")));
}

/// A start that was armed for a minute from now.
fn armed() -> (Console, Store) {
    let (mut ana, mut store) = ready(&policy());
    ana.press("S i n space 1 m enter");
    ana.rehearse("development", 1, Expect::Done);
    ana.press("enter");
    store.serve(&mut [&mut ana]);
    assert_eq!(ana.sent(), 0);
    assert_eq!(bodies(&store, |body| matches!(body, Body::Scheduled { schedule: Some(_) })), 1, "{}", ana.notice());
    ana.left.clear();
    (ana, store)
}

#[test]
fn an_armed_start_goes_at_its_time_through_the_journal_and_the_record() {
    let (mut ana, mut store) = armed();
    ana.pass(59, true);
    assert!(ana.asked().is_empty());
    ana.pass(2, true);
    assert_eq!(ana.asked().len(), 1, "read again, once");
    ana.rehearse("development", 2, Expect::Done);
    assert_eq!(ana.recorded().len(), 1);
    ana.journal(Ok(()));
    store.serve(&mut [&mut ana]);
    assert_eq!(ana.sent(), 1);
    ana.pass(10, true);
    assert_eq!(ana.sent(), 1, "once");
}

#[test]
fn an_armed_start_whose_gate_shut_does_not_happen_and_says_so() {
    let (mut ana, mut store) = armed();
    let mut plan = (*ana.model.plan).clone();
    let mut frozen = policy();
    frozen.calendar.freezes.push(Freeze { from: at(0), until: at(600), reason: "sale".into(), by: "cto".into() });
    plan.environments[0].policy = Arc::new(frozen);
    ana.model.plan = Arc::new(plan);
    ana.pass(61, true);
    store.serve(&mut [&mut ana]);
    assert_eq!((ana.asked().len(), ana.sent()), (0, 0));
    assert_eq!(bodies(&store, |body| matches!(body, Body::Scheduled { schedule: None })), 1);
    assert!(ana.model.notices.iter().any(|notice| notice.text.contains("did not happen") && notice.text.contains("sale")));
}

#[test]
fn another_console_starts_nothing_that_was_armed_elsewhere() {
    let (_ana, store) = armed();
    let mut ben = console("ben", "there:2", &policy());
    store.tell(&mut ben);
    ben.pass(90, true);
    assert!(ben.asked().is_empty());
}

#[test]
fn a_gate_that_shuts_under_way_holds_the_rollout_once_where_the_plan_says_so() {
    let mut holding = policy();
    holding.on_close = OnClose::Hold;
    let (mut ana, mut store) = ready(&holding);
    shipping(&mut ana);
    store.serve(&mut [&mut ana]);
    ana.answer(Ok(super::fixture::accepted(2)));
    ana.tell(under_way("development", 2));
    store.serve(&mut [&mut ana]);
    ana.left.clear();
    holding.calendar.freezes.push(Freeze { from: at(0), until: at(6000), reason: "sale".into(), by: "cto".into() });
    let mut plan = (*ana.model.plan).clone();
    plan.environments[0].policy = Arc::new(holding);
    ana.model.plan = Arc::new(plan);
    ana.pass(3, true);
    assert_eq!(ana.asked(), [&Order::Hold]);
    ana.rehearse("development", 2, Expect::Held(true));
    ana.journal(Ok(()));
    ana.pass(20, true);
    assert_eq!((ana.asked().len(), ana.sent()), (1, 1), "once");
    store.serve(&mut [&mut ana]);
    assert_eq!(bodies(&store, |body| matches!(body, Body::Shut { .. })), 1);
}

#[test]
fn a_record_that_was_deleted_is_said_and_written_again_by_the_next_key() {
    let (mut ana, mut store) = ready(&policy());
    let before = store.record.entries.len();
    ana.take(Msg::Releases(Event::Gone { environment: "development".into(), release: RELEASE.into() }));
    assert!(ana.notice().contains("deleted from outside"), "{}", ana.notice());
    assert!(ana.model.can(&id("development"), Verb::Ship).is_err(), "its gate is shut");
    ana.pass(30, true);
    assert!(asked(&mut ana).is_empty(), "nothing writes it by itself");
    ana.press("m h i enter");
    let written = asked(&mut ana);
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].1.len(), before + 1, "whole");
    store.record.entries = written[0].1.clone();
    store.tell(&mut ana);
    assert!(ana.model.can(&id("development"), Verb::Ship).is_ok());
    ana.tell(rollout("development", 1));
}
