//! What the plan asks of a release in one environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::approval::Rule;
use super::checklist::{Item, Stage};
use super::{Brief, Release};
use crate::domain::id::{Actor, ApproverRole};
use crate::domain::window::Calendar;

/// Whether a change needs a release at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// What moves a version forward needs a release whose gate is open.
    Required,
    /// A release binds where there is one; without one only windows and freezes do.
    #[default]
    Optional,
}

/// What happens to a rollout under way when the gate shuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnClose {
    /// It goes on.
    #[default]
    Finish,
    /// It is held where it is.
    Hold,
    /// It is aborted.
    Back,
}

impl OnClose {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Finish, Self::Hold, Self::Back];

    /// Returns what is said of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Finish => "what is under way goes on",
            Self::Hold => "what is under way is held",
            Self::Back => "what is under way is taken back",
        }
    }
}

/// Where releases are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// With the engine: on Kubernetes in ConfigMaps of the environment's namespace, simulated in memory.
    #[default]
    Engine,
    /// In a directory that the consoles share.
    Directory(PathBuf),
}

/// How long ended releases are kept where they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub count: u32,
    pub days: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { count: 50, days: 90 }
    }
}

/// The rules of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub need: Need,
    pub place: Place,
    pub keep: Keep,
    /// Every item of the three checklists, in the order of the screen.
    pub items: Vec<Item>,
    pub approvals: Vec<Rule>,
    /// Who holds which role.
    pub roles: BTreeMap<ApproverRole, Vec<Actor>>,
    pub calendar: Calendar,
    pub on_close: OnClose,
    /// What may be named as the reason of an emergency.
    pub criteria: Vec<String>,
    /// Within what time of its announcement an emergency is to be begun.
    pub emergency_within: SignedDuration,
    /// The classes of change that a release may name.
    pub classes: Vec<String>,
    /// How many checks run at once.
    pub at_once: u32,
    /// Differs where any of the rules above differs: approvals are bound to it.
    pub fingerprint: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            need: Need::default(),
            place: Place::default(),
            keep: Keep::default(),
            items: Vec::new(),
            approvals: Vec::new(),
            roles: BTreeMap::new(),
            calendar: Calendar::default(),
            on_close: OnClose::default(),
            criteria: Vec::new(),
            emergency_within: SignedDuration::from_hours(1),
            classes: Vec::new(),
            at_once: 6,
            fingerprint: String::new(),
        }
    }
}

impl Policy {
    /// Returns the rules with their fingerprint: a digest over all that a release is judged by. Where releases are kept and how
    /// many checks run at once is no rule.
    pub fn sealed(mut self) -> Self {
        let Self { need, items, approvals, roles, calendar, on_close, criteria, emergency_within, classes, .. } = &self;
        let Calendar { windows, freezes, lead, .. } = calendar;
        let windows: Vec<_> = windows.iter().map(|window| (&window.name, format!("{:?}", window.opens), window.lasts)).collect();
        let rules =
            serde_json::json!([need, items, approvals, roles, windows, freezes, lead, on_close, criteria, emergency_within, classes]);
        let digest = ring::digest::digest(&ring::digest::SHA256, rules.to_string().as_bytes());
        self.fingerprint = digest.as_ref().iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        self
    }

    /// Returns the items of a stage that are for such a release.
    pub fn items(&self, brief: &Brief, stage: Stage) -> impl Iterator<Item = &Item> {
        let (kind, class) = (brief.kind, brief.class.clone());
        self.items.iter().filter(move |item| item.stage == stage && item.applies(kind, class.as_deref()))
    }

    /// Returns whether anything is asked of a release, so that one is worth making.
    pub fn asks(&self) -> bool {
        self.need == Need::Required || !self.items.is_empty() || !self.approvals.is_empty()
    }

    /// Returns whether somebody holds a role.
    pub fn holds(&self, role: &ApproverRole, who: &Actor) -> bool {
        self.roles.get(role).is_some_and(|holders| holders.contains(who))
    }

    /// Returns the roles that somebody may decide in for a release, in the order of the rules.
    pub fn roles_of<'a>(&'a self, release: &Release, who: &Actor) -> Vec<&'a ApproverRole> {
        let mut roles: Vec<&ApproverRole> = Vec::new();
        for rule in self.approvals.iter().filter(|rule| rule.applies(release) && self.holds(&rule.role, who)) {
            if !roles.contains(&&rule.role) {
                roles.push(&rule.role);
            }
        }
        roles
    }
}
