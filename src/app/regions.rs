//! What the last frame laid out: where a click lands, and how much fits. The only thing that flows back from drawing.

use ratatui::layout::Rect;

use super::action::Action;
use super::model::nav::Pane;

/// What lies under a cell of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A cell of the deck: row among the shown services, column among the environments.
    Cell {
        service: usize,
        environment: usize,
    },
    /// A row of the rollout's tree.
    TreeRow(usize),
    /// A row of whatever list is open: revisions, palette, themes, timeline.
    ListRow(usize),
    /// A row of the log pane, from its top.
    LogRow(u16),
    Pane(Pane),
    /// A key of the bottom line or a button of a dialog.
    Action(Action),
}

/// The layout of the last frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// Later ones lie above earlier ones.
    pub hits: Vec<(Rect, Hit)>,
    /// Rows that fit into the deck, the tree, the list and the log pane.
    pub deck_rows: usize,
    pub tree_rows: usize,
    pub list_rows: usize,
    pub log_rows: u16,
    pub log_columns: u16,
}

impl Regions {
    /// Notes that `hit` lies under `area`.
    pub fn add(&mut self, area: Rect, hit: Hit) {
        self.hits.push((area, hit));
    }

    /// Returns the topmost hit at a cell.
    pub fn at(&self, column: u16, row: u16) -> Option<&Hit> {
        self.hits.iter().rev().find(|(area, _)| area.contains((column, row).into())).map(|(_, hit)| hit)
    }
}
