//! Every key that works here, from the key map and the catalogue, with the reason where one does not work now.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::{open, title};
use crate::app::action::Action;
use crate::app::catalogue::{self, Group};
use crate::ui::format;
use crate::ui::pen::Pen;

/// Columns for the keys.
const KEYS: usize = 15;

/// Draws it, from its line `top` on.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, top: usize) {
    let theme = pen.theme;
    let mode = pen.model.nav.screen().mode();
    let two = area.width >= 120;
    let width = area.width.saturating_sub(4).min(if two { 160 } else { 84 });
    let column = usize::from(width.saturating_sub(4)) / if two { 2 } else { 1 };
    let groups: Vec<Vec<Line<'static>>> = Group::ALL.into_iter().map(|group| lines(pen, mode, group, column.saturating_sub(2))).collect();
    let groups: Vec<_> = groups.into_iter().filter(|lines| !lines.is_empty()).collect();
    let all: usize = groups.iter().map(Vec::len).sum();
    // Groups fill the first column up to half of all lines, and stay whole.
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for group in groups {
        if !two || (right.is_empty() && left.len() + group.len() / 2 <= all / 2) { left.extend(group) } else { right.extend(group) }
    }
    let rows = left.len().max(right.len());
    let height = (rows as u16).saturating_add(2).min(area.height);
    let heading = title(pen, &format!("Keys: {mode}"));
    let note = if rows + 2 > usize::from(area.height) { Line::styled("scrolls", theme.muted) } else { Line::default() };
    let inner = open(pen, area, (width, height), theme.border_focus, heading, note);
    pen.regions.list_rows = inner.height.into();
    let from = top.min(rows.saturating_sub(inner.height.into()));
    let half = if two { inner.width / 2 } else { inner.width };
    pen.lines(Rect { width: half.saturating_sub(u16::from(two)), ..inner }, left.into_iter().skip(from));
    pen.lines(Rect { x: inner.x + half + 1, width: inner.width.saturating_sub(half + 1), ..inner }, right.into_iter().skip(from));
}

/// Returns the heading of a group and a line for each of its actions that has a key here; nothing where none has.
fn lines(pen: &Pen<'_>, mode: &str, group: Group, width: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut lines = Vec::new();
    for action in Action::ALL {
        let row = catalogue::row(action);
        if row.group != group || matches!(group, Group::Dialog) {
            continue;
        }
        let keys = model.keymap.keys(mode, action);
        if keys.is_empty() {
            continue;
        }
        let keys: Vec<&str> = keys.iter().map(|key| theme.glyphs.key(key)).collect();
        let keys = format::pad(&format::fit(&keys.join(" "), KEYS - 1), KEYS);
        let refusal = catalogue::available(model, action).err();
        let (of_key, of_text) = if refusal.is_some() { (theme.faint, theme.faint) } else { (theme.key, theme.text()) };
        let mut spans = vec![Span::styled(format!("  {keys}"), of_key), Span::styled(row.doc, of_text)];
        if let Some(refusal) = refusal {
            let reason = refusal.to_string();
            let room = width.saturating_sub(KEYS + 2);
            if row.doc.chars().count() + reason.chars().count() + 2 <= room {
                spans.push(Span::styled(format!("  {reason}"), theme.muted));
            } else {
                lines.push(Line::from(spans));
                spans = vec![Span::styled(format!("  {:KEYS$}{}", "", format::fit(&reason, room)), theme.muted)];
            }
        }
        lines.push(Line::from(spans));
    }
    if !lines.is_empty() {
        lines.insert(0, Line::styled(group.title().to_uppercase(), theme.muted.add_modifier(Modifier::BOLD)));
        lines.push(Line::default());
    }
    lines
}
