//! The form of a release: a field a line, what it may be beside it, and what is wrong with it below.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::prompt::input;
use super::{open, title};
use crate::app::action::Action;
use crate::app::model::dialog::{Field, FieldKey, Form};
use crate::app::regions::Hit;
use crate::ui::format;
use crate::ui::pen::{Pen, bottom, top};

/// Columns of a field's name.
const LABEL: u16 = 20;
/// The widest that a version, a kind or a length is shown.
const SHORT: u16 = 24;

/// One line of the form.
enum Row {
    Field(usize),
    Error(String),
    Heading(&'static str),
    Air,
}

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, form: &Form) {
    let theme = pen.theme;
    let shown = form.shown();
    let rows = rows(form, &shown, area.height >= 34);
    let width = area.width.saturating_sub(if area.width >= 100 { 12 } else { 2 }).min(104);
    let height = (rows.len() as u16).saturating_add(5).min(area.height);
    let heading = title(pen, &format!("{} release to {}", if form.release.is_some() { "Change the" } else { "New" }, form.environment));
    let key = |pen: &Pen<'_>, action| pen.model.keymap.key("form", action).map(|key| theme.glyphs.key(&key).to_owned()).unwrap_or_default();
    let note = Line::from(vec![
        Span::styled(key(pen, Action::Confirm), theme.key),
        Span::styled(if form.release.is_some() { " saves it" } else { " makes a draft" }, theme.muted),
    ]);
    let inner = open(pen, area, (width, height), theme.border_focus, heading, note);
    let (_, inner) = top(inner, u16::from(inner.height > 12));
    let (list, foot) = bottom(inner, 2.min(inner.height / 4));
    pen.regions.list_rows = list.height.into();
    let place = form.place();
    let under = shown.get(place).copied();
    // The field under the cursor is in view with what is wrong with it.
    let last = rows.iter().position(|row| matches!(row, Row::Field(at) if Some(*at) == under)).map_or(0, |at| {
        let error = matches!(rows.get(at + 1), Some(Row::Error(_)));
        at + 1 + usize::from(error)
    });
    let from = last.saturating_sub(list.height.into());
    let hidden = rows.len().saturating_sub(from + usize::from(list.height));
    for (line, row) in list.rows().zip(rows.iter().skip(from)) {
        match row {
            Row::Air => {}
            Row::Heading(text) => pen.line(line, Span::styled(*text, theme.accent.add_modifier(Modifier::BOLD))),
            Row::Error(why) => {
                let at = Rect { x: line.x + LABEL.min(line.width), width: line.width.saturating_sub(LABEL), ..line };
                pen.line(at, Span::styled(format!("✖ {why}"), theme.bad));
            }
            Row::Field(at) => {
                if let Some(field) = form.fields.get(*at) {
                    one(pen, line, field, Some(*at) == under);
                    pen.hit(line, Hit::ListRow(shown.iter().position(|shown| shown == at).unwrap_or(0)));
                }
            }
        }
    }
    if hidden > 0 || from > 0 {
        let text = if hidden > 0 { format!(" {hidden} more below ") } else { " the end ".to_owned() };
        pen.line_right(Rect { y: inner.bottom(), height: 1, ..inner }, Span::styled(text, theme.muted));
    }
    let (_, foot) = bottom(foot, 1);
    let told = told(pen, form, under);
    pen.line(foot, told);
}

/// Every line: the fields that matter, what is wrong below each, and the other services apart.
fn rows(form: &Form, shown: &[usize], airy: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut others = false;
    for at in shown {
        let Some(field) = form.fields.get(*at) else { continue };
        if *at > 0 && matches!(field.key, FieldKey::Version(_)) && !others {
            others = true;
            rows.extend([Row::Air, Row::Heading("Goes along")]);
        }
        // What it is, what is said of it, and what is expected stand apart where there is room.
        if airy && matches!(field.key, FieldKey::Title | FieldKey::Audience | FieldKey::Contingency) {
            rows.push(Row::Air);
        }
        rows.push(Row::Field(*at));
        rows.extend(field.error.clone().map(Row::Error));
    }
    rows
}

/// A field with its name, its value, and what stands beside it.
fn one(pen: &mut Pen<'_>, line: Rect, field: &Field, here: bool) {
    let theme = pen.theme;
    let style = match (&field.error, here) {
        (Some(_), _) => theme.bad,
        (None, true) => theme.strong,
        (None, false) => theme.muted,
    };
    let mark = Span::styled(if here { "▶ " } else { "  " }, theme.accent);
    let label = format::fit(&field.key.label(), usize::from(LABEL).saturating_sub(3)).into_owned();
    pen.line(Rect { width: LABEL.min(line.width), ..line }, Line::from(vec![mark, Span::styled(label, style)]));
    let rest = Rect { x: line.x + LABEL.min(line.width), width: line.width.saturating_sub(LABEL), ..line };
    let short = field.closed() || matches!(field.key, FieldKey::Version(_) | FieldKey::Duration | FieldKey::Downtime | FieldKey::Ticket);
    let wide = if short && field.key != FieldKey::Ticket { SHORT } else { rest.width };
    let (value, beside) = (
        Rect { width: wide.min(rest.width), ..rest },
        Rect { x: rest.x + wide.min(rest.width), width: rest.width.saturating_sub(wide), ..rest },
    );
    let empty = field.input.value().is_empty();
    if field.closed() {
        let text = if empty { field.key.hint() } else { field.input.value() };
        // The arrows say that it is chosen and not typed; without colour as well.
        let arrows = if here { theme.key } else { theme.faint };
        pen.paint(value, theme.button);
        let inner = usize::from(value.width.saturating_sub(4));
        let of_text = if empty { theme.button.patch(theme.faint) } else { theme.button };
        pen.line(
            value,
            Line::from(vec![
                Span::styled("‹ ", theme.button.patch(arrows)),
                Span::styled(format::pad(text, inner), of_text),
                Span::styled(" ›", theme.button.patch(arrows)),
            ]),
        );
    } else {
        input(pen, value, &field.input, here);
        if empty {
            let hint = Rect { x: value.x + 2.min(value.width), width: value.width.saturating_sub(2), ..value };
            let hint = if short && field.key != FieldKey::Ticket { Rect { width: rest.width.saturating_sub(2), ..hint } } else { hint };
            pen.line(hint, Span::styled(field.key.hint(), theme.button.patch(theme.faint)));
        }
    }
    let from = field.from().filter(|from| !from.is_empty() && !empty);
    let more = field.choices.len();
    let told = match (from, here && !field.closed() && more > 0) {
        (Some(from), true) if more > 1 => format!("  {from}   ‹ › {more} proposed"),
        (Some(from), _) => format!("  {from}"),
        (None, true) => format!("  ‹ › {}", format::count(more, "proposal")),
        (None, false) => String::new(),
    };
    if !(empty && short && !field.closed()) {
        pen.line(beside, Span::styled(told, theme.muted));
    }
}

/// The last line: what the field under the cursor wants.
fn told(pen: &Pen<'_>, form: &Form, under: Option<usize>) -> Line<'static> {
    let theme = pen.theme;
    let key = |action| pen.model.keymap.key("form", action).map(|key| theme.glyphs.key(&key).to_owned()).unwrap_or_default();
    let field = under.and_then(|at| form.fields.get(at));
    let last = form.place() + 1 >= form.shown().len();
    let what = match field {
        Some(field) if field.closed() => "← → choose",
        Some(field) if !field.choices.is_empty() => "type it, or ← → choose what is proposed",
        _ => "type it",
    };
    let mut spans = vec![Span::styled(format!("{what}   "), theme.faint), Span::styled(key(Action::Accept), theme.key)];
    if last {
        spans.push(Span::styled(" saves", theme.faint));
    } else {
        spans.extend([
            Span::styled(" next   ", theme.faint),
            Span::styled(key(Action::Confirm), theme.key),
            Span::styled(" saves", theme.faint),
        ]);
    }
    Line::from(spans)
}
