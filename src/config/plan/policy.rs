//! How releases are made: the plan's `[release]`, an environment's own, and the rules of an environment put together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::file::{self, PlanFile};
use super::{approval, calendar, checklist, moment};
use crate::config::error::ConfigError;
use crate::config::similar::similar;
use crate::domain::release::checklist::{Secret, Task};
use crate::domain::release::policy::{Keep, Need, OnClose, Place, Policy};
use crate::domain::window::Calendar;

/// Why something is an emergency where the plan does not say: the four criteria of the deployment guide that this console serves.
pub(super) const CRITERIA: [&str; 4] =
    ["Critical security vulnerability", "System-down impacting business", "Data loss prevention", "Regulatory compliance requirement"];

/// Which checklists a plan begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Lists {
    Shipped,
    None,
}

/// How releases are made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReleaseFile {
    /// Whether a new version may only go out by a release whose gate is open. Default: false; then a release binds where there is
    /// one, and windows and freezes always.
    #[schemars(with = "Option<bool>")]
    required: Option<bool>,
    /// The checklists to begin with: those that are shipped, or none. Default: shipped.
    #[schemars(with = "Option<Lists>")]
    checklists: Option<Lists>,
    /// Shipped items that are not asked, by their ids.
    #[schemars(with = "Option<Vec<String>>", example = ["code-coverage"])]
    leave_out: Option<Vec<Spanned<String>>>,
    /// A directory that all who release share, where releases are recorded; from the plan's folder. Default: the cluster, in
    /// ConfigMaps of the environment's namespace.
    #[schemars(with = "Option<String>", example = &"/srv/releases")]
    records: Option<Spanned<String>>,
    /// How many ended releases are kept, and for how long. Default: 50, and 90 days.
    #[schemars(with = "Option<KeepFile>")]
    keep: Option<KeepFile>,
    /// Nothing is begun in so much time before a window ends or a freeze begins. Default: 0s.
    #[schemars(with = "Option<String>", example = &"30m")]
    lead: Option<Spanned<String>>,
    /// What becomes of a rollout under way when the gate shuts. `finish`: it goes on. `hold`: it is held. `back`: it is taken back.
    /// Default: finish.
    #[serde(default)]
    #[schemars(schema_with = "file::on_close")]
    on_close: Option<OnClose>,
    /// The classes of change that a release may name. Default: those that approvals and checklists name.
    #[schemars(with = "Option<Vec<String>>", example = ["major"])]
    classes: Option<Vec<Spanned<String>>>,
    /// How many checks run at once. Default: 6.
    #[schemars(with = "Option<u32>", range(min = 1, max = 64))]
    checks_at_once: Option<u32>,
    /// What an emergency is, and how soon it is to begin.
    #[schemars(with = "Option<EmergencyFile>")]
    emergency: Option<EmergencyFile>,
}

/// How long ended releases are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeepFile {
    /// How many. Default: 50.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1000))]
    count: Option<u32>,
    /// For how many days. Default: 90.
    #[schemars(with = "Option<u32>", range(min = 1, max = 3650))]
    days: Option<u32>,
}

/// An emergency.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmergencyFile {
    /// How soon after its announcement it is to begin. Default: 1h.
    #[schemars(with = "Option<String>", example = &"1h")]
    within: Option<Spanned<String>>,
    /// What may be named as its reason: one of these. Default: a critical security vulnerability, system-down impacting business,
    /// data loss prevention, a regulatory compliance requirement.
    #[schemars(with = "Option<Vec<String>>", length(min = 1), example = ["System-down impacting business"])]
    criteria: Option<Vec<String>>,
}

/// Makes the rules of every environment.
pub(super) fn make(build: &mut Build<'_>, plan: &PlanFile, own: &[Option<&ReleaseFile>]) {
    let zone = plan.zone.as_ref().and_then(|name| moment::zone(build, name.get_ref(), name.span()));
    let roles = approval::roles(build, plan.roles.as_ref());
    let approvals = approval::rules(build, &plan.approval, &roles);
    let windows = calendar::windows(build, &plan.window, zone.as_ref());
    let freezes = calendar::freezes(build, &plan.freeze, zone.as_ref());
    let shipped = checklist::shipped(&build.environments, build.errors);
    let lists = checklist::lists(build, &plan.checklist);
    let general = plan.release.as_ref().map(Spanned::get_ref);
    let mut base = Policy { criteria: CRITERIA.map(str::to_owned).to_vec(), roles, ..Policy::default() };
    let mut asked = Asked { lists: true, ..Asked::default() };
    apply(build, general, &mut base, &mut asked, &shipped);
    for place in 0..build.environments.len() {
        let (mut policy, mut asked) = (base.clone(), asked.clone());
        apply(build, own.get(place).copied().flatten(), &mut policy, &mut asked, &shipped);
        let shipped = if asked.lists { shipped.as_slice() } else { &[] };
        policy.items = checklist::items(build, place, shipped, &lists, &asked.left_out);
        let here = approvals.iter().filter(|placed| placed.places.contains(&place));
        policy.approvals = here.map(|placed| placed.rule.clone()).collect();
        let named = approvals.iter().filter(|placed| placed.places.contains(&place)).flat_map(|placed| &placed.classes);
        let named: Vec<&Spanned<String>> = named.chain(lists.iter().flat_map(|list| &list.classes)).collect();
        policy.classes = classes(build, asked.classes.as_deref(), &named);
        policy.calendar = Calendar {
            windows: windows.iter().filter(|(places, _)| places.contains(&place)).map(|(_, window)| window.clone()).collect(),
            freezes: freezes.iter().filter(|(places, _)| places.contains(&place)).map(|(_, freeze)| freeze.clone()).collect(),
            lead: asked.lead,
            zone: zone.clone(),
        };
        if let Some(environment) = build.environments.get_mut(place) {
            environment.policy = Arc::new(policy.sealed());
        }
    }
}

/// What of `[release]` is no rule by itself, but makes some.
#[derive(Clone, Default)]
struct Asked {
    lists: bool,
    left_out: Vec<String>,
    lead: SignedDuration,
    classes: Option<Vec<String>>,
}

/// Puts what a table says over what held before it.
fn apply(build: &mut Build<'_>, file: Option<&ReleaseFile>, policy: &mut Policy, asked: &mut Asked, shipped: &[checklist::List]) {
    let Some(file) = file else { return };
    if let Some(required) = file.required {
        policy.need = if required { Need::Required } else { Need::Optional };
    }
    if let Some(lists) = file.checklists {
        asked.lists = lists == Lists::Shipped;
    }
    if let Some(left_out) = &file.leave_out {
        asked.left_out = checklist::left_out(build, left_out, shipped);
    }
    if let Some(records) = &file.records
        && build.told(Some(records), "records")
    {
        policy.place = Place::Directory(PathBuf::from(records.get_ref()));
    }
    if let Some(keep) = &file.keep {
        policy.keep = Keep { count: keep.count.unwrap_or(policy.keep.count), days: keep.days.unwrap_or(policy.keep.days) };
    }
    if let Some(lead) = moment::length(build, file.lead.as_ref(), true) {
        asked.lead = lead;
    }
    policy.on_close = file.on_close.unwrap_or(policy.on_close);
    policy.at_once = file.checks_at_once.unwrap_or(policy.at_once);
    if let Some(classes) = &file.classes {
        asked.classes = Some(classes.iter().map(|class| class.get_ref().clone()).collect());
    }
    if let Some(emergency) = &file.emergency {
        if let Some(within) = moment::length(build, emergency.within.as_ref(), false) {
            policy.emergency_within = within;
        }
        if let Some(criteria) = &emergency.criteria {
            policy.criteria.clone_from(criteria);
        }
    }
}

/// Returns the classes of change: those that the plan lists, else those that its rules name.
fn classes(build: &mut Build<'_>, listed: Option<&[String]>, named: &[&Spanned<String>]) -> Vec<String> {
    let Some(listed) = listed else {
        let mut classes: Vec<String> = Vec::new();
        for class in named.iter().map(|class| class.get_ref()) {
            if !classes.contains(class) {
                classes.push(class.clone());
            }
        }
        return classes;
    };
    for class in named.iter().filter(|class| !listed.contains(class.get_ref())) {
        let error = ConfigError::new(build.source.at(class.span()), format!("there is no class of change `{}`", class.get_ref()))
            .meant(similar(class.get_ref(), listed.iter().map(String::as_str)))
            .note(format!("`classes` of [release] lists: {}", listed.join(", ")));
        build.errors.push(error);
    }
    listed.to_vec()
}

/// Reads paths from the plan's folder. After the rules were sealed, so that two checkouts of one plan have one fingerprint.
pub(super) fn settle(policy: &mut Policy, folder: &Path) {
    if let Place::Directory(path) = &mut policy.place {
        *path = folder.join(&*path);
    }
    let within = |path: &str| folder.join(path).display().to_string();
    for item in &mut policy.items {
        let headers = match &mut item.task {
            Task::Command(command) => {
                command.folder = Some(command.folder.as_deref().map_or_else(|| folder.display().to_string(), within));
                continue;
            }
            Task::Http(http) => &mut http.headers,
            Task::Prometheus(prometheus) => &mut prometheus.headers,
            Task::Manual | Task::Kubernetes(_) | Task::Environment { .. } => continue,
        };
        for (_, value) in headers {
            settle_secret(value, folder);
        }
    }
}

/// Reads a secret's file from the plan's folder.
pub(super) fn settle_secret(secret: &mut Secret, folder: &Path) {
    if let Secret::File(path) = secret {
        *path = folder.join(&*path).display().to_string();
    }
}
