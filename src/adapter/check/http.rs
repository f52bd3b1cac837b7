//! A check that is an answer over HTTP: its status, a header, a value of its JSON.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use serde_json::Value;
use tokio::time::Instant;

use super::comparison::{holds, shown};
use super::fetch::{self, Answer, BODY_AT_MOST, Headers, Progress, Request, Trouble};
use super::report::{self, Report, cut, length};
use crate::domain::release::checklist::{Comparison, Http, Verdict};

/// Of an answer that fails so much is kept.
const SAID: usize = 2 * 1024;

/// Asks once.
pub(super) async fn run(task: &Http, client: &Client, folder: &Path) -> Report {
    let headers = match Headers::read(&task.headers, folder).await {
        Ok(headers) => headers,
        Err(why) => return Report::unknown(why),
    };
    let report = asked(task, client, &headers).await;
    Report {
        evidence: report::without(report.evidence, &headers.values),
        output: report::without(report.output, &headers.values),
        ..report
    }
}

async fn asked(task: &Http, client: &Client, headers: &Headers) -> Report {
    let url = match Url::parse(&task.url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(url) => return Report::unknown(format!("{}: is no scheme that a check speaks", url.scheme())),
        Err(error) => return Report::unknown(format!("its address cannot be read: {error}")),
    };
    let Ok(method) = Method::from_bytes(task.method.as_bytes()) else {
        return Report::unknown(format!("{:?} is no method", task.method));
    };
    let Ok(wanted) = StatusCode::from_u16(task.status) else { return Report::unknown(format!("{} is no status", task.status)) };
    let link = report::one_line(&fetch::place(&url));
    let request = Request { method, url, headers: headers.open.clone(), secret: headers.secret.clone(), body: None, wanted: Some(wanted) };
    let limit = Duration::try_from(task.time_limit).unwrap_or_default();
    let progress = Progress::default();
    let conversation = async {
        let began = Instant::now();
        let answer = fetch::ask(client, request, &progress).await?;
        judged(task, wanted, answer, began, &progress).await
    };
    match fetch::within(limit, &progress, conversation).await {
        Ok(report) => report,
        Err(Trouble::NoAnswer(why)) => Report::unknown(why),
        Err(Trouble::Astray(why)) => Report::new(Verdict::Fail, why),
    }
    .with_link(link)
}

/// Compares an answer with what is wanted. Its body is read only where it matters: a status may be known long before.
async fn judged(task: &Http, wanted: StatusCode, answer: Answer, began: Instant, progress: &Progress) -> Result<Report, Trouble> {
    let Answer { response, moved } = answer;
    let (status, took) = (response.status(), length(began.elapsed()));
    let moved = moved.map_or_else(String::new, |url| format!(", from {}", fetch::place(&url)));
    if status != wanted {
        let said = fetch::start(response, SAID).await;
        let evidence = format!("{}, not {} (in {took}{moved})", status.as_u16(), wanted.as_u16());
        return Ok(Report::new(Verdict::Fail, evidence).with_output(report::lines(&said)));
    }
    let mut evidence = format!("{} in {took}{moved}", status.as_u16());
    if let Some((name, value)) = &task.header {
        let found: Vec<String> =
            response.headers().get_all(name.as_str()).iter().map(|one| String::from_utf8_lossy(one.as_bytes()).trim().to_owned()).collect();
        if !found.iter().any(|one| one == value.trim()) {
            let found = if found.is_empty() { "is not there".into() } else { format!("is {}", cut(&found.join(", "), SAID / 16)) };
            return Ok(Report::new(Verdict::Fail, format!("{evidence}, but {name} {found}, not {value}")));
        }
        evidence = format!("{evidence}, {name}: {value}");
    }
    let Some((pointer, comparison)) = &task.json else { return Ok(Report::new(Verdict::Pass, evidence)) };
    let body = fetch::body(response, BODY_AT_MOST, progress).await?;
    let said = || report::lines(&cut(&String::from_utf8_lossy(&body), SAID));
    let json: Value = match serde_json::from_slice(&body) {
        Ok(json) => json,
        Err(error) => return Ok(Report::new(Verdict::Fail, format!("{evidence}, but no JSON: {error}")).with_output(said())),
    };
    let (verdict, compared) = pointed(&json, pointer, comparison);
    let glue = if verdict == Verdict::Pass { ", " } else { ", but " };
    let report = Report::new(verdict, format!("{evidence}{glue}{compared}"));
    Ok(if verdict == Verdict::Pass { report } else { report.with_output(said()) })
}

/// Compares what a pointer leads to.
fn pointed(json: &Value, pointer: &str, comparison: &Comparison) -> (Verdict, String) {
    let wanted = format!("{} {}", comparison.operator.sign(), shown(&comparison.value));
    let Some(found) = json.pointer(pointer) else {
        return (Verdict::Fail, format!("nothing is at {pointer}, which was to be {wanted}; there is {}", there(json, pointer)));
    };
    match holds(found, comparison) {
        Ok(true) => (Verdict::Pass, format!("{pointer} = {}", shown(found))),
        Ok(false) => (Verdict::Fail, format!("{pointer} = {}, wanted {wanted}", shown(found))),
        Err(why) => (Verdict::Fail, format!("{pointer} is not {wanted}: {why}")),
    }
}

/// Returns what is there where a pointer leads nowhere: the names beside the first step that is missing.
fn there(json: &Value, pointer: &str) -> String {
    let mut reached = ("", json);
    for (at, _) in pointer.match_indices('/').skip(1).chain([(pointer.len(), "")]) {
        let Some(path) = pointer.get(..at) else { break };
        match json.pointer(path) {
            Some(value) => reached = (path, value),
            None => break,
        }
    }
    let (path, value) = reached;
    let at = if path.is_empty() { String::new() } else { format!(" at {path}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            format!("{}{at}", cut(&names.join(", "), 120))
        }
        Value::Array(list) => format!("a list of {}{at}", list.len()),
        value => format!("{}{at}", shown(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::release::checklist::Operator;

    #[test]
    fn a_pointer_that_leads_nowhere_tells_what_is_there() {
        let json = json!({"status": {"ready": true, "since": 5}, "nodes": [1, 2], "x": null});
        let wanted = Comparison { operator: Operator::Equal, value: json!(true) };
        for (pointer, want) in [
            ("/status/ready", "/status/ready = true"),
            ("/status/since", "/status/since is not = true: 5 is a number, and true is true or false"),
            ("/status/live", "nothing is at /status/live, which was to be = true; there is ready, since at /status"),
            ("/state", "nothing is at /state, which was to be = true; there is nodes, status, x"),
            ("/nodes/7/up", "nothing is at /nodes/7/up, which was to be = true; there is a list of 2 at /nodes"),
            ("/x", "/x = null, wanted = true"),
        ] {
            let (verdict, words) = pointed(&json, pointer, &wanted);
            assert_eq!(words, want);
            assert_eq!(verdict == Verdict::Pass, pointer == "/status/ready", "{pointer}");
        }
    }
}
