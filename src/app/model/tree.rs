//! The rows of a rollout's tree: revisions with their instances, analyses with their metrics, experiments, Services, what
//! scales it and what protects it, kept revisions. Troubled instances stand alone and first, healthy ones fold into one row.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::delivery::{Analysis, AnalysisPhase, Budget, Experiment, ExperimentTemplate, Metric, RoleService};
use crate::domain::id::RevisionId;
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::revision::Revision;
use crate::domain::rollout::{Autoscaler, Rollout};

/// One row, and where it hangs.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub item: Item<'a>,
    /// The workload is at 0, what belongs to it at 1, what belongs to that at 2.
    pub depth: u8,
    /// Nothing of its depth follows below the same row.
    pub last: bool,
    /// The row that it hangs from is the last of its depth.
    pub under_last: bool,
}

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The workload itself.
    Head,
    Revision(&'a Revision),
    Instance(&'a Arc<Instance>),
    /// So many more healthy instances, with their revision to unfold.
    More(&'a RevisionId, usize),
    Analysis(&'a Analysis),
    /// One metric of an analysis that is not over, or did not end well.
    Metric(&'a Analysis, &'a Metric),
    Experiment(&'a Experiment),
    Template(&'a Experiment, &'a ExperimentTemplate),
    /// Who gets the traffic.
    Router,
    Service(&'a RoleService),
    Autoscaler(&'a Autoscaler),
    Budget(&'a Budget),
    /// Revisions without instances that can be gone back to: how many, the newest, the oldest.
    Kept(usize, &'a Revision, &'a Revision),
}

/// How many healthy instances of a revision are listed before they fold.
const LISTED: usize = 3;
/// The most analyses that are listed; the rest are over, and of steps that are done.
const ANALYSES: usize = 6;

/// Returns the rows of a rollout's tree from top to bottom.
pub fn rows<'a>(rollout: &'a Rollout, unfolded: &BTreeSet<RevisionId>) -> Vec<Row<'a>> {
    let groups = groups(rollout, unfolded);
    let mut rows = vec![Row { item: Item::Head, depth: 0, last: false, under_last: false }];
    let count = groups.len();
    for (at, (item, below)) in groups.into_iter().enumerate() {
        let last = at + 1 == count;
        rows.push(Row { item, depth: 1, last, under_last: false });
        let children = below.len();
        rows.extend(below.into_iter().enumerate().map(|(at, item)| Row { item, depth: 2, last: at + 1 == children, under_last: last }));
    }
    rows
}

/// What belongs to the workload, each with what belongs to it.
fn groups<'a>(rollout: &'a Rollout, unfolded: &BTreeSet<RevisionId>) -> Vec<(Item<'a>, Vec<Item<'a>>)> {
    let (alive, kept): (Vec<_>, Vec<_>) = rollout.revisions.iter().partition(|revision| {
        revision.counts.total > 0 || revision.counts.wanted > 0 || revision.roles.candidate() || revision.roles.serves()
    });
    let mut groups = Vec::new();
    // What is measured is of the newest revision, so it stands below that.
    for (at, revision) in alive.iter().enumerate() {
        groups.push((Item::Revision(revision), instances(rollout, revision, unfolded)));
        if at == 0 {
            measured(rollout, &mut groups);
        }
    }
    if alive.is_empty() {
        measured(rollout, &mut groups);
    }
    if rollout.routing.is_some() {
        groups.push((Item::Router, Vec::new()));
    }
    groups.extend(rollout.delivery.services.iter().map(|service| (Item::Service(service), Vec::new())));
    groups.extend(rollout.autoscaler.iter().map(|autoscaler| (Item::Autoscaler(autoscaler), Vec::new())));
    groups.extend(rollout.budgets.iter().map(|budget| (Item::Budget(budget), Vec::new())));
    if let (Some(newest), Some(oldest)) = (kept.first(), kept.last()) {
        groups.push((Item::Kept(kept.len(), newest, oldest), Vec::new()));
    }
    groups
}

fn instances<'a>(rollout: &'a Rollout, revision: &'a Revision, unfolded: &BTreeSet<RevisionId>) -> Vec<Item<'a>> {
    let (healthy, troubled): (Vec<_>, Vec<_>) =
        rollout.instances_of(&revision.id).partition(|instance| instance.state == InstanceState::Ready && instance.restarts == 0);
    let listed = if healthy.len() <= LISTED || unfolded.contains(&revision.id) { healthy.len() } else { LISTED - 1 };
    let folded = healthy.len() - listed;
    let mut items: Vec<Item<'a>> = troubled.into_iter().chain(healthy.into_iter().take(listed)).map(Item::Instance).collect();
    if folded > 0 {
        items.push(Item::More(&revision.id, folded));
    }
    items
}

/// Analyses with their metrics, experiments with their templates. Of an analysis that passed the one row says all.
fn measured<'a>(rollout: &'a Rollout, groups: &mut Vec<(Item<'a>, Vec<Item<'a>>)>) {
    for analysis in rollout.delivery.analyses.iter().take(ANALYSES) {
        let metrics = analysis.metrics.iter().filter(|_| analysis.phase != AnalysisPhase::Successful);
        groups.push((Item::Analysis(analysis), metrics.map(|metric| Item::Metric(analysis, metric)).collect()));
    }
    for experiment in &rollout.delivery.experiments {
        let templates = experiment.templates.iter().map(|template| Item::Template(experiment, template));
        groups.push((Item::Experiment(experiment), templates.collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::{AnalysisRole, RoleService};
    use crate::domain::revision::Role;
    use crate::domain::rollout::Phase;
    use crate::domain::sample::canary;

    fn analysis(name: &str, phase: AnalysisPhase) -> Analysis {
        let metric = Metric {
            name: "errors".into(),
            phase,
            limit: String::new(),
            planned: None,
            taken: 0,
            successful: 0,
            failed: 0,
            inconclusive: 0,
            errors: 0,
            failure_limit: 0,
            dry_run: false,
            message: String::new(),
            measurements: Vec::new(),
        };
        Analysis {
            name: name.into(),
            uid: name.into(),
            role: AnalysisRole::Step(1),
            phase,
            message: String::new(),
            started: None,
            ended: None,
            metrics: vec![metric],
            revision: None,
            stopping: false,
        }
    }

    #[test]
    fn what_measures_hangs_below_the_candidate_and_what_passed_is_one_row() {
        let mut rollout = canary(Phase::Progressing);
        rollout.delivery.analyses = vec![analysis("running", AnalysisPhase::Running), analysis("passed", AnalysisPhase::Successful)];
        rollout.delivery.services = vec![RoleService { name: "web".into(), role: Role::Stable, selects: None }];
        let rows = rows(&rollout, &BTreeSet::new());
        let told: Vec<String> = rows
            .iter()
            .map(|row| match row.item {
                Item::Head => "head".into(),
                Item::Revision(revision) => revision.version.clone(),
                Item::Analysis(analysis) => analysis.name.clone(),
                Item::Metric(_, metric) => format!(" {}", metric.name),
                Item::Service(service) => format!("{} last {}", service.name, row.last),
                _ => "other".into(),
            })
            .collect();
        let at = |what: &str| told.iter().position(|row| row == what);
        assert_eq!(at("running").map(|at| told[at + 1].as_str()), Some(" errors"));
        assert_eq!(at("passed").map(|at| told[at + 1].starts_with(' ')), Some(false));
        assert!(at("1.1.0") < at("running") && at("passed") < at("1.0.0"), "{told:?}");
        assert_eq!(rows.iter().filter(|row| row.depth == 1 && row.last).count(), 1);
    }
}
