//! The clock as adapters read it, to stamp what they saw when they saw it.

use jiff::Timestamp;

/// Returns the time now.
#[expect(clippy::disallowed_methods, reason = "the one place where adapters read the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
