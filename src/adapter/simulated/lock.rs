//! The driver's locks of the simulated cluster: records as the real Leases are, other consoles that drive, hand over when
//! they are asked, or die, and this console's own keeper.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::pace::later;
use super::world::Managed;
use crate::domain::change::{Answer, ChangeError, DiffLine, Expect, Preview, Request, Sign};
use crate::domain::driver::{Drive, Holder, Lock, Moment, Notes, Record, Seat, Sheet, Standing, Terms};
use crate::domain::id::RolloutId;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::verb::{Order, Refusal};
use crate::port::engine::Telling;

/// Whom the simulated cluster takes the operator for, and where.
const ME: &str = "demo@this-console:1#0";

/// How long another driver thinks before handing over.
const THINKS: SignedDuration = SignedDuration::from_secs(4);

/// Somebody else at a console of their own.
#[derive(Clone, Debug)]
struct Other {
    identity: String,
    alive: bool,
    /// When they will have handed over to whoever asks.
    yields: Option<Timestamp>,
}

/// One lock: the record as the server has it, and what this console knows of it.
#[derive(Clone, Debug)]
struct Post {
    namespace: String,
    sheet: Option<Sheet>,
    version: u64,
    lock: Lock,
    other: Option<Other>,
    told: Option<Standing>,
}

/// All locks.
#[derive(Clone, Debug)]
pub struct Locks {
    posts: BTreeMap<Seat, Post>,
    begun: Timestamp,
    terms: Terms,
}

impl Locks {
    /// Returns the free locks of these services.
    pub fn new(services: &[Managed], begun: Timestamp) -> Self {
        let terms = Terms::default();
        let mut posts = BTreeMap::new();
        for managed in services {
            let namespace = managed.workload.namespace.clone();
            let post = || Post { namespace, sheet: None, version: 0, lock: Lock::new(ME, terms), other: None, told: None };
            posts.entry(Seat::of(&managed.workload.id)).or_insert_with(post);
        }
        Self { posts, begun, terms }
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment { steady: now.duration_since(self.begun), wall: now }
    }

    /// Goes on to a time; without a link only time is felt. Returns what stands otherwise than it was told.
    pub fn tick(&mut self, linked: bool, now: Timestamp) -> Vec<(Seat, Standing)> {
        let moment = self.moment(now);
        let mut news = Vec::new();
        for (seat, post) in &mut self.posts {
            post.others(self.terms, now);
            if linked {
                post.lock.hear(post.sheet.clone(), moment);
                if post.lock.renewal_due(moment)
                    && let Some(mut sheet) = post.sheet.clone()
                {
                    sheet.record.renewed = Some(now);
                    sheet.record.duration = self.terms.duration;
                    post.store(sheet.clone());
                    post.lock.accepted(sheet, moment);
                }
            }
            let standing = post.lock.standing(moment);
            if post.told.as_ref() != Some(&standing) {
                post.told = Some(standing.clone());
                news.push((seat.clone(), standing));
            }
        }
        news
    }

    /// Somebody else takes the lock: a free one, or with a reason anyone's.
    pub fn seize(&mut self, rollout: &RolloutId, by: &str, reason: Option<&str>, now: Timestamp) {
        let terms = self.terms;
        let Some(post) = self.posts.get_mut(&Seat::of(rollout)) else { return };
        let held = post.sheet.as_ref().is_some_and(|sheet| !sheet.record.holder.is_empty());
        if held && reason.is_none() {
            return;
        }
        let identity = Holder { name: by.into(), console: format!("{by}-laptop:4711"), tag: "1".into() }.identity();
        let sheet = post.held(&identity, reason, terms, now);
        post.store(sheet);
        post.other = Some(Other { identity, alive: true, yields: None });
    }

    /// Whoever else drives is gone without letting go: a console that was killed.
    pub fn vanish(&mut self, rollout: &RolloutId) {
        if let Some(other) = self.posts.get_mut(&Seat::of(rollout)).and_then(|post| post.other.as_mut()) {
            other.alive = false;
        }
    }

    /// Takes what this console says to whoever drives.
    pub fn tell(&mut self, seat: &Seat, telling: &Telling) {
        let Some(post) = self.posts.get_mut(seat) else { return };
        let Some(mut sheet) = post.sheet.clone().filter(|sheet| !sheet.record.holder.is_empty()) else { return };
        match telling {
            Telling::Ask => sheet.notes.asked = Some(ME.into()),
            Telling::Did(what) => sheet.notes.told = Some(what.clone()),
        }
        post.store(sheet);
    }

    /// Returns whether a request that needs the lock may be written now.
    ///
    /// # Errors
    ///
    /// Who drives instead.
    pub fn may_act(&self, rollout: &RolloutId, now: Timestamp) -> Result<(), Refusal> {
        let moment = self.moment(now);
        self.posts.get(&Seat::of(rollout)).map_or(Ok(()), |post| post.lock.may_act(moment))
    }

    /// Puts the request that takes a free lock before those of a forward verb.
    ///
    /// # Errors
    ///
    /// Somebody else drives.
    pub fn preface(&mut self, mut preview: Box<Preview>, now: Timestamp) -> Result<Box<Preview>, ChangeError> {
        let (seat, moment, terms) = (Seat::of(&preview.rollout), self.moment(now), self.terms);
        let Some(post) = self.posts.get_mut(&seat) else { return Ok(preview) };
        post.lock.read(post.sheet.clone(), moment);
        let standing = post.lock.standing(moment);
        standing.open(now)?;
        if standing.free() {
            preview.requests.insert(0, post.request(&seat, &Drive::Take, terms, now));
            preview.leads_to.insert(0, format!("You become the driver of {seat}"));
        }
        Ok(preview)
    }

    /// Returns what an order about the lock comes to.
    ///
    /// # Errors
    ///
    /// The lock does not stand so.
    pub fn preview(&mut self, rollout: &RolloutId, act: &Drive, now: Timestamp) -> Result<Box<Preview>, ChangeError> {
        let (seat, moment, terms) = (Seat::of(rollout), self.moment(now), self.terms);
        let post = self.posts.get_mut(&seat).ok_or(Refusal::Absent)?;
        post.lock.read(post.sheet.clone(), moment);
        act.fits(&post.lock.standing(moment))?;
        let request = post.request(&seat, act, terms, now);
        let line = |sign, identity: &str| DiffLine { sign, text: format!("holder  {}", Holder::parse(identity)) };
        let mut diff = vec![DiffLine { sign: Sign::Object, text: request.object.to_string() }];
        let former = post.sheet.as_ref().map(|sheet| sheet.record.holder.clone()).filter(|holder| !holder.is_empty());
        diff.extend(former.as_deref().map(|holder| line(Sign::Removed, holder)));
        let after = post.after(act, terms, now).record.holder;
        diff.extend(Some(after).filter(|holder| !holder.is_empty()).map(|holder| line(Sign::Added, &holder)));
        Ok(Box::new(Preview {
            rollout: rollout.clone(),
            order: Order::Drive { act: act.clone() },
            requests: vec![request],
            diff,
            from: None,
            to: None,
            leads_to: act.leads_to(&seat, former.as_deref().map(Holder::parse).as_ref()),
            warnings: Vec::new(),
            expect: Expect::Driver { held: act.takes() },
            read_at: now,
            rehearsed: true,
        }))
    }

    /// Writes a request about a lock, guarded by the version that it was read at.
    ///
    /// # Errors
    ///
    /// Somebody was faster, by name.
    pub fn write(&mut self, rollout: &RolloutId, request: &Request, now: Timestamp) -> Result<Answer, ChangeError> {
        let moment = self.moment(now);
        let post = self.posts.get_mut(&Seat::of(rollout)).ok_or(Refusal::Absent)?;
        let body: Value =
            serde_json::from_str(&request.body).map_err(|error| ChangeError::Rejected { status: 400, message: error.to_string() })?;
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        let transitions = body.pointer("/spec/leaseTransitions").and_then(Value::as_i64).unwrap_or(0);
        // A renewal moves the version and nothing that was shown: where the lock is ours to give, or is taken over for a reason.
        let given = post.lock.named() || text("/metadata/annotations/rolldeck.dev~1reason").is_some();
        let renewed = given && post.sheet.as_ref().is_some_and(|sheet| sheet.record.transitions + 1 == transitions);
        if !renewed && request.object.version != format!("version {}", post.version) {
            post.lock.read(post.sheet.clone(), moment);
            post.lock.standing(moment).open(now)?;
            return Err(ChangeError::Moved { what: vec![format!("the lock of {}", Seat::of(rollout))], by: None, at: Some(now) });
        }
        let sheet = Sheet {
            uid: "simulated".into(),
            record: Record {
                holder: text("/spec/holderIdentity").unwrap_or_default(),
                duration: self.terms.duration,
                acquired: Some(now),
                renewed: Some(now),
                transitions,
            },
            notes: Notes {
                reason: text("/metadata/annotations/rolldeck.dev~1reason"),
                former: text("/metadata/annotations/rolldeck.dev~1former-driver"),
                ..Notes::default()
            },
        };
        post.store(sheet.clone());
        post.lock.accepted(sheet, moment);
        Ok(Answer { status: 200, version: format!("version {}", post.version), took_ms: 0 })
    }
}

impl Post {
    fn store(&mut self, sheet: Sheet) {
        if self.sheet.as_ref() != Some(&sheet) {
            self.version += 1;
            self.sheet = Some(sheet);
        }
    }

    /// What the others do at their consoles.
    fn others(&mut self, terms: Terms, now: Timestamp) {
        let (Some(other), Some(sheet)) = (&mut self.other, &self.sheet) else { return };
        if !other.alive || sheet.record.holder != other.identity {
            return;
        }
        let asker = sheet.notes.asked.clone();
        if asker.is_some() && other.yields.is_none() {
            other.yields = Some(later(now, THINKS));
        }
        let yields = other.yields.is_some_and(|at| now >= at);
        if let Some(asker) = asker.filter(|_| yields) {
            let sheet = self.held(&asker, None, terms, now);
            self.store(sheet);
        } else if sheet.record.renewed.is_none_or(|at| now.duration_since(at) >= terms.period()) {
            let mut sheet = sheet.clone();
            sheet.record.renewed = Some(now);
            self.store(sheet);
        }
    }

    /// The sheet with another holder.
    fn held(&self, holder: &str, reason: Option<&str>, terms: Terms, now: Timestamp) -> Sheet {
        let former = self.sheet.as_ref().map(|sheet| sheet.record.holder.clone()).filter(|former| !former.is_empty());
        Sheet {
            uid: "simulated".into(),
            record: Record {
                holder: holder.into(),
                duration: terms.duration,
                acquired: Some(now),
                renewed: Some(now),
                transitions: self.sheet.as_ref().map_or(0, |sheet| sheet.record.transitions + 1),
            },
            notes: Notes { reason: reason.map(Into::into), former, ..Notes::default() },
        }
    }

    fn after(&self, act: &Drive, terms: Terms, now: Timestamp) -> Sheet {
        match act {
            Drive::Take => self.held(ME, None, terms, now),
            Drive::TakeOver { reason } => self.held(ME, Some(reason), terms, now),
            Drive::HandOver { to } => self.held(&to.identity(), None, terms, now),
            Drive::Release => self.held("", None, terms, now),
        }
    }

    fn request(&self, seat: &Seat, act: &Drive, terms: Terms, now: Timestamp) -> Request {
        let sheet = self.after(act, terms, now);
        let name = format!("rolldeck-{}-{}", seat.environment, seat.service);
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let mut annotations = json!({"rolldeck.dev/environment": seat.environment, "rolldeck.dev/service": seat.service});
        if let Some(map) = annotations.as_object_mut() {
            map.extend(sheet.notes.reason.map(|reason| ("rolldeck.dev/reason".to_owned(), json!(reason))));
            map.extend(sheet.notes.former.map(|former| ("rolldeck.dev/former-driver".to_owned(), json!(former))));
        }
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": name, "resourceVersion": self.version.to_string(), "annotations": annotations},
            "spec": {
                "holderIdentity": sheet.record.holder, "leaseDurationSeconds": terms.duration.as_secs(),
                "acquireTime": time, "renewTime": time, "leaseTransitions": sheet.record.transitions,
            },
        });
        Request {
            purpose: act.purpose(seat),
            method: "PUT".into(),
            path: format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}", self.namespace),
            content_type: "application/json".into(),
            body: body.to_string(),
            object: ObjectRef {
                part: Part::Lock,
                kind: "Lease".into(),
                namespace: self.namespace.clone(),
                name,
                uid: "simulated".into(),
                version: format!("version {}", self.version),
            },
            then: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::simulated::scenario::Scenario;
    use crate::adapter::simulated::{World, plan};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    /// The locks of a scenario, and the seat that its other driver has.
    fn locks() -> (Locks, RolloutId) {
        let scenario = Scenario::load("quiet").unwrap();
        let workloads: Vec<_> = plan("quiet").unwrap().workloads().cloned().collect();
        let world = World::new(&scenario, &scenario.fleet().unwrap(), workloads, 1, 1.0, at(0));
        let id = world.services[0].workload.id.clone();
        (Locks::new(&world.services, at(0)), id)
    }

    /// Ticks to a second and returns how the lock stands then.
    fn standing(locks: &mut Locks, id: &RolloutId, from: i64, to: i64, linked: bool) -> Standing {
        for second in from..=to {
            locks.tick(linked, at(second));
        }
        let moment = locks.moment(at(to));
        locks.posts[&Seat::of(id)].lock.standing(moment)
    }

    fn order(locks: &mut Locks, id: &RolloutId, act: &Drive, now: i64) -> Result<(), ChangeError> {
        let preview = locks.preview(id, act, at(now))?;
        locks.write(id, &preview.requests[0], at(now)).map(drop)
    }

    #[test]
    fn another_driver_hands_over_when_asked_and_this_console_renews_from_then_on() {
        let (mut locks, id) = locks();
        locks.seize(&id, "ana", None, at(0));
        assert!(matches!(standing(&mut locks, &id, 0, 60, true), Standing::Theirs { holder, .. } if holder.name == "ana"));
        assert!(matches!(order(&mut locks, &id, &Drive::Take, 60), Err(ChangeError::Refused(Refusal::DrivenBy { .. }))));
        locks.tell(&Seat::of(&id), &Telling::Ask);
        assert!(matches!(standing(&mut locks, &id, 61, 63, true), Standing::Theirs { .. }), "she thinks");
        assert!(matches!(standing(&mut locks, &id, 64, 120, true), Standing::Mine { .. }));
        assert_eq!(locks.may_act(&id, at(120)), Ok(()));
    }

    #[test]
    fn a_driver_who_vanishes_is_free_after_the_duration_and_who_loses_the_link_stops_before_it() {
        let (mut locks, id) = locks();
        locks.seize(&id, "bea", None, at(0));
        standing(&mut locks, &id, 0, 5, true);
        locks.vanish(&id);
        assert!(matches!(standing(&mut locks, &id, 6, 29, true), Standing::Theirs { free: Some(_), .. }));
        assert!(matches!(standing(&mut locks, &id, 30, 31, true), Standing::Expired { .. }));
        order(&mut locks, &id, &Drive::Take, 31).unwrap();
        assert!(matches!(standing(&mut locks, &id, 31, 50, true), Standing::Mine { .. }));
        assert!(matches!(standing(&mut locks, &id, 51, 75, false), Standing::Lapsed { .. }));
        assert!(locks.may_act(&id, at(75)).is_err());
        assert!(matches!(standing(&mut locks, &id, 76, 77, true), Standing::Mine { .. }), "nobody took it meanwhile");
    }

    #[test]
    fn who_takes_over_leaves_the_reason_and_a_request_on_an_older_version_changes_nothing() {
        let (mut locks, id) = locks();
        let stale = locks.preview(&id, &Drive::Take, at(0)).unwrap();
        locks.seize(&id, "bea", None, at(1));
        let lost = locks.write(&id, &stale.requests[0], at(2)).unwrap_err();
        assert!(matches!(&lost, ChangeError::Refused(Refusal::DrivenBy { holder, .. }) if holder == "bea"), "{lost:?}");
        order(&mut locks, &id, &Drive::TakeOver { reason: "bea sleeps".into() }, 3).unwrap();
        assert_eq!(locks.may_act(&id, at(3)), Ok(()));
        locks.seize(&id, "bea", Some("i am awake"), at(4));
        let standing = standing(&mut locks, &id, 4, 5, true);
        assert!(matches!(&standing, Standing::Theirs { reason: Some(reason), .. } if reason == "i am awake"), "{standing:?}");
        assert!(order(&mut locks, &id, &Drive::Release, 6).is_err());
    }
}
