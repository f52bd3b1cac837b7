//! Everything that happened on a release, on one line of time, the newest first.

use jiff::SignedDuration;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::model::chronicle::{self, Row};
use crate::app::model::nav::Cursor;
use crate::app::regions::Hit;
use crate::config::theme::Theme;
use crate::domain::id::ReleaseId;
use crate::domain::release::Release;
use crate::domain::release::report;
use crate::domain::release::telling::Weight;
use crate::ui::format;
use crate::ui::pen::{Pen, inset, top};

/// A gap between two entries from which on it stands out: somebody or something was waited for.
const LONG: SignedDuration = SignedDuration::from_mins(10);

/// Draws the timeline of a release.
pub(in crate::ui) fn draw(pen: &mut Pen<'_>, area: Rect, id: &ReleaseId) {
    let (model, theme) = (pen.model, pen.theme);
    let (_, area) = top(area, u16::from(area.height >= 30));
    let area = inset(area, 1);
    let Some(release) = model.releases.get(id).cloned() else {
        return pen.line(area, Span::styled("The release is not there any more.", theme.waiting));
    };
    let head = head(pen, &release, area.width);
    let (above, area) = top(area, head.len() as u16);
    pen.lines(above, head);
    let (rows, all) = chronicle::rows(model, id);
    let (list, detail) = if rows.is_empty() || area.height < 20 {
        (area, Rect::ZERO)
    } else if area.width >= 140 {
        let left = area.width * 3 / 5;
        (Rect { width: left, ..area }, Rect { x: area.x + left + 1, width: area.width - left - 1, ..area })
    } else {
        top(area, area.height * 2 / 3)
    };
    let filter = model.nav.chronicle.filter.trim();
    let note = if filter.is_empty() {
        Line::styled(format!("{all} entries, newest first"), theme.muted)
    } else {
        Line::styled(format!("{} of {all} entries with `{filter}`", rows.len()), theme.waiting)
    };
    let inner = pen.pane(list, true, "Timeline", note);
    let mut cursor: Cursor = model.nav.chronicle.cursor;
    cursor.reveal(rows.len(), inner.height.into());
    pen.regions.list_rows = inner.height.into();
    if rows.is_empty() {
        pen.line(inner, Span::styled(if all == 0 { "Nothing happened yet." } else { "No entry contains it." }, theme.faint));
    }
    let who = rows.iter().map(|row| row.entry.actor.as_str().chars().count()).max().unwrap_or(0).min(14);
    for (place, (number, row)) in inner.rows().zip(rows.iter().enumerate().skip(cursor.top)) {
        if number == cursor.at {
            pen.paint(Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place }, theme.selection);
        }
        pen.line(place, line(pen, row, who));
        pen.hit(place, Hit::ListRow(number));
    }
    if let Some(row) = rows.get(cursor.at).filter(|_| !detail.is_empty()) {
        one(pen, detail, row);
    }
}

/// What it is, how long each phase took, and what is waited for now.
fn head(pen: &Pen<'_>, release: &Release, width: u16) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut lines = vec![Line::from(vec![
        Span::styled(release.brief.route(), theme.strong),
        Span::styled(format!("   {}", release.brief.title), theme.muted),
    ])];
    let mut stays = vec![];
    for span in report::spans(release, model.now) {
        let style = if span.until.is_none() { theme.strong } else { theme.muted };
        if !stays.is_empty() {
            stays.push(Span::styled(" ─ ", theme.faint));
        }
        stays.push(Span::styled(format!("{} {}", span.phase.word(), format::age(span.length())), style));
    }
    if release.phase.ended() {
        stays.push(Span::styled(" ─ ", theme.faint));
        stays.push(Span::styled(release.phase.word(), theme.strong));
    }
    // Where the gate went to and fro, its end is what matters.
    while Line::from(stays.clone()).width() > width.into() && stays.len() > 2 {
        stays.drain(..2);
    }
    lines.push(Line::from(stays));
    let waits = chronicle::waiting(release, model.now);
    let said: Vec<String> =
        waits.iter().map(|wait| format!("{} {}", wait.what, format::age(SignedDuration::from_secs(wait.seconds)))).collect();
    if !said.is_empty() {
        lines.push(Line::styled(format!("‖ waits for {}", said.join(", ")), theme.waiting));
    }
    if let Some(over) = &release.overridden {
        lines.push(Line::styled(format!("▲ overridden by {}: {}", over.by, over.reason), theme.bad));
    }
    lines
}

fn sign(theme: &Theme, weight: Weight) -> (&'static str, Style) {
    match weight {
        Weight::Quiet => ("·", theme.muted),
        Weight::Plain => ("○", theme.text()),
        Weight::Good => ("✔", theme.good),
        Weight::Waits => ("‖", theme.waiting),
        Weight::Bad => ("✖", theme.bad),
    }
}

fn line(pen: &Pen<'_>, row: &Row<'_>, who: usize) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let (glyph, style) = sign(theme, row.told.weight);
    let gap = row.after.filter(|after| after.as_secs() > 0).map_or(String::new(), |after| format!("+{}", format::age(after)));
    let long = row.after.is_some_and(|after| after >= LONG);
    let today = row.entry.at.to_zoned(model.zone.clone()).date() == model.now.to_zoned(model.zone.clone()).date();
    let at = if today { format::time(row.entry.at, &model.zone) } else { format::minute(row.entry.at, model.now, &model.zone) };
    let mut actor: String = row.entry.actor.as_str().chars().take(who).collect();
    actor = format!("{actor:who$}");
    Line::from(vec![
        Span::styled(format!("{at:>12} "), theme.faint),
        Span::styled(format!("{gap:>9}  "), if long { theme.waiting } else { theme.faint }),
        Span::styled(format!("{glyph} "), style),
        Span::styled(format!("{actor}  "), theme.accent),
        Span::styled(row.told.what.replace('\n', " "), style),
        Span::styled(row.phase.map_or(String::new(), |phase| format!("  → {phase}")), theme.strong),
    ])
}

/// All of one entry.
fn one(pen: &mut Pen<'_>, area: Rect, row: &Row<'_>) {
    let (model, theme) = (pen.model, pen.theme);
    let (heading, text) = chronicle::whole(row, &model.zone);
    let inner = pen.pane(area, false, "Entry", Line::styled(heading, theme.faint));
    let (_, style) = sign(theme, row.told.weight);
    let lines = format::wrap(&text, inner.width.into());
    let first = format::wrap(&row.told.what, inner.width.into()).len();
    let styled = lines.into_iter().enumerate().map(|(at, line)| Line::styled(line, if at < first { style } else { theme.muted }));
    pen.lines(inner, styled);
}
