//! What a record gives back, and what it does with what it cannot read.

use super::*;
use crate::domain::release::approval::Choice;
use crate::domain::release::checklist::Verdict;
use crate::domain::release::tests::{at, brief, entry, rollout};

/// One of each kind.
fn all() -> Vec<Body> {
    let outcome = Outcome {
        verdict: Verdict::Pass,
        at: at(3),
        by: "ana".into(),
        evidence: "exit 0 in 1.2 s".into(),
        output: "a\nb".into(),
        link: Some("https://ci/1".into()),
        of: "backend=2.2.0".into(),
    };
    let decision = Decision {
        at: at(4),
        by: "ana".into(),
        voucher: Voucher::Cluster,
        role: "technical".into(),
        choice: Choice::Approve,
        reason: String::new(),
        of: "backend=2.2.0".into(),
        plan: "p1".into(),
    };
    let schedule = Schedule { at: at(60), by: "ana".into(), console: "desk:4711".into(), shown: vec!["PATCH x".into()] };
    let over = Override { at: at(5), by: "ana".into(), reason: "the bank waits".into(), over: vec!["window".into()] };
    vec![
        Body::Drafted { brief: Box::new(brief()) },
        Body::Bound {
            bound: vec![Bound {
                service: "backend".into(),
                image: "trixtech/app:2.2.0".into(),
                digest: Some("sha256:aa".into()),
                source: "runs in staging".into(),
            }],
        },
        Body::Announced,
        Body::Checked { item: "tests".into(), stage: Stage::Before, outcome: Box::new(outcome) },
        Body::Cleared { item: "tests".into() },
        Body::Decided { decision: Box::new(decision) },
        Body::Opened,
        Body::Shut { sentence: "closes".into() },
        Body::Overridden { over: Box::new(over) },
        Body::Scheduled { schedule: Some(Box::new(schedule)) },
        Body::Scheduled { schedule: None },
        Body::Began { rollout: rollout(), op: "op-1".into() },
        Body::Moved { rollout: rollout(), what: "25 %".into() },
        Body::Ordered { rollout: rollout(), op: "op-1".into(), what: "promote".into() },
        Body::Outcome { rollout: rollout(), op: "op-1".into(), met: true, seen: "at 50 %".into() },
        Body::Verifying,
        Body::Finished,
        Body::RolledBack { reason: "errors".into() },
        Body::Aborted { reason: "later".into() },
        Body::Alert { name: "ErrorRate".into(), firing: true, text: "2 %".into() },
        Body::Noted { text: "all well".into(), log: false },
    ]
}

#[test]
fn every_kind_of_entry_is_read_as_it_was_written() {
    let entries: Vec<Entry> = all().into_iter().enumerate().map(|(n, body)| entry(n as i64, body)).collect();
    let record = Record::new("r".into(), entries);
    let lines = record.lines().unwrap();
    assert_eq!(lines.lines().count(), record.entries.len(), "one line each");
    assert_eq!(Record::parse("r".into(), FORMAT, &lines), record);

    let mut kinds: Vec<String> =
        record.entries.iter().map(|entry| serde_json::to_value(entry).unwrap()["entry"].as_str().unwrap().to_owned()).collect();
    kinds.dedup();
    assert_eq!(kinds, KINDS, "the kinds that are known are those that are written");
}

#[test]
fn what_cannot_be_read_is_told_by_its_line_and_written_again_as_it_was() {
    let drafted = entry(0, all().remove(0)).line().unwrap();
    let noted = entry(1, Body::Noted { text: "x".into(), log: false }).line().unwrap();
    let newer = r#"{"at":"2027-01-15T08:00:00Z","actor":"ana","voucher":"cluster","console":"d:1","entry":"blessed","by":"ben"}"#;
    let lines = format!("{newer}\n{drafted}\n\n{{\"at\": 1\n{noted}\n[1]\n{{\"entry\":\"noted\"}}\n\u{1b}]0;title\u{7}\n");
    let record = Record::parse("r".into(), FORMAT, &lines);
    assert_eq!(record.entries.len(), 2);
    let starts = [
        "line 1: an entry `blessed`, which this version does not know",
        "line 4: no JSON: EOF",
        "line 6: it does not say what kind of entry it is",
        "line 7: missing field `at`",
        "line 8: no JSON",
    ];
    assert_eq!(record.problems.len(), starts.len(), "{:?}", record.problems);
    for (problem, start) in record.problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
        assert!(!problem.chars().any(char::is_control));
    }
    assert_eq!(record.lines().unwrap(), lines.replace("\n\n", "\n"), "nothing is lost, and nothing changes places");
    assert!(machine::fold(&record).unwrap().problems.len() == 5, "the fold tells of them");
}

#[test]
fn a_newer_format_is_read_and_never_written() {
    let line = entry(0, all().remove(0)).line().unwrap();
    let record = Record::parse("r".into(), FORMAT + 1, &line);
    assert_eq!(record.entries.len(), 1);
    assert!(record.problems[0].contains("newer version"), "{:?}", record.problems);
    let why = record.with([entry(1, Body::Announced)]).unwrap_err();
    assert!(why.contains("only read"), "{why}");
}

#[test]
fn entries_are_added_all_or_none() {
    let record = Record::new("r".into(), Vec::new());
    let record = record.with([entry(0, all().remove(0)), entry(1, Body::Announced)]).unwrap();
    let noted = || entry(2, Body::Noted { text: "x".into(), log: false });
    assert!(record.with([noted(), entry(3, Body::Finished)]).is_err());
    assert_eq!(record.with([noted()]).unwrap().entries.len(), 3);
    assert!(Record::new("r".into(), Vec::new()).with([noted()]).is_err(), "nothing before the brief");
    assert!(Record::new("r".into(), Vec::new()).with([]).is_err());
}

#[test]
fn secrets_controls_and_excess_never_reach_a_record_and_names_stay() {
    let mut brief = brief();
    brief.title = "\u{1b}]52;c;ZXZpbA==\u{7}Seats\u{202e}".into();
    brief.notes = "tok\u{0}en: hunter2\nsecond".into();
    brief.versions = vec![("token".into(), "2.2.0".into())];
    let outcome = Outcome {
        verdict: Verdict::Fail,
        at: at(3),
        by: "ana".into(),
        evidence: "Authorization: Bearer abc".into(),
        output: format!("begins {} ends", "x".repeat(100_000)),
        link: None,
        of: "token=2.2.0".into(),
    };
    let drafted = entry(0, Body::Drafted { brief: Box::new(brief) });
    let checked = entry(1, Body::Checked { item: "tests".into(), stage: Stage::Before, outcome: Box::new(outcome) });
    let text = format!("{}\n{}", drafted.line().unwrap(), checked.line().unwrap());
    assert!(!text.contains("hunter2") && !text.contains("abc\"") && text.len() < 8_000, "{text}");
    let record = Record::parse("r".into(), FORMAT, &text);
    let Body::Drafted { brief } = &record.entries[0].body else { panic!() };
    assert_eq!((brief.title.as_str(), brief.notes.as_str()), ("Seats", "token: [redacted]\nsecond"));
    let Body::Checked { outcome, .. } = &record.entries[1].body else { panic!() };
    assert_eq!(outcome.of, "token=2.2.0", "a name that looks like a secret is still itself");
    assert!(outcome.output.starts_with("begins x") && outcome.output.ends_with("x ends"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_record_of_as_many_entries_and_problems_as_lines(text in "(\\PC|\n|\\{|\"entry\":\"noted\"|\u{1b}|\u{0}){0,60}") {
        let record = Record::parse("r".into(), FORMAT, &text);
        let lines = text.split('\n').filter(|line| !line.trim().is_empty()).count();
        proptest::prop_assert_eq!(record.entries.len() + record.problems.len(), lines);
    }

    #[test]
    fn a_cleaned_entry_is_clean(text in "(\\PC|\n|\u{1b}\\[|\u{0}|token: |password=| |\r){0,40}", long in 0usize..9_000) {
        let text = format!("{text}{}\n{text}", "ä".repeat(long));
        let once = entry(0, Body::Noted { text, log: true }).cleaned();
        proptest::prop_assert_eq!(once.clone().cleaned(), once.clone());
        let lines = Record::new("r".into(), vec![once.clone()]).lines().unwrap();
        proptest::prop_assert_eq!(Record::parse("r".into(), FORMAT, &lines).entries, vec![once]);
    }
}
