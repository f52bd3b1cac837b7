//! Takes the terminal and gives it back as it was, however the console ends.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// The title is kept on the terminal's stack (XTWINOPS 22), then: alternate screen, bracketed paste, focus events.
const ENTER: &[u8] = b"\x1b[22;2t\x1b[?1049h\x1b[?2004h\x1b[?1004h";
/// The same backwards, with the mouse off, plain text, the cursor's own shape and the cursor shown.
const LEAVE: &[u8] = b"\x1b[?1006l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[0 q\x1b[?1049l\x1b[?25h\x1b[23;2t";
/// Buttons and wheel (1000) in decimal (1006). Not 1003, which tells of every move and would wake the console for each.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is ours: giving it back twice would clear what the shell has written since.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The thread that draws. A panic there ends the console; a panic of a task does not.
static DRAWS: Mutex<Option<ThreadId>> = Mutex::new(None);

/// The terminal, taken. Gives it back when dropped.
#[derive(Debug)]
#[must_use = "the terminal is given back when this is dropped"]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: raw mode, the alternate screen, and what else the console listens to.
    ///
    /// # Errors
    ///
    /// Standard input or output is no terminal, or does not let itself be set; it is then as it was.
    pub fn enter(capture_mouse: bool) -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the console needs a terminal for its input and its output"));
        }
        enable_raw_mode()?;
        *DRAWS.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Self(());
        let mut out = io::stdout();
        out.write_all(ENTER)?;
        mouse(&mut out, capture_mouse)?;
        out.flush()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Captures the mouse or lets it go. Not flushed.
pub fn mouse(out: &mut impl Write, capture: bool) -> io::Result<()> {
    out.write_all(if capture { MOUSE_ON } else { MOUSE_OFF })
}

/// Gives the terminal back, once. Errors are nobody's: after a hang-up there is no terminal to give back.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = out.write_all(LEAVE).and_then(|()| out.flush());
        let _ = disable_raw_mode();
    }
}

/// Returns whether the terminal is taken and another thread draws on it.
pub(super) fn drawn_elsewhere() -> bool {
    let draws = *DRAWS.lock().unwrap_or_else(PoisonError::into_inner);
    TAKEN.load(Ordering::SeqCst) && draws != Some(thread::current().id())
}
