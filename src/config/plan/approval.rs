//! Who approves what: roles with their holders, and the rules.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::{file, moment, names};
use crate::config::error::ConfigError;
use crate::config::similar::similar;
use crate::domain::id::{Actor, ApproverRole};
use crate::domain::release::Kind;
use crate::domain::release::approval::Rule;

/// Roles with their holders, as they are written.
pub(super) type RolesFile = BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>;
/// Who holds which role.
pub(super) type Roles = BTreeMap<ApproverRole, Vec<Actor>>;

/// An approval that a release needs before it may begin. Nobody approves what they wrote, and nobody counts twice.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalFile {
    /// Where it is asked for. Default: in every environment.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    environments: Option<Spanned<Vec<Spanned<String>>>>,
    /// The role that approves: one of [roles].
    #[schemars(with = "String", example = &"technical")]
    role: Option<Spanned<String>>,
    /// How many of its holders. Default: 1.
    #[schemars(with = "Option<u32>", range(min = 1, max = 99))]
    count: Option<Spanned<u32>>,
    /// The kinds of release that it is asked for. Default: all.
    #[serde(default)]
    #[schemars(schema_with = "file::kinds")]
    kinds: Vec<Kind>,
    /// The strategies that it is asked for: where a service of the release is rolled out so. Default: all.
    #[serde(default)]
    #[schemars(schema_with = "file::strategies")]
    strategies: Vec<String>,
    /// The classes of change that it is asked for. Default: all.
    #[schemars(with = "Option<Vec<String>>", example = ["major"])]
    classes: Option<Vec<Spanned<String>>>,
    /// How long an approval stands. Default: until there are other bytes or other rules.
    #[schemars(with = "Option<String>", example = &"24h")]
    expires: Option<Spanned<String>>,
}

/// A rule with the places of its environments, and its classes with where they are named.
pub(super) struct Placed {
    pub places: Vec<usize>,
    pub rule: Rule,
    pub classes: Vec<Spanned<String>>,
}

/// Reads the roles.
pub(super) fn roles(build: &mut Build<'_>, file: Option<&RolesFile>) -> Roles {
    let mut roles = Roles::new();
    for (role, holders) in file.into_iter().flatten() {
        build.valid(Some(role), "role", names::label);
        let mut held: Vec<Actor> = Vec::new();
        for holder in holders.get_ref() {
            let who = Actor::new(holder.get_ref().trim());
            if who.as_str().is_empty() {
                build.push(holder.span(), "a holder without a name").label("as the cluster or the system says it");
            } else if held.contains(&who) {
                build.push(holder.span(), format!("`{who}` holds `{}` twice", role.get_ref())).label("once is enough");
            } else {
                held.push(who);
            }
        }
        roles.insert(role.get_ref().as_str().into(), held);
    }
    roles
}

/// Reads the rules.
pub(super) fn rules(build: &mut Build<'_>, files: &[Spanned<ApprovalFile>], roles: &Roles) -> Vec<Placed> {
    let mut rules = Vec::new();
    for file in files.iter().map(Spanned::get_ref) {
        let places = build.places(file.environments.as_ref());
        let expires = moment::length(build, file.expires.as_ref(), false);
        let Some(role) = &file.role else { continue };
        let count = file.count.as_ref().map_or(1, |count| *count.get_ref());
        let Some(holders) = roles.get(&ApproverRole::new(role.get_ref().as_str())) else {
            let known: Vec<&str> = roles.keys().map(ApproverRole::as_str).collect();
            let among = if known.is_empty() {
                "write who holds it: [roles]".to_owned()
            } else {
                format!("roles of this plan: {}", known.join(", "))
            };
            let error = ConfigError::new(build.source.at(role.span()), format!("there is no role `{}`", role.get_ref()))
                .meant(similar(role.get_ref(), known.iter().copied()))
                .note(among);
            build.errors.push(error);
            continue;
        };
        if holders.is_empty() {
            build.push(role.span(), format!("nobody holds the role `{}`", role.get_ref())).label("it could never be approved");
        } else if holders.len() < count as usize {
            let span = file.count.as_ref().map_or(role.span(), Spanned::span);
            let message = format!("`{}` needs {count} approvals, and has {}", role.get_ref(), counted(holders.len(), "holder"));
            build.push(span, message).label("it could never be approved");
        }
        let classes = file.classes.clone().unwrap_or_default();
        let rule = Rule {
            role: role.get_ref().as_str().into(),
            count,
            kinds: file.kinds.clone(),
            strategies: file.strategies.clone(),
            classes: classes.iter().map(|class| class.get_ref().clone()).collect(),
            expires,
        };
        rules.push(Placed { places, rule, classes });
    }
    rules
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
