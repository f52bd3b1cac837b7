//! Reads what the plan only names, at the moment it is sent, and knows afterwards what must not be said.

use crate::domain::redact::{MARK, redact};
use crate::domain::release::checklist::Secret;

/// The longest secret that is read: a file named by mistake is not.
const LONGEST: u64 = 64 * 1024;

/// The secrets of one try.
#[derive(Default)]
pub(super) struct Secrets {
    values: Vec<String>,
}

impl Secrets {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// Which variable or file it is that cannot be read.
    pub(super) async fn read(&mut self, secret: &Secret) -> Result<String, String> {
        let value = match secret {
            Secret::Plain(value) => value.clone(),
            Secret::Variable(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => value,
                Ok(_) => return Err(format!("the variable {name} is empty")),
                Err(std::env::VarError::NotPresent) => return Err(format!("the variable {name} is not set")),
                Err(std::env::VarError::NotUnicode(_)) => return Err(format!("the variable {name} is not text")),
            },
            Secret::File(path) => file(path).await?,
        };
        if !self.values.contains(&value) {
            self.values.push(value.clone());
        }
        Ok(value)
    }

    /// Takes every secret out of a sentence, also where only a part of a URL is said.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for value in self.values.iter().filter(|value| !value.is_empty()) {
            clean = clean.replace(value.as_str(), MARK);
            // A webhook's address is itself the secret: its path and query are.
            if let Ok(url) = reqwest::Url::parse(value) {
                for part in [Some(url.path()), url.query()].into_iter().flatten().filter(|part| part.len() > 3) {
                    clean = clean.replace(part, MARK);
                }
            }
        }
        redact(&clean).into_owned()
    }
}

async fn file(path: &str) -> Result<String, String> {
    use tokio::io::AsyncReadExt as _;
    let unreadable = |error: std::io::Error| format!("the file {path} cannot be read: {}", error.kind());
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).await.map_err(unreadable)?;
    // An editor ends a file with a newline, and no secret ends with one.
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(format!("the file {path} is empty")) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_read_without_its_newline_and_never_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook");
        std::fs::write(&path, "https://chat.example/services/T1/B2/x9x9\n").unwrap();
        let mut secrets = Secrets::default();
        let url = secrets.read(&Secret::File(path.display().to_string())).await.unwrap();
        assert_eq!(url, "https://chat.example/services/T1/B2/x9x9");
        for text in ["to https://chat.example/services/T1/B2/x9x9 failed", "no route /services/T1/B2/x9x9"] {
            let said = secrets.clean(text);
            assert!(!said.contains("x9x9") && said.contains(MARK), "{said}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        for (secret, said) in [
            (Secret::Variable("ROLLDECK_TEST_NOBODY_SETS_THIS".into()), "the variable ROLLDECK_TEST_NOBODY_SETS_THIS is not set"),
            (Secret::File("/nowhere/at/all".into()), "the file /nowhere/at/all cannot be read"),
            (Secret::File(empty.display().to_string()), "is empty"),
        ] {
            let why = Secrets::default().read(&secret).await.unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }
}
