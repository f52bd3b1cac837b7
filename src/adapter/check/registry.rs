//! Asks a registry for the digest behind a tag, over its v2 API.
//!
//! Read-only, and with the logins that `docker login` has left in its file, of those that stand in it in clear. A digest is
//! worth something only where it came over TLS or from this machine.

mod image;
mod login;

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::fetch::{self, BODY_AT_MOST, Progress, Request, Trouble};
use super::report::{length, one_line};
use crate::domain::release::Bound;
use crate::domain::release::checklist::{Subject, SubjectService};
use image::Image;
use login::Login;

/// A registry that answers does so at once; a token and a manifest are three requests.
const LIMIT: Duration = Duration::from_secs(10);
/// What speaks no TLS says so, or waits for more: then it is spoken to in clear before the time is over.
const FIRST_TRY: Duration = Duration::from_secs(4);
/// The index comes first: it is what a tag of several platforms means, and what the nodes record.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// Reads the digest of a service's image.
pub(super) async fn bind(service: &SubjectService, client: &Client) -> Bound {
    let bound = |digest: Option<String>, source: String| Bound {
        service: service.service.clone(),
        image: service.image.clone(),
        digest,
        source: one_line(&source),
    };
    let Some(image) = Image::read(&service.image) else {
        return bound(None, "its name is none that a registry knows".into());
    };
    if let Some(digest) = image.digest {
        return bound(Some(digest), "the image's own name".into());
    }
    let progress = Progress::default();
    let login = login::of(&image.registry).await;
    match fetch::within(LIMIT, &progress, digest(client, &image, login.as_ref(), &progress)).await {
        Ok(digest) => bound(Some(digest), format!("the registry {}", image.registry)),
        Err(trouble) => bound(None, format!("the registry {} does not tell: {}", image.registry, trouble.words())),
    }
}

/// Returns what is bound to its tags alone.
pub(super) fn unbound(subject: &Subject, why: &str) -> Vec<Bound> {
    let bound =
        |one: &SubjectService| Bound { service: one.service.clone(), image: one.image.clone(), digest: None, source: why.to_owned() };
    subject.services.iter().map(bound).collect()
}

async fn digest(client: &Client, image: &Image, login: Option<&Login>, progress: &Progress) -> Result<String, Trouble> {
    let mut last = Trouble::NoAnswer(format!("no answer within {}", length(LIMIT)));
    for scheme in image.schemes() {
        let time = if image.schemes().len() > 1 { FIRST_TRY } else { LIMIT };
        let address = format!("{scheme}://{}/v2/{}/manifests/{}", image.host(), image.name, image.tag);
        let Ok(url) = Url::parse(&address) else { return Err(Trouble::NoAnswer("its address cannot be read".into())) };
        // A login is not told in clear to another machine.
        let login = login.filter(|_| *scheme == "https" || image.is_here());
        match fetch::within(time, progress, told(client, image, url, login, progress)).await {
            Ok(digest) => return Ok(digest),
            Err(trouble @ Trouble::Astray(_)) => return Err(trouble),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

/// Asks for the head of a manifest; where the registry wants to know who asks, once more with what it wants.
async fn told(client: &Client, image: &Image, url: Url, login: Option<&Login>, progress: &Progress) -> Result<String, Trouble> {
    let mut response = manifest(client, Method::HEAD, &url, None, progress).await?;
    let mut authorization = None;
    if response.status() == StatusCode::UNAUTHORIZED {
        authorization = authorized(client, image, &response, login, progress).await?;
        response = manifest(client, Method::HEAD, &url, authorization.as_ref(), progress).await?;
    }
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Err(Trouble::Astray(format!("there is no {}:{}", image.name, image.tag))),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let who =
                if login.is_some() { "the login of docker's file is not enough" } else { "it wants a login, and docker's file has none" };
            return Err(Trouble::Astray(format!("{} ({who})", response.status().as_u16())));
        }
        status => return Err(Trouble::Astray(format!("it answers {}", status.as_u16()))),
    }
    if let Some(told) = response.headers().get("docker-content-digest") {
        return told
            .to_str()
            .ok()
            .filter(|digest| image::is_digest(digest))
            .map(str::to_owned)
            .ok_or_else(|| Trouble::Astray("what it gives is no digest".into()));
    }
    // The header is not required; the digest is that of the bytes.
    let response = manifest(client, Method::GET, &url, authorization.as_ref(), progress).await?;
    if response.status() != StatusCode::OK {
        return Err(Trouble::Astray(format!("it answers {}", response.status().as_u16())));
    }
    let body = fetch::body(response, 4 * BODY_AT_MOST, progress).await?;
    let hash = ring::digest::digest(&ring::digest::SHA256, &body);
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

async fn manifest(
    client: &Client,
    method: Method,
    url: &Url,
    authorization: Option<&HeaderValue>,
    progress: &Progress,
) -> Result<Response, Trouble> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MANIFESTS))]);
    let secret = authorization.map(|value| HeaderMap::from_iter([(AUTHORIZATION, value.clone())])).unwrap_or_default();
    let request = Request { method, url: url.clone(), headers, secret, body: None, wanted: None };
    Ok(fetch::ask(client, request, progress).await?.response)
}

/// A token service's answer: the same under two names, and some give both.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Returns what the registry's challenge asks for: a token, or the login itself.
async fn authorized(
    client: &Client,
    image: &Image,
    refused: &Response,
    login: Option<&Login>,
    progress: &Progress,
) -> Result<Option<HeaderValue>, Trouble> {
    let challenges: Vec<&str> = refused.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|one| one.to_str().ok()).collect();
    let Some(bearer) = challenges.iter().find_map(|one| challenge(one)) else {
        return Ok(login.map(|login| login.header.clone()));
    };
    let realm = Url::parse(&bearer.realm).ok().filter(|realm| matches!(realm.scheme(), "http" | "https"));
    let Some(mut realm) = realm else { return Err(Trouble::Astray("its token service has no address".into())) };
    if let Some(service) = &bearer.service {
        realm.query_pairs_mut().append_pair("service", service);
    }
    let scope = bearer.scope.unwrap_or_else(|| format!("repository:{}:pull", image.name));
    realm.query_pairs_mut().append_pair("scope", &scope);
    let safe = realm.scheme() == "https" || image::is_here(realm.host_str().unwrap_or_default());
    let secret = login.filter(|_| safe).map(|login| HeaderMap::from_iter([(AUTHORIZATION, login.header.clone())])).unwrap_or_default();
    let request = Request { method: Method::GET, url: realm, headers: HeaderMap::new(), secret, body: None, wanted: None };
    let answer = fetch::ask(client, request, progress).await?;
    let status = answer.response.status();
    if status != StatusCode::OK {
        return Err(Trouble::Astray(format!("its token service answers {}", status.as_u16())));
    }
    let body = fetch::body(answer.response, BODY_AT_MOST, progress).await?;
    let token = serde_json::from_slice::<Token>(&body).ok().and_then(|answer| answer.token.or(answer.access_token));
    let header = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
    let Some(mut header) = header else { return Err(Trouble::Astray("its token service gives no token".into())) };
    header.set_sensitive(true);
    Ok(Some(header))
}

/// Where a token is to be had.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

/// Reads `Bearer realm="…",service="…",scope="…"`; none for another scheme.
fn challenge(text: &str) -> Option<Challenge> {
    let (scheme, mut rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut scope) = (None, None, None);
    while let Some((name, value)) = rest.split_once('=') {
        // A quoted value may hold commas: `repository:team/app:pull,push`.
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(',').map_or((value, ""), |(value, after)| (value, after)),
        };
        match name.trim_matches([' ', ',']).to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value.to_owned()),
            "service" => service = Some(value.to_owned()),
            "scope" => scope = Some(value.to_owned()),
            _ => {}
        }
        rest = after;
    }
    Some(Challenge { realm: realm?, service, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_in_its_spellings() {
        let full =
            challenge(r#"Bearer realm="https://auth.example.com/token",service="registry",scope="repository:team/app:pull,push""#).unwrap();
        assert_eq!(full.realm, "https://auth.example.com/token");
        assert_eq!((full.service.as_deref(), full.scope.as_deref()), (Some("registry"), Some("repository:team/app:pull,push")));
        let bare = challenge("bearer realm=https://auth.example.com, error=\"x\"").unwrap();
        assert_eq!((bare.realm.as_str(), bare.service), ("https://auth.example.com", None));
        for other in [r#"Basic realm="x""#, "Bearer", "Bearer service=\"x\"", "Bearer realm=\"cut"] {
            assert_eq!(challenge(other), None, "{other}");
        }
    }
}
