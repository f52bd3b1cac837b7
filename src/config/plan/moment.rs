//! Lengths of time, moments and time zones, as a plan writes them.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use super::build::Build;
use crate::config::error::ConfigError;
use crate::config::similar::similar;

/// How a moment is written, for whoever wrote it another way.
const FORMS: &str = "as 2026-12-20, \"2026-12-20T18:00 Europe/Berlin\" or 2026-12-20T18:00:00+01:00";

/// A moment as it is written: a text, or one of TOML's own dates.
#[derive(Clone, Debug)]
pub(super) struct MomentFile(String);

impl<'de> Deserialize<'de> for MomentFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = MomentFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(MomentFile(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
                let date = toml::value::Datetime::deserialize(serde::de::value::MapAccessDeserializer::new(table))?;
                self.visit_str(&date.to_string())
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for MomentFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Editors take TOML's dates for strings of this format; a text in quotes is one as well.
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-12-20"] })
    }
}

/// Reads a length of time; nothing at all is one only where `zero` says so.
pub(super) fn length(build: &mut Build<'_>, given: Option<&Spanned<String>>, zero: bool) -> Option<SignedDuration> {
    let given = given?;
    let text = given.get_ref().trim();
    let (message, label) = match text.parse::<SignedDuration>() {
        Ok(length) if length.is_positive() || zero && length.is_zero() => return Some(length),
        Ok(_) => (format!("`{text}` is no length of time"), "it must be more than nothing".to_owned()),
        Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            (format!("`{text}` has no unit"), format!("\"{text}m\" for minutes, \"{text}h\" for hours"))
        }
        Err(_) => (format!("`{text}` is no length of time"), "as \"30m\", \"1h 30m\" or \"48h\"".to_owned()),
    };
    build.push(given.span(), message).label(label);
    None
}

/// Reads the name of a time zone.
pub(super) fn zone(build: &mut Build<'_>, name: &str, span: std::ops::Range<usize>) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    // Whoever writes a city alone means its zone.
    let city = known.iter().find(|zone| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name)));
    let near = city.map(String::as_str).or_else(|| similar(name, known.iter().map(String::as_str)));
    let error = ConfigError::new(build.source.at(span), format!("there is no time zone `{name}`"))
        .meant(near)
        .note("a name of the IANA time zone database, as Europe/Berlin or UTC");
    build.errors.push(error);
    None
}

/// Reads a moment. A date alone is its midnight; without a zone of its own it is in the plan's.
pub(super) fn moment(build: &mut Build<'_>, given: Option<&Spanned<MomentFile>>, plan: Option<&TimeZone>) -> Option<Timestamp> {
    let given = given?;
    let text = given.get_ref().0.trim();
    if let Ok(moment) = text.parse::<Zoned>() {
        return Some(moment.timestamp());
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let (clock, name) = match text.rsplit_once(' ') {
        Some((clock, name)) if name.starts_with(|first: char| first.is_ascii_alphabetic()) => (clock.trim_end(), Some(name)),
        _ => (text, None),
    };
    let Ok(clock) = clock.parse::<DateTime>() else {
        build.push(given.span(), format!("`{text}` is no date")).label(FORMS);
        return None;
    };
    let zone = match (name, plan) {
        (Some(name), _) => zone(build, name, given.span())?,
        (None, Some(zone)) => zone.clone(),
        (None, None) => {
            build.push(given.span(), format!("`{text}` is in no time zone")).label("put zone = \"Europe/Berlin\" at the top of the plan");
            return None;
        }
    };
    zone.to_ambiguous_zoned(clock).compatible().ok().map(|moment| moment.timestamp())
}
