//! The name of a release and its fingerprint, and the sample that the tests beside stand on.

use jiff::{SignedDuration, Timestamp};

use super::approval::{Choice, Decision, Rule};
use super::checklist::{Item, Outcome, Stage, Task, Verdict};
use super::policy::Policy;
use super::record::{Body, Entry};
use super::{Bound, Brief, Kind, Override, Release, Voucher, machine};
use crate::domain::id::{ReleaseId, RolloutId};

/// A moment of the sample's evening.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn entry(second: i64, body: Body) -> Entry {
    said(second, "ana", body)
}

pub(super) fn said(second: i64, actor: &str, body: Body) -> Entry {
    Entry { at: at(second), actor: actor.into(), voucher: Voucher::Cluster, console: format!("{actor}:4711"), body }
}

pub(super) fn brief() -> Brief {
    Brief {
        environment: "production".into(),
        versions: vec![("backend".into(), "2.2.0".into())],
        kind: Kind::Standard,
        title: "Seats".into(),
        author: "ana".into(),
        ticket: Some("OPS-12".into()),
        notes: "first line\nsecond | line".into(),
        audience: String::new(),
        duration: Some(SignedDuration::from_mins(40)),
        downtime: None,
        cutover: Some(at(900)),
        contingency: String::new(),
        class: None,
        criterion: None,
        strategies: vec!["canary".into()],
    }
}

pub(super) fn rollout() -> RolloutId {
    RolloutId { environment: "production".into(), service: "backend".into(), workload: "backend".into() }
}

pub(super) fn drafted(brief: Brief) -> Body {
    Body::Drafted { brief: Box::new(brief) }
}

pub(super) fn bound(digest: &str) -> Body {
    let digest = Some(digest).filter(|digest| !digest.is_empty()).map(Into::into);
    Body::Bound {
        bound: vec![Bound { service: "backend".into(), image: "trixtech/app:2.2.0".into(), digest, source: "runs in staging".into() }],
    }
}

/// Somebody ticks an item, or a check of it ends so.
pub(super) fn checked(second: i64, item: &str, verdict: Verdict, of: &str) -> Entry {
    let outcome =
        Outcome { verdict, at: at(second), by: "ana".into(), evidence: String::new(), output: String::new(), link: None, of: of.into() };
    entry(second, Body::Checked { item: item.into(), stage: Stage::Before, outcome: Box::new(outcome) })
}

pub(super) fn decided(second: i64, by: &str, role: &str, choice: Choice, of: &str) -> Entry {
    let decision = Decision {
        at: at(second),
        by: by.into(),
        voucher: Voucher::Cluster,
        role: role.into(),
        choice,
        reason: String::new(),
        of: of.into(),
        plan: "p1".into(),
    };
    said(second, by, Body::Decided { decision: Box::new(decision) })
}

pub(super) fn overridden(second: i64, over: Vec<String>) -> Entry {
    let over = Override { at: at(second), by: "ana".into(), reason: "the bank waits".into(), over };
    entry(second, Body::Overridden { over: Box::new(over) })
}

pub(super) fn item(id: &str, fresh: Option<i64>) -> Item {
    Item {
        id: id.into(),
        title: format!("{id} hold"),
        category: "Code quality".into(),
        stage: Stage::Before,
        task: Task::Manual,
        fresh: fresh.map(SignedDuration::from_secs),
        kinds: Vec::new(),
        classes: Vec::new(),
        required: true,
    }
}

pub(super) fn rule(role: &str, count: u32) -> Rule {
    Rule { role: role.into(), count, kinds: Vec::new(), strategies: Vec::new(), classes: Vec::new(), expires: None }
}

/// Two items and two approvals, of whom ben holds both roles.
pub(super) fn policy() -> Policy {
    let holders = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    Policy {
        items: vec![item("tests", None), item("backup", Some(600))],
        approvals: vec![rule("technical", 1), rule("business", 1)],
        roles: [("technical".into(), holders(&["ana", "ben", "cleo"])), ("business".into(), holders(&["ben", "dora"]))].into(),
        fingerprint: "p1".into(),
        ..Policy::default()
    }
}

/// Takes entries one by one; those that do not fit make the test fail.
pub(super) fn after(entries: impl IntoIterator<Item = Entry>) -> Release {
    let mut release = machine::begin("r".into(), entry(0, drafted(brief()))).unwrap();
    for entry in entries {
        machine::take(&mut release, entry.clone()).unwrap_or_else(|why| panic!("{why}: {entry:?}"));
    }
    release
}

/// What the sample is bound to.
pub(super) const OF: &str = "backend=sha256:aa";

/// Announced, checked, approved.
pub(super) fn prepared() -> Vec<Entry> {
    vec![
        entry(1, bound("sha256:aa")),
        entry(2, Body::Announced),
        checked(3, "tests", Verdict::Pass, OF),
        checked(4, "backup", Verdict::Pass, OF),
        decided(5, "cleo", "technical", Choice::Approve, OF),
        decided(6, "ben", "business", Choice::Approve, OF),
    ]
}

#[test]
fn a_release_has_a_name_that_fits_an_object() {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    for (service, want) in [
        ("backend", "20260102-0304-backend-7f3a"),
        ("Ticket_Office.v2", "20260102-0304-ticket-office-v2-7f3a"),
        ("a-service-with-a-very-long-name-indeed", "20260102-0304-a-service-with-a-ver-7f3a"),
        ("nineteen-and-a-bit--more", "20260102-0304-nineteen-and-a-bit-7f3a"),
        ("漢字", "20260102-0304-release-7f3a"),
        ("--", "20260102-0304-release-7f3a"),
    ] {
        let id = ReleaseId::make(at, &service.into(), 0x7f3a);
        assert_eq!(id.as_str(), want);
        assert!(id.as_str().len() <= 40);
    }
    assert_eq!(ReleaseId::make(at, &"backend".into(), 1).as_str(), "20260102-0304-backend-0001");
}

#[test]
fn the_fingerprint_follows_the_bytes_as_far_as_they_are_known() {
    let mut brief = brief();
    brief.versions.push(("agent".into(), "1.0.0".into()));
    let mut release = machine::begin("r".into(), entry(0, drafted(brief))).unwrap();
    assert_eq!(release.fingerprint(), "agent=1.0.0 backend=2.2.0", "in the order of the names");
    machine::take(&mut release, entry(1, bound(""))).unwrap();
    assert_eq!(release.fingerprint(), "agent=1.0.0 backend=trixtech/app:2.2.0");
    machine::take(&mut release, entry(2, bound("sha256:aa"))).unwrap();
    assert_eq!(release.fingerprint(), "agent=1.0.0 backend=sha256:aa");
    release.brief.versions = (0..99).map(|n| (format!("service-{n}").as_str().into(), "1.0.0".into())).collect();
    let long = release.fingerprint();
    assert!(long.starts_with("99 services=") && long.len() < 100, "{long}");
    release.brief.versions[98].1 = "1.0.1".into();
    assert_ne!(release.fingerprint(), long);
}
