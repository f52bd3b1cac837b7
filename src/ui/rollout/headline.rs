//! The one sentence at the top: where the rollout stands, what users get, and what runs out.

use jiff::Timestamp;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::domain::rollout::{Phase, Rollout};
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::release::signs;
use crate::ui::standing;
use crate::ui::words;

/// A fact with its style; `must` where leaving it out would mislead.
struct Fact {
    text: String,
    style: Style,
    must: bool,
}

/// Returns the sentence with the facts that fit beside it, in a second line what a person must know and did not fit.
pub(super) fn lines(pen: &Pen<'_>, rollout: &Rollout, width: u16) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let width = usize::from(width);
    let (glyph, style) = words::phase(theme, rollout);
    let (glyph, style) = if standing::given_up_and_held(rollout) || standing::away(rollout, model.now).is_some() {
        ("✖", theme.bad)
    } else {
        (glyph, style)
    };
    let sentence = format::capital(&standing::sentence(rollout, model.now));
    let mut first = vec![Span::styled(format!("{glyph} {sentence}"), style.add_modifier(Modifier::BOLD))];
    if let Some(countdown) = words::countdown(rollout, model.now).filter(|_| rollout.phase == Phase::Waiting) {
        // After "goes on by itself in" it is part of the sentence.
        let gap = if sentence.ends_with(" in") { " " } else { "  " };
        first.push(Span::styled(format!("{gap}{countdown}"), theme.waiting.add_modifier(Modifier::BOLD)));
    }
    let mut second: Vec<Span<'static>> = Vec::new();
    let used = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    // Half a sentence tells nothing: what does not fit in full is left out, and what follows may fit.
    let facts = facts(pen, rollout);
    let mut left: Vec<Fact> = Vec::new();
    for fact in facts {
        let room = used(&first) + 4 + fact.text.chars().count() <= width;
        if room && (fact.must || left.iter().all(|fact| !fact.must)) {
            first.push(Span::styled(format!("    {}", fact.text), fact.style));
        } else {
            left.push(fact);
        }
    }
    if left.iter().any(|fact| fact.must) {
        for fact in left {
            let gap = if second.is_empty() { "  " } else { "    " };
            if used(&second) + gap.len() + fact.text.chars().count() <= width {
                second.push(Span::styled(format!("{gap}{}", fact.text), fact.style));
            }
        }
    }
    let mut lines = vec![Line::from(first)];
    if !second.is_empty() {
        lines.push(Line::from(second));
    }
    lines
}

/// What is told beside the sentence, the gravest first.
fn facts(pen: &Pen<'_>, rollout: &Rollout) -> Vec<Fact> {
    let (model, theme) = (pen.model, pen.theme);
    let mut facts = Vec::new();
    let mut tell = |text: String, style: Style, must: bool| facts.push(Fact { text, style, must });
    if rollout.phase == Phase::Absent {
        return facts;
    }
    if let Some(users) = words::users(theme, rollout) {
        tell(users.content.to_string(), users.style, true);
    }
    if let Some((text, parts)) = standing::shares(rollout) {
        tell(text, if parts { theme.candidate.add_modifier(Modifier::BOLD) } else { theme.candidate }, true);
    }
    if let Some(held) = &rollout.held {
        let by = held.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let since = held.since.map_or_else(String::new, |since| format!(" for {}", format::since(model.now, since)));
        if !(by.is_empty() && since.is_empty()) {
            tell(format!("held{by}{since}"), theme.waiting, true);
        }
    }
    if let Some(left) = standing::warm(rollout, model.now).filter(|_| matches!(rollout.phase, Phase::Done | Phase::RolledBack)) {
        tell(format!("{} {}", standing::kept_up(rollout), format::clock(left)), theme.stable, true);
    }
    if let Some((new, all)) = standing::restarted(rollout).filter(|_| rollout.phase != Phase::Progressing) {
        tell(format!("{new} of {all} restarted"), theme.candidate, true);
    }
    if let Some(beat) = rollout.delivery.beat.filter(|_| rollout.phase.under_way()) {
        tell(format!("acts next in ≤ {}", format::age(beat.next_in(model.now))), theme.muted, true);
    }
    if let (Some(deadline), Phase::Progressing | Phase::Failing) = (rollout.deadline, rollout.phase) {
        tell(format!("gives up in {}", format::clock(deadline.duration_since(model.now))), theme.muted, false);
    }
    if let Some(release) = model.releases.active(&rollout.id.service, &rollout.id.environment) {
        let gate = model.verdict(release);
        let (glyph, style) = signs::phase(theme, release.phase);
        // While it is under way the gate is told where it has shut: then something may be about to happen.
        let said = if release.phase.under_way() && gate.open() { String::new() } else { format!(", gate {}", gate.sentence()) };
        tell(format!("{glyph} release {}{said}", release.phase), style, !gate.open() && release.phase.under_way());
    }
    came(pen, rollout, model.now, &mut tell);
    if let Some(owner) = &rollout.owner {
        tell(format!("{} owns it ({})", owner.tool, owner.name), theme.warn, false);
    }
    if let Some(autoscaler) = &rollout.autoscaler {
        tell(format!("{} scales it {} to {}", autoscaler.name, autoscaler.min, autoscaler.max), theme.muted, false);
    }
    facts
}

/// Since when, and by whom.
fn came(pen: &Pen<'_>, rollout: &Rollout, now: Timestamp, tell: &mut impl FnMut(String, Style, bool)) {
    let (model, theme) = (pen.model, pen.theme);
    if let Some(at) = rollout.delivery.aborted.as_ref().and_then(|aborted| aborted.at) {
        tell(format!("given up {}", format::minute(at, now, &model.zone)), theme.muted, false);
    } else if let (Some(started), true) = (rollout.started, rollout.phase.under_way()) {
        let by = rollout.changed.as_ref().map_or_else(String::new, |(by, _)| format!(" by {by}"));
        let usually = model
            .jobs
            .history()
            .forward(&rollout.id)
            .map_or_else(String::new, |past| format!(", usually {} (of {} past)", format::age(past.median), past.of));
        tell(format!("started {}{by}{usually}", format::minute(started, now, &model.zone)), theme.muted, false);
    } else if let Some((by, at)) = &rollout.changed {
        tell(format!("changed {} ago by {by}", format::since(now, *at)), theme.muted, false);
    }
}
