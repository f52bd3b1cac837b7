//! Where a plain canary stands, told from two Deployments, an annotation and perhaps a route.

use rolldeck::adapter::kubernetes::objects::custom::Custom;
use rolldeck::adapter::kubernetes::objects::{self, Lean};
use rolldeck::adapter::kubernetes::record::{self, Change, Kind, Names, Record, Update};
use rolldeck::adapter::kubernetes::store::Store;
use rolldeck::domain::delivery::Steering;
use rolldeck::domain::doctor::diagnose;
use rolldeck::domain::history::History;
use rolldeck::domain::plan::{Canary, Route, Target};
use rolldeck::domain::revision::Role;
use rolldeck::domain::rollout::{Phase, Rollout};
use rolldeck::domain::step::{Share, StepKind, WeightSource};
use rolldeck::domain::verb::{Verb, possible};
use rolldeck::domain::wayback::{Speed, ways_back};
use serde_json::{Value, json};

use super::walk::workload;

/// Two Deployments of 8 in all, and what is noted.
struct Scene {
    /// Wanted and ready.
    stable: (u32, u32),
    canary: (u32, u32),
    images: (&'static str, &'static str),
    place: Option<Value>,
    /// The weights of stable and canary.
    weights: Option<(u32, u32)>,
    /// Held by `kubectl rollout pause`.
    autoscaled: bool,
}

fn scene(stable: (u32, u32), canary: (u32, u32), place: Option<Value>) -> Scene {
    Scene { stable, canary, images: ("1.0.0", "1.1.0"), place, weights: None, autoscaled: false }
}

/// The place at a weight of 25 or 50 % of 8.
fn place(course: &str, weight: u32) -> Value {
    let canary = weight * 8 / 100;
    let (stable, canary) = match course {
        "step" => (8 - canary, canary),
        _ => (8, 0),
    };
    json!({"course": course, "step": if weight == 25 { 0 } else { 2 }, "weight": weight, "container": "web", "image": "lab/web:1.1.0",
        "former": "lab/web:1.0.0", "total": 8, "stable": stable, "canary": canary,
        "started": "2026-01-02T03:00:00Z", "since": "2026-01-02T03:10:00Z"})
}

fn held(mut place: Value) -> Value {
    place["held"] = json!("2026-01-02T03:20:00Z");
    place
}

fn target(route: bool) -> Target {
    let route = route.then(|| Route { name: "web".into(), stable_service: "web".into(), canary_service: "web-canary".into() });
    let steps = vec![
        StepKind::Weight(Share::percent(25)),
        StepKind::Pause(Some(jiff::SignedDuration::from_mins(10))),
        StepKind::Weight(Share::percent(50)),
        StepKind::Pause(None),
    ];
    Target::Canary(Canary { stable: "web".into(), canary: "web-canary".into(), route, steps })
}

fn read<R: Record>(object: Value, names: &mut Names) -> Change {
    let lean: Lean<R::Raw> = serde_json::from_value(object).unwrap();
    R::change(Update::Applied(R::read(lean.object, names).unwrap()))
}

fn build(scene: &Scene) -> Rollout {
    let mut store = Store::new(vec![workload(target(scene.weights.is_some()))]);
    let mut names = Names::default();
    let wanted: Vec<Kind> = store.wanted().map(|(_, kind)| kind).collect();
    for change in
        [Change::Deployment(Update::Listed(vec![])), Change::ReplicaSet(Update::Listed(vec![])), Change::Pod(Update::Listed(vec![]))]
    {
        store.apply("recorded", change);
    }
    for kind in wanted.into_iter().filter(|kind| !kind.required()) {
        store.bar("recorded", kind);
    }
    for (name, (wanted, ready), image) in [("web", scene.stable, scene.images.0), ("web-canary", scene.canary, scene.images.1)] {
        let mut annotations = json!({"deployment.kubernetes.io/revision": "1"});
        if let Some(place) = scene.place.as_ref().filter(|_| name == "web") {
            annotations["rolldeck.dev/canary"] = place.as_str().map_or_else(|| json!(place.to_string()), |text| json!(text));
        }
        let template =
            json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": format!("lab/web:{image}")}]}});
        let status = json!({"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready, "availableReplicas": ready});
        let deployment = json!({"metadata": {"name": name, "namespace": "recorded", "uid": name, "generation": 1, "annotations": annotations},
            "spec": {"replicas": wanted, "template": template}, "status": status});
        let set = json!({"metadata": {"name": format!("{name}-a"), "uid": format!("{name}-a"), "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{"kind": "Deployment", "name": name, "uid": name, "controller": true}]},
            "spec": {"replicas": wanted, "template": template}, "status": {"replicas": wanted, "readyReplicas": ready, "availableReplicas": ready}});
        store.apply("recorded", read::<objects::Deployment>(deployment, &mut names));
        store.apply("recorded", read::<record::ReplicaSet>(set, &mut names));
        if name == "web-canary" && ready > 0 {
            let pod = json!({"metadata": {"name": "web-canary-a-1", "uid": "p", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-canary-a", "uid": "web-canary-a", "controller": true}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:11:00Z"}]}});
            store.apply("recorded", read::<record::Pod>(pod, &mut names));
        }
    }
    if let Some((stable, canary)) = scene.weights {
        let route: Custom = serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "recorded", "uid": "r"},
            "spec": {"rules": [{"backendRefs": [{"name": "web", "weight": stable}, {"name": "web-canary", "weight": canary}]}]}}))
        .unwrap();
        store.apply("recorded", Change::Custom(Kind::Route, Update::Listed(vec![route])));
    }
    if scene.autoscaled {
        let hpa = json!({"metadata": {"name": "web-hpa"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web-canary"}, "maxReplicas": 9}});
        store.apply("recorded", read::<objects::HorizontalPodAutoscaler>(hpa, &mut names));
    }
    store.build(0).unwrap()
}

fn said(rollout: &Rollout, verb: Verb) -> String {
    possible(rollout, verb).map_or_else(|refusal| refusal.to_string(), |()| String::new())
}

fn current(rollout: &Rollout) -> Option<usize> {
    rollout.steps.as_ref().and_then(|steps| steps.current)
}

#[test]
fn annotation_and_replicas_together_tell_where_it_stands() {
    let idle = "deployment \"web\" successfully rolled out";
    let between = "between two requests: ";
    for (what, scene, phase, step, words) in [
        ("nothing under way", scene((8, 8), (0, 0), None), Phase::Done, None, idle),
        ("shipped, nothing sent yet", scene((8, 8), (0, 0), Some(place("step", 25))), Phase::Waiting, Some(0), between),
        ("pods come", scene((8, 8), (2, 1), Some(place("step", 25))), Phase::Progressing, Some(0), "to 25 % of 8: "),
        (
            "stable not yet shrunk",
            scene((8, 8), (2, 2), Some(place("step", 25))),
            Phase::Waiting,
            Some(0),
            "between two requests: web has 8 and is to have 6; ",
        ),
        (
            "at 25",
            scene((6, 6), (2, 2), Some(place("step", 25))),
            Phase::Waiting,
            Some(1),
            "at 25 % of 8: web-canary 2 of 2 ready, web 6 of 6",
        ),
        ("a canary pod fell", scene((6, 6), (2, 1), Some(place("step", 25))), Phase::Progressing, Some(0), "to 25 % of 8: "),
        ("a stable pod fell", scene((6, 5), (2, 2), Some(place("step", 25))), Phase::Progressing, Some(1), "at 25 % of 8: "),
        ("at 50", scene((4, 4), (4, 4), Some(place("step", 50))), Phase::Waiting, Some(3), "at 50 % of 8: "),
        (
            "to 50, cut",
            scene((6, 6), (2, 2), Some(place("step", 50))),
            Phase::Waiting,
            Some(2),
            "between two requests: web-canary has 2 and is to have 4, web has 6 and is to have 4; ",
        ),
        ("stable rolls", scene((4, 3), (4, 4), Some(place("finish", 50))), Phase::Progressing, Some(4), "promoting fully: "),
        (
            "finish, cut",
            scene((8, 8), (4, 4), Some(place("finish", 50))),
            Phase::Waiting,
            Some(4),
            "promoting fully, between two requests: ",
        ),
        ("stable grows back", scene((8, 5), (4, 4), Some(place("abort", 50))), Phase::RollingBack, Some(2), "giving up: "),
        ("abort, cut", scene((8, 8), (4, 4), Some(place("abort", 50))), Phase::Waiting, Some(2), "giving up, between two requests: "),
        ("stray", scene((8, 8), (1, 1), None), Phase::Waiting, None, "web-canary has 1 of another version and no step is noted"),
        (
            "spoilt",
            scene((8, 8), (1, 1), Some(json!("{}"))),
            Phase::Failing,
            None,
            "the annotation rolldeck.dev/canary cannot be read: missing",
        ),
    ] {
        let rollout = build(&scene);
        assert!(rollout.native.starts_with(words), "{what}: {}", rollout.native);
        assert_eq!((rollout.phase, current(&rollout), rollout.steering), (phase, step, Steering::Plan), "{what}");
        assert_eq!(rollout.counts.wanted, 8, "{what}: the total, not what one side has");
    }
}

#[test]
fn each_stand_allows_these_verbs_and_says_why_not_the_others() {
    let ok = "";
    let at = |percent| {
        scene((8 - percent * 8 / 100, 8 - percent * 8 / 100), (percent * 8 / 100, percent * 8 / 100), Some(place("step", percent)))
    };
    let coming = || scene((8, 8), (2, 1), Some(place("step", 25)));
    let paused = || scene((6, 6), (2, 2), Some(held(place("step", 25))));
    let aborting = || scene((8, 8), (4, 4), Some(place("abort", 50)));
    let finishing = || scene((8, 8), (4, 4), Some(place("finish", 50)));
    for (what, scene, verb, sentence) in [
        ("idle", scene((8, 8), (0, 0), None), Verb::Ship, ok),
        ("idle", scene((8, 8), (0, 0), None), Verb::Advance, "nothing is under way"),
        ("idle", scene((8, 8), (0, 0), None), Verb::Hold, "nothing is under way"),
        ("idle", scene((8, 8), (0, 0), None), Verb::Abort, "nothing is under way"),
        ("idle", scene((8, 8), (0, 0), None), Verb::Switch, "a canary has no switch"),
        ("at 25", at(25), Verb::Advance, ok),
        ("at 25", at(25), Verb::Finish, ok),
        ("at 25", at(25), Verb::Hold, ok),
        ("at 25", at(25), Verb::Abort, ok),
        ("at 25", at(25), Verb::Ship, "a canary is under way: promote it fully or abort it first"),
        ("coming", coming(), Verb::Advance, "web-canary is not ready: 1 of 2"),
        ("coming", coming(), Verb::Abort, ok),
        ("coming", coming(), Verb::Hold, ok),
        ("held", paused(), Verb::Advance, "it is held: resume first"),
        ("held", paused(), Verb::Finish, "it is held: resume first"),
        ("held", paused(), Verb::Resume, ok),
        ("held", paused(), Verb::Hold, "it is held already"),
        ("held", paused(), Verb::Abort, ok),
        ("aborting", aborting(), Verb::Advance, "it is being given up: abort finishes that"),
        ("aborting", aborting(), Verb::Abort, ok),
        ("finishing", finishing(), Verb::Advance, "it is being promoted fully"),
        ("finishing", finishing(), Verb::Finish, ok),
        ("finishing", finishing(), Verb::Abort, ok),
        ("stray", scene((8, 8), (1, 1), None), Verb::Abort, ok),
    ] {
        assert_eq!(said(&build(&scene), verb), sentence, "{what}: {verb}");
    }
}

#[test]
fn a_timed_pause_counts_from_the_youngest_ready_pod_and_waits_for_a_key_all_the_same() {
    let rollout = build(&scene((6, 6), (2, 2), Some(place("step", 25))));
    let steps = rollout.steps.as_ref().unwrap();
    assert_eq!(steps.resumes, "2026-01-02T03:21:00Z".parse().ok());
    assert_eq!(steps.now().and_then(|step| step.started), "2026-01-02T03:11:00Z".parse().ok());
    assert_eq!(rollout.delivery.pause.as_ref().map(|pause| pause.until), Some(None), "it does not end by itself");
    assert_eq!(said(&rollout, Verb::Advance), "");
}

#[test]
fn the_share_is_one_of_ready_pods_or_of_the_routes_weights() {
    let weights = |scene: &Scene| build(scene).weights.iter().map(|weight| (weight.source, weight.share.to_string())).collect::<Vec<_>>();
    assert_eq!(weights(&scene((8, 8), (0, 0), None)), []);
    assert_eq!(
        weights(&scene((8, 8), (2, 2), Some(place("step", 25)))),
        [(WeightSource::Asked, "25 %".into()), (WeightSource::Replicas, "20 %".into())]
    );
    let routed = |weights, ready| Scene {
        weights: Some(weights),
        ..scene(
            (8, 8),
            (2, ready),
            Some(json!({
        "course": "step", "step": 0, "weight": 25, "container": "web", "image": "lab/web:1.1.0", "former": "lab/web:1.0.0", "total": 8,
        "stable": 8, "canary": 2, "started": "2026-01-02T03:00:00Z", "since": "2026-01-02T03:10:00Z"})),
        )
    };
    assert_eq!(weights(&routed((75, 25), 2)), [(WeightSource::Asked, "25 %".into()), (WeightSource::Observed, "25 %".into())]);
    let there = build(&routed((75, 25), 2));
    assert_eq!((there.phase, current(&there)), (Phase::Waiting, Some(1)));
    let cut = build(&routed((100, 0), 2));
    assert!(cut.native.contains("the route gives 0 % and is to give 25 %"), "{}", cut.native);
    assert_eq!(current(&cut), Some(0));
    let found = diagnose(&cut, "2026-01-02T03:30:00Z".parse().unwrap()).unwrap();
    assert!(found.sentence.starts_with("between two requests: the route gives 0 % and is to give 25 %"), "{}", found.sentence);
    let unready = build(&routed((100, 0), 1));
    assert_eq!((unready.phase, said(&unready, Verb::Advance)), (Phase::Progressing, "web-canary is not ready: 1 of 2".into()));
    assert!(there.conditions.iter().any(|(_, words)| words.starts_with("no gateway has accepted HTTPRoute web")), "{:?}", there.conditions);
}

#[test]
fn a_route_that_sends_users_to_no_pod_is_trouble_that_abort_ends() {
    let default = Scene { weights: Some((1, 1)), ..scene((8, 8), (0, 0), None) };
    let rollout = build(&default);
    assert_eq!(rollout.phase, Phase::Failing);
    assert!(rollout.native.starts_with("the route gives 50 % of the users to web-canary, which has no pod"), "{}", rollout.native);
    assert_eq!((said(&rollout, Verb::Abort), said(&rollout, Verb::Ship)), (String::new(), rollout.native.clone()));
}

#[test]
fn the_way_back_is_instant_only_where_the_stable_side_is_whole() {
    let way = |scene: &Scene| {
        ways_back(&build(scene), &History::default(), jiff::Timestamp::UNIX_EPOCH)
            .first()
            .map(|way| (way.verb, way.speed, way.to.clone(), way.note.clone()))
    };
    assert_eq!(
        way(&scene((4, 4), (4, 4), Some(place("step", 50)))),
        Some((Verb::Abort, Speed::Restarts, "#1 1.0.0".into(), "4/8 warm".into()))
    );
    assert_eq!(
        way(&scene((8, 8), (2, 1), Some(place("step", 25)))),
        Some((Verb::Abort, Speed::Instant, "#1 1.0.0".into(), "8/8 warm".into()))
    );
}

#[test]
fn the_canary_is_the_candidate_and_an_autoscaler_on_either_side_is_told() {
    let mut at = scene((6, 6), (2, 2), Some(place("step", 25)));
    at.autoscaled = true;
    let rollout = build(&at);
    let roles: Vec<_> = rollout.revisions.iter().map(|r| (r.version.as_str(), r.roles.iter().next(), r.counts.ready)).collect();
    assert_eq!(roles, [("1.1.0", Some(Role::Canary), 2), ("1.0.0", Some(Role::Stable), 6)]);
    assert_eq!(rollout.versions(), (Some("1.0.0"), Some("1.1.0")));
    assert!(rollout.conditions.iter().any(|(_, words)| words.contains("web-hpa sets the replicas itself")), "{:?}", rollout.conditions);
    assert_eq!(rollout.autoscaler.map(|hpa| hpa.name), Some("web-hpa".into()));
    let mut same = scene((8, 8), (1, 1), None);
    same.images = ("1.0.0", "1.0.0");
    assert_eq!(build(&same).phase, Phase::Done, "a canary of the same version is no candidate");
}
