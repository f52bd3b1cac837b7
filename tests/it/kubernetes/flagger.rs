//! What Flagger's controller did, as a person at the console sees it: phase, users, steps and verbs at each note.

use rolldeck::domain::delivery::{AnalysisPhase, PauseKind};
use rolldeck::domain::plan::Target;
use rolldeck::domain::revision::{Proof, Role};
use rolldeck::domain::rollout::{Phase, Rollout, Serving};
use rolldeck::domain::step::WeightSource;
use rolldeck::domain::verb::{Verb, possible};

use super::walk::{at, walk};

fn canary(name: &str) -> Target {
    Target::Flagger { name: name.into() }
}

fn weight(rollout: &Rollout, source: WeightSource) -> String {
    rollout.weights.iter().find(|weight| weight.source == source).map_or_else(|| "–".into(), |weight| weight.share.to_string())
}

/// `progressing | 1.0.0 → 1.1.0 | users 20 %, Flagger says 20 % | 20 % | full | ship finish …`.
fn line(rollout: &Rollout) -> String {
    let (serving, candidate) = rollout.versions();
    let versions = [serving, candidate].into_iter().flatten().collect::<Vec<_>>().join(" → ");
    let step = match rollout.steps.as_ref().map(|steps| (steps, steps.now())) {
        Some((_, Some(step))) => step.kind.label(),
        Some((steps, None)) if steps.current.is_some() => "all".into(),
        _ => "none".into(),
    };
    let verbs: Vec<_> = Verb::ALL.into_iter().filter(|verb| possible(rollout, *verb).is_ok()).map(Verb::word).collect();
    let serving = match rollout.serving {
        Serving::Full => "full",
        Serving::Reduced => "reduced",
        Serving::Down => "down",
        Serving::Idle => "idle",
        Serving::Unknown => "unknown",
    };
    format!(
        "{} | {versions} | users {}, told {} | {step} | {serving} | {}",
        rollout.phase.word(),
        weight(rollout, WeightSource::Observed),
        weight(rollout, WeightSource::Asked),
        verbs.join(", ")
    )
}

/// What Flagger's status was at the time, as the recorder noted it: `Progressing: New revision detected …`.
fn told(note: &str) -> Option<String> {
    let (_, status) = note.strip_prefix("status of ")?.split_once(": ")?;
    let (phase, message) = status.rsplit(" | ").next()?.split_once(' ')?;
    Some(format!("{phase}: {message}"))
}

const IDLE: &str = "ship, hold";
const BEGUN: &str = "ship, hold, abort, roll back";
const RUNS: &str = "ship, promote fully, hold, abort, roll back";
const ENDS: &str = "ship, hold, roll back";
const FAILED: &str = "ship, hold, retry, roll back";

#[test]
fn every_note_of_the_recordings_shows_what_flagger_said_and_what_the_users_got() {
    let rows = |name: &str, target: &str, expected: &[(f64, &str, &str)]| {
        let moments = walk(name, canary(target));
        let mut notes = 0;
        for moment in &moments {
            let (Some(note), Some(now)) = (&moment.note, &moment.now) else { continue };
            notes += 1;
            if let Some(said) = told(note) {
                assert_eq!(now.native, said, "{name} at {}", moment.at);
            }
            let wanted = expected.iter().rev().find(|(from, ..)| *from <= moment.at).expect("from the first note on");
            assert_eq!(line(now), format!("{} | {}", wanted.1, wanted.2), "{name} at {}: {note}", moment.at);
        }
        assert!(notes > 3, "{name}");
    };
    let idle = "done | 1.0.0 | users 0 %, told 0 % | none | full";
    let seen = "not yet observed | 1.0.0 → 1.1.0 | users 0 %, told 0 % | none | full";
    let started = "progressing | 1.0.0 → 1.1.0 | users 0 %, told 0 % | start | full";
    let ended = "done | 1.1.0 | users 0 %, told 0 % | all | full";
    rows(
        "flagger-gates",
        "f-gates",
        &[
            (0.0, idle, IDLE),
            (12.9, seen, BEGUN),
            (23.0, "waiting for you | 1.0.0 → 1.1.0 | users 0 %, told 0 % | confirm-rollout | full", BEGUN),
            (33.0, started, RUNS),
            (72.0, "waiting for you | 1.0.0 → 1.1.0 | users 60 %, told 0 % | confirm-promotion | full", RUNS),
            (82.0, "progressing | 1.0.0 → 1.1.0 | users 60 %, told 0 % | promotion | full", ENDS),
            (92.0, "progressing | 1.1.0 | users 0 %, told 0 % | finalising | full", ENDS),
            (102.0, ended, ENDS),
        ],
    );
    rows(
        "flagger-fail",
        "f-fail",
        &[
            (0.0, idle, IDLE),
            (25.0, started, RUNS),
            (64.0, "rolled back | 1.0.0 → 1.1.0 | users 0 %, told 0 % | 10 % | full", FAILED),
            // The target is back on what users have; Flagger still says Failed.
            (78.0, "rolled back | 1.0.0 | users 0 %, told 0 % | 10 % | full", ENDS),
        ],
    );
    rows(
        "flagger-bad-image",
        "f-bad",
        &[
            (0.0, idle, IDLE),
            (24.0, "progressing | 1.0.0 → no-such-tag | users 0 %, told 0 % | start | full", RUNS),
            (45.0, "rolled back | 1.0.0 → no-such-tag | users 0 %, told 0 % | start | full", FAILED),
        ],
    );
    let at_20 = "progressing | 1.0.0 → 1.1.0 | users 20 %, told 20 % | 20 % | full";
    rows(
        "flagger-skip",
        "f-skip",
        &[
            (0.0, idle, IDLE),
            (43.0, "progressing | 1.0.0 → 1.1.0 | users 5 %, told 5 % | 5 % | full", RUNS),
            (43.8, "progressing | 1.0.0 → 1.1.0 | users 5 %, told 5 % | 5 % | full", BEGUN),
            // Flagger says Succeeded, and the primary is still on its way.
            (55.0, "progressing | 1.0.0 → 1.1.0 | users 0 %, told 0 % | all | full", ENDS),
        ],
    );
    let moments = walk("flagger-suspend", canary("f-hold"));
    let held = moments.iter().find(|moment| moment.at > 33.4).and_then(|moment| moment.now.as_ref()).unwrap();
    assert_eq!(held.native, "Progressing: New revision detected, progressing canary analysis.; suspended");
    assert_eq!(
        line(held),
        "waiting for you | 1.0.0 → 1.1.0 | users 20 %, told 20 % | 20 % | full | ship, promote fully, resume, abort, roll back"
    );
    assert_eq!(line(at(&moments, "patch canary f-hold {\"spec\":{\"suspend\":false}}")), format!("{at_20} | {RUNS}"));
    assert_eq!(line(moments.last().and_then(|moment| moment.now.as_ref()).unwrap()), format!("{ended} | {ENDS}"));
    rows(
        "flagger-bluegreen",
        "f-blue",
        &[
            (0.0, "done | 1.0.0 | users –, told – | none | full", IDLE),
            (15.2, "done | 1.0.0 | users –, told – | none | full", ENDS),
            (15.28, "not yet observed | 1.0.0 → 1.1.0 | users –, told – | none | full", BEGUN),
            (25.0, "progressing | 1.0.0 → 1.1.0 | users –, told – | start | full", RUNS),
            (74.0, "waiting for you | 1.0.0 → 1.1.0 | users –, told – | confirm-promotion | full", RUNS),
            (124.0, "done | 1.1.0 | users –, told – | all | full", ENDS),
        ],
    );
}

#[test]
fn the_rail_goes_as_far_as_flagger_goes_and_keeps_when_each_step_was_reached() {
    let moments = walk("flagger-gates", canary("f-gates"));
    let end = moments.last().and_then(|moment| moment.now.as_ref()).unwrap();
    let steps = end.steps.as_ref().unwrap();
    let labels: Vec<_> = steps.list.iter().map(|step| step.kind.label()).collect();
    // The limit of 50 is tested before the step of 20 is added.
    assert_eq!(labels, ["confirm-rollout", "start", "20 %", "40 %", "60 %", "confirm-promotion", "promotion", "finalising"]);
    let reached: Vec<_> = steps.list.iter().map(|step| step.started.unwrap().strftime("%M:%S").to_string()).collect();
    assert_eq!(reached, ["17:08", "17:18", "17:28", "17:38", "17:48", "17:58", "18:08", "18:18"]);
    assert!(steps.list.iter().all(|step| step.ended.is_some()));
    let gate = at(&moments, "status of f-gates: WaitingPromotion");
    assert_eq!(gate.delivery.pause.as_ref().map(|pause| &pause.kind), Some(&PauseKind::Gate("confirm-promotion".into())));
    assert_eq!(gate.delivery.beat.map(|beat| beat.every.as_secs()), Some(10), "3 s are 10 to Flagger");
    // No Service of the cluster: the key says where the gate is.
    let refusal = possible(gate, Verb::Advance).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "the gate confirm-promotion is at http://127.0.0.1:18085/gate/check, which is no Service of the cluster: open it there"
    );
}

#[test]
fn the_count_of_failed_checks_outlives_flaggers_own() {
    let moments = walk("flagger-fail", canary("f-fail"));
    let failed = at(&moments, "status of f-fail: Failed");
    let analysis = &failed.delivery.analyses[0];
    let checks = &analysis.metrics[0];
    assert_eq!((analysis.phase, checks.failed, checks.limit.as_str()), (AnalysisPhase::Failed, 2, "< 2"));
    assert_eq!((analysis.metrics[1].name.as_str(), analysis.metrics[1].limit.as_str()), ("errors", "≤ 5"));
    assert_eq!(
        failed.delivery.aborted.as_ref().map(|aborted| aborted.why.as_str()),
        Some("Canary analysis failed, Deployment scaled to zero. 2 checks failed, 1 may.")
    );
    let trouble = moments.iter().filter_map(|moment| moment.now.as_ref()).find(|now| now.phase == Phase::Failing).unwrap();
    assert!(trouble.conditions.contains(&("FailedChecks".into(), "1 failed, Flagger gives up at 2".into())), "{:?}", trouble.conditions);
    // By the deadline and not by a check.
    let late = walk("flagger-bad-image", canary("f-bad"));
    assert_eq!(at(&late, "status of f-bad: Failed").delivery.analyses[0].phase, AnalysisPhase::Inconclusive);
}

#[test]
fn what_the_primary_ran_once_is_proven_and_its_own_revisions_are_not_offered() {
    let moments = walk("flagger-gates", canary("f-gates"));
    let end = at(&moments, "status of f-gates: Succeeded");
    let kept: Vec<_> = rolldeck::domain::wayback::kept(end).map(|kept| (kept.label(), kept.proof, kept.track.is_none())).collect();
    assert_eq!(kept, [("#1 1.0.0".to_owned(), Proof::Stable, true)]);
    assert!(end.serving_revision().is_some_and(|serving| serving.roles.has(Role::Stable) && serving.track.is_some()));
    assert_eq!((end.counts.wanted, end.counts.ready), (2, 2), "a target at 0 is at rest, not down");
}
