//! Checks: digests are read before them, so many run at once, and what they find is recorded.
//!
//! Of several consoles one keeps a release's checks fresh: the one that announced it, ran one of its checks by key, or began it
//! last. Where that one is gone the items grow stale, which is said beside them, and a key makes another console the keeper.

use std::sync::Arc;

use jiff::SignedDuration;

use super::append;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::notices::Tone;
use crate::app::model::releases::rows;
use crate::app::model::releases::{Binding, Run};
use crate::app::update::{Redraw, Turn};
use crate::domain::id::{EnvironmentName, ItemId, ReleaseId};
use crate::domain::plan::{EngineKind, Workload};
use crate::domain::release::checklist::{Item, Kubernetes, Outcome, Stage, Subject, SubjectService, Task, Verdict, standing};
use crate::domain::release::record::Body;
use crate::domain::release::{Bound, Phase, Release};
use crate::port::Seq;
use crate::port::check::{Command, Event, Found};

/// How often the keeper reads the digests again: a push in between voids what was approved.
const BIND_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// A check is not begun again by itself sooner than this, whatever it found.
const REST: SignedDuration = SignedDuration::from_secs(30);
/// How long a reading of digests may take before the checks go on with what is known.
const BIND_PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Returns an item of the plan that is for a release.
pub(super) fn item<'a>(model: &'a Model, id: &ReleaseId, item: &ItemId) -> Option<&'a Item> {
    let release = model.releases.get(id)?;
    let policy = model.policy(&release.brief.environment)?;
    policy.items.iter().find(|known| known.id == *item && known.applies(release.brief.kind, release.brief.class.as_deref()))
}

/// Runs these checks, as somebody asked by key.
pub(super) fn run(model: &mut Model, id: &ReleaseId, items: &[ItemId], turn: &mut Turn) {
    queue(model, id, items);
    launch(model, id, turn);
}

/// Reads the digests, and runs every check of the lists that matter now.
pub(super) fn run_all(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    let Some(release) = model.releases.get(id).cloned() else { return };
    let Some(policy) = model.policy(&release.brief.environment) else { return };
    // What is behind it is not asked again.
    let stages = rows::stages(release.phase).get(..1).unwrap_or_default();
    let of_it = stages.iter().flat_map(|stage| policy.items(&release.brief, *stage)).filter(|item| item.task != Task::Manual);
    let items: Vec<ItemId> = of_it.map(|item| item.id.clone()).collect();
    queue(model, id, &items);
    if !release.phase.under_way() && !release.phase.ended() {
        bind(model, &release, turn);
    }
    launch(model, id, turn);
}

fn queue(model: &mut Model, id: &ReleaseId, items: &[ItemId]) {
    for item in items {
        if model.releases.running(id, item).is_none() {
            let seq = model.releases.seq.advance();
            model.releases.runs.insert(seq, Run { release: id.clone(), item: item.clone(), asked: model.now, sent: None, started: None });
        }
    }
}

/// Asks the engine for the digests; what it does not know the registry is asked for.
fn bind(model: &mut Model, release: &Arc<Release>, turn: &mut Turn) {
    if model.releases.bindings.values().any(|binding| binding.release == release.id) {
        return;
    }
    let Some(kind) = model.plan.environment(&release.brief.environment).map(|environment| environment.engine) else { return };
    let seq = model.releases.seq.advance();
    let (release_id, since) = (release.id.clone(), model.now);
    model.releases.bindings.insert(seq, Binding { release: release_id.clone(), since, found: Vec::new() });
    model.releases.read.insert(release_id, since);
    // Every environment where the version may run: those before, and this one.
    let workloads = release.brief.versions.iter().filter_map(|(service, _)| model.plan.service(service));
    let workloads = workloads.flat_map(|service| service.workloads.iter().cloned()).collect();
    turn.push(Effect::Check(Some(kind), Command::Bind { seq, subject: subject(model, release), workloads }));
}

/// Returns the texts that a check may name.
fn subject(model: &Model, release: &Release) -> Arc<Subject> {
    let services = release.brief.versions.iter().map(|(service, version)| SubjectService {
        service: service.clone(),
        version: version.clone(),
        image: super::image_of(model, release, service).unwrap_or_else(|| version.clone()),
        digest: release.bound.iter().find(|bound| bound.service == *service).and_then(|bound| bound.digest.clone()),
    });
    let services = services.collect();
    Arc::new(Subject { release: release.id.clone(), environment: release.brief.environment.clone(), services })
}

/// Hands over as many as may run at once. While digests are read none begins: its outcome would be of what is no longer meant.
fn launch(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    if model.releases.bindings.values().any(|binding| binding.release == *id)
        || model.releases.sent(id).any(|body| matches!(body, Body::Bound { .. }))
    {
        return;
    }
    let Some(release) = model.releases.get(id).cloned() else { return };
    let at_once = model.policy(&release.brief.environment).map_or(1, |policy| policy.at_once.max(1)) as usize;
    let sent = model.releases.runs.values().filter(|run| run.sent.is_some()).count();
    let waiting = model.releases.runs.iter().filter(|(_, run)| run.release == *id && run.sent.is_none()).map(|(seq, _)| *seq);
    let ready: Vec<Seq> = waiting.take(at_once.saturating_sub(sent)).collect();
    let (subject, of) = (subject(model, &release), release.fingerprint());
    for seq in ready {
        let Some(run) = model.releases.runs.get(&seq).cloned() else { continue };
        let Some(task) = item(model, id, &run.item).map(|item| item.task.clone()) else {
            model.releases.runs.remove(&seq);
            continue;
        };
        let (kind, workloads) = whose(model, &release, &task);
        if let Some(run) = model.releases.runs.get_mut(&seq) {
            run.sent = Some(of.clone());
        }
        model.releases.ran.insert((id.clone(), run.item.clone()), (model.now, of.clone()));
        let command = Command::Run { seq, item: run.item, task: Box::new(task), subject: Arc::clone(&subject), workloads };
        turn.push(Effect::Check(kind, command));
    }
}

/// Returns who answers a task, and the workloads that it is about.
fn whose(model: &Model, release: &Release, task: &Task) -> (Option<EngineKind>, Vec<Workload>) {
    let about: &EnvironmentName = match task {
        Task::Environment { environment, .. } | Task::Kubernetes(Kubernetes::SameDigest { environment }) => environment,
        _ => &release.brief.environment,
    };
    let services = release.brief.versions.iter().map(|(service, _)| service);
    let workloads: Vec<Workload> = services.flat_map(|service| model.plan.cell(service, about)).cloned().collect();
    let kind = match task {
        Task::Manual | Task::Command(_) | Task::Http(_) | Task::Prometheus(_) => None,
        Task::Kubernetes(_) | Task::Environment { .. } => {
            workloads.first().map(|workload| workload.engine).or_else(|| model.plan.environment(about).map(|of| of.engine))
        }
    };
    (kind, workloads)
}

/// Takes what a checker tells.
pub(in crate::app::update) fn take(model: &mut Model, event: Event, turn: &mut Turn) {
    turn.redraw(Redraw::Soon);
    match event {
        Event::Started { seq, at } => {
            if let Some(run) = model.releases.runs.get_mut(&seq) {
                run.started = Some(at);
            }
        }
        Event::Finished { seq, found } => finished(model, seq, found, turn),
        Event::Bound { seq, bound } => bound_to(model, seq, &bound, turn),
    }
}

fn finished(model: &mut Model, seq: Seq, found: Found, turn: &mut Turn) {
    let Some(run) = model.releases.runs.remove(&seq) else { return };
    let Some(of) = run.sent else { return };
    if let (Some(stage), Some(release)) = (item(model, &run.release, &run.item).map(|item| item.stage), model.releases.get(&run.release)) {
        let (by, _) = model.person(&release.brief.environment);
        // A checker that could not be reached knows no time.
        let at = if found.at == jiff::Timestamp::UNIX_EPOCH { model.now } else { found.at };
        let Found { verdict, evidence, output, link, .. } = found;
        let outcome = Box::new(Outcome { verdict, at, by, evidence, output, link, of });
        append::append(model, &run.release, vec![Body::Checked { item: run.item, stage, outcome }], false, turn);
    }
    let waiting: std::collections::BTreeSet<ReleaseId> =
        model.releases.runs.values().filter(|run| run.sent.is_none()).map(|run| run.release.clone()).collect();
    for id in waiting {
        launch(model, &id, turn);
    }
}

/// Takes digests that were read: first by the engine, then, for what it does not know, by the registry.
fn bound_to(model: &mut Model, seq: Seq, bound: &[Bound], turn: &mut Turn) {
    let Some(binding) = model.releases.bindings.remove(&seq) else { return };
    let Some(release) = model.releases.get(&binding.release).cloned() else { return };
    let first = binding.found.is_empty();
    let mut found = if first { Vec::new() } else { binding.found };
    for (service, _) in &release.brief.versions {
        let told = bound.iter().find(|bound| bound.service == *service);
        let known = found.iter().position(|bound| bound.service == *service);
        match (told, known) {
            (Some(told), Some(at)) => {
                if let Some(kept) = found.get_mut(at).filter(|kept| kept.weak()) {
                    kept.clone_from(told);
                }
            }
            (Some(told), None) => found.push(told.clone()),
            (None, Some(_)) => {}
            (None, None) => {
                let image = super::image_of(model, &release, service).unwrap_or_else(|| service.to_string());
                found.push(Bound { service: service.clone(), image, digest: None, source: "nothing that runs tells it".into() });
            }
        }
    }
    if first && found.iter().any(Bound::weak) {
        let seq = model.releases.seq.advance();
        model.releases.bindings.insert(seq, Binding { release: release.id.clone(), since: model.now, found });
        let subject = subject(model, &release);
        turn.push(Effect::Check(None, Command::Bind { seq, subject, workloads: Vec::new() }));
        return;
    }
    let id = release.id.clone();
    if worth_binding(&release, &found) {
        if !release.bound.is_empty() && fingerprint_of(&release, &found) != release.fingerprint() {
            let text = format!("{}: other bytes stand behind the version now: ticks and approvals are void", release.brief.route());
            model.notices.add(model.now, Tone::Bad, None, text);
        }
        append::append(model, &id, vec![Body::Bound { bound: found }], false, turn);
    }
    launch(model, &id, turn);
}

/// A reading that knows less than what is bound already, because a registry was away, changes nothing.
fn worth_binding(release: &Release, found: &[Bound]) -> bool {
    let same = |kept: &Bound| {
        found.iter().any(|new| new.service == kept.service && new.image == kept.image && (new.digest == kept.digest || new.weak()))
    };
    release.bound.len() != found.len() || !release.bound.iter().all(same)
}

fn fingerprint_of(release: &Release, bound: &[Bound]) -> String {
    Release { bound: bound.to_vec(), ..release.clone() }.fingerprint()
}

/// Returns whether this console keeps a release's checks fresh.
pub(super) fn keeps(model: &Model, release: &Release) -> bool {
    let claims = |body: &Body| match body {
        Body::Announced | Body::Overridden { .. } | Body::Began { .. } | Body::Verifying | Body::RolledBack { .. } => true,
        Body::Checked { item: of, .. } => item(model, &release.id, of).is_some_and(|item| item.task != Task::Manual),
        _ => false,
    };
    release.entries.iter().rev().find(|entry| claims(&entry.body)).is_some_and(|entry| entry.console == model.console)
}

/// A record came: what waited for it goes on, and what it makes due begins.
pub(super) fn recorded(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    refresh(model, id, turn);
    launch(model, id, turn);
}

/// Begins what is due by itself, where this console is the keeper.
pub(super) fn refresh(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    let Some(release) = model.releases.get(id).cloned() else { return };
    if matches!(release.phase, Phase::Draft | Phase::Aborted | Phase::Done) || !keeps(model, &release) {
        return;
    }
    if model.unwritable(&release.brief.environment).is_some() {
        return;
    }
    let read = model.releases.read.get(id);
    if matches!(release.phase, Phase::Checking | Phase::Ready) && read.is_none_or(|read| model.now.duration_since(*read) >= BIND_EVERY) {
        bind(model, &release, turn);
    }
    let due = due(model, &release);
    if !due.is_empty() {
        queue(model, id, &due);
        launch(model, id, turn);
    }
}

/// Returns the checks whose outcome is missing, of other bytes, or soon too old.
fn due(model: &Model, release: &Release) -> Vec<ItemId> {
    let Some(policy) = model.policy(&release.brief.environment) else { return Vec::new() };
    let fingerprint = release.fingerprint();
    let stages: &[Stage] = match release.phase {
        Phase::Checking | Phase::Ready => &[Stage::Before],
        Phase::InProgress => &[Stage::Before],
        Phase::Verifying => &[Stage::After],
        Phase::RolledBack => &[Stage::Back],
        Phase::Draft | Phase::Done | Phase::Aborted => &[],
    };
    let now = model.now;
    let items = stages.iter().flat_map(|stage| policy.items(&release.brief, *stage)).filter(|item| match item.task {
        Task::Manual => false,
        // A rollout under way would fail what asks the cluster to be quiet: it never fails its own release.
        Task::Kubernetes(_) => release.phase != Phase::InProgress,
        _ => true,
    });
    let due = items.filter(|item| {
        if model.releases.running(&release.id, &item.id).is_some() || rows::sent(model, &release.id, item).is_some() {
            return false;
        }
        let outcome = release.outcomes.get(&item.id);
        let known = standing(item, outcome, &fingerprint, now);
        // Begun a little before it is too old, so that the gate does not shut for a moment each time.
        let old = outcome.zip(item.fresh).is_some_and(|(outcome, fresh)| now.duration_since(outcome.at) > fresh * 4 / 5);
        let rested = model.releases.ran.get(&(release.id.clone(), item.id.clone())).is_none_or(|(at, of)| {
            *of != fingerprint || now.duration_since(*at) >= REST.min(item.fresh.map_or(REST, |fresh| fresh * 4 / 5))
        });
        (known.verdict == Verdict::Pending || old) && rested
    });
    due.map(|item| item.id.clone()).collect()
}

/// A second passed.
pub(super) fn tick(model: &mut Model, turn: &mut Turn) {
    let late: Vec<Seq> = model
        .releases
        .bindings
        .iter()
        .filter(|(_, binding)| model.now.duration_since(binding.since) > BIND_PATIENCE)
        .map(|(seq, _)| *seq)
        .collect();
    for seq in late {
        if let Some(binding) = model.releases.bindings.remove(&seq) {
            model.notices.add(model.now, Tone::Warn, None, "the digests could not be read in time: the checks go on without");
            launch(model, &binding.release, turn);
        }
    }
}

/// Stops what runs for a release that is there no longer.
pub(super) fn forget(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    let of_it: Vec<Seq> = model.releases.runs.iter().filter(|(_, run)| run.release == *id).map(|(seq, _)| *seq).collect();
    for seq in of_it {
        let Some(run) = model.releases.runs.remove(&seq) else { continue };
        if run.sent.is_some() {
            let kind = item(model, id, &run.item).map(|item| item.task.clone()).and_then(|task| {
                let release = model.releases.get(id)?;
                whose(model, release, &task).0
            });
            turn.push(Effect::Check(kind, Command::Cancel { seq }));
        }
    }
    model.releases.bindings.retain(|_, binding| binding.release != *id);
}
