//! Between the streams and the console: lines are gathered, and where the console cannot keep up the oldest are dropped
//! and counted. No stream waits for it; a mark is never dropped.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::domain::log::Lines;
use crate::port::Seq;
use crate::port::engine::LogBatch;

/// A batch is full with so many lines, or bytes.
const LINES: usize = 512;
const BYTES: usize = 256 * 1024;
/// Batches that wait; with full ones, a second of a flood.
const WAITING: usize = 64;
/// How long lines are gathered: two frames.
const GATHER: Duration = Duration::from_millis(33);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    full: VecDeque<Lines>,
    filling: Lines,
    dropped: u64,
}

impl Outbox {
    /// Lets lines be added.
    pub(super) fn write(&self, add: impl FnOnce(&mut Writer<'_>)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut Writer { state: &mut state });
        let some = !state.full.is_empty() || !state.filling.is_empty();
        drop(state);
        if some {
            self.news.notify_one();
        }
    }

    fn take(&self) -> Option<(Lines, u64)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = state.full.pop_front().unwrap_or_else(|| std::mem::take(&mut state.filling));
        (!lines.is_empty()).then(|| (lines, std::mem::take(&mut state.dropped)))
    }

    /// Hands on what is gathered, for as long as somebody takes it.
    pub(super) async fn pump(&self, seq: Seq, sender: mpsc::Sender<LogBatch>) {
        loop {
            self.news.notified().await;
            while let Some((lines, dropped)) = self.take() {
                if sender.send(LogBatch { seq, lines, dropped }).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// Adds lines.
pub(super) struct Writer<'a> {
    state: &'a mut State,
}

impl Writer<'_> {
    /// Returns the batch that has room.
    pub(super) fn lines(&mut self) -> &mut Lines {
        let State { full, filling, dropped } = &mut *self.state;
        if filling.len() >= LINES || filling.bytes() >= BYTES {
            if full.len() >= WAITING
                && let Some(mut oldest) = full.pop_front()
            {
                *dropped += oldest.drop_text();
                // Its marks go ahead of the next batch: a gap that nobody sees is what marks are against.
                if let Some(next) = full.front_mut().filter(|_| !oldest.is_empty()) {
                    oldest.append(next);
                    *next = oldest;
                }
            }
            full.push_back(std::mem::take(filling));
        }
        filling
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::log::{Body, Mark, Source};

    #[tokio::test]
    async fn a_console_that_does_not_keep_up_loses_the_oldest_lines_counted_and_no_mark() {
        let outbox = Outbox::default();
        let source =
            Arc::new(Source { instance: "web-a".into(), container: "web".into(), revision: "web-1".into(), init: false, previous: false });
        let lines = LINES * (WAITING + 10);
        outbox.write(|writer| writer.lines().push_mark(0, &source, Mark::Joined));
        for at in 0..lines {
            outbox.write(|writer| writer.lines().push_text(at as i64, &source, b"x"));
        }
        let (sender, mut batches) = mpsc::channel(1);
        let pump = outbox.pump(Seq(1), sender);
        let read = async {
            let (mut got, mut dropped, mut marks) = (Vec::new(), 0, 0);
            while got.last() != Some(&(lines as i64 - 1)) {
                let batch = batches.recv().await.unwrap();
                dropped += batch.dropped;
                for entry in batch.lines.iter() {
                    match entry.body {
                        Body::Text(_) => got.push(entry.at),
                        Body::Mark(_) => marks += 1,
                    }
                }
            }
            (got, dropped, marks)
        };
        let (got, dropped, marks) = tokio::select! { () = pump => panic!("the pump ended"), read = read => read };
        assert_eq!(marks, 1);
        assert!(dropped > 0);
        assert_eq!(got.len() as u64 + dropped, lines as u64, "each line is there or counted");
        assert!(got.is_sorted());
    }
}
