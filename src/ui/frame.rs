//! What is the same on every screen: the top line, the bottom line with the keys that work here and now, and the notice
//! above it.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget as _};
use unicode_width::UnicodeWidthStr as _;

use super::format;
use super::pen::Pen;
use super::window;
use super::words;
use crate::app::action::Action;
use crate::app::catalogue;
use crate::app::model::dialog::{Overlay, Stage};
use crate::app::model::links::LinkState;
use crate::app::model::nav::Screen;
use crate::app::model::notices::Tone;
use crate::app::model::releases::standing::window_line;
use crate::app::model::{JournalState, Model, Writing};
use crate::app::regions::Hit;
use crate::domain::driver::Standing;
use crate::domain::id::{EnvironmentName, RolloutId, Scope};
use crate::domain::plan::Protection;
use crate::port::Link;

/// Draws the top line: what is open, whether it may be written, and the time.
pub(super) fn head(pen: &mut Pen<'_>, area: Rect) {
    let theme = pen.theme;
    pen.paint(area, theme.bar);
    let mut spans = vec![Span::styled(" rolldeck ", theme.brand)];
    let model = pen.model;
    let place = match model.nav.screen() {
        Screen::Deck | Screen::Releases | Screen::Release(_) | Screen::Chronicle(_) => None,
        Screen::Rollout(id) => Some((id, "")),
        Screen::Logs(id) => Some((id, "logs")),
        Screen::Revisions(id) => Some((id, "revisions")),
        Screen::Timeline(about) => about.as_ref().map(|id| (id, "timeline")),
    };
    // What is open says how much the right may take: a window's countdown never hides a version.
    let right = state(pen, area.width, least(pen, place.map(|(id, _)| id)));
    let taken = pen.line_right(area, right);
    let left = Rect { width: area.width.saturating_sub(taken + 2), ..area };
    if let Some((id, screen)) = place {
        about(pen, id, screen, left.width, &mut spans);
    } else if let Some(release) = model.open_release() {
        let screen = if matches!(model.nav.screen(), Screen::Chronicle(_)) { "timeline" } else { "release" };
        spans.push(Span::raw(" "));
        spans.push(band(pen, &release.brief.environment));
        let versions: Vec<String> = release.brief.versions.iter().map(|(service, version)| format!("{service} {version}")).collect();
        spans.push(Span::styled(format!(" {}", versions.join(", ")), theme.strong));
        spans.push(Span::styled(format!("  {screen}"), theme.muted));
    } else {
        spans.push(Span::styled(format!(" {} ", model.plan.name), theme.strong));
        let screen = match model.nav.screen() {
            Screen::Deck => "deck",
            Screen::Releases => "releases",
            Screen::Release(_) => "release",
            _ => "timeline",
        };
        spans.push(Span::styled(format!(" {screen}"), theme.muted));
        if !model.nav.deck.filter.is_empty() && matches!(model.nav.screen(), Screen::Deck) {
            spans.push(Span::styled(format!("   filter: {}", model.nav.deck.filter), theme.waiting));
        }
    }
    pen.line(left, Line::from(spans));
}

/// Returns the columns that the left needs to say what is open.
fn least(pen: &Pen<'_>, rollout: Option<&RolloutId>) -> u16 {
    let model = pen.model;
    let brand = " rolldeck ".len() + 3;
    let needed = match (rollout, model.open_release()) {
        (Some(id), _) => {
            let versions =
                model.rollout(id).map_or(0, |rollout| words::versions(pen.theme, rollout).iter().map(Span::width).sum::<usize>() + 3);
            id.environment.as_str().len() + 4 + words::name(id).width() + versions
        }
        (None, Some(release)) => release.brief.route().width() + " release".len(),
        (None, None) => model.plan.name.width() + " releases".len(),
    };
    (brand + needed) as u16
}

/// An environment's name on its colour.
fn band(pen: &Pen<'_>, name: &EnvironmentName) -> Span<'static> {
    let environment = pen.model.plan.environment(name);
    let style = environment.map_or(pen.theme.band, |environment| pen.theme.environment_band(environment.colour));
    Span::styled(format!(" {} ", name.as_str().to_uppercase()), style)
}

/// The environment that is looked at: of the open screen, else under the deck's cursor.
fn looked_at<'p>(pen: &Pen<'p>) -> Option<&'p EnvironmentName> {
    let model = pen.model;
    match model.nav.screen() {
        Screen::Deck => model.plan.environments.get(model.nav.deck.environment).map(|environment| &environment.name),
        Screen::Releases | Screen::Timeline(None) => None,
        Screen::Release(_) | Screen::Chronicle(_) => model.open_release().map(|release| &release.brief.environment),
        Screen::Rollout(id) | Screen::Logs(id) | Screen::Revisions(id) | Screen::Timeline(Some(id)) => Some(&id.environment),
    }
}

/// How the window of the environment that is looked at stands. `width` is the top line's.
fn window(pen: &Pen<'_>, width: u16) -> Option<(String, Style)> {
    let (model, theme) = (pen.model, pen.theme);
    let environment = looked_at(pen)?;
    let line = window_line(model, environment)?;
    let zone = window::zone(&model.policy(environment)?.calendar);
    let (text, style) = window::told(theme, &line.standing, &zone, model.now, width < 110)?;
    // On the deck one looks at several environments.
    let of = if matches!(model.nav.screen(), Screen::Deck) { format!("{environment} ") } else { String::new() };
    let frozen = matches!(line.standing, crate::domain::window::Standing::Frozen { .. });
    let noun = if width < 110 || frozen { "" } else { "window " };
    Some((format!("{of}{noun}{text}"), style))
}

/// The environment on its colour, the service, where it lives, and the versions.
fn about<'p>(pen: &Pen<'p>, id: &'p RolloutId, screen: &'p str, width: u16, spans: &mut Vec<Span<'p>>) {
    let (model, theme) = (pen.model, pen.theme);
    let environment = model.environment(id);
    spans.push(Span::raw(" "));
    spans.push(band(pen, &id.environment));
    let name = words::name(id);
    spans.push(Span::styled(format!(" {name}"), theme.strong));
    if !screen.is_empty() {
        spans.push(Span::styled(format!("  {screen}"), theme.muted));
    }
    if let Some(rollout) = model.rollout(id) {
        spans.push(Span::raw("   "));
        spans.extend(words::versions(theme, rollout));
    }
    // What does not fit in full is left out: half a context's name is worse than none.
    let mut tell = |text: String| {
        if spans.iter().map(Span::width).sum::<usize>() + text.width() <= width.into() {
            spans.push(Span::styled(text, theme.muted));
        }
    };
    if let Some(workload) = model.plan.workload(id) {
        tell(format!("   {}/{}", workload.scope(), workload.namespace));
    }
    if environment.is_some_and(|environment| environment.protection == Protection::Protected) {
        tell("   protected".to_owned());
    }
}

/// Who drives what is open or under the cursor; nothing where nothing is known. `width` is the top line's.
fn driver(pen: &Pen<'_>, width: u16) -> Option<(String, Style)> {
    let (model, theme) = (pen.model, pen.theme);
    let id = model.selected_rollout()?;
    let wide = width >= 110;
    // The key acts on the rollout's own screen alone.
    let key = model.open_rollout().and_then(|_| model.keymap.key("rollout", Action::Drive)).filter(|_| wide);
    let hint = |what: &str| key.as_ref().map_or_else(String::new, |key| format!(" · {key} {what}"));
    let told = match model.drivers.of(&id) {
        Standing::Unknown => return None,
        Standing::Mine { asked: Some(asker), .. } => (format!("you drive, {} asks{}", asker.name, hint("hands over")), theme.waiting),
        Standing::Mine { .. } => ("you drive".to_owned(), theme.accent),
        Standing::Theirs { holder, free: Some(free), .. } => {
            let left = format::clock(free.duration_since(model.now).max(jiff::SignedDuration::ZERO));
            (format!("{} drives, silent: free in {left}", holder.name), theme.waiting)
        }
        Standing::Theirs { holder, since, .. } => {
            let since = since.filter(|_| wide).map(|at| format!(" since {}", format::minute(at, model.now, &model.zone)));
            (format!("{} drives{}{}", holder.name, since.unwrap_or_default(), hint("asks")), theme.waiting)
        }
        Standing::Lapsed { .. } => ("▲ you drive no longer".to_owned(), theme.bad),
        Standing::Free { .. } | Standing::Expired { .. } => ("nobody drives".to_owned(), theme.muted),
        Standing::Unavailable { .. } => ("not locked".to_owned(), theme.faint),
    };
    Some(told)
}

/// What a person must know before pressing a key, then the time. `least`: what the left needs.
fn state<'p>(pen: &Pen<'p>, width: u16, least: u16) -> Line<'p> {
    let (model, theme) = (pen.model, pen.theme);
    let mut spans = Vec::new();
    let mut tell = |text: String, style: Style| spans.extend([Span::styled(text, style), Span::raw("   ")]);
    match model.jobs.in_doubt().count() {
        0 => {}
        doubts => tell(format!("▲ {doubts} in doubt"), theme.bad),
    }
    if let JournalState::Unwritable(_) = model.journal {
        tell("✖ journal".into(), theme.bad);
    }
    match &model.writing {
        Writing::Allowed => {}
        Writing::Locked(_) => tell("○ read-only".into(), theme.muted),
        Writing::Armed { until, .. } => tell(format!("▲ armed {}", format::clock(until.duration_since(model.now))), theme.waiting),
    }
    let window = window(pen, width);
    if let Some((text, style)) = window.clone() {
        tell(text, style);
    }
    if let Some((text, style)) = driver(pen, width) {
        tell(text, style);
    }
    let local = model.now.to_zoned(model.zone.clone());
    // Of what stands there the clock says least: with a window's countdown beside it, it is the first to be shortened.
    let used: usize = spans.iter().map(Span::width).sum();
    let room = usize::from(width.saturating_sub(least)).saturating_sub(used + 1);
    let forms: &[&str] =
        if window.is_none() { if width >= 72 { &["%H:%M:%S %Z"] } else { &["%H:%M:%S"] } } else { &["%H:%M:%S %Z", "%H:%M:%S", "%H:%M"] };
    let mut said = forms.iter().map(|form| local.strftime(form).to_string());
    let time = if window.is_none() { said.next() } else { said.find(|time| time.len() <= room) };
    if let Some(time) = time {
        let whole = time.len() > "22:18:07".len();
        spans.push(Span::styled(time, theme.muted));
        if width >= 100 && whole && local.offset().seconds() != 0 {
            spans.push(Span::styled(model.now.strftime(" %H:%M UTC").to_string(), theme.faint));
        }
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// Draws the notice that stands now.
pub(super) fn notice(pen: &mut Pen<'_>, area: Rect) {
    let Some(notice) = pen.model.notices.current(pen.model.now) else { return };
    let theme = pen.theme;
    Clear.render(area, pen.cells);
    pen.paint(area, theme.screen);
    let (glyph, style) = tone(pen, notice.tone);
    let mut spans = vec![Span::raw("   "), Span::styled(format!("{glyph} "), style)];
    if let Some(about) = &notice.about {
        spans.push(Span::styled(format!("{about}: "), theme.muted));
    }
    spans.push(Span::styled(notice.text.clone(), style));
    if notice.times > 1 {
        spans.push(Span::styled(format!("  {} times", notice.times), theme.muted));
    }
    pen.line(area, Line::from(spans));
}

/// Returns the glyph and style of a notice.
pub(super) fn tone(pen: &Pen<'_>, tone: Tone) -> (&'static str, Style) {
    match tone {
        Tone::Info => ("·", pen.theme.text()),
        Tone::Good => ("✔", pen.theme.good),
        Tone::Warn => ("▲", pen.theme.warn),
        Tone::Bad => ("✖", pen.theme.bad),
    }
}

/// Draws the bottom line: keys at the left as many as fit, links at the right.
pub(super) fn foot(pen: &mut Pen<'_>, area: Rect) {
    pen.paint(area, pen.theme.bar);
    let help = key(pen, Action::Help);
    let help_width = help.as_ref().map_or(0, |(line, _)| line.width() as u16 + 2);
    // Two thirds are for the keys.
    let links = links(pen, (area.width / 3).max(24));
    let taken = pen.line_right(area, links);
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(taken + 3), ..area };
    let (mode, actions) = keys(pen.model);
    let mut x = room.x;
    let fits = |x: u16, width: u16, kept: u16| x + width + kept <= room.right();
    for action in actions.into_iter().filter(|action| *action != Action::Help) {
        let Some((line, hit)) = key_of(pen, mode, action) else { continue };
        let width = line.width() as u16;
        if !fits(x, width, if mode == pen.model.nav.screen().mode() { help_width } else { 0 }) {
            break;
        }
        let cell = Rect { x, width, ..area };
        pen.line(cell, line);
        if hit {
            pen.hit(cell, Hit::Action(action));
        }
        x += width + 2;
    }
    if pen.model.overlay.is_none()
        && let Some((line, _)) = help
    {
        let cell = Rect { x, width: (line.width() as u16).min(room.right().saturating_sub(x)), ..area };
        pen.line(cell, line);
        pen.hit(cell, Hit::Action(Action::Help));
    }
}

/// The mode whose keys hold, and the actions to show of it.
fn keys(model: &Model) -> (&'static str, Vec<Action>) {
    use Action::{Accept, Cancel, Confirm, Copy, Down, Next, PageDown, Up};
    match &model.overlay {
        None => (model.nav.screen().mode(), catalogue::footer(model)),
        Some(overlay) => {
            let actions = match overlay {
                Overlay::Confirm(confirm) if confirm.wants_name() => vec![Accept, Cancel, Up, Down],
                Overlay::Confirm(confirm) => match confirm.stage {
                    Stage::Ready(_) => vec![Confirm, Cancel, Next, Accept, Up, Down, Copy],
                    Stage::Asking { .. } => vec![Cancel],
                    Stage::Refused(_) | Stage::Moved(_) => vec![Accept, Cancel],
                },
                Overlay::Prompt(_) | Overlay::Palette(_) => vec![Accept, Cancel, Up, Down],
                Overlay::Form(_) => vec![Accept, Confirm, Cancel, Next, Up, Down],
                Overlay::Help { .. } | Overlay::Notices(_) | Overlay::Whole(_) | Overlay::Item { .. } => vec![Cancel, Up, Down, PageDown],
                Overlay::RollBack(_) | Overlay::Analyses(_) | Overlay::Roles(_) | Overlay::Themes { .. } => vec![Accept, Cancel, Up, Down],
            };
            (overlay.mode(), actions)
        }
    }
}

fn key(pen: &Pen<'_>, action: Action) -> Option<(Line<'static>, bool)> {
    key_of(pen, pen.model.nav.screen().mode(), action)
}

/// A key with its label, greyed where it does nothing now; and whether a click does it.
fn key_of(pen: &Pen<'_>, mode: &str, action: Action) -> Option<(Line<'static>, bool)> {
    let (model, theme) = (pen.model, pen.theme);
    let key = model.keymap.key(mode, action)?;
    let key = theme.glyphs.key(&key).to_owned();
    let label = catalogue::label(model, action);
    let works = model.overlay.is_some() || catalogue::available(model, action).is_ok();
    let (of_key, of_label) = if works { (theme.key, theme.muted) } else { (theme.faint, theme.faint) };
    Some((Line::from(vec![Span::styled(key, of_key), Span::styled(format!(" {label}"), of_label)]), works))
}

/// How a link is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Telling {
    Full,
    /// Without the words that its sign says as well.
    Short,
}

/// Every link with its state and the age of its data; where room is short the live ones are counted, then all are.
fn links(pen: &Pen<'_>, width: u16) -> Line<'static> {
    let theme = pen.theme;
    let all = |telling| -> Vec<_> { pen.model.links.iter().map(|(scope, link)| told(pen, scope, link, telling)).collect() };
    let fits = |told: &[(bool, String, Style)]| told.iter().map(|(_, text, _)| text.width() + 2).sum::<usize>() <= usize::from(width);
    let mut told = all(Telling::Full);
    let live = told.iter().filter(|(trouble, ..)| !trouble).count();
    if !fits(&told) {
        told = all(Telling::Short);
        if live > 0 {
            told.retain(|(trouble, ..)| *trouble);
            told.push((false, format!("● {live} live"), theme.good));
        }
    }
    if !fits(&told) {
        let lost = told.iter().filter(|(trouble, ..)| *trouble).count();
        told = vec![(true, format!("✖ {lost} not live"), theme.bad)];
        if live > 0 {
            told.push((false, format!("● {live}"), theme.good));
        }
    }
    let mut spans = Vec::new();
    for (_, text, style) in told {
        spans.extend([Span::styled(text, style), Span::raw("  ")]);
    }
    spans.pop();
    spans.push(Span::raw(" "));
    Line::from(spans)
}

/// Returns whether a link is in trouble, its words and their style.
fn told(pen: &Pen<'_>, scope: &Scope, link: &LinkState, telling: Telling) -> (bool, String, Style) {
    let (model, theme) = (pen.model, pen.theme);
    let full = telling == Telling::Full;
    match &link.state {
        Link::Connecting => (true, format!("○ {scope}{}", if full { " connecting" } else { "" }), theme.muted),
        Link::Up => match (model.links.stale(scope, model.now), model.links.age(scope, model.now)) {
            (Some(age), _) => (true, format!("▲ {scope}{} {}", if full { " stale" } else { "" }, format::age(age)), theme.waiting),
            // A figure that counts to five and back tells nothing and costs a redraw each second.
            (None, Some(age)) if age.as_secs() >= 6 => (false, format!("● {scope} {}", format::age(age)), theme.good),
            (None, _) => (false, format!("● {scope} live"), theme.good),
        },
        Link::Retrying { next, .. } if full => {
            let left = next.duration_since(model.now);
            let when = if left.as_secs() > 0 { format!("in {}", format::age(left)) } else { "now".to_owned() };
            (true, format!("✖ {scope} retrying {when}"), theme.bad)
        }
        Link::Down { .. } if full => (true, format!("✖ {scope} down"), theme.bad),
        Link::Retrying { .. } | Link::Down { .. } => (true, format!("✖ {scope}"), theme.bad),
    }
}
