//! Releases that were made before the demo was opened: one that is done, one that waits for somebody.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::pace::later;
use super::people::Deed;
use crate::domain::id::{Actor, EnvironmentName, OpId, ReleaseId, RolloutId, ServiceName};
use crate::domain::plan::Plan;
use crate::domain::release::checklist::{Outcome, Stage, Task, Verdict};
use crate::domain::release::policy::Policy;
use crate::domain::release::record::{Body, Entry, Record};
use crate::domain::release::{Brief, Kind, Release, Voucher, machine};

/// A release of the past, as a scenario words it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    service: ServiceName,
    version: String,
    by: Actor,
    /// When it was announced, before the demo was opened.
    ago: SignedDuration,
    title: String,
    ticket: String,
    notes: String,
    /// It went through; otherwise it still waits for what nobody has done.
    #[serde(default)]
    done: bool,
}

/// Writes a record, a minute or so an entry.
struct Writer<'a> {
    release: Release,
    policy: &'a Policy,
    at: Timestamp,
}

impl Former {
    /// Returns its record: what people usually do has been done, as far as their time came.
    ///
    /// # Errors
    ///
    /// It cannot have happened so.
    pub fn record(&self, plan: &Plan, environment: &EnvironmentName, deeds: &[Deed], now: Timestamp) -> Result<Record, String> {
        let policy = plan.environment(environment).map(|of| of.policy.clone()).unwrap_or_default();
        let announced = now.checked_sub(self.ago).map_err(|error| error.to_string())?;
        let at = announced.checked_sub(SignedDuration::from_mins(6)).map_err(|error| error.to_string())?;
        let id = ReleaseId::new(format!("{}-{}-{:04x}", at.strftime("%Y%m%d-%H%M"), self.service, self.ago.as_secs() & 0xffff));
        let brief = Brief {
            environment: environment.clone(),
            versions: vec![(self.service.clone(), self.version.clone())],
            kind: Kind::Standard,
            title: self.title.clone(),
            author: self.by.clone(),
            ticket: Some(self.ticket.clone()),
            notes: self.notes.clone(),
            audience: "guests and front desks".into(),
            duration: Some(SignedDuration::from_mins(30)),
            downtime: None,
            cutover: None,
            contingency: "switch back; the schema is read by both versions".into(),
            class: None,
            criterion: None,
            strategies: Vec::new(),
        };
        let drafted = entry(at, &self.by, Body::Drafted { brief: Box::new(brief) });
        let mut writer = Writer { release: machine::begin(id, drafted)?, policy: &policy, at: announced };
        writer.add(&self.by, Body::Announced)?;
        let mut before: Vec<&Deed> = deeds.iter().collect();
        before.sort_by_key(|deed| deed.after);
        writer.people(&before, now)?;
        if self.done {
            writer.finish(&self.by, plan, &before, now)?;
        }
        Ok(Record::new(writer.release.id.clone(), writer.release.entries))
    }
}

impl Writer<'_> {
    fn add(&mut self, who: &Actor, body: Body) -> Result<(), String> {
        machine::take(&mut self.release, entry(self.at, who, body))
    }

    fn pass(&mut self, time: SignedDuration) {
        self.at = later(self.at, time);
    }

    /// Everybody does what is theirs to do now; the demo's seconds were minutes then.
    fn people(&mut self, deeds: &[&Deed], now: Timestamp) -> Result<(), String> {
        let begin = self.at;
        for deed in deeds {
            let at = later(begin, deed.after * 60);
            if at < now
                && let Some(body) = deed.due(self.policy, &self.release, at)
            {
                self.at = at;
                self.add(&deed.who, body)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, who: &Actor, plan: &Plan, deeds: &[&Deed], now: Timestamp) -> Result<(), String> {
        self.rest(who, Stage::Before)?;
        self.pass(SignedDuration::from_mins(4));
        self.add(who, Body::Opened)?;
        let brief = self.release.brief.clone();
        let rollouts: Vec<RolloutId> =
            brief.versions.iter().flat_map(|(service, _)| plan.cell(service, &brief.environment)).map(|w| w.id.clone()).collect();
        for (at, rollout) in rollouts.into_iter().enumerate() {
            let op = OpId::new(format!("{}-{at}", self.release.id));
            self.add(who, Body::Began { rollout: rollout.clone(), op: op.clone() })?;
            self.pass(SignedDuration::from_secs(212));
            self.add(who, Body::Outcome { rollout, op, met: true, seen: "the new version runs".into() })?;
        }
        self.add(who, Body::Verifying)?;
        self.people(deeds, now)?;
        self.rest(who, Stage::After)?;
        self.pass(SignedDuration::from_secs(90));
        self.add(who, Body::Finished)
    }

    /// What is left of a stage was ticked by its author, or filled itself.
    fn rest(&mut self, who: &Actor, stage: Stage) -> Result<(), String> {
        let items: Vec<_> = self.policy.items(&self.release.brief, stage).cloned().collect();
        for item in items.iter().filter(|item| item.required) {
            if self.release.outcomes.contains_key(&item.id) {
                continue;
            }
            self.pass(SignedDuration::from_secs(35));
            let evidence = if item.task == Task::Manual { "seen" } else { "as asked for" };
            let outcome = Outcome {
                verdict: Verdict::Pass,
                at: self.at,
                by: who.clone(),
                evidence: evidence.into(),
                output: String::new(),
                link: None,
                of: self.release.fingerprint(),
            };
            self.add(who, Body::Checked { item: item.id.clone(), stage, outcome: Box::new(outcome) })?;
        }
        Ok(())
    }
}

fn entry(at: Timestamp, who: &Actor, body: Body) -> Entry {
    Entry { at, actor: who.clone(), voucher: Voucher::Cluster, console: format!("{who}-laptop:4711"), body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::simulated::scenario::Scenario;
    use crate::adapter::simulated::{people, rules};
    use crate::domain::release::gate::{self, Blocker};
    use crate::domain::release::{Phase, approval};

    #[test]
    fn the_past_happened_by_the_rules_and_what_waits_waits_for_whoever_opens_the_demo() {
        let now: Timestamp = "2026-06-10T10:00:00Z".parse().unwrap();
        let scenario = Scenario::load("release").unwrap();
        let plan = scenario.plan(now).unwrap();
        let production = EnvironmentName::new(rules::PRODUCTION);
        let policy = plan.environment(&production).unwrap().policy.clone();
        let deeds = people::deeds(&people::usual().unwrap(), &policy);
        let releases: Vec<Release> = scenario
            .gate
            .release
            .iter()
            .map(|former| machine::fold(&former.record(&plan, &production, &deeds, now).unwrap()).unwrap())
            .collect();
        let [done, open] = releases.as_slice() else { panic!("{}", releases.len()) };
        assert_eq!((done.phase, open.phase), (Phase::Done, Phase::Checking));
        for release in &releases {
            assert!(release.rejected.is_empty(), "{:?}", release.rejected);
            assert!(release.entries.is_sorted_by_key(|entry| entry.at) && release.entries.iter().all(|entry| entry.at < now));
        }
        assert!(approval::standing(&policy, done, done.ended.unwrap()).iter().all(approval::Standing::met));
        let missing: Vec<String> = gate::verdict(&policy, Some(open), None, now)
            .blockers
            .into_iter()
            .filter(|blocker| matches!(blocker, Blocker::Approval { .. }))
            .map(|blocker| blocker.to_string())
            .collect();
        assert_eq!(missing, ["technical approval 0/1"]);
    }
}
