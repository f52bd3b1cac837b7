//! The commands as a shell sees them: what they print, where, and their exit code.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary with nothing of this machine's own configuration.
fn rolldeck(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rolldeck"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir)
        .env("ROLLDECK_CONFIG_DIR", dir.join("user"))
        .env("ROLLDECK_STATE_DIR", dir.join("state"))
        .env("KUBECONFIG", dir.join("kubeconfig"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn plan(dir: &Path, text: &str) {
    std::fs::write(dir.join("rolldeck.toml"), text).unwrap();
}

const SIMULATED: &str = "[[environment]]\nname = \"lab\"\nengine = \"simulated\"\n[[service]]\nname = \"web\"\n";

#[test]
fn check_says_what_the_plan_comes_to() {
    let dir = tempfile::tempdir().unwrap();
    plan(dir.path(), SIMULATED);
    let out = rolldeck(dir.path(), &["check"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("lab  guarded    simulated"), "{}", text(&out.stdout));
}

#[test]
fn a_wrong_plan_is_exit_2_with_every_error_on_stderr() {
    let dir = tempfile::tempdir().unwrap();
    plan(dir.path(), "[[environment]]\nnam = \"lab\"\n[[service]]\nname = 3\n");
    for args in [&["check"][..], &["check", "rolldeck.toml"], &[], &["--plan", "rolldeck.toml"]] {
        let out = rolldeck(dir.path(), args);
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(text(&out.stdout).is_empty());
        for part in
            ["rolldeck.toml:2:1: unknown key `nam`", "did you mean `name`?", "rolldeck.toml:4:8: `name` is a whole number", "2 errors"]
        {
            assert!(text(&out.stderr).contains(part), "{part} in {}", text(&out.stderr));
        }
    }
}

#[test]
fn a_context_is_compared_with_the_kubeconfig_and_its_secrets_stay_there() {
    let dir = tempfile::tempdir().unwrap();
    plan(dir.path(), "[[environment]]\nname = \"lab\"\ncontext = \"stagin\"\n[[service]]\nname = \"web\"\n");
    let out = rolldeck(dir.path(), &["check"]);
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), "there is no kubeconfig: the contexts were not checked\n"));
    let kubeconfig = |token: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: staging\nclusters: [{{name: c, cluster: {{server: \"https://127.0.0.1:1\"}}}}]\n\
             users: [{{name: u, user: {{token: {token}}}}}]\ncontexts: [{{name: staging, context: {{cluster: c, user: u}}}}]\n"
        )
    };
    std::fs::write(dir.path().join("kubeconfig"), kubeconfig("hunter2")).unwrap();
    let out = rolldeck(dir.path(), &["check"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("did you mean `staging`?"), "{}", text(&out.stderr));
    std::fs::write(dir.path().join("kubeconfig"), kubeconfig("[hunter2")).unwrap();
    let out = rolldeck(dir.path(), &["check"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("no valid YAML") && !text(&out.stderr).contains("hunter2"), "{}", text(&out.stderr));
}

#[test]
fn without_plan_and_kubeconfig_a_sentence_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (args, part) in [(&[][..], "`rolldeck demo`"), (&["check"], "`rolldeck init`"), (&["init"], "no kubeconfig")] {
        let out = rolldeck(dir.path(), args);
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(text(&out.stderr).contains(part), "{}", text(&out.stderr));
    }
}

#[test]
fn an_unreachable_cluster_is_exit_1_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\n\
                      users: [{name: u, user: {}}]\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n";
    std::fs::write(dir.path().join("kubeconfig"), kubeconfig).unwrap();
    for args in [&[][..], &["init"]] {
        let out = rolldeck(dir.path(), args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert!(text(&out.stderr).contains("rolldeck: context a, namespace default: no connection: "), "{}", text(&out.stderr));
    }
    assert!(!dir.path().join("rolldeck.toml").exists());
}

#[test]
fn init_leaves_a_plan_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    plan(dir.path(), SIMULATED);
    let out = rolldeck(dir.path(), &["init"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("rolldeck.toml is there already"), "{}", text(&out.stderr));
    assert_eq!(std::fs::read_to_string(dir.path().join("rolldeck.toml")).unwrap(), SIMULATED);
}

#[test]
fn a_mistake_in_the_key_map_or_the_settings_is_shown_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let user = dir.path().join("user");
    std::fs::create_dir(&user).unwrap();
    std::fs::write(user.join("keymap.toml"), "[deck]\n\"x\" = \"qiut\"\n[dekc]\n\"a\" = \"quit\"\n").unwrap();
    let out = rolldeck(dir.path(), &["keys"]);
    assert_eq!(out.status.code(), Some(2));
    for part in ["keymap.toml:2:1: unknown action `qiut`", "did you mean `quit`?", "keymap.toml:4:1: unknown mode `dekc`", "2 errors"] {
        assert!(text(&out.stderr).contains(part), "{part} in {}", text(&out.stderr));
    }
    std::fs::write(user.join("keymap.toml"), "[global]\n\"ctrl-q\" = \"quit\"\n").unwrap();
    std::fs::write(user.join("settings.toml"), "mouse = \"off\"\n").unwrap();
    assert!(text(&rolldeck(dir.path(), &["keys"]).stdout).contains("ctrl-q"));
    let out = rolldeck(dir.path(), &["demo"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("settings.toml:1:9: `mouse` is a string"), "{}", text(&out.stderr));
}

#[test]
fn a_wrong_command_line_is_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["--speed", "2"][..], &["demo", "--speed", "0"], &["demo", "--scenario", "none"], &["--plan", "x", "check"]] {
        assert_eq!(rolldeck(dir.path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn an_unknown_theme_is_said_with_those_that_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let out = rolldeck(dir.path(), &["demo", "--theme", "drak"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("there is no theme `drak`; there are dark, light"), "{}", text(&out.stderr));
}
