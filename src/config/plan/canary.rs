//! A plain canary's table: two Deployments, perhaps a route, and the steps.

use jiff::SignedDuration;
use toml::Spanned;

use super::build::Build;
use super::file::{CanaryFile, RouteFile};
use super::names;
use super::target::Part;
use crate::domain::plan::{Canary, Route, Target};
use crate::domain::step::{Share, StepKind};

/// How a step is written, for whoever wrote it another way.
const FORMS: &str = "as \"25 %\", \"pause\" or \"10m\"";

/// Reads the table.
pub(super) fn read(build: &mut Build<'_>, spanned: &Spanned<CanaryFile>) -> Option<(Target, Vec<Part>)> {
    let file = spanned.get_ref();
    let mut valid = build.valid(file.stable.as_ref(), "Deployment name", names::subdomain);
    valid &= build.valid(file.canary.as_ref(), "Deployment name", names::subdomain);
    let route = file.route.as_ref().map(|route| self::route(build, route.get_ref()));
    let steps = file.steps.as_ref().map(|steps| self::steps(build, steps.get_ref()));
    // What is missing is reported by the schema.
    let (stable, canary) = (file.stable.as_ref()?, file.canary.as_ref()?);
    if stable.get_ref() == canary.get_ref() {
        build.push(canary.span(), "stable and canary are the same Deployment").label("name a second one, with 0 replicas");
        return None;
    }
    let mut parts = vec![Part::new("Deployment", stable), Part::new("Deployment", canary)];
    let route = match route {
        Some(Some((route, part))) => {
            parts.push(part);
            Some(route)
        }
        Some(None) => return None,
        None => None,
    };
    let target = Target::Canary(Canary { stable: stable.get_ref().clone(), canary: canary.get_ref().clone(), route, steps: steps?? });
    valid.then_some((target, parts))
}

fn route(build: &mut Build<'_>, file: &RouteFile) -> Option<(Route, Part)> {
    let mut valid = build.valid(file.name.as_ref(), "HTTPRoute name", names::subdomain);
    valid &= build.valid(file.stable.as_ref(), "Service name", names::label);
    valid &= build.valid(file.canary.as_ref(), "Service name", names::label);
    let (name, stable, canary) = (file.name.as_ref()?, file.stable.as_ref()?, file.canary.as_ref()?);
    if stable.get_ref() == canary.get_ref() {
        build.push(canary.span(), "both backends are the same Service").label("each Deployment needs one of its own");
        return None;
    }
    let route = Route { name: name.get_ref().clone(), stable_service: stable.get_ref().clone(), canary_service: canary.get_ref().clone() };
    valid.then(|| (route, Part::new("HTTPRoute", name)))
}

/// Reads the steps; behind each weight without a pause stands one, because every step waits for a key.
fn steps(build: &mut Build<'_>, list: &[Spanned<String>]) -> Option<Vec<StepKind>> {
    let mut steps: Vec<StepKind> = Vec::new();
    let mut last: Option<Share> = None;
    let known = build.errors.len();
    for spanned in list {
        let (text, span) = (spanned.get_ref().trim(), spanned.span());
        let wrong = |message: String, label: String| {
            build.push(span, message).label(label);
        };
        match (step(text), steps.last()) {
            (Err((message, label)), _) => wrong(message, label),
            (Ok(StepKind::Weight(share)), before) => {
                if let Some(former) = last.filter(|former| share <= *former) {
                    wrong(format!("`{text}` does not rise"), format!("it stands after {former}"));
                }
                if matches!(before, Some(StepKind::Weight(_))) {
                    steps.push(StepKind::Pause(None));
                }
                last = Some(share);
                steps.push(StepKind::Weight(share));
            }
            (Ok(_), None) => wrong(format!("`{text}` stands before any weight"), "begin with a weight, as \"25 %\"".into()),
            (Ok(_), Some(StepKind::Pause(_))) => {
                wrong("two pauses in a row".into(), "one is enough: the step waits for a key in any case".into());
            }
            (Ok(pause), _) => steps.push(pause),
        }
    }
    if matches!(steps.last(), Some(StepKind::Weight(_))) {
        steps.push(StepKind::Pause(None));
    }
    (build.errors.len() == known).then_some(steps)
}

/// Reads one step; the error is what is wrong and what to write.
fn step(text: &str) -> Result<StepKind, (String, String)> {
    if text == "pause" {
        return Ok(StepKind::Pause(None));
    }
    if let Some(number) = text.strip_suffix('%') {
        return match number.trim().parse::<u32>() {
            Ok(100) => Err(("`100 %` is no step of its own".into(), "leave it out: it is what promoting the last step does".into())),
            Ok(percent) if (1..100).contains(&percent) => Ok(StepKind::Weight(Share::percent(percent))),
            _ => Err((format!("`{text}` is no weight"), "a whole number from 1 % to 99 %".into())),
        };
    }
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration.is_positive() => Ok(StepKind::Pause(Some(duration))),
        Ok(_) => Err((format!("`{text}` is no time to wait"), FORMS.into())),
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
            Err((format!("`{text}` has no unit"), format!("\"{text} %\" for a weight, \"{text}m\" for minutes")))
        }
        Err(_) => Err((format!("`{text}` is no step"), FORMS.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_weight_a_pause_or_a_time() {
        for (text, label) in [("25 %", "25 %"), ("25%", "25 %"), ("pause", "pause"), ("10m", "10m"), ("1h 30m", "1h30m")] {
            assert_eq!(step(text).map(|step| step.label()), Ok(label.to_owned()), "{text}");
        }
        for (text, message) in [
            ("100 %", "`100 %` is no step of its own"),
            ("0 %", "`0 %` is no weight"),
            ("12.5 %", "`12.5 %` is no weight"),
            ("25", "`25` has no unit"),
            ("-5m", "`-5m` is no time to wait"),
            ("", "`` is no step"),
            ("analysis", "`analysis` is no step"),
        ] {
            assert_eq!(step(text).map_err(|(message, _)| message), Err(message.to_owned()), "{text}");
        }
    }
}
