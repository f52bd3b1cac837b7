//! One thing whole: an analysis with every value, an experiment, or all that is said of a rollout.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{open, title};
use crate::app::model::dialog::{Subject, Whole};
use crate::domain::delivery::{Analysis, Experiment, Metric};
use crate::domain::rollout::Rollout;
use crate::ui::format;
use crate::ui::measure;
use crate::ui::pen::Pen;
use crate::ui::standing;
use crate::ui::words;

/// Draws it, from its line `top` on.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, whole: &Whole) {
    let theme = pen.theme;
    let width = area.width.saturating_sub(if area.width >= 100 { 12 } else { 2 }).min(112);
    let columns = usize::from(width.saturating_sub(4));
    let rollout = pen.model.rollout(&whole.rollout).cloned();
    let gone = |what: String| (what, vec![Line::styled("It is gone.", theme.muted)]);
    let (heading, lines) = match (&whole.subject, &rollout) {
        // A text needs no rollout: of a release that has not begun there may be none.
        (Subject::Text(heading, text), _) => (heading.clone(), prose(text, columns, theme.text())),
        (_, None) => return,
        (Subject::Analysis(name), Some(rollout)) => match rollout.delivery.analysis(name) {
            Some(analysis) => (format!("Analysis {name}"), of_analysis(pen, analysis, columns)),
            None => gone(format!("Analysis {name}")),
        },
        (Subject::Experiment(name), Some(rollout)) => match rollout.delivery.experiments.iter().find(|experiment| experiment.name == *name)
        {
            Some(experiment) => (format!("Experiment {name}"), of_experiment(pen, experiment, columns)),
            None => gone(format!("Experiment {name}")),
        },
        (Subject::Rollout, Some(rollout)) => {
            (format!("{} in {}", words::name(&whole.rollout), whole.rollout.environment), of_rollout(pen, rollout, columns))
        }
    };
    let height = (lines.len() as u16).saturating_add(2).min(area.height);
    let scrolls = lines.len() + 2 > usize::from(area.height);
    let note = if scrolls { Line::styled("scrolls", theme.muted) } else { Line::default() };
    let heading = title(pen, &heading);
    let inner = open(pen, area, (width, height), theme.border_focus, heading, note);
    pen.regions.list_rows = inner.height.into();
    let from = whole.top.min(lines.len().saturating_sub(inner.height.into()));
    pen.lines(inner, lines.into_iter().skip(from));
}

fn prose(text: &str, columns: usize, style: Style) -> Vec<Line<'static>> {
    format::wrap(text, columns).into_iter().map(|part| Line::styled(part, style)).collect()
}

fn of_analysis(pen: &Pen<'_>, analysis: &Analysis, columns: usize) -> Vec<Line<'static>> {
    let (theme, now) = (pen.theme, pen.model.now);
    let (glyph, style) = words::verdict(theme, analysis.phase);
    let mut head = vec![
        Span::styled(format!("{glyph} {}", analysis.phase.word()), style),
        Span::styled(format!("   {}", analysis.role.word()), theme.text()),
    ];
    if let Some(started) = analysis.started {
        let until = analysis.ended.unwrap_or(now);
        let word = if analysis.ended.is_some() { "took" } else { "for" };
        head.push(Span::styled(format!("   {word} {}", format::clock(until.duration_since(started))), theme.muted));
    }
    if analysis.stopping {
        head.push(Span::styled("   asked to stop", theme.waiting));
    }
    let mut lines = vec![Line::from(head)];
    if !analysis.message.is_empty() {
        lines.extend(prose(&analysis.message, columns, theme.text()));
    }
    for metric in &analysis.metrics {
        lines.push(Line::default());
        lines.extend(of_metric(pen, metric, columns));
    }
    lines
}

/// A metric with every value that is kept, the newest first.
fn of_metric(pen: &Pen<'_>, metric: &Metric, columns: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let (glyph, style) = words::verdict(theme, metric.phase);
    let mut head = vec![
        Span::styled(format!("{glyph} "), style),
        Span::styled(metric.name.clone(), theme.strong),
        Span::styled(format!("   {}", metric.phase.word()), style),
        Span::styled(format!("   {}", measure::tally(metric)), theme.muted),
    ];
    if metric.dry_run {
        head.push(Span::styled("   decides nothing", theme.waiting));
    }
    let mut lines = vec![Line::from(head)];
    if !metric.limit.is_empty() {
        lines.extend(prose(&format!("limit   {}", metric.limit), columns, theme.muted));
    }
    if !metric.message.is_empty() {
        lines.extend(prose(&metric.message, columns, theme.text()));
    }
    for one in metric.measurements.iter().rev() {
        let (glyph, style) = words::verdict(theme, one.phase);
        let at = one.at.map_or_else(|| "        ".to_owned(), |at| format::time(at, &model.zone));
        let room = columns.saturating_sub(13);
        for (number, part) in format::wrap(&one.value, room).into_iter().enumerate() {
            let lead = if number == 0 { format!("  {at} {glyph} ") } else { " ".repeat(13) };
            lines.push(Line::from(vec![Span::styled(lead, style), Span::styled(part, theme.text())]));
        }
    }
    lines
}

fn of_experiment(pen: &Pen<'_>, experiment: &Experiment, columns: usize) -> Vec<Line<'static>> {
    let theme = pen.theme;
    let (glyph, style) = words::verdict(theme, experiment.phase);
    let mut lines = vec![Line::styled(format!("{glyph} {}", experiment.phase.word()), style)];
    if !experiment.message.is_empty() {
        lines.extend(prose(&experiment.message, columns, theme.text()));
    }
    for template in &experiment.templates {
        lines.push(Line::default());
        lines.push(Line::from(vec![
            Span::styled(template.name.clone(), theme.strong),
            Span::styled(format!("   {}/{} ready", template.available, template.replicas), theme.text()),
            Span::styled(format!("   {}", template.status), theme.muted),
        ]));
        if !template.message.is_empty() {
            lines.extend(prose(&template.message, columns, theme.text()));
        }
    }
    lines
}

/// What is wrong, why it was given up, and the engine's own words, each in full.
fn of_rollout(pen: &Pen<'_>, rollout: &Rollout, columns: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut lines = prose(&standing::sentence(rollout, model.now), columns, theme.strong);
    // One text often contains another; said once it is read.
    let rest = |said: &str, all: &[&str]| all.iter().any(|other| other.contains(said.trim_end_matches('…')));
    let mut tell = |heading: &str, text: &str, style: Style| {
        if !text.is_empty() {
            lines.push(Line::default());
            lines.push(Line::styled(heading.to_owned(), theme.muted));
            lines.extend(prose(text, columns, style));
        }
    };
    if let Some(finding) = model.fleet.seen(&rollout.id).and_then(|seen| seen.finding.as_ref()) {
        let style = if finding.calm() { theme.waiting } else { theme.bad };
        tell("What is the matter", &format::capital(&finding.sentence), style);
        if !rest(&finding.evidence, &[&finding.sentence, &rollout.native]) {
            tell("Evidence", &finding.evidence, theme.text());
        }
    }
    if let Some(aborted) = rollout.delivery.aborted.as_ref().filter(|aborted| !rest(&aborted.why, &[&rollout.native])) {
        tell("Why it was given up", &aborted.why, theme.text());
    }
    tell("The engine's own words", &rollout.native, theme.text());
    for (reason, message) in rollout.conditions.iter().filter(|(_, message)| !rest(message, &[&rollout.native])) {
        tell(reason, message, theme.text());
    }
    if let Some(autoscaler) = &rollout.autoscaler {
        for (reason, message) in &autoscaler.complaints {
            tell(&format!("{}: {reason}", autoscaler.name), message, theme.text());
        }
    }
    if let Some(owner) = &rollout.owner {
        tell(&format!("{} owns it", owner.tool), &owner.consequence, theme.text());
    }
    lines
}
