//! Programs that end well, that do not, and that do not at all.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rolldeck::domain::release::checklist::{Command, Task, Verdict};
use tokio::time::Instant;

use super::bench::{Bench, living, program, shell, subject, unheard_of};

/// What a busy machine may take beyond a limit.
const SLACK: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_program_passes_with_0_and_fails_with_anything_else_and_says_so_in_the_order_of_its_words() {
    let mut bench = Bench::new();
    let found = bench.run(shell("echo one; echo two >&2; echo three", 10)).await;
    assert_eq!((found.verdict, found.output.as_str()), (Verdict::Pass, "one\ntwo\nthree"));
    assert!(found.evidence.starts_with("exit 0 in "), "{}", found.evidence);
    let found = bench.run(shell("echo '\u{1b}[31mbad\u{1b}[0m password=hunter22'; exit 3", 10)).await;
    assert_eq!((found.verdict, found.output.as_str()), (Verdict::Fail, "bad password=[redacted]"));
    assert!(found.evidence.starts_with("exit 3 in "), "{}", found.evidence);
    let found = bench.run(shell("kill -SEGV $$", 10)).await;
    assert_eq!(found.verdict, Verdict::Unknown);
    assert!(found.evidence.starts_with("ended by SIGSEGV"), "{}", found.evidence);
}

#[tokio::test]
async fn what_cannot_be_started_is_unknown_and_told() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "#!/not/there\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    let away = Task::Command(Command { folder: Some("/not/there".into()), ..program(&["true"], 5) });
    for (task, words) in [
        (Task::Command(program(&["rolldeck-has-no-such-program"], 5)), "is not found in PATH"),
        (Task::Command(program(&["/not/there/either"], 5)), "is not there"),
        (Task::Command(program(&[plain.to_str().unwrap()], 5)), "may not be executed"),
        (Task::Command(program(&[broken.to_str().unwrap()], 5)), "or what it names to run it is not"),
        (Task::Command(program(&["a\0b"], 5)), "cannot be started"),
        (Task::Command(program(&[], 5)), "it names no program"),
        (away, "its folder /not/there is not there"),
        (shell("echo ${digest}", 5), "it names ${digest}, which is not known of backend"),
    ] {
        let found = bench.run(task).await;
        assert_eq!(found.verdict, Verdict::Unknown, "{found:?}");
        assert!(found.evidence.contains(words), "{} has no {words:?}", found.evidence);
    }
}

#[tokio::test]
async fn a_program_sees_the_variables_of_the_release_and_those_that_are_named_and_no_others() {
    let task = Task::Command(Command { variables: vec!["CARGO_PKG_NAME".into()], ..program(&["env"], 10) });
    let found = Bench::new().run_for(task, &subject(&["backend", "worker"])).await;
    let names: Vec<&str> = found.output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let known =
        |name: &&str| ["PATH", "HOME", "LANG", "CARGO_PKG_NAME", "PWD", "SHLVL", "_"].contains(name) || name.starts_with("ROLLDECK_");
    assert!(names.iter().all(known), "{names:?}");
    for line in ["CARGO_PKG_NAME=rolldeck", "ROLLDECK_SERVICES=backend worker", "ROLLDECK_VERSION=2.2.0", "ROLLDECK_ENVIRONMENT=production"]
    {
        assert!(found.output.lines().any(|one| one == line), "{line} is not in {}", found.output);
    }
}

#[tokio::test]
async fn a_program_that_names_the_service_runs_for_each_and_fails_with_one() {
    let task = Task::Command(program(&["sh", "-c", "test ${service} = backend"], 10));
    let found = Bench::new().run_for(task, &subject(&["backend", "worker"])).await;
    assert_eq!(found.verdict, Verdict::Fail);
    assert!(found.evidence.starts_with("worker: exit 1 in ") && found.evidence.contains("; backend: exit 0 in "), "{}", found.evidence);
}

#[tokio::test]
async fn a_program_that_forks_and_never_ends_is_killed_with_all_it_started() {
    let mut bench = Bench::new();
    let seconds = unheard_of();
    // In its group, in a session of its own, twice forked away, and without the variable that tells whose it is.
    let script = format!(
        "sleep {seconds} & setsid sleep {seconds} & (setsid sh -c 'sleep {seconds} & sleep {seconds}' &) ; env -i sleep {seconds} & \
         while :; do sleep {seconds}; done"
    );
    let began = Instant::now();
    let found = bench.run(shell(&script, 1)).await;
    assert_eq!(found.verdict, Verdict::Unknown);
    assert_eq!(found.evidence, "killed after 1 s time limit");
    assert!(began.elapsed() < Duration::from_secs(3) + SLACK, "{:?}", began.elapsed());
    assert_eq!(living(&seconds), 0, "what it started is gone");
}

#[tokio::test]
async fn a_child_that_keeps_the_pipe_open_does_not_hold_the_check_and_does_not_outlive_it() {
    let seconds = unheard_of();
    let began = Instant::now();
    let found = Bench::new().run(shell(&format!("sleep {seconds} & (setsid sleep {seconds} &); echo done"), 60)).await;
    assert_eq!((found.verdict, found.output.as_str()), (Verdict::Pass, "done"));
    assert!(found.evidence.ends_with("; what it left running was killed (2)"), "{}", found.evidence);
    assert!(began.elapsed() < Duration::from_secs(1) + SLACK);
    assert_eq!(living(&seconds), 0);
}

#[tokio::test]
async fn a_program_that_prints_without_end_takes_neither_memory_nor_more_than_its_time() {
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let (before, began) = (memory(), Instant::now());
    let found = Bench::new().run(Task::Command(program(&["yes", "a line of nothing"], 2))).await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, "killed after 2 s time limit"));
    assert!(began.elapsed() < Duration::from_secs(2) + SLACK, "{:?}", began.elapsed());
    assert!(found.output.contains("MiB left out") && found.output.len() < 20_000, "{}", found.output.len());
    assert!(memory() < before + 50_000, "{} KiB before, {} after", before, memory());
}

#[tokio::test]
async fn a_gigabyte_is_read_to_its_end() {
    let found = Bench::new().run(shell("head -c 1000000000 /dev/zero; echo; echo the end", 50)).await;
    assert_eq!(found.verdict, Verdict::Pass, "{}", found.evidence);
    assert!(found.output.ends_with("the end") && found.output.contains("953.7 MiB left out"), "{}", found.output);
}

#[tokio::test]
async fn a_program_that_asks_for_a_terminal_gets_none_and_is_told_of() {
    let mut bench = Bench::new();
    let found = bench.run(shell("read answer </dev/tty", 5)).await;
    assert_eq!(found.verdict, Verdict::Fail);
    assert!(found.evidence.ends_with("; it asks for a terminal, which a check has not"), "{found:?}");
    let found = bench.run(shell("read answer && echo got some", 5)).await;
    assert_eq!((found.verdict, found.output.as_str()), (Verdict::Fail, ""), "its input has an end");
}

#[tokio::test]
async fn a_program_that_hears_no_request_to_end_is_killed() {
    let seconds = unheard_of();
    let began = Instant::now();
    let found = Bench::new().run(shell(&format!("trap '' TERM HUP INT; while :; do sleep {seconds}; done"), 1)).await;
    assert_eq!(found.evidence, "killed after 1 s time limit; it had not ended when asked to");
    assert!(began.elapsed() < Duration::from_secs(3) + SLACK, "{:?}", began.elapsed());
    assert_eq!(living(&seconds), 0);
}

#[tokio::test]
async fn a_program_that_closes_its_output_and_sleeps_has_its_time_and_no_more() {
    let seconds = unheard_of();
    let found = Bench::new().run(shell(&format!("exec >&- 2>&-; sleep {seconds}"), 1)).await;
    assert_eq!((found.verdict, found.evidence.as_str()), (Verdict::Unknown, "killed after 1 s time limit"));
    assert_eq!(living(&seconds), 0);
}
