//! The tree: revisions with their roles, their instances, the router, and what is kept. Only rows in view are drawn.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::app::model::tree::{Row, rows};
use crate::app::regions::Hit;
use crate::config::theme::Theme;
use crate::domain::doctor::{Cause, Finding};
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::revision::{Revision, Role};
use crate::domain::rollout::{Rollout, Strategy};
use crate::ui::format;
use crate::ui::pen::{Pen, bottom, top};
use crate::ui::words;

/// Returns how many rows the pane would fill.
pub(super) fn rows_wanted(pen: &Pen<'_>, rollout: &Rollout) -> u16 {
    let finding = pen.model.fleet.seen(&rollout.id).and_then(|seen| seen.finding.as_ref());
    rows(rollout, &pen.model.nav.rollout.unfolded).len().min(500) as u16 + if finding.is_some() { 4 } else { 1 }
}

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout, focused: bool) {
    let (model, theme) = (pen.model, pen.theme);
    let note = Line::styled(counted(rollout), theme.muted);
    let inner = pen.pane(area, focused, "Rollout", note);
    pen.hit(area, Hit::Pane(crate::app::model::nav::Pane::Tree));
    let finding = model.fleet.seen(&rollout.id).and_then(|seen| seen.finding.as_ref());
    let told = finding.map(|finding| doctor(pen, finding, inner.width.saturating_sub(2)));
    let (list, below) = match &told {
        Some(lines) if inner.height > lines.len() as u16 + 3 => bottom(inner, lines.len() as u16 + u16::from(inner.height > 12)),
        _ => (inner, Rect::ZERO),
    };
    let rows = rows(rollout, &model.nav.rollout.unfolded);
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
        Cause::Downtime => ("Downtime: ", theme.bad),
        Cause::NoEndpoints => ("Not served: ", theme.bad),
        _ => ("Stalled: ", theme.bad),
    };
    let text = format!("{word}{}", finding.sentence);
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
    match rollout.candidate().filter(|_| rollout.phase.under_way() || rollout.strategy == Strategy::BlueGreen) {
        Some(candidate) if candidate.counts.total > 0 && candidate.counts.total < rollout.counts.total => {
            format!("{} + {} pods", candidate.counts.total, rollout.counts.total - candidate.counts.total)
        }
        _ => format::count(rollout.counts.total as usize, "pod"),
    }
}

/// Returns a row's name with its place in the tree, and what is told of it.
fn line(theme: &Theme, rollout: &Rollout, row: &Row<'_>, now: Timestamp) -> (Line<'static>, Line<'static>) {
    let twig = |last: bool| if last { "└─ " } else { "├─ " };
    let trunk = |last: bool| if last { "   " } else { "│  " };
    match row {
        Row::Head => {
            let (glyph, style) = words::phase(theme, rollout);
            let name = Line::from(vec![
                Span::styled("◇ ", theme.muted),
                Span::styled(words::name(&rollout.id), theme.strong),
                Span::styled(format!("  {}", rollout.kind), theme.muted),
            ]);
            (name, Line::styled(format!("{glyph} {}", rollout.native), style))
        }
        Row::Revision { revision, last } => {
            let mut spans = vec![Span::styled(twig(*last), theme.border)];
            spans.extend(named(theme, revision));
            (Line::from(spans), of_revision(theme, rollout, revision, now))
        }
        Row::Instance { instance, last, last_revision } => {
            let (glyph, style) = health(theme, instance);
            let name_style = if style == theme.bad { theme.strong } else { theme.text() };
            let name = Line::from(vec![
                Span::styled(format!("{}{}", trunk(*last_revision), twig(*last)), theme.border),
                Span::styled(format!("{glyph} "), style),
                Span::styled(instance.short().to_owned(), name_style),
            ]);
            (name, of_instance(theme, instance, style, now))
        }
        Row::More { count, last_revision, .. } => {
            let name = Line::from(vec![
                Span::styled(format!("{}└─ ", trunk(*last_revision)), theme.border),
                Span::styled("● ", theme.stable),
                Span::styled(format!("{count} more ready"), theme.muted),
            ]);
            (name, Line::styled("⏎ lists them", theme.faint))
        }
        Row::Router { last } => router(theme, rollout, twig(*last)),
        Row::Kept { count, newest, oldest } => {
            let text = if *count == 1 { newest.label() } else { format!("{} … {}", newest.label(), oldest.label()) };
            let name = Line::from(vec![Span::styled("└─ ", theme.border), Span::styled(text, theme.muted)]);
            (name, Line::styled("kept, can be rolled back to", theme.faint))
        }
    }
}

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

fn of_revision(theme: &Theme, rollout: &Rollout, revision: &Revision, now: Timestamp) -> Line<'static> {
    let counts = revision.counts;
    let style = if counts.ready < counts.wanted { theme.waiting } else { words::role(theme, revision.roles) };
    let wanted = counts.wanted.max(counts.total);
    let mut spans = vec![Span::styled(format!("{}/{wanted} ready", counts.ready), style)];
    if counts.total > counts.wanted {
        spans.push(Span::styled(format!("  {} to go", counts.total - counts.wanted), theme.muted));
    }
    if let Some(share) = words::share(rollout).filter(|_| rollout.strategy == Strategy::Canary && rollout.phase.under_way())
        && revision.roles.candidate()
    {
        spans.push(Span::styled(format!("   {share}"), style));
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

fn router(theme: &Theme, rollout: &Rollout, twig: &'static str) -> (Line<'static>, Line<'static>) {
    let Some(routing) = &rollout.routing else { return (Line::default(), Line::default()) };
    let to = routing.active.as_ref().map_or_else(|| "neither".to_owned(), ToString::to_string);
    let name = Line::from(vec![
        Span::styled(twig, theme.border),
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
