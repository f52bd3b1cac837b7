//! How a checklist item fills itself: the one task that its table names.

use std::ops::Range;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::checklist::ItemFile;
use super::secret::{self, HeadersFile};
use super::written::Written;
use super::{comparison, moment, names, placeholder};
use crate::config::error::ConfigError;
use crate::config::similar::similar;
use crate::domain::id::EnvironmentName;
use crate::domain::plan::Environment;
use crate::domain::release::checklist::{Command, Http, Kubernetes, Prometheus, Task};

/// How long a program or a request may take where the plan does not say.
const TIME_LIMIT: SignedDuration = SignedDuration::from_secs(60);
/// How long something must have been healthy where the plan does not say.
const HEALTHY_FOR: SignedDuration = SignedDuration::from_mins(10);
/// The checks that need nothing but their name.
const NAMED: [&str; 6] = ["healthy", "capacity", "rollback", "disruption", "quiet", "same-digest"];

/// A program.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CommandFile {
    /// The program and its arguments.
    #[schemars(with = "Vec<String>", length(min = 1), example = ["./smoke", "${version}"])]
    run: Option<Vec<String>>,
    /// How long it may take before it is stopped with all that it started. Default: 60s.
    #[schemars(with = "Option<String>", example = &"5m")]
    time_limit: Option<Spanned<String>>,
    /// The variables of the console's environment that it may see. Default: PATH, HOME and LANG alone.
    #[schemars(with = "Option<Vec<String>>", example = ["CI_TOKEN"])]
    variables: Option<Vec<Spanned<String>>>,
    /// Where it runs, from the plan's folder. Default: there.
    #[schemars(with = "Option<String>", example = &"checks")]
    folder: Option<String>,
}

/// A request over HTTP.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct HttpFile {
    /// The address. May hold ${service}, ${version}, ${environment}, ${image}, ${digest} and ${namespace}.
    #[schemars(with = "String", example = &"https://booking.example/health")]
    url: Option<Spanned<String>>,
    /// The method. Default: GET.
    #[schemars(with = "Option<String>", example = &"GET")]
    method: Option<Spanned<String>>,
    /// The headers that are sent: each a text, or where a secret is.
    #[schemars(with = "Option<std::collections::BTreeMap<String, secret::SecretFile>>")]
    headers: Option<HeadersFile>,
    /// The status that passes. Default: 200.
    #[schemars(with = "Option<u16>", range(min = 100, max = 599))]
    status: Option<u16>,
    /// A header that the answer must have, with its value.
    #[schemars(with = "Option<String>", example = &"X-Version: ${version}")]
    header: Option<Spanned<String>>,
    /// What of the answer's JSON is compared: a JSON pointer, `==`, `!=`, `<`, `<=`, `>` or `>=`, and a value.
    #[schemars(with = "Option<String>", example = &"/status/ready == true")]
    json: Option<Spanned<String>>,
    /// How long it may take. Default: 60s.
    #[schemars(with = "Option<String>", example = &"10s")]
    time_limit: Option<Spanned<String>>,
}

/// What the cluster is asked: one of these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KubernetesFile {
    /// What runs has been healthy for so long.
    #[schemars(with = "Option<String>", example = &"10m")]
    healthy: Option<Spanned<String>>,
    /// A ConfigMap of this name exists.
    #[schemars(with = "Option<String>", example = &"backend-config")]
    config_map: Option<Spanned<String>>,
    /// A Secret of this name exists.
    #[schemars(with = "Option<String>", example = &"backend-keys")]
    secret: Option<Spanned<String>>,
    /// The certificate in the TLS Secret of this name does not expire within `days`.
    #[schemars(with = "Option<String>", example = &"booking-tls")]
    certificate: Option<Spanned<String>>,
    /// For how many days the certificate must be good. Default: 14.
    #[schemars(with = "Option<u32>", range(min = 1, max = 3650))]
    days: Option<Spanned<u32>>,
    /// A Job of this name has succeeded. May hold ${version}.
    #[schemars(with = "Option<String>", example = &"migrate-${version}")]
    job: Option<Spanned<String>>,
    /// The version has the same digest as in this environment.
    #[schemars(with = "Option<String>", example = &"staging")]
    same_digest: Option<Spanned<String>>,
}

/// A query over Prometheus' HTTP API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PrometheusFile {
    /// The server's address.
    #[schemars(with = "String", example = &"http://prometheus:9090")]
    server: Option<Spanned<String>>,
    /// The query, of one value. May hold ${service} and the like.
    #[schemars(with = "String", example = &"sum(rate(errors_total{service=\"${service}\"}[5m]))")]
    query: Option<Spanned<String>>,
    /// What passes: `==`, `!=`, `<`, `<=`, `>` or `>=`, and a number.
    #[schemars(with = "String", example = &"< 0.5")]
    limit: Option<Spanned<String>>,
    /// The headers that are sent: each a text, or where a secret is.
    #[schemars(with = "Option<std::collections::BTreeMap<String, secret::SecretFile>>")]
    headers: Option<HeadersFile>,
    /// How long it may take. Default: 60s.
    #[schemars(with = "Option<String>", example = &"10s")]
    time_limit: Option<Spanned<String>>,
}

/// An environment in which the version has been healthy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthyFile {
    /// The environment. Default: the one before in promotion order; where there is none, nothing is asked.
    #[schemars(with = "Option<String>", example = &"staging")]
    name: Option<Spanned<String>>,
    /// For how long. Default: 10m.
    #[schemars(with = "Option<String>", example = &"30m")]
    healthy: Option<Spanned<String>>,
}

/// A task that was read.
#[derive(Clone)]
pub(super) enum Found {
    Task(Task),
    /// Healthy for so long in the environment before.
    HealthyBefore(SignedDuration),
    /// Of the same digest as in the environment before.
    DigestBefore,
}

impl Found {
    /// Returns the task of an item in an environment, which has this one before it; none: there is nothing to ask.
    pub(super) fn settled(self, before: Option<&Environment>) -> Option<Task> {
        let before = before.map(|environment| environment.name.clone());
        Some(match self {
            Self::Task(task) => task,
            Self::HealthyBefore(healthy_for) => Task::Environment { environment: before?, healthy_for },
            Self::DigestBefore => Task::Kubernetes(Kubernetes::SameDigest { environment: before? }),
        })
    }
}

/// Reads the one task of an item; without any it is ticked by hand.
pub(super) fn read(build: &mut Build<'_>, file: &ItemFile) -> Option<Found> {
    let spans = [
        ("command", file.command.as_ref().map(Spanned::span)),
        ("http", file.http.as_ref().map(Spanned::span)),
        ("kubernetes", file.kubernetes.as_ref().map(Spanned::span)),
        ("prometheus", file.prometheus.as_ref().map(Spanned::span)),
        ("environment", file.environment.as_ref().map(Spanned::span)),
    ];
    let mut said: Vec<(&str, Range<usize>)> = spans.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
    said.sort_by_key(|(_, span)| span.start);
    if let [(first, _), (second, span), ..] = said.as_slice() {
        build.push(span.clone(), format!("an item has one task: `{first}` or `{second}`")).label("write a second item for it");
        return None;
    }
    let task = if let Some(command) = &file.command {
        Task::Command(self::command(build, command)?)
    } else if let Some(http) = &file.http {
        Task::Http(self::http(build, http)?)
    } else if let Some(kubernetes) = &file.kubernetes {
        return self::kubernetes(build, kubernetes);
    } else if let Some(prometheus) = &file.prometheus {
        Task::Prometheus(self::prometheus(build, prometheus.get_ref())?)
    } else if let Some(environment) = &file.environment {
        return healthy(build, environment);
    } else {
        Task::Manual
    };
    Some(Found::Task(task))
}

fn command(build: &mut Build<'_>, spanned: &Spanned<Written<Vec<String>, CommandFile>>) -> Option<Command> {
    let before = build.errors.len();
    let (run, table) = match spanned.get_ref() {
        Written::Short(run) => (run.clone(), None),
        Written::Table(table) => (table.run.clone()?, Some(table)),
    };
    match run.first() {
        None => {
            build.push(spanned.span(), "`command` is empty").label("name the program and its arguments, as [\"./smoke\", \"${version}\"]");
        }
        Some(program) if program.trim().is_empty() => build.push(spanned.span(), "the program has no name").label("it is the first word"),
        Some(program) if run.len() == 1 && program.contains(' ') => {
            build
                .push(spanned.span(), format!("`{program}` is one word to a program"))
                .label("there is no shell: write each word for itself");
        }
        Some(_) => {}
    }
    for word in &run {
        placeholder::check_word(build, word, spanned.span());
    }
    let time_limit = table.and_then(|table| table.time_limit.as_ref());
    let variables: Vec<String> = table
        .and_then(|table| table.variables.as_ref())
        .into_iter()
        .flatten()
        .map(|name| {
            if name.get_ref().is_empty() || name.get_ref().contains(['=', '$', '\0']) {
                build
                    .push(name.span(), format!("`{}` is no name of a variable", name.get_ref()))
                    .label("the name alone: its value is not for the plan");
            }
            name.get_ref().clone()
        })
        .collect();
    let time_limit = limit(build, time_limit)?;
    let folder = table.and_then(|table| table.folder.clone());
    (build.errors.len() == before).then_some(Command { run, time_limit, variables, folder })
}

fn http(build: &mut Build<'_>, spanned: &Spanned<Written<String, HttpFile>>) -> Option<Http> {
    let before = build.errors.len();
    let table = match spanned.get_ref() {
        Written::Short(url) => {
            address(build, url, spanned.span());
            let http = Http {
                url: url.clone(),
                method: "GET".into(),
                headers: Vec::new(),
                status: 200,
                header: None,
                json: None,
                time_limit: TIME_LIMIT,
            };
            return (build.errors.len() == before).then_some(http);
        }
        Written::Table(table) => table,
    };
    let url = table.url.as_ref()?;
    address(build, url.get_ref(), url.span());
    let method = table.method.as_ref().map_or("GET", |method| method.get_ref());
    if let Some(given) = &table.method
        && (http::Method::from_bytes(method.as_bytes()).is_err() || method != method.to_uppercase())
    {
        build.push(given.span(), format!("`{method}` is no method")).label("as \"GET\" or \"POST\"");
    }
    let header = table.header.as_ref().and_then(|given| {
        placeholder::check(build, given.get_ref(), given.span());
        let pair = given.get_ref().split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        let pair = pair.filter(|(name, _)| http::HeaderName::from_bytes(name.as_bytes()).is_ok());
        if pair.is_none() {
            build.push(given.span(), format!("`{}` is no header with a value", given.get_ref())).label("as \"X-Version: 2.1.0\"");
        }
        pair
    });
    let json = table.json.as_ref().and_then(|given| comparison::of_json(build, given));
    let headers = secret::headers(build, table.headers.as_ref())?;
    let time_limit = limit(build, table.time_limit.as_ref())?;
    let http = Http {
        url: url.get_ref().clone(),
        method: method.to_owned(),
        headers,
        status: table.status.unwrap_or(200),
        header,
        json,
        time_limit,
    };
    (build.errors.len() == before).then_some(http)
}

fn prometheus(build: &mut Build<'_>, table: &PrometheusFile) -> Option<Prometheus> {
    let before = build.errors.len();
    if let Some(server) = &table.server {
        address(build, server.get_ref(), server.span());
    }
    if let Some(query) = &table.query {
        build.told(Some(query), "query");
        placeholder::check(build, query.get_ref(), query.span());
    }
    let limit = table.limit.as_ref().and_then(|given| comparison::of_number(build, given));
    let headers = secret::headers(build, table.headers.as_ref())?;
    let time_limit = self::limit(build, table.time_limit.as_ref())?;
    let prometheus = Prometheus {
        server: table.server.as_ref()?.get_ref().trim_end_matches('/').to_owned(),
        query: table.query.as_ref()?.get_ref().clone(),
        limit: limit?,
        headers,
        time_limit,
    };
    (build.errors.len() == before).then_some(prometheus)
}

fn kubernetes(build: &mut Build<'_>, spanned: &Spanned<Written<String, KubernetesFile>>) -> Option<Found> {
    let table = match spanned.get_ref() {
        Written::Table(table) => table,
        Written::Short(word) => {
            let check = match word.as_str() {
                "healthy" => Kubernetes::Healthy { for_: HEALTHY_FOR },
                "capacity" => Kubernetes::Capacity,
                "rollback" => Kubernetes::Rollback,
                "disruption" => Kubernetes::Disruption,
                "quiet" => Kubernetes::Quiet,
                "same-digest" => return Some(Found::DigestBefore),
                _ => {
                    let error = ConfigError::new(build.source.at(spanned.span()), format!("`kubernetes` cannot be `{word}`"))
                        .meant(similar(word, NAMED))
                        .note(format!("expected one of: {}, or a table", NAMED.join(", ")));
                    build.errors.push(error);
                    return None;
                }
            };
            return Some(Found::Task(Task::Kubernetes(check)));
        }
    };
    let said = [
        ("healthy", &table.healthy),
        ("config-map", &table.config_map),
        ("secret", &table.secret),
        ("certificate", &table.certificate),
        ("job", &table.job),
        ("same-digest", &table.same_digest),
    ];
    let mut said: Vec<(&str, &Spanned<String>)> = said.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))).collect();
    said.sort_by_key(|(_, value)| value.span().start);
    let (key, value) = match said.as_slice() {
        [only] => *only,
        [(first, _), (second, value), ..] => {
            build.push(value.span(), format!("a check is one thing: `{first}` or `{second}`")).label("write a second item for it");
            return None;
        }
        [] => {
            build.push(spanned.span(), "`kubernetes` asks nothing").label("as \"capacity\" or { healthy = \"10m\" }");
            return None;
        }
    };
    if let (Some(days), true) = (&table.days, key != "certificate") {
        build.push(days.span(), "`days` is for a certificate").label("take it out");
    }
    let name = value.get_ref().clone();
    let check = match key {
        "healthy" => Kubernetes::Healthy { for_: moment::length(build, Some(value), false)? },
        "same-digest" => Kubernetes::SameDigest { environment: other(build, value)? },
        "job" => {
            placeholder::check(build, &name, value.span());
            Kubernetes::Job { name }
        }
        _ if !build.valid(Some(value), "name of an object", names::subdomain) => return None,
        "config-map" => Kubernetes::ConfigMap { name },
        "secret" => Kubernetes::Secret { name },
        _ => Kubernetes::Certificate { secret: name, days: table.days.as_ref().map_or(14, |days| *days.get_ref()) },
    };
    Some(Found::Task(Task::Kubernetes(check)))
}

fn healthy(build: &mut Build<'_>, spanned: &Spanned<Written<String, HealthyFile>>) -> Option<Found> {
    let (environment, healthy_for) = match spanned.get_ref() {
        Written::Short(name) => (Some(build.environment(name, spanned.span())?), HEALTHY_FOR),
        Written::Table(table) => {
            let healthy_for = match &table.healthy {
                Some(_) => moment::length(build, table.healthy.as_ref(), false),
                None => Some(HEALTHY_FOR),
            };
            let environment = match &table.name {
                Some(name) => Some(other(build, name)?),
                None => None,
            };
            (environment, healthy_for?)
        }
    };
    Some(match environment {
        Some(environment) => Found::Task(Task::Environment { environment, healthy_for }),
        None => Found::HealthyBefore(healthy_for),
    })
}

/// Reads the name of an environment of the plan.
fn other(build: &mut Build<'_>, name: &Spanned<String>) -> Option<EnvironmentName> {
    build.environment(name.get_ref(), name.span())
}

fn limit(build: &mut Build<'_>, given: Option<&Spanned<String>>) -> Option<SignedDuration> {
    if given.is_some() { moment::length(build, given, false) } else { Some(TIME_LIMIT) }
}

/// Checks an address: that of a web server, without a password in it.
fn address(build: &mut Build<'_>, url: &str, span: Range<usize>) {
    placeholder::check(build, url, span.clone());
    let host =
        url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).map(|rest| rest.split(['/', '?', '#']).next().unwrap_or(""));
    match host {
        None | Some("") => build.push(span, format!("`{url}` is no address")).label("as https://booking.example/health"),
        Some(_) if crate::domain::redact::redact(url) != url => {
            let error = ConfigError::new(build.source.at(span), "the address has a secret in it")
                .hidden()
                .label("send it in a header")
                .note("headers = { Authorization = { variable = \"NAME\" } }");
            build.errors.push(error);
        }
        Some(host) if host.contains([' ', '@']) => {
            build.push(span, format!("`{url}` is no address")).label("as https://booking.example/health");
        }
        Some(_) => {}
    }
}
