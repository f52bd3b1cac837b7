//! The driver's lock between two consoles in two terminals, on a real cluster: taken, watched, asked for, handed over, taken
//! over, left behind by a killed console, and given up in time by one whose API server is frozen.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::console::{deployment, server, through};
use super::lab::{self, Lab};
use super::proxy::Proxy;
use crate::pty_support::{ENTER, Start, Terminal};

/// Seconds of the lease: its holder stops after ten, and five are left for a machine that is slow.
const LEASE: u64 = 15;

/// Where one person sits: a home with a plan, which names the context that makes them who they are.
struct Desk {
    home: TempDir,
}

impl Desk {
    fn of(lab: &Lab, context: &str) -> Self {
        let home = TempDir::new().unwrap();
        let plan = format!(
            "name = \"live\"\n[[environment]]\nname = \"lab\"\ncontext = \"{context}\"\nnamespace = \"{}\"\nprotection = \"open\"\n\
             [[service]]\nname = \"web\"\nimage = \"lab/web\"\n[[service.workload]]\ndeployment = \"web\"\n",
            lab.namespace
        );
        fs::write(home.path().join("rolldeck.toml"), plan).unwrap();
        Self { home }
    }

    /// Opens the console on the rollout's screen.
    fn console(&self, kubeconfig: &str) -> Terminal {
        let mut terminal = Start::rolldeck(&[])
            .size(160, 45)
            .env("KUBECONFIG", kubeconfig)
            .env("ROLLDECK_TEST_LEASE", &LEASE.to_string())
            .at(self.home.path());
        terminal.shows("●");
        terminal.press(ENTER);
        terminal.shows("Fastest way back");
        terminal.shows("drive");
        terminal
    }

    /// The words of the orders in the journal, and their reasons.
    fn orders(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.path().join("state/rolldeck/journal.jsonl")).unwrap_or_default();
        let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let intents = entries.filter(|entry| entry["entry"] == "intent");
        intents.map(|intent| format!("{} {}", intent["order"], intent["reason"])).collect()
    }
}

fn kubeconfig() -> String {
    std::env::var("KUBECONFIG").unwrap()
}

async fn scene(name: &str) -> Option<Lab> {
    let lab = Lab::open(name).await?;
    lab.create("deployments", &deployment("web", 1, &json!({"app": "web"}))).await;
    let path = lab.apps("deployments", "web");
    lab.until("ready instances", &path, |object| object.pointer("/status/availableReplicas") == Some(&json!(1))).await;
    Some(lab)
}

async fn holder(lab: &Lab) -> String {
    let leases = lab.read(&format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", lab.namespace)).await;
    leases.pointer("/items/0/spec/holderIdentity").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Presses a key, and confirms the dialog when it says this.
fn confirm(terminal: &mut Terminal, key: &str, says: &str) {
    terminal.press(key);
    terminal.shows(says);
    terminal.shows("rehearsed on the server");
    terminal.press("y");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_taken_watched_asked_for_handed_over_taken_over_and_outlives_no_killed_console() {
    let Some(lab) = scene("driver").await else { return };
    let (ana, bea) = (Desk::of(&lab, "admin"), Desk::of(&lab, "deployer"));
    let (mut one, mut two) = (ana.console(&kubeconfig()), bea.console(&kubeconfig()));
    one.shows("nobody drives");

    confirm(&mut one, "D", "You become the driver of web in lab");
    one.shows("you drive");
    two.shows("admin drives since");
    two.press("s");
    two.shows("admin drives it since");

    // Whoever watches sees every move.
    one.press("R");
    one.shows("rehearsed on the server");
    one.press("y");
    two.shows("admin restarted");

    two.press("D");
    two.shows("a typed reason takes it over");
    two.press(ENTER);
    one.shows("asks to drive");
    confirm(&mut one, "D", "deployer becomes the driver of web in lab");
    two.shows("you drive");
    one.shows("deployer drives since");

    one.press("D");
    one.shows("a typed reason takes it over");
    one.type_text("deployer is on the train");
    one.press(ENTER);
    one.shows("goes read-only at once");
    one.shows("rehearsed on the server");
    one.press("y");
    two.shows("admin took over: deployer is on the train");
    two.shows("admin drives since");
    one.shows("you drive");
    let orders = ana.orders();
    assert!(orders.iter().any(|order| order.contains("take-over") && order.contains("on the train")), "{orders:?}");

    // The way back beside the driver goes through, and the driver reads of it.
    // The notice of it may have gone while the lock went to and fro.
    one.shows("✔ 1.0.0 runs, 1 of 1 ready");
    one.press("s");
    one.shows("a version as");
    one.type_text("bad");
    one.press(ENTER);
    one.shows("rehearsed on the server");
    one.press("y");
    two.shows("bad");
    two.press("x");
    two.shows("rehearsed on the server");
    two.press("y");
    // What failed meanwhile may stand over it at the bottom; the list keeps both.
    one.press("N");
    one.shows("while you drive: deployer aborted web lab");

    one.signal("KILL");
    drop(one.ended());
    let killed = Instant::now();
    two.shows("nobody drives");
    assert!(killed.elapsed() >= Duration::from_secs(LEASE - LEASE / 3 - 1), "not before its time: {:?}", killed.elapsed());
    assert!(holder(&lab).await.starts_with("admin@"), "the record still names the dead");

    // A forward verb takes the free lock first.
    two.press("z");
    two.shows("now 1");
    two.press("\x7f");
    two.type_text("2");
    two.press(ENTER);
    two.shows("You become the driver of web in lab");
    two.shows("rehearsed on the server");
    two.press("y");
    two.shows("you drive");
    two.shows("2 of 2 ready");
    assert!(holder(&lab).await.starts_with("deployer@"));
    two.press("q");
    two.ended().restored().with_code(0);
    assert_eq!(holder(&lab).await, "", "leaving lets it go");
    lab::close(&lab.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_whose_api_server_is_frozen_stops_before_the_lock_could_be_stolen() {
    let Some(lab) = scene("driver-frozen").await else { return };
    let (ana, bea) = (Desk::of(&lab, "admin"), Desk::of(&lab, "deployer"));
    let proxy = Proxy::before(server());
    let mut one = ana.console(&through(&proxy, ana.home.path()));
    let two = bea.console(&kubeconfig());
    confirm(&mut one, "D", "You become the driver of web in lab");
    one.shows("you drive");
    two.shows("admin drives since");

    proxy.freeze();
    let frozen = Instant::now();
    one.shows("you drive no longer");
    assert!(frozen.elapsed() < Duration::from_secs(LEASE), "stopped after {:?}", frozen.elapsed());
    assert!(two.screen().contains("admin drives"), "and nobody could have taken it yet:\n{}", two.screen());
    // On a machine that is busy a renewal that was on its way may still have come: then it drives once more for a moment.
    for _ in 0..20 {
        one.press("s");
        tokio::time::sleep(Duration::from_millis(500)).await;
        if !one.screen().contains("a version as") {
            break;
        }
        one.press("\x1b");
    }
    one.until("a refusal", |screen| {
        ["could not be renewed", "does not answer", "the data is"].iter().any(|why| screen.contains(why))
            && !screen.contains("a version as")
    });

    two.shows("nobody drives");
    let mut two = two;
    confirm(&mut two, "D", "You become the driver of web in lab");
    two.shows("you drive");
    proxy.come_back();
    one.shows("deployer drives");
    assert!(holder(&lab).await.starts_with("deployer@"));
    lab::close(&lab.namespace).await;
}
