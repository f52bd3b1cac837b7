//! From a kubeconfig context to a client, and whom the cluster takes us for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;
use serde_json::json;

use super::error::{self, Error};

/// How long one call that is no watch may take.
pub const CALL: Duration = Duration::from_secs(10);

/// A client, and the user as the kubeconfig names it.
#[expect(missing_debug_implementations, reason = "a kube client has none")]
pub struct Connected {
    pub client: Client,
    pub user: Option<String>,
}

/// Makes the client of a context; none means the current one, in a cluster the pod's own.
pub async fn connect(context: Option<String>, path: Option<PathBuf>) -> Result<Connected, Error> {
    let (config, user) = load(context, path.as_deref()).await?;
    // An exec plugin runs synchronously in here.
    let made = tokio::task::spawn_blocking(move || Client::try_from(config));
    let made = tokio::time::timeout(Duration::from_secs(30), made).await.map_err(|_| Error::Timeout(30))?;
    let client = made.map_err(|_| Error::Client("its task ended".to_owned()))?.map_err(|error| match error::of_request(&error) {
        Error::Lost(why) => Error::Client(why),
        other => other,
    })?;
    Ok(Connected { client, user })
}

async fn load(context: Option<String>, path: Option<&Path>) -> Result<(Config, Option<String>), Error> {
    let owned = path.map(Path::to_path_buf);
    let read = tokio::task::spawn_blocking(move || owned.map_or_else(Kubeconfig::read, Kubeconfig::read_from));
    let kubeconfig = match read.await.map_err(|_| Error::Kubeconfig("its reader ended".to_owned()))? {
        Ok(kubeconfig) => kubeconfig,
        // Without any kubeconfig this may be a pod.
        Err(missing) if path.is_none() && context.is_none() => {
            return Config::incluster().map(|config| (harden(config), None)).map_err(|_| error::of_kubeconfig(&missing));
        }
        Err(error) => return Err(error::of_kubeconfig(&error)),
    };
    let wanted = context.clone().or_else(|| kubeconfig.current_context.clone());
    let known: Vec<String> = kubeconfig.contexts.iter().map(|named| named.name.clone()).collect();
    let Some(wanted) = wanted else { return Err(Error::Kubeconfig("it has no current context; name one in the plan".to_owned())) };
    let found = kubeconfig.contexts.iter().find(|named| named.name == wanted).and_then(|named| named.context.as_ref());
    let Some(found) = found else { return Err(Error::NoContext { wanted, known }) };
    let user = found.user.clone();
    let options = KubeConfigOptions { context: Some(wanted), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| error::of_kubeconfig(&error))?;
    Ok((harden(config), user))
}

fn harden(mut config: Config) -> Config {
    // On by default, for every method: a write must never be sent twice by itself (crates.md, 5.1).
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    if let Some(exec) = &mut config.auth_info.exec {
        // A plugin that prompts would write over the screen and eat keys.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    config
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
}

/// Returns whom the server takes us for. The review is served since 1.28, as beta since 1.27; none where it is not.
pub async fn identity(client: &Client) -> Option<String> {
    for version in ["v1", "v1beta1"] {
        let body = json!({"apiVersion": format!("authentication.k8s.io/{version}"), "kind": "SelfSubjectReview"});
        let request = http::Request::post(format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .ok()?;
        match tokio::time::timeout(CALL, client.request::<Review>(request)).await {
            Ok(Ok(review)) if !review.status.user_info.username.is_empty() => return Some(review.status.user_info.username),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Which form of endpoints the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointsForm {
    /// discovery.k8s.io of this version: `v1` since 1.21, before it `v1beta1`.
    Slices(&'static str),
    Endpoints,
}

/// Asks the server once for the groups that it serves.
pub async fn endpoints_form(client: &Client) -> Result<EndpointsForm, Error> {
    let groups = tokio::time::timeout(CALL, client.list_api_groups()).await.map_err(|_| Error::Timeout(CALL.as_secs()))?;
    let groups = match groups {
        Ok(groups) => groups,
        // Discovery may be closed to the user; the form of every server that is still supported is the best guess.
        Err(kube::Error::Api(status)) if status.code == 403 => return Ok(EndpointsForm::Slices("v1")),
        Err(error) => return Err(error::of_request(&error)),
    };
    let discovery = groups.groups.iter().find(|group| group.name == "discovery.k8s.io");
    let serves = |version: &str| discovery.is_some_and(|group| group.versions.iter().any(|served| served.version == version));
    Ok(match () {
        () if serves("v1") => EndpointsForm::Slices("v1"),
        () if serves("v1beta1") => EndpointsForm::Slices("v1beta1"),
        () => EndpointsForm::Endpoints,
    })
}

/// Returns whether a namespace is there. Whoever may not ask is told yes.
pub async fn has_namespace(client: &Client, name: &str) -> Result<bool, Error> {
    let request =
        http::Request::get(format!("/api/v1/namespaces/{name}")).body(Vec::new()).map_err(|error| Error::Client(error.to_string()))?;
    match tokio::time::timeout(CALL, client.request::<serde::de::IgnoredAny>(request)).await {
        Err(_) => Err(Error::Timeout(CALL.as_secs())),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(false),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Ok(true),
        Ok(Err(error)) => Err(error::of_request(&error)),
        Ok(Ok(_)) => Ok(true),
    }
}
