//! One item of a checklist, whole: what is asked, what was found, by whom and when, what was printed, and how it came before.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::signs;
use crate::app::model::releases::rows::ItemRow;
use crate::domain::release::Release;
use crate::domain::release::checklist::{Comparison, Kubernetes, Task, Verdict};
use crate::domain::release::record::Body;
use crate::ui::format;
use crate::ui::pen::Pen;

/// Columns of a fact's name.
const NAME: usize = 10;
/// Former outcomes that are told.
const HISTORY: usize = 8;

/// Returns every line of it.
pub(in crate::ui) fn lines(pen: &Pen<'_>, release: &Release, row: &ItemRow<'_>, width: usize) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let text = width.saturating_sub(NAME);
    let mut tell = |name: &str, value: &str, style: Style| {
        // A query or an address has few spaces to break at.
        let parts = if matches!(name, "query" | "asks" | "runs") { format::wrap_code(value, text) } else { format::wrap(value, text) };
        for (number, part) in parts.into_iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            lines.push(Line::from(vec![Span::styled(format::pad(name, NAME), theme.faint), Span::styled(part, style)]));
        }
    };
    let (glyph, style) = signs::item(theme, row);
    let mut now = format!("{glyph} {}", if row.run.is_some() { "running" } else { worded(row.standing.verdict) });
    if let Some(why) = row.standing.stale {
        now = format!("{now}: {why}");
    }
    if !row.item.required {
        now.push_str(", only warns");
    }
    tell("stands", &now, style);
    for (name, value) in asked(&row.item.task) {
        tell(name, &value, theme.text());
    }
    if let Some(outcome) = row.standing.outcome {
        let of_found = match outcome.verdict {
            Verdict::Pass => theme.good,
            Verdict::Fail => theme.bad,
            Verdict::Pending | Verdict::Unknown => theme.waiting,
        };
        if !outcome.evidence.is_empty() {
            tell("found", &outcome.evidence, of_found);
        }
        if let Some(link) = &outcome.link {
            tell("shown at", link, theme.accent.add_modifier(Modifier::UNDERLINED));
        }
        let word = if matches!(row.item.task, Task::Manual) { "ticked" } else { "run" };
        let at = format::minute(outcome.at, model.now, &model.zone);
        let stands = row.item.fresh.filter(|_| row.standing.stale.is_none()).map(|fresh| fresh - model.now.duration_since(outcome.at));
        let stands = match (stands, row.item.fresh) {
            (Some(left), _) => format!("; stands {} more", format::age(left)),
            (None, Some(fresh)) => format!("; stands for {}", format::age(fresh)),
            (None, None) => "; stands as long as the bytes do".to_owned(),
        };
        tell(word, &format!("{at} by {}{stands}", outcome.by), theme.muted);
        if !outcome.of.is_empty() && outcome.of != release.fingerprint() {
            tell("of", &outcome.of, theme.waiting);
        }
        let mut first = "printed";
        for line in outcome.output.lines() {
            tell(first, line, theme.text());
            first = "";
        }
    }
    let history: Vec<(jiff::Timestamp, Verdict)> = release
        .entries
        .iter()
        .rev()
        .filter_map(|entry| match &entry.body {
            Body::Checked { item, outcome, .. } if *item == row.item.id => Some((outcome.at, outcome.verdict)),
            _ => None,
        })
        .take(HISTORY)
        .collect();
    if history.len() > 1 {
        let mut spans = vec![Span::styled(format::pad("before", NAME), theme.faint)];
        for (at, verdict) in history {
            let (glyph, style) = sign(pen, verdict);
            spans.push(Span::styled(format!("{} ", format::minute(at, model.now, &model.zone)), theme.muted));
            spans.push(Span::styled(format!("{glyph}   "), style));
        }
        lines.push(Line::from(spans));
    }
    lines
}

fn worded(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Pending => "open",
        Verdict::Unknown => "unknown",
    }
}

fn sign(pen: &Pen<'_>, verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => ("✔", pen.theme.good),
        Verdict::Fail => ("✖", pen.theme.bad),
        Verdict::Pending => ("○", pen.theme.waiting),
        Verdict::Unknown => ("?", pen.theme.waiting),
    }
}

/// What is asked, in the words of the one who answers.
fn asked(task: &Task) -> Vec<(&'static str, String)> {
    match task {
        Task::Manual => vec![("asked", "a person ticks it".to_owned())],
        Task::Command(command) => {
            let mut told = vec![("runs", command.run.join(" ")), ("wanted", format!("exit 0 within {}", format::age(command.time_limit)))];
            if !command.variables.is_empty() {
                told.push(("sees", format!("the variables {}", command.variables.join(", "))));
            }
            told
        }
        Task::Http(http) => {
            let mut wanted = vec![format!("status {}", http.status)];
            wanted.extend(http.header.as_ref().map(|(name, value)| format!("{name}: {value}")));
            wanted.extend(http.json.as_ref().map(|(pointer, limit)| format!("{pointer} {}", compared(limit))));
            vec![("asks", format!("{} {}", http.method, http.url)), ("wanted", wanted.join(", "))]
        }
        Task::Kubernetes(check) => vec![("asks", format!("the cluster: {}", of_cluster(check)))],
        Task::Prometheus(query) => {
            vec![("query", query.query.clone()), ("wanted", compared(&query.limit)), ("server", query.server.clone())]
        }
        Task::Environment { environment, healthy_for } => {
            vec![("asks", format!("whether the version was healthy in {environment} for {}", format::age(*healthy_for)))]
        }
    }
}

fn compared(limit: &Comparison) -> String {
    format!("{} {}", limit.operator.sign(), limit.value)
}

fn of_cluster(check: &Kubernetes) -> String {
    match check {
        Kubernetes::Healthy { for_ } => format!("what runs has been healthy for {}", format::age(*for_)),
        Kubernetes::Capacity => "the nodes have room for the instances that a rollout adds".into(),
        Kubernetes::Rollback => "a former revision is kept to go back to".into(),
        Kubernetes::Disruption => "the PodDisruptionBudget allows an eviction".into(),
        Kubernetes::Quiet => "no other rollout is under way".into(),
        Kubernetes::ConfigMap { name } => format!("the ConfigMap {name} is there"),
        Kubernetes::Secret { name } => format!("the Secret {name} is there"),
        Kubernetes::Certificate { secret, days } => format!("the certificate in {secret} is valid for {days} days more"),
        Kubernetes::Job { name } => format!("the Job {name} has succeeded"),
        Kubernetes::SameDigest { environment } => format!("the digest is the same as in {environment}"),
    }
}
