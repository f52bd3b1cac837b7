//! Below the services: what was ordered and what turned in the last hour, newest first.

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::domain::journal::Operation;
use crate::ui::format;
use crate::ui::pen::{Pen, inset, top};
use crate::ui::words;

/// Draws the heading and as many turns as fit.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect) {
    let (model, theme) = (pen.model, pen.theme);
    let (rule, rest) = top(inset(area, 1), 1);
    pen.line(rule, Span::styled("─".repeat(rule.width.into()), theme.border));
    let (heading, rest) = top(inset(rest, 2), 1);
    pen.line(heading, Span::styled("LAST HOUR", theme.muted.add_modifier(Modifier::BOLD)));
    let room = usize::from(rest.height);
    let young = |at: Timestamp| model.now.duration_since(at) < SignedDuration::from_hours(1);
    let mut told: Vec<(Timestamp, Line<'static>)> = model
        .jobs
        .operations()
        .take_while(|operation| young(operation.at))
        .take(room)
        .map(|operation| (operation.at, order(pen, operation)))
        .chain(model.notices.iter().filter(|notice| notice.about.is_some() && young(notice.at)).take(room).map(|notice| {
            let (glyph, style) = crate::ui::frame::tone(pen, notice.tone);
            let about = notice.about.as_ref().map(ToString::to_string).unwrap_or_default();
            (notice.at, turn(pen, notice.at, glyph, style, format!("{about}: {}", notice.text)))
        }))
        .collect();
    told.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    if told.is_empty() {
        pen.line(rest, Span::styled("nothing was ordered here and nothing turned", theme.faint));
        return;
    }
    pen.lines(rest, told.into_iter().map(|(_, line)| line));
}

fn turn(pen: &Pen<'_>, at: Timestamp, glyph: &'static str, style: Style, text: String) -> Line<'static> {
    let theme = pen.theme;
    Line::from(vec![
        Span::styled(format::time(at, &pen.model.zone), theme.faint),
        Span::styled(format!("  {glyph} "), style),
        Span::styled(text, style),
    ])
}

/// Returns an order with its outcome, in one line.
fn order(pen: &Pen<'_>, operation: &Operation) -> Line<'static> {
    let theme = pen.theme;
    let (glyph, style, outcome) = words::outcome(pen, operation);
    let order = words::order(&operation.intent);
    Line::from(vec![
        Span::styled(format::time(operation.at, &pen.model.zone), theme.faint),
        Span::styled(format!("  {glyph} "), style),
        Span::styled(format!("{}  ", operation.actor), theme.accent),
        Span::styled(format!("{}: {order}", operation.intent.rollout), theme.text()),
        Span::styled(format!("  {outcome}"), style),
    ])
}
