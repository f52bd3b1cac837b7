//! Times and lengths of time as a person types them, read and said the same way.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// Reads a time to come: `22:05`, `in 20m`, `2026-01-02 22:05`, or one with a zone of its own. A time of day that is over today is
/// tomorrow's.
///
/// # Errors
///
/// It is no time, or is over.
pub fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no time: 22:05, in 20m, 2026-01-02 22:05");
    let over = || "it is not in the future".to_owned();
    if let Some(ahead) = text.strip_prefix("in ") {
        return now.checked_add(length(ahead).map_err(|_| wrong())?).map_err(|_| wrong());
    }
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else if let Ok(at) = text.parse::<DateTime>().or_else(|_| text.replacen(' ', "T", 1).parse::<DateTime>()) {
        at.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp()
    } else {
        let clock: Time = text.parse().map_err(|_| wrong())?;
        let today = now.to_zoned(zone.clone()).date();
        let of_day = |day: jiff::civil::Date| Some(day.to_datetime(clock).to_zoned(zone.clone()).ok()?.timestamp());
        let today_at = of_day(today).ok_or_else(wrong)?;
        if today_at > now { today_at } else { today.checked_add(1.day()).ok().and_then(of_day).ok_or_else(wrong)? }
    };
    if at > now { Ok(at) } else { Err(over()) }
}

/// Reads a length of time: `40m`, `1h 30m`, `90 min`; a number alone is minutes.
///
/// # Errors
///
/// It is no length of time, or is none at all.
pub fn length(text: &str) -> Result<SignedDuration, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no length of time: 40m, 1h 30m");
    let length = match text.parse::<u32>() {
        Ok(minutes) => SignedDuration::from_mins(i64::from(minutes)),
        Err(_) => text.parse::<SignedDuration>().map_err(|_| wrong())?,
    };
    if length.is_positive() { Ok(length) } else { Err(wrong()) }
}

/// Says a length of time so that [`length`] reads it again: `1h 30m`.
pub fn said(length: SignedDuration) -> String {
    let minutes = length.as_mins();
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h {minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_the_zone_it_is_said_in() {
        let now: Timestamp = "2026-03-28T21:00:00Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, at) in [
            ("22:05", Some("2026-03-28T21:05:00Z")),
            // The clocks go forward that night: 21:30 there is an hour earlier for the rest of the world.
            ("21:30", Some("2026-03-29T19:30:00Z")),
            ("in 20m", Some("2026-03-28T21:20:00Z")),
            ("in 1h30m", Some("2026-03-28T22:30:00Z")),
            ("2026-03-30 08:00", Some("2026-03-30T06:00:00Z")),
            ("2026-03-30T08:00:00Z", Some("2026-03-30T08:00:00Z")),
            ("2026-03-01 08:00", None),
            ("in -20m", None),
            ("soon", None),
            ("25:00", None),
            ("", None),
        ] {
            let read = moment(text, now, &berlin).ok().map(|at| at.to_string());
            assert_eq!(read.as_deref(), at, "{text}");
        }
    }

    #[test]
    fn a_length_is_read_as_it_is_said() {
        for (text, minutes) in
            [("40m", Some(40)), ("90", Some(90)), ("1h 30m", Some(90)), ("2 h", Some(120)), ("0", None), ("-5m", None), ("long", None)]
        {
            assert_eq!(length(text).ok().map(|length| length.as_mins()), minutes, "{text}");
        }
        for minutes in [1, 40, 60, 90, 1_500] {
            let span = SignedDuration::from_mins(minutes);
            assert_eq!(length(&said(span)), Ok(span));
        }
    }
}
