//! A comparison, as a person writes it: `< 0.5`, `/status == "ok"`.

use serde_json::Value;
use toml::Spanned;

use super::build::Build;
use crate::domain::release::checklist::{Comparison, Operator};

/// The signs; those of two letters first, because one of them begins with one of one.
const SIGNS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
];

/// Reads a limit.
pub(super) fn of_number(build: &mut Build<'_>, given: &Spanned<String>) -> Option<Comparison> {
    let text = given.get_ref().trim();
    let read = SIGNS.iter().find_map(|(sign, operator)| {
        let number = text.strip_prefix(sign)?.trim().parse::<f64>().ok().and_then(serde_json::Number::from_f64)?;
        Some(Comparison { operator: *operator, value: Value::Number(number) })
    });
    if read.is_none() {
        build.push(given.span(), format!("`{text}` is no limit")).label("as \"< 0.5\" or \">= 99.9\"");
    }
    read
}

/// Reads a comparison of what a JSON pointer (RFC 6901) names. A word without quotes is a string.
pub(super) fn of_json(build: &mut Build<'_>, given: &Spanned<String>) -> Option<(String, Comparison)> {
    let text = given.get_ref().trim();
    let first = SIGNS.iter().filter_map(|(sign, operator)| Some((text.find(sign)?, *sign, *operator))).min_by_key(|(at, ..)| *at);
    let read = first.and_then(|(at, sign, operator)| {
        let (pointer, value) = (text.get(..at)?.trim(), text.get(at + sign.len()..)?.trim());
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        let scalar = !value.is_array() && !value.is_object() && value != "";
        let ordered = matches!(operator, Operator::Equal | Operator::Unequal) || value.is_number();
        let valid = scalar && ordered && (pointer.is_empty() || pointer.starts_with('/'));
        valid.then(|| (pointer.to_owned(), Comparison { operator, value }))
    });
    if read.is_none() {
        build
            .push(given.span(), format!("`{text}` compares nothing"))
            .label("a JSON pointer, a sign and a value: '/status == \"ok\"' or \"/errors < 5\"");
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::position::Source;

    fn read<T>(text: &str, reader: fn(&mut Build<'_>, &Spanned<String>) -> Option<T>) -> Option<T> {
        let (source, mut errors) = (Source::new("p", text), Vec::new());
        let found = reader(&mut Build::new(&source, &mut errors), &Spanned::new(0..0, text.to_owned()));
        assert_eq!(found.is_none(), !errors.is_empty(), "{text}");
        found
    }

    #[test]
    fn a_limit_is_a_sign_and_a_number() {
        for (text, sign, value) in
            [("< 0.5", "<", 0.5), ("<=1", "≤", 1.0), (">= 99.9", "≥", 99.9), ("== 0", "=", 0.0), ("!= -1", "≠", -1.0)]
        {
            let found = read(text, of_number).unwrap();
            assert_eq!((found.operator.sign(), found.value.as_f64()), (sign, Some(value)), "{text}");
        }
        for text in ["0.5", "<", "< fast", "=> 1", "< NaN", ""] {
            assert!(read(text, of_number).is_none(), "{text}");
        }
    }

    #[test]
    fn a_json_comparison_is_a_pointer_a_sign_and_a_scalar() {
        for (text, pointer, value) in [
            ("/status == ok", "/status", serde_json::json!("ok")),
            ("/status == \"a b\"", "/status", serde_json::json!("a b")),
            ("/a/0/ready==true", "/a/0/ready", serde_json::json!(true)),
            ("/errors <= 5", "/errors", serde_json::json!(5)),
            ("== up", "", serde_json::json!("up")),
            ("/x != null", "/x", serde_json::json!(null)),
        ] {
            let (found, comparison) = read(text, of_json).unwrap();
            assert_eq!((found.as_str(), &comparison.value), (pointer, &value), "{text}");
        }
        for text in ["/status", "status == ok", "/a < slow", "/a == [1]", "/a == ", ""] {
            assert!(read(text, of_json).is_none(), "{text}");
        }
    }
}
