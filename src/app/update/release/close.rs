//! The gate shuts while a rollout is under way: it is told, and what the plan says is done, once, by the console that drives.

use super::{announce, append, moves, phase};
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::notices::Tone;
use crate::app::model::releases::shutting;
use crate::app::update::{Turn, jobs, order};
use crate::domain::change::{ChangeError, Preview};
use crate::domain::id::RolloutId;
use crate::domain::release::Release;
use crate::domain::release::policy::OnClose;
use crate::domain::release::record::Body;
use crate::domain::verb::Order;
use crate::port::Seq;
use crate::port::engine::Command;

/// Looks at a release under way.
pub(super) fn settle(model: &mut Model, release: &Release, turn: &mut Turn) {
    let gate = model.verdict(&std::sync::Arc::new(release.clone()));
    let Some(sentence) = shutting(&gate) else {
        if model.releases.shut.remove(&release.id) {
            model.notices.add(model.now, Tone::Good, None, format!("{}: the gate is open again", release.brief.route()));
        }
        model.releases.turned.remove(&release.id);
        return;
    };
    let driven: Vec<RolloutId> = release.rollouts.iter().filter(|id| moves::mine(model, release, id)).cloned().collect();
    if driven.is_empty() || !model.releases.shut.insert(release.id.clone()) {
        return;
    }
    let Some(rule) = model.policy(&release.brief.environment).map(|policy| policy.on_close) else { return };
    let text = format!("{}: the gate has shut while it is under way: {sentence}: {}", release.brief.route(), rule.words());
    model.notices.add(model.now, Tone::Bad, None, text.clone());
    announce::call(model, text, turn);
    if phase::my_turn(model, release) || rule != OnClose::Finish {
        let sentence = format!("{sentence}: {}", rule.words());
        append::append(model, &release.id, vec![Body::Shut { sentence }], false, turn);
    }
    let order = match rule {
        OnClose::Finish => return,
        OnClose::Hold => Order::Hold,
        OnClose::Back => Order::Abort,
    };
    for id in driven {
        ask(model, id, &order, turn);
    }
}

/// Reads afresh what the order comes to for one rollout that moves.
fn ask(model: &mut Model, id: RolloutId, order: &Order, turn: &mut Turn) {
    let moves = model.rollout(&id).is_some_and(|rollout| rollout.phase.under_way());
    if !moves || model.jobs.of(&id).any(|job| job.order.verb() == order.verb()) {
        return;
    }
    let kind = model.plan.workload(&id).map(|workload| workload.engine);
    match (model.can(&id, order.verb()), kind) {
        (Ok(()), Some(kind)) => {
            let seq = model.jobs.seq.advance();
            model.releases.closing.insert(seq, id.clone());
            turn.push(Effect::Engine(kind, Command::Preview { seq, rollout: id, order: order.clone() }));
        }
        (refused, _) => {
            let why = refused.err().map_or_else(|| "its engine is not known".to_owned(), |refusal| refusal.to_string());
            let text = format!("the gate has shut, and {} is not done: {why}", order.verb());
            model.notices.add(model.now, Tone::Bad, Some(id), text);
        }
    }
}

/// Takes what the engine read, and sends it: it was armed in the dialog of the ship.
pub(in crate::app::update) fn previewed(model: &mut Model, seq: Seq, result: &Result<Box<Preview>, ChangeError>, turn: &mut Turn) -> bool {
    let Some(id) = model.releases.closing.remove(&seq) else { return false };
    match result {
        Ok(preview) => {
            let label = order::label(&preview.order, model.rollout(&id).map(AsRef::as_ref));
            model.notices.add(model.now, Tone::Bad, Some(id), format!("{label}: by itself, as the gate has shut"));
            jobs::begin(model, (**preview).clone(), format!("{label}, as the gate has shut"), turn);
        }
        Err(why) => model.notices.add(model.now, Tone::Bad, Some(id), format!("the gate has shut, and nothing is done: {why}")),
    }
    true
}
