//! How an environment's window stands, in the words and the colour of the top line, the release's screen and the deck.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::style::{Modifier, Style};

use super::format;
use crate::config::theme::Theme;
use crate::domain::release::policy::Policy;
use crate::domain::window::{Calendar, Standing};

/// Returns the words and the style of a standing; none where neither windows nor freezes bind. `short`: where columns are few.
pub(super) fn told(theme: &Theme, standing: &Standing, zone: &TimeZone, now: Timestamp, short: bool) -> Option<(String, Style)> {
    let left = |at: Timestamp| format::age(at.duration_since(now));
    Some(match standing {
        Standing::Always => return None,
        Standing::Open { until, .. } if short => (format!("open {}", left(*until)), theme.good),
        Standing::Open { until, .. } => (format!("open, {} left", left(*until)), theme.good),
        Standing::Closing { until, .. } if short => (format!("closes in {}", left(*until)), theme.waiting),
        Standing::Closing { until, .. } => (format!("closes in {}, too late to begin", left(*until)), theme.waiting),
        Standing::Closed { opens: None, .. } => ("closed".to_owned(), theme.waiting),
        Standing::Closed { opens: Some(opens), .. } if short => (format!("opens in {}", left(*opens)), theme.waiting),
        Standing::Closed { opens: Some(opens), .. } => (format!("opens {}, in {}", moment(*opens, now, zone), left(*opens)), theme.waiting),
        Standing::Frozen { until, .. } if short => (format!("FROZEN {}", left(*until)), theme.bad),
        Standing::Frozen { until, .. } => (format!("FROZEN until {}", moment(*until, now, zone)), theme.bad.add_modifier(Modifier::BOLD)),
    })
}

/// Returns a time that may be days away: `22:00`, `Tue 22:00`, `12 Jan 22:00`.
pub(super) fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let days = (then.date() - today.date()).get_days();
    let form = match days {
        0 => "%H:%M",
        -6..=6 => "%a %H:%M",
        _ => "%-d %b %H:%M",
    };
    then.strftime(form).to_string()
}

/// Returns the zone that an environment's times are said in.
pub(super) fn zone(calendar: &Calendar) -> TimeZone {
    let of_window = || calendar.windows.first().map(|window| window.opens.zone().clone());
    calendar.zone.clone().or_else(of_window).unwrap_or(TimeZone::UTC)
}

/// Returns whether the rules of an environment bind anything by time.
pub(super) fn binds(policy: &Policy) -> bool {
    !(policy.calendar.windows.is_empty() && policy.calendar.freezes.is_empty())
}
