//! Raw requests to the API server: paths, one call with its own time limit, and whether a lost one had left.
//!
//! Objects stay `serde_json::Value`: a typed PUT or patch drops the fields that the compiled types do not know.

use std::error::Error as StdError;
use std::time::Duration;

use http::{Method, header};
use kube::client::Body;
use serde_json::Value;

use crate::domain::change::{ChangeError, Request};
use crate::domain::verb::Refusal;

/// A write that has no answer by then is in doubt.
pub const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A read before a write must not keep the dialog waiting for longer.
pub const READ_LIMIT: Duration = Duration::from_secs(8);

/// The kinds that a change reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    ControllerRevision,
    Service,
    Pod,
    Rollout,
    AnalysisRun,
    Experiment,
    /// Flagger's.
    Canary,
    HttpRoute,
    Lease,
    ConfigMap,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::ControllerRevision,
        Self::Service,
        Self::Pod,
        Self::Rollout,
        Self::AnalysisRun,
        Self::Experiment,
        Self::Canary,
        Self::HttpRoute,
        Self::Lease,
        Self::ConfigMap,
    ];

    /// Returns the kind as the API spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::ControllerRevision => "ControllerRevision",
            Self::Service => "Service",
            Self::Pod => "Pod",
            Self::Rollout => "Rollout",
            Self::AnalysisRun => "AnalysisRun",
            Self::Experiment => "Experiment",
            Self::Canary => "Canary",
            Self::HttpRoute => "HTTPRoute",
            Self::Lease => "Lease",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// Returns the kind of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Returns `apps/v1` or `v1`.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Service | Self::Pod | Self::ConfigMap => "v1",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet | Self::ControllerRevision => "apps/v1",
            Self::Rollout | Self::AnalysisRun | Self::Experiment => "argoproj.io/v1alpha1",
            Self::Canary => "flagger.app/v1beta1",
            Self::HttpRoute => "gateway.networking.k8s.io/v1",
            Self::Lease => "coordination.k8s.io/v1",
        }
    }

    /// Returns the resource's name in paths and rights.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::ReplicaSet => "replicasets",
            Self::ControllerRevision => "controllerrevisions",
            Self::Service => "services",
            Self::Pod => "pods",
            Self::Rollout => "rollouts",
            Self::AnalysisRun => "analysisruns",
            Self::Experiment => "experiments",
            Self::Canary => "canaries",
            Self::HttpRoute => "httproutes",
            Self::Lease => "leases",
            Self::ConfigMap => "configmaps",
        }
    }

    /// Returns the path of one object.
    pub fn path(self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), escaped(name))
    }

    /// Returns the path of the objects that match a label selector.
    pub fn selected(self, namespace: &str, selector: &str) -> String {
        format!("{}?labelSelector={}", self.collection(namespace), escaped(selector))
    }

    /// Returns the path of all objects of a namespace.
    pub fn collection(self, namespace: &str) -> String {
        let root = if self.api_version() == "v1" { "api" } else { "apis" };
        format!("/{root}/{}/namespaces/{}/{}", self.api_version(), escaped(namespace), self.plural())
    }
}

/// Escapes what may not stand in a path segment or a query value, so that a name can never become a path.
pub fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// The body; a text that is not JSON as a JSON string.
    pub body: Value,
}

impl Reply {
    /// Returns whether the server did as asked.
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the server's own words.
    pub fn message(&self) -> String {
        self.body.get("message").and_then(Value::as_str).or_else(|| self.body.as_str()).unwrap_or("no reason given").trim().to_owned()
    }

    /// Returns the object's version after the request.
    pub fn version(&self) -> String {
        match (self.body.pointer("/metadata/generation"), self.body.pointer("/metadata/resourceVersion").and_then(Value::as_str)) {
            (Some(generation), _) => format!("generation {generation}"),
            (None, Some(version)) => format!("version {version}"),
            (None, None) => String::new(),
        }
    }
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The request did not leave.
    Before(String),
    /// It left, or may have.
    After(String),
}

impl Lost {
    /// Returns it as the error of a read or a rehearsal, which change nothing whether they arrived or not.
    pub fn harmless(self) -> ChangeError {
        let (Self::Before(why) | Self::After(why)) = self;
        ChangeError::NotSent(why)
    }

    /// Returns it as the error of a write.
    pub fn of_write(self) -> ChangeError {
        match self {
            Self::Before(why) => ChangeError::NotSent(why),
            Self::After(why) => ChangeError::InDoubt(why),
        }
    }
}

/// Sends a request as it is shown, once; `dry` lets the server only play it through.
pub async fn send(client: &kube::Client, request: &Request, dry: bool) -> Result<Reply, Lost> {
    let path = match (dry, request.path.contains('?')) {
        (false, _) => request.path.clone(),
        (true, true) => format!("{}&dryRun=All", request.path),
        (true, false) => format!("{}?dryRun=All", request.path),
    };
    let limit = if dry { READ_LIMIT } else { WRITE_LIMIT };
    call(client, &request.method, &path, Some((&request.content_type, &request.body)), limit).await
}

/// Reads one object or list.
///
/// # Errors
///
/// [`Refusal::Absent`] on 404; the server's words on any other refusal; `NotSent` where no answer came.
pub async fn get(client: &kube::Client, path: &str) -> Result<Value, ChangeError> {
    let reply = call(client, "GET", path, None, READ_LIMIT).await.map_err(Lost::harmless)?;
    match reply.status {
        404 => Err(Refusal::Absent.into()),
        _ if reply.accepted() => Ok(reply.body),
        status => Err(ChangeError::Rejected { status, message: reply.message() }),
    }
}

/// Sends any request once, within a limit.
pub async fn call(client: &kube::Client, method: &str, path: &str, body: Option<(&str, &str)>, limit: Duration) -> Result<Reply, Lost> {
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| Lost::Before(error.to_string()))?;
    let builder = http::Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
    let request = match body {
        Some((content_type, body)) => builder.header(header::CONTENT_TYPE, content_type).body(Body::from(body.as_bytes().to_vec())),
        None => builder.body(Body::empty()),
    };
    let request = request.map_err(|error| Lost::Before(error.to_string()))?;
    let exchange = async {
        let response = client.send(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Ok::<_, kube::Error>(Reply { status, body })
    };
    match tokio::time::timeout(limit, exchange).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) if never_left(&error) => Err(Lost::Before(innermost(&error))),
        Ok(Err(error)) => Err(Lost::After(innermost(&error))),
        Err(_) => Err(Lost::After(format!("nothing within {} s", limit.as_secs()))),
    }
}

/// A connection that was never made carries nothing. hyper-util's error type is not in our reach: its word for this stage
/// is `client error (Connect)`; the system's is a refused connection.
fn never_left(error: &kube::Error) -> bool {
    if matches!(error, kube::Error::Auth(_) | kube::Error::HttpError(_) | kube::Error::BuildRequest(_) | kube::Error::TlsRequired) {
        return true;
    }
    chain(error).into_iter().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
            || cause.to_string().starts_with("client error (Connect)")
    })
}

fn innermost(error: &kube::Error) -> String {
    chain(error).last().map_or_else(|| error.to_string(), |cause| (*cause).to_string())
}

/// An error and all that it came from, outermost first.
fn chain(error: &kube::Error) -> Vec<&(dyn StdError + 'static)> {
    let mut all = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        all.push(cause);
        next = cause.source();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_becomes_a_path_or_a_query() {
        assert_eq!(Kind::Deployment.path("booking", "web"), "/apis/apps/v1/namespaces/booking/deployments/web");
        assert_eq!(Kind::Service.path("a/../b", "x?dryRun=All"), "/api/v1/namespaces/a%2F..%2Fb/services/x%3FdryRun%3DAll");
        assert_eq!(Kind::Pod.selected("n", "app=web,color=blue"), "/api/v1/namespaces/n/pods?labelSelector=app%3Dweb%2Ccolor%3Dblue");
    }

    #[test]
    fn a_lost_read_changed_nothing_and_a_lost_write_may_have() {
        assert_eq!(Lost::After("cut".into()).harmless(), ChangeError::NotSent("cut".into()));
        assert_eq!(Lost::After("cut".into()).of_write(), ChangeError::InDoubt("cut".into()));
        assert_eq!(Lost::Before("refused".into()).of_write(), ChangeError::NotSent("refused".into()));
    }
}
