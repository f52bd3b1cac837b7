//! Each thing that keeps the gate shut, its sentence, and what an override reaches.

use jiff::SignedDuration;

use crate::domain::release::approval::Choice;
use crate::domain::release::checklist::Verdict;
use crate::domain::release::gate::{Gate, on_close, verdict};
use crate::domain::release::machine::take;
use crate::domain::release::policy::{Need, OnClose, Policy};
use crate::domain::release::record::{Body, Entry};
use crate::domain::release::tests::{OF, after, at, bound, brief, checked, decided, drafted, entry, overridden, policy, prepared, rollout};
use crate::domain::release::{Kind, Release, machine};
use crate::domain::window::{Calendar, Freeze};

fn began(second: i64) -> Entry {
    entry(second, Body::Began { rollout: rollout(), op: "op-1".into() })
}

/// Frozen from 1,000 to 2,000 seconds, and nothing begins in the 100 before.
fn frozen() -> Calendar {
    let freeze = Freeze { from: at(1_000), until: at(2_000), reason: "the fair".into(), by: "dora".into() };
    Calendar { freezes: vec![freeze], lead: SignedDuration::from_secs(100), ..Calendar::default() }
}

/// What the calendar says; its words are tested where they are made.
fn says(second: i64) -> String {
    frozen().sentence(at(second))
}

fn judged(policy: &Policy, release: &Release, second: i64) -> Gate {
    verdict(policy, Some(release), None, at(second))
}

fn said(gate: &Gate) -> Vec<String> {
    gate.blockers.iter().map(ToString::to_string).collect()
}

#[test]
fn the_gate_opens_when_all_is_passed_and_approved() {
    let gate = judged(&policy(), &after(prepared()), 10);
    assert!(gate.open());
    assert_eq!(gate.sentence(), "open");
    assert_eq!((gate.passed, gate.items, gate.approved, gate.approvals), (2, 2, 2, 2));
}

#[test]
fn each_thing_that_is_missing_is_said() {
    let with = |more: Vec<Entry>| after(prepared().into_iter().chain(more));
    let mut unread = after(prepared());
    unread.problems.push("line 7: no JSON".into());
    for (release, second, want) in [
        (
            after([entry(1, bound("sha256:aa")), entry(2, Body::Announced)]),
            10,
            vec!["open: tests hold", "open: backup hold", "technical approval 0/1", "business approval 0/1"],
        ),
        (with(vec![checked(7, "tests", Verdict::Fail, OF)]), 10, vec!["failed: tests hold"]),
        (with(vec![checked(7, "tests", Verdict::Unknown, OF)]), 10, vec!["unknown: tests hold"]),
        (with(vec![checked(7, "tests", Verdict::Pending, OF)]), 10, vec!["open: tests hold"]),
        (with(vec![]), 605, vec!["stale: backup hold"]),
        (with(vec![decided(7, "ben", "business", Choice::Refuse, OF)]), 10, vec!["refused by ben (business)"]),
        (with(vec![decided(7, "ben", "business", Choice::Withdraw, OF)]), 10, vec!["business approval 0/1"]),
        (
            with(vec![entry(7, bound("sha256:bb"))]),
            10,
            vec!["stale: tests hold", "stale: backup hold", "technical approval 0/1", "business approval 0/1"],
        ),
        (unread, 10, vec!["the record cannot be read whole: line 7: no JSON"]),
        (with(vec![entry(7, Body::Opened), began(8), entry(9, Body::Verifying)]), 10, vec!["the release is verifying"]),
        (with(vec![entry(7, Body::Aborted { reason: "x".into() })]), 10, vec!["the release is aborted"]),
    ] {
        let gate = judged(&policy(), &release, second);
        assert_eq!(said(&gate), want);
        assert!(!gate.open());
        let first = want[0];
        let sentence = if want.len() == 1 { first.to_owned() } else { format!("{first} (and {} more)", want.len() - 1) };
        assert_eq!(gate.sentence(), sentence);
    }
}

#[test]
fn without_a_release_the_need_and_the_calendar_decide() {
    let mut policy = Policy { calendar: frozen(), ..policy() };
    for (need, second, want) in [
        (Need::Optional, 0, vec![]),
        (Need::Optional, 950, vec![says(950)]),
        (Need::Optional, 1_500, vec![says(1_500)]),
        (Need::Optional, 2_000, vec![]),
        (Need::Required, 0, vec!["there is no release: R on the deck makes one".to_owned()]),
    ] {
        policy.need = need;
        assert_eq!(said(&verdict(&policy, None, None, at(second))), want, "at {second}");
    }
}

#[test]
fn a_draft_binds_only_where_a_release_is_needed() {
    let mut policy = policy();
    let draft = after([]);
    assert!(judged(&policy, &draft, 10).open());
    policy.need = Need::Required;
    assert_eq!(said(&judged(&policy, &draft, 10))[0], "the release is draft");
}

#[test]
fn only_the_version_that_was_approved_may_be_shipped() {
    let release = after(prepared());
    let (backend, frontend) = ("backend".into(), "frontend".into());
    for (service, asked, open) in [
        (&backend, "2.2.0", true),
        (&backend, "trixtech/app:2.2.0", true),
        (&backend, "trixtech/app@sha256:aa", true),
        (&backend, "trixtech/app:2.2.0@sha256:aa", true),
        (&backend, "2.3.0", false),
        (&backend, "evil/app:2.2.0", false),
        (&backend, "trixtech/app@sha256:bb", false),
        (&frontend, "2.2.0", false),
    ] {
        let gate = verdict(&policy(), Some(&release), Some((service, asked)), at(10));
        assert_eq!(gate.open(), open, "{service} {asked}: {}", gate.sentence());
        assert!(open || gate.overridable().is_empty(), "no reason goes over that");
    }
}

#[test]
fn an_emergency_waits_for_no_window_but_for_a_freeze_and_its_hour_ends() {
    let mut emergency = brief();
    emergency.kind = Kind::Emergency;
    emergency.criterion = Some("data loss".into());
    let mut policy =
        Policy { calendar: frozen(), criteria: vec!["data loss".into()], items: Vec::new(), approvals: Vec::new(), ..policy() };
    policy.emergency_within = SignedDuration::from_secs(900);
    let mut release = machine::begin("r".into(), entry(0, drafted(emergency))).unwrap();
    take(&mut release, entry(10, Body::Announced)).unwrap();
    assert!(judged(&policy, &release, 905).open(), "within the lead time");
    assert_eq!(said(&judged(&policy, &release, 911)), ["the emergency's time is over"]);
    assert_eq!(said(&judged(&policy, &release, 1_100)), ["the emergency's time is over since 3 min".to_owned(), says(1_100)]);
    release.brief.criterion = Some("boredom".into());
    let gate = judged(&policy, &release, 20);
    assert_eq!(said(&gate), ["an emergency names one of the plan's criteria"]);
    assert!(gate.overridable().is_empty());
}

#[test]
fn an_override_reaches_what_was_open_when_it_was_typed_and_no_more() {
    let policy = Policy { calendar: frozen(), ..policy() };
    let start = [
        entry(1, bound("sha256:aa")),
        entry(2, Body::Announced),
        decided(3, "cleo", "technical", Choice::Approve, OF),
        checked(4, "tests", Verdict::Pass, OF),
    ];
    let mut release = after(start);
    let open = judged(&policy, &release, 950);
    assert_eq!(open.overridable().len(), 3, "an item, an approval, the window: {:?}", open.overridable());
    take(&mut release, overridden(950, open.overridable())).unwrap();
    let gate = judged(&policy, &release, 951);
    assert_eq!((gate.sentence().as_str(), gate.overridden.len()), ("open by override of 3 rules", 3));

    let later = |entry: Entry| {
        let mut release = release.clone();
        take(&mut release, entry).unwrap();
        said(&judged(&policy, &release, 960))
    };
    assert!(later(checked(955, "backup", Verdict::Unknown, OF)).is_empty(), "still not passed");
    assert_eq!(later(checked(955, "backup", Verdict::Fail, OF)), ["failed: backup hold"], "worse than what was gone over");
    assert_eq!(later(checked(955, "tests", Verdict::Pending, OF)), ["open: tests hold"], "it was passed then");
    assert_eq!(later(decided(955, "cleo", "technical", Choice::Withdraw, OF)), ["technical approval 0/1"]);
    assert_eq!(later(decided(955, "dora", "business", Choice::Refuse, OF)), ["refused by dora (business)"]);
    assert_eq!(said(&judged(&policy, &release, 1_000)), [says(1_000)], "the freeze is another closing");
    assert_eq!(later(entry(955, Body::Shut { sentence: "x".into() })).len(), 3, "back to checking, it has lapsed");
}

#[test]
fn a_no_to_these_bytes_is_gone_over_by_nobody() {
    let mut release = after(prepared().into_iter().chain([decided(7, "ben", "business", Choice::Refuse, OF)]));
    let gate = judged(&policy(), &release, 10);
    assert!(gate.overridable().is_empty());
    take(&mut release, overridden(8, gate.blockers.iter().map(super::key).collect())).unwrap();
    assert!(!judged(&policy(), &release, 10).open());
    take(&mut release, decided(9, "ben", "business", Choice::Approve, OF)).unwrap();
    assert!(judged(&policy(), &release, 10).open(), "they take it back themselves");
}

#[test]
fn what_is_under_way_is_not_judged_as_if_it_were_to_begin() {
    let mut two = brief();
    two.versions.push(("frontend".into(), "5.1.0".into()));
    let of = "backend=sha256:aa frontend=5.1.0";
    let mut release = machine::begin("r".into(), entry(0, drafted(two))).unwrap();
    for entry in [
        entry(1, bound("sha256:aa")),
        entry(2, Body::Announced),
        checked(3, "tests", Verdict::Pass, of),
        checked(4, "backup", Verdict::Pass, of),
        decided(5, "cleo", "technical", Choice::Approve, of),
        decided(6, "dora", "business", Choice::Approve, of),
        entry(7, Body::Opened),
        began(8),
    ] {
        take(&mut release, entry).unwrap();
    }
    let mut policy = Policy { calendar: frozen(), on_close: OnClose::Hold, ..policy() };
    policy.approvals[0].expires = Some(SignedDuration::from_secs(300));
    let ask = |policy: &Policy, release: &Release, service: Option<&str>, second: i64| {
        let service = service.map(Into::into);
        verdict(policy, Some(release), service.as_ref().map(|service| (service, release.brief.version(service).unwrap())), at(second))
    };
    for own in [None, Some("backend")] {
        assert!(ask(&policy, &release, own, 800).open(), "what grew old since does not stop it");
        assert_eq!(said(&ask(&policy, &release, own, 1_000)), [says(1_000)]);
    }
    let other = ask(&policy, &release, Some("frontend"), 800);
    assert_eq!(said(&other), ["stale: backup hold", "technical approval 0/1"], "the other service is yet to begin");

    assert_eq!(on_close(&policy, &ask(&policy, &release, None, 800)), None);
    assert_eq!(on_close(&policy, &ask(&policy, &release, None, 1_000)), Some(OnClose::Hold));
    let over = ask(&policy, &release, None, 1_000).overridable();
    take(&mut release, overridden(1_001, over)).unwrap();
    assert_eq!(on_close(&policy, &ask(&policy, &release, None, 1_002)), None, "a typed reason lets it go on");

    take(&mut release, checked(1_003, "tests", Verdict::Fail, of)).unwrap();
    policy.on_close = OnClose::Back;
    assert_eq!(on_close(&policy, &ask(&policy, &release, None, 1_004)), Some(OnClose::Back), "a check turned red");
    policy.on_close = OnClose::Finish;
    let finish = ask(&policy, &release, None, 1_004);
    assert_eq!((finish.open(), finish.sentence().as_str()), (true, "open by override of 1 rule"));
    assert_eq!(finish.told.iter().map(ToString::to_string).collect::<Vec<_>>(), ["failed: tests hold"]);
    assert_eq!(on_close(&policy, &finish), None);
    assert!(!ask(&policy, &release, Some("frontend"), 1_004).open(), "nothing else begins");
    take(&mut release, entry(1_005, Body::Verifying)).unwrap();
    policy.on_close = OnClose::Hold;
    assert_eq!(on_close(&policy, &ask(&policy, &release, None, 2_500)), None, "nothing is under way any more");
}
