//! One cell of the deck: a service in an environment, in two lines or one.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::model::Model;
use crate::domain::delivery::PauseKind;
use crate::domain::doctor::Cause;
use crate::domain::id::RolloutId;
use crate::domain::plan::{Environment, Service};
use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::domain::verb::Verb;
use crate::domain::wayback;
use crate::ui::format;
use crate::ui::pen::{Pen, top};
use crate::ui::standing;
use crate::ui::words;

/// Below this a cell says one thing a line.
const NARROW: usize = 30;
/// Columns that a version gets before the dots, so that dots stand below each other.
const VERSION: usize = 11;

/// Draws a cell; `here` where the cursor is in it, `gate` where no column tells of its release's gate.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, service: &Service, environment: &Environment, here: bool, gate: bool) {
    let model = pen.model;
    let workloads: Vec<&RolloutId> = model.plan.cell(&service.name, &environment.name).map(|workload| &workload.id).collect();
    match workloads.as_slice() {
        [] => pen.line(area, Span::styled("–", pen.theme.faint)),
        [id] => single(pen, area, id, gate),
        many => several(pen, area, many, here),
    }
}

/// Several workloads, one line each.
fn several(pen: &mut Pen<'_>, area: Rect, ids: &[&RolloutId], here: bool) {
    let chosen = pen.model.nav.deck.workload.min(ids.len() - 1);
    let rows = usize::from(area.height.max(1));
    // The chosen one is always in view; what is not shown is counted.
    let from = if here { (chosen + 1).saturating_sub(rows) } else { 0 };
    let name = ids.iter().map(|id| id.workload.as_str().len()).max().unwrap_or(0).min(usize::from(area.width) / 3);
    for (row, (number, id)) in area.rows().zip(ids.iter().enumerate().skip(from)) {
        let theme = pen.theme;
        let marked = here && number == chosen;
        let style = if marked { theme.accent } else { theme.muted };
        let label = Span::styled(format!("{} ", format::pad(id.workload.as_str(), name)), style);
        let mut spans = vec![label];
        spans.extend(first_line(pen, id, usize::from(row.width).saturating_sub(name + 1), true));
        let line = greyed(pen, id, Line::from(spans));
        pen.line(row, line);
    }
    let hidden = ids.len().saturating_sub(from + rows);
    if hidden > 0
        && let Some(last) = area.rows().next_back()
    {
        pen.line_right(last, Span::styled(format!(" +{hidden}"), pen.theme.muted));
    }
}

fn single(pen: &mut Pen<'_>, area: Rect, id: &RolloutId, gate: bool) {
    let (first, below) = top(area, 1);
    let line = greyed(pen, id, Line::from(first_line(pen, id, first.width.into(), below.height == 0)));
    pen.line(first, line);
    if below.height > 0 {
        let line = greyed(pen, id, Line::from(second_line(pen, id, below.width.into(), gate)));
        pen.line(below, line);
    }
}

/// What is stale or lost stays, without its colour.
fn greyed<'l>(pen: &Pen<'_>, id: &RolloutId, mut line: Line<'l>) -> Line<'l> {
    let grey = pen.model.scope(id).is_none_or(|scope| pen.model.links.grey(&scope, pen.model.now));
    if grey {
        for span in &mut line.spans {
            span.style = pen.theme.faint;
        }
    }
    line
}

fn doubtful(model: &Model, id: &RolloutId) -> bool {
    model.jobs.in_doubt().any(|operation| operation.intent.rollout == *id)
}

/// Version, health, and what is under way. `alone`: no second line follows.
fn first_line(pen: &Pen<'_>, id: &RolloutId, room: usize, alone: bool) -> Vec<Span<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let Some(seen) = model.fleet.seen(id) else { return vec![Span::styled("…", theme.faint)] };
    let rollout = &seen.rollout;
    if rollout.phase == Phase::Absent {
        return vec![Span::styled("not there", theme.muted)];
    }
    let (glyph, style) = words::phase(theme, rollout);
    let mut spans = words::versions(theme, rollout);
    let taken: usize = spans.iter().map(Span::width).sum();
    let trouble = seen.finding.as_ref().is_some_and(|finding| finding.permanent && !finding.calm())
        || matches!(rollout.phase, Phase::Failing | Phase::Failed);
    // What was given up is not the version that serves.
    let trouble = trouble && rollout.phase != Phase::RolledBack;
    if trouble && let [version] = spans.as_mut_slice() {
        version.style = theme.bad;
    }
    let doubt = doubtful(model, id);
    if doubt {
        spans.insert(0, Span::styled("▲ ", theme.bad));
    }
    let narrow = room < NARROW;
    // While two versions are told there is no column of dots to keep to.
    let one = spans.iter().filter(|span| span.content.contains(['→', '←'])).count() == 0;
    if one {
        let gap = if narrow { 1 } else { VERSION.saturating_sub(taken).max(1) };
        spans.push(Span::raw(" ".repeat(gap)));
        spans.extend(words::dots(theme, rollout, room.saturating_sub(taken + gap)));
    }
    let mut tell = |gap: usize, text: String, style: Style| {
        let used: usize = spans.iter().map(Span::width).sum();
        let fits = used + gap + text.chars().count() <= room;
        if fits {
            spans.extend([Span::raw(" ".repeat(gap)), Span::styled(text, style)]);
        }
        fits
    };
    if !rollout.phase.under_way() {
        if let Some(left) = standing::warm(rollout, model.now).filter(|_| !narrow) {
            tell(2, format!("{} {}", standing::kept_up(rollout), format::clock(left)), theme.stable);
        }
        if rollout.held.is_some() {
            tell(2, "‖ held".into(), theme.waiting);
        }
        if alone && let Some(finding) = seen.finding.as_ref().filter(|finding| !finding.calm()) {
            let left = room.saturating_sub(taken + 12);
            tell(2, format!("✖ {}", format::fit(&finding.sentence, left)), theme.bad);
        } else if alone && let Some(users) = words::users(theme, rollout) {
            tell(2, users.content.into_owned(), users.style);
        }
        return spans;
    }
    let share = words::share(rollout).filter(|_| rollout.strategy == Strategy::Canary && !rollout.weights.is_empty());
    if narrow {
        // The second line has the word; without one the sign must do.
        let tell_share = |share: String, tell: &mut dyn FnMut(usize, String, Style) -> bool| {
            tell(1, format!("{glyph} {share}"), style) || (!alone && tell(1, share, theme.candidate))
        };
        if !(share.is_some_and(|share| tell_share(share, &mut tell)) || one) {
            tell(1, glyph.to_owned(), style);
        }
        return spans;
    }
    let wrong = standing::given_up_and_held(rollout) || standing::away(rollout, model.now).is_some();
    let (glyph, style) = if wrong { ("✖", theme.bad) } else { (glyph, style) };
    let word = format!("{glyph} {}", word(model, rollout));
    if let Some(share) = share
        && taken + 2 + share.chars().count() + 7 + 2 + word.chars().count() <= room
    {
        tell(2, format!("canary {share}"), theme.candidate);
    } else if let Some(share) = words::share(rollout).filter(|_| rollout.strategy == Strategy::Canary && !rollout.weights.is_empty())
        && taken + 2 + share.chars().count() + 2 + word.chars().count() <= room
    {
        tell(2, share, theme.candidate);
    }
    // That it waits for a person is told before for how long.
    if !tell(2, word, style) && words::needs_you(rollout) && rollout.held.is_none() && gate(rollout).is_none() {
        tell(2, format!("{glyph} needs you"), style);
    }
    if !one && rollout.strategy != Strategy::Canary {
        let dots = words::dots(theme, rollout, room);
        let used: usize = spans.iter().map(Span::width).sum();
        if used + 2 + dots.iter().map(Span::width).sum::<usize>() <= room {
            spans.push(Span::raw("  "));
            spans.extend(dots);
        }
    }
    spans
}

/// The word for a change that is under way or stands.
fn word(model: &Model, rollout: &Rollout) -> String {
    let countdown = words::countdown(rollout, model.now).map_or_else(String::new, |countdown| format!(" {countdown}"));
    match rollout.phase {
        _ if standing::given_up_and_held(rollout) => "aborted, still held".to_owned(),
        Phase::RollingBack if rollout.delivery.aborted.is_some() => "aborted, going back".to_owned(),
        Phase::Waiting if rollout.held.is_some() => "held".to_owned(),
        Phase::Waiting if gate(rollout).is_some() => format!("gate{countdown}"),
        Phase::Waiting if words::needs_you(rollout) => format!("needs you{countdown}"),
        Phase::Waiting => format!("pause{countdown}"),
        Phase::Unobserved => match standing::away(rollout, model.now) {
            Some(ago) => format!("no controller {}", format::age(ago)),
            None => "not observed".to_owned(),
        },
        Phase::Progressing if rollout.delivery.promoting_fully => "promoting fully".to_owned(),
        Phase::Progressing if rollout.delivery.restart.is_some() => "restarting".to_owned(),
        phase => phase.word().to_owned(),
    }
}

/// The gate that it stands at.
fn gate(rollout: &Rollout) -> Option<&str> {
    match rollout.delivery.pause.as_ref().map(|pause| &pause.kind) {
        Some(PauseKind::Gate(name)) => Some(name),
        _ => None,
    }
}

/// How it is, since when, how it differs from the environment before.
fn second_line(pen: &Pen<'_>, id: &RolloutId, room: usize, gate: bool) -> Vec<Span<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let Some(seen) = model.fleet.seen(id) else { return Vec::new() };
    let rollout = &seen.rollout;
    if doubtful(model, id) {
        return vec![Span::styled("order in doubt", theme.bad)];
    }
    if let Some(finding) = &seen.finding
        && !finding.calm()
    {
        let text = if room < NARROW { short(finding.cause) } else { &finding.sentence };
        return vec![Span::styled(format!("✖ {text}"), theme.bad)];
    }
    if rollout.phase == Phase::Failed {
        return vec![Span::styled(format!("✖ {}", rollout.native), theme.bad)];
    }
    let mark = super::gate::mark(pen, &id.service, &id.environment, room).filter(|_| gate);
    if let Some((share, text)) = words::progress(rollout).filter(|_| !words::pair(rollout)) {
        return under_way(pen, rollout, share, text, room);
    }
    // What is to come is told before what is: the first line has the version and the health.
    if let Some(mut spans) = mark {
        let used: usize = spans.iter().map(Span::width).sum();
        if let Some(drift) = drift(model, rollout).filter(|drift| used + 2 + drift.len() <= room) {
            spans.push(Span::styled(format!("  {drift}"), theme.muted));
        }
        return spans;
    }
    if words::pair(rollout) {
        return pair(pen, rollout, room);
    }
    let mut spans = Vec::new();
    let drift = drift(model, rollout);
    match rollout.phase {
        Phase::Absent => return spans,
        Phase::Done if room < NARROW && rollout.serving == Serving::Full && drift.is_some() => {}
        Phase::RolledBack => spans.push(Span::styled(given_up(rollout, room), theme.waiting)),
        _ => match words::users(theme, rollout) {
            Some(users) => spans.push(users),
            None if rollout.serving == Serving::Full => spans.push(Span::styled("healthy", theme.faint)),
            None => {}
        },
    }
    let changed = rollout.changed.as_ref().map(|(_, at)| *at).or_else(|| rollout.newest().and_then(|revision| revision.created));
    if let Some(at) = changed.filter(|_| !spans.is_empty()) {
        spans.push(Span::styled(format!("  {}", format::since(model.now, at)), theme.faint));
    }
    if let Some(drift) = drift {
        let style = if drift.starts_with("behind") { theme.warn } else { theme.muted };
        let gap = if spans.is_empty() { "" } else { "  " };
        spans.push(Span::styled(format!("{gap}{drift}"), style));
    }
    spans
}

/// That something was tried and is gone again.
fn given_up(rollout: &Rollout, room: usize) -> String {
    let word = if rollout.delivery.aborted.is_some() { "aborted" } else { "rolled back" };
    match rollout.candidate().filter(|_| room >= NARROW) {
        Some(candidate) => format!("{} {word}", candidate.version),
        None => word.to_owned(),
    }
}

/// A cause in two words, for a cell that has no room for its sentence.
fn short(cause: Cause) -> &'static str {
    match cause {
        Cause::Aborted => "aborted",
        Cause::AbortedHeld => "aborted, held",
        Cause::Analysis => "analysis",
        Cause::Autoscaler => "autoscaler",
        Cause::Away => "no controller",
        Cause::Budget => "budget",
        Cause::Checks => "checks fail",
        Cause::Config => "bad config",
        Cause::CrashLoop => "crash loop",
        Cause::Deadline => "deadline passed",
        Cause::Downtime => "downtime",
        Cause::Held => "held",
        Cause::ImagePull => "image pull",
        Cause::Invalid => "bad spec",
        Cause::NoEndpoints => "no endpoints",
        Cause::NodeLost => "node lost",
        Cause::Paused => "paused",
        Cause::Quota => "over quota",
        Cause::Reverted => "reverted",
        Cause::Sandbox => "no sandbox",
        Cause::Unanalysed => "no analysis",
        Cause::Unready => "not ready",
        Cause::Unschedulable => "no node fits",
    }
}

/// The gauge, the words, and the way back where there is room.
fn under_way(pen: &Pen<'_>, rollout: &Rollout, share: u16, text: String, room: usize) -> Vec<Span<'static>> {
    let theme = pen.theme;
    let mut spans = Vec::new();
    if room < NARROW {
        let (glyph, style) = words::phase(theme, rollout);
        let word = match rollout.phase {
            Phase::Waiting | Phase::RollingBack | Phase::Unobserved => word(pen.model, rollout),
            _ => text,
        };
        // The place in the steps is told where there is room for it; what is waited for always is.
        let step = rollout.steps.as_ref().filter(|_| rollout.strategy == Strategy::Canary && rollout.phase == Phase::Waiting);
        let place = step.and_then(|steps| Some(format!("{}/{} ", steps.current? + 1, steps.list.len()))).unwrap_or_default();
        let place = if place.len() + word.chars().count() + 2 <= room { place.as_str() } else { "" };
        return vec![Span::styled(format!("{glyph} {place}{word}"), style)];
    }
    let way = wayback::ways_back(rollout, pen.model.jobs.history(), pen.model.now).into_iter().next();
    // The way back is worth more than a long gauge.
    let beside = if way.is_some() && room >= 44 { 22 } else { 0 };
    let gauge = room.saturating_sub(text.chars().count() + 2 + beside).min(20);
    if gauge >= 4 {
        let done = gauge * usize::from(share) / 1_000;
        spans.push(Span::styled("━".repeat(done), theme.candidate));
        spans.push(Span::styled("─".repeat(gauge - done), theme.faint));
        spans.push(Span::raw("  "));
    }
    spans.push(Span::styled(text, theme.muted));
    let used: usize = spans.iter().map(Span::width).sum();
    if let Some(way) = way
        && let Some(key) = pen.model.keymap.key("rollout", key_of(way.verb))
        && used + 20 <= room
    {
        let speed = match way.speed {
            wayback::Speed::Instant => "instant",
            wayback::Speed::Beat(_) => "next beat",
            wayback::Speed::Restarts => "restarts",
            wayback::Speed::Walks { .. } => "walks",
        };
        spans.push(Span::styled("  way back ", theme.faint));
        spans.push(Span::styled(key, theme.key));
        spans.push(Span::styled(format!(" {speed}"), theme.muted));
    }
    spans
}

/// The action whose key goes this way back.
fn key_of(verb: Verb) -> crate::app::action::Action {
    use crate::app::action::Action;
    match verb {
        Verb::Abort => Action::Abort,
        Verb::SwitchBack | Verb::Switch => Action::Switch,
        Verb::Hold => Action::Hold,
        _ => Action::RollBack,
    }
}

/// `● blue 4/4  green idle 5.1.0 4/4`.
fn pair(pen: &Pen<'_>, rollout: &Rollout, room: usize) -> Vec<Span<'static>> {
    let theme = pen.theme;
    let Some(active) = rollout.routing.as_ref().and_then(|routing| routing.active.as_ref()) else {
        return vec![Span::styled("✖ the selector matches neither side alone", theme.bad)];
    };
    let mut spans = Vec::new();
    if let Some(side) = rollout.side(active) {
        let text =
            if room < NARROW { format!("● {active}") } else { format!("● {active} {}/{}", side.counts.ready, side.counts.wanted) };
        spans.push(Span::styled(text, theme.stable));
    }
    if let Some(idle) = rollout.idle() {
        let track = idle.track.as_ref().map(ToString::to_string).unwrap_or_default();
        let counts = idle.counts;
        let (text, style) = if counts.wanted == 0 && counts.total == 0 {
            (format!("○ {track} retired"), theme.faint)
        } else {
            let style = if counts.ready < counts.wanted { theme.waiting } else { theme.candidate };
            (format!("○ {track} {} {}/{}", idle.version, counts.ready, counts.wanted), style)
        };
        let used: usize = spans.iter().map(Span::width).sum();
        let short = format!("○ {track} {}/{}", counts.ready, counts.wanted);
        let text = if used + 2 + text.chars().count() <= room || counts.wanted == 0 { text } else { short };
        spans.extend([Span::raw("  "), Span::styled(text, style)]);
    }
    let used: usize = spans.iter().map(Span::width).sum();
    if let Some(drift) = drift(pen.model, rollout)
        && used + drift.len() + 2 <= room
    {
        let style = if drift.starts_with("behind") { theme.warn } else { theme.muted };
        spans.push(Span::styled(format!("  {drift}"), style));
    }
    spans
}

/// How the version stands to that of the environment before.
fn drift(model: &Model, rollout: &Rollout) -> Option<String> {
    let before = model.plan.before(&rollout.id.environment)?;
    let there = RolloutId { environment: before.name.clone(), ..rollout.id.clone() };
    let there = model.rollout(&there)?;
    words::drift(rollout.versions().0?, there.versions().0?, before.name.as_str())
}
