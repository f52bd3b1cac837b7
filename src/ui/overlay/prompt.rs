//! One line of text asked for, with proposals above it.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{open_at, title};
use crate::app::model::dialog::{Prompt, Question};
use crate::app::regions::Hit;
use crate::domain::id::ReleaseId;
use crate::domain::release::approval::Choice;
use crate::ui::format;
use crate::ui::pen::{Pen, top};
use crate::ui::words;

/// Draws it: in the middle where something is to be chosen, at the foot where the screen is to be seen.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, prompt: &Prompt) {
    let theme = pen.theme;
    let (heading, hint) = asked(pen, prompt);
    let below = u16::from(prompt.error.is_some() || !hint.is_empty());
    let height = prompt.proposals.len() as u16 + 3 + below + u16::from(!prompt.proposals.is_empty());
    let live = matches!(prompt.question, Question::DeckFilter | Question::Search | Question::Pattern | Question::ChronicleFilter);
    let width = area.width.saturating_sub(4).min(if live { 72 } else { 84 });
    let place = if live {
        let height = height.min(area.height);
        Rect { x: area.x + 2, y: area.bottom() - height, width, height }
    } else {
        pen.paint(area, theme.veil);
        crate::ui::pen::centred(area, width, height)
    };
    let heading = title(pen, &heading);
    let inner = open_at(pen, place, theme.border_focus, heading, Line::default());
    let (field, rest) = top(inner, 1);
    let typing = prompt.cursor.is_none();
    input(pen, field, &prompt.input, typing);
    let (below, list) = top(rest, below);
    match &prompt.error {
        Some(error) => pen.line(below, Span::styled(format!("✖ {error}"), theme.bad)),
        None => pen.line(below, Span::styled(hint, theme.faint)),
    }
    let (_, list) = top(list, u16::from(!prompt.proposals.is_empty()));
    pen.regions.list_rows = list.height.into();
    let wide = prompt.proposals.iter().map(|(proposal, _)| proposal.chars().count()).max().unwrap_or(0) + 2;
    for (row, (number, (proposal, from))) in list.rows().zip(prompt.proposals.iter().enumerate()) {
        let here = prompt.cursor == Some(number);
        if here {
            pen.paint(Rect { x: row.x.saturating_sub(1), width: row.width + 2, ..row }, theme.selection);
        }
        let line = Line::from(vec![
            Span::styled(if here { "▶ " } else { "  " }, theme.accent),
            Span::styled(format::pad(proposal, wide), theme.strong),
            Span::styled(from.clone(), theme.muted),
        ]);
        pen.line(row, line);
        pen.hit(row, Hit::ListRow(number));
    }
}

/// What is asked, and how to answer.
fn asked(pen: &Pen<'_>, prompt: &Prompt) -> (String, String) {
    let route = |id: &ReleaseId| pen.model.releases.get(id).map_or_else(|| id.to_string(), |release| release.brief.route());
    match &prompt.question {
        Question::Ship { rollout } => (
            format!("Ship which version of {} to {}", words::name(rollout), rollout.environment),
            "a version as 2.2.0, or a whole image".into(),
        ),
        Question::Scale { rollout, track, now } => {
            let side = track.as_ref().map_or_else(String::new, |track| format!(" {track}"));
            (format!("Scale {}{side} in {} to", words::name(rollout), rollout.environment), format!("now {now}"))
        }
        Question::Drive { rollout, holder } => (
            format!("{holder} drives {} in {}", words::name(rollout), rollout.environment),
            "⏎ asks for it; a typed reason takes it over".into(),
        ),
        Question::DeckFilter => ("Show services that contain".into(), String::new()),
        Question::Search => ("Search the log for".into(), String::new()),
        Question::Pattern => ("Show only lines that match".into(), "a regular expression; empty shows all".into()),
        Question::Evidence { release, item } => {
            let policy = pen.model.releases.get(release).and_then(|release| pen.model.policy(&release.brief.environment));
            let title = policy.and_then(|policy| policy.items.iter().find(|one| one.id == *item)).map(|item| item.title.clone());
            let title = title.unwrap_or_else(|| item.to_string());
            (format!("Tick “{title}” with"), "a note, and behind it an address that shows it".into())
        }
        Question::Decide { release, role, choice } => {
            let word = match choice {
                Choice::Approve => "Approve",
                Choice::Refuse => "Refuse",
                Choice::Withdraw => "Withdraw what you said of",
            };
            let hint = match choice {
                Choice::Approve => "why, in a few words; it is recorded with your name",
                Choice::Refuse => "why: it keeps the gate shut until you withdraw it, or other bytes come",
                Choice::Withdraw => "why, in a few words",
            };
            (format!("{word} {} as {role}", route(release)), hint.into())
        }
        Question::Override { release } => (
            format!("Override the gate of {}", route(release)),
            "why: it stands red in the timeline with your name, and people are told".into(),
        ),
        Question::Schedule { release } => (
            format!("Begin {} by itself at", route(release)),
            "22:05, in 20m, or 2026-01-02 22:05; empty takes it back. This console must stay open".into(),
        ),
        Question::GiveUp { release } => (format!("Give up {}", route(release)), "why; nothing was sent, and nothing is taken back".into()),
        Question::Remark { release } => (format!("Note on {}", route(release)), "stands on its timeline for everybody".into()),
        Question::ChronicleFilter => ("Show entries that contain".into(), String::new()),
        Question::Save => ("Save the lines shown to".into(), "a file; an existing one is not written over".into()),
    }
}

/// A field with its cursor, the end in view.
pub(super) fn input(pen: &mut Pen<'_>, area: Rect, input: &tui_input::Input, focused: bool) {
    let theme = pen.theme;
    pen.paint(area, theme.button);
    let room = usize::from(area.width.saturating_sub(2));
    let scroll = input.visual_scroll(room);
    let text = input.value();
    let mut shown = String::new();
    let mut column = 0;
    for character in text.chars() {
        let width = unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if column >= scroll {
            shown.push(character);
        }
        column += width;
    }
    pen.line(Rect { x: area.x + area.width.min(1), width: area.width.saturating_sub(1), ..area }, Span::styled(shown, theme.button));
    if focused {
        let at = area.x + 1 + (input.visual_cursor().max(scroll) - scroll) as u16;
        let cursor = Rect { x: at, width: 1, height: 1, ..area }.intersection(area);
        pen.paint(cursor, ratatui::style::Style::new().add_modifier(ratatui::style::Modifier::REVERSED));
    }
}
