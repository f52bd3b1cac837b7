//! What lies over the screen and takes the keys: confirm, prompts, choosers, palette, help, notices, themes.

use jiff::Timestamp;
use tui_input::Input;

use super::nav::Cursor;
use crate::app::action::Action;
use crate::domain::change::Preview;
use crate::domain::id::{ApproverRole, EnvironmentName, ItemId, ReleaseId, RevisionId, RolloutId, Track};
use crate::domain::plan::Protection;
use crate::domain::release::approval::Choice;
use crate::domain::verb::{Order, Verb};
use crate::port::Seq;

/// One thing over the screen.
#[derive(Debug)]
pub enum Overlay {
    Confirm(Box<Confirm>),
    Prompt(Prompt),
    RollBack(RollBack),
    /// Which analysis to stop, where several measure.
    Analyses(Analyses),
    /// A release that is written or changed.
    Form(Box<Form>),
    /// In which role one decides, where several are held.
    Roles(Roles),
    /// A checklist item whole: evidence, output, address.
    Item {
        release: ReleaseId,
        item: ItemId,
        top: usize,
    },
    /// Something that is too long for its row, whole.
    Whole(Whole),
    Palette(Palette),
    Help {
        top: usize,
    },
    Notices(Cursor),
    Themes {
        cursor: Cursor,
        before: String,
    },
}

impl Overlay {
    /// Returns the section of the key map that holds while it is open.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Confirm(confirm) if confirm.wants_name() => "typed",
            Self::Confirm(_) => "confirm",
            Self::Prompt(_) | Self::Palette(_) => "prompt",
            Self::Form(_) => "form",
            Self::RollBack(_)
            | Self::Analyses(_)
            | Self::Roles(_)
            | Self::Item { .. }
            | Self::Whole(_)
            | Self::Help { .. }
            | Self::Notices(_)
            | Self::Themes { .. } => "list",
        }
    }
}

/// A button of the confirm dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    Cancel,
    Confirm,
}

/// How far a confirm dialog is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The engine reads and rehearses.
    Asking {
        since: Timestamp,
    },
    Ready(Box<Preview>),
    /// It cannot be done; the sentence says why.
    Refused(String),
    /// What was shown is no longer so; what moved. Enter reads it again.
    Moved(String),
}

/// The confirm dialog: environment, object, the exact change and what it leads to (safety rule 1).
#[derive(Debug)]
pub struct Confirm {
    pub rollout: RolloutId,
    pub order: Order,
    pub seq: Seq,
    pub stage: Stage,
    /// What it takes to confirm: the environment's, and never more than one key for a way back.
    pub protection: Protection,
    pub focus: Button,
    /// What was typed of the service's name.
    pub typed: Input,
    /// First line of the change shown, where it is longer than the dialog.
    pub top: usize,
    pub opened: Timestamp,
    /// It is not done now but at this time, for this release.
    pub arm: Option<(ReleaseId, Timestamp)>,
}

impl Confirm {
    /// Returns whether the service's name must be typed.
    pub fn wants_name(&self) -> bool {
        self.protection == Protection::Protected && matches!(self.stage, Stage::Ready(_))
    }

    /// Returns whether the name was typed right, or none is asked for.
    pub fn name_fits(&self) -> bool {
        self.protection != Protection::Protected || self.typed.value() == self.rollout.service.as_str()
    }
}

/// What a prompt asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A version or an image to ship.
    Ship {
        rollout: RolloutId,
    },
    Scale {
        rollout: RolloutId,
        track: Option<Track>,
        now: u32,
    },
    /// To whoever drives: nothing asks for the lock, a reason takes it over.
    Drive {
        rollout: RolloutId,
        holder: String,
    },
    DeckFilter,
    Search,
    Pattern,
    Save,
    /// A note and perhaps an address for a tick.
    Evidence {
        release: ReleaseId,
        item: ItemId,
    },
    /// The reason of a decision.
    Decide {
        release: ReleaseId,
        role: ApproverRole,
        choice: Choice,
    },
    /// The reason that goes over what the gate says.
    Override {
        release: ReleaseId,
    },
    /// A time at which it begins: `22:05`, `2026-01-02 22:05`, `in 20m`; empty takes it back.
    Schedule {
        release: ReleaseId,
    },
    GiveUp {
        release: ReleaseId,
    },
    Remark {
        release: ReleaseId,
    },
    ChronicleFilter,
}

/// A field of a release's form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldKey {
    /// The version of a service; empty: it is not of the release.
    Version(crate::domain::id::ServiceName),
    Kind,
    Title,
    Ticket,
    Class,
    Criterion,
    Notes,
    Audience,
    Duration,
    Downtime,
    Cutover,
    Contingency,
}

/// One row of the form.
#[derive(Debug)]
pub struct Field {
    pub key: FieldKey,
    pub input: Input,
    /// What it may be, where it is one of some: Left and Right go through them. For a version: what runs in the environments
    /// before, with where.
    pub choices: Vec<(String, String)>,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// The form of a release.
#[derive(Debug)]
pub struct Form {
    pub environment: EnvironmentName,
    /// The draft that is changed; none: a new one.
    pub release: Option<ReleaseId>,
    pub fields: Vec<Field>,
    pub cursor: usize,
    pub top: usize,
}

/// The choice of the role in which one decides.
#[derive(Debug)]
pub struct Roles {
    pub release: ReleaseId,
    pub choice: Choice,
    pub roles: Vec<ApproverRole>,
    pub cursor: Cursor,
}

/// One line of text asked for, with proposals.
#[derive(Debug)]
pub struct Prompt {
    pub question: Question,
    pub input: Input,
    /// A proposal and where it comes from: `2.2.0`, `runs in staging`.
    pub proposals: Vec<(String, String)>,
    /// The proposal under the cursor; none: the text typed counts.
    pub cursor: Option<usize>,
    /// What is wrong with what was typed.
    pub error: Option<String>,
}

/// The choice of a revision to go back to, the proven one first under the cursor.
#[derive(Debug)]
pub struct RollBack {
    pub rollout: RolloutId,
    pub choices: Vec<RevisionId>,
    pub cursor: Cursor,
}

/// The choice of an analysis to stop, by the object's name.
#[derive(Debug)]
pub struct Analyses {
    pub rollout: RolloutId,
    pub choices: Vec<String>,
    pub cursor: Cursor,
}

/// What is shown whole. Named and not copied: an analysis goes on measuring while one reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Analysis(String),
    Experiment(String),
    /// All that the engine and the console say of the rollout itself.
    Rollout,
    /// A text that stands still: its heading, and itself.
    Text(String, String),
}

/// Something whole, from its line `top` on.
#[derive(Debug)]
pub struct Whole {
    pub rollout: RolloutId,
    pub subject: Subject,
    pub top: usize,
}

/// A row of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Action(Action),
    /// Opens a rollout's screen.
    Open(RolloutId),
}

/// A palette row as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaletteRow {
    pub entry: Entry,
    pub label: String,
    pub keys: String,
    /// Why it cannot be done now.
    pub refusal: Option<String>,
    /// Byte positions of the label's characters that match what was typed.
    pub matched: Vec<usize>,
}

/// Fuzzy search over every action and every rollout.
#[derive(Debug, Default)]
pub struct Palette {
    pub input: Input,
    pub rows: Vec<PaletteRow>,
    pub cursor: Cursor,
}

/// Returns what it takes to confirm a verb in an environment: a way back needs one confirm and no typed name.
pub fn protection_of(verb: Verb, environment: Protection) -> Protection {
    // Who drives changes nothing for the users.
    if verb.way_back() || verb == Verb::Drive { environment.min(Protection::Guarded) } else { environment }
}
