//! A release's timeline: an evening in which the gate was gone over and the release taken back, and one that still waits.

use std::sync::Arc;

use rolldeck::app::model::Model;
use rolldeck::app::model::nav::Screen;
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::release::approval::{Choice, Decision};
use rolldeck::domain::release::checklist::{Outcome, Stage, Verdict};
use rolldeck::domain::release::record::{Body, Entry, Record};
use rolldeck::domain::release::{Bound, Brief, Kind, Override, Voucher, machine};

use super::fixture::{at, busy, id};
use super::shown;

const ID: &str = "20260120-1842-frontend-7f3a";
const OF: &str = "frontend=sha256:9f3c";

fn said(second: i64, actor: &str, body: Body) -> Entry {
    Entry { at: at(second), actor: actor.into(), voucher: Voucher::Cluster, console: format!("{actor}-desk:4711"), body }
}

fn rollout() -> RolloutId {
    id("frontend", "production")
}

fn moved(second: i64, what: &str) -> Entry {
    said(second, "ana", Body::Moved { rollout: rollout(), what: what.into() })
}

fn checked(second: i64, item: &str, verdict: Verdict, evidence: &str) -> Entry {
    let outcome = Outcome {
        verdict,
        at: at(second),
        by: "ana".into(),
        evidence: evidence.into(),
        output: "exit status 1\n2 of 214 tests failed".into(),
        link: Some("https://ci.example/4711".into()),
        of: OF.into(),
    };
    said(second, "ana", Body::Checked { item: item.into(), stage: Stage::Before, outcome: Box::new(outcome) })
}

fn decided(second: i64, by: &str, role: &str, choice: Choice, reason: &str) -> Entry {
    let decision = Decision {
        at: at(second),
        by: by.into(),
        voucher: Voucher::Cluster,
        role: role.into(),
        choice,
        reason: reason.into(),
        of: OF.into(),
        plan: "rules-1".into(),
    };
    said(second, by, Body::Decided { decision: Box::new(decision) })
}

/// From the draft to a canary that waits at 25 %.
fn waiting() -> Vec<Entry> {
    let brief = Brief {
        environment: "production".into(),
        versions: vec![("frontend".into(), "5.1.0".into())],
        kind: Kind::Standard,
        title: "Seat maps".into(),
        author: "ana".into(),
        ticket: Some("CHG-4711".into()),
        notes: "New seat maps.\nNo migration.".into(),
        audience: "customers".into(),
        duration: None,
        downtime: None,
        cutover: None,
        contingency: "roll back, one key".into(),
        class: None,
        criterion: None,
        strategies: vec!["canary".into()],
    };
    let bound = Bound {
        service: "frontend".into(),
        image: "trixtech/frontend:5.1.0".into(),
        digest: Some("sha256:9f3c".into()),
        source: "runs in staging".into(),
    };
    let over = Override { at: at(-1_500), by: "ana".into(), reason: "the fair opens at nine".into(), over: vec!["item backup".into()] };
    vec![
        said(-7_200, "ana", Body::Drafted { brief: Box::new(brief) }),
        said(-7_190, "ana", Body::Bound { bound: vec![bound] }),
        said(-7_000, "ana", Body::Announced),
        checked(-6_990, "tests", Verdict::Fail, "exit 1 in 41.2 s"),
        checked(-5_400, "tests", Verdict::Pass, "exit 0 in 40.9 s"),
        decided(-4_000, "marco", "business", Choice::Refuse, "not before ten"),
        decided(-2_500, "li", "technical", Choice::Approve, "read the diff"),
        decided(-1_900, "marco", "business", Choice::Approve, ""),
        said(-1_600, "li", Body::Shut { sentence: String::new() }),
        said(-1_500, "ana", Body::Overridden { over: Box::new(over) }),
        said(-1_200, "ana", Body::Began { rollout: rollout(), op: "20260120T205807Z-4711-1".into() }),
        moved(-1_190, "5 %"),
        moved(-900, "25 %, waits for you"),
    ]
}

fn ended() -> Vec<Entry> {
    let text = "timeout calling ledger\nafter 3 tries".to_owned();
    let mut entries = waiting();
    entries.extend([
        said(-300, "li", Body::Ordered { rollout: rollout(), op: "20260120T211307Z-4712-1".into(), what: "promote".into() }),
        moved(-290, "50 %"),
        said(-250, "ana", Body::Alert { name: "FrontendErrors".into(), firing: true, text: "2.1 % of requests".into() }),
        said(-240, "ana", Body::Noted { text, log: true }),
        said(-200, "li", Body::Noted { text: "taking it back, ledger times out".into(), log: false }),
        said(-180, "li", Body::RolledBack { reason: "errors above 0.5 %".into() }),
    ]);
    entries
}

fn on(entries: Vec<Entry>) -> Model {
    let mut model = busy();
    let release = machine::fold(&Record::new(ID.into(), entries)).unwrap();
    model.releases.set(Arc::new(release));
    model.nav.open(Screen::Chronicle(ID.into()));
    model
}

#[test]
fn the_timeline_has_its_frames() {
    for (columns, rows) in [(120, 40), (80, 24), (160, 45)] {
        let size = format!("{columns}x{rows}");
        insta::assert_snapshot!(format!("chronicle-waiting-{size}"), shown(&mut on(waiting()), columns, rows));
        insta::assert_snapshot!(format!("chronicle-ended-{size}"), shown(&mut on(ended()), columns, rows));
    }
    let mut filtered = on(ended());
    filtered.nav.chronicle.filter = "MARCO".into();
    insta::assert_snapshot!("chronicle-filtered-120x40", shown(&mut filtered, 120, 40));
}

#[test]
fn what_did_not_fit_is_shown_and_an_override_stands_above_all() {
    // The gate was never open when it is said to have shut: an entry of a hand.
    let text = shown(&mut on(waiting()), 120, 40);
    assert!(text.contains("not counted: the gate shut"), "{text}");
    assert!(text.contains("overridden by ana: the fair opens at nine"), "{text}");
    assert!(text.contains("waits for frontend production: 25 %, waits for you 15 m"), "{text}");
}

#[test]
fn a_release_that_is_gone_is_said_and_not_drawn() {
    let mut model = busy();
    model.nav.open(Screen::Chronicle("gone".into()));
    assert!(shown(&mut model, 80, 24).contains("The release is not there any more."));
}
