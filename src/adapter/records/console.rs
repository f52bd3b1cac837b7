//! Which consoles are alive: each holds a lock on a file of its own, and the system lets go of it however one ends.
//! A process number alone would not tell, for numbers come back.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::RecordsError;
use super::file::make;

const FOLDER: &str = "consoles";
const ENDING: &str = ".lock";

/// This console's lock. Others take it for ended when this is dropped.
#[derive(Debug)]
pub(super) struct Presence {
    /// Kept open: the lock is the file's.
    _held: File,
    path: PathBuf,
}

impl Drop for Presence {
    fn drop(&mut self) {
        // One that stays is removed by the next console that starts.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes this console's lock and returns it with the names of the others that are alive.
pub(super) fn announce(directory: &Path, console: &str) -> Result<(Presence, Vec<String>), RecordsError> {
    let folder = directory.join(FOLDER);
    make(&folder)?;
    let path = folder.join(format!("{}{ENDING}", console.replace('/', "_")));
    let live = others(&folder, &path)?;
    // A console that starts at the same time may remove the file between making and locking it.
    for _ in 0..10 {
        let failed = |source| RecordsError::Open { path: path.clone(), source };
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
        let ours =
            file.try_lock().is_ok() && fs::metadata(&path).is_ok_and(|found| file.metadata().is_ok_and(|it| it.ino() == found.ino()));
        if ours {
            return Ok((Presence { _held: file, path }, live));
        }
    }
    Err(RecordsError::Busy { path })
}

/// Returns who is alive, and removes what the others left.
fn others(folder: &Path, own: &Path) -> Result<Vec<String>, RecordsError> {
    let failed = |source| RecordsError::Read { path: folder.to_owned(), source };
    let mut live = Vec::new();
    for found in fs::read_dir(folder).map_err(failed)? {
        let path = found.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ENDING)) else { continue };
        if path == own {
            continue;
        }
        // One that has gone meanwhile has ended.
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => live.push(name.to_owned()),
            Err(TryLockError::Error(source)) => return Err(RecordsError::Lock { path, source }),
            Ok(()) => {
                let _ = fs::remove_file(&path);
            }
        }
    }
    live.sort();
    Ok(live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_alive_as_long_as_it_holds_its_lock() {
        let home = tempfile::tempdir().unwrap();
        let (first, live) = announce(home.path(), "host:1").unwrap();
        assert_eq!(live, Vec::<String>::new());
        let (second, live) = announce(home.path(), "host:2").unwrap();
        assert_eq!(live, ["host:1"]);
        drop(first);
        let (_third, live) = announce(home.path(), "host:3").unwrap();
        assert_eq!(live, ["host:2"]);
        drop(second);
    }

    #[test]
    fn a_killed_console_leaves_a_file_and_is_not_alive() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("consoles")).unwrap();
        let left = home.path().join("consoles/host:7.lock");
        fs::write(&left, "").unwrap();
        let (_here, live) = announce(home.path(), "host:8").unwrap();
        assert_eq!(live, Vec::<String>::new());
        assert!(!left.exists());
    }

    #[test]
    fn a_number_that_came_back_is_taken_anew() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("consoles")).unwrap();
        fs::write(home.path().join("consoles/host:8.lock"), "").unwrap();
        let (_here, live) = announce(home.path(), "host:8").unwrap();
        assert_eq!(live, Vec::<String>::new());
    }
}
