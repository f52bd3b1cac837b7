//! Input to action: which mode the key is looked up in, and what may not act on a key held down or pasted.

use crokey::KeyCombination;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler as _;

use super::{Redraw, Turn, confirm, logs, mouse, nav, order, palette, prompt, quit, release};
use crate::app::action::Action;
use crate::app::catalogue::{self, Group};
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::dialog::Overlay;
use crate::app::model::nav::Screen;
use crate::app::model::notices::Tone;
use crate::port::terminal::Input;

/// Takes one input.
pub(super) fn take(model: &mut Model, input: Input, turn: &mut Turn) {
    turn.redraw(Redraw::Now);
    match input {
        Input::Key { key, repeat } => key_pressed(model, key, repeat, turn),
        Input::Paste(text) => pasted(model, &text),
        Input::Mouse { kind, column, row } => mouse::take(model, kind, column, row, turn),
        Input::Resize { columns, rows } => model.size = (columns, rows),
        Input::Focus(focused) => {
            model.focused = focused;
            turn.redraw = Redraw::No;
        }
    }
    logs::sync(model, turn);
}

/// Returns the section of the key map that holds now.
fn mode(model: &Model) -> &'static str {
    model.overlay.as_ref().map_or_else(|| model.nav.screen().mode(), Overlay::mode)
}

fn key_pressed(model: &mut Model, key: KeyCombination, repeat: bool, turn: &mut Turn) {
    let Some(action) = model.keymap.action(mode(model), key) else {
        return text_key(model, key, repeat, turn);
    };
    // Ctrl-c leaves from wherever one is: dialogs and prompts bind no such key.
    if repeat && (action.mutates() || action == Action::Quit || submits(model, action)) {
        return;
    }
    perform(model, action, turn);
}

/// Whether it writes what was typed: a key held down moves through a form and never sends it.
fn submits(model: &Model, action: Action) -> bool {
    matches!(model.overlay, Some(Overlay::Form(_))) && matches!(action, Action::Accept | Action::Confirm)
}

/// What is not bound is text where text is asked for; else ctrl-c leaves.
fn text_key(model: &mut Model, key: KeyCombination, repeat: bool, turn: &mut Turn) {
    let crokey::OneToThree::One(code) = key.codes else { return };
    if code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL {
        return quit(model, turn);
    }
    let event = Event::Key(KeyEvent::new(code, key.modifiers));
    match &mut model.overlay {
        Some(Overlay::Prompt(asked)) => {
            if asked.input.handle_event(&event).is_some() {
                prompt::edited(model);
            }
        }
        Some(Overlay::Palette(open)) => {
            if open.input.handle_event(&event).is_some() {
                palette::edited(model);
            }
        }
        Some(Overlay::Form(form)) => release::form::typed(form, KeyEvent::new(code, key.modifiers)),
        // The typed name is a deliberate act: a paste without brackets would be none.
        Some(Overlay::Confirm(asked)) if asked.wants_name() && !repeat => {
            asked.typed.handle_event(&event);
        }
        _ => {}
    }
}

/// Pasted text is text, and never keys.
fn pasted(model: &mut Model, text: &str) {
    let line = text.lines().next().unwrap_or_default();
    let type_into = |input: &mut tui_input::Input| {
        for character in line.chars().filter(|character| !character.is_control()) {
            input.handle(tui_input::InputRequest::InsertChar(character));
        }
    };
    match &mut model.overlay {
        Some(Overlay::Prompt(asked)) => {
            type_into(&mut asked.input);
            prompt::edited(model);
        }
        Some(Overlay::Palette(open)) => {
            type_into(&mut open.input);
            palette::edited(model);
        }
        Some(Overlay::Form(form)) => release::form::pasted(form, line),
        // The typed name is a deliberate act: pasting it would be none.
        _ => {
            model.notices.add(model.now, Tone::Info, None, "pasted text does nothing here");
        }
    }
}

/// Does what was asked for, by key, click or palette.
pub(super) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    if model.overlay.is_some() && action != Action::Quit {
        return overlaid(model, action, turn);
    }
    if let Err(refusal) = catalogue::available(model, action) {
        let label = catalogue::label(model, action);
        model.notices.add(model.now, Tone::Warn, model.selected_rollout(), format!("{label}: {refusal}"));
        return;
    }
    match action {
        Action::Quit => quit(model, turn),
        Action::Redraw => turn.push(Effect::Repaint),
        Action::Mouse => {
            model.look.mouse = !model.look.mouse;
            turn.push(Effect::Mouse(model.look.mouse));
            let state = if model.look.mouse { "on" } else { "off: the terminal selects text again" };
            model.notices.add(model.now, Tone::Info, None, format!("mouse {state}"));
        }
        Action::Palette => palette::open(model),
        Action::Filter if matches!(model.nav.screen(), Screen::Chronicle(_)) => release::chronicle::filter(model),
        Action::Filter => prompt::filter(model),
        Action::Export => release::chronicle::export(model, turn),
        Action::Remark if matches!(model.nav.screen(), Screen::Logs(_)) => release::chronicle::keep_line(model, turn),
        Action::Reconnect => nav::reconnect(model, turn),
        Action::Arm => order::arm(model),
        Action::Acknowledge => super::jobs::acknowledge(model, turn),
        _ if !action.verbs().is_empty() => order::begin(model, action, turn),
        _ if catalogue::row(action).group == Group::Release || action == Action::Releases => release::perform(model, action, turn),
        Action::Timeline if model.open_release().is_some() => release::perform(model, action, turn),
        _ if catalogue::row(action).group == Group::Logs => logs::perform(model, action, turn),
        _ => nav::perform(model, action, turn),
    }
}

/// What is asked for while something lies over the screen.
fn overlaid(model: &mut Model, action: Action, turn: &mut Turn) {
    match &model.overlay {
        Some(Overlay::Confirm(_)) => confirm::perform(model, action, turn),
        Some(Overlay::Prompt(_)) => prompt::perform(model, action, turn),
        Some(Overlay::Palette(_)) => palette::perform(model, action, turn),
        Some(Overlay::Form(_)) => release::form::perform(model, action, turn),
        Some(Overlay::Roles(_) | Overlay::Item { .. }) => release::perform_list(model, action, turn),
        Some(
            Overlay::RollBack(_)
            | Overlay::Analyses(_)
            | Overlay::Whole(_)
            | Overlay::Help { .. }
            | Overlay::Notices(_)
            | Overlay::Themes { .. },
        ) => {
            nav::perform_list(model, action, turn);
        }
        None => {}
    }
}
