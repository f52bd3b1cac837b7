//! Signs and colours of releases: a phase, an item's outcome, an approval, and the gate in a few columns.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::app::model::releases::rows::ItemRow;
use crate::config::theme::Theme;
use crate::domain::release::approval::{Choice, Standing};
use crate::domain::release::checklist::Verdict;
use crate::domain::release::gate::{Blocker, Gate};
use crate::domain::release::{Kind, Phase};

/// Returns the glyph and style of a phase.
pub(in crate::ui) fn phase(theme: &Theme, phase: Phase) -> (&'static str, Style) {
    match phase {
        Phase::Draft => ("○", theme.muted),
        Phase::Checking => ("▲", theme.waiting),
        Phase::Ready => ("✔", theme.good),
        Phase::InProgress => ("▶", theme.candidate),
        Phase::Verifying => ("◐", theme.candidate),
        Phase::Done => ("✔", theme.stable),
        Phase::RolledBack => ("✖", theme.bad),
        Phase::Aborted => ("○", theme.faint),
    }
}

/// Returns the style of a kind: an emergency stands out.
pub(in crate::ui) fn kind(theme: &Theme, kind: Kind) -> Style {
    if kind == Kind::Emergency { theme.bad } else { theme.muted }
}

/// Returns the glyph and style of an item as it stands. What only warns is never red.
pub(super) fn item(theme: &Theme, row: &ItemRow<'_>) -> (&'static str, Style) {
    if row.sent.is_some() {
        return ("◐", theme.muted);
    }
    match row.run {
        Some(run) if run.started.is_some() => return ("◐", theme.candidate),
        Some(_) => return ("○", theme.candidate),
        None => {}
    }
    if row.standing.stale.is_some() {
        return ("↻", theme.waiting);
    }
    match row.standing.verdict {
        Verdict::Pass => ("✔", theme.good),
        Verdict::Fail if row.item.required => ("✖", theme.bad),
        Verdict::Fail => ("▲", theme.warn),
        Verdict::Unknown => ("?", theme.waiting),
        Verdict::Pending if row.item.required => ("○", theme.waiting),
        Verdict::Pending => ("○", theme.muted),
    }
}

/// Returns the glyph and style of a rule.
pub(super) fn rule(theme: &Theme, standing: &Standing<'_>) -> (&'static str, Style) {
    match () {
        () if standing.refused.is_some() => ("✖", theme.bad),
        () if standing.met() => ("✔", theme.good),
        () => ("○", theme.waiting),
    }
}

/// Returns the words of a choice that was made.
pub(super) fn chosen(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => "approved",
        Choice::Refuse => "refused",
        Choice::Withdraw => "withdrew",
    }
}

/// Returns whether something is wrong, and not only open.
pub(in crate::ui) fn wrong(blocker: &Blocker) -> bool {
    matches!(
        blocker,
        Blocker::Item { verdict: Verdict::Fail, .. }
            | Blocker::Refused { .. }
            | Blocker::Frozen(_)
            | Blocker::TooLate { .. }
            | Blocker::Unknown(_)
    )
}

/// Returns the gate in a few columns: `✔ 14/14  2/2`.
pub(in crate::ui) fn tally(theme: &Theme, gate: &Gate) -> Vec<Span<'static>> {
    let (glyph, style) = match () {
        () if !gate.overridden.is_empty() => ("▲", theme.bad),
        () if gate.open() => ("✔", theme.good),
        () if gate.blockers.iter().any(wrong) => ("✖", theme.bad),
        () => ("▲", theme.waiting),
    };
    let items = if gate.items > 0 { format!(" {}/{}", gate.passed, gate.items) } else { String::new() };
    let approvals = if gate.approvals > 0 { format!("  {}/{}", gate.approved, gate.approvals) } else { String::new() };
    vec![Span::styled(format!("{glyph}{items}{approvals}"), style)]
}
