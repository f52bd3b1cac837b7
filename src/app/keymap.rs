//! Keys to actions, by mode. Built from the rows of `config/keymap.toml` and the user's own; what is unknown or clashes
//! is an error at load, never a key that silently does nothing.

use std::collections::HashMap;

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyModifiers};

use super::action::Action;
use super::catalogue::{self, Group};

/// The sections of a key map. A key is looked up in the mode that is open, then, unless it takes text, in `global`.
pub const MODES: [&str; 14] = [
    "global",
    "deck",
    "rollout",
    "logs",
    "revisions",
    "timeline",
    "releases",
    "release",
    "chronicle",
    "form",
    "list",
    "confirm",
    "typed",
    "prompt",
];

/// Modes in which what is not bound is text.
const TEXT: [&str; 3] = ["typed", "prompt", "form"];

/// One row, as `config` reads it.
#[derive(Clone, Copy, Debug)]
pub struct KeyRow<'a> {
    pub mode: &'a str,
    pub key: &'a str,
    pub action: &'a str,
    /// Embedded rows come first; a user's row may bind a key again, an embedded one may not.
    pub embedded: bool,
}

/// What is wrong with a row, by its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub row: usize,
    pub message: String,
    /// What might have been meant.
    pub similar: Option<String>,
}

/// The keys that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<(String, KeyCombination, String, Action)>,
    index: HashMap<(String, KeyCombination), Action>,
}

impl Keymap {
    /// Builds the map. The action `none` takes a binding away.
    ///
    /// # Errors
    ///
    /// Every row that cannot be understood.
    pub fn new<'a>(rows: impl IntoIterator<Item = KeyRow<'a>>) -> Result<Self, Vec<Problem>> {
        let mut keymap = Self::default();
        let mut problems = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            if let Err((message, similar)) = keymap.bind(row) {
                problems.push(Problem { row: at, message, similar });
            }
        }
        keymap.index = keymap.bindings.iter().map(|(mode, key, _, action)| ((mode.clone(), *key), *action)).collect();
        if problems.is_empty() { Ok(keymap) } else { Err(problems) }
    }

    fn bind(&mut self, row: KeyRow<'_>) -> Result<(), (String, Option<String>)> {
        if !MODES.contains(&row.mode) {
            return Err((format!("unknown mode `{}`", row.mode), closest(row.mode, MODES)));
        }
        let key =
            parse(row.key).ok_or_else(|| (format!("`{}` is no key; write it like `p`, `P`, `ctrl-k`, `space`, `f1`", row.key), None))?;
        let known = self.bindings.iter().position(|(mode, bound, ..)| mode == row.mode && *bound == key);
        if row.action == "none" {
            if let Some(known) = known {
                self.bindings.remove(known);
            }
            return Ok(());
        }
        let Some(action) = catalogue::named(row.action) else {
            let names = Action::ALL.map(|action| catalogue::row(action).name);
            return Err((format!("unknown action `{}`", row.action), closest(row.action, names)));
        };
        let binding = (row.mode.to_owned(), key, row.key.to_owned(), action);
        match known {
            Some(_) if row.embedded => return Err((format!("`{}` is bound twice in [{}]", row.key, row.mode), None)),
            Some(known) => {
                if let Some(slot) = self.bindings.get_mut(known) {
                    *slot = binding;
                }
            }
            None => self.bindings.push(binding),
        }
        Ok(())
    }

    /// Returns what a key means in a mode.
    pub fn action(&self, mode: &str, key: KeyCombination) -> Option<Action> {
        let key = normal(key);
        let find = |mode: &str| self.index.get(&(mode.to_owned(), key)).copied();
        find(mode).or_else(|| if TEXT.contains(&mode) || mode == "confirm" { None } else { find("global") })
    }

    /// Returns the keys of an action in a mode as they are shown, the first bound first; those of `global` where the mode
    /// has none.
    pub fn keys(&self, mode: &str, action: Action) -> Vec<String> {
        let of = |wanted: &str| -> Vec<String> {
            self.bindings
                .iter()
                .filter(|(mode, _, _, bound)| mode == wanted && *bound == action)
                .map(|(_, _, text, _)| shown(text))
                .collect()
        };
        let own = of(mode);
        if !own.is_empty() || TEXT.contains(&mode) || mode == "confirm" {
            return own;
        }
        // A global key that the mode uses for something else does not work here.
        self.bindings
            .iter()
            .filter(|(m, key, _, bound)| m == "global" && *bound == action && !self.index.contains_key(&(mode.to_owned(), *key)))
            .map(|(_, _, text, _)| shown(text))
            .collect()
    }

    /// Returns the first key of an action in a mode, for a bottom line.
    pub fn key(&self, mode: &str, action: Action) -> Option<String> {
        self.keys(mode, action).into_iter().next()
    }

    /// Returns the whole map as rows of group, keys with their mode, name and sentence, in the order of the help.
    pub fn table(&self) -> Vec<(Group, String, &'static str, &'static str)> {
        let mut rows = Vec::new();
        for group in Group::ALL {
            for action in Action::ALL {
                let row = catalogue::row(action);
                if row.group != group {
                    continue;
                }
                let mut keys: Vec<String> = Vec::new();
                for (_, _, text, bound) in &self.bindings {
                    let text = shown(text);
                    if *bound == action && !keys.contains(&text) {
                        keys.push(text);
                    }
                }
                if !keys.is_empty() {
                    rows.push((group, keys.join("  "), row.name, row.doc));
                }
            }
        }
        rows
    }
}

/// Reads a key: one character as it is typed (`P` is shift and p), or a name with modifiers (`ctrl-k`, `pagedown`).
fn parse(text: &str) -> Option<KeyCombination> {
    let mut characters = text.chars();
    if let (Some(only), None) = (characters.next(), characters.next()) {
        return Some(normal(KeyCombination::one_key(KeyCode::Char(only), KeyModifiers::NONE)));
    }
    crokey::parse(text).ok().map(normal)
}

/// Brings a key to the one form that is compared: capitals carry shift, other characters do not (`?` is typed with shift
/// on some keyboards and without on others).
fn normal(key: KeyCombination) -> KeyCombination {
    let mut key = key.normalized();
    if let crokey::OneToThree::One(KeyCode::Char(character)) = key.codes
        && !character.is_alphabetic()
    {
        key.modifiers.remove(KeyModifiers::SHIFT);
    }
    key
}

/// Returns a key as it stands on screen: `space`, `ctrl-s`, `⏎`.
fn shown(text: &str) -> String {
    match text {
        "enter" => "⏎".into(),
        "up" => "↑".into(),
        "down" => "↓".into(),
        "left" => "←".into(),
        "right" => "→".into(),
        "pageup" => "pgup".into(),
        "pagedown" => "pgdn".into(),
        _ => text.into(),
    }
}

fn closest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(mode: &'a str, key: &'a str, action: &'a str) -> KeyRow<'a> {
        KeyRow { mode, key, action, embedded: true }
    }

    fn press(key: &str) -> KeyCombination {
        parse(key).unwrap()
    }

    #[test]
    fn capitals_are_other_keys_and_global_holds_below() {
        let map = Keymap::new([
            row("rollout", "p", "promote"),
            row("rollout", "P", "promote-fully"),
            row("global", "q", "quit"),
            row("global", "?", "help"),
        ])
        .unwrap();
        assert_eq!(map.action("rollout", press("p")), Some(Action::Promote));
        assert_eq!(map.action("rollout", KeyCombination::one_key(KeyCode::Char('P'), KeyModifiers::SHIFT)), Some(Action::PromoteFully));
        assert_eq!(map.action("rollout", press("q")), Some(Action::Quit));
        assert_eq!(map.action("rollout", KeyCombination::one_key(KeyCode::Char('?'), KeyModifiers::SHIFT)), Some(Action::Help));
        assert_eq!(map.action("prompt", press("q")), None, "text stays text");
        assert_eq!(map.action("confirm", press("q")), None, "a dialog has its own keys alone");
    }

    #[test]
    fn a_user_binds_again_and_unbinds() {
        let user = |mode, key, action| KeyRow { mode, key, action, embedded: false };
        let map = Keymap::new([
            row("rollout", "p", "promote"),
            row("global", "q", "quit"),
            user("rollout", "p", "none"),
            user("rollout", "ctrl-p", "promote"),
            user("global", "q", "help"),
        ])
        .unwrap();
        assert_eq!(map.action("rollout", press("p")), None);
        assert_eq!(map.action("rollout", press("ctrl-p")), Some(Action::Promote));
        assert_eq!(map.action("deck", press("q")), Some(Action::Help));
    }

    #[test]
    fn what_is_wrong_is_told_for_every_row() {
        let problems = Keymap::new([
            row("rolout", "p", "promote"),
            row("rollout", "p", "promot"),
            row("rollout", "hyper-x", "abort"),
            row("rollout", "x", "abort"),
            row("rollout", "x", "ship"),
        ])
        .unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.row).collect::<Vec<_>>(), [0, 1, 2, 4]);
        assert_eq!(problems[0].similar.as_deref(), Some("rollout"));
        assert_eq!(problems[1].similar.as_deref(), Some("promote"));
    }
}
