//! One container's log, followed over breaks and restarts.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt};
use kube::Client;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::choose::{Key, Seen};
use super::frame::{Framer, Out, Place};
use super::outbox::Outbox;
use crate::adapter::{backoff, clock};
use crate::domain::log::{Gap, Mark, Source};
use crate::port::engine::{LogQuery, Range};

/// A server that has not answered by then is asked again.
const OPENING: Duration = Duration::from_secs(10);
/// A stream that is silent for so long, while others are not, may have died of a rotation (kubernetes#28369, #59902):
/// it is opened again, which costs one request and shows no line twice.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the word of a container's end may come after the end of its log.
const SETTLING: Duration = Duration::from_millis(1500);
/// How often a stream that waits looks whether its pod is gone.
const GLANCE: Duration = Duration::from_secs(5);
/// How long a log may go on after its pod is gone.
const PARTING: Duration = Duration::from_secs(5);

/// How far a container's log was read. Kept by the follower, so that a stream that is stopped goes on where it was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The run that `place` is in.
    pub(super) run: Option<u32>,
    pub(super) place: Place,
    /// It began while it was followed: it is read from its start, and not from the range's.
    pub(super) whole: bool,
    /// The run was read to its end.
    pub(super) complete: bool,
}

/// What the streams share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) namespace: String,
    pub(super) query: LogQuery,
    pub(super) outbox: Outbox,
    /// Streams are opened a few at a time.
    pub(super) gate: Semaphore,
    /// When any stream last had a line, in milliseconds since 1970.
    pub(super) pulse: AtomicI64,
}

pub(super) struct Stream {
    pub(super) client: Client,
    pub(super) shared: Arc<Shared>,
    pub(super) key: Key,
    pub(super) source: Arc<Source>,
    pub(super) seen: watch::Receiver<Seen>,
    pub(super) progress: Arc<Mutex<Progress>>,
    /// It came while others were followed already.
    pub(super) joined: bool,
}

/// How a stream ended.
enum End {
    /// The log is at its end.
    Whole,
    /// Nothing came for long.
    Silent,
    /// The connection broke, or the server is in trouble.
    Broken,
    /// The server will not: the reason as a sentence; empty where waiting helps.
    Refused(String),
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Following,
    Previous,
}

impl Stream {
    /// Follows until the pod is gone and its log at the end.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        let mut lost: Option<Instant> = None;
        let mut told = false;
        loop {
            let seen = self.seen.borrow_and_update().clone();
            let mut progress = self.progress();
            let done = progress.complete && (self.shared.query.previous || progress.run == Some(seen.restarts));
            if done || !seen.readable {
                if seen.gone || self.seen.changed().await.is_err() {
                    return self.part(&seen);
                }
                continue;
            }
            if self.shared.query.previous {
                match self.read(Which::Previous, &mut lost).await {
                    End::Broken | End::Silent => {
                        failures += 1;
                        tokio::time::sleep(backoff::wait(failures)).await;
                        continue;
                    }
                    End::Refused(why) if !why.is_empty() => self.mark(Mark::Failed(why)),
                    End::Whole | End::Refused(_) => self.mark(Mark::Ended(seen.exit)),
                }
                progress = self.progress();
                self.keep(Progress { complete: true, ..progress });
                continue;
            }
            if progress.run != Some(seen.restarts) {
                self.next_run(progress, &seen).await;
            }
            let before = self.progress().place;
            let end = self.read(Which::Following, &mut lost).await;
            if self.progress().place != before {
                failures = 0;
            }
            match end {
                End::Whole => {
                    let run = seen.restarts;
                    let over = |seen: &Seen| seen.gone || !seen.running || seen.restarts != run;
                    let known = matches!(timeout(SETTLING, self.seen.wait_for(over)).await, Ok(Ok(_)));
                    if known {
                        let exit = self.seen.borrow().exit.clone();
                        progress = self.progress();
                        self.keep(Progress { complete: true, ..progress });
                        self.mark(Mark::Ended(exit));
                    } else {
                        // It runs, so the server ended it: goes on where it was.
                        failures += 1;
                        tokio::time::sleep(backoff::wait(failures)).await;
                    }
                }
                End::Silent => {}
                End::Broken => {
                    if self.seen.borrow().gone {
                        return self.part(&seen);
                    }
                    lost.get_or_insert_with(Instant::now);
                    failures += 1;
                    tokio::time::sleep(backoff::wait(failures)).await;
                }
                End::Refused(why) => {
                    if !why.is_empty() && !told {
                        told = true;
                        self.mark(Mark::Failed(why));
                    }
                    // Not in a loop: the next word about the pod is the next try.
                    if self.seen.borrow().gone || self.seen.changed().await.is_err() {
                        return self.part(&seen);
                    }
                }
            }
        }
    }

    /// Says the end of a pod that is gone, where it was read from and its end was not said yet.
    fn part(&self, seen: &Seen) {
        let progress = self.progress();
        if progress.place != Place::default() && !progress.complete {
            self.mark(Mark::Ended(seen.exit.clone()));
        }
    }

    /// Goes over to a new run. What the last one still wrote is read first, where a break had kept it from being read.
    async fn next_run(&mut self, progress: Progress, seen: &Seen) {
        if let Some(run) = progress.run
            && !progress.complete
        {
            let whole = seen.restarts == run + 1 && matches!(self.read(Which::Previous, &mut None).await, End::Whole);
            if whole {
                self.mark(Mark::Ended(seen.exit.clone()));
            } else {
                self.mark(Mark::Reconnected { after_ms: 0, gap: Gap::Possible });
            }
        }
        let whole = progress.run.is_some() || self.joined;
        self.keep(Progress { run: Some(seen.restarts), place: Place::default(), whole, complete: false });
    }

    /// Reads one stream to its end.
    async fn read(&mut self, which: Which, lost: &mut Option<Instant>) -> End {
        let progress = self.progress();
        let shared = self.shared.clone();
        let request = match http::Request::get(self.path(which, progress)).body(Vec::new()) {
            Ok(request) => request,
            Err(error) => return End::Refused(error.to_string()),
        };
        let opened = {
            let Ok(_permit) = shared.gate.acquire().await else { return End::Broken };
            timeout(OPENING, self.client.request_stream(request)).await
        };
        let reader = match opened {
            Ok(Ok(reader)) => reader,
            Ok(Err(kube::Error::Api(status))) if (400..500).contains(&status.code) && ![401, 408, 429].contains(&status.code) => {
                // 400: not started yet, or the pod has no such run any more; 404: the pod is gone.
                let silent = matches!(status.code, 400 | 404);
                return End::Refused(if silent { String::new() } else { status.message.clone() });
            }
            Ok(Err(_)) | Err(_) => return End::Broken,
        };
        let mut reader = std::pin::pin!(reader);
        let mut framer = Framer::at(progress.place);
        let source = self.source.clone();
        if std::mem::take(&mut self.joined) {
            self.mark(Mark::Joined);
        }
        // With nothing had before there is nothing to overlap with, and nothing missing.
        if progress.place == Place::default()
            && let Some(since) = lost.take()
        {
            self.mark(reconnected(since, Gap::None));
        }
        let mut last = Instant::now();
        loop {
            let wait = if self.seen.borrow().gone { PARTING } else { GLANCE };
            let chunk = match timeout(wait, reader.fill_buf()).await {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(_)) => return End::Broken,
                Err(_) if self.seen.borrow().gone => return End::Whole,
                Err(_) => {
                    let now = clock::now().as_millisecond();
                    let others = now - shared.pulse.load(Ordering::Relaxed) < SILENCE.as_millis() as i64;
                    if which == Which::Following && others && last.elapsed() >= SILENCE {
                        return End::Silent;
                    }
                    continue;
                }
            };
            let taken = chunk.len();
            shared.outbox.write(|writer| {
                let mut out = |out: Out<'_>| match out {
                    Out::Line(at, text) => writer.lines().push_text(at, &source, text),
                    Out::Resumed(gap) => {
                        // A stream that was opened again for its silence says nothing where nothing is missing.
                        let since = lost.take();
                        if since.is_some() || gap == Gap::Possible {
                            let at = progress.place.newest().unwrap_or_default();
                            let mark = reconnected(since.unwrap_or_else(Instant::now), gap);
                            writer.lines().push_mark(at, &source, mark);
                        }
                    }
                };
                if taken == 0 {
                    framer.finish(&mut out);
                } else {
                    framer.feed(chunk, &mut out);
                }
            });
            self.keep(Progress { place: framer.place(), ..progress });
            if taken == 0 {
                return End::Whole;
            }
            reader.as_mut().consume(taken);
            last = Instant::now();
            shared.pulse.store(clock::now().as_millisecond(), Ordering::Relaxed);
        }
    }

    fn path(&self, which: Which, progress: Progress) -> String {
        let Self { shared, key, .. } = self;
        let which = match which {
            Which::Following => "&follow=true",
            Which::Previous => "&previous=true",
        };
        // The client rounds a time to the second up as well as down, and half a second would be lost: it is written here.
        let from = match (progress.place.since(), shared.query.range) {
            (Some(since), _) => format!("&sinceTime={since}"),
            (None, _) if progress.whole => String::new(),
            (None, Range::Tail(lines)) => format!("&tailLines={lines}"),
            (None, Range::Since(back)) => format!("&sinceSeconds={}", back.as_secs().max(1)),
        };
        let Key { instance, container, .. } = key;
        format!("/api/v1/namespaces/{}/pods/{instance}/log?container={container}&timestamps=true{which}{from}", shared.namespace)
    }

    fn mark(&self, mark: Mark) {
        // Where the run's lines end, by the clock that stamped them: the console's own may be ahead.
        let at = self.progress().place.newest().or_else(|| i64::try_from(clock::now().as_nanosecond()).ok()).unwrap_or_default();
        self.shared.outbox.write(|writer| writer.lines().push_mark(at, &self.source, mark));
    }

    fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

fn reconnected(since: Instant, gap: Gap) -> Mark {
    Mark::Reconnected { after_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX), gap }
}
