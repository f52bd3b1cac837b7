//! The one sentence at the top: where the rollout stands, what users get, and what runs out.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::words;

/// Draws the sentence; what does not fit beside it is left out.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let (model, theme) = (pen.model, pen.theme);
    let (glyph, style) = words::phase(theme, rollout);
    let style = style.add_modifier(Modifier::BOLD);
    let mut spans = vec![Span::styled(format!("{glyph} {}", sentence(rollout)), style)];
    if let Some(countdown) = words::countdown(rollout, model.now) {
        spans.push(Span::styled(format!("  {countdown}"), theme.waiting));
    }
    // Half a sentence tells nothing: what does not fit in full is left out, and what follows may fit.
    let mut tell = |text: String, style: Style| {
        let text = format!("    {text}");
        if spans.iter().map(Span::width).sum::<usize>() + text.chars().count() <= usize::from(area.width) {
            spans.push(Span::styled(text, style));
        }
    };
    if let Some(users) = words::users(theme, rollout) {
        tell(users.content.to_string(), users.style);
    } else if let Some(share) = words::share(rollout).filter(|_| rollout.phase.under_way() && rollout.strategy == Strategy::Canary) {
        tell(format!("{share} of the users get it"), theme.candidate);
    }
    if let (Some(held), true) = (&rollout.held, rollout.phase != Phase::Absent) {
        let by = held.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let since = held.since.map_or_else(String::new, |since| format!(" for {}", format::since(model.now, since)));
        if !(by.is_empty() && since.is_empty()) {
            tell(format!("held{by}{since}"), theme.waiting);
        }
    }
    if let (Some(deadline), Phase::Progressing | Phase::Failing) = (rollout.deadline, rollout.phase) {
        tell(format!("gives up in {}", format::clock(deadline.duration_since(model.now))), theme.muted);
    }
    if let (Some(started), true) = (rollout.started, rollout.phase.under_way()) {
        let by = rollout.changed.as_ref().map_or_else(String::new, |(by, _)| format!(" by {by}"));
        tell(format!("started {}{by}", format::minute(started, model.now, &model.zone)), theme.muted);
    } else if let Some((by, at)) = &rollout.changed {
        tell(format!("changed {} ago by {by}", format::since(model.now, *at)), theme.muted);
    }
    if let Some(owner) = &rollout.owner {
        tell(format!("{} owns it ({})", owner.tool, owner.name), theme.warn);
    }
    if let Some(autoscaler) = &rollout.autoscaler {
        tell(format!("{} scales it {} to {}", autoscaler.name, autoscaler.min, autoscaler.max), theme.muted);
    }
    pen.line(area, Line::from(spans));
}

/// Where it stands, in words.
fn sentence(rollout: &Rollout) -> String {
    let (serving, candidate) = rollout.versions();
    let version = candidate.or(serving).unwrap_or_default();
    let progress = words::progress(rollout).map(|(_, text)| text);
    match rollout.phase {
        Phase::Absent => "Not there".into(),
        Phase::Unobserved => "Ordered, and the cluster has not looked yet".into(),
        Phase::Progressing if rollout.strategy == Strategy::Recreate => format!("Replacing everything by {version}: a downtime"),
        Phase::Progressing => match progress {
            Some(progress) => format!("{version} is coming in: {progress}"),
            None => format!("{version} is coming in"),
        },
        Phase::Waiting if rollout.held.is_some() => match progress {
            Some(progress) => format!("Held: {progress}"),
            None => "Held".into(),
        },
        Phase::Waiting if rollout.strategy == Strategy::BlueGreen => {
            let side = rollout.idle().map_or_else(String::new, |idle| match &idle.track {
                Some(track) => format!("{track} {}", idle.version),
                None => idle.version.clone(),
            });
            format!("{side} is ready and has no users yet: the switch waits for you")
        }
        Phase::Waiting => {
            let at = progress.map_or_else(String::new, |progress| format!(" at {progress}"));
            if words::needs_you(rollout) { format!("Paused{at}, waiting for you") } else { format!("Paused{at}, goes on by itself") }
        }
        Phase::Done => {
            let version = serving.unwrap_or(version);
            let (ready, wanted) = match (&rollout.strategy, rollout.serving_revision()) {
                (Strategy::BlueGreen, Some(active)) => (active.counts.ready, active.counts.wanted),
                _ => (rollout.counts.ready, rollout.counts.wanted),
            };
            let side =
                rollout.routing.as_ref().and_then(|routing| routing.active.as_ref()).map_or_else(String::new, |side| format!("{side} "));
            match rollout.serving {
                Serving::Idle => format!("{side}{version}, scaled to 0"),
                Serving::Full if rollout.held.is_some() => format!("{side}{version} runs, {ready} of {wanted} ready; held"),
                _ => format!("{side}{version} runs, {ready} of {wanted} ready"),
            }
        }
        Phase::Failing => match progress {
            Some(progress) => format!("In trouble: {progress}"),
            None => "In trouble".into(),
        },
        Phase::Failed => format!("Failed: {}", rollout.native),
        Phase::RollingBack => match progress {
            Some(progress) => format!("Going back: {progress}"),
            None => "Going back".into(),
        },
        Phase::RolledBack => format!("Rolled back: the users are on {}", serving.unwrap_or("the former revision")),
    }
}
