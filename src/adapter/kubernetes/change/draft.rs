//! A change before its rehearsal: what each verb makes, and what all verbs are given.

use jiff::Timestamp;
use serde_json::Value;

use super::fresh::Fresh;
use super::moved;
use super::patch::Patch;
use super::wire::Kind;
use crate::domain::change::{ChangeError, Expect, Request};
use crate::domain::object::Part;
use crate::domain::plan::Workload;
use crate::domain::rollout::Rollout;
use crate::domain::verb::Order;

/// What a verb decides on. The rollout is the screen's belief; the objects are read afresh.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub workload: &'a Workload,
    pub rollout: &'a Rollout,
    pub order: &'a Order,
    pub now: Timestamp,
}

impl Scene<'_> {
    /// Reads an object and makes sure that it is the one on the screen.
    pub async fn read(&self, client: &kube::Client, kind: Kind, part: Part, name: &str) -> Result<Fresh, ChangeError> {
        let fresh = Fresh::read(client, kind, part, &self.workload.namespace, name).await?;
        moved::same_object(self.rollout, &fresh)?;
        Ok(fresh)
    }

    /// Returns whether an autoscaler writes the replicas, and with them the generation, at any time.
    pub fn autoscaled(&self) -> bool {
        self.rollout.autoscaler.is_some()
    }
}

/// What to show as the difference that a request makes.
#[derive(Clone, Debug)]
pub enum Before {
    /// The object as it was read; the rehearsal returns it as it would be.
    Object(Value),
    /// The same, of a request that writes these places of the status.
    Status(Value),
    /// The request takes the object away.
    Deleted,
    /// The request only tests.
    Unchanged,
    /// It goes through the API server to a program in the cluster, which knows no rehearsal: it would do it.
    Outside,
    /// The request rests on one before it: what is rehearsed in its place is the same without the tests of what that one
    /// writes. None where there is nothing to rehearse yet.
    Rests { before: Value, rehearsal: Option<Box<Request>> },
}

/// One request of a draft.
#[derive(Clone, Debug)]
pub struct Step {
    pub request: Request,
    pub before: Before,
    /// The change makes sense without this one: where the right is missing, this sentence takes its place.
    pub spare: Option<String>,
    /// What is sent in its place where the server does not serve the status by itself (404): the CRD's authors decide.
    pub instead: Option<Request>,
}

/// A change as a verb makes it.
#[derive(Clone, Debug)]
pub struct Draft {
    pub steps: Vec<Step>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub leads_to: Vec<String>,
    pub warnings: Vec<String>,
    pub expect: Expect,
}

impl Draft {
    /// Begins a draft with what it is meant to lead to.
    pub fn toward(expect: Expect) -> Self {
        Self { steps: Vec::new(), from: None, to: None, leads_to: Vec::new(), warnings: Vec::new(), expect }
    }

    /// Adds a request that changes this object.
    pub fn change(mut self, request: Request, before: &Fresh) -> Self {
        self.steps.push(Step { request, before: Before::Object(before.value.clone()), spare: None, instead: None });
        self
    }

    /// Adds a request that changes the status of this object.
    pub fn status(mut self, purpose: &str, patch: Patch, of: &Fresh) -> Self {
        let instead = Some(patch.clone().request(purpose, of));
        let request = patch.request_status(purpose, of);
        self.steps.push(Step { request, before: Before::Status(of.value.clone()), spare: None, instead });
        self
    }

    /// Adds a request that rests on one before it.
    pub fn rests(self, request: Request, before: Value, rehearsal: Option<Request>) -> Self {
        self.step(Step { request, before: Before::Rests { before, rehearsal: rehearsal.map(Box::new) }, spare: None, instead: None })
    }

    /// Adds a request with another kind of difference.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub fn between(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        (self.from, self.to) = (Some(from.into()), Some(to.into()));
        self
    }

    pub fn leads(mut self, sentence: impl Into<String>) -> Self {
        self.leads_to.push(sentence.into());
        self
    }

    pub fn warns(mut self, sentence: impl Into<String>) -> Self {
        self.warnings.push(sentence.into());
        self
    }

    /// Appends another draft's requests and sentences; the expectation stays this one's.
    pub fn and(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        for (mine, others) in [(&mut self.leads_to, other.leads_to), (&mut self.warnings, other.warnings)] {
            for sentence in others {
                if !mine.contains(&sentence) {
                    mine.push(sentence);
                }
            }
        }
        self
    }
}
