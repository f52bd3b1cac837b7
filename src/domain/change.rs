//! A change before and while it is made: the exact requests, what the server said they would do, what to watch for.
//!
//! A verb is a list of requests that may stop between any two. 200 is not the outcome: [`Expect`] says which observed
//! state is, and [`Expect::judge`] finds it in a rollout.

mod expect;

pub use expect::{Expect, Judgement};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::RolloutId;
use super::object::ObjectRef;
use super::verb::{Order, Refusal};

/// One request as it will be sent, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What it is for, as part of a sentence: `scale green to 3`.
    pub purpose: String,
    pub method: String,
    /// Path and query, without the server.
    pub path: String,
    /// The media type of the body.
    pub content_type: String,
    /// The body, JSON.
    pub body: String,
    /// The object it writes, with the guard that it carries.
    pub object: ObjectRef,
    /// What the engine waits for after this one, before it sends the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Wait>,
}

/// A state that the next request of a list rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The engine has seen the change.
    Observed,
    /// Every instance that is wanted is ready.
    Ready,
    /// The controller has passed the gate that it stands at.
    Passed,
    /// The controller has brought the change to its end, whichever.
    Ended,
    /// Routers have had the time to learn of it, so that no request goes where nothing will be.
    Drained,
}

/// A line of the difference that the server returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    pub sign: Sign,
    pub text: String,
}

/// What a line of a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The object that the following lines are of.
    Object,
    Same,
    Removed,
    Added,
}

/// All that the confirm dialog shows, made from a fresh read and, where the engine has one, a dry run on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub rollout: RolloutId,
    pub order: Order,
    pub requests: Vec<Request>,
    pub diff: Vec<DiffLine>,
    /// From and to, where the order moves between revisions: labels as `#42 2.2.0`.
    pub from: Option<String>,
    pub to: Option<String>,
    /// What it leads to, one sentence each.
    pub leads_to: Vec<String>,
    /// What to know before: what is not restored, who will undo it, downtime.
    pub warnings: Vec<String>,
    pub expect: Expect,
    /// When the objects were read.
    pub read_at: Timestamp,
    /// Whether the server ran it dry and accepted it.
    pub rehearsed: bool,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status, or 0 where the engine has none.
    pub status: u16,
    /// The object's version after it.
    pub version: String,
    pub took_ms: u64,
}

/// Why a change was not made, or not certainly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeError {
    /// What the decision rested on has moved; nothing was sent, or the server's guard refused it.
    #[error("{}", moved_sentence(what, by.as_deref(), *at))]
    Moved { what: Vec<String>, by: Option<String>, at: Option<Timestamp> },
    /// It cannot be done in this state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server said no, in its words.
    #[error("the server refused: {message} ({status})")]
    Rejected { status: u16, message: String },
    /// Nothing was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It was sent and no answer came: it may or may not have happened.
    #[error("sent, but no answer came: {0}; in doubt until the cluster shows it")]
    InDoubt(String),
}

fn moved_sentence(what: &[String], by: Option<&str>, at: Option<Timestamp>) -> String {
    use std::fmt::Write as _;
    let mut sentence = format!("it moved under you: {}", what.join("; "));
    if let Some(by) = by {
        let _ = write!(sentence, ", by {by}");
    }
    if let Some(at) = at {
        let _ = write!(sentence, " at {}", at.strftime("%H:%M:%SZ"));
    }
    sentence.push_str(". It was not done.");
    sentence
}

/// How long routers may take to learn where users go: gateways and node proxies are told asynchronously and report nothing.
/// Argo Rollouts waits as long before it scales down what it has switched away from (api-semantics 3).
pub const DRAIN: SignedDuration = SignedDuration::from_secs(30);

/// How long an order may go without its outcome before the screen says that it is slow.
pub const SLOW: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample::now;

    #[test]
    fn what_moved_is_said_with_whom_and_when() {
        let moved = |by: Option<&str>, at| ChangeError::Moved { what: vec!["generation 7 → 8".into()], by: by.map(Into::into), at };
        assert_eq!(
            moved(Some("kubectl-client-side"), Some(now())).to_string(),
            "it moved under you: generation 7 → 8, by kubectl-client-side at 22:18:00Z. It was not done."
        );
        assert_eq!(moved(None, None).to_string(), "it moved under you: generation 7 → 8. It was not done.");
    }
}
