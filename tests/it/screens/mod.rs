//! What stands on screen: whole frames, compared as text, in every size, mode and trouble.

mod canaries;
mod chronicle;
mod fixture;
mod frames;
mod picture;
mod releases;
mod robust;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use rolldeck::app::model::Model;
use rolldeck::app::regions::Regions;
use rolldeck::config::theme::Theme;
use rolldeck::ui;

/// Draws a frame.
fn frame(model: &mut Model, theme: &Theme, columns: u16, rows: u16) -> (Buffer, Regions) {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut regions = Regions::default();
    // Twice, as the console does: what fits is known from the frame before.
    for _ in 0..2 {
        terminal.draw(|frame| regions = ui::draw(frame, model, theme)).unwrap();
        model.regions = regions.clone();
    }
    (terminal.backend().buffer().clone(), regions)
}

/// Returns the characters of a frame, line by line.
fn text(cells: &Buffer) -> String {
    let mut lines: Vec<String> = Vec::new();
    for row in 0..cells.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for column in 0..cells.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = cells[(column, row)].symbol();
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Returns a frame's text in the dark theme.
fn shown(model: &mut Model, columns: u16, rows: u16) -> String {
    text(&frame(model, &Theme::named("dark").unwrap(), columns, rows).0)
}
