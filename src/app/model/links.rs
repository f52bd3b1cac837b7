//! The links to the engines: state, and how old what proved them live is (safety rule 4).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::Scope;
use crate::port::Link;

/// Without a proof for this long, data is stale and writes are off.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    pub state: Link,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// When something last proved that the data is live.
    pub proved: Option<Timestamp>,
    /// What cannot be had over it, as sentences.
    pub missing: Vec<String>,
}

/// The links by what they reach.
#[derive(Clone, Debug, Default)]
pub struct Links(BTreeMap<Scope, LinkState>);

impl Links {
    /// Returns the links that these scopes need, all connecting.
    pub fn connecting(scopes: impl IntoIterator<Item = Scope>, now: Timestamp) -> Self {
        let new = || LinkState { state: Link::Connecting, since: now, proved: None, missing: Vec::new() };
        Self(scopes.into_iter().map(|scope| (scope, new())).collect())
    }

    /// Returns one link.
    pub fn get(&self, scope: &Scope) -> Option<&LinkState> {
        self.0.get(scope)
    }

    /// Returns the links in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Scope, &LinkState)> {
        self.0.iter()
    }

    /// Takes a link's new state. Returns whether it went down or came up again.
    pub fn set(&mut self, scope: Scope, state: Link, now: Timestamp) -> bool {
        let link =
            self.0.entry(scope).or_insert_with(|| LinkState { state: Link::Connecting, since: now, proved: None, missing: Vec::new() });
        let turned = link.state.is_up() != state.is_up();
        if turned {
            link.since = now;
        }
        if state.is_up() {
            link.proved = Some(now);
        }
        link.state = state;
        turned
    }

    /// Notes a proof of life.
    pub fn prove(&mut self, scope: &Scope, at: Timestamp) {
        if let Some(link) = self.0.get_mut(scope) {
            link.proved = link.proved.max(Some(at));
        }
    }

    /// Notes what cannot be had.
    pub fn miss(&mut self, scope: &Scope, what: String) {
        if let Some(link) = self.0.get_mut(scope)
            && !link.missing.contains(&what)
        {
            link.missing.push(what);
        }
    }

    /// Returns how old a link's data is; none before anything came.
    pub fn age(&self, scope: &Scope, now: Timestamp) -> Option<SignedDuration> {
        self.0.get(scope)?.proved.map(|proved| now.duration_since(proved).max(SignedDuration::ZERO))
    }

    /// Returns the age where it is too old to write on.
    pub fn stale(&self, scope: &Scope, now: Timestamp) -> Option<SignedDuration> {
        self.age(scope, now).filter(|age| *age >= STALE_AFTER)
    }

    /// Returns whether what is shown of this scope is to be greyed: never seen alive, lost, or stale.
    pub fn grey(&self, scope: &Scope, now: Timestamp) -> bool {
        self.0.get(scope).is_none_or(|link| !link.state.is_up()) || self.stale(scope, now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn data_is_stale_fifteen_seconds_after_the_last_proof() {
        let scope = Scope::from("prod");
        let mut links = Links::connecting([scope.clone()], at(0));
        assert!(links.grey(&scope, at(0)), "nothing has answered yet");
        assert!(links.set(scope.clone(), Link::Up, at(0)));
        assert_eq!(links.stale(&scope, at(14)), None);
        assert_eq!(links.stale(&scope, at(15)), Some(SignedDuration::from_secs(15)));
        links.prove(&scope, at(12));
        assert_eq!(links.stale(&scope, at(20)), None);
        links.prove(&scope, at(3));
        assert_eq!(links.age(&scope, at(20)), Some(SignedDuration::from_secs(8)), "an older proof takes nothing back");
    }

    #[test]
    fn a_lost_link_greys_at_once_and_only_a_turn_is_told() {
        let scope = Scope::from("prod");
        let mut links = Links::connecting([scope.clone()], at(0));
        links.set(scope.clone(), Link::Up, at(0));
        let lost = || Link::Retrying { why: "connection refused".into(), next: at(2) };
        assert!(links.set(scope.clone(), lost(), at(1)));
        assert!(!links.set(scope.clone(), lost(), at(2)));
        assert!(links.grey(&scope, at(1)));
    }
}
