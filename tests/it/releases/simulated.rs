//! The simulated cluster's releases: the same answers as the real ones give, and colleagues who act by themselves.

use std::time::Duration;

use jiff::SignedDuration;
use rolldeck::adapter::simulated::releases::{Colleague, Setting, spawn};
use rolldeck::domain::release::approval::{Choice, Rule};
use rolldeck::domain::release::machine;
use rolldeck::domain::release::policy::Policy;
use rolldeck::domain::release::record::Body;
use rolldeck::port::releases::{Access, Event};
use tokio::time::sleep;

use crate::store_support::{Console, announced, begun, ended, entry, note, shelf};

fn console(colleagues: Vec<Colleague>) -> Console {
    Console::over(|commands, events| spawn(Setting { shelves: vec![shelf()], kept: Vec::new(), colleagues }, commands, events))
}

#[tokio::test(start_paused = true)]
async fn it_keeps_refuses_and_lets_go_as_the_others_do() {
    let mut ana = console(Vec::new());
    ana.create("r1", begun(0)).await.unwrap();
    assert_eq!(ana.access(), Access::Writable);
    assert_eq!(ana.create("r1", begun(5)).await.unwrap_err().message, "there is a release r1 already");
    assert_eq!(ana.append("r2", vec![note("ana", 5)]).await.unwrap_err().message, "the record of r2 is gone");
    let refused = ana.append("r1", vec![note("ana", 6), entry("ana", 7, Body::Finished)]).await.unwrap_err();
    assert_eq!(refused.message, "it is not being verified: it is checking");
    assert_eq!(ana.record("r1").unwrap().entries.len(), 2);
    for (id, second) in [("a", 10), ("b", 20), ("c", 30)] {
        ana.create(id, vec![begun(second).remove(0), announced(second + 1)]).await.unwrap();
        ana.append(id, vec![ended(second + 2)]).await.unwrap();
    }
    assert!(ana.heard.iter().any(|event| matches!(event, Event::Pruned { count: 1, .. })));
    assert_eq!((ana.record("a"), ana.record("r1").is_some()), (None, true));
}

#[tokio::test(start_paused = true)]
async fn a_colleague_approves_once_for_these_bytes_and_only_where_a_rule_asks() {
    let rule = Rule { role: "business".into(), count: 1, kinds: Vec::new(), strategies: Vec::new(), classes: Vec::new(), expires: None };
    let policy = Policy { approvals: vec![rule], ..Policy::default() };
    let after = SignedDuration::from_secs(4);
    let approver = |role: &str| Colleague::approver("bea".into(), "production".into(), role.into(), after, &policy);
    let mut ana = console(vec![approver("business"), approver("security")]);
    ana.create("r1", begun(0)).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    ana.listen();
    let release = machine::fold(&ana.record("r1").unwrap()).unwrap();
    let decided: Vec<_> =
        release.decisions.iter().map(|decision| (decision.by.as_str(), decision.role.as_str(), decision.choice)).collect();
    assert_eq!(decided, [("bea", "business", Choice::Approve)]);
    assert_eq!((release.rejected.len(), release.decisions[0].of == release.fingerprint()), (0, true));
}
