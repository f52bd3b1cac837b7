//! An entry of a release's record in one line: its sign, its colour, and the sentence after whoever wrote it.

use ratatui::style::Style;

use super::signs;
use crate::config::theme::Theme;
use crate::domain::release::approval::Choice;
use crate::domain::release::checklist::Verdict;
use crate::domain::release::policy::Policy;
use crate::domain::release::record::Body;
use crate::ui::format;

/// Returns the sign, the style and the words of an entry. `policy`: the rules that name its items.
pub(super) fn told(theme: &Theme, policy: Option<&Policy>, body: &Body) -> (&'static str, Style, String) {
    let title = |id: &crate::domain::id::ItemId| {
        let item = policy.and_then(|policy| policy.items.iter().find(|item| item.id == *id));
        item.map_or_else(|| id.to_string(), |item| item.title.clone())
    };
    let quoted = |text: &str| if text.is_empty() { String::new() } else { format!(": “{text}”") };
    match body {
        Body::Drafted { .. } => ("○", theme.muted, "wrote the brief".into()),
        Body::Bound { bound } => {
            let weak = bound.iter().any(crate::domain::release::Bound::weak);
            let digests: Vec<String> =
                bound.iter().map(|one| one.digest.as_deref().map_or_else(|| "the tag: weak".into(), super::beside::short)).collect();
            ("·", if weak { theme.warn } else { theme.muted }, format!("bound to {}", digests.join(", ")))
        }
        Body::Announced => ("▶", theme.text(), "announced it".into()),
        Body::Checked { item, outcome, .. } => {
            let (glyph, style) = match outcome.verdict {
                Verdict::Pass => ("✔", theme.good),
                Verdict::Fail => ("✖", theme.bad),
                Verdict::Pending => ("○", theme.waiting),
                Verdict::Unknown => ("?", theme.waiting),
            };
            (
                glyph,
                style,
                format!("{}: {}", title(item), if outcome.evidence.is_empty() { outcome.verdict.word() } else { &outcome.evidence }),
            )
        }
        Body::Cleared { item } => ("○", theme.waiting, format!("took the tick back: {}", title(item))),
        Body::Decided { decision } => {
            let (glyph, style) = match decision.choice {
                Choice::Approve => ("✔", theme.good),
                Choice::Refuse => ("✖", theme.bad),
                Choice::Withdraw => ("○", theme.waiting),
            };
            (glyph, style, format!("{} ({}){}", signs::chosen(decision.choice), decision.role, quoted(&decision.reason)))
        }
        Body::Opened => ("✔", theme.good, "the gate opened".into()),
        Body::Shut { sentence } => ("▲", theme.waiting, format!("the gate shut: {sentence}")),
        Body::Overridden { over } => {
            ("▲", theme.bad, format!("overrode {}{}", format::count(over.over.len(), "rule"), quoted(&over.reason)))
        }
        Body::Scheduled { schedule: Some(_) } => ("▶", theme.candidate, "armed the start".into()),
        Body::Scheduled { schedule: None } => ("○", theme.muted, "took the start back".into()),
        Body::Began { rollout, .. } => ("▶", theme.candidate, format!("began {}", rollout.service)),
        Body::Moved { rollout, what } => ("◐", theme.candidate, format!("{}: {what}", rollout.service)),
        Body::Ordered { rollout, what, .. } => ("▶", theme.text(), format!("{}: {what}", rollout.service)),
        Body::Outcome { rollout, met, seen, .. } => {
            let (glyph, style) = if *met { ("✔", theme.good) } else { ("✖", theme.bad) };
            (glyph, style, format!("{}: {seen}", rollout.service))
        }
        Body::Verifying => ("◐", theme.candidate, "its rollouts are done".into()),
        Body::Finished => ("✔", theme.stable, "finished it".into()),
        Body::RolledBack { reason } => ("✖", theme.bad, format!("rolled back{}", quoted(reason))),
        Body::Aborted { reason } => ("○", theme.muted, format!("gave it up{}", quoted(reason))),
        Body::Alert { name, firing: true, text } => ("✖", theme.bad, format!("{name} fires: {text}")),
        Body::Alert { name, firing: false, .. } => ("✔", theme.good, format!("{name} is over")),
        Body::Noted { text, .. } => ("·", theme.text(), text.clone()),
    }
}
