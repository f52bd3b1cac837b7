//! Takes secrets out of text before it is kept: the log, the journal, a report, an error (safety rule 10).
//!
//! Better one word too many than a token: `secret: not found` loses its `not`. What keeps its value is what diagnosis
//! needs, such as the `certificate: UnknownIssuer` of a failed handshake.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// Names whose values are secret, at the end of a longer name as well: `DB_PASSWORD`, `client-key-data`.
const NAMES: &str = "authorization|password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?key|\
                     (?:key|certificate|cert|certificate-authority|ca)-data|credentials?";

/// A compiled pattern and what is left of a match.
type Rule = (Regex, &'static str);

/// None: a pattern does not compile, which a test rules out; then nothing is let through.
static RULES: LazyLock<Option<Vec<Rule>>> = LazyLock::new(|| {
    [
        // A private key, whole or cut off.
        (r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)".to_owned(), MARK),
        // The same in base64, as a kubeconfig carries it ("-----BEG").
        (r"\bLS0tLS1CRUdJ[A-Za-z0-9+/=]+".to_owned(), MARK),
        // A JSON Web Token: `{"` in base64, twice.
        (r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?".to_owned(), MARK),
        // What stands before the host of a URL; the last `@` counts, for a password may hold one.
        (r#"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#"'<>]*@"#.to_owned(), "${1}[redacted]@"),
        (r"(?i)\b((?:set-)?cookie\s*:\s*)[^\r\n]+".to_owned(), "${1}[redacted]"),
        // An environment variable of a template: the name and the value are two fields.
        (
            format!(
                r#"(?i)(\\*"name\\*"\s*:\s*\\*"[^"]*(?:{NAMES}|key)[^"]*"\s*,\s*\\*"value\\*"\s*:\s*\\*")(?:[^"\\]|\\+[^"\\]|\\")*?(\\*"|$)"#
            ),
            "${1}[redacted]${2}",
        ),
    ]
    .into_iter()
    .map(|(pattern, mark)| Some((Regex::new(&pattern).ok()?, mark)))
    .collect()
});

/// `name: value` in its many spellings: YAML, JSON, JSON within a string, a query, Rust's own `Debug`.
static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r#"(?i)((?:{NAMES})\\*["']?\s*[:=]\s*(?:Some\()?)((?:\\+"(?:[^"\\]|\\+[^"\\])*(?:\\+"|$))|(?:"(?:[^"\\]|\\.)*(?:"|$))|(?:'[^']*(?:'|$))|(?:(?:bearer|basic|digest|token|negotiate)\s+)?[^\s&"'\\\{{\[][^\s&"']*)"#
    ))
    .ok()
});

/// `Bearer …` wherever it stands.
static BEARER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?i)\b(bearer\s+)[^\s"'\\\[][^\s"'\\]*"#).ok());

/// Returns the text without what looks like a secret. Costs a scan a rule and no copy where nothing is found.
pub fn redact(text: &str) -> Cow<'_, str> {
    let (Some(rules), Some(pair), Some(bearer)) = (RULES.as_ref(), PAIR.as_ref(), BEARER.as_ref()) else {
        return Cow::Borrowed(MARK);
    };
    let mut clean = Cow::Borrowed(text);
    for (pattern, mark) in rules {
        clean = replaced(clean, |text| pattern.replace_all(text, *mark));
    }
    clean = replaced(clean, |text| pair.replace_all(text, |found: &Captures<'_>| without_value(found)));
    replaced(clean, |text| bearer.replace_all(text, "${1}[redacted]"))
}

/// Keeps the borrow where a rule found nothing.
fn replaced(text: Cow<'_, str>, rule: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    let new = match rule(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(new) => Some(new),
    };
    new.map_or(text, Cow::Owned)
}

/// The name and the quotes stay, so that JSON is still JSON.
fn without_value(found: &Captures<'_>) -> String {
    let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
    let (name, value) = (part(1), part(2));
    let bare = value.trim_start_matches('\\');
    let Some(quote @ ('"' | '\'')) = bare.chars().next() else { return format!("{name}{MARK}") };
    let open = value.get(..=value.len() - bare.len()).unwrap_or(value);
    let closed = bare.len() > 1 && bare.ends_with(quote);
    format!("{name}{open}{MARK}{}", if closed { open } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_what_explains_them_stays() {
        for (text, clean) in [
            ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
            ("authorization: Basic dXNlcjpwYXNz rest", "authorization: [redacted] rest"),
            (r#""authorization": "Bearer abc""#, r#""authorization": "[redacted]""#),
            ("sent with bearer 0a1b2c3d, twice", "sent with bearer [redacted] twice"),
            ("token: 0123456789abcdef", "token: [redacted]"),
            ("    token: \"a b c\"\n    user: x", "    token: \"[redacted]\"\n    user: x"),
            ("client-key-data: TFMwdEx", "client-key-data: [redacted]"),
            ("client-certificate-data: abcd==", "client-certificate-data: [redacted]"),
            ("certificate-authority-data: abcd==", "certificate-authority-data: [redacted]"),
            ("x LS0tLS1CRUdJTiBSU0E= y", "x [redacted] y"),
            ("DB_PASSWORD=hunter2 next", "DB_PASSWORD=[redacted] next"),
            ("password='it is long' next", "password='[redacted]' next"),
            (r#"{"password":"a\"b","user":"x"}"#, r#"{"password":"[redacted]","user":"x"}"#),
            (r#""{\"token\":\"abc\",\"user\":\"x\"}""#, r#""{\"token\":\"[redacted]\",\"user\":\"x\"}""#),
            (r#"AuthInfo { token: Some("abc"), user: None }"#, r#"AuthInfo { token: Some("[redacted]"), user: None }"#),
            ("https://ana:s3cr3t@host/x", "https://[redacted]@host/x"),
            ("postgres://ana:p@ss@host:5432/db", "postgres://[redacted]@host:5432/db"),
            ("https://ghp_token@host/x?access_token=abc&y=1", "https://[redacted]@host/x?access_token=[redacted]&y=1"),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.c2ln and", "[redacted] and"),
            ("Cookie: a=b; c=d", "Cookie: [redacted]"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "[redacted]\nafter"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"),
            (
                r#"{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"MODE","value":"fast"}]}"#,
                r#"{"env":[{"name":"DB_PASSWORD","value":"[redacted]"},{"name":"MODE","value":"fast"}]}"#,
            ),
            ("password=\"never closed", "password=\"[redacted]"),
        ] {
            assert_eq!(redact(text), clean, "of {text}");
        }
    }

    #[test]
    fn plain_text_stays_as_it_is_and_is_not_copied() {
        for text in [
            "",
            "backend production: rolled back to #41 2.1.0",
            "invalid peer certificate: UnknownIssuer",
            r#"{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry:5000/team/web:1.1.0"}]}}}}"#,
            r#"{"imagePullSecrets":[{"name":"pull"}],"secretName":"tls","secretKeyRef":{"name":"db","key":"url"}}"#,
            "https://host:6443/api/v1/namespaces/x/pods?watch=true&resourceVersion=12",
            "image app@sha256:0123 of registry/app",
            "the token expired",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(kept) if kept == text), "{text} became {}", redact(text));
        }
    }

    #[test]
    fn cleaning_twice_is_cleaning_once() {
        for text in ["token: abc", r#"{"password":"x"}"#, "Authorization: Bearer x", "https://a:b@c/", "bearer x"] {
            let once = redact(text).into_owned();
            assert_eq!(redact(&once), once);
        }
    }
}
