//! What stands beside the checklist: the window, what the release says of itself and is bound to, and what happened last.

use jiff::{SignedDuration, Timestamp};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::told::told;
use crate::app::action::Action;
use crate::app::model::releases::standing::window_line;
use crate::domain::release::policy::{OnClose, Policy};
use crate::domain::release::{Bound, Release};
use crate::domain::window::{Calendar, Standing};
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::window;

/// Columns of a fact's name.
const NAME: usize = 11;

/// Returns the zone that the window is said in.
pub(super) fn zone_name(pen: &Pen<'_>, release: &Release) -> String {
    let policy = pen.model.policy(&release.brief.environment);
    policy.map(|policy| window::zone(&policy.calendar)).and_then(|zone| zone.iana_name().map(str::to_owned)).unwrap_or_default()
}

/// Returns the lines of the window: how it stands, how far it is, the next freeze, and what happens when it shuts.
pub(super) fn window(pen: &Pen<'_>, release: &Release, width: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let Some(policy) = model.policy(&release.brief.environment) else { return Vec::new() };
    if !window::binds(policy) {
        return Vec::new();
    }
    let zone = window::zone(&policy.calendar);
    let at = |time| window::moment(time, model.now, &zone);
    let left = |time: Timestamp| format::age(time.duration_since(model.now));
    let mut lines = Vec::new();
    let mut tell = |sign: &str, style: Style, text: &str| {
        for (number, part) in format::wrap(text, width.saturating_sub(2)).into_iter().enumerate() {
            lines.push(Line::from(vec![
                Span::styled(if number == 0 { sign.to_owned() } else { "  ".to_owned() }, style),
                Span::styled(part, style),
            ]));
        }
    };
    let standing = window_line(model, &release.brief.environment).map_or(Standing::Always, |line| line.standing);
    match &standing {
        Standing::Always => tell("✔ ", theme.good, "open, and no freeze holds"),
        Standing::Open { until, window } => tell("✔ ", theme.good, &format!("{window}: open until {}, {} left", at(*until), left(*until))),
        Standing::Closing { until, window } => {
            tell("▲ ", theme.waiting, &format!("{window}: closes {}, in {}: too late to begin", at(*until), left(*until)));
        }
        Standing::Closed { opens: Some(opens), window } => {
            let name = window.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            tell("○ ", theme.waiting, &format!("{name}opens {}, in {}", at(*opens), left(*opens)));
        }
        Standing::Closed { opens: None, .. } => tell("○ ", theme.waiting, "closed, and no window opens again"),
        Standing::Frozen { until, reason, by } => {
            tell("✖ ", theme.bad, &format!("frozen until {}, {} left", at(*until), left(*until)));
            tell("  ", theme.text(), &format!("“{reason}”, by {by}"));
        }
    }
    if let Standing::Open { until, window } | Standing::Closing { until, window } = &standing {
        lines.extend(gauge(pen, &policy.calendar, *until, window, width));
    }
    if let Some(freeze) = policy.calendar.freezes.iter().filter(|freeze| freeze.from > model.now).min_by_key(|freeze| freeze.from) {
        let text = format!("  next freeze {}: {}, by {}", at(freeze.from), freeze.reason, freeze.by);
        lines.push(Line::styled(format::fit(&text, width).into_owned(), theme.muted));
    }
    if policy.on_close != OnClose::Finish {
        lines.push(Line::styled(format!("  when it shuts, {}", policy.on_close.words()), theme.warn));
    }
    lines
}

/// How far an open window is, with the time from which nothing new may begin.
fn gauge(pen: &Pen<'_>, calendar: &Calendar, until: Timestamp, window: &str, width: usize) -> Vec<Line<'static>> {
    let theme = pen.theme;
    let Some(lasts) = calendar.windows.iter().find(|one| one.name == *window).map(|one| one.lasts) else { return Vec::new() };
    let (Ok(from), length) = (until.checked_sub(lasts), lasts.as_secs().max(1)) else { return Vec::new() };
    let room = width.saturating_sub(2);
    let share = |part: SignedDuration| (room as i64 * part.as_secs().clamp(0, length) / length) as usize;
    let done = share(pen.model.now.duration_since(from));
    let lead = room.saturating_sub(share(calendar.lead)).max(done);
    let zone = window::zone(calendar);
    let hour = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let bar = Line::from(vec![
        Span::raw("  "),
        Span::styled("━".repeat(done), theme.good),
        Span::styled("─".repeat(lead - done), theme.muted),
        Span::styled("┄".repeat(room - lead), theme.waiting),
    ]);
    let mut times = vec![Span::raw("  "), Span::styled(hour(from), theme.faint)];
    let mut put = |column: usize, text: String, style: Style| {
        let used: usize = times.iter().map(Span::width).sum();
        let column = column.saturating_sub(text.len());
        if column > used {
            times.push(Span::raw(" ".repeat(column - used)));
            times.push(Span::styled(text, style));
        }
    };
    if calendar.lead > SignedDuration::ZERO
        && let Ok(last) = until.checked_sub(calendar.lead)
        && lead + 8 < room + 2
    {
        put(lead + 4, format!("last start {}", hour(last)), theme.waiting);
    }
    put(room + 2, hour(until), theme.faint);
    vec![bar, Line::from(times)]
}

/// Returns what the release says of itself and what it is bound to.
pub(super) fn facts(pen: &Pen<'_>, release: &Release, width: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let brief = &release.brief;
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut tell = |name: &str, text: &str, style: Style| {
        for (number, part) in format::wrap(text, width.saturating_sub(NAME + 1)).into_iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            lines.push(Line::from(vec![Span::styled(format!(" {}", format::pad(name, NAME)), theme.faint), Span::styled(part, style)]));
        }
    };
    if let Some(over) = &release.overridden {
        let at = format::minute(over.at, model.now, &model.zone);
        tell("override", &format!("{} {at}: “{}”", over.by, over.reason), theme.bad);
        tell("", &format!("over {}", over.over.join(", ")), theme.warn);
    }
    if let Some(schedule) = &release.schedule {
        let at = format::minute(schedule.at, model.now, &model.zone);
        tell(
            "begins",
            &format!("{at} by itself, armed by {} on {}", schedule.by, schedule.console),
            theme.candidate.add_modifier(Modifier::BOLD),
        );
    }
    if let Some(criterion) = &brief.criterion {
        tell("criterion", criterion, theme.bad);
    }
    for bound in &release.bound {
        let (text, style) = binding(pen, bound);
        tell(if lines_of(&release.bound, bound) { "bound to" } else { "" }, &text, style);
    }
    if release.bound.is_empty() {
        tell("bound to", "the tag: weak; no digest was read yet", theme.warn);
    }
    let times = [("takes", brief.duration), ("downtime", brief.downtime)];
    for (name, length) in times {
        match (name, length) {
            (_, Some(length)) => tell(name, &format!("{} expected", format::age(length)), theme.text()),
            ("downtime", None) => tell(name, "none expected", theme.muted),
            _ => {}
        }
    }
    if let Some(cutover) = brief.cutover {
        tell("cutover", &format::minute(cutover, model.now, &model.zone), theme.text());
    }
    for (name, text) in [("audience", &brief.audience), ("else", &brief.contingency), ("notes", &brief.notes)] {
        if !text.is_empty() {
            tell(name, text, theme.text());
        }
    }
    let policy: Option<&Policy> = model.policy(&brief.environment).map(AsRef::as_ref);
    if policy.is_some_and(|policy| !window::binds(policy) && policy.on_close != OnClose::Finish) {
        tell("gate shuts", policy.map_or("", |policy| policy.on_close.words()), theme.warn);
    }
    let mut told = Vec::new();
    if let Some(at) = release.announced {
        told.push(format!("announced {}", format::minute(at, model.now, &model.zone)));
    }
    if let Some(at) = release.began {
        told.push(format!("began {}", format::minute(at, model.now, &model.zone)));
    }
    if let Some(at) = release.ended {
        told.push(format!("ended {}", format::minute(at, model.now, &model.zone)));
    }
    if !told.is_empty() {
        tell("times", &told.join(", "), theme.muted);
    }
    lines
}

fn lines_of(all: &[Bound], bound: &Bound) -> bool {
    all.first().is_some_and(|first| first.service == bound.service)
}

/// `backend 9f3c…e1, runs in staging`.
fn binding(pen: &Pen<'_>, bound: &Bound) -> (String, Style) {
    match &bound.digest {
        Some(digest) => (format!("{} {}, {}", bound.service, short(digest), bound.source), pen.theme.text()),
        None => (format!("{} to the tag: weak ({})", bound.service, bound.source), pen.theme.warn),
    }
}

/// A digest by its ends: `sha256:9f3c1a22…e1`.
pub(super) fn short(digest: &str) -> String {
    let (kind, hex) = digest.split_once(':').unwrap_or(("", digest));
    let (Some(start), Some(end)) = (hex.get(..8), hex.get(hex.len().saturating_sub(4)..)) else { return digest.to_owned() };
    if hex.len() <= 14 { digest.to_owned() } else { format!("{kind}:{start}…{end}") }
}

/// The key that shows everything.
pub(super) fn more(pen: &Pen<'_>) -> Line<'static> {
    let key = pen.model.keymap.key("release", Action::Timeline).map(|key| pen.theme.glyphs.key(&key).to_owned());
    key.map_or_else(Line::default, |key| Line::from(vec![Span::styled(key, pen.theme.key), Span::styled(" all", pen.theme.muted)]))
}

/// What happened last, the newest first.
pub(super) fn latest(pen: &Pen<'_>, release: &Release, width: usize, rows: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let policy = model.policy(&release.brief.environment).map(AsRef::as_ref);
    release
        .entries
        .iter()
        .rev()
        .take(rows)
        .map(|entry| {
            let time = entry.at.to_zoned(model.zone.clone()).strftime("%H:%M").to_string();
            let (glyph, style, text) = told(theme, policy, &entry.body);
            let line = Line::from(vec![
                Span::styled(format!(" {time} "), theme.faint),
                Span::styled(format!("{glyph} "), style),
                Span::styled(format!("{} ", entry.actor), theme.accent),
                Span::styled(text, Style { add_modifier: Modifier::empty(), ..style }),
            ]);
            format::fit_line(line, width)
        })
        .collect()
}
