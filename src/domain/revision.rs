//! Revisions, the versions of a workload's template, and the roles they play now.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::Shortcut;
use super::id::{ContainerName, RevisionId, Track};

/// What a revision is to the users and to the rollout. A revision may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Role {
    /// What users should get if nothing were under way.
    Stable = 1,
    /// What is being brought in.
    Canary = 2,
    /// The Service points at it.
    Active = 4,
    /// Ready beside the active one, without users.
    Preview = 8,
    /// On its way out, or kept.
    Old = 16,
}

impl Role {
    /// All roles, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Canary, Self::Preview, Self::Active, Self::Stable, Self::Old];

    /// Returns the word that stands on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Preview => "preview",
            Self::Old => "old",
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(u8);

impl Roles {
    /// Returns the set of these.
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | *role as u8))
    }

    /// Returns whether the role is in the set.
    pub fn has(self, role: Role) -> bool {
        self.0 & role as u8 != 0
    }

    /// Adds a role.
    pub fn insert(&mut self, role: Role) {
        self.0 |= role as u8;
    }

    /// Returns the roles in the order they are shown.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// Returns whether users get this revision when all is well.
    pub fn serves(self) -> bool {
        self.has(Role::Stable) || self.has(Role::Active)
    }

    /// Returns whether this is the revision being brought in: the orange one.
    pub fn candidate(self) -> bool {
        self.has(Role::Canary) || self.has(Role::Preview)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Role::word)).finish()
    }
}

/// What is known about a revision having served well: the roll-back dialog proposes the last one proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Instances of it are ready now.
    ReadyNow,
    /// A record says that a rollout to it finished, at this time.
    Recorded(Timestamp),
    /// The engine itself calls it (or called it) its stable one.
    Stable,
    /// A record says that a rollout to it failed.
    Failed(Timestamp),
    /// Nothing is known.
    #[default]
    Unknown,
}

impl Proof {
    /// Returns whether the revision is known to have served.
    pub fn healthy(self) -> bool {
        matches!(self, Self::ReadyNow | Self::Recorded(_) | Self::Stable)
    }
}

/// A container's name and image in a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerImage {
    pub container: ContainerName,
    pub init: bool,
    pub image: String,
}

/// How many instances of a revision there are, and how many are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub wanted: u32,
    pub total: u32,
    pub ready: u32,
    /// Ready for as long as the workload asks for.
    pub available: u32,
}

/// One version of a workload's template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub id: RevisionId,
    /// The engine's number, shown only; it may move when a revision comes back.
    pub number: Option<u64>,
    /// Numbers it had before.
    pub former_numbers: Vec<u64>,
    /// The version of the service's container: the tag, or the digest's start.
    pub version: String,
    pub images: Vec<ContainerImage>,
    pub roles: Roles,
    /// The blue/green side it belongs to.
    pub track: Option<Track>,
    pub counts: Counts,
    pub created: Option<Timestamp>,
    /// The change-cause recorded with it.
    pub cause: Option<String>,
    /// When a restart made it: the same image as another revision, new instances.
    pub restarted: Option<Timestamp>,
    /// When its instances will be scaled down, where they are kept warm for a while.
    pub cools: Option<Timestamp>,
    /// Why a return to it would take no steps.
    pub shortcut: Option<Shortcut>,
    pub proof: Proof,
    /// The template as text lines (`key: value`, sorted), for the diff between revisions; empty where the engine keeps none.
    pub template: Vec<String>,
}

impl Revision {
    /// Returns `#42 2.2.0`, or the version alone where there is no number.
    pub fn label(&self) -> String {
        match (self.number, &self.track) {
            (Some(number), _) => format!("#{number} {}", self.version),
            (None, Some(track)) => format!("{track} {}", self.version),
            (None, None) => self.version.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{counts, revision};

    #[test]
    fn roles_are_a_set_and_one_revision_may_have_several() {
        let roles = Roles::of(&[Role::Stable, Role::Active]);
        assert!(roles.has(Role::Stable) && roles.has(Role::Active) && roles.serves() && !roles.candidate());
        assert_eq!(roles.iter().map(Role::word).collect::<Vec<_>>(), ["active", "stable"]);
        let mut roles = Roles::default();
        assert_eq!(roles.iter().count(), 0);
        roles.insert(Role::Preview);
        roles.insert(Role::Preview);
        assert!(roles.candidate() && roles.iter().count() == 1);
    }

    #[test]
    fn a_number_is_shown_and_an_id_addresses() {
        let mut back = revision(3, "1.0.0", &[Role::Stable], counts(3, 3, 3));
        back.former_numbers = vec![1];
        let id = back.id.clone();
        assert_eq!(back.label(), "#3 1.0.0");
        back.number = None;
        assert_eq!((back.label().as_str(), back.id), ("1.0.0", id));
    }

    #[test]
    fn only_what_served_is_proof_of_health() {
        let at = crate::domain::sample::now();
        let table = [
            (Proof::ReadyNow, true),
            (Proof::Recorded(at), true),
            (Proof::Stable, true),
            (Proof::Failed(at), false),
            (Proof::Unknown, false),
        ];
        for (proof, healthy) in table {
            assert_eq!(proof.healthy(), healthy, "{proof:?}");
        }
    }
}
