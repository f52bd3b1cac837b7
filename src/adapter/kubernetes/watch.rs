//! One watch: a kind in a namespace, over kube-runtime's watcher, which lists, resumes, and lists again after 410.
//!
//! A watch per kind and namespace and not per object: kube speaks HTTP/1, so each is a connection of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, api::ListParams};
use tokio::sync::mpsc;

use super::client::EndpointsForm;
use super::error::{self, Error};
use super::gitops;
use super::objects::custom::Custom;
use super::objects::{self, Lean, Served};
use super::record::{self, Change, Kind, Names, Record, Reported, Update};
use super::usage::Sample;
use crate::adapter::clock;

/// Pods of a page: at 500 a page of pods is about 2 MB, and is what decoding holds at once.
///
/// The lists are quorum reads (`MostRecent`). Reading from the server's cache (`Any`) would be faster on the server, but it
/// ignores the page size and sends 10,000 pods as one body of 40 MB, and it may show an older state than was on screen.
const PAGE: u32 = 500;

/// What comes from the tasks of a scope.
#[derive(Debug)]
pub enum Signal {
    Change {
        /// Which start of the watches it belongs to.
        epoch: u64,
        namespace: Arc<str>,
        change: Box<Change>,
        at: Timestamp,
    },
    Trouble {
        epoch: u64,
        namespace: Arc<str>,
        kind: Kind,
        trouble: Trouble,
    },
    Probe {
        result: Result<(), Error>,
        /// When the next one is due.
        next: Duration,
    },
    Reported {
        namespace: Arc<str>,
        reported: Box<Reported>,
    },
    Usage {
        namespace: Arc<str>,
        samples: Vec<Sample>,
    },
    /// What owners of the objects are set to do.
    Owners(HashMap<gitops::Key, gitops::State>),
    /// Something that cannot be had, as a sentence.
    Missing(String),
    /// Whom the server takes us for.
    Identity(String),
}

/// How a watch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 401.
    Unknown,
    /// 403, twice: a server that has just started refuses everyone for a moment.
    Forbidden,
    /// 404.
    NotServed,
    /// Anything else; the watch goes on trying.
    Lost,
}

/// Where the signals of one watch go.
#[derive(Clone)]
pub struct Outlet {
    pub epoch: u64,
    pub namespace: Arc<str>,
    pub out: mpsc::Sender<Signal>,
}

/// Returns how a kind is addressed, the newest version first.
pub fn served(kind: Kind, form: EndpointsForm) -> Vec<Served> {
    let one = |group, version, kind, plural| vec![Served { group, version, kind, plural }];
    let either = |group, kind, plural| ["v1", "v1beta1"].map(|version| Served { group, version, kind, plural }).to_vec();
    match kind {
        Kind::Deployment => one("apps", "v1", "Deployment", "deployments"),
        Kind::ReplicaSet => one("apps", "v1", "ReplicaSet", "replicasets"),
        Kind::StatefulSet => one("apps", "v1", "StatefulSet", "statefulsets"),
        Kind::DaemonSet => one("apps", "v1", "DaemonSet", "daemonsets"),
        Kind::ControllerRevision => one("apps", "v1", "ControllerRevision", "controllerrevisions"),
        Kind::Pod => one("", "v1", "Pod", "pods"),
        Kind::Service => one("", "v1", "Service", "services"),
        Kind::Endpoints => match form {
            EndpointsForm::Slices(version) => one("discovery.k8s.io", version, "EndpointSlice", "endpointslices"),
            EndpointsForm::Endpoints => one("", "v1", "Endpoints", "endpoints"),
        },
        // v1 has all that is shown and is served by every version.
        Kind::Autoscaler => one("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        // v1 since 1.21.
        Kind::Budget => either("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
        Kind::Rollout => one("argoproj.io", "v1alpha1", "Rollout", "rollouts"),
        Kind::AnalysisRun => one("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns"),
        Kind::Experiment => one("argoproj.io", "v1alpha1", "Experiment", "experiments"),
        Kind::Canary => one("flagger.app", "v1beta1", "Canary", "canaries"),
        Kind::Route => either("gateway.networking.k8s.io", "HTTPRoute", "httproutes"),
    }
}

/// Watches a kind until it is told to stop, or it is certain that it may not. Of several versions the first is watched that
/// is served.
pub async fn kind(client: Client, kind: Kind, form: EndpointsForm, outlet: Outlet) {
    let versions = served(kind, form);
    let last = versions.len().saturating_sub(1);
    for (at, served) in versions.into_iter().enumerate() {
        let api: Api<Lean<Custom>> = Api::namespaced_with(client.clone(), &outlet.namespace, &served);
        let absent =
            at < last && matches!(api.list(&ListParams::default().limit(1)).await, Err(kube::Error::Api(status)) if status.code == 404);
        if !absent {
            return version(client, kind, served, outlet).await;
        }
    }
}

async fn version(client: Client, kind: Kind, served: Served, outlet: Outlet) {
    match kind {
        Kind::Deployment => follow::<objects::Deployment>(client, kind, served, outlet).await,
        Kind::ReplicaSet => follow::<record::ReplicaSet>(client, kind, served, outlet).await,
        Kind::StatefulSet => follow::<record::StatefulSet>(client, kind, served, outlet).await,
        Kind::DaemonSet => follow::<record::DaemonSet>(client, kind, served, outlet).await,
        Kind::ControllerRevision => follow::<record::ControllerRevision>(client, kind, served, outlet).await,
        Kind::Pod => follow::<record::Pod>(client, kind, served, outlet).await,
        Kind::Service => follow::<objects::Service>(client, kind, served, outlet).await,
        Kind::Endpoints if served.plural == "endpoints" => follow::<record::Older>(client, kind, served, outlet).await,
        Kind::Endpoints => follow::<record::Slice>(client, kind, served, outlet).await,
        Kind::Autoscaler => follow::<objects::HorizontalPodAutoscaler>(client, kind, served, outlet).await,
        Kind::Budget | Kind::Rollout | Kind::AnalysisRun | Kind::Experiment | Kind::Canary | Kind::Route => {
            let change = move |update| Change::Custom(kind, update);
            follow_as::<Custom, Custom>(client, kind, served, outlet, |raw, _| Some(raw), change).await;
        }
    }
}

async fn follow<R: Record>(client: Client, kind: Kind, served: Served, outlet: Outlet) {
    follow_as::<R::Raw, R>(client, kind, served, outlet, R::read, R::change).await;
}

async fn follow_as<Raw: objects::Decode, R: Send>(
    client: Client,
    kind: Kind,
    served: Served,
    outlet: Outlet,
    read: impl Fn(Raw, &mut Names) -> Option<R> + Send,
    change: impl Fn(Update<R>) -> Change + Send,
) {
    let api: Api<Lean<Raw>> = Api::namespaced_with(client, &outlet.namespace, &served);
    let mut stream = std::pin::pin!(watcher(api, watcher::Config::default().page_size(PAGE)).default_backoff());
    let mut names = Names::default();
    let mut listing = Vec::new();
    let mut refusals = 0;
    while let Some(event) = stream.next().await {
        let update = match event {
            Ok(watcher::Event::Init) => {
                listing = Vec::new();
                continue;
            }
            Ok(watcher::Event::InitApply(lean)) => {
                listing.extend(read(lean.object, &mut names));
                continue;
            }
            Ok(watcher::Event::InitDone) => {
                refusals = 0;
                listing.shrink_to_fit();
                Update::Listed(std::mem::take(&mut listing))
            }
            Ok(watcher::Event::Apply(lean)) => match read(lean.object, &mut names) {
                Some(record) => Update::Applied(record),
                None => continue,
            },
            Ok(watcher::Event::Delete(lean)) => match read(lean.object, &mut names) {
                Some(record) => Update::Deleted(record),
                None => continue,
            },
            Err(error) => {
                let trouble = match error::code(&error) {
                    Some(401) => Trouble::Unknown,
                    Some(403) => Trouble::Forbidden,
                    Some(404) => Trouble::NotServed,
                    // The watcher lists again by itself.
                    Some(410) => continue,
                    _ => Trouble::Lost,
                };
                tracing::debug!(namespace = %outlet.namespace, kind = kind.plural(), code = error::code(&error), ?trouble, "watch failed");
                if trouble == Trouble::Forbidden {
                    refusals += 1;
                    if refusals < 2 {
                        continue;
                    }
                }
                let signal = Signal::Trouble { epoch: outlet.epoch, namespace: outlet.namespace.clone(), kind, trouble };
                if outlet.out.send(signal).await.is_err() || matches!(trouble, Trouble::Forbidden | Trouble::NotServed | Trouble::Unknown) {
                    return;
                }
                continue;
            }
        };
        let signal =
            Signal::Change { epoch: outlet.epoch, namespace: outlet.namespace.clone(), change: Box::new(change(update)), at: clock::now() };
        if outlet.out.send(signal).await.is_err() {
            return;
        }
    }
}
