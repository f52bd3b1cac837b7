//! The driver's lock on screen: what its key asks for, and what its moves mean to the person here.

use super::{Redraw, Turn, confirm, jobs};
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::dialog::{Overlay, Prompt, Question};
use crate::app::model::notices::Tone;
use crate::domain::change::Judgement;
use crate::domain::driver::{Drive, Seat, Standing};
use crate::domain::id::RolloutId;
use crate::domain::verb::Order;
use crate::port::engine::{Command, Telling};
use crate::port::terminal;

/// Takes how a lock stands now.
pub(super) fn take(model: &mut Model, seat: &Seat, standing: Standing, turn: &mut Turn) {
    let before = model.drivers.set(seat.clone(), standing);
    let turned = said(&before, model.drivers.at(seat));
    let about: Vec<RolloutId> = model.plan.cell(&seat.service, &seat.environment).map(|workload| workload.id.clone()).collect();
    for (tone, text, call) in turned {
        model.notices.add(model.now, tone, about.first().cloned(), text.clone());
        if call && !model.focused {
            if model.look.bell {
                turn.push(Effect::Terminal(terminal::Command::Bell));
            }
            if model.look.notify {
                turn.push(Effect::Terminal(terminal::Command::Notify(format!("{seat}: {text}"))));
            }
        }
    }
    for id in &about {
        jobs::judge(model, id, turn);
    }
    turn.redraw(Redraw::Soon);
}

/// Returns what is said of a turn: how grave, the sentence, and whether it is worth a bell.
fn said(before: &Standing, now: &Standing) -> Vec<(Tone, String, bool)> {
    use Standing::{Expired, Free, Lapsed, Mine, Theirs, Unavailable, Unknown};
    let mut said = Vec::new();
    match (before, now) {
        // What was so before this console came is on the top line.
        (Unknown | Unavailable { .. }, _) | (_, Unknown) => {}
        (Mine { .. } | Lapsed { .. }, Theirs { holder, reason: Some(reason), .. }) => {
            said.push((Tone::Bad, format!("{} took over: {reason}; this console only watches now", holder.name), true));
        }
        (Mine { .. } | Lapsed { .. }, Theirs { holder, .. }) => {
            said.push((Tone::Warn, format!("{} drives now; this console only watches", holder.name), true));
        }
        (Mine { .. }, Lapsed { .. }) => {
            said.push((Tone::Bad, "you drive no longer: the lock could not be renewed in time".into(), true));
        }
        (Mine { .. } | Lapsed { .. }, Free { .. } | Expired { .. }) => said.push((Tone::Info, "nobody drives now".into(), false)),
        (Theirs { holder, .. }, Free { .. }) => {
            said.push((Tone::Info, format!("{} drives no longer: the lock is free", holder.name), false));
        }
        (Theirs { .. }, Expired { holder }) => {
            said.push((Tone::Warn, format!("nothing was heard of {holder} for the lock's duration: it is free"), false));
        }
        (Theirs { holder: former, .. }, Theirs { holder, .. }) if former == holder => {}
        (_, Theirs { holder, .. }) => said.push((Tone::Info, format!("{} drives now", holder.name), false)),
        (Mine { .. }, Mine { .. }) => {}
        (_, Mine { .. }) => said.push((Tone::Good, "you drive".into(), false)),
        (_, Unavailable { why }) => said.push((Tone::Warn, format!("not locked: {why}"), false)),
        _ => {}
    }
    if let Mine { asked, told, .. } = now {
        let (asked_before, told_before) = match before {
            Mine { asked, told, .. } => (asked.as_ref(), told.as_ref()),
            _ => (None, None),
        };
        if let Some(asker) = asked.as_ref().filter(|asker| Some(*asker) != asked_before) {
            said.push((Tone::Warn, format!("{asker} asks to drive"), true));
        }
        if let Some(what) = told.as_ref().filter(|what| Some(*what) != told_before) {
            said.push((Tone::Warn, format!("while you drive: {what}"), true));
        }
    }
    said
}

/// Begins what the lock's key asks for as it stands: take it, let it go, hand it over, or ask for it.
pub(super) fn begin(model: &mut Model, rollout: RolloutId, turn: &mut Turn) {
    let act = match model.drivers.of(&rollout) {
        Standing::Mine { asked: Some(asker), .. } => Drive::HandOver { to: asker.clone() },
        Standing::Mine { .. } | Standing::Lapsed { .. } => Drive::Release,
        Standing::Theirs { holder, .. } => {
            let question = Question::Drive { holder: holder.name.clone(), rollout };
            model.overlay = Some(Overlay::Prompt(Prompt {
                question,
                input: tui_input::Input::default(),
                proposals: Vec::new(),
                cursor: None,
                error: None,
            }));
            return;
        }
        Standing::Unknown | Standing::Free { .. } | Standing::Expired { .. } | Standing::Unavailable { .. } => Drive::Take,
    };
    confirm::ask(model, rollout, Order::Drive { act }, turn);
}

/// Takes what was typed to somebody who drives: nothing asks them, a reason takes over.
pub(super) fn typed(model: &mut Model, rollout: RolloutId, holder: &str, text: &str, turn: &mut Turn) {
    let reason = text.trim();
    if reason.is_empty() {
        model.overlay = None;
        tell(model, &rollout, Telling::Ask, turn);
        model.notices.add(model.now, Tone::Info, Some(rollout), format!("{holder} is asked to hand over"));
    } else {
        let reason = reason.to_owned();
        confirm::ask(model, rollout, Order::Drive { act: Drive::TakeOver { reason } }, turn);
    }
}

/// Tells whoever drives what was done here for the way back, which no lock stops.
pub(super) fn tell_way_back(model: &Model, rollout: &RolloutId, done: &str, turn: &mut Turn) {
    // Nothing heard of a driver does not mean that there is none.
    if matches!(model.drivers.of(rollout), Standing::Theirs { .. } | Standing::Expired { .. }) {
        let what = format!("{} {done} {rollout}", model.actor(rollout));
        tell(model, rollout, Telling::Did(what), turn);
    }
}

fn tell(model: &Model, rollout: &RolloutId, telling: Telling, turn: &mut Turn) {
    // The engine of the seat's first workload keeps its lock.
    let seat = Seat::of(rollout);
    let kind = model.plan.cell(&seat.service, &seat.environment).next().map(|workload| workload.engine);
    if let Some(kind) = kind {
        turn.push(Effect::Engine(kind, Command::Tell { seat, telling }));
    }
}

/// Compares what was ordered of a lock with how it stands.
pub(super) fn judge(model: &Model, rollout: &RolloutId, held: bool) -> Judgement {
    match (model.drivers.of(rollout), held) {
        (Standing::Mine { .. }, true) => Judgement::Met("you drive".into()),
        (Standing::Theirs { holder, .. }, true) => Judgement::Missed(format!("{} drives", holder.name)),
        (Standing::Theirs { holder, .. }, false) => Judgement::Met(format!("{} drives", holder.name)),
        (Standing::Free { .. } | Standing::Expired { .. }, false) => Judgement::Met("nobody drives".into()),
        _ => Judgement::Pending,
    }
}
