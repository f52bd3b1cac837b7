//! When each step began and ended, as far as the cluster's objects tell: pauses, analyses, and the controller's Events.

use jiff::Timestamp;

use crate::domain::delivery::{Analysis, AnalysisRole};
use crate::domain::event::Event;
use crate::domain::step::Steps;

/// What tells times.
#[derive(Debug)]
pub struct Known<'a> {
    /// When the walk began.
    pub started: Option<Timestamp>,
    /// Since when it stands at a pause.
    pub paused: Option<Timestamp>,
    pub analyses: &'a [Analysis],
    pub events: &'a [&'a Event],
}

/// Writes the times that are known to the steps up to the one under way.
pub fn write(steps: &mut Steps, known: &Known<'_>) {
    let Some(current) = steps.current else { return };
    let walk = |at: &Timestamp| known.started.is_none_or(|started| *at >= started);
    for analysis in known.analyses.iter().rev() {
        let AnalysisRole::Step(index) = analysis.role else { continue };
        let Some(step) = steps.list.get_mut(index).filter(|_| index <= current) else { continue };
        step.started = analysis.started.filter(walk).or(step.started);
        step.ended = analysis.ended.filter(walk).filter(|_| index < current).or(step.ended);
    }
    for event in known.events.iter().filter(|event| event.reason == "RolloutStepCompleted" && walk(&event.at)) {
        let Some(index) = completed(&event.message, steps.list.len()) else { continue };
        if let Some(step) = steps.list.get_mut(index).filter(|_| index < current) {
            // One of a former walk with the same words has been counted together with this one, and is younger than it.
            step.ended = step.ended.max(Some(event.at));
        }
    }
    if let Some(step) = steps.list.get_mut(current) {
        step.started = known.paused.or(step.started);
    }
    if let Some(first) = steps.list.first_mut() {
        first.started = first.started.or(known.started);
    }
    join(steps);
}

/// Where one step ends the next begins.
pub fn join(steps: &mut Steps) {
    let current = steps.current.unwrap_or(0);
    for index in 0..steps.list.len().min(current) {
        let next = steps.list.get(index + 1).and_then(|next| next.started);
        let Some(step) = steps.list.get_mut(index) else { continue };
        step.ended = step.ended.or(next);
        let ended = step.ended;
        if let Some(next) = steps.list.get_mut(index + 1) {
            next.started = next.started.or(ended);
        }
    }
}

/// `Rollout step 3/6 completed (setWeight: 50)`: the index of the step; of a list of this length only.
fn completed(message: &str, length: usize) -> Option<usize> {
    let (number, rest) = message.strip_prefix("Rollout step ")?.split_once('/')?;
    let (of, _) = rest.split_once(' ')?;
    (of.parse() == Ok(length)).then(|| number.parse::<usize>().ok()?.checked_sub(1)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::step::{Step, StepKind, StepSource};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn steps(current: usize) -> Steps {
        let list = vec![Step { kind: StepKind::Pause(None), started: None, ended: None }; 4];
        Steps { source: StepSource::Engine, list, current: Some(current), resumes: None }
    }

    fn event(message: &str, second: i64) -> Event {
        Event {
            at: at(second),
            warning: false,
            reason: "RolloutStepCompleted".into(),
            about: "Rollout web".into(),
            message: message.into(),
            count: 1,
            source: "rollouts-controller".into(),
        }
    }

    fn told(steps: &Steps) -> Vec<(Option<i64>, Option<i64>)> {
        let second = |time: Option<Timestamp>| time.map(|time| time.as_second() - 1_000_000);
        steps.list.iter().map(|step| (second(step.started), second(step.ended))).collect()
    }

    #[test]
    fn events_and_pauses_tell_the_times_and_neighbours_share_theirs() {
        let mut steps = steps(2);
        let of_old = event("Rollout step 2/4 completed (pause: 3)", 5);
        let other = event("Rollout step 1/9 completed (setWeight: 5)", 19);
        let first = event("Rollout step 1/4 completed (setWeight: 5)", 20);
        let events = [&of_old, &other, &first];
        write(&mut steps, &Known { started: Some(at(10)), paused: Some(at(33)), analyses: &[], events: &events });
        assert_eq!(told(&steps), [(Some(10), Some(20)), (Some(20), Some(33)), (Some(33), None), (None, None)]);
    }

    #[test]
    fn nothing_is_known_of_a_step_that_has_not_begun() {
        let mut steps = steps(0);
        let late = event("Rollout step 3/4 completed (setWeight: 5)", 20);
        write(&mut steps, &Known { started: None, paused: None, analyses: &[], events: &[&late] });
        assert_eq!(told(&steps), [(None, None); 4]);
        steps.current = None;
        write(&mut steps, &Known { started: Some(at(1)), paused: Some(at(2)), analyses: &[], events: &[&late] });
        assert_eq!(told(&steps), [(None, None); 4]);
    }
}
