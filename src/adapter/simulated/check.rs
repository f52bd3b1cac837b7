//! What the simulated cluster answers for checklists: the same judges as of a real one, over the world's own rollouts; what
//! the world has none of (nodes, Secrets, Jobs) is made up, always alike. A scenario may have a check fail for a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::board::Board;
use super::scenario::{Scenario, ScenarioError, Scripted};
use crate::adapter::clock;
use crate::domain::id::EnvironmentName;
use crate::domain::plan::Workload;
use crate::domain::release::Bound;
use crate::domain::release::binding::{self, Seen};
use crate::domain::release::checklist::{Kubernetes, Subject, SubjectService, Task};
use crate::domain::release::finding::{self, Finding};
use crate::domain::rollout::{Rollout, Strategy};
use crate::port::Seq;
use crate::port::check::{Command, Event, Found};

/// Checks that run at once, as with a real cluster.
const AT_ONCE: usize = 6;

/// The made-up nodes: as many as instances are spread over.
const NODES: usize = 6;
const CORES: f64 = 16.0;
/// What each instance takes of a core.
const EACH: f64 = 0.5;

/// The world, as its checks see it.
struct Checker {
    board: Board,
    speed: f64,
    scripted: Vec<Scripted>,
    /// How often each kind has run.
    runs: std::sync::Mutex<BTreeMap<&'static str, u32>>,
}

/// Starts the checker of a simulated cluster. It ends when nobody asks any more.
///
/// # Errors
///
/// There is no scenario of that name.
pub fn spawn(
    options: &Options,
    board: Board,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) -> Result<JoinHandle<()>, ScenarioError> {
    let scripted = Scenario::load(&options.scenario)?.check;
    let checker = Checker { board, speed: options.speed.max(0.01), scripted, runs: std::sync::Mutex::default() };
    Ok(tokio::spawn(run(Arc::new(checker), commands, events)))
}

async fn run(checker: Arc<Checker>, mut commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut stops: HashMap<Seq, CancellationToken> = HashMap::new();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => break,
                Some(Command::Cancel { seq }) => {
                    if let Some(stop) = stops.remove(&seq) {
                        stop.cancel();
                    }
                }
                Some(Command::Run { seq, task, subject, workloads, .. }) => {
                    let stop = CancellationToken::new();
                    stops.insert(seq, stop.clone());
                    let (checker, turns, events) = (checker.clone(), turns.clone(), events.clone());
                    tasks.spawn(async move {
                        let work = async {
                            let _turn = turns.acquire().await;
                            tell(&events, Event::Started { seq, at: clock::now() }).await;
                            tokio::time::sleep(checker.takes(&task)).await;
                            checker.judge(&task, &subject, &workloads, clock::now())
                        };
                        let Finding { verdict, evidence } = tokio::select! {
                            finding = work => finding,
                            () = stop.cancelled() => Finding::unknown("stopped before its end"),
                        };
                        let found = Found { verdict, at: clock::now(), evidence, output: String::new(), link: None };
                        tell(&events, Event::Finished { seq, found }).await;
                        Some(seq)
                    });
                }
                Some(Command::Bind { seq, subject, workloads }) => {
                    let (checker, events) = (checker.clone(), events.clone());
                    tasks.spawn(async move {
                        tokio::time::sleep(checker.seconds(0.3)).await;
                        tell(&events, Event::Bound { seq, bound: checker.bind(&subject, &workloads) }).await;
                        None
                    });
                }
            },
            Some(ended) = tasks.join_next() => {
                if let Ok(Some(seq)) = ended {
                    stops.remove(&seq);
                }
            }
        }
    }
    tasks.shutdown().await;
}

async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    if events.send(event).await.is_err() {
        tracing::debug!("nobody reads what checks find any more");
    }
}

impl Checker {
    fn seconds(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed)
    }

    /// Those that read much take longer: one sees them run.
    fn takes(&self, task: &Task) -> Duration {
        self.seconds(match task {
            Task::Kubernetes(Kubernetes::Capacity) => 2.8,
            Task::Kubernetes(Kubernetes::Healthy { .. }) | Task::Environment { .. } => 1.4,
            Task::Kubernetes(Kubernetes::SameDigest { .. }) => 2.1,
            _ => 0.6,
        })
    }

    fn judge(&self, task: &Task, subject: &Subject, workloads: &[Workload], now: Timestamp) -> Finding {
        let rollouts = match self.board.rollouts() {
            Ok(rollouts) => rollouts,
            Err(why) => return Finding::unknown(why),
        };
        if let Some(finding) = self.scripted(task) {
            return finding;
        }
        let of_these = || rollouts.iter().filter(|rollout| workloads.iter().any(|workload| workload.id == rollout.id));
        let version = |rollout: &Rollout| of(subject, rollout).map_or("", |service| service.version.as_str()).to_owned();
        let each = |judge: &dyn Fn(&Rollout) -> Finding| finding::all(of_these().map(|rollout| (label(rollout), judge(rollout))).collect());
        let namespace = workloads.first().map_or("booking", |workload| workload.namespace.as_str());
        match task {
            Task::Environment { environment, healthy_for } => {
                let there = among(&rollouts, subject, environment);
                let long = self.scaled(*healthy_for);
                finding::all(there.map(|rollout| (label(rollout), finding::settled(rollout, &version(rollout), long, now))).collect())
            }
            Task::Kubernetes(kubernetes) => match kubernetes {
                Kubernetes::Healthy { for_ } => each(&|rollout| finding::healthy(rollout, self.scaled(*for_), now)),
                Kubernetes::Rollback => each(&|rollout| finding::way_back(rollout, &version(rollout), Some(10))),
                Kubernetes::Disruption => each(&|rollout| finding::disruption(&rollout.budgets)),
                Kubernetes::Capacity => capacity(&rollouts, of_these().map(AsRef::as_ref)),
                Kubernetes::Quiet => {
                    let others = rollouts.iter().filter(|rollout| rollout.id.environment == subject.environment);
                    finding::quiet(&subject.environment, others.filter(|rollout| of(subject, rollout).is_none()).map(AsRef::as_ref))
                }
                Kubernetes::ConfigMap { name } => Finding::pass(format!("config map {name} is in {namespace}")),
                Kubernetes::Secret { name } => Finding::pass(format!("secret {name} is in {namespace}")),
                Kubernetes::Certificate { secret, days } => certificate(secret, *days, now),
                Kubernetes::Job { name } => {
                    let versions: Vec<&str> = subject.services.iter().map(|service| service.version.as_str()).collect();
                    Finding::pass(format!("job {name} succeeded 6 min ago in 12 s, of {}", versions.join(", ")))
                }
                Kubernetes::SameDigest { environment } => {
                    let parts = subject.services.iter().map(|service| {
                        let seen = |place: &EnvironmentName| self.seen(&rollouts, service, |rollout| rollout.id.environment == *place);
                        let (there, here) = (seen(environment), seen(&subject.environment));
                        let finding = binding::same(environment, &there, &here, service.digest.as_deref());
                        (service.service.to_string(), finding)
                    });
                    finding::all(parts.collect())
                }
            },
            Task::Manual | Task::Command(_) | Task::Http(_) | Task::Prometheus(_) => {
                Finding::unknown(format!("a check by {} is not the cluster's", task.word()))
            }
        }
    }

    /// A version that runs nowhere is known to the made-up registry: a demo asks no other.
    fn bind(&self, subject: &Subject, workloads: &[Workload]) -> Vec<Bound> {
        let rollouts = self.board.rollouts().unwrap_or_else(|why| {
            tracing::debug!(why, "digests come from the simulated registry");
            Vec::new()
        });
        let bind = |service: &SubjectService| {
            let seen = self.seen(&rollouts, service, |rollout| workloads.iter().any(|workload| workload.id == rollout.id));
            let bound = binding::bind(service, &seen);
            if !bound.weak() {
                return bound;
            }
            Bound { digest: Some(self.board.digest(&service.image)), source: "the simulated registry".into(), ..bound }
        };
        subject.services.iter().map(bind).collect()
    }

    fn seen(&self, rollouts: &[Arc<Rollout>], service: &SubjectService, there: impl Fn(&Rollout) -> bool) -> Vec<Seen> {
        let runs = |rollout: &&Arc<Rollout>| {
            let live = rollout.revisions.iter().filter(|revision| revision.counts.total > 0);
            rollout.id.service == service.service && there(rollout) && live.clone().any(|revision| revision.version == service.version)
        };
        let digest = self.board.digest(&service.image);
        let seen =
            |rollout: &Arc<Rollout>| Seen { environment: rollout.id.environment.clone(), digest: Some(digest.clone()), id: digest.clone() };
        rollouts.iter().filter(runs).map(seen).collect()
    }

    /// What the scenario says of a check, as often as it says it.
    fn scripted(&self, task: &Task) -> Option<Finding> {
        let kind = kind(task)?;
        let mut runs = self.runs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let run = runs.entry(kind).or_default();
        *run += 1;
        let scripted = self.scripted.iter().find(|scripted| scripted.kind == kind && *run <= scripted.times)?;
        Some(Finding::fail(scripted.evidence.clone()))
    }

    fn scaled(&self, long: SignedDuration) -> SignedDuration {
        SignedDuration::try_from_secs_f64(long.as_secs_f64() / self.speed).unwrap_or(long)
    }
}

fn of<'a>(subject: &'a Subject, rollout: &Rollout) -> Option<&'a SubjectService> {
    subject.services.iter().find(|service| service.service == rollout.id.service)
}

fn among<'a>(
    rollouts: &'a [Arc<Rollout>],
    subject: &'a Subject,
    environment: &'a EnvironmentName,
) -> impl Iterator<Item = &'a Arc<Rollout>> {
    rollouts.iter().filter(move |rollout| rollout.id.environment == *environment && of(subject, rollout).is_some())
}

fn label(rollout: &Rollout) -> String {
    let id = &rollout.id;
    if id.workload.as_str() == id.service.as_str() { id.service.to_string() } else { format!("{}/{}", id.service, id.workload) }
}

/// Returns the word by which a scenario names a check: as a plan does.
fn kind(task: &Task) -> Option<&'static str> {
    Some(match task {
        Task::Environment { .. } => "environment",
        Task::Kubernetes(kubernetes) => match kubernetes {
            Kubernetes::Healthy { .. } => "healthy",
            Kubernetes::Capacity => "capacity",
            Kubernetes::Rollback => "rollback",
            Kubernetes::Disruption => "disruption",
            Kubernetes::Quiet => "quiet",
            Kubernetes::ConfigMap { .. } => "config-map",
            Kubernetes::Secret { .. } => "secret",
            Kubernetes::Certificate { .. } => "certificate",
            Kubernetes::Job { .. } => "job",
            Kubernetes::SameDigest { .. } => "same-digest",
        },
        Task::Manual | Task::Command(_) | Task::Http(_) | Task::Prometheus(_) => return None,
    })
}

/// Room for a quarter more where instances are replaced one by one, for a second stack where two stand side by side.
fn capacity<'a>(all: &[Arc<Rollout>], these: impl Iterator<Item = &'a Rollout>) -> Finding {
    let more: Vec<(String, u32)> = these
        .map(|rollout| {
            let wanted = rollout.counts.wanted;
            let more = if rollout.strategy == Strategy::BlueGreen { wanted } else { wanted.div_ceil(4) };
            (label(rollout), more)
        })
        .collect();
    let instances: usize = all.iter().map(|rollout| rollout.instances.len()).sum();
    let free = NODES as f64 * CORES - instances as f64 * EACH;
    let added: u32 = more.iter().map(|(_, more)| more).sum();
    let left = free - f64::from(added) * EACH;
    let named: Vec<String> = more.iter().map(|(name, more)| format!("{more} {name}")).collect();
    let named = named.join(", ");
    if left < 0.0 {
        return Finding::fail(format!("no room for {named} more: each needs {EACH} cores, {free:.1} are free on {NODES} nodes"));
    }
    Finding::pass(format!("room for {named} more (each {EACH} cores) on {NODES} nodes, {left:.1} cores left then"))
}

/// Certificates of the made-up world are good for two months and more.
fn certificate(name: &str, days: u32, now: Timestamp) -> Finding {
    let left = 60 + name.len() as i64;
    let until = now.checked_add(SignedDuration::from_hours(24 * left)).unwrap_or(now).strftime("%Y-%m-%d").to_string();
    let words = format!("the certificate expires {until}, in {left} days of {days} wanted");
    if left > i64::from(days) { Finding::pass(words) } else { Finding::fail(words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::simulated::{plan, spawn_on};
    use crate::domain::plan::Plan;
    use crate::domain::release::checklist::Verdict;

    /// A checker over a world that runs, and its plan.
    async fn world(scenario: &str) -> (Plan, mpsc::Sender<Command>, mpsc::Receiver<Event>, Vec<JoinHandle<()>>) {
        let options = Options { scenario: scenario.into(), speed: 10.0, ..Options::default() };
        let plan = plan(scenario).expect("a plan");
        let board = Board::default();
        let (engine, inbox) = mpsc::channel(8);
        let (outbox, mut told) = mpsc::channel(4096);
        let (lines, _logs) = mpsc::channel(8);
        let workloads: Vec<Workload> = plan.workloads().cloned().collect();
        let count = workloads.len();
        let world = spawn_on(&options, board.clone(), workloads, inbox, outbox, lines).expect("a world");
        let (commands, asked) = mpsc::channel(16);
        let (found, events) = mpsc::channel(64);
        let checker = spawn(&options, board.clone(), asked, found).expect("a checker");
        while board.rollouts().expect("linked").len() < count {
            told.recv().await.expect("the engine lives");
        }
        let keep = tokio::spawn(async move {
            while told.recv().await.is_some() {}
            drop(engine);
        });
        (plan, commands, events, vec![world, checker, keep])
    }

    fn subject(plan: &Plan, service: &str, version: &str) -> (Arc<Subject>, Vec<Workload>) {
        let environment = EnvironmentName::new("production");
        let image = plan.service(&service.into()).and_then(|service| service.image.clone()).unwrap_or_else(|| service.to_owned());
        let one = SubjectService { service: service.into(), version: version.into(), image: format!("{image}:{version}"), digest: None };
        let workloads = plan.cell(&service.into(), &environment).cloned().collect();
        (Arc::new(Subject { release: "r1".into(), environment, services: vec![one] }), workloads)
    }

    async fn found(events: &mut mpsc::Receiver<Event>) -> Found {
        loop {
            match tokio::time::timeout(Duration::from_secs(10), events.recv()).await.expect("in time").expect("the checker lives") {
                Event::Finished { found, .. } => return found,
                Event::Started { .. } | Event::Bound { .. } => {}
            }
        }
    }

    #[tokio::test]
    async fn every_check_of_a_calm_world_finds_something() {
        let (plan, commands, mut events, _tasks) = world("quiet").await;
        let (subject, workloads) = subject(&plan, "payments", "9.9.9");
        let staging = || EnvironmentName::new("staging");
        for (task, verdict, words) in [
            (Kubernetes::Healthy { for_: SignedDuration::from_mins(5) }, Verdict::Pass, "ready for"),
            (Kubernetes::Capacity, Verdict::Pass, "room for"),
            (Kubernetes::Rollback, Verdict::Pass, "stays"),
            (Kubernetes::Disruption, Verdict::Pass, "no budget"),
            (Kubernetes::Quiet, Verdict::Pass, "stand still"),
            (Kubernetes::Secret { name: "tls".into() }, Verdict::Pass, "secret tls is in"),
            (Kubernetes::Certificate { secret: "tls".into(), days: 14 }, Verdict::Pass, "in 63 days of 14 wanted"),
            (Kubernetes::Certificate { secret: "tls".into(), days: 90 }, Verdict::Fail, "in 63 days of 90 wanted"),
            (Kubernetes::SameDigest { environment: staging() }, Verdict::Fail, "does not run in staging"),
        ] {
            let task = Box::new(Task::Kubernetes(task));
            let run = Command::Run { seq: Seq(1), item: "x".into(), task, subject: subject.clone(), workloads: workloads.clone() };
            commands.send(run).await.expect("it takes it");
            let found = found(&mut events).await;
            assert_eq!(found.verdict, verdict, "{}", found.evidence);
            assert!(found.evidence.contains(words), "{}", found.evidence);
        }
    }

    #[tokio::test]
    async fn every_image_of_the_world_has_a_digest() {
        let (plan, commands, mut events, _tasks) = world("quiet").await;
        let (subject, workloads) = subject(&plan, "payments", "9.9.9");
        commands.send(Command::Bind { seq: Seq(7), subject, workloads }).await.expect("it takes it");
        let bound = tokio::time::timeout(Duration::from_secs(10), events.recv()).await.expect("in time");
        let Some(Event::Bound { seq: Seq(7), bound }) = bound else { panic!("{bound:?}") };
        assert!(bound[0].digest.is_some() && bound[0].source == "the simulated registry", "{bound:?}");
    }

    #[test]
    fn a_scripted_failure_ends_after_its_times() {
        let scripted = Scripted { kind: "capacity".into(), evidence: "no room".into(), times: 1 };
        let runs = std::sync::Mutex::default();
        let checker = Checker { board: Board::default(), speed: 1.0, scripted: vec![scripted], runs };
        let (task, other) = (Task::Kubernetes(Kubernetes::Capacity), Task::Kubernetes(Kubernetes::Quiet));
        assert_eq!(checker.scripted(&other), None);
        assert_eq!(checker.scripted(&task), Some(Finding::fail("no room")));
        assert_eq!(checker.scripted(&task), None);
    }

    #[test]
    fn without_a_link_nothing_is_known() {
        let board = Board::default();
        board.link(Some("connection reset by peer".into()));
        let checker = Checker { board, speed: 1.0, scripted: Vec::new(), runs: std::sync::Mutex::default() };
        let subject = Subject { release: "r1".into(), environment: "production".into(), services: Vec::new() };
        let finding = checker.judge(&Task::Kubernetes(Kubernetes::Quiet), &subject, &[], Timestamp::UNIX_EPOCH);
        assert_eq!(finding, Finding::unknown("connection reset by peer"));
    }
}
