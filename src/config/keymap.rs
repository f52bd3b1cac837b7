//! The rows of the key map: `[mode] "key" = "action"`, the embedded ones first and the user's over them. What a mode, a key
//! or an action may be is the console's to say; here each row only knows where it stands.

use std::path::Path;

use super::document;
use super::error::{ConfigError, ConfigErrors};
use super::position::{Position, Source};

/// The keys as they are shipped.
pub const EMBEDDED: &str = include_str!("../../config/keymap.toml");

/// One binding as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    pub mode: String,
    pub keys: String,
    /// The action's name; `none` takes a binding away.
    pub action: String,
    pub at: Position,
    /// False for the user's own.
    pub embedded: bool,
}

/// Reads the embedded rows, then those of the user's file.
///
/// # Errors
///
/// What is no table of strings, and every error of syntax.
pub fn rows(user: Option<(&Path, &str)>) -> Result<Vec<KeyRow>, ConfigErrors> {
    let user = user.map(|(path, text)| Source::new(path.display().to_string(), text));
    layered(user.as_ref())
}

/// Reads the rows with those of a configuration directory. A directory without the file has the embedded ones.
///
/// # Errors
///
/// As [`rows`], and where the file cannot be read.
pub fn load(config_dir: Option<&Path>) -> Result<Vec<KeyRow>, ConfigErrors> {
    layered(super::user_file(config_dir, "keymap.toml")?.as_ref())
}

fn layered(user: Option<&Source>) -> Result<Vec<KeyRow>, ConfigErrors> {
    let mut errors = Vec::new();
    let mut rows = read(&Source::new("config/keymap.toml", EMBEDDED), true, &mut errors);
    if let Some(user) = user {
        rows.extend(read(user, false, &mut errors));
    }
    ConfigErrors(errors).or(Some(rows))
}

fn read(source: &Source, embedded: bool, errors: &mut Vec<ConfigError>) -> Vec<KeyRow> {
    let Some(table) = document::parse(source, errors) else { return Vec::new() };
    let mut rows = Vec::new();
    for (mode, value) in table.get_ref() {
        let Some(bindings) = value.get_ref().as_table() else {
            let error = ConfigError::new(source.at(mode.span()), format!("`{}` stands in no mode", mode.get_ref()));
            errors.push(error.label("write it below a header, as [global]"));
            continue;
        };
        for (keys, action) in bindings {
            let Some(name) = action.get_ref().as_str() else {
                let error = ConfigError::new(source.at(action.span()), format!("`{}` is bound to no action", keys.get_ref()));
                errors.push(error.label("write the action's name in quotes, \"none\" to unbind"));
                continue;
            };
            let start = keys.span().start;
            let row = KeyRow {
                mode: mode.get_ref().to_string(),
                keys: keys.get_ref().to_string(),
                action: name.to_owned(),
                at: source.at(start..action.span().end),
                embedded,
            };
            rows.push((start, row));
        }
    }
    // Tables are sorted by key; the order of the file is the order of the help.
    rows.sort_by_key(|(start, _)| *start);
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_rows_follow_the_embedded_ones_with_their_place() {
        let text = "[deck]\n\"x\" = \"quit\"\n  \"a\" = \"none\"\n";
        let rows = rows(Some((Path::new("keymap.toml"), text))).unwrap();
        assert_eq!((rows[0].mode.as_str(), rows[0].keys.as_str(), rows[0].action.as_str()), ("global", "q", "quit"));
        let [x, a] = &rows[rows.len() - 2..] else { panic!() };
        assert_eq!((x.keys.as_str(), a.keys.as_str(), a.action.as_str(), a.embedded), ("x", "a", "none", false));
        assert_eq!((&*a.at.file, a.at.line, a.at.column, a.at.length), ("keymap.toml", 3, 3, 12));
    }

    #[test]
    fn a_key_outside_of_a_mode_or_without_an_action_is_an_error() {
        let shown = rows(Some((Path::new("k.toml"), "\"q\" = \"quit\"\n[deck]\n\"x\" = 3\n"))).unwrap_err().to_string();
        assert!(shown.contains("k.toml:1:1: `q` stands in no mode"), "{shown}");
        assert!(shown.contains("k.toml:3:7: `x` is bound to no action"), "{shown}");
    }
}
