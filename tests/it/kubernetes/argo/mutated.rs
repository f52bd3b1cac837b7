//! Objects with fields that are missing, or of another type than Argo writes today: whatever stands there, nothing breaks.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use rolldeck::adapter::kubernetes::record::Names;
use rolldeck::domain::plan::Target;
use rolldeck::domain::verb::{Verb, possible};
use rolldeck::domain::wayback::ways_back;
use serde_json::{Value, json};

use crate::kubernetes::walk::{change, lines, store};

const SAMPLES: [(&str, &str); 5] = [
    ("bluegreen-pre-inconclusive", "b-inc"),
    ("canary-analysis-fail", "c-fail"),
    ("canary-experiment", "c-exp"),
    ("canary-weights", "c-traffic"),
    ("workload-ref", "w-ref"),
];

static RECORDED: LazyLock<Vec<Vec<Value>>> = LazyLock::new(|| {
    let objects = |name| lines(name).into_iter().map(|mut line| line["object"].take()).filter(Value::is_object).collect();
    SAMPLES.iter().map(|(name, _)| objects(name)).collect()
});

/// The objects as they stood after so many events.
fn standing(sample: usize, events: Index) -> Vec<Value> {
    let all = &RECORDED[sample];
    let mut latest = BTreeMap::new();
    for object in &all[..=events.index(all.len())] {
        latest.insert((object["kind"].to_string(), object["metadata"]["name"].to_string()), object);
    }
    latest.into_values().cloned().collect()
}

/// Replaces, or takes away, whatever stands at the end of a route through an object.
fn mutate(value: &mut Value, route: &[Index], with: Option<&Value>) {
    let Some((first, rest)) = route.split_first() else {
        *value = with.cloned().unwrap_or(Value::Null);
        return;
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(first.index(map.len())).unwrap().clone();
            if rest.is_empty() && with.is_none() {
                map.remove(&key);
            } else {
                mutate(&mut map[&key], rest, with);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let at = first.index(list.len());
            mutate(&mut list[at], rest, with);
        }
        other => *other = with.cloned().unwrap_or(Value::Null),
    }
}

fn odd() -> impl Strategy<Value = Option<Value>> {
    prop::sample::select(vec![
        None,
        Some(Value::Null),
        Some(json!(true)),
        Some(json!(false)),
        Some(json!(0)),
        Some(json!(-1)),
        Some(json!(u64::MAX)),
        Some(json!(i64::MIN)),
        Some(json!(4_294_967_295_u32)),
        Some(json!(1e300)),
        Some(json!("")),
        Some(json!("7")),
        Some(json!("99999999999999999999999999")),
        Some(json!("9223372036854775807")),
        Some(json!("-5s")),
        Some(json!("2562047788015215h30m8s")),
        Some(json!("9999-12-31T23:59:59Z")),
        Some(json!("gestern \u{1F4A5}")),
        Some(json!([])),
        Some(json!([null, [], {}])),
        Some(json!({})),
        Some(json!({"": {"name": 1}})),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_field_whatever_stands_in_it_breaks_the_reading(
        sample in 0..SAMPLES.len(),
        events in any::<Index>(),
        mutations in prop::collection::vec((any::<Index>(), any::<bool>(), prop::collection::vec(any::<Index>(), 1..7), odd()), 1..12),
    ) {
        let mut objects = standing(sample, events);
        for (which, spec, route, with) in &mutations {
            let mut custom: Vec<&mut Value> =
                objects.iter_mut().filter(|object| matches!(object["kind"].as_str(), Some("Rollout" | "AnalysisRun" | "Experiment"))).collect();
            if custom.is_empty() {
                continue;
            }
            let at = which.index(custom.len());
            mutate(&mut custom[at][if *spec { "spec" } else { "status" }], route, with.as_ref());
        }
        let mut store = store(Target::Rollout { name: SAMPLES[sample].1.into() });
        let mut names = Names::default();
        for object in objects {
            if let Some(change) = change(object, false, &mut names) {
                store.apply("recorded", change);
            }
        }
        let now = store.build(0).unwrap();
        if let Some(steps) = &now.steps {
            prop_assert!(steps.current.is_none_or(|index| index <= steps.list.len()));
            let _labels: Vec<String> = steps.list.iter().map(|step| step.kind.label()).collect();
        }
        // What rests on it holds as well.
        let _ways = ways_back(&now, &rolldeck::domain::history::History::default(), jiff::Timestamp::UNIX_EPOCH);
        let _verbs: Vec<_> = Verb::ALL.iter().map(|verb| possible(&now, *verb)).collect();
    }
}
