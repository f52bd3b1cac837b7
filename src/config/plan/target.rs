//! The object or objects of one workload entry.

use std::ops::Range;

use toml::Spanned;

use super::build::Build;
use super::canary;
use super::file::{BlueGreenFile, WorkloadFile};
use super::names;
use crate::domain::id::Track;
use crate::domain::plan::{BlueGreen, Target, TrackTarget};

/// Makes a target of an object's name.
type Make = fn(String) -> Target;

/// One object that a target stands for, and where the plan names it.
pub(super) struct Part {
    pub kind: &'static str,
    pub name: String,
    pub span: Range<usize>,
}

impl Part {
    pub(super) fn new(kind: &'static str, name: &Spanned<String>) -> Self {
        Self { kind, name: name.get_ref().clone(), span: name.span() }
    }
}

/// Reads the target of an entry: a Deployment of the workload's own name where it says none.
pub(super) fn read(
    build: &mut Build<'_>,
    spanned: &Spanned<WorkloadFile>,
    name: &Spanned<String>,
    simulated: bool,
) -> Option<(Target, Vec<Part>)> {
    let file = spanned.get_ref();
    let blue_green = file.blue_green.as_ref().map(|pair| ("blue-green", pair.span()));
    let canary = file.canary.as_ref().map(|canary| ("canary", canary.span()));
    let named = [
        ("deployment", &file.deployment),
        ("statefulset", &file.statefulset),
        ("daemonset", &file.daemonset),
        ("rollout", &file.rollout),
        ("flagger", &file.flagger),
    ];
    let mut said: Vec<(&str, Range<usize>)> =
        named.into_iter().filter_map(|(key, name)| Some((key, name.as_ref()?.span()))).chain(blue_green).chain(canary).collect();
    said.sort_by_key(|(_, span)| span.start);
    if let [(first, _), (second, span), ..] = said.as_slice() {
        build
            .push(span.clone(), format!("a workload is one thing: `{first}` or `{second}`"))
            .label("write a second [[service.workload]] with a `name` of its own");
        return None;
    }
    if let Some(pair) = &file.blue_green {
        return self::pair(build, pair);
    }
    if let Some(canary) = &file.canary {
        if simulated {
            build.push(canary.span(), "`canary` needs engine kubernetes").label("on the simulated engine: rollout, which is a canary too");
            return None;
        }
        return canary::read(build, canary);
    }
    if let Some(flagger) = &file.flagger
        && simulated
    {
        build.push(flagger.span(), "`flagger` needs engine kubernetes").label("on the simulated engine: rollout, deployment or blue-green");
        return None;
    }
    let makers = [
        ("StatefulSet", &file.statefulset, (|name| Target::StatefulSet { name }) as Make),
        ("DaemonSet", &file.daemonset, |name| Target::DaemonSet { name }),
        ("Rollout", &file.rollout, |name| Target::Rollout { name }),
        ("Canary", &file.flagger, |name| Target::Flagger { name }),
    ];
    let special = makers.into_iter().find_map(|(kind, name, target)| Some((kind, name.as_ref()?, target)));
    let (kind, given, target) =
        special.unwrap_or_else(|| ("Deployment", file.deployment.as_ref().unwrap_or(name), |name| Target::Deployment { name }));
    build
        .valid(Some(given), &format!("{kind} name"), names::subdomain)
        .then(|| (target(given.get_ref().clone()), vec![Part::new(kind, given)]))
}

fn pair(build: &mut Build<'_>, spanned: &Spanned<BlueGreenFile>) -> Option<(Target, Vec<Part>)> {
    let file = spanned.get_ref();
    // A map is sorted by key; the file's order is the order on screen.
    let mut tracks: Vec<_> = file.tracks.iter().flatten().collect();
    tracks.sort_by_key(|(value, _)| value.span().start);
    let mut valid = build.valid(file.service.as_ref(), "Service name", names::label);
    valid &= build.valid(file.label.as_ref(), "label key", names::label_key);
    for (value, deployment) in &tracks {
        valid &= build.valid(Some(value), "label value", names::label_value);
        valid &= build.valid(Some(deployment), "Deployment name", names::subdomain);
    }
    let (service, label) = (file.service.as_ref()?, file.label.as_ref()?);
    let [(first, one), (second, two)] = tracks.as_slice() else {
        // No `tracks` at all is reported as a missing key.
        if file.tracks.is_some() {
            let span = tracks.get(2).or(tracks.first()).map_or(spanned.span(), |(value, _)| value.span());
            build.push(span, format!("a blue/green pair has two tracks, not {}", tracks.len())).label("as { blue = \"…\", green = \"…\" }");
        }
        return None;
    };
    if one.get_ref() == two.get_ref() {
        build.push(two.span(), "both tracks are the same Deployment").label(format!("already `{}`", first.get_ref()));
        return None;
    }
    let side = |value: &Spanned<String>, deployment: &Spanned<String>| TrackTarget {
        track: Track::new(value.get_ref().as_str()),
        deployment: deployment.get_ref().clone(),
    };
    let target = Target::BlueGreen(BlueGreen {
        service: service.get_ref().clone(),
        label: label.get_ref().clone(),
        tracks: [side(first, one), side(second, two)],
    });
    valid.then(|| (target, vec![Part::new("Service", service), Part::new("Deployment", one), Part::new("Deployment", two)]))
}
