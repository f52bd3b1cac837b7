//! How fast things go. `speed` divides every duration of the world and leaves the clock alone: at speed 10 a pause of five
//! minutes takes (and says) thirty seconds, while every timestamp on screen is the time at which the thing was seen.

use jiff::{SignedDuration, Timestamp};

use super::scenario::Timing;

/// The world's durations, already divided by the speed.
#[derive(Clone, Debug)]
pub struct Pace {
    pub speed: f64,
    pub timing: Timing,
}

impl Pace {
    /// Takes a scenario's timing at a speed; a speed that is no number above 0 counts as 1.
    pub fn new(timing: Timing, speed: f64) -> Self {
        Self { speed: if speed.is_finite() && speed > 0.0 { speed.clamp(0.01, 1000.0) } else { 1.0 }, timing }
    }

    /// Returns so many of the world's seconds in real time.
    pub fn seconds(&self, seconds: f64) -> SignedDuration {
        SignedDuration::try_from_secs_f64(seconds / self.speed).unwrap_or(SignedDuration::ZERO)
    }

    /// Returns a duration of a scenario in real time.
    pub fn scaled(&self, duration: SignedDuration) -> SignedDuration {
        self.seconds(duration.as_secs_f64())
    }

    /// Returns a time between two counts of seconds from now.
    pub fn between(&self, now: Timestamp, rng: &mut fastrand::Rng, range: [f64; 2]) -> Timestamp {
        later(now, self.seconds(range[0] + rng.f64() * (range[1] - range[0]).max(0.0)))
    }
}

/// Returns a time after another; the end of time where it would lie beyond.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
