//! What a plan says of releases: the shipped checklists, the booking plan's three processes, and what differs in a fingerprint.

use std::path::Path;

use rolldeck::config::plan;
use rolldeck::config::position::Source;
use rolldeck::domain::plan::{Environment, Plan};
use rolldeck::domain::release::Kind;
use rolldeck::domain::release::checklist::{Item, Kubernetes, Stage, Task};
use rolldeck::domain::release::policy::{Need, OnClose, Place, Policy};

fn read(text: &str) -> Plan {
    plan::parse(&Source::new("rolldeck.toml", text), "plan").unwrap_or_else(|errors| panic!("{errors}")).plan
}

fn environments(more: &str) -> Plan {
    let names = ["development", "staging", "production"].map(|name| format!("[[environment]]\nname = \"{name}\"\n"));
    read(&format!("{more}\n{}\n[[service]]\nname = \"web\"\n", names.concat()))
}

fn of<'a>(plan: &'a Plan, name: &str) -> &'a Environment {
    plan.environment(&name.into()).unwrap()
}

fn titles(policy: &Policy, stage: Stage, category: &str) -> Vec<String> {
    let items = policy.items.iter().filter(|item| item.stage == stage && item.category == category);
    items.map(|item| item.title.clone()).collect()
}

#[test]
fn every_item_of_the_deployment_guide_is_in_the_shipped_checklists() {
    let plan = environments("");
    let policy = &of(&plan, "production").policy;
    for (stage, category, wanted) in [
        (
            Stage::Before,
            "Code quality",
            &[
                "All automated tests passing",
                "Code coverage above 80%",
                "Security scan completed with no critical issues",
                "Performance benchmarks met",
                "Code review completed and approved",
                "Documentation updated",
            ][..],
        ),
        (
            Stage::Before,
            "Infrastructure readiness",
            &[
                "Target environment capacity verified",
                "Database schema migrations prepared",
                "Configuration values validated",
                "Secrets and certificates updated",
                "Network connectivity confirmed",
                "Monitoring and alerting configured",
            ],
        ),
        (
            Stage::Before,
            "Business readiness",
            &[
                "Change management ticket created",
                "Deployment window scheduled",
                "Stakeholders notified",
                "Rollback plan documented",
                "Communication plan prepared",
                "Support team on standby",
            ],
        ),
        (
            Stage::Before,
            "Security and compliance",
            &[
                "Security review completed",
                "Compliance requirements verified",
                "Access controls validated",
                "Audit logging enabled",
                "Data backup completed",
            ],
        ),
        (
            Stage::After,
            "Manual validation",
            &[
                "Application accessible via load balancer",
                "API endpoints responding correctly",
                "Database connections working",
                "User authentication functioning",
                "Core business workflows operational",
                "Monitoring dashboards showing data",
                "Alerting system functioning",
                "Performance metrics within acceptable ranges",
                "Log aggregation working",
                "Backup systems operational",
            ],
        ),
        (
            Stage::Back,
            "Rollback validation",
            &[
                "Application accessible and functional",
                "User data preserved",
                "Performance restored to baseline",
                "Monitoring alerts cleared",
                "Logs showing normal operation",
                "Database consistency verified",
            ],
        ),
    ] {
        let found = titles(policy, stage, category);
        for title in wanted {
            let item = policy.items.iter().find(|item| item.title == *title && item.category == category);
            assert!(item.is_some_and(|item| item.required && item.stage == stage), "{title} in {found:?}");
        }
    }
    // Those of the shorter plans: smoke tests, acceptance, backups that were tried, dry runs, communication.
    for word in ["Smoke tests", "User acceptance testing", "recovery procedures tested", "dry-runs in staging", "Confirmation of success"] {
        assert!(policy.items.iter().any(|item| item.title.contains(word)), "{word}");
    }
}

#[test]
fn shipped_lists_follow_protection_and_an_emergency_has_the_short_one() {
    let plan = environments("");
    assert!(of(&plan, "development").policy.items.is_empty());
    let by_hand = |item: &&Item| item.task == Task::Manual && item.required;
    let staging = &of(&plan, "staging").policy;
    assert_eq!(staging.items.iter().filter(by_hand).count(), 0, "staging asks nobody");
    assert!(staging.items.iter().any(|item| item.task == Task::Kubernetes(Kubernetes::Quiet)));
    let production = &of(&plan, "production").policy;
    let count =
        |kind| production.items.iter().filter(|item| item.stage == Stage::Before && item.applies(kind, None)).filter(by_hand).count();
    assert_eq!((count(Kind::Standard), count(Kind::Emergency)), (22, 5));
    let staged = production.items.iter().find(|item| item.id.as_str() == "healthy-before").unwrap();
    assert!(matches!(&staged.task, Task::Environment { environment, .. } if environment.as_str() == "staging"));
    // Alone there is nothing before it.
    let alone = read("[[environment]]\nname = \"production\"\n[[service]]\nname = \"web\"\n");
    assert!(of(&alone, "production").policy.items.iter().all(|item| !matches!(item.task, Task::Environment { .. })));
}

#[test]
fn a_plan_without_rules_asks_nothing_until_somebody_makes_a_release() {
    let plan = environments("");
    for environment in &plan.environments {
        let policy = &environment.policy;
        assert_eq!((policy.need, policy.on_close, &policy.place), (Need::Optional, OnClose::Finish, &Place::Engine));
        assert!(policy.approvals.is_empty() && policy.calendar == rolldeck::domain::window::Calendar::default());
        assert_eq!(policy.criteria.len(), 4);
    }
    let none = environments("[release]\nchecklists = \"none\"\n");
    assert!(none.environments.iter().all(|environment| environment.policy.items.is_empty()));
    assert!(plan.channels.is_empty());
}

#[test]
fn a_plan_adds_replaces_and_leaves_out() {
    let list = "[[checklist]]\nstage = \"before\"\nenvironments = [\"production\"]\n";
    let own =
        "[[checklist.item]]\nid = \"smoke\"\ntitle = \"Smoke\"\ncategory = \"Code quality\"\ncommand = [\"./smoke\", \"${version}\"]\n";
    let production = |text: &str| of(&environments(text), "production").policy.clone();
    let shipped = production("").items.len();
    let added = production(&format!("{list}{own}"));
    assert_eq!(added.items.len(), shipped + 1);
    let quality = titles(&added, Stage::Before, "Code quality");
    assert_eq!((quality.first().unwrap().as_str(), quality.last().unwrap().as_str()), ("All automated tests passing", "Smoke"));
    let placed = production(&format!("{list}{}", own.replace("\"smoke\"", "\"tests-passing\"")));
    assert_eq!((placed.items.len(), placed.items[0].title.as_str()), (shipped, "Smoke"), "in its place");
    let left = production("[release]\nleave-out = [\"code-coverage\", \"training\"]\n");
    assert_eq!(left.items.len(), shipped - 2);
    let replaced = production(&format!("{list}replace = true\nkinds = [\"emergency\"]\n{own}"));
    let before = |kind| replaced.items.iter().filter(|item| item.stage == Stage::Before && item.applies(kind, None)).count();
    assert_eq!(before(Kind::Emergency), 1);
    assert!(before(Kind::Standard) > 20, "the other kinds keep theirs");
}

#[test]
fn the_booking_plan_has_the_three_processes_of_the_deployment_guide() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/plans/booking.toml");
    let plan = plan::load(&path).unwrap().plan;
    let staging = &of(&plan, "staging").policy;
    assert!(staging.approvals.is_empty() && staging.need == Need::Optional && staging.calendar.windows.is_empty());
    let production = &of(&plan, "production").policy;
    assert_eq!((production.need, production.on_close), (Need::Required, OnClose::Hold));
    let asked = |kind: Kind, class: Option<&str>, strategy: &str| {
        let rules = production.approvals.iter().filter(|rule| {
            (rule.kinds.is_empty() || rule.kinds.contains(&kind))
                && (rule.strategies.is_empty() || rule.strategies.iter().any(|one| one == strategy))
                && (rule.classes.is_empty() || class.is_some_and(|class| rule.classes.iter().any(|one| one == class)))
        });
        rules.map(|rule| rule.role.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(asked(Kind::Standard, None, "rolling"), "technical business");
    assert_eq!(asked(Kind::Standard, Some("major"), "rolling"), "technical business security");
    assert_eq!(asked(Kind::Standard, Some("regulatory"), "rolling"), "technical business compliance");
    assert_eq!(asked(Kind::Scheduled, None, "blue-green"), "technical business security compliance");
    assert_eq!(asked(Kind::Standard, None, "canary"), "technical business features");
    assert_eq!(asked(Kind::Emergency, Some("major"), "blue-green"), "technical business");
    assert_eq!(production.emergency_within, jiff::SignedDuration::from_hours(1));
    assert_eq!((production.criteria.len(), production.classes.join(" ").as_str()), (4, "major regulatory"));
    assert_eq!((production.calendar.windows.len(), production.calendar.freezes.len(), plan.channels.len()), (1, 1, 3));
}

#[test]
fn a_fingerprint_differs_exactly_where_rules_differ() {
    let print = |text: &str| of(&environments(text), "production").policy.fingerprint.clone();
    let plain = print("");
    assert_eq!(plain, print("# a comment\nname = \"other\"\n"));
    assert_eq!(plain, print("[release]\nkeep = { count = 3 }\nchecks-at-once = 2\nrecords = \"elsewhere\"\n"), "how it is kept is no rule");
    let role = "[roles]\nlead = [\"ana\"]\n";
    let texts = [
        String::new(),
        role.to_owned(),
        format!("{role}[[approval]]\nrole = \"lead\"\n"),
        format!("{role}[[approval]]\nrole = \"lead\"\nexpires = \"1h\"\n"),
        "[release]\non-close = \"back\"\n".into(),
        "[release]\nleave-out = [\"training\"]\n".into(),
        "[[window]]\nopens = \"0 22 * * TUE UTC\"\nlasts = \"1h\"\n".into(),
        "[[window]]\nopens = \"0 22 * * TUE Europe/Berlin\"\nlasts = \"1h\"\n".into(),
        "[[freeze]]\nfrom = 2026-12-20T00:00:00Z\nuntil = 2026-12-21T00:00:00Z\nreason = \"r\"\nby = \"b\"\n".into(),
    ];
    let mut prints: Vec<String> = texts.iter().map(|text| print(text)).collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), texts.len());
    assert_eq!(plain.len(), 16);
}

#[test]
fn moments_are_read_in_every_form_and_in_the_plans_zone() {
    for from in [
        "2026-12-20",
        "\"2026-12-20\"",
        "2026-12-20T00:00:00",
        "\"2026-12-20 00:00\"",
        "\"2026-12-19T18:00 America/New_York\"",
        "2026-12-20T00:00:00+01:00",
        "\"2026-12-20T00:00+01:00[Europe/Berlin]\"",
        "2026-12-19T23:00:00Z",
    ] {
        let plan =
            environments(&format!("zone = \"Europe/Berlin\"\n[[freeze]]\nfrom = {from}\nuntil = 2027-01-01\nreason = \"r\"\nby = \"b\"\n"));
        let freeze = &of(&plan, "staging").policy.calendar.freezes[0];
        assert_eq!(freeze.from, "2026-12-19T23:00:00Z".parse().unwrap(), "{from}");
    }
}

#[test]
fn paths_are_read_from_the_plans_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rolldeck.toml");
    std::fs::write(&path, include_str!("valid/every_key.toml")).unwrap();
    let plan = plan::load(&path).unwrap().plan;
    let policy = &of(&plan, "production").policy;
    assert_eq!(policy.place, Place::Directory(dir.path().join("records")));
    let smoke = policy.items.iter().find(|item| item.id.as_str() == "smoke").unwrap();
    let Task::Command(command) = &smoke.task else { panic!("{smoke:?}") };
    assert_eq!(command.folder.as_deref(), dir.path().join("checks").to_str());
    assert_eq!(
        policy.fingerprint,
        of(&read(include_str!("valid/every_key.toml")), "production").policy.fingerprint,
        "two checkouts, one plan"
    );
}
