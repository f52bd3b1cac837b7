//! A program in a session of its own, which ends with everything that it has started.
//!
//! The session has no terminal, so that a program that asks for one gets an error and not the console's keys. Its group takes
//! one signal for all; what has left it (`setsid`, a daemon) is found by a variable that every child inherits. On systems
//! without `/proc` what has left the group is not found.

use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessSession};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

/// The variable that marks what belongs to one run.
pub(super) const MARK: &str = "ROLLDECK_CHECK";

/// Numbers the runs of this console.
static RUNS: AtomicU64 = AtomicU64::new(1);

/// A program that runs, with all that it has started. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Session {
    child: Box<dyn ChildWrapper>,
    /// The leader's process id: that of the session and of its group.
    id: Option<Pid>,
    mark: String,
    ended: bool,
}

impl Session {
    /// Starts a program. Its streams must have been set: by default it would inherit the console's.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let mark = format!("{}-{}-{:08x}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed), fastrand::u32(..));
        command.env(MARK, &mark);
        let child = CommandWrap::from(command).wrap(KillOnDrop).wrap(ProcessSession).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, id, mark, ended: false })
    }

    /// Waits for the program itself. May be dropped and asked again.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks all of the session to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills what is left, and returns how many processes that were beside the program itself.
    pub(super) async fn end(mut self) -> usize {
        self.ended = true;
        let (id, mark) = (self.id, self.mark.clone());
        let swept = tokio::task::spawn_blocking(move || kill(id, &mark)).await.unwrap_or_default();
        // Takes the leader's body away, where it was killed just now. One that hangs in the kernel is not waited for.
        let _reaped = tokio::time::timeout(std::time::Duration::from_secs(1), self.child.wait()).await;
        swept
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // Nobody may be left.
            let _sent = kill_process_group(id, signal);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            kill(self.id, &self.mark);
        }
    }
}

/// Kills a session, and what has left it.
fn kill(id: Option<Pid>, mark: &str) -> usize {
    // Stray ones are looked for first: whoever is in the group is found there as well, and is counted.
    let strays = stray::kill(id, mark);
    if let Some(id) = id {
        let _sent = kill_process_group(id, Signal::KILL);
    }
    strays
}

/// What belongs to a run, by its session or its variable.
#[cfg(target_os = "linux")]
mod stray {
    use std::collections::HashSet;
    use std::fs;
    use std::io::Read as _;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::MARK;

    /// Of an environment so much is read; the variable stands near its start.
    const ENVIRONMENT_AT_MOST: u64 = 256 * 1024;
    /// Who forks while it is looked for is found in the next round. A killed process forks no more, so that few are needed.
    const ROUNDS: usize = 50;
    /// Where there was somebody, so many rounds must find nobody: who forks and ends at once is easily missed by one.
    const QUIET: usize = 4;

    /// Kills until none is found, and returns how many there were beside the leader.
    pub(super) fn kill(session: Option<Pid>, mark: &str) -> usize {
        let needle = format!("{MARK}={mark}");
        let mut killed = HashSet::new();
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let found: Vec<Pid> = processes().filter(|pid| strike(*pid, session, &needle)).collect();
            quiet = if found.is_empty() { quiet + 1 } else { 0 };
            if quiet == QUIET || killed.is_empty() && quiet > 0 {
                break;
            }
            killed.extend(found.into_iter().filter(|pid| Some(*pid) != session));
            std::thread::yield_now();
        }
        killed.len()
    }

    fn processes() -> impl Iterator<Item = Pid> {
        let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.to_str()?.parse().ok()).filter_map(Pid::from_raw)
    }

    /// Kills a process if it is one of the run, and returns whether it was. The handle is taken before the look, so that the
    /// number cannot have gone to another process in between.
    fn strike(pid: Pid, session: Option<Pid>, needle: &str) -> bool {
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        let Some((state, of)) = state(pid) else { return false };
        let dead = matches!(state, 'Z' | 'X');
        let ours = !dead && (session.is_some_and(|session| session.as_raw_nonzero().get() == of) || marked(pid, needle));
        ours && pidfd_send_signal(&handle, Signal::KILL).is_ok()
    }

    /// Returns a process's state and session.
    fn state(pid: Pid) -> Option<(char, i32)> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        // The name is in brackets and may hold anything, brackets as well.
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        // After the state: parent, group, session.
        Some((state, fields.nth(2)?.parse().ok()?))
    }

    fn marked(pid: Pid, needle: &str) -> bool {
        let Ok(file) = fs::File::open(format!("/proc/{}/environ", pid.as_raw_nonzero())) else { return false };
        let mut environment = Vec::new();
        let read = file.take(ENVIRONMENT_AT_MOST).read_to_end(&mut environment);
        read.is_ok() && environment.split(|byte| *byte == 0).any(|variable| variable == needle.as_bytes())
    }
}

#[cfg(not(target_os = "linux"))]
mod stray {
    use rustix::process::Pid;

    /// The group is all that is known here.
    pub(super) fn kill(_session: Option<Pid>, _mark: &str) -> usize {
        0
    }
}
