//! The rollouts of an environment as they are at this moment: the lists that the watches begin with, taken once, through the
//! same store and the same conversions as what is on screen.

use futures::StreamExt;

use super::read::{Blind, Reader};
use crate::adapter::kubernetes::objects::custom::Custom;
use crate::adapter::kubernetes::objects::{self, Served};
use crate::adapter::kubernetes::record::{self, Change, Kind, Names, Record, Update};
use crate::adapter::kubernetes::store::{Store, budgets};
use crate::adapter::kubernetes::watch;
use crate::domain::delivery::Budget;
use crate::domain::id::RolloutId;
use crate::domain::plan::Workload;
use crate::domain::rollout::Rollout;

/// Lists on their way at once.
const AT_ONCE: usize = 4;

/// What was listed, and what could not be.
pub struct Snapshot {
    store: Store,
    blind: Vec<(String, Kind, Blind)>,
}

impl Snapshot {
    /// Lists all that these workloads rest on.
    ///
    /// # Errors
    ///
    /// The cluster did not answer. A kind that may not be read is no error before a rollout rests on it.
    pub async fn take(reader: &Reader, workloads: Vec<Workload>) -> Result<Self, Blind> {
        let mut store = Store::new(workloads);
        let wanted: Vec<(String, Kind)> = store.wanted().map(|(namespace, kind)| (namespace.to_owned(), kind)).collect();
        let lists = wanted.into_iter().map(|(namespace, kind)| async move {
            let listed = list(reader, &namespace, kind).await;
            (namespace, kind, listed)
        });
        let mut lists = std::pin::pin!(futures::stream::iter(lists).buffer_unordered(AT_ONCE));
        let mut blind = Vec::new();
        while let Some((namespace, kind, listed)) = lists.next().await {
            match listed {
                Ok(change) => store.apply(&namespace, change),
                Err(why @ (Blind::NoRight(_) | Blind::NotServed(_))) => {
                    store.bar(&namespace, kind);
                    blind.push((namespace, kind, why));
                }
                Err(why) => return Err(why),
            }
        }
        Ok(Self { store, blind })
    }

    /// Returns a rollout; `Err` names what may not be read of it.
    pub fn rollout(&self, id: &RolloutId) -> Result<Rollout, Blind> {
        let index = self.index(id)?;
        let namespace = self.store.workloads().get(index).map_or("", |workload| workload.namespace.as_str());
        self.store.build(index).ok_or_else(|| {
            let missing = self.blind.iter().find(|(of, kind, _)| of == namespace && kind.required());
            missing.map_or_else(|| Blind::Lost("it could not be read".into()), |(_, _, why)| why.clone())
        })
    }

    /// Returns the selectors of a rollout's pods.
    pub fn selectors(&self, id: &RolloutId) -> Result<Vec<String>, Blind> {
        Ok(self.store.selectors(self.index(id)?))
    }

    fn index(&self, id: &RolloutId) -> Result<usize, Blind> {
        let found = self.store.workloads().iter().position(|workload| workload.id == *id);
        found.ok_or_else(|| Blind::Lost(format!("{id} is not in the plan")))
    }
}

/// Returns the budgets over a rollout. They are listed apart: the watches of some targets go without them.
pub async fn budgets_over(reader: &Reader, namespace: &str, rollout: &Rollout) -> Result<Vec<Budget>, Blind> {
    match list(reader, namespace, Kind::Budget).await? {
        Change::Custom(_, Update::Listed(all)) => Ok(budgets(all.iter(), rollout)),
        _ => Ok(Vec::new()),
    }
}

/// Lists a kind in the first of its versions that is served.
async fn list(reader: &Reader, namespace: &str, kind: Kind) -> Result<Change, Blind> {
    let mut absent = Blind::NotServed(kind.plural().into());
    for served in watch::served(kind, reader.form) {
        match list_as(reader, namespace, kind, served).await {
            Err(why @ Blind::NotServed(_)) => absent = why,
            listed => return listed,
        }
    }
    Err(absent)
}

async fn list_as(reader: &Reader, namespace: &str, kind: Kind, served: Served) -> Result<Change, Blind> {
    let at = At { reader, namespace, served };
    match kind {
        Kind::Deployment => at.all::<objects::Deployment>().await,
        Kind::ReplicaSet => at.all::<record::ReplicaSet>().await,
        Kind::StatefulSet => at.all::<record::StatefulSet>().await,
        Kind::DaemonSet => at.all::<record::DaemonSet>().await,
        Kind::ControllerRevision => at.all::<record::ControllerRevision>().await,
        Kind::Pod => at.all::<record::Pod>().await,
        Kind::Service => at.all::<objects::Service>().await,
        Kind::Endpoints if served.plural == "endpoints" => at.all::<record::Older>().await,
        Kind::Endpoints => at.all::<record::Slice>().await,
        Kind::Autoscaler => at.all::<objects::HorizontalPodAutoscaler>().await,
        Kind::Budget | Kind::Rollout | Kind::AnalysisRun | Kind::Experiment | Kind::Canary | Kind::Route => {
            Ok(Change::Custom(kind, Update::Listed(at.raw::<Custom>().await?)))
        }
    }
}

/// A kind in a namespace.
struct At<'a> {
    reader: &'a Reader,
    namespace: &'a str,
    served: Served,
}

impl At<'_> {
    async fn all<R: Record>(&self) -> Result<Change, Blind> {
        let mut names = Names::default();
        let raw = self.raw::<R::Raw>().await?;
        Ok(R::change(Update::Listed(raw.into_iter().filter_map(|raw| R::read(raw, &mut names)).collect())))
    }

    async fn raw<T: serde::de::DeserializeOwned>(&self) -> Result<Vec<T>, Blind> {
        let Served { group, version, plural, .. } = self.served;
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let namespace = self.namespace;
        self.reader.list(&format!("{root}/namespaces/{namespace}/{plural}"), &format!("list {plural} in {namespace}")).await
    }
}
