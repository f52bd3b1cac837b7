//! Verbs on an Argo Rollout against an API server that takes JSON patches as the real one does.

mod bodies;
mod refusals;
mod server;
