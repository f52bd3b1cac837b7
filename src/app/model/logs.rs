//! The log pane's state.

/// The lines of the rollout that is followed, bounded in bytes.
#[derive(Debug, Default)]
pub struct LogPane {}
