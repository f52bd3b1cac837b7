//! Windows and freezes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::build::Build;
use super::moment::{self, MomentFile};
use crate::domain::window::{Freeze, Opens, Window};

/// How many openings are compared to find how soon a window comes again.
const LOOKED_AT: usize = 60;
/// How a window is written, for whoever wrote it another way.
const FORM: &str = "minute, hour, day, month, weekday and zone: \"0 22 * * TUE Europe/Berlin\"";

/// A time that comes again and again, in which releases may begin. Without any an environment is open whenever it is not frozen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowFile {
    /// Where it holds. Default: in every environment.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    environments: Option<Spanned<Vec<Spanned<String>>>>,
    /// What it is called on screen. Default: what `opens` says.
    #[schemars(with = "Option<String>", example = &"tuesday night")]
    name: Option<Spanned<String>>,
    /// When it opens: the five fields of cron, and the time zone by whose clock they are meant. Default for the zone: the plan's.
    #[schemars(with = "String", example = &"0 22 * * TUE,THU Europe/Berlin")]
    opens: Option<Spanned<String>>,
    /// For how long it is open; no longer than until it opens again.
    #[schemars(with = "String", example = &"3h")]
    lasts: Option<Spanned<String>>,
}

/// A time in which nothing may begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FreezeFile {
    /// Where it holds. Default: in every environment.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    environments: Option<Spanned<Vec<Spanned<String>>>>,
    /// When it begins. A date alone is its midnight; without a zone it is in the plan's.
    #[schemars(with = "MomentFile")]
    from: Option<Spanned<MomentFile>>,
    /// The first moment after it.
    #[schemars(with = "MomentFile")]
    until: Option<Spanned<MomentFile>>,
    /// Why nothing may begin, for whoever is refused.
    #[schemars(with = "String", example = &"year end")]
    reason: Option<Spanned<String>>,
    /// Who ordered it: whom to ask.
    #[schemars(with = "String", example = &"dana")]
    by: Option<Spanned<String>>,
}

/// Reads the windows, each with the places of its environments.
pub(super) fn windows(build: &mut Build<'_>, files: &[Spanned<WindowFile>], plan: Option<&TimeZone>) -> Vec<(Vec<usize>, Window)> {
    let mut windows = Vec::new();
    for file in files.iter().map(Spanned::get_ref) {
        let places = build.places(file.environments.as_ref());
        let lasts = moment::length(build, file.lasts.as_ref(), false);
        let Some(opens) = file.opens.as_ref().and_then(|given| opens(build, given, plan)) else { continue };
        let (Some(lasts), Some(given)) = (lasts, &file.lasts) else { continue };
        if period(build, given, &opens, lasts) {
            let name = file.name.as_ref().map_or_else(|| opens.text().to_owned(), |name| name.get_ref().clone());
            windows.push((places, Window { name, opens, lasts }));
        }
    }
    windows
}

fn opens(build: &mut Build<'_>, given: &Spanned<String>, plan: Option<&TimeZone>) -> Option<Opens> {
    let text = given.get_ref();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (fields, zone) = match words.as_slice() {
        fields @ [_, _, _, _, _] => {
            if plan.is_none() {
                build
                    .push(given.span(), format!("`{text}` is in no time zone"))
                    .label("write it behind, or zone = \"…\" at the top of the plan");
                return None;
            }
            (fields, plan.cloned())
        }
        [fields @ .., name] if fields.len() == 5 => (fields, Some(moment::zone(build, name, build.within(given, name))?)),
        _ => {
            build.push(given.span(), format!("`{text}` has {} words, where six are expected", words.len())).label(FORM);
            return None;
        }
    };
    let fields = fields.join(" ");
    match Opens::parse(&fields, zone?) {
        Ok(opens) => Some(opens),
        Err(wrong) => {
            // The field in which it is, so that the caret stands under that one alone.
            let before = fields.get(..wrong.at).unwrap_or_default().matches(' ').count();
            let span = words.get(before).map_or(given.span(), |word| build.within(given, word));
            build.push(span, format!("`{text}` is no window: {}", wrong.reason)).label(FORM);
            None
        }
    }
}

/// Compares how long it is open with how soon it opens again.
fn period(build: &mut Build<'_>, given: &Spanned<String>, opens: &Opens, lasts: SignedDuration) -> bool {
    // By a clock that is never moved: one short day a year is no reason to refuse a window of a whole one.
    let Ok(steady) = Opens::parse(opens.text(), TimeZone::UTC) else { return false };
    let mut moments = vec![];
    let mut at = Timestamp::UNIX_EPOCH;
    while let Some(next) = steady.next(at).filter(|_| moments.len() < LOOKED_AT) {
        moments.push(next);
        at = next;
    }
    let gaps = || moments.windows(2).filter_map(|pair| Some(pair.last()?.duration_since(*pair.first()?)));
    let text = opens.text();
    match (moments.first(), gaps().min(), gaps().max()) {
        (None, ..) => {
            build.push(given.span(), format!("a window at `{text}` never opens")).label("there is no such day");
            false
        }
        (_, Some(least), _) if lasts > least => {
            let message = format!("the window lasts {lasts:#}, and opens again after {least:#}");
            build.push(given.span(), message).label(format!("at most \"{least:#}\""));
            false
        }
        // Two weeks of openings show whether there is ever a night between them.
        (Some(first), _, Some(most)) if lasts >= most && at.duration_since(*first).as_hours() > 24 * 14 => {
            build.push(given.span(), "the window is always open").label("leave it out: without windows nothing is shut");
            false
        }
        _ => true,
    }
}

/// Reads the freezes, each with the places of its environments.
pub(super) fn freezes(build: &mut Build<'_>, files: &[Spanned<FreezeFile>], plan: Option<&TimeZone>) -> Vec<(Vec<usize>, Freeze)> {
    let mut freezes = Vec::new();
    for file in files.iter().map(Spanned::get_ref) {
        let places = build.places(file.environments.as_ref());
        let told = build.told(file.reason.as_ref(), "reason") & build.told(file.by.as_ref(), "by");
        let (from, until) = (moment::moment(build, file.from.as_ref(), plan), moment::moment(build, file.until.as_ref(), plan));
        let (Some(from), Some(until), Some(reason), Some(by)) = (from, until, &file.reason, &file.by) else { continue };
        if until <= from {
            let span = file.until.as_ref().map_or(0..0, Spanned::span);
            build.push(span, "the freeze ends before it begins").label("`until` is the first moment after it");
        } else if told {
            freezes.push((places, Freeze { from, until, reason: reason.get_ref().clone(), by: by.get_ref().as_str().into() }));
        }
    }
    freezes
}
