//! The confirm dialog: environment, object, from and to, what it leads to, the difference, the requests to the letter,
//! and what it takes to send them (safety rule 1).

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{band, open};
use crate::app::action::Action;
use crate::app::catalogue;
use crate::app::model::dialog::{Button, Confirm, Stage};
use crate::app::regions::Hit;
use crate::domain::change::{Preview, Wait};
use crate::domain::plan::Protection;
use crate::domain::release::Kind;
use crate::domain::release::policy::OnClose;
use crate::domain::verb::{Order, Verb};
use crate::ui::format;
use crate::ui::pane::revisions::signed;
use crate::ui::pen::{Pen, bottom, top};
use crate::ui::release::signs;
use crate::ui::words;

/// Columns that the words at the left take.
const WORD: usize = 11;

/// Draws the dialog.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, confirm: &Confirm) {
    let (model, theme) = (pen.model, pen.theme);
    let width = area.width.saturating_sub(if area.width >= 100 { 12 } else { 2 }).min(112);
    let text = usize::from(width.saturating_sub(8));
    let content = content(pen, confirm, text);
    let below = 2 + u16::from(confirm.wants_name()) * 2;
    let height = (content.len() as u16).saturating_add(below + 4).min(area.height);
    let verb = confirm.order.verb();
    let heading = format!(
        " {} {} in {} ",
        format::capital(words::order_word(&confirm.order)),
        words::name(&confirm.rollout),
        confirm.rollout.environment
    );
    let border = match (&confirm.stage, confirm.protection) {
        (Stage::Moved(_), _) => theme.waiting,
        (Stage::Refused(_), _) => theme.border,
        _ if verb.way_back() => theme.accent,
        (_, Protection::Open) => theme.accent,
        (_, Protection::Guarded) => theme.waiting,
        (_, Protection::Protected) => theme.bad,
    };
    let note = match &confirm.stage {
        Stage::Ready(preview) => {
            let age = model.now.duration_since(preview.read_at);
            let read = if age.as_secs() < 1 { "read just now".to_owned() } else { format!("read {} ago", format::age(age)) };
            let rehearsed = if preview.rehearsed { ", rehearsed on the server" } else { ", not rehearsed" };
            Line::styled(format!("{read}{rehearsed}"), theme.muted)
        }
        _ => Line::default(),
    };
    let inner = open(pen, area, (width, height), border, Line::styled(heading, theme.strong), note);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let (_, inner) = top(inner, u16::from(inner.height > 8));
    let (inner, buttons) = bottom(inner, 1 + u16::from(inner.height > 10));
    let (_, buttons) = bottom(buttons, 1);
    let (list, typed) = if confirm.wants_name() { bottom(inner, 2) } else { bottom(inner, u16::from(inner.height > 8)) };
    // Air is the first to go where the change is longer than the dialog.
    let mut content = content;
    if content.len() > usize::from(list.height) {
        content.retain(|line| line.width() > 0);
    }
    pen.regions.list_rows = list.height.into();
    let from = confirm.top.min(content.len().saturating_sub(list.height.into()));
    let hidden = content.len().saturating_sub(from + usize::from(list.height));
    pen.lines(list, content.into_iter().skip(from));
    if hidden > 0 || from > 0 {
        let text = if hidden > 0 { format!(" {hidden} more below ") } else { " the end ".to_owned() };
        // Below the text, not over it: what is sent is read to the letter.
        let row =
            if typed.height > 0 { Rect { height: 1, ..typed } } else { Rect { y: list.bottom().saturating_sub(1), height: 1, ..list } };
        pen.line_right(row, Span::styled(text, theme.waiting));
    }
    if confirm.wants_name() {
        name_asked(pen, Rect { y: typed.bottom().saturating_sub(1), height: typed.height.min(1), ..typed }, confirm);
    }
    draw_buttons(pen, buttons, confirm);
}

/// What is shown, top to bottom.
fn content(pen: &Pen<'_>, confirm: &Confirm, width: usize) -> Vec<Line<'static>> {
    let theme = pen.theme;
    let mut head = band(pen, &confirm.rollout);
    head.push(Span::styled(format!("  {}", words::name(&confirm.rollout)), theme.strong));
    if let Some(workload) = pen.model.plan.workload(&confirm.rollout) {
        head.push(Span::styled(format!("  {} {}/{}", workload.target.word(), workload.scope(), workload.namespace), theme.muted));
    }
    let mut lines = vec![Line::from(head)];
    lines.extend(of_release(pen, confirm, width));
    lines.push(Line::default());
    match &confirm.stage {
        Stage::Asking { since } => {
            let age = pen.model.now.duration_since(*since);
            let wait = if age.as_secs() > 1 { format!("  {}", format::age(age)) } else { String::new() };
            lines.push(Line::styled(format!("Reading it afresh and rehearsing the change on the server …{wait}"), theme.muted));
            lines.push(Line::styled(asked(&confirm.order), theme.muted));
        }
        Stage::Ready(preview) => ready(pen, confirm, preview, width, &mut lines),
        Stage::Refused(why) => {
            lines.extend(prose("✖ ", &format::capital(why), width, theme.bad, theme.text()));
        }
        Stage::Moved(what) => {
            lines.extend(prose("▲ ", &format::capital(what), width, theme.waiting, theme.text()));
            lines.push(Line::default());
            lines.push(Line::styled("Read it again to see what the order comes to now.", theme.muted));
        }
    }
    lines
}

/// The release that an order begins or carries on, how its gate stands, and what happens when it shuts meanwhile. A way back is no
/// business of any gate.
fn of_release(pen: &Pen<'_>, confirm: &Confirm, width: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let verb = confirm.order.verb();
    let Some(release) = model.releases.active(&confirm.rollout.service, &confirm.rollout.environment) else { return Vec::new() };
    if verb.way_back() || verb == Verb::Drive {
        return Vec::new();
    }
    let (glyph, style) = signs::phase(theme, release.phase);
    let gate = model.verdict(release);
    let mut first = vec![
        Span::styled(format::pad("release", WORD), theme.muted),
        Span::styled(release.brief.route(), theme.strong),
        Span::styled(format!("  {glyph} {}   gate ", release.phase), style),
    ];
    first.extend(signs::tally(theme, &gate));
    if release.brief.kind == Kind::Emergency {
        first.push(Span::styled("   emergency", theme.bad));
    }
    let mut lines = vec![Line::from(first)];
    let mut tell = |text: &str, style: Style| {
        for part in format::wrap(text, width.saturating_sub(WORD)) {
            lines.push(Line::from(vec![Span::raw(" ".repeat(WORD)), Span::styled(part, style)]));
        }
    };
    if let Some((_, at)) = &confirm.arm {
        let (when, left) = (format::minute(*at, model.now, &model.zone), format::age(at.duration_since(model.now)));
        tell(&format!("not now: begins by itself {when}, in {left}, while this console is open and the gate holds"), theme.candidate);
    }
    if let Some(over) = release.overridden.as_ref().filter(|_| !gate.overridden.is_empty()) {
        tell(&format!("overridden by {}: “{}”", over.by, over.reason), theme.bad);
    }
    if let Some(policy) = model.policy(&confirm.rollout.environment) {
        let style = if policy.on_close == OnClose::Finish { theme.muted } else { theme.warn };
        tell(&format!("should the gate shut meanwhile, {}", policy.on_close.words()), style);
    }
    lines
}

/// The order before the engine has said what it comes to.
fn asked(order: &Order) -> String {
    match order {
        Order::Ship { image, .. } => format!("{} {image}", order.verb()),
        Order::Switch { to } | Order::SwitchBack { to } => format!("{} to {to}", order.verb()),
        Order::Scale { replicas, .. } => format!("{} to {replicas}", order.verb()),
        Order::Retire { track } => format!("{} {track}", order.verb()),
        _ => words::order_word(order).into(),
    }
}

fn ready(pen: &Pen<'_>, confirm: &Confirm, preview: &Preview, width: usize, lines: &mut Vec<Line<'static>>) {
    let theme = pen.theme;
    let word = |word: &str| Span::styled(format::pad(word, WORD), theme.muted);
    let text = width.saturating_sub(WORD);
    if let (Some(from), Some(to)) = (&preview.from, &preview.to) {
        let new = if confirm.order.verb().way_back() { theme.stable } else { theme.candidate };
        let old = if confirm.order.verb().way_back() { theme.candidate } else { theme.stable };
        lines.push(Line::from(vec![
            word("from"),
            Span::styled(from.clone(), old),
            Span::styled("   →   ", theme.muted),
            Span::styled(to.clone(), new),
        ]));
        lines.push(Line::default());
    }
    let mut first = "leads to";
    for sentence in &preview.leads_to {
        for part in format::wrap(sentence, text) {
            // What is skipped is never measured or decided by anyone again: it stands out.
            let style = if sentence.to_lowercase().contains("skip") { theme.waiting } else { theme.text() };
            lines.push(Line::from(vec![word(first), Span::styled(part, style)]));
            first = "";
        }
    }
    if !preview.leads_to.is_empty() {
        lines.push(Line::default());
    }
    let mut first = "▲ note";
    for sentence in &preview.warnings {
        for part in format::wrap(sentence, text) {
            lines.push(Line::from(vec![Span::styled(format::pad(first, WORD), theme.waiting), Span::styled(part, theme.warn)]));
            first = "";
        }
    }
    if !preview.warnings.is_empty() {
        lines.push(Line::default());
    }
    let mut first = "changes";
    for line in &preview.diff {
        for (at, part) in format::wrap(&line.text, text.saturating_sub(4)).iter().enumerate() {
            let mut drawn = signed(pen, line.sign, part);
            if at > 0 {
                drawn = Line::styled(format!("    {part}"), drawn.style);
            }
            lines.push(prefixed(word(first), drawn));
            first = "";
        }
    }
    if preview.diff.is_empty() {
        lines.push(Line::from(vec![word("changes"), Span::styled("nothing that the server would show", theme.muted)]));
    }
    lines.push(Line::default());
    let many = preview.requests.len() > 1;
    for (number, request) in preview.requests.iter().enumerate() {
        let first = if many { format!("request {}", number + 1) } else { "request".to_owned() };
        let mut told = vec![word(&first), Span::styled(format::capital(&request.purpose), theme.text())];
        told.push(Span::styled(format!("  {} at {}", request.object, request.object.version), theme.faint));
        lines.push(Line::from(told));
        let sent = format!("{} {}", request.method, request.path);
        lines.extend(format::wrap_code(&sent, text).into_iter().map(|part| Line::from(vec![word(""), Span::styled(part, theme.accent)])));
        if !request.body.is_empty() {
            lines.extend(
                format::wrap_code(&request.body, text).into_iter().map(|part| Line::from(vec![word(""), Span::styled(part, theme.muted)])),
            );
        }
        if let Some(wait) = request.then {
            let wait = match wait {
                Wait::Observed => "then waits until the cluster has seen it",
                Wait::Ready => "then waits until every instance is ready",
                Wait::Passed => "then waits until the gate is passed",
                Wait::Ended => "then waits until the change has come to its end",
                Wait::Drained => "then waits 30 s, until the routers know",
            };
            lines.push(Line::from(vec![word(""), Span::styled(wait, theme.muted)]));
        }
    }
    if confirm.order.verb().way_back() {
        lines.push(Line::default());
        lines.push(Line::styled("A way back: no typed name, window or lock stands before it.", theme.muted));
    }
}

fn prefixed(first: Span<'static>, line: Line<'static>) -> Line<'static> {
    let style = line.style;
    let mut spans = vec![first];
    spans.extend(line.spans.into_iter().map(|span| Span::styled(span.content, style.patch(span.style))));
    Line::from(spans)
}

fn prose(sign: &'static str, text: &str, width: usize, of_sign: Style, style: Style) -> Vec<Line<'static>> {
    let mut first = sign;
    format::wrap(text, width.saturating_sub(2))
        .into_iter()
        .map(|part| {
            let line = Line::from(vec![Span::styled(first, of_sign), Span::styled(part, style)]);
            first = "  ";
            line
        })
        .collect()
}

fn name_asked(pen: &mut Pen<'_>, area: Rect, confirm: &Confirm) {
    let theme = pen.theme;
    let name = confirm.rollout.service.as_str();
    let fits = confirm.name_fits();
    let field = format!(" {} ", format::pad(&format!("{}▏", confirm.typed.value()), name.chars().count() + 4));
    let style = if fits { theme.good } else { theme.text() };
    let line = Line::from(vec![
        Span::styled(format!("Type {name} to confirm  "), theme.waiting),
        Span::styled(field, theme.button.patch(style)),
        Span::styled(if fits { "  ✔" } else { "" }, theme.good),
    ]);
    pen.line(area, line);
}

/// Cancel and the verb, the focused one in colour.
fn draw_buttons(pen: &mut Pen<'_>, area: Rect, confirm: &Confirm) {
    let (model, theme) = (pen.model, pen.theme);
    let mode = if confirm.wants_name() { "typed" } else { "confirm" };
    let key = |action: Action| model.keymap.key(mode, action).map(|key| theme.glyphs.key(&key).to_owned()).unwrap_or_default();
    let named = if confirm.arm.is_some() { "Arm the start".to_owned() } else { format::capital(words::order_word(&confirm.order)) };
    // The last says what a click on it does.
    let mut buttons: Vec<(String, Style, Action)> = Vec::new();
    let focus_on = |wanted: Button| !confirm.wants_name() && confirm.focus == wanted;
    match &confirm.stage {
        Stage::Asking { .. } => buttons.push((format!("Cancel  {}", key(Action::Cancel)), theme.button_focus, Action::Cancel)),
        Stage::Refused(_) => buttons.push((format!("Close  {}", key(Action::Accept)), theme.button_focus, Action::Cancel)),
        Stage::Moved(_) => {
            buttons.push((format!("Cancel  {}", key(Action::Cancel)), theme.button, Action::Cancel));
            buttons.push((format!("Read again  {}", key(Action::Accept)), theme.button_focus, Action::Accept));
        }
        Stage::Ready(_) if confirm.wants_name() => {
            buttons.push((format!("Cancel  {}", key(Action::Cancel)), theme.button, Action::Cancel));
            let style = if confirm.name_fits() { theme.button_danger } else { theme.button.patch(theme.faint) };
            buttons.push((format!("{named}  {}", key(Action::Accept)), style, Action::Accept));
        }
        Stage::Ready(_) => {
            let cancel =
                if focus_on(Button::Cancel) { (key(Action::Accept), theme.button_focus) } else { (key(Action::Cancel), theme.button) };
            buttons.push((format!("Cancel  {}", cancel.0), cancel.1, Action::Cancel));
            let danger = confirm.protection != Protection::Open;
            let style = match (focus_on(Button::Confirm), danger) {
                (true, true) => theme.button_danger,
                (true, false) => theme.button_focus,
                (false, true) => theme.button.patch(theme.bad),
                (false, false) => theme.button,
            };
            buttons.push((format!("{named}  {}", key(Action::Confirm)), style, Action::Confirm));
        }
    }
    let width: u16 = buttons.iter().map(|(text, ..)| text.chars().count() as u16 + 6).sum();
    let mut x = area.right().saturating_sub(width).max(area.x);
    for (text, style, action) in buttons {
        let width = (text.chars().count() as u16 + 4).min(area.right().saturating_sub(x));
        let place = Rect { x, width, ..area };
        pen.line(place, Span::styled(format!("  {text}  "), style));
        if !catalogue::row(action).name.is_empty() {
            pen.hit(place, Hit::Action(action));
        }
        x += width + 2;
    }
}
