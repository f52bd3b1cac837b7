//! `rolldeck keys`: prints the key map that holds, and reads it for the console.

use super::{Failure, output};
use crate::app::keymap::{KeyRow, Keymap};
use crate::config::{ConfigError, ConfigErrors, keymap, place};

pub(super) fn run() -> Result<(), Failure> {
    let keymap = keymap()?;
    let table = keymap.table();
    let width = table.iter().map(|(_, keys, ..)| keys.chars().count()).max().unwrap_or(0);
    let mut last = None;
    for (group, keys, name, doc) in table {
        if last.replace(group) != Some(group) {
            output::line(format!("\n{}", group.title()));
        }
        output::line(format!("  {keys:width$}  {name:18}  {doc}"));
    }
    Ok(())
}

/// Builds the key map of the embedded rows and the user's own; what the console does not know is shown where it stands.
pub(super) fn keymap() -> Result<Keymap, Failure> {
    let rows = keymap::load(place::config_dir().as_deref())?;
    let borrowed = rows.iter().map(|row| KeyRow { mode: &row.mode, key: &row.keys, action: &row.action, embedded: row.embedded });
    Keymap::new(borrowed).map_err(|problems| {
        let errors = problems.into_iter().filter_map(|problem| {
            let at = rows.get(problem.row)?.at.clone();
            Some(ConfigError::new(at, problem.message).meant(problem.similar.as_deref()))
        });
        Failure::Config(ConfigErrors(errors.collect()))
    })
}
