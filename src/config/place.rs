//! Where the user's files are: the configuration directory and the state directory.

use std::ffi::OsString;
use std::path::PathBuf;

use directories::ProjectDirs;

/// Returns the directory of the user's plan, settings, key map and themes: `ROLLDECK_CONFIG_DIR`, else the system's
/// (`~/.config/rolldeck` on Linux). None where the user has no home.
pub fn config_dir() -> Option<PathBuf> {
    given(std::env::var_os("ROLLDECK_CONFIG_DIR")).or_else(|| Some(project()?.config_dir().to_owned()))
}

/// Returns the directory of the journal and the log: `ROLLDECK_STATE_DIR`, else the system's (`~/.local/state/rolldeck`
/// on Linux; the local data directory where the system has no word for state).
pub fn state_dir() -> Option<PathBuf> {
    given(std::env::var_os("ROLLDECK_STATE_DIR")).or_else(|| {
        let project = project()?;
        Some(project.state_dir().unwrap_or_else(|| project.data_local_dir()).to_owned())
    })
}

/// An empty variable counts as none, as the XDG specification has it.
fn given(variable: Option<OsString>) -> Option<PathBuf> {
    variable.filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn project() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "rolldeck")
}

#[cfg(test)]
mod tests {
    use super::given;

    #[test]
    fn an_empty_variable_counts_as_none() {
        assert_eq!(given(Some("".into())), None);
        assert_eq!(given(Some("/x".into())), Some("/x".into()));
    }
}
