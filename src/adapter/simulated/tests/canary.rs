//! A canary as the real controller moves it (api-semantics 2.4 to 2.9): every state on the way, and what it means.

use super::*;
use crate::domain::delivery::{AnalysisPhase, AnalysisRole, PauseKind, Shortcut};
use crate::domain::revision::Role;
use crate::domain::verb::Verb;

const SEARCH: &str = "search production";

/// What users get: the share of the candidate and whose it is, by the router.
fn users(rollout: &Rollout) -> (u16, Option<String>) {
    let share = rollout.weights.iter().find(|weight| weight.source == WeightSource::Observed).map_or(0, |weight| weight.share.permille());
    let canary = rollout.delivery.services.iter().find(|service| service.role == Role::Canary);
    let selects = canary.and_then(|service| service.selects.as_ref()).map(ToString::to_string);
    (share / 10, selects.filter(|_| share > 0))
}

fn asked(rollout: &Rollout) -> u16 {
    rollout.weights.iter().find(|weight| weight.source == WeightSource::Asked).map_or(0, |weight| weight.share.permille() / 10)
}

fn at(world: &World) -> (Option<usize>, Phase) {
    let rollout = seen(world, SEARCH);
    (rollout.steps.and_then(|steps| steps.current), rollout.phase)
}

/// Runs until it stands so; fails where it takes longer than so many seconds.
fn until(world: &mut World, name: &str, mut now: Timestamp, seconds: i64, so: impl Fn(&Rollout) -> bool) -> Timestamp {
    for _ in 0..seconds * 10 {
        if so(&seen(world, name)) {
            return now;
        }
        now = pace::later(now, SignedDuration::from_millis(100));
        world.tick(now);
    }
    panic!("waited in vain: {:#?}", seen(world, name));
}

fn waiting_at_a_quarter() -> (World, Timestamp) {
    let mut world = world("canary", 3);
    let now = run(&mut world, start(), 1);
    (world, now)
}

/// Ships a version over the canary that waits, and walks to its first pause step.
fn shipped(tag: &str) -> (World, Timestamp) {
    let (mut world, now) = waiting_at_a_quarter();
    let (_, now) = order(&mut world, SEARCH, &ship(&format!("trixtech/search:{tag}")), now).expect("ship");
    let now = until(&mut world, SEARCH, now, 60, |rollout| {
        rollout.delivery.pause.is_some() && rollout.steps.as_ref().and_then(|steps| steps.current) == Some(1)
    });
    (world, now)
}

#[test]
fn a_canary_stands_at_a_quarter_and_tells_all_about_it() {
    let (world, now) = waiting_at_a_quarter();
    let rollout = seen(&world, SEARCH);
    assert_eq!(at(&world), (Some(4), Phase::Waiting));
    assert_eq!((rollout.native.as_str(), asked(&rollout), users(&rollout).0), ("Paused: CanaryPauseStep", 25, 25));
    let pause = rollout.delivery.pause.as_ref().expect("a pause");
    assert_eq!((&pause.kind, pause.until), (&PauseKind::Step, None));
    assert!(pause.since.is_some_and(|since| since < now));
    let analysis = rollout.delivery.analyses.first().expect("the analysis of the third step");
    assert_eq!((&analysis.role, analysis.phase), (&AnalysisRole::Step(2), AnalysisPhase::Successful));
    for metric in &analysis.metrics {
        assert_eq!((metric.planned, metric.taken, metric.failed), (Some(6), 6, 0), "{}", metric.name);
        assert_eq!(metric.measurements.len(), 6);
    }
    assert_eq!(rollout.candidate().map(|candidate| candidate.counts.ready), Some(4), "a quarter of 15, rounded up");
}

#[test]
fn promote_leaves_one_pause_and_the_index_goes_one_on() {
    let (mut world, now) = waiting_at_a_quarter();
    let (_, now) = order(&mut world, SEARCH, &Order::Advance, now).expect("promote");
    assert_eq!(at(&world), (Some(5), Phase::Progressing));
    let rollout = seen(&world, SEARCH);
    let running = rollout.delivery.running().next().expect("the analysis of the sixth step");
    assert_eq!(running.role, AnalysisRole::Step(5));
    // A running analysis is a step that a promote leaves out; what measured is stopped.
    let (_, now) = order(&mut world, SEARCH, &Order::Advance, now).expect("skip the analysis");
    let now = until(&mut world, SEARCH, now, 30, |rollout| users(rollout).0 == 50 && rollout.delivery.pause.is_some());
    assert_eq!(at(&world).0, Some(7));
    assert!(seen(&world, SEARCH).delivery.running().next().is_none());
    let rollout = seen(&world, SEARCH);
    assert!(rollout.delivery.pause.as_ref().and_then(|pause| pause.until).is_some(), "{:?}", rollout.delivery.pause);
    let now = until(&mut world, SEARCH, now, 90, |rollout| rollout.phase == Phase::Done);
    let rollout = seen(&world, SEARCH);
    assert_eq!(rollout.versions(), (Some("0.10.0"), None));
    let former = rollout.revisions.iter().find(|revision| revision.version == "0.9.0").expect("kept");
    assert!(former.cools.is_some_and(|cools| cools > now), "the old stack is warm");
    assert_eq!(former.counts.ready, 15);
    run(&mut world, now, 40);
    let rollout = seen(&world, SEARCH);
    let former = rollout.revisions.iter().find(|revision| revision.version == "0.9.0").expect("kept");
    assert_eq!((former.cools, former.counts.wanted), (None, 0));
}

#[test]
fn an_analysis_that_fails_gives_the_canary_up_and_a_retry_begins_at_the_first_step() {
    let (mut world, now) = shipped("0.11.0-regress");
    let now = until(&mut world, SEARCH, now, 90, |rollout| rollout.delivery.aborted.is_some());
    let rollout = seen(&world, SEARCH);
    let words = "Degraded: RolloutAborted: Rollout aborted update to revision 5: Step-based analysis phase error/failed: \
                 Metric \"error-rate\" assessed Failed due to failed (2) > failureLimit (1)";
    assert_eq!(rollout.native, words);
    assert_eq!((at(&world), users(&rollout).0, asked(&rollout)), ((Some(0), Phase::RolledBack), 0, 0));
    assert_eq!(rollout.serving, Serving::Full, "degraded and safe");
    let failed = rollout.delivery.analyses.iter().find(|analysis| analysis.phase.bad()).expect("the failed one");
    assert_eq!(failed.metrics[0].failed, 2);
    let now = until(&mut world, SEARCH, now, 60, |rollout| rollout.candidate().is_some_and(|candidate| candidate.counts.total == 0));
    // Tried again, it fails again, in an analysis of its own.
    let (_, now) = order(&mut world, SEARCH, &Order::Retry, now).expect("retry");
    assert_eq!(at(&world), (Some(0), Phase::Progressing));
    assert!(seen(&world, SEARCH).delivery.aborted.is_none());
    until(&mut world, SEARCH, now, 120, |rollout| rollout.delivery.aborted.is_some());
    let bad = seen(&world, SEARCH).delivery.analyses.into_iter().filter(|analysis| analysis.phase.bad());
    let names: std::collections::BTreeSet<String> = bad.map(|analysis| analysis.name).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn an_analysis_that_cannot_decide_pauses_and_a_promote_leaves_it_behind() {
    let (mut world, now) = shipped("0.11.0-doubtful");
    let now = until(&mut world, SEARCH, now, 90, |rollout| {
        rollout.delivery.pause.as_ref().is_some_and(|pause| pause.kind == PauseKind::InconclusiveAnalysis)
    });
    assert_eq!(at(&world), (Some(2), Phase::Waiting));
    assert_eq!(seen(&world, SEARCH).native, "Paused: InconclusiveAnalysisRun");
    order(&mut world, SEARCH, &Order::Advance, now).expect("promote");
    assert_eq!(at(&world).0, Some(3));
}

#[test]
fn a_provider_that_does_not_answer_is_an_error_after_five_tries() {
    let (mut world, now) = shipped("0.11.0-blind");
    let now = until(&mut world, SEARCH, now, 120, |rollout| rollout.delivery.aborted.is_some());
    let rollout = seen(&world, SEARCH);
    assert!(rollout.native.contains("consecutiveErrors (5) > consecutiveErrorLimit (4)"), "{}", rollout.native);
    let error = rollout.delivery.analyses.iter().find(|analysis| analysis.phase == AnalysisPhase::Error).expect("the run");
    assert_eq!((error.metrics[0].taken, error.metrics[0].errors), (0, 5));
    assert!(error.ended.is_some_and(|ended| ended <= now));
}

#[test]
fn a_stopped_analysis_has_passed_and_the_rollout_moves_on() {
    let (mut world, now) = shipped("0.11.0");
    let now = until(&mut world, SEARCH, now, 90, |rollout| rollout.delivery.running().next().is_some());
    let name = seen(&world, SEARCH).delivery.running().next().expect("running").name.clone();
    let now = done(&mut world, SEARCH, &Order::Terminate { analysis: name.clone() }, now);
    run(&mut world, now, 2);
    assert_eq!(at(&world).0, Some(3));
    let rollout = seen(&world, SEARCH);
    assert_eq!(rollout.delivery.analysis(&name).map(|analysis| analysis.phase), Some(AnalysisPhase::Successful));
    assert!(order(&mut world, SEARCH, &Order::Terminate { analysis: name }, now).is_err());
}

#[test]
fn a_background_analysis_gives_a_waiting_canary_up() {
    let name = "pricing production";
    let mut world = world("canary", 3);
    let (_, now) = order(&mut world, name, &ship("trixtech/pricing:4.3.0-slow"), start()).expect("ship");
    let now = until(&mut world, name, now, 60, |rollout| rollout.phase == Phase::Waiting);
    assert!(seen(&world, name).delivery.analyses.iter().any(|analysis| analysis.role == AnalysisRole::Background));
    until(&mut world, name, now, 60, |rollout| rollout.delivery.aborted.is_some());
    let native = seen(&world, name).native;
    assert!(native.contains("Background analysis phase error/failed: Metric \"p95\""), "{native}");
}

#[test]
fn what_is_ordered_while_it_is_held_reaches_the_users_when_the_hold_is_let_go() {
    let to = seen(&waiting_at_a_quarter().0, SEARCH).serving_revision().expect("stable").id.clone();
    for what in [Order::Abort, Order::RollBack { to }] {
        let (mut world, now) = waiting_at_a_quarter();
        let now = done(&mut world, SEARCH, &Order::Hold, now);
        assert_eq!(seen(&world, SEARCH).native, "Paused: manually paused");
        let (expect, now) = order(&mut world, SEARCH, &what, now).expect("a way back");
        met(&mut world, SEARCH, &expect, now, 30);
        let rollout = seen(&world, SEARCH);
        assert_eq!((users(&rollout).0, rollout.held.is_none()), (0, true), "{what:?}");
    }
}

#[test]
fn an_abort_alone_leaves_the_candidate_serving_while_it_is_held() {
    let (mut world, now) = waiting_at_a_quarter();
    let now = done(&mut world, SEARCH, &Order::Hold, now);
    let id = seen(&world, SEARCH).id;
    let preview = world.preview(&id, &Order::Abort, now).expect("preview");
    let purposes: Vec<&str> = preview.requests.iter().map(|request| request.purpose.as_str()).collect();
    assert_eq!(purposes, ["abort the rollout", "release the hold"]);
    let place = world.position(&id).expect("place");
    world.write(place, &preview.requests[0], "rolldeck", now).expect("the first request");
    let now = run(&mut world, now, 60);
    let rollout = seen(&world, SEARCH);
    assert_eq!((rollout.phase, users(&rollout).0), (Phase::RollingBack, 25), "{}", rollout.native);
    assert_eq!(rollout.candidate().map(|candidate| candidate.counts.ready), Some(4));
    assert!(rollout.native.contains("RolloutAborted"), "{}", rollout.native);
    world.write(place, &preview.requests[1], "rolldeck", now).expect("the second request");
    run(&mut world, now, 1);
    let rollout = seen(&world, SEARCH);
    assert_eq!((rollout.phase, users(&rollout).0), (Phase::RolledBack, 0));
}

#[test]
fn a_promote_of_a_held_canary_lets_the_hold_go_first_and_then_leaves_the_pause() {
    let (mut world, now) = waiting_at_a_quarter();
    let now = done(&mut world, SEARCH, &Order::Hold, now);
    let id = seen(&world, SEARCH).id;
    let preview = world.preview(&id, &Order::Advance, now).expect("preview");
    let purposes: Vec<&str> = preview.requests.iter().map(|request| request.purpose.as_str()).collect();
    assert_eq!(purposes, ["release the hold", "leave step 5"]);
    done(&mut world, SEARCH, &Order::Advance, now);
    assert_eq!(at(&world).0, Some(5));
}

#[test]
fn a_pause_taken_away_while_it_is_held_begins_again() {
    let (mut world, now) = waiting_at_a_quarter();
    let since = |world: &World| seen(world, SEARCH).delivery.pause.and_then(|pause| pause.since);
    let before = since(&world);
    let id = seen(&world, SEARCH).id;
    let place = world.position(&id).expect("place");
    // The order of Argo's own plugin: the pause first, the hold second.
    let leave = world.preview(&id, &Order::Advance, now).expect("preview").requests.remove(0);
    let now = done(&mut world, SEARCH, &Order::Hold, now);
    world.write(place, &leave, "plugin", now).expect("the pause");
    let now = run(&mut world, now, 1);
    let now = done(&mut world, SEARCH, &Order::Resume, now);
    run(&mut world, now, 1);
    assert_eq!(at(&world), (Some(4), Phase::Waiting));
    assert!(since(&world) > before, "the same step pauses anew");
}

#[test]
fn a_timed_pause_runs_on_while_it_is_held_and_then_moves_at_once() {
    let (mut world, now) = shipped("0.11.0");
    let now = done(&mut world, SEARCH, &Order::Hold, now);
    let now = run(&mut world, now, 60);
    assert_eq!(at(&world), (Some(1), Phase::Waiting));
    let now = done(&mut world, SEARCH, &Order::Resume, now);
    run(&mut world, now, 1);
    assert_eq!(at(&world).0, Some(2));
}

#[test]
fn a_controller_that_is_away_leaves_the_pause_and_says_nothing() {
    let (mut world, now) = waiting_at_a_quarter();
    let id = seen(&world, SEARCH).id;
    let place = world.position(&id).expect("place");
    let away = crate::adapter::simulated::scenario::Deed::StopController { rollout: SEARCH.into(), lasting: SignedDuration::from_secs(30) };
    world.perform(&away, now);
    let request = world.preview(&id, &Order::Advance, now).expect("preview").requests.remove(0);
    world.write(place, &request, "rolldeck", now).expect("promote");
    let ordered = now;
    let now = run(&mut world, now, 15);
    let rollout = seen(&world, SEARCH);
    assert_eq!((rollout.phase, rollout.native.as_str()), (Phase::Unobserved, "Progressing: waiting for rollout to unpause"));
    assert_eq!((rollout.delivery.unobserved_since, rollout.delivery.pause.as_ref()), (Some(ordered), None));
    let refused = crate::domain::verb::possible_at(&rollout, Verb::Advance, now).expect_err("no second promote");
    assert_eq!(refused, Refusal::ControllerAway { ago: SignedDuration::from_secs(15) });
    run(&mut world, now, 20);
    assert_eq!(at(&world).0, Some(5), "it carries on where it was");
}

#[test]
fn an_undo_skips_the_steps_to_the_stable_revision_and_within_the_window_and_walks_them_otherwise() {
    let (mut world, now) = waiting_at_a_quarter();
    let revision = |world: &World, name: &str, version: &str| {
        seen(world, name).revisions.into_iter().find(|revision| revision.version == version).expect(version)
    };
    let stable = revision(&world, SEARCH, "0.9.0");
    assert_eq!(stable.shortcut, Some(Shortcut::Stable));
    let now = done(&mut world, SEARCH, &Order::RollBack { to: stable.id }, now);
    let rollout = seen(&world, SEARCH);
    assert_eq!((rollout.versions(), users(&rollout).0), ((Some("0.9.0"), None), 0));
    let older = revision(&world, SEARCH, "0.8.4");
    assert_eq!(older.shortcut, None);
    let (_, now) = order(&mut world, SEARCH, &Order::RollBack { to: older.id }, now).expect("undo");
    assert_eq!(at(&world).0, Some(0), "another revision walks the steps");
    // Two releases back, of a service that keeps a window of two.
    let pricing = "pricing production";
    assert_eq!(revision(&world, pricing, "4.0.0").shortcut, Some(Shortcut::Window));
    let older = revision(&world, pricing, "4.1.0");
    assert_eq!(older.shortcut, Some(Shortcut::Window));
    let (expect, now) = order(&mut world, pricing, &Order::RollBack { to: older.id }, now).expect("undo");
    met(&mut world, pricing, &expect, now, 30);
    assert_eq!(seen(&world, pricing).versions(), (Some("4.1.0"), None));
}

#[test]
fn a_restart_replaces_one_instance_after_another_and_says_so() {
    let (mut world, now) = waiting_at_a_quarter();
    let (expect, now) = order(&mut world, SEARCH, &Order::Restart { track: None }, now).expect("restart");
    let rollout = seen(&world, SEARCH);
    assert!(rollout.delivery.restart.is_some());
    let gone = rollout.instances.iter().filter(|i| i.state == crate::domain::instance::InstanceState::Terminating).count();
    assert!(gone <= 1, "{gone} at once");
    let now = until(&mut world, SEARCH, now, 300, |rollout| rollout.delivery.restart.is_none());
    assert_eq!(at(&world), (Some(4), Phase::Waiting), "the steps stand where they were");
    let _ = (expect, now);
}
