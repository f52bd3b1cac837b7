//! The same flows against the real things; each says loudly when it is skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in helper functions as well")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

#[path = "../belief.rs"]
mod belief;
mod change;
mod lab;
