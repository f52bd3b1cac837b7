//! The plan's fixtures: what loads, and what each mistake looks like to the person who made it.

mod commands;
mod release;
mod schema;
mod window;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rolldeck::config::plan::{self, Loaded};
use rolldeck::config::position::Source;
use rolldeck::domain::plan::{Colour, EngineKind, Protection, Target};

fn folder(name: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let entries = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {}", dir.display());
    files
}

fn parse(path: &Path) -> Result<Loaded, rolldeck::config::ConfigErrors> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    plan::parse(&Source::new(name, &std::fs::read_to_string(path).unwrap()), "plan")
}

/// `ROLLDECK_BLESS=1 cargo test` writes what is shown now; read the diff before you commit it.
fn pinned(beside: &Path, extension: &str, shown: &str) {
    let path = beside.with_extension(extension);
    if std::env::var_os("ROLLDECK_BLESS").is_some() {
        std::fs::write(&path, shown).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, wanted, "{} differs; ROLLDECK_BLESS=1 writes it anew", path.display());
}

#[test]
fn every_mistake_is_shown_as_pinned() {
    for path in folder("tests/it/config/invalid") {
        let errors = parse(&path).expect_err(&path.display().to_string());
        for error in &errors.0 {
            assert!(error.at.line > 0 && error.at.column > 0, "{error}");
        }
        pinned(&path, "err", &format!("{errors}\n"));
    }
}

#[test]
fn sample_plans_and_valid_fixtures_load() {
    for path in folder("config/plans").into_iter().chain(folder("tests/it/config/valid")) {
        let loaded = parse(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let mut shown = String::new();
        let plan = loaded.plan;
        writeln!(shown, "{}", plan.name).unwrap();
        for e in &plan.environments {
            let context = e.context.as_deref().unwrap_or("(current)");
            let engine = e.engine.word();
            writeln!(shown, "{}: {engine} {context}/{} {:?} {:?}", e.name, e.namespace, e.protection, e.colour).unwrap();
        }
        for w in plan.workloads() {
            let image = w.image.as_deref().unwrap_or("(running)");
            let place = format!("{}/{}", w.context.as_deref().unwrap_or("(current)"), w.namespace);
            writeln!(shown, "{}: {} {place} {:?} {image} {:?}", w.id, w.engine.word(), w.target, w.container).unwrap();
        }
        if path.starts_with(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")) {
            pinned(&path, "plan", &shown);
        }
    }
}

#[test]
fn the_booking_plan_is_that_of_the_deployment_guide() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/plans/booking.toml");
    let plan = plan::load(&path).unwrap().plan;
    let environments: Vec<_> = plan.environments.iter().map(|e| (e.name.as_str(), e.protection, e.colour)).collect();
    assert_eq!(
        environments,
        [
            ("development", Protection::Open, Colour::Green),
            ("staging", Protection::Guarded, Colour::Yellow),
            ("production", Protection::Protected, Colour::Red)
        ]
    );
    assert!(plan.environments.iter().all(|e| e.engine == EngineKind::Kubernetes));
    let words: Vec<_> = plan.workloads().map(|w| format!("{} {}", w.id, w.target.word())).collect();
    assert_eq!(
        words,
        [
            "backend development deployment",
            "backend staging deployment",
            "backend production blue/green",
            "frontend development deployment",
            "frontend staging deployment",
            "frontend production deployment",
            "worker development deployment",
            "worker staging deployment",
            "worker production deployment",
        ]
    );
    let Target::BlueGreen(pair) = &plan.workload(&plan.services[0].workloads[2].id).unwrap().target else { panic!("no pair") };
    assert_eq!((pair.label.as_str(), pair.tracks[0].track.as_str()), ("color", "blue"));
    assert_eq!(plan.path.as_deref(), Some(path.as_path()));
}

#[test]
fn a_context_that_the_kubeconfig_does_not_have_is_shown_with_those_that_it_has() {
    let text = "[[environment]]\nname = \"a\"\ncontext = \"stagin\"\n[[environment]]\nname = \"b\"\n[[service]]\nname = \"s\"\n";
    let loaded = plan::parse(&Source::new("rolldeck.toml", text), "plan").unwrap();
    let known = ["staging".to_owned(), "prod-eu".to_owned()];
    let errors = loaded.check_contexts(&known, None).unwrap_err().to_string();
    pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/config/contexts"), "err", &format!("{errors}\n"));
    assert!(loaded.check_contexts(&["stagin".to_owned()], Some("stagin")).is_ok());
}

#[test]
fn a_plan_is_found_by_name_then_upwards_then_in_the_configuration_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (deep, user) = (dir.path().join("a/b"), dir.path().join("user"));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::create_dir_all(&user).unwrap();
    std::fs::write(user.join("rolldeck.toml"), "").unwrap();
    assert_eq!(plan::find(None, &deep, None), None);
    assert_eq!(plan::find(None, &deep, Some(&user)), Some(user.join("rolldeck.toml")));
    std::fs::write(dir.path().join("rolldeck.toml"), "").unwrap();
    assert_eq!(plan::find(None, &deep, Some(&user)), Some(dir.path().join("rolldeck.toml")));
    assert_eq!(plan::find(Some(Path::new("x.toml")), &deep, Some(&user)), Some("x.toml".into()));
}

#[test]
fn a_file_that_cannot_be_read_is_one_error_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad.toml");
    std::fs::write(&bad, b"name = \"x\"\n# \xff\n").unwrap();
    for (path, reason) in [
        (dir.path().to_owned(), ": this is a directory"),
        (dir.path().join("none"), ": there is no such file"),
        (bad, ":2:3: the file is not UTF-8"),
    ] {
        let errors = plan::load(&path).unwrap_err().to_string();
        assert!(errors.starts_with(&format!("{}{reason}", path.display())), "{errors}");
    }
}

proptest::proptest! {
    /// Cuts and overwrites a plan at any byte: the loader answers, and every error can be shown.
    #[test]
    fn a_damaged_plan_is_an_error_or_a_plan_and_never_a_panic(cut in 0usize..2000, at in 0usize..2000, with in "\\PC{0,4}|[\\[\\]={}\"'#\n\t.,]{1,3}") {
        let text = include_str!("valid/every_key.toml");
        let mut text: String = text.chars().take(cut).collect();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert_str(at, &with);
        if let Err(errors) = plan::parse(&Source::new("p.toml", &text), "plan") {
            proptest::prop_assert!(!errors.to_string().is_empty());
        }
    }
}
