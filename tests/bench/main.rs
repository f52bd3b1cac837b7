//! What a flood costs: lines coming in, a filter changing, a screen of them. For comparing, never a timed test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::sync::Arc;

use jiff::Timestamp;
use rolldeck::app::model::logs::LogPane;
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::log::{Level, Lines, Source};
use rolldeck::port::Seq;
use rolldeck::port::engine::{LogBatch, LogQuery, Range};

const BATCH: usize = 512;

fn main() {
    divan::main();
}

fn batch(from: usize) -> LogBatch {
    let source =
        Arc::new(Source { instance: "web-a".into(), container: "web".into(), revision: "web-1".into(), init: false, previous: false });
    let mut lines = Lines::default();
    for n in from..from + BATCH {
        let level = if n % 50 == 0 { "error" } else { "info" };
        let text = format!("level={level} msg=\"served GET /bookings/{n}\" status=200 ms={}", n % 97);
        lines.push_text(n as i64 * 10_000, &source, text.as_bytes());
    }
    LogBatch { seq: Seq(1), lines, dropped: 0 }
}

fn pane(batches: usize) -> LogPane {
    let mut pane = LogPane::default();
    let rollout = RolloutId { environment: "e".into(), service: "s".into(), workload: "w".into() };
    let query = LogQuery { rollout, range: Range::Tail(1000), instance: None, container: None, previous: false };
    pane.begin(Seq(1), query, Timestamp::UNIX_EPOCH);
    for n in 0..batches {
        pane.push(&batch(n * BATCH));
    }
    pane
}

/// The adapter's side: cleaning and reading the level, with the text already there.
#[divan::bench(args = [BATCH])]
fn lines_into_a_batch(bencher: divan::Bencher<'_, '_>, lines: usize) {
    bencher.counter(divan::counter::ItemsCount::new(lines)).bench(|| batch(0));
}

/// The console's side, into a full pane.
#[divan::bench(args = [BATCH])]
fn a_batch_into_the_pane(bencher: divan::Bencher<'_, '_>, lines: usize) {
    let mut pane = pane(400);
    let mut n = 400;
    bencher
        .counter(divan::counter::ItemsCount::new(lines))
        .with_inputs(|| {
            n += 1;
            batch(n * BATCH)
        })
        .bench_local_values(|batch| pane.push(&batch));
}

#[divan::bench]
fn a_filter_over_a_full_pane(bencher: divan::Bencher<'_, '_>) {
    let mut pane = pane(400);
    bencher.bench_local(|| {
        pane.set_level(Some(Level::Error));
        pane.set_pattern("bookings/1.*5").unwrap();
        while pane.advance(32 * 1024) {}
    });
}

#[divan::bench]
fn a_screen_of_lines(bencher: divan::Bencher<'_, '_>) {
    let pane = pane(400);
    bencher.bench_local(|| pane.view(60, 180).len());
}
