//! Logs of a real rollout: followed over an update and over cut connections, each line once or its absence marked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use rolldeck::adapter::kubernetes::spawn_with;
use rolldeck::domain::id::RolloutId;
use rolldeck::domain::log::{Body, Gap, Mark};
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::port::Seq;
use rolldeck::port::engine::{Command, Event, LogBatch, LogQuery, Range};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};

use crate::lab::{self, Lab};

/// Passes connections on to the API server until they are cut.
struct Wire {
    cut: broadcast::Sender<()>,
    client: Client,
}

impl Wire {
    async fn lay() -> Self {
        let options = KubeConfigOptions { context: std::env::var("ROLLDECK_TEST_CONTEXT").ok(), ..KubeConfigOptions::default() };
        let mut config = Config::from_kubeconfig(&options).await.unwrap();
        let host = config.cluster_url.host().unwrap().to_owned();
        let server = format!("{host}:{}", config.cluster_url.port_u16().unwrap_or(443));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        config.cluster_url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
        config.tls_server_name.get_or_insert(host);
        config.default_retry = false;
        let cut = broadcast::Sender::new(1);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut cut) = (server.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { cut, client: Client::try_from(config).unwrap() }
    }
}

struct Heard {
    /// The numbers that each container of a pod wrote, in the order in which they came.
    numbers: BTreeMap<String, Vec<u64>>,
    marks: Vec<(String, Mark)>,
    dropped: u64,
}

impl Heard {
    fn take(&mut self, batch: &LogBatch) {
        self.dropped += batch.dropped;
        for entry in batch.lines.iter() {
            let source = &batch.lines.sources()[entry.source];
            let who = format!("{}/{}", source.instance, source.container);
            match entry.body {
                Body::Text(text) => {
                    if let Some(number) = text.strip_prefix("n=").and_then(|rest| rest.parse().ok()) {
                        self.numbers.entry(who).or_default().push(number);
                    }
                }
                Body::Mark(mark) => self.marks.push((who, mark.clone())),
            }
        }
    }

    fn whole(&self) {
        for (who, numbers) in &self.numbers {
            for pair in numbers.windows(2) {
                assert_eq!(pair[1], pair[0] + 1, "{who} breaks off after {}: {:?}", pair[0], self.marks);
            }
        }
    }
}

fn writer(name: &str, generation: &str) -> serde_json::Value {
    let script = "exec awk 'BEGIN { while (1) { for (i = 0; i < 20; i++) { n++; print \"n=\" n } fflush(); system(\"sleep 0.05\") } }'";
    let init = "for i in 1 2 3; do echo n=$i; done";
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name, "generation": generation}}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "initContainers": [{"name": "prepare", "image": "lab/web:1.0.0", "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c", init]}],
            "containers": [{"name": "web", "image": "lab/web:1.0.0", "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c", script]}]}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_go_on_over_an_update_and_over_cut_connections_without_a_line_twice_or_missing() {
    let Some(lab) = Lab::open("logs").await else { return };
    lab.create("deployments", &writer("talk", "one")).await;
    let path = lab.apps("deployments", "talk");
    lab.until("two pods", &path, |object| object.pointer("/status/readyReplicas") == Some(&json!(2))).await;

    let wire = Wire::lay().await;
    let id = RolloutId { environment: "lab".into(), service: "talk".into(), workload: "talk".into() };
    let workload = Workload {
        id: id.clone(),
        engine: EngineKind::Kubernetes,
        context: None,
        namespace: lab.namespace.clone(),
        target: Target::Deployment { name: "talk".into() },
        image: None,
        container: None,
    };
    let (commands, orders) = mpsc::channel(64);
    let (tell, mut events) = mpsc::channel(1024);
    let (lines, mut batches) = mpsc::channel(64);
    drop(spawn_with(wire.client.clone(), vec![workload], orders, tell, lines));
    let query = LogQuery { rollout: id, range: Range::Tail(1000), instance: None, container: None, previous: false };
    commands.send(Command::Follow { seq: Seq(7), query }).await.unwrap();
    let following = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = following.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let Event::Following { followed, of, .. } = event {
                told.lock().unwrap().push((followed, of));
            }
        }
    });

    let mut heard = Heard { numbers: BTreeMap::new(), marks: Vec::new(), dropped: 0 };
    let mut listen = async |heard: &mut Heard, span: f64, enough: &dyn Fn(&Heard) -> bool| {
        let end = tokio::time::Instant::now() + Duration::from_secs_f64(span);
        while !enough(heard) {
            match tokio::time::timeout_at(end, batches.recv()).await {
                Ok(Some(batch)) => heard.take(&batch),
                Ok(None) => panic!("the engine went away"),
                Err(_) => return,
            }
        }
    };
    listen(&mut heard, 60.0, &|heard| heard.numbers.len() == 4).await;
    assert_eq!(heard.numbers.len(), 4, "two pods with an init container each: {:?}", heard.marks);
    for _ in 0..3 {
        listen(&mut heard, 1.7, &|_| false).await;
        wire.cut.send(()).unwrap();
    }
    listen(&mut heard, 15.0, &|heard| heard.marks.iter().filter(|(_, mark)| matches!(mark, Mark::Reconnected { .. })).count() >= 6).await;
    listen(&mut heard, 2.0, &|_| false).await;
    let before: Vec<String> = heard.numbers.keys().cloned().collect();
    let reconnected: Vec<_> = heard.marks.iter().filter(|(_, mark)| matches!(mark, Mark::Reconnected { .. })).collect();
    assert!(reconnected.len() >= 4, "{:?}", heard.marks);
    assert!(reconnected.iter().all(|(_, mark)| matches!(mark, Mark::Reconnected { gap: Gap::None, .. })), "{reconnected:?}");
    heard.whole();

    lab.relabel("talk", "two").await;
    let all = |heard: &Heard| heard.numbers.iter().filter(|(who, numbers)| !before.contains(who) && numbers.len() > 200).count() == 2;
    listen(&mut heard, 60.0, &all).await;
    let new: Vec<_> = heard.numbers.iter().filter(|(who, _)| !before.contains(who)).collect();
    assert_eq!(new.len(), 4, "two new pods, from the init container on: {:?}", heard.marks);
    assert!(new.iter().all(|(_, numbers)| numbers[0] == 1), "new pods are read from their first line");
    listen(&mut heard, 20.0, &|heard| {
        heard.marks.iter().filter(|(who, mark)| matches!(mark, Mark::Ended(_)) && who.ends_with("/web")).count() == 2
    })
    .await;
    let ended = heard.marks.iter().filter(|(who, mark)| matches!(mark, Mark::Ended(_)) && before.contains(who)).count();
    assert_eq!(ended, 4, "the old containers' ends are said: {:?}", heard.marks);
    heard.whole();
    assert_eq!(heard.dropped, 0);
    let counts = following.lock().unwrap().clone();
    assert!(counts.contains(&(4, 4)) && counts.iter().all(|(followed, of)| followed == of), "{counts:?}");
    lab::close(&lab.namespace).await;
}
