//! The ConfigMap of a release: how a record lies in it, and what stands there for people.

use serde_json::{Value, json};

use crate::adapter::kubernetes::change::Kind;
use crate::domain::id::{EnvironmentName, ReleaseId};
use crate::domain::release::record::{FORMAT, Record};
use crate::domain::release::{keeping, machine};
use crate::port::releases::Shelf;

/// What the ConfigMaps of releases are found by.
pub const SELECTOR: &str = "rolldeck.dev/kind=release";

const PREFIX: &str = "rolldeck-release-";

/// For whoever finds it with kubectl.
const ABOUT: &str = "The record of a release, written by rolldeck. Consoles add lines and never change one; please edit nothing by hand.";

/// A record as the server has it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub uid: String,
    pub version: String,
    pub record: Record,
    /// Why nothing may be added, beside what the record says itself.
    pub sealed: Option<String>,
}

impl Kept {
    /// Returns the release's id.
    pub fn id(&self) -> &ReleaseId {
        &self.record.id
    }

    /// Returns when the release ended, where its record may be let go.
    pub fn ended(&self) -> Option<jiff::Timestamp> {
        keeping::ended(&self.record).filter(|_| self.sealed.is_none())
    }
}

/// Returns the name of a release's ConfigMap.
pub fn name(id: &ReleaseId) -> String {
    format!("{PREFIX}{id}")
}

/// Returns the id of the release that a ConfigMap of this name is of.
pub fn id(name: &str) -> Option<ReleaseId> {
    name.strip_prefix(PREFIX).map(Into::into)
}

/// Returns the path of a release's ConfigMap.
pub fn path(namespace: &str, id: &ReleaseId) -> String {
    Kind::ConfigMap.path(namespace, &name(id))
}

/// Reads a ConfigMap; none where it is of another plan or another environment, or of no release.
pub fn read(object: &Value, shelf: &Shelf) -> Option<Kept> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let id = id(text("/metadata/name")?)?;
    let (format, sealed) = match text("/data/format").map(|format| (format, format.trim().parse::<u32>())) {
        Some((_, Ok(format))) => (format, None),
        Some((other, Err(_))) => (FORMAT, Some(format!("its format is no number: `{}`", other.chars().take(40).collect::<String>()))),
        None => (FORMAT, Some("it does not say its format".to_owned())),
    };
    let mut record = Record::parse(id, format, text("/data/record").unwrap_or_default());
    record.problems.extend(sealed.clone());
    let drafted = || machine::fold(&record).ok().map(|release| release.brief.environment);
    let environment = text("/data/environment").map(EnvironmentName::from).or_else(drafted);
    let ours = text("/data/product").is_none_or(|product| product == shelf.product) && environment.is_none_or(|of| of == shelf.environment);
    ours.then(|| Kept {
        uid: text("/metadata/uid").unwrap_or_default().to_owned(),
        version: text("/metadata/resourceVersion").unwrap_or_default().to_owned(),
        record,
        sealed,
    })
}

/// Returns the ConfigMap of a new release.
pub fn made(shelf: &Shelf, namespace: &str, record: &Record, lines: &str) -> Value {
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name(&record.id), "namespace": namespace,
            "labels": {"rolldeck.dev/kind": "release", "app.kubernetes.io/managed-by": "rolldeck"},
            "annotations": {"rolldeck.dev/about": ABOUT},
        },
        "data": {"format": FORMAT.to_string(), "environment": shelf.environment, "product": shelf.product},
    });
    put(&mut object, record, lines);
    object
}

/// Returns a ConfigMap with another record in it; all else is as it was read, also what others put there.
pub fn changed(object: &Value, record: &Record, lines: &str) -> Value {
    let mut object = object.clone();
    put(&mut object, record, lines);
    object
}

fn put(object: &mut Value, record: &Record, lines: &str) {
    let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) else { return };
    data.insert("record".into(), lines.into());
    if let Ok(release) = machine::fold(record) {
        let summary = format!("{}: {}, by {}", release.brief.route(), release.phase, release.brief.author);
        data.insert("summary".into(), summary.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::policy::Keep;

    const LINE: &str = r#"{"at":"2026-01-02T03:04:05Z","actor":"ana","voucher":"cluster","console":"host:1","entry":"drafted","brief":{"environment":"production","versions":[["backend","2.2.0"]],"kind":"standard","title":"t","author":"ana"}}"#;

    fn shelf() -> Shelf {
        Shelf { product: "booking".into(), environment: "production".into(), keep: Keep::default() }
    }

    fn object(data: &Value) -> Value {
        json!({"metadata": {"name": "rolldeck-release-r1", "uid": "u", "resourceVersion": "7", "labels": {"mine": "1"}}, "data": data})
    }

    #[test]
    fn a_record_of_another_plan_or_environment_is_not_ours() {
        for (data, ours) in [
            (json!({"format": "1", "product": "booking", "environment": "production", "record": LINE}), true),
            (json!({"format": "1", "product": "ledger", "environment": "production", "record": LINE}), false),
            (json!({"format": "1", "product": "booking", "environment": "staging", "record": LINE}), false),
            (json!({"format": "1", "record": LINE}), true),
            (json!({"format": "1", "record": LINE.replace("production", "staging")}), false),
            (json!({}), true),
            (Value::Null, true),
        ] {
            assert_eq!(read(&object(&data), &shelf()).is_some(), ours, "{data}");
        }
        assert!(read(&json!({"metadata": {"name": "copy-of-a-release"}, "data": {"record": LINE}}), &shelf()).is_none());
        assert!(read(&json!({}), &shelf()).is_none());
    }

    #[test]
    fn a_record_that_does_not_say_its_format_is_shown_and_sealed() {
        for (format, sentence) in [
            (json!("one"), "its format is no number: `one`"),
            (Value::Null, "it does not say its format"),
            (json!(1), "it does not say its format"),
        ] {
            let kept = read(&object(&json!({"format": format, "record": LINE})), &shelf()).unwrap();
            assert_eq!((kept.record.entries.len(), kept.sealed.as_deref()), (1, Some(sentence)));
            assert_eq!(kept.record.problems, [sentence]);
            assert_eq!(kept.ended(), None);
        }
    }

    #[test]
    fn what_others_put_on_the_object_stays() {
        let before = object(&json!({"format": "1", "product": "booking", "environment": "production", "record": LINE, "note": "theirs"}));
        let kept = read(&before, &shelf()).unwrap();
        let after = changed(&before, &kept.record, &kept.record.lines().unwrap());
        assert_eq!(after["data"]["note"], "theirs");
        assert_eq!(after["metadata"], before["metadata"]);
        assert_eq!(after["data"]["summary"], "backend 2.2.0 → production: draft, by ana");
        assert_eq!(read(&after, &shelf()).unwrap().record, kept.record);
        let made = made(&shelf(), "shop", &kept.record, &kept.record.lines().unwrap());
        assert_eq!(read(&made, &shelf()).unwrap().record, kept.record);
    }
}
