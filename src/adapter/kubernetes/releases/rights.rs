//! What the operator may do with the records of a namespace, asked beforehand.

use std::collections::BTreeSet;

use kube::Client;

use crate::adapter::kubernetes::change::Kind;
use crate::adapter::kubernetes::error::Error;
use crate::adapter::kubernetes::{access, client};

const READING: [&str; 3] = ["get", "list", "watch"];
const WRITING: [&str; 2] = ["create", "update"];

/// What is missing; nothing where all is allowed, or could not be learnt: then the server has the last word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Why the records cannot be read.
    pub reading: Option<String>,
    /// Why they cannot be written.
    pub writing: Option<String>,
}

/// Asks the server.
pub async fn ask(client: &Client, namespace: &str) -> Rights {
    if let Ok(false) = client::has_namespace(client, namespace).await {
        return Rights { reading: Some(Error::NoNamespace(namespace.to_owned()).to_string()), writing: None };
    }
    let verbs: Vec<&'static str> = READING.into_iter().chain(WRITING).collect();
    let denied = access::denied(client, Kind::ConfigMap, namespace, &verbs).await;
    Rights { reading: first(&READING, &denied, namespace), writing: first(&WRITING, &denied, namespace) }
}

fn first(verbs: &[&str], denied: &BTreeSet<&'static str>, namespace: &str) -> Option<String> {
    let missing: Vec<&str> = verbs.iter().copied().filter(|verb| denied.contains(verb)).collect();
    (!missing.is_empty()).then(|| refusal(&missing.join(" or "), namespace))
}

/// Returns the sentence for a missing right.
pub fn refusal(verb: &str, namespace: &str) -> String {
    format!("you may not {verb} configmaps in {namespace}")
}
