//! A namespace of one test's own in the cluster that `ROLLDECK_TEST_CONTEXT` names.

use std::io::Write as _;
use std::time::Duration;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use serde_json::{Value, json};

/// A pull, a start and a few probes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Lab {
    pub client: Client,
    pub namespace: String,
}

#[expect(clippy::disallowed_methods, reason = "a test against a real cluster lives in its time")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Connects as a context of the kubeconfig; none, said loudly, where it cannot be had.
pub async fn client(context: &str) -> Option<Client> {
    let options = KubeConfigOptions { context: Some(context.into()), ..KubeConfigOptions::default() };
    let connected = match Config::from_kubeconfig(&options).await {
        Ok(mut config) => {
            config.default_retry = false;
            Client::try_from(config).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    connected.map_err(|why| skipped(&format!("no context {context}: {why}"))).ok()
}

pub fn skipped(why: &str) {
    assert!(std::env::var("ROLLDECK_LIVE").as_deref() != Ok("require"), "the live tests are required: {why}");
    // Past the runner, which shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: a live test: {why}");
}

impl Lab {
    /// Makes the namespace, anew if a former run left it.
    pub async fn open(name: &str) -> Option<Self> {
        let Ok(context) = std::env::var("ROLLDECK_TEST_CONTEXT") else {
            skipped("ROLLDECK_TEST_CONTEXT names no cluster");
            return None;
        };
        let client = client(&context).await?;
        let namespace = format!("{name}-{}", std::process::id());
        let lab = Self { client, namespace };
        lab.post("/api/v1/namespaces", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": lab.namespace}})).await;
        Some(lab)
    }

    pub fn apps(&self, plural: &str, name: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/{plural}/{name}", self.namespace)
    }

    pub async fn read(&self, path: &str) -> Value {
        self.client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let request = http::Request::post(path).header("content-type", "application/json").body(body.to_string().into_bytes()).unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether the server knows this kind; said loudly where not.
    pub async fn serves_kind(&self, api: &str, plural: &str) -> bool {
        let path = format!("/apis/{api}/namespaces/{}/{plural}", self.namespace);
        let served = self.client.request::<Value>(http::Request::get(path).body(Vec::new()).unwrap()).await.is_ok();
        if !served {
            skipped(&format!("the cluster does not serve {plural} of {api}"));
        }
        served
    }

    /// Whether the server still has budgets of before policy/v1.
    pub async fn serves_old_budgets(&self) -> bool {
        let path = format!("/apis/policy/v1beta1/namespaces/{}/poddisruptionbudgets", self.namespace);
        self.client.request::<Value>(http::Request::get(path).body(Vec::new()).unwrap()).await.is_ok()
    }

    /// Makes an object of any kind, and returns it as the server keeps it.
    pub async fn make(&self, api: &str, plural: &str, object: &Value) -> Value {
        self.post(&format!("/apis/{api}/namespaces/{}/{plural}", self.namespace), object).await
    }

    /// Writes a part of any object as its controller would.
    pub async fn patch(&self, path: &str, patch: &Value) -> Value {
        let request = http::Request::patch(format!("{path}?fieldManager=rollouts-controller"))
            .header("content-type", "application/merge-patch+json")
            .body(patch.to_string().into_bytes())
            .unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub async fn create(&self, plural: &str, object: &Value) {
        self.post(&format!("/apis/apps/v1/namespaces/{}/{plural}", self.namespace), object).await;
    }

    /// Makes an object of another group: `/apis/autoscaling/v1/namespaces/…/horizontalpodautoscalers`.
    pub async fn create_in(&self, group: &str, plural: &str, object: &Value) {
        self.post(&format!("/apis/{group}/namespaces/{}/{plural}", self.namespace), object).await;
    }

    pub async fn create_core(&self, plural: &str, object: &Value) {
        self.post(&format!("/api/v1/namespaces/{}/{plural}", self.namespace), object).await;
    }

    pub async fn delete(&self, plural: &str, name: &str) {
        let path = self.apps(plural, name);
        let _: Value = self.client.request(http::Request::delete(&path).body(Vec::new()).unwrap()).await.unwrap();
        let end = tokio::time::Instant::now() + PATIENCE;
        while self.client.request::<Value>(http::Request::get(&path).body(Vec::new()).unwrap()).await.is_ok() {
            assert!(tokio::time::Instant::now() < end, "{path} was not deleted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Writes as another tool would.
    async fn merge(&self, name: &str, patch: &Value, manager: &str) {
        let request = http::Request::patch(format!("{}?fieldManager={manager}", self.apps("deployments", name)))
            .header("content-type", "application/strategic-merge-patch+json")
            .body(patch.to_string().into_bytes())
            .unwrap();
        let _: Value = self.client.request(request).await.unwrap();
    }

    pub async fn annotate(&self, name: &str, key: &str, value: &str) {
        self.merge(name, &json!({"metadata": {"annotations": {key: value}}}), "kubectl-annotate").await;
    }

    pub async fn set_image(&self, name: &str, image: &str, manager: &str) {
        self.merge(name, &json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}), manager).await;
    }

    /// Sets another label on the pods, which replaces them.
    pub async fn relabel(&self, name: &str, generation: &str) {
        self.merge(name, &json!({"spec": {"template": {"metadata": {"labels": {"generation": generation}}}}}), "kubectl-label").await;
    }

    pub async fn scale(&self, name: &str, patch: &Value) {
        self.merge(name, patch, "kubectl").await;
    }

    /// Returns the uids of the pods that are not on their way out.
    pub async fn pods(&self, selector: &str) -> Vec<String> {
        let list = self.read(&format!("/api/v1/namespaces/{}/pods?labelSelector={selector}", self.namespace)).await;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let alive = items.iter().filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none());
        alive.filter_map(|pod| pod.pointer("/metadata/uid")?.as_str().map(ToOwned::to_owned)).collect()
    }

    /// Reads an object until it is so.
    pub async fn until(&self, what: &str, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let object = self.client.request::<Value>(http::Request::get(path).body(Vec::new()).unwrap()).await;
            match object {
                Ok(object) if so(&object) => return object,
                last => assert!(tokio::time::Instant::now() < end, "waited in vain for {what}: {last:?}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks a Service through the API server's proxy until it answers with this version, and three times more.
    pub async fn serves(&self, port: &str, version: &str) {
        let path = format!("/api/v1/namespaces/{}/services/{port}/proxy/version", self.namespace);
        let end = tokio::time::Instant::now() + PATIENCE;
        let mut in_a_row = 0;
        while in_a_row < 4 {
            let answer = self.client.request_text(http::Request::get(&path).body(Vec::new()).unwrap()).await;
            in_a_row = if answer.as_ref().is_ok_and(|text| text.trim() == version) { in_a_row + 1 } else { 0 };
            assert!(tokio::time::Instant::now() < end, "{port} does not serve {version}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Deletes a test's namespace; one that failed keeps it, to be looked at.
pub async fn close(namespace: &str) {
    let Ok(context) = std::env::var("ROLLDECK_TEST_CONTEXT") else { return };
    let Some(client) = client(&context).await else { return };
    let request = http::Request::delete(format!("/api/v1/namespaces/{namespace}")).body(Vec::new()).unwrap();
    let _: Value = client.request(request).await.unwrap();
}
