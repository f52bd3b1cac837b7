//! Above the bottom line: orders on their way, orders in doubt, the fastest way back, and why keys are greyed.

use ratatui::text::{Line, Span};

use crate::app::action::Action;
use crate::app::catalogue;
use crate::app::model::jobs::{Job, Stage};
use crate::domain::change::{Judgement, SLOW};
use crate::domain::delivery::Steering;
use crate::domain::journal::Operation;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::verb::Verb;
use crate::domain::wayback::ways_back;
use crate::ui::format;
use crate::ui::pen::Pen;
use crate::ui::words;

/// The most orders that are told at once; the timeline has all.
const MOST: usize = 3;

/// Returns the lines; `alone` where no other pane tells what is wrong.
pub(super) fn lines(pen: &Pen<'_>, rollout: &Rollout, width: u16, roomy: bool, alone: bool) -> Vec<Line<'static>> {
    let model = pen.model;
    let mut lines: Vec<Line<'static>> = model.jobs.of(&rollout.id).take(MOST).map(|job| on_its_way(pen, job)).collect();
    let doubts = model.jobs.in_doubt().filter(|operation| operation.intent.rollout == rollout.id).take(MOST);
    lines.extend(doubts.flat_map(|operation| in_doubt(pen, rollout, operation, width)));
    // Beside the tree the doctor has his own place; where another pane is open he speaks here.
    if let Some(finding) = model.fleet.seen(&rollout.id).and_then(|seen| seen.finding.as_ref()).filter(|_| alone) {
        let style = if finding.calm() { pen.theme.waiting } else { pen.theme.bad };
        let sign = if finding.calm() { "‖ " } else { "✖ " };
        let text = format::fit(&finding.sentence, usize::from(width).saturating_sub(2)).into_owned();
        lines.push(Line::from(vec![Span::styled(sign, style), Span::styled(format::capital(&text), pen.theme.strong)]));
    }
    lines.push(way_back(pen, rollout, width));
    if roomy && let Some(greyed) = greyed(pen, width) {
        lines.push(greyed);
    }
    lines
}

fn on_its_way(pen: &Pen<'_>, job: &Job) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let all = job.requests.len();
    let (since, what) = match &job.stage {
        Stage::Recording { since, .. } => (*since, "being recorded, nothing is sent yet".to_owned()),
        Stage::Beginning { since, .. } => (*since, "its release is to take that it begins, nothing is sent yet".to_owned()),
        Stage::Sending { since, answered } if all == 1 => {
            (*since, if *answered == 0 { "sent, no answer yet" } else { "accepted" }.to_owned())
        }
        Stage::Sending { since, answered } => (*since, format!("{answered} of {all} requests accepted")),
        Stage::Watching { since } => (*since, "accepted, waiting for the cluster to show it".to_owned()),
    };
    let length = model.now.duration_since(since);
    let mut spans = vec![
        Span::styled("◐ ", theme.candidate),
        Span::styled(format!("{}: ", format::capital(&job.label)), theme.strong),
        Span::styled(what, theme.text()),
        Span::styled(format!("  {}", format::age(length)), if length > SLOW { theme.waiting } else { theme.muted }),
    ];
    if job.unrecorded {
        spans.push(Span::styled("  unrecorded: the journal cannot be written", theme.bad));
    }
    Line::from(spans)
}

/// What is not known, and what the cluster shows of it; in two lines where one is too short.
fn in_doubt(pen: &Pen<'_>, rollout: &Rollout, operation: &Operation, width: u16) -> Vec<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let (truth, style) = match operation.intent.expect.judge(rollout) {
        Judgement::Met(seen) => (format!("the cluster shows it done: {seen}"), theme.good),
        Judgement::Missed(seen) => (format!("the cluster shows that it was not done: {seen}"), theme.bad),
        Judgement::Pending => ("the cluster does not show it so far".to_owned(), theme.waiting),
    };
    let order = Line::from(vec![
        Span::styled("▲ In doubt: ", theme.bad),
        Span::styled(words::order(&operation.intent), theme.strong),
        Span::styled(format!(" by {} {}", operation.actor, format::minute(operation.at, model.now, &model.zone)), theme.muted),
    ]);
    let mut spans = vec![Span::styled(format!("  {}; ", operation.doubt()), theme.muted), Span::styled(truth, style)];
    if let Some(key) = model.keymap.key("rollout", Action::Acknowledge) {
        spans.push(Span::styled(format!("   {key}"), theme.key));
        spans.push(Span::styled(" close it", theme.muted));
    }
    let truth = Line::from(spans);
    if order.width() + truth.width() > usize::from(width) {
        return vec![order, truth];
    }
    let mut line = order;
    line.spans.extend(truth.spans);
    vec![line]
}

/// Always there: also that there is none is worth knowing.
fn way_back(pen: &Pen<'_>, rollout: &Rollout, width: u16) -> Line<'static> {
    let (model, theme) = (pen.model, pen.theme);
    let mut spans = vec![Span::styled("Fastest way back", theme.muted)];
    let ways = ways_back(rollout, pen.model.jobs.history(), pen.model.now);
    if ways.is_empty() && rollout.phase == Phase::RolledBack {
        let stable = rollout.serving_revision().map_or_else(String::new, |serving| format!(": the users are on {}", serving.label()));
        spans.push(Span::styled(format!("   none is needed{stable}"), theme.muted));
        return Line::from(spans);
    }
    if ways.is_empty() {
        let verb = if rollout.steering == Steering::Pair { Verb::SwitchBack } else { Verb::RollBack };
        let why = model.can(&rollout.id, verb).err().map_or_else(|| "nothing to go back to".to_owned(), |why| why.to_string());
        spans.push(Span::styled(format!("   none: {why}"), theme.faint));
        return Line::from(spans);
    }
    for (number, way) in ways.iter().enumerate() {
        let used: usize = spans.iter().map(Span::width).sum();
        if number > 0 && used + words::way_back(way).chars().count() + 9 > usize::from(width) {
            break;
        }
        spans.push(Span::styled(if number == 0 { "   " } else { "   ·   " }, theme.faint));
        let action = match way.verb {
            Verb::Abort => Action::Abort,
            Verb::Switch | Verb::SwitchBack => Action::Switch,
            Verb::Hold => Action::Hold,
            _ => Action::RollBack,
        };
        let works = model.can(&rollout.id, way.verb).is_ok();
        if let Some(key) = model.keymap.key("rollout", action) {
            spans.push(Span::styled(format!("{key} "), if works { theme.key } else { theme.faint }));
        }
        spans.push(Span::styled(words::way_back(way), if works && number == 0 { theme.text() } else { theme.muted }));
    }
    Line::from(spans)
}

/// The greyed keys of the bottom line with their reasons, those with one reason together.
fn greyed(pen: &Pen<'_>, width: u16) -> Option<Line<'static>> {
    let (model, theme) = (pen.model, pen.theme);
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for action in catalogue::footer(model) {
        let Err(refusal) = catalogue::available(model, action) else { continue };
        let Some(key) = model.keymap.key("rollout", action) else { continue };
        let (key, why) = (theme.glyphs.key(&key).to_owned(), refusal.to_string());
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, keys)) => keys.push(key),
            None => reasons.push((why, vec![key])),
        }
    }
    if reasons.is_empty() || width < 80 {
        return None;
    }
    let mut spans = vec![Span::styled("Not now         ", theme.faint)];
    for (number, (why, keys)) in reasons.into_iter().enumerate() {
        let used: usize = spans.iter().map(Span::width).sum();
        if number > 0 && used + why.chars().count() + keys.len() * 2 + 8 > usize::from(width) {
            break;
        }
        spans.push(Span::styled(if number == 0 { "   " } else { "   ·   " }, theme.faint));
        spans.push(Span::styled(keys.join(" "), theme.muted));
        spans.push(Span::styled(format!(" {why}"), theme.faint));
    }
    Some(Line::from(spans))
}
