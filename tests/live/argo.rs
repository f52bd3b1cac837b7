//! Verbs on Argo Rollouts against a real API server: the test plays their controller, by the status that the recordings show.

mod bluegreen;
mod canary;
mod controller;
mod rights;
