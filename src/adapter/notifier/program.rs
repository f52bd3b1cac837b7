//! A program with the announcement's JSON as its input.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessSession};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::ChildStderr;

use super::fault::Fault;
use crate::domain::announcement::Announcement;

/// What a program sees of the console's environment: enough to be found, to find its files, and to write text.
const VARIABLES: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ"];

/// What of its complaint is read: the first line is said.
const COMPLAINT: u64 = 4_096;

/// How long is listened after its end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// `EX_TEMPFAIL` of sysexits(3): the one code by which a program asks to be tried again.
const TRY_AGAIN: i32 = 75;

/// A program with all that it started: killed when it is let go.
struct Group(Box<dyn ChildWrapper>);

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody is left to be killed, in most cases.
        let _ = self.0.start_kill();
    }
}

/// Runs it to its end.
///
/// # Errors
///
/// It cannot be started, took too long, or ended with another code than 0.
pub(super) async fn run(limit: Duration, run: &[String], announcement: &Announcement) -> Result<(), Fault> {
    let [program, arguments @ ..] = run else { return Err(Fault::lasting("no program is named")) };
    let mut input = serde_json::to_vec(announcement).map_err(|error| Fault::lasting(error.to_string()))?;
    input.push(b'\n');
    let mut command = CommandWrap::with_new(program, |command| {
        command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.envs(VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    });
    // A session of its own has no terminal to ask for a password on.
    command.wrap(ProcessSession).wrap(KillOnDrop);
    let child = command.spawn().map_err(|error| Fault::lasting(format!("{program} cannot be started: {error}")))?;
    let mut group = Group(child);
    let (stdin, stderr) = (group.0.stdin().take(), group.0.stderr().take());
    let mut complaint = Vec::new();
    let ended = tokio::time::timeout(limit, async {
        let feed = async move {
            if let Some(mut stdin) = stdin {
                // A program need not read it.
                let _ = stdin.write_all(&input).await;
            }
        };
        let working = async { tokio::join!(group.0.wait(), feed).0 };
        let listening = listen(stderr, &mut complaint);
        let (mut working, mut listening) = (std::pin::pin!(working), std::pin::pin!(listening));
        let mut heard = false;
        let status = loop {
            tokio::select! {
                status = &mut working => break status,
                () = &mut listening, if !heard => heard = true,
            }
        };
        // What it left behind may hold its error output open: that is not waited for.
        if !heard {
            let _ = tokio::time::timeout(LAST_WORDS, listening).await;
        }
        status
    })
    .await;
    let status = match ended {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(Fault::lasting(format!("{program} cannot be waited for: {error}"))),
        Err(_) => return Err(Fault::lasting(format!("{program} did not end within {} s and was killed", limit.as_secs()))),
    };
    if status.success() { Ok(()) } else { Err(failure(program, status, &complaint)) }
}

/// Keeps the start of what it complains of, and reads on, or it would wait for a reader.
async fn listen(stderr: Option<ChildStderr>, complaint: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    if (&mut stderr).take(COMPLAINT).read_to_end(complaint).await.is_ok() {
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
}

fn failure(program: &str, status: ExitStatus, complaint: &[u8]) -> Fault {
    let complaint = String::from_utf8_lossy(complaint);
    let line: String =
        complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    let mut why = match status.code() {
        Some(code) => format!("{program} ended with {code}"),
        None => format!("{program}: {status}"),
    };
    if !line.is_empty() {
        why = format!("{why}: {line}");
    }
    if status.code() == Some(TRY_AGAIN) { Fault::passing(why) } else { Fault::lasting(why) }
}
