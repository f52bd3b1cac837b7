//! The rail: the steps of a canary with where it stands, the bar of a rolling update, the two sides of a pair.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::domain::id::Track;
use crate::domain::rollout::{Rollout, Strategy};
use crate::domain::step::{Step, StepKind, Steps};
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::words;

/// Returns how many rows it takes: none where nothing is under way, one where there is no room for the times.
pub(super) fn height(rollout: &Rollout, roomy: bool) -> u16 {
    match (&rollout.steps, &rollout.strategy) {
        (_, Strategy::BlueGreen) => 2,
        (Some(steps), _) if !steps.list.is_empty() => 1 + u16::from(roomy),
        _ if rollout.phase.under_way() => 1,
        _ => 0,
    }
}

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    match (&rollout.steps, &rollout.strategy) {
        (_, Strategy::BlueGreen) => pair(pen, area, rollout),
        (Some(steps), _) if !steps.list.is_empty() => rail(pen, area, rollout, steps),
        _ => bar(pen, area, rollout),
    }
}

/// One step as it is drawn: glyph, label, time below, and their styles.
struct Stop {
    glyph: &'static str,
    label: String,
    time: String,
    style: Style,
    label_style: Style,
}

impl Stop {
    fn width(&self) -> usize {
        self.label.chars().count().max(self.time.len())
    }
}

fn stop(theme: &Theme, rollout: &Rollout, steps: &Steps, at: usize, step: &Step, now: Timestamp) -> Stop {
    let current = steps.current;
    let took = |until: Option<Timestamp>| step.started.zip(until).map(|(from, to)| format::clock(to.duration_since(from)));
    let mut label = match step.kind {
        StepKind::Pause(Some(length)) => format::age(length),
        _ => step.kind.label(),
    };
    if current.is_some_and(|current| at < current) {
        Stop { glyph: "✔", label, time: took(step.ended).unwrap_or_default(), style: theme.good, label_style: theme.muted }
    } else if current == Some(at) {
        let style = if words::needs_you(rollout) || rollout.held.is_some() { theme.waiting } else { theme.candidate };
        if matches!(step.kind, StepKind::Pause(_)) || rollout.held.is_some() {
            label.push_str(" ‖");
        }
        let time = match steps.resumes {
            Some(resumes) => format::clock(resumes.duration_since(now)),
            None => took(Some(now)).unwrap_or_default(),
        };
        Stop { glyph: "▶", label, time, style: style.add_modifier(Modifier::BOLD), label_style: theme.strong }
    } else {
        Stop { glyph: "○", label, time: String::new(), style: theme.faint, label_style: theme.faint }
    }
}

/// The steps side by side, the current one in view.
fn rail(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout, steps: &Steps) {
    let theme = pen.theme;
    let now = pen.model.now;
    let stops: Vec<Stop> = steps.list.iter().enumerate().map(|(at, step)| stop(theme, rollout, steps, at, step, now)).collect();
    let text: usize = stops.iter().map(|stop| stop.width() + 2).sum();
    let gaps = stops.len().saturating_sub(1).max(1);
    let link = (usize::from(area.width).saturating_sub(text) / gaps).saturating_sub(2).clamp(1, 8);
    let current = steps.current.unwrap_or(0).min(stops.len().saturating_sub(1));
    let width = |from: usize, to: usize| -> usize { stops.iter().take(to).skip(from).map(|stop| stop.width() + 2 + link + 2).sum() };
    // Where not all fit, those before the current one give way first; one stays, so that it reads as a way.
    let mut from = 0;
    while from + 1 < current && width(from, current + 2) > usize::from(area.width) {
        from += 1;
    }
    let (mut above, mut below) = (Vec::new(), Vec::new());
    if from > 0 {
        above.push(Span::styled(format!("✔ {from} more "), theme.muted));
        below.push(Span::raw(" ".repeat(above.last().map_or(0, Span::width))));
    }
    for (at, stop) in stops.iter().enumerate().skip(from) {
        if at > from {
            let done = at <= current;
            let (piece, style) = if done { ("━", theme.good) } else { ("┄", theme.faint) };
            above.push(Span::styled(format!(" {} ", piece.repeat(link)), style));
            below.push(Span::raw(" ".repeat(link + 2)));
        }
        let width = stop.width();
        above.push(Span::styled(format!("{} ", stop.glyph), stop.style));
        // Under a label that is shorter than its time, the way goes on.
        above.push(Span::styled(format::pad(&stop.label, width), stop.label_style));
        below.push(Span::styled(format!("  {}", format::pad(&stop.time, width)), if at == current { stop.style } else { theme.faint }));
    }
    while below.last().is_some_and(|span| span.content.trim().is_empty()) {
        below.pop();
    }
    pen.lines(area, [Line::from(above), Line::from(below)]);
}

/// `━━━━━━━───── 3 of 8 updated, 2 old left`.
fn bar(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let theme = pen.theme;
    let Some((share, text)) = words::progress(rollout) else { return };
    let columns = usize::from(if area.width < 100 { area.width / 3 } else { area.width / 2 }).min(60);
    let filled = columns * usize::from(share) / 1_000;
    let candidate = rollout.candidate().map_or(0, |candidate| candidate.counts.available);
    let mut spans = vec![
        Span::styled("━".repeat(filled), theme.candidate),
        Span::styled("┄".repeat(columns - filled), theme.faint),
        Span::styled(format!("  {text}"), theme.strong),
        Span::styled(format!(", {candidate} of them serve"), theme.muted),
    ];
    let old = words::old_left(rollout);
    if old > 0 {
        spans.push(Span::styled(format!(", {old} old left"), theme.muted));
    }
    if let Strategy::Rolling { surge, unavailable } = &rollout.strategy {
        spans.push(Span::styled(format!("   {surge} above, {unavailable} below"), theme.faint));
    }
    pen.line(area, Line::from(spans));
}

/// Both sides, one a row: who has the users, who is ready.
fn pair(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let (theme, now) = (pen.theme, pen.model.now);
    let Some(routing) = &rollout.routing else { return };
    let mut tracks: Vec<&Track> = rollout.revisions.iter().filter_map(|revision| revision.track.as_ref()).collect();
    tracks.sort();
    tracks.dedup();
    let name = tracks.iter().map(|track| track.as_str().chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for track in tracks {
        let Some(side) = rollout.side(track) else { continue };
        let live = routing.active.as_ref() == Some(track);
        let endpoints: u32 = routing.endpoints.iter().filter(|(of, _)| of == track).map(|(_, count)| *count).sum();
        let ready = format!("{}/{} ready", side.counts.ready, side.counts.wanted);
        let mut spans = if live {
            vec![Span::styled("users ━━━▶ ", theme.stable), Span::styled("● ", theme.stable)]
        } else {
            vec![Span::styled("      ┄┄┄┄ ", theme.faint), Span::styled("○ ", theme.candidate)]
        };
        spans.push(Span::styled(
            format::pad(track.as_str(), name),
            if live { theme.stable } else { theme.candidate }.add_modifier(Modifier::BOLD),
        ));
        spans.push(Span::styled(format!("  {}", format::pad(&side.version, 12)), theme.strong));
        let lacking = side.counts.ready < side.counts.wanted;
        let empty = side.counts.wanted == 0 && side.counts.total == 0;
        let style = if empty {
            theme.faint
        } else if lacking {
            theme.waiting
        } else {
            theme.text()
        };
        spans.push(Span::styled(if empty { "scaled to 0".to_owned() } else { ready }, style));
        spans.push(Span::styled(
            format!("   {}", format::count(endpoints as usize, "endpoint")),
            if live { theme.muted } else { theme.faint },
        ));
        if live && let Some(switched) = routing.switched {
            spans.push(Span::styled(format!("   switched {} ago", format::since(now, switched)), theme.muted));
        }
        if !live && Some(track) == routing.previous.as_ref() {
            spans.push(Span::styled("   served before", theme.muted));
        }
        lines.push(Line::from(spans));
    }
    if routing.active.is_none() {
        lines.insert(0, Line::styled(format!("✖ {} selects neither side alone: {}", routing.router, routing.selector), theme.bad));
    }
    pen.lines(area, lines);
}
