//! What is wrong with one instance, read from its containers' states; the engine's events only lend their words.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Cause;
use crate::domain::event::Event;
use crate::domain::id::ContainerName;
use crate::domain::instance::{Container, ContainerState, Exit, Instance, InstanceState};
use crate::domain::revision::Revision;
use crate::domain::rollout::Rollout;

/// Pull errors come and go with a registry's hiccups; a pod this old has tried more than once.
const PULLING: SignedDuration = SignedDuration::from_secs(5);
/// A scheduler finds a place within a second where there is one.
const PLACING: SignedDuration = SignedDuration::from_secs(10);
/// An image that is being pulled and a volume that is being attached look alike; the event tells, after this long.
const CREATING: SignedDuration = SignedDuration::from_secs(10);
/// The largest images take minutes to pull; after this no one would call it progress.
const STUCK: SignedDuration = SignedDuration::from_mins(3);
/// A probe fails while a program starts; that alone is no trouble.
const PROBED: SignedDuration = SignedDuration::from_secs(10);
/// A program without a word from a probe gets longer.
const STARTING: SignedDuration = SignedDuration::from_secs(60);
/// Between two crashes it runs, and may even be ready: one cause, until it has run as long as the kubelet's longest wait.
const CRASHING: SignedDuration = SignedDuration::from_mins(5);
/// A single crash is over when it has run this long and is ready.
const CRASHED: SignedDuration = SignedDuration::from_mins(1);

/// One instance's trouble.
pub(super) struct Symptom<'a> {
    pub cause: Cause,
    pub instance: &'a Arc<Instance>,
    pub container: Option<ContainerName>,
    /// What follows the count: the sentence's verb for one and for several, then the rest.
    verbs: (&'static str, &'static str),
    rest: String,
    /// The engine's words.
    pub words: String,
    pub permanent: bool,
}

impl<'a> Symptom<'a> {
    /// Returns what is wrong with an instance; none where it is well, or has not had its time yet.
    pub fn of(rollout: &Rollout, revision: &Revision, instance: &'a Arc<Instance>, now: Timestamp) -> Option<Self> {
        let events = Events { rollout, about: format!("Pod {}", instance.name) };
        let age = instance.created.map_or(SignedDuration::MAX, |created| now.duration_since(created));
        lost(instance, &events).or_else(|| instance.containers.iter().find_map(|container| crashing(instance, container, now))).or_else(
            || {
                if instance.state == InstanceState::Ready {
                    return None;
                }
                let mut containers = instance.containers.iter();
                containers
                    .clone()
                    .find_map(|container| config(instance, container))
                    .or_else(|| containers.find_map(|container| pulling(revision, instance, container, &events)).filter(|_| age >= PULLING))
                    .or_else(|| unplaced(instance, &events).filter(|_| age >= PLACING))
                    .or_else(|| unmade(instance, &events, age).filter(|_| age >= CREATING))
                    .or_else(|| unready(instance, &events, now))
            },
        )
    }

    /// Returns the place in the order of gravity: what stops everything first.
    pub fn gravity(&self) -> u8 {
        match self.cause {
            Cause::Config => 0,
            Cause::ImagePull => 1,
            Cause::CrashLoop => 2,
            Cause::Unschedulable => 3,
            Cause::Sandbox => 4,
            Cause::NodeLost => 5,
            _ => 6,
        }
    }

    /// Returns the sentence after its count.
    pub fn says(&self, one: bool) -> String {
        let verb = if one { self.verbs.0 } else { self.verbs.1 };
        format!("{verb} {}", self.rest)
    }
}

struct Events<'a> {
    rollout: &'a Rollout,
    about: String,
}

impl Events<'_> {
    fn last(&self, fits: impl Fn(&Event) -> bool) -> Option<&Event> {
        self.rollout.events.iter().filter(|event| event.about == self.about && fits(event)).max_by_key(|event| event.at)
    }
}

fn plain<'a>(cause: Cause, instance: &'a Arc<Instance>, verbs: (&'static str, &'static str), rest: String) -> Symptom<'a> {
    Symptom { cause, instance, container: None, verbs, rest, words: instance.message.clone(), permanent: false }
}

fn lost<'a>(instance: &'a Arc<Instance>, events: &Events<'_>) -> Option<Symptom<'a>> {
    let told = events.last(|event| event.reason == "NodeNotReady").filter(|_| instance.state != InstanceState::Ready);
    if instance.word != "Unknown" && instance.word != "NodeLost" && told.is_none() {
        return None;
    }
    let node = instance.node.as_deref().unwrap_or("its node");
    let mut symptom = plain(Cause::NodeLost, instance, ("is", "are"), format!("on a lost node: {node} does not answer"));
    if let Some(told) = told {
        symptom.words.clone_from(&told.message);
    }
    Some(symptom)
}

fn crashing<'a>(instance: &'a Arc<Instance>, container: &Container, now: Timestamp) -> Option<Symptom<'a>> {
    let ended_badly = |exit: &&Exit| exit.code != 0 || exit.reason == "OOMKilled";
    let now_ended = match &container.state {
        ContainerState::Ended(exit) => Some(exit),
        _ => None,
    };
    if container.init && now_ended.is_some_and(|exit| exit.code == 0) {
        return None;
    }
    let waits = matches!(&container.state, ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff");
    // A container that is made and not yet started is told as one that ended well (kubelet 1.20).
    let last = container.last_exit.as_ref();
    let exit = now_ended.filter(ended_badly).or(last.filter(ended_badly)).or(last.filter(|_| waits || container.restarts > 1));
    // Measured by how long it runs, not by how long ago it crashed: the wait between the two may be the longer.
    let runs_since = match &container.state {
        ContainerState::Running { since } => since.or(exit.and_then(|exit| exit.at)),
        _ => exit.and_then(|exit| exit.at),
    };
    let patience = if container.restarts > 1 || !container.ready { CRASHING } else { CRASHED };
    let fresh = runs_since.is_none_or(|at| now.duration_since(at) < patience);
    let loops = waits || now_ended.as_ref().is_some_and(ended_badly);
    // The kubelet forgets how a run ended when it has cleared the dead container away, but not that it restarted it.
    let between = container.restarts > 0 && (exit.is_some() || last.is_none()) && fresh;
    if !loops && !between {
        return None;
    }
    let times = match container.restarts {
        0 => String::new(),
        1 => ", restarted once".into(),
        times => format!(", restarted {times} times"),
    };
    let init = if container.init { format!(" in init container {}", container.name) } else { String::new() };
    let code = exit.map(|exit| format!(": exit {}", exit.code)).unwrap_or_default();
    let (verbs, rest) = match exit {
        Some(exit) if exit.reason == "OOMKilled" => {
            let limit = instance.memory_limit.map(|bytes| format!(", limit {}", mebi(bytes))).unwrap_or_default();
            (("is", "are"), format!("killed for memory{init}{limit}{times}"))
        }
        Some(exit) if exit.code == 0 => (("ends", "end"), format!("again and again{init}{code}{times}")),
        // Once is no loop; where it waits it was tried again before.
        _ if container.restarts < 2 && !waits => (("crashed", "crashed"), format!("once{init}{code}")),
        _ => (("crashes", "crash"), format!("again and again{init}{code}{times}")),
    };
    let mut symptom = plain(Cause::CrashLoop, instance, verbs, rest);
    symptom.container = Some(container.name.clone());
    if let Some(exit) = exit {
        symptom.words = format!("{} exit {} {}", container.name, exit.code, exit.reason);
        if !exit.message.is_empty() {
            symptom.words = format!("{}: {}", symptom.words, exit.message);
        }
    }
    Some(symptom)
}

fn config<'a>(instance: &'a Arc<Instance>, container: &Container) -> Option<Symptom<'a>> {
    let ContainerState::Waiting { reason, message } = &container.state else { return None };
    if !matches!(reason.as_str(), "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "PostStartHookError") {
        return None;
    }
    let mut symptom =
        plain(Cause::Config, instance, ("cannot", "cannot"), format!("start {}: {}", container.name, words_or(message, reason)));
    symptom.container = Some(container.name.clone());
    symptom.words = format!("{reason}: {message}");
    symptom.permanent = reason == "CreateContainerConfigError";
    Some(symptom)
}

fn pulling<'a>(revision: &Revision, instance: &'a Arc<Instance>, container: &Container, events: &Events<'_>) -> Option<Symptom<'a>> {
    let ContainerState::Waiting { reason, message } = &container.state else { return None };
    let permanent = matches!(reason.as_str(), "InvalidImageName" | "ErrImageNeverPull");
    if !permanent && !matches!(reason.as_str(), "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable") {
        return None;
    }
    // The registry's words stand in the failure, and not in the wait after it.
    let told = events.last(|event| event.reason == "Failed" && event.message.contains("pull"));
    let words = match told {
        Some(told) => told.message.as_str(),
        None if reason == "ImagePullBackOff" => "",
        None => message.as_str(),
    };
    let image = revision.images.iter().find(|image| image.container == container.name).map(|image| image.image.as_str());
    let image = image.or_else(|| message.split('"').nth(1)).unwrap_or("its image");
    let why = words.rsplit(": ").next().map(str::trim).filter(|why| !why.is_empty() && !why.contains('"'));
    let rest = match why {
        Some(why) => format!("pull {image}: {why}"),
        None => format!("pull {image}"),
    };
    let mut symptom = plain(Cause::ImagePull, instance, ("cannot", "cannot"), rest);
    symptom.container = Some(container.name.clone());
    if words.is_empty() { message } else { words }.clone_into(&mut symptom.words);
    symptom.permanent = permanent;
    Some(symptom)
}

fn unplaced<'a>(instance: &'a Arc<Instance>, events: &Events<'_>) -> Option<Symptom<'a>> {
    if instance.state != InstanceState::Pending || instance.node.is_some() {
        return None;
    }
    let told = events.last(|event| event.reason == "FailedScheduling").map(|event| event.message.as_str());
    let words = if instance.message.is_empty() { told? } else { &instance.message };
    let mut symptom = plain(Cause::Unschedulable, instance, ("finds", "find"), format!("no node: {}", words.trim_end_matches('.')));
    words.clone_into(&mut symptom.words);
    Some(symptom)
}

fn unmade<'a>(instance: &'a Arc<Instance>, events: &Events<'_>, age: SignedDuration) -> Option<Symptom<'a>> {
    if instance.state != InstanceState::Starting {
        return None;
    }
    // After two minutes the kubelet also says that it timed out, and no more what is missing.
    if let Some(told) = events.last(|event| event.reason == "FailedMount" && missing(&event.message).is_some()) {
        let what = missing(&told.message).unwrap_or_default();
        let mut symptom = plain(Cause::Config, instance, ("cannot", "cannot"), format!("mount a volume: {what}"));
        symptom.words.clone_from(&told.message);
        return Some(symptom);
    }
    let told = events.last(|event| matches!(event.reason.as_str(), "FailedCreatePodSandBox" | "FailedMount" | "FailedAttachVolume"));
    let Some(told) = told else {
        // No event is read, or it is gone: that it takes long is known all the same.
        let since = instance.created.filter(|_| age >= STUCK && instance.word == "ContainerCreating")?;
        let words = format!("start: {} since {}", instance.word, since.strftime("%H:%M:%SZ"));
        return Some(plain(Cause::Sandbox, instance, ("does not", "do not"), words));
    };
    let what = if told.reason == "FailedCreatePodSandBox" { "start: no sandbox" } else { "start: a volume cannot be had" };
    let last = told.message.rsplit(": ").next().unwrap_or_default();
    let mut symptom = plain(Cause::Sandbox, instance, ("cannot", "cannot"), format!("{what}, {last}"));
    symptom.words.clone_from(&told.message);
    Some(symptom)
}

/// Returns `secret "web-tls" not found` of a volume's failure: which Secret or ConfigMap, or which key of it.
fn missing(words: &str) -> Option<&str> {
    let starts = ["secret \"", "configmap \"", "secret references", "configmap references"];
    let at = starts.iter().filter_map(|start| words.find(start)).min()?;
    words.get(at..).filter(|what| what.contains("not found") || what.contains("non-existent")).map(str::trim)
}

fn unready<'a>(instance: &'a Arc<Instance>, events: &Events<'_>, now: Timestamp) -> Option<Symptom<'a>> {
    if instance.state != InstanceState::Unready {
        return None;
    }
    let runs =
        instance.containers.iter().filter(|container| !container.ready && !container.init).find_map(|container| match container.state {
            ContainerState::Running { since } => Some((container, since)),
            _ => None,
        });
    let since = runs.and_then(|(_, since)| since).or(instance.created);
    let lasts = since.map_or(SignedDuration::MAX, |since| now.duration_since(since));
    let told = events.last(|event| event.reason == "Unhealthy" && event.message.starts_with("Readiness"));
    let probe = told.map(|event| event.message.as_str()).or(Some(instance.message.as_str()).filter(|words| words.contains("probe")));
    if lasts < if probe.is_some() { PROBED } else { STARTING } {
        return None;
    }
    let rest = match probe {
        Some(words) => format!("not ready: {}", words.trim_start_matches("Readiness probe failed: ")),
        // Since when, not for how long: the sentence stands still.
        None => format!("not ready{}", since.map(|at| format!(" since it started at {}", at.strftime("%H:%M:%SZ"))).unwrap_or_default()),
    };
    let mut symptom = plain(Cause::Unready, instance, ("is", "are"), rest);
    symptom.container = runs.map(|(container, _)| container.name.clone());
    if let Some(words) = probe {
        words.clone_into(&mut symptom.words);
    }
    Some(symptom)
}

fn words_or<'a>(words: &'a str, other: &'a str) -> &'a str {
    if words.is_empty() { other } else { words }
}

/// `256Mi`, as manifests say it.
fn mebi(bytes: u64) -> String {
    if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) { format!("{}Gi", bytes >> 30) } else { format!("{}Mi", bytes >> 20) }
}
