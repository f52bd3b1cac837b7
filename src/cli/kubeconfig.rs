//! What the kubeconfig says of contexts, and nothing else of it: it holds credentials.

use std::io::ErrorKind;

use kube::config::{Kubeconfig, KubeconfigError};

use super::Failure;

/// The contexts of the kubeconfig.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    pub names: Vec<String>,
    pub current: Option<String>,
    /// The namespace of each context, where it has one; in the order of `names`.
    namespaces: Vec<Option<String>>,
}

impl Contexts {
    /// Reads the kubeconfig as kubectl finds it. None where there is none.
    ///
    /// # Errors
    ///
    /// There is one, and it cannot be read. Its text is never quoted.
    pub(super) fn read() -> Result<Option<Self>, Failure> {
        match Kubeconfig::read() {
            Ok(kubeconfig) => Ok(Some(Self::from(kubeconfig))),
            Err(KubeconfigError::FindPath) => Ok(None),
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(KubeconfigError::ReadConfig(error, path)) => {
                Err(Failure::Usage(format!("the kubeconfig {} cannot be read: {error}", path.display())))
            }
            // The parser's own words may show the line, and the line a token.
            Err(_) => Err(Failure::Usage("the kubeconfig is no valid YAML; `kubectl config view` says where".into())),
        }
    }

    /// Returns the namespace that a context means.
    pub(super) fn namespace(&self, context: &str) -> String {
        let at = self.names.iter().position(|name| name == context);
        at.and_then(|at| self.namespaces.get(at)?.clone()).unwrap_or_else(|| "default".into())
    }
}

impl From<Kubeconfig> for Contexts {
    fn from(kubeconfig: Kubeconfig) -> Self {
        let namespaces = kubeconfig.contexts.iter().map(|named| named.context.as_ref()?.namespace.clone()).collect();
        let names: Vec<String> = kubeconfig.contexts.into_iter().map(|named| named.name).collect();
        // An empty word, or one that names no context, is none.
        let current = kubeconfig.current_context.filter(|current| names.contains(current));
        Self { names, current, namespaces }
    }
}
