//! What is asked of the terminal beside drawing, as escape sequences. On the drawing thread alone, between two frames.

use std::io::{self, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;

use crate::port::terminal::Command;

/// What xterm and tmux take of OSC 52: 100,000 characters of base64.
const COPY_AT_MOST: usize = 74_994;
/// A title or a notification is one short line.
const LINE_AT_MOST: usize = 200;

/// Performs one command and flushes.
///
/// # Errors
///
/// A text too long for the clipboard, said as a sentence; or the terminal does not take it.
pub fn perform(out: &mut impl Write, command: &Command) -> io::Result<()> {
    match command {
        Command::Copy(text) if text.len() > COPY_AT_MOST => {
            let sentence = format!("{} bytes are too many for the terminal's clipboard, which takes {COPY_AT_MOST}", text.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        // Base64: whatever the text holds, it cannot end the sequence.
        Command::Copy(text) => queue!(out, CopyToClipboard::to_clipboard_from(text))?,
        Command::Title(text) => write!(out, "\x1b]2;{}\x07", line(text))?,
        Command::Bell => out.write_all(b"\x07")?,
        Command::Notify(text) => {
            let text = line(text);
            // `9;4;…` is another terminal's progress bar.
            let space = if text.starts_with(|first: char| first.is_ascii_digit()) { " " } else { "" };
            write!(out, "\x1b]9;{space}{text}\x07")?;
        }
    }
    out.flush()
}

/// A text from a cluster must not end the sequence that it stands in, nor turn the writing direction.
fn line(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|letter| !letter.is_control() && !turns(*letter)).take(LINE_AT_MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(command: &Command) -> String {
        let mut out = Vec::new();
        perform(&mut out, command).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_command_is_its_sequence() {
        for (command, sequence) in [
            (Command::Copy("pod\n".into()), "\x1b]52;c;cG9kCg==\x1b\\"),
            (Command::Title("rolldeck · production".into()), "\x1b]2;rolldeck · production\x07"),
            (Command::Bell, "\x07"),
            (Command::Notify("backend failed".into()), "\x1b]9;backend failed\x07"),
            (Command::Notify("4;1;50".into()), "\x1b]9; 4;1;50\x07"),
        ] {
            assert_eq!(written(&command), sequence);
        }
    }

    #[test]
    fn a_text_cannot_end_its_sequence() {
        let evil = "a\x07b\x1b]52;c;eA==\x07c\u{9c}d\u{202e}e\nf";
        assert_eq!(written(&Command::Title(evil.into())), "\x1b]2;ab]52;c;eA==cdef\x07");
        assert_eq!(written(&Command::Notify(evil.into())), "\x1b]9;ab]52;c;eA==cdef\x07");
    }

    #[test]
    fn a_text_too_long_to_copy_is_refused_and_nothing_is_written() {
        let mut out = Vec::new();
        assert!(perform(&mut out, &Command::Copy("x".repeat(74_995))).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn a_title_is_cut() {
        assert_eq!(written(&Command::Title("é".repeat(500))).chars().filter(|letter| *letter == 'é').count(), 200);
    }
}
