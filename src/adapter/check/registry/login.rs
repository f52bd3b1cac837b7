//! The logins that `docker login` has left in its file. Read and never written; what a helper program keeps is not asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::header::HeaderValue;
use serde::Deserialize;

/// A file of thousands of logins is smaller.
const AT_MOST: u64 = 1024 * 1024;

/// A login as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub header: HeaderValue,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// `user:password` in base64: just what the header wants. Empty where a helper keeps it.
    #[serde(default)]
    auth: String,
}

/// Returns the login for a registry; none where there is none, or no file that can be read.
pub(super) async fn of(registry: &str) -> Option<Login> {
    let path = path()?;
    let about = tokio::fs::metadata(&path).await.ok().filter(|about| about.is_file() && about.len() <= AT_MOST)?;
    tracing::debug!(bytes = about.len(), "docker's file of logins is read");
    let text = tokio::fs::read_to_string(&path).await.ok()?;
    within(&text, registry)
}

fn path() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
    Some(folder.join("config.json"))
}

fn within(text: &str, registry: &str) -> Option<Login> {
    let file: File = serde_json::from_str(text).ok()?;
    let hub = matches!(registry, "docker.io" | "index.docker.io");
    let is_it = |key: &str| {
        let host = key.trim_start_matches("https://").trim_start_matches("http://").split('/').next().unwrap_or_default();
        host == registry || (hub && matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io"))
    };
    let entry = file.auths.iter().find(|(key, entry)| is_it(key) && !entry.auth.is_empty())?.1;
    let mut header = HeaderValue::try_from(format!("Basic {}", entry.auth)).ok()?;
    header.set_sensitive(true);
    Some(Login { header })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_that_of_the_registry_and_of_no_other() {
        let file = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "aHVi"}, "registry.example.com:5000": {"auth": "b3du"},
                       "kept.example.com": {}}, "credsStore": "desktop"}"#;
        for (registry, want) in [
            ("docker.io", Some("Basic aHVi")),
            ("registry.example.com:5000", Some("Basic b3du")),
            ("registry.example.com", None),
            ("kept.example.com", None),
        ] {
            let login = within(file, registry);
            assert_eq!(login.as_ref().map(|login| login.header.to_str().unwrap()), want, "{registry}");
        }
        assert!(within("no json", "docker.io").is_none());
    }
}
