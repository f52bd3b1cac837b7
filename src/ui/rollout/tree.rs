//! The tree: revisions with their instances, what is measured of them, and what stands around. Only rows in view are drawn.

mod around;
mod measured;
mod running;

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::model::tree::{Item, Row, rows};
use crate::app::regions::Hit;
use crate::config::theme::Theme;
use crate::domain::doctor::{Cause, Finding};
use crate::domain::rollout::{Rollout, Strategy};
use crate::ui::format;
use crate::ui::pen::{Pen, bottom, top};

/// A row's name, and what is told of it.
type Told = (Line<'static>, Line<'static>);

/// Returns how many rows the pane would fill.
pub(super) fn rows_wanted(pen: &Pen<'_>, rollout: &Rollout) -> u16 {
    let finding = pen.model.fleet.seen(&rollout.id).and_then(|seen| seen.finding.as_ref());
    rows(rollout, &pen.model.nav.rollout.unfolded).len().min(500) as u16 + if finding.is_some() { 5 } else { 1 }
}

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout, focused: bool) {
    let (model, theme) = (pen.model, pen.theme);
    let note = Line::styled(counted(rollout), theme.muted);
    let inner = pen.pane(area, focused, "Rollout", note);
    pen.hit(area, Hit::Pane(crate::app::model::nav::Pane::Tree));
    let finding = model.fleet.seen(&rollout.id).and_then(|seen| seen.finding.as_ref());
    let rows = rows(rollout, &model.nav.rollout.unfolded);
    // A mere wait stands in the headline already: it never takes a row from the tree.
    let fits = |finding: &Finding| !finding.calm() || rows.len() + 4 <= usize::from(inner.height);
    let told = finding.filter(|finding| fits(finding)).map(|finding| doctor(pen, finding, inner.width.saturating_sub(2)));
    let (list, below) = match &told {
        Some(lines) if inner.height > lines.len() as u16 + 3 => bottom(inner, lines.len() as u16 + u16::from(inner.height > 12)),
        _ => (inner, Rect::ZERO),
    };
    let mut cursor = model.nav.rollout.tree;
    cursor.reveal(rows.len(), list.height.into());
    let info = (list.width * 2 / 5).clamp(20, 32);
    for (place, (number, row)) in list.rows().zip(rows.iter().enumerate().skip(cursor.top)) {
        let selected = number == cursor.at;
        if selected {
            let wide = Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place };
            if focused {
                pen.paint(wide, theme.selection);
            } else {
                pen.line(Rect { width: 1, ..wide }, Span::styled("▌", theme.faint));
            }
        }
        let (name, told) = line(theme, rollout, row, model.now);
        let left = Rect { x: place.x + 1, width: info.min(place.width.saturating_sub(1)), ..place };
        pen.line(left, name);
        let right = Rect { x: left.right() + 1, width: place.right().saturating_sub(left.right() + 1), ..place };
        pen.line(right, told);
        pen.hit(place, Hit::TreeRow(number));
    }
    pen.regions.tree_rows = list.height.into();
    if let Some(lines) = told {
        let (_, below) = top(below, below.height.saturating_sub(lines.len() as u16));
        pen.lines(Rect { x: below.x + 1, width: below.width.saturating_sub(1), ..below }, lines);
    }
}

/// Returns what is wrong as lines: the sentence, and the evidence with the way to its log.
pub(super) fn doctor(pen: &Pen<'_>, finding: &Finding, width: u16) -> Vec<Line<'static>> {
    let theme = pen.theme;
    let (word, style) = match finding.cause {
        cause if cause.calm() => ("‖ ", theme.waiting),
        // These sentences begin with the word themselves.
        Cause::Aborted | Cause::AbortedHeld | Cause::Away => ("✖ ", theme.bad),
        Cause::Downtime => ("Downtime: ", theme.bad),
        Cause::NoEndpoints => ("Not served: ", theme.bad),
        _ => ("Stalled: ", theme.bad),
    };
    let sentence = if word.ends_with(": ") { finding.sentence.clone() } else { format::capital(&finding.sentence) };
    let text = format!("{word}{sentence}");
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (at, part) in format::wrap(&text, width.max(10).into()).into_iter().take(2).enumerate() {
        lines.push(match part.strip_prefix(word.trim_end()) {
            Some(rest) if at == 0 => Line::from(vec![Span::styled(word.trim_end(), style), Span::styled(rest.to_owned(), theme.strong)]),
            _ => Line::styled(part, theme.strong),
        });
    }
    let mut evidence = vec![Span::styled(finding.evidence.clone(), theme.muted)];
    if finding.instance.is_some()
        && let Some(key) = pen.model.keymap.key("rollout", crate::app::action::Action::Logs)
    {
        let room = usize::from(width).saturating_sub(12);
        evidence = vec![Span::styled(format::fit(&finding.evidence, room).into_owned(), theme.muted)];
        evidence.push(Span::styled(format!("  {key}"), theme.key));
        evidence.push(Span::styled(" its log", theme.muted));
    }
    lines.push(Line::from(evidence));
    lines
}

/// `5 + 15 pods`.
fn counted(rollout: &Rollout) -> String {
    match rollout
        .candidate()
        .filter(|_| rollout.phase.under_way() || rollout.strategy == Strategy::BlueGreen || rollout.delivery.aborted.is_some())
    {
        Some(candidate) if candidate.counts.total > 0 && candidate.counts.total < rollout.counts.total => {
            format!("{} + {} pods", candidate.counts.total, rollout.counts.total - candidate.counts.total)
        }
        _ => format::count(rollout.counts.total as usize, "pod"),
    }
}

/// Returns a row's name with its place in the tree, and what is told of it.
fn line(theme: &Theme, rollout: &Rollout, row: &Row<'_>, now: Timestamp) -> Told {
    let (mut name, told) = match row.item {
        Item::Head => around::head(theme, rollout),
        Item::Revision(revision) => running::revision(theme, rollout, revision, now),
        Item::Instance(instance) => running::instance(theme, rollout, instance, now),
        Item::More(_, count) => running::more(theme, count),
        Item::Analysis(analysis) => measured::analysis(theme, rollout, analysis, now),
        Item::Metric(_, metric) => measured::metric(theme, metric),
        Item::Experiment(experiment) => measured::experiment(theme, experiment, now),
        Item::Template(_, template) => measured::template(theme, template),
        Item::Router => around::router(theme, rollout),
        Item::Service(service) => around::service(theme, rollout, service),
        Item::Autoscaler(autoscaler) => around::autoscaler(theme, autoscaler),
        Item::Budget(budget) => around::budget(theme, budget),
        Item::Kept(count, newest, oldest) => around::kept(theme, count, newest, oldest),
    };
    let twig = if row.last { "└─ " } else { "├─ " };
    let trunk = if row.under_last { "   " } else { "│  " };
    let branch = match row.depth {
        0 => String::new(),
        1 => twig.to_owned(),
        _ => format!("{trunk}{twig}"),
    };
    name.spans.insert(0, Span::styled(branch, theme.border));
    (name, told)
}
