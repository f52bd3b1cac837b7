//! An entry in words: one sentence, and how loudly it is told. The timeline on screen and the report say the same.

use super::approval::Choice;
use super::checklist::Verdict;
use super::policy::Policy;
use super::record::{Body, Entry};
use crate::domain::id::ItemId;

/// How loudly an entry is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// One of many.
    Quiet,
    Plain,
    Good,
    /// Somebody is waited for.
    Waits,
    /// Wrong, refused, or against the rules.
    Bad,
}

/// An entry as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// May have several lines where a person wrote it.
    pub what: String,
    pub weight: Weight,
}

/// Tells an entry. Without the environment's policy, items are known by their ids alone.
pub fn told(entry: &Entry, policy: Option<&Policy>) -> Told {
    let title = |id: &ItemId| {
        let item = policy.and_then(|policy| policy.items.iter().find(|item| item.id == *id));
        item.map_or_else(|| format!("check {id}"), |item| item.title.clone())
    };
    let (weight, what) = words(&entry.body, &title);
    Told { what, weight }
}

fn words(body: &Body, title: &dyn Fn(&ItemId) -> String) -> (Weight, String) {
    use Weight::{Bad, Good, Plain, Quiet, Waits};
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match body {
        Body::Drafted { brief } => (Plain, format!("brief: {}, {} ({})", brief.title, brief.route(), brief.kind.word())),
        Body::Bound { bound } => {
            let weak = bound.iter().any(super::Bound::weak);
            let one = |bound: &super::Bound| {
                format!("{} {} ({})", bound.service, bound.digest.as_deref().unwrap_or("by its tag alone: weak"), bound.source)
            };
            (if weak { Waits } else { Quiet }, format!("bound to {}", bound.iter().map(one).collect::<Vec<_>>().join(", ")))
        }
        Body::Announced => (Plain, "announced: checks run, approvals are asked for".into()),
        Body::Checked { item, outcome, .. } => {
            let weight = match outcome.verdict {
                Verdict::Pass => Quiet,
                Verdict::Fail => Bad,
                Verdict::Pending | Verdict::Unknown => Waits,
            };
            (weight, format!("{}: {}{}", title(item), outcome.verdict.word(), because(&outcome.evidence)))
        }
        Body::Cleared { item } => (Waits, format!("{}: tick taken back", title(item))),
        Body::Decided { decision } => {
            let (weight, verb) = match decision.choice {
                Choice::Approve => (Good, "approved"),
                Choice::Refuse => (Bad, "refused"),
                Choice::Withdraw => (Waits, "withdrew"),
            };
            (weight, format!("{verb} as {}{}", decision.role, because(&decision.reason)))
        }
        Body::Opened => (Good, "the gate opened".into()),
        Body::Shut { sentence } => (Bad, format!("the gate shut{}", because(sentence))),
        Body::Overridden { over } => {
            let what = if over.over.is_empty() { "nothing".to_owned() } else { over.over.join(", ") };
            (Bad, format!("OVERRIDE: {} (over {what})", over.reason))
        }
        Body::Scheduled { schedule: Some(schedule) } => (Plain, format!("start set for {} by {}", schedule.at, schedule.console)),
        Body::Scheduled { schedule: None } => (Plain, "start taken back".into()),
        Body::Began { rollout, .. } => (Good, format!("began {rollout}")),
        Body::Moved { rollout, what } => (if waits(what) { Waits } else { Quiet }, format!("{rollout}: {what}")),
        Body::Ordered { rollout, what, .. } => (Plain, format!("{rollout}: {what} ordered")),
        Body::Outcome { rollout, met, seen, .. } => {
            (if *met { Quiet } else { Bad }, format!("{rollout}: {}{seen}", if *met { "" } else { "not as ordered: " }))
        }
        Body::Verifying => (Plain, "rollouts done, being verified".into()),
        Body::Finished => (Good, "done".into()),
        Body::RolledBack { reason } => (Bad, format!("rolled back{}", because(reason))),
        Body::Aborted { reason } => (Bad, format!("given up{}", because(reason))),
        Body::Alert { name, firing, text } => {
            (if *firing { Bad } else { Good }, format!("alert {name} {}{}", if *firing { "fires" } else { "is over" }, because(text)))
        }
        Body::Noted { text, log: true } => (Plain, format!("log: {text}")),
        Body::Noted { text, log: false } => (Plain, format!("note: {text}")),
    }
}

/// Returns whether a movement's words say that somebody is waited for.
pub fn waits(what: &str) -> bool {
    what.contains("wait") || what.contains("needs you")
}
