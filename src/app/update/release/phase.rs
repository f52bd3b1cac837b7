//! What turns by itself: the gate opens or shuts, rollouts move and end. The console that keeps the release writes it; where that
//! one is gone another does a moment later, and the store takes only the first.

use jiff::SignedDuration;

use super::{append, check, close};
use crate::app::model::Model;
use crate::app::update::Turn;
use crate::domain::id::ReleaseId;
use crate::domain::release::record::Body;
use crate::domain::release::{Phase, Release};

/// How long others wait for the keeper to write what turned.
const MOMENT: SignedDuration = SignedDuration::from_secs(3);

/// Writes what has turned on a release.
pub(super) fn settle(model: &mut Model, id: &ReleaseId, turn: &mut Turn) {
    let Some(release) = model.releases.get(id).cloned() else { return };
    let body = match release.phase {
        Phase::Checking | Phase::Ready => {
            let gate = model.verdict(&release);
            match (release.phase, gate.open()) {
                (Phase::Checking, true) => Some(Body::Opened),
                (Phase::Ready, false) => Some(Body::Shut { sentence: gate.sentence() }),
                _ => None,
            }
        }
        Phase::InProgress => return close::settle(model, &release, turn),
        _ => None,
    };
    let Some(body) = body else {
        model.releases.turned.remove(id);
        return;
    };
    if my_turn(model, &release) {
        append::append(model, id, vec![body], false, turn);
    }
}

/// Returns whether this console writes what turned: at once where it keeps the release, else when nobody else has.
pub(super) fn my_turn(model: &mut Model, release: &Release) -> bool {
    let now = model.now;
    let since = *model.releases.turned.entry(release.id.clone()).or_insert(now);
    let waited = now.duration_since(since);
    // Where an answer is in doubt, or the store is slow, it is tried again once in a while and not each second.
    if check::keeps(model, release) { waited.as_secs() % 10 == 0 } else { waited >= MOMENT && waited.as_secs() % 10 == 3 }
}

/// A second passed: what time alone turns.
pub(in crate::app::update) fn tick(model: &mut Model, turn: &mut Turn) {
    check::tick(model, turn);
    let alive: Vec<ReleaseId> =
        model.releases.newest().into_iter().filter(|release| alive(release)).map(|release| release.id.clone()).collect();
    for id in alive {
        settle(model, &id, turn);
        check::refresh(model, &id, turn);
    }
}

/// Returns whether anything of a release still turns by itself.
fn alive(release: &Release) -> bool {
    !matches!(release.phase, Phase::Draft | Phase::Done | Phase::Aborted)
}
