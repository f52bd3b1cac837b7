//! A blue/green rollout as the real controller moves it: preview, analysis, pause, switch at once, warm for a while.

use super::*;
use crate::domain::delivery::{PauseKind, Shortcut, Steering};
use crate::domain::revision::Role;
use crate::domain::verb::{Verb, possible};

const CHECKOUT: &str = "checkout production";

fn active(rollout: &Rollout) -> &str {
    rollout.revisions.iter().find(|revision| revision.roles.has(Role::Active)).map_or("", |revision| revision.version.as_str())
}

fn paused(rollout: &Rollout) -> Option<&PauseKind> {
    rollout.delivery.pause.as_ref().map(|pause| &pause.kind)
}

fn before_the_switch() -> (World, Timestamp) {
    let mut world = world("canary", 3);
    let now = run(&mut world, start(), 1);
    (world, now)
}

#[test]
fn it_comes_up_beside_the_active_one_and_waits_before_the_switch() {
    let (world, _) = before_the_switch();
    let rollout = seen(&world, CHECKOUT);
    assert_eq!((rollout.strategy.clone(), rollout.steering), (Strategy::BlueGreen, Steering::Steps));
    assert_eq!((rollout.phase, rollout.native.as_str()), (Phase::Waiting, "Paused: BlueGreenPause"));
    assert_eq!((active(&rollout), paused(&rollout)), ("7.1.0", Some(&PauseKind::BlueGreen)));
    let preview = rollout.candidate().expect("the preview");
    assert_eq!((preview.version.as_str(), preview.counts.ready, preview.roles.has(Role::Preview)), ("7.2.0", 5, true));
    let steps = rollout.steps.as_ref().expect("a rail");
    assert_eq!(steps.now().map(|step| step.kind.label()).as_deref(), Some("pause"));
    assert_eq!(steps.list.len(), 5);
}

#[test]
fn a_promote_switches_at_once_and_an_undo_while_it_is_warm_switches_back_at_once() {
    let (mut world, now) = before_the_switch();
    let now = done(&mut world, CHECKOUT, &Order::Advance, now);
    let rollout = seen(&world, CHECKOUT);
    assert_eq!((active(&rollout), rollout.serving), ("7.2.0", Serving::Full));
    let former = rollout.revisions.iter().find(|revision| revision.version == "7.1.0").expect("kept").clone();
    assert_eq!((former.shortcut, former.counts.ready), (Some(Shortcut::Warm), 5));
    assert!(former.cools.is_some_and(|cools| cools > now));
    let (expect, now) = order(&mut world, CHECKOUT, &Order::RollBack { to: former.id.clone() }, now).expect("undo");
    let rollout = seen(&world, CHECKOUT);
    assert_eq!((active(&rollout), paused(&rollout)), ("7.1.0", None), "no pause");
    let now = met(&mut world, CHECKOUT, &expect, now, 5);
    // Later it is a release like any other.
    let now = run(&mut world, now, 40);
    let rollout = seen(&world, CHECKOUT);
    let other = rollout.revisions.iter().find(|revision| revision.version == "7.2.0").expect("kept").clone();
    assert_eq!((other.shortcut, other.counts.total), (None, 0));
    let (_, now) = order(&mut world, CHECKOUT, &Order::RollBack { to: other.id }, now).expect("undo");
    run(&mut world, now, 60);
    let rollout = seen(&world, CHECKOUT);
    assert_eq!((active(&rollout), paused(&rollout)), ("7.1.0", Some(&PauseKind::BlueGreen)));
}

#[test]
fn an_undecided_analysis_before_the_switch_is_left_by_a_full_promotion_alone() {
    let (mut world, now) = before_the_switch();
    let (_, now) = order(&mut world, CHECKOUT, &ship("trixtech/checkout:7.3.0-doubtful"), now).expect("ship");
    let now = run(&mut world, now, 60);
    let rollout = seen(&world, CHECKOUT);
    assert_eq!(paused(&rollout), Some(&PauseKind::InconclusiveAnalysis));
    assert!(possible(&rollout, Verb::Advance).is_err());
    // Another tool takes the pause away: it comes back at once.
    let place = world.position(&rollout.id).expect("place");
    let mut leave = world.preview(&rollout.id, &Order::Finish, now).expect("preview").requests.remove(0);
    leave.body = r#"[{"op":"remove","path":"/status/pauseConditions"}]"#.into();
    world.write(place, &leave, "plugin", now).expect("write");
    let now = run(&mut world, now, 1);
    assert_eq!(paused(&seen(&world, CHECKOUT)), Some(&PauseKind::InconclusiveAnalysis));
    done(&mut world, CHECKOUT, &Order::Finish, now);
    assert_eq!(active(&seen(&world, CHECKOUT)), "7.3.0-doubtful");
}

#[test]
fn a_failed_analysis_before_the_switch_leaves_the_users_where_they_are() {
    let (mut world, now) = before_the_switch();
    let (_, now) = order(&mut world, CHECKOUT, &ship("trixtech/checkout:7.3.0-regress"), now).expect("ship");
    let now = run(&mut world, now, 60);
    let rollout = seen(&world, CHECKOUT);
    assert_eq!((rollout.phase, active(&rollout)), (Phase::RolledBack, "7.1.0"));
    assert!(rollout.native.contains("Blue/green pre-promotion analysis phase error/failed"), "{}", rollout.native);
    let (_, now) = order(&mut world, CHECKOUT, &Order::Retry, now).expect("retry");
    assert!(seen(&world, CHECKOUT).delivery.aborted.is_none());
    let (_, now) = order(&mut world, CHECKOUT, &Order::Abort, now).expect("abort");
    assert_eq!(seen(&world, CHECKOUT).phase, Phase::RolledBack);
    let _ = now;
}

#[test]
fn one_that_switches_by_itself_switches_back_when_what_follows_fails() {
    let name = "mailer production";
    let mut world = world("canary", 3);
    let (_, now) = order(&mut world, name, &ship("trixtech/mailer:1.4.0"), start()).expect("ship");
    let now = run(&mut world, now, 90);
    assert_eq!((seen(&world, name).phase, active(&seen(&world, name))), (Phase::Done, "1.4.0"));
    let (_, now) = order(&mut world, name, &ship("trixtech/mailer:1.5.0-regress"), now).expect("ship");
    let mut switched = false;
    let mut now = now;
    for _ in 0..60 {
        now = run(&mut world, now, 1);
        switched |= active(&seen(&world, name)) == "1.5.0-regress";
    }
    let rollout = seen(&world, name);
    assert!(switched);
    assert_eq!((rollout.phase, active(&rollout)), (Phase::RolledBack, "1.4.0"), "{}", rollout.native);
}
