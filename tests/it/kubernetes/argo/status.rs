//! Every status that a note of any recording tells, and what must hold after every event of all of them.

use rolldeck::domain::revision::Role;
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::step::Step;

use super::{ALL, play, shown};

/// What a note says of the status.
struct Said<'a> {
    /// `Paused: CanaryPauseStep`.
    native: String,
    step: &'a str,
    pause: &'a str,
    aborted: bool,
}

fn said<'a>(note: &'a str, name: &str) -> Option<Said<'a>> {
    let parts: Vec<&str> = note.strip_prefix(&format!("status of {name}: "))?.split('|').map(str::trim).collect();
    // A message may have bars of its own.
    let [phase, message @ .., step, pause, _, abort] = parts.as_slice() else { panic!("{note}") };
    let message = message.join(" | ");
    Some(Said {
        native: if message.is_empty() { (*phase).to_owned() } else { format!("{phase}: {message}") },
        step: step.strip_prefix("step").unwrap().trim(),
        pause: pause.strip_prefix("pauses").unwrap().trim(),
        aborted: abort.ends_with("true"),
    })
}

#[test]
fn every_status_of_the_controller_is_ours_to_the_letter() {
    for (recording, name) in ALL {
        let moments = play(recording);
        let mut statuses = 0;
        for moment in &moments {
            let Some(said) = moment.note.as_deref().and_then(|note| said(note, name)) else { continue };
            statuses += 1;
            // The note's reader asks on a connection of its own, a moment before or after the watch.
            let from = moments.iter().rposition(|other| other.at < moment.at - 1.5).unwrap_or(0);
            let near = moments.iter().skip(from).take_while(|other| other.at < moment.at + 1.5);
            let agrees = |now: &&Rollout| {
                let index = now.steps.as_ref().and_then(|steps| steps.current).map(|index| index.to_string()).unwrap_or_default();
                let pause = now.delivery.pause.as_ref().map(|pause| pause.kind.clone());
                let reason = pause.map(|kind| format!("{kind:?}")).unwrap_or_default();
                let reason = match reason.as_str() {
                    "Step" => "CanaryPauseStep",
                    "BlueGreen" => "BlueGreenPause",
                    "InconclusiveAnalysis" => "InconclusiveAnalysisRun",
                    other => other,
                };
                now.native == said.native
                    && (said.step.is_empty() || index == said.step)
                    && reason == said.pause
                    && now.delivery.aborted.is_some() == said.aborted
            };
            let near: Vec<&Rollout> = near.filter_map(|other| other.now.as_ref()).collect();
            assert!(
                near.iter().any(agrees),
                "{recording} at {}: {}\nwe: {:#?}",
                moment.at,
                moment.note.as_deref().unwrap_or_default(),
                near.iter().map(|now| (&now.native, now.steps.as_ref().and_then(|steps| steps.current))).collect::<Vec<_>>()
            );
        }
        assert!(statuses >= 2, "{recording} has {statuses} statuses of {name}");
    }
}

#[test]
fn no_event_gives_a_step_or_a_role_that_cannot_be() {
    for (recording, _) in ALL {
        for moment in play(recording) {
            let Some(now) = moment.now.filter(|now| now.phase != Phase::Absent) else { continue };
            let place = format!("{recording} at {}", moment.at);
            if let Some(steps) = &now.steps {
                assert!(steps.current.is_none_or(|index| index <= steps.list.len()), "{place}");
                let after = steps.list.iter().skip(steps.current.map_or(0, |current| current + 1));
                assert!(after.into_iter().all(|step| step.started.is_none() && step.ended.is_none()), "{place}: {steps:?}");
                let turned = |step: &&Step| step.started.zip(step.ended).is_some_and(|(started, ended)| ended < started);
                assert_eq!(steps.list.iter().find(turned), None, "{place}");
            }
            let of = |role| now.revisions.iter().filter(|revision| revision.roles.has(role)).count();
            assert!(of(Role::Stable) <= 1 && of(Role::Canary) <= 1 && of(Role::Active) <= 1, "{place}: {:?}", shown(&now));
            assert!(now.revisions.iter().all(|revision| revision.roles.iter().next().is_some()), "{place}");
            // `Healthy` is done only when what is wished is what is stable.
            if now.phase == Phase::Done {
                assert_eq!((now.native.as_str(), now.candidate().is_none()), ("Healthy", true), "{place}");
            }
        }
    }
}
