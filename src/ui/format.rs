//! Figures and texts as they stand on screen: ages, durations, bytes, shares of a core, counts, and text that is cut
//! with an ellipsis where it does not fit. Pure.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Returns a length of time as a person says it, in at most two units: `14 s`, `4 m`, `1 h 42 m`, `3 d`.
pub fn age(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 60 => format!("{minutes} m"),
        () if hours < 10 && minutes % 60 > 0 => format!("{hours} h {} m", minutes % 60),
        () if hours < 48 => format!("{hours} h"),
        () => format!("{days} d"),
    }
}

/// Returns how long ago something was; nothing is in the future (the clocks of nodes differ).
pub fn since(now: Timestamp, then: Timestamp) -> String {
    age(now.duration_since(then))
}

/// Returns a running time or a countdown: `04:12`, `1:04:12`.
pub fn clock(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// Returns bytes in the units of Kubernetes, with a fraction only below ten: `210Mi`, `1.5Gi`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "Ki", "Mi", "Gi", "Ti"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit > 0 && value < 9.95 && (value - value.round()).abs() >= 0.05 {
        format!("{value:.1}{name}")
    } else {
        format!("{value:.0}{name}")
    }
}

/// Returns thousandths of a core: `120m`, `2.5`.
pub fn cpu(millis: u32) -> String {
    if millis < 1_000 { format!("{millis}m") } else { format!("{:.1}", f64::from(millis) / 1_000.0) }
}

/// Returns a number with its noun: `1 pod`, `3 pods`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Returns the time of day: `22:18:07`.
pub fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// Returns the time of day without seconds: `22:18`; with the date where it was another day.
pub fn minute(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    if at.date() == now.date() { at.strftime("%H:%M").to_string() } else { at.strftime("%-d %b %H:%M").to_string() }
}

/// Returns a sentence with a capital.
pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Cuts a text to so many columns; what is cut ends with an ellipsis. Never splits a character.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    match columns.checked_sub(1) {
        Some(room) => Cow::Owned(format!("{}…", head(text, room))),
        None => Cow::Borrowed(""),
    }
}

/// Returns the longest start of a text that fits into so many columns.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.grapheme_indices(true).find(|(_, grapheme)| {
        used += grapheme.width();
        used > columns
    });
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Cuts or fills a text to exactly so many columns.
pub fn pad(text: &str, columns: usize) -> String {
    let fitted = fit(text, columns);
    let fill = columns.saturating_sub(fitted.width());
    format!("{fitted}{:fill$}", "")
}

/// Cuts a line of styled spans to so many columns, with an ellipsis.
pub fn fit_line(line: Line<'_>, columns: usize) -> Line<'_> {
    if line.width() <= columns {
        return line;
    }
    let Some(mut room) = columns.checked_sub(1) else { return Line::default() };
    let mut spans: Vec<Span<'_>> = Vec::with_capacity(line.spans.len());
    for span in line.spans {
        let width = span.width();
        if width > room {
            spans.push(Span::styled(format!("{}…", head(&span.content, room)), span.style));
            break;
        }
        room -= width;
        spans.push(span);
    }
    Line { spans, style: line.style, alignment: line.alignment }
}

/// Breaks a text into lines of at most so many columns, at spaces where there are any. At least one line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_after(text, columns, &[' '])
}

/// Breaks a request into lines: after what separates its parts.
pub fn wrap_code(text: &str, columns: usize) -> Vec<String> {
    wrap_after(text, columns, &[' ', ',', '/', '?', '&'])
}

fn wrap_after(text: &str, columns: usize, separators: &[char]) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let (mut line, mut used) = (String::new(), 0);
        for word in paragraph.split_inclusive(separators) {
            let width = word.trim_end().width();
            if used > 0 && used + width > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            for grapheme in word.graphemes(true) {
                if used + grapheme.width() > columns {
                    if grapheme == " " {
                        continue;
                    }
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(grapheme);
                used += grapheme.width();
            }
        }
        lines.push(line);
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_a_person_says_them() {
        for (seconds, said) in
            [(-3, "0 s"), (14, "14 s"), (240, "4 m"), (6_120, "1 h 42 m"), (7_200, "2 h"), (90_000, "25 h"), (260_000, "3 d")]
        {
            assert_eq!(age(SignedDuration::from_secs(seconds)), said);
        }
        assert_eq!(clock(SignedDuration::from_secs(252)), "04:12");
        assert_eq!(clock(SignedDuration::from_secs(3_852)), "1:04:12");
    }

    #[test]
    fn figures_are_short() {
        for (value, said) in [(0, "0B"), (900, "900B"), (220_200_960, "210Mi"), (1_610_612_736, "1.5Gi"), (2_147_483_648, "2Gi")] {
            assert_eq!(bytes(value), said);
        }
        assert_eq!((cpu(120), cpu(2_500)), ("120m".into(), "2.5".into()));
        assert_eq!((count(1, "pod"), count(3, "pod")), ("1 pod".into(), "3 pods".into()));
        assert_eq!(capital("roll back"), "Roll back");
    }

    #[test]
    fn text_is_cut_by_columns_and_never_within_a_character() {
        for (text, columns, cut) in [
            ("backend", 7, "backend"),
            ("backend", 5, "back…"),
            ("漢字漢字", 5, "漢字…"),
            ("漢字漢字", 4, "漢…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(fit(text, columns), cut);
            assert!(fit(text, columns).width() <= columns);
        }
        assert_eq!(pad("漢", 4), "漢  ");
    }

    #[test]
    fn a_line_of_spans_is_cut_once() {
        let line = || Line::from(vec!["ab".into(), "cd".into(), "ef".into()]);
        for columns in 0..8 {
            let cut = fit_line(line(), columns);
            assert!(cut.width() <= columns, "{columns}");
            assert_eq!(cut.to_string().contains('…'), (1..6).contains(&columns), "{columns}: {cut}");
        }
        assert_eq!(fit_line(line(), 4).to_string(), "abc…");
        assert_eq!(fit_line(line(), 3).to_string(), "ab…");
    }

    #[test]
    fn long_text_breaks_at_spaces_and_long_words_break_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap_code(r#"{"a":1,"bcd":2}"#, 9), [r#"{"a":1,"#, r#""bcd":2}"#]);
        assert_eq!(wrap("", 4), [""]);
        for columns in 1..12 {
            assert!(wrap("so 漢字漢字 it goes on", columns).iter().all(|line| line.width() <= columns.max(2)), "{columns}");
        }
    }
}
