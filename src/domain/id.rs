//! Names and ids as types, so that one cannot be passed for another.
//!
//! All are cheap to clone (`Arc<str>`): snapshots of thousands of instances share them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Declares a string newtype that displays as its text and serialises as a plain string.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; what a valid one looks like is checked where it enters (plan, engine).
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    )*};
}

names! {
    /// An environment of the plan: `staging`, `production`.
    EnvironmentName;
    /// A service of the plan: `backend`.
    ServiceName;
    /// A workload of a service, unique within it: `web`, `worker`. A service with one workload calls it by its own name.
    WorkloadName;
    /// What addresses a revision: a ReplicaSet's or ControllerRevision's name, a kept spec's digest. Opaque; numbers are only shown.
    RevisionId;
    /// One of the two sides of a blue/green pair: the value of the selector label, `blue` or `green`.
    Track;
    /// A pod, task or container, by the engine's own name.
    InstanceName;
    /// A container within an instance.
    ContainerName;
    /// The engine's identity of an object; a recreated object has another one.
    Uid;
    /// Who acts, as far as it is known: the cluster's name for the user, else the kubeconfig's, else the system's.
    Actor;
    /// One mutation from confirm to outcome, unique over all consoles: `20260102T030405Z-4711-3`.
    OpId;
    /// A release, unique over all consoles and fit for an object's name: `20260102-0304-backend-7f3a`.
    ReleaseId;
    /// A checklist item, unique within an environment's checklists: `tests-passing`.
    ItemId;
    /// A role that approves: `technical`, `business`. Who holds it stands in the plan.
    ApproverRole;
    /// What one link of an engine reaches: a kubeconfig context, `simulated`. Links and their ages are kept by it.
    Scope;
}

/// A rollout on the deck: one workload of one service in one environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RolloutId {
    pub environment: EnvironmentName,
    pub service: ServiceName,
    pub workload: WorkloadName,
}

impl fmt::Display for RolloutId {
    /// `backend production`, and the workload where it has a name of its own: `booking/worker production`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workload.as_str() == self.service.as_str() {
            write!(f, "{} {}", self.service, self.environment)
        } else {
            write!(f, "{}/{} {}", self.service, self.workload, self.environment)
        }
    }
}

/// Returns a version as a person says it: the tag of an image, `2.1.0` of `registry:5000/team/app:2.1.0@sha256:…`;
/// the start of the digest where there is no tag; the whole text where there is neither.
pub fn version_of(image: &str) -> &str {
    let (named, digest) = match image.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (image, None),
    };
    let last = named.rfind('/').map_or(0, |at| at + 1);
    if let Some(colon) = named[last..].find(':') {
        return &named[last + colon + 1..];
    }
    match digest {
        Some(digest) => {
            let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
            hex.get(..12).unwrap_or(hex)
        }
        None => "latest",
    }
}

/// Returns an image without tag and digest: `registry:5000/team/app`.
pub fn repository_of(image: &str) -> &str {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    let last = named.rfind('/').map_or(0, |at| at + 1);
    named[last..].find(':').map_or(named, |colon| &named[..last + colon])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_tag_else_the_digest() {
        for (image, version, repository) in [
            ("lab/web:1.0.0", "1.0.0", "lab/web"),
            ("registry:5000/team/app:2.1.0", "2.1.0", "registry:5000/team/app"),
            ("registry:5000/team/app", "latest", "registry:5000/team/app"),
            ("app@sha256:0123456789abcdef0123", "0123456789ab", "app"),
            ("app:3@sha256:0123456789abcdef", "3", "app"),
            ("app", "latest", "app"),
        ] {
            assert_eq!(version_of(image), version, "{image}");
            assert_eq!(repository_of(image), repository, "{image}");
        }
    }

    #[test]
    fn a_rollout_names_its_workload_only_where_it_differs() {
        let id = |workload: &str| RolloutId { environment: "production".into(), service: "backend".into(), workload: workload.into() };
        assert_eq!(id("backend").to_string(), "backend production");
        assert_eq!(id("worker").to_string(), "backend/worker production");
    }
}
