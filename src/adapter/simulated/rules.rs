//! The rules of the demo's environments: the booking system's, written as a plan, with the windows and freezes of a scenario.
//!
//! A scenario is opened at any hour: its windows are said from that moment on (`from = "-18m"`), and made into a daily one.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::former::Former;
use super::people::Habit;
use super::scenario::ScenarioError;
use crate::config::plan as written;
use crate::config::position::Source;
use crate::domain::id::Actor;
use crate::domain::plan::Plan;
use crate::domain::release::policy::{Need, OnClose, Policy};
use crate::domain::window::{Freeze, Opens, Window};

/// The rules, as a plan has them.
const BOOKING: &str = include_str!("../../../assets/scenarios/rules/booking.toml");

/// Where releases are made with care.
pub const PRODUCTION: &str = "production";

/// What a scenario says of releases in production.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Gate {
    /// A new version goes out by a release alone.
    required: bool,
    on_close: OnClose,
    /// Nothing is begun in so much time before the window ends.
    lead: SignedDuration,
    window: Option<Span>,
    freeze: Option<Ban>,
    /// Who else works there; none: the usual people.
    pub colleague: Option<Vec<Habit>>,
    /// Releases that were made before.
    pub release: Vec<Former>,
}

/// A time around the moment at which the scenario is opened.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    from: SignedDuration,
    until: SignedDuration,
}

/// A freeze.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    from: SignedDuration,
    until: SignedDuration,
    reason: String,
    by: Actor,
}

impl Gate {
    /// Puts the rules into the plan of the booking system.
    ///
    /// # Errors
    ///
    /// The embedded rules are wrong.
    pub fn rule(&self, plan: &mut Plan, now: Timestamp) -> Result<(), ScenarioError> {
        let wrong = |why: String| ScenarioError::Rules { why };
        let source = Source::new("rules/booking.toml", BOOKING);
        let rules = written::parse(&source, "demo").map_err(|errors| wrong(errors.to_string()))?.plan;
        for environment in &mut plan.environments {
            let Some(ruled) = rules.environment(&environment.name) else { continue };
            let mut policy = Policy::clone(&ruled.policy);
            if environment.name.as_str() == PRODUCTION {
                self.apply(&mut policy, now).map_err(wrong)?;
            }
            environment.policy = Arc::new(policy.sealed());
        }
        Ok(())
    }

    fn apply(&self, policy: &mut Policy, now: Timestamp) -> Result<(), String> {
        policy.need = if self.required { Need::Required } else { Need::Optional };
        policy.on_close = self.on_close;
        policy.calendar.lead = self.lead;
        if let Some(span) = self.window {
            let zone = policy.calendar.zone.clone().unwrap_or(TimeZone::UTC);
            // Cron knows no seconds: it opens with the minute, and lasts until what was said.
            let opened = now.saturating_add(span.from).map_err(|error| error.to_string())?;
            let clock = opened.to_zoned(zone.clone());
            let ends = now.saturating_add(span.until).map_err(|error| error.to_string())?;
            let lasts = ends.duration_since(opened) + SignedDuration::from_secs(i64::from(clock.second()));
            let opens = Opens::parse(&format!("{} {} * * *", clock.minute(), clock.hour()), zone).map_err(|error| error.to_string())?;
            policy.calendar.windows.push(Window { name: "evening".into(), opens, lasts });
        }
        if let Some(Ban { from, until, reason, by }) = &self.freeze {
            let at = |offset: SignedDuration| now.saturating_add(offset).map_err(|error| error.to_string());
            policy.calendar.freezes.push(Freeze { from: at(*from)?, until: at(*until)?, reason: reason.clone(), by: by.clone() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::simulated::scenario::Scenario;
    use crate::domain::window::Standing;

    fn policy(scenario: &str, now: Timestamp) -> Arc<Policy> {
        let plan = Scenario::load(scenario).unwrap().plan(now).unwrap();
        plan.environment(&PRODUCTION.into()).unwrap().policy.clone()
    }

    #[test]
    fn windows_and_freezes_stand_as_the_scenario_says_at_whatever_hour_it_is_opened() {
        // Midday, before and after midnight, and the nights on which Berlin's clock is moved.
        for now in ["2026-06-10T10:00:00Z", "2026-06-10T21:59:31Z", "2026-06-10T22:05:00Z", "2026-03-29T00:30:59Z", "2026-10-25T00:59:01Z"]
        {
            let now: Timestamp = now.parse().unwrap();
            let in_a_minute = now + SignedDuration::from_secs(80);
            let stands = |scenario, at| policy(scenario, now).calendar.standing(at);
            assert!(matches!(stands("release", now), Standing::Open { .. }), "{now}");
            assert!(matches!(stands("release-window", now), Standing::Open { .. }), "{now}");
            assert!(matches!(stands("release-window", in_a_minute), Standing::Closing { .. }), "{now}");
            assert!(matches!(stands("release-window", in_a_minute + SignedDuration::from_secs(20)), Standing::Closed { .. }), "{now}");
            assert!(matches!(stands("release-freeze", now), Standing::Frozen { .. }), "{now}");
            let Standing::Closed { opens: Some(opens), .. } = stands("release-emergency", now) else { panic!("{now}") };
            assert!(opens.duration_since(now) <= SignedDuration::from_hours(5), "{now}: {opens}");
        }
    }

    #[test]
    fn a_release_is_needed_where_the_scenario_says_so_alone() {
        for (scenario, need) in [("calm", Need::Optional), ("trouble", Need::Optional), ("release", Need::Required)] {
            let policy = policy(scenario, Timestamp::UNIX_EPOCH);
            assert_eq!(policy.need, need, "{scenario}");
            assert!(policy.items.len() > 30 && !policy.fingerprint.is_empty(), "{scenario}");
        }
    }
}
