//! How long a release was in each phase.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::release::record::Record;
use crate::domain::release::{Phase, Release, machine};

/// A stay in a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    pub phase: Phase,
    pub from: Timestamp,
    /// None: it is in it still.
    pub until: Option<Timestamp>,
    /// Up to now where it is in it still. Clocks of two consoles may differ: never below 0.
    pub seconds: i64,
}

impl Span {
    /// Returns how long it was.
    pub fn length(&self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds)
    }
}

/// Returns every stay in a phase, in order: a gate that opened and shut again makes several. What has ended is no stay.
pub fn spans(release: &Release, now: Timestamp) -> Vec<Span> {
    let mut moves: Vec<(Phase, Timestamp)> = Vec::new();
    let mut entries = release.entries.iter().cloned();
    let Some(first) = entries.next() else { return Vec::new() };
    let at = first.at;
    let Ok(mut state) = machine::fold(&Record::new(release.id.clone(), vec![first])) else { return Vec::new() };
    moves.push((state.phase, at));
    for entry in entries {
        let (at, before) = (entry.at, state.phase);
        // What a release keeps fitted when it came.
        if machine::take(&mut state, entry).is_ok() && state.phase != before {
            moves.push((state.phase, at));
        }
    }
    let ends = moves.iter().skip(1).map(|(_, at)| Some(*at)).chain([None]);
    let stays = moves.iter().zip(ends).filter(|((phase, _), _)| !phase.ended());
    stays
        .map(|(&(phase, from), until)| Span { phase, from, until, seconds: until.unwrap_or(now).duration_since(from).as_secs().max(0) })
        .collect()
}
