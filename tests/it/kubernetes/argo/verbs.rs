//! What a person can do at the moments that decide. Ship, restart and scale are always open.

use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::verb::Verb::{self, Abort, Advance, Finish, Hold, Resume, Retry, RollBack, Terminate};
use rolldeck::domain::verb::possible;

use super::{play, when};
use crate::kubernetes::walk::at;

fn open(now: &Rollout) -> Vec<Verb> {
    let always = [Verb::Ship, Verb::Restart, Verb::Scale];
    assert!(always.iter().all(|verb| possible(now, *verb).is_ok()), "{}", now.native);
    Verb::ALL.into_iter().filter(|verb| !always.contains(verb) && possible(now, *verb).is_ok()).collect()
}

#[test]
fn each_note_allows_what_the_controller_would_do_well() {
    for (recording, note, verbs) in [
        ("bluegreen", "plugin: promote b-plain", vec![Advance, Finish, Hold, Abort, RollBack]),
        ("bluegreen", "undo while the old one is still warm", vec![Hold, RollBack]),
        ("bluegreen-pre-inconclusive", "plugin: promote b-inc", vec![Finish, Hold, Abort, RollBack]),
        ("canary-analysis-inconclusive", "plugin: promote c-maybe", vec![Advance, Finish, Hold, Abort, RollBack]),
        ("canary-analysis-skip", "status of c-skip: Progressing", vec![Advance, Finish, Hold, Abort, RollBack, Terminate]),
        ("canary-background", "plugin: promote c-back", vec![Advance, Finish, Hold, Abort, RollBack, Terminate]),
        ("canary-background", "plugin: undo c-back", vec![Retry, RollBack]),
        ("canary-bad-image", "plugin: undo c-bad", vec![Hold, Abort, RollBack]),
        ("canary-experiment", "status of c-exp: Progressing", vec![Advance, Finish, Hold, Abort, RollBack]),
        ("canary-manual-pause", "the timed pause has run out", vec![Advance, Finish, Resume, Abort, RollBack]),
        ("canary-steps", "status of c-steps: Healthy", vec![Hold]),
        ("canary-steps", "plugin: promote c-steps", vec![Advance, Finish, Hold, Abort, RollBack]),
        ("workload-ref", "set image on the Deployment", vec![Hold]),
    ] {
        let moments = play(recording);
        assert_eq!(open(at(&moments, note)), verbs, "{recording}: {note}");
    }
}

#[test]
fn each_phase_allows_what_the_controller_would_do_well() {
    for (recording, phase, verbs) in [
        ("bluegreen-abort", Phase::RolledBack, vec![Retry, RollBack]),
        ("canary-abort-retry", Phase::RollingBack, vec![Retry, RollBack]),
        ("canary-abort-retry", Phase::RolledBack, vec![Retry, RollBack]),
        ("canary-undo", Phase::RollingBack, vec![Hold, RollBack]),
        ("invalid", Phase::Failed, vec![Hold]),
    ] {
        let moments = play(recording);
        assert_eq!(open(when(&moments, |now| now.phase == phase)), verbs, "{recording}: {phase:?}");
    }
}
