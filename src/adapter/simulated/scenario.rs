//! What a simulated cluster starts from and what happens to it: TOML, one file a scenario, embedded.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::fault::Fate;
use super::fleet::Fleet;
use super::rules::Gate;
use crate::domain::plan::Plan;

/// The scenarios by name, as `--scenario` takes them.
const FILES: [(&str, &str); 12] = [
    ("calm", include_str!("../../../assets/scenarios/calm.toml")),
    ("canary", include_str!("../../../assets/scenarios/canary.toml")),
    ("release", include_str!("../../../assets/scenarios/release.toml")),
    ("release-window", include_str!("../../../assets/scenarios/release-window.toml")),
    ("release-freeze", include_str!("../../../assets/scenarios/release-freeze.toml")),
    ("release-emergency", include_str!("../../../assets/scenarios/release-emergency.toml")),
    ("trouble", include_str!("../../../assets/scenarios/trouble.toml")),
    ("flaky-link", include_str!("../../../assets/scenarios/flaky-link.toml")),
    ("second-operator", include_str!("../../../assets/scenarios/second-operator.toml")),
    ("flood", include_str!("../../../assets/scenarios/flood.toml")),
    ("quiet", include_str!("../../../assets/scenarios/quiet.toml")),
    ("crowd", include_str!("../../../assets/scenarios/crowd.toml")),
];

/// The fleet that most scenarios start from.
const BOOKING: &str = include_str!("../../../assets/scenarios/fleet/booking.toml");

/// Three rollouts of Argo whose steps a person can walk in minutes.
const CANARIES: &str = include_str!("../../../assets/scenarios/fleet/canaries.toml");

/// A scenario as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One sentence.
    pub about: String,
    #[serde(default)]
    pub fleet: FleetKind,
    #[serde(default)]
    pub timing: Timing,
    #[serde(default)]
    pub logs: Logs,
    /// What a release to production must fulfil; of the booking system alone.
    #[serde(default)]
    pub gate: Gate,
    #[serde(default)]
    pub happen: Vec<Happen>,
    /// Someone else changes what was previewed, right after the preview.
    #[serde(default)]
    pub after_preview: Option<Deed>,
    /// Checks of releases that do not pass at first.
    #[serde(default)]
    pub check: Vec<Scripted>,
}

/// A check that fails, so many times before it is what the world says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// As a plan names it: `capacity`.
    pub kind: String,
    pub evidence: String,
    pub times: u32,
}

/// Which services there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FleetKind {
    /// The booking system.
    #[default]
    Booking,
    /// A few progressive deliveries.
    Canaries,
    /// So many services of so many instances each, in one environment.
    Crowd { services: u32, instances: u32 },
}

/// How long things take, in seconds from and to where there are two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    pub pull_seconds: [f64; 2],
    pub ready_seconds: [f64; 2],
    /// `progressDeadlineSeconds`; shorter than Kubernetes' ten minutes, so that one sees it in a demo.
    pub deadline: SignedDuration,
    /// How long an answer takes; not divided by the speed.
    pub answer_ms: [i64; 2],
    /// Beside what a controller always takes.
    pub controller_lag_ms: i64,
    /// How far apart an analysis measures, and how many times.
    pub measure_every: SignedDuration,
    pub measurements: u32,
    /// How long instances that have lost their users stay warm.
    pub warm: SignedDuration,
    /// Whether what instances use moves.
    pub usage: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            pull_seconds: [0.8, 3.0],
            ready_seconds: [3.0, 8.0],
            deadline: SignedDuration::from_secs(120),
            answer_ms: [40, 160],
            controller_lag_ms: 0,
            measure_every: SignedDuration::from_secs(10),
            measurements: 6,
            warm: SignedDuration::from_secs(30),
            usage: true,
        }
    }
}

/// How much instances write.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// Lines a second of one instance.
    pub rate: f64,
    /// Lines a second over all instances that are followed; none: by `rate`.
    pub flood: Option<f64>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { rate: 1.5, flood: None }
    }
}

/// Something that happens at a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Happen {
    /// Before the console opened: the world has gone on since.
    #[serde(default)]
    pub ago: Option<SignedDuration>,
    /// After it opened.
    #[serde(default)]
    pub after: Option<SignedDuration>,
    /// Again and again, this far apart.
    #[serde(default)]
    pub every: Option<SignedDuration>,
    pub deed: Deed,
}

/// What happens. Rollouts are named as the console says them: `backend production`, `booking/worker staging`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    Ship {
        rollout: String,
        /// Several are shipped in turn.
        versions: Vec<String>,
        by: String,
    },
    Scale {
        rollout: String,
        replicas: u32,
        by: String,
    },
    Hold {
        rollout: String,
        by: String,
    },
    Resume {
        rollout: String,
        by: String,
    },
    /// Someone pushes other bytes under the same tag: `trixtech/booking-backend:2.2.0`.
    Push {
        image: String,
    },
    /// Whatever the console has previewed is changed by someone else.
    Meddle {
        by: String,
        /// Only the first so many previews.
        times: u32,
    },
    /// Lays a fate on running instances.
    Break {
        rollout: String,
        fate: Fate,
        instances: usize,
    },
    /// Takes a fate off all of them.
    Mend {
        rollout: String,
    },
    /// The controller that walks the steps does nothing for so long.
    StopController {
        rollout: String,
        lasting: SignedDuration,
    },
    /// What analyses ask does not answer for so long.
    StopMetrics {
        lasting: SignedDuration,
    },
    /// Someone takes the driver's lock where it is free, or from anyone for a reason, and hands it over when asked.
    Drive {
        rollout: String,
        by: String,
        #[serde(default)]
        reason: Option<String>,
    },
    /// Whoever else drives is killed.
    Vanish {
        rollout: String,
    },
    /// The link is lost for so long.
    CutLink {
        lasting: SignedDuration,
    },
    /// Answers take so long, for so long.
    Slow {
        answer: SignedDuration,
        lasting: SignedDuration,
    },
}

/// Why a scenario cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("there is no scenario {name:?}; there are: {}", names().collect::<Vec<_>>().join(", "))]
    Unknown { name: String },
    #[error("the scenario {name} cannot be read: {source}")]
    Invalid {
        name: String,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("the rules of the demo's releases: {why}")]
    Rules { why: String },
}

/// Returns the names of all scenarios, the default one first.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

impl Scenario {
    /// Reads one of the embedded scenarios.
    ///
    /// # Errors
    ///
    /// There is none of that name (the sentence names those that there are), or its file is wrong.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        let Some((name, text)) = FILES.iter().find(|(known, _)| *known == name) else {
            return Err(ScenarioError::Unknown { name: name.to_owned() });
        };
        Self::parse(name, text)
    }

    /// Reads a scenario from text.
    ///
    /// # Errors
    ///
    /// An unknown key, a wrong type, or no TOML.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text).map_err(|source| ScenarioError::Invalid { name: name.to_owned(), source: Box::new(source) })
    }

    /// Returns its services.
    ///
    /// # Errors
    ///
    /// The embedded fleet is wrong.
    pub fn fleet(&self) -> Result<Fleet, ScenarioError> {
        let read = |name: &str, text| {
            toml::from_str(text).map_err(|source| ScenarioError::Invalid { name: format!("fleet/{name}"), source: Box::new(source) })
        };
        match self.fleet {
            FleetKind::Booking => read("booking", BOOKING),
            FleetKind::Canaries => read("canaries", CANARIES),
            FleetKind::Crowd { services, instances } => Ok(Fleet::crowd(services, instances)),
        }
    }

    /// Returns the plan of its services, and what their releases must fulfil where it is opened now.
    ///
    /// # Errors
    ///
    /// The embedded fleet or its rules are wrong.
    pub fn plan(&self, now: Timestamp) -> Result<Plan, ScenarioError> {
        let mut plan = self.fleet()?.plan();
        if self.fleet == FleetKind::Booking {
            self.gate.rule(&mut plan, now)?;
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_and_its_fleet_can_be_read() {
        for name in names() {
            let scenario = Scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
            let fleet = scenario.fleet().unwrap_or_else(|error| panic!("{error}"));
            assert!(!fleet.plan().services.is_empty(), "{name}");
        }
    }

    #[test]
    fn an_unknown_scenario_names_the_known_ones() {
        let error = Scenario::load("clam").expect_err("no such scenario").to_string();
        assert_eq!(
            error,
            "there is no scenario \"clam\"; there are: calm, canary, release, release-window, release-freeze, release-emergency, \
             trouble, flaky-link, second-operator, flood, quiet, crowd"
        );
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = Scenario::parse("x", "about = \"x\"\nspede = 2").expect_err("unknown key").to_string();
        assert!(error.contains("spede"), "{error}");
    }
}
