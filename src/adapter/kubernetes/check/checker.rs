//! One check after the other: what it reads, from which cluster, and which judge it goes to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::capacity::{self, Cluster};
use super::read::{Blind, Reader};
use super::snapshot::{self, Snapshot};
use super::surge::{self, Surge};
use super::{certificate, digest, job, parts};
use crate::adapter::clock;
use crate::adapter::kubernetes::change::escaped;
use crate::adapter::kubernetes::{Origin, client};
use crate::domain::id::{EnvironmentName, Scope, ServiceName};
use crate::domain::plan::Workload;
use crate::domain::release::Bound;
use crate::domain::release::binding::{self, Seen};
use crate::domain::release::checklist::{Kubernetes, Subject, SubjectService, Task};
use crate::domain::release::finding::{self, Finding};
use crate::domain::rollout::Rollout;

/// Checks that begin together share what they list: a release asks for ten at once, each of which needs the same pods.
const SHARED: Duration = Duration::from_secs(2);

type Shelf = Arc<tokio::sync::Mutex<Option<(Instant, Arc<Snapshot>)>>>;

/// The clusters of a plan, as checks read them.
pub struct Checker {
    plan: Vec<Workload>,
    origin: Box<dyn Fn(&Workload) -> Origin + Send + Sync>,
    readers: Mutex<BTreeMap<Scope, Reader>>,
    snapshots: Mutex<BTreeMap<(Scope, EnvironmentName), Shelf>>,
}

impl Checker {
    pub fn new(plan: Vec<Workload>, origin: Box<dyn Fn(&Workload) -> Origin + Send + Sync>) -> Self {
        Self { plan, origin, readers: Mutex::default(), snapshots: Mutex::default() }
    }

    /// Runs a check. What could not be found out is unknown, with the right or the link that is missing.
    pub async fn judge(&self, task: &Task, subject: &Subject, workloads: &[Workload]) -> Finding {
        let now = clock::now();
        match task {
            Task::Environment { environment, .. } => self.each(task, subject, &self.among(subject, environment), now).await,
            Task::Kubernetes(kubernetes) => match kubernetes {
                Kubernetes::Healthy { .. } | Kubernetes::Rollback | Kubernetes::Disruption => {
                    self.each(task, subject, workloads, now).await
                }
                Kubernetes::Capacity => self.capacity(workloads).await,
                Kubernetes::Quiet => self.quiet(subject).await,
                Kubernetes::ConfigMap { name } => self.there(workloads, "configmaps", name).await,
                Kubernetes::Secret { name } => self.there(workloads, "secrets", name).await,
                Kubernetes::Certificate { secret, days } => {
                    self.object(workloads, "/api/v1", "secrets", secret, |found| certificate::judge(found, secret, *days, now)).await
                }
                Kubernetes::Job { name } => {
                    let versions: Vec<&str> = subject.services.iter().map(|service| service.version.as_str()).collect();
                    self.object(workloads, "/apis/batch/v1", "jobs", name, |found| job::judge(found, name, &versions, now)).await
                }
                Kubernetes::SameDigest { environment } => self.same_digest(subject, environment).await,
            },
            Task::Manual | Task::Command(_) | Task::Http(_) | Task::Prometheus(_) => {
                Finding::unknown(format!("a check by {} is not the cluster's", task.word()))
            }
        }
    }

    /// Judges each workload for itself.
    async fn each(&self, task: &Task, subject: &Subject, workloads: &[Workload], now: Timestamp) -> Finding {
        let mut parts = Vec::with_capacity(workloads.len());
        for workload in workloads {
            let finding = match self.one(task, subject, workload, now).await {
                Ok(finding) => finding,
                Err(why) => self.unknown(&workload.scope(), &why),
            };
            parts.push((label(workload), finding));
        }
        finding::all(parts)
    }

    async fn one(&self, task: &Task, subject: &Subject, workload: &Workload, now: Timestamp) -> Result<Finding, Blind> {
        let version = of(subject, &workload.id.service).map_or("", |service| service.version.as_str());
        let rollout = self.rollout(workload).await?;
        match task {
            Task::Environment { healthy_for, .. } => Ok(finding::settled(&rollout, version, *healthy_for, now)),
            Task::Kubernetes(Kubernetes::Healthy { for_ }) => Ok(finding::healthy(&rollout, *for_, now)),
            Task::Kubernetes(Kubernetes::Rollback) => {
                let objects = parts::of(&self.reader(workload).await?, workload).await?;
                Ok(finding::way_back(&rollout, version, surge::history(&workload.target, &objects)))
            }
            _ => {
                let budgets = snapshot::budgets_over(&self.reader(workload).await?, &workload.namespace, &rollout).await?;
                Ok(finding::disruption(&budgets))
            }
        }
    }

    /// Reads the digests of a release's images from where its versions run.
    pub async fn bind(&self, subject: &Subject, workloads: &[Workload]) -> Vec<Bound> {
        let mut bound = Vec::with_capacity(subject.services.len());
        for service in &subject.services {
            let mut seen = Vec::new();
            let mut blind = None;
            for workload in workloads {
                if workload.id.service != service.service {
                    continue;
                }
                match self.seen(workload, service).await {
                    Ok(found) => seen.extend(found),
                    Err(why) => blind = Some((workload.id.environment.clone(), why)),
                }
            }
            let mut one = binding::bind(service, &seen);
            if let Some((environment, why)) = blind.filter(|_| one.weak()) {
                one.source = format!("{}; {environment} could not be read: {why}", one.source);
            }
            bound.push(one);
        }
        bound
    }

    async fn capacity(&self, workloads: &[Workload]) -> Finding {
        let mut clusters: BTreeMap<Scope, (Reader, Vec<Surge>)> = BTreeMap::new();
        for workload in workloads {
            let surge = match self.surge(workload).await {
                Ok(surge) => surge,
                Err(why) => return Finding::unknown(format!("{}: {why}", label(workload))),
            };
            match clusters.get_mut(&workload.scope()) {
                Some((_, surges)) => surges.push(surge),
                None => match self.reader(workload).await {
                    Ok(reader) => drop(clusters.insert(workload.scope(), (reader, vec![surge]))),
                    Err(why) => return Finding::unknown(why.to_string()),
                },
            }
        }
        let mut parts = Vec::new();
        for (scope, (reader, surges)) in clusters {
            let finding = match Cluster::read(&reader).await {
                Ok(cluster) => capacity::judge(&cluster, &surges),
                Err(why) => self.unknown(&scope, &why),
            };
            parts.push((scope.to_string(), finding));
        }
        finding::all(parts)
    }

    async fn surge(&self, workload: &Workload) -> Result<Surge, String> {
        let read = async {
            let objects = parts::of(&self.reader(workload).await?, workload).await?;
            let rollout = self.rollout(workload).await?;
            Ok::<_, Blind>((objects, rollout))
        };
        let (objects, rollout) = read.await.map_err(|why| self.unknown(&workload.scope(), &why).evidence)?;
        let active = rollout.routing.as_ref().and_then(|routing| routing.active.as_ref());
        let surge = surge::of(&workload.target, &objects, active)?;
        Ok(Surge { name: label(workload), ..surge })
    }

    /// The release's own services are left out: a rollout never fails its own check.
    async fn quiet(&self, subject: &Subject) -> Finding {
        let mut rollouts = Vec::new();
        for workload in &self.plan {
            if workload.id.environment != subject.environment || of(subject, &workload.id.service).is_some() {
                continue;
            }
            match self.rollout(workload).await {
                Ok(rollout) => rollouts.push(rollout),
                Err(why) => return self.unknown(&workload.scope(), &why),
            }
        }
        finding::quiet(&subject.environment, &rollouts)
    }

    async fn same_digest(&self, subject: &Subject, environment: &EnvironmentName) -> Finding {
        let mut parts = Vec::new();
        for service in &subject.services {
            let there = self.seen_in(environment, service).await;
            let here = self.seen_in(&subject.environment, service).await;
            let finding = match (there, here) {
                (Ok(there), Ok(here)) => binding::same(environment, &there, &here, service.digest.as_deref()),
                (Err(unknown), _) | (_, Err(unknown)) => unknown,
            };
            parts.push((service.service.to_string(), finding));
        }
        finding::all(parts)
    }

    async fn seen_in(&self, environment: &EnvironmentName, service: &SubjectService) -> Result<Vec<Seen>, Finding> {
        let mut seen = Vec::new();
        for workload in &self.plan {
            if workload.id.environment == *environment && workload.id.service == service.service {
                seen.extend(self.seen(workload, service).await.map_err(|why| self.unknown(&workload.scope(), &why))?);
            }
        }
        Ok(seen)
    }

    async fn seen(&self, workload: &Workload, service: &SubjectService) -> Result<Vec<Seen>, Blind> {
        let snapshot = self.snapshot(workload).await?;
        digest::seen(&self.reader(workload).await?, &snapshot, workload, service).await
    }

    /// Looks for an object in each namespace of the release's services, without reading what it holds.
    async fn there(&self, workloads: &[Workload], plural: &str, name: &str) -> Finding {
        let kind = if plural == "secrets" { "secret" } else { "config map" };
        let mut parts = Vec::new();
        for workload in namespaces(workloads) {
            let namespace = &workload.namespace;
            let path = format!("/api/v1/namespaces/{}/{plural}/{}", escaped(namespace), escaped(name));
            let asked = async { self.reader(workload).await?.there(&path, &format!("get {plural} in {namespace}")).await };
            let finding = match asked.await {
                Ok(true) => Finding::pass(format!("{kind} {name} is in {namespace}")),
                Ok(false) => Finding::fail(format!("no {kind} {name} in {namespace}")),
                Err(why) => self.unknown(&workload.scope(), &why),
            };
            parts.push((namespace.clone(), finding));
        }
        finding::all(parts)
    }

    /// Judges an object in each namespace of the release's services.
    async fn object<T: serde::de::DeserializeOwned>(
        &self,
        workloads: &[Workload],
        root: &str,
        plural: &str,
        name: &str,
        judge: impl Fn(&T) -> Finding + Send + Sync,
    ) -> Finding {
        let mut parts = Vec::new();
        for workload in namespaces(workloads) {
            let namespace = &workload.namespace;
            let path = format!("{root}/namespaces/{}/{plural}/{}", escaped(namespace), escaped(name));
            let asked = async { self.reader(workload).await?.one::<T>(&path, &format!("get {plural} in {namespace}")).await };
            let finding = match asked.await {
                Ok(Some(found)) => judge(&found),
                Ok(None) => Finding::fail(format!("no {} {name} in {namespace}", plural.trim_end_matches('s'))),
                Err(why) => self.unknown(&workload.scope(), &why),
            };
            parts.push((namespace.clone(), finding));
        }
        finding::all(parts)
    }

    /// Returns the workloads of a release's services in an environment.
    fn among(&self, subject: &Subject, environment: &EnvironmentName) -> Vec<Workload> {
        let there = self.plan.iter().filter(|workload| workload.id.environment == *environment);
        there.filter(|workload| of(subject, &workload.id.service).is_some()).cloned().collect()
    }

    async fn rollout(&self, workload: &Workload) -> Result<Rollout, Blind> {
        self.snapshot(workload).await?.rollout(&workload.id)
    }

    /// Returns what was listed of a workload's environment just now, or lists it.
    async fn snapshot(&self, workload: &Workload) -> Result<Arc<Snapshot>, Blind> {
        let key = (workload.scope(), workload.id.environment.clone());
        let shelf = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone();
        let mut shelf = shelf.lock().await;
        if let Some((_, snapshot)) = shelf.as_ref().filter(|(at, _)| at.elapsed() < SHARED) {
            return Ok(snapshot.clone());
        }
        *shelf = None;
        let reader = self.reader(workload).await?;
        let beside = |other: &&Workload| (other.scope(), &other.id.environment) == (key.0.clone(), &key.1);
        let snapshot = Arc::new(Snapshot::take(&reader, self.plan.iter().filter(beside).cloned().collect()).await?);
        *shelf = Some((Instant::now(), snapshot.clone()));
        Ok(snapshot)
    }

    async fn reader(&self, workload: &Workload) -> Result<Reader, Blind> {
        let scope = workload.scope();
        if let Some(reader) = self.readers.lock().unwrap_or_else(PoisonError::into_inner).get(&scope) {
            return Ok(reader.clone());
        }
        let client = match (self.origin)(workload) {
            Origin::Given(client) => client,
            Origin::Kubeconfig { context, path } => client::connect(context, path).await?.client,
        };
        let reader = Reader::new(client).await?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).insert(scope, reader.clone());
        Ok(reader)
    }

    /// Says why something could not be looked at. Whoever signs in again does so in the kubeconfig: it is read anew then.
    fn unknown(&self, scope: &Scope, why: &Blind) -> Finding {
        if *why == Blind::Stranger {
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
        }
        Finding::unknown(why.to_string())
    }
}

fn of<'a>(subject: &'a Subject, service: &ServiceName) -> Option<&'a SubjectService> {
    subject.services.iter().find(|one| one.service == *service)
}

/// Returns a workload for each namespace that there is among these.
fn namespaces(workloads: &[Workload]) -> Vec<&Workload> {
    let mut first: Vec<&Workload> = Vec::new();
    for workload in workloads {
        if !first.iter().any(|known| (known.scope(), &known.namespace) == (workload.scope(), &workload.namespace)) {
            first.push(workload);
        }
    }
    first
}

fn label(workload: &Workload) -> String {
    let id = &workload.id;
    if id.workload.as_str() == id.service.as_str() { id.service.to_string() } else { format!("{}/{}", id.service, id.workload) }
}
