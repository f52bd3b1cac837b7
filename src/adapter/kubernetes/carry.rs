//! What whoever watches knows and no object tells: since when a controller has been away, and when each step began. Carried
//! over from the rollout that was told last.

use jiff::Timestamp;

use crate::domain::delivery::Steering;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::step::{Step, Steps};

/// Completes a rollout by what was told last and what has changed since. What its objects tell stands.
pub fn carry(last: Option<&Rollout>, now: &mut Rollout, at: Timestamp) {
    if now.phase == Phase::Unobserved {
        let since = last.and_then(|last| last.delivery.unobserved_since);
        now.delivery.unobserved_since = since.or(Some(at));
    }
    let Some(last) = last.filter(|last| now.steering == Steering::Steps && last.steering == Steering::Steps) else { return };
    let same = wished(last) == wished(now);
    // The last moments of a way back look like those of any change: nothing is left of what was given up.
    if same
        && last.phase == Phase::RollingBack
        && now.phase == Phase::Progressing
        && now.candidate().is_none()
        && now.delivery.restart.is_none()
    {
        now.phase = Phase::RollingBack;
    }
    // One that was given up stands at the first step and walks none.
    if now.delivery.aborted.is_none()
        && let (Some(former), Some(steps)) = (&last.steps, &mut now.steps)
    {
        // Until the controller has looked, nothing has begun.
        walk(former, steps, same, Some(at).filter(|_| now.phase != Phase::Unobserved));
    }
}

/// Another revision is another walk.
fn wished(rollout: &Rollout) -> Option<&crate::domain::id::RevisionId> {
    rollout.newest().map(|newest| &newest.id)
}

fn walk(last: &Steps, now: &mut Steps, same: bool, at: Option<Timestamp>) {
    let Some(current) = now.current else { return };
    let listed = |steps: &Steps| steps.list.iter().map(|step| step.kind.clone()).collect::<Vec<_>>();
    if same && listed(last) == listed(now) && last.current.is_none_or(|former| former <= current) {
        for (step, former) in now.list.iter_mut().zip(&last.list).take(current + 1) {
            step.started = step.started.or(former.started);
            step.ended = step.ended.or(former.ended);
        }
        // Without a place before there is none that was left.
        let left = last.current.unwrap_or(current);
        for step in now.list.iter_mut().take(current).skip(left) {
            step.started = step.started.or(at);
            step.ended = step.ended.or(at);
        }
        if left < current {
            begin(now.list.get_mut(current), at);
        }
    } else {
        begin(now.list.get_mut(current), at);
    }
}

fn begin(step: Option<&mut Step>, at: Option<Timestamp>) {
    if let Some(step) = step {
        step.started = step.started.or(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{ago, canary, now as of_sample};
    use crate::domain::step::{StepKind, StepSource};

    /// A canary of four steps at one of them, of which nothing else is known.
    fn at_step(current: Option<usize>) -> Rollout {
        let mut rollout = canary(Phase::Progressing);
        rollout.steering = Steering::Steps;
        let list = vec![Step { kind: StepKind::Pause(None), started: None, ended: None }; 4];
        rollout.steps = Some(Steps { source: StepSource::Engine, list, current, resumes: None });
        rollout
    }

    /// Seconds before the sample's now.
    fn told(rollout: &Rollout) -> Vec<(Option<i64>, Option<i64>)> {
        let seconds = |time: Option<Timestamp>| time.map(|time| of_sample().as_second() - time.as_second());
        rollout.steps.as_ref().unwrap().list.iter().map(|step| (seconds(step.started), seconds(step.ended))).collect()
    }

    fn play(walk: Vec<(Rollout, i64)>) -> Rollout {
        let mut last: Option<Rollout> = None;
        for (mut now, seconds) in walk {
            carry(last.as_ref(), &mut now, ago(seconds));
            last = Some(now);
        }
        last.unwrap()
    }

    #[test]
    fn each_step_is_timed_as_it_is_seen_to_be_left() {
        let end = play(vec![(at_step(Some(0)), 90), (at_step(Some(0)), 80), (at_step(Some(1)), 70), (at_step(Some(3)), 60)]);
        assert_eq!(told(&end), [(Some(70), Some(70)), (Some(70), Some(60)), (Some(60), Some(60)), (Some(60), None)]);
        let done = play(vec![(at_step(Some(2)), 90), (at_step(Some(3)), 80), (at_step(Some(4)), 70)]);
        assert_eq!(told(&done), [(None, None), (None, None), (Some(80), Some(80)), (Some(80), Some(70))]);
    }

    #[test]
    fn what_the_objects_tell_stands() {
        let mut told_by_objects = at_step(Some(1));
        told_by_objects.steps.as_mut().unwrap().list[1].started = Some(ago(75));
        let end = play(vec![(at_step(Some(0)), 90), (told_by_objects, 70), (at_step(Some(1)), 60)]);
        assert_eq!(told(&end)[1], (Some(75), None), "and is kept when they no longer do");
    }

    #[test]
    fn another_revision_other_steps_and_a_step_back_forget_the_times() {
        let mut other = at_step(Some(1));
        other.revisions[0].id = "another".into();
        let mut edited = at_step(Some(1));
        edited.steps.as_mut().unwrap().list[3].kind = StepKind::Other("plugin".into());
        for (what, now) in [("a revision", other), ("a list", edited), ("back", at_step(Some(1)))] {
            let end = play(vec![(at_step(Some(0)), 90), (at_step(Some(2)), 80), (now, 70)]);
            assert_eq!(told(&end), [(None, None), (Some(70), None), (None, None), (None, None)], "{what}");
        }
    }

    #[test]
    fn a_moment_without_the_controller_forgets_nothing_and_begins_nothing() {
        let unseen = |step| Rollout { phase: Phase::Unobserved, ..at_step(Some(step)) };
        let end = play(vec![(at_step(Some(0)), 90), (at_step(Some(1)), 80), (unseen(1), 75), (at_step(Some(2)), 70)]);
        assert_eq!(told(&end)[1..3], [(Some(80), Some(70)), (Some(70), None)]);
        let mut aborted = at_step(Some(0));
        aborted.delivery.aborted = Some(crate::domain::delivery::Aborted { at: None, why: "failed".into() });
        assert_eq!(told(&play(vec![(at_step(Some(1)), 90), (aborted, 80)])), [(None, None); 4]);
    }

    #[test]
    fn a_place_that_is_not_known_leaves_nothing() {
        let end = play(vec![(at_step(None), 90), (at_step(Some(2)), 80)]);
        assert_eq!(told(&end), [(None, None); 4]);
        assert_eq!(told(&play(vec![(at_step(Some(0)), 90), (at_step(None), 80)])), [(None, None); 4]);
    }

    #[test]
    fn a_controller_is_away_since_it_was_first_seen_to_be() {
        let unseen = || Rollout { phase: Phase::Unobserved, ..at_step(Some(0)) };
        assert_eq!(play(vec![(unseen(), 20), (unseen(), 10)]).delivery.unobserved_since, Some(ago(20)));
        assert_eq!(play(vec![(unseen(), 20), (at_step(Some(0)), 10)]).delivery.unobserved_since, None);
        assert_eq!(play(vec![(unseen(), 20), (at_step(Some(0)), 15), (unseen(), 10)]).delivery.unobserved_since, Some(ago(10)));
    }

    #[test]
    fn a_way_back_is_one_until_it_is_over() {
        let stable = |phase: Phase| {
            let mut rollout = at_step(Some(4));
            rollout.revisions.remove(0);
            rollout.phase = phase;
            rollout
        };
        let end = play(vec![(stable(Phase::RollingBack), 20), (stable(Phase::Progressing), 10)]);
        assert_eq!(end.phase, Phase::RollingBack);
        let scaled = play(vec![(stable(Phase::RollingBack), 20), (stable(Phase::Done), 15), (stable(Phase::Progressing), 10)]);
        assert_eq!(scaled.phase, Phase::Progressing, "a change of size later is none");
    }
}
