//! The journal's lines as text: how an entry becomes one, and what a run of them tells. Pure.
//!
//! A line is the entry's JSON object with three fields more: `n` counts from 1, `prev` is the hash of the line before,
//! `hash` is SHA-256, in hexadecimal, over the line without `hash`, its keys sorted and no blanks. `jq -cSj 'del(.hash)'
//! | sha256sum` checks a line by hand.

use std::collections::BTreeMap;

use ring::digest;
use serde_json::Value;

use crate::domain::journal::Entry;
use crate::domain::redact::redact;

/// What the first line follows.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where the chain stands: what the next line follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// The number of the last line that could be read.
    n: u64,
    hash: String,
    /// Lines read, whether they were understood or not.
    lines: u64,
    /// The chain is taken up in the middle: the first line is believed.
    midway: bool,
}

impl Tail {
    /// Returns the tail of an empty journal.
    pub(super) fn start() -> Self {
        Self { n: 0, hash: START.into(), lines: 0, midway: false }
    }

    /// Returns a tail for a journal of which only the end is read.
    pub(super) fn midway() -> Self {
        Self { midway: true, ..Self::start() }
    }
}

/// What was found in a run of lines.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub entries: Vec<Entry>,
    /// Sentences for a person.
    pub problems: Vec<String>,
}

/// Makes an entry's line, newline and all, and moves the tail behind it. Secrets go before the hash is made.
pub(super) fn write(tail: &Tail, entry: &Entry) -> Result<(String, Tail), serde_json::Error> {
    let mut value = serde_json::to_value(entry)?;
    clean(&mut value);
    let n = tail.n + 1;
    if let Value::Object(fields) = &mut value {
        fields.insert("n".into(), n.into());
        fields.insert("prev".into(), tail.hash.as_str().into());
    }
    let hash = hash(&value);
    if let Value::Object(fields) = &mut value {
        fields.insert("hash".into(), hash.as_str().into());
    }
    let mut line = canonical(&value);
    line.push('\n');
    Ok((line, Tail { n, hash, lines: tail.lines + 1, midway: false }))
}

/// Reads lines that follow the tail and moves it behind them. A line that is wrong is a problem with its number, and
/// what follows it is read all the same.
pub(super) fn read(text: &[u8], tail: &mut Tail) -> Read {
    let mut read = Read::default();
    for line in text.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        tail.lines += 1;
        let place =
            if tail.midway || tail.n > tail.lines { format!("line {} of those read", tail.lines) } else { format!("line {}", tail.lines) };
        match take(line, tail) {
            Ok((entry, broken)) => {
                read.entries.extend(entry);
                read.problems.extend(broken.map(|what| format!("{place} {what}")));
            }
            Err(what) => read.problems.push(format!("{place} {what}")),
        }
    }
    read
}

/// Returns the entry of one line, where it is one, and what is wrong with it.
fn take(line: &[u8], tail: &mut Tail) -> Result<(Option<Entry>, Option<&'static str>), &'static str> {
    let mut value: Value = serde_json::from_slice(line).map_err(|_| "is cut off or no record; it is left out")?;
    let no_record = "is no record of this journal; it is left out";
    let fields = value.as_object_mut().ok_or(no_record)?;
    let Some(Value::String(stated)) = fields.remove("hash") else { return Err(no_record) };
    let n = fields.get("n").and_then(Value::as_u64).ok_or(no_record)?;
    let prev = fields.get("prev").and_then(Value::as_str).ok_or(no_record)?.to_owned();
    let broken = if hash(&value) != stated {
        Some("was changed after it was written: the chain is broken")
    } else if !tail.midway && (prev != tail.hash || n != tail.n + 1) {
        Some("does not follow the line before it: the chain is broken")
    } else {
        None
    };
    *tail = Tail { n, hash: stated, lines: tail.lines, midway: false };
    match serde_json::from_value(value) {
        Ok(entry) => Ok((Some(entry), broken)),
        Err(_) => Ok((None, Some(broken.unwrap_or("is of a kind that this version does not know; it is left out")))),
    }
}

fn hash(value: &Value) -> String {
    use std::fmt::Write as _;
    let digest = digest::digest(&digest::SHA256, canonical(value).as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The same text whatever order a library keeps keys in.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let fields: Vec<String> =
                sorted.into_iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(cleaned) = redact(text) {
                *text = cleaned;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => fields.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::{Body, OutcomeKind};

    fn entry(op: &str, seen: &str) -> Entry {
        Entry {
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            actor: "ana".into(),
            console: "host:1".into(),
            op: op.into(),
            body: Body::Outcome { result: OutcomeKind::Met, seen: seen.into() },
        }
    }

    fn lines(seen: &[&str]) -> Vec<String> {
        let mut tail = Tail::start();
        let write = |seen: &&str| {
            let (line, next) = write(&tail, &entry("op", seen)).unwrap();
            tail = next;
            line
        };
        seen.iter().map(write).collect()
    }

    fn problems(text: &str) -> Vec<String> {
        read(text.as_bytes(), &mut Tail::start()).problems
    }

    #[test]
    fn the_tail_after_reading_is_the_tail_after_writing() {
        let (first, tail) = write(&Tail::start(), &entry("1", "a")).unwrap();
        let (second, written) = write(&tail, &entry("2", "b")).unwrap();
        let mut tail = Tail::start();
        let read = read(format!("{first}{second}").as_bytes(), &mut tail);
        assert_eq!(tail, written);
        assert_eq!(read.problems, Vec::<String>::new());
        assert_eq!(read.entries, [entry("1", "a"), entry("2", "b")]);
    }

    #[test]
    fn a_line_is_what_it_has_always_been() {
        let line = lines(&["3 of 3 ready"]).concat();
        assert_eq!(
            line,
            "{\"actor\":\"ana\",\"at\":\"2026-01-02T03:04:05Z\",\"console\":\"host:1\",\"entry\":\"outcome\",\
             \"hash\":\"7b024a677382f2eafc36226a54cca1a4973719540ad44f425bdcd6b89c157a04\",\"n\":1,\"op\":\"op\",\
             \"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\",\
             \"result\":\"met\",\"seen\":\"3 of 3 ready\"}\n"
        );
    }

    #[test]
    fn a_changed_line_is_named_and_what_follows_is_read() {
        let lines = lines(&["a", "b", "c"]);
        let text = format!("{}{}{}", lines[0], lines[1].replace("\"b\"", "\"x\""), lines[2]);
        assert_eq!(problems(&text), ["line 2 was changed after it was written: the chain is broken"]);
        assert_eq!(read(text.as_bytes(), &mut Tail::start()).entries.len(), 3);
    }

    #[test]
    fn a_missing_line_is_named_where_it_is_missed() {
        let lines = lines(&["a", "b", "c"]);
        assert_eq!(problems(&format!("{}{}", lines[0], lines[2])), ["line 2 does not follow the line before it: the chain is broken"]);
        assert_eq!(problems(&lines[1]), ["line 1 does not follow the line before it: the chain is broken"]);
    }

    #[test]
    fn swapped_lines_are_named() {
        let lines = lines(&["a", "b", "c"]);
        assert_eq!(problems(&format!("{}{}{}", lines[1], lines[0], lines[2])).len(), 3);
    }

    #[test]
    fn rubbish_is_left_out_and_does_not_break_the_chain() {
        let lines = lines(&["a", "b"]);
        for rubbish in ["{\"n\":", "[]", "{}", "\u{0}\u{0}", "\"text\""] {
            let text = format!("{}{rubbish}\n{}", lines[0], lines[1]);
            let read = read(text.as_bytes(), &mut Tail::start());
            assert_eq!(read.entries.len(), 2, "{rubbish}");
            assert_eq!(read.problems.len(), 1, "{rubbish}: {:?}", read.problems);
            assert!(read.problems[0].starts_with("line 2 is "), "{:?}", read.problems);
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_left_out_and_chained() {
        let mut value = serde_json::to_value(entry("1", "a")).unwrap();
        value["entry"] = "handed-over".into();
        value["n"] = 1.into();
        value["prev"] = START.into();
        value["hash"] = hash(&value).into();
        let mut tail = Tail::start();
        let found = read(canonical(&value).as_bytes(), &mut tail);
        assert_eq!(found.problems, ["line 1 is of a kind that this version does not know; it is left out"]);
        let (line, _) = write(&tail, &entry("2", "b")).unwrap();
        assert_eq!(read(line.as_bytes(), &mut tail).problems, Vec::<String>::new());
    }

    #[test]
    fn secrets_never_reach_a_line() {
        let line = lines(&["the answer was: Authorization: Bearer 0a1b2c3d4e"]).concat();
        assert!(!line.contains("0a1b2c3d4e"), "{line}");
        assert_eq!(problems(&line), Vec::<String>::new());
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":null}],"a":"\"é\n"}"#).unwrap();
        assert_eq!(canonical(&value), r#"{"a":"\"é\n","b":[{"a":null,"z":1}]}"#);
    }
}
