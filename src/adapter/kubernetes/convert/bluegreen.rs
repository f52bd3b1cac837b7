//! A Service and the two Deployments that it chooses from, as one rollout (api-semantics 3).

use std::collections::{BTreeMap, HashMap};

use super::deployment::{Owned, View, serving, version_container, view};
use super::{endpoints, object_ref, owner};
use crate::adapter::kubernetes::objects::Service;
use crate::adapter::kubernetes::record::Slice;
use crate::domain::delivery::{Delivery, Steering};
use crate::domain::id::{RevisionId, Track};
use crate::domain::object::Part;
use crate::domain::plan::{BlueGreen, Workload};
use crate::domain::revision::{Counts, Revision, Role, Roles};
use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::domain::step::{Share, Weight, WeightSource};
use crate::domain::verb::{Capabilities, Verb};

const VERBS: [Verb; 8] =
    [Verb::Ship, Verb::Abort, Verb::Switch, Verb::SwitchBack, Verb::RollBack, Verb::Restart, Verb::Scale, Verb::Retire];

/// One side as it was read.
struct Side {
    track: Track,
    view: View,
}

/// Returns the rollout of a pair. A side that is not there is left out, and said in `native`.
pub fn rollout(service: &Service, slices: &[&Slice], sides: [Option<Owned<'_>>; 2], pair: &BlueGreen, workload: &Workload) -> Rollout {
    let mut read = Vec::with_capacity(2);
    let mut absent = Vec::new();
    for (owned, target) in sides.into_iter().zip(&pair.tracks) {
        match owned {
            Some(owned) => read.push(Side { track: target.track.clone(), view: view(owned, workload, Some(&target.track)) }),
            None => absent.push(format!("{}: deployment \"{}\" not found", target.track, target.deployment)),
        }
    }
    let by_pod: BTreeMap<&str, &Track> =
        read.iter().flat_map(|side| side.view.instances.iter().map(|instance| (instance.name.as_str(), &side.track))).collect();
    let routing = endpoints::routing(service, slices, pair, &by_pod);
    // The active side first: it is what users get.
    read.sort_by_key(|side| Some(&side.track) != routing.active.as_ref());
    let active = read.iter().position(|side| Some(&side.track) == routing.active.as_ref());
    let preview = active.and_then(|active| {
        read.iter().enumerate().position(|(index, idle)| index != active && newer(idle, &read[active], routing.previous.as_ref()))
    });

    let reached: u32 = routing.endpoints.iter().map(|(_, number)| number).sum();
    let phase = phase(&read, active, preview, reached + routing.strangers);
    let native = read.iter().map(|side| format!("{}: {}", side.track, side.view.status.text)).chain(absent).collect::<Vec<_>>().join("; ");
    let counts = match active {
        Some(active) => read[active].view.counts,
        None => read.iter().fold(Counts::default(), |sum, side| Counts {
            wanted: sum.wanted + side.view.counts.wanted,
            total: sum.total + side.view.counts.total,
            ready: sum.ready + side.view.counts.ready,
            available: sum.available + side.view.counts.available,
        }),
    };
    let serving = match (&routing.active, reached + routing.strangers) {
        // Users get what the Service reaches, whatever the Deployments say of themselves.
        (Some(_), 0) if counts.wanted == 0 => Serving::Down,
        (Some(_), reached) => serving(reached, counts.wanted.max(1)),
        (None, 0) => Serving::Down,
        (None, _) => Serving::Reduced,
    };
    let weights = routing
        .endpoints
        .iter()
        .filter(|(track, _)| Some(track) != routing.active.as_ref())
        .map(|(_, number)| Weight { share: Share::ratio(*number, reached), source: WeightSource::Observed })
        .filter(|weight| weight.share.permille() > 0)
        .collect();
    let held = read.iter().find_map(|side| side.view.held.clone());
    let changed =
        read.iter().filter_map(|side| side.view.changed.clone()).chain(super::changed(&service.metadata)).max_by_key(|(_, at)| *at);
    let idle_index = preview.or_else(|| (0..read.len()).find(|index| Some(*index) != active));
    let started = idle_index.and_then(|index| read[index].view.started).or_else(|| active.and_then(|index| read[index].view.started));
    let deadline = read.iter().filter_map(|side| side.view.deadline).min();
    let owner = owner::detect(&service.metadata).or_else(|| read.iter().find_map(|side| side.view.owner.clone()));
    let updated = idle_index.or(active).map_or(0, |index| read[index].view.updated);

    let mut rollout = Rollout {
        id: workload.id.clone(),
        kind: "blue/green".into(),
        strategy: Strategy::BlueGreen,
        objects: vec![object_ref(Part::Router, "Service", &service.metadata)],
        phase,
        native,
        serving,
        held,
        counts,
        updated,
        weights,
        steps: None,
        revisions: Vec::new(),
        instances: Vec::new(),
        events: Vec::new(),
        conditions: Vec::new(),
        routing: Some(routing),
        container: None,
        started,
        deadline,
        owner,
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Pair,
        delivery: Delivery::default(),
        changed,
        capabilities: Capabilities::offering(&VERBS),
    };
    // The plan's order, so that the objects do not change places with every switch.
    let mut in_order: Vec<&Side> = read.iter().collect();
    in_order.sort_by_key(|side| pair.tracks.iter().position(|target| target.track == side.track));
    rollout.objects.extend(in_order.into_iter().map(|side| side.view.object.clone()));
    let mut revisions = Vec::new();
    for (index, side) in read.into_iter().enumerate() {
        let current = side.view.current;
        rollout.conditions.extend(side.view.conditions);
        rollout.instances.extend(side.view.instances);
        revisions.extend(
            side.view
                .revisions
                .into_iter()
                .map(|revision| dressed(revision, current.as_ref(), Some(index) == active, Some(index) == preview)),
        );
    }
    rollout.container = revisions.first().and_then(|revision: &Revision| version_container(revision, workload));
    // The candidate first, then what serves, then what still has instances, then the kept ones; each side newest first.
    revisions.sort_by_key(|revision| (!revision.roles.has(Role::Preview), !revision.roles.has(Role::Active), revision.counts.total == 0));
    let rank: HashMap<RevisionId, usize> = revisions.iter().enumerate().map(|(at, revision)| (revision.id.clone(), at)).collect();
    rollout.instances.sort_by_key(|instance| rank.get(&instance.revision).copied().unwrap_or(usize::MAX));
    rollout.revisions = revisions;
    rollout
}

/// The roles of a side's revisions follow from the Service, not from the side's own rolling update.
fn dressed(mut revision: Revision, current: Option<&RevisionId>, active: bool, preview: bool) -> Revision {
    let is_current = Some(&revision.id) == current;
    let role = if is_current && active {
        Role::Active
    } else if is_current && preview {
        Role::Preview
    } else {
        Role::Old
    };
    revision.roles = Roles::of(&[role]);
    revision
}

/// The idle side is a candidate when it is up and newer than what serves; the one switched away from last is not.
fn newer(idle: &Side, active: &Side, previous: Option<&Track>) -> bool {
    let up = idle.view.counts.wanted > 0 || idle.view.counts.total > 0;
    // A new revision on the side switched away from makes it a candidate again.
    up && match (current(idle), current(active)) {
        (Some(idle_made), Some(active_made)) if previous == Some(&idle.track) => idle_made.created > active_made.created,
        (Some(idle_made), Some(active_made)) => idle_made.created >= active_made.created,
        _ => false,
    }
}

fn current(side: &Side) -> Option<&Revision> {
    side.view.revisions.iter().find(|revision| Some(&revision.id) == side.view.current.as_ref())
}

fn phase(sides: &[Side], active: Option<usize>, preview: Option<usize>, reached: u32) -> Phase {
    if sides.is_empty() {
        return Phase::Absent;
    }
    let idle_up = |index: usize| Some(index) == active || sides[index].view.counts.wanted > 0 || sides[index].view.counts.total > 0;
    let live = || sides.iter().enumerate().filter(|(index, _)| idle_up(*index)).map(|(_, side)| side.view.phase);
    for phase in [Phase::Unobserved, Phase::Failed, Phase::Failing, Phase::Progressing, Phase::RollingBack, Phase::Waiting] {
        if live().any(|candidate| candidate == phase) {
            return phase;
        }
    }
    match (active, preview) {
        (None, _) => Phase::Failing,
        // Every Deployment is rolled out, and users get errors (plain-bluegreen).
        (Some(_), _) if reached == 0 => Phase::Failing,
        // The new side is up: it waits for a person to switch. One that runs the same has nothing to wait for.
        (Some(active), Some(preview))
            if current(&sides[active]).map(|revision| &revision.images) != current(&sides[preview]).map(|revision| &revision.images) =>
        {
            Phase::Waiting
        }
        (Some(_), _) => Phase::Done,
    }
}
