//! What the state of rollouts says to an item of a checklist: pure, and the same for every engine.

use jiff::{SignedDuration, Timestamp};

use super::checklist::Verdict;
use crate::domain::delivery::{Budget, Steering};
use crate::domain::id::EnvironmentName;
use crate::domain::instance::{Instance, InstanceState};
use crate::domain::revision::Revision;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::wayback;

/// So many parts of one evidence are named; the others are counted.
const NAMED: usize = 3;

/// A verdict with one line that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    pub evidence: String,
}

impl Finding {
    /// Returns a finding that it is so.
    pub fn pass(evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, evidence: evidence.into() }
    }

    /// Returns a finding that it is not so.
    pub fn fail(evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, evidence: evidence.into() }
    }

    /// Returns a finding that it is not so yet, and comes by waiting.
    pub fn pending(evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pending, evidence: evidence.into() }
    }

    /// Returns that it could not be found out, and why.
    pub fn unknown(evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, evidence: evidence.into() }
    }

    fn after(mut self, words: &str) -> Self {
        self.evidence = format!("{words}{}", self.evidence);
        self
    }
}

/// Returns one finding of several, each with its name: the gravest verdict, and who is the cause of it.
pub fn all(parts: Vec<(String, Finding)>) -> Finding {
    let weight = |verdict: Verdict| match verdict {
        Verdict::Fail => 3,
        Verdict::Unknown => 2,
        Verdict::Pending => 1,
        Verdict::Pass => 0,
    };
    let Some(verdict) = parts.iter().map(|(_, finding)| finding.verdict).max_by_key(|verdict| weight(*verdict)) else {
        return Finding::unknown("the plan has no workload to look at");
    };
    let alone = parts.len() == 1;
    let causes: Vec<String> = parts
        .into_iter()
        .filter(|(_, finding)| finding.verdict == verdict)
        .map(|(name, finding)| if alone { finding.evidence } else { format!("{name}: {}", finding.evidence) })
        .collect();
    let mut evidence = causes.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    if causes.len() > NAMED {
        let more = format!("; and {} more", causes.len() - NAMED);
        evidence.push_str(&more);
    }
    Finding { verdict, evidence }
}

/// Returns whether what runs has been healthy for so long.
///
/// The youngest instance counts, as one that replaced another may hide a crash. Where an autoscaler adds some, its least
/// number must have been there for so long.
pub fn healthy(rollout: &Rollout, long: SignedDuration, now: Timestamp) -> Finding {
    let version = rollout.serving_revision().or_else(|| rollout.newest()).map_or("?", |revision| revision.version.as_str());
    let pair = rollout.steering == Steering::Pair;
    match rollout.phase {
        Phase::Absent => return Finding::fail(rollout.native.clone()),
        // Of a pair that may be the side without users: the instances tell.
        Phase::Failing | Phase::Failed if !pair => return Finding::fail(format!("{version}: {}", rollout.native)),
        Phase::Unobserved | Phase::Progressing | Phase::RollingBack if !pair => {
            return Finding::pending(format!("a rollout is under way: {}", route(rollout)));
        }
        _ => {}
    }
    let runs = |revision: &Revision| revision.roles.serves() || (!pair && revision.roles.candidate());
    let running: Vec<&Revision> = rollout.revisions.iter().filter(|revision| runs(revision)).collect();
    let gone = |instance: &&Instance| !matches!(instance.state, InstanceState::Terminating | InstanceState::Succeeded);
    let instances: Vec<&Instance> =
        running.iter().flat_map(|revision| rollout.instances_of(&revision.id)).map(AsRef::as_ref).filter(gone).collect();
    let wanted = running.iter().map(|revision| revision.counts.wanted).sum::<u32>() as usize;
    let ready = instances.iter().filter(|instance| instance.state == InstanceState::Ready).count();
    let so = format!("{version}: {ready} of {} ready", wanted.max(instances.len()));
    if wanted == 0 && instances.is_empty() {
        return Finding::fail(format!("{version} is scaled to 0: nothing runs"));
    }
    if let Some(bad) = instances.iter().find(|instance| matches!(instance.state, InstanceState::Failed | InstanceState::Unready)) {
        return Finding::fail(format!("{so}, {} {}", bad.short(), bad.word));
    }
    if ready < wanted || ready < instances.len() {
        let late = instances.iter().find(|instance| instance.state != InstanceState::Ready);
        return Finding::pending(late.map_or_else(|| so.clone(), |late| format!("{so}, {} {}", late.short(), late.word)));
    }
    aged(rollout, &instances, &so, long, now)
}

/// All are ready: since when.
fn aged(rollout: &Rollout, instances: &[&Instance], so: &str, long: SignedDuration, now: Timestamp) -> Finding {
    let exit = |instance: &Instance| instance.containers.iter().filter_map(|container| container.last_exit.as_ref()?.at).max();
    let mut since = Vec::with_capacity(instances.len());
    for instance in instances {
        let Some(ready) = instance.ready_since else {
            return Finding::unknown(format!("{so}, since when is not told of {}", instance.short()));
        };
        since.push((exit(instance).map_or(ready, |exit| exit.max(ready)), *instance));
    }
    let Some((youngest, instance)) = since.iter().max_by_key(|(since, _)| *since) else {
        return Finding::unknown(format!("{so}, no instance is known"));
    };
    let have = now.duration_since(*youngest);
    if have >= long {
        return Finding::pass(format!("{so} for {}, youngest {}", span(have), instance.short()));
    }
    let old = since.iter().filter(|(since, _)| now.duration_since(*since) >= long).count();
    let restarted = instances.iter().any(|instance| exit(instance).is_some_and(|exit| now.duration_since(exit) < long));
    match &rollout.autoscaler {
        Some(autoscaler) if !restarted && old >= autoscaler.min.max(1) as usize => {
            let added = since.len() - old;
            Finding::pass(format!("{so}, {old} for {} and more, {added} younger by autoscaler {}", span(long), autoscaler.name))
        }
        _ => Finding::pending(format!("{so}, healthy for {}, youngest {}", so_far(have, long), instance.short())),
    }
}

/// Returns whether an environment has had this version, healthy, for so long.
pub fn settled(rollout: &Rollout, version: &str, long: SignedDuration, now: Timestamp) -> Finding {
    let place = &rollout.id.environment;
    let (serving, candidate) = rollout.versions();
    if rollout.phase == Phase::Absent {
        return Finding::fail(format!("nothing runs in {place}"));
    }
    if serving == Some(version) && candidate.is_none() {
        return healthy(rollout, long, now).after(&format!("{place} runs "));
    }
    if candidate == Some(version) {
        return Finding::pending(format!("{place} is on its way: {}", route(rollout)));
    }
    Finding::fail(format!("{place} runs {}", route(rollout)))
}

/// Returns whether no other rollout is under way. `others`: those that are not of the release's services.
pub fn quiet<'a>(environment: &EnvironmentName, others: impl IntoIterator<Item = &'a Rollout>) -> Finding {
    let others: Vec<&Rollout> = others.into_iter().collect();
    let moving: Vec<&Rollout> = others.iter().copied().filter(|other| other.phase.under_way()).collect();
    let Some(first) = moving.first() else {
        return Finding::pass(match others.len() {
            0 => format!("{environment} has no other rollout"),
            1 => "the 1 other rollout stands still".into(),
            count => format!("all {count} other rollouts stand still"),
        });
    };
    let more = if moving.len() > 1 { format!(", and {} more", moving.len() - 1) } else { String::new() };
    let name = if first.id.workload.as_str() == first.id.service.as_str() {
        first.id.service.to_string()
    } else {
        format!("{}/{}", first.id.service, first.id.workload)
    };
    Finding::fail(format!("{name} is under way: {}, {}{more}", route(first), first.phase.word()))
}

/// Returns whether a rollback is possible once the release's version runs, or now where it runs already. `limit`: how many
/// former revisions the workload keeps.
pub fn way_back(rollout: &Rollout, version: &str, limit: Option<u32>) -> Finding {
    let Some(newest) = rollout.newest().filter(|_| rollout.phase != Phase::Absent) else {
        return Finding::fail("nothing runs yet: there is nothing to go back to");
    };
    let serving = rollout.serving_revision().unwrap_or(newest);
    let shipped = newest.version == version;
    if rollout.steering == Steering::Pair {
        return pair_back(rollout, serving, version);
    }
    let keeps = limit.map_or_else(String::new, |limit| format!(", {limit} are kept"));
    if !shipped {
        if limit == Some(0) {
            return Finding::fail(format!("revisionHistoryLimit is 0: {} is gone once {version} runs", serving.label()));
        }
        return Finding::pass(format!("{} stays to go back to{keeps}", serving.label()));
    }
    match wayback::proposed(rollout).filter(|former| former.images != newest.images) {
        Some(former) => {
            let proof = if former.proof.healthy() { "served before" } else { "not proven healthy" };
            Finding::pass(format!("{} is kept, {proof}", former.label()))
        }
        None if limit == Some(0) => Finding::fail("no former revision is kept: revisionHistoryLimit is 0"),
        None => Finding::fail(format!("no former revision is kept beside {}", newest.label())),
    }
}

fn pair_back(rollout: &Rollout, serving: &Revision, version: &str) -> Finding {
    let side = serving.track.as_ref().map_or_else(String::new, |track| format!("{track} "));
    if serving.version != version {
        return Finding::pass(format!("{side}{} stays beside it", serving.version));
    }
    let Some(idle) = rollout.idle().filter(|idle| idle.version != version) else {
        return Finding::fail(format!("both sides are {version}: there is nothing to switch back to"));
    };
    let track = idle.track.as_ref().map_or_else(String::new, |track| format!("{track} "));
    if idle.counts.ready == 0 {
        return Finding::pass(format!("{track}{} is kept, with no instance: a switch back starts it first", idle.version));
    }
    Finding::pass(format!("{track}{} is kept, {} of {} ready", idle.version, idle.counts.ready, idle.counts.wanted))
}

/// Returns whether the budgets over a rollout's instances allow one to be evicted.
pub fn disruption(budgets: &[Budget]) -> Finding {
    let Some(tightest) = budgets.iter().min_by_key(|budget| budget.allowed) else { return Finding::pass("no budget") };
    let Budget { name, allowed, healthy, desired } = tightest;
    let evictions = if *allowed == 1 { "eviction" } else { "evictions" };
    let words = format!("budget {name} allows {allowed} {evictions}: {healthy} healthy, {desired} needed");
    if *allowed == 0 { Finding::fail(words) } else { Finding::pass(words) }
}

/// Returns `2.1.0 → 2.2.0`, or the one version.
fn route(rollout: &Rollout) -> String {
    match rollout.versions() {
        (Some(serving), Some(candidate)) => format!("{serving} → {candidate}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => rollout.newest().map_or("nothing", |revision| revision.version.as_str()).to_owned(),
    }
}

/// Returns `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if hours < 1 => format!("{minutes} min"),
        () if hours < 48 => format!("{hours} h {} min", minutes % 60),
        () => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// Returns `12 of 30 min`.
fn so_far(have: SignedDuration, long: SignedDuration) -> String {
    let (have, long) = (have.as_secs().max(0), long.as_secs());
    if long < 120 { format!("{have} of {long} s") } else { format!("{} of {} min", have / 60, long.div_euclid(60)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Track;
    use crate::domain::revision::{Proof, Role};
    use crate::domain::rollout::Autoscaler;
    use crate::domain::sample::{ago, canary, counts, exit, halfway, instance, now, pair, revision, rolling, rollout, switched, with};
    use Verdict::{Fail, Pass, Pending, Unknown};

    fn minutes(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    fn ready(name: &str, seconds: i64) -> Instance {
        Instance { ready_since: Some(ago(seconds)), ..instance("r1", name, InstanceState::Ready, "Running") }
    }

    fn stands(instances: Vec<Instance>) -> Rollout {
        let count = instances.len() as u32;
        with(rollout(rolling(), Phase::Done, vec![revision(1, "2.1.0", &[Role::Stable], counts(count, count, count))]), instances)
    }

    fn told(finding: &Finding) -> (Verdict, &str) {
        (finding.verdict, finding.evidence.as_str())
    }

    #[test]
    fn health_is_as_old_as_the_youngest_instance() {
        let crashed = |mut instance: Instance| {
            instance.containers[0].last_exit = Some(exit(1, "Error", 720));
            instance
        };
        let failing = Instance { state: InstanceState::Failed, word: "CrashLoopBackOff".into(), ..ready("c", 0) };
        let starting = Instance { state: InstanceState::Starting, word: "ContainerCreating".into(), ..ready("c", 0) };
        let untold = Instance { ready_since: None, ..ready("c", 0) };
        for (instances, wanted) in [
            (vec![ready("a", 9000), ready("b", 2520)], (Pass, "2.1.0: 2 of 2 ready for 42 min, youngest b")),
            (vec![ready("a", 9000), ready("b", 720)], (Pending, "2.1.0: 2 of 2 ready, healthy for 12 of 30 min, youngest b")),
            (vec![crashed(ready("a", 9000)), ready("b", 9000)], (Pending, "2.1.0: 2 of 2 ready, healthy for 12 of 30 min, youngest a")),
            (vec![ready("a", 9000), failing], (Fail, "2.1.0: 1 of 2 ready, c CrashLoopBackOff")),
            (vec![ready("a", 9000), starting], (Pending, "2.1.0: 1 of 2 ready, c ContainerCreating")),
            (vec![ready("a", 9000), untold], (Unknown, "2.1.0: 2 of 2 ready, since when is not told of c")),
        ] {
            assert_eq!(told(&healthy(&stands(instances), minutes(30), now())), wanted);
        }
    }

    #[test]
    fn what_is_not_all_there_is_not_healthy() {
        let mut short = stands(vec![ready("a", 9000)]);
        short.revisions[0].counts.wanted = 3;
        assert_eq!(told(&healthy(&short, minutes(5), now())), (Pending, "2.1.0: 1 of 3 ready"));
        let none = stands(vec![]);
        assert_eq!(told(&healthy(&none, minutes(5), now())), (Fail, "2.1.0 is scaled to 0: nothing runs"));
        assert_eq!(told(&healthy(&halfway(), minutes(5), now())), (Pending, "a rollout is under way: 1.0.0 → 1.1.0"));
        let failed = Rollout { phase: Phase::Failed, ..stands(vec![ready("a", 9000)]) };
        assert_eq!(told(&healthy(&failed, minutes(5), now())), (Fail, "2.1.0: the engine's words"));
    }

    #[test]
    fn an_autoscalers_additions_do_not_reset_the_clock_and_a_crash_does() {
        let autoscaler = Some(Autoscaler { name: "web".into(), min: 2, max: 9, ..Autoscaler::default() });
        let mut scaled = stands(vec![ready("a", 9000), ready("b", 9000), ready("c", 60)]);
        scaled.autoscaler = autoscaler;
        let finding = healthy(&scaled, minutes(30), now());
        assert_eq!(told(&finding), (Pass, "2.1.0: 3 of 3 ready, 2 for 30 min and more, 1 younger by autoscaler web"));
        let mut crashed = ready("c", 60);
        crashed.containers[0].last_exit = Some(exit(137, "OOMKilled", 61));
        scaled.instances[2] = crashed.into();
        assert_eq!(healthy(&scaled, minutes(30), now()).verdict, Pending);
    }

    #[test]
    fn the_side_without_users_does_not_count() {
        let mut both = with(pair(), vec![ready("a", 9000)]);
        both.revisions[1].counts = counts(1, 1, 1);
        both.phase = Phase::Failing;
        assert_eq!(told(&healthy(&both, minutes(30), now())), (Pass, "1.0.0: 1 of 1 ready for 2 h 30 min, youngest a"));
    }

    #[test]
    fn an_environment_has_settled_on_the_version_it_runs() {
        let staging = |mut rollout: Rollout| {
            rollout.id.environment = "staging".into();
            rollout
        };
        let runs = staging(stands(vec![ready("a", 720)]));
        for (rollout, version, wanted) in [
            (runs.clone(), "2.2.0", (Fail, "staging runs 2.1.0")),
            (runs.clone(), "2.1.0", (Pending, "staging runs 2.1.0: 1 of 1 ready, healthy for 12 of 30 min, youngest a")),
            (staging(stands(vec![ready("a", 1800)])), "2.1.0", (Pass, "staging runs 2.1.0: 1 of 1 ready for 30 min, youngest a")),
            (staging(halfway()), "1.1.0", (Pending, "staging is on its way: 1.0.0 → 1.1.0")),
            (staging(halfway()), "1.0.0", (Fail, "staging runs 1.0.0 → 1.1.0")),
            (Rollout { phase: Phase::Absent, ..runs }, "2.1.0", (Fail, "nothing runs in staging")),
        ] {
            assert_eq!(told(&settled(&rollout, version, minutes(30), now())), wanted, "{version}");
        }
    }

    #[test]
    fn another_rollout_under_way_is_named() {
        let production = EnvironmentName::new("production");
        let still = stands(vec![ready("a", 9)]);
        let paused = canary(Phase::Waiting);
        assert_eq!(told(&quiet(&production, [])), (Pass, "production has no other rollout"));
        assert_eq!(told(&quiet(&production, [&still, &still])), (Pass, "all 2 other rollouts stand still"));
        let finding = quiet(&production, [&still, &paused, &halfway()]);
        assert_eq!(told(&finding), (Fail, "web is under way: 1.0.0 → 1.1.0, waiting for you, and 1 more"));
    }

    #[test]
    fn a_way_back_is_kept_or_will_be() {
        let mut done = rollout(
            rolling(),
            Phase::Done,
            vec![
                revision(2, "1.1.0", &[Role::Stable], counts(3, 3, 3)),
                Revision { proof: Proof::Recorded(ago(9000)), ..revision(1, "1.0.0", &[Role::Old], counts(0, 0, 0)) },
            ],
        );
        for (version, limit, wanted) in [
            ("1.2.0", Some(10), (Pass, "#2 1.1.0 stays to go back to, 10 are kept")),
            ("1.2.0", None, (Pass, "#2 1.1.0 stays to go back to")),
            ("1.2.0", Some(0), (Fail, "revisionHistoryLimit is 0: #2 1.1.0 is gone once 1.2.0 runs")),
            ("1.1.0", Some(10), (Pass, "#1 1.0.0 is kept, served before")),
        ] {
            assert_eq!(told(&way_back(&done, version, limit)), wanted, "{version} {limit:?}");
        }
        done.revisions.truncate(1);
        assert_eq!(told(&way_back(&done, "1.1.0", Some(0))), (Fail, "no former revision is kept: revisionHistoryLimit is 0"));
        assert_eq!(told(&way_back(&done, "1.1.0", Some(3))), (Fail, "no former revision is kept beside #2 1.1.0"));
        done.phase = Phase::Absent;
        assert_eq!(way_back(&done, "1.1.0", Some(3)).verdict, Fail);
    }

    #[test]
    fn a_restart_of_the_same_image_is_no_way_back() {
        let restarted = revision(2, "1.1.0", &[Role::Stable], counts(3, 3, 3));
        let same = Revision { proof: Proof::Recorded(ago(9000)), ..revision(1, "1.1.0", &[Role::Old], counts(0, 0, 0)) };
        let rollout = rollout(rolling(), Phase::Done, vec![restarted, same]);
        assert_eq!(way_back(&rollout, "1.1.0", None).verdict, Fail);
    }

    #[test]
    fn a_pairs_way_back_is_its_other_side() {
        assert_eq!(told(&way_back(&pair(), "1.1.0", Some(0))), (Pass, "blue 1.0.0 stays beside it"));
        assert_eq!(told(&way_back(&switched(), "1.1.0", None)), (Pass, "blue 1.0.0 is kept, 3 of 3 ready"));
        let mut cold = switched();
        let blue = cold.revisions.iter_mut().find(|revision| revision.track == Some(Track::new("blue"))).expect("blue");
        blue.counts = counts(0, 0, 0);
        assert_eq!(told(&way_back(&cold, "1.1.0", None)), (Pass, "blue 1.0.0 is kept, with no instance: a switch back starts it first"));
        let mut same = switched();
        same.revisions[1].version = "1.1.0".into();
        assert_eq!(way_back(&same, "1.1.0", None).verdict, Fail);
    }

    #[test]
    fn the_tightest_budget_decides() {
        let budget = |name: &str, allowed| Budget { name: name.into(), allowed, healthy: 2 + allowed, desired: 2 };
        assert_eq!(told(&disruption(&[])), (Pass, "no budget"));
        assert_eq!(told(&disruption(&[budget("web", 1)])), (Pass, "budget web allows 1 eviction: 3 healthy, 2 needed"));
        let both = [budget("web", 1), budget("all", 0)];
        assert_eq!(told(&disruption(&both)), (Fail, "budget all allows 0 evictions: 2 healthy, 2 needed"));
    }

    #[test]
    fn of_several_the_gravest_is_said_with_who_it_is() {
        let part = |name: &str, finding: Finding| (name.to_owned(), finding);
        assert_eq!(all(vec![]).verdict, Unknown);
        assert_eq!(told(&all(vec![part("web", Finding::pass("ok"))])), (Pass, "ok"));
        let unknown =
            all(vec![part("a", Finding::pass("ok")), part("b", Finding::unknown("no right")), part("c", Finding::pending("5 s"))]);
        assert_eq!(told(&unknown), (Unknown, "b: no right"));
        let many = ["a", "b", "c", "d", "e"].map(|name| part(name, Finding::fail("bad")));
        assert_eq!(told(&all(many.into())), (Fail, "a: bad; b: bad; c: bad; and 2 more"));
    }

    #[test]
    fn lengths_of_time_are_said_in_the_two_units_that_matter() {
        for (seconds, words) in [(-3, "0 s"), (59, "59 s"), (61, "1 min"), (3660, "1 h 1 min"), (200_000, "2 d 7 h")] {
            assert_eq!(span(SignedDuration::from_secs(seconds)), words);
        }
        assert_eq!(so_far(SignedDuration::from_secs(30), SignedDuration::from_secs(90)), "30 of 90 s");
    }
}
