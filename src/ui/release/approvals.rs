//! The approvals: each rule with what it has and needs, and what everybody said, how strong it is, and why some of it is void.

use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::{Lines, signs};
use crate::app::model::releases::rows::Row;
use crate::domain::release::approval::{Choice, Decision, Standing, Void};
use crate::domain::release::{Phase, Release, Voucher};
use crate::ui::format;
use crate::ui::pen::Pen;

/// Returns the lines of the approvals. `tall`: a decision may take several lines.
pub(super) fn lines(pen: &Pen<'_>, release: &Release, rows: &[Row<'_>], width: usize, tall: bool) -> Lines<'static> {
    let mut lines: Lines<'static> = Vec::new();
    let mut any = false;
    for (number, row) in rows.iter().enumerate() {
        match row {
            Row::Rule(standing) => {
                if any && tall {
                    lines.push((None, Line::default()));
                }
                any = true;
                lines.push((Some(number), rule(pen, release, standing)));
            }
            Row::Decision { decision, void } => {
                lines.extend(said(pen, decision, *void, width, tall).into_iter().map(|line| (Some(number), line)));
            }
            Row::Stage { .. } | Row::Category { .. } | Row::Item(_) | Row::Approvals { .. } => {}
        }
    }
    if any && let Some(yours) = yours(pen, release) {
        if tall {
            lines.push((None, Line::default()));
        }
        lines.extend(
            format::wrap(&yours, width.saturating_sub(3))
                .into_iter()
                .map(|line| (None, Line::styled(format!("   {line}"), pen.theme.faint))),
        );
    }
    lines
}

/// `○ business  0/1  marco or dana`.
fn rule(pen: &Pen<'_>, release: &Release, standing: &Standing<'_>) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let (glyph, style) = signs::rule(theme, standing);
    let mut spans = vec![
        Span::styled(format!(" {glyph} "), style),
        Span::styled(standing.rule.role.to_string(), theme.strong),
        Span::styled(format!("  {}/{}", standing.counted.len(), standing.rule.count), style),
    ];
    if !standing.met() {
        let policy = model.policy(&release.brief.environment);
        let holders = policy.and_then(|policy| policy.roles.get(&standing.rule.role)).map_or(&[] as &[_], Vec::as_slice);
        let may: Vec<String> = holders.iter().filter(|holder| **holder != release.brief.author).map(ToString::to_string).collect();
        let text = if may.is_empty() { "nobody who may".to_owned() } else { may.join(" or ") };
        spans.push(Span::styled(format!("  {text}"), if may.is_empty() { theme.bad } else { theme.accent }));
    }
    if let Some(expires) = standing.rule.expires.filter(|_| standing.met()) {
        // The first to expire shuts the gate again.
        if let Some(first) = standing.counted.iter().map(|decision| decision.at).min() {
            let left = expires - model.now.duration_since(first);
            spans.push(Span::styled(format!("  stands {} more", format::age(left)), theme.faint));
        }
    }
    Line::from(spans)
}

/// What somebody said: in two or three lines where there is room, else in one.
fn said(pen: &Pen<'_>, decision: &Decision, void: Option<Void>, width: usize, tall: bool) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let struck = |style: ratatui::style::Style| if void.is_some() { theme.faint.add_modifier(Modifier::CROSSED_OUT) } else { style };
    let word = signs::chosen(decision.choice);
    let of_word = match decision.choice {
        Choice::Approve => theme.good,
        Choice::Refuse => theme.bad,
        Choice::Withdraw => theme.muted,
    };
    let mut first = vec![
        Span::raw("   "),
        Span::styled(decision.by.to_string(), struck(theme.accent)),
        Span::styled(format!(" {word}"), struck(of_word)),
        Span::styled(format!("  {}", format::minute(decision.at, model.now, &model.zone)), theme.faint),
    ];
    let (worth, of_worth) = match decision.voucher {
        Voucher::Cluster => (decision.voucher.words(), theme.muted),
        Voucher::Kubeconfig | Voucher::System => (decision.voucher.words(), theme.warn),
    };
    let why = void.map(|void| format!("void: {}", void.words()));
    if !tall {
        if let Some(why) = &why {
            first.push(Span::styled(format!("  {why}"), theme.warn));
        }
        let used: usize = first.iter().map(Span::width).sum();
        if used + worth.chars().count() + 2 <= width {
            first.push(Span::styled(format!("  {worth}"), of_worth));
        }
        if !decision.reason.is_empty() {
            first.push(Span::styled(format!("  “{}”", decision.reason), theme.text()));
        }
        return vec![Line::from(first)];
    }
    let mut lines = vec![Line::from(first)];
    let mut under = |text: &str, style| {
        lines.extend(format::wrap(text, width.saturating_sub(5)).into_iter().map(|line| Line::styled(format!("     {line}"), style)));
    };
    if let Some(why) = &why {
        under(why, theme.warn);
    }
    if !decision.reason.is_empty() {
        under(&format!("“{}”", decision.reason), if void.is_some() { theme.faint } else { theme.text() });
    }
    under(worth, if void.is_some() { theme.faint } else { of_worth });
    lines
}

/// What the person at the console may do about it.
fn yours(pen: &Pen<'_>, release: &Release) -> Option<String> {
    let model = pen.model;
    if !matches!(release.phase, Phase::Draft | Phase::Checking | Phase::Ready) {
        return None;
    }
    let policy = model.policy(&release.brief.environment)?;
    let (who, voucher) = model.person(&release.brief.environment);
    let weak = if voucher == Voucher::Cluster { String::new() } else { format!(", by {}", voucher.words()) };
    if who == release.brief.author {
        return Some(format!("You are {who}{weak}, who wrote it: you may not approve it."));
    }
    let roles = policy.roles_of(release, &who);
    if roles.is_empty() {
        return Some(format!("You are {who}{weak}, and hold none of these roles."));
    }
    let roles: Vec<String> = roles.into_iter().map(ToString::to_string).collect();
    Some(format!("You are {who}{weak}, and may decide as {}.", roles.join(" or ")))
}
