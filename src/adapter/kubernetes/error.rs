//! What goes wrong on the way to a cluster, as sentences for a person. They never carry a token, a certificate, a
//! password in a URL, or a body that the server sent.

use kube::config::KubeconfigError;
use kube::runtime::watcher;

/// Why a cluster cannot be reached or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the kubeconfig has no context \"{wanted}\"{}", hint(known))]
    NoContext { wanted: String, known: Vec<String> },
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    #[error("the client could not be made: {0}")]
    Client(String),
    #[error("no namespace \"{0}\" in this cluster")]
    NoNamespace(String),
    #[error("the cluster does not know who you are (401): sign in again")]
    Unauthorized,
    #[error("no right to {verb} {what} in {namespace}")]
    Forbidden { verb: &'static str, what: &'static str, namespace: String },
    #[error("the cluster does not serve {0}")]
    NotServed(String),
    #[error("{0}")]
    Lost(String),
    #[error("no answer within {0} s")]
    Timeout(u64),
}

impl Error {
    /// Returns whether waiting does not mend it.
    pub fn permanent(&self) -> bool {
        !matches!(self, Self::Lost(_) | Self::Timeout(_))
    }
}

fn hint(known: &[String]) -> String {
    if known.is_empty() { "; it has none".to_owned() } else { format!("; it has {}", known.join(", ")) }
}

/// Words a kubeconfig's error without its contents: the parser quotes the offending lines, which may hold a token.
pub fn of_kubeconfig(error: &KubeconfigError) -> Error {
    let what = match error {
        KubeconfigError::Parse(_) => "it is not valid YAML of the expected shape".to_owned(),
        KubeconfigError::ReadConfig(source, path) => format!("{}: {source}", path.display()),
        KubeconfigError::LoadCertificateAuthority(_) => "its certificate authority cannot be read".to_owned(),
        KubeconfigError::LoadClientCertificate(_) => "its client certificate cannot be read".to_owned(),
        KubeconfigError::LoadClientKey(_) => "its client key cannot be read".to_owned(),
        KubeconfigError::ParseCertificates(_) => "its certificates are not valid PEM".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => "the cluster's URL is not valid".to_owned(),
        KubeconfigError::ParseProxyUrl(_) => "the proxy's URL is not valid".to_owned(),
        other => other.to_string(),
    };
    Error::Kubeconfig(what)
}

/// Words a failed request. Of what the server answered only its message is kept, which it writes for people.
pub fn of_request(error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.code == 401 => Error::Unauthorized,
        kube::Error::Api(status) => Error::Lost(format!("the API server answered {}: {}", status.code, first_line(&status.message))),
        kube::Error::Auth(_) => {
            Error::Client("the kubeconfig's credentials could not be obtained; run its sign-in command outside".to_owned())
        }
        kube::Error::SerdeError(_) => Error::Lost("the API server's answer is not understood".to_owned()),
        other => Error::Lost(transport(other)),
    }
}

/// Returns the HTTP status that a watch failed with.
pub fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            Some(status.code)
        }
        watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// The innermost cause says it best: `Connection refused`, and not that a service was not ready.
fn transport(error: &kube::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let text = first_line(&text);
    let text = text.split(" (os error").next().unwrap_or(text);
    if text.is_empty() { "the connection broke".to_owned() } else { format!("no connection: {}", lowercase(text)) }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn lowercase(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
