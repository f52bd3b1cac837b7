//! The services of a simulated cluster, and the deployment plan that names them.

use jiff::SignedDuration;
use serde::Deserialize;

use super::argo::{Argo, Switch};
use super::pace::Pace;
use crate::domain::id::{EnvironmentName, RolloutId, ServiceName, Track, WorkloadName};
use crate::domain::plan::{BlueGreen, Colour, EngineKind, Environment, Plan, Protection, Service, Target, TrackTarget, Workload};
use crate::domain::step::{Share, StepKind};

/// All services and where they run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// The product.
    pub name: String,
    pub environment: Vec<Place>,
    pub service: Vec<Ware>,
}

/// An environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub name: String,
    pub namespace: String,
    pub protection: Protection,
    pub colour: Colour,
}

/// A service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ware {
    pub name: String,
    pub image: String,
    pub at: Vec<Berth>,
}

/// One workload of a service in one environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Berth {
    pub environment: String,
    /// None: it is called as the service.
    pub workload: Option<String>,
    pub shape: Shape,
    pub replicas: u32,
    pub version: String,
    /// How long ago that was released.
    pub age: SignedDuration,
    /// Released before it, oldest first.
    #[serde(default)]
    pub history: Vec<String>,
    /// The other side of a pair: its version, as many instances unless it says so.
    #[serde(default)]
    pub idle: Option<Idle>,
    #[serde(default = "memory")]
    pub memory: String,
    /// How a canary or a blue/green rollout goes.
    #[serde(default)]
    pub course: Course,
}

/// How a Rollout of Argo brings a version in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Course {
    /// As they stand on the rail: `25 %`, `5m`, `pause`, `analysis`. None: the usual eight.
    steps: Option<Vec<Stride>>,
    /// The step from which on an analysis measures in the background.
    background: Option<usize>,
    /// How many revisions back an undo takes no steps.
    window: Option<u32>,
    /// A blue/green rollout switches by itself.
    auto: bool,
    /// It is analysed before, and after the switch.
    pre: bool,
    post: bool,
}

/// A step as the fleet's file words it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Stride(StepKind);

impl TryFrom<String> for Stride {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let kind = match text.as_str() {
            "pause" => StepKind::Pause(None),
            "analysis" => StepKind::Analysis("error-rate".into()),
            _ => match text.strip_suffix('%') {
                Some(percent) => StepKind::Weight(Share::percent(percent.trim().parse().map_err(|_| format!("{text:?} is no weight"))?)),
                None => StepKind::Pause(Some(text.parse().map_err(|_| format!("{text:?} is no step: 25 %, 5m, pause, analysis"))?)),
            },
        };
        Ok(Self(kind))
    }
}

impl Course {
    /// Returns a rollout of this course that stands at its end.
    pub fn rollout(&self, shape: Shape, pace: &Pace) -> Argo {
        if shape == Shape::Preview {
            let switch = Switch { active: None, auto: self.auto, pre: self.pre, post: self.post };
            return Argo::finished(Vec::new(), Some(switch), None, self.window);
        }
        let usual = ["5 %", "5m", "analysis", "25 %", "pause", "analysis", "50 %", "10m"];
        let usual = || usual.iter().filter_map(|text| Stride::try_from((*text).to_owned()).ok()).collect();
        let strides: Vec<Stride> = self.steps.clone().unwrap_or_else(usual);
        let steps = strides.into_iter().map(|Stride(kind)| match kind {
            StepKind::Pause(Some(duration)) => StepKind::Pause(Some(pace.scaled(duration))),
            kind => kind,
        });
        Argo::finished(steps.collect(), None, self.background, self.window)
    }
}

/// The side of a pair that has no users.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    pub version: String,
    pub replicas: u32,
}

/// How a workload takes a new version in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Rolling,
    Canary,
    /// A pair of Deployments behind a Service.
    BlueGreen,
    /// A blue/green Rollout of Argo.
    Preview,
}

fn memory() -> String {
    "256Mi".into()
}

impl Fleet {
    /// Returns so many services of so many instances each, in one environment.
    pub fn crowd(services: u32, instances: u32) -> Self {
        let berth = |at: u32| Berth {
            environment: "crowd".into(),
            workload: None,
            shape: Shape::Rolling,
            replicas: instances,
            version: format!("1.{}.0", at % 7),
            age: SignedDuration::from_hours(i64::from(at % 90) + 3),
            history: vec!["0.9.0".into()],
            idle: None,
            memory: memory(),
            course: Course::default(),
        };
        let service = (0..services)
            .map(|at| Ware { name: format!("service-{at:03}"), image: format!("crowd/service-{at:03}"), at: vec![berth(at)] })
            .collect();
        let place = Place { name: "crowd".into(), namespace: "crowd".into(), protection: Protection::Open, colour: Colour::Cyan };
        Self { name: "crowd".into(), environment: vec![place], service }
    }

    /// Returns the plan that names them all.
    pub fn plan(&self) -> Plan {
        let environments = self.environment.iter().map(|place| Environment {
            name: EnvironmentName::new(place.name.as_str()),
            engine: EngineKind::Simulated,
            context: None,
            namespace: place.namespace.clone(),
            protection: place.protection,
            colour: place.colour,
            policy: std::sync::Arc::default(),
        });
        let services = self.service.iter().map(|ware| Service {
            name: ServiceName::new(ware.name.as_str()),
            image: Some(ware.image.clone()),
            container: Some(ware.name.clone()),
            workloads: ware.at.iter().map(|berth| self.workload(ware, berth)).collect(),
        });
        Plan {
            name: self.name.clone(),
            path: None,
            environments: environments.collect(),
            services: services.collect(),
            provisional: false,
            channels: Vec::new(),
        }
    }

    /// Returns where a workload of the plan runs and what it is made from.
    pub fn berth(&self, id: &RolloutId) -> Option<&Berth> {
        let ware = self.service.iter().find(|ware| ware.name == id.service.as_str())?;
        ware.at.iter().find(|berth| {
            berth.environment == id.environment.as_str() && berth.workload.as_deref().unwrap_or(&ware.name) == id.workload.as_str()
        })
    }

    fn workload(&self, ware: &Ware, berth: &Berth) -> Workload {
        let own = berth.workload.clone().unwrap_or_else(|| ware.name.clone());
        let name = berth.workload.as_ref().map_or_else(|| ware.name.clone(), |workload| format!("{}-{workload}", ware.name));
        let side = |colour: &str| TrackTarget { track: Track::new(colour), deployment: format!("{name}-{colour}") };
        let target = match berth.shape {
            Shape::Rolling => Target::Deployment { name },
            Shape::Canary | Shape::Preview => Target::Rollout { name },
            Shape::BlueGreen => {
                Target::BlueGreen(BlueGreen { label: "color".into(), tracks: [side("blue"), side("green")], service: name })
            }
        };
        let namespace = self.environment.iter().find(|place| place.name == berth.environment).map(|place| place.namespace.clone());
        Workload {
            id: RolloutId {
                environment: EnvironmentName::new(berth.environment.as_str()),
                service: ServiceName::new(ware.name.as_str()),
                workload: WorkloadName::new(own),
            },
            engine: EngineKind::Simulated,
            context: None,
            namespace: namespace.unwrap_or_else(|| "default".into()),
            target,
            image: Some(ware.image.clone()),
            container: Some(ware.name.clone()),
        }
    }
}
