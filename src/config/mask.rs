//! Takes secrets out of a line that is shown with a caret under it: a plan holds none, but a person may have pasted one.

use unicode_width::UnicodeWidthChar as _;

use crate::domain::redact::redact;

/// Returns the text with what [`redact`] takes out replaced by as many stars as it has columns, so that a caret stays right.
pub(super) fn masked(text: &str) -> String {
    let clean = redact(text);
    if clean == text {
        return text.to_owned();
    }
    // From the first to the last difference: between two secrets nothing is worth showing.
    let before = text.chars().zip(clean.chars()).take_while(|(a, b)| a == b).count();
    let after = text.chars().rev().zip(clean.chars().rev()).take_while(|(a, b)| a == b).count();
    let all = text.chars().count();
    let after = after.min(all - before).min(clean.chars().count().saturating_sub(before));
    text.chars()
        .enumerate()
        .flat_map(|(at, character)| {
            let hidden = at >= before && at < all - after;
            std::iter::repeat_n(if hidden { '*' } else { character }, if hidden { character.width().unwrap_or(0) } else { 1 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::masked;

    #[test]
    fn secrets_become_stars_of_the_same_width() {
        for (line, secret) in [
            (r#"image = "trixtech/backend""#, None),
            (r#"context = "token-free""#, None),
            (r#"image = "https://ana:hunter2@registry/x""#, Some("hunter2")),
            (r#"api_token = "abc""#, Some("abc")),
            (r#"hook = { password = "日本" }, b = 1"#, Some("日本")),
        ] {
            let shown = masked(line);
            assert_eq!(shown.width(), line.width(), "{shown}");
            match secret {
                Some(secret) => assert!(!shown.contains(secret) && shown.contains('*'), "{shown}"),
                None => assert_eq!(shown, line),
            }
        }
    }
}
