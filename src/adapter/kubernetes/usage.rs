//! What the pods of the rollout on screen use: metrics.k8s.io has no watch, so it is polled (api-semantics 7.1).

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::client::CALL;
use super::convert::quantity;
use super::watch::Signal;
use crate::domain::id::InstanceName;
use crate::domain::instance::Usage;

/// metrics-server scrapes at 15 s at the fastest: more often only shows the same numbers.
const EVERY: Duration = Duration::from_secs(15);

/// What one pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub pod: InstanceName,
    pub usage: Usage,
}

#[derive(Deserialize)]
struct List {
    items: Vec<PodMetrics>,
}

#[derive(Deserialize)]
struct PodMetrics {
    metadata: Name,
    containers: Vec<ContainerMetrics>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct ContainerMetrics {
    usage: Amounts,
}

#[derive(Deserialize)]
struct Amounts {
    cpu: String,
    memory: String,
}

impl PodMetrics {
    fn sample(self) -> Sample {
        let usage = self.containers.iter().fold(Usage::default(), |sum, container| Usage {
            cpu_millis: sum.cpu_millis.saturating_add(quantity::cpu_millis(&container.usage.cpu).unwrap_or(0)),
            memory_bytes: sum.memory_bytes.saturating_add(quantity::bytes(&container.usage.memory).unwrap_or(0)),
        });
        Sample { pod: InstanceName::new(self.metadata.name), usage }
    }
}

/// Polls the pods that any of these selectors match. Ends when the API is not there, which is said once.
pub async fn poll(client: Client, namespace: Arc<str>, selectors: Vec<String>, out: mpsc::Sender<Signal>) {
    loop {
        let mut samples = Vec::new();
        for selector in &selectors {
            match read(&client, &namespace, selector).await {
                Ok(list) => samples.extend(list.items.into_iter().map(PodMetrics::sample)),
                Err(Some(why)) => {
                    // The receiver is gone only when the scope ends.
                    let _ = out.send(Signal::Missing(why)).await;
                    return;
                }
                Err(None) => {}
            }
        }
        if !samples.is_empty() && out.send(Signal::Usage { namespace: namespace.clone(), samples }).await.is_err() {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// An error with a sentence is final; one without may pass.
async fn read(client: &Client, namespace: &str, selector: &str) -> Result<List, Option<String>> {
    let selector: String = selector
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods?labelSelector={selector}");
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| Some(error.to_string()))?;
    match tokio::time::timeout(CALL, client.request::<List>(request)).await {
        Ok(Ok(list)) => Ok(list),
        Ok(Err(kube::Error::Api(status))) => match status.code {
            404 => Err(Some("no usage: the cluster has no metrics-server".to_owned())),
            403 => Err(Some(format!("no right to read pod metrics in {namespace}"))),
            _ => Err(None),
        },
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_the_sum_over_containers() {
        let json = serde_json::json!({"items": [{"metadata": {"name": "web-1"}, "containers": [
            {"usage": {"cpu": "12345678n", "memory": "2048Ki"}}, {"usage": {"cpu": "250m", "memory": "1Mi"}}]}]});
        let list: List = serde_json::from_value(json).unwrap();
        let sample = list.items.into_iter().next().unwrap().sample();
        assert_eq!(sample.usage, Usage { cpu_millis: 263, memory_bytes: 3 << 20 });
    }
}
