//! Changes on Kubernetes against canned answers: the bodies, the refusals, and the failures that a real server rarely shows.

mod argo;
mod bodies;
mod canary;
mod fake;
mod flagger;
mod gitops;
mod objects;
mod outcomes;
mod refusals;
mod sending;
