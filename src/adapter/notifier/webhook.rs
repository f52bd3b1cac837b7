//! A POST of JSON.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, redirect};

use super::Options;
use super::fault::{Again, Fault};
use super::lane::Kept;
use super::secret::Secrets;
use crate::adapter::clock;
use crate::domain::announcement::Announcement;
use crate::domain::letter::Form;
use crate::domain::release::checklist::Secret;

/// What of a refusal is read and said: Slack's reasons are one word.
const ANSWER: usize = 200;

/// Returns what is posted.
///
/// # Errors
///
/// The announcement makes no JSON.
pub(super) fn body(announcement: &Announcement, text: String, form: Form, slack: bool) -> Result<String, Fault> {
    if form == Form::Json {
        return Ok(text);
    }
    if slack {
        return Ok(serde_json::json!({ "text": text }).to_string());
    }
    let mut whole = serde_json::to_value(announcement).map_err(|error| Fault::lasting(error.to_string()))?;
    if let Some(fields) = whole.as_object_mut() {
        fields.insert("text".into(), text.into());
    }
    Ok(whole.to_string())
}

/// Posts it. Redirects are not followed: they would carry the headers to somebody else.
///
/// # Errors
///
/// What went wrong, and whether it is tried again: 5xx, 429 and a network's faults pass, the rest stays.
pub(super) async fn post(
    options: &Options,
    kept: &mut Kept,
    secrets: &mut Secrets,
    (url, headers): (&Secret, &[(String, Secret)]),
    body: String,
) -> Result<(), Fault> {
    let url = secrets.read(url).await.map_err(Fault::lasting)?;
    let url = reqwest::Url::parse(&url).map_err(|error| Fault::lasting(format!("the address is no URL: {error}")))?;
    let mut fields = HeaderMap::new();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let value = secrets.read(value).await.map_err(Fault::lasting)?;
        let field = HeaderName::try_from(name.as_str()).map_err(|_| Fault::lasting(format!("{name:?} is no name of a header")))?;
        let mut value =
            HeaderValue::try_from(value).map_err(|_| Fault::lasting(format!("the header {name} has no value that can be sent")))?;
        value.set_sensitive(true);
        fields.insert(field, value);
    }
    let client = match &kept.http {
        Some(client) => client.clone(),
        None => kept.http.insert(client(options).await?).clone(),
    };
    // Without the address: it is a secret itself.
    let network = |error: reqwest::Error| Fault::network(&error.without_url());
    let mut answer = client.post(url).headers(fields).body(body).send().await.map_err(network)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(retry_after);
    let mut said = Vec::new();
    while said.len() < ANSWER
        && let Ok(Some(more)) = answer.chunk().await
    {
        said.extend_from_slice(&more);
    }
    Err(refusal(status, asked, &said))
}

fn refusal(status: StatusCode, asked: Option<Duration>, said: &[u8]) -> Fault {
    let said = String::from_utf8_lossy(said);
    let line: String = said.lines().next().unwrap_or_default().chars().filter(|letter| !letter.is_control()).take(ANSWER).collect();
    let mut why = format!("the server answered {status}");
    if status.is_redirection() {
        why.push_str(", and a redirect is not followed");
    }
    if !line.trim().is_empty() {
        why = format!("{why}: {}", line.trim());
    }
    let passes = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let again = match asked {
        Some(wait) if passes => Again::After(wait),
        None if passes => Again::Soon,
        _ => Again::Never,
    };
    Fault { why, again }
}

/// Reads `Retry-After`: seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(clock::now())).unwrap_or_default())
}

async fn client(options: &Options) -> Result<reqwest::Client, Fault> {
    let options = options.clone();
    let build = move || {
        let mut client = reqwest::Client::builder()
            .timeout(options.time_limit)
            .connect_timeout(options.time_limit / 2)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("rolldeck/", env!("CARGO_PKG_VERSION")));
        for root in &options.roots {
            client = client.add_root_certificate(reqwest::Certificate::from_pem(root)?);
        }
        client.build()
    };
    // It reads the system's certificates.
    match tokio::task::spawn_blocking(build).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(Fault::network(&error)),
        Err(_) => Err(Fault::lasting("TLS cannot be set up")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let wait = Some(Duration::from_secs(7));
        for (status, asked, again) in [
            (500, None, Again::Soon),
            (503, wait, Again::After(Duration::from_secs(7))),
            (429, wait, Again::After(Duration::from_secs(7))),
            (429, None, Again::Soon),
            (400, None, Again::Never),
            (404, wait, Again::Never),
            (302, None, Again::Never),
        ] {
            let fault = refusal(StatusCode::from_u16(status).unwrap(), asked, b"no_such\x1b[2J\nmore");
            assert_eq!(fault.again, again, "{status}");
            assert!(fault.why.contains(&status.to_string()) && fault.why.ends_with(": no_such[2J"), "{}", fault.why);
        }
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        assert_eq!(retry_after("30"), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(retry_after("Thu, 01 Jan 2370 00:00:00 GMT").is_some_and(|wait| wait > Duration::from_secs(1_000_000)));
        assert_eq!(retry_after("soon"), None);
    }
}
