//! Configuration: the plan, the settings and the key map, read strictly from embedded defaults and the user's files.
//!
//! One way for every file: [`document`] parses it and compares it with the JSON Schema of its serde structs, so that the
//! keys the loader takes, the keys an error names and the keys an editor completes are the same list. What is wrong is
//! taken out and reported, the rest is read, so one run shows every error with its file, line and column.

pub mod document;
pub mod error;
mod mask;
pub mod place;
pub mod plan;
pub mod position;
mod similar;
pub mod theme;

pub use error::{ConfigError, ConfigErrors};
pub use position::Position;
