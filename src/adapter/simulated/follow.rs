//! Following logs: a range of what was written, then what comes, in batches that never hold the world up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::logs::Run;
use super::object::Set;
use super::pod::Pod;
use super::world::Managed;
use crate::domain::id::{ContainerName, InstanceName};
use crate::domain::instance::ContainerState;
use crate::domain::log::{Gap, Line, LineBody, Mark, Source};
use crate::port::Seq;
use crate::port::engine::{LogBatch, LogQuery, Range};

/// Lines in one batch.
const BATCH: usize = 1_000;

/// Lines that wait while the channel is full; beyond, the oldest are dropped and counted.
const WAITING: usize = 20_000;

/// How many instances are followed at once, candidates first.
const CAP: usize = 50;

/// How much of a run is kept, as a node rotates a container's file.
const KEPT: u64 = 10_000;

/// The place in one instance's log.
struct Cursor {
    source: Arc<Source>,
    run: Run,
    /// The number of the next line.
    next: u64,
    rate: f64,
    ended: bool,
}

/// What is followed.
pub(super) struct Follow {
    pub(super) seq: Seq,
    pub(super) query: LogQuery,
    cursors: BTreeMap<InstanceName, Cursor>,
    begun: bool,
    lost: Option<Timestamp>,
    waiting: VecDeque<Line>,
    dropped: u64,
    told: Option<(u32, u32)>,
}

impl Follow {
    pub(super) fn new(seq: Seq, query: LogQuery) -> Self {
        Self { seq, query, cursors: BTreeMap::new(), begun: false, lost: None, waiting: VecDeque::new(), dropped: 0, told: None }
    }

    /// The link is lost.
    pub(super) fn cut(&mut self, now: Timestamp) {
        self.lost = Some(now);
    }

    /// Reads on until a time. Returns how many of how many are followed, where that is news.
    pub(super) fn read(&mut self, managed: &Managed, rate: f64, flood: Option<f64>, now: Timestamp) -> Option<(u32, u32)> {
        let mut lines = Vec::new();
        if let Some(lost) = self.lost.take() {
            let after_ms = u64::try_from(now.duration_since(lost).as_millis()).unwrap_or(0);
            let mark = Mark::Reconnected { after_ms, gap: Gap::None };
            lines.extend(self.cursors.values().map(|cursor| marked(cursor, nanoseconds(lost), mark.clone())));
        }
        let mut pods: Vec<(&Set, &Pod)> = managed
            .deployments
            .iter()
            .flat_map(|deployment| deployment.sets.iter().rev())
            .flat_map(|set| set.pods.iter().map(move |pod| (set, pod)))
            .filter(|(_, pod)| self.query.instance.as_ref().is_none_or(|wanted| *wanted == pod.instance.name))
            .collect();
        let of = pods.len();
        pods.truncate(CAP);
        let rate = flood.map_or(rate, |flood| flood / pods.len().max(1) as f64).max(0.001);
        let service = managed.workload.id.service.as_str();
        self.cursors.retain(|name, cursor| {
            let stays = pods.iter().any(|(_, pod)| pod.instance.name == *name);
            if !stays && !cursor.ended {
                catch_up(cursor, now, &mut lines);
                lines.push(marked(cursor, nanoseconds(now), Mark::Ended("deleted".into())));
            }
            stays
        });
        for pod in &pods {
            self.one(*pod, service, rate, now, &mut lines);
        }
        self.begun = true;
        lines.sort_by_key(|line| line.at);
        self.waiting.extend(lines);
        let excess = self.waiting.len().saturating_sub(WAITING);
        self.waiting.drain(..excess);
        self.dropped += excess as u64;
        let news = (pods.len() as u32, of as u32);
        (self.told.replace(news) != Some(news)).then_some(news)
    }

    fn one(&mut self, (set, pod): (&Set, &Pod), service: &str, rate: f64, now: Timestamp, lines: &mut Vec<Line>) {
        let name = &pod.instance.name;
        let run = Run::of(pod, service, self.query.previous);
        match (self.cursors.get_mut(name), run) {
            (None, Some(run)) => {
                let source = Arc::new(Source {
                    instance: name.clone(),
                    container: ContainerName::new(set.template.container.as_str()),
                    revision: set.id.clone(),
                    init: false,
                    previous: self.query.previous,
                });
                let mut cursor = Cursor { source, next: 0, rate, ended: false, run };
                if self.begun {
                    lines.push(marked(&cursor, nanoseconds(cursor.run.since), Mark::Joined));
                } else {
                    cursor.next = first(&cursor.run, self.query.range, rate, now);
                }
                catch_up(&mut cursor, now, lines);
                self.cursors.insert(name.clone(), cursor);
            }
            (Some(cursor), Some(run)) => {
                if run.since != cursor.run.since {
                    // Another run of the same container: what the last one still wrote stands before it.
                    end(cursor, pod, now, lines);
                    *cursor = Cursor { source: Arc::clone(&cursor.source), run, next: 0, rate, ended: false };
                } else if (cursor.rate - rate).abs() > f64::EPSILON {
                    cursor.next = cursor.run.written(now, rate);
                    cursor.rate = rate;
                }
                catch_up(cursor, now, lines);
            }
            (Some(cursor), None) => end(cursor, pod, now, lines),
            (None, None) => {}
        }
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn send(&mut self, logs: &mpsc::Sender<LogBatch>) {
        while !self.waiting.is_empty() || self.dropped > 0 {
            let Ok(slot) = logs.try_reserve() else { return };
            let count = self.waiting.len().min(BATCH);
            slot.send(LogBatch { seq: self.seq, lines: self.waiting.drain(..count).collect(), dropped: std::mem::take(&mut self.dropped) });
        }
    }
}

fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

fn marked(cursor: &Cursor, at: i64, mark: Mark) -> Line {
    Line { at, source: Arc::clone(&cursor.source), body: LineBody::Mark(mark) }
}

/// Returns the number of the line that a range begins with.
fn first(run: &Run, range: Range, rate: f64, now: Timestamp) -> u64 {
    let all = run.written(now, rate);
    let from = match range {
        Range::Tail(lines) => all.saturating_sub(u64::from(lines)),
        Range::Since(duration) => {
            let since = now.checked_sub(duration.max(SignedDuration::ZERO)).unwrap_or(run.since);
            if since <= run.since { 0 } else { run.written(since, rate) }
        }
    };
    from.max(all.saturating_sub(KEPT))
}

/// Writes what a run has written until now, and its last words where it has ended.
fn catch_up(cursor: &mut Cursor, now: Timestamp, lines: &mut Vec<Line>) {
    if cursor.ended {
        return;
    }
    let until = cursor.run.written(now, cursor.rate);
    let text = |source: &Arc<Source>, at: i64, text: String| Line { at, source: Arc::clone(source), body: LineBody::Text(text.into()) };
    for number in cursor.next..until {
        lines.push(text(&cursor.source, cursor.run.time(number, cursor.rate), cursor.run.line(number)));
    }
    cursor.next = cursor.next.max(until);
    if let Some(ended) = cursor.run.ended {
        let at = nanoseconds(ended);
        lines.extend(cursor.run.last_words().into_iter().map(|words| text(&cursor.source, at, words)));
        cursor.ended = true;
    }
}

/// A run that was followed has ended.
fn end(cursor: &mut Cursor, pod: &Pod, now: Timestamp, lines: &mut Vec<Line>) {
    if cursor.ended {
        return;
    }
    let ended = pod.run_before.filter(|(since, _)| *since == cursor.run.since).map_or(now, |(_, ended)| ended);
    cursor.run.ended = Some(ended);
    catch_up(cursor, now, lines);
    let waits = pod.instance.containers.iter().any(|container| matches!(container.state, ContainerState::Waiting { .. }));
    let exit = pod.instance.containers.iter().find_map(|container| container.last_exit.as_ref());
    let words = exit.map_or_else(|| "ended".into(), |exit| format!("{} exit {}", exit.reason, exit.code));
    let words = if waits { format!("{words}, restarts after a while") } else { words };
    lines.push(marked(cursor, nanoseconds(ended), Mark::Ended(words)));
}
