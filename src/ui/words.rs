//! The sentences and signs that the deck and the rollout screen share: phase, versions, health, drift, the way back.

use std::cmp::Ordering;

use jiff::Timestamp;
use ratatui::style::Style;
use ratatui::text::Span;

use super::format;
use super::pen::Pen;
use super::standing;
use crate::config::theme::Theme;
use crate::domain::delivery::{AnalysisPhase, Steering};
use crate::domain::driver::Drive;
use crate::domain::history::Estimate;
use crate::domain::id::{RolloutId, version_of};
use crate::domain::journal::{Intent, Operation, OutcomeKind};
use crate::domain::revision::Roles;
use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::domain::step::{StepKind, WeightSource};
use crate::domain::verb::Order;
use crate::domain::wayback::{Speed, WayBack};

/// The most dots that stand for instances; more are a figure.
const DOTS: u32 = 10;

/// Returns `backend`, and the workload where it has a name of its own.
pub(super) fn name(id: &RolloutId) -> String {
    if id.workload.as_str() == id.service.as_str() { id.service.to_string() } else { format!("{}/{}", id.service, id.workload) }
}

/// Returns the glyph and style of a rollout's phase.
pub(super) fn phase(theme: &Theme, rollout: &Rollout) -> (&'static str, Style) {
    match rollout.phase {
        Phase::Absent => ("○", theme.muted),
        Phase::Unobserved | Phase::Progressing => ("◐", theme.candidate),
        Phase::RollingBack => ("◐", theme.waiting),
        Phase::Waiting => ("‖", theme.waiting),
        Phase::Done if rollout.serving == Serving::Down => ("✖", theme.bad),
        Phase::Done if rollout.serving == Serving::Reduced => ("▲", theme.waiting),
        Phase::Done if rollout.held.is_some() => ("‖", theme.waiting),
        Phase::Done => ("✔", theme.good),
        Phase::RolledBack => ("▲", theme.waiting),
        Phase::Failing | Phase::Failed => ("✖", theme.bad),
    }
}

/// Returns whether a person moves the users by a Service over two sides: a blue/green rollout of a controller is none.
pub(super) fn pair(rollout: &Rollout) -> bool {
    rollout.steering == Steering::Pair
}

/// Returns the glyph and style of an analysis, a metric or an experiment.
pub(super) fn verdict(theme: &Theme, phase: AnalysisPhase) -> (&'static str, Style) {
    match phase {
        AnalysisPhase::Pending => ("○", theme.muted),
        AnalysisPhase::Running => ("◐", theme.candidate),
        AnalysisPhase::Successful => ("✔", theme.good),
        AnalysisPhase::Failed | AnalysisPhase::Error => ("✖", theme.bad),
        AnalysisPhase::Inconclusive => ("▲", theme.waiting),
    }
}

/// Returns the style of a revision by its roles.
pub(super) fn role(theme: &Theme, roles: Roles) -> Style {
    if roles.serves() {
        theme.stable
    } else if roles.candidate() {
        theme.candidate
    } else {
        theme.muted
    }
}

/// Returns `2.1.0 → 2.2.0` while something comes in, `2.1.0 ← 2.2.0` while it goes again, else the one version.
pub(super) fn versions(theme: &Theme, rollout: &Rollout) -> Vec<Span<'static>> {
    match versions_shown(rollout) {
        (Some(to), Some(from)) if rollout.phase == Phase::RollingBack => {
            vec![Span::styled(to, theme.strong), Span::styled(format!(" ← {from}"), theme.muted)]
        }
        (Some(from), Some(to)) => {
            vec![Span::styled(format!("{from} → "), theme.muted), Span::styled(to, theme.strong)]
        }
        (Some(one), None) | (None, Some(one)) => vec![Span::styled(one, theme.strong)],
        (None, None) => Vec::new(),
    }
}

fn versions_shown(rollout: &Rollout) -> (Option<String>, Option<String>) {
    let (serving, candidate) = rollout.versions();
    // The idle side of a pair is no change under way, and neither is what was given up.
    let comes = rollout.phase.under_way() || !(rollout.strategy == Strategy::BlueGreen || rollout.phase == Phase::RolledBack);
    let candidate = candidate.filter(|_| comes);
    (serving.map(str::to_owned), candidate.filter(|candidate| Some(*candidate) != serving).map(str::to_owned))
}

/// Returns one dot an instance, coloured by what it runs, or a figure where they are many or the room is short.
pub(super) fn dots(theme: &Theme, rollout: &Rollout, room: usize) -> Vec<Span<'static>> {
    let counts = rollout.counts;
    // A pair's idle side serves nobody; its cell says so in words.
    let (wanted, ready) = match (&rollout.strategy, rollout.serving_revision()) {
        (Strategy::BlueGreen, Some(active)) => (active.counts.wanted, active.counts.ready),
        // What is still warm of the former revision is no instance too many.
        _ if !rollout.phase.under_way() => (counts.wanted, counts.ready.min(counts.wanted)),
        _ => (counts.wanted, counts.ready),
    };
    if wanted == 0 && ready == 0 {
        return vec![Span::styled("scaled to 0", theme.muted)];
    }
    let missing = wanted.saturating_sub(ready);
    let trouble = matches!(rollout.phase, Phase::Failing | Phase::Failed) || rollout.serving == Serving::Down;
    let lack = if trouble || !rollout.phase.under_way() { theme.bad } else { theme.candidate };
    if ready + missing > DOTS || (ready + missing) as usize > room {
        let style = if missing == 0 { theme.stable } else { lack };
        let glyph = if missing == 0 {
            "●"
        } else if ready == 0 {
            "✖"
        } else {
            "◐"
        };
        return vec![Span::styled(format!("{glyph} {ready}/{wanted}"), style)];
    }
    let incoming = rollout
        .candidate()
        .filter(|candidate| !candidate.roles.serves() && rollout.strategy != Strategy::BlueGreen)
        .map_or(0, |candidate| candidate.counts.ready)
        .min(ready);
    let mut spans = Vec::new();
    for (number, style, dot) in
        [(ready - incoming, theme.stable, "●"), (incoming, theme.candidate, "●"), (missing, lack, if trouble { "✖" } else { "○" })]
    {
        if number > 0 {
            spans.push(Span::styled(dot.repeat(number as usize), style));
        }
    }
    spans
}

/// Returns the share of the candidate: what users get, and only where that is not known what was asked for.
pub(super) fn share(rollout: &Rollout) -> Option<String> {
    [WeightSource::Observed, WeightSource::Replicas, WeightSource::Asked]
        .into_iter()
        .find_map(|source| rollout.weights.iter().find(|weight| weight.source == source))
        .map(|weight| weight.share.to_string())
}

/// Returns how far a change is: its share of the way in tenths of a percent, and the words.
pub(super) fn progress(rollout: &Rollout) -> Option<(u16, String)> {
    if !rollout.phase.under_way() {
        return None;
    }
    if let Some((new, all)) = standing::restarted(rollout) {
        return Some(((new * 1_000 / all.max(1)) as u16, format!("{new} of {all} restarted")));
    }
    if let Some(steps) = &rollout.steps
        && !steps.list.is_empty()
    {
        let all = steps.list.len();
        let at = steps.current.unwrap_or(0).min(all);
        let text = match steps.now() {
            None if steps.current.is_some() => format!("all {all} steps done"),
            // A blue/green rollout has no steps of its own that one could count.
            Some(step) if rollout.strategy == Strategy::BlueGreen => step.kind.label(),
            _ => format!("step {} of {all}", at + 1),
        };
        return Some(((at * 1_000 / all) as u16, text));
    }
    if rollout.strategy == Strategy::BlueGreen {
        return None;
    }
    let wanted = rollout.counts.wanted;
    let share = if wanted == 0 { 0 } else { (u64::from(rollout.updated.min(wanted)) * 1_000 / u64::from(wanted)) as u16 };
    Some((share, format!("{} of {wanted} updated", rollout.updated)))
}

/// Returns how many old instances are still there while a change is under way.
pub(super) fn old_left(rollout: &Rollout) -> u32 {
    rollout.counts.total.saturating_sub(rollout.updated)
}

/// Returns the countdown that a person waits for: a timed pause, else the time that a manual pause has lasted.
pub(super) fn countdown(rollout: &Rollout, now: Timestamp) -> Option<String> {
    if let Some(left) = goes_on(rollout) {
        return Some(format::clock(left.duration_since(now)));
    }
    if let Some(pause) = &rollout.delivery.pause {
        return pause.since.map(|since| format::clock(now.duration_since(since)));
    }
    let step = rollout.steps.as_ref()?.now()?;
    let started = step.started.filter(|_| matches!(step.kind, StepKind::Pause(None)))?;
    Some(format::clock(now.duration_since(started)))
}

/// Returns when it goes on by itself.
pub(super) fn goes_on(rollout: &Rollout) -> Option<Timestamp> {
    let of_pause = rollout.delivery.pause.as_ref().and_then(|pause| pause.until);
    of_pause.or_else(|| rollout.steps.as_ref().and_then(|steps| steps.resumes))
}

/// Returns whether a rollout stands at a pause that waits for a person.
pub(super) fn needs_you(rollout: &Rollout) -> bool {
    // By the plan's steps nothing goes on by itself, also when the time of a step is over.
    let by_key = rollout.steering == Steering::Plan || goes_on(rollout).is_none();
    rollout.phase == Phase::Waiting && rollout.held.is_none() && by_key
}

/// Returns what users get, where it is less than all.
pub(super) fn users(theme: &Theme, rollout: &Rollout) -> Option<Span<'static>> {
    let (ready, wanted) = match (&rollout.strategy, rollout.serving_revision()) {
        (Strategy::BlueGreen, Some(active)) => (active.counts.ready, active.counts.wanted),
        _ => (rollout.counts.ready, rollout.counts.wanted),
    };
    match rollout.serving {
        Serving::Full => None,
        Serving::Reduced => Some(Span::styled(format!("▲ {ready} of {wanted} serve"), theme.waiting)),
        Serving::Down => Some(Span::styled("✖ nothing answers the users", theme.bad)),
        Serving::Idle => Some(Span::styled("scaled to 0", theme.muted)),
        Serving::Unknown => Some(Span::styled("what users get is unknown", theme.muted)),
    }
}

/// Returns how a version stands to that of the environment before.
pub(super) fn drift(here: &str, before: &str, environment: &str) -> Option<String> {
    if here == before {
        return None;
    }
    Some(match compare(here, before) {
        Some(Ordering::Less) => format!("behind {environment}"),
        Some(Ordering::Greater) => format!("ahead of {environment}"),
        _ => format!("differs from {environment}"),
    })
}

/// Compares versions by their numbers; none where either has none, or where only their suffixes differ.
fn compare(a: &str, b: &str) -> Option<Ordering> {
    let numbers = |version: &str| -> Option<Vec<u64>> {
        let core = version.trim_start_matches('v');
        let core = core.split(['-', '+']).next()?;
        core.split('.').map(|part| part.parse().ok()).collect()
    };
    Some(numbers(a)?.cmp(&numbers(b)?)).filter(|order| *order != Ordering::Equal)
}

/// Returns a way back in words: `abort → #41 2.1.0, instant, 15/15 warm`.
pub(super) fn way_back(way: &WayBack) -> String {
    let past = |estimate: &Estimate| {
        let noun = if estimate.of == 1 { "one" } else { "ones" };
        format!("≈ {}, of {} past {noun}", format::age(estimate.median), estimate.of)
    };
    let took = way.takes.as_ref().map(past);
    let speed = match way.speed {
        Speed::Instant => "instant".to_owned(),
        Speed::Beat(within) => format!("within {} s", within.as_secs().max(1)),
        Speed::Restarts => took.unwrap_or_else(|| "new instances start".to_owned()),
        Speed::Walks { steps, pauses, stops } => {
            let lasts = took.or_else(|| (!pauses.is_zero()).then(|| format!("{} at least", format::age(pauses))));
            let lasts = lasts.map(|lasts| format!(", {lasts}")).unwrap_or_default();
            let waits = if stops > 0 { format!(", {stops} wait for you") } else { String::new() };
            format!("walks {}{lasts}{waits}", format::count(steps, "step"))
        }
    };
    format!("{} → {}, {speed}, {}", way.verb, way.to, way.note)
}

/// Returns the word of an order: its verb's, but of the lock what is done with it.
pub(super) fn order_word(order: &Order) -> &'static str {
    match order {
        Order::Drive { act } => act.word(),
        _ => order.verb().word(),
    }
}

/// Returns an order in words, as part of a sentence: `roll back #42 2.2.0 → #41 2.1.0`.
pub(super) fn order(intent: &Intent) -> String {
    let verb = order_word(&intent.order);
    let what = match (&intent.order, &intent.from, &intent.to) {
        (_, Some(from), Some(to)) => format!(" {from} → {to}"),
        (Order::Ship { image, .. }, ..) => format!(" {}", version_of(image)),
        (Order::Switch { to } | Order::SwitchBack { to }, ..) => format!(" to {to}"),
        (Order::Scale { track: Some(track), replicas }, ..) => format!(" {track} to {replicas}"),
        (Order::Scale { track: None, replicas }, ..) => format!(" to {replicas}"),
        (Order::Retire { track } | Order::Restart { track: Some(track) }, ..) => format!(" {track}"),
        (Order::Drive { act: Drive::HandOver { to } }, ..) => format!(" to {}", to.name),
        (_, _, Some(to)) => format!(" to {to}"),
        _ => String::new(),
    };
    format!("{verb}{what}")
}

/// Returns the glyph, style and words of what came of an operation.
pub(super) fn outcome(pen: &Pen<'_>, operation: &Operation) -> (&'static str, Style, String) {
    let theme = pen.theme;
    let doubtful = pen.model.jobs.in_doubt().any(|other| other.op == operation.op);
    match &operation.outcome {
        Some((_, OutcomeKind::Met, seen)) => ("✔", theme.good, seen.clone()),
        Some((_, OutcomeKind::Missed, seen)) => ("✖", theme.bad, seen.clone()),
        Some((_, OutcomeKind::Refused, seen)) => ("○", theme.muted, format!("refused: {seen}")),
        Some((_, OutcomeKind::Superseded, seen)) => ("○", theme.muted, format!("superseded: {seen}")),
        None if doubtful => ("▲", theme.bad, format!("in doubt: {}", operation.doubt())),
        None => ("◐", theme.candidate, operation.doubt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_compares_numbers_and_admits_what_it_cannot_compare() {
        for (here, before, said) in [
            ("5.0.0", "5.1.0", Some("behind staging")),
            ("5.10.0", "5.9.9", Some("ahead of staging")),
            ("5.1.0", "5.1.0", None),
            ("v2", "v1.9", Some("ahead of staging")),
            ("2.3.0-dev", "2.3.0", Some("differs from staging")),
            ("9f3c1e", "41aa02", Some("differs from staging")),
        ] {
            assert_eq!(drift(here, before, "staging").as_deref(), said, "{here} {before}");
        }
    }
}
