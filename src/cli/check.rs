//! `rolldeck check`: says everything that is wrong with a plan. It asks no cluster, only the kubeconfig.

use std::path::PathBuf;

use clap::Args;

use super::kubeconfig::Contexts;
use super::{Failure, console, output, working_dir};
use crate::config::{place, plan, settings};
use crate::domain::plan::{Plan, Protection};
use crate::domain::release::checklist::{Stage, Task};
use crate::domain::release::policy::{Need, Policy};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The plan; without it the one that the console would open
    plan: Option<PathBuf>,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let Some(path) = plan::find(args.plan.as_deref(), &working_dir()?, place::config_dir().as_deref()) else {
        return Err(Failure::Usage(format!(
            "there is no {} here, above, or in the configuration directory; `rolldeck init` writes one",
            plan::FILE_NAME
        )));
    };
    let loaded = plan::load(&path)?;
    let preferred = settings::load(place::config_dir().as_deref())?.context;
    let contexts = if loaded.needs_kubeconfig() { Contexts::read()? } else { Some(Contexts::default()) };
    let plan = if let Some(contexts) = contexts {
        console::checked(&loaded, &contexts, preferred.as_deref())?
    } else {
        // As in a pipeline: there the plan is all that can be checked.
        output::note("there is no kubeconfig: the contexts were not checked");
        loaded.plan
    };
    output::line(format!("{} is valid", path.display()));
    for line in summary(&plan) {
        output::line(line);
    }
    Ok(())
}

/// Returns what the plan comes to with its defaults, so that a wrong default is seen.
fn summary(plan: &Plan) -> Vec<String> {
    let width = plan.environments.iter().map(|environment| environment.name.as_str().len()).max().unwrap_or(0);
    let mut lines = vec![format!("{}: {}; in promotion order:", plan.name, counted(plan.services.len(), "service"))];
    for environment in &plan.environments {
        let protection = match environment.protection {
            Protection::Open => "open",
            Protection::Guarded => "guarded",
            Protection::Protected => "protected",
        };
        let context = environment.context.as_deref().unwrap_or("the current context");
        let count = plan.workloads().filter(|workload| workload.id.environment == environment.name).count();
        let name = environment.name.as_str();
        let engine = environment.engine.word();
        lines.push(format!(
            "  {name:width$}  {protection:9}  {engine} {context}/{}  {}",
            environment.namespace,
            counted(count, "workload")
        ));
        lines.push(format!("  {:width$}  {}", "", rules(&environment.policy)));
    }
    if !plan.channels.is_empty() {
        let names: Vec<&str> = plan.channels.iter().map(|channel| channel.name.as_str()).collect();
        lines.push(format!("  told of releases: {}", names.join(", ")));
    }
    lines
}

/// Returns what a release to an environment must fulfil, in one line.
fn rules(policy: &Policy) -> String {
    let need = match policy.need {
        Need::Required => "releases required",
        Need::Optional => "releases optional",
    };
    let mut parts = vec![need.to_owned()];
    let before = || policy.items.iter().filter(|item| item.stage == Stage::Before && item.required);
    let own = before().filter(|item| item.task != Task::Manual).count();
    match before().count() {
        0 => parts.push("nothing to check".into()),
        all => parts.push(format!("{} before it begins, {own} of them by themselves", counted(all, "check"))),
    }
    if !policy.approvals.is_empty() {
        parts.push(counted(policy.approvals.len(), "approval rule"));
    }
    if !policy.calendar.windows.is_empty() {
        parts.push(counted(policy.calendar.windows.len(), "window"));
    }
    if !policy.calendar.freezes.is_empty() {
        parts.push(counted(policy.calendar.freezes.len(), "freeze"));
    }
    parts.join(", ")
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
