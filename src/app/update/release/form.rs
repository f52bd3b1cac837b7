//! The form of a release: from the deck to a draft, and from a draft to another.

use crossterm::event::{Event, KeyCode, KeyEvent};
use tui_input::InputRequest;
use tui_input::backend::crossterm::EventHandler as _;

use super::append::append;
use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::dialog::{Form, Overlay};
use crate::app::model::form;
use crate::app::model::nav::Screen;
use crate::app::model::releases::Pending;
use crate::app::update::Turn;
use crate::domain::id::ReleaseId;
use crate::domain::release::Brief;
use crate::domain::release::record::{Body, Entry};
use crate::port::releases;

/// Opens the form for a new release of the selected service.
pub(super) fn create(model: &mut Model) {
    let Some(id) = model.selected_rollout() else { return };
    model.overlay = Some(Overlay::Form(Box::new(Form::of(model, &id.service, &id.environment))));
}

/// Opens the form of the draft that is open.
pub(super) fn edit(model: &mut Model) {
    let form = model.open_release().cloned().and_then(|release| Form::changing(model, &release));
    if let Some(form) = form {
        model.overlay = Some(Overlay::Form(Box::new(form)));
    }
}

/// Does what is asked for in the form.
pub(in crate::app::update) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    let rows = isize::try_from(model.regions.list_rows).unwrap_or(1).max(2) - 1;
    let Some(Overlay::Form(form)) = &mut model.overlay else { return };
    match action {
        Action::Cancel | Action::Back => model.overlay = None,
        Action::Up => form.step(-1),
        Action::Down | Action::Next => form.step(1),
        Action::PageUp => form.step(-rows),
        Action::PageDown => form.step(rows),
        Action::Accept if form.place() + 1 < form.shown().len() => form.step(1),
        Action::Accept | Action::Confirm => save(model, turn),
        _ => {}
    }
}

/// Takes a key that is not bound: text, or Left and Right through what may be chosen.
pub(in crate::app::update) fn typed(form: &mut Form, key: KeyEvent) {
    let Some(field) = form.field() else { return };
    let value = field.input.value();
    let chosen = value.is_empty() || field.choices.iter().any(|(choice, _)| choice == value);
    match key.code {
        // A version that was typed is walked through like any text.
        KeyCode::Left | KeyCode::Right if !field.choices.is_empty() && chosen => field.turn(key.code == KeyCode::Left),
        KeyCode::Char(' ') if field.closed() => field.turn(false),
        KeyCode::Char(first) if field.closed() => {
            let starts = |(choice, _): &&(String, String)| choice.to_lowercase().starts_with(first.to_ascii_lowercase());
            if let Some((choice, _)) = field.choices.iter().find(starts) {
                field.input = choice.as_str().into();
                field.error = None;
            }
        }
        _ if field.closed() => {}
        _ => {
            if field.input.handle_event(&Event::Key(key)).is_some() {
                field.error = None;
            }
        }
    }
}

/// Takes pasted text: what of it fits into one line.
pub(in crate::app::update) fn pasted(form: &mut Form, line: &str) {
    let Some(field) = form.field().filter(|field| !field.closed()) else { return };
    for character in line.chars().filter(|character| !character.is_control()) {
        field.input.handle(InputRequest::InsertChar(character));
    }
    field.error = None;
}

/// Moves to a field that was clicked; what may be chosen goes on by another click. Returns nothing: a click never saves.
pub(in crate::app::update) fn clicked(form: &mut Form, place: usize) {
    let Some(at) = form.shown().get(place).copied() else { return };
    let there = form.place() == place;
    form.cursor = at;
    if there && let Some(field) = form.field().filter(|field| field.closed()) {
        field.turn(false);
    }
}

/// Makes the draft, or changes it; or says what is wrong, at its field.
fn save(model: &mut Model, turn: &mut Turn) {
    let Some(Overlay::Form(form)) = &model.overlay else { return };
    let (environment, release) = (form.environment.clone(), form.release.clone());
    let author = match release.as_ref().and_then(|id| model.releases.get(id)) {
        Some(release) => release.brief.author.clone(),
        None => model.person(&environment).0,
    };
    let brief = form.brief(model, &author);
    let unwritable = model.unwritable(&environment);
    let Some(Overlay::Form(form)) = &mut model.overlay else { return };
    let brief = match (brief, unwritable) {
        (Ok(brief), None) => brief,
        (Ok(_), Some(why)) => {
            if let Some(field) = form.field() {
                field.error = Some(why);
            }
            return;
        }
        (Err(wrong), _) => {
            form.cursor = wrong.first().map_or(form.cursor, |(at, _)| *at);
            for (at, why) in wrong {
                if let Some(field) = form.fields.get_mut(at) {
                    field.error = Some(why);
                }
            }
            return;
        }
    };
    model.overlay = None;
    record(model, release, brief, turn);
}

/// Hands the brief to the store: as a new release, whose screen opens, or as what a draft says from now on.
fn record(model: &mut Model, release: Option<ReleaseId>, brief: Brief, turn: &mut Turn) {
    let Some((service, _)) = brief.versions.first() else { return };
    let id = form::name(model.now, service, &model.console);
    let environment = brief.environment.clone();
    let body = Body::Drafted { brief: Box::new(brief) };
    if let Some(id) = release {
        append(model, &id, vec![body], true, turn);
        return;
    }
    let (actor, voucher) = model.person(&environment);
    let entries = vec![Entry { at: model.now, actor, voucher, console: model.console.clone(), body: body.clone() }];
    let seq = model.releases.seq.advance();
    model.releases.pending.insert(seq, Pending { release: id.clone(), bodies: vec![body], since: model.now, asked: true });
    turn.push(Effect::Releases(releases::Command::Create { seq, environment, release: id.clone(), entries }));
    model.nav.open(Screen::Release(id));
}
