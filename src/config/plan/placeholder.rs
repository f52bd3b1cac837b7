//! `${name}` in a text: what a release is put in for.

use std::ops::Range;

use super::build::Build;
use crate::config::error::ConfigError;
use crate::config::similar::similar;

/// The names that are put in.
const NAMES: [&str; 7] = ["service", "version", "environment", "image", "digest", "namespace", "release"];

/// Checks that every name is one that is put in.
pub(super) fn check(build: &mut Build<'_>, text: &str, span: Range<usize>) {
    named(build, text, span, |_, _| true);
}

/// Checks a program's word, which may be a script with variables of its own: only what is nearly one of ours is wrong there.
pub(super) fn check_word(build: &mut Build<'_>, text: &str, span: Range<usize>) {
    named(build, text, span, |name, near| near && name.bytes().all(|byte| byte.is_ascii_lowercase()));
}

fn named(build: &mut Build<'_>, text: &str, span: Range<usize>, wrong: fn(&str, bool) -> bool) {
    for part in text.split("${").skip(1) {
        let Some((name, _)) = part.split_once('}') else {
            if wrong("", false) {
                build.push(span, "`${` is not closed").label("as ${version}");
                return;
            }
            continue;
        };
        let near = similar(name, NAMES);
        if !NAMES.contains(&name) && wrong(name, near.is_some()) {
            let error = ConfigError::new(build.source.at(span.clone()), format!("there is no `${{{name}}}`"))
                .meant(near)
                .note(format!("known here: {}", NAMES.map(|name| format!("${{{name}}}")).join(", ")));
            build.errors.push(error);
        }
    }
}
