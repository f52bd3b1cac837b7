//! The simulated cluster as a whole: the same seed replays the same, every verb reaches its outcome, every fault shows.

use jiff::{SignedDuration, Timestamp};

use super::scenario::Scenario;
use super::world::World;
use super::{pace, view};
use crate::domain::rollout::{Phase, Rollout};

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
