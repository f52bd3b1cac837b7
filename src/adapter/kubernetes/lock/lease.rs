//! The Lease of a lock: its name, what is read of it, and the bodies that move it. Pure.
//!
//! A body is the object as it was read with a few fields changed: a typed PUT would drop what the compiled types do not know.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::domain::driver::{Notes, Record, Seat, Sheet};

/// The label that tells these Leases from the hundreds of other controllers'.
pub const SELECTOR: &str = "rolldeck.dev/lock=driver";

const ENVIRONMENT: &str = "rolldeck.dev/environment";
const SERVICE: &str = "rolldeck.dev/service";
const REASON: &str = "rolldeck.dev/reason";
const ASKED: &str = "rolldeck.dev/asked-by";
const TOLD: &str = "rolldeck.dev/told";
const FORMER: &str = "rolldeck.dev/former-driver";

/// A record without a duration is judged by this one.
const USUAL: SignedDuration = SignedDuration::from_secs(30);

/// What may stand in an annotation of ours, in bytes.
const LONGEST: usize = 1024;

/// Returns the Lease's name: valid in DNS, and another one for every seat.
///
/// Environment and service are DNS labels in most plans; what a name cannot hold is replaced, and a hash keeps two seats
/// apart that come out the same, or whose names end and begin differently.
pub fn name(seat: &Seat) -> String {
    let safe = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(80).collect()
    };
    let text = format!("{}/{}", seat.environment, seat.service);
    // FNV-1a, which is the same on every machine and in every version.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("rolldeck-{}-{}-{:08x}", safe(seat.environment.as_str()), safe(seat.service.as_str()), hash >> 32)
}

/// Returns a time as the API takes it: exactly six digits, or the server answers 422.
pub fn micro(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Reads a Lease.
pub fn sheet(lease: &Value) -> Sheet {
    let text = |pointer: &str| lease.pointer(pointer).and_then(Value::as_str);
    let time = |pointer: &str| text(pointer).and_then(|text| text.parse().ok());
    let note = |key: &str| lease.pointer("/metadata/annotations")?.get(key)?.as_str().filter(|text| !text.is_empty()).map(clean);
    let seconds = lease.pointer("/spec/leaseDurationSeconds").and_then(Value::as_i64).filter(|seconds| (1..=86_400).contains(seconds));
    Sheet {
        uid: text("/metadata/uid").unwrap_or_default().to_owned(),
        record: Record {
            holder: text("/spec/holderIdentity").unwrap_or_default().to_owned(),
            duration: seconds.map_or(USUAL, SignedDuration::from_secs),
            acquired: time("/spec/acquireTime"),
            renewed: time("/spec/renewTime"),
            transitions: lease.pointer("/spec/leaseTransitions").and_then(Value::as_i64).unwrap_or(0),
        },
        notes: Notes { reason: note(REASON), asked: note(ASKED), told: note(TOLD), former: note(FORMER) },
    }
}

/// The object without the field managers' notes, which the server keeps by itself and nobody wants to read.
fn bare(lease: &Value) -> Value {
    let mut body = lease.clone();
    if let Some(metadata) = object(&mut body, "metadata") {
        metadata.remove("managedFields");
    }
    body
}

/// What is written on the screen of another must not move its cursor.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// Who is to hold a lock.
#[derive(Clone, Copy, Debug)]
pub struct Hold<'a> {
    pub seat: &'a Seat,
    pub namespace: &'a str,
    pub holder: &'a str,
    pub duration: SignedDuration,
    /// Why it is taken from another.
    pub reason: Option<&'a str>,
}

/// Returns the body that makes somebody the holder: of the Lease as it was read, or of a new one.
pub fn held(lease: Option<&Value>, hold: &Hold<'_>, now: Timestamp) -> Value {
    let Hold { seat, namespace, holder, duration, reason } = *hold;
    let new = || json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name(seat), "namespace": namespace}});
    let mut body = lease.map_or_else(new, bare);
    let former = lease.map(sheet);
    let transitions = former.as_ref().map_or(0, |sheet| sheet.record.transitions + 1);
    let gone = former.map(|sheet| sheet.record.holder).filter(|former| !former.is_empty() && former != holder);
    set(
        &mut body,
        "spec",
        [
            ("holderIdentity", json!(holder)),
            ("leaseDurationSeconds", json!(duration.as_secs().max(1))),
            ("acquireTime", json!(micro(now))),
            ("renewTime", json!(micro(now))),
            ("leaseTransitions", json!(transitions)),
        ],
    );
    label(&mut body, seat);
    note(&mut body, REASON, reason);
    note(&mut body, ASKED, None);
    note(&mut body, TOLD, None);
    if gone.is_some() {
        note(&mut body, FORMER, gone.as_deref());
    }
    body
}

/// Returns the body that proves its holder alive.
pub fn renewed(lease: &Value, duration: SignedDuration, now: Timestamp) -> Value {
    let mut body = bare(lease);
    // The duration as well: one that was handed over has the former holder's.
    set(&mut body, "spec", [("renewTime", json!(micro(now))), ("leaseDurationSeconds", json!(duration.as_secs().max(1)))]);
    body
}

/// Returns the body that lets it go.
pub fn released(lease: &Value, now: Timestamp) -> Value {
    let mut body = bare(lease);
    let former = sheet(lease).record.holder;
    set(&mut body, "spec", [("holderIdentity", json!("")), ("leaseDurationSeconds", json!(1)), ("renewTime", json!(micro(now)))]);
    for key in [REASON, ASKED, TOLD] {
        note(&mut body, key, None);
    }
    note(&mut body, FORMER, Some(&former));
    body
}

/// Returns a body again on a version that only renewals have moved to: where the lock is ours to give, or is taken over for
/// a reason. Never for a lock that was free: whoever renews it lives.
pub fn renewed_since(body: &str, fresh: &Value, ours: bool) -> Option<Value> {
    let mut again: Value = serde_json::from_str(body).ok()?;
    let (wished, now) = (sheet(&again), sheet(fresh));
    let step = i64::from(!wished.record.holder.is_empty());
    if !(ours || wished.notes.reason.is_some()) || wished.record.transitions != now.record.transitions + step {
        return None;
    }
    object(&mut again, "metadata")?.insert("resourceVersion".into(), fresh.pointer("/metadata/resourceVersion")?.clone());
    Some(again)
}

/// Returns the body that asks its holder for it.
pub fn asked(lease: &Value, by: &str) -> Value {
    let mut body = bare(lease);
    note(&mut body, ASKED, Some(by));
    body
}

/// Returns the body that tells its holder what was done.
pub fn told(lease: &Value, what: &str) -> Value {
    let mut body = bare(lease);
    note(&mut body, TOLD, Some(&clean(what)));
    body
}

fn label(body: &mut Value, seat: &Seat) {
    if let Some(metadata) = object(body, "metadata") {
        let labels = entry(metadata, "labels");
        if let Some(labels) = labels {
            labels.insert("rolldeck.dev/lock".into(), json!("driver"));
            labels.insert("app.kubernetes.io/managed-by".into(), json!("rolldeck"));
        }
        if let Some(annotations) = entry(metadata, "annotations") {
            annotations.insert(ENVIRONMENT.into(), json!(seat.environment));
            annotations.insert(SERVICE.into(), json!(seat.service));
        }
    }
}

fn note(body: &mut Value, key: &str, text: Option<&str>) {
    let annotations = object(body, "metadata").and_then(|metadata| entry(metadata, "annotations"));
    if let Some(annotations) = annotations {
        match text {
            Some(text) => annotations.insert(key.to_owned(), json!(text)),
            None => annotations.remove(key),
        };
    }
}

fn set<const N: usize>(body: &mut Value, part: &str, fields: [(&str, Value); N]) {
    if let Some(part) = object(body, part) {
        part.extend(fields.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
}

fn object<'v>(body: &'v mut Value, part: &str) -> Option<&'v mut Map<String, Value>> {
    entry(body.as_object_mut()?, part)
}

/// Returns the map of that name, made where there is none.
fn entry<'v>(map: &'v mut Map<String, Value>, key: &str) -> Option<&'v mut Map<String, Value>> {
    map.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat_of(environment: &str, service: &str) -> Seat {
        Seat { environment: environment.into(), service: service.into() }
    }

    fn at() -> Timestamp {
        "2026-01-02T03:04:05.5Z".parse().unwrap()
    }

    #[test]
    fn a_name_is_valid_in_dns_and_of_one_seat_alone() {
        let names = [("production", "backend"), ("production-backend", ""), ("Prod_1", "web.api"), ("prod-1", "web-api"), ("é", "x")]
            .map(|(e, s)| name(&seat_of(e, s)));
        for one in &names {
            assert!(one.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') && one.len() <= 253, "{one}");
        }
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        assert_eq!(name(&seat_of("production", "backend")), names[0], "and the same on every console");
        assert!(name(&seat_of(&"e".repeat(300), &"s".repeat(300))).len() <= 253);
    }

    #[test]
    fn times_have_exactly_six_digits() {
        for (at, text) in
            [("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"), ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456Z")]
        {
            assert_eq!(micro(at.parse().unwrap()), text);
        }
    }

    #[test]
    fn each_body_changes_its_own_fields_and_keeps_what_others_wrote() {
        let seat = seat_of("production", "backend");
        let hold = |holder, reason| Hold { seat: &seat, namespace: "booking", holder, duration: SignedDuration::from_secs(30), reason };
        let new = held(None, &hold("ana@here:1#a", None), at());
        assert_eq!(
            new["spec"],
            json!({"holderIdentity": "ana@here:1#a", "leaseDurationSeconds": 30, "leaseTransitions": 0,
            "acquireTime": "2026-01-02T03:04:05.500000Z", "renewTime": "2026-01-02T03:04:05.500000Z"})
        );
        assert_eq!(new["metadata"]["labels"]["rolldeck.dev/lock"], "driver");
        assert_eq!(new["metadata"]["annotations"], json!({"rolldeck.dev/environment": "production", "rolldeck.dev/service": "backend"}));

        let mut read = new.clone();
        read["metadata"]["resourceVersion"] = json!("41");
        read["metadata"]["annotations"]["others"] = json!("kept");
        read["spec"]["preferredHolder"] = json!("kept");
        let mut asked_for = asked(&read, "bea@there:2#b");
        assert_eq!(sheet(&asked_for).notes.asked.as_deref(), Some("bea@there:2#b"));
        assert_eq!(sheet(&asked_for).record, sheet(&read).record, "who asks proves nothing about the holder");
        asked_for = told(&asked_for, "bea\naborted");
        assert_eq!(sheet(&asked_for).notes.told.as_deref(), Some("beaaborted"));

        let later = "2026-01-02T03:05:00Z".parse().unwrap();
        let over = held(Some(&asked_for), &hold("bea@there:2#b", Some("the train")), later);
        let sheet_of = sheet(&over);
        assert_eq!((sheet_of.record.holder.as_str(), sheet_of.record.transitions), ("bea@there:2#b", 1));
        assert_eq!(
            sheet_of.notes,
            Notes { reason: Some("the train".into()), asked: None, told: None, former: Some("ana@here:1#a".into()) }
        );
        assert_eq!((&over["metadata"]["resourceVersion"], &over["metadata"]["annotations"]["others"]), (&json!("41"), &json!("kept")));
        assert_eq!(over["spec"]["preferredHolder"], "kept");

        let renewed = renewed(&over, SignedDuration::from_secs(30), later);
        assert_eq!(renewed, over, "a renewal in the same microsecond is the same body");
        let free = sheet(&released(&over, later));
        assert_eq!((free.record.holder.as_str(), free.record.duration.as_secs(), free.record.transitions), ("", 1, 1));
        assert_eq!(free.notes.former.as_deref(), Some("bea@there:2#b"));
    }

    #[test]
    fn a_record_that_makes_no_sense_is_read_with_the_usual_duration() {
        for seconds in [json!(null), json!(0), json!(-5), json!(999_999_999), json!("30")] {
            let read = sheet(&json!({"spec": {"holderIdentity": "x", "leaseDurationSeconds": seconds, "renewTime": "yesterday"}}));
            assert_eq!((read.record.duration, read.record.renewed), (USUAL, None));
        }
    }
}
