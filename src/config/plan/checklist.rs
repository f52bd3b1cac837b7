//! The checklists: those that are shipped, and what a plan adds, replaces or leaves out.

use std::collections::HashMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::task::{self, CommandFile, Found, HealthyFile, HttpFile, KubernetesFile, PrometheusFile};
use super::written::Written;
use super::{file, moment, names};
use crate::config::document;
use crate::config::error::ConfigError;
use crate::config::position::Source;
use crate::config::similar::similar;
use crate::domain::plan::{Environment, Protection};
use crate::domain::release::Kind;
use crate::domain::release::checklist::{Item, Stage, Task};

/// The lists that are shipped: where a plan says nothing they are asked of every release.
const EMBEDDED: &str = include_str!("../../../config/checklists.toml");
/// The name that they are shown by, should they be wrong.
const EMBEDDED_NAME: &str = "config/checklists.toml";

/// The shipped lists as they are written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShippedFile {
    /// The lists.
    #[schemars(with = "Vec<ChecklistFile>")]
    checklist: Vec<Spanned<ChecklistFile>>,
}

/// A part of a checklist: items of one stage. It adds to the shipped lists, unless it replaces them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChecklistFile {
    /// When it is worked through. `before`: before the release begins, the gate asks it. `after`: the validation after its
    /// rollouts. `back`: the validation after it was taken back.
    #[schemars(schema_with = "file::stages")]
    stage: Option<Stage>,
    /// Where it holds. Default: in every environment, or in those that `protections` names.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    environments: Option<Spanned<Vec<Spanned<String>>>>,
    /// Where it holds, by how carefully an environment is touched. Default: everywhere.
    #[serde(default)]
    #[schemars(schema_with = "file::protection_list")]
    protections: Vec<Protection>,
    /// The kinds of release that it is for, where an item does not say otherwise. Default: all.
    #[serde(default)]
    #[schemars(schema_with = "file::kinds")]
    kinds: Vec<Kind>,
    /// The classes of change that it is for, where an item does not say otherwise. Default: all.
    #[schemars(with = "Option<Vec<String>>", example = ["major"])]
    classes: Option<Vec<Spanned<String>>>,
    /// The heading that its items stand under. Default: the stage's.
    #[schemars(with = "Option<String>", example = &"Business readiness")]
    category: Option<Spanned<String>>,
    /// Whether the shipped items of this stage are left out, for the kinds that are named. Default: false.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    replace: bool,
    /// Its items.
    #[serde(default)]
    #[schemars(with = "Vec<ItemFile>")]
    item: Vec<Spanned<ItemFile>>,
}

/// An item: ticked by hand, or with one of command, http, kubernetes, prometheus and environment filled by itself. One with the
/// id of a shipped item takes its place.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemFile {
    /// What it is known by, once in an environment: lower-case letters, digits and `-`.
    #[schemars(with = "String", example = &"tests-passing")]
    id: Option<Spanned<String>>,
    /// What must hold, as it stands on screen.
    #[schemars(with = "String", example = &"All automated tests passing")]
    title: Option<Spanned<String>>,
    /// The heading it stands under. Default: the list's.
    #[schemars(with = "Option<String>", example = &"Code quality")]
    category: Option<Spanned<String>>,
    /// Whether the gate stays shut without it; otherwise it only warns. Default: true.
    #[schemars(with = "Option<bool>")]
    required: Option<bool>,
    /// How long an outcome stands. Default: until the release is of other bytes.
    #[schemars(with = "Option<String>", example = &"30m")]
    fresh: Option<Spanned<String>>,
    /// The kinds of release that it is for. Default: the list's.
    #[serde(default)]
    #[schemars(schema_with = "file::kinds")]
    kinds: Option<Vec<Kind>>,
    /// The classes of change that it is for. Default: the list's.
    #[schemars(with = "Option<Vec<String>>", example = ["major"])]
    classes: Option<Vec<Spanned<String>>>,
    /// A program that passes by ending with 0: its words, or a table. No shell, no terminal, no input, and no variables but those
    /// that it names and ROLLDECK_SERVICE and the like. Words may hold ${service}, ${version}, ${environment}, ${image}, ${digest} and ${namespace}.
    #[schemars(with = "Option<Written<Vec<String>, CommandFile>>", example = ["./smoke", "${version}"])]
    pub command: Option<Spanned<Written<Vec<String>, CommandFile>>>,
    /// An address that passes by answering 200, or a table.
    #[schemars(with = "Option<Written<String, HttpFile>>", example = &"https://booking.example/health")]
    pub http: Option<Spanned<Written<String, HttpFile>>>,
    /// What the cluster shows of each service of the release. By name: `capacity` (the nodes have room for what a rollout adds),
    /// `rollback` (a former revision is kept), `disruption` (the PodDisruptionBudget allows one), `quiet` (no other rollout is under
    /// way), `healthy` (for 10 minutes), `same-digest` (as in the environment before). Or a table.
    #[schemars(with = "Option<Written<String, KubernetesFile>>", example = &"capacity")]
    pub kubernetes: Option<Spanned<Written<String, KubernetesFile>>>,
    /// A query, and the limit that its value is compared with.
    #[schemars(with = "Option<PrometheusFile>")]
    pub prometheus: Option<Spanned<PrometheusFile>>,
    /// The environment in which the version must have been healthy for 10 minutes, or a table.
    #[schemars(with = "Option<Written<String, HealthyFile>>", example = &"staging")]
    pub environment: Option<Spanned<Written<String, HealthyFile>>>,
}

/// A list that was read.
pub(super) struct List {
    places: Vec<usize>,
    stage: Stage,
    kinds: Vec<Kind>,
    replace: bool,
    /// Each with where its id stands.
    items: Vec<(Drafted, Range<usize>)>,
    /// The classes that are named in it, with where.
    pub classes: Vec<Spanned<String>>,
}

/// An item whose task may still wait to be told which environment stands before its own.
#[derive(Clone)]
struct Drafted {
    item: Item,
    task: Found,
}

/// Reads the lists of a plan.
pub(super) fn lists(build: &mut Build<'_>, files: &[Spanned<ChecklistFile>]) -> Vec<List> {
    files.iter().filter_map(|file| list(build, file.get_ref())).collect()
}

fn list(build: &mut Build<'_>, file: &ChecklistFile) -> Option<List> {
    let mut places = build.places(file.environments.as_ref());
    if !file.protections.is_empty() {
        places.retain(|place| build.environments.get(*place).is_some_and(|one| file.protections.contains(&one.protection)));
    }
    let stage = file.stage?;
    let mut seen = HashMap::new();
    let mut items = Vec::new();
    let mut classes = file.classes.clone().unwrap_or_default();
    for spanned in &file.item {
        let item = spanned.get_ref();
        let named = build.valid(item.id.as_ref(), "item id", names::label) & build.told(item.title.as_ref(), "title");
        let fresh = moment::length(build, item.fresh.as_ref(), false);
        let task = task::read(build, item);
        let (Some(id), Some(title)) = (&item.id, &item.title) else { continue };
        if !named || !build.first(&mut seen, "item", id) {
            continue;
        }
        let of = item.classes.as_ref().or(file.classes.as_ref());
        classes.extend(item.classes.iter().flatten().cloned());
        let category = item.category.as_ref().or(file.category.as_ref());
        let Some(task) = task else { continue };
        let item = Item {
            id: id.get_ref().as_str().into(),
            title: title.get_ref().clone(),
            category: category.map_or_else(|| stage.title().to_owned(), |category| category.get_ref().clone()),
            stage,
            task: Task::Manual,
            fresh,
            kinds: item.kinds.clone().unwrap_or_else(|| file.kinds.clone()),
            classes: of.into_iter().flatten().map(|class| class.get_ref().clone()).collect(),
            required: item.required.unwrap_or(true),
        };
        items.push((Drafted { item, task }, id.span()));
    }
    Some(List { places, stage, kinds: file.kinds.clone(), replace: file.replace, items, classes })
}

/// Reads the shipped lists for a plan's environments.
pub(super) fn shipped(environments: &[Environment], errors: &mut Vec<ConfigError>) -> Vec<List> {
    let source = Source::new(EMBEDDED_NAME, EMBEDDED);
    let Some(file) = document::read::<ShippedFile>(&source, errors) else { return Vec::new() };
    let mut build = Build::new(&source, errors);
    build.environments = environments.to_vec();
    lists(&mut build, &file.checklist)
}

/// Puts the items of an environment together: the shipped ones without those that are left out, then the plan's, each category
/// in one piece where it first stands.
pub(super) fn items(build: &mut Build<'_>, place: usize, shipped: &[List], plan: &[List], left_out: &[String]) -> Vec<Item> {
    let here = |list: &&List| list.places.contains(&place);
    let own: Vec<&List> = plan.iter().filter(here).collect();
    let mut drafted: Vec<(Drafted, bool)> = Vec::new();
    for (draft, _) in shipped.iter().filter(here).flat_map(|list| &list.items) {
        let mut draft = draft.clone();
        let mut kept = !left_out.iter().any(|id| id == draft.item.id.as_str());
        let stage = draft.item.stage;
        for list in own.iter().filter(|list| list.replace && list.stage == stage) {
            kept = kept && narrowed(&mut draft.item, &list.kinds);
        }
        if kept {
            drafted.push((draft, true));
        }
    }
    for (draft, span) in own.iter().flat_map(|list| &list.items) {
        match drafted.iter().position(|(other, _)| other.item.id == draft.item.id) {
            Some(at) if drafted.get(at).is_some_and(|(_, shipped)| *shipped) => {
                if let Some(slot) = drafted.get_mut(at) {
                    *slot = (draft.clone(), false);
                }
            }
            Some(_) => {
                let environment = build.environments.get(place).map_or_else(String::new, |one| one.name.to_string());
                build
                    .push(span.clone(), format!("item `{}` is in `{environment}` twice", draft.item.id))
                    .label("give each an id of its own");
            }
            None => drafted.push((draft.clone(), false)),
        }
    }
    let mut items: Vec<Item> = Vec::new();
    for (draft, _) in drafted {
        // The first environment has none before it: what would ask that one is not asked.
        if let Some(task) = draft.task.settled(build.environments.get(place.wrapping_sub(1))) {
            let item = Item { task, ..draft.item };
            let together = items.iter().rposition(|other| (other.stage, &other.category) == (item.stage, &item.category));
            items.insert(together.map_or(items.len(), |at| at + 1), item);
        }
    }
    items.sort_by_key(|item| item.stage);
    items
}

/// Takes an item away from the kinds of release whose list is replaced; false: nothing is left of it.
fn narrowed(item: &mut Item, replaced: &[Kind]) -> bool {
    let now: &[Kind] = if item.kinds.is_empty() { &Kind::ALL } else { &item.kinds };
    item.kinds = now.iter().copied().filter(|kind| !replaced.is_empty() && !replaced.contains(kind)).collect();
    !item.kinds.is_empty()
}

/// Checks what is left out: each must be a shipped item.
pub(super) fn left_out(build: &mut Build<'_>, given: &[Spanned<String>], shipped: &[List]) -> Vec<String> {
    let known: Vec<&str> = shipped.iter().flat_map(|list| &list.items).map(|(draft, _)| draft.item.id.as_str()).collect();
    for id in given.iter().filter(|id| !known.contains(&id.get_ref().as_str())) {
        let error = ConfigError::new(build.source.at(id.span()), format!("no shipped item is called `{}`", id.get_ref()))
            .meant(similar(id.get_ref(), known.iter().copied()))
            .note(format!("shipped items: {}", known.join(", ")));
        build.errors.push(error);
    }
    given.iter().map(|id| id.get_ref().clone()).collect()
}
