//! The files of the records in a shared directory: read, and written anew under a lock. A file is replaced by a rename when
//! all of it is on disk, so that no reader and no power cut ever finds half a line of ours.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::id::{EnvironmentName, ReleaseId};
use crate::domain::release::keeping::{self, Added, Room};
use crate::domain::release::machine;
use crate::domain::release::record::{Entry, FORMAT, Record};
use crate::port::releases::Shelf;

const LOCK: &str = ".rolldeck-releases.lock";
const PREFIX: &str = "rolldeck-release-";
const SUFFIX: &str = ".jsonl";

/// A file longer than this was not written by a console.
const READ: u64 = 16 * 1024 * 1024;

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    product: String,
    environment: EnvironmentName,
}

/// What a file is recognised by without being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

/// A record with its file's stamp.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub id: ReleaseId,
    pub stamp: Stamp,
    /// None: of another plan or environment.
    pub record: Option<Record>,
    sealed: Option<String>,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another console writes at this moment.
    Busy,
    /// It does not fit what is there.
    Refused(String),
    /// The directory does not take it.
    Failed(String),
}

/// One environment's records in a directory.
#[derive(Clone, Debug)]
pub struct Folder {
    pub directory: PathBuf,
    pub shelf: Shelf,
}

impl Kept {
    /// Returns when the release ended, where its record may be let go.
    pub fn ended(&self) -> Option<Timestamp> {
        self.record.as_ref().filter(|_| self.sealed.is_none()).and_then(keeping::ended)
    }
}

impl Folder {
    /// Reads what is otherwise than known; what is not in the second list is gone.
    ///
    /// # Errors
    ///
    /// A sentence: the directory cannot be read.
    pub fn look(&self, known: &BTreeMap<ReleaseId, Stamp>) -> Result<(Vec<Kept>, Vec<(ReleaseId, Stamp)>), String> {
        let failed = |error: &io::Error| said(&self.directory, "cannot be read", error);
        let mut changed = Vec::new();
        let mut there = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)).map(ReleaseId::from) else {
                continue;
            };
            // One that went between the two is gone.
            let Ok(stamp) = fs::metadata(entry.path()).map(|found| Stamp::of(&found)) else { continue };
            if known.get(&id) == Some(&stamp) {
                there.push((id, stamp));
                continue;
            }
            match self.read(&id) {
                Ok(Some(kept)) => {
                    there.push((id, kept.stamp));
                    changed.push(kept);
                }
                Ok(None) => {}
                Err(error) => return Err(said(&entry.path(), "cannot be read", &error)),
            }
        }
        Ok((changed, there))
    }

    /// Finds out whether a file could be made.
    ///
    /// # Errors
    ///
    /// A sentence: why not.
    pub fn probe(&self) -> Result<(), String> {
        let tried = tempfile::tempfile_in(&self.directory).and_then(|mut beside| beside.write_all(b"rolldeck"));
        tried.map_err(|error| said(&self.directory, "cannot be written", &error))
    }

    /// Adds entries, all or none, or keeps a new release; none: they were there already.
    ///
    /// # Errors
    ///
    /// They do not fit, another console writes, or the directory does not take them.
    pub fn add(&self, release: &ReleaseId, entries: &[Entry], create: bool) -> Result<Option<Kept>, Trouble> {
        let path = self.path(release)?;
        let _lock = self.lock()?;
        let kept = self.read(release).map_err(|error| Trouble::Failed(said(&path, "cannot be read", &error)))?;
        let sealed = kept.as_ref().and_then(|kept| kept.sealed.clone());
        let record = match kept {
            Some(Kept { record: None, .. }) => {
                return Err(Trouble::Refused(format!("{} is of another plan or environment", path.display())));
            }
            Some(Kept { record: Some(record), .. }) => {
                let same = entries.iter().all(|entry| record.entries.contains(&entry.clone().cleaned()));
                if create && !same {
                    return Err(Trouble::Refused(format!("there is a release {release} already")));
                }
                record
            }
            None if create => Record::new(release.clone(), Vec::new()),
            None => return Err(Trouble::Refused(format!("its record is gone: there is no {}", path.display()))),
        };
        if let Some(why) = sealed {
            return Err(Trouble::Refused(format!("{}: {why}; nothing is added to it", path.display())));
        }
        let (record, lines) = match keeping::add(&record, entries, Room::FILE).map_err(Trouble::Refused)? {
            Added::Already => return Ok(None),
            Added::Grown { record, lines } => (*record, lines),
        };
        let header = Header { format: record.format, product: self.shelf.product.clone(), environment: self.shelf.environment.clone() };
        let header = serde_json::to_string(&header).map_err(|error| Trouble::Failed(error.to_string()))?;
        let stamp = self
            .replace(&path, release, &format!("{header}\n{lines}"))
            .map_err(|error| Trouble::Failed(said(&path, "cannot be written", &error)))?;
        Ok(Some(Kept { id: release.clone(), stamp, record: Some(record), sealed: None }))
    }

    /// Removes a record that was not written since it was seen; returns whether it did.
    ///
    /// # Errors
    ///
    /// Another console writes, or the directory does not let it go.
    pub fn remove(&self, release: &ReleaseId, stamp: Stamp) -> Result<bool, Trouble> {
        let path = self.path(release)?;
        let _lock = self.lock()?;
        match fs::metadata(&path) {
            Ok(found) if Stamp::of(&found) == stamp => {
                fs::remove_file(&path).map(|()| true).map_err(|error| Trouble::Failed(said(&path, "cannot be removed", &error)))
            }
            _ => Ok(false),
        }
    }

    fn path(&self, release: &ReleaseId) -> Result<PathBuf, Trouble> {
        if release.as_str().contains(['/', '\0']) {
            return Err(Trouble::Refused(format!("`{release}` is no name for a file")));
        }
        Ok(self.directory.join(format!("{PREFIX}{release}{SUFFIX}")))
    }

    fn read(&self, release: &ReleaseId) -> io::Result<Option<Kept>> {
        let path = self.directory.join(format!("{PREFIX}{release}{SUFFIX}"));
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if found.len() > READ {
            return Err(io::Error::other(format!("it is {} MiB long", found.len() / 1024 / 1024)));
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (record, sealed) = self.parse(release, &String::from_utf8_lossy(&bytes));
        Ok(Some(Kept { id: release.clone(), stamp: Stamp::of(&found), record, sealed }))
    }

    /// Returns the record where it is ours, and why nothing may be added to it.
    fn parse(&self, release: &ReleaseId, text: &str) -> (Option<Record>, Option<String>) {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (header, sealed) = match serde_json::from_str::<Header>(first) {
            Ok(header) => (Some(header), None),
            Err(_) => (None, Some("its first line does not say format, product and environment".to_owned())),
        };
        let format = header.as_ref().map_or(FORMAT, |header| header.format);
        // An empty line in place of the first: problems are told by the file's own line numbers.
        let mut record = Record::parse(release.clone(), format, &format!("\n{rest}"));
        record.problems.extend(sealed.clone());
        let ours = match header {
            Some(header) => header.product == self.shelf.product && header.environment == self.shelf.environment,
            None => machine::fold(&record).is_ok_and(|release| release.brief.environment == self.shelf.environment),
        };
        (ours.then_some(record), sealed)
    }

    fn replace(&self, path: &Path, release: &ReleaseId, text: &str) -> io::Result<Stamp> {
        let beside = self.directory.join(format!(".{PREFIX}{release}.{}.tmp", std::process::id()));
        // Others may read it; to write it they need the right on the directory, as everyone does.
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o664).open(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, path)?;
            // The name is on disk only when the directory is synced too.
            File::open(&self.directory)?.sync_all()?;
            Ok(Stamp::of(&file.metadata()?))
        });
        if written.is_err() {
            // It may not even have been made.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// Locks the directory against other consoles; the lock goes with the file.
    fn lock(&self) -> Result<File, Trouble> {
        let path = self.directory.join(LOCK);
        let failed = |error: &io::Error| Trouble::Failed(said(&path, "cannot be locked", error));
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
                // Everyone who writes here locks it; there is nothing in it.
                made.and_then(|file| file.set_permissions(Permissions::from_mode(0o666)).map(|()| file))
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path),
            opened => opened,
        };
        let file = file.map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Trouble::Busy),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}

impl Stamp {
    fn of(found: &fs::Metadata) -> Self {
        Self { inode: found.ino(), length: found.len(), modified: (found.mtime(), found.mtime_nsec()) }
    }
}

/// Returns a sentence about a path, in the system's words.
fn said(path: &Path, what: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("{} is not there", path.display()),
        _ => format!("{} {what}: {}", path.display(), error.to_string().split(" (os error").next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::policy::Keep;
    use crate::domain::release::record::Body;
    use crate::domain::release::{Brief, Kind, Voucher};

    fn folder(directory: &Path) -> Folder {
        let shelf = Shelf { product: "booking".into(), environment: "production".into(), keep: Keep::default() };
        Folder { directory: directory.to_owned(), shelf }
    }

    fn entry(second: i64, body: Body) -> Entry {
        let at = Timestamp::from_second(1_780_000_000 + second).unwrap();
        Entry { at, actor: "ana".into(), voucher: Voucher::System, console: "host:1".into(), body }
    }

    fn note(second: i64) -> Entry {
        entry(second, Body::Noted { text: format!("note {second}"), log: false })
    }

    fn begun() -> Vec<Entry> {
        let brief = Brief {
            environment: "production".into(),
            versions: vec![("backend".into(), "2.2.0".into())],
            kind: Kind::Standard,
            title: String::new(),
            author: "ana".into(),
            ticket: None,
            notes: String::new(),
            audience: String::new(),
            duration: None,
            downtime: None,
            cutover: None,
            contingency: String::new(),
            class: None,
            criterion: None,
            strategies: Vec::new(),
        };
        vec![entry(0, Body::Drafted { brief: Box::new(brief) }), entry(1, Body::Announced)]
    }

    fn id() -> ReleaseId {
        "r1".into()
    }

    fn file(home: &Path) -> PathBuf {
        home.join("rolldeck-release-r1.jsonl")
    }

    fn record(folder: &Folder) -> Record {
        folder.read(&id()).unwrap().unwrap().record.unwrap()
    }

    /// A directory with one release.
    fn home() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = folder(home.path());
        folder.add(&id(), &begun(), true).unwrap();
        (home, folder)
    }

    #[test]
    fn many_writers_at_once_lose_nothing() {
        const EACH: i64 = 25;
        let (home, _) = home();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let folder = folder(home.path());
                scope.spawn(move || {
                    for n in 0..EACH {
                        while folder.add(&id(), &[note(1000 * (writer + 1) + n)], false) == Err(Trouble::Busy) {
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        let record = record(&folder(home.path()));
        assert_eq!((record.entries.len(), record.problems.len()), (2 + 4 * 25, 0));
        for writer in 1..=4 {
            let own: Vec<Entry> =
                record.entries.iter().filter(|entry| entry.at.as_second() / 1000 == 1_780_000 + writer).cloned().collect();
            assert_eq!(own, (0..EACH).map(|n| note(1000 * writer + n)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn only_what_changed_is_read_and_what_went_is_missing() {
        let (home, folder) = home();
        let (changed, there) = folder.look(&BTreeMap::new()).unwrap();
        assert_eq!(changed.len(), 1);
        let known: BTreeMap<_, _> = there.into_iter().collect();
        assert!(folder.look(&known).unwrap().0.is_empty());
        folder.add(&id(), &[note(5)], false).unwrap();
        assert_eq!(folder.look(&known).unwrap().0.len(), 1);
        fs::remove_file(file(home.path())).unwrap();
        assert!(folder.look(&known).unwrap().1.is_empty());
        let refused = folder.add(&id(), &[note(6)], false).unwrap_err();
        assert!(matches!(&refused, Trouble::Refused(why) if why.contains("its record is gone")), "{refused:?}");
    }

    #[test]
    fn a_line_cut_by_a_hand_is_told_and_kept_and_the_next_entry_stands_on_its_own() {
        let (home, folder) = home();
        let whole = fs::read_to_string(file(home.path())).unwrap();
        fs::write(file(home.path()), format!("{whole}{{\"at\":\"2026-01-")).unwrap();
        folder.add(&id(), &[note(5)], false).unwrap();
        let record = record(&folder);
        assert_eq!(record.entries.last(), Some(&note(5)));
        assert_eq!(record.problems.len(), 1);
        assert!(record.problems[0].starts_with("line 4: no JSON"), "{:?}", record.problems);
        assert!(fs::read_to_string(file(home.path())).unwrap().contains("\n{\"at\":\"2026-01-\n"));
    }

    #[test]
    fn nothing_is_added_where_the_first_line_is_lost_or_of_a_newer_version() {
        let (home, folder) = home();
        let whole = fs::read_to_string(file(home.path())).unwrap();
        for (text, sentence) in [
            (whole.replacen("\"format\"", "\"fromat\"", 1), "its first line does not say format, product and environment"),
            (whole.replacen("\"format\":1", "\"format\":2", 1), "a newer version wrote it"),
        ] {
            fs::write(file(home.path()), &text).unwrap();
            let refused = folder.add(&id(), &[note(5)], false).unwrap_err();
            assert!(matches!(&refused, Trouble::Refused(why) if why.contains(sentence)), "{refused:?}");
            assert_eq!(record(&folder).problems.len(), 1);
            assert_eq!(fs::read_to_string(file(home.path())).unwrap(), text);
        }
    }

    #[test]
    fn another_plan_in_the_same_directory_is_neither_seen_nor_written() {
        let (_home, mut folder) = home();
        folder.shelf.product = "ledger".into();
        let (changed, _) = folder.look(&BTreeMap::new()).unwrap();
        assert!(changed.iter().all(|kept| kept.record.is_none()));
        assert!(matches!(folder.add(&id(), &[note(5)], false), Err(Trouble::Refused(_))));
        assert!(matches!(folder.add(&id(), &begun(), true), Err(Trouble::Refused(_))));
    }

    #[test]
    fn an_entry_that_is_there_is_not_written_again_and_a_name_is_taken_once() {
        let (_home, folder) = home();
        assert!(folder.add(&id(), &begun(), true).unwrap().is_none());
        let refused = folder.add(&id(), &[begun().remove(0), note(7)], true).unwrap_err();
        assert_eq!(refused, Trouble::Refused("there is a release r1 already".into()));
        assert!(matches!(folder.add(&"../r2".into(), &begun(), true), Err(Trouble::Refused(_))));
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_sentence() {
        let folder = folder(Path::new("/nowhere/shared"));
        assert_eq!(folder.look(&BTreeMap::new()).unwrap_err(), "/nowhere/shared is not there");
        assert_eq!(folder.probe().unwrap_err(), "/nowhere/shared is not there");
        assert!(matches!(folder.add(&id(), &begun(), true), Err(Trouble::Failed(_))));
    }

    #[test]
    fn a_record_that_was_written_since_is_not_removed() {
        let (home, folder) = home();
        let stamp = folder.read(&id()).unwrap().unwrap().stamp;
        folder.add(&id(), &[note(5)], false).unwrap();
        assert_eq!(folder.remove(&id(), stamp), Ok(false));
        let stamp = folder.read(&id()).unwrap().unwrap().stamp;
        assert_eq!(folder.remove(&id(), stamp), Ok(true));
        assert!(!file(home.path()).exists());
    }
}
