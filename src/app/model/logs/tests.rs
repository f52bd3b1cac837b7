//! The pane without a screen: order, bound, filter, follow and search.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::id::RolloutId;
use crate::domain::log::{Gap, Lines, Source};

const MILLI: i64 = 1_000_000;

fn source(instance: &str, revision: &str) -> Arc<Source> {
    Arc::new(Source { instance: instance.into(), container: "web".into(), revision: revision.into(), init: false, previous: false })
}

fn query() -> LogQuery {
    let rollout = RolloutId { environment: "production".into(), service: "backend".into(), workload: "backend".into() };
    LogQuery { rollout, range: Range::Tail(1000), instance: None, container: None, previous: false }
}

fn pane(bytes: usize) -> LogPane {
    let mut pane = LogPane::new(bytes);
    pane.begin(Seq(1), query(), Timestamp::UNIX_EPOCH);
    pane
}

fn batch(lines: &[(i64, &Arc<Source>, &str)]) -> LogBatch {
    let mut all = Lines::default();
    for (at, source, text) in lines {
        all.push_text(*at, source, text.as_bytes());
    }
    LogBatch { seq: Seq(1), lines: all, dropped: 0 }
}

fn texts(pane: &mut LogPane, height: usize) -> Vec<String> {
    pane.view(height, 80).into_iter().map(|row| row.text.into_owned()).collect()
}

fn all(pane: &mut LogPane) -> Vec<String> {
    pane.saved().lines().map(|line| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned()).collect()
}

#[test]
fn lines_of_several_pods_stand_in_order_within_the_window() {
    let (a, b) = (source("web-a", "1"), source("web-b", "1"));
    let mut pane = pane(1 << 20);
    pane.push(&batch(&[(1000 * MILLI, &a, "a1"), (1300 * MILLI, &a, "a3")]));
    pane.push(&batch(&[(1200 * MILLI, &b, "b2"), (1300 * MILLI, &b, "b3"), (1400 * MILLI, &b, "b4")]));
    // Later than the window allows: where it came in, before what is within 200 ms.
    pane.push(&batch(&[(500 * MILLI, &a, "late")]));
    assert_eq!(texts(&mut pane, 10), ["a1", "b2", "late", "a3", "b3", "b4"].map(String::from).to_vec());
}

#[test]
fn what_was_written_before_following_began_is_put_in_order_however_late() {
    let (a, b) = (source("web-a", "1"), source("web-b", "1"));
    let mut pane = LogPane::new(1 << 20);
    pane.begin(Seq(1), query(), Timestamp::from_second(100).unwrap());
    let second = 1000 * MILLI;
    pane.push(&batch(&[(10 * second, &a, "a10"), (90 * second, &a, "a90")]));
    pane.push(&batch(&[(5 * second, &b, "b5"), (50 * second, &b, "b50")]));
    assert_eq!(texts(&mut pane, 10), ["b5", "a10", "b50", "a90"].map(String::from).to_vec());
}

#[test]
fn a_batch_of_an_older_question_is_dropped() {
    let mut pane = pane(1 << 20);
    let mut old = batch(&[(1, &source("a", "1"), "old")]);
    old.seq = Seq(0);
    assert!(!pane.push(&old));
    assert_eq!(pane.counts(), (0, 0));
}

#[test]
fn the_oldest_lines_go_when_the_bytes_are_full_and_are_counted() {
    let a = source("web-a", "1");
    for (length, count) in [(8, 200_000), (200, 30_000), (70_000, 60)] {
        let mut pane = pane(2 << 20);
        let text = "x".repeat(length);
        let mut written = 0;
        while written < count {
            let lines: Vec<_> = (0..500.min(count)).map(|n| (i64::from(written + n), &a, text.as_str())).collect();
            written += lines.len() as i32;
            pane.push(&batch(&lines));
            let (bytes, limit) = pane.bytes();
            assert!(bytes <= limit + limit / 4, "{bytes} of {limit} with lines of {length}");
        }
        let (evicted, oldest) = pane.evicted();
        let kept = pane.counts().1 as u64;
        assert!(evicted > 0);
        assert_eq!(evicted + kept, u64::try_from(written).unwrap());
        assert_eq!(oldest, Some(i64::try_from(evicted).unwrap()));
        assert!(kept as usize * (length.min(65_536) + 24) > limit_of(&pane) / 2, "the bound is made use of: {kept} of {length}");
    }
}

fn limit_of(pane: &LogPane) -> usize {
    pane.bytes().1
}

#[test]
fn follow_stops_on_a_step_up_counts_what_is_new_and_goes_on_at_the_end() {
    let a = source("web-a", "1");
    let mut pane = pane(1 << 20);
    pane.push(&batch(&(0..20).map(|n| (n, &a, "x")).collect::<Vec<_>>()));
    assert_eq!(texts(&mut pane, 5).len(), 5);
    pane.scroll(-1);
    assert!(!pane.follows());
    pane.push(&batch(&[(30, &a, "new"), (31, &a, "newer")]));
    assert_eq!(pane.fresh(), 2);
    assert!(!texts(&mut pane, 5).contains(&"newer".to_owned()), "the lines stand still");
    pane.to_bottom();
    assert_eq!((pane.follows(), pane.fresh()), (true, 0));
    assert_eq!(texts(&mut pane, 2), ["new", "newer"].map(String::from).to_vec());
}

#[test]
fn lines_stand_still_while_older_ones_come_in_above() {
    let a = source("web-a", "1");
    let mut pane = pane(1 << 20);
    let text: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
    pane.push(&batch(&text.iter().enumerate().map(|(n, text)| (n as i64 * 10 * MILLI, &a, text.as_str())).collect::<Vec<_>>()));
    texts(&mut pane, 5);
    pane.scroll(-2);
    let before = texts(&mut pane, 5);
    pane.push(&batch(&[(95 * MILLI, &source("web-b", "1"), "in between")]));
    assert_eq!(texts(&mut pane, 5), before);
    assert_eq!(pane.copied().as_deref(), Some("line 17"), "the cursor stays on its line");
}

#[test]
fn search_keeps_the_lines_around_and_goes_from_match_to_match() {
    let a = source("web-a", "1");
    let mut pane = pane(1 << 20);
    let lines: Vec<_> = (0..100).map(|n| (n, &a, if n % 10 == 5 { "an Error here" } else { "fine" })).collect();
    pane.push(&batch(&lines));
    texts(&mut pane, 10);
    assert_eq!(pane.search("error"), Found::Here);
    let rows = pane.view(10, 80);
    assert!(rows.iter().any(|row| row.text == "fine") && rows.iter().any(|row| row.cursor && row.text == "an Error here"));
    assert_eq!(pane.here(), Some(95), "the newest match first");
    assert_eq!((pane.next_match(true), pane.here()), (Found::Here, Some(85)));
    assert_eq!((pane.next_match(false), pane.here()), (Found::Here, Some(95)));
    assert_eq!((pane.next_match(false), pane.here()), (Found::Wrapped, Some(5)));
    assert_eq!(pane.search("ERROR"), Found::Nowhere, "a capital makes it exact");
    assert_eq!(pane.search("[half"), Found::Nowhere, "half a pattern stands for itself");
    assert!(pane.set_pattern("[half").is_err());
}

#[test]
fn marks_and_dropped_counts_stand_between_the_lines() {
    let a = source("web-a", "1");
    let mut pane = pane(1 << 20);
    pane.push(&batch(&[(1, &a, "before")]));
    let mut lines = Lines::default();
    lines.push_mark(2, &a, Mark::Reconnected { after_ms: 3140, gap: Gap::None });
    lines.push_text(3, &a, b"after");
    pane.push(&LogBatch { seq: Seq(1), lines, dropped: 312 });
    pane.set_level(Some(Level::Error));
    let rows = pane.view(10, 80);
    let rows: Vec<_> = rows.iter().map(|row| (row.mark, row.voice.is_some(), row.text.as_ref())).collect();
    assert_eq!(rows, [(true, false, "312 lines dropped, the console could not keep up"), (true, true, "reconnected after 3.1 s, no gap")]);
    assert_eq!(pane.dropped(), 312);
}

#[test]
fn a_wrapped_line_takes_rows_and_the_newest_stays_in_sight() {
    let a = source("web-a", "1");
    let mut pane = pane(1 << 20);
    let long = "x".repeat(25);
    pane.push(&batch(&[(1, &a, "one"), (2, &a, &long), (3, &a, "漢字漢字漢字")]));
    pane.toggle_wrap();
    let rows: Vec<usize> = pane.view(5, 10).iter().map(|row| row.rows).collect();
    assert_eq!(rows, [3, 2], "25 columns are three rows of ten, six wide signs two");
    assert_eq!(wrapped_rows("漢字漢字漢字", 5), 3, "a wide sign is not torn");
}

#[test]
fn a_selection_copies_and_a_file_has_all_that_is_shown() {
    let a = source("web-a", "1");
    let mut pane = pane(1 << 20);
    pane.push(&batch(&[(1, &a, "one"), (2, &a, "level=error two"), (3, &a, "three")]));
    texts(&mut pane, 5);
    pane.scroll(-1);
    pane.toggle_selection();
    pane.scroll(1);
    assert_eq!(pane.copied().as_deref(), Some("level=error two\nthree"));
    pane.to_bottom();
    pane.set_level(Some(Level::Error));
    assert_eq!(pane.saved(), "1970-01-01T00:00:00.000000002Z web-a/web level=error two\n");
}

#[derive(Clone, Debug)]
enum Step {
    Lines(Vec<(i64, u8, u8)>),
    Level(u8),
    Pattern(u8),
    Instance(u8),
    Advance(usize),
    Scroll(isize),
    Bottom,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec((0i64..400, 0u8..3, 0u8..6), 1..40).prop_map(Step::Lines),
        1 => (0u8..4).prop_map(Step::Level),
        1 => (0u8..3).prop_map(Step::Pattern),
        1 => (0u8..4).prop_map(Step::Instance),
        1 => (0usize..50).prop_map(Step::Advance),
        1 => (-9isize..9).prop_map(Step::Scroll),
        1 => Just(Step::Bottom),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_index_shows_what_looking_at_every_line_shows(steps in proptest::collection::vec(step(), 1..40)) {
        let sources = [source("a", "1"), source("b", "1"), source("c", "2")];
        let levels = ["level=debug", "level=info", "plain", "level=warn", "level=error", "level=fatal"];
        // A megabyte, and lines of 2 KiB: the oldest go as well.
        let padding = "p".repeat(2000);
        let mut pane = pane(1 << 20);
        let mut clock = 0;
        for step in steps {
            match step {
                Step::Lines(lines) => {
                    clock += 100 * MILLI;
                    let texts: Vec<String> = lines.iter().map(|(at, _, level)| format!("{} n={at} {padding}", levels[*level as usize])).collect();
                    let lines: Vec<_> = lines.iter().zip(&texts).map(|((at, who, _), text)| (clock + at * MILLI, &sources[*who as usize], text.as_str())).collect();
                    pane.push(&batch(&lines));
                }
                Step::Level(n) => pane.set_level([None, Some(Level::Info), Some(Level::Warn), Some(Level::Error)][n as usize]),
                Step::Pattern(n) => pane.set_pattern(["", "n=1", "n=.*7 "][n as usize]).unwrap(),
                Step::Instance(n) => pane.only_instance(["a", "b", "c"].get(n as usize).map(|name| (*name).into())),
                Step::Advance(n) => { pane.advance(n); }
                Step::Scroll(n) => pane.scroll(n),
                Step::Bottom => pane.to_bottom(),
            }
            let rows = pane.view(7, 80).len();
            prop_assert!(rows <= 7);
        }
        let wanted: Vec<String> = (pane.store.first()..pane.store.end())
            .filter_map(|id| pane.store.get(id))
            .filter(|record| {
                let voice = pane.voices.get(record.source).unwrap();
                pane.filter.admits(voice) && pane.filter.passes(record.level, pane.store.text(record))
            })
            .map(|record| pane.store.text(record).to_owned())
            .collect();
        prop_assert_eq!(all(&mut pane), wanted);
        prop_assert!(pane.bytes().0 <= (1 << 20) * 5 / 4, "{} bytes", pane.bytes().0);
    }
}
