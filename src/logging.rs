//! The console's own log: a file a day in the state directory, seven of them, with no secrets and never on the screen.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::domain::redact::redact;

/// The environment variable that goes over the settings' level.
pub const VARIABLE: &str = "ROLLDECK_LOG";

const FILES: usize = 7;
/// Lines that wait for the disk; more are dropped and counted, so that a slow disk never holds up the screen.
const WAITING_AT_MOST: usize = 16_384;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error("the log filter `{filter}` is not understood: {source}; a level such as `debug`, or `rolldeck=debug,kube=info`")]
    Filter { filter: String, source: ParseError },
    #[error("`{0}` is no log level; off, error, warn, info, debug or trace, or a filter such as `rolldeck=debug,kube=info`")]
    Level(String),
    #[error("the log directory {} cannot be made: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("no log can be written in {}: {source}", path.display())]
    File { path: PathBuf, source: InitError },
    #[error("logging was started twice: {0}")]
    Twice(#[from] TryInitError),
}

/// The running log. What waits is written when this is dropped.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct Logging {
    lost: ErrorCounter,
    _writer: WorkerGuard,
}

impl Logging {
    /// Returns how many lines were dropped because the disk was too slow.
    pub fn lost(&self) -> usize {
        self.lost.dropped_lines()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let lost = self.lost();
        if lost > 0 {
            tracing::warn!(lost, "log lines were dropped: the disk was too slow");
        }
    }
}

/// Starts the log in this directory. `level` is a level (of rolldeck; what it uses then tells warnings) or a filter in
/// the words of tracing-subscriber's `EnvFilter`.
///
/// # Errors
///
/// A filter that is not understood, a directory that cannot be written; each a sentence.
pub fn start(directory: &Path, level: &str) -> Result<Logging, LoggingError> {
    let (subscriber, logging) = prepare(directory, level)?;
    subscriber.try_init()?;
    Ok(logging)
}

fn prepare(directory: &Path, level: &str) -> Result<(impl Subscriber + Send + Sync + 'static, Logging), LoggingError> {
    let filter = filter(level)?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| LoggingError::Directory { path: directory.to_owned(), source })?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("rolldeck")
        .filename_suffix("log")
        .max_log_files(FILES)
        .build(directory)
        .map_err(|source| LoggingError::File { path: directory.to_owned(), source })?;
    let (lines, writer) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_AT_MOST).finish(file);
    let logging = Logging { lost: lines.error_counter(), _writer: writer };
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || Clean(lines.clone()));
    Ok((tracing_subscriber::registry().with(filter).with(layer), logging))
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let directives = match level.trim().parse::<LevelFilter>() {
        Ok(LevelFilter::OFF) => Cow::Borrowed("off"),
        Ok(own) => Cow::Owned(format!("{},rolldeck={own}", own.min(LevelFilter::WARN))),
        // A filter's word without a level would be a target's name, so a misspelt level would log nothing and not say so.
        Err(_) if !level.contains('=') => return Err(LoggingError::Level(level.to_owned())),
        Err(_) => Cow::Borrowed(level),
    };
    EnvFilter::builder().parse(&directives).map_err(|source| LoggingError::Filter { filter: level.to_owned(), source })
}

/// Takes secrets out of what the formatter has put together. It writes an event at a time, so none is cut in two.
struct Clean(NonBlocking);

impl Write for Clean {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(redact(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in the log after these events.
    fn logged(level: &str, events: impl FnOnce()) -> String {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("log");
        let (subscriber, logging) = prepare(&directory, level).unwrap();
        tracing::subscriber::with_default(subscriber, events);
        drop(logging);
        let files: Vec<PathBuf> = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(files[0].file_name().unwrap().to_str().unwrap().starts_with("rolldeck.20"), "{files:?}");
        std::fs::read_to_string(&files[0]).unwrap()
    }

    #[test]
    fn a_secret_never_reaches_the_file() {
        let text = logged("info", || {
            tracing::info!(header = "Authorization: Bearer 0a1b2c3d4e", url = "https://ana:s3cr3t@host/", "asked");
            tracing::info!("token: {:?}", "0a1b2c3d4e");
        });
        assert!(text.contains("asked") && text.contains("host/"), "{text}");
        assert!(!text.contains("0a1b2c3d4e") && !text.contains("s3cr3t"), "{text}");
    }

    #[test]
    fn a_level_is_rolldeck_s_and_others_warn() {
        let tell = || {
            tracing::debug!("own debug");
            tracing::info!("own info");
            tracing::info!(target: "kube", "their info");
            tracing::warn!(target: "kube", "their warning");
        };
        for (level, told) in [
            ("info", vec!["own info", "their warning"]),
            ("DEBUG", vec!["own debug", "own info", "their warning"]),
            ("error", vec![]),
            ("off", vec![]),
            ("kube=info", vec!["their info", "their warning"]),
        ] {
            let text = logged(level, tell);
            let found: Vec<&str> =
                ["own debug", "own info", "their info", "their warning"].into_iter().filter(|event| text.contains(event)).collect();
            assert_eq!(found, told, "{level}");
        }
    }

    #[test]
    fn a_bad_filter_is_a_sentence() {
        let home = tempfile::tempdir().unwrap();
        for (bad, sentence) in [
            ("rolldeck=loud", "the log filter `rolldeck=loud` is not understood"),
            ("a=b=c", "the log filter `a=b=c` is not understood"),
            ("debgu", "`debgu` is no log level; off, "),
        ] {
            let Err(error) = prepare(home.path(), bad).map(|_| ()) else { panic!("{bad} was taken") };
            assert!(error.to_string().starts_with(sentence), "{error}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_sentence() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let Err(error) = prepare(&file.join("log"), "info").map(|_| ()) else { panic!("it was made") };
        assert!(error.to_string().contains("cannot be made"), "{error}");
    }
}
