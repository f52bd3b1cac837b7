//! A release's screen: its checklists, approvals, window, and the gate's verdict in one sentence.
//!
//! The rows are `app::model::releases::rows`: the cursor moves over them, whatever pane draws them.

mod approvals;
mod beside;
mod checklist;
pub(super) mod chronicle;
mod head;
pub(super) mod item;
pub(super) mod list;
pub(super) mod signs;
mod told;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format;
use super::pen::{Pen, bottom, inset, top};
use crate::app::action::Action;
use crate::app::model::releases::rows::{self, Count, ItemRow, Row, rows};
use crate::app::regions::Hit;
use crate::domain::id::ReleaseId;
use crate::domain::release::Release;

/// From this size on approvals and window stand beside the checklist.
const SIDE_BY_SIDE: (u16, u16) = (110, 28);
/// The columns that stand beside the checklist, and the most of them.
const BESIDE: (u16, u16) = (44, 56);

/// Lines of a pane, each with the row that it belongs to.
type Lines<'l> = Vec<(Option<usize>, Line<'l>)>;

/// Draws the checklist and the gate.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, id: &ReleaseId) {
    let model = pen.model;
    let Some(release) = model.releases.get(id) else { return gone(pen, area, id) };
    let airy = area.height >= 32;
    let (_, area) = top(area, u16::from(airy));
    let head = head::lines(pen, release, area.width.saturating_sub(6), airy);
    let (told, rest) = top(area, head.len() as u16);
    pen.lines(inset(told, 3), head);
    let (_, rest) = top(rest, u16::from(airy));
    let rows = rows(model, id);
    if area.width >= SIDE_BY_SIDE.0 && rest.height + 4 >= SIDE_BY_SIDE.1 {
        beside(pen, inset(rest, 1), release, &rows);
    } else {
        stacked(pen, rest, release, &rows);
    }
}

/// Items at the left; approvals, window, facts and the latest at the right.
fn beside(pen: &mut Pen<'_>, area: Rect, release: &Release, rows: &[Row<'_>]) {
    let right = (area.width * 7 / 20).clamp(BESIDE.0, BESIDE.1);
    let left = Rect { width: area.width.saturating_sub(right + 1), ..area };
    let aside = Rect { x: left.right() + 1, width: right, ..area };
    let at = rows::here(pen.model, rows);
    let of_approvals = |row: &Row<'_>| matches!(row, Row::Approvals { .. } | Row::Rule(_) | Row::Decision { .. });
    let there = rows.get(at).is_some_and(of_approvals);
    let items = checklist::lines(pen, release, rows, left.width.saturating_sub(4).into());
    let (heading, note) = checklist::heading(pen, release, rows);
    let inner = pen.pane(left, !there, heading, note);
    let airy = usize::from(inner.height) > items.len();
    let (_, inner) = top(inner, u16::from(airy));
    let wanted = items.len() as u16 + 1;
    if let Some(Row::Item(row)) = rows.get(at) {
        detail(pen, Rect { y: inner.y + wanted.min(inner.height), height: inner.height.saturating_sub(wanted), ..inner }, release, row);
    }
    scrolled(pen, inner, items, at);
    let approvals = approvals::lines(pen, release, rows, usize::from(aside.width.saturating_sub(4)), true);
    let count = rows.iter().find_map(|row| if let Row::Approvals { count } = row { Some(*count) } else { None });
    let mut rest = aside;
    let facts = beside::facts(pen, release, usize::from(aside.width.saturating_sub(4)));
    let window = beside::window(pen, release, usize::from(aside.width.saturating_sub(4)));
    // What one decides by keeps its place; of the facts and of what came last there is as much as fits.
    let wanted = approvals.len().max(1) as u16 + 2;
    let spare = rest.height.saturating_sub(window.len() as u16 + 2 + (facts.len() as u16 + 2).min(rest.height / 3));
    let (place, below) = top(rest, wanted.min(spare.max(5)));
    let note = count.map_or_else(Line::default, |count| counted(pen, count));
    let inner = pen.pane(place, there, "Approvals", note);
    if approvals.is_empty() {
        pen.line(inner, Span::styled("none is asked for", pen.theme.faint));
    }
    scrolled_in(pen, inner, approvals, at);
    rest = below;
    if !window.is_empty() {
        let (place, below) = top(rest, window.len() as u16 + 2);
        let zone = beside::zone_name(pen, release);
        let inner = pen.pane(place, false, "Window", Line::styled(zone, pen.theme.muted));
        pen.lines(inner, window);
        rest = below;
    }
    let latest = rest.height.saturating_sub(facts.len() as u16 + 2) >= 5;
    let (place, below) = top(rest, if latest { facts.len() as u16 + 2 } else { rest.height });
    if place.height > 2 {
        let inner = pen.pane(place, false, "Release", Line::styled(release.id.to_string(), pen.theme.faint));
        pen.lines(inner, facts);
    }
    if latest {
        let inner = pen.pane(below, false, "Latest", beside::more(pen));
        let lines = beside::latest(pen, release, inner.width.into(), inner.height.into());
        pen.lines(inner, lines);
    }
}

/// The item under the cursor whole, in what the list leaves free.
fn detail(pen: &mut Pen<'_>, area: Rect, release: &Release, row: &ItemRow<'_>) {
    let area = inset(area, 1);
    let lines = item::lines(pen, release, row, usize::from(area.width.saturating_sub(6)));
    let height = lines.len() as u16 + 2;
    // A frame with half of it would hide what it is about.
    if area.height < height {
        return;
    }
    let (_, place) = bottom(area, height);
    let key = pen.model.keymap.key("release", Action::Open).map(|key| pen.theme.glyphs.key(&key).to_owned());
    let note =
        key.map_or_else(Line::default, |key| Line::from(vec![Span::styled(key, pen.theme.key), Span::styled(" whole", pen.theme.muted)]));
    let inner = pen.pane(place, false, &row.item.title, note);
    pen.lines(inset(inner, 1), lines);
}

/// One list of everything; what stands beside it elsewhere is folded into its end.
fn stacked(pen: &mut Pen<'_>, area: Rect, release: &Release, rows: &[Row<'_>]) {
    let width = usize::from(area.width.saturating_sub(4));
    let at = rows::here(pen.model, rows);
    let mut lines = checklist::lines(pen, release, rows, width);
    let approvals = approvals::lines(pen, release, rows, width, false);
    // The approvals stand where the cursor meets them: before the lists that are behind.
    let first = approvals.iter().find_map(|(row, _)| *row);
    let place = first.and_then(|first| lines.iter().position(|(row, _)| row.is_some_and(|row| row > first)));
    let place = place.map_or(lines.len(), |place| {
        lines[..place].iter().rposition(|(row, _)| row.is_some_and(|row| Some(row) < first)).map_or(0, |last| last + 1)
    });
    let mut section: Lines<'_> = Vec::new();
    if !approvals.is_empty() {
        let count = rows.iter().find_map(|row| if let Row::Approvals { count } = row { Some(*count) } else { None }).unwrap_or_default();
        section.push((None, Line::default()));
        section.push((None, checklist::category(pen, "Approvals", count, width)));
        section.extend(approvals);
    }
    lines.splice(place..place, section);
    let plain = |line: Line<'static>| (None, line);
    lines.push(plain(Line::default()));
    lines.push(plain(Line::styled("Release", pen.theme.accent)));
    lines.extend(beside::facts(pen, release, width).into_iter().map(plain));
    let (heading, note) = checklist::heading(pen, release, rows);
    let inner = pen.pane(area, true, heading, note);
    scrolled(pen, inner, lines, at);
}

/// Draws lines so that those of the row under the cursor are in view, and notes how many fit.
fn scrolled(pen: &mut Pen<'_>, area: Rect, lines: Lines<'_>, at: usize) {
    pen.regions.list_rows = area.height.into();
    scrolled_in(pen, area, lines, at);
}

fn scrolled_in(pen: &mut Pen<'_>, area: Rect, lines: Lines<'_>, at: usize) {
    let theme = pen.theme;
    let height = usize::from(area.height);
    let last = lines.iter().rposition(|(row, _)| *row == Some(at));
    // At the last row what follows it is shown as well: there is no row more to go to.
    let end = lines.iter().rposition(|(row, _)| row.is_some());
    let wanted = if last.is_some() && last == end { lines.len() } else { last.map_or(0, |last| last + 2) };
    let mut from = wanted.saturating_sub(height);
    if let Some(first) = lines.iter().position(|(row, _)| *row == Some(at)) {
        from = from.min(first);
    }
    let hidden = lines.len().saturating_sub(from + height);
    for (place, (row, line)) in area.rows().zip(lines.into_iter().skip(from)) {
        if let Some(row) = row {
            if row == at {
                pen.paint(Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place }, theme.selection);
            }
            pen.hit(place, Hit::ListRow(row));
        }
        pen.line(place, line);
    }
    if hidden > 0 || from > 0 {
        let text = match (from, hidden) {
            (0, hidden) => format!(" {hidden} more below "),
            (from, 0) => format!(" {from} more above "),
            (from, hidden) => format!(" {from} above, {hidden} below "),
        };
        pen.line_right(Rect { y: area.bottom(), height: 1, ..area }, Span::styled(text, theme.muted));
    }
}

/// `12 of 14`, in the colour of what it means.
fn counted(pen: &Pen<'_>, count: Count) -> Line<'static> {
    let style = if count.passed >= count.of { pen.theme.good } else { pen.theme.waiting };
    Line::styled(format!("{} of {}", count.passed, count.of), style)
}

/// The record was deleted, or is not read yet.
fn gone(pen: &mut Pen<'_>, area: Rect, id: &ReleaseId) {
    let (_, area) = top(inset(area, 3), 1);
    let theme = pen.theme;
    if pen.model.releases.sent(id).next().is_some() {
        return pen.line(area, Span::styled(format!("◐ Release {id} is being recorded …"), theme.candidate));
    }
    let text = format!("The record of release {id} is not there: it was deleted or pruned, or the store has not told of it yet.");
    pen.lines(area, format::wrap(&text, area.width.into()).into_iter().map(|line| Line::styled(line, theme.waiting)).collect::<Vec<_>>());
}
