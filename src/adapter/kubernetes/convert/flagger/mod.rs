//! A Flagger `Canary` with the two Deployments and the route that it steers, as one rollout (api-semantics 5).
//!
//! What users get is read from the routing object and the Deployments; Flagger's own word stands beside it, because the two
//! part: at the promotion gate its status says 0 while the route sends most of the users to the candidate.

pub mod gate;
pub mod rail;
pub mod spec;

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::deployment::{Owned, View, serving, version_container, view};
use super::{changed, object_ref, owner};
use crate::adapter::kubernetes::objects::custom::{Custom, list, number, text};
use crate::adapter::kubernetes::objects::{Condition, Deployment};
use crate::domain::delivery::{
    Aborted, Analysis, AnalysisPhase, AnalysisRole, Beat, Delivery, Metric, Pause, PauseKind, RoleService, Steering,
};
use crate::domain::event::Event;
use crate::domain::id::{RevisionId, Track, Uid};
use crate::domain::object::Part;
use crate::domain::plan::Workload;
use crate::domain::revision::{Counts, Proof, Revision, Role, Roles};
use crate::domain::rollout::{Held, Phase, Rollout, Serving, Strategy};
use crate::domain::step::{Share, Weight, WeightSource};
use crate::domain::verb::{Capabilities, Refusal, Verb};
use gate::Gate;
use rail::Course;
use spec::{Names, PROMOTION_GATE, ROLLOUT_GATE, TRAFFIC_GATE};

const VERBS: [Verb; 8] = [Verb::Ship, Verb::Advance, Verb::Finish, Verb::Hold, Verb::Resume, Verb::Abort, Verb::Retry, Verb::RollBack];

/// The side that Flagger keeps the users on: its Deployment is Flagger's to write.
pub const PRIMARY: &str = "primary";

/// Flagger gives a Deployment this long where the Canary does not say.
const DEADLINE: u64 = 600;

/// The objects of a Canary.
#[derive(Debug)]
pub struct Parts<'a> {
    pub canary: &'a Custom,
    pub target: Option<Owned<'a>>,
    pub primary: Option<Owned<'a>>,
    pub route: Option<&'a Custom>,
    pub course: Option<&'a Course>,
    /// What Flagger reported of it, newest first.
    pub events: &'a [(String, Event)],
}

/// What of the users the route sends to the candidate, over all its rules.
fn routed(route: &Custom, names: &Names) -> Option<Share> {
    let candidate = format!("{}-canary", names.apex);
    let rules = list(&route.spec, "/rules").iter();
    let of_ours = rules.map(|rule| list(rule, "/backendRefs")).find(|refs| refs.iter().any(|to| text(to, "/name") == candidate))?;
    // A missing weight is 1 (api-semantics 4.2).
    let weight = |to: &Value| number(to, "/weight").unwrap_or(1).min(1_000_000) as u32;
    let all = of_ours.iter().map(weight).sum();
    let part = of_ours.iter().filter(|to| text(to, "/name") == candidate).map(weight).sum();
    Some(Share::ratio(part, all))
}

/// Where it stands: all that the phase and the sentences are made of.
struct Standing<'a> {
    canary: &'a Custom,
    word: &'a str,
    /// The share of the users, by the route, else by Flagger's word.
    share: Share,
    observed: Option<Share>,
    told: Share,
    /// Flagger has not looked at the target as it is now.
    pending: bool,
    /// The target runs what the users had, while Flagger goes on with the change.
    reverted: bool,
    /// Pods of the candidate, or of the primary that takes it over, keep failing; or checks have failed.
    troubled: bool,
    /// Flagger waits for more traffic to be allowed.
    halted: bool,
    /// The primary takes a new revision over.
    rolling: bool,
}

impl Standing<'_> {
    fn held(&self) -> bool {
        spec::suspended(self.canary)
    }

    fn phase(&self) -> Phase {
        let held = self.held();
        match self.word {
            "" => Phase::Unobserved,
            "Initialized" | "Succeeded" | "Failed" if self.pending && held => Phase::Waiting,
            "Initialized" | "Succeeded" | "Failed" if self.pending => Phase::Unobserved,
            // Without analysis Flagger says so before the primary has taken the revision over.
            "Initialized" | "Succeeded" if self.rolling && self.troubled => Phase::Failing,
            "Initialized" | "Succeeded" if self.rolling => Phase::Progressing,
            "Initialized" | "Succeeded" => Phase::Done,
            "Failed" if self.share > Share::default() => Phase::RollingBack,
            "Failed" => Phase::RolledBack,
            "Terminated" => Phase::Absent,
            word if held && spec::under_way(word) => {
                if self.reverted {
                    Phase::RolledBack
                } else {
                    Phase::Waiting
                }
            }
            "Waiting" | "WaitingPromotion" => Phase::Waiting,
            _ if self.troubled => Phase::Failing,
            _ if self.halted => Phase::Waiting,
            _ => Phase::Progressing,
        }
    }

    /// Flagger's own word and sentence.
    fn native(&self) -> String {
        let mut native = match (self.word, spec::message(self.canary)) {
            ("", _) => "Flagger has not looked at it yet".to_owned(),
            (word, "") => word.to_owned(),
            (word, message) => format!("{word}: {message}"),
        };
        if self.held() {
            native.push_str("; suspended");
        }
        native
    }

    fn pause(&self) -> Option<Pause> {
        let gate = match self.word {
            "Waiting" => ROLLOUT_GATE,
            "WaitingPromotion" => PROMOTION_GATE,
            "Progressing" if self.halted => TRAFFIC_GATE,
            _ => return None,
        };
        Some(Pause { kind: PauseKind::Gate(gate.to_owned()), since: spec::since(self.canary), until: None })
    }

    /// What a person must know beside the phase.
    fn conditions(&self, failed: Option<u64>) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut say = |reason: &str, sentence: String| all.push((reason.to_owned(), sentence));
        if self.held() && spec::under_way(self.word) {
            let share = self.share;
            say("Suspended", format!("Flagger skips every beat and leaves {share} on the candidate; its phase still says {}", self.word));
        } else if self.held() {
            say("Suspended", "Flagger skips every beat: a new revision begins no analysis until it is resumed".into());
        }
        if spec::skipping(self.canary) {
            let what = if spec::under_way(self.word) { "this revision" } else { "the next revision" };
            say("SkipAnalysis", format!("spec.skipAnalysis is true: {what} goes to everyone without analysis"));
        }
        match self.observed {
            Some(observed) if observed != self.told && !spec::weightless(self.canary) => {
                say("Weight", format!("the route sends {observed} of the users to the candidate; Flagger's status says {}", self.told));
            }
            None if spec::under_way(self.word) && !spec::weightless(self.canary) => {
                say("Weight", format!("no HTTPRoute of it is there to read: {} is Flagger's word alone", self.told));
            }
            _ => {}
        }
        if self.reverted && spec::under_way(self.word) && self.word != "Waiting" {
            say("Reverted", "the target is back on what the users had, and Flagger goes on shifting to it all the same".into());
        }
        match failed.unwrap_or_else(|| spec::failed_checks(self.canary)) {
            0 => {}
            failed => say("FailedChecks", format!("{failed} failed, Flagger gives up at {}", spec::threshold(self.canary).max(1))),
        }
        all
    }
}

/// Returns the rollout of a Canary.
pub fn rollout(parts: Parts<'_>, workload: &Workload) -> Rollout {
    let Parts { canary, target, primary, route, course, events } = parts;
    let unseen = Course::default();
    let course = course.unwrap_or(&unseen);
    let names = Names::of(canary);
    let word = spec::phase(canary);
    let deadline = target.as_ref().and_then(|owned| deadline(canary, owned.deployment));
    let owners = target.as_ref().and_then(|owned| owner::detect(&owned.deployment.metadata));
    let target = target.map(|owned| view(owned, workload, None));
    let primary = primary.map(|owned| view(owned, workload, Some(&Track::new(PRIMARY))));

    let current =
        |view: Option<&View>| view.and_then(|view| view.revisions.iter().find(|one| Some(&one.id) == view.current.as_ref()).cloned());
    let (wished, promoted) = (current(target.as_ref()), current(primary.as_ref()));
    let differs = matches!((&wished, &promoted), (Some(wished), Some(promoted)) if wished.images != promoted.images);
    let over = matches!(word, "Initialized" | "Succeeded" | "Failed");
    // A change may be in anything of the template; where the images tell nothing, a revision younger than Flagger's last look
    // does. After a failure the target keeps the failed image: then it is the time of the last write.
    let later = |at: Option<Timestamp>| matches!((at, spec::acted(canary)), (Some(at), Some(acted)) if at > acted);
    let younger = later(wished.as_ref().and_then(|wished| wished.created));
    let rewritten = later(target.as_ref().and_then(|view| view.changed.as_ref()).map(|(_, at)| *at));
    // A former revision that is wished again, and not a new one with the same images.
    let came_back = wished.as_ref().is_some_and(|wished| {
        let others = target.iter().flat_map(|view| &view.revisions);
        others.filter(|other| other.id != wished.id).any(|other| other.created > wished.created)
    });
    let told = number(&canary.status, "/canaryWeight").map_or(Share::default(), |weight| Share::percent(weight.min(100) as u32));
    let observed = route.and_then(|route| routed(route, &names));
    let failing = |view: &Option<View>| view.as_ref().is_some_and(|view| matches!(view.phase, Phase::Failing | Phase::Failed));
    let up = target.as_ref().is_some_and(|view| view.counts.wanted > 0);
    let standing = Standing {
        canary,
        word,
        share: observed.unwrap_or(told),
        observed,
        told,
        pending: over && (younger || (differs && (word != "Failed" || rewritten))),
        reverted: !differs && came_back && promoted.is_some() && matches!(word, "Waiting" | "Progressing" | "WaitingPromotion"),
        troubled: (up && failing(&target)) || failing(&primary) || (spec::under_way(word) && spec::failed_checks(canary) > 0),
        halted: word == "Progressing" && halted(canary, events),
        rolling: primary.as_ref().is_some_and(|view| view.revisions.iter().any(|revision| revision.roles.has(Role::Canary))),
    };
    let candidate = match word {
        "Waiting" | "Progressing" | "WaitingPromotion" | "Promoting" => true,
        "" | "Initializing" => false,
        _ => differs || standing.pending,
    };

    let phase = standing.phase();
    let failed = course.failed().filter(|_| word == "Failed");
    let mut conditions = standing.conditions(failed);
    let mut missing = |view: &Option<View>, name: &str| {
        if view.is_none() {
            conditions.push(("Missing".into(), format!("deployment \"{name}\" not found")));
        }
    };
    missing(&target, &names.target);
    if !matches!(word, "" | "Initializing") {
        missing(&primary, &names.primary);
    }
    // A Deployment that starts is not available for a moment; that is no trouble yet.
    for view in target.iter().filter(|_| up && failing(&target)).chain(&primary) {
        conditions.extend(view.conditions.iter().cloned());
    }

    let mut objects = vec![object_ref(Part::Workload, "Canary", &canary.metadata)];
    objects.extend(target.iter().map(|view| crate::domain::object::ObjectRef { part: Part::Template, ..view.object.clone() }));
    objects.extend(primary.iter().map(|view| view.object.clone()));
    objects.extend(route.map(|route| object_ref(Part::Router, "HTTPRoute", &route.metadata)));
    let changed = [changed(&canary.metadata), target.as_ref().and_then(|view| view.changed.clone())];
    let (counts, serving) = served(&standing, target.as_ref(), primary.as_ref());
    let services = services(&names, target.as_ref(), primary.as_ref());
    let updated = target.as_ref().filter(|_| candidate).map_or(0, |view| view.counts.total);
    let mut weights = Vec::new();
    if !spec::weightless(canary) {
        weights.extend(observed.map(|share| Weight { share, source: WeightSource::Observed }));
        weights.push(Weight { share: told, source: WeightSource::Asked });
    }
    let capabilities = capabilities(&standing, candidate);
    let steps = rail::steps(canary, course, standing.share, standing.halted);
    let delivery = Delivery {
        pause: standing.pause(),
        aborted: (word == "Failed" && !standing.pending).then(|| Aborted { at: spec::since(canary), why: why(canary, failed) }),
        analyses: vec![analysis(canary, course, events)],
        services,
        beat: Some(Beat { every: spec::interval(canary), last: spec::acted(canary) }),
        rollback_gate: spec::hook(canary, spec::ROLLBACK_HOOK).is_some(),
        promoting_fully: spec::skipping(canary),
        ..Delivery::default()
    };
    // Until the primary serves, the target does.
    let alone = matches!(word, "" | "Initializing") && primary.as_ref().is_none_or(|view| view.counts.ready < view.counts.wanted);
    let (revisions, instances) = merged(target, primary, candidate, alone);
    let container = revisions.first().and_then(|revision| version_container(revision, workload));
    Rollout {
        id: workload.id.clone(),
        kind: "canary".into(),
        strategy: Strategy::Canary,
        objects,
        phase,
        native: standing.native(),
        serving,
        held: standing.held().then(|| held(canary)),
        counts,
        updated,
        weights,
        steps: Some(steps),
        revisions,
        instances,
        events: Vec::new(),
        conditions,
        routing: None,
        container,
        started: spec::began(canary).filter(|_| phase.under_way()),
        deadline: deadline.filter(|_| phase == Phase::Progressing || phase == Phase::Failing),
        owner: owner::detect(&canary.metadata).or(owners),
        autoscaler: None,
        budgets: Vec::new(),
        steering: Steering::Gates,
        delivery,
        changed: changed.into_iter().flatten().max_by_key(|(_, at)| *at),
        capabilities,
    }
}

/// Why it was given up: Flagger's sentence, and the count that it has set back.
fn why(canary: &Custom, failed: Option<u64>) -> String {
    match failed.filter(|failed| *failed > 0) {
        Some(failed) => format!("{} {failed} checks failed, {} may.", spec::message(canary), spec::threshold(canary).max(1) - 1),
        None => spec::message(canary).to_owned(),
    }
}

/// Flagger tells that more traffic waits for a word in an event alone, at every beat.
fn halted(canary: &Custom, events: &[(String, Event)]) -> bool {
    let acted = spec::acted(canary);
    events
        .iter()
        .find(|(_, event)| event.reason == "Synced" && acted.is_none_or(|acted| event.at >= acted))
        .is_some_and(|(_, event)| event.message.contains("waiting for traffic increase approval"))
}

/// Returns the verbs, less those that Flagger would not follow in this phase.
fn capabilities(standing: &Standing<'_>, candidate: bool) -> Capabilities {
    let mut capabilities = Capabilities::offering(&VERBS);
    let mut refuse = |verbs: &[Verb], why: &Refusal| verbs.iter().for_each(|verb| capabilities.refuse(*verb, why.clone()));
    match standing.word {
        "" | "Initializing" => {
            let why = Refusal::Other("Flagger is still making the primary".into());
            refuse(&[Verb::Advance, Verb::Finish, Verb::Abort, Verb::Retry, Verb::RollBack], &why);
        }
        "Waiting" => {
            let why = "Flagger asks the gate confirm-rollout before it skips anything: promote opens it";
            refuse(&[Verb::Finish], &Refusal::Other(why.into()));
        }
        word if standing.rolling || matches!(word, "Promoting" | "Finalising") => {
            refuse(&[Verb::Finish], &Refusal::Other("Flagger promotes it already".into()));
            let why = "the primary has it already: a roll back begins an analysis of the former one";
            refuse(&[Verb::Abort], &Refusal::Other(why.into()));
        }
        _ => {}
    }
    if standing.word != "Failed" || !candidate {
        refuse(&[Verb::Retry], &Refusal::NothingUnderWay);
    }
    if let Some(why) = closed(standing) {
        refuse(&[Verb::Advance], &why);
    }
    capabilities
}

/// Returns why the gate that it stands at cannot be opened from here.
fn closed(standing: &Standing<'_>) -> Option<Refusal> {
    let PauseKind::Gate(word) = standing.pause()?.kind else { return None };
    let url = spec::hook(standing.canary, &word).map_or("", |hook| text(hook, "/url"));
    let why = Gate::at(url).err()?;
    Some(Refusal::Other(format!("the gate {word} is at {why}: open it there")))
}

/// Returns who suspended it, and since when.
fn held(canary: &Custom) -> Held {
    let writes = canary.metadata.managed_fields.iter();
    let by = writes.filter(|entry| entry.fields.spec.as_ref().is_some_and(|spec| spec.suspend.is_some())).max_by_key(|entry| entry.time);
    Held { since: by.and_then(|entry| entry.time), by: by.map(|entry| entry.manager.clone()) }
}

/// Flagger gives up when the target has not moved for so long.
fn deadline(canary: &Custom, target: &Deployment) -> Option<Timestamp> {
    let condition =
        |all: &[Condition]| all.iter().find(|condition| condition.r#type == "Progressing").and_then(|found| found.last_update_time);
    let wanted = target.spec.replicas.unwrap_or(1);
    if wanted == 0 || target.status.available_replicas >= wanted {
        return None;
    }
    let seconds = number(&canary.spec, "/progressDeadlineSeconds").unwrap_or(DEADLINE);
    condition(&target.status.conditions)?.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

/// What there is in all, and what it means to the users: the primary serves, and of the candidate what the route sends there.
fn served(standing: &Standing<'_>, target: Option<&View>, primary: Option<&View>) -> (Counts, Serving) {
    let none = Counts::default();
    let (target, primary) = (target.map_or(none, |view| view.counts), primary.map(|view| view.counts));
    let sum = |one: Counts, other: Counts| Counts {
        wanted: one.wanted,
        total: one.total + other.total,
        ready: one.ready + other.ready,
        available: one.available + other.available,
    };
    let Some(primary) = primary else { return (target, serving(target.ready, target.wanted)) };
    if matches!(standing.word, "" | "Initializing") && primary.ready < primary.wanted {
        // Until the primary is up, the users are on the target.
        return (sum(primary, target), serving(target.ready.max(primary.ready), primary.wanted));
    }
    let gets_users = standing.share > Share::default() && !spec::weightless(standing.canary);
    let serving = match serving(primary.ready, primary.wanted) {
        _ if gets_users && standing.share >= Share::percent(100) => serving(target.ready, target.wanted.max(1)),
        Serving::Full if gets_users && target.ready < target.wanted.max(1) => Serving::Reduced,
        other => other,
    };
    (sum(primary, target), serving)
}

fn services(names: &Names, target: Option<&View>, primary: Option<&View>) -> Vec<RoleService> {
    let service = |name: String, role, view: Option<&View>| RoleService { name, role, selects: view.and_then(|view| view.current.clone()) };
    vec![
        service(format!("{}-{PRIMARY}", names.apex), Role::Stable, primary),
        service(format!("{}-canary", names.apex), Role::Canary, target),
    ]
}

/// Puts the revisions of both Deployments into one list: the candidate, what serves, what is on its way out, and those of the
/// target that can be brought back. What the primary ran once proves them.
fn merged(
    target: Option<View>,
    primary: Option<View>,
    candidate: bool,
    alone: bool,
) -> (Vec<Revision>, Vec<std::sync::Arc<crate::domain::instance::Instance>>) {
    let promoted: Vec<_> = primary.iter().flat_map(|view| view.revisions.iter().map(|revision| revision.images.clone())).collect();
    let serves = primary.as_ref().and_then(|view| view.revisions.iter().find(|revision| revision.roles.has(Role::Stable)));
    let serves = serves.map(|revision| revision.images.clone());
    let mut revisions = Vec::new();
    let mut instances = Vec::new();
    if let Some(view) = target {
        let current = view.current;
        for mut revision in view.revisions {
            let wished = Some(&revision.id) == current.as_ref();
            if !alone {
                revision.roles = Roles::of(&[if wished && candidate { Role::Canary } else { Role::Old }]);
                if revision.proof == Proof::Unknown && promoted.contains(&revision.images) {
                    revision.proof = Proof::Stable;
                }
            }
            // At rest the target wishes what the primary runs: that is no revision of its own.
            let rests = wished && !candidate && !alone && revision.counts.total == 0 && serves.as_ref() == Some(&revision.images);
            if !rests {
                revisions.push(revision);
            }
        }
        instances.extend(view.instances);
    }
    if let Some(view) = primary {
        revisions.extend(view.revisions.into_iter().filter(|revision| revision.counts.total > 0 || !revision.roles.has(Role::Old)));
        instances.extend(view.instances);
    }
    let order = |revision: &Revision| {
        let second = revision.track.is_some() && revision.roles.has(Role::Canary);
        (!revision.roles.has(Role::Canary) || second, !revision.roles.has(Role::Stable) && !second, revision.counts.total == 0)
    };
    revisions.sort_by_key(order);
    let rank: HashMap<RevisionId, usize> = revisions.iter().enumerate().map(|(at, revision)| (revision.id.clone(), at)).collect();
    instances.sort_by_key(|instance| rank.get(&instance.revision).copied().unwrap_or(usize::MAX));
    (revisions, instances)
}

/// The analysis, which is no object of its own: its metrics, and how many checks have failed of those that may.
fn analysis(canary: &Custom, course: &Course, events: &[(String, Event)]) -> Analysis {
    let word = spec::phase(canary);
    let threshold = spec::threshold(canary).max(1);
    let failed = course.failed().filter(|_| word == "Failed").unwrap_or_else(|| spec::failed_checks(canary));
    let phase = match word {
        "Waiting" | "Progressing" => AnalysisPhase::Running,
        "WaitingPromotion" | "Promoting" | "Finalising" | "Succeeded" => AnalysisPhase::Successful,
        "Failed" if failed >= threshold => AnalysisPhase::Failed,
        // By a deadline, or a gate: the checks did not decide it.
        "Failed" => AnalysisPhase::Inconclusive,
        _ => AnalysisPhase::Pending,
    };
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let metric = |name: String, phase, limit, failed: u64, failure_limit: u64| Metric {
        name,
        phase,
        limit,
        planned: None,
        taken: 0,
        successful: 0,
        failed: count(failed),
        inconclusive: 0,
        errors: 0,
        failure_limit: count(failure_limit),
        dry_run: false,
        message: String::new(),
        measurements: Vec::new(),
    };
    let checks = metric("failed checks".into(), phase, format!("< {threshold}"), failed, threshold.saturating_sub(1));
    // Which of them failed, only Flagger's events tell.
    let of_metric = if phase == AnalysisPhase::Failed { AnalysisPhase::Pending } else { phase };
    let metrics = list(spec::analysis(canary), "/metrics").iter().map(|wanted| {
        let bound =
            |pointer: &str, sign: &str| wanted.pointer(pointer).filter(|bound| bound.is_number()).map(|bound| format!("{sign} {bound}"));
        let limits = [bound("/thresholdRange/min", "≥"), bound("/thresholdRange/max", "≤"), bound("/threshold", "threshold")];
        let limit = limits.into_iter().flatten().collect::<Vec<_>>().join(", ");
        metric(text(wanted, "/name").to_owned(), of_metric, limit, 0, 0)
    });
    let halt = events.iter().find(|(_, event)| event.message.starts_with("Halt ")).filter(|_| failed > 0);
    Analysis {
        name: canary.metadata.name.clone(),
        uid: Uid::new(canary.metadata.uid.as_str()),
        role: AnalysisRole::Background,
        phase,
        message: halt.map_or_else(String::new, |(_, event)| event.message.clone()),
        started: spec::began(canary),
        ended: spec::since(canary).filter(|_| phase.over()),
        metrics: std::iter::once(checks).chain(metrics).collect(),
        revision: None,
        stopping: false,
    }
}
