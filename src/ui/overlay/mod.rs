//! What lies over the screen. One box at a time, the screen behind it veiled.

mod analyses;
mod choose;
mod confirm;
mod form;
mod help;
mod lists;
mod palette;
mod prompt;
mod release;
pub(super) mod too_small;
mod whole;

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget as _};

use super::pen::{Pen, centred};
use crate::app::model::dialog::Overlay;
use crate::domain::id::RolloutId;
use crate::domain::plan::Protection;

/// Draws the overlay that is open, if any.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect) {
    let Some(overlay) = &pen.model.overlay else { return };
    // A theme is picked by looking at the screen, a filter by looking at the deck; both stay clear.
    if !matches!(overlay, Overlay::Themes { .. } | Overlay::Prompt(_)) {
        pen.paint(area, pen.theme.veil);
    }
    match overlay {
        Overlay::Confirm(open) => confirm::draw(pen, area, open),
        Overlay::Prompt(open) => prompt::draw(pen, area, open),
        Overlay::RollBack(open) => choose::draw(pen, area, open),
        Overlay::Analyses(open) => analyses::draw(pen, area, open),
        Overlay::Form(open) => form::draw(pen, area, open),
        Overlay::Roles(open) => release::roles(pen, area, open),
        Overlay::Item { release, item, top } => release::item(pen, area, release, item, *top),
        Overlay::Whole(open) => whole::draw(pen, area, open),
        Overlay::Palette(open) => palette::draw(pen, area, open),
        Overlay::Help { top } => help::draw(pen, area, *top),
        Overlay::Notices(cursor) => lists::notices(pen, area, *cursor),
        Overlay::Themes { cursor, .. } => lists::themes(pen, area, *cursor),
    }
}

/// Clears a box in the middle and frames it; returns what is within.
fn open(pen: &mut Pen<'_>, area: Rect, size: (u16, u16), border: Style, title: Line<'_>, note: Line<'_>) -> Rect {
    open_at(pen, centred(area, size.0, size.1), border, title, note)
}

/// Clears a box and frames it; returns what is within.
fn open_at(pen: &mut Pen<'_>, place: Rect, border: Style, title: Line<'_>, note: Line<'_>) -> Rect {
    Clear.render(place, pen.cells);
    pen.paint(place, pen.theme.screen);
    pen.paint(place, pen.theme.overlay);
    pen.framed(place, pen.theme.overlay.patch(border), title, note)
}

/// Returns a title in the strong style.
fn title(pen: &Pen<'_>, text: &str) -> Line<'static> {
    Line::styled(format!(" {text} "), pen.theme.strong)
}

/// Returns the environment on its colour, with its protection.
fn band(pen: &Pen<'_>, id: &RolloutId) -> Vec<Span<'static>> {
    let theme = pen.theme;
    let environment = pen.model.environment(id);
    let style = environment.map_or(theme.band, |environment| theme.environment_band(environment.colour));
    let mut spans = vec![Span::styled(format!(" {} ", id.environment.as_str().to_uppercase()), style)];
    let word = match environment.map(|environment| environment.protection) {
        Some(Protection::Protected) => "  protected",
        Some(Protection::Guarded) => "  guarded",
        Some(Protection::Open) | None => "",
    };
    spans.push(Span::styled(word, theme.muted));
    spans
}
