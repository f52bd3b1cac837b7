//! The Kubernetes engine.

pub mod access;
pub mod change;
pub mod note;
