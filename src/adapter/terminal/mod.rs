//! The terminal, apart from drawing: taken and given back, its keys read, its clipboard and title written.
//!
//! Draw through [`std::io::stdout`] itself, on the thread that made the [`Guard`], and write commands there too: a
//! buffer of one's own would be flushed over the normal screen after a panic.

mod burst;
mod command;
mod guard;
mod input;
mod panic;
mod signal;

pub use command::perform;
pub use guard::{Guard, mouse, restore};
pub use input::spawn;
pub use panic::install_hook;
pub use signal::Signals;
