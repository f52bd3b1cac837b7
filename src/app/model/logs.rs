//! The log pane's state.

/// The lines of the rollout that is followed, bounded in bytes.
#[derive(Debug, Default)]
pub struct LogPane {}

impl LogPane {
    /// Returns an empty pane that holds so many bytes.
    pub fn new(_bytes: usize) -> Self {
        Self {}
    }
}
