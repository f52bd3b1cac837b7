//! Moving about: cursors, panes, screens, and the lists that lie over them.

use super::{Turn, confirm, logs, release};
use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::dialog::{Overlay, Subject, Whole};
use crate::app::model::nav::{Cursor, Pane, Screen};
use crate::app::model::notices::Tone;
use crate::app::model::tree::{self, Item};
use crate::app::model::{Model, chronicle};
use crate::app::regions::Hit;
use crate::domain::id::RolloutId;
use crate::domain::verb::{Order, Verb};
use crate::port::{engine, terminal};

/// Does what is asked for on a screen.
pub(super) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    match action {
        Action::Help => model.overlay = Some(Overlay::Help { top: 0 }),
        Action::Notices => model.overlay = Some(Overlay::Notices(Cursor::default())),
        Action::Themes => {
            let before = model.look.theme.clone();
            let at = model.look.themes.iter().position(|theme| *theme == before).unwrap_or(0);
            model.overlay = Some(Overlay::Themes { cursor: Cursor { at, top: 0 }, before });
        }
        Action::Deck => model.nav.open(Screen::Deck),
        Action::Logs | Action::Revisions | Action::Timeline => go(model, action),
        Action::Open => open(model),
        Action::Back => {
            if !model.nav.back() && !model.nav.deck.filter.is_empty() {
                model.nav.deck.filter.clear();
            }
        }
        Action::Copy => copy(model, turn),
        _ => step(model, action),
    }
}

/// Opens a screen about the selected rollout.
fn go(model: &mut Model, action: Action) {
    let selected = model.selected_rollout();
    // From the deck, one comes back over the rollout's own screen.
    if let (Screen::Deck, Some(id), Action::Logs | Action::Revisions) = (model.nav.screen(), &selected, action) {
        model.nav.open(Screen::Rollout(id.clone()));
    }
    match (action, selected) {
        (Action::Logs, Some(id)) => model.nav.open(Screen::Logs(id)),
        (Action::Revisions, Some(id)) => model.nav.open(Screen::Revisions(id)),
        (Action::Timeline, _) => {
            let about = model.open_rollout().cloned();
            model.nav.open(Screen::Timeline(about));
        }
        _ => {}
    }
}

fn open(model: &mut Model) {
    match model.nav.screen().clone() {
        Screen::Deck => {
            if let Some(id) = model.selected_rollout() {
                model.nav.open(Screen::Rollout(id));
            }
        }
        Screen::Rollout(id) => match model.nav.rollout.pane {
            Pane::Tree => open_tree_row(model, &id),
            Pane::Logs => model.nav.open(Screen::Logs(id)),
            Pane::Events => open_event(model, &id),
        },
        Screen::Revisions(_) | Screen::Logs(_) => {}
        Screen::Release(id) => release::open(model, &id),
        Screen::Chronicle(id) => release::chronicle::open(model, &id),
        Screen::Releases => {
            let chosen = model.releases.newest().get(model.nav.releases.at).map(|release| release.id.clone());
            if let Some(id) = chosen {
                model.nav.open(Screen::Release(id));
            }
        }
        Screen::Timeline(_) => {
            let chosen = model.timeline().get(model.nav.timeline.at).map(|operation| operation.intent.rollout.clone());
            if let Some(id) = chosen {
                model.nav.open(Screen::Rollout(id));
            }
        }
    }
}

/// An instance opens its log, a fold unfolds, the kept revisions open their screen, and what is long opens whole.
fn open_tree_row(model: &mut Model, id: &RolloutId) {
    let Some(rollout) = model.rollout(id).cloned() else { return };
    let rows = tree::rows(&rollout, &model.nav.rollout.unfolded);
    let Some(row) = rows.get(model.nav.rollout.tree.at) else { return };
    let subject = match row.item {
        Item::Instance(instance) => {
            let name = instance.name.clone();
            model.nav.open(Screen::Logs(id.clone()));
            return logs::only_instance(model, Some(name));
        }
        Item::More(revision, _) => {
            model.nav.rollout.unfolded.insert(revision.clone());
            return;
        }
        Item::Revision(revision) => {
            if !model.nav.rollout.unfolded.remove(&revision.id) {
                model.nav.rollout.unfolded.insert(revision.id.clone());
            }
            return;
        }
        Item::Kept(..) => return model.nav.open(Screen::Revisions(id.clone())),
        Item::Analysis(analysis) | Item::Metric(analysis, _) => Subject::Analysis(analysis.name.clone()),
        Item::Experiment(experiment) | Item::Template(experiment, _) => Subject::Experiment(experiment.name.clone()),
        Item::Head | Item::Router | Item::Service(_) | Item::Autoscaler(_) | Item::Budget(_) => Subject::Rollout,
    };
    model.overlay = Some(Overlay::Whole(Whole { rollout: id.clone(), subject, top: 0 }));
}

/// An event opens whole: a controller's message is longer than its row.
fn open_event(model: &mut Model, id: &RolloutId) {
    let Some(event) = model.rollout(id).and_then(|rollout| rollout.events.get(model.nav.rollout.events.at).cloned()) else { return };
    let subject = Subject::Text(format!("{} {}", event.reason, event.about), event.message);
    model.overlay = Some(Overlay::Whole(Whole { rollout: id.clone(), subject, top: 0 }));
}

/// Moves the cursor of the screen's focused pane.
fn step(model: &mut Model, action: Action) {
    match model.nav.screen().clone() {
        Screen::Deck => step_deck(model, action),
        Screen::Rollout(id) => match action {
            Action::NextPane => model.nav.rollout.pane = model.nav.rollout.pane.step(false),
            Action::PreviousPane => model.nav.rollout.pane = model.nav.rollout.pane.step(true),
            _ => {
                let Some(rollout) = model.rollout(&id).cloned() else { return };
                let rows = model.regions.tree_rows;
                match model.nav.rollout.pane {
                    Pane::Tree => {
                        let count = tree::rows(&rollout, &model.nav.rollout.unfolded).len();
                        move_cursor(&mut model.nav.rollout.tree, action, count, rows);
                    }
                    Pane::Events => move_cursor(&mut model.nav.rollout.events, action, rollout.events.len(), model.regions.list_rows),
                    Pane::Logs => logs::step(model, action),
                }
            }
        },
        Screen::Logs(_) => logs::step(model, action),
        Screen::Revisions(id) => {
            let count = model.rollout(&id).map_or(0, |rollout| rollout.revisions.len());
            move_cursor(&mut model.nav.revisions, action, count, model.regions.list_rows);
        }
        Screen::Timeline(_) => {
            let count = model.timeline().len();
            move_cursor(&mut model.nav.timeline, action, count, model.regions.list_rows);
        }
        Screen::Releases => {
            let count = model.releases.newest().len();
            move_cursor(&mut model.nav.releases, action, count, model.regions.list_rows);
        }
        Screen::Release(id) => release::step(model, &id, action),
        Screen::Chronicle(id) => {
            let count = chronicle::rows(model, &id).0.len();
            move_cursor(&mut model.nav.chronicle.cursor, action, count, model.regions.list_rows);
        }
    }
}

fn step_deck(model: &mut Model, action: Action) {
    let count = model.shown_services().len();
    let environments = model.plan.environments.len();
    let rows = model.regions.deck_rows;
    let workloads = model
        .shown_services()
        .get(model.nav.deck.cursor.at)
        .zip(model.plan.environments.get(model.nav.deck.environment))
        .map_or(0, |(service, environment)| model.plan.cell(&service.name, &environment.name).count());
    let deck = &mut model.nav.deck;
    match action {
        Action::Left => deck.environment = deck.environment.saturating_sub(1),
        Action::Right => deck.environment = (deck.environment + 1).min(environments.saturating_sub(1)),
        // Within a cell of several workloads, then on to the next environment.
        Action::NextPane if deck.workload + 1 < workloads => deck.workload += 1,
        Action::PreviousPane if deck.workload > 0 => deck.workload -= 1,
        Action::NextPane => {
            deck.workload = 0;
            deck.environment = (deck.environment + 1) % environments.max(1);
        }
        Action::PreviousPane => {
            deck.workload = 0;
            deck.environment = (deck.environment + environments.max(1) - 1) % environments.max(1);
        }
        _ => {
            deck.workload = 0;
            move_cursor(&mut deck.cursor, action, count, rows);
        }
    }
}

/// Moves a list's cursor.
fn move_cursor(cursor: &mut Cursor, action: Action, count: usize, rows: usize) {
    let page = rows.saturating_sub(1).max(1) as isize;
    match action {
        Action::Up => cursor.step(-1, count, rows),
        Action::Down => cursor.step(1, count, rows),
        Action::PageUp => cursor.step(-page, count, rows),
        Action::PageDown => cursor.step(page, count, rows),
        Action::Top => cursor.set(0, count, rows),
        Action::Bottom => cursor.set(count.saturating_sub(1), count, rows),
        _ => {}
    }
}

/// Does what is asked for in a list over the screen.
pub(super) fn perform_list(model: &mut Model, action: Action, turn: &mut Turn) {
    let rows = model.regions.list_rows.max(1);
    let themes = model.look.themes.clone();
    let notices = model.notices.len();
    match &mut model.overlay {
        Some(Overlay::Help { top }) => match action {
            Action::Up => *top = top.saturating_sub(1),
            Action::Down => *top += 1,
            Action::PageUp => *top = top.saturating_sub(rows),
            Action::PageDown => *top += rows,
            Action::Top => *top = 0,
            Action::Cancel | Action::Back | Action::Accept => model.overlay = None,
            _ => {}
        },
        Some(Overlay::Whole(whole)) => match action {
            Action::Up => whole.top = whole.top.saturating_sub(1),
            Action::Down => whole.top += 1,
            Action::PageUp => whole.top = whole.top.saturating_sub(rows),
            Action::PageDown => whole.top += rows,
            Action::Top => whole.top = 0,
            Action::Cancel | Action::Back | Action::Accept => model.overlay = None,
            _ => {}
        },
        Some(Overlay::Analyses(choice)) => match action {
            Action::Cancel | Action::Back => model.overlay = None,
            Action::Accept => {
                if let Some(analysis) = choice.choices.get(choice.cursor.at).cloned() {
                    let rollout = choice.rollout.clone();
                    match model.can(&rollout, Verb::Terminate) {
                        Ok(()) => confirm::ask(model, rollout, Order::Terminate { analysis }, turn),
                        Err(refusal) => {
                            model.overlay = None;
                            model.notices.add(model.now, Tone::Warn, Some(rollout), format!("stop analysis: {refusal}"));
                        }
                    }
                }
            }
            _ => {
                let count = choice.choices.len();
                move_cursor(&mut choice.cursor, action, count, rows);
            }
        },
        Some(Overlay::Notices(cursor)) => match action {
            Action::Cancel | Action::Back | Action::Accept => model.overlay = None,
            _ => move_cursor(cursor, action, notices, rows),
        },
        Some(Overlay::Themes { cursor, before }) => match action {
            Action::Cancel | Action::Back => {
                model.look.theme.clone_from(before);
                model.overlay = None;
            }
            Action::Accept => model.overlay = None,
            // The theme under the cursor is worn at once.
            _ => {
                move_cursor(cursor, action, themes.len(), rows);
                if let Some(theme) = themes.get(cursor.at) {
                    model.look.theme.clone_from(theme);
                }
            }
        },
        Some(Overlay::RollBack(choice)) => match action {
            Action::Cancel | Action::Back => model.overlay = None,
            Action::Accept => {
                if let Some(to) = choice.choices.get(choice.cursor.at).cloned() {
                    let rollout = choice.rollout.clone();
                    // The order is fixed by the revision's name; the dialog reads it afresh.
                    match model.can(&rollout, Verb::RollBack) {
                        Ok(()) => confirm::ask(model, rollout, Order::RollBack { to }, turn),
                        Err(refusal) => {
                            model.overlay = None;
                            model.notices.add(model.now, Tone::Warn, Some(rollout), format!("roll back: {refusal}"));
                        }
                    }
                }
            }
            _ => {
                let count = choice.choices.len();
                move_cursor(&mut choice.cursor, action, count, rows);
            }
        },
        _ => {}
    }
}

/// Puts what is under the cursor into the clipboard.
fn copy(model: &mut Model, turn: &mut Turn) {
    let text = match model.nav.screen().clone() {
        Screen::Rollout(id) if model.nav.rollout.pane == Pane::Tree => model.rollout(&id).and_then(|rollout| {
            match tree::rows(rollout, &model.nav.rollout.unfolded).get(model.nav.rollout.tree.at)?.item {
                Item::Instance(instance) => Some(instance.name.to_string()),
                Item::Revision(revision) => revision.images.first().map(|image| image.image.clone()),
                Item::Analysis(analysis) | Item::Metric(analysis, _) => Some(analysis.name.clone()),
                Item::Experiment(experiment) | Item::Template(experiment, _) => Some(experiment.name.clone()),
                Item::Service(service) => Some(service.name.clone()),
                Item::Autoscaler(autoscaler) => Some(autoscaler.name.clone()),
                Item::Budget(budget) => Some(budget.name.clone()),
                Item::Head | Item::More(..) | Item::Router | Item::Kept(..) => rollout.objects.first().map(|object| object.name.clone()),
            }
        }),
        Screen::Rollout(id) if model.nav.rollout.pane == Pane::Events => model
            .rollout(&id)
            .and_then(|rollout| rollout.events.get(model.nav.rollout.events.at))
            .map(|event| format!("{} {}: {}", event.reason, event.about, event.message)),
        Screen::Logs(_) | Screen::Rollout(_) => logs::copied(model),
        Screen::Revisions(id) => model
            .rollout(&id)
            .and_then(|rollout| rollout.revisions.get(model.nav.revisions.at))
            .and_then(|revision| revision.images.first().map(|image| image.image.clone())),
        Screen::Timeline(_) => {
            model.timeline().get(model.nav.timeline.at).and_then(|operation| serde_json::to_string_pretty(&operation.intent).ok())
        }
        Screen::Chronicle(id) => release::chronicle::copied(model, &id),
        Screen::Releases | Screen::Release(_) => model.open_release().map(|release| release.brief.route()),
        Screen::Deck => {
            model.selected_rollout().and_then(|id| model.rollout(&id)?.newest()?.images.first().map(|image| image.image.clone()))
        }
    };
    match text {
        Some(text) if text.len() > terminal::COPY_AT_MOST => {
            let sentence =
                format!("not copied: {} bytes, and the terminal takes {}; save it to a file", text.len(), terminal::COPY_AT_MOST);
            model.notices.add(model.now, Tone::Bad, None, sentence);
        }
        Some(text) => {
            let lines = text.lines().count();
            model.notices.add(
                model.now,
                Tone::Info,
                None,
                if lines > 1 { format!("copied {lines} lines") } else { format!("copied {text}") },
            );
            turn.push(Effect::Terminal(terminal::Command::Copy(text)));
        }
        None => model.notices.add(model.now, Tone::Info, None, "nothing to copy here"),
    }
}

/// Tries the lost links now.
pub(super) fn reconnect(model: &mut Model, turn: &mut Turn) {
    let lost: Vec<_> = model.links.iter().filter(|(_, link)| !link.state.is_up()).map(|(scope, _)| scope.clone()).collect();
    if lost.is_empty() {
        model.notices.add(model.now, Tone::Info, None, "every link is live");
    }
    for scope in lost {
        if let Some(kind) = model.plan.workloads().find(|workload| workload.scope() == scope).map(|workload| workload.engine) {
            turn.push(Effect::Engine(kind, engine::Command::Reconnect(scope)));
        }
    }
}

/// Moves the focus or the cursor to what was clicked. Returns whether it was there already.
pub(super) fn focus_hit(model: &mut Model, hit: Option<&Hit>) -> bool {
    match hit {
        Some(Hit::Cell { service, environment }) => {
            let there = model.nav.deck.cursor.at == *service && model.nav.deck.environment == *environment;
            let (count, rows) = (model.shown_services().len(), model.regions.deck_rows);
            model.nav.deck.cursor.set(*service, count, rows);
            model.nav.deck.environment = *environment;
            there
        }
        Some(Hit::TreeRow(at)) => {
            let there = model.nav.rollout.pane == Pane::Tree && model.nav.rollout.tree.at == *at;
            model.nav.rollout.pane = Pane::Tree;
            model.nav.rollout.tree.at = *at;
            there
        }
        Some(Hit::Pane(pane)) => {
            model.nav.rollout.pane = *pane;
            false
        }
        Some(Hit::LogRow(_)) => {
            model.nav.rollout.pane = Pane::Logs;
            false
        }
        Some(Hit::ListRow(_) | Hit::Action(_)) | None => false,
    }
}

/// Moves a list's cursor to the row that was clicked. Returns whether it was there already.
pub(super) fn select_row(model: &mut Model, at: usize) -> bool {
    let rows = model.regions.list_rows.max(1);
    let screen = model.nav.screen().clone();
    let (cursor, count) = match &mut model.overlay {
        Some(Overlay::Palette(open)) => {
            let count = open.rows.len();
            (&mut open.cursor, count)
        }
        Some(Overlay::RollBack(choice)) => {
            let count = choice.choices.len();
            (&mut choice.cursor, count)
        }
        Some(Overlay::Themes { cursor, .. }) => (cursor, model.look.themes.len()),
        Some(Overlay::Notices(cursor)) => (cursor, usize::MAX),
        Some(Overlay::Prompt(asked)) => {
            let there = asked.cursor == Some(at);
            asked.cursor = Some(at).filter(|at| *at < asked.proposals.len());
            return there;
        }
        Some(Overlay::Analyses(choice)) => {
            let count = choice.choices.len();
            (&mut choice.cursor, count)
        }
        Some(Overlay::Roles(choice)) => {
            let count = choice.roles.len();
            (&mut choice.cursor, count)
        }
        Some(Overlay::Confirm(_) | Overlay::Help { .. } | Overlay::Whole(_) | Overlay::Item { .. } | Overlay::Form(_)) => return false,
        None => match screen {
            Screen::Revisions(_) => (&mut model.nav.revisions, usize::MAX),
            Screen::Timeline(_) => (&mut model.nav.timeline, usize::MAX),
            Screen::Releases => (&mut model.nav.releases, usize::MAX),
            Screen::Release(_) => (&mut model.nav.release, usize::MAX),
            Screen::Chronicle(_) => (&mut model.nav.chronicle.cursor, usize::MAX),
            _ => return false,
        },
    };
    let there = cursor.at == at;
    cursor.set(at, count, rows);
    there
}
