//! A rollout's own screen: what is going on in one sentence, the steps, the tree, events and logs, and the way back.

mod foot;
mod headline;
mod rail;
mod sides;
mod tree;

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::format;
use super::pane;
use super::pen::{Pen, bottom, inset, top};
use crate::app::model::nav::Pane;
use crate::app::regions::Hit;
use crate::domain::id::RolloutId;
use crate::domain::rollout::{Phase, Rollout};

/// From this size on the panes stand side by side.
const SIDE_BY_SIDE: (u16, u16) = (110, 30);

/// Draws the screen of a rollout. Returns the row that a notice may lie over.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, id: &RolloutId) -> Option<Rect> {
    let model = pen.model;
    let Some(rollout) = model.rollout(id).cloned() else {
        unknown(pen, area, id);
        return None;
    };
    let airy = area.height >= 32;
    let side_by_side = area.width >= SIDE_BY_SIDE.0 && area.height + 2 >= SIDE_BY_SIDE.1;
    let (_, area) = top(area, u16::from(airy));
    let stale = stale(pen, id);
    let (told, area) = top(area, u16::from(stale.is_some()));
    let headline = headline::lines(pen, &rollout, area.width.saturating_sub(6));
    let (head, rest) = top(area, headline.len() as u16);
    pen.lines(inset(head, 3), headline);
    let (_, rest) = top(rest, u16::from(airy));
    let rail = rail::height(&rollout, area.width);
    let (rail_area, rest) = top(rest, rail);
    rail::draw(pen, inset(rail_area, 3), &rollout);
    let (_, rest) = top(rest, u16::from(airy && rail > 0));
    let foot_lines =
        foot::lines(pen, &rollout, area.width.saturating_sub(6), area.height >= 20, !side_by_side && model.nav.rollout.pane != Pane::Tree);
    let (body, foot) = bottom(rest, foot_lines.len() as u16 + u16::from(airy));
    let above = if airy { top(foot, 1).0 } else { bottom(body, 1).1 };
    let (_, foot) = top(foot, u16::from(airy));
    pen.lines(inset(foot, 3), foot_lines);
    if rollout.phase == Phase::Absent && rollout.instances.is_empty() && rollout.revisions.is_empty() {
        absent(pen, body, &rollout);
        return Some(above);
    }
    if side_by_side {
        beside(pen, inset(body, 1), &rollout);
    } else {
        stacked(pen, body, &rollout);
    }
    if let Some(sentence) = stale {
        // The last good data stays, without its colours.
        let last = Rect { height: body.bottom().saturating_sub(head.y), ..head };
        pen.paint(last, Style { bg: None, ..pen.theme.veil });
        pen.line(inset(told, 3), sentence);
    }
    Some(above)
}

/// Returns the sentence for data that is not live.
fn stale(pen: &Pen<'_>, id: &RolloutId) -> Option<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let scope = model.scope(id)?;
    if !model.links.grey(&scope, model.now) {
        return None;
    }
    let age = model.links.age(&scope, model.now).map_or_else(String::new, |age| format!("Last seen {} ago. ", format::age(age)));
    let up = model.links.get(&scope).is_some_and(|link| link.state.is_up());
    let why = if up { format!("{scope} has said nothing since; only the ways back work.") } else { pane::waiting_sentence(model, id) };
    let style = if up { theme.waiting } else { theme.bad };
    Some(Line::from(vec![Span::styled(if up { "▲ " } else { "✖ " }, style), Span::styled(age, style), Span::styled(why, theme.text())]))
}

/// The tree beside the events, the logs below both.
fn beside(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let focus = pen.model.nav.rollout.pane;
    let wanted = tree::rows_wanted(pen, rollout) + 2;
    // The logs keep at least two fifths: that is where trouble is read.
    let upper =
        if focus == Pane::Logs { area.height / 3 } else { wanted.clamp(area.height / 3, area.height * 3 / 5) }.max(8).min(area.height);
    let (above, logs) = top(area, upper);
    let left = (above.width * 11 / 20).clamp(60, 104).min(above.width);
    let tree_area = Rect { width: left, ..above };
    let events = Rect { x: above.x + left + 1, width: above.width.saturating_sub(left + 1), ..above };
    tree::draw(pen, tree_area, rollout, focus == Pane::Tree);
    pane::events::draw(pen, events, rollout, focus == Pane::Events);
    pane::logs::within(pen, logs, rollout, focus == Pane::Logs);
}

/// One pane open, the others as their titles.
fn stacked(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let focus = pen.model.nav.rollout.pane;
    let folded: u16 = 1;
    let room = area.height.saturating_sub(2 * folded);
    let mut rest = area;
    for pane in Pane::ALL {
        let (place, below) = top(rest, if pane == focus { room } else { folded });
        rest = below;
        match pane {
            Pane::Tree if pane == focus => tree::draw(pen, place, rollout, true),
            Pane::Events if pane == focus => pane::events::draw(pen, place, rollout, true),
            Pane::Logs if pane == focus => pane::logs::within(pen, place, rollout, true),
            other => title(pen, place, rollout, other),
        }
    }
}

/// A folded pane: its title, and what it would show first.
fn title(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout, pane: Pane) {
    let theme = pen.theme;
    let (name, note) = match pane {
        Pane::Tree => ("Rollout", format::count(rollout.counts.total as usize, "pod")),
        Pane::Events => (
            "Events",
            rollout.events.first().map_or_else(String::new, |event| {
                format!("{} ago  {}: {}", format::since(pen.model.now, event.at), event.reason, event.message)
            }),
        ),
        Pane::Logs => ("Logs", String::new()),
    };
    let spans = vec![Span::styled("── ", theme.border), Span::styled(format!("{name} "), theme.muted), Span::styled(note, theme.faint)];
    let row = inset(area, 1);
    pen.line(row, Span::styled("─".repeat(row.width.into()), theme.border));
    let mut line = Line::from(spans);
    line.push_span(Span::raw(" "));
    pen.line(row, line);
    pen.hit(area, Hit::Pane(pane));
}

/// Before the engine has told of it, or where its link is down: the sentence instead of the panes.
fn unknown(pen: &mut Pen<'_>, area: Rect, id: &RolloutId) {
    let sentence = pane::waiting_sentence(pen.model, id);
    let area = inset(area, 3);
    let (_, area) = top(area, 1);
    pen.lines(area, format::wrap(&sentence, area.width.into()).into_iter().map(Line::from));
}

fn absent(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let what = pen.model.plan.workload(&rollout.id).map_or_else(String::new, |workload| {
        format!(
            "The plan names a {} in the namespace {} of {}, and none of that name is there.",
            workload.target.word(),
            workload.namespace,
            workload.scope()
        )
    });
    let area = inset(area, 3);
    let lines = format::wrap(&what, area.width.into());
    pen.lines(area, lines.into_iter().map(|line| Line::styled(line, pen.theme.muted)).collect::<Vec<_>>());
}
