//! The rolling update's arithmetic: how large each replica set should be, from what is ready now (api-semantics 1.3).

use super::object::{Deployment, Set};

/// `maxSurge` and `maxUnavailable`, 25 % each, Kubernetes' defaults: the first rounded up, the second down; where both
/// come to 0 the second becomes 1.
pub fn bounds(replicas: u32) -> (u32, u32) {
    let surge = replicas.div_ceil(4);
    let unavailable = replicas / 4;
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// Sizes the sets one turn further.
pub fn step(deployment: &mut Deployment) {
    if !deployment.observed() {
        return;
    }
    let replicas = deployment.replicas;
    if deployment.sized != replicas {
        resize(&mut deployment.sets, deployment.sized, replicas);
        deployment.sized = replicas;
    }
    if deployment.held.is_some() {
        return;
    }
    let hash = deployment.current_hash().to_owned();
    let (surge, unavailable) = bounds(replicas);
    let wanted: u32 = deployment.sets.iter().map(|set| set.wanted).sum();
    let Some(new) = deployment.sets.iter_mut().find(|set| set.hash == hash) else { return };
    if new.wanted < replicas {
        // Pods on their way out count as well here, so that a surge is never more than it says.
        let room = (replicas + surge).saturating_sub(wanted);
        new.wanted += room.min(replicas - new.wanted);
    } else {
        new.wanted = replicas;
    }
    let lacking = new.wanted.saturating_sub(new.ready());
    let least = replicas.saturating_sub(unavailable);
    let all: u32 = deployment.sets.iter().map(|set| set.wanted).sum();
    let mut may_go = all.saturating_sub(least + lacking);
    // The old ones that do not serve go first, so that a broken old revision is gone before the new one is ready.
    for set in deployment.sets.iter_mut().filter(|set| set.hash != hash && set.wanted > 0) {
        let broken = set.wanted.saturating_sub(set.ready()).min(may_go);
        set.wanted -= broken;
        may_go -= broken;
    }
    let available: u32 = deployment.sets.iter().map(Set::ready).sum();
    let mut may_go = may_go.min(available.saturating_sub(least));
    for set in deployment.sets.iter_mut().filter(|set| set.hash != hash && set.wanted > 0) {
        let go = set.wanted.min(may_go);
        set.wanted -= go;
        may_go -= go;
    }
}

/// Spreads a change of the replicas over the sets in proportion, as far as more than one is in use.
fn resize(sets: &mut [Set], from: u32, to: u32) {
    let active = sets.iter().filter(|set| set.wanted > 0).count();
    if active <= 1 {
        let at = sets.iter().position(|set| set.wanted > 0);
        let last = sets.iter().enumerate().max_by_key(|(_, set)| set.number).map(|(at, _)| at);
        if let Some(set) = at.or(last).and_then(|at| sets.get_mut(at)) {
            set.wanted = to;
        }
        return;
    }
    let allowed = if to == 0 { 0 } else { to + bounds(to).0 };
    let before = (from + bounds(from).0).max(1);
    let mut left = allowed;
    let mut order: Vec<usize> = (0..sets.len()).filter(|at| sets.get(*at).is_some_and(|set| set.wanted > 0)).collect();
    order.sort_by_key(|at| std::cmp::Reverse(sets.get(*at).map(|set| set.wanted)));
    for at in &order {
        if let Some(set) = sets.get_mut(*at) {
            let share = (u64::from(set.wanted) * u64::from(allowed) / u64::from(before)) as u32;
            set.wanted = share.min(left);
            left -= set.wanted;
        }
    }
    if let Some(set) = order.first().and_then(|at| sets.get_mut(*at)) {
        set.wanted += left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surge_rounds_up_and_unavailable_down_and_never_both_to_nothing() {
        for (replicas, expected) in [(0, (0, 1)), (1, (1, 0)), (3, (1, 0)), (4, (1, 1)), (10, (3, 2)), (100, (25, 25))] {
            assert_eq!(bounds(replicas), expected, "{replicas}");
        }
    }
}
