//! What Argo's real controller did, event by event, against its own status and plugin at the time (notes in the recordings).

use rolldeck::domain::plan::Target;
use rolldeck::domain::revision::{Revision, Role};
use rolldeck::domain::rollout::{Phase, Rollout, Serving};

use super::walk::{Moment, at, walk};

/// Every recording of Argo's, with the Rollout's name.
const ALL: [(&str, &str); 26] = [
    ("bluegreen", "b-plain"),
    ("bluegreen-abort", "b-abort"),
    ("bluegreen-auto", "b-auto"),
    ("bluegreen-pre-fail", "b-pre"),
    ("bluegreen-pre-inconclusive", "b-inc"),
    ("canary-abort-retry", "c-abort"),
    ("canary-analysis-fail", "c-fail"),
    ("canary-analysis-inconclusive", "c-maybe"),
    ("canary-analysis-pass", "c-pass"),
    ("canary-analysis-skip", "c-skip"),
    ("canary-background", "c-back"),
    ("canary-bad-image", "c-bad"),
    ("canary-experiment", "c-exp"),
    ("canary-hold-promote", "c-hold3"),
    ("canary-manual-pause", "c-hold"),
    ("canary-manual-pause-promote", "c-hold2"),
    ("canary-race", "c-race"),
    ("canary-scale-restart", "c-size"),
    ("canary-steps", "c-steps"),
    ("canary-undo", "c-undo"),
    ("canary-weights", "c-traffic"),
    ("canary-window", "c-win"),
    ("guarded-bluegreen", "b-guard"),
    ("guarded-verbs", "c-guard"),
    ("invalid", "i-spec"),
    ("workload-ref", "w-ref"),
];

fn play(recording: &str) -> Vec<Moment> {
    let (_, name) = ALL.iter().find(|(known, _)| *known == recording).unwrap();
    walk(recording, Target::Rollout { name: (*name).into() })
}

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
                let turned =
                    |step: &&rolldeck::domain::step::Step| step.started.zip(step.ended).is_some_and(|(started, ended)| ended < started);
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

/// `#2 1.1.0 canary 1/2` for each revision with instances or a role other than old.
fn shown(rollout: &Rollout) -> Vec<String> {
    let of_interest = rollout.revisions.iter().filter(|revision| revision.counts.total > 0 || !revision.roles.has(Role::Old));
    let words = |revision: &Revision| revision.roles.iter().map(Role::word).collect::<Vec<_>>().join("+");
    of_interest
        .map(|revision| format!("{} {} {}/{}", revision.label(), words(revision), revision.counts.ready, revision.counts.wanted))
        .collect()
}

/// `Asked 25 %`.
fn weights(rollout: &Rollout) -> Vec<String> {
    rollout.weights.iter().map(|weight| format!("{:?} {}", weight.source, weight.share)).collect()
}

/// The rail's labels, the step under way marked.
fn rail(rollout: &Rollout) -> String {
    let steps = rollout.steps.as_ref().unwrap();
    let mark = |(index, step): (usize, &rolldeck::domain::step::Step)| {
        let label = step.kind.label();
        if steps.current == Some(index) { format!("[{label}]") } else { label }
    };
    steps.list.iter().enumerate().map(mark).collect::<Vec<_>>().join(" ")
}

/// The phases in their order, each named once in a row.
fn phases(moments: &[Moment]) -> Vec<Phase> {
    let mut phases: Vec<Phase> = moments.iter().filter_map(|moment| moment.now.as_ref()).map(|now| now.phase).collect();
    phases.dedup();
    phases
}

/// The first rollout of which this is so.
fn when(moments: &[Moment], so: impl Fn(&Rollout) -> bool) -> &Rollout {
    moments.iter().filter_map(|moment| moment.now.as_ref()).find(|now| so(now)).expect("a moment")
}

#[test]
fn a_canary_walks_its_steps() {
    let moments = play("canary-steps");
    let first = at(&moments, "plugin: promote c-steps");
    assert_eq!(rail(first), "25 % [pause] 50 % 6s 75 % 4s");
    assert_eq!(shown(first), ["#2 1.1.0 canary 1/1", "#1 1.0.0 stable 3/3"]);
    assert_eq!(weights(first), ["Asked 25 %", "Replicas 25 %"]);
    assert_eq!((first.phase, first.serving, first.updated), (Phase::Waiting, Serving::Full, 1));
    assert_eq!(first.steps.as_ref().unwrap().resumes, None);
    let timed = when(&moments, |now| now.delivery.pause.as_ref().is_some_and(|pause| pause.until.is_some()));
    assert_eq!(rail(timed), "25 % pause 50 % [6s] 75 % 4s");
    let pause = timed.delivery.pause.as_ref().unwrap();
    assert_eq!(pause.until.unwrap().duration_since(pause.since.unwrap()).as_secs(), 6);
    assert_eq!(timed.steps.as_ref().unwrap().resumes, pause.until);
    let end = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    assert_eq!((rail(end).as_str(), end.weights.len(), end.started), ("25 % pause 50 % 6s 75 % 4s", 0, None));
    assert_eq!(shown(end), ["#2 1.1.0 stable 4/4"]);
}

#[test]
fn an_aborted_canary_is_going_back_until_the_users_are_safe() {
    use Phase::{Done, Progressing, RolledBack, RollingBack, Unobserved, Waiting};
    let moments = play("canary-abort-retry");
    assert_eq!(
        phases(&moments),
        [
            Unobserved,
            Progressing,
            Done,
            Unobserved,
            Progressing,
            Waiting,
            Unobserved,
            RollingBack,
            RolledBack,
            Unobserved,
            Progressing,
            Waiting,
            Unobserved,
            Progressing,
            Done
        ]
    );
    let safe = when(&moments, |now| now.phase == RolledBack);
    assert_eq!(safe.native, "Degraded: RolloutAborted: Rollout aborted update to revision 2");
    assert_eq!((weights(safe)[0].as_str(), safe.serving), ("Asked 0 %", Serving::Full));
    assert_eq!(safe.delivery.aborted.as_ref().unwrap().why, "Rollout aborted update to revision 2");
    assert!(safe.delivery.aborted.as_ref().unwrap().at.is_some());
}
