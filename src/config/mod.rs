//! Configuration: the plan, the settings and the key map, read strictly from embedded defaults and the user's files.
//!
//! One way for every file: [`document`] parses it and compares it with the JSON Schema of its serde structs, so that the
//! keys the loader takes, the keys an error names and the keys an editor completes are the same list. What is wrong is
//! taken out and reported, the rest is read, so one run shows every error with its file, line and column.

pub mod document;
pub mod draft;
pub mod error;
pub mod keymap;
mod mask;
pub mod place;
pub mod plan;
pub mod position;
pub mod settings;
mod similar;
pub mod theme;

use std::path::Path;

pub use error::{ConfigError, ConfigErrors};
pub use position::{Position, Source};

/// Reads a file of the user's configuration directory; none where there is no directory or no such file.
fn user_file(config_dir: Option<&Path>, name: &str) -> Result<Option<Source>, ConfigErrors> {
    match config_dir.map(|dir| dir.join(name)) {
        // What cannot be looked at is read, so that the reason is told.
        Some(path) if !matches!(path.try_exists(), Ok(false)) => read_file(&path).map(Some),
        _ => Ok(None),
    }
}

/// Reads a configuration file as text.
fn read_file(path: &Path) -> Result<Source, ConfigErrors> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "this is a directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        ConfigError::new(Position::whole(name.as_str()), message)
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let valid = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            let at = Source::new(name, &valid).at(valid.len()..valid.len());
            Err(ConfigError::new(at, "the file is not UTF-8 from here on").into())
        }
    }
}
