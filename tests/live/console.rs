//! The console itself, in a terminal, on a real cluster: what an engineer does with it, and what the cluster says.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::lab::{self, Lab};
use super::proxy::Proxy;
use crate::pty_support::{ENTER, Start, Terminal};

pub fn deployment(name: &str, replicas: u32, labels: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": replicas, "progressDeadlineSeconds": 600, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
            "name": "web", "image": "lab/web:1.0.0", "ports": [{"containerPort": 8080, "name": "http"}],
            "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}}]}}}})
}

/// A cluster's namespace, a home for the console, and a plan over one service.
struct Scene {
    lab: Lab,
    home: TempDir,
    context: String,
}

impl Scene {
    async fn open(name: &str) -> Option<Self> {
        let lab = Lab::open(name).await?;
        let context = std::env::var("ROLLDECK_TEST_CONTEXT").unwrap();
        Some(Self { lab, home: TempDir::new().unwrap(), context })
    }

    /// Makes `web` with so many instances and waits until they serve.
    async fn with_deployment(name: &str, replicas: u32) -> Option<Self> {
        let scene = Self::open(name).await?;
        scene.lab.create("deployments", &deployment("web", replicas, &json!({"app": "web"}))).await;
        scene.ready("web", replicas).await;
        Some(scene)
    }

    async fn ready(&self, name: &str, replicas: u32) {
        let path = self.lab.apps("deployments", name);
        self.lab.until("ready instances", &path, |object| object.pointer("/status/availableReplicas") == Some(&json!(replicas))).await;
    }

    /// Writes the plan: one environment, of this protection, in this context.
    fn plan(&self, protection: &str, context: &str, workload: &str) {
        let namespace = &self.lab.namespace;
        let plan = format!(
            "name = \"live\"\n[[environment]]\nname = \"lab\"\ncontext = \"{context}\"\nnamespace = \"{namespace}\"\nprotection = \"{protection}\"\n\
             [[service]]\nname = \"web\"\nimage = \"lab/web\"\n[[service.workload]]\n{workload}\n"
        );
        fs::write(self.home.path().join("rolldeck.toml"), plan).unwrap();
    }

    fn console(&self) -> Terminal {
        self.console_with(&std::env::var("KUBECONFIG").unwrap())
    }

    fn console_with(&self, kubeconfig: &str) -> Terminal {
        let terminal = Start::rolldeck(&[])
            .size(160, 45)
            .env("KUBECONFIG", kubeconfig)
            .env("ROLLDECK_STATE_DIR", &self.state().display().to_string())
            .env("ROLLDECK_CONFIG_DIR", &self.home.path().join("conf").display().to_string())
            .at(self.home.path());
        terminal.shows("live");
        terminal
    }

    /// The console with the rollout's screen open.
    fn opened(&self) -> Terminal {
        let mut terminal = self.console();
        terminal.shows("●");
        terminal.press(ENTER);
        terminal.shows("Fastest way back");
        terminal
    }

    fn state(&self) -> std::path::PathBuf {
        self.home.path().join("state")
    }

    /// The journal's entries.
    fn journal(&self) -> Vec<Value> {
        let Ok(text) = fs::read_to_string(self.state().join("journal.jsonl")) else { return Vec::new() };
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn entries(&self, kind: &str) -> usize {
        self.journal().iter().filter(|entry| entry["entry"] == kind).count()
    }

    async fn image(&self, name: &str) -> String {
        let object = self.lab.read(&self.lab.apps("deployments", name)).await;
        object.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap().to_owned()
    }

    async fn close(self) {
        lab::close(&self.lab.namespace).await;
    }
}

/// Types a version into the prompt and takes it.
fn ship(terminal: &mut Terminal, version: &str) {
    terminal.press("s");
    terminal.shows("a version as");
    terminal.type_text(version);
    terminal.press(ENTER);
    terminal.shows("rehearsed on the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_shipped_another_stalls_and_is_rolled_back() {
    let Some(scene) = Scene::with_deployment("console-ship", 2).await else { return };
    scene.plan("guarded", &scene.context, "deployment = \"web\"");
    let mut terminal = scene.opened();

    ship(&mut terminal, "1.1.0");
    terminal.press("y");
    terminal.shows("1.1.0 runs, 2 of 2 ready");
    assert_eq!(scene.image("web").await, "lab/web:1.1.0");

    ship(&mut terminal, "bad");
    terminal.press("y");
    terminal.shows("Stalled");
    terminal.shows("HTTP probe failed with statuscode: 404");

    // The way back proposes the one that serves, by name and number, and says what it changes.
    terminal.press("r");
    terminal.shows("proposed");
    terminal.press(ENTER);
    terminal.shows("rehearsed on the server");
    terminal.shows("#2 1.1.0");
    terminal.shows("- image  lab/web:bad");
    terminal.shows("+ image  lab/web:1.1.0");
    terminal.press("y");
    terminal.shows("1.1.0 runs, 2 of 2 ready");
    assert_eq!(scene.image("web").await, "lab/web:1.1.0");
    terminal.until("every outcome in the journal", |_| scene.entries("outcome") >= 2);
    terminal.press("q");
    terminal.ended().restored().with_code(0);
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_held_and_resumed_restarted_and_scaled() {
    let Some(scene) = Scene::with_deployment("console-hold", 3).await else { return };
    scene.plan("open", &scene.context, "deployment = \"web\"");
    let mut terminal = scene.opened();

    ship(&mut terminal, "1.1.0");
    terminal.press(ENTER);
    terminal.shows("coming in");
    terminal.press(" ");
    terminal.shows("rehearsed on the server");
    terminal.press(ENTER);
    terminal.shows("resume");
    let path = scene.lab.apps("deployments", "web");
    assert_eq!(scene.lab.read(&path).await.pointer("/spec/paused"), Some(&json!(true)));
    terminal.press(" ");
    terminal.shows("rehearsed on the server");
    terminal.press(ENTER);
    terminal.shows("1.1.0 runs, 3 of 3 ready");

    let before = scene.lab.pods("app=web").await;
    terminal.press("R");
    terminal.shows("rehearsed on the server");
    terminal.press(ENTER);
    terminal.shows("every instance is new");
    let after = scene.lab.pods("app=web").await;
    assert!(after.iter().all(|pod| !before.contains(pod)), "{before:?} {after:?}");

    terminal.press("z");
    terminal.shows("3");
    terminal.press("\x7f");
    terminal.type_text("5");
    terminal.press(ENTER);
    terminal.shows("rehearsed on the server");
    terminal.press(ENTER);
    terminal.shows("5 of 5 ready");
    terminal.press("q");
    terminal.ended().restored().with_code(0);
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_someone_else_changes_under_the_dialog_is_named_and_nothing_is_sent() {
    let Some(scene) = Scene::with_deployment("console-moved", 1).await else { return };
    scene.plan("open", &scene.context, "deployment = \"web\"");
    let mut terminal = scene.opened();
    ship(&mut terminal, "1.1.0");
    scene.lab.set_image("web", "lab/web:1.2.0", "kubectl-set").await;
    terminal.shows("moved under you");
    terminal.shows("kubectl-set");
    assert_eq!(scene.entries("intent"), 0, "nothing was even meant");
    terminal.press("\x1b");
    terminal.shows("1.2.0 runs, 1 of 1 ready");
    assert_eq!(scene.image("web").await, "lab/web:1.2.0");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_pressed_twice_writes_once() {
    let Some(scene) = Scene::with_deployment("console-twice", 1).await else { return };
    scene.plan("open", &scene.context, "deployment = \"web\"");
    let mut terminal = scene.opened();
    ship(&mut terminal, "1.1.0");
    terminal.press(ENTER);
    terminal.press(ENTER);
    terminal.shows("1.1.0 runs, 1 of 1 ready");
    assert_eq!(scene.entries("intent"), 1);
    let object = scene.lab.read(&scene.lab.apps("deployments", "web")).await;
    assert_eq!(object.pointer("/metadata/annotations/deployment.kubernetes.io~1revision"), Some(&json!("2")));
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_viewer_sees_every_verb_greyed_with_the_missing_right() {
    let Some(scene) = Scene::with_deployment("console-viewer", 1).await else { return };
    scene.plan("open", "viewer", "deployment = \"web\"");
    let mut terminal = scene.opened();
    for key in ["s", "r", "R", "z", " "] {
        terminal.press(key);
        terminal.shows("you may not patch deployments");
    }
    assert!(scene.journal().is_empty());
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_switched_when_the_idle_side_is_ready_and_back() {
    let Some(scene) = Scene::open("console-pair").await else { return };
    for colour in ["blue", "green"] {
        let labels = json!({"app": "web", "color": colour});
        let mut side = deployment(&format!("web-{colour}"), 2, &labels);
        if colour == "green" {
            side["spec"]["template"]["spec"]["containers"][0]["image"] = json!("lab/web:1.1.0");
            side["spec"]["replicas"] = json!(0);
        }
        scene.lab.create("deployments", &side).await;
    }
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web", "color": "blue"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    scene.lab.create_core("services", &service).await;
    scene.ready("web-blue", 2).await;
    let pair = "blue-green = { service = \"web\", label = \"color\", tracks = { blue = \"web-blue\", green = \"web-green\" } }";
    scene.plan("open", &scene.context, pair);
    let mut terminal = scene.opened();
    scene.lab.serves("web:http", "1.0.0").await;

    // Green is empty: refused.
    terminal.press("b");
    terminal.shows("green is scaled to 0");

    // Ship scales green to the size of blue.
    ship(&mut terminal, "1.2.0");
    terminal.press(ENTER);
    terminal
        .until("green ready", |screen| screen.lines().any(|line| line.contains("green") && line.contains("1.2.0") && line.contains("2/2")));
    // Until the last pod of the former revision is gone, the side is not ready in the Deployment's own word.
    for _ in 0..60 {
        if terminal.screen().contains("rehearsed on the server") {
            break;
        }
        terminal.press("b");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    terminal.shows("rehearsed on the server");
    terminal.press(ENTER);
    terminal.shows("all green");
    scene.lab.serves("web:http", "1.2.0").await;

    terminal.press("b");
    terminal.shows("rehearsed on the server");
    terminal.press(ENTER);
    terminal.shows("all blue");
    scene.lab.serves("web:http", "1.0.0").await;
    terminal.press("q");
    terminal.ended().restored().with_code(0);
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_killed_before_the_outcome_leaves_it_in_doubt_beside_the_clusters_truth() {
    let Some(scene) = Scene::with_deployment("console-killed", 1).await else { return };
    scene.plan("open", &scene.context, "deployment = \"web\"");
    let mut terminal = scene.opened();
    ship(&mut terminal, "bad");
    terminal.press(ENTER);
    // One of the driver's lock, which is taken first, and one of the ship.
    terminal.until("the answers in the journal", |_| scene.entries("answered") == 2);
    terminal.signal("KILL");
    drop(terminal.ended());
    assert_eq!((scene.entries("intent"), scene.entries("outcome")), (1, 0));

    let mut terminal = scene.opened();
    terminal.shows("in doubt");
    // Nothing is sent again by itself.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((scene.entries("intent"), scene.entries("answered")), (1, 2));
    terminal.press("\x1b[15~");
    terminal.hides("in doubt");
    assert_eq!(scene.entries("outcome"), 1);
    scene.close().await;
}

/// A kubeconfig whose server is the proxy.
pub fn through(proxy: &Proxy, home: &Path) -> String {
    let text = fs::read_to_string(std::env::var("KUBECONFIG").unwrap()).unwrap();
    let at = text.find("server:").unwrap();
    let rest = &text[at..];
    let url: String = rest["server:".len()..].trim_start().trim_start_matches('"').chars().take_while(|c| !"\",\n ".contains(*c)).collect();
    let path = home.join("kubeconfig");
    fs::write(&path, text.replace(&url, &format!("https://127.0.0.1:{}", proxy.port))).unwrap();
    path.display().to_string()
}

pub fn server() -> String {
    let text = fs::read_to_string(std::env::var("KUBECONFIG").unwrap()).unwrap();
    let start = text.find("https://").unwrap() + "https://".len();
    text[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || ".:-".contains(*c)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_or_dies_is_a_state_on_screen_and_comes_back_by_itself() {
    let Some(scene) = Scene::with_deployment("console-link", 1).await else { return };
    scene.plan("open", &scene.context, "deployment = \"web\"");
    let proxy = Proxy::before(server());
    let mut terminal = scene.console_with(&through(&proxy, scene.home.path()));
    terminal.shows("●");
    terminal.press(ENTER);
    terminal.shows("Fastest way back");

    for break_it in [Proxy::go as fn(&Proxy), Proxy::freeze] {
        break_it(&proxy);
        terminal.shows("retrying");
        // Navigation lives, the last good data stays, writes are off.
        terminal.press("v");
        terminal.shows("Revisions");
        terminal.press("\x1b");
        terminal.shows("Fastest way back");
        terminal.press("s");
        terminal.until("a refusal", |screen| screen.contains("does not answer") || screen.contains("the data is"));
        let scale = json!({"spec": {"replicas": scene.lab.pods("app=web").await.len() + 1}});
        scene.lab.scale("web", &scale).await;
        proxy.come_back();
        terminal.shows("live");
        let wanted = scale["spec"]["replicas"].as_u64().unwrap();
        terminal.shows(&format!("{wanted} of {wanted} ready"));
    }
    terminal.press("q");
    terminal.ended().restored().with_code(0);
    scene.close().await;
}
