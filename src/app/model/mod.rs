//! All that the console knows, and nothing that it does. One truth, readable without a screen.

pub mod chronicle;
pub mod dialog;
pub mod driver;
pub mod fleet;
pub mod form;
pub mod jobs;
pub mod links;
pub mod logs;
pub mod nav;
pub mod notices;
pub mod releases;
pub mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::keymap::Keymap;
use crate::app::regions::Regions;
use crate::domain::id::{Actor, RolloutId, Scope};
use crate::domain::plan::{Environment, Plan};
use crate::domain::release::Voucher;
use crate::domain::rollout::Rollout;
use crate::domain::verb::{Refusal, Verb, possible_at};

use dialog::Overlay;
use driver::Drivers;
use fleet::Fleet;
use jobs::Jobs;
use links::Links;
use logs::LogPane;
use nav::Nav;
use notices::Notices;
use releases::Releases;

/// Whether this console may write at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    Allowed,
    /// Until armed; the text says why.
    Locked(String),
    /// Armed until then; locked again after.
    Armed {
        until: Timestamp,
        why: String,
    },
}

/// Whether the journal takes entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// Not read yet.
    Loading,
    Writable,
    Unwritable(String),
}

/// How the screen looks, as far as it is the person's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The theme's name; the drawing side holds the themes.
    pub theme: String,
    /// Every theme that can be picked.
    pub themes: Vec<String>,
    pub mouse: bool,
    pub bell: bool,
    pub notify: bool,
}

/// What the console starts with.
#[derive(Clone, Debug)]
pub struct Start {
    pub plan: Arc<Plan>,
    pub keymap: Arc<Keymap>,
    pub look: Look,
    pub zone: TimeZone,
    pub writing: Writing,
    /// The system's name for the operator.
    pub user: Actor,
    /// `host:pid`.
    pub console: String,
    /// What the log pane may hold, in bytes.
    pub log_bytes: usize,
}

/// Everything.
#[derive(Debug)]
pub struct Model {
    /// Read once a turn.
    pub now: Timestamp,
    /// The zone beside UTC in the top line.
    pub zone: TimeZone,
    pub plan: Arc<Plan>,
    pub keymap: Arc<Keymap>,
    pub look: Look,
    /// Columns and rows.
    pub size: (u16, u16),
    pub links: Links,
    pub fleet: Fleet,
    /// Who drives what.
    pub drivers: Drivers,
    pub nav: Nav,
    /// What lies over the screen and takes the keys.
    pub overlay: Option<Overlay>,
    pub logs: LogPane,
    pub jobs: Jobs,
    pub journal: JournalState,
    pub notices: Notices,
    pub releases: Releases,
    pub writing: Writing,
    /// Who the cluster takes the operator for, by scope; the system's user otherwise.
    pub identities: BTreeMap<Scope, (Actor, Voucher)>,
    pub user: Actor,
    /// `host:pid`, for the journal.
    pub console: String,
    pub regions: Regions,
    /// Whether the terminal's window has the focus; notifications go out where it has not.
    pub focused: bool,
    pub quitting: bool,
    /// The rollout whose logs and usage are followed.
    pub followed: Option<RolloutId>,
    /// The window's title as it was last set.
    pub title: String,
}

impl Model {
    /// Returns the model before anything has answered: the plan's names are all that is known.
    pub fn new(start: Start, now: Timestamp) -> Self {
        let Start { plan, keymap, look, zone, writing, user, console, log_bytes } = start;
        let scopes: std::collections::BTreeSet<Scope> = plan.workloads().map(crate::domain::plan::Workload::scope).collect();
        Self {
            now,
            zone,
            links: Links::connecting(scopes, now),
            plan,
            keymap,
            look,
            size: (0, 0),
            fleet: Fleet::default(),
            drivers: Drivers::default(),
            nav: Nav::default(),
            overlay: None,
            logs: LogPane::new(log_bytes),
            jobs: Jobs::default(),
            journal: JournalState::Loading,
            notices: Notices::default(),
            releases: Releases::default(),
            writing,
            identities: BTreeMap::new(),
            user,
            console,
            regions: Regions::default(),
            focused: true,
            quitting: false,
            followed: None,
            title: String::new(),
        }
    }

    /// Returns the rollout of an id as it was last told.
    pub fn rollout(&self, id: &RolloutId) -> Option<&Arc<Rollout>> {
        self.fleet.get(id)
    }

    /// Returns the rollout whose screen is open.
    pub fn open_rollout(&self) -> Option<&RolloutId> {
        self.nav.screen().rollout()
    }

    /// Returns the environment of a rollout.
    pub fn environment(&self, id: &RolloutId) -> Option<&Environment> {
        self.plan.environment(&id.environment)
    }

    /// Returns the link that a rollout is reached by.
    pub fn scope(&self, id: &RolloutId) -> Option<Scope> {
        self.plan.workload(id).map(crate::domain::plan::Workload::scope)
    }

    /// Returns who acts on a rollout: the cluster's name for the operator, else the system's.
    pub fn actor(&self, id: &RolloutId) -> &Actor {
        self.scope(id).and_then(|scope| self.identities.get(&scope)).map_or(&self.user, |(actor, _)| actor)
    }

    /// Returns whether a verb can be ordered now, with every reason that the console knows. A way back is stopped by
    /// nothing but the right and the state itself (safety rule 6).
    ///
    /// # Errors
    ///
    /// The refusal whose sentence stands beside the greyed key.
    pub fn can(&self, id: &RolloutId, verb: Verb) -> Result<(), Refusal> {
        self.able(id, verb)?;
        self.gated(id, verb)
    }

    /// Returns whether a verb can be ordered but for the gate: a start that is armed for later asks the gate then.
    ///
    /// # Errors
    ///
    /// The refusal whose sentence stands beside the greyed key.
    pub fn able(&self, id: &RolloutId, verb: Verb) -> Result<(), Refusal> {
        let Some(rollout) = self.rollout(id) else { return Err(Refusal::Absent) };
        if verb != Verb::Drive {
            possible_at(rollout, verb, self.now)?;
        }
        if let Writing::Locked(why) = &self.writing {
            return Err(Refusal::ReadOnly { why: why.clone() });
        }
        if verb.way_back() {
            return Ok(());
        }
        if let Some(scope) = self.scope(id) {
            if !self.links.get(&scope).is_some_and(|link| link.state.is_up()) {
                return Err(Refusal::LinkDown { scope: scope.to_string() });
            }
            if let Some(age) = self.links.stale(&scope, self.now) {
                return Err(Refusal::Stale { age });
            }
        }
        if verb.needs_lock() {
            self.drivers.of(id).open(self.now)?;
        }
        match &self.journal {
            JournalState::Unwritable(why) => return Err(Refusal::JournalUnwritable { why: why.clone() }),
            JournalState::Loading => return Err(Refusal::JournalUnwritable { why: "it is still being read".into() }),
            JournalState::Writable => {}
        }
        if self.jobs.sending(id) { Err(Refusal::Busy) } else { Ok(()) }
    }
}

impl Model {
    /// Returns the services that the deck shows, filtered.
    pub fn shown_services(&self) -> Vec<&crate::domain::plan::Service> {
        let filter = self.nav.deck.filter.to_lowercase();
        self.plan.services.iter().filter(|service| filter.is_empty() || service.name.as_str().to_lowercase().contains(&filter)).collect()
    }

    /// Returns the operations that the timeline shows, newest first.
    pub fn timeline(&self) -> Vec<&crate::domain::journal::Operation> {
        let about = match self.nav.screen() {
            nav::Screen::Timeline(about) => about.as_ref(),
            _ => None,
        };
        self.jobs.operations().filter(|operation| about.is_none_or(|about| operation.intent.rollout == *about)).collect()
    }

    /// Returns the rollout that actions are about: of the open screen, else of the deck's cell under the cursor.
    pub fn selected_rollout(&self) -> Option<RolloutId> {
        if let Some(id) = self.open_rollout() {
            return Some(id.clone());
        }
        let service = *self.shown_services().get(self.nav.deck.cursor.at)?;
        let environment = self.plan.environments.get(self.nav.deck.environment)?;
        let workloads: Vec<_> = self.plan.cell(&service.name, &environment.name).collect();
        workloads.get(self.nav.deck.workload.min(workloads.len().saturating_sub(1))).map(|workload| workload.id.clone())
    }
}
