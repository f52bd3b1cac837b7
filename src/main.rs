//! The program: one TLS provider for the process, then the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything may open a connection. A second provider is refused, and the first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    rolldeck::cli::run()
}
