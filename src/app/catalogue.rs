//! One row for each action: its name in the key map, its label, what it does, where it belongs, and whether it can be
//! done now. The bottom line, the help, the palette, `rolldeck keys` and the README's table all come from here.

use super::action::Action;
use super::model::Model;
use super::model::dialog::Overlay;
use super::model::nav::Screen;
use crate::domain::driver::Standing;
use crate::domain::id::ReleaseId;
use crate::domain::release::Phase;
use crate::domain::verb::{Refusal, Verb};

/// Where an action is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Moving,
    Going,
    Rollout,
    Release,
    Logs,
    Console,
    Dialog,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 7] = [Self::Rollout, Self::Release, Self::Going, Self::Logs, Self::Moving, Self::Console, Self::Dialog];

    /// Returns the heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Moving => "Moving",
            Self::Going => "Going",
            Self::Rollout => "Rollout",
            Self::Logs => "Logs",
            Self::Release => "Release",
            Self::Console => "Console",
            Self::Dialog => "Dialogs",
        }
    }
}

/// What is fixed about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name in `keymap.toml`.
    pub name: &'static str,
    /// For the bottom line: one or two words.
    pub label: &'static str,
    /// One sentence without a full stop.
    pub doc: &'static str,
    pub group: Group,
}

/// Returns the row of an action.
pub fn row(action: Action) -> Row {
    use Group::{Console, Dialog, Going, Logs, Moving, Release, Rollout};
    let row = |name, label, doc, group| Row { name, label, doc, group };
    match action {
        Action::Up => row("up", "up", "Move up", Moving),
        Action::Down => row("down", "down", "Move down", Moving),
        Action::Left => row("left", "left", "Move left, or scroll a long line", Moving),
        Action::Right => row("right", "right", "Move right, or scroll a long line", Moving),
        Action::PageUp => row("page-up", "page up", "Move up a page", Moving),
        Action::PageDown => row("page-down", "page down", "Move down a page", Moving),
        Action::Top => row("top", "top", "Move to the first row", Moving),
        Action::Bottom => row("bottom", "bottom", "Move to the last row; in logs, follow again", Moving),
        Action::Open => row("open", "open", "Open what is under the cursor", Moving),
        Action::Back => row("back", "back", "Close what is open, go back one screen", Moving),
        Action::NextPane => row("next-pane", "next pane", "Move to the next pane; on a checklist, to the next open item", Moving),
        Action::PreviousPane => {
            row("previous-pane", "previous pane", "Move to the previous pane; on a checklist, to the open item before", Moving)
        }
        Action::Deck => row("deck", "deck", "Go to the deck of services and environments", Going),
        Action::Logs => row("logs", "logs", "Open the logs in full", Going),
        Action::Revisions => row("revisions", "revisions", "Open the revisions and their differences", Going),
        Action::Timeline => row("timeline", "timeline", "Open what was ordered, answered and observed", Going),
        Action::Help => row("help", "help", "Show every key that works here", Going),
        Action::Palette => row("palette", "palette", "Search every action and every service by name", Going),
        Action::Notices => row("notices", "notices", "Show what the console told in passing", Going),
        Action::Themes => row("themes", "themes", "Pick a theme", Going),
        Action::Filter => row("filter", "filter", "Show only the services whose name contains a text", Console),
        Action::Copy => row("copy", "copy", "Copy what is under the cursor to the clipboard", Console),
        Action::Redraw => row("redraw", "redraw", "Draw the screen again", Console),
        Action::Reconnect => row("reconnect", "reconnect", "Try lost links now", Console),
        Action::Mouse => row("mouse", "mouse", "Turn the mouse on or off", Console),
        Action::Arm => row("arm", "arm", "Allow writes for ten minutes where there is no plan", Console),
        Action::Acknowledge => row("acknowledge", "acknowledge", "Close operations in doubt with what the cluster shows", Console),
        Action::Quit => row("quit", "quit", "Leave rolldeck; nothing that was sent is taken back", Console),
        Action::Ship => row("ship", "ship", "Bring a new version in", Rollout),
        Action::Promote => row("promote", "promote", "Leave the pause or the step that the rollout stands at", Rollout),
        Action::PromoteFully => row("promote-fully", "fully", "Skip every step that is left", Rollout),
        Action::Hold => row("hold", "hold", "Hold the rollout, or resume a held one", Rollout),
        Action::Abort => row("abort", "abort", "Give up the change under way and go back", Rollout),
        Action::Retry => row("retry", "retry", "Try an aborted rollout again", Rollout),
        Action::Switch => row("switch", "switch", "Send the users to the other side of a blue/green pair", Rollout),
        Action::RollBack => row("roll-back", "roll back", "Bring a former revision back", Rollout),
        Action::Restart => row("restart", "restart", "Replace every instance by a new one of the same version", Rollout),
        Action::Scale => row("scale", "scale", "Change the number of instances", Rollout),
        Action::Retire => row("retire", "retire", "Scale the side without users to nothing", Rollout),
        Action::StopAnalysis => row("stop-analysis", "stop analysis", "Stop the analysis that is under way", Rollout),
        Action::Drive => row("drive", "drive", "Take the driver's lock, let it go, or ask whoever has it", Rollout),
        Action::Checklist => row("checklist", "checklist", "Open the checklist and the gate of the release", Release),
        Action::Releases => row("releases", "releases", "List the releases, the newest first", Going),
        Action::NewRelease => row("new-release", "new release", "Make a release of the service under the cursor", Release),
        Action::EditRelease => row("edit-release", "edit", "Change what a draft says", Release),
        Action::Announce => row("announce", "announce", "Announce the draft: checks run, approvals are asked for", Release),
        Action::Tick => row("tick", "tick", "Tick the item under the cursor, or take your tick back", Release),
        Action::Evidence => row("evidence", "evidence", "Tick the item with a note and an address", Release),
        Action::Check => row("check", "check again", "Run the check under the cursor again", Release),
        Action::CheckAll => row("check-all", "check all", "Run every check again", Release),
        Action::Approve => row("approve", "approve", "Approve the release in a role that you hold", Release),
        Action::Refuse => row("refuse", "refuse", "Refuse the release, with a reason", Release),
        Action::Withdraw => row("withdraw", "withdraw", "Take your approval or refusal back, or the tick under the cursor", Release),
        Action::Override => row("override", "override", "Open the gate with a typed reason against what it says", Release),
        Action::Schedule => row("schedule", "schedule", "Set a time at which it begins by itself, or take it back", Release),
        Action::Start => row("start", "start", "Begin the release: ship its version", Release),
        Action::Finish => row("finish-release", "finish", "Close a verified release as done", Release),
        Action::GiveUp => row("give-up", "give up", "Give up a release that has not begun", Release),
        Action::Remark => row("remark", "remark", "Write a note on the timeline of the release", Release),
        Action::Export => row("export", "export", "Write the report of the release to a file, as Markdown and JSON", Release),
        Action::Follow => row("follow", "follow", "Follow the newest line, or stop", Logs),
        Action::Wrap => row("wrap", "wrap", "Wrap long lines, or cut them", Logs),
        Action::Timestamps => row("timestamps", "time", "Show or hide the time of each line", Logs),
        Action::Level => row("level", "level", "Show only lines at or above the next level", Logs),
        Action::Role => row("role", "role", "Show the candidate's lines, the stable ones, or both", Logs),
        Action::Instance => row("instance", "pod", "Show only the lines of the pod of this line, or all", Logs),
        Action::Container => row("container", "container", "Show only the lines of the next container, or all", Logs),
        Action::Pattern => row("pattern", "only", "Show only lines that match a regular expression", Logs),
        Action::Search => row("search", "search", "Search, keeping the lines around", Logs),
        Action::NextMatch => row("next-match", "next", "Go to the next match", Logs),
        Action::PreviousMatch => row("previous-match", "previous", "Go to the previous match", Logs),
        Action::PreviousRun => row("previous-run", "previous run", "Show the run before the last restart, or the present one", Logs),
        Action::RangeTail => row("range-tail", "tail", "Read the last 1000 lines of each pod", Logs),
        Action::Range1m => row("range-1m", "1m", "Read the last minute", Logs),
        Action::Range5m => row("range-5m", "5m", "Read the last 5 minutes", Logs),
        Action::Range15m => row("range-15m", "15m", "Read the last 15 minutes", Logs),
        Action::Range1h => row("range-1h", "1h", "Read the last hour", Logs),
        Action::Select => row("select", "select", "Begin a selection of lines to copy, or forget it", Logs),
        Action::Save => row("save", "save", "Save the lines shown to a file", Logs),
        Action::Confirm => row("confirm", "yes", "Do what the dialog shows", Dialog),
        Action::Cancel => row("cancel", "cancel", "Close the dialog, send nothing", Dialog),
        Action::Next => row("next", "next", "Move to the next button or proposal", Dialog),
        Action::Accept => row("accept", "accept", "Press the button, take the row or the text", Dialog),
    }
}

/// Returns the action of a name in the key map.
pub fn named(name: &str) -> Option<Action> {
    Action::ALL.into_iter().find(|action| row(*action).name == name)
}

/// Returns the label that stands at the key now: a toggle says what it would do.
pub fn label(model: &Model, action: Action) -> &'static str {
    match action {
        Action::Hold | Action::Switch => match verb(model, action) {
            Ok(verb) => verb.word(),
            Err(_) => row(action).label,
        },
        Action::NextPane if matches!(model.nav.screen(), Screen::Release(_)) => "next open",
        Action::Confirm if matches!(model.overlay, Some(Overlay::Form(_))) => "save",
        Action::Drive => match model.open_rollout().map(|id| model.drivers.of(id)) {
            Some(Standing::Mine { asked: Some(_), .. }) => "hand over",
            Some(Standing::Mine { .. } | Standing::Lapsed { .. }) => "let go",
            Some(Standing::Theirs { .. }) => "ask to drive",
            _ => row(action).label,
        },
        _ => row(action).label,
    }
}

/// Returns the actions of the bottom line, the most important first. Help comes last and is always shown.
pub fn footer(model: &Model) -> Vec<Action> {
    use Action::{
        Abort, Back, Filter, Follow, Help, Hold, Level, Logs, NextMatch, NextPane, Open, Palette, Pattern, Promote, PromoteFully, Restart,
        Retire, Retry, Revisions, Role, RollBack, Save, Scale, Search, Ship, StopAnalysis, Switch, Timeline, Timestamps, Wrap,
    };
    let mut actions = match model.nav.screen() {
        Screen::Deck => {
            let mut actions = vec![Open];
            actions.extend(of_releases(model));
            actions.extend([Logs, Revisions, Timeline, Filter, NextPane, Palette]);
            actions
        }
        Screen::Rollout(id) => {
            // What the strategy has no word for at all is left to the palette and the help, which say why.
            let offered = |action: &Action| {
                model.rollout(id).is_none_or(|rollout| action.verbs().iter().any(|verb| rollout.capabilities.0.contains_key(verb)))
            };
            let verbs = [Promote, PromoteFully, Hold, Abort, Switch, RollBack, Ship, Retry, Restart, Scale, Retire, StopAnalysis];
            let mut actions: Vec<_> = verbs.into_iter().filter(offered).collect();
            if !matches!(model.drivers.of(id), Standing::Unknown | Standing::Unavailable { .. }) {
                actions.push(Action::Drive);
            }
            actions.extend(of_releases(model).into_iter().filter(|action| *action == Action::Checklist));
            actions.extend([Logs, Revisions, Timeline, Palette]);
            actions
        }
        Screen::Logs(_) => vec![Back, Follow, Search, NextMatch, Pattern, Level, Role, Wrap, Timestamps, Save],
        Screen::Revisions(_) => vec![Back, RollBack, Logs],
        Screen::Timeline(_) => vec![Back, Open],
        Screen::Releases => vec![Back, Open],
        Screen::Release(id) => on_release(model, id),
        Screen::Chronicle(_) => vec![Back, Open, Filter, Action::Remark, Action::Export],
    };
    if matches!(model.nav.screen(), Screen::Timeline(_)) && model.jobs.in_doubt().next().is_some() {
        actions.push(Action::Acknowledge);
    }
    actions.push(Help);
    actions
}

/// Returns the keys of a release's screen: those of its phase, and of the row under the cursor only what is for such a row.
fn on_release(model: &Model, id: &ReleaseId) -> Vec<Action> {
    use Action::{
        Announce, Approve, Check, CheckAll, EditRelease, Evidence, Finish, GiveUp, Override, Refuse, Remark, Schedule, Start, Tick,
        Withdraw,
    };
    let Some(release) = model.releases.get(id) else { return vec![Action::Back] };
    let of_phase: &[Action] = match release.phase {
        Phase::Draft => &[Announce, EditRelease, GiveUp],
        Phase::Checking => &[Tick, Evidence, Check, CheckAll, Approve, Refuse, Withdraw, Start, Override, Schedule, GiveUp],
        Phase::Ready => &[Start, Schedule, Tick, Evidence, Check, CheckAll, Approve, Refuse, Withdraw, GiveUp],
        Phase::InProgress => &[Tick, Evidence, Check, CheckAll, Start],
        Phase::Verifying => &[Finish, Tick, Evidence, Check, CheckAll],
        Phase::Done | Phase::RolledBack | Phase::Aborted => &[Tick, Evidence, Check, CheckAll],
    };
    let mut actions = vec![Action::Back];
    if !matches!(release.phase, Phase::Draft | Phase::Aborted | Phase::Done) {
        actions.push(Action::NextPane);
    }
    let of_row = |action: &Action| matches!(action, Tick | Evidence | Check | Withdraw);
    actions.extend(of_phase.iter().copied().filter(|action| !of_row(action) || available(model, *action).is_ok()));
    actions.extend([Action::Open, Remark, Action::Timeline, Action::Palette]);
    actions
}

/// Returns the keys about releases that are of use where one looks: none where nothing is asked of a release and none is known.
fn of_releases(model: &Model) -> Vec<Action> {
    let Some(id) = model.selected_rollout() else { return Vec::new() };
    let mut actions = Vec::new();
    if model.releases.active(&id.service, &id.environment).is_some() {
        actions.push(Action::Checklist);
    }
    if model.policy(&id.environment).is_some_and(|policy| policy.asks()) {
        actions.push(Action::NewRelease);
    }
    actions
}

/// Returns the verb that an action comes to now: the first of its verbs that is possible; else the first whose refusal
/// says most.
///
/// # Errors
///
/// The refusal to show beside the greyed key.
pub fn verb(model: &Model, action: Action) -> Result<Verb, Refusal> {
    let Some(id) = model.open_rollout() else { return Err(Refusal::NotOnItsScreen) };
    let mut refused = None;
    for verb in action.verbs() {
        match model.can(id, *verb) {
            Ok(()) => return Ok(*verb),
            // "It has none of this" says less than "not now".
            Err(refusal @ Refusal::NotOffered { .. }) => {
                refused.get_or_insert(refusal);
            }
            Err(refusal) => match &refused {
                None | Some(Refusal::NotOffered { .. } | Refusal::NotHeld) => refused = Some(refusal),
                Some(_) => {}
            },
        }
    }
    Err(refused.unwrap_or(Refusal::NotOnItsScreen))
}

/// Returns whether an action can be done here and now.
///
/// # Errors
///
/// Why not, in one sentence.
pub fn available(model: &Model, action: Action) -> Result<(), Refusal> {
    let here = |fits: bool, what: &str| if fits { Ok(()) } else { Err(Refusal::Other(what.into())) };
    if !action.verbs().is_empty() {
        if !matches!(model.nav.screen(), Screen::Rollout(_) | Screen::Revisions(_)) {
            return Err(Refusal::NotOnItsScreen);
        }
        return verb(model, action).map(drop);
    }
    match action {
        Action::Filter => here(matches!(model.nav.screen(), Screen::Deck | Screen::Chronicle(_)), "only on the deck and on a timeline"),
        Action::Logs | Action::Revisions => here(model.selected_rollout().is_some(), "nothing is selected"),
        Action::Arm => here(model.plan.provisional, "the plan says what may be written"),
        Action::Acknowledge => here(model.jobs.in_doubt().next().is_some(), "nothing is in doubt"),
        Action::Export => here(model.open_release().is_some(), "open a release first"),
        Action::Remark if matches!(model.nav.screen(), Screen::Logs(_)) => {
            crate::app::model::chronicle::takes_line(model).map(drop).map_err(Refusal::Other)
        }
        _ if row(action).group == Group::Release => crate::app::model::releases::available(model, action),
        _ if row(action).group == Group::Logs => here(matches!(model.nav.screen(), Screen::Logs(_)), "only in the logs"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_name_of_its_own() {
        for action in Action::ALL {
            assert_eq!(named(row(action).name), Some(action));
            assert!(row(action).label.len() <= 14, "{action:?}: the bottom line is short");
        }
    }
}
