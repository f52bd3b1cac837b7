//! The gate on the deck: a column of its own where there is room, else a mark in the cell.

use std::sync::Arc;

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::model::Model;
use crate::domain::id::{EnvironmentName, ServiceName};
use crate::domain::plan::Service;
use crate::domain::release::policy::Need;
use crate::domain::release::{Phase, Release};
use crate::ui::format;
use crate::ui::pen::{Pen, top};
use crate::ui::release::signs;

/// Columns of the column: `▲ 12/14  1/2`, and air.
pub(super) const WIDTH: u16 = 18;

/// Returns whether the column has anything to say: somewhere a release is asked for, or one is open.
pub(super) fn wanted(model: &Model) -> bool {
    let asks = model.plan.environments.iter().any(|environment| environment.policy.need == Need::Required);
    asks || model.releases.newest().iter().any(|release| !release.phase.ended())
}

/// Returns the release that the column tells of a service: that of the environment under the cursor, else of the last in
/// promotion order that has one.
fn told<'m>(model: &'m Model, service: &ServiceName) -> Option<&'m Arc<Release>> {
    let here = model.plan.environments.get(model.nav.deck.environment);
    let of = |environment: &EnvironmentName| model.releases.active(service, environment);
    here.and_then(|environment| of(&environment.name))
        .or_else(|| model.plan.environments.iter().rev().find_map(|environment| of(&environment.name)))
}

/// Draws the column's heading.
pub(super) fn heading(pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    let (name, below) = top(area, 1);
    pen.line(name, Span::styled("GATE", theme.muted.add_modifier(Modifier::BOLD)));
    if let Some(environment) = pen.model.plan.environments.get(pen.model.nav.deck.environment) {
        pen.line(below, Span::styled(environment.name.to_string(), theme.faint));
    }
}

/// Draws a service's gate: how much of the checklist and of the approvals there is, and of which release.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, service: &Service) {
    let (model, theme) = (pen.model, pen.theme);
    let (first, below) = top(area, 1);
    let Some(release) = told(model, &service.name) else {
        return pen.line(first, Span::styled("–", theme.faint));
    };
    let line = Line::from(tally(pen, release));
    pen.line(first, line);
    if release.phase == Phase::Draft {
        return pen.line(below, Span::styled(release.brief.environment.to_string(), theme.faint));
    }
    let (_, style) = signs::phase(theme, release.phase);
    let mut line = Line::from(Span::styled(word(model, release), style.remove_modifier(Modifier::BOLD)));
    // The column is about the environment under the cursor, unless it says another.
    let here = model.plan.environments.get(model.nav.deck.environment).is_some_and(|here| here.name == release.brief.environment);
    if !here {
        line.push_span(Span::styled(format!(" {}", release.brief.environment), theme.faint));
    }
    pen.line(below, line);
}

fn tally(pen: &Pen<'_>, release: &Arc<Release>) -> Vec<Span<'static>> {
    match release.phase {
        Phase::Draft => vec![Span::styled("○ draft", pen.theme.muted)],
        _ => signs::tally(pen.theme, &pen.model.verdict(release)),
    }
}

/// How far it is, in a word: an armed start says when.
fn word(model: &Model, release: &Release) -> String {
    match &release.schedule {
        Some(schedule) => format!("at {}", format::minute(schedule.at, model.now, &model.zone)),
        None => release.phase.to_string(),
    }
}

/// Returns the mark of a cell whose release is open: `▲ gate 12/14  1/2`; none where there is no such release.
pub(super) fn mark(pen: &Pen<'_>, service: &ServiceName, environment: &EnvironmentName, room: usize) -> Option<Vec<Span<'static>>> {
    let (model, theme) = (pen.model, pen.theme);
    let release = model.releases.active(service, environment)?;
    let (glyph, style) = signs::phase(theme, release.phase);
    let word = word(model, release);
    let worded = |text: String| vec![Span::styled(text, style)];
    let armed = release.schedule.is_some();
    let mut spans = match release.phase {
        Phase::Draft => return Some(worded(format!("{glyph} draft"))),
        Phase::Ready if armed => worded(format!("▶ {word}")),
        Phase::Ready => worded(format!("{glyph} ready")),
        Phase::InProgress | Phase::Verifying => return Some(worded(format!("{glyph} {word}"))),
        _ => signs::tally(theme, &model.verdict(release)),
    };
    if !matches!(release.phase, Phase::Ready) && armed && room >= 24 {
        spans.push(Span::styled(format!("  {word}"), theme.muted));
    }
    Some(spans)
}
