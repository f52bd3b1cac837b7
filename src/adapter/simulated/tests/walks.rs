//! Random walks over orders and time: what must hold of a rollout with steps at every moment.

use super::*;
use crate::domain::revision::Role;

/// What a walk looks at.
#[derive(Clone, Debug, PartialEq)]
struct Moment {
    index: Option<usize>,
    wished: String,
    /// The index is that of the wish; until the controller has looked it is the former one's.
    observed: bool,
    aborted: bool,
    held: bool,
    stable: bool,
    finishing: bool,
    /// The candidate's share by the router and whose it is; the active revision of a blue/green one.
    users: (u16, Option<String>, Option<String>),
}

fn moment(world: &World, name: &str) -> Moment {
    let rollout = seen(world, name);
    let managed = world.services.iter().find(|managed| managed.workload.id.to_string() == name).expect("rollout");
    let share = rollout.weights.iter().find(|weight| weight.source == WeightSource::Observed).map_or(0, |weight| weight.share.permille());
    let service = |role| rollout.delivery.services.iter().find(|service| service.role == role);
    let selects = |role| service(role).and_then(|service| service.selects.as_ref()).map(ToString::to_string);
    let wished = managed.deployments[0].current().map(|set| set.id.clone());
    Moment {
        index: rollout.steps.as_ref().and_then(|steps| steps.current),
        wished: wished.as_ref().map(ToString::to_string).unwrap_or_default(),
        observed: rollout.phase != Phase::Unobserved,
        aborted: rollout.delivery.aborted.is_some(),
        held: rollout.held.is_some(),
        stable: wished == managed.deployments[0].stable,
        finishing: rollout.delivery.promoting_fully,
        users: (share, selects(Role::Canary).filter(|_| share > 0), selects(Role::Active)),
    }
}

/// What the last weight at or before the step asks for, from the rollout alone.
fn asked(rollout: &Rollout) -> u16 {
    let Some(steps) = &rollout.steps else { return 0 };
    let current = steps.current.unwrap_or(0);
    if rollout.delivery.aborted.is_some() || rollout.candidate().is_none() {
        return 0;
    }
    if current >= steps.list.len() {
        return 1000;
    }
    let weights = steps.list[..=current].iter().rev().filter_map(|step| match &step.kind {
        crate::domain::step::StepKind::Weight(share) => Some(share.permille()),
        _ => None,
    });
    weights.into_iter().next().unwrap_or(0)
}

fn check(world: &World, name: &str, before: &Moment) -> Result<Moment, proptest::test_runner::TestCaseError> {
    let rollout = seen(world, name);
    let now = moment(world, name);
    if let Some(steps) = &rollout.steps {
        let index = steps.current.expect("an index");
        proptest::prop_assert!(index <= steps.list.len(), "{index} beyond the list");
        let same = before.wished == now.wished && before.observed && now.observed;
        if rollout.strategy == Strategy::Canary && same && !now.aborted && !before.aborted {
            let from = before.index.expect("an index");
            proptest::prop_assert!(index >= from, "{name}: {from} → {index} backwards: {before:?} {now:?}");
            let leaps = now.finishing || before.finishing || now.stable;
            proptest::prop_assert!(index <= from + 1 || leaps, "{name}: {from} → {index} at once: {before:?} {now:?}");
        }
        if let Some(weight) = rollout.weights.iter().find(|weight| weight.source == WeightSource::Asked) {
            proptest::prop_assert_eq!(weight.share.permille(), asked(&rollout), "{}: {:?}", name, now);
        }
    }
    if before.held && now.held {
        proptest::prop_assert_eq!(&before.users, &now.users, "{} moved while it was held", name);
    }
    if let Some(pause) = &rollout.delivery.pause {
        proptest::prop_assert!(rollout.delivery.aborted.is_none() && pause.since.is_some());
    }
    let running = rollout.delivery.analyses.iter().filter(|analysis| !analysis.phase.over() && !analysis.stopping).count();
    proptest::prop_assert!(running <= 2, "{running} analyses measure at once");
    Ok(now)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_order_at_any_time_makes_an_index_wrong_or_moves_users_who_are_held(
        seed in 0_u64..1000,
        turns in proptest::collection::vec((0_usize..13, 0_usize..6, 0_i64..25), 1..20),
    ) {
        let mut world = world("canary", seed);
        let mut now = start();
        let names = ["search production", "pricing production", "checkout production", "mailer production"];
        for (verb, pick, seconds) in turns {
            let name = names[pick % names.len()];
            let rollout = seen(&world, name);
            let tag = ["2.9.0", "bad", "regress", "slow", "doubtful", "3.0.1"][pick];
            let to = rollout.revisions.get(pick).map(|revision| revision.id.clone());
            let analysis = rollout.delivery.running().next().map(|analysis| analysis.name.clone());
            let what = match (verb, to, analysis) {
                (0 | 1, ..) => ship(&format!("trixtech/{}:{tag}", rollout.id.service)),
                (2 | 3, ..) => Order::Advance,
                (4, ..) => Order::Finish,
                (5, ..) => Order::Hold,
                (6, ..) => Order::Resume,
                (7, ..) => Order::Abort,
                (8, ..) => Order::Retry,
                (9, Some(to), _) => Order::RollBack { to },
                (10, _, Some(analysis)) => Order::Terminate { analysis },
                (11, ..) => Order::Scale { track: None, replicas: pick as u32 + 1 },
                _ => Order::Restart { track: None },
            };
            let mut before: Vec<Moment> = names.iter().map(|name| moment(&world, name)).collect();
            let id = rollout.id.clone();
            let requests = world.preview(&id, &what, now).map(|preview| preview.requests).unwrap_or_default();
            let place = world.position(&id).expect("place");
            // Every request twice, as two consoles would send it, with the world going on between.
            for request in &requests {
                let first = world.write(place, request, "rolldeck", now);
                if first.is_ok() {
                    proptest::prop_assert!(world.write(place, request, "another", now).is_err(), "{:?} twice: {}", what, request.body);
                }
                for _ in 0..4 {
                    now = pace::later(now, SignedDuration::from_millis(100));
                    world.tick(now);
                    for (name, before) in names.iter().zip(&mut before) {
                        *before = check(&world, name, before)?;
                    }
                }
            }
            for _ in 0..seconds * 5 {
                now = pace::later(now, SignedDuration::from_millis(200));
                world.tick(now);
                for (name, before) in names.iter().zip(&mut before) {
                    *before = check(&world, name, before)?;
                }
            }
        }
    }
}
