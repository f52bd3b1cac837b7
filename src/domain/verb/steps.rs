//! When a verb is possible on a rollout that a controller walks through steps (api-semantics 2.8, 2.9).
//!
//! Argo's own dashboard offers promote and abort whenever a rollout progresses or is paused. Here a promote leaves a pause, or
//! a step that measures; never a step that only waits for its instances: a key pressed twice would leave two.

use crate::domain::delivery::{AnalysisPhase, AnalysisRole, PauseKind};
use crate::domain::revision::Role;
use crate::domain::rollout::{Phase, Rollout, Strategy};
use crate::domain::step::StepKind;
use crate::domain::verb::{Refusal, Verb};
use crate::domain::wayback;

/// Returns whether the state allows a verb.
pub(super) fn possible(rollout: &Rollout, verb: Verb) -> Result<(), Refusal> {
    let held = rollout.held.is_some();
    match verb {
        Verb::Advance => moves(rollout).and_then(|()| advance(rollout)),
        Verb::Finish => moves(rollout),
        Verb::Hold if held => Err(Refusal::AlreadyHeld),
        // A hold stops the way back as well: the candidate would go on serving.
        Verb::Hold if given_up(rollout) && under_way(rollout) => Err(other("it was aborted: a hold would keep the candidate serving")),
        Verb::Resume if !held => Err(Refusal::NotHeld),
        Verb::Abort => abort(rollout),
        Verb::Retry => retry(rollout),
        Verb::RollBack if wayback::kept(rollout).next().is_none() => Err(Refusal::NoRevision),
        Verb::Terminate if rollout.delivery.running().next().is_none() => Err(Refusal::NoAnalysis),
        _ => Ok(()),
    }
}

/// Forward needs a change under way whose last wish the controller has seen: what the request tests is the old state until then.
fn moves(rollout: &Rollout) -> Result<(), Refusal> {
    if rollout.phase == Phase::Unobserved {
        return Err(Refusal::Unobserved);
    }
    if given_up(rollout) && under_way(rollout) {
        return Err(other("it was aborted: retry it, or bring another version in"));
    }
    if rollout.phase == Phase::RollingBack || !under_way(rollout) {
        return Err(Refusal::NothingUnderWay);
    }
    if rollout.phase == Phase::Failed {
        return Err(other("it has failed: go back, or bring another version in"));
    }
    if rollout.delivery.promoting_fully {
        return Err(other("it is being promoted fully already"));
    }
    if !rollout.revisions.iter().any(|revision| revision.roles.has(Role::Stable)) {
        return Err(other("the first version takes no steps: it is done when its instances are ready"));
    }
    Ok(())
}

fn advance(rollout: &Rollout) -> Result<(), Refusal> {
    let pause = rollout.delivery.pause.as_ref();
    if rollout.strategy == Strategy::BlueGreen {
        // The same analysis pauses it again 0.3 s after each promote.
        return match pause.map(|pause| &pause.kind) {
            Some(PauseKind::InconclusiveAnalysis) => Err(inconclusive(rollout)),
            // A second condition, seen beside the pause itself.
            Some(_) if undecided(rollout) => Err(inconclusive(rollout)),
            Some(_) => Ok(()),
            None if rollout.held.is_some() => Err(Refusal::HeldFirst),
            None => Err(Refusal::NotPaused),
        };
    }
    if pause.is_some() {
        return Ok(());
    }
    let Some(steps) = rollout.steps.as_ref().filter(|steps| !steps.list.is_empty()) else {
        return Err(if rollout.held.is_some() { Refusal::HeldFirst } else { other("it has no steps to leave") });
    };
    if rollout.held.is_some() {
        return Err(Refusal::HeldFirst);
    }
    let (at, all) = (steps.current.unwrap_or(0), steps.list.len());
    match steps.now().map(|step| &step.kind) {
        None if steps.current.is_some() => Err(other("all steps are done: it waits for its instances")),
        None => Err(other("the first step has not begun yet")),
        Some(StepKind::Pause(_)) if rollout.phase != Phase::Waiting => Err(other("the pause has not begun yet")),
        Some(StepKind::Weight(_) | StepKind::Scale(_)) => {
            Err(Refusal::Other(format!("step {} of {all} ends by itself when its instances are ready; promote fully skips it", at + 1)))
        }
        Some(_) => Ok(()),
    }
}

fn inconclusive(rollout: &Rollout) -> Refusal {
    let role = rollout.delivery.analyses.iter().find(|analysis| analysis.phase == AnalysisPhase::Inconclusive).map(|a| a.role.word());
    let role = role.unwrap_or_else(|| "pre-promotion".into());
    Refusal::Other(format!("its {role} analysis is inconclusive and pauses it again at once: promote fully, abort, or ship"))
}

/// Returns whether an analysis before the switch could not decide.
fn undecided(rollout: &Rollout) -> bool {
    let mut analyses = rollout.delivery.analyses.iter();
    analyses.any(|analysis| analysis.role == AnalysisRole::PrePromotion && analysis.phase == AnalysisPhase::Inconclusive)
}

fn abort(rollout: &Rollout) -> Result<(), Refusal> {
    if given_up(rollout) && under_way(rollout) {
        let held = rollout.held.is_some();
        return Err(other(if held { "it was aborted, and the hold keeps the candidate: resume" } else { "it was aborted already" }));
    }
    if rollout.phase == Phase::RollingBack {
        let held = rollout.held.is_some();
        return Err(other(if held { "it is going back, and the hold keeps the candidate: resume" } else { "it is going back already" }));
    }
    if !under_way(rollout) {
        // A template that is not seen yet clears an abort when it is.
        return Err(if rollout.phase == Phase::Unobserved { Refusal::Unobserved } else { Refusal::NothingUnderWay });
    }
    if wayback::before_change(rollout).is_none() {
        return Err(Refusal::NoRevision);
    }
    Ok(())
}

fn retry(rollout: &Rollout) -> Result<(), Refusal> {
    if given_up(rollout) && under_way(rollout) {
        return Ok(());
    }
    if rollout.phase == Phase::Failed && under_way(rollout) {
        // Degraded without an abort: there is nothing that a retry would clear.
        return Err(other("it was not aborted: go back, or bring another version in"));
    }
    Err(Refusal::NothingUnderWay)
}

fn given_up(rollout: &Rollout) -> bool {
    rollout.delivery.aborted.is_some() || rollout.phase == Phase::RolledBack
}

/// Returns whether what is wished is not what is stable: the controller's own test of a finished rollout.
fn under_way(rollout: &Rollout) -> bool {
    let stable = |revision: &crate::domain::revision::Revision| revision.roles.has(Role::Stable);
    rollout.candidate().is_some() || rollout.serving_revision().is_some_and(|serving| !stable(serving))
}

fn other(sentence: &str) -> Refusal {
    Refusal::Other(sentence.into())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::delivery::{Aborted, Analysis, Pause};
    use crate::domain::revision::Roles;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, revision, rollout};
    use crate::domain::step::Share;

    /// A blue/green rollout with `#2 1.1.0` in preview beside `#1 1.0.0`.
    fn bluegreen(pause: Option<PauseKind>) -> Rollout {
        let new = revision(2, "1.1.0", &[Role::Preview], counts(3, 3, 3));
        let old = revision(1, "1.0.0", &[Role::Stable, Role::Active], counts(3, 3, 3));
        let phase = if pause.is_some() { Phase::Waiting } else { Phase::Progressing };
        let mut made = rollout(Strategy::BlueGreen, phase, vec![new, old]);
        made.steering = crate::domain::delivery::Steering::Steps;
        made.delivery.pause = pause.map(paused);
        made
    }

    fn paused(kind: PauseKind) -> Pause {
        Pause { kind, since: Some(ago(60)), until: None }
    }

    /// After the switch, before the new one is called stable.
    fn switched() -> Rollout {
        let mut made = bluegreen(None);
        made.revisions[0].roles = Roles::of(&[Role::Active]);
        made.revisions[1].roles = Roles::of(&[Role::Stable]);
        made
    }

    fn at(step: StepKind) -> Rollout {
        let mut made = canary(Phase::Progressing);
        made.steps.as_mut().expect("steps").list[0].kind = step;
        made
    }

    fn at_pause() -> Rollout {
        let mut made = canary(Phase::Waiting);
        made.delivery.pause = Some(paused(PauseKind::Step));
        made
    }

    fn held(mut made: Rollout) -> Rollout {
        made.held = Some(Held { since: None, by: None });
        made.phase = if made.delivery.aborted.is_some() { made.phase } else { Phase::Waiting };
        made
    }

    fn aborted(mut made: Rollout) -> Rollout {
        made.phase = Phase::RolledBack;
        made.delivery.aborted = Some(Aborted { at: None, why: "by hand".into() });
        made
    }

    fn with(mut made: Rollout, change: impl Fn(&mut Rollout)) -> Rollout {
        change(&mut made);
        made
    }

    fn done() -> Rollout {
        let now = revision(2, "1.1.0", &[Role::Stable], counts(3, 3, 3));
        let before = revision(1, "1.0.0", &[Role::Old], counts(0, 0, 0));
        let mut made = rollout(Strategy::Canary, Phase::Done, vec![now, before]);
        made.steering = crate::domain::delivery::Steering::Steps;
        made.steps = canary(Phase::Done).steps.map(|steps| crate::domain::step::Steps { current: Some(3), ..steps });
        made
    }

    fn first() -> Rollout {
        let mut made = done();
        made.revisions = vec![revision(1, "1.0.0", &[Role::Canary], counts(3, 3, 1))];
        made.phase = Phase::Progressing;
        made
    }

    fn measuring(phase: AnalysisPhase, role: AnalysisRole) -> Analysis {
        Analysis {
            name: "web-2-1".into(),
            uid: "a".into(),
            role,
            phase,
            message: String::new(),
            started: None::<Timestamp>,
            ended: None,
            metrics: Vec::new(),
            revision: None,
            stopping: false,
        }
    }

    fn said(rollout: &Rollout, verb: Verb) -> String {
        possible(rollout, verb).map_or_else(|refusal| refusal.to_string(), |()| String::new())
    }

    #[test]
    fn promote_leaves_a_pause_or_a_step_that_measures_and_nothing_else() {
        let ok = "";
        let undecided = || measuring(AnalysisPhase::Inconclusive, AnalysisRole::PrePromotion);
        for (what, rollout, sentence) in [
            ("at a pause", at_pause(), ok),
            ("at a timed pause, before it has begun", at(StepKind::Pause(None)), "the pause has not begun yet"),
            ("at an inconclusive step", with(at_pause(), |r| r.delivery.pause = Some(paused(PauseKind::InconclusiveAnalysis))), ok),
            ("at an analysis", at(StepKind::Analysis("errors".into())), ok),
            ("at an experiment", at(StepKind::Experiment("compare".into())), ok),
            ("at a plugin", at(StepKind::Other("org/x".into())), ok),
            (
                "at a weight",
                at(StepKind::Weight(Share::percent(25))),
                "step 1 of 3 ends by itself when its instances are ready; promote fully skips it",
            ),
            (
                "past the last step",
                with(at_pause(), |r| (r.delivery.pause, r.steps.as_mut().expect("steps").current) = (None, Some(3))),
                "all steps are done: it waits for its instances",
            ),
            ("without steps", with(canary(Phase::Progressing), |r| r.steps = None), "it has no steps to leave"),
            (
                "without steps, paused by a background analysis",
                with(at_pause(), |r| {
                    r.steps = None;
                    r.delivery.pause = Some(paused(PauseKind::InconclusiveAnalysis));
                }),
                ok,
            ),
            ("held at a pause", held(at_pause()), ok),
            ("held at a weight", held(at(StepKind::Weight(Share::percent(25)))), "it is held: resume first"),
            ("unpausing", with(canary(Phase::Unobserved), |_| {}), "the last change is not observed yet"),
            ("being promoted fully", with(at_pause(), |r| r.delivery.promoting_fully = true), "it is being promoted fully already"),
            ("aborted", aborted(at_pause()), "it was aborted: retry it, or bring another version in"),
            ("past its deadline", with(at_pause(), |r| r.phase = Phase::Failed), "it has failed: go back, or bring another version in"),
            ("done", done(), "nothing is under way"),
            ("done and held", held(done()), "nothing is under way"),
            ("the first version", first(), "the first version takes no steps: it is done when its instances are ready"),
            ("blue/green at its pause", bluegreen(Some(PauseKind::BlueGreen)), ok),
            ("blue/green before its pause", bluegreen(None), "it does not wait at a pause"),
            ("blue/green held", held(bluegreen(None)), "it is held: resume first"),
            ("blue/green held at its pause", held(bluegreen(Some(PauseKind::BlueGreen))), ok),
            (
                "blue/green with an analysis that could not decide",
                bluegreen(Some(PauseKind::InconclusiveAnalysis)),
                "its pre-promotion analysis is inconclusive and pauses it again at once: promote fully, abort, or ship",
            ),
            (
                "blue/green at its pause as well as at such an analysis",
                with(bluegreen(Some(PauseKind::BlueGreen)), |r| r.delivery.analyses = vec![undecided()]),
                "its pre-promotion analysis is inconclusive and pauses it again at once: promote fully, abort, or ship",
            ),
            ("blue/green after the switch", switched(), "it does not wait at a pause"),
        ] {
            assert_eq!(said(&rollout, Verb::Advance), sentence, "{what}");
        }
    }

    #[test]
    fn each_state_allows_these_other_verbs_and_says_why_not() {
        let ok = "";
        let undecided = || bluegreen(Some(PauseKind::InconclusiveAnalysis));
        let held_abort = || held(aborted(at_pause()));
        for (what, rollout, verb, sentence) in [
            ("at a pause", at_pause(), Verb::Finish, ok),
            ("at a weight", at(StepKind::Weight(Share::percent(25))), Verb::Finish, ok),
            ("inconclusive before the switch", undecided(), Verb::Finish, ok),
            ("inconclusive before the switch", undecided(), Verb::Abort, ok),
            ("inconclusive before the switch", undecided(), Verb::Ship, ok),
            ("after the switch", switched(), Verb::Finish, ok),
            ("after the switch", switched(), Verb::Abort, ok),
            ("aborted", aborted(at_pause()), Verb::Finish, "it was aborted: retry it, or bring another version in"),
            ("aborted", aborted(at_pause()), Verb::Abort, "it was aborted already"),
            ("aborted", aborted(at_pause()), Verb::Retry, ok),
            ("aborted", aborted(at_pause()), Verb::RollBack, ok),
            ("aborted", aborted(at_pause()), Verb::Hold, "it was aborted: a hold would keep the candidate serving"),
            ("aborted while held", held_abort(), Verb::Abort, "it was aborted, and the hold keeps the candidate: resume"),
            ("aborted while held", held_abort(), Verb::Resume, ok),
            ("aborted while held", held_abort(), Verb::Retry, ok),
            ("aborted while held", held_abort(), Verb::RollBack, ok),
            ("held", held(at_pause()), Verb::Hold, "it is held already"),
            ("held", held(at_pause()), Verb::Abort, ok),
            ("held", held(at_pause()), Verb::Finish, ok),
            ("held", held(at_pause()), Verb::Restart, ok),
            ("at a pause", at_pause(), Verb::Hold, ok),
            ("at a pause", at_pause(), Verb::Resume, "it is not held"),
            ("at a pause", at_pause(), Verb::Retry, "nothing is under way"),
            ("at a pause", at_pause(), Verb::Terminate, "no analysis is under way"),
            ("past its deadline", canary(Phase::Failed), Verb::Abort, ok),
            ("past its deadline", canary(Phase::Failed), Verb::Retry, "it was not aborted: go back, or bring another version in"),
            ("unpausing", canary(Phase::Unobserved), Verb::Abort, ok),
            ("a new template, not seen", with(done(), |r| r.phase = Phase::Unobserved), Verb::Abort, "the last change is not observed yet"),
            ("done", done(), Verb::Abort, "nothing is under way"),
            ("done", done(), Verb::Finish, "nothing is under way"),
            ("done", done(), Verb::Retry, "nothing is under way"),
            ("done", done(), Verb::Ship, ok),
            ("done", done(), Verb::Restart, ok),
            ("done", done(), Verb::Hold, ok),
            ("the first version", first(), Verb::Abort, "no kept revision to go back to"),
            ("the first version", first(), Verb::RollBack, "no kept revision to go back to"),
        ] {
            assert_eq!(said(&rollout, verb), sentence, "{what}: {verb}");
        }
    }

    #[test]
    fn an_analysis_can_be_stopped_while_one_measures() {
        for (phase, sentence) in [(AnalysisPhase::Running, ""), (AnalysisPhase::Failed, "no analysis is under way")] {
            let rollout = with(at_pause(), |r| r.delivery.analyses = vec![measuring(phase, AnalysisRole::Background)]);
            assert_eq!(said(&rollout, Verb::Terminate), sentence, "{phase:?}");
        }
    }
}
