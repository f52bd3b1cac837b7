//! Puts a release's texts into a check: `${service}`, `${version}`, `${environment}`, `${image}`, `${digest}`, `${namespace}`.
//!
//! A check that names what differs from service to service runs once for each of them, and once for those that come to the
//! same.

use crate::domain::plan::Workload;
use crate::domain::release::checklist::{Command, Comparison, Http, Prometheus, Secret, Subject, Task};

/// What each service has of its own.
const OF_A_SERVICE: [&str; 5] = ["service", "version", "image", "digest", "namespace"];

/// One run of a check: the task with its texts, and the services that it speaks for.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// How the part is called beside others: `backend`, `backend, worker`.
    pub name: String,
    pub task: Task,
    pub texts: Texts,
}

/// The texts of one service. Those that are not known are named when a check asks for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub service: Option<String>,
    pub version: Option<String>,
    pub image: Option<String>,
    pub digest: Option<String>,
    pub namespace: Option<String>,
    pub environment: String,
    pub release: String,
    /// All of the release's services.
    pub services: Vec<String>,
}

/// How a text is put where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// As it is; what is not ours stays, for it may be a shell's.
    Argument,
    /// As it is.
    Text,
    /// Into an address: what has a meaning there is percent-encoded.
    Address,
    /// Into PromQL, where it stands between quotes.
    Query,
}

/// Returns the runs that a task asks for.
///
/// # Errors
///
/// A text is named that is not known, in a sentence.
pub(super) fn parts(task: &Task, subject: &Subject, workloads: &[Workload]) -> Result<Vec<Part>, String> {
    let all = texts(subject, workloads);
    let first = all.first().cloned().unwrap_or_else(|| Texts {
        environment: subject.environment.to_string(),
        release: subject.release.to_string(),
        ..Texts::default()
    });
    let each = names_a_service(task);
    let mut parts: Vec<Part> = Vec::new();
    for texts in if each { all } else { vec![first] } {
        let filled = filled(task, &texts)?;
        let service = texts.service.clone().unwrap_or_default();
        match parts.iter_mut().find(|part| part.task == filled) {
            Some(same) => same.name = format!("{}, {service}", same.name),
            None => parts.push(Part { name: service, task: filled, texts }),
        }
    }
    if parts.is_empty() { Err("the release names no service that it could run for".into()) } else { Ok(parts) }
}

fn texts(subject: &Subject, workloads: &[Workload]) -> Vec<Texts> {
    let services: Vec<String> = subject.services.iter().map(|one| one.service.to_string()).collect();
    let namespace =
        |service| workloads.iter().find(|one| one.id.service == service).or_else(|| workloads.first()).map(|one| one.namespace.clone());
    let texts = |one: &crate::domain::release::checklist::SubjectService| Texts {
        service: Some(one.service.to_string()),
        version: Some(one.version.clone()),
        image: Some(one.image.clone()),
        digest: one.digest.clone(),
        namespace: namespace(one.service.clone()),
        environment: subject.environment.to_string(),
        release: subject.release.to_string(),
        services: services.clone(),
    };
    subject.services.iter().map(texts).collect()
}

/// Returns whether the task's texts differ from service to service.
fn names_a_service(task: &Task) -> bool {
    let names = |text: &str| OF_A_SERVICE.iter().any(|name| text.contains(&format!("${{{name}}}")));
    let compared = |comparison: &Comparison| comparison.value.as_str().is_some_and(names);
    let sent = |headers: &[(String, Secret)]| headers.iter().any(|(_, value)| matches!(value, Secret::Plain(text) if names(text)));
    match task {
        Task::Command(command) => command.run.iter().any(|text| names(text)) || command.folder.as_deref().is_some_and(names),
        Task::Http(http) => {
            names(&http.url)
                || sent(&http.headers)
                || http.header.as_ref().is_some_and(|(_, value)| names(value))
                || http.json.as_ref().is_some_and(|(_, comparison)| compared(comparison))
        }
        Task::Prometheus(prometheus) => names(&prometheus.server) || names(&prometheus.query) || sent(&prometheus.headers),
        Task::Manual | Task::Kubernetes(_) | Task::Environment { .. } => false,
    }
}

fn filled(task: &Task, texts: &Texts) -> Result<Task, String> {
    let headers = |headers: &[(String, Secret)]| -> Result<Vec<(String, Secret)>, String> {
        let value = |value: &Secret| match value {
            Secret::Plain(text) => fill(text, texts, Place::Text).map(Secret::Plain),
            reference => Ok(reference.clone()),
        };
        headers.iter().map(|(name, secret)| Ok((name.clone(), value(secret)?))).collect()
    };
    Ok(match task {
        Task::Command(command) => Task::Command(Command {
            run: command.run.iter().map(|text| fill(text, texts, Place::Argument)).collect::<Result<_, _>>()?,
            folder: command.folder.as_deref().map(|text| fill(text, texts, Place::Argument)).transpose()?,
            ..command.clone()
        }),
        Task::Http(http) => Task::Http(Http {
            url: fill(&http.url, texts, Place::Address)?,
            headers: headers(&http.headers)?,
            header: http
                .header
                .as_ref()
                .map(|(name, value)| Ok::<_, String>((name.clone(), fill(value, texts, Place::Text)?)))
                .transpose()?,
            json: http
                .json
                .as_ref()
                .map(|(pointer, comparison)| Ok::<_, String>((fill(pointer, texts, Place::Text)?, compared(comparison, texts)?)))
                .transpose()?,
            ..http.clone()
        }),
        Task::Prometheus(prometheus) => Task::Prometheus(Prometheus {
            server: fill(&prometheus.server, texts, Place::Address)?,
            query: fill(&prometheus.query, texts, Place::Query)?,
            headers: headers(&prometheus.headers)?,
            ..prometheus.clone()
        }),
        Task::Manual | Task::Kubernetes(_) | Task::Environment { .. } => task.clone(),
    })
}

fn compared(comparison: &Comparison, texts: &Texts) -> Result<Comparison, String> {
    let value = match &comparison.value {
        serde_json::Value::String(text) => serde_json::Value::String(fill(text, texts, Place::Text)?),
        other => other.clone(),
    };
    Ok(Comparison { operator: comparison.operator, value })
}

/// Puts the texts into one.
fn fill(text: &str, texts: &Texts, place: Place) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, named)) = rest.split_once("${") {
        let Some((name, after)) = named.split_once('}') else { break };
        out.push_str(before);
        let known = match name {
            "service" => texts.service.as_deref(),
            "version" => texts.version.as_deref(),
            "image" => texts.image.as_deref(),
            "digest" => texts.digest.as_deref(),
            "namespace" => texts.namespace.as_deref(),
            "environment" => Some(texts.environment.as_str()),
            "release" => Some(texts.release.as_str()),
            _ if matches!(place, Place::Argument) => {
                out.push_str("${");
                rest = named;
                continue;
            }
            other => return Err(format!("it names ${{{other}}}, which no check knows")),
        };
        match known {
            Some(known) => put(&mut out, known, place),
            None => return Err(format!("it names ${{{name}}}, which is not known{}", of(texts))),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn of(texts: &Texts) -> String {
    texts.service.as_ref().map_or_else(String::new, |service| format!(" of {service}"))
}

fn put(out: &mut String, text: &str, place: Place) {
    match place {
        Place::Argument | Place::Text => out.push_str(text),
        Place::Address => {
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    out.push(char::from(byte));
                } else {
                    out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
                }
            }
        }
        Place::Query => {
            for char in text.chars() {
                match char {
                    '"' | '\'' | '\\' | '`' => {
                        out.push('\\');
                        out.push(char);
                    }
                    '\n' => out.push_str("\\n"),
                    _ => out.push(char),
                }
            }
        }
    }
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::release::checklist::SubjectService;

    fn subject(services: &[(&str, &str)]) -> Subject {
        let service = |(service, version): &(&str, &str)| SubjectService {
            service: (*service).into(),
            version: (*version).into(),
            image: format!("team/{service}:{version}"),
            digest: None,
        };
        Subject { release: "r1".into(), environment: "staging".into(), services: services.iter().map(service).collect() }
    }

    fn command(run: &[&str]) -> Task {
        let run = run.iter().map(|text| (*text).to_owned()).collect();
        Task::Command(Command { run, time_limit: SignedDuration::from_secs(1), variables: Vec::new(), folder: None })
    }

    fn runs(task: &Task, subject: &Subject) -> Vec<(String, Vec<String>)> {
        let run = |part: Part| match part.task {
            Task::Command(command) => (part.name, command.run),
            other => panic!("{other:?}"),
        };
        parts(task, subject, &[]).unwrap().into_iter().map(run).collect()
    }

    #[test]
    fn a_check_that_names_a_service_runs_for_each_and_once_for_what_is_the_same() {
        let two = subject(&[("backend", "2.0"), ("worker", "2.0")]);
        assert_eq!(runs(&command(&["make", "test"]), &two), [("backend".into(), vec!["make".into(), "test".into()])]);
        assert_eq!(runs(&command(&["t", "${service}"]), &two).len(), 2);
        assert_eq!(runs(&command(&["t", "${version}"]), &two), [("backend, worker".into(), vec!["t".into(), "2.0".into()])]);
        assert_eq!(runs(&command(&["t", "${environment}"]), &two).len(), 1);
    }

    #[test]
    fn what_is_a_shells_stays_in_an_argument_and_is_refused_elsewhere() {
        let one = subject(&[("backend", "2.0")]);
        assert_eq!(
            runs(&command(&["sh", "-c", "echo ${HOME} ${version} ${x:-${service}} ${"]), &one)[0].1[2],
            "echo ${HOME} 2.0 ${x:-backend} ${"
        );
        let texts = &texts(&one, &[])[0];
        assert_eq!(fill("a ${home}", texts, Place::Text).unwrap_err(), "it names ${home}, which no check knows");
        assert_eq!(fill("a ${digest}", texts, Place::Text).unwrap_err(), "it names ${digest}, which is not known of backend");
    }

    #[test]
    fn a_text_cannot_break_out_of_where_it_is_put() {
        let evil = Texts { version: Some("1/../?a=b#c d\"} or up{".into()), ..Texts::default() };
        assert_eq!(fill("http://h/${version}", &evil, Place::Address).unwrap(), "http://h/1%2F..%2F%3Fa%3Db%23c%20d%22%7D%20or%20up%7B");
        assert_eq!(fill("x{v=\"${version}\"}", &evil, Place::Query).unwrap(), "x{v=\"1/../?a=b#c d\\\"} or up{\"}");
        let nested = Texts { version: Some("${service}".into()), service: Some("s".into()), ..Texts::default() };
        assert_eq!(fill("${version}", &nested, Place::Text).unwrap(), "${service}", "what is put in is not read again");
    }
}
