//! The checks that need no engine, against programs and servers that behave badly. Each gets a sentence within its limit.

mod bench;
mod command;
mod http;
mod prometheus;
mod registry;
mod runner;
mod server;
