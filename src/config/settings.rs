//! The personal settings: the user's `settings.toml` over the embedded one, which holds every default and its comment.

use std::path::Path;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::document;
use super::error::{ConfigError, ConfigErrors};
use super::position::Source;

/// The defaults, as they are shipped.
pub const EMBEDDED: &str = include_str!("../../config/settings.toml");

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// Returns the word that a log filter takes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The settings that hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub log: LogLevel,
    /// In bytes.
    pub log_buffer: usize,
    /// The name of a theme; whether there is one is said where themes are loaded.
    pub theme: String,
    pub mouse: bool,
    pub ascii: bool,
    /// The zone shown beside UTC.
    pub time_zone: TimeZone,
    pub bell: bool,
    pub notify: bool,
    /// The kubeconfig context that is meant where a plan names none.
    pub context: Option<String>,
}

/// Personal settings. What is absent is as shipped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SettingsFile {
    /// What goes to the log file.
    log: Option<LogLevel>,
    /// How many MiB of log lines the console keeps.
    #[schemars(range(min = 1, max = 4096))]
    log_buffer: Option<u32>,
    /// The theme's name.
    #[schemars(example = &"dark")]
    theme: Option<String>,
    /// Whether the mouse is used.
    mouse: Option<bool>,
    /// Whether only ASCII is drawn.
    ascii: Option<bool>,
    /// The time zone shown beside UTC.
    #[schemars(with = "Option<String>", example = &"Europe/Berlin")]
    time_zone: Option<Spanned<String>>,
    /// Whether the bell rings.
    bell: Option<bool>,
    /// Whether the terminal is asked for a notification.
    notify: Option<bool>,
    /// The kubeconfig context that is meant where a plan names none.
    context: Option<String>,
}

impl SettingsFile {
    /// Lays these over others: what stands here wins.
    fn over(self, below: Self) -> Self {
        Self {
            log: self.log.or(below.log),
            log_buffer: self.log_buffer.or(below.log_buffer),
            theme: self.theme.or(below.theme),
            mouse: self.mouse.or(below.mouse),
            ascii: self.ascii.or(below.ascii),
            time_zone: self.time_zone.or(below.time_zone),
            bell: self.bell.or(below.bell),
            notify: self.notify.or(below.notify),
            context: self.context.or(below.context),
        }
    }

    fn settled(self) -> Option<Settings> {
        let time_zone = self.time_zone.map(Spanned::into_inner)?;
        Some(Settings {
            log: self.log?,
            log_buffer: usize::try_from(self.log_buffer?).ok()?.saturating_mul(1024 * 1024),
            theme: self.theme?,
            mouse: self.mouse?,
            ascii: self.ascii?,
            time_zone: zone(&time_zone)?,
            bell: self.bell?,
            notify: self.notify?,
            context: self.context,
        })
    }
}

/// Returns a zone by name. Names come from the bundled database too: a slim container has none.
fn zone(name: &str) -> Option<TimeZone> {
    if name == "system" { Some(TimeZone::system()) } else { TimeZone::get(name).ok() }
}

fn read(source: &Source, errors: &mut Vec<ConfigError>) -> Option<SettingsFile> {
    let file: SettingsFile = document::read(source, errors)?;
    if let Some(name) = &file.time_zone
        && zone(name.get_ref()).is_none()
    {
        let error = ConfigError::new(source.at(name.span()), format!("there is no time zone `{}`", name.get_ref()));
        errors.push(error.label("write \"system\" or a name as \"Europe/Berlin\""));
    }
    Some(file)
}

/// Lays the user's settings, given as a text, over the embedded ones.
///
/// # Errors
///
/// Everything that is wrong with the user's text.
pub fn parse(user: Option<&Source>) -> Result<Settings, ConfigErrors> {
    let mut errors = Vec::new();
    let embedded = read(&Source::new("config/settings.toml", EMBEDDED), &mut errors);
    let user = user.map(|source| read(source, &mut errors));
    let file = match (user, embedded) {
        (Some(Some(user)), Some(embedded)) => Some(user.over(embedded)),
        (None, embedded) => embedded,
        _ => None,
    };
    ConfigErrors(errors).or(file.and_then(SettingsFile::settled))
}

/// Reads the settings of a configuration directory. A directory without the file has the embedded ones.
///
/// # Errors
///
/// Everything that is wrong with the user's file.
pub fn load(config_dir: Option<&Path>) -> Result<Settings, ConfigErrors> {
    parse(super::user_file(config_dir, "settings.toml")?.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Result<Settings, ConfigErrors> {
        parse(Some(&Source::new("settings.toml", text)))
    }

    #[test]
    fn the_embedded_settings_hold_every_default() {
        let settings = parse(None).unwrap();
        assert_eq!((settings.log, settings.log_buffer, settings.theme.as_str()), (LogLevel::Info, 16 * 1024 * 1024, "dark"));
        assert!(settings.mouse && settings.bell && settings.notify && !settings.ascii);
        assert_eq!(settings.context, None);
    }

    #[test]
    fn every_key_is_in_the_embedded_file_with_its_comment() {
        let schema = document::schema_of::<SettingsFile>();
        for key in schema["properties"].as_object().unwrap().keys() {
            let at = EMBEDDED.lines().position(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = ")));
            let above = EMBEDDED.lines().nth(at.unwrap_or_else(|| panic!("{key} is not in config/settings.toml")) - 1).unwrap();
            assert!(above.starts_with("# "), "{key} has no comment");
        }
    }

    #[test]
    fn what_the_user_says_wins_and_the_rest_stays() {
        let settings = user("log-buffer = 64\ntime-zone = \"Europe/Berlin\"\nmouse = false\ncontext = \"lab\"").unwrap();
        assert_eq!((settings.log_buffer, settings.mouse, settings.bell), (64 * 1024 * 1024, false, true));
        assert_eq!(settings.time_zone.iana_name(), Some("Europe/Berlin"));
        assert_eq!(settings.context.as_deref(), Some("lab"));
    }

    #[test]
    fn mistakes_in_settings_are_shown_like_those_in_a_plan() {
        let shown =
            user("theem = 1\nlog = \"verbose\"\nlog-buffer = 0\ntime-zone = \"Mars/Base\"\nbell = \"yes\"").unwrap_err().to_string();
        for part in [
            "settings.toml:1:1: unknown key `theem`",
            "did you mean `theme`?",
            "settings.toml:2:7: `log` cannot be `verbose`",
            "expected one of: error, warn, info, debug, trace",
            "settings.toml:3:14: `log-buffer` is out of range",
            "from 1 to 4096",
            "settings.toml:4:13: there is no time zone `Mars/Base`",
            "settings.toml:5:8: `bell` is a string, where true or false is expected",
            "5 errors",
        ] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
    }
}
