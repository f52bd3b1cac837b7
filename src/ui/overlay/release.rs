//! What lies over a release's screen: the choice of a role, and an item whole.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{open, title};
use crate::app::model::dialog::Roles;
use crate::app::model::releases::rows::{ItemRow, Row, rows};
use crate::app::regions::Hit;
use crate::domain::id::{ItemId, ReleaseId};
use crate::domain::release::Voucher;
use crate::domain::release::approval::{self, Choice};
use crate::ui::format;
use crate::ui::pen::{Pen, bottom};
use crate::ui::release::item as whole;

/// Draws the choice of the role in which one decides.
pub(super) fn roles(pen: &mut Pen<'_>, area: Rect, choice: &Roles) {
    let (model, theme) = (pen.model, pen.theme);
    let Some(release) = model.releases.get(&choice.release) else { return };
    let word = match choice.choice {
        Choice::Approve => "Approve",
        Choice::Refuse => "Refuse",
        Choice::Withdraw => "Withdraw what you said of",
    };
    let heading = title(pen, &format!("{word} {} as", release.brief.route()));
    let (who, voucher) = model.person(&release.brief.environment);
    let width = (heading.width() as u16 + 12).clamp(64, 90).min(area.width.saturating_sub(4));
    let height = (choice.roles.len() as u16).saturating_add(4).min(area.height);
    let inner = open(pen, area, (width, height), theme.border_focus, heading, Line::default());
    let (list, last) = bottom(inner, 2.min(inner.height.saturating_sub(1)));
    let mut cursor = choice.cursor;
    cursor.reveal(choice.roles.len(), list.height.into());
    pen.regions.list_rows = list.height.into();
    let standings =
        model.policy(&release.brief.environment).map(|policy| approval::standing(policy, release, model.now)).unwrap_or_default();
    for (row, (number, role)) in list.rows().zip(choice.roles.iter().enumerate().skip(cursor.top)) {
        let here = number == cursor.at;
        if here {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        let of_it = standings.iter().filter(|standing| standing.rule.role == *role);
        let (have, need) = of_it.fold((0, 0), |(have, need), one| (have + one.counted.len(), need + one.rule.count as usize));
        let style = if have >= need { theme.good } else { theme.waiting };
        let line = Line::from(vec![
            Span::styled(if here { "▶ " } else { "  " }, theme.accent),
            Span::styled(format::pad(role.as_str(), 18), theme.strong),
            Span::styled(format!("{have} of {need} so far"), style),
        ]);
        pen.line(row, line);
        pen.hit(row, Hit::ListRow(number));
    }
    // How strong the word will be is said before it is given.
    let style = if voucher == Voucher::Cluster { theme.muted } else { theme.warn };
    let (_, last) = bottom(last, 1);
    pen.line(last, Span::styled(format!("as {who}, {}", voucher.words()), style));
}

/// Draws an item whole.
pub(super) fn item(pen: &mut Pen<'_>, area: Rect, release: &ReleaseId, item: &ItemId, from: usize) {
    let (model, theme) = (pen.model, pen.theme);
    let Some(told) = model.releases.get(release) else { return };
    let rows = rows(model, release);
    let row = rows.iter().find_map(|row| match row {
        Row::Item(row) if row.item.id == *item => Some(row),
        _ => None,
    });
    let width = area.width.saturating_sub(if area.width >= 100 { 12 } else { 2 }).min(112);
    let columns = usize::from(width.saturating_sub(6));
    let (heading, lines) = match row {
        Some(row) => (row.item.title.clone(), whole::lines(pen, told, row, columns)),
        None => (item.to_string(), vec![Line::styled("The plan asks for it no longer.", theme.muted)]),
    };
    let note = row.map_or_else(Line::default, |row| Line::styled(when(pen, row), theme.muted));
    let height = (lines.len() as u16).saturating_add(4).min(area.height);
    let heading = title(pen, &heading);
    let inner = open(pen, area, (width, height), theme.border_focus, heading, note);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let (_, inner) = crate::ui::pen::top(inner, u16::from(inner.height > lines.len() as u16));
    pen.regions.list_rows = inner.height.into();
    let from = from.min(lines.len().saturating_sub(inner.height.into()));
    let hidden = lines.len().saturating_sub(from + usize::from(inner.height));
    pen.lines(inner, lines.into_iter().skip(from));
    if hidden > 0 {
        let row = Rect { y: inner.bottom(), height: 1, ..inner };
        pen.line_right(row, Span::styled(format!(" {hidden} more below "), theme.muted));
    }
}

/// `command, checked 2 s ago`.
fn when(pen: &Pen<'_>, row: &ItemRow<'_>) -> String {
    let by = row.item.task.word();
    match (row.run, row.standing.outcome) {
        (Some(run), _) => {
            let since = run.started.unwrap_or(run.asked);
            format!("{by}, running for {}", format::since(pen.model.now, since))
        }
        (None, Some(outcome)) => format!("{by}, {} ago", format::since(pen.model.now, outcome.at)),
        (None, None) => by.to_owned(),
    }
}
