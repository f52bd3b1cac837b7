//! The doctor: why a rollout makes no progress, in one sentence with its evidence.
//!
//! A pure function over a [`Rollout`]. Status tells, events explain (api-semantics 1.7). Waiting reasons that flap (an
//! image pull that fails and backs off, a crash and the run after it) are one cause, so the sentence does not flicker.

mod capacity;
mod cause;
mod control;
mod symptom;
#[cfg(test)]
mod tests;
mod waits;

use jiff::{SignedDuration, Timestamp};

use super::delivery::Steering;
use super::id::{ContainerName, InstanceName};
use super::instance::InstanceState;
use super::revision::{Revision, Role};
use super::rollout::{Phase, Rollout, Strategy};
pub use cause::Cause;
use symptom::Symptom;

/// A finding: one sentence, its evidence, and where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub cause: Cause,
    /// `1 of 5 canary pods is killed for memory, limit 256Mi`.
    pub sentence: String,
    /// The engine's words.
    pub evidence: String,
    /// Where the log of the trouble is.
    pub instance: Option<InstanceName>,
    pub container: Option<ContainerName>,
    /// It will not mend by waiting.
    pub permanent: bool,
}

impl Finding {
    /// Returns whether nothing is wrong: it says what is waited for.
    pub fn calm(&self) -> bool {
        self.cause.calm()
    }

    /// Keeps the words of the finding before where this one has lost them: the registry's are in a failed pull and not in
    /// the wait after it, and how a run ended is forgotten with the dead container, so the sentence would flicker.
    pub fn steadied(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.cause == self.cause && before.instance == self.instance && before.tells_more(&self) => before.clone(),
            _ => self,
        }
    }

    fn tells_more(&self, than: &Self) -> bool {
        match self.cause {
            Cause::ImagePull => self.sentence.len() > than.sentence.len() && self.sentence.starts_with(&than.sentence),
            Cause::CrashLoop => than.evidence.is_empty() && !self.evidence.is_empty(),
            _ => false,
        }
    }

    fn of(cause: Cause, sentence: String, evidence: impl Into<String>) -> Self {
        Self { cause, sentence, evidence: evidence.into(), instance: None, container: None, permanent: false }
    }
}

/// Endpoints follow a selector within a second; kube-proxy takes some more. Until then nothing is wrong.
const SWITCHING: SignedDuration = SignedDuration::from_secs(10);

/// Returns why a rollout makes no progress or does not serve, or what it waits for; none where it moves and all is well.
/// What hurts users comes first, then what stops the controller, then the root cause on the instances, then what follows
/// from it, and last what is only waited for.
pub fn diagnose(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    no_endpoints(rollout, now)
        .or_else(|| control::aborted_and_held(rollout))
        .or_else(|| control::away(rollout, now))
        .or_else(|| control::invalid(rollout))
        .or_else(|| control::reverted(rollout))
        .or_else(|| control::failed_analysis(rollout))
        .or_else(|| capacity::quota(rollout))
        .or_else(|| instances(rollout, now))
        .or_else(|| control::aborted(rollout))
        .or_else(|| downtime(rollout))
        .or_else(|| capacity::budget(rollout, now))
        .or_else(|| control::checks(rollout, now))
        .or_else(|| deadline(rollout))
        .or_else(|| waits::held(rollout))
        .or_else(|| waits::between(rollout))
        .or_else(|| waits::paused(rollout, now))
        .or_else(|| waits::analysis(rollout, now))
        .or_else(|| waits::autoscaler(rollout))
        .or_else(|| waits::unanalysed(rollout))
}

/// As much of the engine's words as a sentence takes; the evidence has them whole.
const WORDS: usize = 120;

fn cut(words: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or(words).trim_end()),
        None => words.to_owned(),
    }
}

fn no_endpoints(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    let routing = rollout.routing.as_ref()?;
    let reached = routing.endpoints.iter().map(|(_, number)| number).sum::<u32>() + routing.strangers;
    if reached > 0 || routing.switched.is_some_and(|at| now.duration_since(at) < SWITCHING) {
        return None;
    }
    let ready = |revision: &Revision| revision.counts.ready;
    let (up, whose) = match &routing.active {
        Some(active) => {
            let of_side = rollout.revisions.iter().filter(|revision| revision.track.as_ref() == Some(active));
            (of_side.map(ready).sum::<u32>(), format!("{active} "))
        }
        None => (rollout.revisions.iter().map(ready).sum(), String::new()),
    };
    if up == 0 {
        return None;
    }
    let (is, pods) = if up == 1 { ("is", "pod") } else { ("are", "pods") };
    let sentence = format!("service {} reaches no pod, though {up} {whose}{pods} {is} ready", routing.router);
    Some(Finding::of(Cause::NoEndpoints, sentence, format!("selector {}", routing.selector)))
}

/// The gravest symptom of the candidate's instances, else of any others.
fn instances(rollout: &Rollout, now: Timestamp) -> Option<Finding> {
    let candidate = rollout.candidate().map(|revision| &revision.id);
    let mut revisions: Vec<&Revision> = rollout.revisions.iter().collect();
    revisions.sort_by_key(|revision| (Some(&revision.id) != candidate, !revision.roles.serves()));
    revisions.into_iter().find_map(|revision| {
        let live = |instance: &&std::sync::Arc<super::instance::Instance>| {
            !matches!(instance.state, InstanceState::Succeeded)
                && (instance.state != InstanceState::Terminating || instance.word == "Unknown")
        };
        let of: Vec<_> = rollout.instances_of(&revision.id).filter(live).collect();
        let seen: Vec<Symptom<'_>> = of.iter().filter_map(|instance| Symptom::of(rollout, revision, instance, now)).collect();
        let gravest = seen.iter().map(Symptom::gravity).min()?;
        let alike: Vec<&Symptom<'_>> = seen.iter().filter(|symptom| symptom.gravity() == gravest).collect();
        // The first by name: always the same one of several, so that the sentence stands still.
        let first = alike.iter().min_by(|a, b| a.instance.name.cmp(&b.instance.name))?;
        let count = alike.len();
        let all = of.len().max(count);
        let who = noun(rollout, revision, u32::try_from(all).unwrap_or(u32::MAX));
        let sentence = format!("{count} of {all} {who} {}", first.says(count == 1));
        Some(Finding {
            cause: first.cause,
            sentence,
            evidence: first.words.clone(),
            instance: Some(first.instance.name.clone()),
            container: first.container.clone(),
            permanent: first.permanent,
        })
    })
}

fn downtime(rollout: &Rollout) -> Option<Finding> {
    if rollout.strategy != Strategy::Recreate || !rollout.phase.under_way() || rollout.counts.wanted == 0 {
        return None;
    }
    let serving: u32 = rollout.revisions.iter().map(|revision| revision.counts.ready).sum();
    let new = rollout.newest()?;
    (serving == 0).then(|| {
        let sentence = format!("down until {} starts: Recreate stops all old pods before a new one starts", new.version);
        Finding::of(Cause::Downtime, sentence, rollout.native.as_str())
    })
}

fn deadline(rollout: &Rollout) -> Option<Finding> {
    let (_, words) = rollout
        .conditions
        .iter()
        .find(|(reason, _)| reason == "ProgressDeadlineExceeded")
        .filter(|_| rollout.phase != Phase::Done)
        .map(|(reason, words)| (reason.as_str(), words.as_str()))
        .or_else(|| rollout.native.starts_with("ProgressDeadlineExceeded").then_some(("", rollout.native.as_str())))
        // A controller of its own has other reasons to give up, and says them.
        .or_else(|| {
            let own = matches!(rollout.steering, Steering::Steps | Steering::Gates);
            (rollout.phase == Phase::Failed && !own).then_some(("", rollout.native.as_str()))
        })?;
    let new = rollout.newest()?;
    let Counts { ready, wanted } = Counts::of(rollout, new);
    let sentence = format!("no progress within the deadline: {ready} of {wanted} {} ready", noun(rollout, new, wanted));
    Some(Finding::of(Cause::Deadline, sentence, words))
}

/// A candidate's counts against what the workload asks for in the end.
struct Counts {
    ready: u32,
    wanted: u32,
}

impl Counts {
    fn of(rollout: &Rollout, revision: &Revision) -> Self {
        let wanted = if revision.track.is_some() || rollout.strategy == Strategy::Canary {
            revision.counts.wanted
        } else {
            rollout.counts.wanted.max(revision.counts.wanted)
        };
        Self { ready: revision.counts.ready, wanted }
    }
}

/// Returns what a revision's instances are called: `canary pods`, `green pods`, `new pods`, `pods`.
fn noun(rollout: &Rollout, revision: &Revision, count: u32) -> String {
    let pods = if count == 1 { "pod" } else { "pods" };
    let several = rollout.revisions.iter().filter(|other| other.counts.total + other.counts.wanted > 0).count() > 1;
    let word = match &revision.track {
        Some(track) => track.as_str(),
        None if !several => "",
        None if revision.roles.has(Role::Canary) && rollout.strategy == Strategy::Canary => "canary",
        None if revision.roles.candidate() => "new",
        None if revision.roles.serves() && rollout.candidate().is_some() => "stable",
        None if revision.roles.serves() => "",
        None => "old",
    };
    if word.is_empty() { pods.to_owned() } else { format!("{word} {pods}") }
}
