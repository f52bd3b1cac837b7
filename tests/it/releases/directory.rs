//! Consoles that share a directory, in real time: files have no other.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rolldeck::adapter::records::releases::{read, spawn};
use rolldeck::port::releases::{Access, Event};
use tokio::time::sleep;

use crate::store_support::{Console, announced, begun, ended, note, shelf};

fn console(directory: &Path) -> Console {
    Console::over(|commands, events| spawn(directory.to_owned(), shelf(), commands, events))
}

/// Waits until it is so, and returns how long it took.
async fn until(console: &mut Console, what: &str, so: impl Fn(&Console) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        console.listen();
        if so(console) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "not so: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn count(console: &Console, id: &str) -> usize {
    console.record(id).map_or(0, |record| record.entries.len())
}

#[tokio::test]
async fn two_consoles_on_one_directory_lose_nothing_and_see_each_other() {
    let home = tempfile::tempdir().unwrap();
    let (mut ana, mut bea) = (console(home.path()), console(home.path()));
    ana.create("r1", begun(0)).await.unwrap();
    until(&mut bea, "bea sees it", |bea| count(bea, "r1") == 2).await;
    for second in 10..20 {
        let (one, other) = (ana.ask("r1", vec![note("ana", second)]), bea.ask("r1", vec![note("bea", second)]));
        assert_eq!((ana.answer(one).await, bea.answer(other).await), (Ok(()), Ok(())));
    }
    for console in [&mut ana, &mut bea] {
        until(console, "all notes", |console| count(console, "r1") == 22).await;
    }
    assert_eq!(ana.record("r1"), bea.record("r1"));
    assert_eq!(read(home.path().to_owned(), shelf()).await.unwrap(), [ana.record("r1").unwrap()]);
}

#[tokio::test]
async fn a_directory_that_comes_and_a_file_that_goes_are_told() {
    let home = tempfile::tempdir().unwrap();
    let shared = home.path().join("shared");
    let mut ana = console(&shared);
    let sentence = Access::Unreadable(format!("{} is not there", shared.display()));
    until(&mut ana, "it is not there", |ana| ana.access() == sentence).await;
    assert!(!ana.create("r1", begun(0)).await.unwrap_err().in_doubt);
    fs::create_dir(&shared).unwrap();
    until(&mut ana, "it can be written", |ana| ana.access() == Access::Writable).await;
    ana.create("r1", begun(0)).await.unwrap();
    fs::remove_file(shared.join("rolldeck-release-r1.jsonl")).unwrap();
    until(&mut ana, "it is gone", |ana| ana.record("r1").is_none()).await;
    assert!(ana.append("r1", vec![note("ana", 5)]).await.unwrap_err().message.contains("its record is gone"));
}

#[tokio::test]
async fn ended_releases_beyond_the_policy_are_removed() {
    let home = tempfile::tempdir().unwrap();
    let mut ana = console(home.path());
    for (id, second) in [("a", 10), ("b", 20), ("c", 30)] {
        ana.create(id, vec![begun(second).remove(0), announced(second + 1)]).await.unwrap();
        ana.append(id, vec![ended(second + 2)]).await.unwrap();
    }
    until(&mut ana, "pruned", |ana| ana.heard.iter().any(|event| matches!(event, Event::Pruned { count: 1, .. }))).await;
    assert_eq!((ana.record("a"), count(&ana, "b"), count(&ana, "c")), (None, 3, 3));
}
