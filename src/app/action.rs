//! Everything that a person can ask for: one closed enum. `catalogue` has a row for each.

use crate::domain::verb::Verb;

/// What a key, a click or a palette row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    // moving
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Back,
    NextPane,
    PreviousPane,
    // going
    Deck,
    Logs,
    Revisions,
    Timeline,
    Help,
    Palette,
    Notices,
    Themes,
    // the console
    Filter,
    Copy,
    Redraw,
    Reconnect,
    Mouse,
    Arm,
    Acknowledge,
    Quit,
    // rollouts
    Ship,
    Promote,
    PromoteFully,
    /// Hold or resume; the dialog fixes which.
    Hold,
    Abort,
    Retry,
    /// Switch or switch back; the dialog fixes which.
    Switch,
    RollBack,
    Restart,
    Scale,
    Retire,
    /// Stop the analysis that is under way.
    StopAnalysis,
    /// Take the driver's lock, let it go, or ask for it; the dialog fixes which.
    Drive,
    // logs
    Follow,
    Wrap,
    Timestamps,
    Level,
    Role,
    Instance,
    Container,
    Pattern,
    Search,
    NextMatch,
    PreviousMatch,
    PreviousRun,
    RangeTail,
    Range1m,
    Range5m,
    Range15m,
    Range1h,
    Select,
    Save,
    // dialogs
    Confirm,
    Cancel,
    Next,
    Accept,
}

impl Action {
    /// Every action, in the order of the help.
    pub const ALL: [Self; 64] = [
        Self::Up,
        Self::Down,
        Self::Left,
        Self::Right,
        Self::PageUp,
        Self::PageDown,
        Self::Top,
        Self::Bottom,
        Self::Open,
        Self::Back,
        Self::NextPane,
        Self::PreviousPane,
        Self::Deck,
        Self::Logs,
        Self::Revisions,
        Self::Timeline,
        Self::Help,
        Self::Palette,
        Self::Notices,
        Self::Themes,
        Self::Filter,
        Self::Copy,
        Self::Redraw,
        Self::Reconnect,
        Self::Mouse,
        Self::Arm,
        Self::Acknowledge,
        Self::Quit,
        Self::Ship,
        Self::Promote,
        Self::PromoteFully,
        Self::Hold,
        Self::Abort,
        Self::Retry,
        Self::Switch,
        Self::RollBack,
        Self::Restart,
        Self::Scale,
        Self::Retire,
        Self::StopAnalysis,
        Self::Drive,
        Self::Follow,
        Self::Wrap,
        Self::Timestamps,
        Self::Level,
        Self::Role,
        Self::Instance,
        Self::Container,
        Self::Pattern,
        Self::Search,
        Self::NextMatch,
        Self::PreviousMatch,
        Self::PreviousRun,
        Self::RangeTail,
        Self::Range1m,
        Self::Range5m,
        Self::Range15m,
        Self::Range1h,
        Self::Select,
        Self::Save,
        Self::Confirm,
        Self::Cancel,
        Self::Next,
        Self::Accept,
    ];

    /// Returns the verbs that the action may come to, in the order in which they are tried; none for what changes nothing
    /// outside the console.
    pub fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Ship => &[Verb::Ship],
            Self::Promote => &[Verb::Advance],
            Self::PromoteFully => &[Verb::Finish],
            Self::Hold => &[Verb::Hold, Verb::Resume],
            Self::Abort => &[Verb::Abort],
            Self::Retry => &[Verb::Retry],
            Self::Switch => &[Verb::Switch, Verb::SwitchBack],
            Self::RollBack => &[Verb::RollBack, Verb::SwitchBack],
            Self::Restart => &[Verb::Restart],
            Self::Scale => &[Verb::Scale],
            Self::Retire => &[Verb::Retire],
            Self::StopAnalysis => &[Verb::Terminate],
            Self::Drive => &[Verb::Drive],
            _ => &[],
        }
    }

    /// Returns whether the action may lead to a write outside: such keys act only on a rollout's own screen, never from
    /// pasted text and never from a key held down (safety rule 1).
    pub fn mutates(self) -> bool {
        !self.verbs().is_empty() || matches!(self, Self::Confirm | Self::Accept)
    }
}
