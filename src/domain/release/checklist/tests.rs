//! How an item stands by its outcome's age and bytes.

use crate::domain::release::Kind;
use crate::domain::release::checklist::{Stage, Verdict, standing};
use crate::domain::release::record::Body;
use crate::domain::release::tests::{OF, at, brief, checked, item, policy};

#[test]
fn an_outcome_stands_while_it_is_fresh_and_of_the_same_bytes() {
    use Verdict::{Fail, Pass, Pending, Unknown};
    for (found, of, fresh, second, want, stale) in [
        (Pass, OF, None, 9_000, Pass, None),
        (Pass, OF, Some(600), 700, Pass, None),
        (Pass, OF, Some(600), 701, Pending, Some("too old")),
        (Fail, OF, Some(600), 700, Fail, None),
        (Fail, OF, Some(600), 701, Pending, Some("too old")),
        (Unknown, OF, None, 101, Unknown, None),
        (Pass, "backend=sha256:bb", None, 101, Pending, Some("of another version")),
        (Fail, "backend=sha256:bb", None, 101, Pending, Some("of another version")),
        (Pass, OF, Some(600), -200, Pass, None),
        (Pass, OF, Some(600), -201, Pending, Some("dated ahead of this clock")),
        (Pass, OF, None, -201, Pending, Some("dated ahead of this clock")),
    ] {
        let Body::Checked { outcome, .. } = checked(100, "tests", found, of).body else { panic!() };
        let item = item("tests", fresh);
        let stands = standing(&item, Some(&outcome), OF, at(second));
        assert_eq!((stands.verdict, stands.stale), (want, stale), "{found:?} of {of} at {second}");
        assert_eq!(stands.outcome, Some(&*outcome), "the outcome is shown, however old");
    }
    let none = standing(&item("tests", None), None, OF, at(0));
    assert_eq!((none.verdict, none.stale), (Pending, None));
}

#[test]
fn items_are_for_stages_kinds_and_classes() {
    let mut policy = policy();
    policy.items = ["all", "emergency", "major", "after"].map(|id| item(id, None)).into();
    policy.items[1].kinds = vec![Kind::Emergency];
    policy.items[2].classes = vec!["major".into()];
    policy.items[3].stage = Stage::After;
    let mut brief = brief();
    let ids =
        |brief: &crate::domain::release::Brief| policy.items(brief, Stage::Before).map(|item| item.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&brief), ["all"]);
    brief.kind = Kind::Emergency;
    brief.class = Some("major".into());
    assert_eq!(ids(&brief), ["all", "emergency", "major"]);
    assert_eq!(policy.items(&brief, Stage::After).count(), 1);
}
