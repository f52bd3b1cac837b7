//! Text that a terminal may be given: a log line can hold escapes that move the cursor, set the title or write the
//! clipboard, and characters that turn the reading direction around.

use std::borrow::Cow;

/// Where a tab goes to; a tab's own width depends on where it stands, which a cut line no longer knows.
const TAB: &str = "    ";

/// Returns the text without escapes and controls.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    append(&mut out, text);
    Cow::Owned(out)
}

/// Appends bytes as clean text; what is no UTF-8 becomes `�`.
pub fn append_clean(out: &mut String, raw: &[u8]) {
    match std::str::from_utf8(raw) {
        Ok(text) if raw.iter().copied().all(plain) => out.push_str(text),
        Ok(text) => append(out, text),
        Err(_) => append(out, &String::from_utf8_lossy(raw)),
    }
}

/// Printable ASCII: nearly every line consists of it alone.
fn plain(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

fn append(out: &mut String, text: &str) {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\t' => out.push_str(TAB),
            '\u{1b}' => escape(&mut chars),
            // The same in one character: CSI, and the strings.
            '\u{9b}' => control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => string(&mut chars),
            _ if char.is_control() || turns(char) => {}
            _ => out.push(char),
        }
    }
}

/// Takes the rest of an escape off. What is cut short ends with the line.
fn escape(chars: &mut std::str::Chars<'_>) {
    loop {
        let mut ahead = chars.clone();
        match ahead.next() {
            Some('[') => {
                *chars = ahead;
                return control_sequence(chars);
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                *chars = ahead;
                return string(chars);
            }
            // Intermediates, then one final character.
            Some(' '..='/') => *chars = ahead,
            Some('0'..='~') => {
                *chars = ahead;
                return;
            }
            // Another escape, a control, or text: not ours.
            Some(_) | None => return,
        }
    }
}

/// Parameters and intermediates up to the final character; a character that fits none ends it and is text.
fn control_sequence(chars: &mut std::str::Chars<'_>) {
    loop {
        let mut ahead = chars.clone();
        match ahead.next() {
            Some(' '..='?') => *chars = ahead,
            Some('@'..='~') => {
                *chars = ahead;
                return;
            }
            Some(_) | None => return,
        }
    }
}

/// A string up to BEL or ST, or to the end of the line.
fn string(chars: &mut std::str::Chars<'_>) {
    while let Some(char) = chars.next() {
        match char {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                if chars.clone().next() == Some('\\') {
                    chars.next();
                    return;
                }
            }
            _ => {}
        }
    }
}

/// Returns whether a character turns the reading direction around or separates lines, unseen.
fn turns(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_go_and_text_stays() {
        for (raw, want) in [
            ("plain", "plain"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]52;c;ZXZpbA==\u{1b}\\after", "after"),
            ("\u{9b}31mred", "red"),
            ("\u{9d}0;title\u{9c}after", "after"),
            ("\u{1b}P1$r\u{1b}\\dcs", "dcs"),
            ("\u{1b}(Bcharset", "charset"),
            ("\u{1b}cfull reset", "full reset"),
            ("a\tb\rc\u{8}d", "a    bcd"),
            ("cut \u{1b}[3", "cut "),
            ("abc\u{202e}def", "abcdef"),
            ("übergröße 漢字 🦀", "übergröße 漢字 🦀"),
        ] {
            assert_eq!(clean(raw), want, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_escape_and_no_control_ever_remains(raw in proptest::collection::vec(prop_oneof![
            4 => any::<u8>(), 2 => Just(0x1b), 1 => Just(b'['), 1 => Just(b']'), 1 => Just(b'm'), 1 => Just(0xc2), 1 => 0x80u8..0xa0,
        ], 0..60)) {
            let mut out = String::new();
            append_clean(&mut out, &raw);
            prop_assert!(!out.chars().any(char::is_control), "{out:?}");
            prop_assert_eq!(clean(&out), out.as_str(), "clean text stays as it is");
        }
    }
}
