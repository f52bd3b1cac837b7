//! `${name}` in a text: what a release is put in for.

use std::ops::Range;

use super::build::Build;
use crate::config::error::ConfigError;
use crate::config::similar::similar;

/// The names that programs, requests and objects may hold.
pub(super) const OF_RELEASE: [&str; 4] = ["service", "version", "environment", "image"];
/// The names that a query may hold.
pub(super) const OF_QUERY: [&str; 4] = ["service", "version", "environment", "namespace"];

/// Checks that every name is one that is put in.
pub(super) fn check(build: &mut Build<'_>, text: &str, span: Range<usize>, known: &[&str]) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            build.push(span, "`${` is not closed").label("as ${version}");
            return;
        };
        if !known.contains(&name) {
            let error = ConfigError::new(build.source.at(span.clone()), format!("there is no `${{{name}}}`"))
                .meant(similar(name, known.iter().copied()))
                .note(format!("known here: {}", known.iter().map(|name| format!("${{{name}}}")).collect::<Vec<_>>().join(", ")));
            build.errors.push(error);
        }
        rest = behind;
    }
}
