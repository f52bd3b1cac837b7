//! The normalised rollout: one workload in one environment, whatever engine runs it.
//!
//! The engine's phase and what users get are two fields, because they part in the hard minutes: an aborted canary is
//! `Degraded` and safe, a held one is quiet and may be serving a bad candidate.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::{Budget, Delivery, Steering};
use super::event::Event;
use super::id::{ContainerName, RevisionId, RolloutId, Track};
use super::instance::Instance;
use super::object::{ObjectRef, Owner, Part};
use super::revision::{Counts, Revision, Role};
use super::step::{Steps, Weight};
use super::verb::Capabilities;

/// How a new revision takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Instance by instance, within these bounds (both as the engine words them: `25 %`, `1`).
    Rolling {
        surge: String,
        unavailable: String,
    },
    /// All old ones stop before a new one starts: a downtime.
    Recreate,
    /// Instances change only when something else deletes them.
    OnDelete,
    Canary,
    BlueGreen,
}

impl Strategy {
    /// Returns the word that stands on screen.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Rolling { .. } => "rolling",
            Self::Recreate => "recreate",
            Self::OnDelete => "on delete",
            Self::Canary => "canary",
            Self::BlueGreen => "blue/green",
        }
    }
}

/// Where a rollout stands: one vocabulary over all engines (api-semantics 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The object is not there.
    Absent,
    /// The wish moved and the engine has not looked yet.
    Unobserved,
    Progressing,
    /// Stands still until a person acts: held by hand, or at a pause.
    Waiting,
    /// Finished: what is wished is what runs.
    Done,
    /// Under way, and something is wrong that may still mend.
    Failing,
    /// The engine gave up.
    Failed,
    RollingBack,
    RolledBack,
}

impl Phase {
    /// Returns whether a change is under way or stands halfway.
    pub fn under_way(self) -> bool {
        matches!(self, Self::Unobserved | Self::Progressing | Self::Waiting | Self::Failing | Self::Failed | Self::RollingBack)
    }

    /// Returns the word that stands on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Absent => "not there",
            Self::Unobserved => "not yet observed",
            Self::Progressing => "progressing",
            Self::Waiting => "waiting for you",
            Self::Done => "done",
            Self::Failing => "in trouble",
            Self::Failed => "failed",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
        }
    }
}

/// What users get now, apart from what the engine calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serving {
    /// As many instances serve as are wanted.
    Full,
    /// Fewer than wanted: some capacity is gone.
    Reduced,
    /// Nothing answers.
    Down,
    /// Nothing is wanted (scaled to 0).
    Idle,
    /// It could not be learnt.
    Unknown,
}

/// A hold by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub since: Option<Timestamp>,
    /// The field manager that set it; a person only where one is recorded.
    pub by: Option<String>,
}

/// Who gets the traffic, where something besides the workload decides it (a Service's selector).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// The router's name: `backend`.
    pub router: String,
    /// The side that is selected; none where the selector matches neither or both.
    pub active: Option<Track>,
    /// What the selector says, in full: `app=web,color=blue`.
    pub selector: String,
    /// Ready endpoints per side, and those that belong to neither.
    pub endpoints: Vec<(Track, u32)>,
    pub strangers: u32,
    /// Why the selector may not be touched here: managed by another controller, no selector.
    pub locked: Option<String>,
    /// The side that served before the last switch, where it is recorded.
    pub previous: Option<Track>,
    /// When it was last switched, where it is recorded.
    pub switched: Option<Timestamp>,
}

/// A horizontal autoscaler that writes the replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaler {
    pub name: String,
    pub min: u32,
    pub max: u32,
    /// What it saw last, and what it wished for then.
    pub current: u32,
    pub desired: u32,
    /// What limits or stops it, in the engine's words: reason and message.
    pub complaints: Vec<(String, String)>,
}

/// One workload in one environment, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    pub id: RolloutId,
    /// The engine's kind, `deployment`, `blue/green`.
    pub kind: String,
    pub strategy: Strategy,
    /// Every object of the rollout, each with its own guard.
    pub objects: Vec<ObjectRef>,
    pub phase: Phase,
    /// The engine's own word or sentence for the phase, verbatim: what `kubectl rollout status` would print.
    pub native: String,
    pub serving: Serving,
    pub held: Option<Held>,
    /// Wanted, and over all revisions.
    pub counts: Counts,
    /// Instances of the newest revision.
    pub updated: u32,
    /// The candidate's share, by every source that tells one.
    pub weights: Vec<Weight>,
    pub steps: Option<Steps>,
    /// Newest first; those with instances, then the kept ones.
    pub revisions: Vec<Revision>,
    /// Sorted by revision, then name.
    pub instances: Vec<Arc<Instance>>,
    /// Newest first, bounded by the engine.
    pub events: Vec<Event>,
    /// Conditions that say something is wrong, in the engine's words: reason and message.
    pub conditions: Vec<(String, String)>,
    pub routing: Option<Routing>,
    /// The container that carries the service's version.
    pub container: Option<ContainerName>,
    /// When the change under way began.
    pub started: Option<Timestamp>,
    /// When the engine will give up, if nothing moves.
    pub deadline: Option<Timestamp>,
    pub owner: Option<Owner>,
    pub autoscaler: Option<Autoscaler>,
    /// PodDisruptionBudgets over its instances.
    pub budgets: Vec<Budget>,
    pub steering: Steering,
    pub delivery: Delivery,
    /// Who last changed the wish, by field manager, and when.
    pub changed: Option<(String, Timestamp)>,
    pub capabilities: Capabilities,
}

impl Rollout {
    /// Returns the revision that is being brought in, or that runs when nothing is under way.
    pub fn newest(&self) -> Option<&Revision> {
        self.candidate().or_else(|| self.revisions.iter().find(|r| r.roles.serves())).or(self.revisions.first())
    }

    /// Returns the candidate, while there is one. The side of a pair that served before, or has no instances, is none.
    pub fn candidate(&self) -> Option<&Revision> {
        let former = super::wayback::former_side(self);
        self.revisions.iter().find(|revision| {
            let side_waits = revision.counts.wanted + revision.counts.total > 0 && revision.track.as_ref() != former;
            revision.roles.candidate() && (revision.track.is_none() || side_waits)
        })
    }

    /// Returns the revision that users get when all is well.
    pub fn serving_revision(&self) -> Option<&Revision> {
        self.revisions
            .iter()
            .find(|revision| revision.roles.has(Role::Active))
            .or_else(|| self.revisions.iter().find(|revision| revision.roles.has(Role::Stable)))
    }

    /// Returns a revision by its id.
    pub fn revision(&self, id: &RevisionId) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.id == *id)
    }

    /// Returns the current revision of one side of a blue/green pair.
    pub fn side(&self, track: &Track) -> Option<&Revision> {
        self.revisions
            .iter()
            .find(|revision| {
                revision.track.as_ref() == Some(track)
                    && (revision.roles.has(Role::Active) || revision.roles.has(Role::Preview) || revision.counts.wanted > 0)
            })
            .or_else(|| self.revisions.iter().find(|revision| revision.track.as_ref() == Some(track)))
    }

    /// Returns the side without users.
    pub fn idle(&self) -> Option<&Revision> {
        let active = self.routing.as_ref()?.active.as_ref()?;
        let other = self.revisions.iter().find_map(|revision| revision.track.as_ref().filter(|track| *track != active))?;
        self.side(other)
    }

    /// Returns the instances of a revision.
    pub fn instances_of<'a>(&'a self, revision: &'a RevisionId) -> impl Iterator<Item = &'a Arc<Instance>> {
        self.instances.iter().filter(move |instance| instance.revision == *revision)
    }

    /// Returns the object that plays this part.
    pub fn object(&self, part: &Part) -> Option<&ObjectRef> {
        self.objects.iter().find(|object| object.part == *part)
    }

    /// Returns `2.1.0 → 2.2.0` while two revisions share the users, else the one version.
    pub fn versions(&self) -> (Option<&str>, Option<&str>) {
        let serving = self.serving_revision();
        let candidate = self.candidate().filter(|candidate| serving.is_none_or(|serving| serving.id != candidate.id));
        (serving.map(|revision| revision.version.as_str()), candidate.map(|revision| revision.version.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::{canary, counts, halfway, pair, revision, rolling, rollout, switched};
    use crate::domain::step::{Share, WeightSource};

    #[test]
    fn versions_show_the_change_and_never_the_way_back_as_one() {
        let done = rollout(rolling(), Phase::Done, vec![revision(1, "1.0.0", &[Role::Stable], counts(3, 3, 3))]);
        let mut retired = pair();
        retired.revisions[0].counts = counts(0, 0, 0);
        for (what, rollout, versions) in [
            ("done", done, (Some("1.0.0"), None)),
            ("halfway", halfway(), (Some("1.0.0"), Some("1.1.0"))),
            ("a pair with a new side", pair(), (Some("1.0.0"), Some("1.1.0"))),
            ("a switched pair", switched(), (Some("1.1.0"), None)),
            ("a pair with an empty side", retired, (Some("1.0.0"), None)),
        ] {
            assert_eq!(rollout.versions(), versions, "{what}");
        }
    }

    #[test]
    fn more_than_two_revisions_may_be_alive() {
        let fix = revision(3, "1.1.1", &[Role::Canary], counts(1, 1, 0));
        let bad = revision(2, "1.1.0", &[Role::Old], counts(1, 1, 0));
        let good = revision(1, "1.0.0", &[Role::Stable], counts(3, 3, 3));
        let rollout = rollout(rolling(), Phase::Failing, vec![fix, bad, good]);
        assert_eq!(rollout.newest().map(|revision| revision.version.as_str()), Some("1.1.1"));
        assert_eq!(rollout.serving_revision().map(|revision| revision.version.as_str()), Some("1.0.0"));
    }

    #[test]
    fn the_engines_phase_and_what_users_get_are_two_things() {
        let aborted = canary(Phase::RolledBack);
        assert!(!aborted.phase.under_way() && aborted.serving == Serving::Full, "degraded and safe");
        let mut paused = canary(Phase::Waiting);
        paused.serving = Serving::Reduced;
        assert!(paused.phase.under_way(), "quiet and harmful");
    }

    #[test]
    fn every_weight_says_where_it_was_learnt() {
        let mut rollout = canary(Phase::Progressing);
        rollout.weights = vec![
            Weight { share: Share::percent(25), source: WeightSource::Asked },
            Weight { share: Share::percent(5), source: WeightSource::Observed },
        ];
        let of = |source| rollout.weights.iter().find(|weight| weight.source == source).map(|weight| weight.share);
        assert_eq!(of(WeightSource::Asked), Some(Share::percent(25)));
        assert_eq!(of(WeightSource::Replicas), None, "optional: nothing is made up");
    }

    #[test]
    fn each_object_of_a_rollout_has_its_own_guard() {
        let mut rollout = pair();
        let object = |part: Part, name: &str, version: &str| ObjectRef {
            part,
            kind: "Deployment".into(),
            namespace: "booking".into(),
            name: name.into(),
            uid: name.into(),
            version: version.into(),
        };
        rollout.objects =
            vec![object(Part::Router, "web", "resourceVersion 9"), object(Part::Track("blue".into()), "web-blue", "generation 2")];
        assert_eq!(rollout.object(&Part::Track("blue".into())).map(|object| object.version.as_str()), Some("generation 2"));
        assert_eq!(rollout.object(&Part::Template), None);
        assert_ne!(rollout.objects[0].uid, rollout.objects[1].uid);
    }

    #[test]
    fn the_side_without_users_is_found_from_the_selector() {
        assert_eq!(pair().idle().and_then(|side| side.track.clone()), Some("green".into()));
        assert_eq!(switched().idle().and_then(|side| side.track.clone()), Some("blue".into()));
        let mut both = pair();
        both.routing.as_mut().expect("routing").active = None;
        assert_eq!(both.idle(), None);
    }
}
