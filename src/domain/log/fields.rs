//! JSON lines as a person reads them: message first, then the fields in the order in which they were written.
//!
//! Read when a line is drawn, never when it comes in.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::clean;

const MESSAGE: [&str; 5] = ["msg", "message", "@m", "@message", "log"];
const TIME: [&str; 7] = ["time", "ts", "timestamp", "@timestamp", "@t", "t", "datetime"];
const LEVEL: [&str; 7] = ["level", "severity", "lvl", "loglevel", "log.level", "levelname", "@l"];

/// A JSON line taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    pub message: String,
    /// Without message, time and level: these have columns of their own.
    pub rest: Vec<(String, String)>,
}

struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

impl Fields {
    /// Takes a line apart; none where it is no JSON object.
    pub fn of(text: &str) -> Option<Self> {
        if !text.starts_with('{') {
            return None;
        }
        let Pairs(pairs) = serde_json::from_str(text).ok()?;
        let mut fields = Self { message: String::new(), rest: Vec::with_capacity(pairs.len()) };
        for (key, value) in pairs {
            let known = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&key));
            // A string holds escaped what the raw line could not: it is cleaned again.
            let value = match value {
                Value::String(text) => clean(&text).into_owned(),
                other => clean(&other.to_string()).into_owned(),
            };
            if fields.message.is_empty() && known(&MESSAGE) {
                fields.message = value;
            } else if !known(&TIME) && !known(&LEVEL) {
                fields.rest.push((clean(&key).into_owned(), value));
            }
        }
        Some(fields)
    }
}

/// Returns a line as it is shown: `timeout calling ledger  status=504 path="/a b"` of a JSON one, any other as it is.
pub fn shown(text: &str) -> Cow<'_, str> {
    let Some(fields) = Fields::of(text) else { return Cow::Borrowed(text) };
    let mut out = fields.message;
    for (at, (key, value)) in fields.rest.iter().enumerate() {
        if !out.is_empty() {
            out.push_str(if at == 0 { "  " } else { " " });
        }
        let quoted = value.is_empty() || value.contains([' ', '"']) && !value.starts_with(['{', '[']);
        // Writing to a String cannot fail.
        let _ = if quoted { write!(out, "{key}={value:?}") } else { write!(out, "{key}={value}") };
    }
    if out.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_read_message_first_and_fields_in_order() {
        for (text, want) in [
            (
                r#"{"ts":"2026","level":"error","msg":"timeout calling ledger","status":504,"path":"/a b"}"#,
                "timeout calling ledger  status=504 path=\"/a b\"",
            ),
            (r#"{"z":1,"a":{"b":2},"message":"m"}"#, r#"m  z=1 a={"b":2}"#),
            (r#"{"level":"info"}"#, r#"{"level":"info"}"#),
            ("plain", "plain"),
            ("{not json", "{not json"),
            (r#"{"msg":"\u001b[2Jcleared\u0007"}"#, "cleared"),
        ] {
            assert_eq!(shown(text), want);
        }
    }
}
