//! Who else works on releases in the demo: they tick, and they approve, each at a console of their own and in their own time.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::pace::Pace;
use super::releases::Colleague;
use super::rules::PRODUCTION;
use super::scenario::ScenarioError;
use crate::domain::id::{Actor, ApproverRole, ItemId};
use crate::domain::release::approval::{Choice, Decision};
use crate::domain::release::checklist::{Item, Outcome, Stage, Task, Verdict};
use crate::domain::release::policy::Policy;
use crate::domain::release::record::Body;
use crate::domain::release::{Phase, Release, Voucher};

/// The people of the booking system.
const PEOPLE: &str = include_str!("../../../assets/scenarios/rules/people.toml");

/// What somebody does about every release.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Habit {
    pub who: Actor,
    /// How long after it is their turn.
    pub after: SignedDuration,
    /// How far apart their ticks are.
    #[serde(default)]
    pub apart: SignedDuration,
    #[serde(default)]
    pub ticks: Vec<ItemId>,
    #[serde(default)]
    pub approves: Option<ApproverRole>,
    /// What they write beside it.
    pub says: String,
    #[serde(default)]
    pub link: Option<String>,
}

/// One thing that one of them does.
#[derive(Clone, Debug)]
pub struct Deed {
    pub who: Actor,
    pub after: SignedDuration,
    says: String,
    link: Option<String>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Tick(Box<Item>),
    Approve(ApproverRole),
}

/// Returns the usual people's habits.
///
/// # Errors
///
/// Their file is wrong.
pub fn usual() -> Result<Vec<Habit>, ScenarioError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct People {
        colleague: Vec<Habit>,
    }
    let read: Result<People, _> = toml::from_str(PEOPLE);
    read.map(|people| people.colleague).map_err(|source| ScenarioError::Invalid { name: "rules/people".into(), source: Box::new(source) })
}

/// Returns what they do by a policy, a deed each.
pub fn deeds(habits: &[Habit], policy: &Policy) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for habit in habits {
        let deed = |after, what| Deed { who: habit.who.clone(), after, says: habit.says.clone(), link: habit.link.clone(), what };
        let mut after = habit.after;
        for id in &habit.ticks {
            // A rule that fills itself is nobody's to tick.
            let mut items = policy.items.iter().filter(|item| item.id == *id && item.task == Task::Manual).peekable();
            if items.peek().is_some() {
                deeds.extend(items.map(|item| deed(after, What::Tick(Box::new(item.clone())))));
                after += habit.apart;
            }
        }
        deeds.extend(habit.approves.iter().map(|role| deed(after, What::Approve(role.clone()))));
    }
    deeds
}

/// Returns the colleagues who do all that, at the world's speed.
pub fn colleagues(deeds: Vec<Deed>, policy: &Policy, pace: &Pace) -> Vec<Colleague> {
    let colleague = |mut deed: Deed| {
        deed.after = pace.scaled(deed.after);
        let policy = policy.clone();
        Colleague {
            who: deed.who.clone(),
            environment: PRODUCTION.into(),
            // Counted by the deed itself, from when it is its turn.
            after: SignedDuration::ZERO,
            act: Box::new(move |release, now| deed.due(&policy, release, now)),
        }
    };
    deeds.into_iter().map(colleague).collect()
}

impl Deed {
    /// Returns what is to be recorded now; none: it is not the time, or nothing is left to do.
    pub fn due(&self, policy: &Policy, release: &Release, now: Timestamp) -> Option<Body> {
        let turn = self.turn(release)?;
        if now.duration_since(turn) < self.after || release.brief.author == self.who {
            return None;
        }
        self.body(policy, release, now)
    }

    /// Returns when it was this deed's turn.
    fn turn(&self, release: &Release) -> Option<Timestamp> {
        let last = |so: fn(&Body) -> bool| release.entries.iter().rev().find(|entry| so(&entry.body)).map(|entry| entry.at);
        match &self.what {
            What::Approve(_) => matches!(release.phase, Phase::Checking | Phase::Ready).then_some(release.announced).flatten(),
            What::Tick(item) => match item.stage {
                Stage::Before => matches!(release.phase, Phase::Checking).then_some(release.announced).flatten(),
                Stage::After => (release.phase == Phase::Verifying).then(|| last(|body| *body == Body::Verifying)).flatten(),
                Stage::Back => (release.phase == Phase::RolledBack).then_some(release.ended).flatten(),
            },
        }
    }

    fn body(&self, policy: &Policy, release: &Release, now: Timestamp) -> Option<Body> {
        let of = release.fingerprint();
        match &self.what {
            What::Tick(item) => {
                let done = release.outcomes.get(&item.id).is_some_and(|outcome| outcome.of == of && outcome.verdict == Verdict::Pass);
                if done || !item.applies(release.brief.kind, release.brief.class.as_deref()) {
                    return None;
                }
                let outcome = Outcome {
                    verdict: Verdict::Pass,
                    at: now,
                    by: self.who.clone(),
                    evidence: self.says.clone(),
                    output: String::new(),
                    link: self.link.clone(),
                    of,
                };
                Some(Body::Checked { item: item.id.clone(), stage: item.stage, outcome: Box::new(outcome) })
            }
            What::Approve(role) => {
                let decided = release.decisions.iter().any(|decision| decision.by == self.who && decision.of == of);
                let asked = policy.approvals.iter().any(|rule| rule.role == *role && rule.applies(release));
                if decided || !asked || !policy.holds(role, &self.who) {
                    return None;
                }
                let decision = Decision {
                    at: now,
                    by: self.who.clone(),
                    voucher: Voucher::Cluster,
                    role: role.clone(),
                    choice: Choice::Approve,
                    reason: self.says.clone(),
                    of,
                    plan: policy.fingerprint.clone(),
                };
                Some(Body::Decided { decision: Box::new(decision) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::simulated::scenario::{Scenario, names};

    #[test]
    fn everybody_ticks_items_that_there_are_and_approves_in_a_role_that_they_hold() {
        for name in names() {
            let scenario = Scenario::load(name).unwrap();
            let plan = scenario.plan(Timestamp::UNIX_EPOCH).unwrap();
            let Some(environment) = plan.environment(&PRODUCTION.into()).filter(|of| !of.policy.items.is_empty()) else { continue };
            for habit in scenario.gate.colleague.clone().unwrap_or_else(|| usual().unwrap()) {
                for id in &habit.ticks {
                    let manual = environment.policy.items.iter().any(|item| item.id == *id && item.task == Task::Manual);
                    assert!(manual, "{name}: {} ticks {id}", habit.who);
                }
                if let Some(role) = &habit.approves {
                    assert!(environment.policy.holds(role, &habit.who), "{name}: {} approves as {role}", habit.who);
                }
            }
        }
    }
}
