//! The releases of the simulated cluster: records in memory under the same rules as those of the real stores, and colleagues
//! who tick and approve at consoles of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::adapter::clock;
use crate::domain::id::{Actor, ApproverRole, EnvironmentName, ReleaseId};
use crate::domain::release::approval::{Choice, Decision};
use crate::domain::release::keeping::{self, Added, Room};
use crate::domain::release::policy::Policy;
use crate::domain::release::record::{Body, Entry, Record};
use crate::domain::release::{Phase, Release, Voucher, machine};
use crate::port::releases::{Access, Command, Event, Failure, Shelf};

/// How often the colleagues look up.
const LOOK: Duration = Duration::from_millis(200);

/// What a colleague does about a release; none: nothing yet.
pub type Act = Box<dyn Fn(&Release, Timestamp) -> Option<Body> + Send>;

/// Somebody else at a console of their own, who acts once on each release of an environment, and again when its bytes change.
#[expect(missing_debug_implementations, reason = "what they do is a function")]
pub struct Colleague {
    pub who: Actor,
    pub environment: EnvironmentName,
    /// How long after the release was announced.
    pub after: SignedDuration,
    pub act: Act,
}

impl Colleague {
    /// Returns one who approves in a role, where a rule of the policy asks for it.
    pub fn approver(who: Actor, environment: EnvironmentName, role: ApproverRole, after: SignedDuration, policy: &Policy) -> Self {
        let (rules, plan, by) = (policy.approvals.clone(), policy.fingerprint.clone(), who.clone());
        let act = move |release: &Release, now: Timestamp| {
            rules.iter().any(|rule| rule.role == role && rule.applies(release)).then(|| Body::Decided {
                decision: Box::new(Decision {
                    at: now,
                    by: by.clone(),
                    voucher: Voucher::Cluster,
                    role: role.clone(),
                    choice: Choice::Approve,
                    reason: "read and fine".into(),
                    of: release.fingerprint(),
                    plan: plan.clone(),
                }),
            })
        };
        Self { who, environment, after, act: Box::new(act) }
    }
}

/// What the store begins with.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "what colleagues do is a function")]
pub struct Setting {
    pub shelves: Vec<Shelf>,
    /// Records of former releases.
    pub kept: Vec<(EnvironmentName, Record)>,
    pub colleagues: Vec<Colleague>,
}

/// Starts the store of all simulated environments. It ends when `commands` closes or nobody takes its events.
pub fn spawn(setting: Setting, mut commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut memory = Memory::new(setting);
        let mut said = memory.all();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            for event in said {
                if events.send(event).await.is_err() {
                    return;
                }
            }
            said = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => memory.take(command, clock::now()),
                    None => return,
                },
                _ = look.tick(), if !memory.colleagues.is_empty() => memory.tick(clock::now()),
            };
        }
    })
}

/// The records.
struct Memory {
    shelves: BTreeMap<EnvironmentName, Shelf>,
    records: BTreeMap<EnvironmentName, BTreeMap<ReleaseId, Record>>,
    colleagues: Vec<Colleague>,
    /// What each colleague has acted on: the release and its bytes.
    acted: BTreeSet<(usize, ReleaseId, String)>,
}

impl Memory {
    fn new(setting: Setting) -> Self {
        let Setting { shelves, kept, colleagues } = setting;
        let shelves: BTreeMap<_, _> = shelves.into_iter().map(|shelf| (shelf.environment.clone(), shelf)).collect();
        let mut records: BTreeMap<_, BTreeMap<_, _>> = shelves.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
        for (environment, record) in kept {
            if let Some(of) = records.get_mut(&environment) {
                of.insert(record.id.clone(), record);
            }
        }
        Self { shelves, records, colleagues, acted: BTreeSet::new() }
    }

    /// Tells everything from the start.
    fn all(&self) -> Vec<Event> {
        let mut said = Vec::new();
        for (environment, records) in &self.records {
            said.extend(records.values().map(|record| told(environment, record)));
            said.push(Event::Access { environment: environment.clone(), access: Access::Writable });
        }
        said
    }

    fn take(&mut self, command: Command, now: Timestamp) -> Vec<Event> {
        let (seq, environment, release, entries, create) = match command {
            Command::Create { seq, environment, release, entries } => (seq, environment, release, entries, true),
            Command::Append { seq, environment, release, entries } => (seq, environment, release, entries, false),
        };
        let mut said = Vec::new();
        let result = match self.add(&environment, &release, &entries, create) {
            Ok(record) => {
                let ended = record.as_ref().is_some_and(|record| keeping::ended(record).is_some());
                let touched = record.is_some();
                said.extend(record.map(|record| told(&environment, &record)));
                if touched && (create || ended) {
                    said.extend(self.prune(&environment, &release, now));
                }
                Ok(())
            }
            Err(message) => Err(Failure { message, in_doubt: false }),
        };
        said.push(Event::Appended { seq, release, result });
        said
    }

    /// Adds entries; returns the record where it grew.
    fn add(
        &mut self,
        environment: &EnvironmentName,
        release: &ReleaseId,
        entries: &[Entry],
        create: bool,
    ) -> Result<Option<Record>, String> {
        let records = self.records.get_mut(environment).ok_or_else(|| format!("there is no environment {environment} in this cluster"))?;
        let new = Record::new(release.clone(), Vec::new());
        let kept = match records.get(release) {
            Some(_) if create => return Err(format!("there is a release {release} already")),
            Some(kept) => kept,
            None if create => &new,
            None => return Err(format!("the record of {release} is gone")),
        };
        match keeping::add(kept, entries, Room::CONFIG_MAP)? {
            Added::Already => Ok(None),
            Added::Grown { record, .. } => {
                records.insert(release.clone(), (*record).clone());
                Ok(Some(*record))
            }
        }
    }

    fn prune(&mut self, environment: &EnvironmentName, spared: &ReleaseId, now: Timestamp) -> Vec<Event> {
        let (Some(shelf), Some(records)) = (self.shelves.get(environment), self.records.get_mut(environment)) else { return Vec::new() };
        let ended = records.values().filter_map(|record| Some((record.id.clone(), keeping::ended(record)?)));
        let surplus = keeping::surplus(ended.collect(), spared, shelf.keep, now);
        let count = u32::try_from(surplus.len()).unwrap_or(u32::MAX);
        let mut said = Vec::new();
        for release in surplus {
            records.remove(&release);
            said.push(Event::Gone { environment: environment.clone(), release });
        }
        if count > 0 {
            said.push(Event::Pruned { environment: environment.clone(), count });
        }
        said
    }

    /// Lets the colleagues do what they have come to.
    fn tick(&mut self, now: Timestamp) -> Vec<Event> {
        let mut due = Vec::new();
        for (environment, records) in &self.records {
            for record in records.values() {
                let Ok(release) = machine::fold(record) else { continue };
                let colleagues = self.colleagues.iter().enumerate().filter(|(_, colleague)| colleague.environment == *environment);
                for (at, colleague) in colleagues {
                    let acted = (at, release.id.clone(), release.fingerprint());
                    let time = release.announced.is_some_and(|announced| now.duration_since(announced) >= colleague.after);
                    if !time || matches!(release.phase, Phase::Done | Phase::Aborted) || self.acted.contains(&acted) {
                        continue;
                    }
                    if let Some(body) = (colleague.act)(&release, now) {
                        due.push((acted, environment.clone(), colleague.entry(body, now)));
                    }
                }
            }
        }
        let mut said = Vec::new();
        for (acted, environment, entry) in due {
            let release = acted.1.clone();
            self.acted.insert(acted);
            match self.add(&environment, &release, &[entry], false) {
                Ok(record) => said.extend(record.map(|record| told(&environment, &record))),
                Err(why) => tracing::debug!(%release, why, "a colleague was refused"),
            }
        }
        said
    }
}

impl Colleague {
    fn entry(&self, body: Body, at: Timestamp) -> Entry {
        Entry { at, actor: self.who.clone(), voucher: Voucher::Cluster, console: format!("{}-laptop:4711", self.who), body }
    }
}

fn told(environment: &EnvironmentName, record: &Record) -> Event {
    Event::Record { environment: environment.clone(), record: Box::new(record.clone()) }
}
