//! Reads a value that the plan names by reference, when it is needed. It goes into a request and into no text.

use std::path::Path;

use crate::domain::release::checklist::Secret;

/// A token or a password is shorter by far.
const AT_MOST: u64 = 64 * 1024;

/// Returns the value. `folder` is what a relative path is relative to.
///
/// # Errors
///
/// It cannot be had: why, in a sentence.
pub(super) async fn read(secret: &Secret, folder: &Path) -> Result<String, String> {
    match secret {
        Secret::Plain(text) => Ok(text.clone()),
        Secret::Variable(name) => match std::env::var(name) {
            Ok(value) if value.is_empty() => Err(format!("the variable {name} is empty")),
            Ok(value) => Ok(value),
            Err(std::env::VarError::NotPresent) => Err(format!("the variable {name} is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the variable {name} is no text")),
        },
        Secret::File(path) => {
            let path = folder.join(path);
            let shown = path.display();
            // A pipe or a device would be read for ever.
            let about = tokio::fs::metadata(&path).await.map_err(|error| format!("{shown}: {error}"))?;
            if !about.is_file() || about.len() > AT_MOST {
                return Err(format!("{shown} is no file of a secret's size"));
            }
            let text = tokio::fs::read_to_string(&path).await.map_err(|error| format!("{shown}: {error}"))?;
            match text.trim() {
                "" => Err(format!("{shown} is empty")),
                value => Ok(value.to_owned()),
            }
        }
    }
}
