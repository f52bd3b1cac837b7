//! From a verb's key to the confirm dialog: what must be chosen or typed first, and the order that comes of it.

use tui_input::Input;

use super::{Turn, confirm, driver};
use crate::app::action::Action;
use crate::app::catalogue;
use crate::app::model::dialog::{Analyses, Overlay, Prompt, Question, RollBack};
use crate::app::model::nav::{Cursor, Screen};
use crate::app::model::notices::Tone;
use crate::app::model::tree::{self, Item};
use crate::app::model::{Model, Writing};
use crate::domain::delivery::Steering;
use crate::domain::id::{RolloutId, version_of};
use crate::domain::release::binding;
use crate::domain::rollout::Rollout;
use crate::domain::verb::{Order, Refusal, Verb};
use crate::domain::wayback;
use jiff::SignedDuration;

/// How long `arm` holds.
const ARMED: SignedDuration = SignedDuration::from_mins(10);

/// Begins what a verb's key asks for.
pub(super) fn begin(model: &mut Model, action: Action, turn: &mut Turn) {
    let Some(id) = model.open_rollout().cloned() else { return };
    let verb = match catalogue::verb(model, action) {
        Ok(verb) => verb,
        Err(refusal) => return refuse(model, &id, action, &refusal),
    };
    let Some(rollout) = model.rollout(&id).cloned() else { return };
    let order = match verb {
        Verb::Ship => return ask_version(model, &id),
        Verb::Scale => return ask_replicas(model, &rollout),
        Verb::RollBack if rollout.steering != Steering::Pair => {
            if !matches!(model.nav.screen(), Screen::Revisions(_)) {
                return choose_revision(model, &rollout);
            }
            // On their own screen the revision under the cursor is the choice.
            let chosen = rollout.revisions.get(model.nav.revisions.at).map(|revision| revision.id.clone());
            match chosen.filter(|chosen| wayback::kept(&rollout).any(|kept| kept.id == *chosen)) {
                Some(to) => Order::RollBack { to },
                None => return refuse(model, &id, action, &Refusal::Other("it is what is wished now".into())),
            }
        }
        Verb::Advance => Order::Advance,
        Verb::Finish => Order::Finish,
        Verb::Hold => Order::Hold,
        Verb::Resume => Order::Resume,
        Verb::Abort => Order::Abort,
        Verb::Retry => Order::Retry,
        Verb::Restart => Order::Restart { track: rollout.routing.as_ref().and_then(|routing| routing.active.clone()) },
        Verb::Switch | Verb::SwitchBack | Verb::RollBack => {
            let Some(to) = rollout.idle().and_then(|idle| idle.track.clone()) else {
                return refuse(model, &id, action, &Refusal::NoActiveSide);
            };
            // The same key goes both ways; going to the side that served before is the way back.
            let back = verb != Verb::Switch || wayback::former_side(&rollout) == Some(&to);
            if back && model.can(&id, Verb::SwitchBack).is_ok() { Order::SwitchBack { to } } else { Order::Switch { to } }
        }
        Verb::Retire => {
            let Some(track) = rollout.idle().and_then(|idle| idle.track.clone()) else {
                return refuse(model, &id, action, &Refusal::NoActiveSide);
            };
            Order::Retire { track }
        }
        Verb::Drive => return driver::begin(model, id, turn),
        Verb::Terminate => {
            let mut running: Vec<String> = rollout.delivery.running().map(|analysis| analysis.name.clone()).collect();
            if running.len() > 1 {
                return choose_analysis(model, &rollout, running);
            }
            match running.pop() {
                Some(analysis) => Order::Terminate { analysis },
                None => return refuse(model, &id, action, &Refusal::NoAnalysis),
            }
        }
    };
    confirm::ask(model, id, order, turn);
}

fn refuse(model: &mut Model, id: &RolloutId, action: Action, refusal: &Refusal) {
    let label = catalogue::label(model, action);
    model.notices.add(model.now, Tone::Warn, Some(id.clone()), format!("{label}: {refusal}"));
}

/// Asks which version to ship, and proposes what runs in the environment before, then what is kept.
fn ask_version(model: &mut Model, id: &RolloutId) {
    let mut proposals: Vec<(String, String)> = Vec::new();
    let mut propose = |version: &str, from: String| {
        if !version.is_empty() && !proposals.iter().any(|(known, _)| known == version) {
            proposals.push((version.to_owned(), from));
        }
    };
    let running = model.rollout(id).and_then(|rollout| rollout.newest().map(|revision| revision.version.clone()));
    // What was approved comes first.
    for release in model.releases.of(&id.service, &id.environment).rev().filter(|release| !release.phase.ended()) {
        propose(release.brief.version(&id.service).unwrap_or_default(), format!("of the release, {}", release.phase));
    }
    let mut environment = model.plan.before(&id.environment);
    while let Some(before) = environment {
        let there = RolloutId { environment: before.name.clone(), ..id.clone() };
        if let Some(version) = model.rollout(&there).and_then(|rollout| rollout.serving_revision().map(|revision| revision.version.clone()))
            && Some(&version) != running.as_ref()
        {
            propose(&version, format!("runs in {}", before.name));
        }
        environment = model.plan.before(&before.name);
    }
    if let Some(rollout) = model.rollout(id) {
        for revision in rollout.revisions.iter().filter(|revision| Some(&revision.version) != running.as_ref()) {
            let from = revision.number.map_or_else(|| "kept".into(), |number| format!("kept as #{number}"));
            propose(&revision.version, from);
        }
    }
    proposals.truncate(8);
    let cursor = if proposals.is_empty() { None } else { Some(0) };
    model.overlay = Some(Overlay::Prompt(Prompt {
        question: Question::Ship { rollout: id.clone() },
        input: Input::default(),
        proposals,
        cursor,
        error: None,
    }));
}

fn ask_replicas(model: &mut Model, rollout: &Rollout) {
    let active = rollout.routing.as_ref().and_then(|routing| routing.active.clone());
    let now = match &active {
        Some(track) => rollout.side(track).map_or(0, |side| side.counts.wanted),
        None => rollout.counts.wanted,
    };
    let mut proposals = Vec::new();
    if active.is_some()
        && let Some(idle) = rollout.idle()
        && let Some(track) = &idle.track
    {
        proposals.push((format!("{track} {now}"), format!("the idle side, now {}", idle.counts.wanted)));
    }
    let question = Question::Scale { rollout: rollout.id.clone(), track: active, now };
    model.overlay = Some(Overlay::Prompt(Prompt { question, input: Input::new(now.to_string()), proposals, cursor: None, error: None }));
}

/// Opens the choice of revisions with the proven one under the cursor.
fn choose_revision(model: &mut Model, rollout: &Rollout) {
    let choices: Vec<_> = wayback::kept(rollout).map(|revision| revision.id.clone()).collect();
    let proposed = wayback::proposed(rollout).and_then(|proposed| choices.iter().position(|choice| *choice == proposed.id)).unwrap_or(0);
    let mut cursor = Cursor::default();
    cursor.set(proposed, choices.len(), model.regions.list_rows.max(8));
    model.overlay = Some(Overlay::RollBack(RollBack { rollout: rollout.id.clone(), choices, cursor }));
}

/// Opens the choice of analyses that measure, with the one under the tree's cursor under this one.
fn choose_analysis(model: &mut Model, rollout: &Rollout, choices: Vec<String>) {
    let rows = tree::rows(rollout, &model.nav.rollout.unfolded);
    let under = rows.get(model.nav.rollout.tree.at).and_then(|row| match row.item {
        Item::Analysis(analysis) | Item::Metric(analysis, _) => choices.iter().position(|choice| *choice == analysis.name),
        _ => None,
    });
    let mut cursor = Cursor::default();
    cursor.set(under.unwrap_or(0), choices.len(), model.regions.list_rows.max(8));
    model.overlay = Some(Overlay::Analyses(Analyses { rollout: rollout.id.clone(), choices, cursor }));
}

/// Allows writes for a while where there is no plan.
pub(super) fn arm(model: &mut Model) {
    let why = match &model.writing {
        Writing::Locked(why) | Writing::Armed { why, .. } => why.clone(),
        Writing::Allowed => return,
    };
    model.writing = Writing::Armed { until: model.now + ARMED, why };
    model.notices.add(model.now, Tone::Warn, None, "armed for ten minutes: keys may write");
}

/// Returns the image to ship for what was typed: a version of the service's repository, or a whole image; by digest where a
/// release is bound to one.
pub(super) fn image_of(model: &Model, rollout: &Rollout, typed: &str) -> Result<String, String> {
    let image = named(model, rollout, typed)?;
    let release = model.releases.active(&rollout.id.service, &rollout.id.environment);
    Ok(binding::pinned(&image, &rollout.id.service, release.map_or(&[][..], |release| release.bound.as_slice())))
}

fn named(model: &Model, rollout: &Rollout, typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err("type a version or an image".into());
    }
    if let Some(wrong) = typed.chars().find(|character| character.is_whitespace() || character.is_control()) {
        return Err(format!("{wrong:?} cannot stand in an image's name"));
    }
    if typed.contains('/') || typed.contains('@') || typed.contains(':') {
        return Ok(typed.to_owned());
    }
    if !typed.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character))
        || typed.starts_with(['.', '-'])
        || typed.len() > 128
    {
        return Err(format!("`{typed}` is no tag: letters, digits, `.`, `_` and `-`"));
    }
    let planned = model.plan.workload(&rollout.id).and_then(|workload| workload.image.clone());
    let running = || {
        let revision = rollout.newest()?;
        let image = rollout
            .container
            .as_ref()
            .and_then(|container| revision.images.iter().find(|image| image.container == *container))
            .or_else(|| revision.images.iter().find(|image| !image.init))?;
        Some(crate::domain::id::repository_of(&image.image).to_owned())
    };
    planned
        .or_else(running)
        .map(|repository| format!("{repository}:{typed}"))
        .ok_or_else(|| "which repository? type the whole image".into())
}

/// Returns what an order does, as part of a sentence: `roll back to #41 2.1.0`.
pub fn label(order: &Order, rollout: Option<&Rollout>) -> String {
    match order {
        Order::Ship { image, .. } => format!("ship {}", version_of(image)),
        Order::RollBack { to } => format!(
            "roll back to {}",
            rollout.and_then(|rollout| rollout.revision(to)).map_or_else(|| to.to_string(), crate::domain::revision::Revision::label)
        ),
        Order::Switch { to } => format!("switch to {to}"),
        Order::SwitchBack { to } => format!("switch back to {to}"),
        Order::Scale { track: Some(track), replicas } => format!("scale {track} to {replicas}"),
        Order::Scale { track: None, replicas } => format!("scale to {replicas}"),
        Order::Retire { track } => format!("retire {track}"),
        Order::Terminate { analysis } => format!("stop analysis {analysis}"),
        Order::Drive { act } => act.label(),
        Order::Restart { track: Some(track) } => format!("restart {track}"),
        Order::Advance | Order::Finish | Order::Hold | Order::Resume | Order::Abort | Order::Retry | Order::Restart { track: None } => {
            order.verb().word().into()
        }
    }
}

/// Returns what an order did, as others read it on the object: `rolled back to #41 2.1.0`.
pub(super) fn done(order: &Order, rollout: Option<&Rollout>) -> String {
    let label = label(order, rollout);
    let verb = order.verb();
    let past = match verb {
        Verb::Ship => "shipped",
        Verb::Advance => "promoted",
        Verb::Finish => "promoted fully",
        Verb::Hold => "held",
        Verb::Resume => "resumed",
        Verb::Abort => "aborted",
        Verb::Retry => "retried",
        Verb::Switch => "switched",
        Verb::SwitchBack => "switched back",
        Verb::RollBack => "rolled back",
        Verb::Restart => "restarted",
        Verb::Scale => "scaled",
        Verb::Retire => "retired",
        Verb::Terminate => "stopped analysis",
        Verb::Drive => "changed the driver",
    };
    label.strip_prefix(verb.word()).map_or_else(|| past.to_owned(), |rest| format!("{past}{rest}"))
}
