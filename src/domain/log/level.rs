//! How grave a line says it is, read without a regular expression: this runs for every line that comes in.

use super::Level;

/// How far into a line its level is looked for.
const REACH: usize = 192;
/// The same in JSON, where a long time, caller or message may stand before it.
const REACH_JSON: usize = 2048;

const NAMES: [(&str, Level); 24] = [
    ("trace", Level::Trace),
    ("trc", Level::Trace),
    ("debug", Level::Debug),
    ("dbg", Level::Debug),
    ("info", Level::Info),
    ("inf", Level::Info),
    ("notice", Level::Info),
    ("information", Level::Info),
    ("warn", Level::Warn),
    ("warning", Level::Warn),
    ("wrn", Level::Warn),
    ("error", Level::Error),
    ("err", Level::Error),
    ("severe", Level::Error),
    ("fatal", Level::Fatal),
    ("ftl", Level::Fatal),
    ("critical", Level::Fatal),
    ("crit", Level::Fatal),
    ("panic", Level::Fatal),
    ("dpanic", Level::Fatal),
    ("alert", Level::Fatal),
    ("emerg", Level::Fatal),
    ("emergency", Level::Fatal),
    ("default", Level::Info),
];

impl Level {
    /// Reads the level out of a line: JSON (`"level":"warn"`, `"severity":"ERROR"`, pino's `"level":50`), logfmt
    /// (`level=warn`), klog (`E0712 …`), `[warn]`, `warn:` and a bare `ERROR`. A line that does not say is `Info`.
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        match bytes {
            [b'{', ..] => json(head(bytes, REACH_JSON)),
            [letter @ (b'I' | b'W' | b'E' | b'F'), day @ ..] if day.len() > 4 && day.iter().take(4).all(u8::is_ascii_digit) => match letter
            {
                b'W' => Self::Warn,
                b'E' => Self::Error,
                b'F' => Self::Fatal,
                _ => Self::Info,
            },
            _ => words(head(bytes, REACH)).unwrap_or_default(),
        }
    }

    /// Returns the level of a name: `WARNING`, `crit`.
    pub fn named(word: &[u8]) -> Option<Self> {
        if !(3..=11).contains(&word.len()) {
            return None;
        }
        NAMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }
}

fn head(bytes: &[u8], reach: usize) -> &[u8] {
    bytes.get(..reach).unwrap_or(bytes)
}

fn is_key(word: &[u8]) -> bool {
    [&b"level"[..], b"severity", b"lvl", b"loglevel", b"log.level", b"levelname", b"@l"].iter().any(|key| key.eq_ignore_ascii_case(word))
}

fn json(bytes: &[u8]) -> Level {
    let mut rest = bytes;
    while let Some(open) = memchr::memchr(b'"', rest) {
        rest = rest.get(open + 1..).unwrap_or_default();
        let mut close = 0;
        loop {
            match memchr::memchr2(b'"', b'\\', rest.get(close..).unwrap_or_default()) {
                Some(found) if rest.get(close + found) == Some(&b'\\') => close += found + 2,
                Some(found) => {
                    close += found;
                    break;
                }
                None => return Level::default(),
            }
        }
        let word = rest.get(..close).unwrap_or_default();
        rest = rest.get(close + 1..).unwrap_or_default();
        let Some((b':', value)) = rest.trim_ascii_start().split_first() else { continue };
        if is_key(word) {
            let value = value.trim_ascii_start();
            let word = value.strip_prefix(b"\"").unwrap_or(value);
            let end = word.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(word.len());
            let word = word.get(..end).unwrap_or_default();
            if let Some(level) = Level::named(word).or_else(|| numbered(word)) {
                return level;
            }
        }
        rest = value;
    }
    Level::default()
}

/// The numbers of pino and bunyan.
fn numbered(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"10" => Level::Trace,
        b"20" => Level::Debug,
        b"30" => Level::Info,
        b"40" => Level::Warn,
        b"50" => Level::Error,
        b"60" => Level::Fatal,
        _ => return None,
    })
}

fn words(bytes: &[u8]) -> Option<Level> {
    let mut at = 0;
    let mut count = 0;
    while let Some(skip) = bytes.get(at..)?.iter().position(u8::is_ascii_alphabetic) {
        let start = at + skip;
        let length = bytes.get(start..)?.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(bytes.len() - start);
        let end = start + length;
        let word = bytes.get(start..end)?;
        let before = start.checked_sub(1).and_then(|at| bytes.get(at).copied());
        let after = bytes.get(end).copied();
        if after == Some(b'=') && is_key(word) {
            let value = bytes.get(end + 1..)?;
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let length = value.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(value.len());
            if let Some(level) = Level::named(value.get(..length)?) {
                return Some(level);
            }
        } else if let Some(level) = Level::named(word)
            && stands_alone(before, after)
            && (word.iter().all(u8::is_ascii_uppercase) || marked(before, after, count))
        {
            return Some(level);
        }
        count += 1;
        at = end;
    }
    None
}

fn stands_alone(before: Option<u8>, after: Option<u8>) -> bool {
    matches!(before, None | Some(b' ' | b'[' | b'(' | b'<' | b'|' | b'"' | b':'))
        && matches!(after, None | Some(b' ' | b']' | b')' | b'>' | b'|' | b'"' | b':' | b','))
}

/// In small letters a level is only what is set apart as one: prose says "error" too.
fn marked(before: Option<u8>, after: Option<u8>, words_before: usize) -> bool {
    matches!((before, after), (Some(b'['), Some(b']')) | (Some(b'<'), Some(b'>')) | (Some(b'('), Some(b')')) | (Some(b'|'), Some(b'|')))
        || after == Some(b':') && words_before < 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_its_level_in_many_ways() {
        for (text, want) in [
            ("level=warn msg=\"slow\"", Level::Warn),
            ("ts=1 level=\"error\" msg=x", Level::Error),
            ("time=2026-01-02T03:04:05Z severity=CRITICAL", Level::Fatal),
            (r#"{"level":"error","msg":"x"}"#, Level::Error),
            (r#"{"ts":"2026","message":"a \"level\" of","severity":"WARNING"}"#, Level::Warn),
            (r#"{"level":50,"msg":"pino"}"#, Level::Error),
            (r#"{"msg":"level","x":1}"#, Level::Info),
            (r#"{"msg":"cut off in the mid"#, Level::Info),
            ("E1121 11:41:27.123456 1 main.go:1] boom", Level::Error),
            ("I1121 11:41:27.123456 1 main.go:1] ERROR in text", Level::Info),
            ("2026-01-02 03:04:05 ERROR timeout calling ledger", Level::Error),
            ("2026-01-02 03:04:05,123 [main] DEBUG c.e.App - hello", Level::Debug),
            ("[warn] child died", Level::Warn),
            ("2026/01/02 03:04:05 [error] 29#29: *1 open()", Level::Error),
            ("error: cannot connect", Level::Error),
            ("panic: runtime error: index out of range", Level::Fatal),
            ("no error was found", Level::Info),
            ("GET /ERROR/page 200", Level::Info),
            ("INFORMATIONAL ERRORS=0", Level::Info),
            ("served GET /bookings/17", Level::Info),
            ("", Level::Info),
            ("<6>not named", Level::Info),
        ] {
            assert_eq!(Level::of(text), want, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_level(text in ".{0,80}", json in r#"\{["\\:{}a-z0-9 level]{0,60}"#) {
            let _ = (Level::of(&text), Level::of(&json));
        }
    }
}
