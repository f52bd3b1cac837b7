//! The imperative middle: what a person can ask for, the model, how it changes, and the loop.
//!
//! Knows `domain`, `port` and `config`; never an adapter and never `ui`: [`run`] takes the draw function as an argument.

pub mod action;
pub mod catalogue;
pub mod effect;
pub mod keymap;
pub mod model;
pub mod msg;
pub mod redraw;
pub mod regions;
pub mod run;
pub mod runtime;
pub mod update;
