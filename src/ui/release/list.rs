//! Every release, the newest first.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::signs;
use crate::app::action::Action;
use crate::app::regions::Hit;
use crate::domain::release::{Phase, Release};
use crate::port::releases::Access;
use crate::ui::format;
use crate::ui::pen::{Pen, inset, top};

/// Columns of the phase, with its sign.
const PHASE: usize = 14;
/// Columns of the gate: `✔ 14/14  2/2`.
const GATE: usize = 14;

/// Draws the list.
pub(in crate::ui) fn draw(pen: &mut Pen<'_>, area: Rect) {
    let (model, theme) = (pen.model, pen.theme);
    let all = model.releases.newest();
    let (_, area) = top(area, u16::from(area.height >= 30));
    let open = all.iter().filter(|release| !release.phase.ended()).count();
    let note = Line::styled(format!("{} open of {}, newest first", open, all.len()), theme.muted);
    let inner = pen.pane(inset(area, 1), true, "Releases", note);
    let (inner, troubles) = crate::ui::pen::bottom(inner, troubles(pen).len().min(3) as u16);
    let told = self::troubles(pen);
    pen.lines(troubles, told);
    if all.is_empty() {
        let key = model.keymap.key("deck", Action::NewRelease).map(|key| format!(" {} on the deck makes one.", theme.glyphs.key(&key)));
        pen.line(inset(inner, 1), Span::styled(format!("There is no release.{}", key.unwrap_or_default()), theme.muted));
        return;
    }
    let (heading, list) = top(inner, 1);
    let route =
        all.iter().map(|release| release.brief.route().chars().count()).max().unwrap_or(0).clamp(12, usize::from(inner.width) * 2 / 5);
    let words = format!("  {}{}  {}{}", format::pad("PHASE", PHASE), format::pad("RELEASE", route), format::pad("GATE", GATE), "MADE");
    pen.line(heading, Span::styled(words, theme.muted));
    let mut cursor = model.nav.releases;
    cursor.reveal(all.len(), list.height.into());
    pen.regions.list_rows = list.height.into();
    for (row, (number, release)) in list.rows().zip(all.iter().enumerate().skip(cursor.top)) {
        let here = number == cursor.at;
        if here {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        let line = one(pen, release, here, route);
        pen.line(row, line);
        pen.hit(row, Hit::ListRow(number));
    }
}

fn one(pen: &Pen<'_>, release: &std::sync::Arc<Release>, here: bool, route: usize) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let ended = release.phase.ended();
    let (glyph, style) = signs::phase(theme, release.phase);
    let mut spans = vec![
        Span::styled(if here { "▶ " } else { "  " }, theme.accent),
        Span::styled(format::pad(&format!("{glyph} {}", release.phase), PHASE), style),
        Span::styled(format!("{}  ", format::pad(&release.brief.route(), route)), if ended { theme.muted } else { theme.strong }),
    ];
    // Of what has ended the gate says nothing any more: how long it took does.
    let gate = if ended || release.phase == Phase::Draft { Vec::new() } else { signs::tally(theme, &model.verdict(release)) };
    let used: usize = gate.iter().map(Span::width).sum();
    spans.extend(gate);
    let took = release.began.zip(release.ended).map(|(began, ended)| format!("took {}", format::age(ended.duration_since(began))));
    let took = took.filter(|_| ended).unwrap_or_default();
    spans.push(Span::styled(format::pad(&took, GATE.saturating_sub(used)), theme.muted));
    let made = release.entries.first().map_or_else(String::new, |entry| format::minute(entry.at, model.now, &model.zone));
    spans.push(Span::styled(format!("{made}  {}", release.brief.author), theme.muted));
    if release.brief.kind != crate::domain::release::Kind::Standard {
        spans.push(Span::styled(format!("  {}", release.brief.kind.word()), signs::kind(theme, release.brief.kind)));
    }
    if let Some(ticket) = &release.brief.ticket {
        spans.push(Span::styled(format!("  {ticket}"), theme.text()));
    }
    if !release.brief.title.is_empty() {
        spans.push(Span::styled(format!("  {}", release.brief.title), theme.muted));
    }
    Line::from(spans)
}

/// The stores that do not tell everything, or take nothing: an empty list is no proof that there is nothing.
fn troubles(pen: &Pen<'_>) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let told = model.plan.environments.iter().filter_map(|environment| {
        let name = &environment.name;
        let (glyph, style) = match model.releases.access.get(name)? {
            Access::Writable => return None,
            Access::Loading => ("◐", theme.muted),
            Access::ReadOnly(_) => ("○", theme.waiting),
            Access::Unreadable(_) => ("✖", theme.bad),
        };
        let why = model.unwritable(name)?;
        Some(Line::styled(format!("{glyph} {}", format::capital(&why)), style))
    });
    told.collect()
}
