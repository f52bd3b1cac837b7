//! What a Flagger `Canary` says by itself: whom it steers, how it analyses, where it stands (api-semantics 5).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::adapter::kubernetes::objects::custom::{Custom, list, number, text, time, truth};

/// Flagger looks no more often than this, whatever the Canary asks for.
const SHORTEST: SignedDuration = SignedDuration::from_secs(10);

/// Without an interval of its own a Canary is looked at once a minute.
const DEFAULT: SignedDuration = SignedDuration::from_secs(60);

/// The gates at which Flagger stands until they are opened, by the type of their webhook.
pub const ROLLOUT_GATE: &str = "confirm-rollout";
pub const TRAFFIC_GATE: &str = "confirm-traffic-increase";
pub const PROMOTION_GATE: &str = "confirm-promotion";

/// The webhook that takes a change back when it succeeds.
pub const ROLLBACK_HOOK: &str = "rollback";

/// The objects that a Canary rests on, by Flagger's naming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The Deployment that people write.
    pub target: String,
    /// The one that Flagger makes of it, and that serves.
    pub primary: String,
    /// The Service of the users, after which the routing object is called.
    pub apex: String,
}

impl Names {
    /// Reads them from the spec; a Canary that names no target is called as its target is.
    pub fn of(canary: &Custom) -> Self {
        let or = |wished: &str, default: &str| if wished.is_empty() { default } else { wished }.to_owned();
        let target = or(canary.wished("/targetRef/name"), &canary.metadata.name);
        Self { primary: format!("{target}-primary"), apex: or(canary.wished("/service/name"), &target), target }
    }
}

/// Returns the analysis; the older API calls it `canaryAnalysis`.
pub fn analysis(canary: &Custom) -> &Value {
    canary.spec.get("analysis").or_else(|| canary.spec.get("canaryAnalysis")).unwrap_or(&Value::Null)
}

/// Returns Flagger's word for where it stands; empty before it has looked for the first time.
pub fn phase(canary: &Custom) -> &str {
    canary.told("/phase")
}

/// Returns whether a change is under way, in Flagger's words.
pub fn under_way(phase: &str) -> bool {
    matches!(phase, "Waiting" | "Progressing" | "WaitingPromotion" | "Promoting" | "Finalising")
}

/// Returns the condition that carries Flagger's sentence.
pub fn promoted(canary: &Custom) -> Option<&Value> {
    list(&canary.status, "/conditions").iter().find(|condition| text(condition, "/type") == "Promoted")
}

/// Returns Flagger's sentence.
pub fn message(canary: &Custom) -> &str {
    promoted(canary).map_or("", |condition| text(condition, "/message"))
}

/// Returns since when it stands in its phase.
pub fn since(canary: &Custom) -> Option<Timestamp> {
    promoted(canary).and_then(|condition| time(condition, "/lastUpdateTime"))
}

/// Returns when the change under way began: since then it is neither promoted nor not.
pub fn began(canary: &Custom) -> Option<Timestamp> {
    let condition = promoted(canary).filter(|condition| text(condition, "/status") == "Unknown")?;
    time(condition, "/lastTransitionTime")
}

/// Returns when Flagger last wrote down that it did something.
pub fn acted(canary: &Custom) -> Option<Timestamp> {
    time(&canary.status, "/lastTransitionTime")
}

/// Returns how often Flagger looks.
pub fn interval(canary: &Custom) -> SignedDuration {
    text(analysis(canary), "/interval").parse::<SignedDuration>().map_or(DEFAULT, |interval| interval.max(SHORTEST))
}

/// Returns how many checks may fail before the change is taken back.
pub fn threshold(canary: &Custom) -> u64 {
    number(analysis(canary), "/threshold").unwrap_or(0)
}

/// Returns how many checks have failed, as Flagger has it now: it forgets them when it gives up.
pub fn failed_checks(canary: &Custom) -> u64 {
    number(&canary.status, "/failedChecks").unwrap_or(0)
}

/// Returns whether Flagger is told to do nothing.
pub fn suspended(canary: &Custom) -> bool {
    truth(&canary.spec, "/suspend")
}

/// Returns whether Flagger is told to promote without analysis.
pub fn skipping(canary: &Custom) -> bool {
    truth(&canary.spec, "/skipAnalysis")
}

/// Returns whether no traffic is shifted: the users go from all to all by the Service.
pub fn weightless(canary: &Custom) -> bool {
    canary.wished("/provider") == "kubernetes"
}

/// Returns the first webhook of a type.
pub fn hook<'a>(canary: &'a Custom, kind: &str) -> Option<&'a Value> {
    list(analysis(canary), "/webhooks").iter().find(|hook| text(hook, "/type") == kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canary(spec: &Value) -> Custom {
        serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_objects_are_called_after_the_target_and_the_service_and_not_after_the_canary() {
        for (spec, names) in [
            (json!({}), ["web", "web-primary", "web"]),
            (json!({"targetRef": {"name": "backend"}}), ["backend", "backend-primary", "backend"]),
            (json!({"targetRef": {"name": "backend"}, "service": {"name": "shop"}}), ["backend", "backend-primary", "shop"]),
        ] {
            let of = Names::of(&canary(&spec));
            assert_eq!([of.target, of.primary, of.apex], names, "{spec}");
        }
    }

    #[test]
    fn flagger_looks_every_ten_seconds_at_most_and_every_minute_unless_told() {
        for (interval_, seconds) in [("3s", 10), ("15s", 15), ("1m30s", 90), ("", 60), ("soon", 60)] {
            assert_eq!(interval(&canary(&json!({"analysis": {"interval": interval_}}))).as_secs(), seconds, "{interval_}");
        }
    }
}
