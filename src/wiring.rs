//! The only file that sees every layer.
