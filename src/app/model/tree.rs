//! The rows of a rollout's tree: revisions with their roles, instances, the router, kept revisions. Troubled instances
//! stand alone and first, healthy ones fold into one row until unfolded.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::id::RevisionId;
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::revision::Revision;
use crate::domain::rollout::Rollout;

/// One row.
#[derive(Clone, Debug)]
pub enum Row<'a> {
    /// The workload itself.
    Head,
    Revision {
        revision: &'a Revision,
        last: bool,
    },
    Instance {
        instance: &'a Arc<Instance>,
        last: bool,
        last_revision: bool,
    },
    /// So many more healthy instances, with their revision to unfold.
    More {
        revision: &'a RevisionId,
        count: usize,
        last_revision: bool,
    },
    /// Who gets the traffic.
    Router {
        last: bool,
    },
    /// Revisions without instances that can be gone back to.
    Kept {
        count: usize,
        newest: &'a Revision,
        oldest: &'a Revision,
    },
}

/// How many healthy instances of a revision are listed before they fold.
const LISTED: usize = 3;

/// Returns the rows of a rollout's tree from top to bottom.
pub fn rows<'a>(rollout: &'a Rollout, unfolded: &BTreeSet<RevisionId>) -> Vec<Row<'a>> {
    let mut rows = vec![Row::Head];
    let (alive, kept): (Vec<_>, Vec<_>) = rollout.revisions.iter().partition(|revision| {
        revision.counts.total > 0 || revision.counts.wanted > 0 || revision.roles.candidate() || revision.roles.serves()
    });
    let after_revisions = rollout.routing.is_some() || !kept.is_empty();
    for (at, revision) in alive.iter().enumerate() {
        let last = at + 1 == alive.len() && !after_revisions;
        rows.push(Row::Revision { revision, last });
        let (healthy, troubled): (Vec<_>, Vec<_>) =
            rollout.instances_of(&revision.id).partition(|instance| instance.state == InstanceState::Ready && instance.restarts == 0);
        let listed = if healthy.len() <= LISTED || unfolded.contains(&revision.id) { healthy.len() } else { LISTED - 1 };
        let folded = healthy.len() - listed;
        let shown = troubled.len() + listed;
        for (at, instance) in troubled.into_iter().chain(healthy.into_iter().take(listed)).enumerate() {
            rows.push(Row::Instance { instance, last: at + 1 == shown && folded == 0, last_revision: last });
        }
        if folded > 0 {
            rows.push(Row::More { revision: &revision.id, count: folded, last_revision: last });
        }
    }
    if rollout.routing.is_some() {
        rows.push(Row::Router { last: kept.is_empty() });
    }
    if let (Some(newest), Some(oldest)) = (kept.first(), kept.last()) {
        rows.push(Row::Kept { count: kept.len(), newest, oldest });
    }
    rows
}
