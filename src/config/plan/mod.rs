//! The plan: finds `rolldeck.toml`, reads it into [`Plan`], and compares its contexts with a kubeconfig.

mod approval;
mod build;
mod calendar;
mod canary;
mod checklist;
mod comparison;
mod defaults;
mod file;
mod moment;
mod names;
mod notify;
mod placeholder;
mod policy;
mod secret;
mod target;
mod task;
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::document;
use super::error::{ConfigError, ConfigErrors};
use super::position::{Position, Source};
use super::similar::similar;
use crate::domain::plan::{Plan, Protection};
use build::Build;
use file::PlanFile;

/// The name that a plan is looked for by.
pub const FILE_NAME: &str = "rolldeck.toml";

/// A plan, and where it names kubeconfig contexts.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub plan: Plan,
    contexts: Vec<ContextUse>,
}

/// A context as a plan names it, or none for the current one.
#[derive(Clone, Debug)]
struct ContextUse {
    name: Option<String>,
    at: Position,
}

/// Returns the plan's file: the given one, else `rolldeck.toml` upwards from `start`, else the one in the configuration
/// directory. None where there is none.
pub fn find(given: Option<&Path>, start: &Path, config_dir: Option<&Path>) -> Option<PathBuf> {
    if let Some(given) = given {
        return Some(given.to_owned());
    }
    let upwards = start.ancestors().map(|dir| dir.join(FILE_NAME));
    upwards.chain(config_dir.map(|dir| dir.join(FILE_NAME))).find(|path| path.is_file())
}

/// Reads a plan's file.
///
/// # Errors
///
/// Everything that is wrong with it; a file that cannot be read is one error.
pub fn load(path: &Path) -> Result<Loaded, ConfigErrors> {
    let source = super::read_file(path)?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let default_name =
        absolute.parent().and_then(Path::file_name).map_or_else(|| "plan".into(), |name| name.to_string_lossy().into_owned());
    let mut loaded = parse(&source, &default_name)?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    for environment in &mut loaded.plan.environments {
        policy::settle(Arc::make_mut(&mut environment.policy), folder);
    }
    for channel in &mut loaded.plan.channels {
        notify::settle(channel, folder);
    }
    loaded.plan.path = Some(absolute);
    Ok(loaded)
}

/// Reads a plan's text.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn parse(source: &Source, default_name: &str) -> Result<Loaded, ConfigErrors> {
    let mut errors = Vec::new();
    let file: Option<PlanFile> = document::read(source, &mut errors);
    let loaded = file.map(|file| {
        let mut build = Build::new(source, &mut errors);
        let plan = build.plan(&file, default_name);
        Loaded { plan, contexts: build.contexts }
    });
    ConfigErrors(errors).or(loaded)
}

/// Returns the JSON Schema of the plan, for editors.
pub fn schema() -> Value {
    let mut schema = document::schema_of::<PlanFile>();
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), Value::from("rolldeck plan"));
    }
    schema
}

impl Loaded {
    /// Compares the contexts with those of a kubeconfig.
    ///
    /// # Errors
    ///
    /// Each context that does not exist, with those that do; an environment without one where the kubeconfig has no current one.
    pub fn check_contexts(&self, known: &[String], current: Option<&str>) -> Result<(), ConfigErrors> {
        let errors = self.contexts.iter().filter_map(|used| {
            let among = if known.is_empty() {
                "the kubeconfig has no contexts".into()
            } else {
                format!("contexts of the kubeconfig: {}", known.join(", "))
            };
            match &used.name {
                Some(name) if known.contains(name) => None,
                Some(name) => Some(
                    ConfigError::new(used.at.clone(), format!("the kubeconfig has no context `{name}`"))
                        .meant(similar(name, known.iter().map(String::as_str)))
                        .note(among),
                ),
                None if current.is_some() => None,
                None => Some(
                    ConfigError::new(used.at.clone(), "this environment names no context, and the kubeconfig has no current one")
                        .label("add context = \"…\"")
                        .note(among),
                ),
            }
        });
        ConfigErrors(errors.collect()).or(Some(()))
    }

    /// Returns whether the plan needs a kubeconfig at all.
    pub fn needs_kubeconfig(&self) -> bool {
        !self.contexts.is_empty()
    }
}

/// Returns the protection that an environment has where the plan does not say.
pub(super) fn default_protection(name: &str, at: usize, of: usize) -> Protection {
    defaults::protection(name, at, of)
}

/// Returns whether a text may stand as a service's `image`.
pub(super) fn is_repository(text: &str) -> bool {
    names::repository(text).is_none()
}
