//! A rollout as the console's own store makes it of raw objects, for tests of what is made of two or more of them.

use rolldeck::adapter::kubernetes::objects::custom::Custom;
use rolldeck::adapter::kubernetes::objects::{self, Lean};
use rolldeck::adapter::kubernetes::record::{self, Change, Kind, Names, Record, Update};
use rolldeck::adapter::kubernetes::store::Store;
use rolldeck::domain::plan::Workload;
use rolldeck::domain::rollout::Rollout;
use serde_json::Value;

fn listed<R: Record>(objects: &[Value], names: &mut Names) -> Change {
    let read = |object: &Value| {
        let lean: Lean<R::Raw> = serde_json::from_value(object.clone()).unwrap();
        R::read(lean.object, names)
    };
    R::change(Update::Listed(objects.iter().filter_map(read).collect()))
}

/// Builds the rollout of Deployments, ReplicaSets, pods and HTTPRoutes.
pub fn rollout(workload: &Workload, [deployments, sets, pods, routes]: [&[Value]; 4]) -> Rollout {
    let mut store = Store::new(vec![workload.clone()]);
    let mut names = Names::default();
    let namespace = workload.namespace.as_str();
    let optional: Vec<Kind> = store.wanted().map(|(_, kind)| kind).filter(|kind| !kind.required()).collect();
    for kind in optional {
        store.bar(namespace, kind);
    }
    store.apply(namespace, listed::<objects::Deployment>(deployments, &mut names));
    store.apply(namespace, listed::<record::ReplicaSet>(sets, &mut names));
    store.apply(namespace, listed::<record::Pod>(pods, &mut names));
    let routes: Vec<Custom> = routes.iter().map(|route| serde_json::from_value(route.clone()).unwrap()).collect();
    store.apply(namespace, Change::Custom(Kind::Route, Update::Listed(routes)));
    store.build(0).unwrap()
}
