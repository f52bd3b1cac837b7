//! The journal's file: opened, locked, read from where the last reading ended, appended to by one write and synced.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::chain::{self, Read, Tail};
use super::error::RecordsError;
use crate::domain::journal::Entry;

/// How much of the end is read at the start: some thousands of operations, in a tenth of a second.
pub(super) const READ_AT_MOST: u64 = 8 * 1024 * 1024;

/// The journal and how far it has been read.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    path: PathBuf,
    tail: Tail,
    /// The bytes read so far, and the file they are of: device and inode.
    offset: u64,
    of: Option<(u64, u64)>,
    read_at_most: u64,
}

impl Journal {
    /// Names the journal of a state directory; touches nothing.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { path: directory.join(super::FILE), directory, tail: Tail::start(), offset: 0, of: None, read_at_most: READ_AT_MOST }
    }

    /// Reads it from the start, or the last [`READ_AT_MOST`] bytes of it; makes it where there is none.
    pub(super) fn load(&mut self) -> Result<Read, RecordsError> {
        let file = self.open()?;
        self.lock(&file)?;
        self.of = None;
        self.catch_up(&file)
    }

    /// Returns what others wrote since; opens nothing while the length is as it was.
    pub(super) fn news(&mut self) -> Result<Read, RecordsError> {
        let found = fs::metadata(&self.path).map_err(|source| RecordsError::Read { path: self.path.clone(), source })?;
        if found.len() == self.offset && self.of == Some((found.dev(), found.ino())) {
            return Ok(Read::default());
        }
        let file = self.open()?;
        self.lock(&file)?;
        self.catch_up(&file)
    }

    /// Appends an entry, synced; returns what others wrote before it. On an error the file is as it was, as far as the
    /// system lets it be put back.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<Read, RecordsError> {
        let mut file = self.open()?;
        self.lock(&file)?;
        let read = self.catch_up(&file)?;
        let (mut line, tail) = chain::write(&self.tail, entry).map_err(|source| RecordsError::Encode { source })?;
        if !self.ends_whole(&file)? {
            line.insert(0, '\n');
        }
        let put_back = |file: &File| {
            if let Err(error) = file.set_len(self.offset).and_then(|()| file.sync_data()) {
                tracing::warn!(%error, "half a journal line could not be taken back");
            }
        };
        let path = || self.path.clone();
        let written = file.write(line.as_bytes()).map_err(|source| RecordsError::Write { path: path(), source })?;
        if written < line.len() {
            put_back(&file);
            return Err(RecordsError::Short { path: path(), written, length: line.len() });
        }
        if let Err(source) = file.sync_data() {
            put_back(&file);
            return Err(RecordsError::Sync { path: path(), source });
        }
        self.offset += written as u64;
        self.tail = tail;
        Ok(read)
    }

    /// Finds out whether an entry would fit, beside the journal: a full disk opens files gladly and writes none.
    pub(super) fn probe(&mut self) -> Result<(), RecordsError> {
        let file = self.open()?;
        self.lock(&file)?;
        let tried = tempfile::tempfile_in(&self.directory).and_then(|mut beside| {
            beside.write_all(&[b' '; 16 * 1024])?;
            beside.sync_data()
        });
        tried.map_err(|source| RecordsError::Write { path: self.directory.clone(), source })
    }

    /// Opens it anew each time, for it may have been moved away; the lock goes when the file is closed.
    fn open(&self) -> Result<File, RecordsError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(0o600);
        let opened = match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&self.directory)?;
                // The name is on disk only when the directory is synced too.
                options.create(true).open(&self.path).and_then(|file| File::open(&self.directory)?.sync_all().map(|()| file))
            }
            other => other,
        };
        opened.map_err(|source| RecordsError::Open { path: self.path.clone(), source })
    }

    fn lock(&self, file: &File) -> Result<(), RecordsError> {
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(RecordsError::Busy { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(RecordsError::Lock { path: self.path.clone(), source }),
        }
    }

    /// Reads from where the last reading ended; from the start where this is another file, or a shorter one. Nobody
    /// else writes meanwhile: the lock is held.
    fn catch_up(&mut self, mut file: &File) -> Result<Read, RecordsError> {
        let failed = |source| RecordsError::Read { path: self.path.clone(), source };
        let found = file.metadata().map_err(failed)?;
        let this = Some((found.dev(), found.ino()));
        let mut problem = None;
        let mut skip_first = false;
        if self.of != this || found.len() < self.offset {
            if self.of.is_some() {
                problem = Some("the file was replaced or cut while the console ran; it was read again".to_owned());
            }
            skip_first = found.len() > self.read_at_most;
            self.offset = found.len().saturating_sub(self.read_at_most);
            self.tail = if skip_first { Tail::midway() } else { Tail::start() };
            self.of = this;
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        file.take(found.len() - self.offset).read_to_end(&mut bytes).map_err(failed)?;
        let from = if skip_first { bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1) } else { 0 };
        let mut read = chain::read(bytes.get(from..).unwrap_or(&[]), &mut self.tail);
        self.offset = found.len();
        read.problems.extend(problem);
        Ok(read)
    }

    /// Returns whether the last line has its end: a console that was killed in the middle of a write leaves half a line.
    fn ends_whole(&self, mut file: &File) -> Result<bool, RecordsError> {
        if self.offset == 0 {
            return Ok(true);
        }
        let failed = |source| RecordsError::Read { path: self.path.clone(), source };
        let mut last = [0];
        file.seek(SeekFrom::Start(self.offset - 1)).map_err(failed)?;
        file.read_exact(&mut last).map_err(failed)?;
        Ok(last == *b"\n")
    }
}

/// Makes a directory that only its owner reads, and those above it.
pub(super) fn make(directory: &Path) -> Result<(), RecordsError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| RecordsError::Directory { path: directory.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;
    use crate::adapter::records::FILE;
    use crate::domain::change::{Answer, Expect};
    use crate::domain::id::RolloutId;
    use crate::domain::journal::{Body, Failure, Intent, OutcomeKind, fold};
    use crate::domain::verb::Order;

    fn entry(console: &str, op: &str, body: Body) -> Entry {
        Entry { at: "2026-01-02T03:04:05.678Z".parse().unwrap(), actor: "ana".into(), console: console.into(), op: op.into(), body }
    }

    fn seen(text: &str) -> Entry {
        entry("host:1", text, Body::Outcome { result: OutcomeKind::Met, seen: text.into() })
    }

    fn intent() -> Body {
        Body::Intent(Box::new(Intent {
            rollout: RolloutId { environment: "production".into(), service: "backend".into(), workload: "backend".into() },
            order: Order::RollBack { to: "backend-1".into() },
            from: Some("#2 1.1.0".into()),
            to: None,
            requests: Vec::new(),
            expect: Expect::Held(true),
            reason: None,
        }))
    }

    fn open(directory: &Path) -> (Journal, Read) {
        let mut journal = Journal::new(directory.to_owned());
        let read = journal.load().unwrap();
        (journal, read)
    }

    fn text(directory: &Path) -> Vec<u8> {
        fs::read(directory.join(FILE)).unwrap()
    }

    #[test]
    fn what_was_appended_is_there_at_the_next_start_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state/rolldeck");
        let (mut journal, _) = open(&state);
        journal.append(&seen("a")).unwrap();
        journal.append(&seen("b")).unwrap();
        let (_, read) = open(&state);
        assert_eq!(read.entries, [seen("a"), seen("b")]);
        assert_eq!(read.problems, Vec::<String>::new());
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(state.join("journal.jsonl")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn one_console_sees_what_the_other_wrote() {
        let home = tempfile::tempdir().unwrap();
        let (mut first, _) = open(home.path());
        let (mut second, _) = open(home.path());
        assert!(first.append(&seen("a")).unwrap().entries.is_empty());
        assert_eq!(second.append(&seen("b")).unwrap().entries, [seen("a")]);
        assert_eq!(first.news().unwrap().entries, [seen("b")]);
        assert!(first.news().unwrap().entries.is_empty());
        assert!(second.news().unwrap().entries.is_empty());
    }

    #[test]
    fn two_writers_at_once_keep_one_chain() {
        const EACH: usize = 50;
        let home = tempfile::tempdir().unwrap();
        let write = |name: &'static str| {
            let (mut journal, read) = open(home.path());
            move || {
                let mut others = read.entries.len();
                for n in 0..EACH {
                    loop {
                        match journal.append(&seen(&format!("{name}{n}"))) {
                            Ok(read) => break others += read.entries.len(),
                            Err(RecordsError::Busy { .. }) => std::thread::yield_now(),
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
                others
            }
        };
        let (one, two) = (write("x"), write("y"));
        std::thread::scope(|scope| {
            let one = scope.spawn(one);
            let two = scope.spawn(two);
            assert!(one.join().unwrap() <= EACH);
            assert!(two.join().unwrap() <= EACH);
        });
        let (_, read) = open(home.path());
        assert_eq!(read.problems, Vec::<String>::new());
        assert_eq!(read.entries.len(), 2 * EACH);
        for name in ["x", "y"] {
            let own: Vec<&str> = read.entries.iter().map(|entry| entry.op.as_str()).filter(|op| op.starts_with(name)).collect();
            assert_eq!(own, (0..EACH).map(|n| format!("{name}{n}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_line_cut_at_any_byte_costs_that_line_alone() {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(home.path());
        for name in ["a", "b"] {
            journal.append(&seen(name)).unwrap();
        }
        let whole = text(home.path());
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in 0..=whole.len() {
            fs::write(home.path().join("journal.jsonl"), &whole[..cut]).unwrap();
            let (mut journal, read) = open(home.path());
            let kept = if cut + 1 >= whole.len() { 2 } else { usize::from(cut >= first) };
            let half = cut != 0 && (cut < first || (cut > first + 1 && cut + 1 < whole.len()));
            assert_eq!((read.entries.len(), read.problems.len()), (kept, usize::from(half)), "cut at {cut}: {:?}", read.problems);
            journal.append(&seen("c")).unwrap();
            let (_, read) = open(home.path());
            assert_eq!((read.entries.len(), read.problems.len()), (kept + 1, usize::from(half)), "cut at {cut}: {:?}", read.problems);
            assert_eq!(read.entries.last(), Some(&seen("c")));
        }
    }

    #[test]
    fn a_long_journal_is_read_from_near_its_end_and_still_checked() {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(home.path());
        for n in 0..50 {
            journal.append(&seen(&n.to_string())).unwrap();
        }
        let mut journal = Journal { read_at_most: 2000, ..Journal::new(home.path().to_owned()) };
        let read = journal.load().unwrap();
        assert_eq!(read.problems, Vec::<String>::new());
        assert!((3..12).contains(&read.entries.len()), "{}", read.entries.len());
        assert_eq!(read.entries.last(), Some(&seen("49")));
        journal.append(&seen("50")).unwrap();
        let (_, all) = open(home.path());
        assert_eq!((all.entries.len(), all.problems.len()), (51, 0));

        let damaged = String::from_utf8(text(home.path())).unwrap().replace("\"seen\":\"49\"", "\"seen\":\"94\"");
        fs::write(home.path().join("journal.jsonl"), damaged).unwrap();
        let problems = Journal { read_at_most: 2000, ..Journal::new(home.path().to_owned()) }.load().unwrap().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("of those read was changed after it was written"), "{problems:?}");
    }

    #[test]
    fn a_journal_that_was_moved_away_is_begun_anew_and_said() {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(home.path());
        journal.append(&seen("a")).unwrap();
        fs::rename(home.path().join("journal.jsonl"), home.path().join("old")).unwrap();
        let read = journal.append(&seen("b")).unwrap();
        assert_eq!(read.problems, ["the file was replaced or cut while the console ran; it was read again"]);
        let (_, read) = open(home.path());
        assert_eq!((read.entries, read.problems), (vec![seen("b")], vec![]));
    }

    #[test]
    fn a_lock_in_other_hands_is_busy_and_loses_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(home.path());
        let other = File::open(home.path().join("journal.jsonl")).unwrap();
        other.lock().unwrap();
        assert!(matches!(journal.append(&seen("a")), Err(RecordsError::Busy { .. })));
        other.unlock().unwrap();
        journal.append(&seen("a")).unwrap();
        assert_eq!(open(home.path()).1.entries, [seen("a")]);
    }

    #[test]
    fn a_full_disk_is_a_sentence_and_the_next_try_may_pass() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.jsonl");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let (mut journal, _) = open(home.path());
        let said = journal.append(&seen("a")).unwrap_err().to_string();
        assert!(said.contains("journal.jsonl cannot be written: No space left on device"), "{said}");
        fs::remove_file(&path).unwrap();
        journal.append(&seen("a")).unwrap();
        assert_eq!(open(home.path()).1.entries, [seen("a")]);
    }

    #[test]
    fn a_journal_that_cannot_be_opened_is_a_sentence() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("journal.jsonl")).unwrap();
        let mut journal = Journal::new(home.path().to_owned());
        assert!(journal.append(&seen("a")).unwrap_err().to_string().contains("cannot be opened"));
        assert!(journal.probe().is_err());
        fs::write(home.path().join("file"), "").unwrap();
        let mut journal = Journal::new(home.path().join("file/state"));
        assert!(journal.load().is_err());
    }

    fn bodies() -> impl Strategy<Value = Body> {
        let answered = |index, ok| Body::Answered {
            index,
            result: if ok {
                Ok(Answer { status: 200, version: "7".into(), took_ms: 12 })
            } else {
                Err(Failure { message: "no answer \u{1b}\n\"".into(), in_doubt: true })
            },
        };
        prop_oneof![
            Just(intent()),
            (0..3_usize, any::<bool>()).prop_map(move |(index, ok)| answered(index, ok)),
            "[a-zé\\\\\"\\n ]{0,12}".prop_map(|seen| Body::Outcome { result: OutcomeKind::Missed, seen }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn folding_the_journal_is_folding_what_was_written(
            entries in prop::collection::vec(("[0-3]", any::<bool>(), bodies()), 0..20)
        ) {
            let home = tempfile::tempdir().unwrap();
            let (mut first, _) = open(home.path());
            let (mut second, _) = open(home.path());
            let entries: Vec<Entry> = entries.into_iter().map(|(op, _, body)| entry("host:1", &op, body)).collect();
            for (n, entry) in entries.iter().enumerate() {
                if n % 3 == 0 { second.append(entry) } else { first.append(entry) }.unwrap();
            }
            let (_, read) = open(home.path());
            prop_assert_eq!(read.problems, Vec::<String>::new());
            prop_assert_eq!(fold(&read.entries), fold(&entries));
        }
    }
}
