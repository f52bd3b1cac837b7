//! `rolldeck`: opens the console on the plan, or on the current context where there is none.

use std::path::PathBuf;

use clap::Args;

use super::kubeconfig::Contexts;
use super::{Failure, LookArgs, block_on, keys, output, working_dir};
use crate::adapter::kubernetes::discover;
use crate::config::settings::{self, Settings};
use crate::config::theme::Themes;
use crate::config::{draft, place, plan};
use crate::domain::plan::{EngineKind, Plan};
use crate::wiring::{self, ConsoleOptions};

#[derive(Debug, Args)]
pub(super) struct ConsoleArgs {
    /// The plan to open
    #[arg(long, value_name = "PATH")]
    plan: Option<PathBuf>,
    /// Write nothing, whatever the rights
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &ConsoleArgs) -> Result<(), Failure> {
    let config_dir = place::config_dir();
    let settings = settings(&args.look)?;
    let keymap = keys::keymap()?;
    let plan = match plan::find(args.plan.as_deref(), &working_dir()?, config_dir.as_deref()) {
        Some(path) => {
            let loaded = plan::load(&path)?;
            let contexts = if loaded.needs_kubeconfig() { Contexts::read()?.unwrap_or_default() } else { Contexts::default() };
            checked(&loaded, &contexts, settings.context.as_deref())?
        }
        None => provisional(&settings)?,
    };
    let options = ConsoleOptions { plan, settings, keymap, read_only: args.read_only, demo: None };
    block_on(async { wiring::run_console(options).await.map_err(Failure::from) })
}

/// Reads the settings, and lays the command line over them.
pub(super) fn settings(look: &LookArgs) -> Result<Settings, Failure> {
    let config_dir = place::config_dir();
    let mut settings = settings::load(config_dir.as_deref())?;
    if let Some(theme) = &look.theme {
        settings.theme.clone_from(theme);
    }
    settings.ascii |= look.ascii;
    let (themes, problems) = Themes::load(config_dir.map(|dir| dir.join("themes")).as_deref(), true, true);
    if !themes.names().contains(&settings.theme) {
        let broken: String = problems.iter().map(|problem| format!("; {problem}")).collect();
        return Err(Failure::Usage(format!("there is no theme `{}`; there are {}{broken}", settings.theme, themes.names().join(", "))));
    }
    Ok(settings)
}

/// Compares a plan with the kubeconfig, and fills in the context that the settings name for where the plan names none.
pub(super) fn checked(loaded: &plan::Loaded, contexts: &Contexts, preferred: Option<&str>) -> Result<Plan, Failure> {
    if loaded.needs_kubeconfig() {
        if let Some(preferred) = preferred.filter(|name| !contexts.names.iter().any(|known| known == name)) {
            return Err(unknown_context(preferred, contexts, "the settings name the context"));
        }
        loaded.check_contexts(&contexts.names, preferred.or(contexts.current.as_deref()))?;
    }
    let mut plan = loaded.plan.clone();
    let environments = plan.environments.iter_mut().map(|environment| (environment.engine, &mut environment.context));
    let workloads =
        plan.services.iter_mut().flat_map(|service| &mut service.workloads).map(|workload| (workload.engine, &mut workload.context));
    for (engine, context) in environments.chain(workloads) {
        if engine == EngineKind::Kubernetes && context.is_none() {
            *context = preferred.map(str::to_owned);
        }
    }
    Ok(plan)
}

/// Says that a context does not exist, and which do.
pub(super) fn unknown_context(name: &str, contexts: &Contexts, who: &str) -> Failure {
    let known = if contexts.names.is_empty() { "it has none".to_owned() } else { format!("it has {}", contexts.names.join(", ")) };
    Failure::Usage(format!("{who} `{name}`, which the kubeconfig does not have; {known}"))
}

/// Makes a plan of what runs in the current context and namespace.
fn provisional(settings: &Settings) -> Result<Plan, Failure> {
    let no_plan = "there is no plan: no rolldeck.toml here, above, or in the configuration directory";
    let Some(contexts) = Contexts::read()? else {
        let sentence = format!("{no_plan}; and there is no kubeconfig. `rolldeck demo` opens a simulated cluster");
        return Err(Failure::Usage(sentence));
    };
    let Some(context) = settings.context.as_ref().or(contexts.current.as_ref()) else {
        let sentence = format!("{no_plan}; and the kubeconfig has no current context. `rolldeck init --context NAME` writes a plan");
        return Err(Failure::Usage(sentence));
    };
    if !contexts.names.contains(context) {
        return Err(unknown_context(context, &contexts, "the settings name the context"));
    }
    let namespace = contexts.namespace(context);
    output::note(format!("no plan found: reading namespace {namespace} of context {context} …"));
    let survey = block_on(async { discover::survey(context, &namespace).await.map_err(|error| Failure::Runtime(error.to_string())) })?;
    if survey.found.is_empty() {
        let sentence = format!(
            "{no_plan}; and nothing runs in namespace {namespace} of context {context}. \
             `rolldeck init --namespace NAME` writes a plan of another one, `rolldeck demo` opens a simulated cluster"
        );
        return Err(Failure::Usage(sentence));
    }
    Ok(draft::provisional(&[survey])?)
}
