//! What stands around the instances: the workload itself, routers and Services, what scales and what protects it.

use ratatui::text::{Line, Span};

use super::Told;
use crate::config::theme::Theme;
use crate::domain::delivery::{Budget, RoleService};
use crate::domain::revision::{Revision, Role};
use crate::domain::rollout::{Autoscaler, Rollout};
use crate::ui::format;
use crate::ui::standing;
use crate::ui::words;

/// Returns the workload, and the engine's own word for where it stands.
pub(super) fn head(theme: &Theme, rollout: &Rollout) -> Told {
    let (glyph, style) = words::phase(theme, rollout);
    let name = Line::from(vec![
        Span::styled("◇ ", theme.muted),
        Span::styled(words::name(&rollout.id), theme.strong),
        Span::styled(format!("  {}", rollout.kind), theme.muted),
    ]);
    let mut told = Line::from(Span::styled(format!("{glyph} {}", rollout.native), style));
    if let Some((new, all)) = standing::restarted(rollout) {
        told.push_span(Span::styled(format!("  {new} of {all} restarted"), theme.candidate));
    }
    (name, told)
}

/// Returns a Service that stands for a role, and what it selects.
pub(super) fn service(theme: &Theme, rollout: &Rollout, service: &RoleService) -> Told {
    let serves = matches!(service.role, Role::Stable | Role::Active);
    let style = if serves { theme.stable } else { theme.candidate };
    let name = Line::from(vec![Span::styled("⇒ ", theme.accent), Span::styled(service.name.clone(), theme.text())]);
    let mut told = vec![Span::styled(format!("{} service", service.role.word()), style)];
    match service.selects.as_ref().map(|id| (id, rollout.revision(id))) {
        Some((_, Some(revision))) => {
            let of_role = if revision.roles.serves() { theme.stable } else { theme.candidate };
            told.push(Span::styled("  → ", theme.muted));
            told.push(Span::styled(revision.label(), of_role));
            told.push(Span::styled(format!("  {} ready", revision.counts.ready), theme.muted));
        }
        Some((id, None)) => told.push(Span::styled(format!("  → {id}"), theme.muted)),
        None => told.push(Span::styled("  what it selects is unknown", theme.faint)),
    }
    (name, Line::from(told))
}

/// Returns what scales it.
pub(super) fn autoscaler(theme: &Theme, autoscaler: &Autoscaler) -> Told {
    let name = Line::from(vec![Span::styled("◇ ", theme.muted), Span::styled(autoscaler.name.clone(), theme.text())]);
    let mut told = vec![Span::styled(format!("scales {} to {}, now {}", autoscaler.min, autoscaler.max, autoscaler.current), theme.muted)];
    if autoscaler.desired != autoscaler.current {
        told.push(Span::styled(format!(", wants {}", autoscaler.desired), theme.waiting));
    }
    if let Some((reason, _)) = autoscaler.complaints.first() {
        told.push(Span::styled(format!("  {reason}"), theme.waiting));
    }
    (name, Line::from(told))
}

/// Returns a disruption budget: how many instances may go now.
pub(super) fn budget(theme: &Theme, budget: &Budget) -> Told {
    let name = Line::from(vec![Span::styled("◇ ", theme.muted), Span::styled(budget.name.clone(), theme.text())]);
    let style = if budget.allowed == 0 { theme.waiting } else { theme.muted };
    let may = if budget.allowed == 0 { "lets none go".to_owned() } else { format!("lets {} go", budget.allowed) };
    let told = vec![
        Span::styled(format!("budget {may}"), style),
        Span::styled(format!("  {} healthy, {} needed", budget.healthy, budget.desired), theme.muted),
    ];
    (name, Line::from(told))
}

/// Returns the revisions without instances.
pub(super) fn kept(theme: &Theme, count: usize, newest: &Revision, oldest: &Revision) -> Told {
    let text = if count == 1 { newest.label() } else { format!("{} … {}", newest.label(), oldest.label()) };
    (Line::styled(text, theme.muted), Line::styled("kept, can be rolled back to", theme.faint))
}

/// Returns who gets the traffic of a pair.
pub(super) fn router(theme: &Theme, rollout: &Rollout) -> Told {
    let Some(routing) = &rollout.routing else { return (Line::default(), Line::default()) };
    let to = routing.active.as_ref().map_or_else(|| "neither".to_owned(), ToString::to_string);
    let name = Line::from(vec![
        Span::styled("⇒ ", theme.accent),
        Span::styled(routing.router.clone(), theme.text()),
        Span::styled(format!(" → {to}"), theme.stable),
    ]);
    let all: u32 = routing.endpoints.iter().map(|(_, count)| count).sum();
    let mut told = vec![Span::styled(format::count(all as usize, "endpoint"), theme.muted)];
    if routing.strangers > 0 {
        told.push(Span::styled(format!("  {} of neither side", routing.strangers), theme.waiting));
    }
    if let Some(why) = &routing.locked {
        told.push(Span::styled(format!("  {why}"), theme.waiting));
    }
    told.push(Span::styled(format!("   {}", routing.selector), theme.faint));
    (name, Line::from(told))
}
