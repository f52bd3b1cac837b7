//! What a person orders of a lock: read afresh, shown to the letter, and sent with the version that it was read at, so that
//! of two who want it one gets 409 and learns who was first.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::{Locks, lease, version};
use crate::adapter::clock;
use crate::adapter::kubernetes::change::{FIELD_MANAGER, Kind, Lost, call};
use crate::domain::change::{Answer, ChangeError, DiffLine, Expect, Preview, Request, Sign};
use crate::domain::driver::{Drive, Holder, Seat, Standing, driven};
use crate::domain::id::RolloutId;
use crate::domain::object::{ObjectRef, Part};
use crate::domain::verb::{Order, Refusal};

/// How long one request about a lock may take. Half of what lies between a holder's deadline and the end of its lease.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// How often a write that meets another one is made anew.
pub(super) const TRIES: u32 = 3;

impl Locks {
    /// Reads the Lease of a seat from the server itself, and takes in what it says. None: there is none yet.
    ///
    /// # Errors
    ///
    /// No answer, or one that is no Lease. That it may not be read is no error: then the lock is unavailable.
    pub(super) async fn look(&self, seat: &Seat, limit: Duration) -> Result<Option<Value>, ChangeError> {
        let (client, namespace) = self.way(seat)?;
        let path = Kind::Lease.path(&namespace, &lease::name(seat));
        let reply = call(&client, "GET", &path, None, limit).await.map_err(Lost::harmless)?;
        match reply.status {
            404 => {
                self.turn(seat, |post, now| post.lock.read(None, now));
                Ok(None)
            }
            403 => {
                self.turn(seat, |post, _| post.lock.blind(format!("no right to get leases in {namespace}")));
                Ok(None)
            }
            _ if reply.accepted() => {
                self.turn(seat, |post, now| post.lock.read(Some(lease::sheet(&reply.body)), now));
                Ok(Some(reply.body))
            }
            status => Err(ChangeError::Rejected { status, message: reply.message() }),
        }
    }

    pub(super) fn way(&self, seat: &Seat) -> Result<(kube::Client, String), ChangeError> {
        let (scope, namespace) = self
            .with(seat, |post, _| (post.scope.clone(), post.namespace.clone()))
            .ok_or_else(|| ChangeError::NotSent("there is no lock here".to_owned()))?;
        let (client, _) = self.client(&scope).ok_or_else(|| ChangeError::NotSent(format!("{scope} does not answer")))?;
        Ok((client, namespace))
    }

    /// Puts what a forward verb needs of the lock before its own requests: it is taken first where it is free.
    ///
    /// # Errors
    ///
    /// Somebody else drives, or no answer came.
    pub async fn preface(&self, seat: &Seat) -> Result<Option<Preface>, ChangeError> {
        if self.standing(seat).is_none() {
            return Ok(None);
        }
        let read = self.look(seat, LIMIT).await?;
        match self.standing(seat).unwrap_or_default() {
            Standing::Mine { .. } => Ok(None),
            Standing::Theirs { holder, since, .. } => Err(driven(&holder, since).into()),
            Standing::Unavailable { why } => Ok(Some(Preface::Warning(format!("not locked: {why}")))),
            Standing::Unknown | Standing::Free { .. } | Standing::Expired { .. } | Standing::Lapsed { .. } => {
                let request = self.request(seat, read.as_ref(), &Drive::Take, clock::now())?;
                match self.rehearse(seat, &request).await? {
                    None => Ok(Some(Preface::Request(Box::new(request), format!("You become the driver of {seat}")))),
                    Some(why) => Ok(Some(Preface::Warning(format!("not locked: {why}")))),
                }
            }
        }
    }

    /// Returns what an order about the lock comes to.
    ///
    /// # Errors
    ///
    /// The lock does not stand so that it could be done, or the server would not.
    pub async fn preview(&self, rollout: &RolloutId, act: &Drive) -> Result<Preview, ChangeError> {
        let seat = Seat::of(rollout);
        let read = self.look(&seat, LIMIT).await?;
        let standing = self.standing(&seat).unwrap_or_default();
        act.fits(&standing)?;
        let now = clock::now();
        let request = self.request(&seat, read.as_ref(), act, now)?;
        if let Some(why) = self.rehearse(&seat, &request).await? {
            return Err(ChangeError::NotSent(why));
        }
        let of = |lease: &Value| Holder::parse(&lease::sheet(lease).record.holder);
        let before = read.as_ref().map(of).filter(|holder| !holder.name.is_empty());
        let after: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let after = Some(of(&after)).filter(|holder| !holder.name.is_empty());
        let line = |sign, holder: &Holder| DiffLine { sign, text: format!("holder  {holder}") };
        let mut diff = vec![DiffLine { sign: Sign::Object, text: request.object.to_string() }];
        diff.extend(before.as_ref().map(|holder| line(Sign::Removed, holder)));
        diff.extend(after.as_ref().map(|holder| line(Sign::Added, holder)));
        Ok(Preview {
            rollout: rollout.clone(),
            order: Order::Drive { act: act.clone() },
            requests: vec![request],
            diff,
            from: None,
            to: None,
            leads_to: act.leads_to(&seat, before.as_ref()),
            warnings: Vec::new(),
            expect: Expect::Driver { held: act.takes() },
            read_at: now,
            rehearsed: true,
        })
    }

    /// Drafts the request of an act on the Lease as it was read.
    fn request(&self, seat: &Seat, read: Option<&Value>, act: &Drive, now: Timestamp) -> Result<Request, ChangeError> {
        let found = self.with(seat, |post, _| (post.lock.me().to_owned(), post.namespace.clone()));
        let (Some((me, namespace)), Some(terms)) = (found, self.0.as_ref().map(|inner| inner.driving.terms)) else {
            return Err(ChangeError::NotSent("there is no lock here".to_owned()));
        };
        let held = |holder: &str, reason| {
            let hold = lease::Hold { seat, namespace: &namespace, holder, duration: terms.duration, reason };
            lease::held(read, &hold, now)
        };
        let gone = || ChangeError::from(Refusal::Absent);
        let body = match act {
            Drive::Take => held(&me, None),
            Drive::TakeOver { reason } => held(&me, Some(reason)),
            Drive::HandOver { to } => held(&to.identity(), None),
            Drive::Release => lease::released(read.ok_or_else(gone)?, now),
        };
        let (name, manager) = (lease::name(seat), format!("?fieldManager={FIELD_MANAGER}"));
        let (method, path) = match read {
            Some(_) => ("PUT", Kind::Lease.path(&namespace, &name)),
            None => ("POST", Kind::Lease.collection(&namespace)),
        };
        let text = |pointer: &str| read.and_then(|lease| lease.pointer(pointer)).and_then(Value::as_str).unwrap_or_default();
        Ok(Request {
            purpose: act.purpose(seat),
            method: method.into(),
            path: format!("{path}{manager}"),
            content_type: "application/json".into(),
            body: body.to_string(),
            object: ObjectRef {
                part: Part::Lock,
                kind: Kind::Lease.word().into(),
                namespace,
                name,
                uid: text("/metadata/uid").into(),
                version: read.map_or_else(|| "new".to_owned(), version),
            },
            then: None,
        })
    }

    /// Plays a request through on the server. Returns why locks cannot be written here, where they cannot.
    async fn rehearse(&self, seat: &Seat, request: &Request) -> Result<Option<String>, ChangeError> {
        let (client, namespace) = self.way(seat)?;
        let path = format!("{}&dryRun=All", request.path);
        let reply =
            call(&client, &request.method, &path, Some((&request.content_type, &request.body)), LIMIT).await.map_err(Lost::harmless)?;
        match reply.status {
            _ if reply.accepted() => {
                self.turn(seat, |post, _| post.lock.bar(None));
                Ok(None)
            }
            403 => {
                let right = if request.method == "POST" { "create" } else { "update" };
                let why = format!("no right to {right} leases in {namespace}");
                self.turn(seat, |post, _| post.lock.bar(Some(why.clone())));
                Ok(Some(why))
            }
            409 => Err(self.moved(seat).await),
            status => Err(ChangeError::Rejected { status, message: reply.message() }),
        }
    }

    /// Sends a request about the lock as it is shown, once.
    ///
    /// # Errors
    ///
    /// Somebody was faster, by name; the server's words; or no answer.
    pub(super) async fn send(&self, seat: &Seat, request: &Request) -> Result<Answer, ChangeError> {
        let (client, _) = self.way(seat)?;
        let Some(sent) = self.moment() else { return Err(ChangeError::NotSent("there is no lock here".to_owned())) };
        let began = Instant::now();
        let mut body = request.body.clone();
        for _ in 0..TRIES {
            let reply =
                call(&client, &request.method, &request.path, Some((&request.content_type, &body)), LIMIT).await.map_err(Lost::of_write)?;
            match reply.status {
                _ if reply.accepted() => {
                    self.turn(seat, |post, _| post.lock.accepted(lease::sheet(&reply.body), sent));
                    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    return Ok(Answer { status: reply.status, version: version(&reply.body), took_ms });
                }
                // A renewal moves the version every few seconds and nothing that was shown.
                409 => match self.look(seat, LIMIT).await?.and_then(|fresh| lease::renewed_since(&body, &fresh, self.named(seat))) {
                    Some(again) => body = again.to_string(),
                    None => return Err(self.moved(seat).await),
                },
                // It was deleted since it was read.
                404 => return Err(self.moved(seat).await),
                status => return Err(ChangeError::Rejected { status, message: reply.message() }),
            }
        }
        Err(self.moved(seat).await)
    }

    /// Says what a lost race was lost to.
    async fn moved(&self, seat: &Seat) -> ChangeError {
        if let Err(error) = self.look(seat, LIMIT).await {
            return error;
        }
        match self.standing(seat).unwrap_or_default() {
            Standing::Theirs { holder, since, .. } => driven(&holder, since).into(),
            _ => ChangeError::Moved { what: vec![format!("the lock of {seat}")], by: None, at: None },
        }
    }
}

/// What stands before a forward verb's own requests.
#[derive(Debug)]
pub enum Preface {
    /// Sent first, and what it leads to.
    Request(Box<Request>, String),
    Warning(String),
}

impl Preface {
    /// Puts it into the preview.
    pub fn lead(self, preview: &mut Preview) {
        match self {
            Self::Request(request, leads_to) => {
                preview.requests.insert(0, *request);
                preview.leads_to.insert(0, leads_to);
            }
            Self::Warning(why) => preview.warnings.push(why),
        }
    }
}
