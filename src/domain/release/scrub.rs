//! What a record may hold: no secrets (safety rule 10), no controls that a terminal would obey, no text without end.

use serde_json::Value;

use super::record::Entry;
use crate::domain::log;
use crate::domain::redact::redact;

/// The longest text that is kept of one field. A ConfigMap holds 1 MiB: a release of 200 entries stays far below it.
const TEXT: usize = 4 * 1024;

/// The longest line that is kept whole; an entry with more loses more of each text.
const LINE: usize = 32 * 1024;

/// The longest sentence of a problem.
const SENTENCE: usize = 240;

/// Fields that name something and are compared: the service `token` at `token=2.2.0` is no secret.
const NAMES: [&str; 17] = [
    "actor",
    "author",
    "by",
    "console",
    "digest",
    "entry",
    "environment",
    "image",
    "item",
    "of",
    "op",
    "over",
    "plan",
    "role",
    "service",
    "versions",
    "workload",
];

impl Entry {
    /// Returns the entry as it may be kept and shown. Doing it twice is doing it once.
    #[must_use]
    pub fn cleaned(self) -> Self {
        let Ok(mut value) = serde_json::to_value(&self) else { return self };
        scrub(&mut value, TEXT, false);
        if value.to_string().len() > LINE {
            scrub(&mut value, TEXT / 16, false);
        }
        serde_json::from_value(value).unwrap_or(self)
    }
}

/// Returns a sentence about what could not be read: it may quote what is hostile.
pub(super) fn sentence(text: &str) -> String {
    clean(&text.replace('\n', " "), SENTENCE, false)
}

fn scrub(value: &mut Value, most: usize, name: bool) {
    match value {
        Value::String(text) => *text = clean(text, most, name),
        Value::Array(values) => values.iter_mut().for_each(|value| scrub(value, most, name)),
        Value::Object(fields) => {
            for (field, value) in fields {
                scrub(value, most, NAMES.contains(&field.as_str()));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Controls go first: a secret may be hidden among them.
fn clean(text: &str, most: usize, name: bool) -> String {
    let clean = text.split('\n').map(log::clean).collect::<Vec<_>>().join("\n");
    let clean = if name { clean.into() } else { redact(&clean) };
    bounded(clean.trim_end(), most)
}

/// Keeps the start and the end of a text that is too long: of a program's output both tell something.
fn bounded(text: &str, most: usize) -> String {
    const GAP: &str = "\n… left out …\n";
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(GAP.len());
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let head = (0..=room * 2 / 3).rev().find(boundary).unwrap_or(0);
    let tail = (text.len() - room.saturating_sub(head)..text.len()).find(boundary).unwrap_or(text.len());
    format!("{}{GAP}{}", text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default())
}
