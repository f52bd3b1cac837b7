//! The services of a simulated cluster, and the deployment plan that names them.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::domain::id::{EnvironmentName, RolloutId, ServiceName, Track, WorkloadName};
use crate::domain::plan::{BlueGreen, Colour, EngineKind, Environment, Plan, Protection, Service, Target, TrackTarget, Workload};

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
    BlueGreen,
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
        });
        let services = self.service.iter().map(|ware| Service {
            name: ServiceName::new(ware.name.as_str()),
            image: Some(ware.image.clone()),
            container: Some(ware.name.clone()),
            workloads: ware.at.iter().map(|berth| self.workload(ware, berth)).collect(),
        });
        Plan { name: self.name.clone(), path: None, environments: environments.collect(), services: services.collect(), provisional: false }
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
            Shape::Canary => Target::Rollout { name },
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
