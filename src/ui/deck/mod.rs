//! The deck: services down, environments across, and what happened of late below. Only the services in view cost anything.

mod cell;
mod gate;
mod lately;

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::format;
use super::pen::{Pen, bottom, inset, top};
use crate::app::regions::Hit;
use crate::domain::plan::{EngineKind, Environment, Protection, Service};

/// Columns below which an environment cannot be read.
const NARROW: u16 = 18;
/// Columns from which a cell says what it has in full.
const FULL: u16 = 32;
/// Columns above which an environment gains nothing.
const WIDE: u16 = 58;

/// How the columns lie.
struct Columns<'a> {
    service: Rect,
    environments: Vec<(usize, &'a Environment, Rect)>,
    /// Where there is room for it and it has something to say.
    gate: Option<Rect>,
    /// Environments that did not fit, before and after.
    hidden: (usize, usize),
}

/// Draws the deck.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let services = model.shown_services();
    let airy = area.height >= 30;
    let (_, area) = top(area, u16::from(airy));
    let columns = columns(pen, inset(area, 1), &services);
    let (heading, body) = top(area, if airy { 3 } else { 2 });
    headings(pen, heading, &columns, airy);
    if services.is_empty() {
        let text = if model.plan.services.is_empty() {
            "The plan names no services. Add one to it, or let `rolldeck init` write a plan of what the cluster runs."
        } else {
            "No service's name contains that. Esc clears the filter."
        };
        pen.lines(inset(body, 3), format::wrap(text, usize::from(body.width.saturating_sub(6))).into_iter().map(Line::from));
        return;
    }
    let rows = Rows::of(&services, body.height);
    let needed = services.iter().map(|service| usize::from(rows.height(service, false))).sum::<usize>() + 1;
    let spare = usize::from(body.height).saturating_sub(needed);
    // What happened of late gets what the services leave, from a size at which it says something.
    let (list, below) = if spare >= 4 { bottom(body, (spare as u16).min(body.height / 2)) } else { (body, Rect::ZERO) };
    draw_rows(pen, list, &columns, &services, rows);
    if below.height >= 4 {
        lately::draw(pen, below);
    }
}

/// How many lines a service takes.
#[derive(Clone, Copy)]
struct Rows {
    /// Lines of one workload: 1 or 2.
    lines: u16,
    /// Blank lines between services.
    gap: u16,
}

impl Rows {
    /// Takes the roomiest that shows every service, else the tightest.
    fn of(services: &[&Service], height: u16) -> Self {
        let fits =
            |rows: Self| services.iter().map(|service| usize::from(rows.height(service, false))).sum::<usize>() <= usize::from(height);
        [Self { lines: 2, gap: 2 }, Self { lines: 2, gap: 1 }, Self { lines: 2, gap: 0 }]
            .into_iter()
            .find(|rows| fits(*rows))
            .unwrap_or(Self { lines: 1, gap: 0 })
    }

    /// Returns the lines of a service; the one under the cursor always has both.
    fn height(self, service: &Service, selected: bool) -> u16 {
        let most = most_workloads(service);
        let lines = if most > 1 { most.min(6) as u16 } else { 1 };
        lines.max(if selected { 2 } else { self.lines }) + self.gap
    }
}

/// The most workloads that a service has in one environment.
fn most_workloads(service: &Service) -> usize {
    let of = |at: usize| {
        let here = service.workloads.get(at).map(|workload| &workload.id.environment);
        service.workloads.iter().filter(|workload| Some(&workload.id.environment) == here).count()
    };
    (0..service.workloads.len()).map(of).max().unwrap_or(0)
}

fn columns<'p>(pen: &Pen<'p>, area: Rect, services: &[&Service]) -> Columns<'p> {
    let model = pen.model;
    let longest = services.iter().map(|service| service.name.as_str().len()).max().unwrap_or(0) as u16;
    let first = if area.width < 100 { (longest + 3).clamp(12, 16) } else { (longest + 5).clamp(18, 28) };
    let service = Rect { x: area.x + 2, width: first.min(area.width.saturating_sub(2)), ..area };
    let all = model.plan.environments.len();
    let room = area.width.saturating_sub(first + 2);
    // No cell is made narrow for it: the cell has a mark then.
    let beside = room.saturating_sub(gate::WIDTH) / (all.max(1) as u16) >= FULL && gate::wanted(model);
    let room = if beside { room - gate::WIDTH } else { room };
    let shown = usize::from(room / NARROW).clamp(1, all.max(1));
    let width = (room / shown as u16).min(WIDE);
    // The environment under the cursor is always in view.
    let from = model.nav.deck.environment.min(all.saturating_sub(1)).saturating_sub(shown - 1);
    let environments = model
        .plan
        .environments
        .iter()
        .enumerate()
        .skip(from)
        .take(shown)
        .enumerate()
        .map(|(at, (number, environment))| (number, environment, Rect { x: service.right() + at as u16 * width, width, ..area }))
        .collect();
    let x = service.right() + width * shown as u16;
    let gate = beside.then(|| Rect { x, width: gate::WIDTH.min(area.right().saturating_sub(x)), ..area });
    Columns { service, environments, gate, hidden: (from, all.saturating_sub(from + shown)) }
}

fn headings(pen: &mut Pen<'_>, area: Rect, columns: &Columns<'_>, airy: bool) {
    let theme = pen.theme;
    let (names, rest) = top(area, 1);
    pen.line(
        Rect { x: columns.service.x, width: columns.service.width, ..names },
        Span::styled("SERVICE", theme.muted.add_modifier(Modifier::BOLD)),
    );
    for (number, environment, column) in &columns.environments {
        let here = *number == pen.model.nav.deck.environment;
        let style = theme.environment(environment.colour).add_modifier(Modifier::BOLD);
        let style = if here { style.add_modifier(Modifier::UNDERLINED) } else { style };
        let column = Rect { width: column.width.saturating_sub(2), ..*column };
        pen.line(Rect { x: column.x, width: column.width, ..names }, Span::styled(environment.name.to_string(), style));
        let mut spans = vec![Span::styled(place(environment), theme.faint)];
        if environment.protection == Protection::Protected {
            spans.push(Span::styled("  protected", theme.muted));
        }
        if airy {
            pen.line(Rect { x: column.x, width: column.width, height: 1, y: rest.y }, Line::from(spans));
        }
    }
    if let Some(column) = columns.gate {
        gate::heading(pen, Rect { x: column.x, width: column.width, height: names.height + u16::from(airy), ..names });
    }
    let (before, after) = columns.hidden;
    if before + after > 0 {
        let mark = |count: usize, left: bool| match (count, left) {
            (0, _) => String::new(),
            (count, true) => format!("‹ {count} more "),
            (count, false) => format!(" {count} more ›"),
        };
        let text = format!("{}{}", mark(before, true), mark(after, false));
        pen.line_right(inset(names, 1), Span::styled(text, theme.muted));
    }
    let rule = inset(Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, 1);
    pen.line(rule, Span::styled("─".repeat(rule.width.into()), theme.border));
}

/// Where an environment lives.
fn place(environment: &Environment) -> String {
    match (environment.engine, &environment.context) {
        (EngineKind::Simulated, _) => format!("simulated {}", environment.namespace),
        (EngineKind::Kubernetes, Some(context)) => format!("{context}/{}", environment.namespace),
        (EngineKind::Kubernetes, None) => environment.namespace.clone(),
    }
}

fn draw_rows(pen: &mut Pen<'_>, area: Rect, columns: &Columns<'_>, services: &[&Service], rows: Rows) {
    let deck = &pen.model.nav.deck;
    let at = deck.cursor.at.min(services.len().saturating_sub(1));
    let height = |number: usize| services.get(number).map_or(0, |service| rows.height(service, number == at));
    let mut from = deck.cursor.top.min(at);
    // Rows differ in height, so the last word on what is in view is spoken here.
    while from < at && (from..=at).map(|number| usize::from(height(number))).sum::<usize>() > usize::from(area.height) {
        from += 1;
    }
    let (mut rest, mut shown) = (area, 0);
    for (number, service) in services.iter().enumerate().skip(from) {
        let wanted = height(number);
        if rest.height == 0 || (wanted.saturating_sub(rows.gap) > rest.height && shown > 0) {
            break;
        }
        let (row, below) = top(rest, wanted);
        draw_service(pen, row, columns, service, number, rows);
        rest = below;
        shown += 1;
    }
    pen.regions.deck_rows = shown;
    let below = services.len().saturating_sub(from + shown);
    if below > 0 || from > 0 {
        let text = match (from, below) {
            (0, below) => format!("{below} more below"),
            (above, 0) => format!("{above} more above"),
            (above, below) => format!("{above} above, {below} below"),
        };
        let last = inset(Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, 1);
        let width = text.len() as u16 + 2;
        let place = Rect { x: last.right().saturating_sub(width), width: width.min(last.width), ..last };
        pen.line(place, Span::styled(format!(" {text} "), pen.theme.muted));
    }
}

fn draw_service(pen: &mut Pen<'_>, area: Rect, columns: &Columns<'_>, service: &Service, number: usize, rows: Rows) {
    let theme = pen.theme;
    let deck = &pen.model.nav.deck;
    let selected = deck.cursor.at == number;
    // With two lines between services, one of them is air within the selection.
    let (_, lines) = top(area, u16::from(rows.gap == 2));
    let lines = Rect { height: lines.height.saturating_sub(if rows.gap == 2 { 1 } else { rows.gap }), ..lines };
    let wide = inset(if rows.gap == 2 { area } else { lines }, 1);
    if selected {
        pen.paint(wide, theme.selection);
        for row in wide.rows() {
            pen.line(Rect { width: 1, ..row }, Span::styled("▌", theme.accent));
        }
    }
    let (name, below) = top(Rect { x: columns.service.x, width: columns.service.width.saturating_sub(1), ..lines }, 1);
    pen.line(name, Span::styled(service.name.to_string(), theme.strong));
    // A service may be a pair in one environment and plain in another: told is the one under the cursor's column.
    let here = pen.model.plan.environments.get(deck.environment).map(|environment| &environment.name);
    let workload = service.workloads.iter().find(|workload| Some(&workload.id.environment) == here).or(service.workloads.first());
    if let Some(workload) = workload {
        pen.line(below, Span::styled(workload.target.word(), theme.faint));
    }
    for (place, environment, column) in &columns.environments {
        let here = selected && *place == deck.environment;
        let area = Rect { x: column.x, width: column.width.saturating_sub(2), ..lines };
        if here {
            let mark = Rect { x: column.x.saturating_sub(2), width: 1, height: 1, ..lines };
            pen.line(mark, Span::styled("▶", theme.accent));
        }
        cell::draw(pen, area, service, environment, here, columns.gate.is_none());
        pen.hit(Rect { x: column.x, width: column.width, ..area }, Hit::Cell { service: number, environment: *place });
    }
    if let Some(column) = columns.gate {
        gate::draw(pen, Rect { x: column.x, width: column.width, ..lines }, service);
    }
}
