//! The report as Markdown: tables that any forge shows. Whatever a person or a program wrote is escaped.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Report;
use crate::domain::release::approval::Choice;
use crate::domain::release::checklist::Verdict;

/// Writes the report; times are of the zone.
pub(super) fn write(report: &Report, zone: &TimeZone) -> String {
    let page = Page { report, zone };
    let parts = [page.head(), page.versions(), page.phases(), page.waits(), page.checklist(), page.approvals(), page.overrides()];
    let mut text =
        parts.into_iter().chain([page.timeline(), page.problems()]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    let name = zone.iana_name().unwrap_or("UTC");
    let _ = write!(text, "\nTimes are of {}; made {}.\n", escape(name), page.time(report.at));
    text
}

struct Page<'a> {
    report: &'a Report,
    zone: &'a TimeZone,
}

impl Page<'_> {
    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn maybe(&self, at: Option<Timestamp>) -> String {
        at.map_or("–".into(), |at| self.time(at))
    }

    fn head(&self) -> String {
        let (report, brief) = (self.report, &self.report.brief);
        let long = |length: Option<SignedDuration>| length.map(|length| span(length.as_secs())).unwrap_or_default();
        let mut text = format!(
            "# {}\n\n**{}**, {} release: **{}**\n\n",
            escape(&brief.title),
            escape(&brief.route()),
            brief.kind.word(),
            escape(&report.outcome)
        );
        let rows = [
            ("Release", report.release.to_string()),
            ("Author", brief.author.to_string()),
            ("Change ticket", brief.ticket.clone().unwrap_or_default()),
            ("Class", brief.class.clone().unwrap_or_default()),
            ("Criterion", brief.criterion.clone().unwrap_or_default()),
            ("Strategies", brief.strategies.join(", ")),
            ("Audience", brief.audience.clone()),
            ("Expected duration", long(brief.duration)),
            ("Expected downtime", long(brief.downtime)),
            ("Cutover", brief.cutover.map(|at| self.time(at)).unwrap_or_default()),
            ("Announced", self.maybe(report.announced)),
            ("Began", self.maybe(report.began)),
            ("Ended", self.maybe(report.ended)),
            ("Took", report.began.zip(report.ended).map(|(began, ended)| span(ended.duration_since(began).as_secs())).unwrap_or_default()),
            ("Notes", brief.notes.clone()),
            ("Contingency", brief.contingency.clone()),
        ];
        text.push_str("| | |\n|---|---|\n");
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "| {name} | {} |", escape(value));
        }
        text
    }

    fn versions(&self) -> String {
        let rows = self.report.versions.iter().map(|one| {
            let bytes = one.digest.as_deref().or(one.image.as_deref()).unwrap_or("–");
            [escape(&one.service), escape(&one.version), escape(bytes), escape(&one.binding)]
        });
        table("What was released", ["Service", "Version", "Image", "Binding"], rows)
    }

    fn phases(&self) -> String {
        let rows = self.report.phases.iter().map(|stay| {
            let until = stay.until.map_or("still".into(), |until| self.time(until));
            [stay.phase.word().to_owned(), self.time(stay.from), until, span(stay.seconds)]
        });
        table("Phases", ["Phase", "From", "Until", "Took"], rows)
    }

    fn waits(&self) -> String {
        let rows = self.report.waits.iter().map(|wait| {
            let by = wait.by.as_ref().map_or("–".into(), |by| escape(by.as_str()));
            let took = if wait.until.is_some() { span(wait.seconds) } else { format!("{}, still", span(wait.seconds)) };
            [escape(&wait.what), by, self.time(wait.from), took]
        });
        table("Waited for", ["What", "Ended by", "From", "Waited"], rows)
    }

    fn checklist(&self) -> String {
        let mut text = String::new();
        let mut stage = "";
        for line in &self.report.checklist {
            if line.stage != stage {
                stage = line.stage;
                let _ = write!(
                    text,
                    "{}## {stage}\n\n| | Item | By | At | Evidence |\n|---|---|---|---|---|\n",
                    if text.is_empty() { "" } else { "\n" }
                );
            }
            let verdict = match (line.verdict, line.stale) {
                (Verdict::Pass, _) => "✔ pass".to_owned(),
                (Verdict::Fail, _) => "**✖ fail**".to_owned(),
                (verdict, None) => format!("**{}**", verdict.word()),
                (verdict, Some(stale)) => format!("**{}** ({stale})", verdict.word()),
            };
            let item =
                if line.category.is_empty() { escape(&line.title) } else { format!("{}: {}", escape(&line.category), escape(&line.title)) };
            let by = line.by.as_ref().map_or("–".into(), |by| escape(by.as_str()));
            let evidence = [line.evidence.as_str(), line.link.as_deref().unwrap_or_default()];
            let evidence = evidence.into_iter().filter(|part| !part.is_empty()).map(escape).collect::<Vec<_>>().join("<br>");
            let _ = writeln!(text, "| {verdict} | {item} | {by} | {} | {evidence} |", self.maybe(line.at));
        }
        text
    }

    fn approvals(&self) -> String {
        let rows = self.report.approvals.iter().map(|word| {
            let choice = match word.choice {
                Choice::Approve => "approved",
                Choice::Refuse => "**refused**",
                Choice::Withdraw => "withdrew",
            };
            let waited = word.waited_seconds.map_or("–".into(), span);
            let by = format!("{} ({})", escape(word.by.as_str()), word.voucher.words());
            [self.time(word.at), by, format!("{choice} as {}: {}", escape(&word.role), word.standing), escape(&word.reason), waited]
        });
        table("Approvals", ["At", "By", "Decision", "Reason", "After the announcement"], rows)
    }

    fn overrides(&self) -> String {
        let rows = self.report.overrides.iter().map(|typed| {
            let over = typed.over.iter().map(|over| escape(over)).collect::<Vec<_>>().join("<br>");
            [
                format!("**{}**", self.time(typed.at)),
                format!("**{}** ({})", escape(typed.by.as_str()), typed.voucher.words()),
                format!("**{}**", escape(&typed.reason)),
                format!("**{over}**"),
            ]
        });
        table("Overrides", ["At", "By", "Reason", "Went over"], rows)
    }

    fn timeline(&self) -> String {
        let rows = self.report.timeline.iter().map(|moment| {
            let what = escape(&moment.what);
            let what = if moment.bad { format!("**{what}**") } else { what };
            [self.time(moment.entry.at), moment.seconds.map_or("–".into(), offset), escape(moment.entry.actor.as_str()), what]
        });
        table("Timeline", ["At", "Since announced", "Who", "What"], rows)
    }

    fn problems(&self) -> String {
        let rows = self.report.problems.iter().map(|problem| [escape(problem)]);
        table("What could not be read or did not fit", ["Problem"], rows)
    }
}

/// A table under a heading; nothing where it has no rows.
fn table<const N: usize>(title: &str, columns: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let lines: Vec<String> = rows.map(|row| format!("| {} |\n", row.join(" | "))).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("## {title}\n\n| {} |\n|{}\n{}", columns.join(" | "), "---|".repeat(N), lines.concat())
}

/// Escapes whatever Markdown would read in a text that stands in a cell; a new line is a break within it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.trim().chars() {
        match char {
            '\n' => out.push_str("<br>"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(char);
            }
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

/// `+00:12:03`, `−00:00:40`.
fn offset(seconds: i64) -> String {
    let (sign, all) = (if seconds < 0 { '−' } else { '+' }, seconds.unsigned_abs());
    format!("{sign}{:02}:{:02}:{:02}", all / 3_600, all / 60 % 60, all % 60)
}

/// Says a length of time: `2 h 04 min`, `3 min 20 s`, `40 s`.
fn span(seconds: i64) -> String {
    let (sign, all) = (if seconds < 0 { "−" } else { "" }, seconds.unsigned_abs());
    match (all / 3_600, all / 60 % 60, all % 60) {
        (0, 0, seconds) => format!("{sign}{seconds} s"),
        (0, minutes, seconds) => format!("{sign}{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{sign}{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_is_never_read_as_markdown() {
        for (raw, want) in [
            ("a | b", r"a \| b"),
            ("`rm -rf`", r"\`rm -rf\`"),
            ("one\ntwo\n", "one<br>two"),
            ("<script>&", "&lt;script&gt;&amp;"),
            ("**bold** _x_ [a](b) # ~~", r"\*\*bold\*\* \_x\_ \[a\](b) \# \~\~"),
            (r"back\slash \|", r"back\\slash \\\|"),
            ("\u{1b}[31m\u{7}", r"\[31m"),
        ] {
            assert_eq!(escape(raw), want);
        }
    }

    #[test]
    fn lengths_and_offsets_are_said() {
        assert_eq!([0, 40, 200, 7_440, -65].map(span), ["0 s", "40 s", "3 min 20 s", "2 h 04 min", "−1 min 05 s"]);
        assert_eq!([0, 723, -40, 90_000].map(offset), ["+00:00:00", "+00:12:03", "−00:00:40", "+25:00:00"]);
    }
}
