//! The report of an evening: what it tells, and that nothing in it is read as markup.

use jiff::tz::TimeZone;

use crate::domain::release::approval::Choice;
use crate::domain::release::checklist::{Stage, Verdict};
use crate::domain::release::machine::take;
use crate::domain::release::record::Body;
use crate::domain::release::report::{Report, spans, waits};
use crate::domain::release::tests::{OF, after, at, checked, decided, entry, item, overridden, policy, prepared, rollout, said};
use crate::domain::release::{Phase, Release};

fn moved(second: i64, what: &str) -> crate::domain::release::record::Entry {
    entry(second, Body::Moved { rollout: rollout(), what: what.into() })
}

/// Announced at 2, opened at 60, shut at 120, gone over at 300, begun at 360, a step that waits from 420 to 540, rolled back at 700.
fn evening() -> Release {
    let more = [
        entry(60, Body::Opened),
        entry(120, Body::Shut { sentence: "stale: backup hold".into() }),
        overridden(300, vec!["item backup".into()]),
        entry(360, Body::Began { rollout: rollout(), op: "op-1".into() }),
        moved(420, "25 %, waits for you"),
        said(540, "dora", Body::Ordered { rollout: rollout(), op: "op-2".into(), what: "promote".into() }),
        moved(560, "50 %"),
        entry(600, Body::Alert { name: "ErrorRate".into(), firing: true, text: "2 % | high".into() }),
        entry(650, Body::Noted { text: "looks `bad`\n| really".into(), log: false }),
        entry(700, Body::RolledBack { reason: "errors".into() }),
        checked(710, "data", Verdict::Pass, OF),
    ];
    after(prepared().into_iter().chain(more))
}

#[test]
fn phases_have_their_lengths_and_the_gate_that_opens_again_another_stay() {
    let of = |release: &Release, now| spans(release, at(now)).iter().map(|span| (span.phase, span.seconds)).collect::<Vec<_>>();
    assert_eq!(
        of(&evening(), 9_999),
        [
            (Phase::Draft, 2),
            (Phase::Checking, 58),
            (Phase::Ready, 60),
            (Phase::Checking, 180),
            (Phase::Ready, 60),
            (Phase::InProgress, 340)
        ]
    );
    let checking = after(prepared());
    assert_eq!(of(&checking, 30), [(Phase::Draft, 2), (Phase::Checking, 28)]);
    assert_eq!(spans(&checking, at(30))[1].until, None, "it is in it still");
    assert_eq!(of(&checking, 0)[1], (Phase::Checking, 0), "a clock that is behind makes no negative time");
}

#[test]
fn who_was_waited_for_is_told_with_how_long() {
    let told = |release: &Release, now| {
        let of =
            |wait: super::Wait| format!("{}, {}, {}", wait.what, wait.by.map_or("nobody yet".into(), |by| by.to_string()), wait.seconds);
        waits(release, at(now)).into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&evening(), 9_999),
        [
            "approval as technical, cleo, 3",
            "approval as business, ben, 4",
            "the gate to open, ana, 58",
            "the gate to open again, ana, 180",
            "the start, ana, 60",
            "backend production: 25 %, waits for you, dora, 120",
        ]
    );
    assert_eq!(told(&after(prepared()), 30).last().unwrap(), "the gate to open, nobody yet, 28");
    let mut release =
        after(prepared().into_iter().chain([entry(60, Body::Opened), entry(70, Body::Began { rollout: rollout(), op: "o".into() })]));
    take(&mut release, moved(80, "25 %, waits for you")).unwrap();
    assert_eq!(told(&release, 200).last().unwrap(), "backend production: 25 %, waits for you, nobody yet, 120");
    take(&mut release, moved(90, "50 %")).unwrap();
    assert_eq!(told(&release, 200).last().unwrap(), "backend production: 25 %, waits for you, nobody yet, 10", "it went on by itself");
}

#[test]
fn the_report_tells_the_evening_in_markdown() {
    let mut policy = policy();
    policy.items.push(crate::domain::release::checklist::Item { stage: Stage::Back, title: "Data is whole".into(), ..item("data", None) });
    let text = Report::of(&evening(), Some(&policy), at(1_000)).markdown(&TimeZone::get("Europe/Berlin").unwrap());
    for line in [
        "# Seats",
        "**backend 2.2.0 → production**, standard release: **rolled back: errors**",
        "| Notes | first line<br>second \\| line |",
        "| Took | 5 min 40 s |",
        "| backend | 2.2.0 | sha256:aa | by digest (runs in staging) |",
        "| checking | 2027-01-15 09:00:02 | 2027-01-15 09:01:00 | 58 s |",
        "| backend production: 25 %, waits for you | dora | 2027-01-15 09:07:00 | 2 min 00 s |",
        "## Pre-deployment",
        "| ✔ pass | Code quality: tests hold | ana | 2027-01-15 09:00:03 |  |",
        "## Rollback validation",
        "| ✔ pass | Code quality: Data is whole | ana | 2027-01-15 09:11:50 |  |",
        "| 2027-01-15 09:00:05 | cleo (vouched for by the cluster) | approved as technical: counts |  | 3 s |",
        "## Overrides",
        "| **2027-01-15 09:05:00** | **ana** (vouched for by the cluster) | **the bank waits** | **item backup** |",
        "| 2027-01-15 09:05:00 | +00:04:58 | ana | **OVERRIDE: the bank waits (over item backup)** |",
        "| 2027-01-15 09:10:50 | +00:10:48 | ana | note: looks \\`bad\\`<br>\\| really |",
        "| 2027-01-15 09:10:00 | +00:09:58 | ana | **alert ErrorRate fires: 2 % \\| high** |",
        "Times are of Europe/Berlin; made 2027-01-15 09:16:40.",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n in\n{text}");
    }
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!([2, 3, 5, 6].contains(&cells), "a row is of its table: {line}");
    }
    assert!(!text.contains("What could not be read"));
}

#[test]
fn the_report_tells_the_same_in_json_and_what_did_not_fit() {
    let mut release = evening();
    release.problems.push("line 9: no JSON".into());
    release.rejected.push((entry(5, Body::Finished), "it is not being verified: it is checking".into()));
    let text = Report::of(&release, None, at(1_000)).json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["outcome"], "rolled back: errors");
    assert_eq!(value["versions"][0]["digest"], "sha256:aa");
    assert_eq!(value["timeline"].as_array().unwrap().len(), release.entries.len());
    assert_eq!(value["timeline"][2]["entry"]["entry"], "announced");
    assert_eq!(value["overrides"][0]["reason"], "the bank waits");
    assert_eq!(value["problems"].as_array().unwrap().len(), 2);
    assert_eq!(value["checklist"].as_array().unwrap().len(), 3, "without a plan, by their ids");
    let markdown = Report::of(&release, None, at(1_000)).markdown(&TimeZone::UTC);
    assert!(markdown.contains("| line 9: no JSON |"), "{markdown}");
}

#[test]
fn decisions_are_told_with_what_they_were_worth() {
    let more = [
        decided(7, "ana", "technical", Choice::Approve, OF),
        decided(8, "dora", "business", Choice::Refuse, OF),
        decided(9, "dora", "business", Choice::Withdraw, OF),
    ];
    let release = after(prepared().into_iter().chain(more));
    let report = Report::of(&release, Some(&policy()), at(20));
    let told: Vec<_> = report.approvals.iter().map(|word| (word.by.as_str(), word.standing)).collect();
    assert_eq!(
        told,
        [
            ("cleo", "counts"),
            ("ben", "counts"),
            ("ana", "of the author's own"),
            ("dora", "counts no longer, or no rule asks for it"),
            ("dora", "takes back what was said before")
        ]
    );
    assert_eq!(report.outcome, "checking, not ended");
}
