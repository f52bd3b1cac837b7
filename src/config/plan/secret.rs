//! A value that may be secret: the plan says where it is, and never what it is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::written::Written;
use crate::config::error::ConfigError;
use crate::domain::redact::redact;
use crate::domain::release::checklist::Secret;

/// As it is written: the value itself where it is none, else where it is.
pub(super) type SecretFile = Written<String, ReferenceFile>;
/// Headers by their names.
pub(super) type HeadersFile = BTreeMap<Spanned<String>, Spanned<SecretFile>>;

/// Hosts whose addresses hold a secret: whoever knows one may write there.
const SECRET_ADDRESSES: [&str; 4] = ["hooks.slack.com", "discord.com/api/webhooks", "webhook.office.com", "chat.googleapis.com"];

/// Where a secret is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferenceFile {
    /// The variable of the console's environment that holds it.
    #[schemars(example = &"SLACK_URL")]
    variable: Option<String>,
    /// The file that holds it, from the plan's folder. Its last line end does not count.
    #[schemars(example = &"/run/secrets/slack-url")]
    file: Option<String>,
}

/// Reads one; `what` is its key or header, by which it is known that the value cannot be public.
pub(super) fn read(build: &mut Build<'_>, what: &str, spanned: &Spanned<SecretFile>) -> Option<Secret> {
    let wrong = match spanned.get_ref() {
        Written::Short(text) if text.trim().is_empty() => "is empty",
        Written::Short(text) => {
            let shown = format!("{what}: {text}");
            if redact(&shown) == shown && !SECRET_ADDRESSES.iter().any(|host| text.contains(host)) {
                return Some(Secret::Plain(text.clone()));
            }
            let error = ConfigError::new(build.source.at(spanned.span()), format!("`{what}` has a secret in the plan"))
                .hidden()
                .label("name where it is")
                .note("write { variable = \"NAME\" } for a variable of the console's environment, or { file = \"PATH\" }");
            build.errors.push(error);
            return None;
        }
        Written::Table(ReferenceFile { variable: Some(_), file: Some(_) }) => "names two places",
        Written::Table(ReferenceFile { variable: Some(name), file: None }) if !name.is_empty() && !name.contains(['=', '\0', '$']) => {
            return Some(Secret::Variable(name.clone()));
        }
        Written::Table(ReferenceFile { variable: None, file: Some(path) }) if !path.is_empty() => return Some(Secret::File(path.clone())),
        Written::Table(ReferenceFile { variable: Some(_), .. }) => "names no variable",
        Written::Table(ReferenceFile { .. }) => "names no place",
    };
    build.push(spanned.span(), format!("`{what}` {wrong}")).label("as { variable = \"NAME\" } or { file = \"PATH\" }");
    None
}

/// Reads headers, in the order of the file.
pub(super) fn headers(build: &mut Build<'_>, given: Option<&HeadersFile>) -> Option<Vec<(String, Secret)>> {
    let mut given: Vec<_> = given.into_iter().flatten().collect();
    given.sort_by_key(|(name, _)| name.span().start);
    let before = build.errors.len();
    let mut headers = Vec::new();
    for (name, value) in given {
        let text = name.get_ref();
        if http::HeaderName::from_bytes(text.as_bytes()).is_err() {
            build.push(name.span(), format!("`{text}` is no header")).label("letters, digits and `-`");
        } else if let Some(value) = read(build, text, value) {
            headers.push((text.clone(), value));
        }
    }
    (build.errors.len() == before).then_some(headers)
}
