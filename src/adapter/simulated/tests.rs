//! The simulated cluster as a whole: the same seed replays the same, every verb reaches its outcome, every fault shows.

mod bluegreen;
mod canary;
mod walks;

use jiff::{SignedDuration, Timestamp};

use super::scenario::Scenario;
use super::world::World;
use super::{pace, rolling, view};
use crate::domain::change::{ChangeError, Expect, Judgement};
use crate::domain::id::Track;
use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::domain::step::WeightSource;
use crate::domain::verb::{Order, Refusal};

fn start() -> Timestamp {
    "2026-03-02T22:05:00Z".parse().expect("a time")
}

fn world(name: &str, seed: u64) -> World {
    let scenario = Scenario::load(name).expect("scenario");
    let fleet = scenario.fleet().expect("fleet");
    let workloads = fleet.plan().workloads().cloned().collect();
    World::new(&scenario, &fleet, workloads, seed, 1.0, start())
}

/// Runs for so many seconds in steps of a tenth.
fn run(world: &mut World, from: Timestamp, seconds: i64) -> Timestamp {
    let mut now = from;
    for _ in 0..seconds * 10 {
        now = pace::later(now, SignedDuration::from_millis(100));
        world.tick(now);
    }
    now
}

fn seen(world: &World, name: &str) -> Rollout {
    let managed = world.services.iter().find(|managed| managed.workload.id.to_string() == name).expect("rollout");
    view::rollout(managed)
}

fn all(world: &World) -> Vec<Rollout> {
    world.services.iter().map(view::rollout).collect()
}

#[test]
fn the_same_seed_and_times_replay_the_same() {
    let (mut one, mut two) = (world("calm", 7), world("calm", 7));
    run(&mut one, start(), 60);
    run(&mut two, start(), 60);
    assert_eq!(all(&one), all(&two));
    let mut other = world("calm", 8);
    run(&mut other, start(), 60);
    assert_ne!(all(&one), all(&other));
}

#[test]
fn a_quiet_cluster_is_healthy_and_changes_nothing() {
    let mut world = world("quiet", 1);
    let before = all(&world);
    for rollout in &before {
        assert_eq!(rollout.phase, Phase::Done, "{}: {}", rollout.id, rollout.native);
    }
    assert_eq!(world.tick(start()), Vec::new());
    run(&mut world, start(), 120);
    assert_eq!(all(&world), before);
}

#[test]
fn a_calm_evening_has_a_waiting_canary_a_crash_loop_and_a_rollout_in_progress() {
    let mut world = world("calm", 1);
    run(&mut world, start(), 1);
    let search = seen(&world, "search production");
    assert_eq!(search.phase, Phase::Waiting, "{} {:?}", search.native, search.steps);
    assert_eq!(search.steps.as_ref().and_then(|steps| steps.current), Some(4));
    assert_eq!(search.versions(), (Some("0.9.0"), Some("0.10.0")));
    let worker = seen(&world, "worker staging");
    assert!(worker.instances.iter().any(|instance| instance.restarts > 1), "{:?}", worker.instances);
    assert_eq!(seen(&world, "frontend production").phase, Phase::Progressing);
}

/// Orders something as the console does: a preview, then its requests, in turn.
fn order(world: &mut World, name: &str, order: &Order, mut now: Timestamp) -> Result<(Expect, Timestamp), ChangeError> {
    let at = world.services.iter().position(|managed| managed.workload.id.to_string() == name).expect("rollout");
    let id = world.services[at].workload.id.clone();
    let preview = world.preview(&id, order, now)?;
    assert!(!preview.requests.is_empty() && !preview.diff.is_empty(), "{preview:?}");
    assert!(!(preview.leads_to.is_empty() && preview.warnings.is_empty()), "{preview:?}");
    for request in &preview.requests {
        world.write(at, request, "rolldeck", now)?;
        now = run(world, now, 1);
    }
    // Each request a second time: refused, whatever has happened since.
    for request in preview.requests.iter().filter(|request| !request.purpose.starts_with("make sure")) {
        let again = world.write(at, request, "rolldeck", now);
        assert!(matches!(again, Err(ChangeError::Moved { .. } | ChangeError::Refused(_))), "{order:?}: {again:?} {}", request.body);
    }
    Ok((preview.expect, now))
}

/// Runs until an expectation is met; fails where it is missed or takes longer than so many seconds.
fn met(world: &mut World, name: &str, expect: &Expect, mut now: Timestamp, seconds: i64) -> Timestamp {
    for _ in 0..seconds {
        match expect.judge(&seen(world, name)) {
            Judgement::Met(_) => return now,
            Judgement::Missed(why) => panic!("{expect:?} missed: {why}"),
            Judgement::Pending => now = run(world, now, 1),
        }
    }
    panic!("{expect:?} still pending: {:#?}", seen(world, name));
}

fn done(world: &mut World, name: &str, what: &Order, now: Timestamp) -> Timestamp {
    let (expect, now) = order(world, name, what, now).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    met(world, name, &expect, now, 240)
}

fn ship(image: &str) -> Order {
    Order::Ship { container: None, image: image.into() }
}

#[test]
fn every_verb_of_a_rolling_update_reaches_its_outcome() {
    let mut world = world("quiet", 3);
    let name = "frontend production";
    let now = done(&mut world, name, &ship("trixtech/frontend:5.1.0"), start());
    assert_eq!(seen(&world, name).phase, Phase::Done);
    let now = done(&mut world, name, &Order::Scale { track: None, replicas: 5 }, now);
    let now = done(&mut world, name, &Order::Restart { track: None }, now);
    // A hold in the middle of a rollout stops it; the resume lets it finish.
    let (expect, now) = order(&mut world, name, &ship("trixtech/frontend:5.2.0"), now).expect("ship");
    let now = run(&mut world, now, 2);
    let now = done(&mut world, name, &Order::Hold, now);
    let held = seen(&world, name);
    assert_eq!(held.phase, Phase::Waiting, "{}", held.native);
    assert!(held.revisions.iter().filter(|revision| revision.counts.wanted > 0).count() == 2, "{:?}", held.revisions);
    let now = run(&mut world, now, 300);
    assert_eq!(seen(&world, name).phase, Phase::Waiting, "a held rollout never exceeds its deadline");
    let now = done(&mut world, name, &Order::Resume, now);
    let now = met(&mut world, name, &expect, now, 120);
    // Back to a kept revision: its set is used again, under a new number.
    let target = seen(&world, name).revisions.iter().find(|revision| revision.version == "5.0.0").expect("kept").clone();
    let now = done(&mut world, name, &Order::RollBack { to: target.id.clone() }, now);
    let back = seen(&world, name);
    let again = back.revision(&target.id).expect("the same set");
    assert!(again.number > target.number && again.former_numbers.contains(&target.number.expect("number")), "{again:?}");
    // An abort in the middle goes back to what served; held or not.
    let (_, now) = order(&mut world, name, &ship("trixtech/frontend:5.3.0-bad"), now).expect("ship");
    let now = run(&mut world, now, 5);
    let (_, now) = order(&mut world, name, &Order::Hold, now).expect("hold");
    done(&mut world, name, &Order::Abort, now);
    assert_eq!(seen(&world, name).versions(), (Some("5.0.0"), None));
    assert!(seen(&world, name).held.is_none());
}

#[test]
fn every_verb_of_a_canary_reaches_its_outcome() {
    let mut world = world("calm", 3);
    let name = "search production";
    let mut now = run(&mut world, start(), 1);
    assert_eq!(seen(&world, name).steps.and_then(|steps| steps.current), Some(4));
    now = done(&mut world, name, &Order::Advance, now);
    now = done(&mut world, name, &Order::Hold, now);
    now = done(&mut world, name, &Order::Resume, now);
    now = done(&mut world, name, &Order::Abort, now);
    let aborted = seen(&world, name);
    assert_eq!(aborted.phase, Phase::RolledBack);
    assert_eq!(aborted.serving, Serving::Full, "degraded and safe");
    assert!(aborted.weights.iter().all(|weight| weight.source == WeightSource::Replicas || weight.share.permille() == 0));
    now = done(&mut world, name, &Order::Retry, now);
    now = run(&mut world, now, 30);
    now = done(&mut world, name, &Order::Hold, now);
    now = done(&mut world, name, &Order::Finish, now);
    let after = seen(&world, name);
    assert_eq!((after.phase, after.versions()), (Phase::Done, (Some("0.10.0"), None)));
    now = done(&mut world, name, &Order::Scale { track: None, replicas: 6 }, now);
    now = done(&mut world, name, &Order::Restart { track: None }, now);
    let former = after.revisions.iter().find(|revision| revision.version == "0.9.0").expect("kept").id.clone();
    let (expect, now) = order(&mut world, name, &Order::RollBack { to: former }, now).expect("roll back");
    let now = run(&mut world, now, 5);
    // It is not the stable one: it walks the steps, and a full promotion ends that.
    let now = done(&mut world, name, &Order::Finish, now);
    met(&mut world, name, &expect, now, 60);
}

#[test]
fn every_verb_of_a_pair_reaches_its_outcome() {
    let mut world = world("quiet", 3);
    let name = "backend production";
    let (blue, green) = (Track::new("blue"), Track::new("green"));
    let mut now = done(&mut world, name, &Order::Switch { to: green.clone() }, start());
    now = done(&mut world, name, &Order::SwitchBack { to: blue.clone() }, now);
    now = done(&mut world, name, &Order::Retire { track: green.clone() }, now);
    assert_eq!(seen(&world, name).idle().map(|idle| idle.counts.total), Some(0));
    // Shipped to the side without users, which is scaled up first.
    let preview = world.preview(&seen(&world, name).id, &ship("trixtech/backend:2.3.0"), now).expect("preview");
    assert_eq!(preview.requests.len(), 2);
    assert!(preview.requests[0].path.contains("backend-green/scale"), "{}", preview.requests[0].path);
    now = done(&mut world, name, &ship("trixtech/backend:2.3.0"), now);
    assert_eq!(seen(&world, name).routing.and_then(|routing| routing.active), Some(blue.clone()));
    now = done(&mut world, name, &Order::Switch { to: green.clone() }, now);
    now = done(&mut world, name, &Order::Restart { track: Some(green.clone()) }, now);
    now = done(&mut world, name, &Order::Scale { track: Some(blue.clone()), replicas: 2 }, now);
    now = done(&mut world, name, &Order::Abort, now);
    assert_eq!(seen(&world, name).routing.and_then(|routing| routing.active), Some(blue));
    let idle = seen(&world, name).idle().expect("idle").id.clone();
    done(&mut world, name, &Order::RollBack { to: idle }, now);
    assert_eq!(seen(&world, name).routing.and_then(|routing| routing.active), Some(green));
}

#[test]
fn a_side_that_is_not_ready_is_not_switched_to() {
    let mut world = world("quiet", 3);
    let name = "backend production";
    let (_, now) = order(&mut world, name, &ship("trixtech/backend:2.3.0-bad"), start()).expect("ship");
    let now = run(&mut world, now, 20);
    let refused = order(&mut world, name, &Order::Switch { to: "green".into() }, now);
    assert!(matches!(refused, Err(ChangeError::Refused(Refusal::IdleNotReady { .. }))), "{refused:?}");
}

#[test]
fn a_second_operator_between_preview_and_write_is_named() {
    let mut world = world("second-operator", 3);
    let name = "payments production";
    let id = seen(&world, name).id;
    let at = world.position(&id).expect("place");
    let preview = world.preview(&id, &ship("trixtech/payments:3.4.0"), start()).expect("preview");
    assert_eq!(world.meddle(&id, start()), Some(at));
    let error = world.write(at, &preview.requests[0], "rolldeck", start()).expect_err("moved");
    let ChangeError::Moved { what, by, .. } = &error else { panic!("{error:?}") };
    assert!(what[0].starts_with("generation "), "{what:?}");
    assert_eq!(by.as_deref(), Some("kubectl-client-side"));
}

#[test]
fn promote_sent_twice_moves_one_step() {
    let mut world = world("calm", 5);
    let now = run(&mut world, start(), 1);
    let id = seen(&world, "search production").id;
    let at = world.position(&id).expect("place");
    let first = world.preview(&id, &Order::Advance, now).expect("preview");
    let second = world.preview(&id, &Order::Advance, now).expect("preview");
    world.write(at, &first.requests[0], "rolldeck", now).expect("the first goes through");
    let error = world.write(at, &second.requests[0], "rolldeck", now).expect_err("the second does not");
    assert!(matches!(error, ChangeError::Moved { .. }), "{error:?}");
    run(&mut world, now, 2);
    assert_eq!(seen(&world, "search production").steps.and_then(|steps| steps.current), Some(5));
}

#[test]
fn every_fault_shows_on_its_instances() {
    for (tag, word) in [
        ("bad", "Running"),
        ("crash", "CrashLoopBackOff"),
        ("missing", "ImagePullBackOff"),
        ("noconfig", "CreateContainerConfigError"),
        ("huge", "Pending"),
        ("sandbox", "ContainerCreating"),
        ("oom", "CrashLoopBackOff"),
    ] {
        let mut world = world("quiet", 4);
        let name = "payments production";
        let (_, mut now) = order(&mut world, name, &ship(&format!("trixtech/payments:{tag}")), start()).expect("ship");
        let shows = |rollout: &Rollout| rollout.instances.iter().any(|instance| instance.word == word && instance.ready_since.is_none());
        let mut found = false;
        for _ in 0..90 {
            now = run(&mut world, now, 1);
            found |= shows(&seen(&world, name));
        }
        let rollout = seen(&world, name);
        assert!(found, "{tag}: {:?}", rollout.instances);
        if tag != "oom" {
            assert_eq!(rollout.versions(), (Some("3.3.7"), Some(tag)), "the old ones go on serving");
            assert!(rollout.counts.ready >= 8, "{tag}: {:?}", rollout.counts);
            run(&mut world, now, 60);
            assert_eq!(seen(&world, name).phase, Phase::Failed, "{tag}: the deadline is exceeded");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 8, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_orders_keep_the_bounds(seed in 0_u64..1000, turns in proptest::collection::vec((0_usize..14, 0_usize..6, 1_i64..40), 1..14)) {
        let mut world = world("calm", seed);
        let mut now = start();
        let names = ["search production", "backend production", "frontend production", "worker staging"];
        for (verb, pick, seconds) in turns {
            let name = names[pick % names.len()];
            let rollout = seen(&world, name);
            let tag = ["2.9.0", "bad", "crash", "oom", "regress", "3.0.1"][pick];
            let track = rollout.idle().and_then(|idle| idle.track.clone());
            let to = rollout.revisions.get(pick).map(|revision| revision.id.clone());
            let what = match (verb, track, to) {
                (0 | 1, ..) => ship(&format!("trixtech/{}:{tag}", rollout.id.service)),
                (2, ..) => Order::Advance,
                (3, ..) => Order::Finish,
                (4, ..) => Order::Hold,
                (5, ..) => Order::Resume,
                (6, ..) => Order::Abort,
                (7, ..) => Order::Retry,
                (8, Some(to), _) => Order::Switch { to },
                (9, Some(track), _) => Order::Retire { track },
                (10, _, Some(to)) => Order::RollBack { to },
                (11, track, _) => Order::Restart { track },
                (12, track, _) => Order::Scale { track, replicas: pick as u32 * 2 },
                _ => Order::Resume,
            };
            let held_abort = what == Order::Abort;
            if let Ok((_, after)) = order(&mut world, name, &what, now) {
                now = after;
                if held_abort && rollout.strategy == Strategy::Canary {
                    now = run(&mut world, now, 1);
                    let rollout = seen(&world, name);
                    let users = rollout.weights.iter().filter(|weight| weight.source != WeightSource::Replicas);
                    proptest::prop_assert!(users.clone().all(|weight| weight.share.permille() == 0), "{:?}", rollout.weights);
                }
            }
            for _ in 0..seconds {
                now = run(&mut world, now, 1);
                for managed in &world.services {
                    for deployment in &managed.deployments {
                        let wanted: u32 = deployment.sets.iter().map(|set| set.wanted).sum();
                        let most = match &deployment.argo {
                            Some(argo) => {
                                proptest::prop_assert!(argo.index <= argo.steps.len());
                                continue;
                            }
                            None => deployment.sized + rolling::bounds(deployment.sized).0,
                        };
                        proptest::prop_assert!(wanted <= most, "{}: {wanted} > {most}", deployment.name);
                    }
                }
            }
        }
    }
}
