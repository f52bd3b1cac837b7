//! The confirm dialog: read and rehearsed afresh, shown, and only then, by one deliberate key, recorded and sent.

use jiff::Timestamp;
use tui_input::Input;

use super::{Turn, jobs, order, release};
use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::dialog::{Button, Confirm, Overlay, Stage, protection_of};
use crate::domain::change::{ChangeError, Preview};
use crate::domain::id::{ReleaseId, RolloutId};
use crate::domain::plan::Protection;
use crate::domain::verb::Order;
use crate::port::{Seq, engine, terminal};

/// Opens the dialog and asks the engine what the order comes to.
pub(super) fn ask(model: &mut Model, rollout: RolloutId, order: Order, turn: &mut Turn) {
    let Some(kind) = model.plan.workload(&rollout).map(|workload| workload.engine) else { return };
    let environment = model.environment(&rollout).map_or(Protection::Protected, |environment| environment.protection);
    let protection = protection_of(order.verb(), environment);
    let seq = model.jobs.seq.advance();
    turn.push(Effect::Engine(kind, engine::Command::Preview { seq, rollout: rollout.clone(), order: order.clone() }));
    let focus = if protection == Protection::Open { Button::Confirm } else { Button::Cancel };
    model.overlay = Some(Overlay::Confirm(Box::new(Confirm {
        rollout,
        order,
        seq,
        stage: Stage::Asking { since: model.now },
        protection,
        focus,
        typed: Input::default(),
        top: 0,
        opened: model.now,
        arm: None,
    })));
}

/// Opens the dialog for an order that is to be done at a time: it shows the exact requests, and confirms that they go by
/// themselves then.
pub(super) fn arm(model: &mut Model, rollout: RolloutId, order: Order, arm: (ReleaseId, Timestamp), turn: &mut Turn) {
    ask(model, rollout, order, turn);
    if let Some(Overlay::Confirm(confirm)) = &mut model.overlay {
        confirm.arm = Some(arm);
    }
}

/// Takes the engine's answer, where the dialog that asked is still open.
pub(super) fn previewed(model: &mut Model, seq: Seq, result: Result<Box<Preview>, ChangeError>) {
    let Some(Overlay::Confirm(confirm)) = &model.overlay else { return };
    if confirm.seq != seq {
        return;
    }
    let by_itself = release::by_itself(model, &confirm.rollout, &confirm.order, confirm.arm.as_ref().map(|(_, at)| *at));
    let Some(Overlay::Confirm(confirm)) = &mut model.overlay else { return };
    confirm.top = 0;
    confirm.stage = match result {
        Ok(mut preview) => {
            preview.leads_to.extend(by_itself);
            Stage::Ready(preview)
        }
        Err(moved @ ChangeError::Moved { .. }) => Stage::Moved(moved.to_string()),
        Err(other) => Stage::Refused(other.to_string()),
    };
}

/// Says in the open dialog that what it shows is no longer so: nothing may be sent on it.
pub(super) fn check_moved(model: &mut Model, id: &RolloutId) {
    let Some(rollout) = model.fleet.get(id) else { return };
    let Some(Overlay::Confirm(confirm)) = &mut model.overlay else { return };
    let Stage::Ready(preview) = &confirm.stage else { return };
    // A way back tests only what would make it wrong; the server does that.
    if confirm.rollout != *id || confirm.order.verb().way_back() {
        return;
    }
    let moved: Vec<String> = preview
        .requests
        .iter()
        .filter_map(|request| {
            let now = rollout.objects.iter().find(|object| object.part == request.object.part && object.name == request.object.name)?;
            if now.uid != request.object.uid {
                Some(format!("{} was deleted and made again", request.object))
            } else if now.version != request.object.version {
                Some(format!("{} went from {} to {}", request.object, request.object.version, now.version))
            } else {
                None
            }
        })
        .collect();
    if moved.is_empty() {
        return;
    }
    let (by, at) = match &rollout.changed {
        Some((by, at)) if *at >= preview.read_at - jiff::SignedDuration::from_secs(1) => (Some(by.clone()), Some(*at)),
        _ => (None, None),
    };
    let mut what = moved;
    what.dedup();
    confirm.stage = Stage::Moved(ChangeError::Moved { what, by, at }.to_string());
}

/// Does what is asked for in the dialog.
pub(super) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    let Some(Overlay::Confirm(confirm)) = &mut model.overlay else { return };
    match action {
        Action::Cancel | Action::Back => model.overlay = None,
        Action::Next => {
            confirm.focus = if confirm.focus == Button::Cancel { Button::Confirm } else { Button::Cancel };
        }
        Action::Up => confirm.top = confirm.top.saturating_sub(1),
        Action::Down => confirm.top += 1,
        Action::PageUp => confirm.top = confirm.top.saturating_sub(model.regions.list_rows.max(1)),
        Action::PageDown => confirm.top += model.regions.list_rows.max(1),
        Action::Confirm => match confirm.stage {
            // Where the name must be typed, y is a letter of it and never reaches this.
            Stage::Ready(_) if confirm.protection != Protection::Protected => commit(model, turn),
            _ => {}
        },
        Action::Accept => match &confirm.stage {
            Stage::Asking { .. } => {}
            Stage::Refused(_) => model.overlay = None,
            Stage::Moved(_) => {
                let (rollout, order, when) = (confirm.rollout.clone(), confirm.order.clone(), confirm.arm.clone());
                match when {
                    Some(when) => arm(model, rollout, order, when, turn),
                    None => ask(model, rollout, order, turn),
                }
            }
            Stage::Ready(_) if confirm.protection == Protection::Protected => {
                if confirm.name_fits() {
                    commit(model, turn);
                }
            }
            Stage::Ready(_) if confirm.focus == Button::Confirm => commit(model, turn),
            Stage::Ready(_) => model.overlay = None,
        },
        Action::Copy => {
            if let Stage::Ready(preview) = &confirm.stage {
                let text =
                    preview.requests.iter().map(|request| format!("{} {}\n{}\n", request.method, request.path, request.body)).collect();
                turn.push(Effect::Terminal(terminal::Command::Copy(text)));
            }
        }
        _ => {}
    }
}

/// Records and sends. The dialog is gone after this, so a second Enter meets nothing.
fn commit(model: &mut Model, turn: &mut Turn) {
    let Some(Overlay::Confirm(confirm)) = model.overlay.take() else { return };
    let confirm = *confirm;
    // The console's own reasons may have come up while the dialog stood. What is armed asks the gate at its time.
    let able = model.able(&confirm.rollout, confirm.order.verb());
    let admitted = if confirm.arm.is_some() { Ok(()) } else { model.admits(&confirm.rollout, &confirm.order) };
    if let Err(refusal) = able.and(admitted) {
        model.overlay = Some(Overlay::Confirm(Box::new(Confirm { stage: Stage::Refused(refusal.to_string()), ..confirm })));
        return;
    }
    let Stage::Ready(preview) = confirm.stage else { return };
    if let Some((release, at)) = confirm.arm {
        return release::schedule::armed(model, &release, at, *preview, turn);
    }
    let label = order::label(&confirm.order, model.rollout(&confirm.rollout).map(AsRef::as_ref));
    jobs::begin(model, *preview, label, turn);
}

/// Opens the dialog again with what a guard on the server found.
pub(super) fn reopen_moved(model: &mut Model, rollout: RolloutId, order: Order, sentence: String) {
    if model.overlay.is_some() {
        return;
    }
    let environment = model.environment(&rollout).map_or(Protection::Protected, |environment| environment.protection);
    let protection = protection_of(order.verb(), environment);
    model.overlay = Some(Overlay::Confirm(Box::new(Confirm {
        rollout,
        order,
        seq: Seq(0),
        stage: Stage::Moved(sentence),
        protection,
        focus: Button::Cancel,
        typed: Input::default(),
        top: 0,
        opened: model.now,
        arm: None,
    })));
}
