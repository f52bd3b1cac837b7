//! The pure core: what a release is made of, in the field's words, with no clock, file, network or terminal.
//!
//! Everything here is data and functions of data. Time is an argument (`jiff::Timestamp`), randomness does not occur.
//! Engines translate their own objects into these types (`adapter`), the console decides over them (`app`), and the
//! screen draws them (`ui`).

pub mod announcement;
pub mod change;
pub mod delivery;
pub mod doctor;
pub mod driver;
pub mod event;
pub mod history;
pub mod id;
pub mod instance;
pub mod journal;
pub mod letter;
pub mod log;
pub mod object;
pub mod plan;
pub mod redact;
pub mod release;
pub mod revision;
pub mod rollout;
#[cfg(test)]
pub(crate) mod sample;
pub mod spoken;
pub mod step;
pub mod verb;
pub mod wayback;
pub mod window;
