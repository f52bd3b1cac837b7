//! One channel's work: what waits, in order, and each announcement's tries.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fault::{Again, Fault};
use super::secret::Secrets;
use super::{Options, mail, program, webhook};
use crate::adapter::backoff;
use crate::domain::announcement::{Announcement, Occasion};
use crate::domain::letter::{self, Form};
use crate::domain::plan::{Channel, Means};
use crate::port::Seq;
use crate::port::notify::Event;

/// An announcement on its way.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub seq: Seq,
    pub announcement: Box<Announcement>,
}

/// A channel with what its means keeps from one try to the next.
pub(super) struct Lane {
    channel: Channel,
    options: Options,
    events: mpsc::Sender<Event>,
    ending: CancellationToken,
    waiting: VecDeque<Job>,
}

/// What a means keeps: reading the system's certificates takes longer than a request.
#[derive(Default)]
pub(super) struct Kept {
    pub http: Option<reqwest::Client>,
    pub tls: Option<lettre::transport::smtp::client::TlsParameters>,
}

impl Lane {
    pub(super) fn new(channel: Channel, options: Options, events: mpsc::Sender<Event>, ending: CancellationToken) -> Self {
        Self { channel, options, events, ending, waiting: VecDeque::new() }
    }

    /// Runs until nobody asks any more and nothing waits.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut kept = Kept::default();
        loop {
            let Some(job) = (match self.waiting.pop_front() {
                Some(job) => Some(job),
                None => jobs.recv().await,
            }) else {
                return;
            };
            let trying = Trying {
                channel: self.channel.clone(),
                options: self.options.clone(),
                events: self.events.clone(),
                ending: self.ending.clone(),
            };
            let mut sending = std::pin::pin!(trying.send(&job, &mut kept));
            loop {
                tokio::select! {
                    () = &mut sending => break,
                    // What comes meanwhile is taken at once, so that whoever announces never waits.
                    Some(more) = jobs.recv() => self.keep(more).await,
                }
            }
        }
    }

    async fn keep(&mut self, job: Job) {
        self.waiting.push_back(job);
        if self.waiting.len() > self.options.waiting
            && let Some(oldest) = self.waiting.pop_front()
        {
            let why = format!("dropped: {} newer ones wait", self.waiting.len());
            tell(&self.events, Event::Failed { seq: oldest.seq, channel: self.channel.name.clone(), why }).await;
        }
    }
}

/// One announcement's way over one channel.
struct Trying {
    channel: Channel,
    options: Options,
    events: mpsc::Sender<Event>,
    ending: CancellationToken,
}

impl Trying {
    /// Tries until it is sent or given up, and says which.
    async fn send(&self, job: &Job, kept: &mut Kept) {
        let (seq, name) = (job.seq, &self.channel.name);
        let begin = Instant::now();
        for attempt in 1.. {
            let mut secrets = Secrets::default();
            let Err(fault) = self.once(job, kept, &mut secrets).await else {
                return tell(&self.events, Event::Sent { seq, channel: name.clone() }).await;
            };
            let why = secrets.clean(&fault.why);
            let wait = match fault.again {
                _ if self.ending.is_cancelled() => Err("the console ended".to_owned()),
                Again::Never => Err(String::new()),
                _ if attempt >= self.options.tries => Err(format!("given up after {attempt} tries")),
                Again::Soon => Ok(backoff::wait(attempt) * self.options.pace),
                Again::After(wait) => Ok(wait),
            };
            let wait = wait.and_then(|wait| self.within(begin, wait));
            match wait {
                Ok(wait) => {
                    tell(&self.events, Event::Retrying { seq, channel: name.clone(), why, attempt: attempt + 1 }).await;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        // One more try, now.
                        () = self.ending.cancelled() => {}
                    }
                }
                Err(end) => {
                    let why = if end.is_empty() { why } else { format!("{why}; {end}") };
                    return tell(&self.events, Event::Failed { seq, channel: name.clone(), why }).await;
                }
            }
        }
    }

    fn within(&self, begin: Instant, wait: Duration) -> Result<Duration, String> {
        if begin.elapsed() + wait > self.options.patience {
            return Err(format!("given up: the next try would be in {} s", wait.as_secs()));
        }
        Ok(wait)
    }

    async fn once(&self, job: &Job, kept: &mut Kept, secrets: &mut Secrets) -> Result<(), Fault> {
        let announcement = &*job.announcement;
        let form = match &self.channel.by {
            Means::Webhook { slack: true, .. } => Form::Slack,
            // Without a template the announcement goes whole, with the text beside it.
            Means::Webhook { .. } if self.channel.template.is_some() => Form::Json,
            _ => Form::Plain,
        };
        let text = letter::write(self.channel.template.as_deref(), form, announcement).map_err(Fault::lasting)?;
        match &self.channel.by {
            Means::Webhook { url, slack, headers } => {
                let body = webhook::body(announcement, text, form, *slack)?;
                webhook::post(&self.options, kept, secrets, (url, headers), body).await
            }
            Means::Email { .. } => mail::send(&self.options, kept, secrets, &self.channel.by, announcement, text).await,
            Means::Command { run } => program::run(self.options.program_limit, run, announcement).await,
            Means::Terminal => {
                let bell = announcement.occasion.bad() || matches!(announcement.occasion, Occasion::ApprovalAsked | Occasion::GateOpened);
                tell(&self.events, Event::Terminal { seq: job.seq, bell, text: text.replace('\n', " ") }).await;
                Ok(())
            }
        }
    }
}

/// Tells the console, and the log where it is bad: the console may be gone by then.
async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    match &event {
        Event::Failed { seq, channel, why } => tracing::warn!(seq = seq.0, channel, why, "a notification failed"),
        Event::Retrying { seq, channel, why, attempt } => {
            tracing::info!(seq = seq.0, channel, why, attempt, "a notification is tried again");
        }
        Event::Sent { .. } | Event::Terminal { .. } => {}
    }
    let _ = events.send(event).await;
}
