//! Who is told of releases, and how.

use std::collections::BTreeMap;
use std::path::Path;

use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::secret::{self, HeadersFile, SecretFile};
use super::{file, policy};
use crate::domain::announcement::Occasion;
use crate::domain::plan::{Channel, MailSecurity, Means};
use crate::domain::release::checklist::Secret;

/// What the body of a webhook is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    // Plain comments: documented variants would make the schema a choice of constants, which the loader does not read.
    // `{"text": …}`, as Slack, Mattermost, Rocket.Chat and Google Chat take it.
    #[default]
    Slack,
    // The announcement whole, or what the template makes of it.
    Json,
}

/// One way in which people are told: exactly one of webhook, email, command and terminal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyFile {
    /// What it is called where it fails. Default: how it tells.
    #[schemars(with = "Option<String>", example = &"release channel")]
    name: Option<Spanned<String>>,
    /// What it tells of. Default: everything.
    #[serde(default)]
    #[schemars(schema_with = "file::occasions")]
    occasions: Vec<Occasion>,
    /// Whose releases it tells of. Default: those of every environment.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    environments: Option<Spanned<Vec<Spanned<String>>>>,
    /// The text, as a template: `{{ route }}: {{ sentence }}`. It may use occasion, at, release, environment, route, title,
    /// sentence, actor, ticket and bad. Default: the console's own words.
    #[schemars(with = "Option<String>", example = &"{{ route }}: {{ sentence }}")]
    template: Option<Spanned<String>>,
    /// A POST to an address.
    #[schemars(with = "Option<WebhookFile>")]
    webhook: Option<Spanned<WebhookFile>>,
    /// A mail.
    #[schemars(with = "Option<EmailFile>")]
    email: Option<Spanned<EmailFile>>,
    /// A program with the announcement's JSON as its input.
    #[schemars(with = "Option<Vec<String>>", length(min = 1), example = ["./tell"])]
    command: Option<Spanned<Vec<String>>>,
    /// Whether this terminal rings, and asks for a desktop notification.
    #[schemars(with = "Option<bool>")]
    terminal: Option<Spanned<bool>>,
}

/// A webhook.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookFile {
    /// The address: where it is, for whoever knows it may write there; or itself, where it is no secret.
    #[schemars(with = "SecretFile", example = serde_json::json!({ "variable": "SLACK_URL" }))]
    url: Option<Spanned<SecretFile>>,
    /// The body. `slack`: a text, as Slack and its likes take it. `json`: everything that is known. Default: slack.
    #[schemars(with = "Option<Format>")]
    format: Option<Format>,
    /// The headers that are sent: each a text, or where a secret is.
    #[schemars(with = "Option<BTreeMap<String, SecretFile>>")]
    headers: Option<HeadersFile>,
}

/// A mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmailFile {
    /// The server that takes it.
    #[schemars(with = "String", example = &"smtp.example.org")]
    server: Option<Spanned<String>>,
    /// Its port. Default: 465 with tls, 587 with starttls, 25 with none.
    #[schemars(with = "Option<u16>", range(min = 1, max = 65535))]
    port: Option<u16>,
    /// `tls`: from the first byte. `starttls`: asked for, and required. `none`: in clear, for a server on this machine.
    /// Default: starttls.
    #[serde(default)]
    #[schemars(schema_with = "file::mail_securities")]
    security: Option<Spanned<MailSecurity>>,
    /// The name to sign in with. Default: without signing in.
    #[schemars(with = "Option<String>", example = &"rolldeck")]
    user: Option<Spanned<String>>,
    /// Where its password is.
    #[schemars(with = "Option<SecretFile>", example = serde_json::json!({ "variable": "SMTP_PASSWORD" }))]
    password: Option<Spanned<SecretFile>>,
    /// Who it is from.
    #[schemars(with = "String", example = &"rolldeck <releases@example.org>")]
    from: Option<Spanned<String>>,
    /// Who it is for.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["team@example.org"])]
    to: Option<Vec<Spanned<String>>>,
}

/// Reads the channels.
pub(super) fn channels(build: &mut Build<'_>, files: &[Spanned<NotifyFile>]) -> Vec<Channel> {
    files.iter().filter_map(|file| channel(build, file)).collect()
}

fn channel(build: &mut Build<'_>, spanned: &Spanned<NotifyFile>) -> Option<Channel> {
    let file = spanned.get_ref();
    let said = [
        ("webhook", file.webhook.as_ref().map(Spanned::span)),
        ("email", file.email.as_ref().map(Spanned::span)),
        ("command", file.command.as_ref().map(Spanned::span)),
        ("terminal", file.terminal.as_ref().filter(|on| *on.get_ref()).map(Spanned::span)),
    ];
    let mut said: Vec<(&str, std::ops::Range<usize>)> = said.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
    said.sort_by_key(|(_, span)| span.start);
    let key = match said.as_slice() {
        [(only, _)] => *only,
        [(first, _), (second, span), ..] => {
            build.push(span.clone(), format!("a channel tells in one way: `{first}` or `{second}`")).label("write a second [[notify]]");
            return None;
        }
        [] => {
            build.push(spanned.span(), "[[notify]] does not say how to tell").label("add webhook, email, command or terminal");
            return None;
        }
    };
    let places = file.environments.as_ref().map(|list| build.listed(list));
    let name = file.name.as_ref().map_or_else(|| key.to_owned(), |name| name.get_ref().clone());
    if let Some(template) = &file.template {
        self::template(build, template);
    }
    let by = match key {
        "webhook" => webhook(build, file.webhook.as_ref()?.get_ref()),
        "email" => email(build, file.email.as_ref()?.get_ref()),
        "command" => {
            let run = file.command.as_ref()?;
            if run.get_ref().first().is_some_and(|program| program.trim().is_empty()) {
                build.push(run.span(), "the program has no name").label("it is the first word");
            }
            Some(Means::Command { run: run.get_ref().clone() })
        }
        _ => Some(Means::Terminal),
    };
    let names = build.environments.iter().map(|environment| environment.name.clone());
    let environments = match places {
        Some(places) => names.enumerate().filter(|(at, _)| places.contains(at)).map(|(_, name)| name).collect(),
        None => Vec::new(),
    };
    let template = file.template.as_ref().map(|template| template.get_ref().clone());
    Some(Channel { name, occasions: file.occasions.clone(), environments, by: by?, template })
}

/// The names that a template may use.
const NAMES: [&str; 10] = ["occasion", "at", "release", "environment", "route", "title", "sentence", "actor", "ticket", "bad"];

fn template(build: &mut Build<'_>, given: &Spanned<String>) {
    let environment = minijinja::Environment::new();
    match environment.template_from_str(given.get_ref()) {
        Err(error) => {
            let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            build.push(given.span(), format!("the template cannot be read: {reason}")).label("as \"{{ route }}: {{ sentence }}\"");
        }
        Ok(template) => {
            let mut unknown: Vec<String> =
                template.undeclared_variables(false).into_iter().filter(|name| !NAMES.contains(&name.as_str())).collect();
            unknown.sort();
            for name in unknown {
                let error = crate::config::error::ConfigError::new(build.source.at(given.span()), format!("a template knows no `{name}`"))
                    .meant(crate::config::similar::similar(&name, NAMES))
                    .note(format!("known here: {}", NAMES.join(", ")));
                build.errors.push(error);
            }
        }
    }
}

fn webhook(build: &mut Build<'_>, file: &WebhookFile) -> Option<Means> {
    let headers = secret::headers(build, file.headers.as_ref());
    let given = file.url.as_ref()?;
    let url = secret::read(build, "url", given)?;
    if let Secret::Plain(url) = &url
        && !url.starts_with("https://")
        && !url.starts_with("http://")
    {
        build
            .push(given.span(), format!("`{url}` is no address"))
            .label("as https://chat.example/hooks/releases, or { variable = \"NAME\" }");
        return None;
    }
    Some(Means::Webhook { url, slack: file.format.unwrap_or_default() == Format::Slack, headers: headers? })
}

fn email(build: &mut Build<'_>, file: &EmailFile) -> Option<Means> {
    let before = build.errors.len();
    build.told(file.server.as_ref(), "server");
    for address in file.from.iter().chain(file.to.iter().flatten()) {
        if address.get_ref().parse::<Mailbox>().is_err() {
            build.push(address.span(), format!("`{}` is no mail address", address.get_ref())).label("as \"team@example.org\"");
        }
    }
    let security = file.security.as_ref().map_or_else(MailSecurity::default, |security| *security.get_ref());
    let password = file.password.as_ref().and_then(|given| {
        // Whatever stands here in clear is one.
        if let super::written::Written::Short(_) = given.get_ref() {
            let error = crate::config::error::ConfigError::new(build.source.at(given.span()), "`password` is in the plan")
                .hidden()
                .label("name where it is")
                .note("write { variable = \"NAME\" } for a variable of the console's environment, or { file = \"PATH\" }");
            build.errors.push(error);
            return None;
        }
        secret::read(build, "password", given)
    });
    match (&file.user, &file.password) {
        (Some(user), None) => build.push(user.span(), "a user without a password").label("add password = { variable = \"NAME\" }"),
        (None, Some(password)) => build.push(password.span(), "a password without a user").label("add user = \"…\""),
        _ => {}
    }
    let server = file.server.as_ref()?.get_ref().clone();
    let local = server == "localhost" || server.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if let (Some(given), MailSecurity::None, Some(_), false) = (&file.security, security, &file.password, local) {
        build.push(given.span(), "the password would be sent in clear").label("tls or starttls");
    }
    let means = Means::Email {
        server,
        port: file.port.unwrap_or_else(|| security.port()),
        security,
        user: file.user.as_ref().map(|user| user.get_ref().clone()),
        password,
        from: file.from.as_ref()?.get_ref().clone(),
        to: file.to.iter().flatten().map(|address| address.get_ref().clone()).collect(),
    };
    (build.errors.len() == before).then_some(means)
}

/// Reads the files of secrets from the plan's folder.
pub(super) fn settle(channel: &mut Channel, folder: &Path) {
    match &mut channel.by {
        Means::Webhook { url, headers, .. } => {
            policy::settle_secret(url, folder);
            for (_, value) in headers {
                policy::settle_secret(value, folder);
            }
        }
        Means::Email { password: Some(password), .. } => policy::settle_secret(password, folder),
        Means::Email { .. } | Means::Command { .. } | Means::Terminal => {}
    }
}
