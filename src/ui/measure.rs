//! Measurements as they stand on screen: the last value, the limit it is held against, a small line of all values, and
//! what they come to.

use std::borrow::Cow;

use ratatui::text::Span;

use super::format;
use super::words;
use crate::config::theme::Theme;
use crate::domain::delivery::{Analysis, AnalysisPhase, Metric};

/// The most values that the line shows.
const SPARK: usize = 10;
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// A value that is no number is a message; its start tells.
const LONGEST: usize = 24;

/// Returns the number in a value as a provider gives it: `0.42`, `[0.42]`, `NaN`; none where it is no single number.
fn number(value: &str) -> Option<f64> {
    let inner = value.trim().trim_start_matches('[').trim_end_matches(']').trim();
    inner.parse().ok()
}

/// Returns a value in at most four significant digits, or as it is where it is no number.
pub(super) fn value(text: &str) -> Cow<'_, str> {
    let Some(number) = number(text) else { return format::fit(text.trim(), LONGEST) };
    if !number.is_finite() || number.fract().abs() < f64::EPSILON && number.abs() < 1e6 {
        return Cow::Owned(number.to_string());
    }
    // Below one, leading zeros are no digits: 0.004123 is 0.004123.
    let before = number.abs().max(f64::MIN_POSITIVE).log10().floor() as i32;
    let digits = usize::try_from(3 - before).unwrap_or(0).min(6);
    let text = format!("{number:.digits$}");
    Cow::Owned(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text })
}

/// Returns the last value that was measured.
pub(super) fn last(metric: &Metric) -> Option<String> {
    metric.measurements.last().filter(|last| !last.value.is_empty()).map(|last| value(&last.value).into_owned())
}

/// Returns what it is held against, short where the condition is a plain comparison: `limit < 0.05`.
pub(super) fn limit(metric: &Metric) -> Option<String> {
    let condition = metric.limit.trim();
    if condition.is_empty() {
        return None;
    }
    let (word, condition) = match condition.strip_prefix("fails if ") {
        Some(rest) => ("fails if", rest),
        None => ("limit", condition),
    };
    let plain = ["result[0] ", "result "].into_iter().find_map(|subject| condition.strip_prefix(subject));
    let simple = plain.filter(|rest| rest.starts_with(['<', '>', '=']) && !rest.contains("result"));
    Some(format!("{word} {}", simple.unwrap_or(condition)))
}

/// Returns the values as a line of bars, each in the colour of its verdict; nothing where fewer than two are numbers.
pub(super) fn spark(theme: &Theme, metric: &Metric) -> Vec<Span<'static>> {
    let measured = metric.measurements.iter().filter_map(|one| Some((number(&one.value).filter(|value| value.is_finite())?, one.phase)));
    let all: Vec<(f64, AnalysisPhase)> = measured.collect();
    let shown = all.get(all.len().saturating_sub(SPARK)..).unwrap_or_default();
    if shown.len() < 2 {
        return Vec::new();
    }
    let (low, high) = shown.iter().fold((f64::MAX, f64::MIN), |(low, high), (value, _)| (low.min(*value), high.max(*value)));
    shown
        .iter()
        .map(|(value, phase)| {
            let height = if high > low { (value - low) / (high - low) * 7.0 } else { 3.0 };
            let bar = BARS.get(height.round() as usize).copied().unwrap_or("▁");
            let style = if *phase == AnalysisPhase::Successful { theme.muted } else { words::verdict(theme, *phase).1 };
            Span::styled(bar, style)
        })
        .collect()
}

/// Returns how many measurements were taken, and what they came to: `3 of 5, 1 failed, none may`.
pub(super) fn tally(metric: &Metric) -> String {
    let mut told = vec![match metric.planned {
        Some(planned) if metric.phase.over() => format!("{} of {planned}", metric.taken.min(planned.max(metric.taken))),
        Some(planned) => format!("{} of {planned}", metric.taken),
        None => format!("{} taken", metric.taken),
    }];
    if metric.failed > 0 {
        let may = if metric.failure_limit == 0 { "none may".to_owned() } else { format!("{} may", metric.failure_limit) };
        told.push(format!("{} failed, {may}", metric.failed));
    }
    if metric.inconclusive > 0 {
        told.push(format!("{} undecided", metric.inconclusive));
    }
    if metric.errors > 0 {
        told.push(format!("{} without an answer", metric.errors));
    }
    told.join(", ")
}

/// Returns how far an analysis is: of the metric that takes longest.
pub(super) fn counted(analysis: &Analysis) -> Option<String> {
    let longest = analysis.metrics.iter().max_by_key(|metric| metric.planned.unwrap_or(u32::MAX))?;
    Some(match longest.planned {
        Some(planned) => format!("{} of {planned}", longest.taken),
        None => format!("{} taken", longest.taken),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Measurement;

    fn metric(limit: &str, values: &[&str]) -> Metric {
        let one = |value: &&str| Measurement { phase: AnalysisPhase::Successful, value: (*value).to_owned(), at: None };
        Metric {
            name: "errors".into(),
            phase: AnalysisPhase::Running,
            limit: limit.into(),
            planned: Some(5),
            taken: 3,
            successful: 2,
            failed: 1,
            inconclusive: 0,
            errors: 0,
            failure_limit: 0,
            dry_run: false,
            message: String::new(),
            measurements: values.iter().map(one).collect(),
        }
    }

    #[test]
    fn a_value_is_a_short_number_or_what_the_provider_said() {
        for (told, shown) in [
            ("[0.42]", "0.42"),
            ("0.0041237", "0.004124"),
            ("[1]", "1"),
            ("212.3456", "212.3"),
            ("NaN", "NaN"),
            ("[0.1,0.2]", "[0.1,0.2]"),
            ("Post \"http://prometheus\": no such host", "Post \"http://prometheus…"),
        ] {
            assert_eq!(value(told), shown);
        }
    }

    #[test]
    fn a_plain_comparison_is_told_without_its_subject() {
        for (condition, said) in [
            ("result[0] < 0.05", Some("limit < 0.05")),
            ("fails if result >= 0.1", Some("fails if >= 0.1")),
            ("result[0] < 1 && result[1] > 2", Some("limit result[0] < 1 && result[1] > 2")),
            ("isNaN(result)", Some("limit isNaN(result)")),
            ("", None),
        ] {
            assert_eq!(limit(&metric(condition, &[])).as_deref(), said);
        }
    }

    #[test]
    fn values_are_a_line_only_where_they_are_numbers() {
        let theme = Theme::named("dark").unwrap();
        let line = |values: &[&str]| spark(&theme, &metric("", values)).iter().map(|span| span.content.to_string()).collect::<String>();
        assert_eq!(line(&["[0]", "[1]", "[0.5]"]), "▁█▅");
        assert_eq!(line(&["2", "2"]), "▄▄");
        assert_eq!(line(&["2"]), "");
        assert_eq!(line(&["no such host", "NaN", "3"]), "");
    }

    #[test]
    fn the_tally_says_how_many_may_fail() {
        assert_eq!(tally(&metric("", &[])), "3 of 5, 1 failed, none may");
    }
}
