//! What a person does to the log pane: one method for each.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::LogPane;
use super::filter::{Pattern, Side};
use crate::domain::id::{ContainerName, InstanceName};
use crate::domain::log::Level;
use crate::port::engine::{LogQuery, Range};

/// What the level key goes through.
const LEVELS: [Option<Level>; 5] = [None, Some(Level::Debug), Some(Level::Info), Some(Level::Warn), Some(Level::Error)];

/// How far a step to the side goes.
const SIDEWAYS: usize = 16;

impl LogPane {
    /// Keeps the newest line in sight, or stops doing so.
    pub fn toggle_follow(&mut self) {
        if self.follow { self.stop() } else { self.to_bottom() }
    }

    /// Stops following: the lines stand still.
    pub fn stop(&mut self) {
        if !self.follow {
            return;
        }
        let count = self.index.len(&self.store);
        let here = self.here().unwrap_or(self.store.end());
        let top = self.index.id(count.saturating_sub(self.on_screen.get().max(1)), &self.store).unwrap_or(here);
        self.top.set(top);
        (self.cursor, self.fresh, self.follow) = (here, 0, false);
    }

    /// Moves the cursor by lines. Up stops following.
    pub fn scroll(&mut self, by: isize) {
        if self.follow && by >= 0 {
            return;
        }
        self.stop();
        let at = self.index.place(self.cursor, &self.store).saturating_add_signed(by);
        self.cursor = self.at_most(at);
    }

    /// Moves the lines under the screen, as a wheel does; the cursor stays on screen.
    pub fn slide(&mut self, by: isize) {
        if self.follow && by >= 0 {
            return;
        }
        self.stop();
        let count = self.index.len(&self.store);
        let shown = self.on_screen.get().max(1);
        let top = self.index.place(self.top.get(), &self.store).saturating_add_signed(by).min(count.saturating_sub(shown));
        let cursor = self.index.place(self.cursor, &self.store).clamp(top, top + shown - 1);
        self.top.set(self.at_most(top));
        self.cursor = self.at_most(cursor);
    }

    /// Moves by screens.
    pub fn page(&mut self, by: isize) {
        let page = isize::try_from(self.on_screen.get().saturating_sub(1).max(1)).unwrap_or(1) * by;
        if self.follow && by >= 0 {
            return;
        }
        self.slide(page);
        self.scroll(page);
    }

    /// Goes to the oldest line.
    pub fn to_top(&mut self) {
        self.stop();
        self.advance(usize::MAX);
        self.cursor = self.at_most(0);
        self.top.set(self.cursor);
    }

    /// Goes to the newest line and follows again.
    pub fn to_bottom(&mut self) {
        (self.follow, self.fresh, self.anchor) = (true, 0, None);
    }

    /// Puts the cursor on the line at a row of the last frame.
    pub fn point(&mut self, line: usize) {
        self.stop();
        let at = self.index.place(self.top.get(), &self.store) + line.min(self.on_screen.get().saturating_sub(1));
        self.cursor = self.at_most(at);
    }

    fn at_most(&self, at: usize) -> u64 {
        let last = self.index.len(&self.store).saturating_sub(1);
        self.index.id(at.min(last), &self.store).unwrap_or(self.store.first())
    }

    /// Moves the text to the side, where it is not wrapped.
    pub fn sideways(&mut self, right: bool) {
        self.left = if right { self.left.saturating_add(SIDEWAYS) } else { self.left.saturating_sub(SIDEWAYS) };
    }

    /// Wraps long lines, or cuts them.
    pub fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
    }

    /// Shows or hides the time of each line.
    pub fn toggle_times(&mut self) {
        self.times = !self.times;
    }

    /// Shows the lines at or above the next level.
    pub fn next_level(&mut self) {
        let at = LEVELS.iter().position(|level| *level == self.filter.level).unwrap_or(0);
        self.set_level(LEVELS.get(at + 1).copied().flatten());
    }

    /// Shows the lines at or above a level; none: all.
    pub fn set_level(&mut self, level: Option<Level>) {
        self.filter.level = level;
        self.refilter();
    }

    /// Shows the candidate's lines, the others', or both.
    pub fn next_side(&mut self) {
        self.set_side(self.filter.side.next());
    }

    /// Shows the lines of one side, or of both.
    pub fn set_side(&mut self, side: Side) {
        self.filter.side = side;
        self.refilter();
    }

    /// Shows only the lines of the pod of this line, or all.
    pub fn toggle_instance(&mut self) {
        let wanted = if self.filter.instance.is_some() { None } else { self.instance_here() };
        self.only_instance(wanted);
    }

    /// Shows the lines of one pod; none: all.
    pub fn only_instance(&mut self, instance: Option<InstanceName>) {
        self.filter.instance = instance;
        self.refilter();
    }

    /// Shows only the lines of the next container, or all.
    pub fn next_container(&mut self) {
        let names = self.voices.containers();
        let next = match &self.filter.container {
            None => names.first().cloned(),
            Some(now) => names.iter().find(|name| *name > now).cloned(),
        };
        self.only_container(next);
    }

    /// Shows the lines of one container; none: all.
    pub fn only_container(&mut self, container: Option<ContainerName>) {
        self.filter.container = container;
        self.refilter();
    }

    /// Shows only lines that match a regular expression; the empty one: all.
    ///
    /// # Errors
    ///
    /// What is wrong with it; what was shown before stays.
    pub fn set_pattern(&mut self, text: &str) -> Result<(), String> {
        self.filter.pattern = if text.is_empty() { None } else { Some(Pattern::new(text)?) };
        self.refilter();
        Ok(())
    }

    /// Returns what to follow for another range of the same logs.
    pub fn with_range(&self, range: Range) -> Option<LogQuery> {
        self.query.clone().map(|query| LogQuery { range, ..query })
    }

    /// Returns what to follow for the run before the present one, or for the present one again.
    pub fn with_other_run(&self) -> Option<LogQuery> {
        self.query.clone().map(|query| LogQuery { previous: !query.previous, ..query })
    }

    /// Begins a selection at the cursor, or forgets it.
    pub fn toggle_selection(&mut self) {
        self.stop();
        self.anchor = if self.anchor.is_some() { None } else { self.here() };
    }

    /// Returns the text of the selection, else of the line that one stands on.
    pub fn copied(&self) -> Option<String> {
        let here = self.here()?;
        let (from, to) = self.selection().unwrap_or((here, here));
        let (from, to) = (self.index.place(from, &self.store), self.index.place(to, &self.store));
        let texts: Vec<&str> =
            (from..=to).filter_map(|at| self.store.get(self.index.id(at, &self.store)?)).map(|record| self.store.text(record)).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Returns the ends of the selection, the older first.
    pub(super) fn selection(&self) -> Option<(u64, u64)> {
        let (anchor, here) = (self.anchor?, self.here()?);
        Some((anchor.min(here), anchor.max(here)))
    }

    /// Returns every line that is shown, as a file of them reads: time, pod and container, text.
    pub fn saved(&mut self) -> String {
        self.advance(usize::MAX);
        let mut out = String::new();
        for at in 0..self.index.len(&self.store) {
            let Some(record) = self.index.id(at, &self.store).and_then(|id| self.store.get(id)) else { continue };
            let time = Timestamp::from_nanosecond(i128::from(record.at)).unwrap_or_default();
            let (instance, container) = self
                .voices
                .get(record.source)
                .map_or(("-", "-"), |voice| (voice.source.instance.as_str(), voice.source.container.as_str()));
            let mark = if record.mark() { "-- " } else { "" };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{time:.9} {instance}/{container} {mark}{}", self.store.text(record));
        }
        out
    }
}
