//! Whose logs are followed: every container of the rollout's pods, the candidates' first, up to a cap of streams.

use std::sync::Arc;

use crate::domain::id::{ContainerName, InstanceName};
use crate::domain::instance::{Container, ContainerState, Exit};
use crate::domain::log::Source;
use crate::domain::rollout::Rollout;
use crate::port::engine::LogQuery;

/// A container of a pod. A pod made again under the same name (a StatefulSet's) is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub instance: InstanceName,
    pub created: Option<jiff::Timestamp>,
    pub container: ContainerName,
}

/// What the cluster says of a container, as far as its log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Tells its runs apart.
    pub restarts: u32,
    pub running: bool,
    /// Something was written: it runs or ran.
    pub readable: bool,
    /// How the present run ended, or the one before it.
    pub exit: String,
    /// The pod is no more.
    pub gone: bool,
}

impl Seen {
    fn of(container: &Container) -> Self {
        let (running, exit) = match &container.state {
            ContainerState::Running { .. } => (true, container.last_exit.as_ref()),
            ContainerState::Ended(exit) => (false, Some(exit)),
            ContainerState::Waiting { .. } => (false, container.last_exit.as_ref()),
        };
        Self {
            restarts: container.restarts,
            running,
            readable: running || exit.is_some() || container.restarts > 0,
            exit: exit.map(sentence).unwrap_or_default(),
            gone: false,
        }
    }
}

/// Returns `exit 137 OOMKilled`; the engine's word only where it says more than the code.
fn sentence(exit: &Exit) -> String {
    match exit.reason.as_str() {
        "" | "Error" | "Completed" => format!("exit {}", exit.code),
        reason => format!("exit {} {reason}", exit.code),
    }
}

/// A container to follow.
#[derive(Clone, Debug)]
pub struct Choice {
    pub key: Key,
    pub source: Arc<Source>,
    pub seen: Seen,
}

/// Returns every container that a query asks for, the ones to be followed first at the front: candidates, then what
/// serves, then the rest.
pub fn choices(rollout: &Rollout, query: &LogQuery) -> Vec<Choice> {
    let rank = |revision| match rollout.revision(revision).map(|revision| revision.roles) {
        Some(roles) if roles.candidate() => 0,
        Some(roles) if roles.serves() => 1,
        _ => 2,
    };
    let mut instances: Vec<_> =
        rollout.instances.iter().filter(|instance| query.instance.as_ref().is_none_or(|wanted| *wanted == instance.name)).collect();
    instances.sort_by_key(|instance| rank(&instance.revision));
    let mut choices = Vec::new();
    for instance in instances {
        for container in &instance.containers {
            let wanted = query.container.as_ref().is_none_or(|wanted| *wanted == container.name);
            if !wanted || query.previous && container.restarts == 0 {
                continue;
            }
            choices.push(Choice {
                key: Key { instance: instance.name.clone(), created: instance.created, container: container.name.clone() },
                source: Arc::new(Source {
                    instance: instance.name.clone(),
                    container: container.name.clone(),
                    revision: instance.revision.clone(),
                    init: container.init,
                    previous: query.previous,
                }),
                seen: Seen::of(container),
            });
        }
    }
    choices
}
