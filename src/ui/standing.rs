//! Where a rollout stands, in one sentence, and the facts that a person needs beside it. The sentence says what the users
//! have before it says what the controller calls it: an aborted canary is `Degraded` and safe.

use jiff::{SignedDuration, Timestamp};

use super::format;
use super::words;
use crate::domain::delivery::{Pause, PauseKind, Steering};
use crate::domain::instance::InstanceState;
use crate::domain::rollout::{Phase, Rollout, Serving, Strategy};
use crate::domain::step::{Share, StepKind, WeightSource};
use crate::domain::verb::AWAY;

/// Returns for how long the controller has not looked, once that is too long to be a busy one.
pub(super) fn away(rollout: &Rollout, now: Timestamp) -> Option<SignedDuration> {
    rollout.delivery.unobserved_since.map(|since| now.duration_since(since)).filter(|ago| *ago >= AWAY)
}

/// Returns whether it was given up and the hold keeps the candidate where it is.
pub(super) fn given_up_and_held(rollout: &Rollout) -> bool {
    let serves = share(rollout).is_none_or(|share| share.permille() > 0);
    rollout.delivery.aborted.is_some() && rollout.held.is_some() && serves && rollout.candidate().is_some_and(|one| one.counts.ready > 0)
}

/// Returns what the candidate really gets, by the router, else by its instances.
pub(super) fn share(rollout: &Rollout) -> Option<Share> {
    weight(rollout, WeightSource::Observed).or_else(|| weight(rollout, WeightSource::Replicas))
}

fn weight(rollout: &Rollout, source: WeightSource) -> Option<Share> {
    rollout.weights.iter().find(|weight| weight.source == source).map(|weight| weight.share)
}

/// Returns what was asked for the candidate and what the users get, and whether the two part.
pub(super) fn shares(rollout: &Rollout) -> Option<(String, bool)> {
    let (asked, got) = (weight(rollout, WeightSource::Asked), share(rollout));
    // What was given up is told for as long as anyone still gets it.
    let told = rollout.phase.under_way() || got.is_some_and(|got| got.permille() > 0);
    if !told || rollout.strategy != Strategy::Canary {
        return None;
    }
    let asks = if rollout.steering == Steering::Gates { "Flagger says" } else { "asked" };
    Some(match (asked, got) {
        (Some(asked), Some(got)) if asked != got => (format!("{asks} {asked}, users get {got}"), true),
        (_, Some(got)) => (format!("{got} of the users get it"), false),
        (Some(asked), None) => (format!("{asks} {asked}, what users get is unknown"), false),
        (None, None) => return None,
    })
}

/// Returns how many instances a restart has replaced so far, of how many.
pub(super) fn restarted(rollout: &Rollout) -> Option<(usize, usize)> {
    let at = rollout.delivery.restart?;
    let lives = rollout.instances.iter().filter(|instance| instance.state != InstanceState::Terminating);
    // Creation times have whole seconds; the order's own time may have more.
    Some(lives.fold((0, 0), |(new, all), instance| {
        let fresh = instance.created.is_some_and(|created| created.as_second() >= at.as_second());
        (new + usize::from(fresh), all + 1)
    }))
}

/// Returns what is kept up for a while, as the start of `… 00:24`: after an abort it is the candidate, not the old stack.
pub(super) fn kept_up(rollout: &Rollout) -> String {
    match rollout.candidate().filter(|candidate| candidate.cools.is_some()) {
        Some(candidate) => format!("{} still up", candidate.version),
        None => "old stack warm".into(),
    }
}

/// Returns how long the old instances of a finished change are kept: the way back is instant until then.
pub(super) fn warm(rollout: &Rollout, now: Timestamp) -> Option<SignedDuration> {
    let cooling = rollout.revisions.iter().filter(|revision| revision.counts.ready > 0).filter_map(|revision| revision.cools);
    cooling.max().map(|at| at.duration_since(now)).filter(SignedDuration::is_positive)
}

/// Returns the sentence.
pub(super) fn sentence(rollout: &Rollout, now: Timestamp) -> String {
    let (serving, candidate) = rollout.versions();
    let version = candidate.or(serving).unwrap_or_default();
    let stable = serving.unwrap_or("the former revision");
    let progress = words::progress(rollout).map(|(_, text)| text);
    let after = |text: &str| progress.as_ref().map_or_else(|| text.to_owned(), |progress| format!("{text}: {progress}"));
    if let Some(ago) = away(rollout, now).filter(|_| rollout.phase != Phase::Absent) {
        let leaving = if unpausing(rollout) { "the pause is not left" } else { "the last change is not seen" };
        return format!("{} does not answer for {}: {leaving}", controller(rollout), format::age(ago));
    }
    if given_up_and_held(rollout) {
        return format!("{}, but still held: {version} still serves", given_up(rollout));
    }
    match rollout.phase {
        Phase::Absent => "Not there".into(),
        Phase::Unobserved if unpausing(rollout) => format!("Leaving the pause: {} has not looked yet", controller(rollout)),
        Phase::Unobserved => format!("Ordered, and {} has not looked yet", controller(rollout)),
        Phase::Progressing => progressing(rollout, version, progress),
        Phase::Waiting => waiting(rollout, version, progress),
        Phase::Done => done(rollout, serving.unwrap_or(version)),
        Phase::Failing => after("In trouble"),
        Phase::Failed => format!("Failed: {}", rollout.native),
        Phase::RollingBack if rollout.delivery.aborted.is_some() => format!("{}, going back to {stable}", given_up(rollout)),
        Phase::RollingBack => after("Going back"),
        Phase::RolledBack if rollout.delivery.aborted.is_some() => format!("{}: the users are on {stable}", given_up(rollout)),
        Phase::RolledBack => format!("Rolled back: the users are on {stable}"),
    }
}

/// The controller's word for having given up.
fn given_up(rollout: &Rollout) -> &'static str {
    if rollout.steering == Steering::Gates { "Failed" } else { "Aborted" }
}

/// Who is waited for.
fn controller(rollout: &Rollout) -> &'static str {
    match rollout.steering {
        Steering::Gates => "Flagger",
        Steering::Steps => "the controller",
        Steering::Workload | Steering::Pair | Steering::Plan => "the cluster",
    }
}

/// The pause is cleared and its controller has not taken that in (api-semantics 2.3): Argo's own words are all that tells.
fn unpausing(rollout: &Rollout) -> bool {
    rollout.phase == Phase::Unobserved && rollout.native.contains("unpause")
}

fn progressing(rollout: &Rollout, version: &str, progress: Option<String>) -> String {
    if rollout.strategy == Strategy::Recreate {
        return format!("Replacing everything by {version}: a downtime");
    }
    if let Some((new, all)) = restarted(rollout) {
        return format!("Restarting {version}: {new} of {all} restarted");
    }
    if rollout.delivery.promoting_fully {
        return format!("Promoting {version} fully: every step left is skipped");
    }
    let step = rollout.steps.as_ref().and_then(|steps| steps.now());
    match (step.map(|step| &step.kind), progress) {
        (Some(StepKind::Switch), _) => format!("Switching the users to {version}"),
        (Some(StepKind::Analysis(_)), Some(progress)) if rollout.strategy == Strategy::BlueGreen => {
            format!("{version} is being measured: {progress}")
        }
        (Some(StepKind::Analysis(_)), Some(progress)) => format!("{version} is being measured at {progress}"),
        (Some(StepKind::Experiment(_)), Some(progress)) => format!("{version} is in an experiment at {progress}"),
        (_, Some(progress)) => format!("{version} is coming in: {progress}"),
        (_, None) => format!("{version} is coming in"),
    }
}

fn waiting(rollout: &Rollout, version: &str, progress: Option<String>) -> String {
    if rollout.held.is_some() {
        return match (progress, &rollout.delivery.pause) {
            (Some(progress), Some(Pause { until: Some(_), .. })) => format!("Held at {progress}; its pause runs on"),
            (Some(progress), _) if words::pair(rollout) || rollout.steps.is_none() => format!("Held: {progress}"),
            (Some(progress), _) => format!("Held at {progress}"),
            (None, _) => "Held".into(),
        };
    }
    if words::pair(rollout) {
        let side = rollout.idle().map_or_else(String::new, |idle| match &idle.track {
            Some(track) => format!("{track} {}", idle.version),
            None => idle.version.clone(),
        });
        return format!("{side} is ready and has no users yet: the switch waits for you");
    }
    let by_itself = !words::needs_you(rollout);
    let ends = if by_itself { "goes on by itself in" } else { "waiting for you" };
    let at = progress.map_or_else(String::new, |progress| format!(" at {progress}"));
    match rollout.delivery.pause.as_ref().map(|pause| &pause.kind) {
        Some(PauseKind::BlueGreen) if by_itself => format!("{version} is up and has no users yet: switches by itself in"),
        Some(PauseKind::BlueGreen) => format!("{version} is up and has no users yet: the switch waits for you"),
        Some(PauseKind::InconclusiveAnalysis) => format!("An analysis could not decide{at}: {ends}"),
        Some(PauseKind::InconclusiveExperiment) => format!("An experiment could not decide{at}: {ends}"),
        Some(PauseKind::Gate(gate)) => format!("At the gate {gate}: waiting until it opens"),
        Some(PauseKind::Step) | None => format!("Paused{at}, {ends}"),
    }
}

fn done(rollout: &Rollout, version: &str) -> String {
    let (ready, wanted) = match (&rollout.strategy, rollout.serving_revision()) {
        (Strategy::BlueGreen, Some(active)) => (active.counts.ready, active.counts.wanted),
        // What is still warm of the former revision is none too many.
        _ => (rollout.counts.ready.min(rollout.counts.wanted), rollout.counts.wanted),
    };
    let side = rollout.routing.as_ref().and_then(|routing| routing.active.as_ref()).filter(|_| words::pair(rollout));
    let side = side.map_or_else(String::new, |side| format!("{side} "));
    match rollout.serving {
        Serving::Idle => format!("{side}{version}, scaled to 0"),
        Serving::Full if rollout.held.is_some() => format!("{side}{version} runs, {ready} of {wanted} ready; held"),
        _ => format!("{side}{version} runs, {ready} of {wanted} ready"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Aborted;
    use crate::domain::rollout::Held;
    use crate::domain::sample::{ago, canary, counts, halfway, now, pair, rolling};
    use crate::domain::step::Weight;
    use crate::domain::step::WeightSource::{Asked, Observed, Replicas};

    fn with(mut rollout: Rollout, change: impl FnOnce(&mut Rollout)) -> Rollout {
        change(&mut rollout);
        rollout
    }

    fn paused(kind: PauseKind, until: Option<Timestamp>) -> Rollout {
        with(canary(Phase::Waiting), |rollout| rollout.delivery.pause = Some(Pause { kind, since: Some(ago(60)), until }))
    }

    fn aborted(phase: Phase) -> Rollout {
        with(canary(phase), |rollout| rollout.delivery.aborted = Some(Aborted { at: None, why: "by hand".into() }))
    }

    #[test]
    fn the_sentence_says_what_is_waited_for_and_what_the_users_have() {
        let away = |seconds| {
            with(canary(Phase::Unobserved), |rollout| {
                rollout.native = "Progressing: waiting for rollout to unpause".into();
                rollout.delivery.unobserved_since = Some(ago(seconds));
            })
        };
        let held = |rollout| with(rollout, |rollout| rollout.held = Some(Held { since: None, by: None }));
        for (rollout, words) in [
            (paused(PauseKind::Step, None), ["Paused at step", "waiting for you"]),
            (paused(PauseKind::Step, Some(ago(-30))), ["Paused at step", "goes on by itself in"]),
            (paused(PauseKind::InconclusiveAnalysis, None), ["could not decide", "waiting for you"]),
            (paused(PauseKind::BlueGreen, None), ["no users yet", "the switch waits for you"]),
            (paused(PauseKind::Gate("confirm-promotion".into()), None), ["gate confirm-promotion", "opens"]),
            (aborted(Phase::RolledBack), ["Aborted", "the users are on 1.0.0"]),
            (aborted(Phase::RollingBack), ["Aborted", "going back to 1.0.0"]),
            (held(aborted(Phase::RollingBack)), ["Aborted, but still held", "1.1.0 still serves"]),
            (away(3), ["Leaving the pause", "has not looked yet"]),
            (away(14), ["does not answer for 14 s", "the pause is not left"]),
            (with(canary(Phase::Progressing), |rollout| rollout.delivery.promoting_fully = true), ["fully", "skipped"]),
            (held(paused(PauseKind::Step, None)), ["Held at step", "of"]),
            (held(halfway()), ["in", ""]),
            (pair(), ["blue 1.0.0 runs", "3 of 3 ready"]),
        ] {
            let said = sentence(&rollout, now());
            assert!(words.iter().all(|word| said.contains(word)), "{said} lacks one of {words:?}");
        }
    }

    #[test]
    fn what_is_asked_and_what_users_get_stand_together_only_where_they_part() {
        let of = |weights: &[(WeightSource, u32)]| {
            with(canary(Phase::Progressing), |rollout| {
                let weight = |(source, percent): &(WeightSource, u32)| Weight { share: Share::percent(*percent), source: *source };
                rollout.weights = weights.iter().map(weight).collect();
            })
        };
        for (weights, said) in [
            (vec![(Asked, 25), (Observed, 25)], Some(("25 % of the users get it", false))),
            (vec![(Asked, 25), (Replicas, 20)], Some(("asked 25 %, users get 20 %", true))),
            (vec![(Asked, 25), (Observed, 5), (Replicas, 25)], Some(("asked 25 %, users get 5 %", true))),
            (vec![(Asked, 25)], Some(("asked 25 %, what users get is unknown", false))),
            (vec![], None),
        ] {
            let told = shares(&of(&weights));
            assert_eq!(told.as_ref().map(|(text, parts)| (text.as_str(), *parts)), said);
        }
        let flagger = with(of(&[(Asked, 0), (Observed, 60)]), |rollout| rollout.steering = Steering::Gates);
        assert_eq!(shares(&flagger), Some(("Flagger says 0 %, users get 60 %".into(), true)));
        let gone = with(of(&[(Asked, 0), (Observed, 0)]), |rollout| rollout.phase = Phase::RolledBack);
        assert_eq!(shares(&gone), None);
        assert_eq!(shares(&with(gone, |rollout| rollout.strategy = rolling())), None);
    }

    #[test]
    fn the_old_stack_is_warm_until_it_is_scaled_down() {
        let done = with(canary(Phase::Done), |rollout| {
            rollout.revisions[1].cools = Some(ago(-24));
            rollout.revisions[1].counts = counts(0, 3, 3);
        });
        assert_eq!(warm(&done, now()).map(|left| left.as_secs()), Some(24));
        assert_eq!(warm(&with(done, |rollout| rollout.revisions[1].cools = Some(ago(1))), now()), None);
    }
}
