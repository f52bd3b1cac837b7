//! `rolldeck init` and `check` on a real cluster: what is written is what runs there, and it loads.

use std::process::Command;

use serde_json::{Value, json};

use super::lab::{self, Lab};

/// Without replicas: only the objects matter here.
fn deployment(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "lab/web:1.0.0", "imagePullPolicy": "Never" }] },
            },
        },
    })
}

fn service(name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "ports": [{ "port": 8080 }], "selector": selector },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_writes_of_two_namespaces_loads_and_names_the_pair() {
    let Some(dev) = Lab::open("init-dev").await else { return };
    let Some(prod) = Lab::open("init-prod").await else { return };
    dev.create("deployments", &deployment("backend", &json!({ "app": "backend" }))).await;
    for track in ["blue", "green"] {
        prod.create("deployments", &deployment(&format!("backend-{track}"), &json!({ "app": "backend", "color": track }))).await;
    }
    prod.create_core("services", &service("backend", &json!({ "app": "backend", "color": "blue" }))).await;
    for lab in [&dev, &prod] {
        lab.create("deployments", &deployment("worker", &json!({ "app": "worker" }))).await;
        lab.create_core("services", &service("worker", &json!({ "app": "worker" }))).await;
    }

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rolldeck.toml");
    let context = std::env::var("ROLLDECK_TEST_CONTEXT").unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolldeck"));
        let out = command.args(args).current_dir(dir.path()).env("ROLLDECK_CONFIG_DIR", dir.path().join("user")).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    run(&["init", "--context", &context, "-n", &dev.namespace, "-n", &prod.namespace]);
    run(&["check"]);

    let plan = rolldeck::config::plan::load(&path).unwrap().plan;
    let shown: Vec<String> = plan.workloads().map(|w| format!("{} {} {:?}", w.id, w.target.word(), w.image.as_deref())).collect();
    let [first, second] = plan.environments.as_slice() else { panic!("{:?}", plan.environments) };
    let (first, second) = (&first.name, &second.name);
    assert_eq!(
        shown,
        [
            format!("backend {first} deployment Some(\"lab/web\")"),
            format!("backend {second} blue/green Some(\"lab/web\")"),
            format!("worker {first} deployment Some(\"lab/web\")"),
            format!("worker {second} deployment Some(\"lab/web\")"),
        ]
    );
    for lab in [dev, prod] {
        lab::close(&lab.namespace).await;
    }
}
