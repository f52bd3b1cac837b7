//! What runs: revisions with their counts and shares, their instances.

use jiff::Timestamp;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::Told;
use crate::config::theme::Theme;
use crate::domain::delivery::Shortcut;
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::revision::{Revision, Role};
use crate::domain::rollout::{Rollout, Strategy};
use crate::ui::format;
use crate::ui::standing;
use crate::ui::words;

/// Returns `#42 2.2.0  canary` in the colour of its role.
fn named(theme: &Theme, revision: &Revision) -> Vec<Span<'static>> {
    let style = words::role(theme, revision.roles);
    let number = match (revision.number, &revision.track) {
        (_, Some(track)) => format!("{track} "),
        (Some(number), None) => format!("#{number} "),
        (None, None) => String::new(),
    };
    let roles: Vec<_> = revision.roles.iter().map(Role::word).collect();
    vec![
        Span::styled(number, theme.muted),
        Span::styled(revision.version.clone(), style.add_modifier(Modifier::BOLD)),
        Span::styled(format!("  {}", roles.join(", ")), style),
    ]
}

/// Returns a revision with its roles, and its counts, share, warmth and age.
pub(super) fn revision(theme: &Theme, rollout: &Rollout, revision: &Revision, now: Timestamp) -> Told {
    (Line::from(named(theme, revision)), of_revision(theme, rollout, revision, now))
}

/// Returns an instance with its state, usage and last end.
pub(super) fn instance(theme: &Theme, rollout: &Rollout, instance: &Instance, now: Timestamp) -> Told {
    let (glyph, style) = health(theme, instance);
    let name_style = if style == theme.bad { theme.strong } else { theme.text() };
    let name = Line::from(vec![Span::styled(format!("{glyph} "), style), Span::styled(instance.short().to_owned(), name_style)]);
    let mut told = of_instance(theme, instance, style, now);
    // While a restart is under way, whether an instance is from before it is what one looks for.
    let before = |at: Timestamp| instance.created.is_some_and(|created| created.as_second() < at.as_second());
    if rollout.delivery.restart.is_some_and(before) && instance.state != InstanceState::Terminating {
        told.push_span(Span::styled("  to be restarted", theme.waiting));
    }
    (name, told)
}

/// Returns the row for healthy instances that are not listed.
pub(super) fn more(theme: &Theme, count: usize) -> Told {
    let name = Line::from(vec![Span::styled("● ", theme.stable), Span::styled(format!("{count} more ready"), theme.muted)]);
    (name, Line::styled("⏎ lists them", theme.faint))
}

fn of_revision(theme: &Theme, rollout: &Rollout, revision: &Revision, now: Timestamp) -> Line<'static> {
    let counts = revision.counts;
    let style = if counts.ready < counts.wanted { theme.waiting } else { words::role(theme, revision.roles) };
    let wanted = counts.wanted.max(counts.total);
    let mut spans = vec![Span::styled(format!("{}/{wanted} ready", counts.ready), style)];
    if counts.total > counts.wanted {
        spans.push(Span::styled(format!("  {} to go", counts.total - counts.wanted), theme.muted));
    }
    if let Some(share) = standing::share(rollout).filter(|share| rollout.phase.under_way() || share.permille() > 0)
        && rollout.strategy == Strategy::Canary
    {
        if revision.roles.candidate() && !revision.roles.serves() {
            spans.push(Span::styled(format!("   {share}"), style));
        } else if revision.roles.serves() && rollout.candidate().is_some() {
            spans.push(Span::styled(format!("   {}", share.rest()), style));
        }
    }
    if let Some(left) = revision.cools.map(|at| at.duration_since(now)).filter(|left| left.is_positive() && counts.total > 0) {
        spans.push(Span::styled(format!("   warm {}", format::clock(left)), theme.stable));
    }
    match revision.shortcut {
        Some(Shortcut::Window) => spans.push(Span::styled("   back without steps", theme.muted)),
        Some(Shortcut::Warm) if revision.cools.is_none_or(|at| at > now) => spans.push(Span::styled("   back at once", theme.muted)),
        _ => {}
    }
    if revision.restarted.is_some() {
        spans.push(Span::styled("   restart", theme.muted));
    }
    if let Some(created) = revision.created {
        spans.push(Span::styled(format!("   {}", format::since(now, created)), theme.faint));
    }
    if let Some(cause) = &revision.cause {
        spans.push(Span::styled(format!("   {cause}"), theme.faint));
    }
    Line::from(spans)
}

/// Returns the glyph and style of an instance's state.
fn health(theme: &Theme, instance: &Instance) -> (&'static str, Style) {
    match instance.state {
        InstanceState::Ready => ("●", theme.stable),
        InstanceState::Pending | InstanceState::Starting => ("○", theme.candidate),
        InstanceState::Unready => ("◐", theme.waiting),
        InstanceState::Terminating => ("○", theme.faint),
        InstanceState::Failed => ("✖", theme.bad),
        InstanceState::Succeeded => ("✔", theme.muted),
    }
}

fn of_instance(theme: &Theme, instance: &Instance, style: Style, now: Timestamp) -> Line<'static> {
    let mut spans = Vec::new();
    if instance.state == InstanceState::Ready {
        let since = instance.ready_since.or(instance.created).map_or_else(String::new, |since| format!(" {}", format::since(now, since)));
        spans.push(Span::styled(format!("ready{since}"), theme.muted));
    } else {
        spans.push(Span::styled(instance.word.clone(), style));
        if let Some(created) = instance.created {
            spans.push(Span::styled(format!("  {}", format::since(now, created)), theme.muted));
        }
    }
    if instance.restarts > 0 {
        spans.push(Span::styled(format!("  ↻{}", instance.restarts), theme.waiting));
    }
    let exit = instance.containers.iter().find_map(|container| container.last_exit.as_ref()).filter(|_| instance.restarts > 0);
    if let Some(exit) = exit {
        let ago = exit.at.map_or_else(String::new, |at| format!(" {} ago", format::since(now, at)));
        let style = if instance.state == InstanceState::Ready { theme.muted } else { theme.bad };
        spans.push(Span::styled(format!("  {} exit {}{ago}", exit.reason, exit.code), style));
    }
    if let Some(usage) = instance.usage {
        spans.push(Span::styled(format!("  {:>5}", format::cpu(usage.cpu_millis)), theme.muted));
        // Close to its limit a pod will be killed; that is worth a colour.
        let near = instance.memory_limit.is_some_and(|limit| usage.memory_bytes >= limit / 10 * 9);
        let memory = format::bytes(usage.memory_bytes);
        spans.push(Span::styled(format!("  {memory:>5}"), if near { theme.bad } else { theme.muted }));
        if near && let Some(limit) = instance.memory_limit {
            spans.push(Span::styled(format!(" of {}", format::bytes(limit)), theme.bad));
        }
    }
    if instance.state != InstanceState::Ready && exit.is_none() && !instance.message.is_empty() {
        spans.push(Span::styled(format!("  {}", instance.message), theme.muted));
    }
    Line::from(spans)
}
