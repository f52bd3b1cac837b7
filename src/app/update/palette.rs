//! The command palette: fuzzy search over every action and every rollout.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Turn, input};
use crate::app::action::Action;
use crate::app::catalogue::{self, Group};
use crate::app::model::Model;
use crate::app::model::dialog::{Entry, Overlay, Palette, PaletteRow};
use crate::app::model::nav::{Cursor, Screen};

/// Opens it with every action that belongs here, those that can be done now first.
pub(super) fn open(model: &mut Model) {
    model.overlay = Some(Overlay::Palette(Palette::default()));
    edited(model);
}

/// What was typed changed: searches again.
pub(super) fn edited(model: &mut Model) {
    let Some(Overlay::Palette(open)) = &model.overlay else { return };
    let typed = open.input.value().to_owned();
    let mode = model.nav.screen().mode();
    let mut rows: Vec<PaletteRow> = Action::ALL
        .into_iter()
        .filter(|action| !matches!(catalogue::row(*action).group, Group::Dialog | Group::Moving))
        .map(|action| {
            let row = catalogue::row(action);
            PaletteRow {
                entry: Entry::Action(action),
                label: format!("{}: {}", row.name, row.doc),
                keys: model.keymap.keys(mode, action).join(" "),
                refusal: catalogue::available(model, action).err().map(|refusal| refusal.to_string()),
                matched: Vec::new(),
            }
        })
        .collect();
    rows.extend(model.plan.workloads().map(|workload| PaletteRow {
        entry: Entry::Open(workload.id.clone()),
        label: format!("open {}", workload.id),
        keys: String::new(),
        refusal: None,
        matched: Vec::new(),
    }));
    let rows = search(rows, &typed);
    if let Some(Overlay::Palette(open)) = &mut model.overlay {
        open.rows = rows;
        open.cursor = Cursor::default();
    }
}

fn search(rows: Vec<PaletteRow>, typed: &str) -> Vec<PaletteRow> {
    if typed.trim().is_empty() {
        let (can, cannot): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.refusal.is_none());
        return can.into_iter().chain(cannot).collect();
    }
    let pattern = Pattern::new(typed, CaseMatching::Smart, Normalization::Smart, AtomKind::Fuzzy);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, PaletteRow)> = rows
        .into_iter()
        .filter_map(|mut row| {
            let mut at = Vec::new();
            let score = pattern.indices(Utf32Str::new(&row.label, &mut buffer), &mut matcher, &mut at)?;
            at.sort_unstable();
            at.dedup();
            let starts: Vec<usize> = row.label.char_indices().map(|(byte, _)| byte).collect();
            row.matched = at.into_iter().filter_map(|character| starts.get(character as usize).copied()).collect();
            // What can be done comes before what fits as well and cannot.
            Some((score + u32::from(row.refusal.is_none()) * 20, row))
        })
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.label.cmp(&b.1.label)));
    scored.into_iter().map(|(_, row)| row).collect()
}

/// Does what is asked for in the palette.
pub(super) fn perform(model: &mut Model, action: Action, turn: &mut Turn) {
    let rows = model.regions.list_rows.max(1);
    let Some(Overlay::Palette(open)) = &mut model.overlay else { return };
    let count = open.rows.len();
    match action {
        Action::Cancel | Action::Back => model.overlay = None,
        Action::Up => open.cursor.step(-1, count, rows),
        Action::Down | Action::Next => open.cursor.step(1, count, rows),
        Action::PageUp => open.cursor.step(-(rows as isize), count, rows),
        Action::PageDown => open.cursor.step(rows as isize, count, rows),
        Action::Accept => {
            let chosen = open.rows.get(open.cursor.at).map(|row| row.entry.clone());
            model.overlay = None;
            match chosen {
                Some(Entry::Action(action)) => input::perform(model, action, turn),
                Some(Entry::Open(id)) => model.nav.open(Screen::Rollout(id)),
                None => {}
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_action_and_what_can_be_done_comes_first() {
        let row = |label: &str, refusal: Option<&str>| PaletteRow {
            entry: Entry::Action(Action::Help),
            label: label.into(),
            keys: String::new(),
            refusal: refusal.map(Into::into),
            matched: Vec::new(),
        };
        let found = search(
            vec![
                row("roll-back: Bring a former revision back", Some("no")),
                row("restart: Replace every instance", None),
                row("roll-back: now", None),
            ],
            "rlb",
        );
        assert_eq!(
            found.iter().map(|row| row.label.as_str()).collect::<Vec<_>>(),
            ["roll-back: now", "roll-back: Bring a former revision back"]
        );
        assert!(!found[0].matched.is_empty());
    }
}
