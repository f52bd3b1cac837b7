//! The release machine: an entry and a state make the next state, or a refusal.

use super::record::{Body, Entry, Record};
use super::{Phase, Release};
use crate::domain::id::ReleaseId;

/// Begins a release from its first entry.
///
/// # Errors
///
/// The first entry is not a brief.
pub fn begin(id: ReleaseId, entry: Entry) -> Result<Release, String> {
    let Body::Drafted { brief } = &entry.body else { return Err("the record does not begin with a brief".into()) };
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
    let mut entries = record.entries.iter().cloned();
    let first = entries.next().ok_or("the record is empty")?;
    let mut release = begin(record.id.clone(), first)?;
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
            release.brief = (**brief).clone();
        }
        Body::Bound { bound } => {
            if phase.ended() || phase.under_way() {
                return refuse("nothing is bound any more");
            }
            if *bound == release.bound {
                return Err("it is bound to these already".into());
            }
            release.bound.clone_from(bound);
        }
        Body::Announced => {
            if phase != Draft {
                return refuse("it was announced");
            }
            release.phase = Checking;
            release.announced = Some(entry.at);
        }
        Body::Checked { item, outcome, .. } => {
            if matches!(phase, Draft | Aborted) {
                return refuse("nothing is checked");
            }
            release.outcomes.insert(item.clone(), (**outcome).clone());
        }
        Body::Cleared { item } => {
            if release.outcomes.remove(item).is_none() {
                return Err("it was not ticked".into());
            }
        }
        Body::Decided { decision } => {
            if !matches!(phase, Checking | Ready) {
                return refuse("nothing is decided");
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
            if phase != Checking {
                return refuse("there is nothing to override");
            }
            release.overridden = Some((**over).clone());
            release.phase = Ready;
        }
        Body::Scheduled { schedule } => {
            if !matches!(phase, Checking | Ready) {
                return refuse("no start can be set");
            }
            release.schedule = schedule.as_deref().cloned();
        }
        Body::Began { rollout, .. } => {
            if !matches!(phase, Ready | InProgress) {
                return refuse("it cannot begin");
            }
            if !release.covers(rollout) {
                return Err(format!("{rollout} is not of this release"));
            }
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
        }
        Body::Moved { .. } | Body::Ordered { .. } | Body::Outcome { .. } | Body::Alert { .. } | Body::Noted { .. } => {}
    }
    release.entries.push(entry);
    Ok(())
}
