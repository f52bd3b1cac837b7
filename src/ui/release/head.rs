//! The head of a release's screen: what it is in one line, and the verdict in one sentence, the largest thing there.

use jiff::SignedDuration;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::signs;
use crate::app::action::Action;
use crate::app::model::releases::rows::{Row, rows};
use crate::app::model::releases::standing::window_line;
use crate::domain::release::checklist::{Stage, Verdict};
use crate::domain::release::gate::{Blocker, Gate};
use crate::domain::release::record::Body;
use crate::domain::release::{Kind, Phase, Release};
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::{standing, window};

/// The verdict: a word on its colour, and the sentence.
struct Said {
    word: &'static str,
    style: Style,
    sentence: String,
}

/// Returns the lines of the head.
pub(super) fn lines(pen: &Pen<'_>, release: &Release, width: u16, airy: bool) -> Vec<Line<'static>> {
    let theme = pen.theme;
    let width = usize::from(width);
    let gate = pen.model.releases.get(&release.id).map(|release| pen.model.verdict(release)).unwrap_or_default();
    let mut lines = vec![brief(pen, release, width)];
    if airy {
        lines.push(Line::default());
    }
    let said = said(pen, release, &gate);
    let badge = format!(" {} ", said.word);
    let mut first = vec![Span::styled(badge.clone(), said.style.add_modifier(Modifier::REVERSED | Modifier::BOLD)), Span::raw("  ")];
    let room = width.saturating_sub(badge.chars().count() + 2);
    let mut told = format::wrap(&format::capital(&said.sentence), room).into_iter();
    first.push(Span::styled(told.next().unwrap_or_default(), theme.strong));
    let clocks = clocks(pen, release);
    let used: usize = first.iter().map(Span::width).sum();
    let beside = clocks.iter().map(Span::width).sum::<usize>();
    let more = told.next();
    let fits = more.is_none() && beside > 0 && used + beside + 3 <= width;
    if fits {
        first.push(Span::raw(" ".repeat(width - used - beside)));
        first.extend(clocks.iter().cloned());
    }
    lines.push(Line::from(first));
    let indent = || Span::raw(" ".repeat(badge.chars().count() + 2));
    if let Some(more) = more {
        lines.push(Line::from(vec![indent(), Span::styled(more, theme.strong)]));
    }
    // The top line has the window; the emergency's hour stands nowhere else.
    if !fits && beside > 0 && release.brief.kind == Kind::Emergency {
        lines.push(Line::from(clocks));
    }
    if airy && gate.blockers.len() > 1 && matches!(release.phase, Phase::Checking | Phase::Ready) {
        let mut rest = vec![indent()];
        rest.extend(others(pen, &gate, width.saturating_sub(badge.chars().count() + 2)));
        lines.push(Line::from(rest));
    }
    lines.extend(troubles(pen, release, width));
    lines
}

/// What it is: the route, the kind, the phase, the title, the ticket, who made it.
fn brief(pen: &Pen<'_>, release: &Release, width: usize) -> Line<'static> {
    let theme = pen.theme;
    let brief = &release.brief;
    let (glyph, style) = signs::phase(theme, release.phase);
    let mut spans = vec![Span::styled(brief.route(), theme.strong), Span::styled(format!("   {glyph} {}", release.phase), style)];
    let kind = match &brief.class {
        Some(class) => format!("{}, {class}", brief.kind.word()),
        None => brief.kind.word().to_owned(),
    };
    let facts = [
        Some((kind, signs::kind(theme, brief.kind))),
        brief.ticket.clone().map(|ticket| (ticket, theme.text())),
        Some((format!("by {}", brief.author), theme.muted)),
        Some((brief.title.clone(), theme.muted)).filter(|(title, _)| !title.is_empty()),
    ];
    for (text, style) in facts.into_iter().flatten() {
        let used: usize = spans.iter().map(Span::width).sum();
        let room = width.saturating_sub(used + 3);
        // Half a ticket's number tells nothing; half a title does.
        if text.chars().count() <= room || room >= 16 {
            spans.push(Span::styled(format!("   {}", format::fit(&text, room)), style));
        }
    }
    Line::from(spans)
}

fn said(pen: &Pen<'_>, release: &Release, gate: &Gate) -> Said {
    let theme = pen.theme;
    let model = pen.model;
    let say = |word, style, sentence: String| Said { word, style, sentence };
    let key = |action: Action| model.keymap.key("release", action).map(|key| theme.glyphs.key(&key).to_owned());
    match release.phase {
        Phase::Draft => {
            let how = key(Action::Announce)
                .map_or_else(String::new, |key| format!(": {key} announces it, then checks run and approvals are asked for"));
            say("DRAFT", theme.muted, format!("nothing is asked or checked yet{how}"))
        }
        Phase::Checking | Phase::Ready if !gate.open() => shut(pen, gate),
        Phase::Checking | Phase::Ready if !gate.overridden.is_empty() => {
            let by = release.overridden.as_ref().map_or_else(String::new, |over| format!(" by {}: “{}”", over.by, over.reason));
            say("OVERRIDDEN", theme.bad, format!("open against {}{by}", format::count(gate.overridden.len(), "rule")))
        }
        Phase::Checking | Phase::Ready => {
            if let Some(schedule) = &release.schedule {
                let at = format::minute(schedule.at, model.now, &model.zone);
                let left = format::clock(schedule.at.duration_since(model.now));
                let sentence = format!("begins by itself {at}, in {left}, while the console of {} stays open", schedule.by);
                return say("ARMED", theme.candidate, sentence);
            }
            let how = key(Action::Start).map_or_else(String::new, |key| format!(": {key} begins it"));
            say("READY", theme.good, format!("the gate is open{how}"))
        }
        Phase::InProgress => {
            let shut = if gate.open() { String::new() } else { format!("; the gate has shut: {}", gate.sentence()) };
            say("IN PROGRESS", theme.candidate, format!("{}{shut}", under_way(pen, release)))
        }
        Phase::Verifying => say(
            "VERIFYING",
            theme.candidate,
            left(pen, release, Stage::After, "the release is proven: it can be finished", "to be validated"),
        ),
        Phase::Done => say("DONE", theme.stable, format!("it is out{}", took(release))),
        Phase::RolledBack => {
            let reason = release.entries.iter().rev().find_map(|entry| match &entry.body {
                Body::RolledBack { reason } if !reason.is_empty() => Some(format!(" ({reason})")),
                _ => None,
            });
            let open = left(pen, release, Stage::Back, "the way back is validated", "of the way back to be validated");
            say("ROLLED BACK", theme.bad, format!("taken back{}{}; {open}", took(release), reason.unwrap_or_default()))
        }
        Phase::Aborted => {
            let reason = release.entries.iter().rev().find_map(|entry| match &entry.body {
                Body::Aborted { reason } if !reason.is_empty() => Some(reason.clone()),
                _ => None,
            });
            say("GIVEN UP", theme.muted, reason.unwrap_or_else(|| "it never began".to_owned()))
        }
    }
}

/// Why it cannot begin: the first sentence, and what else there is in figures.
fn shut(pen: &Pen<'_>, gate: &Gate) -> Said {
    let theme = pen.theme;
    let by_time = |blocker: &Blocker| matches!(blocker, Blocker::Window(_) | Blocker::Frozen(_));
    let frozen = gate.blockers.iter().any(|blocker| matches!(blocker, Blocker::Frozen(_)));
    let only_time = gate.blockers.iter().all(by_time);
    let word = match () {
        () if frozen => "FROZEN",
        () if only_time => "CLOSED",
        () => "NOT YET",
    };
    let style = if gate.blockers.iter().any(signs::wrong) { theme.bad } else { theme.waiting };
    let sentence = match gate.blockers.as_slice() {
        [one] => one.to_string(),
        all => figures(all),
    };
    Said { word, style, sentence }
}

/// Says in figures what is wrong and what is open: `1 item failed, 3 are open, 1 approval is missing`.
fn figures(blockers: &[Blocker]) -> String {
    let mut told: Vec<String> = Vec::new();
    // What binds by time or by what it is has a sentence of its own.
    let counts = |blocker: &&Blocker| matches!(blocker, Blocker::Item { .. } | Blocker::Approval { .. });
    told.extend(blockers.iter().filter(|blocker| !counts(blocker)).map(ToString::to_string));
    let items = |wanted: &dyn Fn(Verdict) -> bool| {
        blockers.iter().filter(|blocker| matches!(blocker, Blocker::Item { verdict, .. } if wanted(*verdict))).count()
    };
    let (failed, open) = (items(&|verdict| verdict == Verdict::Fail), items(&|verdict| verdict != Verdict::Fail));
    if failed > 0 {
        told.push(format!("{} failed", format::count(failed, "item")));
    }
    let are = |count: usize| if count == 1 { "is" } else { "are" };
    match (open, failed) {
        (0, _) => {}
        (open, 0) => told.push(format!("{} {} open", format::count(open, "item"), are(open))),
        (open, _) => told.push(format!("{open} {} open", are(open))),
    }
    let approvals: usize = blockers
        .iter()
        .map(|blocker| if let Blocker::Approval { have, need, .. } = blocker { (*need as usize).saturating_sub(*have) } else { 0 })
        .sum();
    if approvals > 0 {
        told.push(format!("{} {} missing", format::count(approvals, "approval"), are(approvals)));
    }
    told.join(", ")
}

/// Each thing that is open, what is wrong first, as many as fit.
fn others(pen: &Pen<'_>, gate: &Gate, width: usize) -> Vec<Span<'static>> {
    let theme = pen.theme;
    let mut spans: Vec<Span<'static>> = Vec::new();
    // What the sentence has in full is not said again.
    let counted = gate.blockers.iter().filter(|blocker| matches!(blocker, Blocker::Item { .. } | Blocker::Approval { .. }));
    let (wrong, open): (Vec<&Blocker>, Vec<&Blocker>) = counted.partition(|blocker| signs::wrong(blocker));
    let all: Vec<&Blocker> = wrong.into_iter().chain(open).collect();
    for (number, blocker) in all.iter().enumerate() {
        let text = blocker.to_string();
        let used: usize = spans.iter().map(Span::width).sum();
        let after = all.len() - number;
        if used + text.chars().count() + 16 > width && number > 0 {
            spans.push(Span::styled(format!("  ·  {after} more"), theme.faint));
            break;
        }
        if number > 0 {
            spans.push(Span::styled("  ·  ", theme.faint));
        }
        let style = if signs::wrong(blocker) { theme.bad } else { theme.muted };
        spans.push(Span::styled(text, style));
    }
    spans
}

/// What goes by the clock: the emergency's hour, the window.
fn clocks(pen: &Pen<'_>, release: &Release) -> Vec<Span<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut spans = Vec::new();
    if release.brief.kind == Kind::Emergency
        && let (Some(announced), None, Some(policy)) = (release.announced, release.began, model.policy(&release.brief.environment))
        && !release.phase.ended()
    {
        let left = policy.emergency_within - model.now.duration_since(announced);
        let (text, style) = if left.is_negative() {
            (format!("emergency: {} over its time", format::age(SignedDuration::ZERO - left)), theme.bad)
        } else {
            (format!("emergency: {} left", format::clock(left)), theme.bad)
        };
        spans.push(Span::styled(text, style));
    }
    if !release.phase.ended()
        && let Some(line) = window_line(model, &release.brief.environment)
        && let Some(policy) = model.policy(&release.brief.environment)
        && let Some((text, style)) = window::told(theme, &line.standing, &window::zone(&policy.calendar), model.now, false)
    {
        if !spans.is_empty() {
            spans.push(Span::raw("    "));
        }
        spans.push(Span::styled("window ", theme.muted));
        spans.push(Span::styled(text, style));
    }
    spans
}

/// Where its rollouts are.
fn under_way(pen: &Pen<'_>, release: &Release) -> String {
    let told = release.rollouts.iter().filter_map(|id| {
        let rollout = pen.model.rollout(id)?;
        Some(format!("{}: {}", id.service, standing::sentence(rollout, pen.model.now)))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "its rollouts are under way".to_owned() } else { told.join(" · ") }
}

/// How much of a later checklist is open.
fn left(pen: &Pen<'_>, release: &Release, wanted: Stage, none: &str, of: &str) -> String {
    let rows = rows(pen.model, &release.id);
    let open = |row: &&Row<'_>| matches!(row, Row::Item(row) if row.item.stage == wanted && row.item.required && row.standing.verdict != Verdict::Pass);
    let failed = |row: &&Row<'_>| matches!(row, Row::Item(row) if row.item.stage == wanted && row.standing.verdict == Verdict::Fail);
    let (open, failed) = (rows.iter().filter(open).count(), rows.iter().filter(failed).count());
    let bad = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    if open == 0 { none.to_owned() } else { format!("{} {of}{bad}", format::count(open, "item")) }
}

fn took(release: &Release) -> String {
    let length = release.began.zip(release.ended).map(|(began, ended)| ended.duration_since(began));
    length.map_or_else(String::new, |length| format!(" after {}", format::age(length)))
}

/// What keeps this console from writing, and what is wrong with the record.
fn troubles(pen: &Pen<'_>, release: &Release, width: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut told: Vec<(&str, Style, String)> = Vec::new();
    if let Some(why) = model.unwritable(&release.brief.environment) {
        told.push(("○", theme.waiting, format::capital(&why)));
    }
    if let Some(problems) = model.releases.problems.get(&release.id).filter(|problems| !problems.is_empty()) {
        let first = problems.first().cloned().unwrap_or_default();
        let more = if problems.len() > 1 { format!(" (and {} more)", problems.len() - 1) } else { String::new() };
        told.push(("✖", theme.bad, format!("The record cannot be read whole: {first}{more}")));
    }
    if let Some((_, why)) = release.rejected.last() {
        let count = format::count(release.rejected.len(), "entry").replace("entrys", "entries");
        told.push(("▲", theme.warn, format!("{count} of the record did not fit and counts for nothing: {why}")));
    }
    told.into_iter()
        .map(|(glyph, style, text)| {
            let text = format::fit(&text, width.saturating_sub(2)).into_owned();
            Line::from(vec![Span::styled(format!("{glyph} "), style), Span::styled(text, style)])
        })
        .collect()
}
