//! How the screen looks: semantic styles from TOML, embedded themes and the user's own, and the modes without colour
//! and without Unicode.
//!
//! A theme names meanings (`candidate`, `bad`), never places. A user's theme inherits from an embedded one, so it may
//! set a single style. Colour is never the only carrier of a meaning: a glyph or a word stands beside it.

mod glyphs;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::domain::log::Level;
use crate::domain::plan::Colour;

pub use glyphs::Glyphs;

/// The embedded themes, the default first.
const EMBEDDED: [(&str, &str); 4] = [
    ("dark", include_str!("../../config/themes/dark.toml")),
    ("light", include_str!("../../config/themes/light.toml")),
    ("high-contrast", include_str!("../../config/themes/high-contrast.toml")),
    ("16", include_str!("../../config/themes/16.toml")),
];

/// Declares the styles once: as fields of [`Theme`], as the keys of a theme file, and for walking over all of them.
macro_rules! styles {
    ($($(#[$doc:meta])* $field:ident $key:literal;)*) => {
        /// A whole look.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Theme {
            pub name: String,
            $($(#[$doc])* pub $field: Style,)*
            pub glyphs: Glyphs,
        }

        /// The `[styles]` table of a theme file.
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Rows {
            $(#[serde(rename = $key, default)] $field: Option<Row>,)*
        }

        impl Theme {
            /// Sets the styles that the file has.
            fn take(&mut self, rows: &Rows, palette: &BTreeMap<String, Color>) -> Result<(), String> {
                $(if let Some(row) = &rows.$field {
                    self.$field = row.style(palette).map_err(|why| format!("styles.{}: {why}", $key))?;
                })*
                Ok(())
            }

            fn plain() -> Self {
                Self { name: String::new(), $($field: Style::new(),)* glyphs: Glyphs::Unicode }
            }

            fn each(&mut self, mut change: impl FnMut(&mut Style)) {
                $(change(&mut self.$field);)*
            }
        }

        #[cfg(test)]
        const KEYS: &[&str] = &[$($key),*];
    };
}

styles! {
    /// Everything that has no other style.
    screen "screen";
    strong "strong";
    /// Beside what matters.
    muted "muted";
    /// What is off: greyed keys, stale data, steps to come.
    faint "faint";
    accent "accent";
    /// Top and bottom line.
    bar "bar";
    brand "brand";
    /// An environment's name in the top line; its ground is the environment's colour.
    band "band";
    border "border";
    border_focus "border-focus";
    /// Under the cursor; only a ground, so that meanings keep their colour.
    selection "selection";
    /// The revision that is being brought in.
    candidate "candidate";
    /// The revision that serves.
    stable "stable";
    /// It waits for a person.
    waiting "waiting";
    good "good";
    warn "warn";
    bad "bad";
    /// A key that works.
    key "key";
    added "added";
    removed "removed";
    /// The ground of a dialog.
    overlay "overlay";
    /// What lies behind a dialog.
    veil "veil";
    button "button";
    button_focus "button-focus";
    /// The focused button that changes something.
    button_danger "button-danger";
    /// Characters that match a search.
    matched "match";
    log_trace "log-trace";
    log_debug "log-debug";
    log_info "log-info";
    log_warn "log-warn";
    log_error "log-error";
    log_fatal "log-fatal";
    environment_green "environment-green";
    environment_blue "environment-blue";
    environment_cyan "environment-cyan";
    environment_yellow "environment-yellow";
    environment_orange "environment-orange";
    environment_magenta "environment-magenta";
    environment_red "environment-red";
    environment_grey "environment-grey";
}

/// Why a theme cannot be worn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("theme {file}: {message}")]
pub struct ThemeProblem {
    pub file: String,
    pub message: String,
}

/// A theme file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The embedded theme whose styles hold where this one sets none.
    #[serde(default)]
    inherits: Option<String>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    styles: Rows,
}

/// A style in a file: a colour, or a table.
#[derive(Debug, Default)]
struct Row {
    fg: Option<String>,
    bg: Option<String>,
    modifiers: Modifier,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    fg: Option<String>,
    #[serde(default)]
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    italic: bool,
    #[serde(default)]
    underlined: bool,
    #[serde(default)]
    reversed: bool,
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a colour, or a table like { fg = \"red\", bold = true }")
            }

            fn visit_str<E: de::Error>(self, colour: &str) -> Result<Row, E> {
                Ok(Row { fg: Some(colour.to_owned()), ..Row::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Row, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let mut modifiers = Modifier::empty();
                modifiers.set(Modifier::BOLD, table.bold);
                modifiers.set(Modifier::DIM, table.dim);
                modifiers.set(Modifier::ITALIC, table.italic);
                modifiers.set(Modifier::UNDERLINED, table.underlined);
                modifiers.set(Modifier::REVERSED, table.reversed);
                Ok(Row { fg: table.fg, bg: table.bg, modifiers })
            }
        }
        deserializer.deserialize_any(RowVisitor)
    }
}

impl Row {
    fn style(&self, palette: &BTreeMap<String, Color>) -> Result<Style, String> {
        let resolve = |name: &Option<String>| name.as_deref().map(|name| colour(name, palette)).transpose();
        Ok(Style { fg: resolve(&self.fg)?, bg: resolve(&self.bg)?, ..Style::new() }.add_modifier(self.modifiers))
    }
}

fn colour(name: &str, palette: &BTreeMap<String, Color>) -> Result<Color, String> {
    if let Some(colour) = palette.get(name) {
        return Ok(*colour);
    }
    Color::from_str(name).map_err(|_| {
        let similar = palette
            .keys()
            .map(|known| (strsim::jaro_winkler(name, known), known))
            .filter(|(score, _)| *score > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"));
        format!("`{name}` is no colour; write `#ff9e64`, `red`, `lightblue`, a number up to 255, or a name of [palette]{similar}")
    })
}

impl Theme {
    /// Returns the names of the embedded themes, the default first.
    pub fn names() -> [&'static str; 4] {
        EMBEDDED.map(|(name, _)| name)
    }

    /// Returns an embedded theme.
    pub fn named(name: &str) -> Option<Self> {
        let (name, text) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
        // A test parses every embedded file, so the error cannot come up here.
        Self::parse(name, &format!("{name}.toml"), text).ok()
    }

    /// Reads a theme from its text; `file` is named in the error.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with file and key.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, ThemeProblem> {
        let problem = |message: String| ThemeProblem { file: file.to_owned(), message };
        let read: File = toml::from_str(text).map_err(|error| problem(error.to_string().trim_end().to_owned()))?;
        let mut palette = BTreeMap::new();
        for (key, value) in &read.palette {
            let value = colour(value, &BTreeMap::new()).map_err(|why| problem(format!("palette.{key}: {why}")))?;
            palette.insert(key.clone(), value);
        }
        let default = EMBEDDED.first().map_or("", |(name, _)| *name);
        let mut theme = match (read.inherits.as_deref(), name) {
            // The default theme is where inheriting ends.
            (None, name) if name == default => Self::plain(),
            (inherits, _) => {
                let from = inherits.unwrap_or(default);
                Self::named(from)
                    .filter(|_| from != name)
                    .ok_or_else(|| problem(format!("inherits: no theme `{from}` is embedded; there are {}", Self::names().join(", "))))?
            }
        };
        name.clone_into(&mut theme.name);
        theme.take(&read.styles, &palette).map_err(problem)?;
        Ok(theme)
    }

    /// Reads a theme from a file; its name is the file's without `.toml`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, ThemeProblem> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ThemeProblem { file: file.clone(), message: error.to_string() })?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Self::parse(&name, &file, &text)
    }

    /// Returns the look without any colour: grounds become reversed, meanings keep their bold and underline.
    pub fn without_colour(mut self) -> Self {
        let ground = self.screen.bg;
        self.each(|style| {
            if style.bg.is_some() && style.bg != ground {
                *style = style.add_modifier(Modifier::REVERSED);
            }
            (style.fg, style.bg) = (None, None);
        });
        for style in [&mut self.bar, &mut self.overlay, &mut self.button, &mut self.veil] {
            *style = style.remove_modifier(Modifier::REVERSED);
        }
        self.faint = self.faint.add_modifier(Modifier::DIM);
        self.veil = self.veil.add_modifier(Modifier::DIM);
        self.border = self.border.add_modifier(Modifier::DIM);
        self.border_focus = self.border_focus.add_modifier(Modifier::BOLD);
        self.candidate = self.candidate.add_modifier(Modifier::BOLD);
        self.band = self.band.add_modifier(Modifier::REVERSED);
        self.button = self.button.add_modifier(Modifier::UNDERLINED);
        self
    }

    /// Returns the look in ASCII alone.
    pub fn ascii(mut self) -> Self {
        self.glyphs = Glyphs::Ascii;
        self
    }

    /// Returns the style of plain text, on whatever ground it stands.
    pub fn text(&self) -> Style {
        Style { bg: None, ..self.screen }
    }

    /// Returns an environment's colour as text.
    pub fn environment(&self, colour: Colour) -> Style {
        match colour {
            Colour::Green => self.environment_green,
            Colour::Blue => self.environment_blue,
            Colour::Cyan => self.environment_cyan,
            Colour::Yellow => self.environment_yellow,
            Colour::Orange => self.environment_orange,
            Colour::Magenta => self.environment_magenta,
            Colour::Red => self.environment_red,
            Colour::Grey => self.environment_grey,
        }
    }

    /// Returns an environment's band: its name on its colour.
    pub fn environment_band(&self, colour: Colour) -> Style {
        Style { bg: self.environment(colour).fg.or(self.band.bg), ..self.band }
    }

    /// Returns the style of a log level.
    pub fn level(&self, level: Level) -> Style {
        match level {
            Level::Trace => self.log_trace,
            Level::Debug => self.log_debug,
            Level::Info => self.log_info,
            Level::Warn => self.log_warn,
            Level::Error => self.log_error,
            Level::Fatal => self.log_fatal,
        }
    }
}

/// Every theme that can be picked: the embedded ones, then the user's, in one mode.
#[derive(Clone, Debug)]
pub struct Themes {
    list: Vec<Theme>,
}

impl Themes {
    /// Loads the embedded themes and those of a directory (`*.toml`; it need not exist). A user's theme of an embedded
    /// name takes its place. What is wrong with a file is returned, and the other themes stay.
    pub fn load(directory: Option<&Path>, colour: bool, unicode: bool) -> (Self, Vec<ThemeProblem>) {
        let mut list: Vec<Theme> = Theme::names().into_iter().filter_map(Theme::named).collect();
        let mut problems = Vec::new();
        for path in directory.map(files).unwrap_or_default() {
            match Theme::read(&path) {
                Ok(theme) => match list.iter_mut().find(|known| known.name == theme.name) {
                    Some(known) => *known = theme,
                    None => list.push(theme),
                },
                Err(problem) => problems.push(problem),
            }
        }
        let mode = |theme: Theme| {
            let theme = if colour { theme } else { theme.without_colour() };
            if unicode { theme } else { theme.ascii() }
        };
        (Self { list: list.into_iter().map(mode).collect() }, problems)
    }

    /// Returns the names, the default first.
    pub fn names(&self) -> Vec<String> {
        self.list.iter().map(|theme| theme.name.clone()).collect()
    }

    /// Returns a theme, or the default where there is none of that name.
    pub fn get(&self, name: &str) -> Option<&Theme> {
        self.list.iter().find(|theme| theme.name == name).or(self.list.first())
    }
}

/// Returns the theme files of a directory by name. One that is not there holds none.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_theme_sets_every_style() {
        for (name, text) in EMBEDDED {
            assert_eq!(Theme::parse(name, name, text).unwrap().name, name);
            for key in KEYS {
                assert!(text.contains(&format!("\n{key} = ")), "{name}.toml lacks {key}");
            }
        }
    }

    #[test]
    fn sixteen_colours_are_the_terminals_own() {
        let mut theme = Theme::named("16").unwrap();
        theme.each(|style| {
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{colour:?}");
            }
        });
    }

    #[test]
    fn a_theme_without_colour_has_none_and_still_shows_the_selection() {
        for name in Theme::names() {
            let mut theme = Theme::named(name).unwrap().without_colour();
            theme.each(|style| assert_eq!((style.fg, style.bg), (None, None)));
            assert!(theme.selection.add_modifier.contains(Modifier::REVERSED), "{name}");
            assert!(theme.environment_band(Colour::Red).add_modifier.contains(Modifier::REVERSED), "{name}");
        }
    }

    #[test]
    fn a_users_theme_inherits_what_it_does_not_set() {
        let theme =
            Theme::parse("mine", "mine.toml", "inherits = \"light\"\n[palette]\nrose = \"#ff0088\"\n[styles]\nbad = \"rose\"").unwrap();
        assert_eq!(theme.bad.fg, Some(Color::Rgb(0xff, 0, 0x88)));
        assert_eq!(theme.good, Theme::named("light").unwrap().good);
        assert_eq!(theme.name, "mine");
    }

    #[test]
    fn what_is_wrong_in_a_theme_is_named_with_file_and_key() {
        for (text, words) in [
            ("[styles]\nbda = \"red\"", ["mine.toml", "bda"]),
            ("[styles]\nbad = \"ornge\"\n[palette]\norange = \"#ff9e64\"", ["styles.bad", "did you mean `orange`"]),
            ("[styles]\nbad = { fg = \"red\", blod = true }", ["mine.toml", "blod"]),
            ("[palette]\nrose = \"#ff008\"", ["palette.rose", "#ff008"]),
            ("inherits = \"dusk\"", ["inherits", "high-contrast"]),
            ("[styles]\nbad = 3", ["line 2", "a colour, or a table"]),
        ] {
            let problem = Theme::parse("mine", "mine.toml", text).unwrap_err().to_string();
            for word in words {
                assert!(problem.contains(word), "{text}: {problem}");
            }
        }
    }
}
