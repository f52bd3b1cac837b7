//! Which analysis to stop: those that measure, each with what it is for and how far it is.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{open, title};
use crate::app::model::dialog::Analyses;
use crate::app::regions::Hit;
use crate::ui::format;
use crate::ui::measure;
use crate::ui::pen::{Pen, bottom, top};
use crate::ui::words;

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, choice: &Analyses) {
    let (model, theme) = (pen.model, pen.theme);
    let Some(rollout) = model.rollout(&choice.rollout).cloned() else { return };
    let size = (area.width.saturating_sub(4).min(96), (choice.choices.len() as u16).saturating_add(5).min(area.height));
    let heading = title(pen, &format!("Stop which analysis of {} in {}", words::name(&choice.rollout), choice.rollout.environment));
    let inner = open(pen, area, size, theme.accent, heading, Line::default());
    let (_, inner) = top(inner, u16::from(inner.height > 3));
    let (list, note) = bottom(inner, u16::from(inner.height > 2));
    let mut cursor = choice.cursor;
    cursor.reveal(choice.choices.len(), list.height.into());
    pen.regions.list_rows = list.height.into();
    for (place, (number, name)) in list.rows().zip(choice.choices.iter().enumerate().skip(cursor.top)) {
        let here = number == cursor.at;
        if here {
            pen.paint(Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place }, theme.selection);
        }
        pen.hit(place, Hit::ListRow(number));
        let mut spans = vec![Span::styled(if here { "▶ " } else { "  " }, theme.accent)];
        match rollout.delivery.analysis(name) {
            Some(analysis) => {
                let (glyph, style) = words::verdict(theme, analysis.phase);
                let far = measure::counted(analysis).map_or_else(String::new, |count| format!("  {count}"));
                spans.push(Span::styled(format::pad(&analysis.role.word(), 16), theme.strong));
                spans.push(Span::styled(format!("{glyph} {}{far}", analysis.phase.word()), style));
                spans.push(Span::styled(format!("  {name}"), theme.muted));
            }
            None => spans.push(Span::styled(format!("{name}  is gone"), theme.faint)),
        }
        pen.line(place, Line::from(spans));
    }
    pen.line(note, Span::styled("Stopped without a failure it counts as passed: a step analysis lets the rollout go on.", theme.waiting));
}
