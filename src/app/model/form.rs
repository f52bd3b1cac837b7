//! What the form of a release asks, in which order, what it proposes, and what its answers come to.
//!
//! Every field is kept whatever the kind is, so that nothing typed is lost when the kind changes; only those that matter are
//! shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui_input::Input;

use super::Model;
use super::dialog::{Field, FieldKey, Form};
use crate::domain::id::{Actor, EnvironmentName, ServiceName};
use crate::domain::release::{Brief, Kind, Release};
use crate::domain::rollout::Strategy;
use crate::domain::spoken;

/// The fields between the version of the service one came from and those of the others.
const ORDER: [FieldKey; 11] = [
    FieldKey::Kind,
    FieldKey::Criterion,
    FieldKey::Title,
    FieldKey::Ticket,
    FieldKey::Class,
    FieldKey::Audience,
    FieldKey::Duration,
    FieldKey::Downtime,
    FieldKey::Cutover,
    FieldKey::Contingency,
    FieldKey::Notes,
];

/// The longest tag that an image may have, by the distribution specification.
const TAG: usize = 128;

impl FieldKey {
    /// Returns what stands before the field.
    pub fn label(&self) -> String {
        match self {
            Self::Version(service) => format!("{service} version"),
            Self::Kind => "Kind".into(),
            Self::Title => "Title".into(),
            Self::Ticket => "Change ticket".into(),
            Self::Class => "Class of change".into(),
            Self::Criterion => "Criterion".into(),
            Self::Notes => "Notes".into(),
            Self::Audience => "Audience".into(),
            Self::Duration => "Takes about".into(),
            Self::Downtime => "Downtime".into(),
            Self::Cutover => "Cutover".into(),
            Self::Contingency => "If it goes wrong".into(),
        }
    }

    /// Returns what is said of an empty field.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Version(_) => "not of this release",
            Self::Kind => "",
            Self::Title => "what it brings, in a few words",
            Self::Ticket => "CHG-4711, or an address",
            Self::Class => "none",
            Self::Criterion => "why it cannot wait",
            Self::Notes => "what else whoever approves should know",
            Self::Audience => "who notices: users, admins, customers",
            Self::Duration => "as 40m, or 1h 30m",
            Self::Downtime => "none, or as 5m",
            Self::Cutover => "when the users go over: 22:30, 2026-01-02 22:30",
            Self::Contingency => "what is done then, and by whom",
        }
    }
}

impl Field {
    fn new(key: FieldKey, value: &str) -> Self {
        Self { key, input: Input::new(value.to_owned()), choices: Vec::new(), error: None }
    }

    /// Returns whether it is one of its choices and nothing else.
    pub fn closed(&self) -> bool {
        !matches!(self.key, FieldKey::Version(_)) && !self.choices.is_empty()
    }

    /// Returns where its value is from, where it is one of the choices: `runs in staging`.
    pub fn from(&self) -> Option<&str> {
        self.choices.iter().find(|(value, _)| value == self.input.value()).map(|(_, from)| from.as_str())
    }

    /// Takes the next choice, or the one before; beyond the last is the first.
    pub fn turn(&mut self, back: bool) {
        let count = self.choices.len();
        if count == 0 {
            return;
        }
        let at = self.choices.iter().position(|(value, _)| value == self.input.value());
        let next = match (at, back) {
            (None, false) => 0,
            (None, true) => count - 1,
            (Some(at), false) => (at + 1) % count,
            (Some(at), true) => (at + count - 1) % count,
        };
        if let Some((value, _)) = self.choices.get(next) {
            self.input = Input::new(value.clone());
        }
        self.error = None;
    }
}

impl Form {
    /// Returns the form of a new release of a service, with the versions that it could be promoted to.
    pub fn of(model: &Model, service: &ServiceName, environment: &EnvironmentName) -> Self {
        let mut form = Self::blank(model, service, environment);
        // What runs in the environment before is what one most likely brings.
        let runs = running(model, service, environment);
        if let Some(field) = form.fields.first_mut()
            && let Some((proposed, _)) = field.choices.iter().find(|(version, _)| Some(version.as_str()) != runs.as_deref())
        {
            field.input = Input::new(proposed.clone());
        }
        form
    }

    /// Returns the form of a draft.
    pub fn changing(model: &Model, release: &Release) -> Option<Self> {
        let brief = &release.brief;
        let (service, _) = brief.versions.first()?;
        let mut form = Self::blank(model, service, &brief.environment);
        form.release = Some(release.id.clone());
        let zone = zone(model, &brief.environment);
        for field in &mut form.fields {
            let text = match &field.key {
                FieldKey::Version(service) => brief.version(service).unwrap_or_default().to_owned(),
                FieldKey::Kind => brief.kind.word().to_owned(),
                FieldKey::Title => brief.title.clone(),
                FieldKey::Ticket => brief.ticket.clone().unwrap_or_default(),
                FieldKey::Class => brief.class.clone().unwrap_or_default(),
                FieldKey::Criterion => brief.criterion.clone().unwrap_or_default(),
                FieldKey::Notes => brief.notes.clone(),
                FieldKey::Audience => brief.audience.clone(),
                FieldKey::Duration => brief.duration.map(spoken::said).unwrap_or_default(),
                FieldKey::Downtime => brief.downtime.map(spoken::said).unwrap_or_default(),
                FieldKey::Cutover => {
                    brief.cutover.map_or_else(String::new, |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
                }
                FieldKey::Contingency => brief.contingency.clone(),
            };
            field.input = Input::new(text);
        }
        Some(form)
    }

    fn blank(model: &Model, service: &ServiceName, environment: &EnvironmentName) -> Self {
        let version = |service: &ServiceName| Field {
            choices: proposals(model, service, environment),
            ..Field::new(FieldKey::Version(service.clone()), "")
        };
        let policy = model.policy(environment);
        let mut fields = vec![version(service)];
        for key in ORDER {
            let listed = |values: &[String]| values.iter().map(|value| (value.clone(), String::new())).collect::<Vec<_>>();
            let (value, choices) = match (&key, policy) {
                (FieldKey::Kind, _) => {
                    (Kind::default().word(), Kind::ALL.map(|kind| (kind.word().to_owned(), process(kind).to_owned())).to_vec())
                }
                (FieldKey::Class, Some(policy)) if !policy.classes.is_empty() => {
                    ("", std::iter::once((String::new(), String::new())).chain(listed(&policy.classes)).collect())
                }
                // A class that no rule names changes nothing.
                (FieldKey::Class, _) => continue,
                (FieldKey::Criterion, Some(policy)) => ("", listed(&policy.criteria)),
                _ => ("", Vec::new()),
            };
            fields.push(Field { choices, ..Field::new(key, value) });
        }
        let others = model.plan.services.iter().filter(|other| other.name != *service);
        let others = others.filter(|other| model.plan.cell(&other.name, environment).next().is_some());
        fields.extend(others.map(|other| version(&other.name)));
        Self { environment: environment.clone(), release: None, fields, cursor: 0, top: 0 }
    }

    /// Returns the kind that is chosen.
    pub fn kind(&self) -> Kind {
        let value = self.value(&FieldKey::Kind);
        Kind::ALL.into_iter().find(|kind| kind.word() == value).unwrap_or_default()
    }

    /// Returns what stands in a field, without the blanks around it.
    pub fn value(&self, key: &FieldKey) -> &str {
        self.fields.iter().find(|field| field.key == *key).map_or("", |field| field.input.value().trim())
    }

    /// Returns the fields that matter for the kind, by their index.
    pub fn shown(&self) -> Vec<usize> {
        let kind = self.kind();
        let matters = |key: &FieldKey| match key {
            FieldKey::Criterion => kind == Kind::Emergency,
            // Nobody plans an emergency's evening.
            FieldKey::Audience | FieldKey::Duration | FieldKey::Cutover => kind != Kind::Emergency,
            _ => true,
        };
        self.fields.iter().enumerate().filter(|(_, field)| matters(&field.key)).map(|(at, _)| at).collect()
    }

    /// Returns the cursor's place among the fields that are shown.
    pub fn place(&self) -> usize {
        let shown = self.shown();
        shown.iter().position(|at| *at >= self.cursor).unwrap_or(shown.len().saturating_sub(1))
    }

    /// Moves by so many shown fields.
    pub fn step(&mut self, by: isize) {
        let shown = self.shown();
        let to = self.place().saturating_add_signed(by).min(shown.len().saturating_sub(1));
        self.cursor = shown.get(to).copied().unwrap_or(0);
    }

    /// Returns the field under the cursor.
    pub fn field(&mut self) -> Option<&mut Field> {
        let at = self.shown().get(self.place()).copied()?;
        self.fields.get_mut(at)
    }

    /// Returns the brief that the answers come to. `author`: whose release it is.
    ///
    /// # Errors
    ///
    /// What is wrong, each at its field's index.
    pub fn brief(&self, model: &Model, author: &Actor) -> Result<Brief, Vec<(usize, String)>> {
        let mut wrong: Vec<(usize, String)> = Vec::new();
        let shown = self.shown();
        let zone = zone(model, &self.environment);
        let at = |key: &FieldKey| self.fields.iter().position(|field| field.key == *key).unwrap_or(0);
        let asked = |key: FieldKey| if shown.contains(&at(&key)) { self.value(&key).to_owned() } else { String::new() };
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let mut read = |key: FieldKey, result: Result<(), String>| {
            if let Err(why) = result {
                wrong.push((at(&key), why));
            }
        };
        let mut versions: Vec<(ServiceName, String)> = Vec::new();
        for field in &self.fields {
            let FieldKey::Version(service) = &field.key else { continue };
            let text = field.input.value().trim();
            if !text.is_empty() {
                read(field.key.clone(), version(text));
                versions.push((service.clone(), text.to_owned()));
            }
        }
        if versions.is_empty()
            && let Some(first) = self.fields.first()
        {
            read(first.key.clone(), Err("a release has a version of at least one service".into()));
        }
        // In the plan's order, whichever one came from.
        let order = |name: &ServiceName| model.plan.services.iter().position(|service| service.name == *name);
        versions.sort_by_key(|(service, _)| order(service));
        let mut length = |key: FieldKey| {
            let text = asked(key.clone());
            let length = some(text).map(|text| spoken::length(&text)).transpose();
            read(key, length.clone().map(drop));
            length.ok().flatten()
        };
        let (duration, downtime) = (length(FieldKey::Duration), length(FieldKey::Downtime));
        let cutover = some(asked(FieldKey::Cutover)).map(|text| spoken::moment(&text, model.now, &zone)).transpose();
        read(FieldKey::Cutover, cutover.clone().map(drop));
        let criterion = some(asked(FieldKey::Criterion));
        if self.kind() == Kind::Emergency && criterion.is_none() {
            read(FieldKey::Criterion, Err("an emergency names its criterion".into()));
        }
        if !wrong.is_empty() {
            wrong.sort_by_key(|(at, _)| *at);
            return Err(wrong);
        }
        let named: Vec<String> = versions.iter().map(|(service, version)| format!("{service} {version}")).collect();
        let strategies = strategies(model, &versions, &self.environment);
        Ok(Brief {
            environment: self.environment.clone(),
            kind: self.kind(),
            title: some(asked(FieldKey::Title)).unwrap_or_else(|| format!("{} to {}", named.join(", "), self.environment)),
            author: author.clone(),
            ticket: some(asked(FieldKey::Ticket)),
            notes: asked(FieldKey::Notes),
            audience: asked(FieldKey::Audience),
            duration,
            downtime,
            cutover: cutover.ok().flatten(),
            contingency: asked(FieldKey::Contingency),
            class: some(asked(FieldKey::Class)),
            criterion,
            strategies,
            versions,
        })
    }
}

/// Returns what stands beside a kind while it is chosen.
fn process(kind: Kind) -> &'static str {
    match kind {
        Kind::Standard => "begins by a key, once the gate is open",
        Kind::Scheduled => "begins by itself at a set time, while a console is open on it",
        Kind::Emergency => "expedited: names its criterion, and has an hour",
    }
}

/// Returns the zone that times are typed in: that of the windows, else the console's.
fn zone(model: &Model, environment: &EnvironmentName) -> TimeZone {
    let calendar = model.policy(environment).map(|policy| &policy.calendar);
    let of_windows = calendar.and_then(|calendar| calendar.zone.clone().or_else(|| Some(calendar.windows.first()?.opens.zone().clone())));
    of_windows.unwrap_or_else(|| model.zone.clone())
}

fn version(text: &str) -> Result<(), String> {
    let first = text.chars().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_');
    let rest = text.chars().all(|one| one.is_ascii_alphanumeric() || "_.-".contains(one));
    match () {
        () if text.len() > TAG => Err(format!("a tag has at most {TAG} characters")),
        () if first && rest => Ok(()),
        () => Err("a version as 2.2.0: letters, digits, dots, dashes".into()),
    }
}

/// Returns what runs of a service in an environment.
fn running(model: &Model, service: &ServiceName, environment: &EnvironmentName) -> Option<String> {
    let workload = model.plan.cell(service, environment).next()?;
    model.rollout(&workload.id)?.versions().0.map(str::to_owned)
}

/// Returns the versions that run in the environments before, the nearest first.
fn proposals(model: &Model, service: &ServiceName, environment: &EnvironmentName) -> Vec<(String, String)> {
    let environments = &model.plan.environments;
    let here = environments.iter().position(|one| one.name == *environment).unwrap_or(0);
    let mut proposals: Vec<(String, String)> = Vec::new();
    for before in environments.iter().take(here).rev() {
        if let Some(version) = running(model, service, &before.name)
            && proposals.iter().all(|(known, _)| *known != version)
        {
            proposals.push((version, format!("runs in {}", before.name)));
        }
    }
    proposals
}

/// Returns the strategies by which the services are rolled out there.
fn strategies(model: &Model, versions: &[(ServiceName, String)], environment: &EnvironmentName) -> Vec<String> {
    let mut strategies: Vec<String> = Vec::new();
    for (service, _) in versions {
        for workload in model.plan.cell(service, environment) {
            let word = match model.rollout(&workload.id).map(|rollout| &rollout.strategy) {
                Some(Strategy::Canary) => "canary",
                Some(Strategy::BlueGreen) => "blue-green",
                Some(Strategy::Rolling { .. }) => "rolling",
                Some(Strategy::Recreate) => "recreate",
                Some(Strategy::OnDelete) | None => continue,
            };
            if !strategies.iter().any(|known| known == word) {
                strategies.push(word.to_owned());
            }
        }
    }
    strategies
}

/// Returns the name of a release that is made now: unique over all consoles by the time and by what made it.
pub fn name(now: Timestamp, service: &ServiceName, console: &str) -> crate::domain::id::ReleaseId {
    // FNV-1a, so that two consoles in the same minute part.
    let seed = console.bytes().chain(now.as_nanosecond().to_le_bytes());
    let hash = seed.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let service: String =
        service.as_str().chars().map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' }).take(40).collect();
    format!("{}-{service}-{:04x}", now.strftime("%Y%m%d-%H%M"), hash >> 16).as_str().into()
}
