//! The one place where commands print. A reader that went away (`rolldeck schema | head`) is no error.

use std::fmt::Display;
use std::io::Write as _;

use crate::domain::redact::redact;

/// Prints a line on stdout.
pub(super) fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a line on stderr, for what is said beside the result.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", redact(&text.to_string()));
}

/// Prints on stderr why a command failed.
pub(super) fn error(failure: &super::Failure) {
    match failure {
        // These were cleaned with their carets kept in place.
        super::Failure::Config(errors) => {
            let _ = writeln!(std::io::stderr().lock(), "{errors}");
        }
        other => note(other),
    }
}
