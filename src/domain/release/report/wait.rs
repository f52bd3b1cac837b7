//! Who and what was waited for, and how long.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::id::{Actor, RolloutId};
use crate::domain::release::Release;
use crate::domain::release::approval::Choice;
use crate::domain::release::record::Body;
use crate::domain::release::telling;

/// A time in which something was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// `approval as technical`, `backend production: waits for you`.
    pub what: String,
    /// Who ended it; none: it is waited still.
    pub by: Option<Actor>,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    /// Up to now where it is waited still.
    pub seconds: i64,
}

/// Returns the waits of a release in the order in which they began: for each approval, for the gate, for the start, and for a
/// person at each step.
pub fn waits(release: &Release, now: Timestamp) -> Vec<Wait> {
    let mut waits: Vec<Wait> = Vec::new();
    // The gate, from the announcement or from its shutting; the start, from its opening.
    let mut gate: Option<(Timestamp, &'static str)> = None;
    let mut steps: Vec<(RolloutId, Timestamp, String)> = Vec::new();
    let wait = |what: String, by: Option<&Actor>, from: Timestamp, until: Option<Timestamp>| Wait {
        what,
        by: by.cloned(),
        from,
        until,
        seconds: until.unwrap_or(now).duration_since(from).as_secs().max(0),
    };
    for entry in &release.entries {
        let (at, by) = (entry.at, Some(&entry.actor));
        match &entry.body {
            Body::Announced => gate = Some((at, "the gate to open")),
            Body::Decided { decision } if decision.choice == Choice::Approve => {
                let from = release.announced.unwrap_or(at);
                waits.push(wait(format!("approval as {}", decision.role), by, from, Some(at)));
            }
            Body::Opened | Body::Overridden { .. } if release.began.is_none_or(|began| at <= began) => {
                if let Some((from, what)) = gate.replace((at, "the start")) {
                    waits.push(wait(what.to_owned(), by, from, Some(at)));
                }
            }
            Body::Shut { .. } if release.began.is_none_or(|began| at <= began) => {
                gate = gate.map(|_| (at, "the gate to open again"));
            }
            Body::Began { .. } => {
                if let Some((from, what)) = gate.take() {
                    waits.push(wait(what.to_owned(), by, from, Some(at)));
                }
            }
            Body::Aborted { .. } | Body::RolledBack { .. } | Body::Verifying => {
                gate = None;
                waits.extend(steps.drain(..).map(|(_, from, what)| wait(what, by, from, Some(at))));
            }
            _ => {}
        }
        if let Body::Moved { rollout, .. } | Body::Ordered { rollout, .. } = &entry.body
            && let Some(step) = steps.iter().position(|(waiting, ..)| waiting == rollout)
        {
            let (_, from, what) = steps.remove(step);
            // What moves by itself was waited for by nobody in particular.
            let by = by.filter(|_| matches!(entry.body, Body::Ordered { .. }));
            waits.push(wait(what, by, from, Some(at)));
        }
        if let Body::Moved { rollout, what } = &entry.body
            && telling::waits(what)
        {
            steps.push((rollout.clone(), at, format!("{rollout}: {what}")));
        }
    }
    if !release.phase.ended() {
        waits.extend(gate.map(|(from, what)| wait(what.to_owned(), None, from, None)));
        waits.extend(steps.into_iter().map(|(_, from, what)| wait(what, None, from, None)));
    }
    waits.sort_by_key(|wait| wait.from);
    waits
}
