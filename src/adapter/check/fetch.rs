//! One request over HTTP, within bounds: five redirects, a body of a mebibyte, and a sentence for whatever goes wrong.

use std::error::Error as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::report::{bytes, length};
use super::secret;
use crate::domain::release::checklist::Secret;

/// Of a body so much is read.
pub(super) const BODY_AT_MOST: usize = 1024 * 1024;
/// So many redirects are followed.
const REDIRECTS: usize = 5;

/// Makes the client. It follows no redirect by itself, because headers that are secret go to one host alone; and it keeps no
/// connection, because a check is to show that one can be made. Proxies are those of the environment.
pub(super) fn client() -> Result<Client, String> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("rolldeck/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| reason(&error))
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    /// Those that go to the first host alone.
    pub secret: HeaderMap,
    /// A form.
    pub body: Option<String>,
    /// A status that is what is wanted is not followed further.
    pub wanted: Option<StatusCode>,
}

/// Headers as they are sent, and the values that must be in no text.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub open: HeaderMap,
    pub secret: HeaderMap,
    pub values: Vec<String>,
}

impl Headers {
    /// Reads those that the plan names.
    ///
    /// # Errors
    ///
    /// One cannot be had or sent: a sentence without its value.
    pub(super) async fn read(named: &[(String, Secret)], folder: &Path) -> Result<Self, String> {
        let mut headers = Self::default();
        for (name, value) in named {
            let text = secret::read(value, folder).await.map_err(|why| format!("header {name}: {why}"))?;
            let key = HeaderName::try_from(name.as_str()).map_err(|_| format!("{name:?} is no header's name"))?;
            let mut sent = HeaderValue::try_from(&text).map_err(|_| format!("header {name}: its value cannot be sent"))?;
            // A plain one of this name is somebody's password all the same.
            if matches!(value, Secret::Plain(_)) && key != AUTHORIZATION {
                headers.open.append(key, sent);
            } else {
                sent.set_sensitive(true);
                headers.secret.append(key, sent);
                // `Bearer abc` may come back as `abc`.
                headers.values.extend(text.split_once(' ').map(|(_, token)| token.trim().to_owned()));
                headers.values.push(text);
            }
        }
        Ok(headers)
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(super) struct Answer {
    pub response: Response,
    /// Where it came from in the end, where that is not where it was asked for.
    pub moved: Option<Url>,
}

/// How far a request came, for the sentence of one that came to no end.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<(Option<StatusCode>, usize)>);

impl Progress {
    fn answered(&self, status: StatusCode) {
        if let Ok(mut progress) = self.0.lock() {
            *progress = (Some(status), 0);
        }
    }

    fn read(&self, count: usize) {
        if let Ok(mut progress) = self.0.lock() {
            progress.1 = count;
        }
    }

    /// Returns what is said where the time is over.
    fn too_late(&self, limit: Duration) -> String {
        let limit = length(limit);
        match self.0.lock().map(|progress| *progress) {
            Ok((Some(status), count)) => {
                format!("{} came, and its body had not ended after {limit} ({})", status.as_u16(), bytes(count as u64))
            }
            Ok((None, _)) | Err(_) => format!("no answer within {limit}"),
        }
    }
}

/// Gives a conversation its time, and a sentence where that is over.
pub(super) async fn within<T>(
    limit: Duration,
    progress: &Progress,
    conversation: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::time::timeout(limit, conversation).await.unwrap_or_else(|_| Err(Trouble::NoAnswer(progress.too_late(limit))))
}

/// Why there is no answer that could be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not known what the server would say.
    NoAnswer(String),
    /// The server has said something that leads nowhere.
    Astray(String),
}

impl Trouble {
    /// Returns the sentence.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::NoAnswer(words) | Self::Astray(words) => words,
        }
    }
}

/// Asks, and follows redirects.
pub(super) async fn ask(client: &Client, request: Request, progress: &Progress) -> Result<Answer, Trouble> {
    let Request { mut method, mut url, headers, secret, mut body, wanted } = request;
    let first = url.clone();
    for _ in 0..=REDIRECTS {
        let mut sent = client.request(method.clone(), url.clone()).headers(headers.clone());
        if url.origin() == first.origin() {
            sent = sent.headers(secret.clone());
        }
        if let Some(form) = &body {
            sent = sent.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
        }
        let response = sent.send().await.map_err(|error| Trouble::NoAnswer(reason(&error)))?;
        let status = response.status();
        progress.answered(status);
        let location = response.headers().get(LOCATION).filter(|_| status.is_redirection() && Some(status) != wanted);
        let Some(location) = location else {
            return Ok(Answer { response, moved: (url != first).then_some(url) });
        };
        let next = location.to_str().ok().and_then(|location| url.join(location).ok());
        let Some(next) = next else {
            return Err(Trouble::Astray(format!("{} leads to no address", status.as_u16())));
        };
        if !matches!(next.scheme(), "http" | "https") {
            return Err(Trouble::Astray(format!("{} leads to {}:, which is not followed", status.as_u16(), next.scheme())));
        }
        // As browsers do, and RFC 9110 15.4 allows.
        let drops_body = status == StatusCode::SEE_OTHER || (method == Method::POST && !matches!(status.as_u16(), 307 | 308));
        if drops_body && method != Method::HEAD {
            (method, body) = (Method::GET, None);
        }
        url = next;
    }
    Err(Trouble::Astray(format!("it leads on after {REDIRECTS} redirects, to {}", place(&url))))
}

/// Reads a body up to the limit.
pub(super) async fn body(mut response: Response, at_most: usize, progress: &Progress) -> Result<Vec<u8>, Trouble> {
    let too_long = || Trouble::NoAnswer(format!("the answer is longer than {}", bytes(at_most as u64)));
    if response.content_length().is_some_and(|length| length > at_most as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk);
                progress.read(body.len());
                if body.len() > at_most {
                    return Err(too_long());
                }
            }
            Ok(None) => return Ok(body),
            Err(error) => {
                return Err(Trouble::NoAnswer(format!("the answer broke off after {}: {}", bytes(body.len() as u64), reason(&error))));
            }
        }
    }
}

/// Returns the start of a body, as far as it comes soon: what a server says beside its status.
pub(super) async fn start(mut response: Response, at_most: usize) -> String {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= at_most {
                break;
            }
        }
    };
    // What has come by then is enough.
    let _whole = tokio::time::timeout(Duration::from_secs(1), reading).await;
    body.truncate(at_most);
    String::from_utf8_lossy(&body).into_owned()
}

/// Returns an address without what may be secret in it: `https://host/path`.
pub(super) fn place(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// Returns why a request failed: what the innermost cause says, for the outer ones only say that something did.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        innermost = cause.to_string();
        source = cause.source();
    }
    if of_tls(error) {
        format!("TLS: {innermost}")
    } else if error.is_connect() {
        format!("no connection: {innermost}")
    } else if error.is_builder() {
        innermost
    } else {
        format!("no answer: {innermost}")
    }
}

/// Returns whether rustls is anywhere among the causes. An I/O error's `source` leaves out the error that it wraps itself.
fn of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = || error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped().is_some_and(|inner| of_tls(inner)) || error.source().is_some_and(of_tls)
}
