//! The fields of a Rollout that more than one of these files reads, each in one place (api-semantics 2.2, 2.3).

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::adapter::kubernetes::objects::custom::{Custom, list, number, text, time, truth};
use crate::adapter::kubernetes::objects::{Condition, Meta};

/// A Rollout, read leniently: a field that is missing or of another type is as if it were not there.
#[derive(Debug)]
pub struct Facts<'a> {
    pub meta: &'a Meta,
    pub spec: &'a Value,
    pub status: &'a Value,
    pub conditions: Vec<Condition>,
    /// The hash of the template that is wished.
    pub current: &'a str,
    /// The hash of the stable one; empty during the very first deployment.
    pub stable: &'a str,
    pub blue_green: bool,
}

impl<'a> Facts<'a> {
    /// Reads a Rollout.
    pub fn of(object: &'a Custom) -> Self {
        let conditions = list(&object.status, "/conditions");
        Self {
            meta: &object.metadata,
            spec: &object.spec,
            status: &object.status,
            conditions: conditions.iter().filter_map(|condition| Condition::deserialize(condition).ok()).collect(),
            current: object.told("/currentPodHash"),
            stable: object.told("/stableRS"),
            blue_green: object.spec.pointer("/strategy/blueGreen").is_some_and(Value::is_object),
        }
    }

    /// Returns the strategy's own part of the spec.
    pub fn strategy(&self) -> &'a Value {
        let pointer = if self.blue_green { "/strategy/blueGreen" } else { "/strategy/canary" };
        self.spec.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Returns how many instances are wanted.
    pub fn wanted(&self) -> u32 {
        number(self.spec, "/replicas").map_or(1, |number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Returns whether it is held by hand.
    pub fn held(&self) -> bool {
        truth(self.spec, "/paused")
    }

    /// Returns whether it is to be given up.
    pub fn aborted(&self) -> bool {
        truth(self.status, "/abort")
    }

    /// Returns the steps of a canary.
    pub fn steps(&self) -> &'a [Value] {
        if self.blue_green { &[] } else { list(self.strategy(), "/steps") }
    }

    /// Returns the index of the step under way: nullable, and of another list of steps until the spec is observed.
    pub fn index(&self) -> Option<usize> {
        // The very first deployment takes no steps, whatever the index says until that is noticed.
        if self.stable.is_empty() && !self.current.is_empty() {
            return Some(self.steps().len());
        }
        let index = usize::try_from(number(self.status, "/currentStepIndex")?).ok()?;
        (index <= self.steps().len()).then_some(index)
    }

    /// Returns whether a router splits the users, and not the ratio of instances.
    pub fn routed(&self) -> bool {
        !self.blue_green && self.strategy().get("trafficRouting").is_some_and(Value::is_object)
    }

    /// Returns the pauses that it stands at: reason and start.
    pub fn pauses(&self) -> impl Iterator<Item = (&'a str, Option<Timestamp>)> {
        list(self.status, "/pauseConditions").iter().map(|pause| (text(pause, "/reason"), time(pause, "/startTime")))
    }

    /// Returns the hash that the active Service of a blue/green rollout selects.
    pub fn active(&self) -> &'a str {
        text(self.status, "/blueGreen/activeSelector")
    }

    /// Returns the router's weight for the candidate, as the controller last set it.
    pub fn weight(&self) -> Option<u32> {
        number(self.status, "/canary/weights/canary/weight").and_then(|weight| u32::try_from(weight).ok())
    }

    /// Returns a restart that was asked for and is not over.
    pub fn restart(&self) -> Option<Timestamp> {
        time(self.spec, "/restartAt").filter(|at| time(self.status, "/restartedAt") != Some(*at))
    }

    /// Returns a condition by its type.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.r#type == name)
    }
}

/// Reads a duration as Argo writes it: seconds as a number or as text, or Go's `1h30m`.
pub fn duration(value: &Value) -> Option<SignedDuration> {
    if let Some(seconds) = value.as_i64() {
        return Some(SignedDuration::from_secs(seconds));
    }
    let text = value.as_str()?;
    match text.parse::<i64>() {
        Ok(seconds) => Some(SignedDuration::from_secs(seconds)),
        Err(_) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_read_in_each_of_their_forms() {
        for (value, seconds) in [
            (json!(6), Some(6)),
            (json!("4s"), Some(4)),
            (json!("90"), Some(90)),
            (json!("1h30m"), Some(5400)),
            (json!("soon"), None),
            (json!({"a": 1}), None),
            (json!(null), None),
        ] {
            assert_eq!(duration(&value).map(|duration| duration.as_secs()), seconds, "{value}");
        }
    }

    #[test]
    fn an_index_of_another_list_is_none() {
        for (index, read) in
            [(json!(0), Some(0)), (json!(2), Some(2)), (json!(3), None), (json!(null), None), (json!(-1), None), (json!("1"), Some(1))]
        {
            let object = Custom {
                spec: json!({"strategy": {"canary": {"steps": [{"setWeight": 5}, {"pause": {}}]}}}),
                status: json!({"currentStepIndex": index}),
                ..Default::default()
            };
            assert_eq!(Facts::of(&object).index(), read, "{index}");
        }
    }
}
