//! The rail: the steps of a rollout with where it stands and how long each took, or the bar of a rolling update.
//!
//! Where not all steps fit, those far behind and far ahead fold into their number; the current one is always in view.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::sides;
use crate::config::theme::Theme;
use crate::domain::delivery::AnalysisRole;
use crate::domain::rollout::{Phase, Rollout, Strategy};
use crate::domain::step::{Step, StepKind, Steps};
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::standing;
use crate::ui::words;

/// From this width on the rail has a line for the times; below, the current step alone tells its own.
const ROOMY: u16 = 100;
/// From this width on steps are told with what they are made of.
const WIDE: u16 = 140;

/// Returns how many rows it takes: none where nothing is under way.
pub(super) fn height(rollout: &Rollout, width: u16) -> u16 {
    match &rollout.steps {
        _ if words::pair(rollout) => 2,
        Some(steps) if !steps.list.is_empty() => 1 + u16::from(width >= ROOMY),
        _ if rollout.phase.under_way() && rollout.strategy != Strategy::BlueGreen => 1,
        _ => 0,
    }
}

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    match &rollout.steps {
        _ if words::pair(rollout) => sides::draw(pen, area, rollout),
        Some(steps) if !steps.list.is_empty() => rail(pen, area, rollout, steps),
        _ => bar(pen, area, rollout),
    }
}

/// What a step is on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Done,
    Now,
    Failed,
    Next,
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
        self.label.chars().count().max(self.time.chars().count())
    }
}

/// Returns the step at which it was given up, where that is known: a controller puts the index back to the first.
fn gave_up_at(rollout: &Rollout) -> Option<usize> {
    rollout.delivery.aborted.as_ref()?;
    let judged = rollout.delivery.analyses.iter().filter(|analysis| analysis.phase.bad()).find_map(|analysis| match analysis.role {
        AnalysisRole::Step(index) => Some(index),
        _ => None,
    });
    let steps = rollout.steps.as_ref()?;
    judged.or_else(|| steps.list.iter().position(|step| step.started.is_some() && step.ended.is_none()).filter(|at| *at > 0))
}

fn place(rollout: &Rollout, steps: &Steps, at: usize) -> Place {
    let given_up = rollout.delivery.aborted.is_some();
    let (stands, here) = match gave_up_at(rollout) {
        Some(failed) => (Some(failed), Place::Failed),
        // Where it was given up is not known: nothing is under way, and nothing is claimed to be done.
        None if given_up => (None, Place::Next),
        None if rollout.phase == Phase::Failed => (steps.current, Place::Failed),
        None => (steps.current, Place::Now),
    };
    match stands {
        Some(stands) if at < stands => Place::Done,
        Some(stands) if at == stands => here,
        _ => Place::Next,
    }
}

fn stop(theme: &Theme, rollout: &Rollout, steps: &Steps, (at, step): (usize, &Step), now: Timestamp, wide: bool) -> Stop {
    let took = |until: Option<Timestamp>| step.started.zip(until).map(|(from, to)| format::clock(to.duration_since(from)));
    let mut label = match &step.kind {
        StepKind::Pause(Some(length)) => format::age(*length),
        StepKind::Analysis(name) if wide && !name.is_empty() && steps.list.len() <= 8 => format!("analysis {}", format::fit(name, 18)),
        kind => kind.label(),
    };
    match place(rollout, steps, at) {
        Place::Done => {
            Stop { glyph: "✔", label, time: took(step.ended).unwrap_or_default(), style: theme.good, label_style: theme.muted }
        }
        Place::Failed => Stop {
            glyph: "✖",
            label,
            time: took(step.ended).unwrap_or_default(),
            style: theme.bad.add_modifier(Modifier::BOLD),
            label_style: theme.strong,
        },
        Place::Now => {
            let stands = rollout.phase == Phase::Waiting;
            let style = if stands && (words::needs_you(rollout) || rollout.held.is_some()) { theme.waiting } else { theme.candidate };
            if stands {
                label.push_str(" ‖");
            }
            let time = match words::goes_on(rollout) {
                Some(resumes) => format!("{} left", format::clock(resumes.duration_since(now))),
                None if matches!(step.kind, StepKind::Scale(_)) => standing::warm(rollout, now)
                    .map_or_else(|| took(Some(now)).unwrap_or_default(), |left| format!("{} left", format::clock(left))),
                None => took(Some(now)).unwrap_or_default(),
            };
            Stop { glyph: "▶", label, time, style: style.add_modifier(Modifier::BOLD), label_style: theme.strong }
        }
        Place::Next => Stop { glyph: "○", label, time: String::new(), style: theme.faint, label_style: theme.muted },
    }
}

/// What a fold takes where it hides anything: `✔ 12 before ━ `, ` ┄ 12 more`.
const BEFORE: usize = 14;
const AFTER: usize = 10;

fn fold(width: usize, hidden: usize) -> usize {
    if hidden == 0 { 0 } else { width }
}

/// Returns which stops are shown: the current one, what comes next, what was before, as far as they fit.
fn window(stops: &[Stop], current: usize, room: usize) -> (usize, usize) {
    // Glyph, space, label, and the shortest link.
    let width = |at: usize| stops.get(at).map_or(0, |stop| stop.width() + 2 + 3);
    let (mut from, mut to) = (current, (current + 1).min(stops.len()));
    let mut used = width(current);
    let fits = |used: usize, from: usize, to: usize| used + fold(BEFORE, from) + fold(AFTER, stops.len() - to) <= room + 3;
    // Two ahead for one behind: what the next key leads to is worth more than what is over.
    loop {
        let mut grown = false;
        for ahead in [true, true, false] {
            let (wider, next) = if ahead && to < stops.len() {
                ((from, to + 1), to)
            } else if !ahead && from > 0 {
                ((from - 1, to), from - 1)
            } else {
                continue;
            };
            if fits(used + width(next), wider.0, wider.1) {
                (from, to) = wider;
                used += width(next);
                grown = true;
            }
        }
        if !grown {
            return (from, to);
        }
    }
}

/// The steps side by side, the current one in view.
fn rail(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout, steps: &Steps) {
    let theme = pen.theme;
    let now = pen.model.now;
    let mut stops: Vec<Stop> =
        steps.list.iter().enumerate().map(|step| stop(theme, rollout, steps, step, now, area.width >= WIDE)).collect();
    let stands = gave_up_at(rollout).or(steps.current.filter(|_| rollout.delivery.aborted.is_none()));
    let current = stands.unwrap_or(0).min(stops.len().saturating_sub(1));
    if area.height < 2 {
        for (at, stop) in stops.iter_mut().enumerate() {
            let time = std::mem::take(&mut stop.time);
            if Some(at) == stands && !time.is_empty() {
                stop.label = format!("{} {time}", stop.label);
            }
        }
    }
    let (from, to) = window(&stops, current, area.width.into());
    let text: usize = stops.iter().take(to).skip(from).map(|stop| stop.width() + 2).sum();
    let folds = fold(BEFORE, from) + fold(AFTER, stops.len() - to);
    let links = (to - from).saturating_sub(1).max(1);
    let link = (usize::from(area.width).saturating_sub(text + folds) / links).saturating_sub(2).clamp(1, 8);
    let (mut above, mut below) = (Vec::new(), Vec::new());
    if from > 0 {
        above.push(Span::styled(format!("✔ {from} before "), theme.muted));
        above.push(Span::styled("━ ", theme.good));
        below.push(Span::raw(" ".repeat(above.iter().map(Span::width).sum())));
    }
    for (at, stop) in stops.iter().enumerate().take(to).skip(from) {
        if at > from {
            let done = stands.is_some_and(|stands| at <= stands);
            let (piece, style) = if done { ("━", theme.good) } else { ("┄", theme.faint) };
            // A timed pause fills its link: how much of it is over is seen without reading.
            let filled = if at == current + 1 && !done { passed(rollout, steps, link, now) } else { 0 };
            above.push(Span::styled(format!(" {}", "━".repeat(filled)), theme.candidate));
            above.push(Span::styled(format!("{} ", piece.repeat(link - filled)), style));
            below.push(Span::raw(" ".repeat(link + 2)));
        }
        let width = stop.width();
        above.push(Span::styled(format!("{} ", stop.glyph), stop.style));
        above.push(Span::styled(format::pad(&stop.label, width), stop.label_style));
        let style = if Some(at) == stands { stop.style } else { theme.faint };
        below.push(Span::styled(format!("  {}", format::pad(&stop.time, width)), style));
    }
    let ahead = stops.len() - to;
    if ahead > 0 {
        above.push(Span::styled(format!(" ┄ {ahead} more"), theme.faint));
    }
    while below.last().is_some_and(|span| span.content.trim().is_empty()) {
        below.pop();
    }
    pen.lines(area, [Line::from(above), Line::from(below)]);
}

/// How much of a link's columns a timed pause has filled.
fn passed(rollout: &Rollout, steps: &Steps, link: usize, now: Timestamp) -> usize {
    let since = rollout.delivery.pause.as_ref().and_then(|pause| pause.since).or_else(|| steps.now().and_then(|step| step.started));
    let Some((since, until)) = since.zip(words::goes_on(rollout)) else { return 0 };
    let (over, all) = (now.duration_since(since).as_millis().max(0), until.duration_since(since).as_millis().max(1));
    usize::try_from(over * link as i128 / all).unwrap_or(0).min(link)
}

/// `━━━━━━━───── 3 of 8 updated, 2 old left`.
fn bar(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let theme = pen.theme;
    let Some((share, text)) = words::progress(rollout) else { return };
    let columns = usize::from(if area.width < 100 { area.width / 3 } else { area.width / 2 }).min(60);
    let filled = columns * usize::from(share) / 1_000;
    let mut spans = vec![
        Span::styled("━".repeat(filled), theme.candidate),
        Span::styled("┄".repeat(columns - filled), theme.faint),
        Span::styled(format!("  {text}"), theme.strong),
    ];
    if rollout.delivery.restart.is_none() {
        let candidate = rollout.candidate().map_or(0, |candidate| candidate.counts.available);
        spans.push(Span::styled(format!(", {candidate} of them serve"), theme.muted));
    }
    let old = words::old_left(rollout);
    if old > 0 {
        spans.push(Span::styled(format!(", {old} old left"), theme.muted));
    }
    if let Strategy::Rolling { surge, unavailable } = &rollout.strategy {
        spans.push(Span::styled(format!("   {surge} above, {unavailable} below"), theme.faint));
    }
    pen.line(area, Line::from(spans));
}
