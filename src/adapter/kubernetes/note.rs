//! The note that an operation leaves on its object: a Kubernetes Event that `kubectl describe` shows to everyone.
//!
//! Best effort: what keeps it from being written is a sentence for a notice, and never fails the operation.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};

use super::change::{FIELD_MANAGER, Kind, call};
use crate::domain::object::ObjectRef;
use crate::port::engine::Note;

/// The API's limits, in bytes: a longer Event is refused whole.
const TEXT_LIMIT: usize = 1024;
const REASON_LIMIT: usize = 128;

const LIMIT: Duration = Duration::from_secs(5);

/// Who reports, as a qualified name.
const CONTROLLER: &str = "rolldeck.dev/console";

/// Writes the note; `now` is the time of the Event.
///
/// # Errors
///
/// One sentence: who may not, or what did not answer.
pub async fn leave(client: &Client, object: &ObjectRef, note: &Note, now: Timestamp) -> Result<(), String> {
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events?fieldManager={FIELD_MANAGER}", object.namespace);
    let body = event(object, note, now).to_string();
    match call(client, "POST", &path, Some(("application/json", &body)), LIMIT).await {
        Ok(reply) if reply.accepted() => Ok(()),
        Ok(reply) => Err(format!("no Event was left on {object}: {}", reply.message())),
        Err(lost) => {
            let (super::change::Lost::Before(why) | super::change::Lost::After(why)) = lost;
            Err(format!("no Event was left on {object}: {why}"))
        }
    }
}

fn event(object: &ObjectRef, note: &Note, now: Timestamp) -> Value {
    let reason: String = note.reason.chars().filter(char::is_ascii_alphanumeric).take(REASON_LIMIT).collect();
    let api_version = Kind::of(&object.kind).map_or("v1", Kind::api_version);
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "rolldeck-", "namespace": object.namespace},
        // A MicroTime has exactly six digits; any other number of them is refused.
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "type": "Normal",
        "reason": if reason.is_empty() { "Changed".to_owned() } else { reason.clone() },
        "action": if reason.is_empty() { "Change".to_owned() } else { reason },
        "reportingController": CONTROLLER,
        "reportingInstance": format!("rolldeck-{}", std::process::id()),
        "note": cut(&format!("{} {}", note.actor, note.text)),
        "regarding": {"apiVersion": api_version, "kind": object.kind, "namespace": object.namespace, "name": object.name, "uid": object.uid},
    })
}

/// One line within the limit, whole characters.
fn cut(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() <= TEXT_LIMIT {
        return line;
    }
    let end = (0..=TEXT_LIMIT - '…'.len_utf8()).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", line.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::Part;

    #[test]
    fn an_event_keeps_the_limits_of_the_api() {
        let object = ObjectRef {
            part: Part::Workload,
            kind: "Deployment".into(),
            namespace: "n".into(),
            name: "web".into(),
            uid: "u".into(),
            version: "generation 1".into(),
        };
        let note = Note { actor: "ana".into(), text: format!("rolled\nback {}", "é".repeat(2000)), reason: "Rolled back!".into() };
        let event = event(&object, &note, "2026-01-02T03:04:05.5Z".parse().unwrap());
        assert_eq!(event["eventTime"], "2026-01-02T03:04:05.500000Z");
        assert_eq!(event["reason"], "Rolledback");
        assert_eq!(event["regarding"]["apiVersion"], "apps/v1");
        let text = event["note"].as_str().unwrap();
        assert!(text.len() <= TEXT_LIMIT && text.starts_with("ana rolled back é") && text.ends_with('…'), "{}", text.len());
    }
}
