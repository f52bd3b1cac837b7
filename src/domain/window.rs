//! When an environment may be changed: windows that come again and again, and freezes.
//!
//! A window opens by the wall clock of its zone and lasts for a time that really passes. Where the clock is put forward over
//! the moment at which it opens, it opens by as much later (02:30 becomes 03:30); where it is put back, it opens the first
//! time only. A window of every hour (`0 * * * *`) goes by the time that passes instead. These are the rules of Vixie's cron.

use std::fmt;

use cronexpr::{Crontab, MakeTimestamp};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::Actor;

/// No zone ever moved its clock by more: Samoa left a whole day out in 2011.
const WIDEST_SHIFT: SignedDuration = SignedDuration::from_hours(25);
/// What is open for longer than this is taken as open for good, so that asking stays cheap.
const FOR_GOOD: SignedDuration = SignedDuration::from_hours(24 * 32);
/// How many openings that follow one another without a gap are looked at for the same reason.
const LINKS: usize = 256;

/// The moments at which a window opens: five cron fields, read in a zone.
#[derive(Clone)]
pub struct Opens {
    text: String,
    zone: TimeZone,
    /// Of the wall clock, written as if it were UTC; of real time where `hourly`.
    cron: Crontab,
    /// The hours are `*` or `*/n`.
    hourly: bool,
}

/// Why five fields are no cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCron {
    /// The byte of the text that is meant.
    pub at: usize,
    pub reason: String,
}

impl fmt::Display for NoCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Opens {
    /// Reads five cron fields.
    ///
    /// # Errors
    ///
    /// Where and why they cannot be read.
    pub fn parse(fields: &str, zone: TimeZone) -> Result<Self, NoCron> {
        let hourly = fields.split_ascii_whitespace().nth(1).is_some_and(|hours| hours.starts_with('*'));
        let read_in = if hourly { zone.iana_name().unwrap_or("UTC") } else { "UTC" };
        let cron = cronexpr::parse_crontab(&format!("{} {read_in}", fields.trim_end())).map_err(|error| no_cron(&error.to_string()))?;
        Ok(Self { text: fields.split_ascii_whitespace().collect::<Vec<_>>().join(" "), zone, cron, hourly })
    }

    /// Returns the fields as they were written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the zone whose clock it goes by.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the first moment after this one.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.hourly {
            return self.step(now);
        }
        let mut clock = self.clock(now.checked_sub(self.shift(now, now)).ok()?)?;
        loop {
            clock = self.step(clock)?;
            let mut first = self.real(clock)?;
            if first <= now {
                continue;
            }
            // Moved over a gap: what the clock says after the gap may come before it.
            while let Some(next) = self.step(clock).filter(|next| self.clock(first).is_some_and(|moved| *next < moved)) {
                clock = next;
                first = Some(self.real(clock)?).filter(|real| *real > now).map_or(first, |real| real.min(first));
            }
            return Some(first);
        }
    }

    /// Returns the latest moment in `(after, now]`.
    fn last(&self, after: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let shift = self.shift(after, now);
        let (mut clock, end) = if self.hourly {
            (after, now)
        } else {
            (self.clock(after.checked_sub(shift).ok()?)?, self.clock(now.checked_add(shift).ok()?)?)
        };
        let mut latest = None;
        while let Some(next) = self.step(clock).filter(|next| *next <= end) {
            clock = next;
            let real = if self.hourly { next } else { self.real(next)? };
            latest = latest.max(Some(real).filter(|real| *real > after && *real <= now));
        }
        latest
    }

    /// Returns how far the clock may have been moved near these moments: nothing on all but a few days of a year.
    fn shift(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        let ends = from.checked_sub(WIDEST_SHIFT).ok().zip(to.checked_add(WIDEST_SHIFT).ok());
        let same = ends.is_some_and(|(from, to)| self.zone.to_offset(from) == self.zone.to_offset(to));
        if same { SignedDuration::ZERO } else { WIDEST_SHIFT }
    }

    fn step(&self, from: Timestamp) -> Option<Timestamp> {
        Some(self.cron.find_next(MakeTimestamp(from)).ok()?.timestamp())
    }

    /// The wall clock at a moment, as if it were UTC.
    fn clock(&self, at: Timestamp) -> Option<Timestamp> {
        Some(TimeZone::UTC.to_zoned(self.zone.to_datetime(at)).ok()?.timestamp())
    }

    /// The moment at which the wall clock says so, the first where it says so twice.
    fn real(&self, clock: Timestamp) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(TimeZone::UTC.to_datetime(clock)).compatible().ok()
    }
}

impl fmt::Debug for Opens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, zone_name(&self.zone))
    }
}

impl PartialEq for Opens {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Eq for Opens {}

/// Takes the place and the reason out of what `cronexpr` says: `heading`, the text, a caret and the reason.
fn no_cron(said: &str) -> NoCron {
    let last = said.lines().last().unwrap_or_default();
    match last.split_once("^ ") {
        Some((before, reason)) => NoCron { at: before.len(), reason: reason.to_owned() },
        None => NoCron { at: 0, reason: last.to_owned() },
    }
}

/// A window that comes again: opens at each of those moments, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub name: String,
    pub opens: Opens,
    pub lasts: SignedDuration,
}

impl Window {
    /// Returns when the opening that holds now ends.
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let began = self.opens.last(now.checked_sub(self.lasts).ok()?, now)?;
        began.checked_add(self.lasts).ok()
    }

    /// Returns when it opens next.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.opens.next(now)
    }
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
    /// Nothing shuts it, as far as is known.
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
        if let Some(freeze) = self.freeze(now) {
            let until = self.thawed(now);
            return Standing::Frozen { until, reason: freeze.reason.clone(), by: freeze.by.clone() };
        }
        let Some(open) = self.open(now) else {
            let next = self.next_opening(now);
            return Standing::Closed { opens: next.map(|(opens, _)| opens), window: next.map(|(_, window)| window.name.clone()) };
        };
        match (open, self.next_freeze(now)) {
            (Open::Always, Some(from)) if from.duration_since(now) <= self.lead => {
                Standing::Closing { until: from, window: "freeze".into() }
            }
            (Open::Always, _) => Standing::Always,
            (Open::Until(until, window), freeze) => {
                let until = freeze.map_or(until, |from| until.min(from));
                let window = window.name.clone();
                if until.duration_since(now) <= self.lead { Standing::Closing { until, window } } else { Standing::Open { until, window } }
            }
        }
    }

    /// Returns the next moment at which it stands otherwise than now; until then only the countdown moves.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let leading = |until: Timestamp| until.checked_sub(self.lead).ok().filter(|at| *at > now).unwrap_or(until);
        match self.standing(now) {
            Standing::Always => self.next_freeze(now).map(leading),
            Standing::Open { until, .. } => Some(leading(until)),
            Standing::Closing { until, .. } | Standing::Frozen { until, .. } => Some(until),
            Standing::Closed { opens, .. } => opens.into_iter().chain(self.next_freeze(now)).min(),
        }
    }

    /// Returns how it stands in one sentence: `opens Tue 22:00 Europe/Berlin, in 3 h 12 m`, `open, 01:42 left`.
    pub fn sentence(&self, now: Timestamp) -> String {
        let zone = self.zone.clone().or_else(|| self.windows.first().map(|window| window.opens.zone.clone())).unwrap_or(TimeZone::UTC);
        let at = |time: Timestamp| said(time, now, &zone);
        match self.standing(now) {
            Standing::Always => "open".into(),
            Standing::Open { until, .. } => format!("open, {} left", countdown(until.duration_since(now))),
            Standing::Closing { until, .. } => {
                format!("closes {}, in {}: too late to begin", at(until), span(until.duration_since(now)))
            }
            Standing::Closed { opens: Some(opens), .. } => format!("opens {}, in {}", at(opens), span(opens.duration_since(now))),
            Standing::Closed { opens: None, .. } => "closed: no window opens again".into(),
            Standing::Frozen { until, reason, by } => format!("frozen until {} ({reason}, by {by})", at(until)),
        }
    }

    /// The freeze that holds: the longest of several.
    fn freeze(&self, now: Timestamp) -> Option<&Freeze> {
        self.freezes.iter().filter(|freeze| freeze.from <= now && now < freeze.until).max_by_key(|freeze| freeze.until)
    }

    fn next_freeze(&self, now: Timestamp) -> Option<Timestamp> {
        self.freezes.iter().map(|freeze| freeze.from).filter(|from| *from > now).min()
    }

    /// The first moment that no freeze holds: they may follow one another.
    fn thawed(&self, mut at: Timestamp) -> Timestamp {
        while let Some(freeze) = self.freeze(at) {
            at = freeze.until;
        }
        at
    }

    /// Whether a window is open, and until when, through those that follow it without a gap. Freezes aside.
    fn open(&self, now: Timestamp) -> Option<Open<'_>> {
        if self.windows.is_empty() {
            return Some(Open::Always);
        }
        let covering = |at: Timestamp| {
            let open = self.windows.iter().filter_map(|window| Some((window.open_until(at)?, window)));
            open.max_by_key(|(until, _)| *until)
        };
        let (mut until, mut window) = covering(now)?;
        for _ in 0..LINKS {
            match covering(until) {
                None => return Some(Open::Until(until, window)),
                Some(_) if until.duration_since(now) > FOR_GOOD => break,
                Some(next) => (until, window) = next,
            }
        }
        Some(Open::Always)
    }

    /// The first moment at which a window is open and no freeze holds, and the window.
    fn next_opening(&self, now: Timestamp) -> Option<(Timestamp, &Window)> {
        let mut from = now;
        for _ in 0..LINKS {
            let next = self.windows.iter().filter_map(|window| Some((window.next(from)?, window)));
            let (opens, window) = next.min_by_key(|(opens, _)| *opens)?;
            if self.freeze(opens).is_none() {
                return Some((opens, window));
            }
            from = self.thawed(opens);
            if let Some(window) = self.windows.iter().find(|window| window.open_until(from).is_some()) {
                return Some((from, window));
            }
        }
        None
    }
}

/// How long the windows keep open.
#[derive(Clone, Copy)]
enum Open<'a> {
    Always,
    /// Until then, by the window that is the last.
    Until(Timestamp, &'a Window),
}

/// Says a moment as a person would: the day alone within the week, with its date beyond.
fn said(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let days = time.duration_since(now).as_hours().abs() / 24;
    let form = match days {
        ..6 => "%a %H:%M",
        6..180 => "%a %-d %b %H:%M",
        _ => "%a %-d %b %Y %H:%M",
    };
    format!("{} {}", time.to_zoned(zone.clone()).strftime(form), zone_name(zone))
}

/// Returns a zone as a person names it: `Europe/Berlin`, `+02:00`.
pub fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().map_or_else(|| Timestamp::UNIX_EPOCH.to_zoned(zone.clone()).strftime("%:z").to_string(), str::to_owned)
}

/// Says what is left as a clock that runs down: `01:42`, and as [`span`] where that says more.
fn countdown(left: SignedDuration) -> String {
    let seconds = left.as_secs().max(0);
    if (60..86_400).contains(&seconds) { format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60) } else { span(left) }
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
