//! Frames as a terminal would get them, to be looked at: `cargo test --test it screens::picture -- --ignored` writes one
//! file a screen, size and theme into `target/pictures`; `cat` shows it. `ROLLDECK_PICTURES=release` writes only the screens
//! whose names contain that.

use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use rolldeck::config::theme::Theme;

use super::{canaries, frame, frames, releases};

fn colour(colour: Color, ground: bool) -> String {
    let base = if ground { 40 } else { 30 };
    let named = |number: u8| if number < 8 { format!("{}", base + number) } else { format!("{}", base + 60 + number - 8) };
    match colour {
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Reset => format!("{}", base + 9),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
    }
}

fn ansi(cells: &Buffer) -> String {
    let mut text = String::from("\x1b[2J\x1b[?25l");
    for row in 0..cells.area.height {
        let _ = write!(text, "\x1b[{};1H", row + 1);
        for column in 0..cells.area.width {
            let cell = &cells[(column, row)];
            let _ = write!(text, "\x1b[0;{};{}", colour(cell.fg, false), colour(cell.bg, true));
            for (modifier, code) in
                [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7), (Modifier::CROSSED_OUT, 9)]
            {
                if cell.modifier.contains(modifier) {
                    let _ = write!(text, ";{code}");
                }
            }
            let _ = write!(text, "m{}", cell.symbol());
        }
    }
    text.push_str("\x1b[0m");
    text
}

#[test]
#[ignore = "writes files to look at"]
fn pictures() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&directory).unwrap();
    let plain = |name: &str| Theme::named(name).unwrap();
    let looks = [
        ("dark", plain("dark")),
        ("light", plain("light")),
        ("high-contrast", plain("high-contrast")),
        ("16", plain("16")),
        ("no-colour", plain("dark").without_colour()),
        ("ascii", plain("dark").ascii()),
    ];
    let wanted = std::env::var("ROLLDECK_PICTURES").unwrap_or_default();
    let decks = [("deck-canaries", canaries::deck as fn() -> _)];
    for (name, make) in frames::SCREENS
        .into_iter()
        .chain(canaries::SCREENS)
        .chain(releases::SCREENS)
        .chain(decks)
        .filter(|(name, _)| name.contains(&wanted))
    {
        for (columns, rows) in [(160, 45), (80, 24), (120, 40)] {
            for (look, theme) in &looks {
                let (cells, _) = frame(&mut make(), theme, columns, rows);
                std::fs::write(directory.join(format!("{name}-{columns}x{rows}-{look}")), ansi(&cells)).unwrap();
            }
        }
    }
}
