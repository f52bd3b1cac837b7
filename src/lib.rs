//! rolldeck: a full-screen terminal console from which on-call engineers drive releases.
//!
//! A pure core decides; messages cross the boundary; adapters act; one loop ties them; drawing is a function of the state.
//!
//! ```text
//! keys ─▶ adapter::terminal ─Input──┐                                         ┌─▶ ui::draw(&Model) ─▶ screen
//! engines, records ─────────Event───┼─▶ app::run: Msg ─▶ update(&mut Model, Msg) ─▶ Vec<Effect> ─▶ app::runtime ─Command─▶ adapters
//! timers ───────────────────────────┘        ▲ Regions of the last frame (hit boxes, viewport sizes)
//! ```
//!
//! The modules below stand in layer order; who may import whom is a test (`tests/it/architecture.rs`).

pub mod domain;

pub mod port;

pub mod config;

pub mod adapter;

pub mod app;

pub mod ui;

pub mod cli;
pub mod logging;
pub mod wiring;
