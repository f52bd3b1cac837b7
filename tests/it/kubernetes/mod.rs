//! The reading half of the Kubernetes engine: recordings of real controllers walked through store and conversion, and an
//! API server in this process for what goes wrong on the way.

mod api;
mod argo;
mod checks;
mod flagger;
mod links;
mod plain_canary;
mod recordings;
pub mod walk;
