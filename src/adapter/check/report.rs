//! What a check says of one service, and how several become one answer.

use std::borrow::Cow;
use std::time::Duration;

use crate::adapter::clock;
use crate::domain::log::clean;
use crate::domain::redact::{MARK, redact};
use crate::domain::release::checklist::Verdict;
use crate::port::check::Found;

/// The one line of evidence: it stands in a table and in a record that has a limit.
const EVIDENCE_AT_MOST: usize = 300;
/// An address that is cut leads nowhere: a longer one is not kept.
const LINK_AT_MOST: usize = 1_000;
/// What is kept of a program's output or of an answer, over all services.
const OUTPUT_AT_MOST: usize = 20 * 1024;

/// What came of a check for one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub verdict: Verdict,
    pub evidence: String,
    pub output: String,
    pub link: Option<String>,
}

impl Report {
    /// Returns one with nothing but its sentence.
    pub(super) fn new(verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self { verdict, evidence: evidence.into(), output: String::new(), link: None }
    }

    /// Returns that it could not be found out.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::new(Verdict::Unknown, why)
    }

    /// Adds more than a line can say.
    pub(super) fn with_output(self, output: String) -> Self {
        Self { output, ..self }
    }

    /// Adds an address that shows it.
    pub(super) fn with_link(self, link: impl Into<String>) -> Self {
        Self { link: Some(link.into()), ..self }
    }

    /// Returns it as it is told, at this time.
    pub(super) fn found(self) -> Found {
        Found {
            verdict: self.verdict,
            at: clock::now(),
            evidence: one_line(&self.evidence),
            output: cut(&self.output, OUTPUT_AT_MOST).into_owned(),
            link: self.link.map(|link| redact(&clean(&link)).into_owned()).filter(|link| link.len() <= LINK_AT_MOST),
        }
    }
}

/// Makes one answer of those for each service: as bad as the worst, which is told first. Unknown is not failed, and outweighs
/// what passed.
pub(super) fn together(mut reports: Vec<(String, Report)>) -> Report {
    if reports.len() == 1
        && let Some((_, only)) = reports.pop()
    {
        return only;
    }
    let badness = |verdict: Verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Unknown | Verdict::Pending => 1,
        Verdict::Pass => 2,
    };
    reports.sort_by_key(|(_, report)| badness(report.verdict));
    let Some(worst) = reports.first().map(|(_, report)| report.verdict) else {
        return Report::unknown("the release names no service");
    };
    let evidence: Vec<String> = reports.iter().map(|(service, report)| format!("{service}: {}", report.evidence)).collect();
    let share = OUTPUT_AT_MOST / reports.len();
    let outputs: Vec<String> = reports
        .iter()
        .filter(|(_, report)| !report.output.is_empty())
        .map(|(service, report)| format!("{service}:\n{}", cut(&report.output, share.saturating_sub(service.len() + 3))))
        .collect();
    let link = reports.iter().find_map(|(_, report)| report.link.clone());
    Report { verdict: worst, evidence: evidence.join("; "), output: outputs.join("\n"), link }
}

/// Returns text as one line that may be kept: no controls, no secret, not too long.
pub(super) fn one_line(text: &str) -> String {
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&redact(&clean(&spaced)), EVIDENCE_AT_MOST).into_owned()
}

/// Returns lines that may be kept: no controls, no secret, and of a line that was written over its last state.
pub(super) fn lines(text: &str) -> String {
    let shown = |line: &str| clean(line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()).into_owned();
    let lines: Vec<String> = text.lines().map(shown).collect();
    redact(&lines.join("\n")).trim_end().to_owned()
}

/// Returns the text without the values of secrets that the check was given.
pub(super) fn without(text: String, secrets: &[String]) -> String {
    // Shorter ones would take half of the words with them, and are no secrets.
    let worth = |secret: &&String| secret.len() >= 6;
    secrets.iter().filter(worth).fold(text, |text, secret| if text.contains(secret) { text.replace(secret, MARK) } else { text })
}

/// Returns the start of a text, with a sign where it was cut.
pub(super) fn cut(text: &str, at_most: usize) -> Cow<'_, str> {
    if text.len() <= at_most {
        return Cow::Borrowed(text);
    }
    let room = at_most.saturating_sub('…'.len_utf8());
    let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// Returns a length of time as evidence tells it: `84 ms`, `1.2 s`, `2 min 5 s`.
pub(super) fn length(length: Duration) -> String {
    let millis = length.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 if millis % 1_000 >= 50 => format!("{:.1} s", length.as_secs_f64()),
        1_000..60_000 => format!("{} s", (millis + 500) / 1_000),
        _ if length.as_secs().is_multiple_of(60) => format!("{} min", length.as_secs() / 60),
        _ => format!("{} min {} s", length.as_secs() / 60, length.as_secs() % 60),
    }
}

/// Returns bytes as evidence tells them: `42 bytes`, `1.0 MiB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} bytes"),
        1_024..1_048_576 => format!("{:.1} KiB", count as f64 / 1_024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_services_is_told_first_and_unknown_outweighs_pass() {
        let of = |verdicts: &[(&str, Verdict)]| {
            together(verdicts.iter().map(|(name, verdict)| ((*name).into(), Report::new(*verdict, verdict.word()))).collect())
        };
        let all = of(&[("a", Verdict::Pass), ("b", Verdict::Unknown), ("c", Verdict::Fail)]);
        assert_eq!((all.verdict, all.evidence.as_str()), (Verdict::Fail, "c: fail; b: unknown; a: pass"));
        assert_eq!(of(&[("a", Verdict::Pass), ("b", Verdict::Unknown)]).verdict, Verdict::Unknown);
        assert_eq!(of(&[("a", Verdict::Pass), ("b", Verdict::Pass)]).verdict, Verdict::Pass);
        assert_eq!(of(&[("a", Verdict::Pass)]).evidence, "pass", "one needs no name");
        assert_eq!(of(&[]).verdict, Verdict::Unknown, "nothing is no pass");
    }

    #[test]
    fn what_is_told_holds_no_escape_and_no_secret() {
        let told = Report::new(Verdict::Fail, "a\nb \u{1b}[31mred\u{1b}[0m token=abcdefgh").found();
        assert_eq!(told.evidence, "a b red token=[redacted]");
        assert_eq!(lines("10 %\r50 %\r100 %\r\nto\u{1b}[1mken\u{1b}[0m: abcdefgh\n\n"), "100 %\ntoken: [redacted]");
        assert_eq!(without("x hunter22 y".into(), &["hunter22".into(), "y".into()]), "x [redacted] y");
        assert!(Report::new(Verdict::Fail, "é".repeat(4_000)).found().evidence.len() <= EVIDENCE_AT_MOST);
    }

    #[test]
    fn lengths_and_bytes_read_as_a_person_says_them() {
        for (millis, text) in
            [(84, "84 ms"), (1_000, "1 s"), (1_234, "1.2 s"), (30_012, "30 s"), (120_000, "2 min"), (125_000, "2 min 5 s")]
        {
            assert_eq!(length(Duration::from_millis(millis)), text);
        }
        assert_eq!((bytes(42), bytes(1_536), bytes(10 << 20)), ("42 bytes".into(), "1.5 KiB".into(), "10.0 MiB".into()));
    }
}
