//! A progressive delivery in every state that an engineer on call may find it in.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rolldeck::app::model::Model;
use rolldeck::app::model::dialog::{Analyses, Overlay, Subject, Whole};
use rolldeck::app::model::nav::{Cursor, Screen};
use rolldeck::config::theme::Theme;
use rolldeck::domain::delivery::{
    Aborted, Analysis, AnalysisPhase, AnalysisRole, Beat, Budget, Experiment, ExperimentTemplate, Measurement, Metric, Pause, PauseKind,
    RoleService, Shortcut, Steering,
};
use rolldeck::domain::instance::InstanceState;
use rolldeck::domain::revision::{Counts, Proof, Role, Roles};
use rolldeck::domain::rollout::{Autoscaler, Held, Phase, Rollout, Serving, Strategy};
use rolldeck::domain::step::{Share, Step, StepKind, StepSource, Steps, Weight, WeightSource};

use rolldeck::domain::verb::{Capabilities, Verb};

use super::fixture::{at, busy, id, instance, revision, steady};
use super::{frame, shown, text};

fn step(kind: StepKind, started: Option<i64>, ended: Option<i64>) -> Step {
    Step { kind, started: started.map(at), ended: ended.map(at) }
}

fn weight(percent: u32) -> StepKind {
    StepKind::Weight(Share::percent(percent))
}

fn weights(asked: u32, users: u32) -> Vec<Weight> {
    vec![
        Weight { share: Share::percent(asked), source: WeightSource::Asked },
        Weight { share: Share::percent(users), source: WeightSource::Observed },
    ]
}

/// A canary of 20 with a router: 5 on 2.2.0, 15 on 2.1.0, at this step of eight.
fn canary(current: usize) -> Rollout {
    let name = "backend";
    let mut rollout = steady(id(name, "production"), "2.1.0", 15);
    let new = revision(name, 42, "2.2.0", &[Role::Canary], (5, 5));
    rollout
        .instances
        .extend(["7pq4d", "b8s4m", "c04hz", "d1k2j", "x2k9f"].map(|pod| instance(&new, pod, InstanceState::Ready, "Running", 252)));
    rollout.revisions.insert(0, new);
    rollout.revisions[1].shortcut = Some(Shortcut::Stable);
    rollout.kind = "rollout".into();
    rollout.strategy = Strategy::Canary;
    rollout.steering = Steering::Steps;
    rollout.phase = Phase::Progressing;
    rollout.native = "Progressing: more replicas need to be updated".into();
    rollout.counts = Counts { wanted: 20, total: 20, ready: 20, available: 20 };
    rollout.updated = 5;
    rollout.started = Some(at(-780));
    rollout.changed = Some(("ana".into(), at(-780)));
    rollout.weights = weights(25, 25);
    let times = [(-780, -739), (-739, -439), (-439, -252), (-252, -180), (-180, -120), (-120, -90), (-90, -30), (-30, -1)];
    let kinds = [
        weight(5),
        StepKind::Pause(Some(SignedDuration::from_mins(5))),
        weight(25),
        StepKind::Pause(None),
        StepKind::Analysis("success-rate".into()),
        weight(50),
        StepKind::Pause(Some(SignedDuration::from_mins(10))),
        weight(100),
    ];
    let list = kinds.into_iter().enumerate().map(|(index, kind)| {
        let (started, ended) = times[index];
        step(kind, (index <= current).then_some(started), (index < current).then_some(ended))
    });
    rollout.steps = Some(Steps { source: StepSource::Engine, list: list.collect(), current: Some(current), resumes: None });
    rollout.delivery.services = vec![
        RoleService { name: "backend-stable".into(), role: Role::Stable, selects: Some("backend-41".into()) },
        RoleService { name: "backend-canary".into(), role: Role::Canary, selects: Some("backend-42".into()) },
    ];
    rollout.autoscaler =
        Some(Autoscaler { name: "backend-hpa".into(), min: 10, max: 40, current: 20, desired: 20, complaints: Vec::new() });
    rollout.budgets = vec![Budget { name: "backend-pdb".into(), allowed: 2, healthy: 20, desired: 18 }];
    rollout.capabilities = Capabilities::offering(&[
        Verb::Advance,
        Verb::Finish,
        Verb::Hold,
        Verb::Resume,
        Verb::Abort,
        Verb::Retry,
        Verb::RollBack,
        Verb::Ship,
        Verb::Restart,
        Verb::Scale,
        Verb::Terminate,
    ]);
    rollout
}

fn paused(current: usize, until: Option<Timestamp>) -> Rollout {
    let mut rollout = canary(current);
    rollout.phase = Phase::Waiting;
    rollout.native = "Paused: CanaryPauseStep".into();
    let since = rollout.steps.as_ref().unwrap().list[current].started;
    rollout.delivery.pause = Some(Pause { kind: PauseKind::Step, since, until });
    rollout.steps.as_mut().unwrap().resumes = until;
    rollout
}

fn timed() -> Rollout {
    let mut rollout = paused(1, Some(at(77)));
    rollout.weights = weights(5, 5);
    rollout.steps.as_mut().unwrap().list[1].started = Some(at(-223));
    rollout.delivery.pause.as_mut().unwrap().since = Some(at(-223));
    rollout
}

fn metric(name: &str, limit: &str, phase: AnalysisPhase, values: &[(&str, AnalysisPhase)]) -> Metric {
    let of = |wanted: AnalysisPhase| values.iter().filter(|(_, phase)| *phase == wanted).count() as u32;
    Metric {
        name: name.into(),
        phase,
        limit: limit.into(),
        planned: Some(5),
        taken: values.len() as u32,
        successful: of(AnalysisPhase::Successful),
        failed: of(AnalysisPhase::Failed),
        inconclusive: of(AnalysisPhase::Inconclusive),
        errors: of(AnalysisPhase::Error),
        failure_limit: 1,
        dry_run: false,
        message: String::new(),
        measurements: values
            .iter()
            .enumerate()
            .map(|(number, (value, phase))| Measurement { phase: *phase, value: (*value).into(), at: Some(at(number as i64 * 10 - 60)) })
            .collect(),
    }
}

fn analysis(role: AnalysisRole, phase: AnalysisPhase, metrics: Vec<Metric>) -> Analysis {
    Analysis {
        name: "backend-6d4b75cb6d-42-4".into(),
        uid: "a1".into(),
        role,
        phase,
        message: String::new(),
        started: Some(at(-62)),
        ended: phase.over().then(|| at(-10)),
        metrics,
        revision: Some("backend-42".into()),
        stopping: false,
    }
}

const GOOD: AnalysisPhase = AnalysisPhase::Successful;
const BAD: AnalysisPhase = AnalysisPhase::Failed;

fn running_metrics() -> Vec<Metric> {
    vec![
        metric("error-rate", "result[0] < 0.5", AnalysisPhase::Running, &[("[0.11]", GOOD), ("[0.14]", GOOD), ("[0.42]", GOOD)]),
        metric("p95", "result[0] <= 300", AnalysisPhase::Running, &[("[212.4]", GOOD), ("[340.1]", BAD), ("[208]", GOOD)]),
    ]
}

fn measuring() -> Rollout {
    let mut rollout = canary(4);
    rollout.native = "Progressing: more replicas need to be updated".into();
    let background = Analysis {
        name: "backend-6d4b75cb6d-42".into(),
        ..analysis(
            AnalysisRole::Background,
            AnalysisPhase::Running,
            vec![Metric {
                planned: None,
                ..metric(
                    "saturation",
                    "result < 0.8",
                    AnalysisPhase::Running,
                    &[("0.31", GOOD), ("0.44", GOOD), ("0.4", GOOD), ("0.52", GOOD)],
                )
            }],
        )
    };
    rollout.delivery.analyses = vec![analysis(AnalysisRole::Step(4), AnalysisPhase::Running, running_metrics()), background];
    rollout
}

const WHY: &str = "Rollout aborted update to revision 42: Step-based analysis phase error/failed: Metric \"error-rate\" assessed Failed due to failed (2) > failureLimit (1)";

fn aborted() -> Rollout {
    let mut rollout = canary(4);
    rollout.phase = Phase::RolledBack;
    rollout.native = format!("Degraded: RolloutAborted: {WHY}");
    rollout.weights = weights(0, 0);
    rollout.steps.as_mut().unwrap().current = Some(0);
    rollout.delivery.aborted = Some(Aborted { at: Some(at(-9)), why: WHY.into() });
    let failed = metric("error-rate", "result[0] < 0.5", BAD, &[("[0.11]", GOOD), ("[0.74]", BAD), ("[0.91]", BAD)]);
    let mut run = analysis(AnalysisRole::Step(4), BAD, vec![failed]);
    run.message = "Metric \"error-rate\" assessed Failed due to failed (2) > failureLimit (1)".into();
    rollout.delivery.analyses = vec![run];
    rollout.revisions[0].cools = Some(at(21));
    rollout
}

fn aborted_and_held() -> Rollout {
    let mut rollout = aborted();
    rollout.phase = Phase::RollingBack;
    rollout.weights = weights(0, 25);
    rollout.delivery.aborted = Some(Aborted { at: Some(at(-9)), why: "Rollout aborted update to revision 42".into() });
    rollout.delivery.analyses.clear();
    for step in &mut rollout.steps.as_mut().unwrap().list {
        (step.started, step.ended) = (None, None);
    }
    rollout.held = Some(Held { since: Some(at(-190)), by: Some("marco".into()) });
    rollout
}

fn inconclusive() -> Rollout {
    let mut rollout = paused(4, None);
    rollout.native = "Paused: InconclusiveAnalysisRun".into();
    rollout.delivery.pause = Some(Pause { kind: PauseKind::InconclusiveAnalysis, since: Some(at(-44)), until: None });
    let undecided = AnalysisPhase::Inconclusive;
    rollout.delivery.analyses = vec![analysis(
        AnalysisRole::Step(4),
        undecided,
        vec![metric("error-rate", "result[0] < 0.5, fails if result[0] > 0.9", undecided, &[("[0.61]", undecided), ("[0.7]", undecided)])],
    )];
    rollout
}

fn unpausing() -> Rollout {
    let mut rollout = canary(3);
    rollout.phase = Phase::Unobserved;
    rollout.native = "Progressing: waiting for rollout to unpause".into();
    rollout.delivery.unobserved_since = Some(at(-14));
    rollout
}

fn fully() -> Rollout {
    let mut rollout = canary(3);
    rollout.delivery.promoting_fully = true;
    rollout.weights = weights(100, 40);
    rollout
}

fn done_and_warm() -> Rollout {
    let mut rollout = canary(8);
    rollout.phase = Phase::Done;
    rollout.native = "Healthy".into();
    rollout.weights.clear();
    rollout.revisions[0].roles = Roles::of(&[Role::Stable]);
    rollout.revisions[0].counts = Counts { wanted: 20, total: 20, ready: 20, available: 20 };
    rollout.revisions[1].roles = Roles::of(&[Role::Old]);
    rollout.revisions[1].cools = Some(at(24));
    rollout.revisions[1].shortcut = Some(Shortcut::Window);
    rollout.revisions[1].proof = Proof::Recorded(at(-90_000));
    rollout.counts = Counts { wanted: 20, total: 35, ready: 35, available: 35 };
    rollout.serving = Serving::Full;
    rollout
}

fn restarting() -> Rollout {
    let mut rollout = steady(id("backend", "production"), "2.1.0", 8);
    let model = canary(8);
    (rollout.strategy, rollout.steering, rollout.kind) = (Strategy::Canary, Steering::Steps, "rollout".into());
    rollout.capabilities = model.capabilities;
    rollout.phase = Phase::Progressing;
    rollout.native = "Progressing: rollout is restarting".into();
    rollout.delivery.restart = Some(at(-40));
    let stable = rollout.revisions[0].clone();
    for (number, age) in [30, 22, 9].into_iter().enumerate() {
        rollout.instances[number] = instance(&stable, &format!("n{number}w7q"), InstanceState::Ready, "Running", age);
    }
    rollout.budgets = vec![Budget { name: "backend-pdb".into(), allowed: 0, healthy: 7, desired: 7 }];
    rollout
}

fn bluegreen(current: usize) -> Rollout {
    let mut rollout = canary(0);
    rollout.strategy = Strategy::BlueGreen;
    rollout.weights.clear();
    rollout.autoscaler = None;
    rollout.budgets.clear();
    let kinds = [
        StepKind::Scale("preview up".into()),
        StepKind::Analysis("smoke".into()),
        StepKind::Pause(None),
        StepKind::Switch,
        StepKind::Analysis("errors".into()),
        StepKind::Scale("scale down".into()),
    ];
    let list = kinds.into_iter().map(|kind| step(kind, None, None)).collect();
    rollout.steps = Some(Steps { source: StepSource::Engine, list, current: Some(current), resumes: None });
    rollout.revisions[0].roles = Roles::of(&[Role::Preview]);
    rollout.revisions[0].counts = Counts { wanted: 15, total: 15, ready: 15, available: 15 };
    rollout.revisions[1].roles = Roles::of(&[Role::Active, Role::Stable]);
    rollout.delivery.services = vec![
        RoleService { name: "backend".into(), role: Role::Active, selects: Some("backend-41".into()) },
        RoleService { name: "backend-preview".into(), role: Role::Preview, selects: Some("backend-42".into()) },
    ];
    rollout.counts = Counts { wanted: 15, total: 30, ready: 30, available: 30 };
    rollout
}

fn preview() -> Rollout {
    let mut rollout = bluegreen(2);
    rollout.phase = Phase::Waiting;
    rollout.native = "Paused: BlueGreenPause".into();
    rollout.delivery.pause = Some(Pause { kind: PauseKind::BlueGreen, since: Some(at(-73)), until: None });
    let passed = metric("http-200", "result == 200", GOOD, &[("200", GOOD), ("200", GOOD), ("200", GOOD)]);
    rollout.delivery.analyses = vec![analysis(AnalysisRole::PrePromotion, GOOD, vec![Metric { planned: Some(3), ..passed }])];
    rollout
}

fn switched() -> Rollout {
    let mut rollout = bluegreen(5);
    rollout.phase = Phase::Done;
    rollout.native = "Healthy".into();
    rollout.revisions[0].roles = Roles::of(&[Role::Active, Role::Stable]);
    rollout.revisions[1].roles = Roles::of(&[Role::Old]);
    rollout.revisions[1].cools = Some(at(24));
    rollout.revisions[1].shortcut = Some(Shortcut::Warm);
    for service in &mut rollout.delivery.services {
        service.selects = Some("backend-42".into());
    }
    rollout
}

fn experiment() -> Rollout {
    let mut rollout = canary(4);
    rollout.steps.as_mut().unwrap().list[4].kind = StepKind::Experiment("baseline, candidate".into());
    let template = |name: &str, available| ExperimentTemplate {
        name: name.into(),
        status: "Running".into(),
        replicas: 2,
        available,
        message: String::new(),
    };
    rollout.delivery.experiments = vec![Experiment {
        name: "backend-6d4b75cb6d-42-4".into(),
        uid: "e1".into(),
        phase: AnalysisPhase::Running,
        message: String::new(),
        started: Some(at(-62)),
        lasts: Some(SignedDuration::from_secs(300)),
        templates: vec![template("baseline", 2), template("candidate", 1)],
    }];
    rollout.delivery.analyses =
        vec![analysis(AnalysisRole::Experiment("backend-6d4b75cb6d-42-4".into()), AnalysisPhase::Running, running_metrics())];
    rollout
}

fn flagger() -> Rollout {
    let mut rollout = canary(0);
    rollout.steering = Steering::Gates;
    rollout.kind = "canary".into();
    let list = [weight(20), weight(40), weight(60), StepKind::Gate("confirm-promotion".into()), weight(100)];
    rollout.steps = Some(Steps {
        source: StepSource::Engine,
        list: list.into_iter().map(|kind| step(kind, None, None)).collect(),
        current: Some(3),
        resumes: None,
    });
    rollout.phase = Phase::Waiting;
    rollout.native = "WaitingPromotion".into();
    rollout.weights = weights(0, 60);
    rollout.delivery.pause = Some(Pause { kind: PauseKind::Gate("confirm-promotion".into()), since: Some(at(-31)), until: None });
    rollout.delivery.beat = Some(Beat { every: SignedDuration::from_secs(10), last: Some(at(-2)) });
    rollout.delivery.services.clear();
    rollout.autoscaler = None;
    rollout
}

fn plain() -> Rollout {
    let mut rollout = canary(3);
    rollout.steering = Steering::Plan;
    rollout.kind = "canary".into();
    rollout.phase = Phase::Waiting;
    rollout.native = "2 of 3 steps, by the plan".into();
    rollout.weights = vec![
        Weight { share: Share::percent(25), source: WeightSource::Asked },
        Weight { share: Share::ratio(4, 19), source: WeightSource::Replicas },
    ];
    rollout.revisions[0].counts = Counts { wanted: 5, total: 5, ready: 4, available: 4 };
    rollout.instances.pop();
    let list = vec![step(weight(25), Some(-252), None), step(weight(50), None, None), step(weight(100), None, None)];
    rollout.steps = Some(Steps { source: StepSource::Plan, list, current: Some(0), resumes: None });
    rollout.delivery.services.clear();
    rollout
}

/// The busy evening with this rollout in production, on its own screen.
fn on(rollout: Rollout) -> Model {
    let mut model = busy();
    let id = rollout.id.clone();
    model.fleet.take(Arc::new(rollout), at(0));
    model.nav.open(Screen::Rollout(id));
    model
}

fn over(rollout: Rollout, overlay: Overlay) -> Model {
    let mut model = on(rollout);
    model.overlay = Some(overlay);
    model
}

fn whole(subject: Subject) -> Overlay {
    Overlay::Whole(Whole { rollout: id("backend", "production"), subject, top: 0 })
}

/// Every state by name.
pub const SCREENS: [(&str, fn() -> Model); 18] = [
    ("canary-paused", || on(paused(3, None))),
    ("canary-timed", || on(timed())),
    ("canary-measuring", || on(measuring())),
    ("canary-aborted", || on(aborted())),
    ("canary-aborted-held", || on(aborted_and_held())),
    ("canary-inconclusive", || on(inconclusive())),
    ("canary-away", || on(unpausing())),
    ("canary-fully", || on(fully())),
    ("canary-warm", || on(done_and_warm())),
    ("canary-restart", || on(restarting())),
    ("bluegreen-preview", || on(preview())),
    ("bluegreen-switched", || on(switched())),
    ("canary-experiment", || on(experiment())),
    ("flagger-gate", || on(flagger())),
    ("plain-step", || on(plain())),
    ("whole-analysis", || over(measuring(), whole(Subject::Analysis("backend-6d4b75cb6d-42-4".into())))),
    ("whole-rollout", || over(aborted(), whole(Subject::Rollout))),
    ("choose-analysis", || {
        let choices = vec!["backend-6d4b75cb6d-42-4".into(), "backend-6d4b75cb6d-42".into()];
        over(measuring(), Overlay::Analyses(Analyses { rollout: id("backend", "production"), choices, cursor: Cursor::default() }))
    }),
];

/// The deck with each state once, below each other.
pub fn deck() -> Model {
    let mut model = busy();
    let services = ["backend", "frontend", "worker", "payments", "search"];
    let states = [
        [paused(3, None), measuring(), preview()],
        [timed(), aborted(), aborted_and_held()],
        [unpausing(), fully(), switched()],
        [flagger(), plain(), done_and_warm()],
        [inconclusive(), restarting(), experiment()],
    ];
    for (service, states) in services.into_iter().zip(states) {
        for (environment, state) in ["development", "staging", "production"].into_iter().zip(states) {
            model.fleet.take(Arc::new(Rollout { id: id(service, environment), ..state }), at(0));
        }
    }
    model
}

#[test]
fn every_state_of_a_progressive_delivery() {
    for (columns, rows) in [(160, 45), (120, 40), (80, 24)] {
        for (name, make) in SCREENS {
            insta::assert_snapshot!(format!("{columns}x{rows}-{name}"), shown(&mut make(), columns, rows));
        }
        insta::assert_snapshot!(format!("{columns}x{rows}-deck-canaries"), shown(&mut deck(), columns, rows));
    }
}

#[test]
fn every_state_is_told_without_colour_and_in_ascii() {
    let dark = || Theme::named("dark").unwrap();
    let (plain, ascii) = (dark().without_colour(), dark().ascii().without_colour());
    for (name, make) in SCREENS {
        let shown = text(&frame(&mut make(), &dark(), 120, 40).0);
        assert_eq!(shown, text(&frame(&mut make(), &plain, 120, 40).0), "{name}");
        let told = text(&frame(&mut make(), &ascii, 120, 40).0);
        assert!(told.is_ascii() && !told.contains('?') || told.contains("? help"), "{name}: {told}");
    }
    insta::assert_snapshot!("ascii-canary-measuring", text(&frame(&mut on(measuring()), &ascii, 120, 40).0));
}
