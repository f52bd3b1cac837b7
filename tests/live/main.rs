//! The same flows against the real things; each says loudly when it is skipped, and `ROLLDECK_LIVE=require` fails it then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in helper functions as well")]

mod argo;
#[path = "../belief.rs"]
mod belief;
mod canary;
mod change;
mod cluster_checks;
mod console;
mod doctor;
mod driver;
mod engine;
mod flagger;
mod init;
mod lab;
mod logs;
mod notifier;
mod orders;
mod prometheus;
mod proxy;
#[path = "../support/pty.rs"]
mod pty_support;
mod release;
mod releases;
#[path = "../seen.rs"]
mod seen;
#[path = "../support/releases.rs"]
mod store_support;
mod watch;
