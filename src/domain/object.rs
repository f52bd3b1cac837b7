//! The objects that a rollout spans, each with what guards a write to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{Track, Uid};

/// Which part an object plays in a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Carries replicas and, unless another does, the template.
    Workload,
    /// One side of a blue/green pair.
    Track(Track),
    /// Decides who gets the traffic.
    Router,
    /// Carries the template for another object.
    Template,
    /// The driver's lock.
    Lock,
}

/// An object by the engine's names, and the version that a decision was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    pub part: Part,
    /// The engine's kind: `Deployment`, `Service`.
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub uid: Uid,
    /// What moves when the object's wish changes: `generation 7`, a Docker version index. Shown and journalled.
    pub version: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// Who else writes the object, and what becomes of a change made by hand: product.md, safety rule 8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `Argo CD`, `Flux`, `Helm`.
    pub tool: String,
    /// The kind of the tool's own object, and its namespace where the trace names it: `Application`, `Kustomization`.
    pub kind: String,
    pub namespace: String,
    /// The tool's own name for what it deploys: an Application, a release.
    pub name: String,
    /// What will happen to a change made here, in one sentence.
    pub consequence: String,
}
