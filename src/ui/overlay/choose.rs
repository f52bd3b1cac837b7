//! The roll-back dialog: the revisions that are kept, the proposed one first, and what each would change.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{open, title};
use crate::app::model::dialog::RollBack;
use crate::app::regions::Hit;
use crate::domain::wayback::proposed;
use crate::ui::format;
use crate::ui::pane::revisions::{lines, proof};
use crate::ui::pen::{Pen, bottom, top};
use crate::ui::words;

/// The most lines of the difference.
const DIFFERENCE: u16 = 8;

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, choice: &RollBack) {
    let (model, theme) = (pen.model, pen.theme);
    let Some(rollout) = model.rollout(&choice.rollout).cloned() else { return };
    let width = area.width.saturating_sub(4).min(100);
    let height = (choice.choices.len() as u16).saturating_add(DIFFERENCE + 7).min(area.height);
    let heading = format!("Roll back {} in {}", words::name(&choice.rollout), choice.rollout.environment);
    let now = rollout.newest().map_or_else(String::new, |newest| format!("from {}", newest.label()));
    let heading = title(pen, &heading);
    let inner = open(pen, area, (width, height), theme.accent, heading, Line::styled(now, theme.muted));
    let (_, inner) = top(inner, u16::from(inner.height > 10));
    let (list, below) = bottom(inner, (DIFFERENCE + 3).min(inner.height.saturating_sub(3)));
    let best = proposed(&rollout).map(|revision| &revision.id);
    let mut cursor = choice.cursor;
    cursor.reveal(choice.choices.len(), list.height.into());
    pen.regions.list_rows = list.height.into();
    for (place, (number, id)) in list.rows().zip(choice.choices.iter().enumerate().skip(cursor.top)) {
        if number == cursor.at {
            pen.paint(Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place }, theme.selection);
        }
        pen.hit(place, Hit::ListRow(number));
        let Some(revision) = rollout.revision(id) else {
            pen.line(place, Span::styled(format!("  {id}  is not kept any more"), theme.faint));
            continue;
        };
        let (told, style) = proof(pen, revision.proof);
        let mark = if number == cursor.at { "▶ " } else { "  " };
        let mut spans = vec![
            Span::styled(mark, theme.accent),
            Span::styled(format::pad(&revision.label(), 20), theme.strong),
            Span::styled(format::pad(&told, 22), style),
        ];
        if let Some(created) = revision.created {
            spans.push(Span::styled(format!("{:>6} old", format::since(model.now, created)), theme.muted));
        }
        if Some(id) == best {
            spans.push(Span::styled("   proposed", theme.accent));
        }
        if let Some(cause) = &revision.cause {
            spans.push(Span::styled(format!("   {cause}"), theme.faint));
        }
        pen.line(place, Line::from(spans));
    }
    let (rule, below) = top(below, 1);
    pen.line(rule, Span::styled("─".repeat(rule.width.into()), theme.border));
    let chosen = choice.choices.get(cursor.at).and_then(|id| rollout.revision(id));
    if let (Some(chosen), Some(running)) = (chosen, rollout.newest()) {
        let (difference, last) = bottom(below, 1);
        let shown = lines(pen, running, chosen);
        pen.lines(difference, shown);
        pen.line(last, Span::styled("Not brought back: replicas, ConfigMaps, Secrets, database migrations.", theme.waiting));
    }
}
