//! A check that is a program: it passes where it ends with 0.
//!
//! No shell, no terminal, no input, and of the console's variables only those that the plan names. What it prints is read to
//! the end, so that it never waits for a reader, and slowly, so that the console has its processor.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fill::Texts;
use super::output::Kept;
use super::process::Session;
use super::report::{Report, length};
use crate::domain::redact::redact;
use crate::domain::release::checklist::{Command, Verdict};

/// No check takes longer, whatever the plan says: the clock has an end.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a program has between the request to end and its end.
const TO_END: Duration = Duration::from_secs(2);
/// How long after a program's end its children may still say something.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// What is read at once: a pipe's own size.
const CHUNK: usize = 64 * 1024;
/// After so much of a flood the reader breathes: some 200 MB/s are read at most, which costs a few percent of one processor.
const GULP: usize = 4 * CHUNK;
const BREATH: Duration = Duration::from_millis(1);
/// A flood begins here.
const FLOOD: u64 = 1024 * 1024;
/// Taken over from the console beside what the plan names: without them few programs start.
const ALWAYS: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Runs a program to its end, or to its time limit.
pub(super) async fn run(command: &Command, texts: &Texts, folder: &Path) -> Report {
    let folder = command.folder.as_deref().map_or_else(|| folder.to_path_buf(), |own| folder.join(own));
    let Some((program, arguments)) = command.run.split_first() else { return Report::unknown("it names no program") };
    if !tokio::fs::metadata(&folder).await.is_ok_and(|about| about.is_dir()) {
        return Report::unknown(format!("its folder {} is not there", folder.display()));
    }
    let limit = Duration::try_from(command.time_limit).unwrap_or_default().min(LONGEST);
    let mut prepared = tokio::process::Command::new(program);
    prepared.args(arguments).current_dir(&folder).env_clear().stdin(Stdio::null());
    let mut secrets = Vec::new();
    for name in ALWAYS.into_iter().chain(command.variables.iter().map(String::as_str)) {
        if let Some(value) = std::env::var_os(name) {
            prepared.env(name, &value);
            secrets.extend(value.into_string().ok().filter(|value| secret(name, value)));
        }
    }
    prepared.envs(variables(texts));

    let began = Instant::now();
    let (output, session) = match start(prepared) {
        Ok(started) => started,
        Err(error) => return Report::unknown(why_not_started(program, &error)),
    };
    let kept = Mutex::new(Kept::default());
    let mut run = Run { session, limit, began };
    let ending = run.finish(output, &kept).await;
    let left = run.session.end().await;
    let kept = kept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let output = kept.text(&secrets);
    let (verdict, mut evidence) = told(&ending, limit);
    if let (Ending::Ended(..), 1..) = (&ending, left) {
        evidence = format!("{evidence}; what it left running was killed ({left})");
    }
    if verdict != Verdict::Pass && asks_for_a_terminal(&output) {
        evidence.push_str("; it asks for a terminal, which a check has not");
    }
    Report::new(verdict, evidence).with_output(output)
}

/// How a program ended.
#[derive(Debug)]
enum Ending {
    /// By itself, after so long.
    Ended(ExitStatus, Duration),
    /// By its time limit; whether the request to end was enough.
    Stopped { obeyed: bool },
    /// It cannot be waited for.
    Lost(io::Error),
}

struct Run {
    session: Session,
    limit: Duration,
    began: Instant,
}

impl Run {
    /// Reads and waits until the program has ended or been asked to.
    async fn finish(&mut self, output: pipe::Receiver, kept: &Mutex<Kept>) -> Ending {
        let reading = drain(output, kept);
        tokio::pin!(reading);
        let mut silent = false;
        let deadline = self.began + self.limit;
        let ending = loop {
            tokio::select! {
                () = &mut reading, if !silent => silent = true,
                status = self.session.wait() => break status.map_or_else(Ending::Lost, |status| Ending::Ended(status, self.began.elapsed())),
                () = sleep_until(deadline) => break self.stop(&mut reading, &mut silent).await,
            }
        };
        if !silent && matches!(ending, Ending::Ended(..)) {
            // A child that keeps the pipe open does not hold the check.
            let _cut_off = timeout(LAST_WORDS, &mut reading).await;
        }
        ending
    }

    /// Asks the session to end; who does not is killed by its end.
    async fn stop(&mut self, reading: &mut (impl Future<Output = ()> + Unpin), silent: &mut bool) -> Ending {
        self.session.terminate();
        let last = Instant::now() + TO_END;
        loop {
            tokio::select! {
                () = &mut *reading, if !*silent => *silent = true,
                status = self.session.wait() => break Ending::Stopped { obeyed: status.is_ok() },
                () = sleep_until(last) => break Ending::Stopped { obeyed: false },
            }
        }
    }
}

/// Starts a program with both of its streams in one pipe, so that they come in the order in which they were written.
fn start(mut command: tokio::process::Command) -> io::Result<(pipe::Receiver, Session)> {
    let (read, write) = io::pipe()?;
    command.stdout(Stdio::from(write.try_clone()?)).stderr(Stdio::from(write));
    let output = pipe::Receiver::from_owned_fd(read.into())?;
    Ok((output, Session::start(command)?))
}

/// Reads to the end of the pipe.
async fn drain(mut output: pipe::Receiver, kept: &Mutex<Kept>) {
    let mut chunk = vec![0; CHUNK];
    let mut swallowed = 0;
    loop {
        match output.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let flood = kept.lock().is_ok_and(|mut kept| {
                    kept.add(chunk.get(..count).unwrap_or_default());
                    kept.total() > FLOOD
                });
                swallowed += count;
                if flood && swallowed >= GULP {
                    swallowed = 0;
                    sleep(BREATH).await;
                }
            }
        }
    }
}

/// The variables that tell a program what it is about.
fn variables(texts: &Texts) -> Vec<(&'static str, String)> {
    let known = [
        ("ROLLDECK_SERVICE", &texts.service),
        ("ROLLDECK_VERSION", &texts.version),
        ("ROLLDECK_IMAGE", &texts.image),
        ("ROLLDECK_DIGEST", &texts.digest),
        ("ROLLDECK_NAMESPACE", &texts.namespace),
    ];
    known
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.clone()?)))
        .chain([
            ("ROLLDECK_ENVIRONMENT", texts.environment.clone()),
            ("ROLLDECK_RELEASE", texts.release.clone()),
            ("ROLLDECK_SERVICES", texts.services.join(" ")),
        ])
        .collect()
}

/// Returns whether a variable's value must not be shown, going by its name.
fn secret(name: &str, value: &str) -> bool {
    let pair = format!("{name}={value}");
    redact(&pair) != pair
}

fn told(ending: &Ending, limit: Duration) -> (Verdict, String) {
    match ending {
        Ending::Ended(status, after) => {
            let after = length(*after);
            match (status.code(), status.signal()) {
                (Some(0), _) => (Verdict::Pass, format!("exit 0 in {after}")),
                (Some(code), _) => (Verdict::Fail, format!("exit {code} in {after}")),
                (None, signal) => (Verdict::Unknown, format!("ended by {} after {after}", named(signal.unwrap_or_default()))),
            }
        }
        Ending::Stopped { obeyed: true } => (Verdict::Unknown, format!("killed after {} time limit", length(limit))),
        Ending::Stopped { obeyed: false } => {
            (Verdict::Unknown, format!("killed after {} time limit; it had not ended when asked to", length(limit)))
        }
        Ending::Lost(error) => (Verdict::Unknown, format!("what came of it is not known: {error}")),
    }
}

/// The numbers are the same on every system that the console runs on.
fn named(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.into()
}

fn why_not_started(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => format!("{program} is not there, or what it names to run it is not"),
        io::ErrorKind::NotFound => format!("{program} is not found in PATH"),
        io::ErrorKind::PermissionDenied => format!("{program} may not be executed"),
        _ => format!("{program} cannot be started: {error}"),
    }
}

/// How programs say that they have no terminal: `sudo`, `ssh`, `docker`, `stty`, the C library.
fn asks_for_a_terminal(output: &str) -> bool {
    let output = output.to_ascii_lowercase();
    ["/dev/tty", "not a tty", "no tty", "not a terminal", "a terminal is required", "inappropriate ioctl"]
        .iter()
        .any(|sign| output.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variables_value_is_hidden_by_its_name() {
        for (name, value, hidden) in [
            ("GITHUB_TOKEN", "ghp_0123456789", true),
            ("DB_PASSWORD", "hunter22", true),
            ("REGION", "eu-central-1", false),
            ("KUBECONFIG", "/home/a/.kube/config", false),
        ] {
            assert_eq!(secret(name, value), hidden, "{name}");
        }
    }

    #[test]
    fn an_end_is_told_in_its_own_words() {
        let after = Duration::from_millis(1_200);
        let ended = |raw| told(&Ending::Ended(ExitStatus::from_raw(raw), after), after);
        assert_eq!(ended(0), (Verdict::Pass, "exit 0 in 1.2 s".into()));
        assert_eq!(ended(2 << 8), (Verdict::Fail, "exit 2 in 1.2 s".into()));
        assert_eq!(ended(9), (Verdict::Unknown, "ended by SIGKILL after 1.2 s".into()));
        assert_eq!(told(&Ending::Stopped { obeyed: true }, Duration::from_secs(30)).1, "killed after 30 s time limit");
    }
}
