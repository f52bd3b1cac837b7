//! Tests of the whole from outside the crate, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in helper functions as well")]

mod architecture;
#[path = "../belief.rs"]
mod belief;
mod check;
mod config;
mod flows;
mod kubernetes;
mod kubernetes_change;
mod kubernetes_lock;
mod logs;
mod notifier;
mod pty;
#[path = "../support/pty.rs"]
mod pty_support;
mod readme;
mod records;
mod releases;
mod screens;
#[path = "../seen.rs"]
mod seen;
#[path = "../support/releases.rs"]
mod store_support;
