//! When an environment may be changed: windows that come again and again, and freezes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::Actor;

/// A window that comes again: opens at each match of a cron expression, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub name: String,
    /// Five cron fields and the zone, as `cronexpr` reads them: `0 22 * * TUE Europe/Berlin`. Checked where the plan is read.
    pub opens: String,
    pub zone: TimeZone,
    pub lasts: SignedDuration,
}

/// A time in which nothing is begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    pub reason: String,
    pub by: Actor,
}

/// The windows and freezes of an environment. Without windows it is open whenever it is not frozen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    pub windows: Vec<Window>,
    pub freezes: Vec<Freeze>,
    /// Before a window's end, or a freeze's begin, nothing new is begun for so long.
    pub lead: SignedDuration,
    /// The zone that times are said in; none: the first window's.
    pub zone: Option<TimeZone>,
}

/// How an environment stands by its calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There are no windows and no freeze.
    Always,
    /// Open until then.
    Open {
        until: Timestamp,
        window: String,
    },
    /// Open until then, and too late to begin anything.
    Closing {
        until: Timestamp,
        window: String,
    },
    /// Shut; opens then, where that is known.
    Closed {
        opens: Option<Timestamp>,
        window: Option<String>,
    },
    Frozen {
        until: Timestamp,
        reason: String,
        by: Actor,
    },
}

impl Calendar {
    /// Returns how the environment stands now.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if let Some(freeze) = self.freezes.iter().filter(|freeze| freeze.from <= now && now < freeze.until).max_by_key(|f| f.until) {
            return Standing::Frozen { until: freeze.until, reason: freeze.reason.clone(), by: freeze.by.clone() };
        }
        let next_freeze = self.freezes.iter().map(|freeze| freeze.from).filter(|from| *from > now).min();
        if self.windows.is_empty() {
            return match next_freeze {
                Some(from) if from.duration_since(now) <= self.lead => Standing::Closing { until: from, window: "freeze".into() },
                _ => Standing::Always,
            };
        }
        let open = self.windows.iter().filter_map(|window| Some((window.open_until(now)?, window))).max_by_key(|(until, _)| *until);
        if let Some((until, window)) = open {
            let until = next_freeze.map_or(until, |from| until.min(from));
            let window = window.name.clone();
            return if until.duration_since(now) <= self.lead {
                Standing::Closing { until, window }
            } else {
                Standing::Open { until, window }
            };
        }
        let next = self.windows.iter().filter_map(|window| Some((window.next(now)?, window))).min_by_key(|(opens, _)| *opens);
        Standing::Closed { opens: next.as_ref().map(|(opens, _)| *opens), window: next.map(|(_, window)| window.name.clone()) }
    }

    /// Returns how it stands in one sentence: `opens Tue 22:00 Europe/Berlin, in 3 h 12 m`.
    pub fn sentence(&self, now: Timestamp) -> String {
        let zone = self.zone.clone().or_else(|| self.windows.first().map(|window| window.zone.clone())).unwrap_or(TimeZone::UTC);
        let name = zone.iana_name().unwrap_or("UTC").to_owned();
        let at = |time: Timestamp| format!("{} {name}", time.to_zoned(zone.clone()).strftime("%a %H:%M"));
        match self.standing(now) {
            Standing::Always => "open".into(),
            Standing::Open { until, .. } => format!("open until {}, {} left", at(until), span(until.duration_since(now))),
            Standing::Closing { until, .. } => {
                format!("closes {}, in {}: too late to begin", at(until), span(until.duration_since(now)))
            }
            Standing::Closed { opens: Some(opens), .. } => format!("opens {}, in {}", at(opens), span(opens.duration_since(now))),
            Standing::Closed { opens: None, .. } => "closed: no window opens again".into(),
            Standing::Frozen { until, reason, by } => format!("frozen until {} ({reason}, by {by})", at(until)),
        }
    }
}

impl Window {
    /// Returns when the opening that holds now ends.
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let opens = cronexpr::parse_crontab(&self.opens).ok()?;
        let begin = now.checked_sub(self.lasts).ok()?;
        let last = opens.iter_after(begin).ok()?.map_while(Result::ok).map(|at| at.timestamp()).take_while(|at| *at <= now).last()?;
        last.checked_add(self.lasts).ok().filter(|until| *until > now)
    }

    /// Returns when it opens next.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        Some(cronexpr::parse_crontab(&self.opens).ok()?.find_next(now).ok()?.timestamp())
    }
}

/// Says a length of time in its two largest units: `3 h 12 m`, `2 d 4 h`, `50 s`.
fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} m"),
        (0, hours, minutes) => format!("{hours} h {minutes} m"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
