//! The Service of a blue/green pair of Deployments.

use jiff::{SignedDuration, Timestamp};

use super::object::uid;
use super::pace::later;
use crate::domain::id::{Track, Uid};

/// A Service that sends the users to one side of a pair.
#[derive(Clone, Debug)]
pub struct Router {
    pub namespace: String,
    pub name: String,
    pub app: String,
    pub uid: Uid,
    pub label: String,
    pub version: u64,
    /// What the selector says.
    pub selected: String,
    /// What the endpoints follow: the selector, a moment later.
    pub effective: String,
    pub effective_at: Option<Timestamp>,
    pub previous: Option<Track>,
    pub switched: Option<Timestamp>,
    pub changed: Option<(String, Timestamp)>,
}

impl Router {
    /// Returns a service that selects this side.
    pub fn new(namespace: &str, name: &str, app: &str, label: &str, selected: &str, rng: &mut fastrand::Rng) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            app: app.into(),
            uid: Uid::new(uid(rng)),
            label: label.into(),
            version: rng.u64(10_000..90_000),
            selected: selected.into(),
            effective: selected.into(),
            effective_at: None,
            previous: None,
            switched: None,
            changed: None,
        }
    }

    /// Selects another side; the endpoints follow in a moment.
    pub fn select(&mut self, side: &str, manager: &str, now: Timestamp, rng: &mut fastrand::Rng) {
        if self.selected != side {
            self.previous = Some(Track::new(self.selected.as_str()));
            self.switched = Some(now);
        }
        side.clone_into(&mut self.selected);
        self.version += rng.u64(1..40);
        self.effective_at = Some(later(now, SignedDuration::from_millis(rng.i64(150..700))));
        self.changed = Some((manager.to_owned(), now));
    }

    /// The endpoints follow the selector.
    pub fn step(&mut self, now: Timestamp) -> bool {
        if self.effective_at.is_some_and(|at| now >= at) {
            self.effective_at = None;
            self.effective.clone_from(&self.selected);
            return true;
        }
        false
    }
}
