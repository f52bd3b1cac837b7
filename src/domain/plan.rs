//! The deployment plan in checked form: environments in promotion order, services, and where each workload lives.
//!
//! `config::plan` reads `rolldeck.toml` into this; whoever holds a [`Plan`] may rely on every name in it being defined once.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::announcement::Occasion;
use super::id::{EnvironmentName, RolloutId, Scope, ServiceName, Track, WorkloadName};
use super::release::checklist::Secret;
use super::release::policy::Policy;
use super::step::{Share, StepKind};

/// What kind of backend an environment speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    Kubernetes,
    Simulated,
}

impl EngineKind {
    /// All of them, for checks and help.
    pub const ALL: [Self; 2] = [Self::Kubernetes, Self::Simulated];

    /// Returns the word that stands on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Simulated => "simulated",
        }
    }
}

/// How much a mutation must be confirmed: product.md, safety rule 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// One key confirms.
    Open,
    /// The dialog opens with Cancel focused.
    #[default]
    Guarded,
    /// The service's name is typed.
    Protected,
}

impl Protection {
    /// All of them, the least careful first.
    pub const ALL: [Self; 3] = [Self::Open, Self::Guarded, Self::Protected];
}

/// An environment's colour on screen, by meaning-free name; the theme decides the shade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Green,
    Blue,
    Cyan,
    Yellow,
    Orange,
    Magenta,
    Red,
    Grey,
}

impl Colour {
    /// All of them, for checks and pickers.
    pub const ALL: [Self; 8] = [Self::Green, Self::Blue, Self::Cyan, Self::Yellow, Self::Orange, Self::Magenta, Self::Red, Self::Grey];
}

/// One environment of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub name: EnvironmentName,
    pub engine: EngineKind,
    /// The kubeconfig context; none means the kubeconfig's current one. Not used by the simulated engine.
    pub context: Option<String>,
    pub namespace: String,
    pub protection: Protection,
    pub colour: Colour,
    /// What a release to it must fulfil.
    pub policy: Arc<Policy>,
}

/// A container image repository and container, and the workloads per environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: ServiceName,
    /// The image repository that a shipped version is taken from: `trixtech/backend`. None: that of the running image.
    pub image: Option<String>,
    /// The container that carries the service's version; none: the first one.
    pub container: Option<String>,
    pub workloads: Vec<Workload>,
}

/// One workload in one environment: the row that an engine is told to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub id: RolloutId,
    pub engine: EngineKind,
    pub context: Option<String>,
    pub namespace: String,
    pub target: Target,
    /// Image repository and container of the service, repeated here so that an engine needs nothing else.
    pub image: Option<String>,
    pub container: Option<String>,
}

impl Workload {
    /// Returns the link that this workload is reached by.
    pub fn scope(&self) -> Scope {
        match self.engine {
            EngineKind::Kubernetes => Scope::new(self.context.as_deref().unwrap_or("kubernetes")),
            EngineKind::Simulated => Scope::new("simulated"),
        }
    }
}

/// The object or objects that make a workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    Deployment {
        name: String,
    },
    StatefulSet {
        name: String,
    },
    DaemonSet {
        name: String,
    },
    /// A Service that selects one of two Deployments by one label.
    BlueGreen(BlueGreen),
    /// A rollout that a controller walks through steps: Argo Rollouts', or the simulated engine's own.
    Rollout {
        name: String,
    },
    /// Flagger's canary, by the name of its `Canary` object.
    Flagger {
        name: String,
    },
    /// Two Deployments behind one Service, which this console walks through the plan's steps.
    Canary(Canary),
}

impl Target {
    /// Returns the word for the deck's second line: `rolling`, `blue/green`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Deployment { .. } => "deployment",
            Self::StatefulSet { .. } => "statefulset",
            Self::DaemonSet { .. } => "daemonset",
            Self::BlueGreen(_) => "blue/green",
            Self::Rollout { .. } => "rollout",
            Self::Flagger { .. } => "flagger",
            Self::Canary(_) => "canary",
        }
    }
}

/// A blue/green pair: `service` selects `tracks[0]` or `tracks[1]` by the value of `label`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlueGreen {
    pub service: String,
    /// The label key in the Service's selector and in both Deployments' pod labels, as `color`.
    pub label: String,
    pub tracks: [TrackTarget; 2],
}

/// A plain canary: users are shared by ready replicas, or by the weights of an HTTPRoute where one is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Canary {
    /// The Deployment that users have when nothing is under way.
    pub stable: String,
    /// The Deployment that a new version comes in by; at 0 replicas otherwise.
    pub canary: String,
    /// The HTTPRoute whose weights share the users out.
    pub route: Option<Route>,
    /// In order, each weight with the pause that follows it; a weight of 100 % is not among them: it is what promoting the
    /// last step does.
    pub steps: Vec<StepKind>,
}

impl Canary {
    /// Returns how many instances the two Deployments have, stable first, while the canary has a share of `total`.
    ///
    /// Rounded up, so that any share is at least one instance; the stable side keeps one as well. With a route the share is
    /// the route's, and the stable side keeps them all: the way back is then one request.
    pub fn split(&self, total: u32, share: Share) -> (u32, u32) {
        let part = (u64::from(total) * u64::from(share.permille())).div_ceil(1000);
        let canary = u32::try_from(part).unwrap_or(u32::MAX).max(1);
        let stable = if self.route.is_some() { total } else { total.saturating_sub(canary) };
        (stable.max(1), canary)
    }

    /// Returns the index and the share of the first weight from `from` on.
    pub fn weight_from(&self, from: usize) -> Option<(usize, Share)> {
        self.steps.iter().enumerate().skip(from).find_map(|(at, step)| match step {
            StepKind::Weight(share) => Some((at, *share)),
            _ => None,
        })
    }
}

/// An HTTPRoute and the Services behind it that stand for the two Deployments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    pub name: String,
    pub stable_service: String,
    pub canary_service: String,
}

/// One side of a blue/green pair: the label's value and the Deployment that carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TrackTarget {
    pub track: Track,
    pub deployment: String,
}

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The product's name, as the top line shows it.
    pub name: String,
    /// Where it was read from; none for the demo and for a plan made of the current context.
    pub path: Option<PathBuf>,
    /// In promotion order.
    pub environments: Vec<Environment>,
    pub services: Vec<Service>,
    /// True where the plan was made up from the current context: nothing may be written until armed.
    pub provisional: bool,
    /// Who is told of releases.
    pub channels: Vec<Channel>,
}

/// One way in which people are told of releases. Its secrets are references: the plan holds none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub name: String,
    /// Empty: all of them.
    pub occasions: Vec<Occasion>,
    /// Empty: all of them.
    pub environments: Vec<EnvironmentName>,
    pub by: Means,
    /// A template of the text; none: the channel's own.
    pub template: Option<String>,
}

/// How a channel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A POST of JSON: `{"text": …}` as Slack and its likes take it, or the announcement whole.
    Webhook { url: Secret, slack: bool, headers: Vec<(String, Secret)> },
    Email {
        server: String,
        port: u16,
        security: MailSecurity,
        user: Option<String>,
        password: Option<Secret>,
        from: String,
        to: Vec<String>,
    },
    /// A program with the announcement's JSON as its input.
    Command { run: Vec<String> },
    /// This terminal: a bell and a desktop notification.
    Terminal,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS asked for in clear, and required.
    #[default]
    Starttls,
    /// None: for a server on this machine.
    None,
}

impl MailSecurity {
    /// All of them, the safest first.
    pub const ALL: [Self; 3] = [Self::Tls, Self::Starttls, Self::None];

    /// Returns the port that is usual for it.
    pub fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

impl Plan {
    /// Returns the environment of that name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// Returns the service of that name.
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| service.name == *name)
    }

    /// Returns every workload, service by service in the plan's order.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.services.iter().flat_map(|service| &service.workloads)
    }

    /// Returns the workload behind a rollout.
    pub fn workload(&self, id: &RolloutId) -> Option<&Workload> {
        self.workloads().find(|workload| workload.id == *id)
    }

    /// Returns the workloads of one cell of the deck, in the plan's order.
    pub fn cell(&self, service: &ServiceName, environment: &EnvironmentName) -> impl Iterator<Item = &Workload> {
        self.service(service)
            .into_iter()
            .flat_map(|service| &service.workloads)
            .filter(move |workload| workload.id.environment == *environment)
    }

    /// Returns the environment before this one in promotion order.
    pub fn before(&self, name: &EnvironmentName) -> Option<&Environment> {
        let at = self.environments.iter().position(|environment| environment.name == *name)?;
        self.environments.get(at.checked_sub(1)?)
    }

    /// Returns the names that a workload of a service may be called by in an error message.
    pub fn workload_names(&self, service: &ServiceName) -> Vec<WorkloadName> {
        let mut names: Vec<_> = self.service(service).into_iter().flat_map(|s| &s.workloads).map(|w| w.id.workload.clone()).collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_and_neither_side_is_ever_empty() {
        let mut plan = Canary { stable: "web".into(), canary: "web-canary".into(), route: None, steps: Vec::new() };
        for (total, percent, pair) in
            [(8, 25, (6, 2)), (8, 50, (4, 4)), (3, 50, (1, 2)), (10, 1, (9, 1)), (10, 99, (1, 10)), (1, 25, (1, 1)), (2, 99, (1, 2))]
        {
            assert_eq!(plan.split(total, Share::percent(percent)), pair, "{percent} % of {total}");
        }
        plan.route = Some(Route { name: "web".into(), stable_service: "web".into(), canary_service: "web-canary".into() });
        assert_eq!(plan.split(8, Share::percent(25)), (8, 2), "with a route the stable side stays whole");
    }
}
