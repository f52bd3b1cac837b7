//! Canaries at the moments that decide.

use rolldeck::domain::delivery::Shortcut;
use rolldeck::domain::object::Part;
use rolldeck::domain::revision::Role;
use rolldeck::domain::rollout::{Phase, Rollout, Serving};
use rolldeck::domain::verb::{Verb, possible};

use super::{phases, play, rail, shown, weights, when};
use crate::kubernetes::walk::at;

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

#[test]
fn what_the_deadline_ends_has_failed_and_its_undo_is_a_way_back_to_the_end() {
    let moments = play("canary-bad-image");
    let failed = at(&moments, "plugin: undo c-bad");
    assert_eq!((failed.phase, failed.serving, failed.delivery.aborted.clone()), (Phase::Failed, Serving::Reduced, None));
    assert_eq!(failed.conditions[0].0, "ProgressDeadlineExceeded");
    assert_eq!(shown(failed), ["#2 no-such-tag canary 0/1", "#1 1.0.0 stable 3/3"]);
    let before = when(&moments, |now| now.phase == Phase::Failing);
    assert!(before.deadline.is_some(), "in trouble while there is time");
    let back = moments.iter().rposition(|moment| moment.note.as_deref() == Some("plugin: undo c-bad")).unwrap();
    assert_eq!(phases(&moments[back + 1..]), [Phase::Unobserved, Phase::RollingBack, Phase::Done]);
    let end = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    assert_eq!((shown(end), end.revisions[0].former_numbers.clone()), (vec!["#3 1.0.0 stable 4/4".to_owned()], vec![1]));
}

#[test]
fn an_undo_takes_no_steps_to_the_stable_one_and_all_to_another() {
    let moments = play("canary-undo");
    let back = when(&moments, |now| now.phase == Phase::RollingBack);
    assert_eq!(shown(back), ["#3 1.0.0 stable 3/3", "#2 1.1.0 old 1/1"]);
    assert_eq!(rail(back), "25 % pause 50 % 6s 75 % 4s");
    let first = moments.iter().position(|moment| moment.note.as_deref() == Some("plugin: undo c-undo")).unwrap();
    let second = moments.iter().position(|moment| moment.note.as_deref() == Some("set image of c-undo to lab/web:1.2.0")).unwrap();
    assert_eq!(phases(&moments[first + 1..second]), [Phase::Unobserved, Phase::RollingBack, Phase::Done]);
    // Numbers move: revision 2 comes back as 5, by the name it always had.
    let walked = at(&moments[second..], "plugin: undo c-undo --to-revision=2");
    let again =
        when(&moments[second..], |now| now.delivery.pause.is_some() && now.candidate().is_some_and(|revision| revision.version == "1.1.0"));
    assert_eq!((again.phase, shown(again)), (Phase::Waiting, vec!["#5 1.1.0 canary 1/1".to_owned(), "#4 1.2.0 stable 3/3".to_owned()]));
    assert_eq!((again.candidate().unwrap().former_numbers.clone(), again.candidate().unwrap().shortcut), (vec![2], None));
    assert!(walked.revisions.iter().all(|revision| again.revision(&revision.id).is_some()));
}

#[test]
fn a_return_within_the_window_is_known_before_it_is_made() {
    let moments = play("canary-window");
    let before = at(&moments, "plugin: undo c-win");
    assert_eq!(before.delivery.window, Some(3));
    let shortcuts: Vec<_> = before.revisions.iter().map(|revision| (revision.version.as_str(), revision.shortcut)).collect();
    assert_eq!(shortcuts, [("1.2.0", None), ("1.1.0", Some(Shortcut::Window)), ("1.0.0", Some(Shortcut::Window))]);
    let after = when(&moments, |now| now.candidate().is_some_and(|revision| revision.number == Some(4)) && rail(now) == "25 % 3s");
    assert_eq!(weights(after)[0], "Asked 100 %", "no steps");
}

#[test]
fn held_by_hand_a_timed_pause_runs_on() {
    let moments = play("canary-manual-pause");
    let held = at(&moments, "the timed pause has run out while held by hand");
    assert_eq!((held.phase, held.native.as_str()), (Phase::Waiting, "Paused: manually paused"));
    assert!(held.held.is_some() && held.delivery.pause.as_ref().unwrap().until.is_some());
    let moved = when(&moments, |now| rail(now) == "25 % 8s [50 %]");
    assert_eq!((moved.phase, moved.held.clone()), (Phase::Progressing, None));
}

#[test]
fn a_promotion_in_the_wrong_order_begins_the_pause_anew_and_in_the_right_one_leaves_it() {
    let wrong = play("canary-manual-pause-promote");
    let since = |now: &Rollout| now.delivery.pause.as_ref().and_then(|pause| pause.since);
    let (before, after) = (at(&wrong, "plugin: promote c-hold2"), wrong.last().and_then(|moment| moment.now.as_ref()).unwrap());
    assert_eq!((rail(before), since(before) < since(after)), (rail(after), true));
    let right = play("canary-hold-promote");
    let left = when(&right, |now| now.steps.as_ref().is_some_and(|steps| steps.current == Some(2)));
    assert_eq!((left.phase, left.held.clone()), (Phase::Progressing, None));
}

#[test]
fn a_cleared_pause_is_unobserved_and_refuses_a_second_promotion() {
    let moments = play("canary-race");
    let cleared = when(&moments, |now| now.native == "Progressing: waiting for rollout to unpause");
    assert_eq!((cleared.phase, cleared.delivery.pause.clone()), (Phase::Unobserved, None));
    assert!(possible(cleared, Verb::Advance).is_err() && possible(cleared, Verb::Abort).is_ok());
}

#[test]
fn a_scaled_and_restarted_canary_is_counted_as_it_is() {
    let moments = play("canary-scale-restart");
    let scaled = at(&moments, "plugin: promote c-size --full");
    assert_eq!(
        (scaled.counts.wanted, scaled.serving, weights(scaled)),
        (8, Serving::Reduced, vec!["Asked 25 %".to_owned(), "Replicas 20 %".to_owned()])
    );
    let full = when(&moments, |now| now.delivery.promoting_fully && now.phase == Phase::Progressing);
    assert_eq!(weights(full)[0], "Asked 100 %");
    let restarting = when(&moments, |now| now.native == "Progressing: rollout is restarting");
    let since = restarting.delivery.restart.unwrap();
    assert_eq!((restarting.phase, restarting.serving), (Phase::Progressing, Serving::Reduced));
    assert!(restarting.instances.iter().any(|instance| instance.created < Some(since)), "some are still to be replaced");
    let restarted = at(&moments, "scale to 0");
    assert!(restarted.delivery.restart.is_none() && restarted.instances.iter().all(|instance| instance.created >= Some(since)));
    assert_eq!(moments.last().and_then(|moment| moment.now.as_ref()).unwrap().serving, Serving::Idle);
}

#[test]
fn a_router_tells_its_own_weight_and_an_abort_is_safe_at_once() {
    let moments = play("canary-weights");
    let half = at(&moments, "plugin: abort c-traffic");
    assert_eq!(rail(half), "scale 1 5 % pause scale by weight 50 % 4s 80 % [pause]");
    assert_eq!(weights(half), ["Asked 80 %", "Observed 80 %"]);
    let services: Vec<_> = half.delivery.services.iter().map(|service| (service.name.as_str(), service.role)).collect();
    assert_eq!(services, [("c-traffic-stable", Role::Stable), ("c-traffic-canary", Role::Canary)]);
    assert_eq!(half.delivery.services[1].selects.as_ref(), half.candidate().map(|candidate| &candidate.id));
    let lagging = when(&moments, |now| weights(now) == ["Asked 50 %", "Observed 5 %"]);
    assert_eq!(lagging.phase, Phase::Progressing);
    let safe = when(&moments, |now| now.phase == Phase::RolledBack);
    assert_eq!((weights(safe), shown(safe)[0].as_str()), (vec!["Asked 0 %".to_owned(), "Observed 0 %".to_owned()], "#2 1.1.0 canary 3/3"));
    assert!(safe.candidate().unwrap().cools.is_some(), "its instances stay for a while");
    let end = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    assert!(end.revisions.iter().all(|revision| revision.cools.is_none()), "the annotation outlives them");
}

#[test]
fn a_template_elsewhere_is_a_part_and_is_waited_for() {
    let moments = play("workload-ref");
    let unseen = at(&moments, "set image on the Deployment");
    assert_eq!(unseen.native, "Progressing: waiting for rollout spec update to be observed for the reference workload");
    assert_eq!(unseen.phase, Phase::Unobserved);
    let template = unseen.object(&Part::Template).unwrap();
    assert_eq!((template.to_string().as_str(), template.version.as_str()), ("Deployment recorded/w-ref", "generation 2"));
    let own = unseen.object(&Part::Workload).unwrap();
    assert_eq!((own.kind.as_str(), own.version.as_str()), ("Rollout", "generation 1"));
}

#[test]
fn an_invalid_spec_fails_while_the_old_instances_serve() {
    let moments = play("invalid");
    let failed = when(&moments, |now| now.phase == Phase::Failed);
    assert_eq!((failed.serving, shown(failed)), (Serving::Full, vec!["#1 1.0.0 stable 2/2".to_owned()]));
    assert_eq!(rail(failed), "250 % pause 50 % 6s 75 % 4s");
    assert_eq!(failed.conditions[0].0, "InvalidSpec");
}
