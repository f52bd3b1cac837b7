//! Drawing: a function of the model. No channel, no clock, no state of its own; what it laid out is what it returns.

pub mod format;

mod deck;
mod frame;
mod measure;
mod overlay;
mod pane;
mod pen;
mod release;
mod rollout;
mod standing;
mod window;
mod words;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::model::Model;
use crate::app::model::nav::Screen;
use crate::app::regions::Regions;
use crate::config::theme::{Glyphs, Theme};
use pen::{Pen, bottom, top};

/// Below this the screen says that it is too small.
const LEAST: (u16, u16) = (60, 16);

/// Draws the whole screen, and returns what it laid out.
pub fn draw(frame: &mut Frame<'_>, model: &mut Model, theme: &Theme) -> Regions {
    let area = frame.area();
    let mut regions = Regions::default();
    let cells = frame.buffer_mut();
    cells.set_style(area, theme.screen);
    let mut pen = Pen { cells, model, theme, regions: &mut regions };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        overlay::too_small::draw(&mut pen, area, LEAST);
    } else {
        screen(&mut pen, area);
    }
    if theme.glyphs == Glyphs::Ascii {
        for cell in &mut frame.buffer_mut().content {
            if let Some(plain) = theme.glyphs.cell(cell.symbol()) {
                cell.set_symbol(plain);
            }
        }
    }
    regions
}

fn screen(pen: &mut Pen<'_>, area: Rect) {
    let (head, rest) = top(area, 1);
    let (rest, foot) = bottom(rest, 1);
    let told = pen.model.notices.current(pen.model.now).is_some();
    let (above, mut notice) = bottom(rest, 1);
    // A notice lies over the last row, so that nothing jumps when it comes and goes; but the newest log line it must not
    // hide, nor the way back.
    let body = if told && matches!(pen.model.nav.screen(), Screen::Logs(_)) { above } else { rest };
    frame::head(pen, head);
    match pen.model.nav.screen() {
        Screen::Deck => deck::draw(pen, body),
        Screen::Rollout(id) => notice = rollout::draw(pen, body, id).unwrap_or(notice),
        Screen::Logs(id) => pane::logs::full(pen, body, id),
        Screen::Revisions(id) => pane::revisions::draw(pen, body, id),
        Screen::Timeline(about) => pane::timeline::draw(pen, body, about.as_ref()),
        Screen::Releases => release::list::draw(pen, body),
        Screen::Release(id) => release::draw(pen, body, id),
        Screen::Chronicle(id) => release::chronicle::draw(pen, body, id),
    }
    if told {
        frame::notice(pen, notice);
    }
    frame::foot(pen, foot);
    overlay::draw(pen, body);
}
