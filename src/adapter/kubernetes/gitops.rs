//! What Argo CD and Flux are set to do with what they own, read now and then with the operator's own rights (api-semantics 8.6):
//! whether a change made by hand stays is in their objects and in no trace on ours.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::Value;

use super::change::{Reply, call};
use super::client::CALL;
use super::objects::custom::{text, truth};
use crate::domain::object::Owner;

/// Somebody may suspend an owner for a release at any time; once a minute costs one small request each.
const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Where Argo CD keeps its Applications unless a trace says otherwise.
const ARGO_CD: &str = "argocd";

/// An owner's own object: kind, namespace (empty where the trace does not name it), name.
pub type Key = (String, String, String);

/// What an owner is set to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Application {
        automated: bool,
        self_heal: bool,
    },
    Kustomization {
        suspended: bool,
        interval: String,
    },
    HelmRelease {
        suspended: bool,
        interval: String,
        /// Flux's word: `enabled`, `warn`; empty where it looks for none.
        drift: String,
    },
    /// It could not be read, and why.
    Unknown(String),
}

/// Returns by what an owner's state is kept.
pub fn key(owner: &Owner) -> Key {
    (owner.kind.clone(), owner.namespace.clone(), owner.name.clone())
}

/// When the owners were last read.
#[derive(Debug, Default)]
pub struct Reading(Option<Timestamp>);

impl Reading {
    /// Returns whom to read now: each owner once, and nobody before it is time again.
    pub fn due<'a>(&mut self, now: Timestamp, owners: impl Iterator<Item = &'a Owner>) -> Vec<Key> {
        if self.0.is_some_and(|last| now.duration_since(last) < EVERY) {
            return Vec::new();
        }
        let known = |owner: &&Owner| matches!(owner.kind.as_str(), "Application" | "Kustomization" | "HelmRelease");
        let keys: HashSet<Key> = owners.filter(known).map(key).collect();
        if !keys.is_empty() {
            self.0 = Some(now);
        }
        keys.into_iter().collect()
    }
}

/// Reads what these owners are set to do.
pub async fn read(client: &Client, keys: Vec<Key>) -> HashMap<Key, State> {
    let mut states = HashMap::with_capacity(keys.len());
    for key in keys {
        let state = one(client, &key).await;
        states.insert(key, state);
    }
    states
}

async fn one(client: &Client, (kind, namespace, name): &Key) -> State {
    let found = match kind.as_str() {
        "Application" => application(client, namespace, name).await,
        "Kustomization" => get(client, &format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{namespace}/kustomizations/{name}")).await,
        _ => get(client, &format!("/apis/helm.toolkit.fluxcd.io/v2/namespaces/{namespace}/helmreleases/{name}")).await,
    };
    match found {
        Ok(object) => set(kind, &object),
        Err(why) => State::Unknown(format!("{kind} {name} {why}")),
    }
}

/// An Application of which only the name is known is looked for where Argo CD keeps them, then everywhere.
async fn application(client: &Client, namespace: &str, name: &str) -> Result<Value, String> {
    let home = if namespace.is_empty() { ARGO_CD } else { namespace };
    let there = get(client, &format!("/apis/argoproj.io/v1alpha1/namespaces/{home}/applications/{name}")).await;
    if there.is_ok() || !namespace.is_empty() {
        return there;
    }
    let everywhere = get(client, &format!("/apis/argoproj.io/v1alpha1/applications?fieldSelector=metadata.name%3D{name}")).await;
    match everywhere {
        Ok(list) => list.pointer("/items/0").cloned().ok_or_else(|| "is not there".to_owned()),
        // The first answer is the nearer one.
        Err(_) => there,
    }
}

async fn get(client: &Client, path: &str) -> Result<Value, String> {
    match call(client, "GET", path, None, CALL).await {
        Ok(reply) if reply.accepted() => Ok(reply.body),
        Ok(Reply { status: 403, .. }) => Err("may not be read by you".into()),
        Ok(Reply { status: 404, .. }) => Err("is not there".into()),
        Ok(reply) => Err(format!("could not be read ({})", reply.status)),
        Err(_) => Err("could not be read".into()),
    }
}

fn set(kind: &str, object: &Value) -> State {
    let interval = text(object, "/spec/interval").to_owned();
    let suspended = truth(object, "/spec/suspend");
    match kind {
        "Application" => {
            let automated = object.pointer("/spec/syncPolicy/automated").filter(|automated| automated.is_object());
            // Since 3.x it can be switched off and kept.
            let on = automated.is_some_and(|automated| automated.get("enabled").and_then(Value::as_bool) != Some(false));
            State::Application { automated: on, self_heal: on && automated.is_some_and(|automated| truth(automated, "/selfHeal")) }
        }
        "Kustomization" => State::Kustomization { suspended, interval },
        _ => State::HelmRelease { suspended, interval, drift: text(object, "/spec/driftDetection/mode").to_owned() },
    }
}
