//! One line of text asked for: a version to ship, a number of instances, a filter, a search, a file to save to.

use std::path::PathBuf;

use tui_input::Input;

use super::{Turn, confirm, driver, logs, order, release};
use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::model::dialog::{Overlay, Prompt, Question};
use crate::app::model::nav::Cursor;
use crate::domain::id::Track;
use crate::domain::rollout::Rollout;
use crate::domain::verb::Order;

/// The most instances that a scale may ask for: a slip of the finger is no cluster-wide event.
const MOST: u32 = 1_000;

/// Asks for the deck's filter.
pub(super) fn filter(model: &mut Model) {
    let input = Input::new(model.nav.deck.filter.clone());
    model.overlay =
        Some(Overlay::Prompt(Prompt { question: Question::DeckFilter, input, proposals: Vec::new(), cursor: None, error: None }));
}

/// Asks for a text without proposals.
pub(super) fn open(model: &mut Model, question: Question, text: String) {
    model.overlay = Some(Overlay::Prompt(Prompt { question, input: Input::new(text), proposals: Vec::new(), cursor: None, error: None }));
}

/// The text changed: it counts from now on, not the proposal; filter and search follow as one types.
pub(super) fn edited(model: &mut Model) {
    let Some(Overlay::Prompt(asked)) = &mut model.overlay else { return };
    asked.cursor = None;
    asked.error = None;
    let text = asked.input.value().to_owned();
    match asked.question {
        Question::DeckFilter => {
            model.nav.deck.filter = text;
            model.nav.deck.cursor = Cursor::default();
        }
        Question::Search => logs::search(model, &text),
        Question::ChronicleFilter => {
            model.nav.chronicle.filter = text;
            model.nav.chronicle.cursor = Cursor::default();
        }
        _ => {}
    }
}

/// Does what is asked for in the prompt.
pub(super) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    let Some(Overlay::Prompt(asked)) = &mut model.overlay else { return };
    match action {
        Action::Cancel | Action::Back => {
            let question = asked.question.clone();
            model.overlay = None;
            match question {
                Question::DeckFilter => model.nav.deck.filter.clear(),
                Question::Search => logs::search(model, ""),
                Question::ChronicleFilter => model.nav.chronicle.filter.clear(),
                _ => {}
            }
        }
        Action::Up | Action::Down | Action::Next => {
            let count = asked.proposals.len();
            if count > 0 {
                asked.cursor = match (asked.cursor, action) {
                    (None | Some(0), Action::Up) => None,
                    (None, _) => Some(0),
                    (Some(at), Action::Up) => Some(at - 1),
                    (Some(at), _) => Some((at + 1).min(count - 1)),
                };
            }
        }
        Action::Accept => accept(model, turn),
        _ => {}
    }
}

fn accept(model: &mut Model, turn: &mut Turn) {
    let Some(Overlay::Prompt(asked)) = &model.overlay else { return };
    let text = match asked.cursor.and_then(|at| asked.proposals.get(at)) {
        Some((proposal, _)) => proposal.clone(),
        None => asked.input.value().to_owned(),
    };
    let question = asked.question.clone();
    let outcome = match question {
        Question::Ship { rollout } => match model.rollout(&rollout).cloned() {
            Some(told) => order::image_of(model, &told, &text).and_then(|image| {
                let image = release::pinned(model, &rollout, image);
                let ship = Order::Ship { container: told.container.clone(), image };
                model.admits(&rollout, &ship).map_err(|refusal| refusal.to_string())?;
                confirm::ask(model, rollout, ship, turn);
                Ok(())
            }),
            None => Err("it is not there any more".into()),
        },
        Question::Scale { rollout, track, .. } => match model.rollout(&rollout).cloned() {
            Some(told) => replicas(&told, track, &text).map(|scale| confirm::ask(model, rollout, scale, turn)),
            None => Err("it is not there any more".into()),
        },
        Question::Drive { rollout, holder } => {
            driver::typed(model, rollout, &holder, &text, turn);
            Ok(())
        }
        Question::DeckFilter | Question::ChronicleFilter => {
            model.overlay = None;
            Ok(())
        }
        Question::Search => {
            model.overlay = None;
            logs::search(model, &text);
            Ok(())
        }
        Question::Evidence { .. }
        | Question::Decide { .. }
        | Question::Override { .. }
        | Question::Schedule { .. }
        | Question::GiveUp { .. }
        | Question::Remark { .. } => release::answered(model, question, &text, turn),
        Question::Pattern => logs::pattern(model, &text).map(|()| model.overlay = None),
        Question::Save => {
            if text.trim().is_empty() {
                Err("type a file's path".into())
            } else {
                model.overlay = None;
                logs::save(model, PathBuf::from(text.trim()), turn);
                Ok(())
            }
        }
    };
    if let (Err(why), Some(Overlay::Prompt(asked))) = (outcome, &mut model.overlay) {
        asked.error = Some(why);
    }
}

/// Reads `5`, or `green 5` of a blue/green pair.
fn replicas(rollout: &Rollout, active: Option<Track>, text: &str) -> Result<Order, String> {
    let mut words = text.split_whitespace();
    let (track, number) = match (words.next(), words.next(), words.next()) {
        (Some(number), None, None) => (active, number),
        (Some(track), Some(number), None) => {
            let named = rollout.revisions.iter().filter_map(|revision| revision.track.clone()).find(|known| known.as_str() == track);
            (Some(named.ok_or_else(|| format!("no side is called `{track}`"))?), number)
        }
        _ => return Err("type a number, as `5`".into()),
    };
    let replicas: u32 = number.parse().map_err(|_| format!("`{number}` is no number of instances"))?;
    if replicas > MOST {
        return Err(format!("{replicas} is more than the {MOST} that rolldeck lets one key ask for"));
    }
    Ok(Order::Scale { track, replicas })
}
