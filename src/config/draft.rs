//! A plan made of what was found in a cluster: what `rolldeck init` writes, and what opens where there is no plan.
//!
//! Pure. There is one way to a plan: the text is written, and the provisional plan is that text, read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::error::ConfigErrors;
use super::plan;
use super::position::Source;
use crate::domain::id::repository_of;
use crate::domain::plan::{Plan, Protection, Target};

/// One context and namespace, and what was found there: an environment to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub context: String,
    pub namespace: String,
    pub found: Vec<Found>,
    /// Workloads that are left out, each with the reason.
    pub left_out: Vec<String>,
}

/// One workload as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What the service would be called.
    pub name: String,
    pub target: Target,
    /// Name and image of each container, in the order of the pod's template.
    pub containers: Vec<(String, String)>,
}

/// Makes the provisional plan of what was found: nothing may be written by it until armed.
///
/// # Errors
///
/// The text of the plan does not load, which names that Kubernetes took should never cause.
pub fn provisional(surveys: &[Survey]) -> Result<Plan, ConfigErrors> {
    let mut plan = plan::parse(&Source::new("the plan made of the current context", &text(surveys)), "plan")?.plan;
    plan.provisional = true;
    Ok(plan)
}

/// Writes a commented plan.
pub fn text(surveys: &[Survey]) -> String {
    let names = environment_names(surveys);
    let mut out = String::new();
    let mut put = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    put("# A deployment plan for rolldeck, written by `rolldeck init` from what it found in");
    for survey in surveys {
        let count = match survey.found.len() {
            1 => "1 workload".to_owned(),
            many => format!("{many} workloads"),
        };
        put(&format!("#   context {}, namespace {}: {count}", comment(&survey.context), comment(&survey.namespace)));
        for left in &survey.left_out {
            put(&format!("#     left out: {}", comment(left)));
        }
    }
    put("# Review names, order and protection, then keep it where the product's code is.");
    put("# `rolldeck check` says what is wrong with it; `rolldeck schema` prints what else it may say.\n");
    put(&format!("name = {}\n", quoted(&plan_name(surveys))));
    put("# Environments, in promotion order: a release goes through them from top to bottom.");
    put("# protection: open (one key confirms), guarded (a dialog that opens on Cancel) or protected (the service's name is typed).\n");
    for (at, (survey, name)) in surveys.iter().zip(&names).enumerate() {
        put("[[environment]]");
        put(&format!("name = {}", quoted(name)));
        put(&format!("context = {}", quoted(&survey.context)));
        put(&format!("namespace = {}", quoted(&survey.namespace)));
        let protection = match plan::default_protection(name, at, surveys.len()) {
            Protection::Open => "open",
            Protection::Guarded => "guarded",
            Protection::Protected => "protected",
        };
        put(&format!("protection = \"{protection}\"\n"));
    }
    put("# Releases: whatever is protected has the shipped checklists as soon as somebody makes a release (`R` on the deck).");
    put("# [release], [roles], [[approval]], [[window]], [[freeze]], [[checklist]] and [[notify]] say what else must hold,");
    put("# when, and who is told; `required = true` under [release] lets nothing out without one.\n");
    put("# Services, as the deck lists them. One without a workload is a Deployment of its own name in every environment.");
    for (name, places) in services(surveys) {
        put("");
        for line in service(&name, &places, &names) {
            put(&line);
        }
    }
    out
}

/// What was found of one service: by the environment's place.
type Places<'a> = BTreeMap<usize, &'a Found>;

/// Brings together what has the same name. Two workloads of one name in one namespace (a Deployment and a StatefulSet) become
/// two services, the second called after its kind.
fn services(surveys: &[Survey]) -> BTreeMap<String, Places<'_>> {
    let mut services: BTreeMap<String, Places<'_>> = BTreeMap::new();
    for (at, survey) in surveys.iter().enumerate() {
        for found in &survey.found {
            let name = dns_label(&found.name).unwrap_or_else(|| "service".into());
            let kind = found.target.word().replace('/', "-");
            let more = (2..).map(|number| format!("{name}-{kind}-{number}"));
            let free = [name.clone(), format!("{name}-{kind}")]
                .into_iter()
                .chain(more)
                .find(|name| !services.get(name).is_some_and(|s| s.contains_key(&at)));
            services.entry(free.unwrap_or(name)).or_default().insert(at, found);
        }
    }
    services
}

fn service(name: &str, places: &Places<'_>, environments: &[String]) -> Vec<String> {
    let mut lines = vec!["[[service]]".to_owned(), format!("name = {}", quoted(name))];
    let chosen = container(name, places);
    let repositories: BTreeSet<&str> = places.values().filter_map(|found| image_of(found, chosen.as_deref())).map(repository_of).collect();
    match repositories.iter().collect::<Vec<_>>().as_slice() {
        [only] if plan::is_repository(only) => lines.push(format!("image = {}", quoted(only))),
        [] => {}
        several => {
            let all: Vec<String> = several.iter().map(|image| comment(image)).collect();
            lines.push(format!("# image: that of the running one, since there are several: {}", all.join(", ")));
        }
    }
    if let Some(chosen) = chosen {
        let all: BTreeSet<&str> = places.values().flat_map(|found| &found.containers).map(|(name, _)| name.as_str()).collect();
        lines.push(format!("container = {}   # of {}", quoted(&chosen), all.into_iter().collect::<Vec<_>>().join(", ")));
    }
    // Environments that have the same target share an entry.
    let mut groups: Vec<(&Target, Vec<usize>)> = Vec::new();
    for (at, found) in places {
        match groups.iter_mut().find(|(target, _)| *target == &found.target) {
            Some((_, members)) => members.push(*at),
            None => groups.push((&found.target, vec![*at])),
        }
    }
    for (target, members) in groups {
        let everywhere = members.len() == environments.len();
        if everywhere && matches!(target, Target::Deployment { name: own } if own == name) {
            continue;
        }
        lines.push(String::new());
        lines.push("[[service.workload]]".to_owned());
        if !everywhere {
            let listed: Vec<String> = members.iter().filter_map(|at| environments.get(*at)).map(|name| quoted(name)).collect();
            lines.push(format!("environments = [{}]", listed.join(", ")));
        }
        lines.push(written(target));
    }
    lines
}

fn written(target: &Target) -> String {
    match target {
        Target::Deployment { name } => format!("deployment = {}", quoted(name)),
        Target::StatefulSet { name } => format!("statefulset = {}", quoted(name)),
        Target::DaemonSet { name } => format!("daemonset = {}", quoted(name)),
        Target::Rollout { name } => format!("rollout = {}", quoted(name)),
        Target::Flagger { name } => format!("flagger = {}", quoted(name)),
        Target::Canary(_) => String::new(),
        Target::BlueGreen(pair) => {
            let mut line = format!("blue-green = {{ service = {}, label = {}, tracks = {{ ", quoted(&pair.service), quoted(&pair.label));
            let [one, two] = &pair.tracks;
            let sides = [one, two].map(|side| format!("{} = {}", quoted_key(side.track.as_str()), quoted(&side.deployment)));
            let _ = write!(line, "{} }} }}", sides.join(", "));
            line
        }
    }
}

/// Returns the container to name: none where every pod has one only, else the one called like the service, else the first.
fn container(service: &str, places: &Places<'_>) -> Option<String> {
    if places.values().all(|found| found.containers.len() < 2) {
        return None;
    }
    let first = places.values().find_map(|found| found.containers.first())?;
    let same = places.values().flat_map(|found| &found.containers).find(|(name, _)| name == service);
    Some(same.unwrap_or(first).0.clone())
}

fn image_of<'a>(found: &'a Found, container: Option<&str>) -> Option<&'a str> {
    let named = container.and_then(|wanted| found.containers.iter().find(|(name, _)| name == wanted));
    named.or(found.containers.first()).map(|(_, image)| image.as_str())
}

/// Names the environments by what tells them apart: the namespaces without what all of them share, else the contexts, else both.
fn environment_names(surveys: &[Survey]) -> Vec<String> {
    let distinct = |texts: &[String]| texts.iter().collect::<BTreeSet<_>>().len() == texts.len();
    let namespaces: Vec<String> = surveys.iter().map(|survey| survey.namespace.clone()).collect();
    let contexts: Vec<String> = surveys.iter().map(|survey| last_part(&survey.context).to_owned()).collect();
    let raw = match surveys {
        [only] if only.namespace == "default" => contexts,
        _ if distinct(&namespaces) => without_shared(&namespaces),
        _ if distinct(&contexts) => without_shared(&contexts),
        _ => surveys.iter().map(|survey| format!("{}-{}", last_part(&survey.context), survey.namespace)).collect(),
    };
    let mut names: Vec<String> = Vec::new();
    for (at, text) in raw.iter().enumerate() {
        let name = dns_label(text).unwrap_or_else(|| format!("environment-{}", at + 1));
        let more = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(more).find(|name| !names.contains(name));
        names.push(free.unwrap_or(name));
    }
    names
}

fn plan_name(surveys: &[Survey]) -> String {
    let namespaces: Vec<&str> = surveys.iter().map(|survey| survey.namespace.as_str()).collect();
    let (Some(first), Some(context)) = (namespaces.first(), surveys.first().map(|survey| &survey.context)) else { return "plan".into() };
    let shared = first.get(..shared_prefix(&namespaces)).unwrap_or_default().trim_end_matches('-');
    match shared {
        "" if *first == "default" => context.clone(),
        "" => (*first).to_owned(),
        shared => shared.to_owned(),
    }
}

/// A cloud's context names are paths: `arn:aws:eks:eu-central-1:123456789012:cluster/prod`.
fn last_part(context: &str) -> &str {
    context.rsplit('/').find(|part| !part.is_empty()).unwrap_or(context)
}

/// Returns how many bytes up to and with a `-` all texts begin with; none of them ends there.
fn shared_prefix(texts: &[&str]) -> usize {
    let [first, rest @ ..] = texts else { return 0 };
    if rest.is_empty() || rest.iter().all(|text| text == first) {
        return if rest.is_empty() { 0 } else { first.len() };
    }
    let ends = first.match_indices('-').map(|(at, _)| at + 1);
    ends.filter(|end| texts.iter().all(|text| text.len() > *end && text.get(..*end) == first.get(..*end))).max().unwrap_or(0)
}

fn without_shared(texts: &[String]) -> Vec<String> {
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let from = if texts.len() < 2 { 0 } else { shared_prefix(&borrowed) };
    texts.iter().map(|text| text.get(from..).unwrap_or(text).to_owned()).collect()
}

/// Returns a text as a DNS label, or none where nothing of it can stand in one.
fn dns_label(text: &str) -> Option<String> {
    let kept: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let trimmed = kept.trim_matches('-');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Returns a key, bare where TOML allows.
fn quoted_key(text: &str) -> String {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { text.to_owned() } else { quoted(text) }
}

/// Returns a text that cannot leave the comment it stands in.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{BlueGreen, TrackTarget};

    fn found(name: &str, target: Target, containers: &[(&str, &str)]) -> Found {
        let containers = containers.iter().map(|(name, image)| ((*name).to_owned(), (*image).to_owned())).collect();
        Found { name: name.into(), target, containers }
    }

    fn deployment(name: &str) -> Target {
        Target::Deployment { name: name.into() }
    }

    fn survey(context: &str, namespace: &str, found: Vec<Found>) -> Survey {
        Survey { context: context.into(), namespace: namespace.into(), found, left_out: Vec::new() }
    }

    fn pair() -> Target {
        let side = |track: &str| TrackTarget { track: track.into(), deployment: format!("backend-{track}") };
        Target::BlueGreen(BlueGreen { service: "backend".into(), label: "color".into(), tracks: [side("blue"), side("green")] })
    }

    #[test]
    fn environments_are_named_by_what_tells_them_apart() {
        for (places, wanted, plan) in [
            (vec![("admin", "config-dev"), ("admin", "config-prod")], vec!["dev", "prod"], "config"),
            (vec![("admin", "default")], vec!["admin"], "admin"),
            (vec![("admin", "booking")], vec!["booking"], "booking"),
            (vec![("dev", "booking"), ("prod-eu", "booking")], vec!["dev", "prod-eu"], "booking"),
            (vec![("a", "x"), ("a", "y"), ("b", "x")], vec!["a-x", "a-y", "b-x"], "x"),
            (vec![("arn:aws:eks:eu:1:cluster/Prod_EU", "default")], vec!["prod-eu"], "arn:aws:eks:eu:1:cluster/Prod_EU"),
            (vec![("a", "booking"), ("a", "booking-dev")], vec!["booking", "booking-dev"], "booking"),
        ] {
            let surveys: Vec<_> = places.iter().map(|(context, namespace)| survey(context, namespace, Vec::new())).collect();
            assert_eq!(environment_names(&surveys), wanted);
            assert_eq!(plan_name(&surveys), plan);
        }
    }

    #[test]
    fn what_is_written_loads_as_what_was_found() {
        let surveys = [
            survey(
                "lab",
                "booking-dev",
                vec![
                    found("backend", deployment("backend"), &[("web", "lab/web:1.0.0")]),
                    found("frontend", deployment("frontend"), &[("web", "lab/web:1.0.0"), ("frontend", "lab/front:1")]),
                    found("ledger.v2", Target::StatefulSet { name: "ledger.v2".into() }, &[("db", "r:5000/db@sha256:00")]),
                ],
            ),
            survey(
                "lab",
                "booking-prod",
                vec![
                    found("backend", pair(), &[("web", "lab/web:1.1.0")]),
                    found("frontend", deployment("frontend"), &[("web", "lab/web:1.0.0"), ("frontend", "lab/front:2")]),
                    found("frontend", Target::DaemonSet { name: "frontend".into() }, &[("web", "other:1")]),
                ],
            ),
        ];
        let text = text(&surveys);
        let plan = provisional(&surveys).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let shown: Vec<String> = plan
            .workloads()
            .map(|w| format!("{} {} {:?} {:?}", w.id, w.target.word(), w.image.as_deref(), w.container.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                "backend dev deployment Some(\"lab/web\") None",
                "backend prod blue/green Some(\"lab/web\") None",
                "frontend dev deployment Some(\"lab/front\") Some(\"frontend\")",
                "frontend prod deployment Some(\"lab/front\") Some(\"frontend\")",
                "frontend-daemonset prod daemonset Some(\"other\") None",
                "ledger-v2 dev statefulset Some(\"r:5000/db\") None",
            ],
            "{text}"
        );
        assert!(plan.provisional);
    }

    #[test]
    fn a_name_from_the_cluster_cannot_break_out_of_its_place() {
        let mut odd = survey("a\"]\n[[service]]", "x", vec![found("s", deployment("s"), &[("c", "i\n\"x\":1")])]);
        odd.left_out.push("a\nname = 3".into());
        let plan = provisional(&[odd]).unwrap();
        assert_eq!((plan.environments[0].context.as_deref(), plan.services.len()), (Some("a\"]\n[[service]]"), 1));
    }
}
