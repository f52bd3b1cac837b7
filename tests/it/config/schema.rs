//! The JSON Schema that editors use is the one that the loader goes by.

use std::collections::BTreeSet;
use std::path::Path;

use rolldeck::config::plan;
use rolldeck::config::position::Source;
use serde_json::Value;

/// Collects each key with the table it stands in: `service.workload.name`.
fn schema_keys(schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{key}");
        // What may be written short has both: the items of the list and the keys of the table.
        for inner in inner.get("items").into_iter().chain([inner]) {
            schema_keys(inner, &format!("{path}."), keys);
        }
        keys.insert(path);
    }
}

fn file_keys(value: &toml::Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, inner) in table {
                keys.insert(format!("{path}{key}"));
                file_keys(inner, &format!("{path}{key}."), keys);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| file_keys(item, path, keys)),
        _ => {}
    }
}

#[test]
fn the_schema_names_every_key_that_the_loader_takes() {
    let mut named = BTreeSet::new();
    schema_keys(&plan::schema(), "", &mut named);
    let text = include_str!("valid/every_key.toml");
    assert!(plan::parse(&Source::new("p", text), "p").is_ok());
    let mut taken = BTreeSet::new();
    file_keys(&text.parse::<toml::Table>().unwrap().into(), "", &mut taken);
    // An environment's own [release] has the keys of the plan's.
    for keys in [&mut taken, &mut named] {
        keys.retain(|key| !key.starts_with("environment.release."));
    }
    // Keys that the plan's author chooses.
    taken.retain(|key| !["tracks.", "headers.", "roles."].iter().any(|free| key.contains(free)));
    assert_eq!(taken.symmetric_difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "in one and not in the other");
}

#[test]
fn every_key_of_the_schema_says_what_it_is_for() {
    fn described(schema: &Value, path: &str) {
        assert!(schema["description"].is_string(), "{path} has no description");
        assert!(schema.get("$ref").is_none() && schema.get("anyOf").is_none(), "{path} is not plain");
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            described(inner, &format!("{path}.{key}"));
        }
        if schema["items"]["type"] == "object" {
            described(&schema["items"], path);
        }
    }
    described(&plan::schema(), "plan");
}

#[test]
fn the_plan_in_the_readme_loads() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let samples: Vec<_> = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!samples.is_empty());
    for sample in samples {
        plan::parse(&Source::new("README.md", sample), "plan").unwrap_or_else(|errors| panic!("{errors}"));
    }
}
