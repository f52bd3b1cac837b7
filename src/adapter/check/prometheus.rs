//! A check that is a number of Prometheus: an instant query, whose every series must be within the limit.
//!
//! No data is not zero, and NaN is neither (0/0, where nothing was asked): both are unknown, and pass nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::comparison::number;
use super::fetch::{self, BODY_AT_MOST, Headers, Progress, Request, Trouble};
use super::report::{self, Report, cut};
use crate::domain::release::checklist::{Operator, Prometheus, Verdict};

/// The labels of a series are quoted up to here.
const LABELS: usize = 120;

/// Asks once.
pub(super) async fn run(task: &Prometheus, client: &Client, folder: &Path) -> Report {
    let headers = match Headers::read(&task.headers, folder).await {
        Ok(headers) => headers,
        Err(why) => return Report::unknown(why),
    };
    let Some(limit) = task.limit.value.as_f64() else {
        return Report::unknown(format!("the limit {} is no number", task.limit.value));
    };
    let base = task.server.trim_end_matches('/');
    let (Ok(url), Ok(link)) = (Url::parse(&format!("{base}/api/v1/query")), graph(base, &task.query)) else {
        return Report::unknown("the server's address cannot be read");
    };
    let within = Duration::try_from(task.time_limit).unwrap_or_default();
    let progress = Progress::default();
    let conversation = query(client, &url, &headers, task, within, &progress);
    let report = match fetch::within(within, &progress, conversation).await {
        Ok((status, body)) => read(status, &body, task.limit.operator, limit),
        Err(trouble) => Report::unknown(trouble.words()),
    };
    Report { evidence: report::without(report.evidence, &headers.values), ..report }.with_link(link)
}

/// Returns the page that shows the query to a person.
fn graph(base: &str, query: &str) -> Result<String, ()> {
    let url = Url::parse_with_params(&format!("{base}/graph"), [("g0.expr", query), ("g0.tab", "1")]).map_err(|_| ())?;
    Ok(format!("{}?{}", fetch::place(&url), url.query().unwrap_or_default()))
}

/// Sends the query as a form, for a long one fits no address; where only GET is let through, in the address.
async fn query(
    client: &Client,
    url: &Url,
    headers: &Headers,
    task: &Prometheus,
    within: Duration,
    progress: &Progress,
) -> Result<(StatusCode, Vec<u8>), Trouble> {
    let mut full = url.clone();
    full.query_pairs_mut().append_pair("query", &task.query).append_pair("timeout", &format!("{}ms", within.as_millis()));
    let request =
        |method, url, body| Request { method, url, headers: headers.open.clone(), secret: headers.secret.clone(), body, wanted: None };
    let posted = request(Method::POST, url.clone(), full.query().map(str::to_owned));
    let mut answer = fetch::ask(client, posted, progress).await?;
    if answer.response.status() == StatusCode::METHOD_NOT_ALLOWED || answer.moved.is_some() {
        answer = fetch::ask(client, request(Method::GET, full, None), progress).await?;
    }
    let status = answer.response.status();
    Ok((status, fetch::body(answer.response, BODY_AT_MOST, progress).await?))
}

/// The envelope around every answer.
#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default, rename = "errorType")]
    kind: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// One number, with the labels of its series.
struct Sample {
    labels: String,
    /// As Prometheus wrote it.
    text: String,
    value: f64,
}

fn read(status: StatusCode, body: &[u8], operator: Operator, limit: f64) -> Report {
    // Errors come as JSON with any status; a proxy's page is none.
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        let said = report::lines(&cut(&String::from_utf8_lossy(body), 1024));
        return Report::unknown(format!("{}, and no answer as Prometheus gives it", status.as_u16())).with_output(said);
    };
    if envelope.status != "success" {
        return Report::unknown(format!("Prometheus says {}: {}", envelope.kind, envelope.error));
    }
    let samples = match envelope.data.map(samples) {
        Some(Ok(samples)) => samples,
        Some(Err(why)) => return Report::unknown(why),
        None => return Report::unknown("success, but no data in it"),
    };
    let mut report = compared(&samples, operator, limit);
    for warning in envelope.warnings {
        report.evidence = format!("{}; warning: {}", report.evidence, cut(&warning, LABELS));
    }
    report
}

fn samples(data: Data) -> Result<Vec<Sample>, String> {
    let sample = |labels: String, text: String| match text.parse() {
        Ok(value) => Ok(Sample { labels, text, value }),
        Err(_) => Err(format!("{} is no number", cut(&text, LABELS))),
    };
    match data.kind.as_str() {
        "vector" => {
            let series: Vec<Series> = serde_json::from_value(data.result).map_err(|error| format!("its vector cannot be read: {error}"))?;
            series
                .into_iter()
                .map(|series| match series.value {
                    Some((_, text)) => sample(labels(&series.metric), text),
                    None => Err(format!("{} is a histogram, and no number", labels(&series.metric))),
                })
                .collect()
        }
        "scalar" => {
            let (_, text): (f64, String) =
                serde_json::from_value(data.result).map_err(|error| format!("its scalar cannot be read: {error}"))?;
            Ok(vec![sample(String::new(), text)?])
        }
        other => Err(format!("the query gives a {other}, and no number: it must be an instant vector or a scalar")),
    }
}

/// All must be within the limit; the one that is furthest from it is told.
fn compared(samples: &[Sample], operator: Operator, limit: f64) -> Report {
    let rank = |sample: &Sample| match operator {
        Operator::Less | Operator::AtMost => sample.value,
        Operator::More | Operator::AtLeast => -sample.value,
        Operator::Equal => (sample.value - limit).abs(),
        Operator::Unequal => -(sample.value - limit).abs(),
    };
    let numbers = samples.iter().filter(|sample| !sample.value.is_nan());
    let worst = numbers.max_by(|a, b| rank(a).total_cmp(&rank(b)));
    let silent: Vec<&Sample> = samples.iter().filter(|sample| sample.value.is_nan()).collect();
    let named = |sample: &Sample| match samples.len() {
        1 => String::new(),
        count => format!(" in {}, the worst of {count}", sample.labels),
    };
    let (sign, limit_text) = (operator.sign(), limit.to_string());
    match (worst, silent.first()) {
        (None, None) => Report::unknown("no data: nothing answers to the query"),
        (Some(worst), _) if !number(worst.value, operator, limit) => {
            Report::new(Verdict::Fail, format!("{}{}, wanted {sign} {limit_text}", told(worst, limit), named(worst)))
        }
        (_, Some(nan)) => {
            let of =
                if samples.len() == 1 { String::new() } else { format!(" in {} of {}, first {}", silent.len(), samples.len(), nan.labels) };
            Report::unknown(format!("no number (NaN){of}: there was nothing to compute it from"))
        }
        (Some(worst), None) => Report::new(Verdict::Pass, format!("{} {sign} {limit_text}{}", told(worst, limit), named(worst))),
    }
}

/// Returns a number in a length that is read at a glance; whole where it would look like the limit and is not.
fn told(sample: &Sample, limit: f64) -> String {
    let Sample { text, value, .. } = sample;
    if text.len() <= 8 || !value.is_finite() {
        return text.clone();
    }
    let digits = 4 - value.abs().max(1e-9).log10().floor().clamp(-9.0, 4.0) as i32;
    let short = format!("{value:.*}", usize::try_from(digits).unwrap_or_default());
    let short = if short.contains('.') { short.trim_end_matches('0').trim_end_matches('.') } else { &short };
    #[expect(clippy::float_cmp, reason = "it is asked whether rounding hides a difference")]
    let hides = short.parse::<f64>().is_ok_and(|short| short == limit) && *value != limit;
    if hides { text.clone() } else { short.to_owned() }
}

fn labels(metric: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> =
        metric.iter().filter(|(name, _)| *name != "__name__").map(|(name, value)| format!("{name}={value:?}")).collect();
    let name = metric.get("__name__").map_or("", String::as_str);
    cut(&format!("{name}{{{}}}", pairs.join(", ")), LABELS).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[(&str, &str)]) -> String {
        let series: Vec<String> =
            values.iter().map(|(pod, value)| format!(r#"{{"metric":{{"pod":"{pod}"}},"value":[1700000000.1,"{value}"]}}"#)).collect();
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, series.join(","))
    }

    fn told_of(body: &str) -> (Verdict, String) {
        let report = read(StatusCode::OK, body.as_bytes(), Operator::AtMost, 0.5);
        (report.verdict, report.evidence)
    }

    #[test]
    fn every_series_must_hold_and_no_data_never_passes() {
        use Verdict::{Fail, Pass, Unknown};
        for (body, verdict, words) in [
            (vector(&[("a", "0.25")]), Pass, "0.25 ≤ 0.5"),
            (vector(&[("a", "0.5")]), Pass, "0.5 ≤ 0.5"),
            (vector(&[("a", "0.25"), ("b", "0.75")]), Fail, "0.75 in {pod=\"b\"}, the worst of 2, wanted ≤ 0.5"),
            (vector(&[("a", "0.25"), ("b", "0.125")]), Pass, "0.25 ≤ 0.5 in {pod=\"a\"}, the worst of 2"),
            (vector(&[]), Unknown, "no data: nothing answers to the query"),
            (vector(&[("a", "NaN")]), Unknown, "no number (NaN): there was nothing to compute it from"),
            (
                vector(&[("a", "0.1"), ("b", "NaN")]),
                Unknown,
                "no number (NaN) in 1 of 2, first {pod=\"b\"}: there was nothing to compute it from",
            ),
            (vector(&[("a", "0.6"), ("b", "NaN")]), Fail, "0.6 in {pod=\"a\"}, the worst of 2, wanted ≤ 0.5"),
            (vector(&[("a", "+Inf")]), Fail, "+Inf, wanted ≤ 0.5"),
            (vector(&[("a", "0.421234567")]), Pass, "0.42123 ≤ 0.5"),
            (vector(&[("a", "0.500000001")]), Fail, "0.500000001, wanted ≤ 0.5"),
            (vector(&[("a", "1234567.891")]), Fail, "1234568, wanted ≤ 0.5"),
            (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"0.1"]}}"#.into(), Pass, "0.1 ≤ 0.5"),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.into(),
                Unknown,
                "the query gives a matrix, and no number: it must be an instant vector or a scalar",
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}"#.into(),
                Unknown,
                "{} is a histogram, and no number",
            ),
            (
                r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}"#.into(),
                Unknown,
                "Prometheus says bad_data: parse error: unexpected end",
            ),
            ("<html>".into(), Unknown, "200, and no answer as Prometheus gives it"),
            (r#"{"status":"success"}"#.into(), Unknown, "success, but no data in it"),
            (
                r#"{"status":"success","warnings":["half of it"],"data":{"resultType":"scalar","result":[1,"0.1"]}}"#.into(),
                Pass,
                "0.1 ≤ 0.5; warning: half of it",
            ),
        ] {
            assert_eq!(told_of(&body), (verdict, words.to_owned()), "{body}");
        }
    }

    #[test]
    fn the_worst_is_the_one_furthest_on_the_wrong_side() {
        let body = vector(&[("a", "1"), ("b", "5"), ("c", "9")]);
        for (operator, limit, words) in [
            (Operator::AtLeast, 3.0, "1 in {pod=\"a\"}, the worst of 3, wanted ≥ 3"),
            (Operator::Equal, 5.0, "9 in {pod=\"c\"}, the worst of 3, wanted = 5"),
            (Operator::Unequal, 5.0, "5 in {pod=\"b\"}, the worst of 3, wanted ≠ 5"),
        ] {
            assert_eq!(read(StatusCode::OK, body.as_bytes(), operator, limit).evidence, words);
        }
    }
}
