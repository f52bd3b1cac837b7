//! A release in every phase and trouble that somebody may find it in.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rolldeck::app::model::Model;
use rolldeck::app::model::dialog::{FieldKey, Form, Overlay, Prompt, Question, Roles};
use rolldeck::app::model::nav::{Cursor, Screen};
use rolldeck::app::model::releases::Run;
use rolldeck::config::theme::Theme;
use rolldeck::domain::id::{ItemId, RolloutId};
use rolldeck::domain::release::approval::{Choice, Decision, Rule};
use rolldeck::domain::release::checklist::{
    Command, Comparison, Http, Item, Kubernetes, Operator, Outcome, Prometheus, Stage, Task, Verdict,
};
use rolldeck::domain::release::policy::{Need, OnClose, Policy};
use rolldeck::domain::release::record::{Body, Entry};
use rolldeck::domain::release::{Bound, Brief, Kind, Override, Release, Schedule, Voucher, machine};
use rolldeck::domain::window::{Calendar, Freeze, Opens, Window};
use rolldeck::port::Seq;
use rolldeck::port::releases::Access;

use super::fixture::{at, busy, id};
use super::{frame, shown, text};

const ID: &str = "20260120-1842-frontend-7f3a";
const DIGEST: &str = "sha256:9f3c1a22b7d04f6e8a119f3c1a22b7d04f6e8a119f3c1a22b7d04f6e8a1142e1";
const FORMER: &str = "sha256:41aa1a22b7d04f6e8a119f3c1a22b7d04f6e8a119f3c1a22b7d04f6e8a1177c0";

/// Reads when a window opens, by the clock of Berlin.
fn opens(fields: &str) -> Opens {
    Opens::parse(fields, TimeZone::get("Europe/Berlin").unwrap()).unwrap()
}

fn item(id: &str, stage: Stage, category: &str, title: &str, task: Task) -> Item {
    let fresh = matches!(task, Task::Kubernetes(_) | Task::Prometheus(_) | Task::Http(_)).then(|| SignedDuration::from_mins(10));
    Item {
        id: id.into(),
        title: title.into(),
        category: category.into(),
        stage,
        task,
        fresh,
        kinds: Vec::new(),
        classes: Vec::new(),
        required: true,
    }
}

fn command(run: &[&str]) -> Task {
    Task::Command(Command {
        run: run.iter().map(|word| (*word).to_owned()).collect(),
        time_limit: SignedDuration::from_mins(5),
        variables: vec!["CI_TOKEN".into()],
        folder: None,
    })
}

fn query(query: &str, operator: Operator, value: f64) -> Task {
    Task::Prometheus(Prometheus {
        server: "https://prometheus.example".into(),
        query: query.into(),
        limit: Comparison { operator, value: value.into() },
        headers: Vec::new(),
        time_limit: SignedDuration::from_secs(10),
    })
}

fn http(url: &str) -> Task {
    Task::Http(Http {
        url: url.into(),
        method: "GET".into(),
        headers: Vec::new(),
        status: 200,
        header: None,
        json: Some(("/status".into(), Comparison { operator: Operator::Equal, value: "ok".into() })),
        time_limit: SignedDuration::from_secs(10),
    })
}

fn items() -> Vec<Item> {
    use Stage::{After, Back, Before};
    let (code, infra, business, security) = ("Code quality", "Infrastructure readiness", "Business readiness", "Security and compliance");
    let healthy = Task::Environment { environment: "staging".into(), healthy_for: SignedDuration::from_mins(30) };
    let firing = "count(ALERTS{alertstate=\"firing\",severity=~\"critical|warning\",namespace=\"${namespace}\"})";
    let optional = |item: Item| Item { required: false, ..item };
    vec![
        item("tests", Before, code, "All automated tests passing", command(&["ci", "status", "${version}"])),
        item("coverage", Before, code, "Code coverage above 80 %", command(&["ci", "coverage", "--at-least", "80"])),
        item("scan", Before, code, "Security scan without critical issues", command(&["trivy", "image", "${image}"])),
        item("review", Before, code, "Code review completed", Task::Manual),
        item("capacity", Before, infra, "Capacity for the surge", Task::Kubernetes(Kubernetes::Capacity)),
        item("way-back", Before, infra, "A way back is kept", Task::Kubernetes(Kubernetes::Rollback)),
        item("staging", Before, infra, "Healthy in staging for 30 min", healthy),
        item("alerts", Before, infra, "No firing alerts", query(firing, Operator::Equal, 0.0)),
        item(
            "certificate",
            Before,
            infra,
            "Certificates valid for 14 days",
            Task::Kubernetes(Kubernetes::Certificate { secret: "tls".into(), days: 14 }),
        ),
        item("ticket", Before, business, "Change ticket created", Task::Manual),
        item("support", Before, business, "Support team told", Task::Manual),
        optional(item("docs", Before, business, "Release notes published", http("https://docs.example/api/releases/${version}"))),
        item("backup", Before, security, "Data backup completed", http("https://backup.example/last")),
        item("security", Before, security, "Security review", Task::Manual),
        item("health", After, "Validation", "Health endpoint answers", http("https://booking.example/health")),
        item("errors", After, "Validation", "Error rate below 0.5 %", query("sum(rate(errors[5m]))", Operator::Less, 0.5)),
        item("smoke", After, "Validation", "Smoke tests pass", command(&["smoke", "--env", "production"])),
        item("journey", After, "Validation", "A booking was made by hand", Task::Manual),
        item(
            "restored",
            Back,
            "Rollback validation",
            "The former version serves",
            Task::Kubernetes(Kubernetes::Healthy { for_: SignedDuration::from_mins(5) }),
        ),
        item("data", Back, "Rollback validation", "Data is whole", Task::Manual),
        item("told", Back, "Rollback validation", "Stakeholders told", Task::Manual),
    ]
}

fn policy() -> Policy {
    let rule = |role: &str| Rule {
        role: role.into(),
        count: 1,
        kinds: Vec::new(),
        strategies: Vec::new(),
        classes: Vec::new(),
        expires: Some(SignedDuration::from_hours(24)),
    };
    let roles = [("technical", vec!["li", "ana"]), ("business", vec!["marco", "dana"])];
    Policy {
        need: Need::Required,
        items: items(),
        approvals: vec![rule("technical"), rule("business")],
        roles: roles.into_iter().map(|(role, holders)| (role.into(), holders.into_iter().map(Into::into).collect())).collect(),
        calendar: Calendar {
            windows: vec![Window { name: "maintenance".into(), opens: opens("0 22 * * TUE,THU"), lasts: SignedDuration::from_hours(2) }],
            freezes: vec![Freeze { from: at(9 * 86_400), until: at(12 * 86_400), reason: "payroll".into(), by: "dana".into() }],
            lead: SignedDuration::from_mins(30),
            zone: None,
        },
        on_close: OnClose::Hold,
        criteria: vec!["Production outage".into(), "Security vulnerability".into(), "Data loss".into()],
        classes: vec!["minor".into(), "major".into(), "regulatory".into()],
        fingerprint: "rules-1".into(),
        ..Policy::default()
    }
}

fn brief() -> Brief {
    Brief {
        environment: "production".into(),
        versions: vec![("search".into(), "0.9.1".into())],
        kind: Kind::Standard,
        title: "Faster fuzzy search".into(),
        author: "ana".into(),
        ticket: Some("CHG-4711".into()),
        notes: String::new(),
        audience: "all customers".into(),
        duration: Some(SignedDuration::from_mins(40)),
        downtime: None,
        cutover: None,
        contingency: "roll back, index 41 is kept".into(),
        class: Some("minor".into()),
        criterion: None,
        strategies: Vec::new(),
    }
}

/// A record that is being written, entry by entry.
struct Story {
    release: Release,
}

impl Story {
    fn of(brief: Brief) -> Self {
        let entry = entry(-7_200, "ana", Body::Drafted { brief: Box::new(brief) });
        Self { release: machine::begin(ID.into(), entry).unwrap() }
    }

    fn then(mut self, second: i64, by: &str, body: Body) -> Self {
        machine::take(&mut self.release, entry(second, by, body)).unwrap();
        self
    }

    fn bound(self, second: i64, digest: &str) -> Self {
        let service = self.release.brief.versions[0].0.clone();
        let image = format!("trixtech/{service}:{}", self.release.brief.versions[0].1);
        let bound = vec![Bound { service, image, digest: Some(digest.into()), source: "runs in staging".into() }];
        self.then(second, "ana", Body::Bound { bound })
    }

    fn announced(self, second: i64) -> Self {
        self.then(second, "ana", Body::Announced)
    }

    fn checked(self, second: i64, by: &str, item: &str, verdict: Verdict, evidence: &str) -> Self {
        let of = self.release.fingerprint();
        let stage = items().into_iter().find(|one| one.id.as_str() == item).unwrap().stage;
        let outcome = Outcome { verdict, at: at(second), by: by.into(), evidence: evidence.into(), output: String::new(), link: None, of };
        self.then(second, by, Body::Checked { item: item.into(), stage, outcome: Box::new(outcome) })
    }

    fn decided(self, second: i64, by: &str, role: &str, choice: Choice, reason: &str) -> Self {
        let voucher = if by == "marco" { Voucher::System } else { Voucher::Cluster };
        let decision = Decision {
            at: at(second),
            by: by.into(),
            voucher,
            role: role.into(),
            choice,
            reason: reason.into(),
            of: self.release.fingerprint(),
            plan: "rules-1".into(),
        };
        self.then(second, by, Body::Decided { decision: Box::new(decision) })
    }

    /// Everything before it begins passed.
    fn passed(mut self) -> Self {
        for (item, by, evidence, ago) in [
            ("tests", "ana", "exit 0 in 1.2 s: 812 passed", 180),
            ("coverage", "ana", "exit 0 in 0.4 s: 83.4 %", 180),
            ("scan", "ana", "exit 0 in 21 s: 0 critical, 2 low", 660),
            ("review", "li", "reviewed with marco", 2_280),
            ("capacity", "ana", "4 of 12 nodes have room, 1 is needed", 8),
            ("way-back", "ana", "#41, 3 pods possible", 8),
            ("staging", "ana", "0.9.1 healthy for 47 min", 8),
            ("alerts", "ana", "0 = 0", 12),
            ("certificate", "ana", "61 days left", 8),
            ("ticket", "ana", "CHG-4711", 6_000),
            ("support", "ana", "told dana in #support", 3_000),
            ("docs", "ana", "200, status = ok", 30),
            ("backup", "ana", "200, status = ok", 40),
            ("security", "sam", "no new surface", 5_400),
        ] {
            self = self.checked(-ago, by, item, Verdict::Pass, evidence);
        }
        self
    }

    fn approved(self) -> Self {
        self.decided(-1_200, "li", "technical", Choice::Approve, "smoke tests twice green").decided(
            -900,
            "dana",
            "business",
            Choice::Approve,
            "fine for tonight",
        )
    }

    fn ready(self) -> Self {
        self.announced(-7_000).bound(-6_990, DIGEST).passed().approved().then(-5, "ana", Body::Opened)
    }

    fn began(self, second: i64) -> Self {
        let rollout = id(self.release.brief.versions[0].0.as_str(), "production");
        self.then(second, "ana", Body::Began { rollout, op: "op-9".into() })
    }

    fn model(self) -> Model {
        with(self.release)
    }
}

fn entry(second: i64, by: &str, body: Body) -> Entry {
    // Marco's cluster does not say who he is.
    let voucher = if by == "marco" { Voucher::System } else { Voucher::Cluster };
    Entry { at: at(second), actor: by.into(), voucher, console: "desk:4711".into(), body }
}

/// The busy evening with rules for production, and nothing released.
fn ruled(policy: &Policy) -> Model {
    let mut model = busy();
    let mut plan = (*model.plan).clone();
    for environment in &mut plan.environments {
        if environment.name.as_str() == "production" {
            environment.policy = Arc::new(policy.clone());
        }
        model.releases.access.insert(environment.name.clone(), Access::Writable);
    }
    model.plan = Arc::new(plan);
    model.identities.insert("prod-eu".into(), ("ana".into(), Voucher::Cluster));
    model
}

fn with(release: Release) -> Model {
    with_rules(release, &policy())
}

fn with_rules(release: Release, policy: &Policy) -> Model {
    let mut model = ruled(policy);
    let id = release.id.clone();
    model.releases.set(Arc::new(release));
    model.nav.open(Screen::Release(id));
    model.nav.release = Cursor { at: 2, top: 0 };
    model
}

fn draft() -> Model {
    Story::of(brief()).model()
}

/// Running, failed, stale, unknown, open: one of each, and a check that waits for its turn.
fn checking() -> Model {
    let story = Story::of(brief()).announced(-7_000).bound(-6_990, DIGEST).passed();
    let story = story
        .checked(-2, "ana", "alerts", Verdict::Fail, "1, wanted = 0: LedgerLatency")
        .checked(-900, "ana", "capacity", Verdict::Pass, "4 of 12 nodes have room, 1 is needed")
        .checked(-20, "ana", "backup", Verdict::Unknown, "no answer within 10 s")
        .checked(-20, "ana", "docs", Verdict::Fail, "404, wanted 200")
        .then(-10, "ana", Body::Cleared { item: "support".into() })
        .decided(-1_200, "li", "technical", Choice::Approve, "smoke tests twice green");
    let mut model = story.model();
    let run = |item: &str, started: Option<i64>| Run {
        release: ID.into(),
        item: item.into(),
        asked: at(-9),
        sent: started.map(|_| String::new()),
        started: started.map(at),
    };
    model.releases.runs.insert(Seq(7), run("scan", Some(-8)));
    model.releases.runs.insert(Seq(8), run("coverage", None));
    model.nav.release.at = 10;
    model
}

fn void() -> Model {
    let story = Story::of(brief()).announced(-7_000).bound(-6_990, FORMER);
    let story = story.decided(-2_400, "li", "technical", Choice::Approve, "looks good").decided(
        -2_000,
        "marco",
        "business",
        Choice::Approve,
        "the campaign can start",
    );
    let story = story.bound(-1_500, DIGEST).passed();
    let mut model = story.decided(-300, "dana", "business", Choice::Refuse, "not while the campaign runs").model();
    model.nav.release.at = 21;
    model
}

fn ready() -> Model {
    Story::of(brief()).ready().model()
}

fn armed() -> Model {
    let schedule = Schedule { at: at(713), by: "ana".into(), console: "desk:4711".into(), shown: vec!["PATCH …".into()] };
    Story::of(Brief { kind: Kind::Scheduled, ..brief() })
        .ready()
        .then(-3, "ana", Body::Scheduled { schedule: Some(Box::new(schedule)) })
        .model()
}

fn closed() -> Model {
    let story = Story::of(brief()).announced(-7_000).bound(-6_990, DIGEST).passed().approved();
    let mut policy = policy();
    policy.calendar.windows[0].opens = opens("0 22 * * THU");
    with_rules(story.release, &policy)
}

fn frozen() -> Model {
    let story = Story::of(brief()).announced(-7_000).bound(-6_990, DIGEST).passed();
    let mut policy = policy();
    policy.calendar.freezes[0].from = at(-86_400);
    with_rules(story.release, &policy)
}

fn emergency() -> Model {
    let brief = Brief {
        kind: Kind::Emergency,
        criterion: Some("Production outage".into()),
        title: "Search answers 500".into(),
        ticket: Some("INC-88".into()),
        ..brief()
    };
    let story = Story::of(brief).announced(-1_380);
    let bound = vec![Bound {
        service: "search".into(),
        image: "trixtech/search:0.9.1".into(),
        digest: None,
        source: "neither runs nor registry answers".into(),
    }];
    story.then(-1_370, "ana", Body::Bound { bound }).checked(-60, "ana", "tests", Verdict::Pass, "exit 0 in 1.2 s: 812 passed").model()
}

fn overridden() -> Model {
    let mut model = emergency();
    let mut release = (**model.releases.get(&ID.into()).unwrap()).clone();
    let gate = model.verdict(&Arc::new(release.clone()));
    let over = gate.blockers.iter().map(rolldeck::domain::release::gate::key).collect();
    let over = Override { at: at(-30), by: "ana".into(), reason: "search is down for everybody, fix is one line".into(), over };
    machine::take(&mut release, entry(-30, "ana", Body::Overridden { over: Box::new(over) })).unwrap();
    model.releases.set(Arc::new(release));
    model
}

fn in_progress() -> Model {
    Story::of(brief()).ready().began(-190).model()
}

fn verifying() -> Model {
    let story = Story::of(brief()).ready().began(-900).then(-120, "ana", Body::Verifying);
    let story = story.checked(-30, "ana", "health", Verdict::Pass, "200, status = ok");
    story.checked(-30, "ana", "errors", Verdict::Fail, "0.74, wanted < 0.5").model()
}

fn rolled_back() -> Model {
    let story = Story::of(brief()).ready().began(-900).then(-400, "ana", Body::Verifying);
    let story = story.checked(-300, "ana", "errors", Verdict::Fail, "0.74, wanted < 0.5");
    let story = story.then(-200, "ana", Body::RolledBack { reason: "error rate".into() });
    story.checked(-100, "ana", "restored", Verdict::Pass, "0.9.0 healthy for 5 min").model()
}

fn read_only() -> Model {
    let mut model = checking();
    model.releases.access.insert("production".into(), Access::ReadOnly("you may not update configmaps in booking".into()));
    model
}

fn unreadable() -> Model {
    let mut model = ready();
    model.releases.problems.insert(ID.into(), vec!["entry 17: unknown field `verdikt`".into(), "entry 21: no time".into()]);
    let mut release = (**model.releases.get(&ID.into()).unwrap()).clone();
    let late = entry(-1, "sam", Body::Finished);
    release.rejected.push((late, "nothing is being verified: it is ready".into()));
    model.releases.set(Arc::new(release));
    model
}

fn missing() -> Model {
    let mut model = ruled(&policy());
    model.nav.open(Screen::Release(ID.into()));
    model
}

fn done() -> Release {
    let mut story = Story::of(Brief { versions: vec![("worker".into(), "1.9.0".into())], title: "Retries".into(), ..brief() });
    story.release.id = "20260119-0900-worker-11aa".into();
    story.ready().began(-4_000).then(-2_000, "ana", Body::Verifying).then(-1_000, "ana", Body::Finished).release
}

/// Releases of several services in several phases.
fn many() -> Model {
    let mut model = ruled(&policy());
    let checking = checking();
    model.releases.set(Arc::clone(checking.releases.get(&ID.into()).unwrap()));
    let other = |service: &str, version: &str, id: &str| {
        let mut story = Story::of(Brief { versions: vec![(service.into(), version.into())], ..brief() });
        story.release.id = id.into();
        story
    };
    let rollout: RolloutId = id("backend", "production");
    let backend = other("backend", "2.2.0", "20260120-2100-backend-aa01").ready();
    model.releases.set(Arc::new(backend.then(-700, "ana", Body::Began { rollout, op: "op-8".into() }).release));
    model.releases.set(Arc::new(other("worker", "1.9.2", "20260120-2110-worker-bb02").ready().release));
    model.releases.set(Arc::new(other("payments", "3.4.0", "20260120-2111-payments-cc03").release));
    model.releases.set(Arc::new(done()));
    let mut given_up = other("mail", "1.2.0", "20260118-1000-mail-dd04");
    given_up = given_up.then(-3_000, "ana", Body::Aborted { reason: "wrong week".into() });
    model.releases.set(Arc::new(given_up.release));
    model.nav.deck.environment = 2;
    model
}

fn list() -> Model {
    let mut model = many();
    model.nav.open(Screen::Releases);
    model
}

fn roles() -> Model {
    let mut model = ready();
    let roles = vec!["technical".into(), "business".into()];
    model.overlay = Some(Overlay::Roles(Roles { release: ID.into(), choice: Choice::Approve, roles, cursor: Cursor::default() }));
    model
}

fn whole() -> Model {
    let mut model = checking();
    let mut release = (**model.releases.get(&ID.into()).unwrap()).clone();
    let alerts: ItemId = "alerts".into();
    let outcome = release.outcomes.get_mut(&alerts).unwrap();
    outcome.output = "LedgerLatency  warning  since 22:11:40\np95 of ledger above 1 s for 7 min\n".into();
    outcome.link = Some("https://alerts.example/LedgerLatency".into());
    model.releases.set(Arc::new(release));
    model.overlay = Some(Overlay::Item { release: ID.into(), item: alerts, top: 0 });
    model
}

fn asked(question: Question) -> Model {
    let mut model = checking();
    let prompt = Prompt { question, input: tui_input::Input::default(), proposals: Vec::new(), cursor: None, error: None };
    model.overlay = Some(Overlay::Prompt(prompt));
    model
}

fn decide() -> Model {
    asked(Question::Decide { release: ID.into(), role: "business".into(), choice: Choice::Refuse })
}

fn override_() -> Model {
    asked(Question::Override { release: ID.into() })
}

/// The form over the deck, for a service that runs newer in staging.
fn form() -> Model {
    let mut model = ruled(&policy());
    model.nav.deck.environment = 2;
    model.nav.deck.cursor.at = 1;
    model.overlay = Some(Overlay::Form(Box::new(Form::of(&model, &"frontend".into(), &"production".into()))));
    model
}

/// An emergency's form that was sent with something wrong in it.
fn form_wrong() -> Model {
    let mut model = form();
    let Some(Overlay::Form(form)) = &mut model.overlay else { return model };
    for field in &mut form.fields {
        match field.key {
            FieldKey::Kind => field.input = "emergency".into(),
            FieldKey::Title => field.input = "Checkout answers 500".into(),
            FieldKey::Downtime => field.input = "a while".into(),
            _ => {}
        }
    }
    let Some(Overlay::Form(form)) = &model.overlay else { return model };
    let wrong = form.brief(&model, &"ana".into()).unwrap_err();
    let Some(Overlay::Form(form)) = &mut model.overlay else { return model };
    form.cursor = wrong[0].0;
    for (at, why) in wrong {
        form.fields[at].error = Some(why);
    }
    model
}

/// Every screen by name.
pub const SCREENS: [(&str, fn() -> Model); 23] = [
    ("release-draft", draft),
    ("release-checking", checking),
    ("release-void", void),
    ("release-ready", ready),
    ("release-armed", armed),
    ("release-closed", closed),
    ("release-frozen", frozen),
    ("release-emergency", emergency),
    ("release-overridden", overridden),
    ("release-in-progress", in_progress),
    ("release-verifying", verifying),
    ("release-rolled-back", rolled_back),
    ("release-read-only", read_only),
    ("release-unreadable", unreadable),
    ("release-missing", missing),
    ("release-list", list),
    ("release-roles", roles),
    ("release-item", whole),
    ("release-decide", decide),
    ("release-override", override_),
    ("release-form", form),
    ("release-form-wrong", form_wrong),
    ("deck-gates", many),
];

#[test]
fn a_release_in_every_phase_and_size() {
    for (name, make) in SCREENS {
        for (columns, rows) in [(160, 45), (120, 40), (80, 24)] {
            insta::assert_snapshot!(format!("{columns}x{rows}-{name}"), shown(&mut make(), columns, rows));
        }
    }
}

#[test]
fn ascii_and_no_colour_say_the_same_of_a_release() {
    let colour = Theme::named("dark").unwrap();
    let (ascii, plain) = (colour.clone().ascii(), colour.clone().without_colour());
    for (name, make) in SCREENS {
        let cells = frame(&mut make(), &ascii, 120, 40).0;
        assert!(text(&cells).is_ascii(), "{name}");
        let (with, without) = (frame(&mut make(), &colour, 120, 40).0, frame(&mut make(), &plain, 120, 40).0);
        assert_eq!(text(&with), text(&without), "{name}");
    }
    insta::assert_snapshot!("ascii-release-checking", text(&frame(&mut checking(), &ascii, 120, 40).0));
}
