//! Takes secrets out of a line before it is shown: a plan holds none, but a person may have pasted one into it.

use std::sync::LazyLock;

use regex::Regex;
use unicode_width::UnicodeWidthStr as _;

/// The password in a URL, and the value of a key whose name says that it is secret.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?P<lead>://[^/\s:@]*:)(?P<url>[^/\s@]+)@",
        r#"|(?P<key>[\w."'-]*(?:token|passw|secret|credential|api-?_?key)[\w."'-]*\s*=\s*)(?P<value>\S.*)"#
    ))
    .ok()
});

/// Returns the text with each secret replaced by as many stars as it has columns, so that a caret under it stays right.
pub(super) fn masked(text: &str) -> String {
    let Some(pattern) = SECRET.as_ref() else { return "*".repeat(text.width()) };
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for found in pattern.captures_iter(text) {
        let Some(secret) = found.name("url").or_else(|| found.name("value")) else { continue };
        out.push_str(text.get(from..secret.start()).unwrap_or_default());
        out.push_str(&"*".repeat(secret.as_str().width()));
        from = secret.end();
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_become_stars_of_the_same_width() {
        for (line, shown) in [
            (r#"image = "trixtech/backend""#, r#"image = "trixtech/backend""#),
            (r#"image = "https://ana:hunter2@registry/x""#, r#"image = "https://ana:*******@registry/x""#),
            (r#"api_token = "abc""#, "api_token = *****"),
            (r#"hook = { password = "日本" }"#, "hook = { password = ********"),
            (r#"context = "token-free""#, r#"context = "token-free""#),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
