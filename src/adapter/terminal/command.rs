//! What is asked of the terminal beside drawing, as escape sequences. On the drawing thread alone, between two frames.

use std::io::{self, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;

use crate::port::terminal::{COPY_AT_MOST, Command};

/// A title or a notification is one short line.
const LINE_AT_MOST: usize = 200;

/// Performs one command and flushes. A text too long for the clipboard is not copied: who asks has said so before.
///
/// # Errors
///
/// The terminal cannot be written.
pub fn perform(out: &mut impl Write, command: &Command) -> io::Result<()> {
    match command {
        Command::Copy(text) if text.len() > COPY_AT_MOST => tracing::warn!(bytes = text.len(), "too long for the clipboard"),
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
    fn a_text_too_long_to_copy_leaves_the_clipboard_as_it_is_and_ends_nothing() {
        assert_eq!(written(&Command::Copy("x".repeat(COPY_AT_MOST + 1))), "");
        assert_eq!(written(&Command::Copy("x".repeat(COPY_AT_MOST))).len(), 100_000 - 8 + "\x1b]52;c;\x1b\\".len());
    }

    #[test]
    fn a_title_is_cut() {
        assert_eq!(written(&Command::Title("é".repeat(500))).chars().filter(|letter| *letter == 'é').count(), 200);
    }
}
