//! The revisions of a rollout, and what sets the chosen one apart from the one that runs.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::regions::Hit;
use crate::domain::change::Sign;
use crate::domain::id::RolloutId;
use crate::domain::revision::{Proof, Revision, Role};
use crate::domain::rollout::Rollout;
use crate::ui::format;
use crate::ui::pen::{Pen, bottom, inset, top};
use crate::ui::words;

/// Draws the screen.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, id: &RolloutId) {
    let model = pen.model;
    let (_, area) = top(area, u16::from(area.height >= 30));
    let area = inset(area, 1);
    let Some(rollout) = model.rollout(id).cloned() else {
        let sentence = super::waiting_sentence(model, id);
        pen.lines(inset(area, 2), format::wrap(&sentence, area.width.saturating_sub(4).into()).into_iter().map(Line::from));
        return;
    };
    let wanted = rollout.revisions.len().min(usize::from(area.height)) as u16 + 3;
    let (list, diff) = if area.width >= 150 {
        let left = area.width * 11 / 20;
        (Rect { width: left, ..area }, Rect { x: area.x + left + 1, width: area.width - left - 1, ..area })
    } else {
        top(area, wanted.min(area.height / 2).max(6))
    };
    revisions(pen, list, &rollout);
    difference(pen, diff, &rollout);
}

fn revisions(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let (model, theme) = (pen.model, pen.theme);
    let note = Line::styled(format!("{}, newest first", format::count(rollout.revisions.len(), "revision")), theme.muted);
    let inner = pen.pane(area, true, "Revisions", note);
    let (heading, list) = top(inner, 1);
    let wide = inner.width >= 70;
    pen.line(
        heading,
        Span::styled(row_text(["", "VERSION", "ROLE", "READY", "PROOF", if wide { "AGE" } else { "" }, ""], wide), theme.faint),
    );
    let mut cursor = model.nav.revisions;
    cursor.reveal(rollout.revisions.len(), list.height.into());
    pen.regions.list_rows = list.height.into();
    for (place, (number, revision)) in list.rows().zip(rollout.revisions.iter().enumerate().skip(cursor.top)) {
        if number == cursor.at {
            pen.paint(Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..place }, theme.selection);
        }
        let line = row(pen, revision, wide);
        pen.line(place, line);
        pen.hit(place, Hit::ListRow(number));
    }
}

/// Column widths: number, version, role, ready, proof, age.
const COLUMNS: [usize; 6] = [7, 13, 12, 8, 20, 7];

fn row_text(cells: [&str; 7], wide: bool) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(COLUMNS) {
        let width = if wide { width } else { width.min(13) };
        text.push_str(&format::pad(cell, width.saturating_sub(1)));
        text.push(' ');
    }
    text.push_str(cells.last().copied().unwrap_or_default());
    text
}

fn row(pen: &Pen<'_>, revision: &Revision, wide: bool) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let style = words::role(theme, revision.roles);
    let number = match (revision.number, &revision.track) {
        (_, Some(track)) => track.to_string(),
        (Some(number), None) => format!("#{number}"),
        (None, None) => String::new(),
    };
    let roles: Vec<_> = revision.roles.iter().map(Role::word).collect();
    let ready = if revision.counts.wanted == 0 && revision.counts.total == 0 {
        "–".to_owned()
    } else {
        format!("{}/{}", revision.counts.ready, revision.counts.wanted)
    };
    let (proof, proof_style) = proof(pen, revision.proof);
    let cells = [
        (number, theme.muted),
        (revision.version.clone(), theme.strong),
        (roles.join(", "), style),
        (ready, style),
        (proof, proof_style),
        (revision.created.filter(|_| wide).map_or_else(String::new, |created| format::since(model.now, created)), theme.muted),
    ];
    let mut spans: Vec<Span<'static>> = cells
        .into_iter()
        .zip(COLUMNS)
        .map(|((text, style), width)| {
            let width = if wide { width } else { width.min(13) };
            Span::styled(format!("{} ", format::pad(&text, width - 1)), style)
        })
        .collect();
    if revision.restarted.is_some() {
        spans.push(Span::styled("restart  ", theme.muted));
    }
    if let Some(cause) = &revision.cause {
        spans.push(Span::styled(cause.clone(), theme.muted));
    }
    Line::from(spans)
}

/// Returns what is known about a revision having served.
pub(crate) fn proof(pen: &Pen<'_>, proof: Proof) -> (String, ratatui::style::Style) {
    let (model, theme) = (pen.model, pen.theme);
    match proof {
        Proof::ReadyNow => ("✔ ready now".into(), theme.good),
        Proof::Recorded(at) => (format!("✔ served {}", format::minute(at, model.now, &model.zone)), theme.good),
        Proof::Stable => ("✔ was stable".into(), theme.good),
        Proof::Failed(at) => (format!("✖ failed {}", format::minute(at, model.now, &model.zone)), theme.bad),
        Proof::Unknown => ("not proven".into(), theme.muted),
    }
}

/// The template's lines that differ between the chosen revision and the one that runs.
fn difference(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let (model, theme) = (pen.model, pen.theme);
    let chosen = rollout.revisions.get(model.nav.revisions.at.min(rollout.revisions.len().saturating_sub(1)));
    let (Some(chosen), Some(running)) = (chosen, rollout.serving_revision().or_else(|| rollout.newest())) else { return };
    let note = Line::styled(format!("{} → {}", running.label(), chosen.label()), theme.muted);
    let inner = pen.pane(area, false, "If it were brought back", note);
    if chosen.id == running.id {
        pen.line(inner, Span::styled("This one runs.", theme.muted));
        return;
    }
    let lines = lines(pen, running, chosen);
    let more = lines.len().saturating_sub(inner.height.into());
    let (list, last) = if more > 0 { bottom(inner, 1) } else { (inner, Rect::ZERO) };
    pen.lines(list, lines);
    if more > 0 {
        pen.line(last, Span::styled(format!("… {} more", more + 1), theme.muted));
    }
}

/// Returns the difference as lines: images first, then the template.
pub(crate) fn lines(pen: &Pen<'_>, from: &Revision, to: &Revision) -> Vec<Line<'static>> {
    let theme = pen.theme;
    let mut lines = Vec::new();
    for image in &to.images {
        let before = from.images.iter().find(|other| other.container == image.container && other.init == image.init);
        if before.is_none_or(|before| before.image != image.image) {
            lines.push(Line::styled(format!("  {}", image.container), theme.muted));
            lines.extend(before.map(|before| signed(pen, Sign::Removed, &before.image)));
            lines.push(signed(pen, Sign::Added, &image.image));
        }
    }
    let images = lines.len();
    let is_image = |line: &&String| line.contains("image: ") && images > 0;
    let gone = from.template.iter().filter(|line| !to.template.contains(line) && !is_image(line));
    let come: Vec<&String> = to.template.iter().filter(|line| !from.template.contains(line) && !is_image(line)).collect();
    let key = |line: &str| line.split_once(": ").map(|(key, _)| key.to_owned());
    let mut told = vec![false; come.len()];
    let mut template = Vec::new();
    for line in gone {
        template.push(signed(pen, Sign::Removed, line));
        // The line that takes its place stands right below it.
        let partner = come.iter().position(|other| key(other).is_some() && key(other) == key(line));
        if let Some(at) = partner
            && let (Some(told), Some(other)) = (told.get_mut(at), come.get(at))
            && !*told
        {
            *told = true;
            template.push(signed(pen, Sign::Added, other));
        }
    }
    template.extend(come.iter().zip(told).filter(|(_, told)| !told).map(|(line, _)| signed(pen, Sign::Added, line)));
    if !template.is_empty() {
        lines.push(Line::styled("  template", theme.muted));
        lines.extend(template);
    }
    if lines.is_empty() {
        lines.push(Line::styled("No line of the template differs.", theme.muted));
    }
    lines
}

/// Returns a line of a difference.
pub(crate) fn signed(pen: &Pen<'_>, sign: Sign, text: &str) -> Line<'static> {
    let theme = pen.theme;
    match sign {
        Sign::Object => Line::styled(text.to_owned(), theme.strong),
        Sign::Same => Line::styled(format!("    {text}"), theme.faint),
        Sign::Removed => Line::styled(format!("  - {text}"), theme.removed),
        Sign::Added => Line::styled(format!("  + {text}"), theme.added),
    }
}
