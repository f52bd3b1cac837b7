//! Programs that are told: what they get, and how they are ended.

use std::path::Path;
use std::time::{Duration, Instant};

use rolldeck::domain::plan::{Channel, Means};

use super::{Notifier, channel, course, options};

fn shell(script: &str) -> Channel {
    channel("program", Means::Command { run: ["sh", "-c", script].map(Into::into).to_vec() })
}

async fn tell(script: &str) -> (Vec<&'static str>, String) {
    course(&Notifier::start(options(), vec![shell(script)]).tell("it begins").await)
}

#[tokio::test]
async fn it_gets_the_announcement_and_a_clean_environment() {
    let folder = tempfile::tempdir().unwrap();
    let (input, variables) = (folder.path().join("input"), folder.path().join("variables"));
    let (words, why) = tell(&format!("cat > {}; env > {}", input.display(), variables.display())).await;
    assert_eq!(words, ["sent"], "{why}");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let announced: serde_json::Value = serde_json::from_str(&read(&input)).unwrap();
    assert_eq!((announced["occasion"].as_str(), announced["sentence"].as_str()), (Some("started"), Some("it begins")));
    let seen = read(&variables);
    assert!(seen.contains("PATH=") && !seen.contains("CARGO"), "{seen}");
}

#[tokio::test]
async fn its_end_is_told_with_its_first_complaint() {
    for (script, words, said) in [
        ("echo 'no such room' >&2; echo more >&2; exit 3", vec!["failed"], "sh ended with 3: no such room"),
        ("echo 'token: abcdefg' >&2; exit 3", vec!["failed"], "sh ended with 3: token: [redacted]"),
        ("exit 75", vec!["again", "again", "again", "again", "failed"], "sh ended with 75; given up after 5 tries"),
        ("kill -9 $$", vec!["failed"], "signal: 9"),
        // A complaint that nobody could keep, and an input that nobody reads.
        ("exec <&-; yes | head -c 5000000 >&2", vec!["sent"], ""),
    ] {
        let (course, why) = tell(script).await;
        assert_eq!(course, words, "{script}: {why}");
        assert!(why.contains(said), "{script}: {why}");
    }
    let missing = channel("program", Means::Command { run: vec!["/no/such/program".into()] });
    let (words, why) = course(&Notifier::start(options(), vec![missing]).tell("it begins").await);
    assert_eq!(words, ["failed"]);
    assert!(why.contains("/no/such/program cannot be started"), "{why}");
}

#[tokio::test]
async fn it_is_killed_with_its_children_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let begin = Instant::now();
    let (words, why) = tell(&format!("sleep 300 & echo $! > {}; wait", pid.display())).await;
    assert_eq!(words, ["failed"]);
    assert!(why.contains("did not end within 1 s and was killed"), "{why}");
    assert!(begin.elapsed() < Duration::from_secs(10));
    let child = std::fs::read_to_string(&pid).unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).ok();
    // Killed, or waiting for init to take note of it.
    let gone = || state().is_none_or(|state| state.contains(") Z "));
    let end = Instant::now() + Duration::from_secs(5);
    while !gone() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(gone(), "{:?}", state());
}

#[tokio::test]
async fn what_it_leaves_behind_is_not_waited_for() {
    let begin = Instant::now();
    let (words, why) = tell("sleep 300 & exit 0").await;
    assert_eq!(words, ["sent"], "{why}");
    assert!(begin.elapsed() < Duration::from_millis(900), "{:?}", begin.elapsed());
}
