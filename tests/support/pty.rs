//! A program in a pseudo-terminal, as a person meets it: keys go in, a screen comes out, and the terminal is looked at
//! when it is over. Included by both test binaries.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};

pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const TAB: &str = "\t";
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";

/// Between two keys of a person: beyond what counts as a burst or as a key held down (adapter/terminal/burst.rs).
const BETWEEN_KEYS: Duration = Duration::from_millis(60);

/// How long to wait for what must come. A machine that builds and tests at once is slow, and CI is slower.
pub fn patience() -> Duration {
    Duration::from_secs(if std::env::var_os("CI").is_some() { 90 } else { 30 })
}

/// What to start, and in what terminal.
#[derive(Debug, Clone)]
pub struct Start {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    columns: u16,
    rows: u16,
}

impl Start {
    /// Starts rolldeck itself.
    pub fn rolldeck(arguments: &[&str]) -> Self {
        Self::program(env!("CARGO_BIN_EXE_rolldeck"), arguments)
    }

    pub fn program(program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { program: program.into(), arguments, environment: Vec::new(), columns: 120, rows: 40 }
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it with nothing of this environment, at home in a directory of the test's own.
    pub fn at(self, home: &Path) -> Terminal {
        let size = PtySize { rows: self.rows, cols: self.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(&self.program);
        command.args(&self.arguments);
        command.env_clear();
        command.cwd(home);
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("COLORTERM", "truecolor"), ("RUST_BACKTRACE", "0")] {
            command.env(name, value);
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home);
        for folder in ["config", "state", "cache", "data"] {
            command.env(format!("XDG_{}_HOME", folder.to_uppercase()), home.join(folder));
        }
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        let before = settings(&*pair.master);
        let writer = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let shared = Arc::new((Mutex::new(Seen::new(self.columns, self.rows)), Condvar::new()));
        let seen = Arc::clone(&shared);
        let reading = std::thread::spawn(move || {
            let mut bytes = vec![0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let mut screen = seen.0.lock().unwrap();
                screen.parser.process(&bytes[..count]);
                screen.bytes.extend_from_slice(&bytes[..count]);
                seen.1.notify_all();
            }
        });
        let child = pair.slave.spawn_command(command).unwrap();
        Terminal { master: pair.master, slave: Some(pair.slave), writer, child, seen: shared, reading: Some(reading), before }
    }
}

/// What the program has written, and what it looks like.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl Seen {
    fn new(columns: u16, rows: u16) -> Self {
        Self { parser: vt100::Parser::new(cells(rows), cells(columns), 0), bytes: Vec::new() }
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

/// The line discipline's settings as text: raw mode is in there.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("the terminal's settings"))
}

/// A running program in its terminal. Killed when dropped.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the settings outlive the program.
    slave: Option<Box<dyn SlavePty + Send>>,
    writer: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    reading: Option<JoinHandle<()>>,
    before: String,
}

impl Terminal {
    /// Sends bytes in one go, as a paste without brackets comes.
    pub fn send(&mut self, bytes: &str) {
        self.writer.write_all(bytes.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Presses one key and gives it a person's time.
    pub fn press(&mut self, key: &str) {
        self.send(key);
        self.pass(BETWEEN_KEYS);
    }

    /// Types a text key by key.
    pub fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.press(&letter.to_string());
        }
    }

    /// Pastes a text in brackets, as a terminal does that was asked to.
    pub fn paste(&mut self, text: &str) {
        self.send(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Lets time pass; the screen goes on.
    pub fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        let mut seen = self.seen.0.lock().unwrap();
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.seen.0.lock().unwrap().parser.set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Returns the screen's text, a line a row.
    pub fn screen(&self) -> String {
        self.seen.0.lock().unwrap().parser.screen().contents()
    }

    /// Returns all that was ever written.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap().bytes).into_owned()
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub fn until(&self, what: &str, so: impl Fn(&str) -> bool) {
        let end = Instant::now() + patience();
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let screen = seen.parser.screen().contents();
            if so(&screen) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(seen);
                panic!("waited in vain for {what}; the screen:\n{screen}\n");
            }
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.until(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen shows a text no longer.
    #[track_caller]
    pub fn hides(&self, text: &str) {
        self.until(&format!("{text:?} to go"), |screen| !screen.contains(text));
    }

    pub fn process(&self) -> u32 {
        self.child.process_id().expect("a running program")
    }

    /// Sends a signal by its name: `TERM`, `KILL`, `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &self.process().to_string()]).status().unwrap();
        assert!(sent.success(), "kill -s {name}");
    }

    /// Waits for the program's end.
    #[track_caller]
    pub fn ended(mut self) -> Ended {
        let end = Instant::now() + patience();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it did not end; the screen:\n{}\n", self.screen());
            self.pass(Duration::from_millis(10));
        };
        let after = settings(&*self.master);
        // With the last handle on the terminal the reader finds its end, behind all that was written.
        drop(self.slave.take());
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        let seen = self.seen.0.lock().unwrap();
        let screen = seen.parser.screen();
        let mut left = Vec::new();
        let mut say = |wrong: bool, what: &str| {
            if wrong {
                left.push(what.to_owned());
            }
        };
        say(screen.alternate_screen(), "the alternate screen is still shown");
        say(screen.hide_cursor(), "the cursor is still hidden");
        say(screen.bracketed_paste(), "pastes are still in brackets");
        say(screen.application_cursor() || screen.application_keypad(), "the keys are still in application mode");
        say(screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None, "the mouse is still captured");
        let text = String::from_utf8_lossy(&seen.bytes).into_owned();
        say(text.rfind("\x1b[?1004h") > text.rfind("\x1b[?1004l"), "focus events are still on");
        say(text.matches("\x1b[22;2t").count() != text.matches("\x1b[23;2t").count(), "the title is not the old one");
        say(self.before != after, "the line settings are not the old ones (raw mode?)");
        Ended { status, screen: screen.contents(), written: text.clone(), left }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What was there when the program had ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// What the person sees then.
    pub screen: String,
    /// All that was ever written.
    pub written: String,
    /// What of the terminal is not as it was.
    left: Vec<String>,
}

impl Ended {
    /// Demands that the terminal is as it was.
    #[track_caller]
    pub fn restored(&self) -> &Self {
        assert!(self.left.is_empty(), "{}; the screen:\n{}\n", self.left.join("; "), self.screen);
        self
    }

    #[track_caller]
    pub fn with_code(&self, code: u32) -> &Self {
        assert_eq!((self.status.exit_code(), self.status.signal()), (code, None), "the screen:\n{}\n", self.screen);
        self
    }
}
