//! Panes and full screens beside the deck and the rollout: events, logs, revisions, timeline.

pub(super) mod events;
pub(super) mod logs;
pub(super) mod revisions;
pub(super) mod timeline;

use super::format;
use crate::app::model::Model;
use crate::domain::id::RolloutId;
use crate::port::Link;

/// Returns why nothing is known of a rollout yet, in one sentence.
pub(super) fn waiting_sentence(model: &Model, id: &RolloutId) -> String {
    let Some(scope) = model.scope(id) else { return format!("The plan names no {id} any more.") };
    match model.links.get(&scope).map(|link| &link.state) {
        None | Some(Link::Connecting) => format!("Connecting to {scope} …"),
        Some(Link::Up) => format!("{scope} answers; {id} has not been told of yet."),
        Some(Link::Retrying { why, next }) => {
            format!("{scope} does not answer: {why}. Next try in {}.", format::age(next.duration_since(model.now)))
        }
        Some(Link::Down { why }) => format!("{scope} cannot be reached: {why}. It will not come back by itself."),
    }
}
