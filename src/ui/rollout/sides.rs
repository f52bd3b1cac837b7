//! The two sides of a blue/green pair, one a row: who has the users, who is ready.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::domain::id::Track;
use crate::domain::rollout::Rollout;
use crate::ui::format;
use crate::ui::pen::Pen;

/// Draws them.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, rollout: &Rollout) {
    let (theme, now) = (pen.theme, pen.model.now);
    let Some(routing) = &rollout.routing else { return };
    let mut tracks: Vec<&Track> = rollout.revisions.iter().filter_map(|revision| revision.track.as_ref()).collect();
    tracks.sort();
    tracks.dedup();
    let name = tracks.iter().map(|track| track.as_str().chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for track in tracks {
        let Some(side) = rollout.side(track) else { continue };
        let live = routing.active.as_ref() == Some(track);
        let endpoints: u32 = routing.endpoints.iter().filter(|(of, _)| of == track).map(|(_, count)| *count).sum();
        let ready = format!("{}/{} ready", side.counts.ready, side.counts.wanted);
        let mut spans = if live {
            vec![Span::styled("users ━━━▶ ", theme.stable), Span::styled("● ", theme.stable)]
        } else {
            vec![Span::styled("      ┄┄┄┄ ", theme.faint), Span::styled("○ ", theme.candidate)]
        };
        spans.push(Span::styled(
            format::pad(track.as_str(), name),
            if live { theme.stable } else { theme.candidate }.add_modifier(Modifier::BOLD),
        ));
        spans.push(Span::styled(format!("  {}", format::pad(&side.version, 12)), theme.strong));
        let lacking = side.counts.ready < side.counts.wanted;
        let empty = side.counts.wanted == 0 && side.counts.total == 0;
        let style = if empty {
            theme.faint
        } else if lacking {
            theme.waiting
        } else {
            theme.text()
        };
        spans.push(Span::styled(if empty { "scaled to 0".to_owned() } else { ready }, style));
        spans.push(Span::styled(
            format!("   {}", format::count(endpoints as usize, "endpoint")),
            if live { theme.muted } else { theme.faint },
        ));
        if live && let Some(switched) = routing.switched {
            spans.push(Span::styled(format!("   switched {} ago", format::since(now, switched)), theme.muted));
        }
        if !live && Some(track) == routing.previous.as_ref() {
            spans.push(Span::styled("   served before", theme.muted));
        }
        lines.push(Line::from(spans));
    }
    if routing.active.is_none() {
        lines.insert(0, Line::styled(format!("✖ {} selects neither side alone: {}", routing.router, routing.selector), theme.bad));
    }
    pen.lines(area, lines);
}
