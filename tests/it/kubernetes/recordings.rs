//! What real controllers did, event by event, against what kubectl said of it at the time (notes in the recordings).

use rolldeck::domain::instance::InstanceState;
use rolldeck::domain::plan::{BlueGreen, Target, TrackTarget};
use rolldeck::domain::revision::{Revision, Role};
use rolldeck::domain::rollout::{Phase, Rollout, Serving};

use super::walk::{Moment, at, walk};

fn deployment(name: &str) -> Target {
    Target::Deployment { name: name.into() }
}

fn pair() -> Target {
    let side = |name: &str| TrackTarget { track: name.into(), deployment: format!("p-{name}") };
    Target::BlueGreen(BlueGreen { service: "p-pair".into(), label: "color".into(), tracks: [side("blue"), side("green")] })
}

/// `#2 1.1.0 canary 1/2` for each revision with instances or a role other than old.
fn shown(rollout: &Rollout) -> Vec<String> {
    let of_interest = rollout.revisions.iter().filter(|revision| revision.counts.total > 0 || !revision.roles.has(Role::Old));
    let words = |revision: &Revision| revision.roles.iter().map(Role::word).collect::<Vec<_>>().join("+");
    of_interest
        .map(|revision| format!("{} {} {}/{}", revision.label(), words(revision), revision.counts.ready, revision.counts.wanted))
        .collect()
}

#[test]
fn every_verdict_of_kubectl_is_ours_to_the_letter() {
    for (name, target, object) in [
        ("plain-rolling", deployment("p-roll"), "deploy/p-roll"),
        ("plain-hold", deployment("p-hold"), "deploy/p-hold"),
        ("plain-stall", deployment("p-stall"), "deploy/p-stall"),
        ("plain-bad-over-bad", deployment("p-two"), "deploy/p-two"),
        ("plain-history", deployment("p-hist"), "deploy/p-hist"),
        ("plain-statefulset", Target::StatefulSet { name: "p-set".into() }, "statefulset/p-set"),
        ("plain-bluegreen", deployment("p-blue"), "deploy/p-blue"),
        ("plain-bluegreen", deployment("p-green"), "deploy/p-green"),
    ] {
        let moments = walk(name, target);
        let prefix = format!("kubectl says of {object}: ");
        let mut verdicts = 0;
        for moment in &moments {
            let Some(said) = moment.note.as_ref().and_then(|note| note.strip_prefix(&prefix)) else { continue };
            verdicts += 1;
            // kubectl watches on a connection of its own, and its pipe is read a moment later than ours.
            let near = |other: &&Moment| (other.at - moment.at).abs() < 1.0;
            let ours: Vec<_> = moments.iter().filter(near).filter_map(|other| other.now.as_ref()).map(|now| now.native.as_str()).collect();
            assert!(ours.contains(&said), "{name} at {}: kubectl said {said:?}, we {ours:#?}", moment.at);
        }
        assert!(verdicts > 2, "{name} has no verdicts of {object}");
        let end = moments.iter().rev().find(|moment| moment.note.as_ref().is_some_and(|note| note.contains("ended with 0")));
        assert_eq!(end.and_then(|moment| moment.now.as_ref()).map(|now| now.phase), Some(Phase::Done), "{name}");
    }
}

#[test]
fn a_hold_waits_and_its_newest_is_the_candidate() {
    let moments = walk("plain-hold", deployment("p-hold"));
    let held = at(&moments, "set image of deploy/p-hold to lab/web:1.2.0");
    assert_eq!((held.phase, held.serving, held.deadline), (Phase::Waiting, Serving::Full, None));
    assert!(held.held.as_ref().is_some_and(|held| held.since.is_some()));
    assert_eq!(shown(held), ["#2 1.1.0 canary 1/1", "#1 1.0.0 stable 4/4"]);
    let (serving, candidate) = held.versions();
    assert_eq!((serving, candidate), (Some("1.0.0"), Some("1.1.0")));
}

#[test]
fn a_stall_fails_with_its_conditions_and_the_undo_is_a_way_back() {
    let moments = walk("plain-stall", deployment("p-stall"));
    let failed = at(&moments, "undo");
    assert_eq!((failed.phase, failed.serving), (Phase::Failed, Serving::Reduced));
    assert_eq!(failed.conditions.first().map(|(reason, _)| reason.as_str()), Some("ProgressDeadlineExceeded"));
    assert_eq!(shown(failed), ["#2 no-such-tag canary 0/2", "#1 1.0.0 stable 3/3"]);
    assert!(failed.instances.iter().any(|instance| instance.state == InstanceState::Failed && instance.word.contains("Image")));
    assert!(moments.iter().filter_map(|moment| moment.now.as_ref()).any(|now| now.phase == Phase::RollingBack));
    let back = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    assert_eq!(shown(back), ["#3 1.0.0 stable 4/4"]);
    assert_eq!(back.revisions[0].former_numbers, [1]);
}

#[test]
fn a_bad_fix_over_a_bad_release_does_not_make_the_bad_release_the_stable_one() {
    let moments = walk("plain-bad-over-bad", deployment("p-two"));
    let now = at(&moments, "the ReplicaSets now");
    assert_eq!(shown(now), ["#3 no-such-tag canary 0/2", "#1 1.0.0 stable 3/3"]);
    assert_eq!((now.phase, now.serving), (Phase::Failing, Serving::Reduced));
}

#[test]
fn history_keeps_causes_restarts_and_numbers_that_moved() {
    let moments = walk("plain-history", deployment("p-hist"));
    let end = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    let told: Vec<_> = end
        .revisions
        .iter()
        .map(|r| (r.label(), r.former_numbers.clone(), r.cause.clone().unwrap_or_default(), r.restarted.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            ("#5 1.0.0".to_owned(), vec![1], String::new(), false),
            ("#4 1.2.0".to_owned(), vec![], "ship 1.2.0".to_owned(), true),
            ("#3 1.2.0".to_owned(), vec![], "ship 1.2.0".to_owned(), false),
            ("#2 1.1.0".to_owned(), vec![], "ship 1.1.0".to_owned(), false),
        ]
    );
    assert!(end.revisions[0].template.iter().any(|line| line == "spec.containers[web].image: lab/web:1.0.0"));
}

#[test]
fn an_undone_stateful_set_keeps_what_served_as_stable_while_the_broken_pod_stays() {
    let moments = walk("plain-statefulset", Target::StatefulSet { name: "p-set".into() });
    let stuck = at(&moments, "the pod of the bad revision");
    assert_eq!(stuck.phase, Phase::RollingBack);
    assert_eq!(shown(stuck), ["#5 1.2.0 stable 2/2", "#4 bad old 0/1"]);
    let partition = at(&moments, "partition 0");
    assert_eq!(shown(partition), ["#3 1.2.0 canary 0/1", "#2 1.1.0 stable 2/2"]);
}

#[test]
fn a_pair_follows_its_service_and_says_when_users_get_errors() {
    let moments = walk("plain-bluegreen", pair());
    let ready = at(&moments, "switch to green");
    assert_eq!((ready.phase, ready.serving), (Phase::Waiting, Serving::Full));
    assert_eq!(shown(ready), ["#3 1.1.0 preview 2/2", "#2 1.0.0 active 2/2"]);
    let switched = at(&moments, "endpoints: p-green");
    assert_eq!(switched.phase, Phase::Done);
    assert_eq!(switched.routing.as_ref().map(|routing| routing.endpoints.clone()), Some(vec![("blue".into(), 0), ("green".into(), 2)]));
    assert_eq!(shown(switched), ["#3 1.1.0 active 2/2", "#2 1.0.0 old 2/2"]);
    let down = at(&moments, "endpoints:  (none");
    assert_eq!((down.phase, down.serving), (Phase::Failing, Serving::Down));
}
