//! Which PodDisruptionBudgets are over a rollout's pods.

use serde_json::Value;

use super::space::Space;
use crate::adapter::kubernetes::objects::custom::{Custom, list, number, text};
use crate::adapter::kubernetes::record::Kind;
use crate::domain::delivery::Budget;
use crate::domain::rollout::Rollout;

/// Returns the budgets over a rollout, of those that are known.
pub fn over(space: &Space, rollout: &Rollout) -> Vec<Budget> {
    among(space.custom.get(&Kind::Budget).into_iter().flat_map(|all| all.values()), rollout)
}

/// Returns the budgets whose selector matches the labels of a revision that has instances, by name.
pub fn among<'a>(all: impl IntoIterator<Item = &'a Custom>, rollout: &Rollout) -> Vec<Budget> {
    let live: Vec<&[String]> = rollout
        .revisions
        .iter()
        .filter(|revision| revision.counts.total + revision.counts.wanted > 0)
        .map(|revision| revision.template.as_slice())
        .collect();
    let mut budgets: Vec<Budget> =
        all.into_iter().filter(|object| live.iter().any(|template| matches(object, template))).map(read).collect();
    budgets.sort_by(|a, b| a.name.cmp(&b.name));
    budgets
}

/// Returns whether a budget may be over pods of this selector (`app=web,color=blue`): not where the two contradict each
/// other. Pods may have more labels than their controller selects by.
pub fn may_concern(object: &Custom, selector: &str) -> bool {
    let wanted = object.spec.pointer("/selector/matchLabels").and_then(Value::as_object);
    let contradicts = |(key, value): (&str, &str)| wanted.and_then(|wanted| wanted.get(key)).is_some_and(|wanted| wanted != value);
    !selector.split(',').filter_map(|pair| pair.split_once('=')).any(contradicts)
}

fn read(object: &Custom) -> Budget {
    let count = |pointer: &str| number(&object.status, pointer).and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    Budget {
        name: object.metadata.name.clone(),
        allowed: count("/disruptionsAllowed"),
        healthy: count("/currentHealthy"),
        desired: count("/desiredHealthy"),
    }
}

/// A selector without any rule means all pods since policy/v1, and none before; whether it found any tells.
fn matches(object: &Custom, template: &[String]) -> bool {
    let label = |key: &str| {
        let of = |line: &'_ String| line.strip_prefix("metadata.labels.")?.strip_prefix(key)?.strip_prefix(": ").map(str::to_owned);
        template.iter().find_map(of)
    };
    let labels = object.spec.pointer("/selector/matchLabels").and_then(Value::as_object);
    let rules = list(&object.spec, "/selector/matchExpressions");
    if labels.is_none_or(serde_json::Map::is_empty) && rules.is_empty() {
        return number(&object.status, "/expectedPods").is_some_and(|pods| pods > 0);
    }
    let equal = labels.into_iter().flatten().all(|(key, value)| label(key).as_deref() == value.as_str());
    let ruled = rules.iter().all(|rule| {
        let found = label(text(rule, "/key"));
        let among = || found.as_deref().is_some_and(|found| list(rule, "/values").iter().any(|value| value.as_str() == Some(found)));
        match text(rule, "/operator") {
            "In" => among(),
            "NotIn" => !among(),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            _ => false,
        }
    });
    equal && ruled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn budget(selector: &Value, expected: u32) -> Custom {
        serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": {"selector": selector},
            "status": {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": expected}}))
        .unwrap()
    }

    #[test]
    fn a_selector_matches_the_labels_of_the_template() {
        let template: Vec<String> =
            ["metadata.labels.app: web", "metadata.labels.app.kubernetes.io/part-of: shop", "spec.x: y"].map(Into::into).into();
        for (selector, expected, fits) in [
            (json!({"matchLabels": {"app": "web"}}), 3, true),
            (json!({"matchLabels": {"app": "web", "color": "blue"}}), 3, false),
            (json!({"matchLabels": {"app.kubernetes.io/part-of": "shop"}}), 3, true),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]}), 3, true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}), 3, false),
            (json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), 3, true),
            (json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}), 3, false),
            (json!({}), 3, true),
            (json!({}), 0, false),
        ] {
            assert_eq!(matches(&budget(&selector, expected), &template), fits, "{selector}");
        }
    }

    #[test]
    fn a_budget_of_other_pods_concerns_no_rollout_of_these() {
        let of_web = budget(&json!({"matchLabels": {"app": "web"}}), 3);
        for (selector, may) in [("app=web", true), ("app=api", false), ("tier=front", true), ("", true)] {
            assert_eq!(may_concern(&of_web, selector), may, "{selector}");
        }
        assert!(may_concern(&budget(&json!({}), 3), "app=api"));
    }

    #[test]
    fn what_it_allows_is_read() {
        let read = read(&budget(&json!({}), 3));
        assert_eq!(read, Budget { name: "web".into(), allowed: 1, healthy: 3, desired: 2 });
    }
}
