//! The house's own rules, read from the sources: who may import whom, what the core must not know, no forgotten file.
//!
//! The table stands in `src/lib.rs`; `may_import` is that table. Tests in a file obey the same rules as its code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod source;

use source::Source;

/// What adapters share, beside their own folder.
const SHARED_BY_ADAPTERS: [&str; 2] = ["backoff", "clock"];
/// What drawing may know of the console.
const SEEN_BY_UI: [&str; 5] = ["model", "action", "catalogue", "keymap", "regions"];

/// Returns whether a module may name another; both as paths from the crate's root.
fn may_import(from: &[String], to: &[String]) -> bool {
    let part = |path: &[String], at: usize| path.get(at).cloned().unwrap_or_default();
    let (from_layer, to_layer) = (part(from, 0), part(to, 0));
    let second = part(to, 1);
    match from_layer.as_str() {
        "wiring" | "cli" | "main" => true,
        "adapter" if to_layer == "adapter" => second == part(from, 1) || SHARED_BY_ADAPTERS.contains(&second.as_str()),
        same if same == to_layer => true,
        "port" | "config" | "logging" => to_layer == "domain",
        "adapter" | "app" => ["domain", "port", "config"].contains(&to_layer.as_str()),
        "ui" => match to_layer.as_str() {
            "domain" => true,
            // How something outside stands.
            "port" => second == "Link" || (second == "releases" && part(to, 2) == "Access"),
            "config" => second == "theme",
            "app" => SEEN_BY_UI.contains(&second.as_str()),
            _ => false,
        },
        _ => false,
    }
}

/// Crates and modules that the core must not name: the world outside, and the clock.
const OUTSIDE: [&[&str]; 14] = [
    &["tokio"],
    &["kube"],
    &["k8s_openapi"],
    &["bollard"],
    &["ratatui"],
    &["crossterm"],
    &["fastrand"],
    &["tempfile"],
    &["std", "fs"],
    &["std", "env"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time"],
];
const CLOCKS: [&[&str]; 4] = [&["Timestamp", "now"], &["Zoned", "now"], &["SystemTime", "now"], &["Instant", "now"]];

/// Returns what a file breaks, a sentence each. `module` is its path from the crate's root.
fn offences(module: &[String], source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let module_of = |path: &[String]| path.join("::");
    for path in source.own_paths(module) {
        if !may_import(module, &path) {
            found.push(format!("{} must not import {}", module_of(module), module_of(&path)));
        }
    }
    if source.climbs_twice() {
        found.push(format!("{} says super::super: name it from crate", module_of(module)));
    }
    if module.first().is_some_and(|layer| layer == "domain") {
        for path in source.paths() {
            let named = |names: &&[&str]| path.len() >= names.len() && path.iter().zip(names.iter()).all(|(part, name)| part == name);
            let ends =
                |names: &&[&str]| path.len() >= names.len() && path.iter().rev().zip(names.iter().rev()).all(|(part, name)| part == name);
            if OUTSIDE.iter().any(named) || CLOCKS.iter().any(ends) {
                found.push(format!("{} is of the core and must not name {}", module_of(module), module_of(path)));
            }
        }
    }
    found
}

/// Returns the module path of a file below `src`.
fn module_of(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every Rust file below a folder of the project, as paths from that folder.
fn files(folder: &str) -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let folder = root().join(folder);
    let mut found = Vec::new();
    walk(&folder, &mut found);
    found.into_iter().map(|path| path.strip_prefix(&folder).unwrap().to_owned()).collect()
}

/// Returns the files that a crate's root reaches by `mod` lines, itself among them.
fn reached(start: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(file) = open.pop() {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let here = file.parent().unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let below = if ["mod", "main", "lib"].contains(&stem) { here.to_owned() } else { here.join(stem) };
        for (name, path) in source::declared(&text) {
            let candidates = match path {
                Some(path) => vec![here.join(path)],
                None => vec![below.join(format!("{name}.rs")), below.join(&name).join("mod.rs")],
            };
            open.extend(candidates.into_iter().filter(|file| file.exists()).map(|file| file.canonicalize().unwrap()));
        }
        found.insert(file);
    }
    found
}

#[test]
fn every_import_follows_the_table() {
    let src = root().join("src");
    let found: Vec<String> = files("src")
        .iter()
        .flat_map(|file| offences(&module_of(file), &Source::read(&fs::read_to_string(src.join(file)).unwrap())))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for folder in ["src", "tests"] {
        for file in files(folder) {
            let text = fs::read_to_string(root().join(folder).join(&file)).unwrap();
            assert!(text.starts_with("//! "), "{folder}/{} does not open with a //! line", file.display());
        }
    }
}

#[test]
fn no_file_is_forgotten() {
    let mut reached_by_any = BTreeSet::new();
    for start in ["src/lib.rs", "src/main.rs", "tests/it/main.rs", "tests/live/main.rs", "tests/bench/main.rs"] {
        reached_by_any.extend(reached(&root().canonicalize().unwrap().join(start)));
    }
    for folder in ["src", "tests"] {
        for file in files(folder) {
            let path = root().canonicalize().unwrap().join(folder).join(&file);
            assert!(reached_by_any.contains(&path), "no mod line reaches {folder}/{}", file.display());
        }
    }
}

/// The offences of a file with this text.
fn planted(module: &str, text: &str) -> usize {
    offences(&module.split("::").map(ToOwned::to_owned).collect::<Vec<_>>(), &Source::read(text)).len()
}

#[test]
fn a_planted_import_is_found_in_each_of_its_spellings() {
    for (module, text) in [
        ("app::update", "use crate::ui::draw;"),
        ("app::update", "use crate::{domain::id, ui};"),
        ("app::update", "use crate::{\n    domain::id,\n    ui::{self, pane},\n};"),
        ("app::update", "fn f() { crate::ui::draw() }"),
        ("app::update", "pub(in crate::ui) fn f() {}"),
        ("app", "use super::ui::draw;"),
        ("app", "mod inner { use super::super::ui; }"),
        ("app::update", "use super::super::ui;"),
        ("ui::pane", "use crate::app::update::step;"),
        ("ui::pane", "use crate::app::*;"),
        ("ui::pane", "use crate::port::engine::Event;"),
        ("ui::pane", "use crate::port::{Link, engine};"),
        ("adapter::records::file", "use crate::adapter::terminal::Guard;"),
        ("adapter::records", "use super::terminal::Guard;"),
        ("adapter::clock", "use super::terminal::Guard;"),
        ("port::engine", "use crate::config::plan;"),
        ("config::plan", "use crate::port::Link;"),
        ("domain::id", "use crate::port::Link;"),
        ("domain::id", "use tokio::sync::mpsc;"),
        ("domain::id", "use std::{fmt, fs};"),
        ("domain::id", "fn f() { let x = std::env::var(\"X\"); }"),
        ("domain::id", "fn f() -> Timestamp { Timestamp::now() }"),
        ("domain::id", "fn f() { jiff::Timestamp::now(); }"),
        ("domain::id", "use std::time::{Duration, Instant};"),
    ] {
        assert_ne!(planted(module, text), 0, "{module}: {text}");
    }
}

#[test]
fn what_the_table_allows_is_not_found() {
    for (module, text) in [
        ("app::update", "use crate::domain::id;\nuse crate::port::{Link, engine};\nuse super::model::Model;\nuse crate::app::msg;"),
        (
            "ui::pane",
            "use crate::port::Link;\nuse crate::config::theme::Theme;\nuse crate::app::{model::Model, regions};\nuse crate::ui::format;",
        ),
        ("adapter::records::file", "use super::chain;\nuse crate::adapter::clock::now;\nuse crate::adapter::records::FILE;"),
        ("adapter::records", "mod tests { use super::*; }"),
        ("app", "mod tests { use super::update; }"),
        ("wiring", "use crate::{adapter, app, ui};"),
        ("main", "use rolldeck::cli;"),
        ("domain::id", "//! See [`crate::ui`].\n// crate::ui\n/* crate::ui /* std::fs */ */\nconst X: &str = \"crate::ui \\\" std::fs\";"),
        ("domain::id", "const X: &str = r#\"crate::ui \" std::fs\"#; const Q: char = '\"'; fn f<'a>(x: &'a str) {}"),
        ("domain::id", "use std::fmt;\nuse jiff::Timestamp;\nuse regex::Regex;"),
    ] {
        assert_eq!(planted(module, text), 0, "{module}: {text}");
    }
}
