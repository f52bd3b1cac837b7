//! The checklists: categories with how much of them is settled, and an item a line: sign, who fills it, title, evidence, age.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{Lines, counted, signs};
use crate::app::action::Action;
use crate::app::catalogue;
use crate::app::model::releases::rows::{self, Count, ItemRow, Row};
use crate::domain::release::checklist::{Task, Verdict};
use crate::domain::release::{Phase, Release};
use crate::ui::format;
use crate::ui::pen::Pen;

/// Columns of who or what fills an item: `environment`, or the environment's own name where they are few.
const BY: (usize, usize) = (11, 8);
/// From this width on there is room for the longer.
const WIDE: usize = 90;
/// Columns of an age: `1 h 42 m`.
const AGE: usize = 8;

/// Returns the heading of the checklist that is worked through, and how far it is.
pub(super) fn heading(pen: &Pen<'_>, release: &Release, rows: &[Row<'_>]) -> (&'static str, Line<'static>) {
    let first = rows.iter().find_map(|row| if let Row::Stage { stage, count } = row { Some((*stage, *count)) } else { None });
    let Some((stage, count)) = first else { return ("Checklist", Line::default()) };
    let running = pen.model.releases.runs.values().filter(|run| run.release == release.id && run.started.is_some()).count();
    let waiting = pen.model.releases.runs.values().filter(|run| run.release == release.id && run.started.is_none()).count();
    let mut note = counted(pen, count);
    let mut tell = |text: String| note.spans.push(Span::styled(text, pen.theme.candidate));
    if running > 0 {
        tell(format!("  ·  ◐ {running} running"));
    }
    if waiting > 0 {
        tell(format!(", {waiting} waiting"));
    }
    (stage.title(), note)
}

/// Returns every line of the checklists.
pub(super) fn lines(pen: &Pen<'_>, release: &Release, rows: &[Row<'_>], width: usize) -> Lines<'static> {
    let theme = pen.theme;
    let items = || rows.iter().filter_map(|row| if let Row::Item(row) = row { Some(row) } else { None });
    let longest = items().map(|row| row.item.title.chars().count()).max().unwrap_or(0);
    // What was found needs as much room as what was asked.
    let title = longest.min(width.saturating_sub(by_columns(width) + AGE + 6) * 11 / 20);
    let mut lines: Lines<'static> = Vec::new();
    let here = rows::here(pen.model, rows);
    let mut stages = 0;
    for (number, row) in rows.iter().enumerate() {
        match row {
            Row::Stage { stage, count } => {
                stages += 1;
                // The first is the heading of the pane.
                if stages > 1 {
                    lines.push((None, Line::default()));
                    lines.push((None, section(pen, stage.title(), *count, width)));
                }
            }
            Row::Category { name, count } => {
                let air = lines.last().is_some_and(|(row, _)| row.is_some());
                if air {
                    lines.push((None, Line::default()));
                }
                lines.push((None, category(pen, name, *count, width)));
            }
            Row::Item(row) => lines.push((Some(number), item(pen, release, row, number == here, title, width))),
            Row::Approvals { .. } | Row::Rule(_) | Row::Decision { .. } => {}
        }
    }
    if items().next().is_none() {
        lines.push((None, Line::styled("The plan asks for no checklist here.", theme.faint)));
    }
    lines
}

fn by_columns(width: usize) -> usize {
    if width < WIDE { BY.1 } else { BY.0 }
}

/// The heading of a category, with how much of it is settled.
pub(super) fn category(pen: &Pen<'_>, name: &str, count: Count, width: usize) -> Line<'static> {
    let theme = pen.theme;
    let figure = if count.of == 0 { String::new() } else { format!("{}/{}", count.passed, count.of) };
    let style = if count.passed >= count.of { theme.good } else { theme.waiting };
    let fill = width.saturating_sub(figure.chars().count() + 1);
    Line::from(vec![Span::styled(format::pad(name, fill), theme.accent.add_modifier(Modifier::BOLD)), Span::styled(figure, style)])
}

/// The heading of a checklist that is behind the one worked through.
fn section(pen: &Pen<'_>, name: &str, count: Count, width: usize) -> Line<'static> {
    let theme = pen.theme;
    let text = format!("── {name} ");
    let figure = format!(" {} of {}", count.passed, count.of);
    let rule = width.saturating_sub(text.chars().count() + figure.chars().count() + 1);
    let style = if count.passed >= count.of { theme.good } else { theme.waiting };
    Line::from(vec![
        Span::styled("── ", theme.border),
        Span::styled(format!("{name} "), theme.muted.add_modifier(Modifier::BOLD)),
        Span::styled("─".repeat(rule), theme.border),
        Span::styled(figure, style),
    ])
}

/// One item.
fn item(pen: &Pen<'_>, release: &Release, row: &ItemRow<'_>, here: bool, title: usize, width: usize) -> Line<'static> {
    let theme = pen.theme;
    let (glyph, style) = signs::item(theme, row);
    let manual = matches!(row.item.task, Task::Manual);
    let ticked = row.standing.outcome.filter(|_| manual);
    let (by, of_by) = match ticked {
        Some(outcome) => (outcome.by.to_string(), theme.accent),
        None if manual => ("you".to_owned(), theme.text()),
        None => match &row.item.task {
            Task::Environment { environment, .. } if width < WIDE => (environment.to_string(), theme.faint),
            task => (task.word().to_owned(), theme.faint),
        },
    };
    let open = matches!(row.standing.verdict, Verdict::Pending | Verdict::Fail | Verdict::Unknown) && row.run.is_none();
    let of_title = match row.standing.verdict {
        _ if !row.item.required => theme.muted,
        Verdict::Pass => theme.text(),
        _ if open && manual && release.phase != Phase::Draft => theme.warn,
        _ => theme.text(),
    };
    let mut spans = vec![
        Span::styled(format!(" {glyph} "), style),
        Span::styled(format!("{} ", format::pad(&by, by_columns(width))), of_by),
        Span::styled(format!("{}  ", format::pad(&row.item.title, title)), of_title),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    let (age, of_age) = age(pen, row);
    let age_width = age.chars().count().max(AGE);
    let room = width.saturating_sub(used + age_width + 2);
    let (evidence, of_evidence) = evidence(pen, release, row, here);
    spans.push(Span::styled(format::pad(&evidence, room), of_evidence));
    spans.push(Span::styled(format!(" {age:>age_width$} "), of_age));
    Line::from(spans)
}

/// What was found, or what is to be done.
fn evidence(pen: &Pen<'_>, release: &Release, row: &ItemRow<'_>, here: bool) -> (String, Style) {
    let (model, theme) = (pen.model, pen.theme);
    let manual = matches!(row.item.task, Task::Manual);
    if row.sent.is_some() {
        return ("being recorded …".to_owned(), theme.muted);
    }
    if let Some(run) = row.run {
        let what = if run.started.is_some() { "running" } else { "waits for its turn" };
        return (what.to_owned(), theme.candidate);
    }
    let Some(outcome) = row.standing.outcome else {
        let hint = |action: Action, what: &str| {
            let key = model.keymap.key("release", action).filter(|_| here && catalogue::available(model, action).is_ok());
            key.map(|key| format!("{} {what}", theme.glyphs.key(&key)))
        };
        let hints = if manual {
            [hint(Action::Tick, "ticks it"), hint(Action::Evidence, "with a note")]
        } else {
            [hint(Action::Check, "runs it"), None]
        };
        let hints: Vec<String> = hints.into_iter().flatten().collect();
        let told = match () {
            () if !hints.is_empty() => hints.join(", "),
            () if release.phase == Phase::Draft => String::new(),
            () if manual => "to be ticked".to_owned(),
            () => "not run yet".to_owned(),
        };
        return (optional(row, told), theme.faint);
    };
    let said = match (manual, outcome.evidence.is_empty()) {
        (true, false) => format!("“{}”", outcome.evidence),
        (true, true) => outcome.link.clone().unwrap_or_default(),
        (false, _) => outcome.evidence.clone(),
    };
    if let Some(why) = row.standing.stale {
        let was = if said.is_empty() { String::new() } else { format!(", was: {said}") };
        return (format!("{why}{was}"), theme.waiting);
    }
    let style = match outcome.verdict {
        Verdict::Pass => theme.muted,
        Verdict::Fail if row.item.required => theme.bad,
        Verdict::Fail => theme.warn,
        Verdict::Unknown | Verdict::Pending => theme.waiting,
    };
    (optional(row, said), style)
}

/// What does not keep the gate shut says so.
fn optional(row: &ItemRow<'_>, text: String) -> String {
    match (row.item.required || row.standing.verdict == Verdict::Pass, text.is_empty()) {
        (true, _) => text,
        (false, true) => "only warns".to_owned(),
        (false, false) => format!("{text} (only warns)"),
    }
}

/// How old the outcome is, or how long the check has run.
fn age(pen: &Pen<'_>, row: &ItemRow<'_>) -> (String, Style) {
    let (model, theme) = (pen.model, pen.theme);
    if let Some(run) = row.run {
        let since = run.started.unwrap_or(run.asked);
        return (format::clock(model.now.duration_since(since)), theme.candidate);
    }
    match row.standing.outcome {
        Some(outcome) => {
            let style = if row.standing.stale.is_some() { theme.waiting } else { theme.faint };
            (format::since(model.now, outcome.at), style)
        }
        None => (String::new(), theme.faint),
    }
}
