//! Which characters the terminal can show, and what stands in for the others.

/// Which characters the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    #[default]
    Unicode,
    /// ASCII alone: every cell of a finished frame is put through [`Glyphs::cell`].
    Ascii,
}

impl Glyphs {
    /// Returns what stands in a cell instead of this symbol; none where it stays. A stand-in is one cell wide, so that
    /// nothing moves.
    pub fn cell(self, symbol: &str) -> Option<&'static str> {
        if self == Self::Unicode || symbol.is_ascii() {
            return None;
        }
        Some(match symbol {
            "✔" => "+",
            "✖" => "x",
            "●" => "*",
            "○" => "o",
            "◐" => "%",
            "◇" => "#",
            "▲" => "!",
            "▶" | "→" | "⇒" | "›" | "❯" => ">",
            "‹" | "←" => "<",
            "▼" | "↓" => "v",
            "↑" => "^",
            "↻" => "@",
            "‖" => "=",
            "━" => "#",
            "┄" | "─" | "╌" | "–" | "—" => "-",
            "│" | "┃" | "▌" | "▐" | "┆" | "┊" => "|",
            "╭" | "╮" | "╰" | "╯" | "├" | "└" | "┌" | "┐" | "┘" | "┬" | "┴" | "┤" | "┼" => "+",
            "·" | "•" => ".",
            "…" => "~",
            "“" | "”" => "\"",
            "‘" | "’" => "'",
            "×" => "x",
            "≥" => ">",
            "≤" => "<",
            "⏎" => "^",
            "▁" | "▂" => "_",
            "▃" | "▄" | "▅" => "=",
            "▆" | "▇" | "█" => "#",
            "ä" | "á" | "à" | "â" | "å" => "a",
            "é" | "è" | "ê" | "ë" => "e",
            "ö" | "ó" | "ò" | "ô" => "o",
            "ü" | "ú" | "ù" | "û" => "u",
            "\u{a0}" => " ",
            _ => "?",
        })
    }

    /// Returns a key's name as it is shown: where there is no arrow, its word.
    pub fn key(self, key: &str) -> &str {
        match (self, key) {
            (Self::Unicode, _) => key,
            (Self::Ascii, "⏎") => "enter",
            (Self::Ascii, "↑") => "up",
            (Self::Ascii, "↓") => "down",
            (Self::Ascii, "←") => "left",
            (Self::Ascii, "→") => "right",
            (Self::Ascii, _) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_leaves_no_other_character() {
        for symbol in ["✔", "✖", "●", "▲", "‖", "→", "┄", "━", "╭", "█", "漢", "é"] {
            assert!(Glyphs::Ascii.cell(symbol).is_some_and(str::is_ascii), "{symbol}");
            assert_eq!(Glyphs::Unicode.cell(symbol), None);
        }
        assert_eq!(Glyphs::Ascii.cell("a"), None);
    }
}
