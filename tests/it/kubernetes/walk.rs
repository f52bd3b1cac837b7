//! Plays a recording of a real controller into a store, event by event; what is seen at each note is for the tests.

use std::io::Read as _;

use rolldeck::adapter::kubernetes::objects::custom::Custom;
use rolldeck::adapter::kubernetes::objects::{self, Lean};
use rolldeck::adapter::kubernetes::record::{self, Change, Kind, Names, Record, Update};
use rolldeck::adapter::kubernetes::store::Store;
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::domain::rollout::Rollout;
use serde_json::Value;

/// Something that happened, and the rollout as it was after it.
pub struct Moment {
    pub at: f64,
    pub note: Option<String>,
    pub now: Option<Rollout>,
}

pub fn workload(target: Target) -> Workload {
    Workload {
        id: rolldeck::domain::id::RolloutId { environment: "lab".into(), service: "web".into(), workload: "web".into() },
        engine: EngineKind::Kubernetes,
        context: None,
        namespace: "recorded".into(),
        target,
        image: None,
        container: None,
    }
}

fn read<R: Record>(object: Value, deleted: bool, names: &mut Names) -> Option<Change> {
    let lean: Lean<R::Raw> = serde_json::from_value(object).unwrap();
    let record = R::read(lean.object, names)?;
    Some(R::change(if deleted { Update::Deleted(record) } else { Update::Applied(record) }))
}

fn custom(kind: Kind, object: Value, deleted: bool) -> Change {
    let lean: Lean<Custom> = serde_json::from_value(object).unwrap();
    Change::Custom(kind, if deleted { Update::Deleted(lean.object) } else { Update::Applied(lean.object) })
}

/// Returns the lines of a recording.
pub fn lines(name: &str) -> Vec<Value> {
    let file = std::fs::File::open(format!("{}/tests/data/recordings/{name}.jsonl.gz", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns a store in which everything has been listed and nothing is there.
pub fn store(target: Target) -> Store {
    let mut store = Store::new(vec![workload(target)]);
    for change in [
        Change::Deployment(Update::Listed(vec![])),
        Change::ReplicaSet(Update::Listed(vec![])),
        Change::StatefulSet(Update::Listed(vec![])),
        Change::ControllerRevision(Update::Listed(vec![])),
        Change::Pod(Update::Listed(vec![])),
        Change::Service(Update::Listed(vec![])),
        Change::Endpoints(Update::Listed(vec![])),
        Change::Custom(Kind::Rollout, Update::Listed(vec![])),
        Change::Custom(Kind::AnalysisRun, Update::Listed(vec![])),
        Change::Custom(Kind::Experiment, Update::Listed(vec![])),
        Change::Custom(Kind::Canary, Update::Listed(vec![])),
        Change::Custom(Kind::Route, Update::Listed(vec![])),
    ] {
        store.apply("recorded", change);
    }
    store.bar("recorded", Kind::Autoscaler);
    store.bar("recorded", Kind::Budget);
    store
}

/// Reads an object of any kind; none for one that is not kept.
pub fn change(object: Value, deleted: bool, names: &mut Names) -> Option<Change> {
    match object["kind"].as_str().unwrap() {
        "Deployment" => read::<objects::Deployment>(object, deleted, names),
        "ReplicaSet" => read::<record::ReplicaSet>(object, deleted, names),
        "StatefulSet" => read::<record::StatefulSet>(object, deleted, names),
        "ControllerRevision" => read::<record::ControllerRevision>(object, deleted, names),
        "Pod" => read::<record::Pod>(object, deleted, names),
        "Service" => read::<objects::Service>(object, deleted, names),
        "EndpointSlice" => read::<record::Slice>(object, deleted, names),
        "Rollout" => Some(custom(Kind::Rollout, object, deleted)),
        "AnalysisRun" => Some(custom(Kind::AnalysisRun, object, deleted)),
        "Experiment" => Some(custom(Kind::Experiment, object, deleted)),
        "Canary" => Some(custom(Kind::Canary, object, deleted)),
        "HTTPRoute" => Some(custom(Kind::Route, object, deleted)),
        _ => None,
    }
}

/// Returns what was so after every event and at every note.
pub fn walk(name: &str, target: Target) -> Vec<Moment> {
    let mut store = store(target);
    let mut names = Names::default();
    let mut moments = Vec::new();
    for mut line in lines(name) {
        let at = line["t"].as_f64().unwrap();
        if let Some(note) = line["note"].as_str() {
            moments.push(Moment { at, note: Some(note.to_owned()), now: store.build(0) });
            continue;
        }
        let deleted = line["type"] == "DELETED";
        if let Some(change) = change(line["object"].take(), deleted, &mut names) {
            store.apply("recorded", change);
            moments.push(Moment { at, note: None, now: store.build(0) });
        }
    }
    moments
}

/// The rollout at the first note that begins so.
pub fn at<'a>(moments: &'a [Moment], note: &str) -> &'a Rollout {
    let found = moments.iter().find(|moment| moment.note.as_ref().is_some_and(|text| text.starts_with(note)));
    found.and_then(|moment| moment.now.as_ref()).unwrap_or_else(|| panic!("no note {note:?}"))
}
