//! Orders on their way: intent to disk, requests to the engine, answers and the observed outcome to disk (safety rule 3).
//!
//! Nothing is sent before its intent is on disk, but for a way back, which goes out marked "unrecorded" when the journal
//! does not take it.

use jiff::SignedDuration;

use super::release::begin::Before;
use super::{Redraw, Turn, confirm, driver, order, release};
use crate::app::effect::Effect;
use crate::app::model::jobs::{Job, Stage};
use crate::app::model::notices::Tone;
use crate::app::model::{JournalState, Model, fleet};
use crate::domain::change::{Answer, ChangeError, Expect, Judgement, Preview};
use crate::domain::driver::Drive;
use crate::domain::id::{OpId, RolloutId};
use crate::domain::journal::{Body, Entry, Failure, Intent, OutcomeKind};
use crate::domain::rollout::Rollout;
use crate::domain::verb::{Order, Verb};
use crate::port::{Seq, engine, records};

/// How long a way back waits for the journal before it goes without.
const WAY_BACK_PATIENCE: SignedDuration = SignedDuration::from_secs(2);
/// How long anything else waits before it is given up, unsent.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// Begins an order that was confirmed.
pub(super) fn begin(model: &mut Model, preview: Preview, label: String, turn: &mut Turn) {
    let Preview { rollout, order, requests, from, to, expect, .. } = preview;
    model.jobs.counter += 1;
    let stamp = model.now.strftime("%Y%m%dT%H%M%SZ");
    let op = OpId::from(format!("{stamp}-{}-{}", model.console.replace(':', "-"), model.jobs.counter));
    let intent = Intent {
        rollout: rollout.clone(),
        order: order.clone(),
        from,
        to,
        requests: requests.clone(),
        expect: expect.clone(),
        reason: match &order {
            Order::Drive { act: Drive::TakeOver { reason } } => Some(reason.clone()),
            _ => None,
        },
    };
    let entry = entry(model, &rollout, &op, Body::Intent(Box::new(intent)));
    let seq = model.jobs.seq.advance();
    let way_back = order.verb().way_back();
    let stage = Stage::Recording { seq, since: model.now, intent: Box::new(entry.clone()) };
    let release = release::begin::of(model, &rollout, &order);
    let mut job = Job { op, rollout, order, requests, expect, label, stage, answers: Vec::new(), unrecorded: false, release };
    if way_back && !matches!(model.journal, JournalState::Writable) {
        job.unrecorded = true;
        return proceed(model, job, turn);
    }
    turn.push(Effect::Records(records::Command::Append { seq, entry: Box::new(entry) }));
    model.jobs.list.push(job);
}

fn entry(model: &Model, rollout: &RolloutId, op: &OpId, body: Body) -> Entry {
    Entry { at: model.now, actor: model.actor(rollout).clone(), console: model.console.clone(), op: op.clone(), body }
}

/// Sends an order whose intent is on disk; one that begins a release waits for the release's record.
fn proceed(model: &mut Model, mut job: Job, turn: &mut Turn) {
    match release::begin::ask(model, &job, turn) {
        Before::Nothing => send(model, &mut job, turn),
        Before::Record(seq) => {
            if let Stage::Recording { intent, .. } = job.stage {
                job.stage = Stage::Beginning { seq, since: model.now, intent };
            }
        }
        Before::Refused(why) => {
            let op = job.op.clone();
            model.jobs.list.push(job);
            return stay(model, &op, &why, turn);
        }
    }
    model.jobs.list.push(job);
}

/// The release's record took that an order begins: its requests leave.
pub(super) fn go(model: &mut Model, op: &OpId, turn: &mut Turn) {
    let Some(at) = model.jobs.list.iter().position(|job| job.op == *op) else { return };
    let mut job = model.jobs.list.remove(at);
    send(model, &mut job, turn);
    model.jobs.list.push(job);
}

/// An order whose requests do not leave: the journal closes it, and the person is told why.
pub(super) fn stay(model: &mut Model, op: &OpId, why: &str, turn: &mut Turn) {
    let Some(at) = model.jobs.list.iter().position(|job| job.op == *op) else { return };
    let mut job = model.jobs.list.remove(at);
    if let Stage::Recording { intent, .. } | Stage::Beginning { intent, .. } =
        std::mem::replace(&mut job.stage, Stage::Watching { since: model.now })
    {
        model.jobs.add(*intent);
    }
    append(model, &job, Body::Outcome { result: OutcomeKind::Refused, seen: format!("not sent: {why}") }, turn);
    model.notices.add(model.now, Tone::Bad, Some(job.rollout.clone()), format!("{}: not sent: {why}", job.label));
    release::begin::stayed(model, &job, why, turn);
}

/// Sends an order's requests.
fn send(model: &mut Model, job: &mut Job, turn: &mut Turn) {
    let Some(kind) = model.plan.workload(&job.rollout).map(|workload| workload.engine) else { return };
    if let Stage::Recording { intent, .. } | Stage::Beginning { intent, .. } =
        std::mem::replace(&mut job.stage, Stage::Sending { since: model.now, answered: 0 })
    {
        model.jobs.add(*intent);
    }
    let mut text = order::done(&job.order, model.rollout(&job.rollout).map(AsRef::as_ref));
    if job.unrecorded {
        text.push_str(" (unrecorded)");
        model.notices.add(
            model.now,
            Tone::Warn,
            Some(job.rollout.clone()),
            format!("{}: sent unrecorded, the journal cannot be written", job.label),
        );
    }
    let note = engine::Note { actor: model.actor(&job.rollout).clone(), text, reason: reason(job.order.verb()).into() };
    turn.push(Effect::Engine(
        kind,
        engine::Command::Execute {
            op: job.op.clone(),
            rollout: job.rollout.clone(),
            requests: job.requests.clone(),
            note,
            driving: job.order.verb().needs_lock(),
        },
    ));
}

/// The CamelCase word for the note on the object.
fn reason(verb: Verb) -> &'static str {
    match verb {
        Verb::Ship => "Shipped",
        Verb::Advance => "Promoted",
        Verb::Finish => "PromotedFully",
        Verb::Hold => "Held",
        Verb::Resume => "Resumed",
        Verb::Abort => "Aborted",
        Verb::Retry => "Retried",
        Verb::Switch => "Switched",
        Verb::SwitchBack => "SwitchedBack",
        Verb::RollBack => "RolledBack",
        Verb::Restart => "Restarted",
        Verb::Scale => "Scaled",
        Verb::Retire => "Retired",
        Verb::Terminate => "AnalysisStopped",
        Verb::Drive => "DriverChanged",
    }
}

/// Takes what the journal's store tells.
pub(super) fn take(model: &mut Model, event: records::Event, turn: &mut Turn) {
    turn.redraw(Redraw::Soon);
    match event {
        records::Event::Loaded { entries, problems, live } => {
            model.jobs.load(entries, &live);
            for problem in problems {
                model.notices.add(model.now, Tone::Bad, None, format!("journal: {problem}"));
            }
            if matches!(model.journal, JournalState::Loading) {
                model.journal = JournalState::Writable;
            }
            learn(model);
            let doubtful = model.jobs.in_doubt().count();
            if doubtful > 0 {
                let noun = if doubtful == 1 { "operation is" } else { "operations are" };
                model.notices.add(model.now, Tone::Warn, None, format!("{doubtful} {noun} in doubt: see the timeline"));
            }
        }
        records::Event::Seen(entry) => {
            model.jobs.add(*entry);
            learn(model);
        }
        records::Event::Appended { seq, result } => appended(model, seq, result, turn),
        records::Event::Writable(result) => {
            model.journal = match result {
                Ok(()) => JournalState::Writable,
                Err(why) => JournalState::Unwritable(why),
            };
        }
    }
}

fn appended(model: &mut Model, seq: Seq, result: Result<(), String>, turn: &mut Turn) {
    match &result {
        Ok(()) => model.journal = JournalState::Writable,
        Err(why) => {
            if !matches!(model.journal, JournalState::Unwritable(_)) {
                model.notices.add(model.now, Tone::Bad, None, format!("the journal cannot be written: {why}"));
            }
            model.journal = JournalState::Unwritable(why.clone());
        }
    }
    let Some(at) = model.jobs.list.iter().position(|job| matches!(job.stage, Stage::Recording { seq: waiting, .. } if waiting == seq))
    else {
        return;
    };
    let mut job = model.jobs.list.remove(at);
    match result {
        Ok(()) => proceed(model, job, turn),
        Err(_) if job.order.verb().way_back() => {
            job.unrecorded = true;
            proceed(model, job, turn);
        }
        Err(why) => {
            model.notices.add(
                model.now,
                Tone::Bad,
                Some(job.rollout.clone()),
                format!("{}: not sent, the journal cannot be written: {why}", job.label),
            );
        }
    }
}

/// Takes the answer to one request.
pub(super) fn answered(model: &mut Model, op: &OpId, index: usize, result: Result<Answer, ChangeError>, last: bool, turn: &mut Turn) {
    let Some(at) = model.jobs.list.iter().position(|job| job.op == *op) else { return };
    let mut job = model.jobs.list.remove(at);
    let recorded =
        result.clone().map_err(|error| Failure { message: error.to_string(), in_doubt: matches!(error, ChangeError::InDoubt(_)) });
    append(model, &job, Body::Answered { index, result: recorded }, turn);
    match result {
        Ok(answer) => {
            job.answers.push(answer);
            job.stage = if last { Stage::Watching { since: model.now } } else { Stage::Sending { since: model.now, answered: index + 1 } };
            if last && job.order.verb().way_back() {
                let done = order::done(&job.order, model.rollout(&job.rollout).map(AsRef::as_ref));
                driver::tell_way_back(model, &job.rollout, &done, turn);
            }
            if last {
                model.notices.add(model.now, Tone::Info, Some(job.rollout.clone()), format!("{}: accepted, watching", job.label));
                release::moves::accepted(model, &job, turn);
            }
            model.jobs.list.push(job);
        }
        Err(error @ ChangeError::InDoubt(_)) => {
            model.notices.add(model.now, Tone::Bad, Some(job.rollout.clone()), format!("{}: {error}", job.label));
            job.stage = Stage::Watching { since: model.now };
            model.jobs.list.push(job);
        }
        Err(error) => {
            let done = job.answers.len();
            let all = job.requests.len();
            let halfway = if done > 0 { format!(" ({done} of {all} requests were accepted before)") } else { String::new() };
            let sentence = format!("{error}{halfway}");
            append(model, &job, Body::Outcome { result: OutcomeKind::Refused, seen: sentence.clone() }, turn);
            release::moves::judged(model, &job, false, &sentence, turn);
            model.notices.add(model.now, Tone::Bad, Some(job.rollout.clone()), format!("{}: {sentence}", job.label));
            if matches!(error, ChangeError::Moved { .. }) {
                confirm::reopen_moved(model, job.rollout, job.order, sentence);
            }
        }
    }
    let id = model.jobs.list.last().map(|job| job.rollout.clone());
    if let Some(id) = id {
        judge(model, &id, turn);
    }
}

fn append(model: &mut Model, job: &Job, body: Body, turn: &mut Turn) {
    let entry = entry(model, &job.rollout, &job.op, body);
    model.jobs.add(entry.clone());
    if job.unrecorded {
        return;
    }
    let seq = model.jobs.seq.advance();
    turn.push(Effect::Records(records::Command::Append { seq, entry: Box::new(entry) }));
}

/// Compares the orders that are watched with the rollout as it is observed now.
pub(super) fn judge(model: &mut Model, id: &RolloutId, turn: &mut Turn) {
    let Some(rollout) = model.fleet.get(id).cloned() else { return };
    let mut judged = Vec::new();
    for job in model.jobs.list.iter().filter(|job| job.rollout == *id && matches!(job.stage, Stage::Watching { .. })) {
        if !observed(job, &rollout) {
            continue;
        }
        match seen(model, id, &job.expect, &rollout) {
            Judgement::Pending => {}
            Judgement::Met(seen) => judged.push((job.op.clone(), OutcomeKind::Met, seen)),
            Judgement::Missed(seen) => judged.push((job.op.clone(), OutcomeKind::Missed, seen)),
        }
    }
    for (op, result, seen) in judged {
        let Some(at) = model.jobs.list.iter().position(|job| job.op == op) else { continue };
        let job = model.jobs.list.remove(at);
        let tone = if result == OutcomeKind::Met { Tone::Good } else { Tone::Bad };
        model.notices.add(model.now, tone, Some(id.clone()), format!("{}: {seen}", job.label));
        release::moves::judged(model, &job, result == OutcomeKind::Met, &seen, turn);
        append(model, &job, Body::Outcome { result, seen }, turn);
        learn(model);
    }
}

/// Compares an expectation with what is known of the rollout, or of its lock.
fn seen(model: &Model, id: &RolloutId, expect: &Expect, rollout: &Rollout) -> Judgement {
    match expect {
        Expect::Driver { held } => driver::judge(model, id, *held),
        _ => expect.judge(rollout),
    }
}

/// Notes the end of what an order of this console began, which is later than its outcome where it walks through steps:
/// the times of past releases are learnt from it.
pub(super) fn ended(model: &mut Model, id: &RolloutId, turn: &mut Turn) {
    let Some(op) = model.jobs.begun(id, &model.console).map(|operation| operation.op.clone()) else { return };
    let entry = entry(model, id, &op, Body::Ended { seen: "finished".into() });
    model.jobs.add(entry.clone());
    let seq = model.jobs.seq.advance();
    turn.push(Effect::Records(records::Command::Append { seq, entry: Box::new(entry) }));
}

/// A snapshot from before the change says nothing of it: the wish that was written must have moved, where it is the wish
/// that was written.
fn observed(job: &Job, rollout: &Rollout) -> bool {
    // Each of these is a state that it was not in before.
    if matches!(
        job.expect,
        Expect::Driver { .. } | Expect::PastStep(_) | Expect::PauseLeft | Expect::Done | Expect::Aborted | Expect::UnderWay
    ) {
        return true;
    }
    // A request that only tests moves nothing, and one to a pod is not of the rollout's objects: one that moved is enough.
    let mut of_it = job.requests.iter().filter_map(|request| {
        let now = rollout.objects.iter().find(|object| object.part == request.object.part && object.name == request.object.name)?;
        Some(now.version != request.object.version || now.uid != request.object.uid)
    });
    match of_it.next() {
        Some(moved) => moved || of_it.any(|moved| moved),
        None => true,
    }
}

/// Tells the fleet which images the journal knows to have served, or to have failed.
fn learn(model: &mut Model) {
    let mut known = Vec::new();
    // Oldest first, so that the latest word stands.
    let operations: Vec<_> = model.jobs.operations().collect();
    for operation in operations.into_iter().rev() {
        let Some((at, result, _)) = &operation.outcome else { continue };
        let images: Vec<&String> = match &operation.intent.expect {
            Expect::Image { image, .. } => vec![image],
            Expect::Template { images, .. } => images.iter().collect(),
            // That a release has begun proves nothing of it; that it could not does.
            Expect::Begun { images } if *result == OutcomeKind::Missed => images.iter().collect(),
            _ => continue,
        };
        let record = match result {
            OutcomeKind::Met => fleet::Record::Served(*at),
            OutcomeKind::Missed => fleet::Record::Failed(*at),
            OutcomeKind::Refused | OutcomeKind::Superseded => continue,
        };
        known.extend(images.into_iter().map(|image| (operation.intent.rollout.clone(), image.clone(), record)));
    }
    for (id, image, record) in known {
        model.fleet.record(&id, &image, record);
    }
}

/// Closes the operations in doubt with what the cluster shows. Sends nothing.
pub(super) fn acknowledge(model: &mut Model, turn: &mut Turn) {
    let doubtful: Vec<_> = model.jobs.in_doubt().cloned().collect();
    for operation in doubtful {
        let id = &operation.intent.rollout;
        let judged = model.rollout(id).map(|rollout| seen(model, id, &operation.intent.expect, rollout));
        let (result, seen) = match judged {
            Some(Judgement::Met(seen)) => (OutcomeKind::Met, seen),
            Some(Judgement::Missed(seen)) => (OutcomeKind::Missed, seen),
            Some(Judgement::Pending) => (OutcomeKind::Superseded, "the cluster does not show it".into()),
            None => (OutcomeKind::Superseded, "the cluster could not be seen".into()),
        };
        let seen = format!("acknowledged after a crash: {seen}");
        let entry = entry(model, id, &operation.op, Body::Outcome { result, seen });
        model.jobs.add(entry.clone());
        let seq = model.jobs.seq.advance();
        turn.push(Effect::Records(records::Command::Append { seq, entry: Box::new(entry) }));
    }
}

/// Gives up waiting for a journal that does not answer.
pub(super) fn impatient(model: &mut Model, turn: &mut Turn) {
    let now = model.now;
    let waited = |job: &Job| match job.stage {
        Stage::Recording { since, .. } | Stage::Beginning { since, .. } => Some(now.duration_since(since)),
        Stage::Sending { .. } | Stage::Watching { .. } => None,
    };
    let late: Vec<OpId> = model
        .jobs
        .list
        .iter()
        .filter(|job| waited(job).is_some_and(|waited| waited > if job.order.verb().way_back() { WAY_BACK_PATIENCE } else { PATIENCE }))
        .map(|job| job.op.clone())
        .collect();
    for op in late {
        let Some(at) = model.jobs.list.iter().position(|job| job.op == op) else { continue };
        if matches!(model.jobs.list.get(at).map(|job| &job.stage), Some(Stage::Beginning { .. })) {
            stay(model, &op, "its release's store does not answer", turn);
            continue;
        }
        let mut job = model.jobs.list.remove(at);
        model.journal = JournalState::Unwritable("it does not answer".into());
        if job.order.verb().way_back() {
            job.unrecorded = true;
            proceed(model, job, turn);
        } else {
            // The intent may reach the disk after all: then this says that nothing followed it.
            append(model, &job, Body::Outcome { result: OutcomeKind::Refused, seen: "not sent: the journal did not answer".into() }, turn);
            model.notices.add(now, Tone::Bad, Some(job.rollout.clone()), format!("{}: not sent, the journal does not answer", job.label));
        }
    }
}
