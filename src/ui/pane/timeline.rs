//! The timeline: every order with who, what, its requests and their answers, and what came of it.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::action::Action;
use crate::app::model::nav::Cursor;
use crate::app::regions::Hit;
use crate::domain::change::Judgement;
use crate::domain::id::RolloutId;
use crate::domain::journal::Operation;
use crate::ui::format;
use crate::ui::pen::{Pen, inset, top};
use crate::ui::words;

/// Draws the screen.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, about: Option<&RolloutId>) {
    let (model, theme) = (pen.model, pen.theme);
    let (_, area) = top(area, u16::from(area.height >= 30));
    let area = inset(area, 1);
    let operations = model.timeline();
    let (list, detail) = if operations.is_empty() {
        (area, Rect::ZERO)
    } else if area.width >= 140 {
        let left = area.width * 3 / 5;
        (Rect { width: left, ..area }, Rect { x: area.x + left + 1, width: area.width - left - 1, ..area })
    } else {
        top(area, (area.height / 2).max(6))
    };
    let title = about.map_or_else(|| "Timeline".to_owned(), |id| format!("Timeline of {id}"));
    let note = Line::styled(format!("{}, newest first", format::count(operations.len(), "order")), theme.muted);
    let inner = pen.pane(list, true, &title, note);
    let mut cursor: Cursor = model.nav.timeline;
    cursor.reveal(operations.len(), inner.height.into());
    pen.regions.list_rows = inner.height.into();
    if operations.is_empty() {
        pen.line(inner, Span::styled("Nothing was ordered yet.", theme.faint));
    }
    for (place, (number, operation)) in inner.rows().zip(operations.iter().enumerate().skip(cursor.top)) {
        if number == cursor.at {
            pen.paint(Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place }, theme.selection);
        }
        let line = row(pen, operation, about.is_some());
        pen.line(place, line);
        pen.hit(place, Hit::ListRow(number));
    }
    if let Some(operation) = operations.get(cursor.at) {
        one(pen, detail, operation);
    }
}

fn row(pen: &Pen<'_>, operation: &Operation, one_rollout: bool) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let (glyph, style, told) = words::outcome(pen, operation);
    let about = if one_rollout { String::new() } else { format!("{}: ", operation.intent.rollout) };
    Line::from(vec![
        Span::styled(format!("{:>12}  ", format::minute(operation.at, model.now, &model.zone)), theme.faint),
        Span::styled(format!("{glyph} "), style),
        Span::styled(format!("{}  ", operation.actor), theme.accent),
        Span::styled(about, theme.muted),
        Span::styled(words::order(&operation.intent), theme.strong),
        Span::styled(format!("  {told}"), style),
    ])
}

/// All of one operation.
fn one(pen: &mut Pen<'_>, area: Rect, operation: &Operation) {
    let (model, theme) = (pen.model, pen.theme);
    let inner = pen.pane(area, false, "Order", Line::styled(operation.op.to_string(), theme.faint));
    let width = usize::from(inner.width);
    let (glyph, style, told) = words::outcome(pen, operation);
    let mut lines = vec![
        Line::from(vec![
            Span::styled(format::capital(&words::order(&operation.intent)), theme.strong),
            Span::styled(format!("  {}", operation.intent.rollout), theme.muted),
        ]),
        Line::styled(
            format!("{} at {} by {} on {}", "ordered", format::time(operation.at, &model.zone), operation.actor, operation.console),
            theme.muted,
        ),
    ];
    if let Some(reason) = &operation.intent.reason {
        lines.push(Line::styled(format!("reason: {reason}"), theme.muted));
    }
    lines.push(Line::default());
    for (index, request) in operation.intent.requests.iter().enumerate() {
        let (text, style) = match operation.answers.iter().find(|(at, _)| *at == index) {
            Some((_, Ok(answer))) => (format!("{} in {} ms", answer.status, answer.took_ms), theme.good),
            Some((_, Err(failure))) if failure.in_doubt => (failure.message.clone(), theme.waiting),
            Some((_, Err(failure))) => (failure.message.clone(), theme.bad),
            None => ("no answer recorded".into(), theme.waiting),
        };
        lines.push(Line::from(vec![
            Span::styled(format!("{} ", request.method), theme.accent),
            Span::styled(request.purpose.clone(), theme.text()),
            Span::styled(format!("  {text}"), style),
        ]));
        lines.extend(
            format::wrap_code(&request.path, width.saturating_sub(2))
                .into_iter()
                .map(|part| Line::styled(format!("  {part}"), theme.faint)),
        );
        lines.extend(
            format::wrap_code(&request.body, width.saturating_sub(2))
                .into_iter()
                .map(|part| Line::styled(format!("  {part}"), theme.muted)),
        );
        lines.push(Line::default());
    }
    for (at, part) in format::wrap(&told, width.saturating_sub(2)).into_iter().enumerate() {
        let sign = if at == 0 { glyph } else { " " };
        lines.push(Line::styled(format!("{sign} {part}"), style));
    }
    if let Some((at, ..)) = &operation.outcome {
        lines.push(Line::styled(format!("  seen {} later", format::age(at.duration_since(operation.at))), theme.faint));
    } else if let Some(rollout) = model.rollout(&operation.intent.rollout) {
        let (text, style) = match operation.intent.expect.judge(rollout) {
            Judgement::Met(seen) => (format!("the cluster shows it done: {seen}"), theme.good),
            Judgement::Missed(seen) => (format!("the cluster shows that it was not done: {seen}"), theme.bad),
            Judgement::Pending => ("the cluster does not show it so far".to_owned(), theme.waiting),
        };
        lines.extend(format::wrap(&text, width.saturating_sub(2)).into_iter().map(|part| Line::styled(format!("  {part}"), style)));
        if model.jobs.in_doubt().any(|other| other.op == operation.op)
            && let Some(key) = model.keymap.key("timeline", Action::Acknowledge)
        {
            lines.push(Line::from(vec![Span::styled(format!("  {key}"), theme.key), Span::styled(" closes it with that", theme.muted)]));
        }
    }
    pen.lines(inner, lines);
}
