//! A release on a real cluster, in three consoles of three people: written, ticked and approved, begun, verified, done and reported;
//! the gate blocks the key until then.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::console::{deployment, server};
use super::lab::Lab;
use crate::pty_support::{ENTER, Start, TAB, Terminal};

const SAVE: &str = "\x13";

/// Writes a kubeconfig in which these people have the rights of `admin`: the server knows one token, its file three names.
fn kubeconfig(home: &Path, people: &[&str]) -> String {
    let text = fs::read_to_string(std::env::var("KUBECONFIG").unwrap()).unwrap();
    let after = |text: &str, start: &str, end: char| {
        let at = text.find(start).unwrap_or_else(|| panic!("the lab's kubeconfig has no {start}")) + start.len();
        text[at..].split(end).next().unwrap().trim().to_owned()
    };
    let users = &text[text.find("- name: admin").unwrap()..];
    let (token, authority) = (after(users, "token: ", '}'), after(&text, "certificate-authority-data: ", '}'));
    let named = |people: &str, body: &dyn Fn(&str) -> Value| -> Vec<Value> { people.split(' ').map(body).collect() };
    let people = people.join(" ");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": people.split(' ').next(),
        "clusters": [{"name": "lab", "cluster": {"server": format!("https://{}", server()), "certificate-authority-data": authority}}],
        "users": named(&people, &|name| json!({"name": name, "user": {"token": token}})),
        "contexts": named(&people, &|name| json!({"name": name, "context": {"cluster": "lab", "user": name}})),
    });
    let path = home.join("kubeconfig");
    fs::write(&path, config.to_string()).unwrap();
    path.display().to_string()
}

fn plan(namespace: &str, person: &str) -> String {
    format!(
        r#"name = "live"
[roles]
technical = ["bea", "ana"]
business = ["carl"]
[[environment]]
name = "lab"
context = "{person}"
namespace = "{namespace}"
protection = "open"
release = {{ required = true, checklists = "none" }}
[[approval]]
role = "technical"
[[approval]]
role = "business"
[[checklist]]
stage = "before"
category = "Readiness"
[[checklist.item]]
id = "tests"
title = "Tests passing"
command = ["true"]
[[checklist.item]]
id = "quiet"
title = "Nothing else under way"
kubernetes = "quiet"
[[checklist.item]]
id = "support"
title = "Support team told"
[[checklist]]
stage = "after"
category = "Validation"
[[checklist.item]]
id = "smoke"
title = "Smoke test"
[[service]]
name = "web"
image = "lab/web"
[[service.workload]]
deployment = "web"
"#
    )
}

struct Desk {
    home: TempDir,
    terminal: Terminal,
}

fn desk(lab: &Lab, person: &str) -> Desk {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("rolldeck.toml"), plan(&lab.namespace, person)).unwrap();
    let kubeconfig = kubeconfig(home.path(), &["ana", "bea", "carl"]);
    let terminal = Start::rolldeck(&[]).size(160, 45).env("KUBECONFIG", &kubeconfig).at(home.path());
    terminal.shows("●");
    Desk { home, terminal }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_ticked_and_approved_by_three_people_begun_verified_and_reported() {
    let Some(lab) = Lab::open("release").await else { return };
    lab.create("deployments", &deployment("web", 2, &json!({"app": "web"}))).await;
    let path = lab.apps("deployments", "web");
    lab.until("ready instances", &path, |object| object.pointer("/status/availableReplicas") == Some(&json!(2))).await;
    let (mut ana, mut bea, mut carl) = (desk(&lab, "ana"), desk(&lab, "bea"), desk(&lab, "carl"));

    // Nothing moves forward without a release; the way back is not asked.
    ana.terminal.press(ENTER);
    ana.terminal.shows("there is no release");
    ana.terminal.press("d");
    ana.terminal.press("R");
    ana.terminal.shows("New release to lab");
    ana.terminal.type_text("1.1.0");
    ana.terminal.press(SAVE);
    ana.terminal.shows("Nothing is asked or checked yet");
    ana.terminal.press("A");
    ana.terminal.shows("NOT YET");
    ana.terminal.shows("exit 0");
    ana.terminal.press("a");
    ana.terminal.shows("you may not approve");

    // The others see it and act, and each screen follows.
    bea.terminal.shows("2/3");
    bea.terminal.press("c");
    bea.terminal.shows("Support team told");
    bea.terminal.press(TAB);
    bea.terminal.press(" ");
    carl.terminal.press("c");
    carl.terminal.shows("3 of 3");
    bea.terminal.press("a");
    bea.terminal.shows("as technical");
    bea.terminal.type_text("read it");
    bea.terminal.press(ENTER);
    carl.terminal.shows("“read it”");
    ana.terminal.shows("Business approval 0/1");
    ana.terminal.press("s");
    ana.terminal.shows("start: business approval 0/1");
    carl.terminal.press("a");
    carl.terminal.shows("as business");
    carl.terminal.type_text("go");
    carl.terminal.press(ENTER);
    ana.terminal.shows("The gate is open");
    ana.terminal.shows("the kubeconfig's word");

    ana.terminal.press("s");
    ana.terminal.shows("rehearsed on the server");
    ana.terminal.press("y");
    ana.terminal.shows("1.1.0 runs, 2 of 2 ready");
    bea.terminal.shows("verifying");
    bea.terminal.shows("Smoke test");
    bea.terminal.press(TAB);
    bea.terminal.press(" ");
    ana.terminal.press("c");
    ana.terminal.shows("1 of 1");
    ana.terminal.press("F");
    carl.terminal.shows("✔ done");
    let (bea, carl) = (bea.terminal, carl.terminal);
    for terminal in [ana.terminal, bea, carl] {
        terminal.signal("TERM");
        terminal.ended().restored().with_code(0);
    }

    let maps = lab.read(&format!("/api/v1/namespaces/{}/configmaps?labelSelector=rolldeck.dev%2Fkind%3Drelease", lab.namespace)).await;
    assert_eq!(maps.pointer("/items").and_then(Value::as_array).map(Vec::len), Some(1), "{maps}");
    let report = Command::new(env!("CARGO_BIN_EXE_rolldeck"))
        .arg("report")
        .arg("2")
        .current_dir(ana.home.path())
        .env("KUBECONFIG", ana.home.path().join("kubeconfig"))
        .env("HOME", ana.home.path())
        .output()
        .unwrap();
    let text = String::from_utf8(report.stdout).unwrap();
    assert!(report.status.success(), "{text}{}", String::from_utf8_lossy(&report.stderr));
    for said in ["web 1.1.0", "read it", "Support team told", "Smoke test", "carl", "bea"] {
        assert!(text.contains(said), "{said:?} is not in the report:\n{text}");
    }
    super::lab::close(&lab.namespace).await;
}
