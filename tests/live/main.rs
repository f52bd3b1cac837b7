//! The same flows against the real things; each says loudly when it is skipped.

mod belief;
mod change;
mod lab;
