//! What the engine reported of late, newest first. Explains; the tree tells.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::model::nav::Pane;
use crate::app::regions::Hit;
use crate::domain::rollout::Rollout;
use crate::ui::format;
use crate::ui::pen::Pen;

/// Draws the pane.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout, focused: bool) {
    let (model, theme) = (pen.model, pen.theme);
    let warnings = rollout.events.iter().filter(|event| event.warning).count();
    let note = if warnings > 0 {
        Line::styled(format::count(warnings, "warning"), theme.warn)
    } else {
        Line::styled(if rollout.events.is_empty() { "none" } else { "newest first" }, theme.muted)
    };
    let inner = pen.pane(area, focused, "Events", note);
    pen.hit(area, Hit::Pane(Pane::Events));
    let mut cursor = model.nav.rollout.events;
    cursor.reveal(rollout.events.len(), inner.height.into());
    if focused {
        pen.regions.list_rows = inner.height.into();
    }
    if rollout.events.is_empty() {
        let scope = model.scope(&rollout.id);
        let missing = scope.and_then(|scope| model.links.get(&scope)?.missing.iter().find(|what| what.contains("event")).cloned());
        let text = missing.unwrap_or_else(|| "Nothing was reported of late.".into());
        pen.line(inner, Span::styled(text, theme.faint));
        return;
    }
    for (row, (number, event)) in inner.rows().zip(rollout.events.iter().enumerate().skip(cursor.top)) {
        if focused && number == cursor.at {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        let age = format::since(model.now, event.at);
        let about = event.about.rsplit(' ').next().unwrap_or_default();
        let about = crate::domain::instance::short_name(about);
        let of_kind = event.about.starts_with("Pod");
        let (reason, message) = if event.warning { (theme.warn, theme.text()) } else { (theme.muted, theme.muted) };
        let mut spans = vec![
            Span::styled(format!("{age:>9}  "), theme.faint),
            Span::styled(event.reason.clone(), reason),
            Span::styled(if of_kind { format!("  {about}  ") } else { "  ".to_owned() }, theme.muted),
            Span::styled(event.message.clone(), message),
        ];
        if event.count > 1 {
            spans.insert(2, Span::styled(format!(" ×{}", event.count), theme.muted));
        }
        pen.line(row, Line::from(spans));
    }
}
