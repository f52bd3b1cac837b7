//! Whose yes counts, and for what.

use jiff::SignedDuration;

use crate::domain::release::approval::{Choice, Void, may_decide, standing};
use crate::domain::release::policy::Policy;
use crate::domain::release::record::{Body, Entry};
use crate::domain::release::tests::{OF, after, at, bound, brief, decided, drafted, entry, policy, rule, said};
use crate::domain::release::{Kind, Release};

use Choice::{Approve, Refuse, Withdraw};

fn announced(entries: impl IntoIterator<Item = Entry>) -> Release {
    after([entry(1, bound("sha256:aa")), entry(2, Body::Announced)].into_iter().chain(entries))
}

/// `technical 1/1, business 0/1 refused`, and what is void: `ben counts for another role already`.
fn told(policy: &Policy, release: &Release, second: i64) -> (String, Vec<String>) {
    let standings = standing(policy, release, at(second));
    let met = standings
        .iter()
        .map(|standing| {
            let refused = standing.refused.map_or(String::new(), |refused| format!(" refused by {}", refused.by));
            assert!(standing.refused.is_none() || !standing.met());
            format!("{} {}/{}{refused}", standing.rule.role, standing.counted.len(), standing.rule.count)
        })
        .collect::<Vec<_>>()
        .join(", ");
    let void = standings.iter().flat_map(|standing| &standing.void).map(|(decision, void)| format!("{} {}", decision.by, void.words()));
    (met, void.collect())
}

#[test]
fn approvals_count_where_they_are_given_by_who_may_for_what_is_bound() {
    let yes = |second, by: &str, role: &str| decided(second, by, role, Approve, OF);
    let mut other_plan = yes(3, "cleo", "technical");
    if let Body::Decided { decision } = &mut other_plan.body {
        decision.plan = "p0".into();
    }
    for (what, decisions, met, void) in [
        ("none", vec![], "technical 0/1, business 0/1", vec![]),
        ("two", vec![yes(3, "cleo", "technical"), yes(4, "dora", "business")], "technical 1/1, business 1/1", vec![]),
        ("more than needed", vec![yes(3, "cleo", "technical"), yes(4, "ben", "technical")], "technical 2/1, business 0/1", vec![]),
        ("twice the same", vec![yes(3, "cleo", "technical"), yes(4, "cleo", "technical")], "technical 1/1, business 0/1", vec![]),
        ("the author's own", vec![yes(3, "ana", "technical")], "technical 0/1, business 0/1", vec!["ana of the author's own"]),
        ("no holder", vec![yes(3, "dora", "technical")], "technical 0/1, business 0/1", vec!["dora not a holder of the role"]),
        ("no such rule", vec![yes(3, "dora", "security")], "technical 0/1, business 0/1", vec![]),
        (
            "one person, two roles",
            vec![yes(3, "ben", "technical"), yes(4, "ben", "business")],
            "technical 1/1, business 0/1",
            vec!["ben counts for another role already"],
        ),
        (
            "two roles, and somebody else for one",
            vec![yes(3, "ben", "technical"), yes(4, "ben", "business"), yes(5, "cleo", "technical")],
            "technical 1/1, business 1/1",
            vec!["ben counts for another role already"],
        ),
        (
            "other bytes",
            vec![decided(3, "cleo", "technical", Approve, "backend=sha256:bb")],
            "technical 0/1, business 0/1",
            vec!["cleo given for other bytes"],
        ),
        ("another plan", vec![other_plan], "technical 0/1, business 0/1", vec!["cleo given under other rules of the plan"]),
        ("refused", vec![decided(3, "cleo", "technical", Refuse, OF)], "technical 0/1 refused by cleo, business 0/1", vec![]),
        (
            "refused beside a yes",
            vec![yes(3, "ben", "technical"), decided(4, "cleo", "technical", Refuse, OF)],
            "technical 1/1 refused by cleo, business 0/1",
            vec![],
        ),
        (
            "refused, then withdrawn",
            vec![decided(3, "cleo", "technical", Refuse, OF), decided(4, "cleo", "technical", Withdraw, OF)],
            "technical 0/1, business 0/1",
            vec![],
        ),
        (
            "approved, then withdrawn",
            vec![yes(3, "cleo", "technical"), decided(4, "cleo", "technical", Withdraw, OF)],
            "technical 0/1, business 0/1",
            vec![],
        ),
        (
            "refused, then approved",
            vec![decided(3, "cleo", "technical", Refuse, OF), yes(4, "cleo", "technical")],
            "technical 1/1, business 0/1",
            vec![],
        ),
        (
            "refused for other bytes",
            vec![decided(3, "cleo", "technical", Refuse, "backend=sha256:bb")],
            "technical 0/1, business 0/1",
            vec!["cleo given for other bytes"],
        ),
        (
            "refused by who may not",
            vec![decided(3, "mallory", "technical", Refuse, OF)],
            "technical 0/1, business 0/1",
            vec!["mallory not a holder of the role"],
        ),
    ] {
        let said = told(&policy(), &announced(decisions), 10);
        assert_eq!(said, (met.into(), void.into_iter().map(Into::into).collect()), "{what}");
    }
}

#[test]
fn a_new_push_voids_what_was_approved_and_what_was_refused() {
    let mut release = announced([decided(3, "cleo", "technical", Approve, OF), decided(4, "dora", "business", Refuse, OF)]);
    assert_eq!(told(&policy(), &release, 5).0, "technical 1/1, business 0/1 refused by dora");
    crate::domain::release::machine::take(&mut release, entry(5, bound("sha256:bb"))).unwrap();
    let (met, void) = told(&policy(), &release, 6);
    assert_eq!(met, "technical 0/1, business 0/1");
    assert_eq!(void, ["cleo given for other bytes", "dora given for other bytes"]);
}

#[test]
fn an_approval_expires_and_a_refusal_does_not() {
    let mut policy = policy();
    policy.approvals[0].expires = Some(SignedDuration::from_mins(10));
    let release = announced([decided(100, "cleo", "technical", Approve, OF)]);
    for (second, met) in [(100, true), (700, true), (701, false), (-100, true), (-201, false)] {
        assert_eq!(standing(&policy, &release, at(second))[0].met(), met, "at {second}");
    }
    assert_eq!(standing(&policy, &release, at(701))[0].void[0].1, Void::Expired);
    let release = announced([decided(100, "cleo", "technical", Refuse, OF)]);
    assert!(standing(&policy, &release, at(9_000))[0].refused.is_some());
}

#[test]
fn rules_are_for_kinds_strategies_and_classes() {
    let mut policy = policy();
    policy.approvals = vec![rule("all", 1), rule("emergency", 1), rule("canary", 1), rule("blue-green", 1), rule("major", 1)];
    policy.approvals[1].kinds = vec![Kind::Emergency];
    policy.approvals[2].strategies = vec!["canary".into()];
    policy.approvals[3].strategies = vec!["blue-green".into()];
    policy.approvals[4].classes = vec!["major".into()];
    let mut brief = brief();
    let of = |brief: &crate::domain::release::Brief| {
        let release = crate::domain::release::machine::begin("r".into(), entry(0, drafted(brief.clone()))).unwrap();
        standing(&policy, &release, at(1)).iter().map(|standing| standing.rule.role.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(&brief), ["all", "canary"]);
    brief.kind = Kind::Emergency;
    brief.class = Some("major".into());
    brief.strategies = vec!["rolling".into(), "blue-green".into()];
    assert_eq!(of(&brief), ["all", "emergency", "blue-green", "major"]);
}

#[test]
fn who_may_not_decide_is_told_before_they_try() {
    let release = after([said(1, "cleo", drafted(brief()))]);
    let of = |role: &str, by: &str| may_decide(&policy(), &release, &role.into(), &by.into());
    assert_eq!(of("technical", "ben"), Ok(()));
    assert_eq!(of("technical", "ana"), Err("you may not approve your own release".into()));
    assert_eq!(of("technical", "cleo"), Err("you may not approve your own release".into()), "who changed the brief");
    assert_eq!(of("business", "eve"), Err("eve does not hold the role business".into()));
    assert_eq!(policy().roles_of(&release, &"ben".into()).len(), 2);
}
