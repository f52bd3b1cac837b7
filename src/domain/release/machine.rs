//! The release machine: an entry and a state make the next state, or a refusal.
//!
//! It knows no plan and no clock: whether something may begin is the gate's to say, before the entry is made.

use super::record::{Body, Entry, Record};
use super::{Bound, Brief, Kind, Phase, Release};
use crate::domain::id::{Actor, ReleaseId, RolloutId, ServiceName};

/// Begins a release from its first entry.
///
/// # Errors
///
/// The first entry is not a brief, or the brief is of nothing.
pub fn begin(id: ReleaseId, entry: Entry) -> Result<Release, String> {
    let Body::Drafted { brief } = &entry.body else { return Err("the record does not begin with a brief".into()) };
    sound(brief)?;
    Ok(Release {
        id,
        phase: Phase::Draft,
        brief: (**brief).clone(),
        bound: Vec::new(),
        outcomes: std::collections::BTreeMap::new(),
        decisions: Vec::new(),
        schedule: None,
        overridden: None,
        announced: None,
        began: None,
        ended: None,
        rollouts: Vec::new(),
        entries: vec![entry],
        rejected: Vec::new(),
        problems: Vec::new(),
    })
}

/// Folds a record. What does not fit the state it comes to is kept aside and changes nothing.
///
/// # Errors
///
/// No entry is a brief.
pub fn fold(record: &Record) -> Result<Release, String> {
    let mut rejected: Vec<(Entry, String)> = Vec::new();
    let mut entries = record.entries.iter().cloned();
    let mut release = loop {
        let Some(entry) = entries.next() else {
            return Err(if rejected.is_empty() { "the record is empty" } else { "the record has no brief" }.into());
        };
        match begin(record.id.clone(), entry.clone()) {
            Ok(release) => break release,
            Err(why) => rejected.push((entry, why)),
        }
    };
    release.rejected = rejected;
    release.problems.clone_from(&record.problems);
    for entry in entries {
        if let Err(why) = take(&mut release, entry.clone()) {
            release.rejected.push((entry, why));
        }
    }
    Ok(release)
}

/// Takes one entry.
///
/// # Errors
///
/// Why it does not fit: the release is unchanged.
pub fn take(release: &mut Release, entry: Entry) -> Result<(), String> {
    use Phase::{Aborted, Checking, Done, Draft, InProgress, Ready, RolledBack, Verifying};
    if release.entries.contains(&entry) {
        return Err("it is recorded already".into());
    }
    let phase = release.phase;
    let refuse = |what: &str| Err(format!("{what}: it is {phase}"));
    match &entry.body {
        Body::Drafted { brief } => {
            if phase != Draft {
                return refuse("the brief is settled");
            }
            if brief.environment != release.brief.environment {
                return Err("a release stays in its environment".into());
            }
            sound(brief)?;
            // Whoever changes it is an author too, and takes nobody's place.
            let author = release.brief.author.clone();
            let kept: Vec<Bound> = release
                .bound
                .iter()
                .filter(|bound| brief.version(&bound.service) == release.brief.version(&bound.service))
                .cloned()
                .collect();
            release.brief = Brief { author, ..(**brief).clone() };
            release.bound = kept;
        }
        Body::Bound { bound } => {
            if phase.ended() || phase.under_way() {
                return refuse("nothing is bound any more");
            }
            let bound = rebound(release, bound);
            let bytes =
                |bound: &[Bound]| bound.iter().map(|one| (one.service.clone(), one.image.clone(), one.digest.clone())).collect::<Vec<_>>();
            if bytes(&bound) == bytes(&release.bound) {
                return Err("it is bound to these already".into());
            }
            let before = release.fingerprint();
            release.bound = bound;
            // A reason that was typed over other bytes opens nothing for these.
            if release.fingerprint() != before {
                release.overridden = None;
            }
        }
        Body::Announced => {
            if phase != Draft {
                return refuse("it was announced");
            }
            if release.brief.kind == Kind::Emergency && release.brief.criterion.is_none() {
                return Err("an emergency names its criterion".into());
            }
            release.phase = Checking;
            release.announced = Some(entry.at);
        }
        Body::Checked { item, outcome, .. } => {
            if matches!(phase, Draft | Aborted) {
                return refuse("nothing is checked");
            }
            own(&outcome.by, &entry.actor)?;
            release.outcomes.insert(item.clone(), (**outcome).clone());
        }
        Body::Cleared { item } => {
            if matches!(phase, Done | Aborted) {
                return refuse("nothing is checked any more");
            }
            if release.outcomes.remove(item).is_none() {
                return Err("it was not ticked".into());
            }
        }
        Body::Decided { decision } => {
            if !matches!(phase, Checking | Ready) {
                return refuse("nothing is decided");
            }
            own(&decision.by, &entry.actor)?;
            if decision.voucher != entry.voucher {
                return Err(format!("the decision is {}, and its entry is {}", decision.voucher.words(), entry.voucher.words()));
            }
            release.decisions.push((**decision).clone());
        }
        Body::Opened => {
            if phase != Checking {
                return refuse("the gate opens for what is being checked");
            }
            release.phase = Ready;
        }
        Body::Shut { .. } => {
            if phase == Ready {
                release.phase = Checking;
                release.overridden = None;
            } else if !phase.under_way() {
                return refuse("the gate was not open");
            }
        }
        Body::Overridden { over } => {
            if !matches!(phase, Checking | Ready | InProgress) {
                return refuse("there is nothing to override");
            }
            own(&over.by, &entry.actor)?;
            if over.reason.trim().is_empty() {
                return Err("an override has a reason".into());
            }
            // A second reason does not take back the first.
            let mut over = (**over).clone();
            for before in release.overridden.iter().flat_map(|before| &before.over) {
                if !over.over.contains(before) {
                    over.over.push(before.clone());
                }
            }
            release.overridden = Some(over);
            if phase == Checking {
                release.phase = Ready;
            }
        }
        Body::Scheduled { schedule } => {
            if !matches!(phase, Checking | Ready) {
                return refuse("no start can be set");
            }
            match schedule {
                Some(schedule) => own(&schedule.by, &entry.actor)?,
                None if release.schedule.is_none() => return Err("no start was set".into()),
                None => {}
            }
            release.schedule = schedule.as_deref().cloned();
        }
        Body::Began { rollout, .. } => {
            if !matches!(phase, Ready | InProgress) {
                return refuse("it cannot begin");
            }
            covered(release, rollout)?;
            release.phase = InProgress;
            release.began.get_or_insert(entry.at);
            release.schedule = None;
            if !release.rollouts.contains(rollout) {
                release.rollouts.push(rollout.clone());
            }
        }
        Body::Verifying => {
            if phase != InProgress {
                return refuse("nothing is to be verified");
            }
            release.phase = Verifying;
        }
        Body::Finished => {
            if phase != Verifying {
                return refuse("it is not being verified");
            }
            release.phase = Done;
            release.ended = Some(entry.at);
        }
        Body::RolledBack { .. } => {
            // What was done may turn out bad an hour later.
            if !phase.under_way() && phase != Done {
                return refuse("nothing is to be taken back");
            }
            release.phase = RolledBack;
            release.ended = Some(entry.at);
        }
        Body::Aborted { .. } => {
            if !matches!(phase, Draft | Checking | Ready) {
                return refuse("it has begun or ended");
            }
            release.phase = Aborted;
            release.ended = Some(entry.at);
            release.schedule = None;
        }
        Body::Moved { rollout, .. } | Body::Ordered { rollout, .. } | Body::Outcome { rollout, .. } => covered(release, rollout)?,
        Body::Noted { text, .. } => {
            if text.trim().is_empty() {
                return Err("an empty note".into());
            }
        }
        Body::Alert { .. } => {}
    }
    release.entries.push(entry);
    Ok(())
}

/// A brief must be of something, and of each service once.
fn sound(brief: &Brief) -> Result<(), String> {
    if brief.versions.is_empty() {
        return Err("a release of nothing".into());
    }
    for (at, (service, version)) in brief.versions.iter().enumerate() {
        if version.trim().is_empty() {
            return Err(format!("{service} has no version"));
        }
        if brief.versions.iter().skip(at + 1).any(|(other, _)| other == service) {
            return Err(format!("{service} stands in the release twice"));
        }
    }
    Ok(())
}

/// Nobody speaks for another.
fn own(by: &Actor, actor: &Actor) -> Result<(), String> {
    if by == actor { Ok(()) } else { Err(format!("it is by {by}, and {actor} wrote it")) }
}

fn covered(release: &Release, rollout: &RolloutId) -> Result<(), String> {
    if release.covers(rollout) { Ok(()) } else { Err(format!("{rollout} is not of this release")) }
}

/// Returns what a reading of digests makes of what was known: a digest that cannot be read just now is still the one that it
/// was, while the image is the same. What is not of the release is left out.
fn rebound(release: &Release, read: &[Bound]) -> Vec<Bound> {
    let of = |bound: &[Bound], service: &ServiceName| bound.iter().find(|one| one.service == *service).cloned();
    let services = release.brief.versions.iter().map(|(service, _)| service);
    services
        .filter_map(|service| match (of(read, service), of(&release.bound, service)) {
            (Some(now), Some(before)) if now.weak() && now.image == before.image => Some(before),
            (now, before) => now.or(before),
        })
        .collect()
}

#[cfg(test)]
mod tests;
