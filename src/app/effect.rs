//! What an update asks of the world, as data. `runtime` performs it.

use std::path::PathBuf;

use crate::domain::plan::EngineKind;
use crate::port::{check, engine, notify, records, releases, terminal};

/// One thing to be done outside the model.
#[derive(Clone, Debug)]
pub enum Effect {
    Engine(EngineKind, engine::Command),
    Records(records::Command),
    /// To the store of the command's environment.
    Releases(releases::Command),
    /// To the engine of that kind; none: to the checker of programs, HTTP, Prometheus and registries.
    Check(Option<EngineKind>, check::Command),
    Notify(notify::Command),
    Terminal(terminal::Command),
    /// Write these lines to a new file, and tell with [`super::msg::Msg::Saved`].
    Save {
        path: PathBuf,
        text: String,
    },
    /// Draw everything again.
    Repaint,
    /// Capture the mouse or let it go.
    Mouse(bool),
    Quit,
}
