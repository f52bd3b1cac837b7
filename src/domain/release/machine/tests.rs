//! Each transition, and each refusal.

use crate::domain::release::approval::Choice;
use crate::domain::release::checklist::Verdict;
use crate::domain::release::machine::{begin, fold, take};
use crate::domain::release::record::{Body, Entry, Record};
use crate::domain::release::tests::{OF, after, at, bound, brief, checked, decided, drafted, entry, overridden, prepared, rollout, said};
use crate::domain::release::{Kind, Phase, Release, Schedule};

const PHASES: [Phase; 8] =
    [Phase::Draft, Phase::Checking, Phase::Ready, Phase::InProgress, Phase::Verifying, Phase::Done, Phase::RolledBack, Phase::Aborted];

fn began(second: i64) -> Entry {
    entry(second, Body::Began { rollout: rollout(), op: "op-1".into() })
}

fn schedule(second: i64) -> Body {
    let schedule = Schedule { at: at(second), by: "ana".into(), console: "ana:4711".into(), shown: Vec::new() };
    Body::Scheduled { schedule: Some(Box::new(schedule)) }
}

/// A release in a phase.
fn of(phase: Phase) -> Release {
    let way = [entry(10, Body::Announced), entry(20, Body::Opened), began(30), entry(40, Body::Verifying), entry(50, Body::Finished)];
    let steps = match phase {
        Phase::Draft | Phase::Aborted => 0,
        Phase::Checking => 1,
        Phase::Ready => 2,
        Phase::InProgress | Phase::RolledBack => 3,
        Phase::Verifying => 4,
        Phase::Done => 5,
    };
    let end = match phase {
        Phase::Aborted => Some(entry(60, Body::Aborted { reason: "later".into() })),
        Phase::RolledBack => Some(entry(60, Body::RolledBack { reason: "errors".into() })),
        _ => None,
    };
    let release = after(way.into_iter().take(steps).chain(end));
    assert_eq!(release.phase, phase);
    release
}

/// What an entry makes of each phase, in the order of [`PHASES`]; none: it is refused.
#[test]
fn each_entry_moves_only_the_phases_that_it_may() {
    use Phase::{Aborted as X, Checking as C, Done as F, Draft as D, InProgress as P, Ready as R, RolledBack as B, Verifying as V};
    let rows: [(Entry, [Option<Phase>; 8]); 18] = [
        (entry(99, drafted(brief())), [Some(D), None, None, None, None, None, None, None]),
        (entry(99, bound("sha256:bb")), [Some(D), Some(C), Some(R), None, None, None, None, None]),
        (entry(99, Body::Announced), [Some(C), None, None, None, None, None, None, None]),
        (checked(99, "tests", Verdict::Pass, OF), [None, Some(C), Some(R), Some(P), Some(V), Some(F), Some(B), None]),
        (entry(99, Body::Cleared { item: "tests".into() }), [None; 8]),
        (decided(99, "ben", "technical", Choice::Approve, OF), [None, Some(C), Some(R), None, None, None, None, None]),
        (entry(99, Body::Opened), [None, Some(R), None, None, None, None, None, None]),
        (entry(99, Body::Shut { sentence: "x".into() }), [None, None, Some(C), Some(P), Some(V), None, None, None]),
        (overridden(99, vec!["item tests".into()]), [None, Some(R), Some(R), Some(P), None, None, None, None]),
        (entry(99, schedule(200)), [None, Some(C), Some(R), None, None, None, None, None]),
        (entry(99, Body::Scheduled { schedule: None }), [None; 8]),
        (began(99), [None, None, Some(P), Some(P), None, None, None, None]),
        (entry(99, Body::Verifying), [None, None, None, Some(V), None, None, None, None]),
        (entry(99, Body::Finished), [None, None, None, None, Some(F), None, None, None]),
        (entry(99, Body::RolledBack { reason: "x".into() }), [None, None, None, Some(B), Some(B), Some(B), None, None]),
        (entry(99, Body::Aborted { reason: "x".into() }), [Some(X), Some(X), Some(X), None, None, None, None, None]),
        (
            entry(99, Body::Moved { rollout: rollout(), what: "25 %".into() }),
            [Some(D), Some(C), Some(R), Some(P), Some(V), Some(F), Some(B), Some(X)],
        ),
        (entry(99, Body::Noted { text: "x".into(), log: false }), [Some(D), Some(C), Some(R), Some(P), Some(V), Some(F), Some(B), Some(X)]),
    ];
    for (entry, wanted) in rows {
        for (phase, want) in PHASES.into_iter().zip(wanted) {
            let mut release = of(phase);
            let before = release.clone();
            let taken = take(&mut release, entry.clone());
            assert_eq!(taken.is_ok().then_some(release.phase), want, "{:?} in {phase}: {taken:?}", entry.body);
            match taken {
                Ok(()) => assert_eq!(release.entries.last(), Some(&entry)),
                Err(why) => {
                    assert_eq!(release, before, "refused, and unchanged");
                    assert!(!why.is_empty() && !why.ends_with('.'), "{why}");
                }
            }
        }
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_how_far_the_release_is() {
    let elsewhere = crate::domain::id::RolloutId { service: "frontend".into(), ..rollout() };
    let mut moved = brief();
    moved.environment = "staging".into();
    let mut empty = brief();
    empty.versions.clear();
    let mut twice = brief();
    twice.versions.push(("backend".into(), "2.3.0".into()));
    let mut blank = brief();
    blank.versions[0].1 = " ".into();
    for (phase, entry, why) in [
        (Phase::Done, entry(99, Body::Aborted { reason: "x".into() }), "it has begun or ended: it is done"),
        (Phase::Aborted, began(99), "it cannot begin: it is aborted"),
        (Phase::Draft, entry(99, drafted(moved)), "a release stays in its environment"),
        (Phase::Draft, entry(99, drafted(empty)), "a release of nothing"),
        (Phase::Draft, entry(99, drafted(twice)), "backend stands in the release twice"),
        (Phase::Draft, entry(99, drafted(blank)), "backend has no version"),
        (Phase::Ready, entry(99, Body::Began { rollout: elsewhere, op: "o".into() }), "frontend/backend production is not of this release"),
        (Phase::Checking, overridden(99, Vec::new()), ""),
        (Phase::Checking, entry(99, Body::Noted { text: " ".into(), log: false }), "an empty note"),
        (Phase::Checking, entry(10, Body::Announced), "it is recorded already"),
    ] {
        let said = take(&mut of(phase), entry).err().unwrap_or_default();
        assert_eq!(said, why);
    }
}

#[test]
fn nobody_speaks_for_another() {
    let mut tick = checked(99, "tests", Verdict::Pass, OF);
    tick.actor = "ben".into();
    let mut word = decided(99, "ben", "technical", Choice::Approve, OF);
    word.actor = "mallory".into();
    let mut weak = decided(99, "ben", "technical", Choice::Approve, OF);
    weak.voucher = crate::domain::release::Voucher::System;
    let mut over = overridden(99, Vec::new());
    over.actor = "ben".into();
    for (entry, why) in [
        (tick, "it is by ana, and ben wrote it"),
        (word, "it is by ben, and mallory wrote it"),
        (weak, "the decision is vouched for by the cluster, and its entry is the operating system's word"),
        (over, "it is by ana, and ben wrote it"),
        (said(99, "ben", schedule(200)), "it is by ana, and ben wrote it"),
    ] {
        assert_eq!(take(&mut of(Phase::Checking), entry).unwrap_err(), why);
    }
}

#[test]
fn times_move_only_by_what_they_tell_of() {
    let release = of(Phase::Done);
    assert_eq!((release.announced, release.began, release.ended), (Some(at(10)), Some(at(30)), Some(at(50))));
    let mut release = of(Phase::InProgress);
    take(&mut release, began(35)).unwrap();
    assert_eq!((release.began, release.rollouts.len()), (Some(at(30)), 1), "the first start counts");
    let mut release = of(Phase::Done);
    take(&mut release, entry(70, Body::RolledBack { reason: "an hour later".into() })).unwrap();
    assert_eq!((release.phase, release.ended), (Phase::RolledBack, Some(at(70))));
}

#[test]
fn a_start_that_was_set_is_gone_when_it_began_or_was_given_up() {
    for end in [began(35), entry(35, Body::Aborted { reason: "x".into() }), entry(35, Body::Scheduled { schedule: None })] {
        let mut release = of(Phase::Ready);
        take(&mut release, entry(31, schedule(200))).unwrap();
        assert_eq!(release.schedule.as_ref().map(|schedule| schedule.at), Some(at(200)));
        take(&mut release, end).unwrap();
        assert_eq!(release.schedule, None);
    }
}

#[test]
fn an_override_lapses_with_the_gate_and_with_the_bytes_and_adds_to_the_one_before() {
    let over = |release: &Release| release.overridden.as_ref().map(|over| over.over.clone()).unwrap_or_default();
    let mut release = after([entry(1, bound("sha256:aa")), entry(2, Body::Announced), overridden(3, vec!["item tests".into()])]);
    take(&mut release, overridden(4, vec!["item backup".into()])).unwrap();
    assert_eq!(over(&release), ["item backup", "item tests"]);
    let mut shut = release.clone();
    take(&mut shut, entry(5, Body::Shut { sentence: "x".into() })).unwrap();
    assert_eq!((shut.phase, over(&shut).len()), (Phase::Checking, 0));
    let mut pushed = release.clone();
    take(&mut pushed, entry(5, bound("sha256:bb"))).unwrap();
    assert_eq!(over(&pushed).len(), 0);
    take(&mut release, began(5)).unwrap();
    take(&mut release, entry(6, Body::Shut { sentence: "x".into() })).unwrap();
    assert_eq!((release.phase, over(&release).len()), (Phase::InProgress, 2), "under way it is only told");
    let mut reasonless = overridden(9, Vec::new());
    if let Body::Overridden { over } = &mut reasonless.body {
        over.reason = " ".into();
    }
    assert_eq!(take(&mut release, reasonless).unwrap_err(), "an override has a reason");
}

#[test]
fn a_digest_that_cannot_be_read_just_now_is_still_the_one_that_it_was() {
    let mut release = after([entry(1, bound("sha256:aa"))]);
    assert_eq!(take(&mut release, entry(2, bound(""))).unwrap_err(), "it is bound to these already");
    take(&mut release, entry(3, bound("sha256:bb"))).unwrap();
    assert_eq!(release.fingerprint(), "backend=sha256:bb", "a new push is other bytes");
    let mut newer = brief();
    newer.versions[0].1 = "2.3.0".into();
    take(&mut release, entry(4, drafted(newer))).unwrap();
    assert_eq!(release.fingerprint(), "backend=2.3.0", "another version is bound to nothing yet");
}

#[test]
fn whoever_changes_the_brief_is_an_author_too_and_takes_nobodys_place() {
    let mut changed = brief();
    changed.author = "ben".into();
    let release = after([said(1, "ben", drafted(changed))]);
    assert_eq!(release.brief.author.as_str(), "ana");
    assert!(release.wrote(&"ana".into()) && release.wrote(&"ben".into()) && !release.wrote(&"cleo".into()));
}

#[test]
fn an_emergency_is_announced_with_its_criterion() {
    let mut brief = brief();
    brief.kind = Kind::Emergency;
    let mut release = begin("r".into(), entry(0, drafted(brief.clone()))).unwrap();
    assert_eq!(take(&mut release, entry(1, Body::Announced)).unwrap_err(), "an emergency names its criterion");
    brief.criterion = Some("data loss".into());
    take(&mut release, entry(2, drafted(brief))).unwrap();
    take(&mut release, entry(3, Body::Announced)).unwrap();
}

#[test]
fn a_fold_keeps_aside_what_does_not_fit_and_begins_with_the_first_brief() {
    let mut entries = vec![entry(0, Body::Announced), entry(0, drafted(brief()))];
    entries.extend(prepared());
    entries.push(entry(7, Body::Finished));
    let release = fold(&Record::new("r".into(), entries)).unwrap();
    let why: Vec<&str> = release.rejected.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(why, ["the record does not begin with a brief", "it is not being verified: it is checking"]);
    assert_eq!(release.entries.len(), 7);
    for (entries, why) in [(Vec::new(), "the record is empty"), (vec![entry(0, Body::Announced)], "the record has no brief")] {
        assert_eq!(fold(&Record::new("r".into(), entries)).unwrap_err(), why);
    }
}
