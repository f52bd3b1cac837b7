//! The driver's lock: who drives a service in an environment, as each console judges it from what it has itself observed.
//!
//! The record lies where every console sees it (a Lease; api-semantics 8.2). Nobody compares its times with a clock of its
//! own. A watcher takes a driver for gone when the record has not moved for its whole duration by the watcher's own steady
//! time; a driver stops acting at two thirds of it, by the faster of its steady and its wall time, for a steady clock stands
//! still while a laptop sleeps. The third between the two is for a request that is still on its way.
//!
//! The lock is advisory: whoever does not know it writes all the same. The guards in every request are what keeps writes right.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{EnvironmentName, RolloutId, ServiceName};
use super::verb::Refusal;

/// A name from outside is cut here: a record may hold anything.
const LONGEST_NAME: usize = 120;

/// What a lock is of: one service in one environment, with all its workloads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seat {
    pub environment: EnvironmentName,
    pub service: ServiceName,
}

impl Seat {
    /// Returns the seat that a rollout is driven from.
    pub fn of(rollout: &RolloutId) -> Self {
        Self { environment: rollout.environment.clone(), service: rollout.service.clone() }
    }
}

impl fmt::Display for Seat {
    /// `backend in production`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.service, self.environment)
    }
}

/// A console that holds the lock or asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person, by the cluster's name for them.
    pub name: String,
    /// `host:pid`; empty where another tool holds the lock.
    pub console: String,
    /// What makes the identity unique: process numbers come back.
    pub tag: String,
}

impl Holder {
    /// Reads an identity. One that no console wrote is a name as a whole.
    pub fn parse(identity: &str) -> Self {
        let clean = |text: &str| text.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        let ours = identity.rsplit_once('#').and_then(|(rest, tag)| rest.rsplit_once('@').map(|(name, console)| (name, console, tag)));
        match ours {
            Some((name, console, tag)) => Self { name: clean(name), console: clean(console), tag: clean(tag) },
            None => Self { name: clean(identity), console: String::new(), tag: String::new() },
        }
    }

    /// Returns the text that stands in the record: `ana@host:4711#5f3a9c`.
    pub fn identity(&self) -> String {
        if self.console.is_empty() { self.name.clone() } else { format!("{}@{}#{}", self.name, self.console, self.tag) }
    }
}

impl fmt::Display for Holder {
    /// `ana (host:4711)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.console.is_empty() { f.write_str(&self.name) } else { write!(f, "{} ({})", self.name, self.console) }
    }
}

/// What a person orders of the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drive {
    /// Of a lock that is free.
    Take,
    /// Of one that somebody holds, for a reason that they read.
    TakeOver {
        reason: String,
    },
    HandOver {
        to: Holder,
    },
    Release,
}

impl Drive {
    /// Returns what it does, as part of a sentence.
    pub fn label(&self) -> String {
        match self {
            Self::Take => "take the lock".into(),
            Self::TakeOver { reason } => format!("take over: {reason}"),
            Self::HandOver { to } => format!("hand over to {}", to.name),
            Self::Release => "release the lock".into(),
        }
    }

    /// Returns the word that stands on the dialog.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Take => "drive",
            Self::TakeOver { .. } => "take over",
            Self::HandOver { .. } => "hand over",
            Self::Release => "let go",
        }
    }

    /// Returns what its request is for, as part of a sentence.
    pub fn purpose(&self, seat: &Seat) -> String {
        match self {
            Self::Take => format!("become the driver of {seat}"),
            Self::TakeOver { .. } => format!("take {seat} over"),
            Self::HandOver { to } => format!("hand {seat} over to {}", to.name),
            Self::Release => format!("let go of {seat}"),
        }
    }

    /// Returns what it leads to, where the lock is this holder's now.
    pub fn leads_to(&self, seat: &Seat, former: Option<&Holder>) -> Vec<String> {
        match (self, former) {
            (Self::Take | Self::TakeOver { .. }, None) | (Self::Take, Some(_)) => vec![format!("You become the driver of {seat}")],
            (Self::TakeOver { reason }, Some(former)) => vec![
                format!("You become the driver of {seat}; {} reads: {reason}", former.name),
                format!("The console of {former} goes read-only at once; what it has sent already is not taken back"),
            ],
            (Self::HandOver { to }, _) => vec![format!("{} becomes the driver of {seat}, and this console watches", to.name)],
            (Self::Release, _) => vec![format!("Nobody drives {seat}: whoever comes first takes it")],
        }
    }

    /// Returns whether the lock stands so that it can be done.
    ///
    /// # Errors
    ///
    /// Who drives, that nobody or this console does already, or that nothing is locked.
    pub fn fits(&self, standing: &Standing) -> Result<(), Refusal> {
        match (self, standing) {
            (_, Standing::Unavailable { why }) => Err(Refusal::Other(format!("not locked: {why}"))),
            (Self::Take, Standing::Theirs { holder, since, .. }) => Err(driven(holder, *since)),
            (Self::Take, Standing::Mine { .. }) => Err(Refusal::Other("you drive it already".into())),
            (Self::HandOver { .. } | Self::Release, Standing::Mine { .. } | Standing::Lapsed { .. }) => Ok(()),
            (Self::HandOver { .. } | Self::Release, _) => Err(Refusal::Other("you do not drive it".into())),
            (Self::Take | Self::TakeOver { .. }, _) => Ok(()),
        }
    }

    /// Returns whether this console holds the lock after it.
    pub fn takes(&self) -> bool {
        matches!(self, Self::Take | Self::TakeOver { .. })
    }
}

/// A time by both clocks of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the process began; never jumps, and may stand still while the machine sleeps.
    pub steady: SignedDuration,
    pub wall: Timestamp,
}

impl Moment {
    /// Returns the time since then by the steady clock: what a watcher may rely on.
    pub fn steadily_since(&self, then: Self) -> SignedDuration {
        self.steady - then.steady
    }

    /// Returns the time since then by whichever clock ran further: what a holder must fear.
    pub fn longest_since(&self, then: Self) -> SignedDuration {
        self.steadily_since(then).max(self.wall.duration_since(then.wall))
    }
}

/// How long a lock is held without a renewal. The record's whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub duration: SignedDuration,
}

impl Default for Terms {
    /// Thirty seconds: of the twenty to the deadline two renewals may fail, and the ten after it are a request's limit.
    fn default() -> Self {
        Self { duration: SignedDuration::from_secs(30) }
    }
}

impl Terms {
    /// Returns how long after the last renewal its holder stops acting.
    pub fn deadline(&self) -> SignedDuration {
        self.duration * 2 / 3
    }

    /// Returns how often it is renewed.
    pub fn period(&self) -> SignedDuration {
        self.duration / 3
    }
}

/// What proves by its moving that the holder lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The holder's identity; empty: nobody.
    pub holder: String,
    pub duration: SignedDuration,
    pub acquired: Option<Timestamp>,
    pub renewed: Option<Timestamp>,
    /// How often the holder changed.
    pub transitions: i64,
}

/// What stands beside the record, for people. Moves without proving anything: who asks must not keep a dead lock alive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Why it was taken over.
    pub reason: Option<String>,
    /// The identity of who asks for it.
    pub asked: Option<String>,
    /// What somebody else did for the way back.
    pub told: Option<String>,
    /// Who held it before.
    pub former: Option<String>,
}

/// The record with its notes, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    pub uid: String,
    pub record: Record,
    pub notes: Notes,
}

/// How a lock stands for this console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was read yet.
    #[default]
    Unknown,
    Free {
        former: Option<Holder>,
        since: Option<Timestamp>,
    },
    Mine {
        since: Timestamp,
        /// This console stops acting then, unless it renews before.
        until: Timestamp,
        /// Who asks for it.
        asked: Option<Holder>,
        /// What somebody else did for the way back.
        told: Option<String>,
    },
    Theirs {
        holder: Holder,
        since: Option<Timestamp>,
        /// Why they took it over.
        reason: Option<String>,
        /// Renewals stay away: it is free then.
        free: Option<Timestamp>,
    },
    /// Its holder was not heard of for the whole duration: free.
    Expired {
        holder: Holder,
    },
    /// The record names this console, but no renewal of its own stands within the deadline: it must not act.
    Lapsed {
        since: Timestamp,
    },
    /// Drives are not locked here.
    Unavailable {
        why: String,
    },
}

impl Standing {
    /// Returns whether whoever takes it takes it from nobody.
    pub fn free(&self) -> bool {
        matches!(self, Self::Free { .. } | Self::Expired { .. })
    }

    /// Returns whether a verb that is no way back may be ordered: the lock is had, can be had, or there is none.
    ///
    /// # Errors
    ///
    /// Who drives instead, or that this console does no longer. `now` is wall time, so that a screen that was told nothing
    /// for a while judges for itself.
    pub fn open(&self, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::Unknown | Self::Free { .. } | Self::Expired { .. } | Self::Unavailable { .. } => Ok(()),
            Self::Mine { until, .. } if now < *until => Ok(()),
            Self::Mine { .. } | Self::Lapsed { .. } => Err(lapsed()),
            Self::Theirs { holder, since, .. } => Err(driven(holder, *since)),
        }
    }
}

fn lapsed() -> Refusal {
    Refusal::Other("the lock could not be renewed in time: you do not drive it now".into())
}

/// Returns the refusal that names who drives.
pub fn driven(holder: &Holder, since: Option<Timestamp>) -> Refusal {
    match since {
        Some(since) => Refusal::DrivenBy { holder: holder.name.clone(), since },
        None => Refusal::Other(format!("{} drives it", holder.name)),
    }
}

/// What one console knows of one lock.
#[derive(Clone, Debug)]
pub struct Lock {
    me: String,
    terms: Terms,
    /// None before the first look.
    seen: Option<Seen>,
    /// When the last renewal of ours that was accepted had been sent; others count from later than that.
    renewed: Option<Moment>,
    /// Why nothing can be read.
    blind: Option<String>,
    /// Why nothing can be written.
    barred: Option<String>,
}

#[derive(Clone, Debug)]
struct Seen {
    sheet: Option<Sheet>,
    /// When this state of the record was first seen.
    first: Moment,
}

impl Lock {
    /// Returns a lock of which nothing is known.
    pub fn new(me: impl Into<String>, terms: Terms) -> Self {
        Self { me: me.into(), terms, seen: None, renewed: None, blind: None, barred: None }
    }

    /// Returns this console's identity.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// Takes another identity, which a lock that is held does not.
    pub fn rename(&mut self, me: &str) {
        if !self.named() {
            me.clone_into(&mut self.me);
        }
    }

    /// Returns the sheet as it was last read.
    pub fn sheet(&self) -> Option<&Sheet> {
        self.seen.as_ref().and_then(|seen| seen.sheet.as_ref())
    }

    /// Returns whether the record names this console.
    pub fn named(&self) -> bool {
        self.sheet().is_some_and(|sheet| same_console(&sheet.record.holder, &self.me))
    }

    /// Takes what a watch tells, which may be behind what was read or written since.
    pub fn hear(&mut self, sheet: Option<Sheet>, now: Moment) {
        let behind = matches!((self.sheet(), &sheet), (Some(known), Some(heard)) if known.uid == heard.uid
            && (heard.record.transitions, heard.record.renewed) < (known.record.transitions, known.record.renewed));
        if !behind {
            self.read(sheet, now);
        }
    }

    /// Takes what was just read from the server itself.
    pub fn read(&mut self, sheet: Option<Sheet>, now: Moment) {
        self.blind = None;
        let same = self.seen.as_ref().is_some_and(|seen| {
            seen.sheet.as_ref().map(|sheet| (&sheet.uid, &sheet.record)) == sheet.as_ref().map(|sheet| (&sheet.uid, &sheet.record))
        });
        let first = self.seen.as_ref().map(|seen| seen.first).filter(|_| same).unwrap_or(now);
        self.seen = Some(Seen { sheet, first });
        if !self.named() {
            self.renewed = None;
        }
    }

    /// Takes the answer to a write of ours that was accepted; `sent` is when it left.
    pub fn accepted(&mut self, sheet: Sheet, sent: Moment) {
        self.barred = None;
        self.read(Some(sheet), sent);
        if self.named() {
            self.renewed = Some(sent);
        }
    }

    /// Notes why locks cannot be read here.
    pub fn blind(&mut self, why: String) {
        self.blind = Some(why);
    }

    /// Notes why locks cannot be written here; none: they can.
    pub fn bar(&mut self, why: Option<String>) {
        self.barred = why;
    }

    /// Returns why a lock cannot be taken here at all.
    pub fn cannot(&self) -> Option<&str> {
        self.blind.as_deref().or(self.barred.as_deref())
    }

    /// Returns how it stands.
    pub fn standing(&self, now: Moment) -> Standing {
        match (self.recorded(now), &self.barred) {
            (Standing::Free { .. } | Standing::Expired { .. } | Standing::Lapsed { .. }, Some(why)) => {
                Standing::Unavailable { why: why.clone() }
            }
            (standing, _) => standing,
        }
    }

    fn recorded(&self, now: Moment) -> Standing {
        if let (Some(why), false) = (&self.blind, self.named()) {
            return Standing::Unavailable { why: why.clone() };
        }
        let Some(seen) = &self.seen else { return Standing::Unknown };
        let held = seen.sheet.as_ref().filter(|sheet| !sheet.record.holder.is_empty());
        let Some(sheet) = held else {
            let former = seen.sheet.as_ref().and_then(|sheet| sheet.notes.former.as_deref()).map(Holder::parse);
            return Standing::Free { former, since: seen.sheet.as_ref().and_then(|sheet| sheet.record.renewed) };
        };
        if self.named() {
            let Some(renewed) = self.renewed else { return Standing::Lapsed { since: seen.first.wall } };
            let until = later(renewed.wall, self.terms.deadline());
            if now.longest_since(renewed) >= self.terms.deadline() {
                return Standing::Lapsed { since: until };
            }
            return Standing::Mine {
                since: sheet.record.acquired.unwrap_or(renewed.wall),
                until,
                asked: sheet.notes.asked.as_deref().filter(|asked| !same_console(asked, &self.me)).map(Holder::parse),
                told: sheet.notes.told.clone(),
            };
        }
        let holder = Holder::parse(&sheet.record.holder);
        let silent = now.steadily_since(seen.first);
        if silent >= sheet.record.duration {
            return Standing::Expired { holder };
        }
        // Half a duration without a renewal: one or two have failed.
        let free = (silent * 2 >= sheet.record.duration).then(|| later(seen.first.wall, sheet.record.duration));
        Standing::Theirs { holder, since: sheet.record.acquired, reason: sheet.notes.reason.clone(), free }
    }

    /// Returns whether a request of a verb that is no way back may leave now.
    ///
    /// # Errors
    ///
    /// Who drives, or that the lock has lapsed. Where there are no locks all may.
    pub fn may_act(&self, now: Moment) -> Result<(), Refusal> {
        match self.standing(now) {
            Standing::Mine { .. } | Standing::Unavailable { .. } => Ok(()),
            Standing::Theirs { holder, since, .. } => Err(driven(&holder, since)),
            Standing::Lapsed { .. } => Err(lapsed()),
            Standing::Unknown | Standing::Free { .. } | Standing::Expired { .. } => {
                Err(Refusal::Other("nobody drives it now: take the lock first".into()))
            }
        }
    }

    /// Returns whether it is to be renewed now: it names this console, and the last renewal is a period old or there is none.
    pub fn renewal_due(&self, now: Moment) -> bool {
        self.named() && self.renewed.is_none_or(|renewed| now.longest_since(renewed) >= self.terms.period())
    }

    /// Returns how long from now its standing may move by time alone; none where only an observation moves it.
    pub fn turns_in(&self, now: Moment) -> Option<SignedDuration> {
        let seen = self.seen.as_ref()?;
        let sheet = seen.sheet.as_ref().filter(|sheet| !sheet.record.holder.is_empty())?;
        let left = |since: SignedDuration, limits: [SignedDuration; 2]| {
            limits.into_iter().map(|limit| limit - since).filter(SignedDuration::is_positive).min()
        };
        if self.named() {
            let since = now.longest_since(self.renewed?);
            left(since, [self.terms.period(), self.terms.deadline()])
        } else {
            left(now.steadily_since(seen.first), [sheet.record.duration / 2, sheet.record.duration])
        }
    }
}

/// Console and tag make an identity; the name before them may be learnt late.
fn same_console(one: &str, other: &str) -> bool {
    let own = |identity: &str| identity.rsplit_once('@').map(|(_, console)| console.to_owned());
    one == other || own(one).is_some_and(|one| one.contains('#') && own(other) == Some(one))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
