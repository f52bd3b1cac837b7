//! The logs: what is followed and shown of it in one strip, then the lines, each with role, pod, time and level.
//!
//! Draws the lines on screen and asks for no others. Role, level and what is missing stand as letter and word, so that
//! they are there without colour too.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::action::Action;
use crate::app::model::logs::{LogPane, Row, Side, Voice};
use crate::app::model::nav::Pane;
use crate::app::regions::Hit;
use crate::domain::id::RolloutId;
use crate::domain::instance::short_name;
use crate::domain::revision::{Role, Roles};
use crate::domain::rollout::Rollout;
use crate::ui::format;
use crate::ui::pen::{Pen, top};

/// What a pod's name may take; containers of several names stand beside it.
const NAME: usize = 18;
/// Below this the time goes without milliseconds, and a level is one letter.
const NARROW: u16 = 70;

/// Draws the logs as a pane of the rollout's screen.
pub(crate) fn within(pen: &mut Pen<'_>, area: Rect, _rollout: &Rollout, focused: bool) {
    let note = strip(pen, true);
    let inner = pen.pane(area, focused, "Logs", Line::from(note));
    pen.hit(area, Hit::Pane(Pane::Logs));
    lines(pen, inner, focused);
}

/// Draws the logs in full.
pub(crate) fn full(pen: &mut Pen<'_>, area: Rect, id: &RolloutId) {
    let (head, body) = top(area, 1);
    let theme = pen.theme;
    let badge = fresh(pen);
    let taken = if badge.is_empty() { 0 } else { pen.line_right(head, Line::from(badge)) + 2 };
    let mut spans = vec![Span::styled(format!(" {id}  "), theme.strong)];
    spans.extend(strip(pen, false));
    pen.line(Rect { width: head.width.saturating_sub(taken), ..head }, Line::from(spans));
    if pen.model.rollout(id).is_none() && pen.model.logs.counts().1 == 0 {
        pen.line(body, Span::styled(format!(" {}", super::waiting_sentence(pen.model, id)), theme.faint));
        return;
    }
    lines(pen, body, true);
}

/// Returns what came while the lines stood still.
fn fresh<'l>(pen: &Pen<'_>) -> Vec<Span<'l>> {
    let logs = &pen.model.logs;
    if logs.follows() {
        return Vec::new();
    }
    let key = pen.model.keymap.key("logs", Action::Bottom).map_or_else(String::new, |key| format!(", {key} follows"));
    let text = match logs.fresh() {
        0 => format!("standing still{key} "),
        count => format!("▼ {} new{key} ", grouped(count)),
    };
    vec![Span::styled(text, if logs.fresh() > 0 { pen.theme.accent } else { pen.theme.muted })]
}

/// Returns what holds, as words: what is set stands out, what is usual is quiet.
fn strip<'l>(pen: &Pen<'_>, brief: bool) -> Vec<Span<'l>> {
    let (logs, theme) = (&pen.model.logs, pen.theme);
    let mut parts: Vec<Span<'l>> = Vec::new();
    let mut say = |text: String, style: Style| {
        if !parts.is_empty() {
            parts.push(Span::styled(" · ", theme.faint));
        }
        parts.push(Span::styled(text, style));
    };
    if logs.follows() {
        say("follow".into(), theme.good);
    } else if brief {
        say(if logs.fresh() > 0 { format!("▼ {} new", grouped(logs.fresh())) } else { "standing still".into() }, theme.accent);
    }
    let filter = logs.filter();
    let set = |on: bool| if on { theme.accent } else { theme.muted };
    say(filter.side.word().into(), set(filter.side != Side::Both));
    match filter.level {
        Some(level) => say(format!("level ≥ {}", level.word().to_lowercase()), theme.accent),
        None => say("all levels".into(), theme.muted),
    }
    for only in [
        filter.instance.as_ref().map(|name| short_name(name.as_str())),
        filter.container.as_ref().map(crate::domain::id::ContainerName::as_str),
    ]
    .into_iter()
    .flatten()
    {
        say(format!("only {only}"), theme.accent);
    }
    if let Some(pattern) = &filter.pattern {
        say(format!("& {}", format::fit(pattern.as_str(), 24)), theme.accent);
    }
    if let Some(search) = logs.searched() {
        say(format!("/ {}", format::fit(search.as_str(), 24)), theme.accent);
    }
    if logs.dropped() > 0 {
        say(format!("{} dropped", grouped(logs.dropped())), theme.warn);
    }
    let (followed, of) = logs.followed();
    if followed < of {
        say(format!("following {followed} of {of}"), theme.warn);
    }
    if logs.filtering() {
        say("filtering …".into(), theme.waiting);
    }
    if brief {
        return parts;
    }
    if followed == of && of > 0 {
        say(format::count(of as usize, "container"), theme.muted);
    }
    if let Some(range) = logs.range() {
        say(range, theme.muted);
    }
    if logs.query().is_some_and(|query| query.previous) {
        say("previous run".into(), theme.accent);
    }
    if logs.wraps() {
        say("wrap".into(), theme.muted);
    } else if logs.left() > 0 {
        say(format!("from column {}", logs.left() + 1), theme.accent);
    }
    if let (evicted @ 1.., Some(oldest)) = logs.evicted()
        && let Ok(oldest) = Timestamp::from_nanosecond(oldest.into())
    {
        say(format!("from {}, {} older lines gone", format::time(oldest, &pen.model.zone), grouped(evicted)), theme.muted);
    }
    parts
}

/// Returns a number as it is read: `1,234`, `1.2 M`.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{},{:03}", number / 1_000, number % 1_000),
        _ => format!("{}.{} M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// The widths of what stands before the text.
struct Columns {
    name: usize,
    time: usize,
    level: usize,
}

impl Columns {
    fn of(logs: &LogPane, width: u16) -> Self {
        let several = logs.several_containers();
        let name = logs.voices().map(|voice| name(voice, several).width()).max().unwrap_or(0).min(NAME);
        let narrow = width < NARROW;
        Self {
            name: if narrow { name.min(NAME / 2) } else { name },
            time: if !logs.times() {
                0
            } else if narrow {
                8
            } else {
                12
            },
            level: if narrow { 1 } else { 5 },
        }
    }

    /// Role, name, time, level, each with a blank behind it.
    fn width(&self) -> usize {
        2 + self.name + 1 + if self.time > 0 { self.time + 1 } else { 0 } + self.level + 1
    }
}

fn name(voice: &Voice, several: bool) -> String {
    let short = short_name(voice.source.instance.as_str());
    if several || voice.source.init { format!("{short}/{}", voice.source.container) } else { short.to_owned() }
}

fn lines(pen: &mut Pen<'_>, area: Rect, focused: bool) {
    let (logs, theme) = (&pen.model.logs, pen.theme);
    let columns = Columns::of(logs, area.width);
    let width = usize::from(area.width).saturating_sub(columns.width());
    pen.regions.log_rows = area.height;
    pen.regions.log_columns = width as u16;
    let rows = logs.view(area.height.into(), width);
    if rows.is_empty() {
        let text = match logs.counts() {
            (0, 1..) if logs.filtering() => "Filtering …".to_owned(),
            (0, kept @ 1..) => format!("None of {} lines passes the filter.", grouped(kept as u64)),
            _ if logs.query().is_none() => "Nothing is followed.".to_owned(),
            _ => "No line yet.".to_owned(),
        };
        pen.line(area, Span::styled(text, theme.faint));
        return;
    }
    let several = logs.several_containers();
    let mut y = 0;
    for (number, row) in rows.iter().enumerate() {
        let place = Rect { y: area.y + y as u16, height: row.rows as u16, ..area };
        y += row.rows;
        if row.selected || row.cursor && focused {
            pen.paint(place, theme.selection);
        }
        pen.hit(place, Hit::LogRow(number as u16));
        if row.mark {
            mark(pen, place, row, several);
            continue;
        }
        let head = head(pen, row, &columns, several);
        let style = match row.level {
            crate::domain::log::Level::Trace | crate::domain::log::Level::Debug => theme.muted,
            _ => theme.screen,
        };
        // The ground is the row's own: only what is found has another.
        let style = Style { bg: None, ..style };
        let texts = broken(pen, row, style, width);
        let (first, rest) = top(place, 1);
        let mut texts = texts.into_iter();
        let mut spans = head;
        spans.extend(texts.next().unwrap_or_default());
        pen.line(first, Line::from(spans));
        let indent = columns.width() as u16;
        let rest = Rect { x: rest.x.saturating_add(indent), width: rest.width.saturating_sub(indent), ..rest };
        pen.lines(rest, texts.map(Line::from));
    }
}

fn letter(roles: Roles) -> &'static str {
    match roles.iter().next() {
        Some(Role::Canary) => "C",
        Some(Role::Preview) => "P",
        Some(Role::Active) => "A",
        Some(Role::Stable) => "S",
        Some(Role::Old) => "O",
        None => "·",
    }
}

fn head<'l>(pen: &Pen<'_>, row: &Row<'_>, columns: &Columns, several: bool) -> Vec<Span<'l>> {
    let theme = pen.theme;
    let (roles, who) = row.voice.map_or((Roles::default(), String::new()), |voice| (voice.roles, name(voice, several)));
    let side = if roles.candidate() {
        theme.candidate
    } else if roles.serves() {
        theme.stable
    } else {
        theme.muted
    };
    let mut spans =
        vec![Span::styled(format!("{} ", letter(roles)), side), Span::styled(format!("{} ", format::pad(&who, columns.name)), side)];
    if columns.time > 0 {
        let at = Timestamp::from_nanosecond(row.at.into()).unwrap_or_default();
        let form = if columns.time > 8 { "%H:%M:%S%.3f" } else { "%H:%M:%S" };
        spans.push(Span::styled(format!("{} ", at.to_zoned(pen.model.zone.clone()).strftime(form)), theme.faint));
    }
    let word = row.level.word();
    let word = if columns.level == 1 { word.get(..1).unwrap_or_default() } else { word };
    spans.push(Span::styled(format!("{word:<width$} ", width = columns.level), theme.level(row.level)));
    spans
}

/// A mark is a line of its own, across: `── x2k9f reconnected after 3.1 s, no gap`.
fn mark(pen: &mut Pen<'_>, place: Rect, row: &Row<'_>, several: bool) {
    let theme = pen.theme;
    let style = if row.level >= crate::domain::log::Level::Warn { theme.warn } else { theme.muted };
    let who = row.voice.map_or_else(String::new, |voice| format!("{} ", name(voice, several)));
    let text = format!("── {who}{} ", row.text);
    let rest = usize::from(place.width).saturating_sub(text.width());
    pen.line(place, Line::from(vec![Span::styled(text, style), Span::styled("─".repeat(rest), theme.faint)]));
}

/// Returns a line's text in rows of so many columns, what is searched for set off; not wrapped, the one row goes a
/// little beyond, so that it is seen to be cut.
fn broken<'l>(pen: &Pen<'_>, row: &Row<'_>, style: Style, width: usize) -> Vec<Vec<Span<'l>>> {
    let logs = &pen.model.logs;
    let found: Vec<_> = logs.searched().map(|search| search.ranges(&row.text).collect()).unwrap_or_default();
    let room = if logs.wraps() { width } else { width + 2 };
    let (mut rows, mut column, mut skip) = (vec![Vec::<Span<'l>>::new()], 0, logs.left());
    let mut run = String::new();
    let mut inside = false;
    let mut ahead = found.iter().peekable();
    let span = |run: &mut String, inside: bool| {
        let style = if inside { style.patch(pen.theme.matched) } else { style };
        Span::styled(std::mem::take(run), style)
    };
    for (at, sign) in row.text.grapheme_indices(true) {
        while ahead.next_if(|range| range.end <= at).is_some() {}
        let hit = ahead.peek().is_some_and(|range| range.contains(&at));
        let wide = sign.width();
        if skip > 0 {
            skip = skip.saturating_sub(wide);
            continue;
        }
        if column + wide > room {
            if !logs.wraps() || rows.len() == row.rows {
                break;
            }
            if let Some(last) = rows.last_mut() {
                last.push(span(&mut run, inside));
            }
            rows.push(Vec::new());
            column = 0;
        }
        if hit != inside {
            if let (Some(last), false) = (rows.last_mut(), run.is_empty()) {
                last.push(span(&mut run, inside));
            }
            inside = hit;
        }
        run.push_str(sign);
        column += wide;
    }
    if let (Some(last), false) = (rows.last_mut(), run.is_empty()) {
        last.push(span(&mut run, inside));
    }
    rows
}
