//! What is measured: analyses with their metrics, experiments with their sets of instances.

use jiff::Timestamp;
use ratatui::text::{Line, Span};

use super::Told;
use crate::config::theme::Theme;
use crate::domain::delivery::{Analysis, AnalysisPhase, AnalysisRole, Experiment, ExperimentTemplate, Metric};
use crate::domain::rollout::Rollout;
use crate::domain::step::StepKind;
use crate::ui::format;
use crate::ui::measure;
use crate::ui::words;

/// Returns an analysis: for what, its verdict, how far it is, and the value that decides where there is one metric.
pub(super) fn analysis(theme: &Theme, rollout: &Rollout, analysis: &Analysis, now: Timestamp) -> Told {
    let (glyph, style) = words::verdict(theme, analysis.phase);
    let name = Line::from(vec![
        Span::styled(format!("{glyph} "), style),
        Span::styled(title(rollout, analysis), theme.strong),
        Span::styled(format!("  {}", role(&analysis.role)), theme.muted),
    ]);
    let mut told = vec![Span::styled(analysis.phase.word(), style)];
    if analysis.stopping && !analysis.phase.over() {
        told.push(Span::styled(", asked to stop", theme.waiting));
    }
    if let Some(count) = measure::counted(analysis) {
        told.push(Span::styled(format!("  {count}"), theme.text()));
    }
    let decides = match analysis.metrics.as_slice() {
        _ if analysis.phase != AnalysisPhase::Successful => None,
        [only] => Some(only),
        _ => None,
    };
    if let Some(metric) = decides {
        told.extend(measure::last(metric).map(|value| Span::styled(format!("  last {value}"), theme.text())));
        told.extend(measure::limit(metric).map(|limit| Span::styled(format!("  {limit}"), theme.muted)));
    } else if analysis.phase == AnalysisPhase::Successful {
        told.push(Span::styled(format!("  {}", format::count(analysis.metrics.len(), "metric")), theme.muted));
    }
    match (analysis.started, analysis.ended) {
        (Some(started), Some(ended)) => {
            told.push(Span::styled(format!("  in {}", format::clock(ended.duration_since(started))), theme.faint));
        }
        (Some(started), None) if !analysis.phase.over() => {
            told.push(Span::styled(format!("  {}", format::clock(now.duration_since(started))), theme.muted));
        }
        _ => {}
    }
    (name, Line::from(told))
}

/// The experiment has a row of its own with its name.
fn role(role: &AnalysisRole) -> String {
    if matches!(role, AnalysisRole::Experiment(_)) { "experiment".into() } else { role.word() }
}

/// What the steps call it; else what it measures; else the object's own name.
fn title(rollout: &Rollout, analysis: &Analysis) -> String {
    if let AnalysisRole::Step(index) = analysis.role
        && let Some(step) = rollout.steps.as_ref().and_then(|steps| steps.list.get(index))
        && let StepKind::Analysis(name) = &step.kind
        && !name.is_empty()
    {
        return name.clone();
    }
    let metrics: Vec<_> = analysis.metrics.iter().map(|metric| metric.name.as_str()).collect();
    if metrics.is_empty() { analysis.name.clone() } else { metrics.join(", ") }
}

/// Returns a metric: its values as a line, the last one against its limit, and the verdict with its counts.
pub(super) fn metric(theme: &Theme, metric: &Metric) -> Told {
    let (glyph, style) = words::verdict(theme, metric.phase);
    let name = Line::from(vec![Span::styled(format!("{glyph} "), style), Span::styled(metric.name.clone(), theme.text())]);
    let mut told = Vec::new();
    if let Some(value) = measure::last(metric) {
        told.push(Span::styled(value, style));
        told.push(Span::raw(" "));
    }
    let spark = measure::spark(theme, metric);
    if !spark.is_empty() {
        told.extend(spark);
        told.push(Span::raw(" "));
    }
    if let Some(limit) = measure::limit(metric) {
        told.push(Span::styled(format!("{limit}  "), theme.muted));
    }
    told.push(Span::styled(measure::tally(metric), if metric.phase.bad() { theme.bad } else { theme.muted }));
    if metric.dry_run {
        told.push(Span::styled("  decides nothing", theme.faint));
    }
    if !metric.message.is_empty() {
        told.push(Span::styled(format!("  {}", metric.message), theme.muted));
    }
    (name, Line::from(told))
}

/// Returns an experiment: its verdict and how long it goes on.
pub(super) fn experiment(theme: &Theme, experiment: &Experiment, now: Timestamp) -> Told {
    let (glyph, style) = words::verdict(theme, experiment.phase);
    let name = Line::from(vec![
        Span::styled(format!("{glyph} "), style),
        Span::styled("experiment", theme.strong),
        Span::styled(format!("  {}", experiment.name), theme.muted),
    ]);
    let mut told = vec![Span::styled(experiment.phase.word(), style)];
    // Its time begins to count when its instances are up.
    if let (Some(started), AnalysisPhase::Running) = (experiment.started, experiment.phase) {
        let time = match experiment.lasts {
            Some(lasts) => format!("  {} left", format::clock(lasts.saturating_sub(now.duration_since(started)))),
            None => format!("  {}", format::clock(now.duration_since(started))),
        };
        told.push(Span::styled(time, theme.muted));
    }
    if !experiment.message.is_empty() {
        told.push(Span::styled(format!("  {}", experiment.message), theme.muted));
    }
    (name, Line::from(told))
}

/// Returns a set of instances of an experiment.
pub(super) fn template(theme: &Theme, template: &ExperimentTemplate) -> Told {
    let (glyph, style) = match template.status.as_str() {
        "Failed" | "Error" => ("✖", theme.bad),
        "Successful" => ("✔", theme.good),
        _ if template.available < template.replicas => ("○", theme.candidate),
        _ => ("●", theme.candidate),
    };
    let name = Line::from(vec![Span::styled(format!("{glyph} "), style), Span::styled(template.name.clone(), theme.text())]);
    let mut told = vec![Span::styled(format!("{}/{} ready", template.available, template.replicas), style)];
    told.push(Span::styled(format!("  {}", template.status.to_lowercase()), theme.muted));
    if !template.message.is_empty() {
        told.push(Span::styled(format!("  {}", template.message), theme.muted));
    }
    (name, Line::from(told))
}
