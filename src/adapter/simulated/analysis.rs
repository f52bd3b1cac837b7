//! Analysis runs: metrics measured one after another, by values that tell how the candidate fares.

use jiff::Timestamp;

use super::argo::Argo;
use super::fault::Fate;
use super::object::uid;
use super::pace::{Pace, later};
use crate::domain::delivery::{AnalysisPhase, AnalysisRole, Measurement, Metric};
use crate::domain::id::{RevisionId, Uid};

/// How many measurements are kept to be seen.
const KEPT: usize = 20;

/// Argo's default: the fifth measurement in a row that went wrong ends the metric.
const ERRORS: u32 = 4;

/// What an unreachable provider answers, and what a query without data does to Argo's condition.
const REFUSED: &str = "Post \"http://prometheus.monitoring:9090/api/v1/query\": dial tcp 10.96.14.7:9090: connect: connection refused";
const NO_DATA: &str = "reflect: slice index out of range";

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ErrorRate,
    P95,
}

/// A metric and when it is measured next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gauge {
    kind: Kind,
    metric: Metric,
    next: Timestamp,
    errors_in_a_row: u32,
}

/// One AnalysisRun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub name: String,
    pub uid: Uid,
    pub version: u64,
    pub role: AnalysisRole,
    pub revision: RevisionId,
    pub phase: AnalysisPhase,
    pub message: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// Someone asked it to stop.
    pub stopping: bool,
    /// The rollout has no use for it any more.
    pub dismissed: bool,
    gauges: Vec<Gauge>,
}

impl Run {
    /// Returns a run of a rollout's revision that begins now. A step's measures so many times, one in the background until it
    /// is stopped.
    pub fn new(
        argo: &Argo,
        (revision, number): (&RevisionId, u64),
        role: AnalysisRole,
        now: Timestamp,
        rng: &mut fastrand::Rng,
        pace: &Pace,
    ) -> Self {
        let suffix = match &role {
            AnalysisRole::Step(index) => format!("-{index}"),
            AnalysisRole::PrePromotion => "-pre".into(),
            AnalysisRole::PostPromotion => "-post".into(),
            _ => String::new(),
        };
        let base = format!("{revision}-{number}{suffix}");
        // One that a retry begins again is numbered on, as Argo does.
        let before = argo.runs.iter().filter(|run| run.name == base || run.name.starts_with(&format!("{base}."))).count();
        let name = if before == 0 { base } else { format!("{base}.{before}") };
        let kinds: &[Kind] = if role == AnalysisRole::Background { &[Kind::P95] } else { &[Kind::ErrorRate, Kind::P95] };
        let planned = (role != AnalysisRole::Background).then_some(pace.timing.measurements);
        Self {
            name,
            uid: Uid::new(uid(rng)),
            version: rng.u64(10_000..90_000),
            role,
            revision: revision.clone(),
            phase: AnalysisPhase::Running,
            message: String::new(),
            started: now,
            ended: None,
            stopping: false,
            dismissed: false,
            gauges: kinds.iter().map(|kind| Gauge::new(*kind, planned, now)).collect(),
        }
    }

    /// Returns how Argo's sentences name it.
    pub fn kind(&self) -> &'static str {
        match self.role {
            AnalysisRole::Background => "Background",
            AnalysisRole::PrePromotion => "Pre-promotion",
            AnalysisRole::PostPromotion => "Post-promotion",
            _ => "Step-based",
        }
    }

    /// Returns why the rollout is given up for it, in the controller's words.
    pub fn blame(&self) -> String {
        let kind = match self.role {
            AnalysisRole::Background => "Background analysis",
            AnalysisRole::PrePromotion => "Blue/green pre-promotion analysis",
            AnalysisRole::PostPromotion => "Blue/green post-promotion analysis",
            _ => "Step-based analysis",
        };
        format!("{kind} phase error/failed: {}", self.message)
    }

    /// Returns its metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.gauges.iter().map(|gauge| &gauge.metric)
    }

    /// Measures what is due. Returns whether it has just ended.
    pub fn step(&mut self, fate: Fate, blind: bool, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) -> bool {
        if self.phase.over() {
            return false;
        }
        if self.stopping {
            let bad = self.metrics().any(|metric| metric.failed > metric.failure_limit);
            self.end(if bad { AnalysisPhase::Failed } else { AnalysisPhase::Successful }, "Run Terminated".into(), now);
            return true;
        }
        for gauge in &mut self.gauges {
            if !gauge.metric.phase.over() && now >= gauge.next {
                gauge.measure(fate, blind, now, rng, pace);
            }
        }
        let worst = [AnalysisPhase::Failed, AnalysisPhase::Error, AnalysisPhase::Inconclusive];
        let ended = worst
            .into_iter()
            .find_map(|phase| self.metrics().find(|metric| metric.phase == phase).map(|metric| (phase, metric.message.clone())));
        match ended {
            // One that fails ends the run; the others are not measured on.
            Some((phase, message)) => self.end(phase, message, now),
            None if self.metrics().all(|metric| metric.phase.over()) => self.end(AnalysisPhase::Successful, String::new(), now),
            None => return false,
        }
        true
    }

    fn end(&mut self, phase: AnalysisPhase, message: String, now: Timestamp) {
        self.phase = phase;
        self.message = message;
        self.ended = Some(now);
        self.version += 1;
        for gauge in self.gauges.iter_mut().filter(|gauge| !gauge.metric.phase.over()) {
            gauge.metric.phase = AnalysisPhase::Successful;
        }
    }
}

impl Gauge {
    fn new(kind: Kind, planned: Option<u32>, now: Timestamp) -> Self {
        let (name, limit) = match kind {
            Kind::ErrorRate => ("error-rate", "result[0] < 0.05"),
            Kind::P95 => ("p95", "result[0] <= 300"),
        };
        let metric = Metric {
            name: name.into(),
            phase: AnalysisPhase::Running,
            limit: limit.into(),
            planned,
            taken: 0,
            successful: 0,
            failed: 0,
            inconclusive: 0,
            errors: 0,
            failure_limit: 1,
            dry_run: false,
            message: String::new(),
            measurements: Vec::new(),
        };
        Self { kind, metric, next: now, errors_in_a_row: 0 }
    }

    fn measure(&mut self, fate: Fate, blind: bool, now: Timestamp, rng: &mut fastrand::Rng, pace: &Pace) {
        self.next = later(now, pace.scaled(pace.timing.measure_every));
        let (phase, value, words) = self.reading(fate, blind, rng);
        let metric = &mut self.metric;
        metric.taken += 1;
        metric.measurements.push(Measurement { phase, value, at: Some(now) });
        let excess = metric.measurements.len().saturating_sub(KEPT);
        metric.measurements.drain(..excess);
        self.errors_in_a_row = if phase == AnalysisPhase::Error { self.errors_in_a_row + 1 } else { 0 };
        match phase {
            AnalysisPhase::Failed => metric.failed += 1,
            AnalysisPhase::Inconclusive => metric.inconclusive += 1,
            AnalysisPhase::Error => {
                metric.errors += 1;
                // A measurement that went wrong is none of those that it takes.
                metric.taken -= 1;
                metric.message = words.into();
            }
            _ => {
                metric.successful += 1;
                metric.message.clear();
            }
        }
        let (name, limit) = (&metric.name, metric.failure_limit);
        let (phase, message) = if metric.failed > limit {
            let words = format!("Metric \"{name}\" assessed Failed due to failed ({}) > failureLimit ({limit})", metric.failed);
            (AnalysisPhase::Failed, words)
        } else if metric.inconclusive > 0 {
            let words =
                format!("Metric \"{name}\" assessed Inconclusive due to inconclusive ({}) > inconclusiveLimit (0)", metric.inconclusive);
            (AnalysisPhase::Inconclusive, words)
        } else if self.errors_in_a_row > ERRORS {
            let count = self.errors_in_a_row;
            let head = format!("Metric \"{name}\" assessed Error due to consecutiveErrors ({count}) > consecutiveErrorLimit ({ERRORS})");
            (AnalysisPhase::Error, format!("{head}: \"Error Message: {words}\""))
        } else if metric.planned.is_some_and(|planned| metric.taken >= planned) {
            (AnalysisPhase::Successful, String::new())
        } else {
            return;
        };
        metric.phase = phase;
        metric.message = message;
    }

    /// Returns a verdict, its value as Argo writes it, and what went wrong.
    fn reading(&self, fate: Fate, blind: bool, rng: &mut fastrand::Rng) -> (AnalysisPhase, String, &'static str) {
        use AnalysisPhase::{Error, Failed, Inconclusive, Successful};
        if blind {
            return (Error, String::new(), REFUSED);
        }
        // The first one is of before it took users: nothing shows yet.
        let early = self.metric.taken == 0;
        let between = |rng: &mut fastrand::Rng, from: f64, to: f64| from + rng.f64() * (to - from);
        match (self.kind, fate) {
            (_, Fate::Blind) => (Error, "[]".into(), NO_DATA),
            (Kind::ErrorRate, Fate::Doubtful) if !early => (Inconclusive, format!("[{:.4}]", between(rng, 0.052, 0.094)), ""),
            (Kind::ErrorRate, Fate::Healthy | Fate::Slow | Fate::Doubtful) => {
                (Successful, format!("[{:.4}]", between(rng, 0.001, 0.009)), "")
            }
            (Kind::ErrorRate, _) if early => (Successful, format!("[{:.4}]", between(rng, 0.011, 0.038)), ""),
            (Kind::ErrorRate, _) => (Failed, format!("[{:.4}]", between(rng, 0.112, 0.236)), ""),
            (Kind::P95, Fate::Slow) if !early => (Failed, format!("[{:.1}]", between(rng, 412.0, 655.0)), ""),
            (Kind::P95, _) => (Successful, format!("[{:.1}]", between(rng, 168.0, 246.0)), ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::adapter::simulated::scenario::Timing;

    fn now() -> Timestamp {
        "2026-03-02T22:05:00Z".parse().expect("a time")
    }

    fn argo() -> Argo {
        Argo::finished(Vec::new(), None, None, None)
    }

    /// Runs to its end; the seconds that it took.
    fn ended(role: AnalysisRole, fate: Fate, blind: bool) -> (Run, i64) {
        let pace = Pace::new(Timing::default(), 1.0);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut run = Run::new(&argo(), (&"web-6d4b75cb6d".into(), 2), role, now(), &mut rng, &pace);
        for second in 0..600 {
            if run.step(fate, blind, later(now(), SignedDuration::from_secs(second)), &mut rng, &pace) {
                return (run, second);
            }
        }
        (run, 600)
    }

    #[test]
    fn each_fate_has_its_verdict() {
        use AnalysisPhase::{Error, Failed, Inconclusive, Running, Successful};
        let step = || AnalysisRole::Step(2);
        for (role, fate, blind, phase, words) in [
            (step(), Fate::Healthy, false, Successful, ""),
            (step(), Fate::Regress, false, Failed, "Metric \"error-rate\" assessed Failed due to failed (2) > failureLimit (1)"),
            (step(), Fate::Slow, false, Failed, "Metric \"p95\" assessed Failed due to failed (2) > failureLimit (1)"),
            (
                step(),
                Fate::Doubtful,
                false,
                Inconclusive,
                "Metric \"error-rate\" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0)",
            ),
            (
                step(),
                Fate::Blind,
                false,
                Error,
                "Metric \"error-rate\" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): \"Error Message: reflect: slice index out of range\"",
            ),
            (step(), Fate::Healthy, true, Error, "connection refused\""),
            (AnalysisRole::Background, Fate::Healthy, false, Running, ""),
            (AnalysisRole::Background, Fate::Slow, false, Failed, "Metric \"p95\""),
        ] {
            let (run, _) = ended(role, fate, blind);
            assert_eq!(run.phase, phase, "{fate:?}: {}", run.message);
            assert!(run.message.contains(words), "{fate:?}: {}", run.message);
        }
    }

    #[test]
    fn a_stopped_run_ends_well_unless_something_had_failed() {
        let pace = Pace::new(Timing::default(), 1.0);
        let mut rng = fastrand::Rng::with_seed(1);
        let argo = argo();
        let mut run = Run::new(&argo, (&"web-1".into(), 2), AnalysisRole::Step(2), now(), &mut rng, &pace);
        assert!(!run.step(Fate::Regress, false, now(), &mut rng, &pace));
        run.stopping = true;
        assert!(run.step(Fate::Regress, false, now(), &mut rng, &pace));
        assert_eq!((run.phase, run.message.as_str()), (AnalysisPhase::Successful, "Run Terminated"));
        assert!(run.metrics().all(|metric| metric.taken == 1 && metric.measurements.len() == 1));
    }

    #[test]
    fn an_analysis_begun_again_has_a_name_of_its_own() {
        let pace = Pace::new(Timing::default(), 1.0);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut argo = argo();
        let first = Run::new(&argo, (&"web-1".into(), 2), AnalysisRole::Step(2), now(), &mut rng, &pace);
        argo.runs.push(first.clone());
        let second = Run::new(&argo, (&"web-1".into(), 2), AnalysisRole::Step(2), now(), &mut rng, &pace);
        assert_eq!((first.name.as_str(), second.name.as_str()), ("web-1-2-2", "web-1-2-2.1"));
        assert_eq!(ended(AnalysisRole::Step(2), Fate::Healthy, false).1, 50, "six measurements, ten seconds apart");
    }
}
